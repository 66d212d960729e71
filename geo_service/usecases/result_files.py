"""An answer as files: a workbook with tables, parameters and method; a GeoPackage with the result layer.

Both are made from the same values the page and the API show.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas
from geo_service.core.text import Text
from geo_service.errors import InvalidRequest
from geo_service.ingest.writers.result_package import write_result
from geo_service.usecases.tables import defused

TITLES = {
    "result": Text("结果", "Result"),
    "parameters": Text("参数", "Parameters"),
    "method": Text("方法与依据", "Method and sources"),
}
PARAMETERS = tuple(
    Text(zh, en)
    for zh, en in (
        ("参数", "Parameter"), ("取值", "Value"), ("单位", "Unit"), ("标准", "Standard"), ("条款", "Clause"),
        ("核实情况", "Verification"),
    )
)  # fmt: skip


def to_xlsx(body: Mapping[str, Any], language: str) -> bytes:
    """A workbook: the result, further tables, the parameter sheet, headline with method, notes and revisions."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    _sheet(book, TITLES["result"].get(language), table_lines(body, language))
    for number, table in enumerate(body["more"], start=1):
        _sheet(book, f"{number} {table['title'][language]}", table_lines(table, language))
    _sheet(book, TITLES["parameters"].get(language), parameter_lines(body, language))
    _sheet(book, TITLES["method"].get(language), [[line] for line in method_lines(body, language)])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _sheet(book: Any, title: str, lines: Sequence[Sequence[Any]]) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    sheet = book.create_sheet("".join(" " if c in "[]:*?/\\" else c for c in title)[:31])
    sheet.freeze_panes = "A2"
    for number, line in enumerate(lines):
        cells = [WriteOnlyCell(sheet, value=defused(value)) for value in line]
        for cell in cells:
            cell.font = Font(bold=number == 0)
            if isinstance(cell.value, str):
                cell.data_type = "s"
        sheet.append(cells)


def table_lines(table: Mapping[str, Any], language: str) -> list[list[Any]]:
    """A table with its heads, as people read it; numbers stay numbers."""
    heads = [c["title"][language] + (f" ({c['unit']})" if c["unit"] else "") for c in table["columns"]]
    return [heads, *([plain(cell, language) for cell in row] for row in table["rows"])]


def plain(cell: Any, language: str) -> Any:
    """A cell as people read it."""
    if isinstance(cell, dict):
        return cell[language]
    if isinstance(cell, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[language][cell]
    return cell


def parameter_lines(body: Mapping[str, Any], language: str) -> list[list[Any]]:
    """Parameters with value, unit, standard, clause and whether the figure was verified, under their heads."""
    rows = [
        [
            p["title"][language],
            plain(p.get("value_title") or p["value"], language),
            p["unit"],
            p["standard"],
            p["clause"],
            p["status_title"][language],
        ]
        for p in body["parameters"]
    ]
    return [[t.get(language) for t in PARAMETERS], *rows]


def method_lines(body: Mapping[str, Any], language: str) -> list[str]:
    """Headline, method, notes, and the layers with their revisions."""
    reads = [f"{r['title'][language]} r{r['rev']}" for r in body["reads"]]
    return [body["headline"][language], body["method"][language], *(n[language] for n in body["notes"]), *reads]


def to_geopackage(body: Mapping[str, Any]) -> bytes:
    """A GeoPackage of the result layer in EPSG:4490.

    Raises
    ------
    InvalidRequest
        The result has no layer.
    """
    layer = body["layer"]
    if not layer or not layer["features"]:
        raise InvalidRequest(reason="这个结果没有图层 / this result has no layer")
    features = [f | {"properties": {k: plain(v, "zh") for k, v in f["properties"].items()}} for f in layer["features"]]
    frame = geopandas.GeoDataFrame.from_features(features, crs=GEOGRAPHIC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.gpkg"
        write_result(frame, str(body["id"]).replace("-", "_"), path)
        return path.read_bytes()
