"""A page of what a dry run proposes: the index and the lines of the page are read, nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import msgspec
import numpy

from geo_service.ingest.change_file import CHANGES, INDEX, KINDS, MERGE, RECORDS, SPLIT, UNCHANGED
from geo_service.ingest.examination import ProposedChange
from geo_service.ingest.jail import read_plainly
from geo_service.ingest.limits import MEBIBYTE

Filter = Literal["all", "add", "modify", "delete", "unchanged", "split", "merge"]
Records = numpy.ndarray[Any, Any]

FILTERS: Sequence[str] = get_args(Filter)
INDEX_BYTES = 64 * MEBIBYTE
"""Ten bytes each: more entries than a file and a layer of a million features have together."""

_UNCHANGED = KINDS.index("unchanged")


class Unchanged(msgspec.Struct, frozen=True, kw_only=True):
    """A row that says what the layer says already."""

    fid: str
    row: int
    how: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the entries of one filter, ``matched`` of them altogether, and how many there are for every filter."""

    counts: Mapping[str, int]
    matched: int
    entries: tuple[ProposedChange | Unchanged, ...]


def read_page(folder: Path, kind: Filter, *, offset: int, limit: int) -> Page:
    """A page of what a dry run proposes, in the order of the file; ``all`` leaves out what is unchanged."""
    index = numpy.frombuffer(read_plainly(folder / INDEX, INDEX_BYTES), dtype=RECORDS)
    fitting = {name: _fitting(index, name) for name in FILTERS}
    found = index[fitting[kind]]
    counts = {name: int(numpy.count_nonzero(mask)) for name, mask in fitting.items()}
    return Page(counts, len(found), tuple(_read_entries(folder, found[offset : offset + limit])))


def _fitting(index: Records, kind: str) -> Records:
    if kind == "all":
        return numpy.asarray(index["kind"] != _UNCHANGED)
    if kind in ("split", "merge"):
        return numpy.asarray(index["marks"] & (SPLIT if kind == "split" else MERGE)) > 0
    return numpy.asarray(index["kind"] == KINDS.index(kind))


def _read_entries(folder: Path, records: Records) -> Iterator[ProposedChange | Unchanged]:
    with _open_plainly(folder / CHANGES) as changes, _open_plainly(folder / UNCHANGED) as unchanged:
        for at, kind, _ in records.tolist():
            stream = unchanged if kind == _UNCHANGED else changes
            stream.seek(at)
            line = stream.readline()
            if kind == _UNCHANGED:
                yield msgspec.json.decode(line, type=Unchanged)
            else:
                yield msgspec.json.decode(line, type=ProposedChange)


def _open_plainly(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
