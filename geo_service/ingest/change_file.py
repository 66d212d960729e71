"""The changes a dry run proposes, of any number, written so that one page of one kind is read without the others."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Literal, get_args

import numpy

from geo_service.ingest.examination import Merge, Split

Kind = Literal["add", "modify", "delete", "unchanged"]

KINDS: Sequence[str] = get_args(Kind)
CHANGES, UNCHANGED, INDEX = "changes.jsonl", "unchanged.jsonl", "changes.index"
RECORDS = numpy.dtype([("at", "<u8"), ("kind", "u1"), ("marks", "u1")])
"""What the index holds of each entry: where its line begins, its kind, and whether it is part of a split or a merge."""
SPLIT, MERGE = 1, 2
AT_ONCE = 1_000

_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_RECORD = struct.Struct("<QBB")


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one row or feature: ``line`` is its JSON with a line's end."""

    kind: Kind
    fid: str
    row: int
    line: bytes


def write_changes(entries: Iterable[Entry], folder: Path, splits: Sequence[Split], merges: Sequence[Merge]) -> None:
    """Write entries line by line, and where each of them begins."""
    marks = _Marks(splits, merges)
    with (
        (folder / CHANGES).open("wb") as changes,
        (folder / UNCHANGED).open("wb") as unchanged,
        (folder / INDEX).open("wb") as index,
    ):
        ends = {changes: 0, unchanged: 0}
        entries = iter(entries)
        while some := list(islice(entries, AT_ONCE)):
            records = []
            lines: dict[IO[bytes], list[bytes]] = {changes: [], unchanged: []}
            for entry in some:
                out = unchanged if entry.kind == "unchanged" else changes
                records.append(_RECORD.pack(ends[out], _NUMBERS[entry.kind], marks.of(entry)))
                lines[out].append(entry.line)
                ends[out] += len(entry.line)
            index.write(b"".join(records))
            changes.write(b"".join(lines[changes]))
            unchanged.write(b"".join(lines[unchanged]))


class _Marks:
    def __init__(self, splits: Sequence[Split], merges: Sequence[Merge]) -> None:
        self.split_fids = {s.fid for s in splits}
        self.split_rows = {row for s in splits for row in s.rows}
        self.merge_fids = {fid for m in merges for fid in m.fids}
        self.merge_rows = {m.row for m in merges}
        self.none = not splits and not merges

    def of(self, entry: Entry) -> int:
        if self.none:
            return 0
        split = entry.fid in self.split_fids or entry.row in self.split_rows
        merge = entry.fid in self.merge_fids or entry.row in self.merge_rows
        return SPLIT * split + MERGE * merge
