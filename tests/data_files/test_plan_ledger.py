"""The plan ledger says what the plan says."""

from __future__ import annotations

import csv
import re
import tomllib
from typing import Any

import msgspec
import pytest

from geo_service.core.crs import MU_M2
from geo_service.core.plan import Commitment, Ledger, Quantity
from geo_service.settings import ROOT
from geo_service.storage.ledger import read_ledger, read_standards

DATA = ROOT / "data"
KINDS = {
    "exact": "exact",
    "exact (1 named)": "exact",
    "exact (none named)": "exact",
    "implied by names": "exact",
    "count of names": "exact",
    "1+2+3": "exact",
    "at least": "at_least",
    "at least (余)": "at_least",
    "cumulative 2021-2025": "stock",
    "cumulative stock (达到)": "stock",
    "exact total (等)": "shared_total",
    "exact total (等; 300亩=20.0公顷)": "shared_total",
    "open(等)": "open",
    "standard": "standard",
    "none": "none",
    "none (一批)": "none",
    "qualitative": "none",
}
LINKED = {
    "new-starts": "new-starts-600k",
    "completions": "completions-800k",
    "idle-land": "idle-land-300mu",
    "idle-carriers": "idle-carriers-300k",
    "first-stores": "first-stores-30",
    "themed-buildings": "themed-buildings-10",
    "people-projects": "people-projects-20",
    "old-communities": "old-communities-21",
    "elevators": "elevators-5",
    "roads": "roads-upgrade-5",
    "waterlogging": "waterlogging-40",
    "misconnections": "misconnections-300",
    "life-circles": "life-circles-10",
    "pocket-parks": "pocket-parks-6",
}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / "facts" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def body() -> dict[str, Any]:
    return read("plan_2025.toml")


@pytest.fixture(scope="module")
def ledger(body: dict[str, Any]) -> Ledger:
    return msgspec.convert({**body["plan"], **{k: body[k] for k in ("commitments", "indicators")}}, Ledger)


def test_the_ledger_has_every_commitment_and_indicator_in_the_order_of_the_facts(ledger: Ledger) -> None:
    assert [c.id for c in ledger.commitments] == [r["id"] for r in rows("commitments.csv")]
    assert [i.id for i in ledger.indicators] == [r["id"] for r in rows("indicators.csv")]
    assert (len(ledger.commitments), len(ledger.indicators)) == (74, 28)
    assert sum(c.spatial for c in ledger.commitments) == 46
    assert len({c.id for c in ledger.commitments}) == 74


def test_every_key_of_the_file_is_a_field_of_its_type(body: dict[str, Any]) -> None:
    assert set(body) == {"plan", "commitments", "indicators"}
    for row in body["commitments"]:
        assert set(row) <= set(Commitment.__dataclass_fields__)
        assert set(row["quantity"]) <= set(Quantity.__dataclass_fields__)


@pytest.mark.parametrize("row", rows("commitments.csv"), ids=lambda r: r["id"])
def test_a_commitment_equals_the_facts(row: dict[str, str], ledger: Ledger, body: dict[str, Any]) -> None:
    found = ledger.commitment(row["id"])
    assert found is not None
    assert (found.clause, found.section, found.verb) == (row["clause"], row["section"], row["verb_zh"])
    assert (found.name.zh, found.name.en, found.geometry) == (row["name_zh"], row["name_en"], row["geometry"])
    assert found.spatial == (row["spatial"] == "yes")
    assert found.promise.replace("_", " ") == row["status"]
    assert ";".join(found.members) == row["named_members"]
    assert found.quantity.kind == KINDS[row["qty_kind"]]
    assert found.quantity.unit == row["target_unit"]
    assert found.quantity.target == (float(row["target_qty"]) if row["target_qty"] else None)
    assert found.due == row["due_date"].removesuffix(" (start of works)")
    assert found.due_means == ("start" if "start" in row["due_date"] else "")
    stated = next(c for c in body["commitments"] if c["id"] == row["id"]).get("unnamed")
    number = re.fullmatch(r"(\d+)\+?", row["unnamed_count"])
    assert stated == (int(number.group(1)) if number else None)


