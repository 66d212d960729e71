"""The shipped layers: rebuilt byte for byte, valid, inside the district, and honest about what is known."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.geojson import dump_collection, dump_line
from geo_service.core.layers import SUBDISTRICT_WORDS, LayerDefinition
from geo_service.core.plan import Commitment
from geo_service.core.validation import check_features
from geo_service.rendering import symbols
from geo_service.rendering.printing.table import value_text
from geo_service.settings import ROOT
from geo_service.storage.seed import read_seed
from geo_service.usecases.tables import display

LAYERS = ROOT / "layers"
IDS = sorted(p.stem for p in LAYERS.glob("*.toml"))
ASKED_FOR = {
    *("renewal_areas", "pocket_parks", "waterlogging_zones", "schools", "fire_stations", "old_communities"),
    *("elevators", "roads", "supporting_works", "pipelines", "misconnection_points", "water_environment"),
    *("food_markets", "life_circles", "parks", "carriers", "idle_land", "construction_sites", "research_health"),
    *("health_circle", "community_facilities", "culture", "waterlogging_candidates"),
    *("boundary", "subdistricts", "streets", "water", "named_areas"),
}
SHOWN = {"renewal_areas", "pocket_parks", "waterlogging_zones", "schools", "fire_stations"}
NO_MEMBER_NAMED = {
    *("old_communities", "elevators", "pipelines", "misconnection_points", "water_environment", "life_circles"),
    *("construction_sites", "health_circle"),
}
FOLLOWS_FROM_THE_SHAPE = {"area_m2", "subdistrict"}
SAME_FOR_ALL = {
    *("name", "name_en", "verb", "commitment", "plan_status", "status", "precision", "position_precision"),
    *("error_m", "source", "source_en", "updated_at"),
}


def definition(layer_id: str) -> LayerDefinition:
    return msgspec.convert(tomllib.loads((LAYERS / f"{layer_id}.toml").read_text("utf-8")), LayerDefinition)


def features(layer_id: str) -> list[Feature]:
    body = json.loads((LAYERS / f"{layer_id}.geojson").read_text("utf-8"))
    return [Feature(f["id"], f["properties"], f["geometry"]) for f in body["features"]]


def geometries(layer_id: str) -> list[BaseGeometry]:
    return [shape(f.geometry) for f in features(layer_id) if f.geometry]


def facts(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / "facts" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "data" / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def district() -> BaseGeometry:
    return crs.project(geometries("boundary")[0])


@pytest.fixture(scope="module")
def commitments() -> dict[str, Commitment]:
    return {c.id: c for c in msgspec.convert(read("plan_2025.toml")["commitments"], list[Commitment])}


# ---------------------------------------------------------------- the files


def test_rebuilding_gives_the_same_bytes(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts" / "build_layers")]
    for seed in ("1", "2"):
        out = tmp_path / seed
        subprocess.run([*script, "--out", str(out)], check=True, env={"PYTHONHASHSEED": seed}, capture_output=True)
        assert {p.name for p in out.iterdir()} == {p.name for p in LAYERS.iterdir()}
        for path in LAYERS.iterdir():
            assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "boundary.geojson").write_text("{}", "utf-8")
    script = [sys.executable, str(ROOT / "scripts" / "build_layers"), "--check", "--out", str(tmp_path)]
    found = subprocess.run(script, check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert "differs: boundary.geojson" in found.stdout


def test_every_layer_asked_for_is_there_and_five_are_shown() -> None:
    assert set(IDS) == ASKED_FOR
    assert {i for i in IDS if definition(i).shown} == SHOWN
    assert len({definition(i).serial for i in IDS}) == len(IDS)


@pytest.mark.parametrize("layer_id", IDS)
def test_a_layer_has_no_finding_and_canonical_lines(layer_id: str) -> None:
    layer, found = definition(layer_id), features(layer_id)
    assert list(check_features(layer, enumerate(found, start=2))) == []
    assert [f.id for f in found] == sorted({f.id for f in found})
    canonical = b"".join(dump_collection(layer_id, 1, [dump_line(f) for f in found]))
    assert (LAYERS / f"{layer_id}.geojson").read_bytes() == canonical


@pytest.mark.parametrize("layer_id", IDS)
def test_a_layer_has_words_in_both_languages_and_a_symbol(layer_id: str) -> None:
    layer = definition(layer_id)
    words = [layer.title, layer.description, *(f.title for f in layer.fields)]
    words += [code.title for f in layer.fields for code in f.codes]
    assert all(text.zh and text.en for text in words)
    assert layer.source
    assert layer.symbol in symbols.NAMES
    assert len({f.key for f in layer.all_fields}) == len(layer.all_fields)
    assert layer.field("name_en")


@pytest.mark.parametrize("layer_id", IDS)
def test_units_stand_in_the_names_of_numbers(layer_id: str) -> None:
    ends = {"m²": "_m2", "m": "_m", "mm": "_mm", "cm": "_cm", "h": "_hours", "min": "_min", "%": "_share"}
    for field in definition(layer_id).fields:
        if field.unit in ends:
            assert field.key.endswith(ends[field.unit]), field.key


def test_the_product_imports_the_layers_without_a_problem() -> None:
    seed = read_seed(LAYERS)
    assert seed.problems == ()
    assert {layer.definition.id for layer in seed.layers} == ASKED_FOR


# ---------------------------------------------------------------- the plan


def test_every_commitment_with_a_place_is_reached_by_its_layer(commitments: dict[str, Commitment]) -> None:
    reached = {c: i for i in IDS for c in definition(i).commitments}
    assert reached == {c.id: c.layer for c in commitments.values() if c.layer}
    assert {c.id for c in commitments.values() if c.spatial} <= reached.keys()


@pytest.mark.parametrize("layer_id", IDS)
def test_features_refer_to_commitments_of_their_layer(layer_id: str, commitments: dict[str, Commitment]) -> None:
    layer = definition(layer_id)
    for feature in features(layer_id):
        p = feature.properties
        assert p["status"] is None
        assert p["commitment"] is None or p["commitment"] in layer.commitments
        assert p.get("candidate_for") is None or p["candidate_for"] in commitments
        if p["commitment"]:
            assert p["verb"] == commitments[p["commitment"]].verb


def test_the_counts_are_those_of_the_plan() -> None:
    assert len(features("waterlogging_zones")) == 40
    assert Counter(f.properties["commitment"] for f in features("pocket_parks")) == {"pocket-parks-6": 6}
    assert len(features("subdistricts")) == 12
    assert {i for i in IDS if not features(i)} == NO_MEMBER_NAMED


def test_every_place_and_every_member_of_a_commitment_became_a_feature(commitments: dict[str, Commitment]) -> None:
    by_commitment = Counter(f.properties["commitment"] for i in IDS for f in features(i))
    for commitment in commitments.values():
        if commitment.layer:
            placed = {"waterlogging-40": 40, "pocket-parks-6": 6}.get(commitment.id, len(commitment.members))
            assert by_commitment[commitment.id] == placed, commitment.id
    names = {f.name.replace("（", "(").replace("）", ")") for i in IDS for f in features(i)}
    for row in facts("places.csv"):
        if row["id"] != "land-waterworks-south-bc":
            assert any(name.startswith(row["name_zh"].rstrip(")")) for name in names), row["name_zh"]


def test_candidates_are_marked_and_do_not_count() -> None:
    hospitals = [f for f in features("research_health") if f.properties["candidate"]]
    spots = features("waterlogging_candidates")
    assert (len(hospitals), len(spots)) == (5, 4)
    for feature in (*hospitals, *spots):
        assert "候选" in feature.name
        assert feature.properties["commitment"] is None
        assert feature.properties["candidate_for"]


# ---------------------------------------------------------------- honesty


def test_positions_and_precisions_are_those_of_the_facts() -> None:
    rows = {r["id"]: r for r in facts("places.csv")}
    placements = read("placements.toml")["places"]
    by_source = {f.properties.get("source_en"): f for i in IDS for f in features(i)}
    assert [p["id"] for p in placements] == list(rows)
    for placement in placements:
        row, feature = rows[placement["id"]], by_source[rows[placement["id"]]["source"]]
        if not row["lon_wgs84"]:
            assert feature.geometry is None
            assert feature.precision == "unlocated"
            assert feature.properties["error_m"] is None
            continue
        assert feature.properties["position_precision"] == row["precision"]
        assert feature.precision in (row["precision"], "illustrative")


def test_points_stand_exactly_where_the_facts_put_them() -> None:
    rows = {r["source"]: r for r in facts("places.csv") if r["lon_wgs84"]}
    points = [f for i in IDS for f in features(i) if f.geometry and f.geometry["type"] == "Point"]
    assert len(points) == 20
    for feature in points:
        row = rows[feature.properties["source_en"]]
        assert feature.geometry is not None
        assert feature.geometry["coordinates"] == [float(row["lon_wgs84"]), float(row["lat_wgs84"])]
        assert feature.precision == row["precision"]


def test_assumed_outlines_stand_around_the_position_of_the_facts() -> None:
    rows = {r["id"]: r for r in facts("places.csv")}
    by_source = {f.properties["source_en"]: f for i in IDS for f in features(i)}
    for placement in read("placements.toml")["places"]:
        if placement.get("draw") == "block":
            row = rows[placement["id"]]
            outline = shape(by_source[row["source"]].geometry)
            place = shapely.Point(float(row["lon_wgs84"]), float(row["lat_wgs84"]))
            assert crs.project(outline).centroid.distance(crs.project(place)) < 1
            assert crs.area_m2(outline) == pytest.approx(placement["area_ha"] * 10_000, rel=1e-3)


def test_errors_are_those_the_sources_state() -> None:
    stated = {r["id"]: re.search(r"\+-([\d.]+) (k?m)", r["source"]) for r in facts("places.csv")}
    for placement in read("placements.toml")["places"]:
        found = stated[placement["id"]]
        if found:
            metres = float(found.group(1)) * (1000 if found.group(2) == "km" else 1)
            assert placement["error_m"] == metres, placement["id"]


@pytest.mark.parametrize("layer_id", IDS)
def test_no_outline_is_passed_off_as_known(layer_id: str) -> None:
    for feature in features(layer_id):
        assert feature.precision != "surveyed"
        if feature.geometry and feature.geometry["type"] == "Polygon":
            assert feature.precision == "illustrative"
        if feature.geometry is None:
            assert feature.precision == "unlocated"


def test_scattered_shapes_carry_only_what_follows_from_them() -> None:
    scattered = [f for f in (*features("waterlogging_zones"), *features("pocket_parks")) if "示意" in f.name]
    assert len(scattered) == 45
    same: dict[str, set[Any]] = {}
    for feature in scattered:
        assert feature.precision == "illustrative"
        assert feature.properties["error_m"] is None
        assert feature.properties.keys() <= FOLLOWS_FROM_THE_SHAPE | SAME_FOR_ALL
        number = int(feature.id[-3:])
        assert f" {number}（示意）" in feature.name
        for key in SAME_FOR_ALL - {"name", "name_en", "verb", "commitment", "plan_status"}:
            same.setdefault(key, set()).add(feature.properties[key])
    assert all(len(values) == 1 for values in same.values())


@pytest.mark.parametrize("layer_id", IDS)
def test_measures_and_subdistricts_follow_from_the_geometry(layer_id: str) -> None:
    tiles = [(f.name, shape(f.geometry)) for f in features("subdistricts")]
    reference = definition(layer_id).is_reference
    for feature in features(layer_id):
        p, found = feature.properties, feature.shape()
        assert found is not None or p["subdistrict"] is None
        if found is None:
            continue
        assert p.get("area_m2", 0) == round(crs.area_m2(found)) or "area_m2" not in p
        assert p.get("length_m", 0) == round(crs.length_m(found)) or "length_m" not in p
        if not reference:
            inside = [name for name, tile in tiles if tile.covers(found.representative_point())]
            assert p["subdistrict"] in inside or (p["subdistrict"] is None and not inside)


# ---------------------------------------------------------------- the ground


@pytest.mark.parametrize("layer_id", IDS)
def test_everything_lies_in_the_district_or_hardly_outside(layer_id: str, district: BaseGeometry) -> None:
    reach = district.buffer(500 if layer_id == "streets" else 300)  # 红旗路 runs on to its metro station
    assert all(reach.covers(crs.project(g)) for g in geometries(layer_id))


def test_subdistricts_tile_the_district(district: BaseGeometry) -> None:
    tiles = geometries("subdistricts")
    outline = geometries("boundary")[0]
    assert shapely.coverage_is_valid(tiles)
    assert shapely.coverage_union_all(tiles).normalize() == outline.normalize()
    assert sum(t.area for t in tiles) == pytest.approx(outline.area, rel=1e-12)
    assert sum(crs.area_m2(t) for t in tiles) == pytest.approx(district.area, rel=1e-9)


def test_subdistricts_are_the_voronoi_cells_an_independent_tool_finds() -> None:
    rows = facts("subdistricts.csv")
    scale = (86_505.0, 111_017.0)  # metres per degree at 39.105 N
    centres = [shapely.Point(float(r["lon_wgs84"]) * scale[0], float(r["lat_wgs84"]) * scale[1]) for r in rows]
    outline = shapely.transform(geometries("boundary")[0], lambda p: p * scale)
    cells = shapely.voronoi_polygons(shapely.MultiPoint(centres), extend_to=outline)
    for centre, tile in zip(centres, geometries("subdistricts"), strict=True):
        cell = next(c for c in cells.geoms if c.covers(centre)).intersection(outline)
        assert cell.symmetric_difference(shapely.transform(tile, lambda p: p * scale)).area < 100


def test_the_outline_is_the_one_of_the_facts_but_for_the_tiles_corners() -> None:
    stated = json.loads((ROOT / "data" / "boundaries" / "nankai.geojson").read_text("utf-8"))["features"][0]
    found = geometries("boundary")[0]
    assert set(map(tuple, stated["geometry"]["coordinates"][0])) <= set(found.exterior.coords)
    assert found.area == pytest.approx(shape(stated["geometry"]).area, rel=1e-7)
    assert features("boundary")[0].properties["published_area_m2"] == 40_640_000


def test_scattered_shapes_do_not_touch_and_keep_inside(district: BaseGeometry) -> None:
    named = features("pocket_parks")[0]
    shapes = [crs.project(g) for g in (*geometries("waterlogging_zones"), *geometries("pocket_parks"))]
    assert named.name == "王顶堤瀑园公园"
    assert all(district.contains(s) for s in shapes)
    for n, one in enumerate(shapes):
        assert all(one.distance(other) > 30 for other in shapes[n + 1 :])


def test_zones_spread_over_the_district_with_plausible_sizes() -> None:
    zones = features("waterlogging_zones")
    areas = [z.properties["area_m2"] for z in zones]
    assert min(areas) >= 2_990
    assert max(areas) <= 40_010
    assert len({round(a, -2) for a in areas}) > 30
    per = Counter(z.properties["subdistrict"] for z in zones)
    assert len(per) == 12
    assert max(per.values()) <= 6
    middles = [crs.project(g).centroid for g in geometries("waterlogging_zones")]
    nearest = [min(a.distance(b) for b in middles if b is not a) for a in middles]
    assert sorted(nearest)[20] > 450


def test_pocket_parks_keep_the_limits_of_the_guide() -> None:
    limits = {s["key"]: s["value"] for s in read("standards.toml")["standards"]}
    for park in features("pocket_parks"):
        assert limits["pocket_park_area_min"] <= park.properties["area_m2"] <= limits["pocket_park_area_max"]


def test_zones_stand_on_the_streets_or_on_lines_beside_them() -> None:
    streets = shapely.union_all([crs.project(g) for g in geometries("streets")])
    away = [crs.project(g).distance(streets) for g in geometries("waterlogging_zones")]
    assert sum(d == 0 for d in away) >= 20
    assert max(away) < 1_700


def test_streets_come_with_the_rail_branch_and_without_the_river() -> None:
    kinds = Counter(f.properties["kind"] for f in features("streets"))
    assert kinds == {"road": 21, "rail": 1}
    assert {f.properties["kind"] for f in features("water")} == {"river", "canal"}


def test_only_the_named_road_is_drawn() -> None:
    roads = features("roads")
    assert [(r.name, r.precision, r.properties["error_m"]) for r in roads] == [("航天道道路提升", "street", 250)]
    street = next(f for f in features("streets") if f.name == "航天道")
    assert roads[0].geometry == street.geometry


def test_published_figures_stand_beside_the_drawn_ones() -> None:
    by_id = {f.id: f.properties for i in IDS for f in features(i)}
    assert by_id["NK-GXP-001"]["floor_area_m2"] == 1_100_000
    assert by_id["NK-GXP-002"]["area_m2"] == pytest.approx(by_id["NK-GXP-002"]["published_area_m2"], rel=0.01)
    assert by_id["NK-GY-001"]["area_m2"] == pytest.approx(339_000, rel=0.001)
    people = {f.name: f.properties.get("population_2020") for f in features("subdistricts")}
    assert {name: n for name, n in people.items() if n} == {"长虹街道": 58_794}
    assert sum(f.properties["communities"] for f in features("subdistricts")) == 171


def test_subdistricts_are_called_in_english_as_their_layer_does() -> None:
    shipped = {f.name: f.properties["name_en"] for f in features("subdistricts")}
    assert {c.value: c.title.en for c in SUBDISTRICT_WORDS} == shipped
    field = definition("schools").field("subdistrict")
    assert field is not None
    assert value_text(field, "鼓楼街道", "en") == display(field, "鼓楼街道", "en") == "Gulou Subdistrict"
    assert value_text(field, "鼓楼街道", "zh") == display(field, "鼓楼街道", "zh") == "鼓楼街道"


def test_everything_shipped_is_public_knowledge() -> None:
    assert {definition(i).secrecy for i in IDS} == {"public"}
