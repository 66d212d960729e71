"""One attribute of many features as arrays: a code for each feature, and the distinct values in order.

Values stand in the order people expect of a sorted table: numbers, then texts by their characters (the empty one
first), then anything else. Arrays may be mapped from files, so a column of a million features takes no memory.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy
from numpy.typing import NDArray

Codes = NDArray[numpy.int32]
Indices = NDArray[numpy.int64]
Numbers = NDArray[numpy.float64]
Flags = NDArray[numpy.bool_]

NOTHING = -1
"""The code of a feature without a value."""
LINE_END = "\n"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """``codes`` of features; value ``c`` is the JSON at ``offsets[c]:offsets[c + 1]`` of ``blob``; the first values are
    ``numbers``, then ``texts`` texts. ``folded`` has the texts case-folded, each on a line, beginning at ``lines``."""

    codes: Codes
    blob: Any
    offsets: Indices
    numbers: Numbers
    texts: int
    folded: Any
    lines: Indices

    @property
    def size(self) -> int:
        """How many distinct values there are."""
        return len(self.offsets) - 1

    @property
    def first_text(self) -> int:
        """The code of the first text."""
        return len(self.numbers)

    @property
    def empty(self) -> int:
        """The code of the empty text, or a code nothing has."""
        has = self.texts and self.value(self.first_text) == ""
        return self.first_text if has else NOTHING - 1

    def value(self, code: int) -> Any:
        """A distinct value; None for :data:`NOTHING`."""
        if code < 0:
            return None
        return msgspec.json.decode(self.blob[int(self.offsets[code]) : int(self.offsets[code + 1])])

    def filled(self) -> int:
        """How many features have a value other than the empty text."""
        codes = self.codes
        return int(numpy.count_nonzero(codes >= 0)) - int(numpy.count_nonzero(codes == self.empty))

    def counts(self, rows: Any = None) -> dict[Any, int]:
        """How many features (of some rows) have each value; for columns with few values."""
        codes = self.codes if rows is None else self.codes[rows]
        found, numbers = numpy.unique(codes, return_counts=True)
        return {self.value(code): count for code, count in zip(found.tolist(), numbers.tolist(), strict=True)}

    def ranks(self, rows: Any) -> Numbers:
        """Numbers that order rows by their values, missing and empty ones (infinity) last."""
        codes: Numbers = self.codes[rows].astype(float)
        codes[(codes == NOTHING) | (codes == self.empty)] = numpy.inf
        return codes

    def place(self, value: Any) -> float:
        """The code of a value, or a number between the codes it would stand between."""
        if isinstance(value, (bool, int, float)):
            code = int(numpy.searchsorted(self.numbers, value))
            return code if code < len(self.numbers) and self.numbers[code] == value else code - 0.5
        code = self.text_place(str(value))
        is_there = code < self.first_text + self.texts and self.value(code) == value
        return code if is_there else code - 0.5

    def text_place(self, text: str) -> int:
        """The code of the first text that is not before another one."""
        places = range(self.first_text, self.first_text + self.texts)
        return self.first_text + bisect_left(places, text, key=self.value)

    def containing(self, needle: str) -> Indices:
        """Codes of the texts that contain a case-folded needle."""
        return numpy.unique(self.lines_of(found.start() for found in self._found(needle))) + self.first_text

    def first_containing(self, needle: str, most: int, *, at_start: bool = False) -> list[int]:
        """Codes of at most so many texts that contain (or begin with) a case-folded needle."""
        codes: list[int] = []
        wanted = _bytes(needle)
        place = self._next(wanted, 0, at_start=at_start)
        while place >= 0 and len(codes) < most:
            line = int(numpy.searchsorted(self.lines, place, "right")) - 1
            codes.append(line + self.first_text)
            place = self._next(wanted, int(self.lines[line + 1]) - 1, at_start=at_start)
        return codes

    def _next(self, wanted: bytes, begin: int, *, at_start: bool) -> int:
        if not at_start:
            return int(self.folded.find(wanted, begin))
        if begin == 0 and self.folded[: len(wanted)] == wanted:
            return 0
        place = int(self.folded.find(b"\n" + wanted, begin))
        return place + 1 if place >= 0 else -1

    def _found(self, needle: str) -> Iterator[re.Match[bytes]]:
        return re.finditer(re.escape(_bytes(needle)), self.folded)

    def lines_of(self, places: Iterator[int]) -> Indices:
        """The line each of these places of ``folded`` lies on."""
        found = numpy.fromiter(places, numpy.int64)
        return numpy.searchsorted(self.lines, found, "right") - 1


def _bytes(needle: str) -> bytes:
    return needle.replace(LINE_END, " ").encode("utf-8", "replace")


def _order(value: Any) -> tuple[int, Any]:
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, value) if isinstance(value, str) else (2, str(value))


def _key(value: Any) -> str | bytes | None:
    return value if value is None or type(value) is str else msgspec.json.encode(value)


_PLAIN = frozenset({str, type(None)})


class ColumnBuilder:
    """Values that come feature by feature."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._known: dict[str | bytes, int] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def extend(self, row: int, values: Sequence[Any]) -> None:
        """The values of features from a row on; rows that are passed over have none."""
        self.pad(row)
        known = self._known
        keys: Sequence[Any] = values if set(map(type, values)) <= _PLAIN else list(map(_key, values))
        for key in dict.fromkeys(keys):
            if key is not None:
                known.setdefault(key, len(known))
        self._codes.extend([known.get(key, NOTHING) for key in keys])

    def pad(self, count: int) -> None:
        """Features without a value up to so many rows."""
        if count > len(self._codes):
            self._codes.extend([NOTHING] * (count - len(self._codes)))

    def arrays(self) -> dict[str, Any]:
        """What a :class:`Column` is made of: arrays, and ``blob`` and ``folded`` as bytes."""
        values = [key if isinstance(key, str) else msgspec.json.decode(key) for key in self._known]
        of_one_kind = all(isinstance(v, str) for v in values)
        ordered = values if of_one_kind else list(map(_order, values))
        order = sorted(range(len(values)), key=ordered.__getitem__)
        new = numpy.empty(len(values) + 1, numpy.int32)
        new[order] = numpy.arange(len(values), dtype=numpy.int32)
        new[-1] = NOTHING
        inside = [values[place] for place in order]
        texts = [v for v in inside if isinstance(v, str)]
        pieces = list(map(msgspec.json.encode, inside))
        folded = [v.casefold().replace(LINE_END, " ").encode("utf-8", "replace") for v in texts]
        return {
            "codes": new[numpy.frombuffer(self._codes, numpy.int32)]
            if len(self._codes)
            else numpy.empty(0, numpy.int32),
            "blob": b"".join(pieces),
            "offsets": _offsets(pieces),
            "numbers": numpy.array([float(v) for v in inside if isinstance(v, (int, float))]),
            "texts": numpy.array([len(texts)]),
            "folded": b"".join(line + b"\n" for line in folded),
            "lines": _offsets(folded, extra=1),
        }


def _offsets(pieces: Sequence[bytes], *, extra: int = 0) -> Indices:
    sizes = numpy.fromiter((len(p) + extra for p in pieces), numpy.int64, len(pieces))
    return numpy.concatenate(([0], numpy.cumsum(sizes)))
