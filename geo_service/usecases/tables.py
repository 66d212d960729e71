"""Feature tables as files for spreadsheets, safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition, worded

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""A text that begins so may be run as a formula by a spreadsheet (OWASP, CSV injection)."""


def to_csv(definition: LayerDefinition, features: Sequence[Feature], language: str) -> bytes:
    """A CSV with byte-order mark, CRLF and titles with units; text that looks like a formula gets an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in _rows(definition, features, language):
        writer.writerow([defused(cell) for cell in row])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "replace")


def to_xlsx(definition: LayerDefinition, features: Sequence[Feature], language: str) -> bytes:
    """An Excel workbook with one sheet, a frozen header row and filters; text cells are text, never formulas."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(definition.title.get(language)))
    sheet.freeze_panes = "B2"
    rows = list(_rows(definition, features, language))
    for index, column in enumerate(zip(*rows, strict=True), start=1):
        widest = max(sum(2 if ord(c) > 0x2E7F else 1 for c in str(cell or "")) for cell in column[:200])
        sheet.column_dimensions[get_column_letter(index)].width = min(max(widest + 2, 8), 60)
    for number, row in enumerate(rows):
        cells = [_cell(WriteOnlyCell(sheet), value) for value in row]
        for cell in cells if number == 0 else ():
            cell.font = Font(bold=True)
        sheet.append(cells)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(rows[0]))}{len(rows)}"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def defused(value: Any) -> Any:
    """The value, with an apostrophe before text that a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _rows(definition: LayerDefinition, features: Sequence[Feature], language: str) -> Iterator[list[Any]]:
    fields = definition.all_fields
    yield ["编号" if language == "zh" else "Id", *(_heading(f, language) for f in fields)]
    for feature in features:
        yield [feature.id, *(display(f, feature.properties.get(f.key), language) for f in fields)]


def _heading(item: Field, language: str) -> str:
    title = item.title.get(language)
    return (
        f"{title}（{item.unit}）"
        if item.unit and language == "zh"
        else f"{title} ({item.unit})"
        if item.unit
        else title
    )


def display(item: Field, value: Any, language: str) -> Any:
    """A value as people read it: the title of its code, yes and no, numbers as numbers."""
    if value is None:
        return None
    if item.type == "boolean":
        return {("zh", True): "是", ("zh", False): "否", ("en", True): "yes", ("en", False): "no"}[
            language, bool(value)
        ]
    words = worded(item, value)
    return words.get(language) if words else value


def _cell(cell: Any, value: Any) -> Any:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:32767] if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def _sheet_name(title: str) -> str:
    return "".join(c for c in title if c not in "[]:*?/\\")[:31] or "layer"
