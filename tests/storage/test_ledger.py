"""The plan ledger and the standards: read whole, or refused with line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo_service.core.plan import Quantity
from geo_service.core.text import Text
from geo_service.errors import BrokenLedgerFile
from geo_service.storage.ledger import read_ledger, read_standards

DATA = Path(__file__).resolve().parents[2] / "data"

LEDGER = """\
[plan]
id = "nankai-2025"
title = { zh = "计划", en = "Plan" }

[[commitments]]
id = "zones"
name = { zh = "积水片区", en = "Waterlogging zones" }
layer = "waterlogging_zones"
geometry = "polygon"
spatial = true
quantity = { kind = "exact", target = 40, unit = "处" }
verb = "协调推动"
promise = "advancing"
due = "2025-12-31"
section = "一"
clause = "协调推动40处积水片区改造"

[[commitments]]
id = "parks"
name = { zh = "口袋公园", en = "Pocket parks" }
layer = "pocket_parks"
geometry = "polygon"
spatial = true
quantity = { kind = "none" }
verb = "建成"
promise = "completed"
due = ""
unnamed = 5
section = "二"
clause = "建成一批口袋公园"

[[indicators]]
id = "zones-count"
name = { zh = "片区数", en = "Zones" }
operator = "="
target = "40"
unit = "处"
section = "一"
clause = "40处"
commitment = "zones"
"""

STANDARDS = """\
[[standards]]
key = "a"
title = { zh = "甲", en = "A" }
value = 5
unit = "min"
status = "read"

[[standards]]
key = "b"
title = { zh = "乙", en = "B" }
value = [800, 1000]
unit = "m"
status = "secondary"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ledger_reads_whole(tmp_path: Path) -> None:
    ledger = read_ledger(write(tmp_path, LEDGER))
    assert (ledger.id, ledger.title) == ("nankai-2025", Text("计划", "Plan"))
    assert [c.id for c in ledger.commitments] == ["zones", "parks"]
    assert ledger.commitments[0].quantity == Quantity(kind="exact", target=40, unit="处")
    assert ledger.indicators[0].commitment == "zones"


def test_a_number_of_unnamed_members_that_is_left_out_is_open(tmp_path: Path) -> None:
    ledger = read_ledger(write(tmp_path, LEDGER))
    assert [c.unnamed for c in ledger.commitments] == [None, 5]


BROKEN = {
    "not toml": ("[plan]", "[plan", 1, ""),
    "no plan": ("[plan]", "[plans]", 1, "plan"),
    "an unknown key": ('verb = "建成"', 'verbs = "建成"', 18, "commitments[1].verb"),
    "one key too many": ('verb = "建成"', 'verb = "建成"\ncolour = 1', 26, "commitments[1].colour"),
    "an unknown quantity kind": ('kind = "none"', 'kind = "some"', 24, "commitments[1].quantity.kind"),
    "a target of text": ("target = 40", 'target = "forty"', 11, "commitments[0].quantity.target"),
    "a target missing": ("target = 40, ", "", 11, "commitments[0].quantity"),
    "an unknown promise": ('"completed"', '"promised"', 26, "commitments[1].promise"),
    "a date that is none": ("2025-12-31", "2025-13-31", 14, "commitments[0].due"),
    "an empty clause": ('"建成一批口袋公园"', '""', 30, "commitments[1].clause"),
    "a commitment twice": ('id = "parks"', 'id = "zones"', 19, "commitments[1].id"),
    "an indicator of no commitment": ('commitment = "zones"', 'commitment = "pond"', 40, "indicators[0].commitment"),
    "commitments no list": ("[[commitments]]\nid", "[commitments]\nid", 5, "commitments"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_ledger_is_refused_with_line_and_field(tmp_path: Path, case: str) -> None:
    old, new, line, field = BROKEN[case]
    text = LEDGER if case != "commitments no list" else LEDGER.split('[[commitments]]\nid = "parks"', maxsplit=1)[0]
    assert old in text
    with pytest.raises(BrokenLedgerFile) as refused:
        read_ledger(write(tmp_path, text.replace(old, new, 1)))
    found = refused.value.params
    assert (found["file"], found["line"], found["field"]) == ("plan.toml", line, field)
    assert found["reason"]


def test_a_ledger_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BrokenLedgerFile) as refused:
        read_ledger(tmp_path / "plan.toml")
    assert refused.value.params["file"] == "plan.toml"


def test_a_ledger_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_bytes('# 天津\n[plan]\nid = "南开"'.encode("gbk"))
    with pytest.raises(BrokenLedgerFile) as refused:
        read_ledger(tmp_path / "plan.toml")
    assert refused.value.params["line"] == 1


def test_standards_read_numbers_and_ranges(tmp_path: Path) -> None:
    standards = read_standards(write(tmp_path, STANDARDS))
    assert [s.value for s in standards] == [5, (800, 1000)]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('key = "b"', 'key = "a"', 9, "standards[1].key"),
        ('"secondary"', '"heard"', 13, "standards[1].status"),
        ("[800, 1000]", "[800]", 11, "standards[1].value"),
        ("value = 5", 'value = "5"', 4, "standards[0].value"),
    ],
)
def test_broken_standards_are_refused_with_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    with pytest.raises(BrokenLedgerFile) as refused:
        read_standards(write(tmp_path, STANDARDS.replace(old, new, 1)))
    assert (refused.value.params["line"], refused.value.params["field"]) == (line, field)


def test_the_shipped_ledger_and_standards_read_whole() -> None:
    ledger = read_ledger(DATA / "plan_2025.toml")
    assert (len(ledger.commitments), len(ledger.indicators)) == (74, 28)
    assert len(read_standards(DATA / "standards.toml")) == 31


@pytest.mark.parametrize(
    ("old", "new", "zh", "en"),
    [
        ("target = 40", 'target = "四十"', "须为数字或空，而不是文字", "must be a number or empty, not text"),
        ("[plan]", "[plan]\nnote = = 1", "值的写法不对", "Invalid value"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_the_readers_language_alone(
    tmp_path: Path, old: str, new: str, zh: str, en: str
) -> None:
    assert old in LEDGER
    with pytest.raises(BrokenLedgerFile) as refused:
        read_ledger(write(tmp_path, LEDGER.replace(old, new, 1)))
    chinese, english = refused.value.sentence("zh"), refused.value.sentence("en")
    assert zh in chinese
    assert en not in chinese
    assert en in english
    assert zh not in english
