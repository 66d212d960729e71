"""The small map of a feature: true to scale, honest about its error, values only."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.rendering import small_map, symbols
from geo_service.rendering.small_map import HEIGHT_PX, WIDTH_PX, SmallMap

EAST, NORTH = 512_000.0, 4_330_000.0


def plane_feature(shape: str, points: list[tuple[float, float]], /, **given: object) -> Feature:
    degrees = [list(crs.to_degrees(EAST + x, NORTH + y)) for x, y in points]
    coordinates = {"Point": degrees[0], "LineString": degrees, "Polygon": [degrees]}[shape]
    return Feature("NK-T-001", {"name": "要素", **given}, {"type": shape, "coordinates": coordinates})


OUTLINE = plane_feature("Polygon", [(-3000, -4000), (3000, -4000), (3000, 4000), (-3000, 4000), (-3000, -4000)])
STREET = plane_feature("LineString", [(-2500, 50), (2500, 50)], name="复康路", kind="road")
RAIL = plane_feature("LineString", [(-100, -3000), (-100, 3000)], name="铁路支线", kind="rail")
WATER = plane_feature("Polygon", [(100, -50), (300, -50), (300, 40), (100, 40), (100, -50)], name="湖")
AROUND = small_map.surroundings([OUTLINE], [STREET, RAIL], [WATER])


def drawn(feature: Feature) -> SmallMap:
    found = small_map.small_map(feature, AROUND)
    assert found is not None
    return found


def corners(path: str) -> list[tuple[float, float]]:
    pairs = re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)
    return [(float(x), float(y)) for x, y in pairs]


def test_a_square_is_drawn_at_the_scale_of_the_bar() -> None:
    found = drawn(plane_feature("Polygon", [(0, 0), (400, 0), (400, 400), (0, 400), (0, 0)]))
    points = corners(found.areas)
    side_px = max(x for x, _ in points) - min(x for x, _ in points)
    assert side_px == pytest.approx(400 * found.bar_px / found.bar_m, abs=0.3)
    assert max(y for _, y in points) - min(y for _, y in points) == pytest.approx(side_px, abs=0.3)
    assert found.bar_px <= WIDTH_PX / 4


def test_the_error_reaches_equally_far_around_a_point() -> None:
    found = drawn(plane_feature("Point", [(0, 0)], error_m=800))
    radius_px = 800 * found.bar_px / found.bar_m
    for corner in corners(found.error):
        assert math.dist(corner, found.points[0]) == pytest.approx(radius_px, rel=0.01)
    assert drawn(plane_feature("Point", [(0, 0)])).error == ""
    assert drawn(plane_feature("Point", [(0, 0)], error_m=2)).error == ""


def test_the_error_of_an_area_lies_around_its_outline() -> None:
    found = drawn(plane_feature("Polygon", [(0, 0), (400, 0), (400, 400), (0, 400), (0, 0)], error_m=100))
    left, reach = min(x for x, _ in corners(found.areas)), min(x for x, _ in corners(found.error))
    assert left - reach == pytest.approx(100 * found.bar_px / found.bar_m, abs=0.5)


def test_north_is_up() -> None:
    found = drawn(plane_feature("LineString", [(0, 0), (0, 200)]))
    (_, first), (_, last) = corners(found.lines)
    assert last < first


def test_streets_railways_and_water_lie_around_and_streets_are_named() -> None:
    found = drawn(plane_feature("Point", [(0, 0)]))
    assert (len(found.streets), len(found.rails), bool(found.water)) == (1, 1, True)
    assert {label.text for label in found.labels} == {"复康路", "铁路支线"}
    assert abs(next(label for label in found.labels if label.text == "复康路").angle) < 1
    assert all(-90 <= label.angle <= 90 for label in found.labels)
    far = drawn(plane_feature("Point", [(0, 2500)]))
    assert far.streets == ()


def test_a_feature_without_a_place_has_no_map() -> None:
    nowhere = Feature("NK-T-002", {"name": "待落图"}, None)
    assert small_map.small_map(nowhere, AROUND) is None
    assert small_map.locator(nowhere, AROUND) is None


def test_the_locator_shows_the_middle_in_the_middle() -> None:
    found = small_map.locator(plane_feature("Point", [(0, 0)]), AROUND)
    assert found is not None
    assert (found.x, found.y) == pytest.approx((found.size / 2, found.size / 2), abs=0.2)
    empty = small_map.surroundings([], [], [])
    assert small_map.locator(plane_feature("Point", [(0, 0)]), empty) is None
    assert small_map.small_map(plane_feature("Point", [(0, 0)]), empty) is not None


@given(
    st.lists(st.tuples(st.integers(-2500, 2500), st.integers(-2500, 2500)), min_size=2, max_size=6, unique=True),
    st.sampled_from(["Point", "LineString"]),
    st.integers(0, 2000),
)
def test_whatever_is_drawn_lies_inside_the_frame(points: list[tuple[float, float]], kind: str, error_m: int) -> None:
    found = drawn(plane_feature(kind, points, error_m=error_m))
    for x, y in (*corners(found.lines), *found.points, *corners(found.error)):
        assert -0.5 <= x <= WIDTH_PX + 0.5
        assert -0.5 <= y <= HEIGHT_PX + 0.5


def test_every_point_symbol_has_an_outline_of_its_size() -> None:
    for name in symbols.NAMES:
        path = small_map.marker_path(symbols.symbol(name, kind="point").shape, 10)
        assert path.startswith("M")
        assert path.endswith("Z")
    for shape in ("square", "diamond", "pentagon"):
        assert all(8 <= math.hypot(x, y) <= 14 for x, y in corners(small_map.marker_path(shape, 10)))


def test_colours_are_the_palettes_own_names() -> None:
    palette = symbols.palette_css()
    for name in symbols.NAMES:
        symbol = symbols.symbol(name)
        for drawn_class in symbol.classes:
            assert f"{small_map.colour_variable(symbol, drawn_class)}:" in palette


def test_a_polygon_in_a_layer_of_points_is_drawn_as_a_polygon() -> None:
    layers = symbols.symbol("carrier")
    area = plane_feature("Polygon", [(0, 0), (9, 0), (9, 9), (0, 0)])
    assert small_map.symbol_of(area, layers).kind == "polygon"
    assert small_map.symbol_of(plane_feature("Point", [(0, 0)]), layers).kind == "point"
    assert small_map.symbol_of(Feature("x", {}, None), layers) is layers


def test_every_hatch_of_the_symbol_table_has_a_path_within_the_swatch() -> None:
    every = [symbols.symbol(name, kind="polygon") for name in symbols.NAMES]
    assert {c.hatch for s in every for c in s.classes} - {""} <= set(small_map.HATCH_PATHS)
    numbers = [float(n) for path in small_map.HATCH_PATHS.values() for n in re.findall(r"(?<=M)[\d.]+", path)]
    assert all(3 <= n <= 27 for n in numbers)


def test_a_layer_is_shown_by_its_largest_class_and_hollow_where_all_is_illustrative() -> None:
    park = symbols.symbol("pocket_park", kind="polygon")
    first, last = park.classes[0], park.classes[-1]
    assert small_map.leading_class(park, {}, illustrative=False) == last
    assert small_map.leading_class(park, {first.key: 3, last.key: 2}, illustrative=False) == first
    assert small_map.leading_class(park, {first.key: 3}, illustrative=True).fill == 0
