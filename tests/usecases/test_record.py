"""The life of a feature: made, changed, deleted, restored."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Ledger
from geo_service.core.text import Text
from geo_service.errors import FeatureNotFound, RevisionNotFound
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases.record import STEPS_SHOWN, Cell, FeatureRecord, feature_record

NOW = datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC)
LEDGER = Ledger("test", Text("计划", "Plan"), (), ())
POINT = {"type": "Point", "coordinates": [117.15, 39.1]}
MOVED = {"type": "Point", "coordinates": [117.16, 39.1]}
FIRE = LayerDefinition(
    id="fire_stations",
    title=Text("消防站", "Fire stations"),
    theme="resilience",
    geometry_types=("Point",),
    serial="XFZ",
    symbol="fire_station",
    source="test",
    secrecy="public",
)
FID = "NK-XFZ-001"


def station(geometry: object = POINT, **given: object) -> Feature:
    values = {"name": "消防站", "precision": "guess", "source": "test", "status": None, **given}
    return Feature(FID, values, geometry)  # type: ignore[arg-type]  # a GeoJSON object or None


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[LayerStore]:
    store = open_store(database_url, tmp_path, lambda: NOW)
    store.create_layer(FIRE, [station()], author="geo_service", note="导入")
    yield store
    store.close()


def commit(store: LayerStore, feature: Feature | None) -> None:
    base = store.layer("fire_stations").revision.rev
    store.commit("fire_stations", {FID: feature}, base=base, kind="edit", author="li", note="改")


def read(store: LayerStore, rev: int | None = None) -> FeatureRecord:
    return feature_record(store, LEDGER, store.layer("fire_stations"), FID, rev=rev)


def test_a_new_feature_was_added_and_nothing_else_happened(store: LayerStore) -> None:
    found = read(store)
    assert [(s.revision.rev, s.operation, s.cells) for s in found.steps] == [(1, "add", ())]
    assert found.is_current
    assert found.commitment is None


def test_each_change_tells_what_was_before_and_what_came_after(store: LayerStore) -> None:
    commit(store, station(status="started"))
    commit(store, station(MOVED, status="done"))
    found = read(store)
    assert [s.revision.rev for s in found.steps] == [3, 2, 1]
    assert found.steps[0].cells == (Cell("status", "started", "done"), Cell("geometry", None, None))
    assert found.steps[1].cells == (Cell("status", None, "started"),)


def test_an_older_revision_shows_the_feature_as_it_was(store: LayerStore) -> None:
    commit(store, station(status="started"))
    found = read(store, 1)
    assert found.feature.properties["status"] is None
    assert not found.is_current
    assert found.head.rev == 2


def test_a_deleted_feature_is_shown_as_it_last_was(store: LayerStore) -> None:
    commit(store, station(status="started"))
    commit(store, None)
    found = read(store)
    assert found.deleted is not None
    assert (found.deleted.rev, found.revision.rev) == (3, 2)
    assert found.feature.properties["status"] == "started"
    assert [s.operation for s in found.steps] == ["delete", "modify", "add"]
    with pytest.raises(FeatureNotFound):
        read(store, 3)


def test_a_restored_feature_is_alive_again(store: LayerStore) -> None:
    commit(store, None)
    commit(store, station())
    found = read(store)
    assert found.deleted is None
    assert [s.operation for s in found.steps] == ["add", "delete", "add"]


def test_changes_of_others_leave_a_feature_alone(store: LayerStore) -> None:
    other = Feature("NK-XFZ-002", station().properties, POINT)
    store.commit("fire_stations", {other.id: other}, base=1, kind="edit", author="li", note="加")
    found = read(store)
    assert (found.revision.rev, len(found.steps)) == (2, 1)


def test_a_long_life_is_cut_short_on_the_page(store: LayerStore) -> None:
    for n in range(STEPS_SHOWN + 2):
        commit(store, station(status="started" if n % 2 else "done"))
    found = read(store)
    assert len(found.steps) == STEPS_SHOWN
    assert found.steps_left_out == 3


def test_what_never_was_is_not_found(store: LayerStore) -> None:
    with pytest.raises(FeatureNotFound):
        feature_record(store, LEDGER, store.layer("fire_stations"), "NK-XFZ-404")
    with pytest.raises(RevisionNotFound):
        read(store, 9)
