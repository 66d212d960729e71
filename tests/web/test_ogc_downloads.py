"""Files of a layer: opened by other programs, at the right coordinates, in ranges, and only by who may read them."""

from __future__ import annotations

import gzip
import io
import json
import math
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mapbox_vector_tile  # type: ignore[import-untyped]  # it has no types
import pyproj
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pmtiles.reader import MemorySource, Reader, all_tiles  # type: ignore[import-untyped]  # it has no types
from waitress import create_server

from geo_service.core.features import Feature
from geo_service.deployment import Deployment
from geo_service.rendering import pmtiles
from geo_service.storage.kept_files import KeptFiles
from geo_service.usecases.downloads import FORMATS

PLACED, PARTLY, MIXED = "culture", "schools", "carriers"
WIDE = (117.0, 38.9, 117.55, 39.35)
GIS = ("gpkg", "shp", "geojson", "fgb", "parquet")


@pytest.fixture(scope="module")
def server(app: Flask) -> Iterator[str]:
    running = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.effective_port}/ogc"
    running.close()


def fetch(client: FlaskClient, address: str, status: int = 200, **options: Any) -> bytes:
    response = client.get(f"/ogc/download/{address}", buffered=True, **options)
    assert response.status_code == status, response.text
    return bytes(response.data)


