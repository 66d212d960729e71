"""Revisions ready to send."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import brotli
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from geo_service.core.geojson import dump_collection, dump_line
from geo_service.errors import LayerNotFound, RevisionNotFound
from geo_service.storage import published
from geo_service.storage.building import TEMPORARY
from geo_service.storage.files import write_file
from geo_service.storage.packing import HILBERT_BITS, PUBLISHED, hilbert_distance, hilbert_order, pack
from geo_service.storage.published import PublishedRevision
from geo_service.storage.publisher import KEPT_FOLDERS, Publisher
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, point, square, triangle, unlocated

POLYGONS = definition(geometry_types=("Polygon",))


@pytest.fixture
def publisher(store: LayerStore, home: Path) -> Publisher:
    store.create_layer(definition(), [point(1), point(2, lon=117.16), unlocated(3)], author="a", note="")
    return Publisher(store, home)


def test_the_whole_layer_is_the_published_file_in_every_encoding(publisher: Publisher, store: LayerStore) -> None:
    ready = publisher.revision("schools")
    plain = store.published_path("schools").read_bytes()
    assert ready.path().read_bytes() == plain
    assert gzip.decompress(ready.path("gzip").read_bytes()) == plain
    assert brotli.decompress(ready.path("br").read_bytes()) == plain
    assert ready.sha256 == hashlib.sha256(plain).hexdigest() == store.layer("schools").revision.sha256
    assert ready.etag == ready.sha256[:32]
    assert ready.count == 3


def test_an_old_revision_is_published_as_it_was(publisher: Publisher, store: LayerStore) -> None:
    first = store.published_path("schools").read_bytes()
    store.commit("schools", {"NK-SCH-001": None}, base=1, kind="edit", author="a", note="")
    assert publisher.revision("schools", 1).path().read_bytes() == first
    assert publisher.revision("schools").rev == 2
    assert publisher.revision("schools").count == 2


def test_what_is_not_there_is_not_found(publisher: Publisher) -> None:
    with pytest.raises(LayerNotFound):
        publisher.revision("nothing")
    with pytest.raises(RevisionNotFound):
        publisher.revision("schools", 2)


def test_a_folder_is_built_once_and_shared(publisher: Publisher, store: LayerStore, home: Path) -> None:
    folder = publisher.revision("schools").folder
    marker = folder.stat().st_ino
    assert Publisher(store, home).revision("schools").folder.stat().st_ino == marker
    assert publisher.revision("schools") is publisher.revision("schools")


def test_a_deleted_cache_is_built_again(publisher: Publisher, home: Path) -> None:
    before = publisher.revision("schools").path("br").read_bytes()
    shutil.rmtree(home / "cache")
    ready = publisher.revision("schools")
    assert ready.path("br").read_bytes() == before
    assert json.loads(ready.page(None, 10))["numberMatched"] == 3


def test_what_a_killed_builder_left_is_removed(publisher: Publisher, home: Path) -> None:
    leftover = home / "cache" / "revisions" / "schools" / f"{TEMPORARY}1"
    leftover.mkdir(parents=True)
    (leftover / "features.bin").write_bytes(b"half")
    assert publisher.revision("schools").count == 3
    assert not leftover.exists()


def test_folders_nobody_asks_for_are_removed_after_a_while(
    publisher: Publisher, store: LayerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geo_service.storage.publisher.GRACE_S", -1)
    for pupils in range(8):
        store.commit(
            "schools", {"NK-SCH-001": point(1, pupils=pupils)}, base=1 + pupils, kind="edit", author="a", note=""
        )
        publisher.revision("schools")
    assert len(list(publisher.revision("schools").folder.parent.iterdir())) == KEPT_FOLDERS
    assert publisher.revision("schools", 1).count == 3


def test_a_page_is_a_feature_collection_of_the_very_features(publisher: Publisher, store: LayerStore) -> None:
    page = json.loads(publisher.revision("schools").page(None, 2, 1, members=lambda m, r: {"links": [m, r]}))
    assert page["type"] == "FeatureCollection"
    assert (page["numberMatched"], page["numberReturned"], page["rev"], page["links"]) == (3, 2, 1, [3, 2])
    expected = {f["id"]: f for f in json.loads(store.published_path("schools").read_bytes())["features"]}
    assert all(f == expected[f["id"]] for f in page["features"])


def test_unlocated_features_are_in_no_bbox(publisher: Publisher) -> None:
    ready = publisher.revision("schools")
    assert matched(ready, (-180, -90, 180, 90)) == {"NK-SCH-001", "NK-SCH-002"}
    assert matched(ready, (117.155, 39, 117.165, 40)) == {"NK-SCH-002"}
    assert matched(ready, (0, 0, 1, 1)) == set()


def test_an_empty_layer_has_empty_pages(store: LayerStore, home: Path) -> None:
    store.create_layer(definition(), [], author="a", note="")
    ready = Publisher(store, home).revision("schools")
    for bbox in (None, (117, 39, 118, 40)):
        assert json.loads(ready.page(bbox, 10))["features"] == []


def test_a_layer_without_positions_has_pages(store: LayerStore, home: Path) -> None:
    store.create_layer(definition(), [unlocated(n) for n in range(3)], author="a", note="")
    ready = Publisher(store, home).revision("schools")
    assert json.loads(ready.page(None, 10))["numberReturned"] == 3
    assert json.loads(ready.page((117, 39, 118, 40), 10))["numberReturned"] == 0


def test_a_bbox_in_the_empty_half_of_a_triangle_finds_nothing(store: LayerStore, home: Path) -> None:
    store.create_layer(POLYGONS, [triangle(1, 117.1, 39.1, 0.01)], author="a", note="")
    ready = Publisher(store, home).revision("schools")
    assert matched(ready, (117.107, 39.107, 117.109, 39.109)) == set()
    assert matched(ready, (117.101, 39.101, 117.102, 39.102)) == {"NK-SCH-001"}
    assert matched(ready, (117.10, 39.11, 117.12, 39.12)) == {"NK-SCH-001"}, "touching counts"


def matched(ready: PublishedRevision, bbox: tuple[float, float, float, float], limit: int = 10_000) -> set[str]:
    page = json.loads(ready.page(bbox, limit))
    assert page["numberMatched"] == page["numberReturned"]
    return {f["id"] for f in page["features"]}


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> tuple[PublishedRevision, dict[str, Any]]:
    """700 triangles and squares over a square degree, and ten without a place."""
    random = numpy.random.default_rng(7)
    corners = random.uniform(0, 1, (700, 2)).round(7)
    sizes = random.choice([0.001, 0.01, 0.1], 700)
    make = (triangle, square)
    located = [make[n % 2](n, 117 + x, 39 + y, s) for n, ((x, y), s) in enumerate(zip(corners, sizes, strict=True))]
    folder = tmp_path_factory.mktemp("scattered")
    features = sorted([*located, *(unlocated(n) for n in range(700, 710))], key=lambda f: f.id)
    sha256 = write_file(folder / PUBLISHED, dump_collection("schools", 1, map(dump_line, features)))
    pack(folder, columns=False)
    return PublishedRevision("schools", 1, sha256, folder), {f.id: f.shape() for f in located}


coordinate = st.floats(-0.1, 1.2, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(coordinate, coordinate, coordinate, coordinate)
def test_a_bbox_finds_exactly_what_shapely_finds(
    scattered: tuple[PublishedRevision, dict[str, Any]], x1: float, y1: float, x2: float, y2: float
) -> None:
    ready, shapes = scattered
    bbox = (117 + min(x1, x2), 39 + min(y1, y2), 117 + max(x1, x2), 39 + max(y1, y2))
    window = box(*bbox)
    assert matched(ready, bbox) == {fid for fid, shape in shapes.items() if shape.intersects(window)}


def test_regions_of_blocks_find_what_blocks_find(
    scattered: tuple[PublishedRevision, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_blocks, _ = scattered
    by_regions = PublishedRevision("schools", 1, by_blocks.sha256, by_blocks.folder)
    sides = numpy.sort(numpy.random.default_rng(3).uniform(-0.1, 1.2, (200, 2, 2)), axis=1)
    windows = [tuple(window) for window in (sides + numpy.array((117, 39))).reshape(-1, 4).tolist()]
    expected = [by_blocks.meeting(window).tolist() for window in windows]
    monkeypatch.setattr(published, "MANY_BLOCKS", 0)
    monkeypatch.setattr(published, "REGION", 4)
    monkeypatch.setattr(published, "_IN_REGION", numpy.arange(4))
    assert [by_regions.meeting(window).tolist() for window in windows] == expected
    assert 2 * 4 > len(by_regions._blocks) > 4, "the last region is a short one"


@settings(max_examples=60, deadline=None)
@given(coordinate, coordinate, st.integers(1, 300))
def test_pages_join_to_the_whole_answer(
    scattered: tuple[PublishedRevision, dict[str, Any]], x: float, y: float, limit: int
) -> None:
    ready, _ = scattered
    bbox = (117 + x, 39 + y, 117 + x + 0.5, 39 + y + 0.5)
    whole = json.loads(ready.page(bbox, 10_000))["features"]
    pages = [json.loads(ready.page(bbox, limit, offset))["features"] for offset in range(0, len(whole) + limit, limit)]
    assert [f for page in pages for f in page] == whole


def test_an_offset_behind_the_end_gives_an_empty_page(scattered: tuple[PublishedRevision, dict[str, Any]]) -> None:
    ready, _ = scattered
    for bbox in (None, (117.0, 39.0, 118.0, 40.0)):
        page = json.loads(ready.page(bbox, 10, 10_000))
        assert page["features"] == []
        assert page["numberMatched"] >= 700


def test_the_hilbert_curve_visits_every_cell_once_and_steps_by_one() -> None:
    size = 1 << HILBERT_BITS
    x, y = (axis.ravel().astype(numpy.int64) for axis in numpy.meshgrid(numpy.arange(32), numpy.arange(32)))
    scale = size // 32
    distance = hilbert_distance(x * scale, y * scale) // (scale * scale)
    order = numpy.argsort(distance)
    assert sorted(distance.tolist()) == list(range(32 * 32))
    steps = numpy.abs(numpy.diff(x[order])) + numpy.abs(numpy.diff(y[order]))
    assert (steps == 1).all()


def test_every_file_is_on_the_disk_before_its_folder_counts_as_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(threading, "active_count", lambda: 2)  # no process beside, whose calls are not seen here
    features = [triangle(number, 117.0 + number, 39.0, 0.1) for number in (1, 2)]
    write_file(tmp_path / PUBLISHED, dump_collection("schools", 1, map(dump_line, features)))
    pack(tmp_path, columns=True)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path.name for path in files if path.stat().st_ino not in synced] == []


def test_features_without_a_place_come_last() -> None:
    nan = numpy.nan
    boxes = numpy.array([[nan] * 4, [1.0, 1, 1, 1], [nan] * 4, [0.0, 0, 0, 0]])
    assert hilbert_order(boxes).tolist()[2:] == [0, 2]
    assert sorted(hilbert_order(boxes).tolist()[:2]) == [1, 3]
