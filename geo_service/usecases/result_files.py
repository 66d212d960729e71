"""An answer as files: a workbook with tables, parameters and method; a GeoPackage with the result layer."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geo_service.analysis.result import STATUSES, Column
from geo_service.core.text import Text
from geo_service.errors import InvalidRequest
from geo_service.ingest.writers.result_package import write_result
from geo_service.usecases.report import Answer, rows_json
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


def to_xlsx(answer: Answer, language: str) -> bytes:
    """A workbook: the result, further tables, the parameter sheet, headline with method, notes and revisions."""
    from openpyxl import Workbook

    book, result = Workbook(write_only=True), answer.result
    _sheet(book, TITLES["result"].get(language), _lines(result.columns, result.table, language))
    for number, table in enumerate(result.more, start=1):
        _sheet(book, f"{number} {table.title.get(language)}", _lines(table.columns, table.rows, language))
    _sheet(book, TITLES["parameters"].get(language), _parameter_lines(answer, language))
    _sheet(book, TITLES["method"].get(language), _method_lines(answer, language))
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


def _lines(columns: Sequence[Column], table: Any, language: str) -> list[list[Any]]:
    heads = [c.title.get(language) + (f" ({c.unit})" if c.unit else "") for c in columns]
    return [heads, *([plain(cell, language) for cell in row] for row in rows_json(table, columns))]


def plain(cell: Any, language: str) -> Any:
    """A cell as people read it."""
    if isinstance(cell, dict):
        return cell[language]
    if isinstance(cell, bool):
        return {"zh": ("否", "是"), "en": ("no", "yes")}[language][cell]
    return cell


def _parameter_lines(answer: Answer, language: str) -> list[list[Any]]:
    rows = [
        [
            p.title.get(language),
            answer.parameters[p.key],
            p.unit,
            p.standard,
            p.clause,
            STATUSES[p.status].get(language),
        ]
        for p in answer.question.parameters
    ]
    return [[t.get(language) for t in PARAMETERS], *rows]


def _method_lines(answer: Answer, language: str) -> list[list[Any]]:
    result = answer.result
    notes = [[n.get(language)] for n in result.notes]
    reads = [[f"{r.state.definition.title.get(language)} r{r.revision.rev}"] for r in answer.reads]
    return [[result.headline.get(language)], [result.method.get(language)], *notes, *reads]


def to_geopackage(answer: Answer) -> bytes:
    """A GeoPackage of the result layer in EPSG:4490.

    Raises
    ------
    InvalidRequest
        The result has no layer.
    """
    layer = answer.result.layer
    if layer is None or layer.empty:
        raise InvalidRequest(reason="这个结果没有图层 / this result has no layer")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.gpkg"
        write_result(layer, answer.question.id.replace("-", "_"), path)
        return path.read_bytes()
