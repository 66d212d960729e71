"""TOML files as values, with the line and field of whatever is wrong in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from geo_service.storage.file_fault import FileFault, decode_text

Value = TypeVar("Value")
Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_TYPES = {
    "str": ("文字", "text"),
    "int": ("整数", "a whole number"),
    "float": ("数字", "a number"),
    "bool": ("true 或 false", "true or false"),
    "null": ("空", "empty"),
    "array": ("列表", "a list"),
    "object": ("表", "a table"),
}
_TYPE_MISFIT = re.compile(r"Expected `(.+?)`, got `(.+?)`")
_SYNTAX = (
    ("Invalid value", "值的写法不对"),
    ("Cannot overwrite a value", "同一个键写了两次"),
    ("Cannot declare", "同一个表写了两次"),
    ("Unclosed array", "列表没有以 ] 结束"),
    ("Unterminated string", "文字没有以引号结束"),
    ("Illegal character", "有不允许的字符"),
    ("Expected '='", "键后缺少等号"),
    ("Expected ']'", "表头没有以 ] 结束"),
    ("Expected newline or end of document", "一行里写了多余的内容"),
    ("Unescaped", "反斜杠的写法不对"),
)
_WORDINGS = (
    (r"Object missing required field `(.+?)`", r"缺少字段 \1 / field \1 is missing"),
    (r"Invalid enum value '?(.*?)'?", r"「\1」不在可选值之列 / “\1” is not one of the allowed values"),
)


def decode(data: bytes, kind: type[Value], *, prepare: Callable[[dict[str, Any]], None] | None = None) -> Value:
    """A value of a dataclass from a TOML file; every key must be a field of its dataclass.

    ``prepare`` may fill in what the file leaves out, before types are checked.

    Raises
    ------
    FileFault
        Not UTF-8, not TOML, a missing or unknown key, or a value of the wrong type.
    """
    text = toml_text(data)
    body = _parse(text)
    if prepare:
        prepare(body)
    try:
        value = msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise _misfit(text, str(error)) from None
    for path in _unknown(body, msgspec.to_builtins(value), ()):
        reason = f"没有名为 {path[-1]} 的字段 / there is no field {path[-1]}"
        raise fault_at(text, path, reason)
    return value


def toml_text(data: bytes) -> str:
    """The text of a TOML file with plain line ends, as lines are counted in it."""
    return decode_text(data).replace("\r\n", "\n")


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _stated_line(error, text)
        raise FileFault(code="file-not-toml", line=line, field="", reason=_syntax(str(error))) from None
    except RecursionError:
        raise FileFault(code="file-not-toml", line=1, field="", reason="嵌套过深 / nested too deeply") from None


def fault_at(text: str, path: Path, reason: str) -> FileFault:
    """A fault of the value at a path, with its line."""
    return FileFault(code="definition-invalid", line=line_of(text, path), field=_dotted(path), reason=reason)


def line_of(text: str, path: Path) -> int:
    """The line (from 1) that sets the value at a path, or the nearest thing around it."""
    best, deepest = 1, 0
    for line, here in _settings(text):
        if deepest < len(here) <= len(path) and here == path[: len(here)]:
            best, deepest = line, len(here)
    return best


def _settings(text: str) -> Iterator[tuple[int, Path]]:
    prefix: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            prefix = _table(_names(header.group(2)), counts, repeated=header.group(1) == "[[")
            yield number, prefix
        elif key := _KEY.match(line):
            yield number, (*prefix, *_names(key.group(1)))


def _table(names: list[str], counts: dict[Path, int], *, repeated: bool) -> Path:
    path: Path = ()
    for name in names[:-1]:
        path = _inside((*path, name), counts)
    path = (*path, names[-1])
    if repeated:
        counts[path] = counts.get(path, -1) + 1
    return _inside(path, counts)


def _inside(path: Path, counts: dict[Path, int]) -> Path:
    return (*path, counts[path]) if path in counts else path


def _names(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _dotted(path: Path) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def _stated_line(error: Exception, text: str) -> int:
    found = re.search(r"at line (\d+)", str(error))
    return int(found.group(1)) if found else text.count("\n") + 1


def _misfit(text: str, message: str) -> FileFault:
    reason, _, place = message.partition(" - at `$")
    steps = _STEP.findall(place.rstrip("`"))
    path: Path = tuple(int(index) if index else name for name, index in steps)
    missing = re.search(r"missing required field `(.+?)`", reason)
    if missing:
        path = (*path, missing.group(1))
    return fault_at(text, path, _worded(reason))


def _syntax(message: str) -> str:
    chinese = next((zh for start, zh in _SYNTAX if message.startswith(start)), "")
    return f"{chinese} / {message}" if chinese else message


def _worded(reason: str) -> str:
    if misfit := _TYPE_MISFIT.fullmatch(reason):
        wanted, found = misfit.groups()
        zh = f"须为{_named(wanted, 0, '或')}，而不是{_named(found, 0, '或')}"
        return f"{zh} / must be {_named(wanted, 1, ' or ')}, not {_named(found, 1, ' or ')}"
    for pattern, wording in _WORDINGS:
        if found := re.fullmatch(pattern, reason):
            return found.expand(wording)
    return reason


def _named(types: str, side: int, joiner: str) -> str:
    """Types as msgspec writes them (``float | null``) in words of a language."""
    return joiner.join(_TYPES[name][side] if name in _TYPES else name for name in types.split(" | "))


def _unknown(given: Any, known: Any, path: Path) -> Iterator[Path]:
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key in known:
                yield from _unknown(value, known[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(given, list):
        for index, (left, right) in enumerate(zip(given, known, strict=True)):
            yield from _unknown(left, right, (*path, index))
