"""The same features through every format and CRS come back unchanged, and a real change is found."""

from __future__ import annotations

import dataclasses
import functools
import random
from pathlib import Path
from typing import Any

import pytest
import shapely

from geo_service.core.features import Feature, geometry_of
from geo_service.core.layers import LayerDefinition
from geo_service.ingest.writers import WRITERS, OutFormat, write_layer

from .conftest import Upload, collection, feature, snapshot, square, zones

COUNT = 2000
CASES = [(name, crs) for name, writer in WRITERS.items() for crs in writer.crs]
WORDS = "长虹街密云路红旗道口袋公园改造雨污分流（一期）、二期·α≥5m²\"'&<>=学校㑇𠀀"


@functools.cache
def features(count: int = COUNT) -> tuple[Feature, ...]:
    draw = random.Random(7)
    return tuple(_feature(i, draw) for i in range(count))


def _feature(number: int, draw: random.Random) -> Feature:
    lon, lat = 117.13 + (number % 50) * 0.0008, 39.09 + (number // 50) * 0.0008
    shape: Any = shapely.box(lon, lat, lon + 0.0005, lat + draw.uniform(0.0002, 0.0006))
    if number % 7 == 0:
        shape = shape.difference(shapely.box(lon + 0.0001, lat + 0.0001, lon + 0.0002, lat + 0.00015))
    if number % 11 == 0:
        shape = shapely.MultiPolygon([shape, shapely.box(lon + 0.0006, lat, lon + 0.0007, lat + 0.0001)])
    properties = {
        "name": f"片区{number}号",
        "precision": draw.choice(["surveyed", "parcel", "guess"]),
        "source": "测绘院 2025",
        "status": draw.choice([None, "done", "started"]),
        "households": draw.choice([None, 0, 12, 3456]),
        "depth_m": draw.choice([None, 0.1, 1 / 3, 2.5]),
        "lead": draw.choice(["区住建委", None, "=1+1", "+86 22", "-", "@某"]),
        "note": "".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 12))).strip() or None,
        "finished_on": draw.choice([None, "2025-03-01"]),
        "open": draw.choice([None, True, False]),
        "grade": draw.choice([None, "high", "low"]),
        "error_m": draw.choice([None, 5, 0.5]),
        "updated_at": "2025-06-30",
    }
    return Feature(
        f"NK-JSD-{number + 1:03d}", {k: v for k, v in properties.items() if v is not None}, geometry_of(shape)
    )


def written(name: OutFormat, crs: int, rows: tuple[Feature, ...], folder: Path, definition: LayerDefinition) -> Path:
    return write_layer(name, rows, folder / f"out{WRITERS[name].suffix}", definition=definition, rev=3, crs=crs)


def codes(found: Any) -> dict[str, int]:
    ignored = {"field-unmapped", "crs-assumed", "encoding-chosen"}
    return {c: n for c, n in found.counts.items() if c not in ignored}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "crs"), CASES, ids=[f"{n}-{c}" for n, c in CASES])
def test_two_thousand_features_come_back_unchanged(name: OutFormat, crs: int, upload: Upload, tmp_path: Path) -> None:
    rows = features()
    path = written(name, crs, rows, tmp_path, zones())
    found = upload(path, path.name, current=snapshot(rows))
    assert codes(found) == {}
    assert found.crs is not None
    assert found.crs.state == "declared", found.crs.reason
    assert found.base_rev == 3
    assert list(found.changes()) == []
    assert (found.tally.unchanged, dict(found.tally.matched)) == (COUNT, {"id": COUNT})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "crs"), CASES, ids=[f"{n}-{c}" for n, c in CASES])
