"""CSV and XLSX for Excel: Chinese headers, byte order mark, nothing that Excel would run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geo_service.ingest.mapping import ID_FIELD, REV_FIELD
from geo_service.ingest.readers.columns import FORMULA_STARTS
from geo_service.ingest.values import clean_text
from geo_service.ingest.writers.export import Export, Row

CRS_FIELD = "GS_CRS"


def write_csv(export: Export, path: Path) -> None:
    """A table with its geometry: longitude and latitude (or X and Y) for points, WKT for the rest."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        table = csv.writer(out)
        table.writerows(_cells(export))


def write_xlsx(export: Export, path: Path) -> None:
    """The same table as a workbook with one sheet, its header frozen."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(export.definition.id[:31])
    sheet.freeze_panes = "C2"
    for cells in _cells(export):
        sheet.append([_for_sheet(cell) for cell in cells])
    book.save(path)


_SHEET_TEXT = 32_767


def _for_sheet(cell: Any) -> Any:
    return cell[:_SHEET_TEXT] if isinstance(cell, str) else cell


def _cells(export: Export) -> Iterator[list[Any]]:
    as_points = export.definition.geometry_types == ("Point",)
    places = (["经度", "纬度"] if export.crs == 4490 else ["X坐标", "Y坐标"]) if as_points else ["WKT"]
    yield [ID_FIELD, REV_FIELD, *(f.title.zh for f in export.fields), *places, CRS_FIELD]
    for row in export.rows():
        values = [safe(v) for v in export.titled(row).values()]
        yield [row.id, export.rev, *values, *_place(row, as_points=as_points), f"EPSG:{export.crs}"]


def _place(row: Row, *, as_points: bool) -> list[Any]:
    if as_points:
        return [None, None] if row.shape is None else [row.shape.x, row.shape.y]
    return [None if row.shape is None else row.shape.wkt]


def safe(value: Any) -> Any:
    """A cell that Excel shows as text: an apostrophe goes before what it would run."""
    if not isinstance(value, str):
        return value
    text = clean_text(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
