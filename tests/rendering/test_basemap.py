"""The offline basemap: reference layers in, one multi-layer tile out."""

import mapbox_vector_tile
import pyproj
import pytest
import shapely
from shapely.geometry import LineString, Polygon, box, mapping, shape

from geo_service.core.features import Feature
from geo_service.core.geojson import load_line
from geo_service.rendering.basemap import Basemap
from geo_service.settings import ROOT


def feature(fid, geometry, **properties):
    return Feature(fid, properties, mapping(geometry) if geometry is not None else None)


WEST, EAST = box(117.11, 39.06, 117.15, 39.15), box(117.15, 39.06, 117.19, 39.15)
DISTRICT = feature("NK-JX-001", WEST.union(EAST), name="南开区", name_en="Nankai")
PARTS = (feature("NK-JD-001", WEST, name="西街道"), feature("NK-JD-002", EAST, name="东街道"))
WAYS = (
    feature("NK-DL-001", LineString([(117.1, 39.1), (117.2, 39.1)]), name="复康路", kind="road"),
    feature("NK-DL-002", LineString([(117.1, 39.12), (117.2, 39.12)]), name="铁路支线", kind="rail"),
    feature("NK-DL-003", LineString([(117.1, 39.08), (117.2, 39.08)]), name="", kind=None),
    feature("NK-DL-004", None, name="未落图路"),
)
LAKE = feature("NK-SX-001", box(117.155, 39.085, 117.17, 39.095), name="水上公园东湖", kind="lake")


def tile_at(z, lon, lat):
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    half = 20037508.342789244
    return z, int((x + half) / (2 * half) * 2**z), int((half - y) / (2 * half) * 2**z)


def around(z, reach):
    """Tiles around the middle of the district."""
    _, x, y = tile_at(z, 117.15, 39.105)
    return [(z, x + dx, y + dy) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1)]


def read(data):
    layers = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True}) if data else {}
    return {n: [f | {"geometry": shape(f["geometry"])} for f in v["features"]] for n, v in layers.items()}


@pytest.fixture(scope="module")
def layers():
    basemap = Basemap(boundary=[DISTRICT], subdistricts=PARTS, streets=WAYS, water=[LAKE])
    found = {}
    for tile in around(12, 1):
        for name, features in read(basemap.tile(*tile)).items():
            found.setdefault(name, []).extend(features)
    return found


def test_a_tile_has_the_layers_the_style_draws(layers):
    assert {"boundary", "subdistrict", "subdistrict_label", "road", "rail", "water"} <= set(layers)


def test_roads_and_rails_are_told_apart_by_kind_and_no_kind_is_a_road(layers):
    assert {f["properties"].get("name") for f in layers["rail"]} == {"铁路支线"}
    assert {f["properties"]["id"] for f in layers["road"]} == {"NK-DL-001", "NK-DL-003"}
    assert {f["properties"]["kind"] for f in layers["road"]} == {"road"}


def test_names_come_in_both_languages_and_empty_ones_stay_away(layers):
    areas = [f for f in layers["boundary"] if f["geometry"].geom_type.endswith("Polygon")]
    assert {(f["properties"]["name"], f["properties"]["name_en"]) for f in areas} == {("南开区", "Nankai")}
    nameless = [f for f in layers["road"] if f["properties"]["id"] == "NK-DL-003"]
    assert all("name" not in f["properties"] for f in nameless)


def test_the_outline_is_there_as_an_area_and_as_a_line(layers):
    kinds = {f["geometry"].geom_type.removeprefix("Multi") for f in layers["boundary"]}
    assert kinds == {"Polygon", "LineString"}


def test_every_subdistrict_has_one_label_point(layers):
    assert sorted(f["properties"]["name"] for f in layers["subdistrict_label"]) == ["东街道", "西街道"]


def test_a_border_two_subdistricts_share_is_drawn_once():
    basemap = Basemap(subdistricts=PARTS)
    data = read(basemap.tile(*tile_at(15, 117.15, 39.105)))
    lines = [f["geometry"] for f in data["subdistrict"] if f["geometry"].geom_type.endswith("LineString")]
    assert len(lines) == 1
    assert shapely.union_all(lines).length == pytest.approx(4096 + 128, abs=1)


def test_nothing_given_makes_empty_tiles():
    assert Basemap().tile(*tile_at(12, 117.15, 39.105)) == b""
    assert Basemap(streets=[WAYS[3]], boundary=[feature("x", Polygon())]).tile(0, 0, 0) == b""


def test_the_shipped_reference_layers_make_a_basemap_at_every_zoom():
    names = ("boundary", "subdistricts", "streets", "water")
    shipped = {n: _shipped(n) for n in names}
    basemap = Basemap(**shipped)
    for z in range(8, 19):
        found = read(basemap.tile(*tile_at(z, 117.17307, 39.1034)))
        assert {"boundary", "subdistrict", "road"} <= set(found)
    labels = [f for tile in around(13, 3) for f in read(basemap.tile(*tile)).get("subdistrict_label", [])]
    labels = [f["properties"]["name"] for f in labels]
    assert len(labels) == len(set(labels)) == 12


def _shipped(name):
    lines = (ROOT / "layers" / f"{name}.geojson").read_text(encoding="utf-8").splitlines()
    return [load_line(line.rstrip(",")) for line in lines if line.startswith('{"geometry"')]
