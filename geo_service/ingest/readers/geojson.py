"""GeoJSON and GeoJSON text sequences, read by our own stream.

GDAL is never used here: it turns bad coordinates into missing geometries without a word and follows ``crs`` links. One
feature at a time is decoded from a sliding window, so memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from json import JSONDecodeError, JSONDecoder
from typing import Any, BinaryIO

import msgspec
import numpy

from geo_service.ingest.findings import FindingLog, Refused
from geo_service.ingest.layer import ReadLayer, Source, objects
from geo_service.ingest.limits import MEBIBYTE, Limits
from geo_service.ingest.readers.alike import Alike, read_alike
from geo_service.ingest.readers.coordinates import BadCoordinates, build_geometry
from geo_service.ingest.sniff import Sniffed
from geo_service.ingest.text import marked_encoding

_CHUNK = 4 * MEBIBYTE
_SPACE = re.compile(r"[ \t\r\n\x1e]*")
_PROGRESS_EVERY = 5000
_LONGEST_LINE = 64 * 1024
_STRETCH, _PAUSE = 256 * 1024, 100
"""How much text is taken at once where features are alike; how many are read singly where they were not."""
_QUICK = msgspec.json.Decoder()
_KEY = re.compile(r'"[ \t\r]*:')
"""The end of a key; within text a quotation mark before a colon looks like one, which only makes them too many."""


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The features of a GeoJSON file with their numbers as rows; bad ones are noted and left out."""
    collected = _Collected(source)
    with sniffed.path.open("rb") as stream:
        window = Window(stream, _encoding(sniffed.path.open("rb")), source.limits)
        crs = _read_top(window, collected)
    if not collected.rows and not source.log.blocks():
        raise Refused("file-no-features")
    return ReadLayer(
        name=source.name,
        rows=collected.rows,
        columns=collected.finished_columns(),
        geometry=objects(collected.geometry),
        crs=crs,
        absent=collected.absent(),
    )


def _encoding(stream: BinaryIO) -> str:
    with stream:
        marked = marked_encoding(stream.read(8))
        if marked:
            return marked
        stream.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"