def save(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def stored(deployment: Deployment, layer: str) -> dict[str, Feature]:
    return {f.id: f for f in deployment.store.snapshot(layer).features}


def first_corner(feature: Feature) -> tuple[float, float]:
    shape = feature.shape()
    assert shape is not None
    point = shape.representative_point()
    return (point.x, point.y)


@pytest.mark.parametrize("crs", [4490, 4548, 4527])
@pytest.mark.parametrize("name", GIS)
def test_gis_formats_hold_every_feature_where_proj_puts_it(
    client: FlaskClient, deployment: Deployment, tmp_path: Path, name: str, crs: int
) -> None:
    import geopandas

    suffix = {"shp": "zip"}.get(name, name)
    path = save(tmp_path, f"x.{suffix}", fetch(client, f"{PLACED}.{name}?crs={crs}"))
    frame = geopandas.read_parquet(path) if name == "parquet" else geopandas.read_file(path, engine="pyogrio")
    assert frame.crs.to_epsg() == (4326 if name == "geojson" and crs == 4490 else crs)
    features = stored(deployment, PLACED)
    assert set(frame["GS_ID"]) == set(features)
    move = pyproj.Transformer.from_crs(4490, crs, always_xy=True)
    for row in frame.itertuples():
        x, y = move.transform(*first_corner(features[row.GS_ID]))
        there = row.geometry.representative_point()
        assert math.hypot(there.x - x, there.y - y) < (1e-7 if crs == 4490 else 0.01)
        assert row.name == features[row.GS_ID].properties["name"]


@pytest.mark.parametrize("name", ["gpkg", "shp", "fgb", "dxf", "geojson", "parquet", "kml"])
def test_a_layer_of_points_and_areas_is_whole_in_every_format(
    client: FlaskClient, deployment: Deployment, tmp_path: Path, name: str
) -> None:
    """The shipped layer of carriers; a shapefile holds one kind, so there are two of them."""
    import geopandas

    features = stored(deployment, MIXED)
    located = {fid: f.geometry["type"].removeprefix("Multi") for fid, f in features.items() if f.geometry}
    assert set(located.values()) == {"Point", "Polygon"}
    data = fetch(client, f"{MIXED}.{name}?crs=4490")
    if name in ("dxf", "kml"):
        assert all(fid.encode() in data for fid in features)
        wanted = {"dxf": (b"POLYLINE", b"POINT"), "kml": (b"<Polygon>", b"<Point>")}[name]
        assert all(word in data for word in wanted)
        return
    path = save(tmp_path, "x.zip" if name == "shp" else f"x.{name}", data)
    frames = [geopandas.read_parquet(path)] if name == "parquet" else read_all(path)
    assert len(frames) == (2 if name == "shp" else 1)
    shapes = {fid: shape for f in frames for fid, shape in zip(f["GS_ID"], f.geometry, strict=True)}
    assert shapes.keys() == features.keys()
    for fid, feature in features.items():
        there = shapes[fid]
        assert (there is None) == (feature.geometry is None)
        if there is not None:
            assert there.geom_type.removeprefix("Multi") == located[fid]
            assert there.hausdorff_distance(feature.shape()) < 1e-7


def read_all(path: str) -> list[Any]:
    import geopandas
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    return [geopandas.read_file(path, engine="pyogrio", layer=name) for name in names]


@pytest.mark.parametrize("name", ["gpkg", "shp", "geojson", "fgb", "parquet", "kml", "dxf", "xlsx", "csv"])
def test_what_has_no_place_yet_is_in_the_file_too(client: FlaskClient, tmp_path: Path, name: str) -> None:
    import geopandas

    data = fetch(client, f"{PARTLY}.{name}")
    codes = {f"NK-XX-{n:03}" for n in (1, 2, 3)}
    if name in GIS:
        path = save(tmp_path, f"x.{ {'shp': 'zip'}.get(name, name) }", data)
        frame = geopandas.read_parquet(path) if name == "parquet" else geopandas.read_file(path, engine="pyogrio")
        assert set(frame["GS_ID"]) == codes
        return
    text = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml") if name == "xlsx" else data
    assert all(code.encode() in text for code in codes)


def test_the_prj_beside_a_shapefile_is_that_of_its_crs(client: FlaskClient) -> None:
    for crs, said in ((4490, "GCS_China_Geodetic"), (4548, "CGCS2000_3_Degree_GK_CM_117E"), (4527, "GK_Zone_39")):
        with zipfile.ZipFile(io.BytesIO(fetch(client, f"{PLACED}.shp?crs={crs}"))) as bundle:
            text = bundle.read(f"{PLACED}.prj").decode("ascii")
            assert bundle.read(f"{PLACED}.cpg").strip() == b"UTF-8"
        assert said in text
        assert pyproj.CRS.from_wkt(text).to_epsg() == crs


def test_a_filter_a_bbox_and_a_revision_choose_what_is_in_the_file(client: FlaskClient, deployment: Deployment) -> None:
    def ids(query: str) -> set[str]:
        return {f["id"] for f in json.loads(fetch(client, f"waterlogging_zones.geojson?{query}"))["features"]}

    everything = stored(deployment, "waterlogging_zones")
    assert ids("") == set(everything)
    assert ids("filter=area_m2 > 1e9") == set()
    named = {i for i, f in everything.items() if f.properties["name"] == "积水片区 7（示意）"}
    assert ids("filter=名称 = '积水片区 7（示意）'") == named != set()
    assert set() < ids("bbox=117.13,39.10,117.15,39.12") < set(everything)
    assert ids("asOf=1") == set(everything)
    assert fetch(client, "waterlogging_zones.geojson?asOf=99", 404)


def test_a_file_is_read_in_ranges_and_not_sent_twice(client: FlaskClient) -> None:
    url = f"/ogc/download/{PLACED}.gpkg"
    whole = client.get(url, buffered=True)
    part = client.get(url, buffered=True, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, whole.data[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.data)}"
    assert client.get(url, buffered=True, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    changed = client.get(url, buffered=True, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.data)) == (200, len(whole.data))
    assert client.get(url, buffered=True, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert whole.headers["Content-Disposition"] == f"attachment; filename={PLACED}-r1-4490.gpkg"


def test_gdal_opens_a_flatgeobuf_by_its_address(server: str, deployment: Deployment) -> None:
    """In a process of its own: GDAL holds Python's lock while it reads, and the server here needs it to answer."""
    code = "import pyogrio, sys; print(len(pyogrio.read_dataframe(sys.argv[1], bbox=(117.15, 39.09, 117.2, 39.2))))"
    url = f"/vsicurl/{server}/download/waterlogging_zones.fgb"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < len(stored(deployment, "waterlogging_zones"))


def test_pmtiles_hold_the_tiles_of_the_service(client: FlaskClient, deployment: Deployment) -> None:
    source = MemorySource(fetch(client, "waterlogging_zones.pmtiles"))
    reader = Reader(source)
    header, metadata = reader.header(), reader.metadata()
    assert (header["version"], header["clustered"]) == (3, True)
    assert [layer["id"] for layer in metadata["vector_layers"]] == ["waterlogging_zones", "waterlogging_zones_label"]
    tiles = dict(all_tiles(source))
    assert header["addressed_tiles_count"] == len(tiles) > 100
    for (z, x, y), packed in list(tiles.items())[::25]:
        served = client.get(f"/tiles/waterlogging_zones/r1/{z}/{x}/{y}.mvt").data
        assert gzip.decompress(packed) == served
    names = set()
    for (z, _, _), packed in tiles.items():
        if z == header["max_zoom"]:
            decoded = mapbox_vector_tile.decode(gzip.decompress(packed))
            names |= {f["properties"]["id"] for f in decoded["waterlogging_zones"]["features"]}
    assert names == {i for i, f in stored(deployment, "waterlogging_zones").items() if f.geometry}


def test_gdal_opens_pmtiles(client: FlaskClient, tmp_path: Path) -> None:
    import pyogrio

    path = save(tmp_path, "x.pmtiles", fetch(client, f"{PLACED}.pmtiles"))
    assert pyogrio.list_layers(path)[0][0] == PLACED


def test_tiles_are_numbered_along_the_hilbert_curve() -> None:
    from pmtiles.tile import zxy_to_tileid  # type: ignore[import-untyped]  # it has no types

    for z in (0, 1, 2, 5, 13):
        for x, y in ((0, 0), ((1 << z) - 1, 0), ((1 << z) // 2, (1 << z) // 3), (0, (1 << z) - 1)):
            assert pmtiles.tile_id(z, x, y) == zxy_to_tileid(z, x, y)


def test_many_tiles_go_into_leaves_behind_the_root() -> None:
    """Tiles that all differ, so that nothing is joined; the independent reader finds each."""

    def content(z: int, x: int, y: int) -> bytes:
        draw = random.Random(f"{z}/{x}/{y}")
        return draw.randbytes(draw.randrange(1, 1500))

    out = io.BytesIO()
    pmtiles.write_pmtiles(out, content, WIDE, {"name": "x"})
    reader = Reader(MemorySource(out.getvalue()))
    assert reader.header()["leaf_directory_length"] > 0
    deepest = reader.header()["max_zoom"]
    for x, y in list(pmtiles.tiles_over(WIDE, deepest))[::97]:
        assert gzip.decompress(reader.get(deepest, x, y)) == content(deepest, x, y)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("schools.docx", 400),
        ("nothing.gpkg", 404),
        ("schools.gpkg?crs=2382", 400),
        ("schools.gpkg?crs=abc", 400),
        ("schools.kml?crs=4548", 400),
        ("schools.gpkg?filter=((", 400),
        ("schools.gpkg?filter=nothing = 1", 400),
        ("schools.gpkg?bbox=1,2", 400),
        ("schools.gpkg?unknown=1", 400),
        ("schools.pmtiles?filter=classes > 1", 400),
        ("fire_stations.txt", 400),
    ],
)
def test_a_download_that_cannot_be_is_refused_in_words(client: FlaskClient, address: str, status: int) -> None:
    body = json.loads(fetch(client, address, status))
    assert body["status"] == status
    assert body["zh"] != body["en"]


def test_every_format_is_offered_with_words_in_both_languages(client: FlaskClient) -> None:
    for found in FORMATS.values():
        assert found.title.zh
        assert found.use.zh != found.use.en
        fetch(client, f"{PARTLY}.{found.key}")


def test_kept_files_stay_within_their_bound(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 2500)
    built: list[str] = []

    def build(path: Path) -> None:
        built.append(path.name)
        path.write_bytes(b"x" * 1000)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(name, build).read_bytes() == b"x" * 1000
    assert built == ["a", "b", "c", "b"], "b was used least recently when c came"


def test_a_file_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "kept", 2500)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        kept.get("a", fail)
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["locks"]
