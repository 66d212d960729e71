"""Tables as files: safe to open, readable in both languages."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.usecases.tables import to_csv, to_xlsx

LAYER = LayerDefinition(
    id="sites",
    title=Text("地块[1]/2", "Sites"),
    theme="economy",
    geometry_types=("Point",),
    serial="SIT",
    symbol="carrier",
    source="test",
    fields=(Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²"),),
)
DANGEROUS = ('=HYPERLINK("http://x","y")', "+1", "-1+2", "@SUM(A1)", "\t=1", "＝1")


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_runs_as_a_formula(text: str) -> None:
    feature = Feature("NK-SIT-001", {"name": text, "area_m2": -5.5, "status": "done"}, None)
    rows = list(csv.reader(io.StringIO(to_csv(LAYER, [feature], "zh").decode("utf-8-sig"), newline="")))
    assert rows[1][1] == "'" + text
    assert rows[1][2] == "-5.5"  # a number stays a number
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx(LAYER, [feature], "zh"))).active
    assert sheet is not None
    assert sheet["B2"].data_type == "s"
    assert sheet["C2"].value == -5.5


def test_codes_and_headings_are_words_of_the_language() -> None:
    feature = Feature("NK-SIT-001", {"name": "甲", "status": "done"}, None)
    chinese, english = to_csv(LAYER, [feature], "zh").decode(), to_csv(LAYER, [feature], "en").decode()
    assert "已完成" in chinese
    assert "面积（m²）" in chinese
    assert "Done" in english
    assert "Area (m²)" in english


def test_control_characters_do_not_break_the_workbook() -> None:
    feature = Feature("NK-SIT-001", {"name": "a\x00b\x0bc"}, None)
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx(LAYER, [feature], "en"))).active
    assert sheet is not None
    assert sheet["B2"].value == "abc"
