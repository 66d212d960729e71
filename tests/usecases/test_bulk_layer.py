"""Layers of very many rows are made as rows one by one would be: the same rows kept, the same left out."""

from __future__ import annotations

import datetime
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest
import shapely

from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.core.derived import Area, with_derived
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.core.validation import check_feature
from geo_service.errors import StorageFault
from geo_service.ingest.examination import ProposedChange
from geo_service.storage.building import Workshop
from geo_service.storage.publisher import Publisher
from geo_service.storage.rows import StoredFeature, stored
from geo_service.storage.spool import ReadyRows, Spool
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases import bulk_layer
from geo_service.usecases.bulk_layer import NewLayer, make_layer, stored_rows
from geo_service.usecases.large_tiles import make_source

AREAS = tuple(
    Area(name, shapely.box(west, 39.0, west + 0.06, 39.2))
    for name, west in (("甲街道", 117.0), ("乙街道", 117.05), ("丙街道", 117.1))
)
"""Neighbours that overlap, so that it matters which comes first."""
SQUARE = [[117.01, 39.01], [117.02, 39.01], [117.02, 39.02], [117.01, 39.02], [117.01, 39.01]]
BOW = [[117.01, 39.01], [117.02, 39.02], [117.02, 39.01], [117.01, 39.02], [117.01, 39.01]]
GOOD: dict[str, Any] = {"name": "地块", "precision": "surveyed", "source": "勘测", "floors": 3}
RINGS: list[dict[str, Any] | None] = [
    {"type": "Polygon", "coordinates": [SQUARE]},
    {"coordinates": [SQUARE], "type": "Polygon"},
    {"type": "Polygon", "coordinates": [[[x + 0.0455, y] for x, y in SQUARE]]},
    {"type": "Polygon", "coordinates": [[[x + 0.123456789, y] for x, y in SQUARE]]},
    {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
    {"type": "Polygon", "coordinates": [BOW]},
    {"type": "Polygon", "coordinates": []},
    {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 7], [1, 2]]]},
    {"type": "Point", "coordinates": [117.01, 39.01]},
    None,
]
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": 7},
    {"floors": 3.5},
    {"floors": -1},
    {"floors": None},
    {"area_m2": 1, "subdistrict": "别处"},
    {"unknown": 1},
    {"precision": "unlocated"},
    {"precision": "wild"},
    {"updated_at": "2025-01-02"},
    {"updated_at": "昨天"},
    {"error_m": 1e-9},
    {"name": '引号"与\\和\n'},
    {"attachments": "0123456789abcdef"},
    {"attachments": "x"},
]


def definition() -> LayerDefinition:
    return LayerDefinition(
        id="plots",
        title=Text("地块", "Plots"),
        theme="reference",
        geometry_types=("Polygon", "MultiPolygon"),
        serial="DK",
        symbol="polygon_green",
        source="勘测",
        fields=(
            Field(key="floors", title=Text("层数", "Floors"), type="integer", minimum=0),
            Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²", derived=True),
        ),
    )


def change(
    number: int, geometry: dict[str, Any] | None, attributes: dict[str, Any], *, fid: str = ""
) -> ProposedChange:
    return ProposedChange(
        fid=fid or f"NK-DK-{number:04}",
        operation="add",
        row=number,
        how="id",
        fields=(),
        given=(),
        properties={**GOOD, **attributes},
        geometry=geometry,
    )


def proposals() -> list[ProposedChange]:
    """Every geometry with every way to go wrong, a deletion, and a strange id."""
    pairs = [(ring, told) for ring in RINGS for told in ATTRIBUTES]
    random.Random(1).shuffle(pairs)
    found = [change(number, ring, told) for number, (ring, told) in enumerate(pairs)]
    gone = msgspec.structs.replace(change(9001, None, {}), operation="delete", properties=None)
    return [*found, gone, change(9002, RINGS[0], {}, fid="别的编号")]


def one_by_one(changes: list[ProposedChange]) -> list[StoredFeature]:
    whole = [with_derived(definition(), f, AREAS) for c in changes if (f := c.after()) is not None]
    return [stored(f) for f in whole if not any(x.level == "block" for x in check_feature(definition(), f))]