class Window:
    """A stretch of text that slides over a file; values are decoded from its start."""

    def __init__(self, stream: BinaryIO, encoding: str, limits: Limits) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self.notes: set[tuple[str, str]] = set()
        self._stream = stream
        self._limits = limits
        self._pause = 0
        self._decode = codecs.getincrementaldecoder(encoding)(errors="strict").decode
        self._decoder = JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)
        self._grow()

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            self.notes.add(("json-duplicate-key", next(k for k in keys if keys.count(k) > 1)))
        return made

    def _constant(self, name: str) -> None:
        self.notes.add(("json-not-number", name))

    def _grow(self) -> None:
        raw = self._stream.read(_CHUNK)
        self.ended = not raw
        try:
            piece = self._decode(raw, final=self.ended)
        except UnicodeDecodeError as error:
            raise Refused("json-broken", reason=str(error.reason)) from error
        self.text = self.text[self.at :] + piece
        self.at = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self._grow()

    def skip(self, wanted: str, row: int | None = None) -> None:
        """Step over an expected character."""
        found = self.peek()
        if found != wanted:
            raise Refused("json-broken", row=row, reason=f"{wanted} … {found!r}")
        self.at += 1

    def value(self, row: int | None = None) -> Any:
        """The next JSON value; ``notes`` hold what was odd in it."""
        self.notes.clear()
        if self.peek() == "{" and (value := self._on_one_line()) is not None:
            return value
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text, self.at)
            except RecursionError as error:
                raise Refused("json-depth", row=row) from error
            except JSONDecodeError as error:
                self._need_more(error, row)
                continue
            except ValueError as error:  # an integer of more digits than Python converts
                raise Refused("json-broken", row=row, reason="number") from error
            if end == len(self.text) and not self.ended and not isinstance(value, (dict, list, str)):
                self._grow()
                continue
            self.at = end
            return value

    def alike(self, take: Callable[[Alike], bool]) -> bool:
        """Hand over the next features that stand on lines of their own and are alike; whether they were taken."""
        if self._pause:
            self._pause -= 1
            return False
        until = self.at + _STRETCH
        end = 1 + max(self.text.rfind("},\n", self.at, until), self.text.rfind("},\r\n", self.at, until))
        if not end and until >= len(self.text):
            return False  # the rest of what was read so far: the reader of single features reads on
        found = read_alike(self.text[self.at : end]) if end else None
        if found is None or not take(found):
            self._pause = _PAUSE
            return False
        self.at = end
        return True

    def _on_one_line(self) -> dict[str, Any] | None:
        """The object that ends where its line does, as most programs write features; None where anything is odd.

        What :mod:`msgspec` takes, :mod:`json` takes to the same value; a key given twice shows by the number of keys.
        """
        end = self.text.find("\n", self.at, self.at + _LONGEST_LINE)
        if end < 0:
            return None
        line = self.text[self.at : end].rstrip(", \t\r")
        try:
            value: dict[str, Any] = _QUICK.decode(line)
            odd = len(_KEY.findall(line)) != _count_keys(value)
        except (msgspec.DecodeError, RecursionError):
            return None
        if odd:
            return None
        self.at += len(line)
        return value

    def _need_more(self, error: JSONDecodeError, row: int | None) -> None:
        if self.ended:
            raise Refused("json-broken", row=row, reason=error.msg) from error
        if len(self.text) - self.at > self._limits.feature_bytes:
            raise Refused("row-too-large", row=row, limit=self._limits.feature_bytes // MEBIBYTE)
        self.notes.clear()
        self._grow()


def _count_keys(value: Any) -> int:
    """The keys of an object and of all within it, coordinates left out: no object is there."""
    if isinstance(value, list):
        return sum(_count_keys(part) for part in value if isinstance(part, _PARTED))
    count = len(value)
    for key, part in value.items():
        if isinstance(part, _PARTED) and key != "coordinates":
            count += _count_keys(part)
    return count


_PARTED = (dict, list)


class _Collected:
    """Features as columns; ``told`` marks, byte by byte, which features have a field at all."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows: list[int] = []
        self.geometry: list[Any] = []
        self.columns: dict[str, list[Any]] = {}
        self.told: dict[str, bytearray] = {}
        self.seen = 0

    def add(self, value: Any, notes: set[tuple[str, str]]) -> None:
        """Take a feature, or note why not."""
        self.seen += 1
        row, limits = self.seen, self.source.limits
        if row > limits.features:
            raise Refused("too-many-features", limit=limits.features)
        if row % _PROGRESS_EVERY == 0:
            self.source.progress("reading", row, 0)
        if notes:
            _log_notes(self.source.log, row, notes)
            return
        if not isinstance(value, dict) or value.get("type") != "Feature":
            self.source.log.add("json-not-feature", row=row)
            return
        self._take(value, row)

    def add_alike(self, found: Alike) -> bool:
        """Take features that are alike; False, and nothing taken, where a limit needs to name the row or a field."""
        limits, before = self.source.limits, len(self.rows)
        names = {*self.columns, *found.columns}
        if self.seen + found.count > limits.features or len(names) > limits.fields:
            return False
        self.rows.extend(range(self.seen + 1, self.seen + found.count + 1))
        self.seen += found.count
        if self.seen % _PROGRESS_EVERY < found.count:
            self.source.progress("reading", self.seen, 0)
        self.geometry.extend(found.geometry)
        for key, values in found.columns.items():
            column = self.columns.setdefault(key, [])
            told = self.told.setdefault(key, bytearray())
            if len(column) < before:
                self._leave_out(key, before - len(column))
            column.extend(values)
            told.extend(b"\1" * found.count)
        return True

    def _take(self, feature: dict[str, Any], row: int) -> None:
        try:
            geometry = build_geometry(feature.get("geometry"), row, self.source.log)
        except BadCoordinates as error:
            self.source.log.add(error.code, row=row, reason=error.reason)
            return
        properties = feature.get("properties")
        values = dict(properties) if isinstance(properties, dict) else {}
        if isinstance(feature.get("id"), (str, int)):
            values.setdefault("id", feature["id"])
        self.rows.append(row)
        self.geometry.append(geometry)
        self._add_values(values)

    def _add_values(self, values: dict[str, Any]) -> None:
        before = len(self.rows) - 1
        for name, told in values.items():
            key, value = name, told
            if (name not in self.columns and _SURROGATES.search(name)) or (
                isinstance(told, str) and not told.isascii() and _SURROGATES.search(told)
            ):
                key, value = _whole(name), _whole(told)
                self.source.log.add("text-control", row=self.rows[-1], field=key, count=1)
            column = self.columns.get(key)
            if column is None:
                if len(self.columns) >= self.source.limits.fields:
                    raise Refused("too-many-fields", found=len(self.columns) + 1, limit=self.source.limits.fields)
                column, self.told[key] = self.columns.setdefault(key, []), bytearray()
            if len(column) < before:
                self._leave_out(key, before - len(column))
            column.append(_flat(value))
            self.told[key].append(1)

    def _leave_out(self, key: str, count: int) -> None:
        """Mark the next features as having no such field."""
        self.columns[key].extend([None] * count)
        self.told[key].extend(bytes(count))

    def finished_columns(self) -> dict[str, list[Any]]:
        """Columns of equal length."""
        for key, column in self.columns.items():
            self._leave_out(key, len(self.rows) - len(column))
        return self.columns

    def absent(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """Where a field is not there at all, of the fields that are missing somewhere."""
        return {key: numpy.frombuffer(told, bool) ^ True for key, told in self.told.items() if 0 in told}


_SURROGATES = re.compile("[\ud800-\udfff]")


def _whole(value: Any) -> Any:
    """Text whose half characters (lone surrogates) are replaced."""
    return _SURROGATES.sub("\ufffd", value) if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def _log_notes(log: FindingLog, row: int, notes: set[tuple[str, str]]) -> None:
    for code, about in sorted(notes):
        params = {"key": about[:60]} if code == "json-duplicate-key" else {"value": about}
        log.add(code, row=row, **params)


def _read_top(window: Window, collected: _Collected) -> str | None:
    """Read whatever the file is: a collection, a sequence of features, an array of them, or a bare geometry."""
    first = window.peek()
    if first == "[":
        _read_array(window, collected)
        return "OGC:CRS84"
    members = _read_members(window, collected)
    if "features" in members:
        return _crs(members.get("crs"), collected.source.log)
    collected.add(_as_feature(members), set())
    while window.peek():
        collected.add(_as_feature(window.value(row=collected.seen + 1)), window.notes)
    return _crs(members.get("crs"), collected.source.log)


def _read_members(window: Window, collected: _Collected) -> dict[str, Any]:
    """The members of the top object; its ``features`` are streamed and left as True."""
    members: dict[str, Any] = {}
    window.skip("{")
    while window.peek() != "}":
        if members:
            window.skip(",")
        key = window.value()
        if not isinstance(key, str):
            raise Refused("json-broken", reason="key")
        if key in members:
            raise Refused("json-duplicate-key", key=key[:60])
        window.skip(":")
        members[key] = _read_member(window, key, collected)
    window.skip("}")
    return members


def _read_member(window: Window, key: str, collected: _Collected) -> Any:
    if key == "features" and window.peek() == "[":
        _read_array(window, collected)
        return True
    value = window.value(row=1)
    if window.notes:
        code, about = sorted(window.notes)[0]
        raise Refused(code, key=about[:60], value=about[:60])
    return value


def _read_array(window: Window, collected: _Collected) -> None:
    window.skip("[")
    while window.peek() != "]":
        if collected.seen:
            window.skip(",", row=collected.seen)
        if not window.alike(collected.add_alike):
            collected.add(window.value(row=collected.seen + 1), window.notes)
    window.skip("]")


def _as_feature(value: Any) -> Any:
    if isinstance(value, dict) and ("coordinates" in value or "geometries" in value):
        return {"type": "Feature", "properties": {}, "geometry": value}
    return value


def _crs(member: Any, log: FindingLog) -> str | None:
    """What the file states: WGS 84 by RFC 7946 unless an old ``crs`` name says otherwise; links are not followed."""
    if member is None:
        return "OGC:CRS84"
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    text = name if isinstance(name, str) else ""
    match = re.fullmatch(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d{3,6})", text, re.IGNORECASE)
    if match:
        return f"EPSG:{match.group(1)}"
    if re.fullmatch(r"urn:ogc:def:crs:OGC:[\d.]*:CRS84h?", text):
        return "OGC:CRS84"
    log.add("crs-link-ignored")
    return None
