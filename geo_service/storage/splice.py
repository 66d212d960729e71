"""A published file made from the one before it: the changed lines are put between copied runs of the others.

The lines of a published file are sorted by id, so each is found by bisection. An edit of one of a million features
copies 500 MB at the speed of the disk instead of reading a million rows.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.geojson import dump_collection

BETWEEN = b",\n"
PIECE = 1 << 20


class _Identified(msgspec.Struct):
    id: str


_DECODER = msgspec.json.Decoder(_Identified)


def spliced(path: Path, layer_id: str, rev: int, changes: Mapping[str, str | None]) -> Iterator[bytes]:
    """The published bytes of a revision: those of the earlier one in ``path``, with changed canonical lines (None
    takes one out).

    Raises
    ------
    OSError
        The file was changed meanwhile.
    """
    head, tail = dump_collection(layer_id, rev, ())
    before = path.stat()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield head
        lines = _Lines(data, data.find(b"\n") + 1, len(data) - len(tail))
        first = True
        for part in _parts(lines, changes):
            yield from (part if first else _after(part))
            first = False
        yield tail
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise OSError(f"{path} changed while it was read")


def _after(part: Iterator[bytes]) -> Iterator[bytes]:
    yield BETWEEN
    yield from part


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a file from ``begin`` to ``end``; each is counted with the two bytes between it and the next."""

    data: Any
    begin: int
    end: int

    @property
    def behind(self) -> int:
        """Where a line after the last one would begin."""
        return self.end + len(BETWEEN) if self.end > self.begin else self.begin

    def next(self, start: int) -> int:
        """Where the line after this one begins."""
        found = self.data.find(b"\n", start, self.end)
        return found + 1 if found >= 0 else self.behind

    def fid(self, start: int) -> str:
        """The id of the line that begins here."""
        return _DECODER.decode(self.data[start : self.next(start) - len(BETWEEN)]).id

    def place(self, fid: str, low: int) -> int:
        """Where, from a line on, the first line begins whose id is not before this one."""
        high = self.behind
        while low < high:
            middle = max(low, self.data.rfind(b"\n", low, (low + high) // 2) + 1)
            if self.fid(middle) < fid:
                low = self.next(middle)
            else:
                high = middle
        return low

    def run(self, begin: int, end: int) -> Iterator[bytes]:
        """Whole lines, without what stands behind the last of them."""
        stop = end - len(BETWEEN)
        for start in range(begin, stop, PIECE):
            yield self.data[start : min(start + PIECE, stop)]


def _parts(lines: _Lines, changes: Mapping[str, str | None]) -> Iterator[Iterator[bytes]]:
    """Copied runs and changed lines in order."""
    cursor = lines.begin
    for fid, line in sorted(changes.items()):
        start = lines.place(fid, cursor)
        if start > cursor:
            yield lines.run(cursor, start)
        there = start < lines.behind and lines.fid(start) == fid
        cursor = lines.next(start) if there else start
        if line is not None:
            yield iter((line.encode(),))
    if cursor < lines.behind:
        yield lines.run(cursor, lines.behind)
