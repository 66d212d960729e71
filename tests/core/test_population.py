"""Tables of people matched by name: what is taken, what is refused, and that each refusal names its row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.features import Feature
from geo_service.core.population import Reading, read_people

NAMES = ("长虹街道", "鼓楼街道", "兴南街道", "广开街道", "万兴街道")
AREAS = [Feature(f"NK-JD-{i:03}", {"name": name}, None) for i, name in enumerate(NAMES, start=1)]


def read(*rows: tuple[str, ...]) -> Reading:
    return read_people(list(enumerate(rows, start=1)), AREAS)


def said(reading: Reading, level: str, language: str = "zh") -> list[str]:
    return [f.sentence(language) for f in reading.findings if f.level == level]


FULL = tuple((name, str(1000 * i)) for i, name in enumerate(NAMES, start=1))


def test_a_whole_table_is_taken_without_a_word() -> None:
    reading = read(("街道", "常住人口（人）"), *FULL)
    assert reading.usable
    assert reading.findings == ()
    assert reading.people == {f"NK-JD-{i:03}": 1000 * i for i in range(1, 6)}
    assert reading.total == 15_000


def test_titles_above_totals_below_and_short_names_do_not_matter() -> None:
    rows = (
        ("2020 年分街道人口",),
        ("", ""),
        ("序号", "街道名称", "人口"),
        ("1", "长虹街", "58,794人"),
        ("", "合计", "1"),
    )
    reading = read(*rows)
    assert reading.people["NK-JD-001"] == 58_794
    assert [f.code for f in reading.findings] == ["people-short-name", "people-total", "people-missing"]
    assert "第 4 行：“长虹街”按“长虹街道”采用" in said(reading, "fixed")[0]
    assert "没有 4 个分区" in said(reading, "warn")[0]


@pytest.mark.parametrize("value", ["约5万", "5.8万", "-3", "12.5", "不详", "10000001", "9" * 60, "１２３a"])
def test_what_is_no_whole_number_is_named_with_its_row(value: str) -> None:
    reading = read(("街道", "人口"), *FULL[:2], ("兴南街道", value))
    assert not reading.usable
    [zh], [en] = said(reading, "block"), said(reading, "block", "en")
    assert zh.startswith("第 4 行：“兴南街道”的人口")
    assert value[:40] in zh
    assert en.startswith("line 4: “兴南街道” has")


def test_unknown_names_come_with_the_likely_one() -> None:
    reading = read(("街道", "人口"), ("长红街道", "5"), ("和平街道", "6"))
    assert [f.row for f in reading.findings if f.level == "block"] == [2, 3]
    assert "没有“长红街道”，可能是“长虹街道”" in said(reading, "block")[0]
    assert "perhaps 长虹街道" in said(reading, "block", "en")[0]


def test_a_name_twice_is_refused_with_both_rows() -> None:
    reading = read(("街道", "人口"), ("长虹街道", "5"), ("长虹街", "6"))
    assert said(reading, "block") == ["第 3 行：“长虹街”与第 2 行重复；请只留一行"]


def test_a_name_of_two_areas_is_refused() -> None:
    twice = [*AREAS, Feature("NK-JD-009", {"name": "长虹社区"}, None)]
    reading = read_people([(1, ("名称", "人口")), (2, ("长虹", "5"))], twice)
    assert "“长虹”在图层中有 2 个" in said(reading, "block")[0]


@pytest.mark.parametrize("rows", [(), (("街道", "面积"), ("长虹街道", "5")), (("a", "b"),), (("长虹街道", "5"),)])
def test_a_table_without_the_two_columns_says_what_it_found(rows: tuple[tuple[str, ...], ...]) -> None:
    reading = read(*rows)
    assert [f.code for f in reading.findings] == ["people-no-header"]
    assert reading.people == {}


def test_two_columns_of_people_are_not_guessed_between() -> None:
    reading = read(("街道", "户籍人口", "常住人口"), ("长虹街道", "5", "6"))
    assert "户籍人口、常住人口" in said(reading, "block")[0]
    assert read(("街道", "户籍人口", "人口"), ("长虹街道", "5", "6")).people["NK-JD-001"] == 6


def test_an_empty_number_is_unknown_and_said() -> None:
    reading = read(("街道", "人口"), *FULL[:4], ("万兴街道", ""))
    assert reading.usable
    assert reading.people["NK-JD-005"] is None
    assert said(reading, "warn") == ["第 6 行：“万兴街道”没有填人口，按未知处理"]


def test_a_header_alone_is_no_table() -> None:
    assert [f.code for f in read(("街道", "人口")).findings] == ["people-no-rows"]


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=12))
def test_no_table_is_taken_in_silence_or_breaks(rows: list[tuple[str, str]]) -> None:
    reading = read(("街道", "人口"), *rows)
    known = {k for k, v in reading.people.items() if v is not None}
    assert all(0 <= v <= 10_000_000 for v in reading.people.values() if v is not None)
    assert len(known) == len(NAMES) or reading.findings
    assert all(f.sentence("zh") and f.sentence("en") for f in reading.findings)
