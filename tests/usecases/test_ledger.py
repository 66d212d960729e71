"""The shipped plan against the shipped layers, and what happens to it when staff report."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo_service.core.features import Feature
from geo_service.core.plan import Ledger
from geo_service.errors import CommitmentNotFound, InvalidParameter
from geo_service.settings import ROOT
from geo_service.storage.ledger import read_ledger
from geo_service.storage.publisher import Publisher
from geo_service.storage.seed import import_seed, read_seed
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases import ledger
from geo_service.usecases.ledger import PlanOverview, plan_overview
from geo_service.usecases.views import RevisionViews

NOW = datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def plan() -> Ledger:
    return read_ledger(ROOT / "data" / "plan_2025.toml")


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[LayerStore]:
    store = open_store(database_url, tmp_path, lambda: NOW)
    import_seed(store, read_seed(ROOT / "layers"))
    yield store
    store.close()


@pytest.fixture
def overview(store: LayerStore, plan: Ledger) -> PlanOverview:
    return plan_overview(store, plan)


def report(store: LayerStore, layer: str, fid: str, **values: object) -> None:
    feature = store.feature(layer, fid)
    changed = Feature(fid, {**feature.properties, **values}, feature.geometry)
    base = store.layer(layer).revision.rev
    store.commit(layer, {fid: changed}, base=base, kind="edit", author="li", note="填报")


def test_every_commitment_stands_once_in_the_order_of_the_plan(overview: PlanOverview, plan: Ledger) -> None:
    titles = [s.title.split(" ")[0] for s in overview.sections]
    assert titles == sorted(titles)
    assert titles[0] == "二.1.1"
    assert sorted(e.commitment.id for e in overview.entries) == sorted(c.id for c in plan.commitments)
    assert (overview.totals.commitments, overview.totals.spatial) == (74, 46)


def test_sections_with_two_digits_come_after_those_with_one() -> None:
    titles = ["二.10.1 乙", "三 丙", "二.9.2 甲", "一 总则", "附 丁"]
    assert sorted(titles, key=ledger.section_order) == ["一 总则", "二.9.2 甲", "二.10.1 乙", "三 丙", "附 丁"]


def test_each_feature_of_the_plan_counts_for_exactly_one_commitment(overview: PlanOverview, store: LayerStore) -> None:
    counted = [(m.layer.id, m.feature.id) for e in overview.entries for m in e.members]
    assert len(counted) == len(set(counted)) == overview.totals.listed
    expected = {
        (s.definition.id, f.id)
        for s in store.layers()
        for f in store.snapshot(s.definition.id).features
        if f.properties.get("commitment") and not f.properties.get("candidate")
    }
    assert set(counted) == expected


def test_the_forty_zones_are_all_illustrative_and_nothing_is_reported(overview: PlanOverview) -> None:
    zones = overview.entry("waterlogging-40").progress
    assert (zones.listed, zones.illustrative, zones.done) == (40, 40, 0)
    assert (overview.totals.reported, overview.totals.begun, overview.totals.done) == (0, 0, 0)


def test_candidates_do_not_count(overview: PlanOverview) -> None:
    assert overview.entry("tertiary-hospitals-6").progress.listed == 0
    assert overview.entry("tertiary-hospitals-6").progress.missing == 6


def test_a_reported_status_changes_the_plan_and_nothing_else(store: LayerStore, plan: Ledger) -> None:
    before = plan_overview(store, plan)
    report(store, "fire_stations", "NK-XFZ-001", status="started")
    after = plan_overview(store, plan)
    assert after.key != before.key
    assert after.entry("fire-station-fenshui-road").progress.reached is True
    assert dataclasses.replace(after.totals, reported=0, begun=0) == before.totals


def test_the_unlocated_list_has_every_feature_without_a_place_and_every_shortfall(overview: PlanOverview) -> None:
    gaps = ledger.unlocated(overview)
    assert sum(len(g.unlocated) for g in gaps) == overview.totals.unlocated == 17
    assert all(m.feature.geometry is None for g in gaps for m in g.unlocated)
    shortfalls = {g.entry.commitment.id: g.missing for g in gaps if g.missing}
    assert shortfalls == {
        "old-communities-21": 21,
        "elevators-5": 5,
        "roads-upgrade-5": 4,
        "misconnections-300": 300,
        "life-circles-10": 10,
        "tertiary-hospitals-6": 6,
        "themed-buildings-10": 10,
    }
    assert sum(shortfalls.values()) == overview.totals.missing
    grouped = ledger.by_layer(gaps)
    assert sum(len(found) for _, found in grouped) == len(gaps)
    assert len({definition.id for definition, _ in grouped}) == len(grouped)


def test_filters_leave_exactly_what_they_say(overview: PlanOverview) -> None:
    def ids(**given: object) -> set[str]:
        sections = ledger.select_entries(overview, **given)  # type: ignore[arg-type]  # keywords of the function
        return {e.commitment.id for s in sections for e in s.entries}

    assert ids(layer="waterlogging_zones") == {"waterlogging-40"}
    assert ids(text="混接点") == {"waterlogging-40", "misconnections-300"}
    assert ids(text="FIRE station") == {"fire-station-fenshui-road"}
    assert ids(section="二.5.3") == ids(section="二.5.3 坚守安全稳定防线")
    assert len(ids(spatial=True)) == 46
    assert ids(promise="completed", layer="elevators") == {"elevators-5"}
    assert ids(section="九.9") == set()


def test_rows_behind_a_number_are_as_many_as_the_number(overview: PlanOverview) -> None:
    for entry in overview.entries:
        found = entry.progress
        for key, count in found.precisions.items():
            assert len(ledger.select_members(entry.members, precision=key)) == count
        assert len(ledger.select_members(entry.members, precision="located")) == found.located
        assert len(ledger.select_members(entry.members, status="begun")) == found.begun
        assert len(ledger.select_members(entry.members, status="done")) == found.done
        assert len(ledger.select_members(entry.members, status="unreported")) == found.statuses[""]


def test_an_unknown_commitment_or_class_is_refused(overview: PlanOverview) -> None:
    with pytest.raises(CommitmentNotFound):
        overview.entry("nothing")
    with pytest.raises(InvalidParameter):
        ledger.select_members((), precision="sharp")
    with pytest.raises(InvalidParameter):
        ledger.select_members((), status="maybe")


def test_a_layer_the_reader_may_not_see_is_not_counted(store: LayerStore, plan: Ledger) -> None:
    shown = [s for s in store.layers() if s.definition.id != "schools"]
    overview = plan_overview(store, plan, states=shown)
    entry = overview.entry("schools-rebuild")
    assert (entry.hidden, entry.counts, entry.members) == (True, False, ())
    body = ledger.overview_json(overview)
    told = next(c for s in body["sections"] for c in s["commitments"] if c["id"] == "schools-rebuild")
    assert (told["progress"], told["headline"], told["features"]) == (None, None, [])
    assert not any(g.entry.commitment.layer == "schools" for g in ledger.unlocated(overview))


def test_a_layer_that_is_not_in_the_store_is_told_from_one_that_is_hidden(store: LayerStore, plan: Ledger) -> None:
    first = dataclasses.replace(plan.commitments[0], layer="lost_layer")
    entry = plan_overview(store, dataclasses.replace(plan, commitments=(first,))).entry(first.id)
    assert (entry.hidden, entry.counts) == (False, False)


def test_features_in_memory_and_features_in_the_store_give_the_same_plan(store: LayerStore, plan: Ledger) -> None:
    views = RevisionViews(store, Publisher(store, store.home), tile_cache_mb=1)
    assert ledger.plan_json(store, plan, views=views) == ledger.plan_json(store, plan)


def test_the_json_of_the_plan_is_plain_and_complete(store: LayerStore, plan: Ledger) -> None:
    body = json.loads(json.dumps(ledger.plan_json(store, plan)))
    assert len(body["indicators"]) == 28
    rows = [c for s in body["sections"] for c in s["commitments"]]
    assert len(rows) == 74
    zones = next(c for c in rows if c["id"] == "waterlogging-40")
    assert zones["clause"] == "协调推动我区40处积水片区及300余处混接点改造工作"
    assert zones["headline"]["zh"] == "积水片区改造 40 处：已落图 40（示意 40，实测 0），已开工 0，已完成 0，未填报 40"
    assert zones["progress"]["precisions"] == {"illustrative": 40}
    assert zones["indicators"] == ["waterlogging"]
    land = next(c for c in rows if c["id"] == "idle-land-300mu")
    assert land["target"]["zh"] == "共 300 亩（20.0 公顷）"
    assert land["progress"]["measured"]["crs"] == "EPSG:4548"
