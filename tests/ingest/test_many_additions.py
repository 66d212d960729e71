"""Rows that are all new are told by thousands just as they are told one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geo_service.core.layers import Field
from geo_service.core.text import Text
from geo_service.ingest.change_pages import read_page
from geo_service.ingest.findings import FindingLog
from geo_service.ingest.values import convert_column

from .conftest import Upload, collection, feature, square


def rows(more: dict[str, list[Any]], *last: dict[str, Any]) -> str:
    listed = [
        feature(square(117.13 + n * 0.002, 39.1), name=f"片区{n}", **{key: values[n] for key, values in more.items()})
        for n in range(5)
    ]
    return collection(*listed, *last)


COLUMNS: dict[str, dict[str, list[Any]]] = {
    "all told": {"lead": ["区水务局"] * 5, "depth_m": [0.1, 0.2, 1, 2.5, -0.0]},
    "some cells empty": {"lead": ["区水务局", None, "", "  ", "街道"], "depth_m": [None, 0.2, 1, None, 3]},
    "a column of nothing": {"lead": [None] * 5, "households": [1, 2, 3, 4, 5]},
    "texts to clean": {"lead": ["e\u0301", " 前后 ", "a\u202eb", "x\u0007y", "全\u3000角"]},
    "codes and dates": {
        "grade": ["高", "low", "中", None, "High"],
        "finished_on": ["2026年5月1日", None, "x", "", "20260102"],
    },
    "precision stated": {"precision": ["surveyed", None, "guess", "", "surveyed"]},
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=list(COLUMNS))
def test_a_row_without_a_place_changes_nothing_for_the_rows_before_it(
    columns: dict[str, list[Any]], upload: Upload
) -> None:
    defaults = {"options": {"defaults": {"precision": "approximate", "lead": "默认"}}}
    alone = upload(rows(columns), "a.geojson", **defaults)
    lines = Path(alone.changes_file).read_bytes().splitlines()
    findings = [(f.code, f.row, f.field, f.params) for f in alone.findings]
    empty = dict.fromkeys(columns)
    together = upload(rows(columns, feature(None, name="无处", **empty)), "a.geojson", **defaults)
    assert lines == Path(together.changes_file).read_bytes().splitlines()[: len(lines)]
    assert findings == [(f.code, f.row, f.field, f.params) for f in together.findings if f.row != 6]
    assert alone.tally.added == len(lines) == together.tally.added - 1


def test_rows_without_a_required_value_are_named_and_the_others_taken(upload: Upload) -> None:
    body = collection(
        *(feature(square(117.13 + n * 0.002, 39.1), name=name) for n, name in enumerate(["甲", "", "丙"]))
    )
    found = upload(body, "a.geojson")
    assert found.counts["field-required"] == 1
    assert [c.row for c in found.changes()] == [1, 3]
    assert [c.fid for c in found.changes()] == ["NK-JSD-001", "NK-JSD-002"]


def test_a_page_of_many_additions_begins_where_its_line_does(upload: Upload) -> None:
    found = upload(rows({"lead": ["区"] * 5}), "a.geojson")
    page = read_page(Path(found.changes_file).parent, "add", offset=2, limit=2)
    assert [(e.fid, e.row) for e in page.entries] == [("NK-JSD-003", 3), ("NK-JSD-004", 4)]
    assert page.counts["add"] == 5


def test_texts_that_need_no_cleaning_are_converted_as_beside_one_that_does() -> None:
    item = Field(key="lead", title=Text("牵头单位", "Lead body"))
    texts = ["甲", " 乙 ", "", "   ", None, "é", "甲"]
    together, problems = convert_column(item, [*texts, "x\u0007"])
    assert convert_column(item, texts) == (together[:-1], problems)
    assert together == ["甲", "乙", None, None, None, "é", "甲", "x"]


@pytest.mark.parametrize("code", ["identity-unknown", "geometry-coordinates"])
def test_findings_of_many_rows_are_counted_kept_and_block_as_one_by_one(code: str) -> None:
    one, many = FindingLog(3), FindingLog(3)
    found = [(row, f"F{row}") for row in range(1, 8)]
    for log in (one, many):
        log.add(code, row=99, fid="F99")
    for row, fid in found:
        one.add(code, row=row, fid=fid)
    many.add_rows(code, found)
    assert (one.counts, one.bad_rows, one.report) == (many.counts, many.bad_rows, many.report)
