"""A table without coordinates (CSV or XLSX), read in the jail as rows of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.validation import Finding
from geo_service.ingest.examination import Options
from geo_service.ingest.findings import FindingLog, Refused
from geo_service.ingest.layer import Source
from geo_service.ingest.limits import Limits
from geo_service.ingest.readers import csv_table, xlsx
from geo_service.ingest.sniff import sniff

MOST_ROWS = 5_000
MOST_CELLS = 100


class TableRequest(msgspec.Struct, frozen=True):
    """The file to read."""

    path: str


class PlainTable(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a table as (row number, texts), or the finding why it could not be read."""

    refused: Finding | None = None
    format: str = ""
    encoding: str = ""
    rows: list[tuple[int, list[str]]] = []


def read_job(folder: Path, limits: Limits) -> None:
    """Read the table of ``in/request.json`` and leave ``result.json``."""
    request = msgspec.json.decode((folder / "in" / "request.json").read_bytes(), type=TableRequest)
    try:
        found = _read(Path(request.path), folder / "work", limits)
    except Refused as refusal:
        found = PlainTable(refused=refusal.finding)
    (folder / "out" / "result.json").write_bytes(msgspec.json.encode(found))


def _read(path: Path, work: Path, limits: Limits) -> PlainTable:
    sniffed = sniff(path, work, limits)
    log = FindingLog(limits.findings)
    source = Source(
        path=sniffed.path, name=path.name, work=work, options=Options(), limits=limits, log=log, progress=_quiet
    )
    if sniffed.format == "xlsx":
        return PlainTable(format="xlsx", rows=_texts(xlsx.read_rows(source, sniffed)))
    if sniffed.format == "csv":
        choice, rows = csv_table.read_rows(source, sniffed.path.read_bytes())
        return PlainTable(format="csv", encoding=choice.encoding, rows=_texts(rows))
    raise Refused("format-unknown")


def _quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at: a table of this size takes a moment."""


def _texts(rows: list[tuple[int, list[Any]]]) -> list[tuple[int, list[str]]]:
    if len(rows) > MOST_ROWS:
        raise Refused("too-many-features", limit=MOST_ROWS)
    return [(number, [_text(cell) for cell in cells[:MOST_CELLS]]) for number, cells in rows]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
