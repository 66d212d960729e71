"""The plan's arithmetic: closed cases for each kind of quantity, and laws that hold for every list."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.plan import Commitment, Quantity
from geo_service.core.progress import PRECISIONS, STATUSES, Progress, is_area, progress
from geo_service.core.progress_words import amount_text, headline, promise_text, target_text
from geo_service.core.text import Text

KINDS = ("exact", "at_least", "stock", "shared_total", "open", "standard", "none")
PROMISES = ("planned", "advancing", "under_construction", "completed", "existing")
POINT = {"type": "Point", "coordinates": [117.15, 39.11]}


def commitment(kind: str = "exact", target: float | None = 5, unit: str = "处", **given: Any) -> Commitment:
    quantity = Quantity(kind=kind, target=target, unit=unit)  # type: ignore[arg-type]  # drawn from KINDS
    values: dict[str, Any] = {
        "id": "c",
        "name": Text("任务", "Task"),
        "layer": "things",
        "geometry": "point",
        "spatial": True,
        "verb": "完成",
        "promise": "completed",
        "due": "2025-12-31",
        "section": "二.4.1",
        "clause": "完成任务",
    }
    return Commitment(**{**values, **given}, quantity=quantity)


def member(number: int, geometry: Any = POINT, precision: str = "address", **given: Any) -> Feature:
    return Feature(f"NK-T-{number:03}", {"commitment": "c", "precision": precision, **given}, geometry)


def members(count: int, **given: Any) -> list[Feature]:
    return [member(n, **given) for n in range(count)]


def rectangle(width_m: float, height_m: float) -> dict[str, Any]:
    """A rectangle on the EPSG:4548 plane, in degrees at 7 decimals as stored."""
    west, south = 510_000.0, 4_330_000.0
    corners = [(0, 0), (width_m, 0), (width_m, height_m), (0, height_m), (0, 0)]
    points = [crs.to_degrees(west + x, south + y) for x, y in corners]
    return {"type": "Polygon", "coordinates": [[[round(v, 7) for v in point] for point in points]]}


# ---- closed cases, one for each kind


def test_forty_illustrative_zones_are_located_but_none_is_surveyed_begun_or_done() -> None:
    zones = commitment(target=40, name=Text("积水片区改造", "Waterlogging zones"), promise="advancing")
    found = progress(zones, members(40, geometry=rectangle(100, 100), precision="illustrative"))
    assert (found.listed, found.located, found.illustrative, found.precisions["surveyed"]) == (40, 40, 40, 0)
    assert (found.begun, found.done, found.reported, found.missing) == (0, 0, 0, 0)
    assert (found.remaining, found.reached, found.share) == (40, False, 0)
    said = headline(zones, found)
    assert said.zh == "积水片区改造 40 处：已落图 40（示意 40，实测 0），已开工 0，已完成 0，未填报 40"
    assert said.en.startswith("Waterlogging zones – 40: 40 located (40 illustrative, 0 surveyed), 0 begun, 0 done")


def test_one_thing_is_done_or_not_and_has_no_percentage() -> None:
    one = commitment(target=1)
    assert progress(one, members(1)).share is None
    assert progress(one, members(1)).remaining == 1
    done = progress(one, members(1, status="done"))
    assert (done.remaining, done.reached, done.share) == (0, True, None)


def test_an_exact_number_lacks_what_is_not_on_the_list() -> None:
    parks = progress(commitment(target=6), [*members(1, status="done"), member(9, geometry=None)])
    assert (parks.listed, parks.missing, parks.located, parks.unlocated) == (2, 4, 1, 1)
    assert (parks.done, parks.remaining) == (1, 5)


def test_a_list_longer_than_an_exact_number_is_noticed() -> None:
    found = progress(commitment(target=2), members(3))
    assert (found.missing, found.surplus) == (0, 1)
    assert "名单多于目标 1" in headline(commitment(target=2), found).zh


@pytest.mark.parametrize(("done", "reached"), [(0, False), (299, False), (300, True), (317, True)])
def test_three_hundred_and_more_is_met_by_three_hundred_or_more(done: int, reached: bool) -> None:
    points = commitment("at_least", 300)
    found = progress(points, members(done, status="done"))
    assert found.reached is reached
    assert found.remaining == max(0, 300 - done)
    assert found.missing == max(0, 300 - done)
    assert found.surplus == 0
    assert target_text(points.quantity).zh == "≥ 300 处"
    assert found.share is not None
    assert found.share <= 1


def test_a_stock_of_ten_counts_what_exists_already() -> None:
    circles = commitment("stock", 10, "个")
    existing = members(7, plan_status="existing")
    new = [member(20 + n, status="done", plan_status="completed") for n in range(3)]
    assert progress(circles, existing).achieved == 7
    assert progress(circles, [*existing, *new]).reached is True
    assert progress(circles, [*existing, *new]).done == 3
    assert progress(circles, members(1, plan_status="existing", status="not_started")).achieved == 0
    assert target_text(circles.quantity) == Text("累计 10 个", "10 in all")


def test_three_hundred_mu_are_twenty_hectares_over_however_many_sites() -> None:
    land = commitment("shared_total", 300, "亩", members=("隆庆集团", "液压机械厂"), unnamed=None)
    sites = [
        member(1, geometry=rectangle(400, 300), precision="parcel", status="done"),
        member(2, geometry=rectangle(400, 200), precision="surveyed"),
    ]
    found = progress(land, sites)
    assert found.measured is not None
    assert found.measured.listed == pytest.approx(300, abs=0.05)  # 120 000 + 80 000 m2 = 20 ha
    assert found.measured.fulfilled == pytest.approx(180, abs=0.05)
    assert (found.measured.counted, found.measured.lacking) == (2, 0)
    assert (found.achieved, found.remaining, found.reached) == (180, 120, False)
    assert progress(land, [sites[0], member(2, geometry=rectangle(400, 200), status="done")]).reached is True
    assert target_text(land.quantity) == Text("共 300 亩（20.0 公顷）", "300 mu (20.0 ha) in all")


def test_outlines_that_are_only_illustrative_have_no_area() -> None:
    land = commitment("shared_total", 300, "亩")
    found = progress(land, [member(1, geometry=rectangle(400, 500), precision="illustrative", status="done")])
    assert found.measured is not None
    assert (found.measured.listed, found.measured.lacking, found.achieved) == (0, 1, 0)


def test_floor_space_is_what_staff_enter_in_the_field_of_the_verb() -> None:
    carriers = commitment("shared_total", 300_000, "平方米", verb="新盘活", members=("进步广场",), unnamed=None)
    rows = [
        member(1, status="done", reactivated_m2=120_000, floor_area_m2=400_000),
        member(2, status="started", reactivated_m2=50_000.5),
        member(3, status="done", floor_area_m2=90_000),
    ]
    measured = progress(carriers, rows).measured
    assert measured is not None
    assert measured.field == "reactivated_m2"
    assert (measured.listed, measured.begun, measured.fulfilled) == (170_000.5, 170_000.5, 120_000)
    assert (measured.counted, measured.lacking) == (2, 1)
    plain = progress(commitment("exact", 1000, "平方米"), [member(1, status="done", floor_area_m2=1000)])
    assert plain.reached is True


def test_floor_space_to_be_started_is_met_by_the_start_of_works() -> None:
    starts = commitment("exact", 600_000, "平方米", verb="新开工")
    rows = [member(1, status="started", started_floor_m2=600_000)]
    assert progress(starts, rows).reached is True
    completions = commitment("exact", 600_000, "平方米", verb="竣工")
    assert progress(completions, [member(1, status="started", completed_floor_m2=600_000)]).reached is False


def test_an_open_list_has_neither_rate_nor_remainder() -> None:
    schools = commitment("open", 2, "所", members=("甲小学", "乙小学"), unnamed=None)
    found = progress(schools, members(2, status="done"))
    assert (found.reached, found.remaining, found.share, found.achieved, found.missing) == (None, None, None, 2, 0)
    assert progress(schools, members(1)).missing == 1
    assert target_text(schools.quantity) == Text("至少 2 所", "at least 2")


@pytest.mark.parametrize("kind", ["standard", "none"])
def test_standards_and_promises_without_a_number_are_not_counted(kind: str) -> None:
    target = 30 if kind == "standard" else None
    found = progress(commitment(kind, target, "分钟"), members(2, status="done"))
    assert (found.achieved, found.reached, found.remaining, found.share, found.missing) == (None,) * 5
    assert found.listed == 2


def test_a_promised_start_is_fulfilled_by_the_start_of_works() -> None:
    station = commitment(target=1, unit="座", due_means="start", promise="advancing")
    assert progress(station, members(1, status="not_started")).reached is False
    assert progress(station, members(1, status="started")).reached is True
    assert "未承诺建成" in promise_text(station).zh


def test_what_exists_already_is_never_counted_as_works() -> None:
    used = commitment(target=4, promise="existing")
    found = progress(used, members(4, status="done"))
    assert (found.achieved, found.reached) == (None, None)
    assert "现状事项" in headline(used, found).zh


@pytest.mark.parametrize("promise", ["planned", "advancing", "under_construction"])
def test_only_a_promised_completion_says_so(promise: str) -> None:
    assert "未承诺" in promise_text(commitment(promise=promise)).zh
    assert "not promised" in promise_text(commitment(promise=promise)).en
    assert "未承诺" not in promise_text(commitment(promise="completed")).zh


def test_candidates_and_other_commitments_do_not_count() -> None:
    rows = [member(1), member(2, candidate=True), Feature("x", {"commitment": "other", "precision": "guess"}, POINT)]
    assert progress(commitment(), rows).listed == 1


def test_what_the_plan_promises_is_not_what_staff_report() -> None:
    found = progress(commitment(), members(5, plan_status="completed"))
    assert (found.done, found.begun, found.reported) == (0, 0, 0)


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (300_000, "平方米", "30 万平方米", "300,000 m²"),
        (9_999, "平方米", "9,999 平方米", "9,999 m²"),
        (300, "亩", "300 亩（20.0 公顷）", "300 mu (20.0 ha)"),
        (0, "亩", "0 亩", "0 mu"),
        (30, "分钟", "30 分钟", "30 minutes"),
        (40, "处", "40 处", "40"),
    ],
)
def test_amounts_are_written_as_planners_write_them(value: float, unit: str, zh: str, en: str) -> None:
    assert amount_text(value, unit) == Text(zh, en)


# ---- laws

rows = st.builds(
    lambda number, precision, status, plan, geometry, figure: Feature(
        f"NK-T-{number:03}",
        {"commitment": "c", "precision": precision, "status": status, "plan_status": plan, "floor_area_m2": figure},
        geometry,
    ),
    st.integers(0, 999),
    st.sampled_from([*PRECISIONS, "nonsense", None]),
    st.sampled_from([*STATUSES, None, "nonsense"]),
    st.sampled_from([*PROMISES, None]),
    st.sampled_from([POINT, None, rectangle(100, 50)]),
    st.one_of(st.none(), st.integers(0, 10**6), st.just("")),
)
lists = st.lists(rows, max_size=12)
commitments = st.builds(
    lambda kind, target, unit, promise, due_means: commitment(
        kind,
        None if kind == "none" else target,
        unit,
        promise=promise,
        due_means=due_means,
        members=("甲", "乙") if kind in ("open", "shared_total") else (),
    ),
    st.sampled_from(KINDS),
    st.integers(1, 20),
    st.sampled_from(["处", "个", "亩", "平方米"]),
    st.sampled_from(PROMISES),
    st.sampled_from(["", "start"]),
)


@given(commitments, lists)
def test_the_parts_sum_up_to_the_whole(promise: Commitment, features: list[Feature]) -> None:
    found = progress(promise, features)
    assert sum(found.precisions.values()) == sum(found.statuses.values()) == found.listed == len(features)
    assert found.located + found.unlocated == found.listed
    assert found.done <= found.begun <= found.reported <= found.listed
    assert set(found.precisions) == set(PRECISIONS)
    assert set(found.statuses) == set(STATUSES)
    if found.measured:
        assert found.measured.counted + found.measured.lacking == found.listed
        assert found.measured.fulfilled <= found.measured.listed
    if found.missing is not None and found.kind == "exact" and not is_area(found.unit):
        assert found.listed + found.missing == found.target + found.surplus  # type: ignore[operator]  # exact has one


@given(commitments, lists, st.integers(0, 11))
def test_nothing_gets_less_when_a_member_becomes_done(promise: Commitment, features: list[Feature], which: int) -> None:
    if not features:
        return
    chosen = features[which % len(features)]
    others = [f for f in features if f is not chosen]
    done = Feature(chosen.id, {**chosen.properties, "status": "done"}, chosen.geometry)
    before, after = progress(promise, [*others, chosen]), progress(promise, [*others, done])
    assert after.done == before.done + (chosen.properties["status"] != "done")
    assert after.begun >= before.begun
    assert after.reported >= before.reported
    assert after.precisions == before.precisions
    assert not_less(after.achieved, before.achieved)
    assert not_less(before.remaining, after.remaining)
    assert not (before.reached and not after.reached)


def not_less(larger: float | None, smaller: float | None) -> bool:
    if larger is None or smaller is None:
        return larger is smaller
    return larger >= smaller - 1e-6


@given(commitments, lists)
def test_the_order_of_the_list_does_not_matter(promise: Commitment, features: list[Feature]) -> None:
    forward, back = progress(promise, features), progress(promise, features[::-1])
    assert _rounded(forward) == _rounded(back)


def _rounded(found: Progress) -> tuple[Any, ...]:
    return found.listed, found.precisions, found.statuses, found.missing, found.achieved


@given(commitments, lists)
def test_shares_lie_between_nothing_and_all(promise: Commitment, features: list[Feature]) -> None:
    found = progress(promise, features)
    assert found.share is None or 0 <= found.share <= 1
    assert (found.share == 1) <= bool(found.reached)


@given(commitments, lists)
def test_every_headline_speaks_both_languages(promise: Commitment, features: list[Feature]) -> None:
    said = headline(promise, progress(promise, features))
    assert said.zh
    assert said.en
    assert not any("\u4e00" <= c <= "\u9fff" for c in said.en)