@pytest.mark.parametrize("row", rows("indicators.csv"), ids=lambda r: r["id"])
def test_an_indicator_equals_the_facts(row: dict[str, str], ledger: Ledger) -> None:
    found = next(i for i in ledger.indicators if i.id == row["id"])
    words = {"= (stock)": "stock", "qual": "qualitative", "> 2024": ">"}
    assert found.operator == words.get(row["operator"], row["operator"])
    assert found.target == ("2024" if row["operator"] == "> 2024" else row["target"])
    assert (found.unit, found.section, found.clause) == (row["unit"], row["section"], row["clause"])
    assert (found.name.zh, found.name.en) == (row["name_zh"], row["name_en"])


def test_indicators_that_repeat_a_commitment_link_to_it_and_agree_on_the_number(ledger: Ledger) -> None:
    assert {i.id: i.commitment for i in ledger.indicators if i.commitment} == LINKED
    for indicator in ledger.indicators:
        commitment = ledger.commitment(indicator.commitment)
        if commitment:
            times = 10_000 if indicator.unit == "万平方米" else 1
            assert commitment.quantity.target == float(indicator.target) * times
            assert indicator.clause in commitment.clause


def test_an_exact_number_of_named_things_is_names_plus_unnamed(ledger: Ledger) -> None:
    for c in ledger.commitments:
        if c.quantity.kind in ("exact", "stock") and c.unnamed and c.quantity.unit not in ("平方米", "项"):
            assert c.quantity.target == len(c.members) + c.unnamed, c.id
    reserve = ledger.commitment("renewal-reserve-5")
    assert reserve is not None
    assert len(reserve.members) == reserve.quantity.target == 5


def test_three_hundred_mu_are_twenty_hectares(ledger: Ledger) -> None:
    land = ledger.commitment("idle-land-300mu")
    assert land is not None
    assert (land.quantity.kind, land.quantity.unit) == ("shared_total", "亩")
    assert land.quantity.target is not None
    assert land.quantity.target * MU_M2 == pytest.approx(200_000, abs=1e-6)


def test_promises_are_not_made_larger_than_the_plan_makes_them(ledger: Ledger) -> None:
    promise = {c.id: c.promise for c in ledger.commitments}
    assert promise["waterlogging-40"] == promise["misconnections-300"] == "advancing"
    station = ledger.commitment("fire-station-fenshui-road")
    assert station is not None
    assert (station.promise, station.due, station.due_means) == ("advancing", "2025-12-31", "start")


def test_standards_equal_the_facts() -> None:
    stated = read("standards.toml")["standards"]
    assert len(stated) == 31
    for found, row in zip(stated, rows("standards.csv"), strict=True):
        same = ("key", "unit", "standard", "clause", "status", "note")
        assert [found[k] for k in same] == [row[k] for k in same]
        assert found["title"].keys() == {"zh", "en"}
        values = found["value"] if isinstance(found["value"], list) else [found["value"]]
        assert values == [float(part) for part in row["value"].split("-")]
        assert found["status"] in {"read", "secondary", "unverified", "arithmetic"}


def test_every_file_of_the_data_folder_has_its_origin_written_down() -> None:
    told = (DATA / "SOURCES.md").read_text("utf-8")
    for path in DATA.rglob("*.*"):
        assert path.name in told or path.name == "SOURCES.md", path.name


def test_the_product_reads_the_ledger_and_the_standards(ledger: Ledger) -> None:
    found = read_ledger(DATA / "plan_2025.toml")
    assert [c.clause for c in found.commitments] == [c.clause for c in ledger.commitments]
    assert found.title.zh == "天津市南开区2025年国民经济和社会发展计划"
    open_ended = found.commitment("schools-rebuild")
    assert open_ended is not None
    assert open_ended.unnamed is None
    assert len(read_standards(DATA / "standards.toml")) == 31