@pytest.mark.parametrize("at_once", [7, 5_000])
def test_rows_made_in_batches_are_those_made_one_by_one(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_layer, "AT_ONCE", at_once)
    changes = proposals()
    batches = list(stored_rows(definition(), map(msgspec.json.encode, changes), AREAS))
    made = [row for rows, _ in batches for row in rows]
    shapes = numpy.concatenate([shapes for _, shapes in batches])
    expected = shapes_of_lines([row.line.encode() for row in made])
    missing = shapely.is_missing(expected)
    assert shapely.is_missing(shapes).tolist() == missing.tolist()
    assert shapely.equals_identical(shapes, expected)[~missing].all()
    assert made == one_by_one(changes)
    assert 20 < len(made) < len(changes) - 50
    told = [msgspec.json.decode(row.line)["properties"] for row in made]
    assert {"甲街道", "乙街道", "丙街道"} <= {each.get("subdistrict") for each in told}
    assert any(950_000 < each["area_m2"] < 970_000 for each in told if each.get("area_m2"))


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[LayerStore]:
    opened = open_store(database_url, tmp_path, lambda: datetime.datetime.now(datetime.UTC))
    yield opened
    opened.close()


def file_of(folder: Path, changes: list[ProposedChange]) -> Path:
    path = folder / "changes.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in changes))
    return path


def test_a_layer_made_elsewhere_holds_every_row_that_fits(store: LayerStore, tmp_path: Path) -> None:
    changes = proposals()
    make_layer(store, NewLayer(definition(), file_of(tmp_path, changes), AREAS, "chief", "勘测入库"))
    expected = sorted(one_by_one(changes), key=lambda row: row.fid)
    assert list(store.rows("plots")) == expected
    revision = store.layer("plots").revision
    assert (revision.rev, revision.added, revision.author, revision.kind) == (1, len(expected), "chief", "upload")
    store.flush()
    assert len(store.published_path("plots").read_bytes().splitlines()) == len(expected) + 2


def test_what_is_built_while_rows_are_written_is_what_the_store_gives(store: LayerStore, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, large=20, beside=make_source)
    make_layer(store, NewLayer(definition(), file_of(tmp_path, proposals()), AREAS, "chief", ""), workshop)
    revision = store.layer("plots").revision
    folder = workshop.folder("plots", 1, revision.sha256)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    ahead = contents(folder)
    assert ahead["layer.geojson"] == store.published_path("plots").read_bytes()
    assert {"columns/keys.json", "sides.npy"} < ahead.keys()
    assert any(name.startswith("tiles-") for name in ahead)
    shutil.rmtree(tmp_path / "cache")
    Publisher(store, tmp_path, large=20, beside=make_source).build("plots", 1)
    assert contents(folder) == ahead


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_row_alone_makes_a_layer_too(store: LayerStore, tmp_path: Path) -> None:
    make_layer(store, NewLayer(definition(), file_of(tmp_path, [change(1, RINGS[0], {})]), (), "chief", ""))
    assert store.layer("plots").count == 1


def test_a_stretch_without_a_single_usable_row_is_passed_over(
    store: LayerStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [msgspec.structs.replace(change(n, None, {}), operation="delete", properties=None) for n in range(5, 9)]
    with Spool.opened(tmp_path) as spool:
        monkeypatch.setattr(bulk_layer, "AT_ONCE", 2)
        lines = map(msgspec.json.encode, [change(1, RINGS[0], {}), *gone, change(2, RINGS[0], {})])
        spool.fill(stored_rows(definition(), lines, ()))
        assert len(ReadyRows("plots", spool)) == 2
    make_layer(store, NewLayer(definition(), file_of(tmp_path, [*gone, change(1, RINGS[0], {})]), (), "chief", ""))
    assert store.layer("plots").count == 1


def test_two_rows_of_one_id_leave_nothing_behind(store: LayerStore, tmp_path: Path) -> None:
    twice = [change(number, RINGS[0], {}) for number in (1, 2, 3, 1)]
    with pytest.raises(StorageFault):
        make_layer(store, NewLayer(definition(), file_of(tmp_path, twice), AREAS, "chief", ""))
    assert "plots" not in {state.definition.id for state in store.layers()}
