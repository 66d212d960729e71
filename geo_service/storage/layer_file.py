"""A GeoJSON layer file, however it is laid out, as features with their line numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from geo_service.core.features import Feature
from geo_service.storage.file_fault import FileFault

_SPACE = re.compile(r"[ \t\n\r]*")
_WORDINGS = {
    "Expecting value": "应有一个值",
    "Expecting property name": "应有带双引号的键",
    "Expecting": "缺少标点",
    "Unterminated string": "文字没有结束的引号",
    "Invalid control character": "文字中有控制字符",
    "Invalid \\": "反斜杠写法不对",
    "Extra data": "结束之后还有内容",
}
MAX_DEPTH_NOTE = "嵌套过深 / nested too deeply"


def read_features(text: str) -> Iterator[tuple[int, Any]]:
    """Members of ``features`` as (line from 1, JSON value), one at a time.

    Raises
    ------
    FileFault
        Not JSON, a key twice in one object, NaN or Infinity, or no FeatureCollection; with the line.
    """
    scanner = _Scanner(text)
    try:
        yield from scanner.members()
    except json.JSONDecodeError as error:
        raise FileFault(code="file-not-json", line=error.lineno, reason=_worded(error)) from None
    except RecursionError:
        raise FileFault(code="file-not-json", line=scanner.line, reason=MAX_DEPTH_NOTE) from None
    except _Refused as error:
        raise FileFault(code="file-not-json", line=scanner.line, reason=str(error)) from None


def to_feature(body: Any, line: int) -> Feature:
    """A feature from a member of ``features``.

    Raises
    ------
    FileFault
        Not a Feature object, or one without a text id.
    """
    if not isinstance(body, dict) or body.get("type") != "Feature":
        raise FileFault(code="not-a-feature", line=line)
    properties, geometry = body.get("properties") or {}, body.get("geometry")
    if not isinstance(properties, dict) or not isinstance(geometry, dict | None):
        raise FileFault(code="not-a-feature", line=line)
    fid = body.get("id")
    if not isinstance(fid, str) or not fid:
        raise FileFault(code="id-missing", line=line, field="id")
    return Feature(fid, properties, geometry)


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"键 {twice} 出现两次 / key {twice} stands twice in one object")
    return body


def _constant(name: str) -> Any:
    raise _Refused(f"{name} 不是 JSON 数值 / {name} is not a JSON number")


def _worded(error: json.JSONDecodeError) -> str:
    meaning = next((zh for start, zh in _WORDINGS.items() if error.msg.startswith(start)), "写法不对")
    return f"第 {error.colno} 列{meaning} / {error.msg} at column {error.colno}"


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._counted = 0
        self.line = 1
        self._decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)

    def members(self) -> Iterator[tuple[int, Any]]:
        """Members of the top object's ``features``, each checked before the next is read."""
        kind, found = None, False
        for key in self._keys():
            if key == "features":
                found = True
                yield from self._array()
            else:
                value = self._value()
                kind = value if key == "type" else kind
        if kind != "FeatureCollection" or not found:
            raise _Refused("不是 FeatureCollection / is not a FeatureCollection")
        if self._peek():
            raise json.JSONDecodeError("Extra data", self._text, self._place)

    def _keys(self) -> Iterator[str]:
        self._take("{")
        if self._peek() == "}":
            self._take("}")
            return
        while True:
            key = self._value()
            if not isinstance(key, str):
                raise json.JSONDecodeError("Expecting property name", self._text, self._place)
            self._take(":")
            yield key
            if not self._another("}"):
                return

    def _array(self) -> Iterator[tuple[int, Any]]:
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            self._peek()
            line = self.line
            yield line, self._value()
            if not self._another("]"):
                return

    def _another(self, end: str) -> bool:
        if self._peek() == ",":
            self._take(",")
            return True
        self._take(end)
        return False

    def _value(self) -> Any:
        self._peek()
        try:
            value, self._place = self._decoder.raw_decode(self._text, self._place)
        except StopIteration:  # pragma: no cover - raw_decode turns it into JSONDecodeError
            raise json.JSONDecodeError("Expecting value", self._text, self._place) from None
        return value

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise json.JSONDecodeError(f"Expecting '{character}'", self._text, self._place)
        self._place += 1

    def _peek(self) -> str:
        found = _SPACE.match(self._text, self._place)
        self._place = found.end() if found else self._place
        self.line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._text[self._place : self._place + 1]
