"""The changes a dry run proposes, of any number, written so that one page of one kind is read without the others."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy

from geo_service.ingest.examination import Merge, Split

Kind = Literal["add", "modify", "delete", "unchanged"]

KINDS: Sequence[str] = get_args(Kind)
CHANGES, UNCHANGED, INDEX = "changes.jsonl", "unchanged.jsonl", "changes.index"
RECORDS = numpy.dtype([("at", "<u8"), ("kind", "u1"), ("marks", "u1")])
"""What the index holds of each entry: where its line begins, its kind, and whether it is part of a split or a merge."""
SPLIT, MERGE = 1, 2

_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_RECORD = struct.Struct("<QBB")


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one row or feature: ``line`` is its JSON with a line's end."""

    kind: Kind
    fid: str
    row: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Entries:
    """What became of many rows, of one kind and in their order: ``lines`` is their JSON, a line's end after each."""

    kind: Kind
    fids: Sequence[str]
    rows: Sequence[int]
    lines: bytes


def write_changes(
    entries: Iterable[Entry | Entries], folder: Path, splits: Sequence[Split], merges: Sequence[Merge]
) -> None:
    """Write entries line by line, and where each of them begins."""
    marks = _Marks(splits, merges)
    with (
        (folder / CHANGES).open("wb") as changes,
        (folder / UNCHANGED).open("wb") as unchanged,
        (folder / INDEX).open("wb") as index,
    ):
        ends = {changes: 0, unchanged: 0}
        for entry in entries:
            out = unchanged if entry.kind == "unchanged" else changes
            if isinstance(entry, Entry):
                index.write(_RECORD.pack(ends[out], _NUMBERS[entry.kind], marks.of(entry.fid, entry.row)))
                ends[out] += out.write(entry.line)
            else:
                index.write(_records(entry, ends[out], marks))
                ends[out] += out.write(entry.lines)


def _records(entries: Entries, start: int, marks: _Marks) -> bytes:
    """The index of many entries whose first line begins at ``start``."""
    ends = numpy.flatnonzero(numpy.frombuffer(entries.lines, dtype="u1") == ord("\n")) + 1
    records = numpy.zeros(len(entries.fids), dtype=RECORDS)
    records["at"] = start
    records["at"][1:] += ends[:-1].astype("<u8")
    records["kind"] = _NUMBERS[entries.kind]
    if not marks.none:
        records["marks"] = [*map(marks.of, entries.fids, entries.rows)]
    return records.tobytes()


class _Marks:
    def __init__(self, splits: Sequence[Split], merges: Sequence[Merge]) -> None:
        self.split_fids = {s.fid for s in splits}
        self.split_rows = {row for s in splits for row in s.rows}
        self.merge_fids = {fid for m in merges for fid in m.fids}
        self.merge_rows = {m.row for m in merges}
        self.none = not splits and not merges

    def of(self, fid: str, row: int) -> int:
        """What one entry is part of."""
        if self.none:
            return 0
        split = fid in self.split_fids or row in self.split_rows
        merge = fid in self.merge_fids or row in self.merge_rows
        return SPLIT * split + MERGE * merge
