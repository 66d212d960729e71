"""Excel workbooks, read row by row with openpyxl after the archive's own checks."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from geo_service.ingest.archive import read_member
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import ReadLayer, Source
from geo_service.ingest.readers.columns import build_layer, find_places, without_places
from geo_service.ingest.readers.ogr import choose_layer
from geo_service.ingest.sniff import Sniffed

_HEADER_ROWS = 20
_HEAD_BYTES = 4096
_DAMAGED = (KeyError, ValueError, TypeError, IndexError, AttributeError, ParseError, zipfile.BadZipFile, OSError)
"""What openpyxl raises at a workbook that is not whole."""


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The sheet with coordinates (or the chosen one); row numbers are those of the sheet."""
    _refuse_doctype(source, sniffed)
    try:
        return _read_workbook(source, sniffed)
    except _DAMAGED as error:
        raise Refused("file-broken", reason=f"XLSX: {type(error).__name__}") from error


def _refuse_doctype(source: Source, sniffed: Sniffed) -> None:
    for member in sniffed.archive.members if sniffed.archive else ():
        if member.suffix in (".xml", ".rels") and sniffed.archive:
            body = read_member(sniffed.archive, member, source.limits)
            if b"<!DOCTYPE" in body[:_HEAD_BYTES].upper().replace(b"\0", b""):
                raise Refused("xml-doctype")


def _read_workbook(source: Source, sniffed: Sniffed) -> ReadLayer:
    import openpyxl

    with sniffed.path.open("rb") as stream:  # by name it must end in .xlsx, and ours are named by their content
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheets = {s.title: s for s in book.worksheets if hasattr(s, "iter_rows")}
        with_places = tuple(title for title, sheet in sheets.items() if _header_row(source, sheet))
        layers = with_places or tuple(sheets)
        title = choose_layer(source, layers if not source.options.layer else tuple(sheets))
        layer = _read_sheet(source, sheets[title])
    layer.layers = layers
    return layer


def read_rows(source: Source, sniffed: Sniffed) -> list[tuple[int, list[Any]]]:
    """The rows of the first sheet as (row number, values).

    Raises
    ------
    Refused
        A damaged workbook, or more rows than the limit.
    """
    _refuse_doctype(source, sniffed)
    try:
        with sniffed.path.open("rb") as stream:
            import openpyxl

            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            sheet = next(s for s in book.worksheets if hasattr(s, "iter_rows"))
            return list(_rows(source, sheet, 1))
    except (*_DAMAGED, StopIteration) as error:
        raise Refused("file-broken", reason=f"XLSX: {type(error).__name__}") from error


def _header_row(source: Source, sheet: Any) -> int | None:
    """Row number of the first row that names coordinate columns; where none must, of the first of the fullest rows."""
    first, most = None, 0
    for number, cells in enumerate(sheet.iter_rows(max_row=_HEADER_ROWS, values_only=True), start=1):
        if find_places(["" if cell is None else str(cell) for cell in cells]):
            return number
        filled = sum(cell is not None for cell in cells)
        if filled > most:
            first, most = number, filled
    return first if without_places(source) else None


def _read_sheet(source: Source, sheet: Any) -> ReadLayer:
    first = _header_row(source, sheet)
    if first is None:
        raise Refused("table-no-coordinates")
    rows = list(_rows(source, sheet, first))
    header = ["" if cell is None else str(cell) for cell in rows[0][1]]
    while header and not header[-1]:
        header.pop()
    return build_layer(source, str(sheet.title), header, rows[1:])


def _rows(source: Source, sheet: Any, first: int) -> Iterator[tuple[int, list[Any]]]:
    limits = source.limits
    for number, cells in enumerate(sheet.iter_rows(min_row=first, values_only=True), start=first):
        if number - first > limits.features:
            raise Refused("too-many-features", limit=limits.features)
        values = [_plain(cell) for cell in cells]
        long = next((v for v in values if isinstance(v, str) and len(v.encode()) > limits.cell_bytes), None)
        if long is not None:
            raise Refused("cell-too-long", row=number, field="", limit=limits.cell_bytes // 1024)
        if any(v is not None for v in values):
            yield number, values


def _plain(cell: Any) -> Any:
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat()
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, (str, int, float, bool)) or cell is None:
        return cell
    return str(cell)