def test_a_moved_vertex_and_a_changed_cell_are_found(name: OutFormat, crs: int, upload: Upload, tmp_path: Path) -> None:
    rows = features()
    moved = shapely.from_geojson(shapely.to_geojson(rows[3].shape()))
    ring = [list(p) for p in moved.exterior.coords]
    ring[1][0] += 0.000001
    bent = dataclasses.replace(rows[3], geometry=geometry_of(shapely.Polygon(ring)))
    renamed = dataclasses.replace(rows[5], properties={**rows[5].properties, "name": "改过的名称"})
    edited = (*rows[:3], bent, rows[4], renamed, *rows[6:])
    path = written(name, crs, edited, tmp_path, zones())
    found = upload(path, path.name, current=snapshot(rows))
    changes = sorted((c.fid, c.fields) for c in found.changes())  # a spatial index sorts the rows its own way
    assert changes == [("NK-JSD-004", ("geometry",)), ("NK-JSD-006", ("name",))]


def test_points_come_back_from_tables_with_coordinates(upload: Upload, tmp_path: Path) -> None:
    definition = zones(geometry_types=("Point",))
    rows = tuple(
        Feature(f.id, f.properties, {"type": "Point", "coordinates": [round(117.13 + i * 0.0005, 7), 39.1]})
        for i, f in enumerate(features(30))
    )
    for name, crs in (("csv", 4490), ("csv", 4548), ("xlsx", 4527), ("shp", 4548), ("kml", 4490), ("dxf", 4527)):
        path = written(name, crs, rows, tmp_path, definition)
        found = upload(path, path.name, current=snapshot(rows, definition), definition=definition)
        assert (codes(found), list(found.changes()), found.tally.unchanged) == ({}, [], 30), (name, crs)


def test_lines_come_back_from_every_format(upload: Upload, tmp_path: Path) -> None:
    definition = zones(geometry_types=("LineString", "MultiLineString"))
    line = {"type": "LineString", "coordinates": [[117.14, 39.1], [117.15, 39.101], [117.151, 39.1]]}
    rows = tuple(Feature(f.id, f.properties, line) for f in features(3))
    for name in WRITERS:
        path = written(name, 4490, rows, tmp_path, definition)
        found = upload(path, path.name, current=snapshot(rows, definition), definition=definition)
        assert list(found.changes()) == [], name
        assert found.tally.unchanged == 3, name


def test_the_other_gdal_reads_what_was_written(tmp_path: Path) -> None:
    import pyogrio

    path = written("shp", 4527, features(5), tmp_path, zones())
    info = pyogrio.read_info(path)
    assert info["crs"] == "EPSG:4527"
    assert info["encoding"] == "UTF-8"
    assert all(len(name) <= 10 and name.isascii() for name in info["fields"])
    assert pyogrio.read_info(written("gpkg", 4548, features(5), tmp_path, zones()))["crs"] == "EPSG:4548"


def test_a_key_a_geojson_feature_lacks_leaves_the_value_and_null_empties_it(upload: Upload) -> None:
    kept = {"precision": "surveyed", "source": "测绘院 2025", "lead": "区住建委", "note": "旧"}
    rows = tuple(
        Feature(f"NK-JSD-00{n}", {"name": f"片区{n}号", **kept}, square(117.14 + n / 500, 39.1)) for n in (1, 2, 3)
    )
    told: tuple[dict[str, Any], ...] = ({"note": "新"}, {"lead": None, "note": "旧"}, {"lead": "区住建委"})
    body = collection(*(feature(f.geometry, f.id, **more) for f, more in zip(rows, told, strict=True)))
    found = upload(body, "部分字段.geojson", current=snapshot(rows))
    assert {c.fid: c.fields for c in found.changes()} == {"NK-JSD-001": ("note",), "NK-JSD-002": ("lead",)}
    first, second = sorted(found.changes(), key=lambda c: c.fid)
    assert first.properties is not None
    assert second.properties is not None
    assert first.properties == {"name": "片区1号", **kept, "note": "新"}
    assert second.properties.get("lead") is None
    assert "lead" not in first.given
    assert "lead" in second.given
