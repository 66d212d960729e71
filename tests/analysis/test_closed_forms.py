"""The closed forms the analyses are held to, each with its tolerance; what is not here stands beside its question."""

from __future__ import annotations

from typing import Any

import geopandas
import numpy
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_service.analysis import depressions, fire_response, land_account, service_coverage
from geo_service.analysis.access import straight_coverage
from geo_service.analysis.coverage import make_cells, make_centres
from geo_service.analysis.network import (
    Network,
    arrival_cost,
    build_network,
    cost_from,
    cost_matrix,
    nearest_cost,
    snap_points,
)
from tests.analysis.frames import E, N, frame, run
from tests.analysis.test_network import EAST, NORTH, SHARED, SIDE, STEP, grid
from tests.analysis.test_reach import MIDDLE, area, points, streets

WHOLE_M2 = ((SIDE - 1) * STEP) ** 2


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(grid())


@pytest.mark.parametrize(("n", "rest"), [(1, 0.0), (3, 40.0), (10, 75.0)])
def test_the_street_length_in_reach_is_4n2s_and_8n_4_stumps(network: Network, n: int, rest: float) -> None:
    """4 n2 s + (8n + 4) f for a reach of n blocks of s metres and f more, from a crossing."""
    costs = cost_from(network, snap_points(network, numpy.array([MIDDLE])))[0]
    left = [numpy.maximum(n * STEP + rest - costs[end], 0) for end in (network.start, network.end)]
    reached = numpy.minimum(network.length_m, left[0] + left[1]).sum()
    assert reached == pytest.approx(4 * n**2 * STEP + (8 * n + 4) * rest, abs=1e-3)


def test_the_fire_area_is_8_km2_to_a_two_thousandth() -> None:
    """2 P2 with P = 8 m/s x 250 s = 2 000 m: 8.000 km2; cells give 7.996."""
    inputs = {"stations": points(MIDDLE, status="done"), "district": area(), "streets": streets(speed_kmh=28.8)}
    result = run(fire_response, inputs, response_min=250 / 60 + 1, peak_factor=1, cell_m=17, foot_m_s=8)
    assert result.figures["covered_km2"] == pytest.approx(8.0, rel=2e-3)


@pytest.mark.parametrize(("offset", "square_metres"), [(None, 437_500), (100, 455_000), (0, 495_000)])
def test_a_river_leaves_437500_m2_and_a_bridge_gives_back_its_diamond(
    offset: float | None, square_metres: float
) -> None:
    """500 m on foot, a river 250 m off: 2 R2 - (R - h)2 = 437 500 m2. A bridge a metres aside leads to the first street
    beyond, g = 50 m behind the river: it adds r2 + 2 r g - g2 with r = R - h - a - g."""
    river = shapely.LineString([(EAST - 50, NORTH + 3750), (EAST + 7050, NORTH + 3750)])
    lines = list(grid().geometry)
    levels = [0] * len(lines)
    if offset is not None:
        x = EAST + 3500 + offset
        lines.append(shapely.LineString([(x, NORTH + 3700), (x, NORTH + 3800)]))
        levels.append(1)
    crossed = build_network(geopandas.GeoDataFrame({"level": levels}, geometry=lines, crs=4548), barriers=[river])
    cells = make_cells(crossed, shapely.Point(MIDDLE).buffer(600), size_m=7)
    assert cells.access
    costs = cost_from(crossed, snap_points(crossed, numpy.array([MIDDLE])))[0]
    reached = (arrival_cost(crossed, cells.access, costs) <= 500).sum() * cells.area_m2
    assert reached == pytest.approx(square_metres, rel=0.006)


@pytest.mark.parametrize("k", [1, 5, 11])
def test_a_one_way_ring_is_k_sides_there_and_12_less_k_back(k: int) -> None:
    angle = numpy.linspace(0, 2 * numpy.pi, 13)
    corner = numpy.column_stack((EAST + 200 * numpy.cos(angle), NORTH + 200 * numpy.sin(angle)))
    sides = [shapely.LineString(corner[i : i + 2]) for i in range(12)]
    ring = build_network(geopandas.GeoDataFrame({"oneway": [1] * 12}, geometry=sides, crs=4548))
    node = [int(numpy.hypot(*(ring.nodes - corner[i]).T).argmin()) for i in (0, k)]
    costs = cost_from(ring, snap_points(ring, corner[[0, k]]))
    assert costs[0, node[1]] == pytest.approx(k * sides[0].length, abs=1e-3)
    assert costs[1, node[0]] == pytest.approx((12 - k) * sides[0].length, abs=1e-3)


def test_of_two_parallel_streets_the_shorter_counts_and_not_their_sum() -> None:
    ends = [(EAST, NORTH), (EAST + 100, NORTH)]
    detour = [ends[0], (EAST + 50, NORTH + 80), ends[1]]
    pair = build_network(geopandas.GeoDataFrame(geometry=[shapely.LineString(p) for p in (ends, detour)], crs=4548))
    assert cost_from(pair, snap_points(pair, numpy.array(ends[:1])))[0].max() == pytest.approx(100)


def crossings(count: int, seed: int) -> numpy.ndarray[Any, Any]:
    """Places at random crossings of the grid."""
    return numpy.random.default_rng(seed).integers(0, SIDE, (count, 2)) * STEP + numpy.array([EAST, NORTH])


def expected_share(reach: float, count: int, *, norm: int) -> float:
    """The share of cells expected within reach of ``count`` random crossings: one less the mean of (1 - p)^count, p
    being the share of the crossings that reach a cell."""
    at = numpy.arange(13.0, 7000, 61.0)
    steps = numpy.abs(at[:, None] - numpy.arange(SIDE) * STEP)
    shares = numpy.empty((len(at), len(at)))
    for row, dy in enumerate(steps):
        apart = steps[:, :, None] + dy if norm == 1 else numpy.hypot(steps[:, :, None], dy)
        shares[row] = (apart <= reach).mean(axis=(1, 2))
    return float(1 - ((1 - shares) ** count).mean())


@pytest.mark.slow
def test_sixty_schools_reach_as_much_by_street_and_in_a_straight_line_as_is_expected() -> None:
    """60 schools at random crossings, 500 m, 49 km2: 43.8 % by street and 58.9 % in a straight line are expected; one
    draw, from anywhere, gave 44.7 and 60.9."""
    expected = [expected_share(500, 60, norm=1) * 100, expected_share(500, 60, norm=2) * 100]
    assert expected == pytest.approx([43.8, 58.9], abs=0.1)
    assert expected == pytest.approx([44.7, 60.9], abs=2.1)
    found = []
    for seed in range(8):
        inputs = {"facilities": points(*crossings(60, seed)), "district": area(), "streets": streets()}
        figures = run(service_coverage, inputs, reach_m=500, cell_m=37).figures
        found.append((figures["network_percent"], figures["straight_percent"]))
    assert numpy.mean(found, axis=0) == pytest.approx(expected, abs=2.0)


def test_coverage_by_street_is_that_of_the_city_block_distance() -> None:
    places = crossings(60, seed=7)
    centres = make_centres(shapely.box(EAST, NORTH, EAST + 7000, NORTH + 7000), size_m=23)
    apart = numpy.abs(centres[:, None, :] - places[None, :, :])
    block = (apart.sum(axis=2).min(axis=1) <= 500).mean() * 100
    inputs = {"facilities": points(*places), "district": area(), "streets": streets()}
    found = run(service_coverage, inputs, reach_m=500, cell_m=23).figures["network_percent"]
    assert found == pytest.approx(block, abs=0.3)


def test_a_bowl_of_200_m_and_11_65_m_holds_487994_m3() -> None:
    """pi r2 h / 3 = 487 994 m3, on a grid of 5 m."""
    x, y = numpy.meshgrid(E + numpy.arange(121) * 5.0, N + numpy.arange(121) * 5.0)
    far = numpy.hypot(x - x.mean(), y - y.mean())
    z = 10 - 11.65 * numpy.maximum(1 - far / 200, 0)
    cone = geopandas.GeoDataFrame({"elevation_m": z.ravel()}, geometry=shapely.points(x.ravel(), y.ravel()), crs=4548)
    assert numpy.pi * 200**2 * 11.65 / 3 == pytest.approx(487_994, abs=1)
    assert run(depressions, {"heights": cone}).figures["volume_m3"] == pytest.approx(487_994, rel=2e-3)


def test_the_way_back_differs_where_a_street_is_one_way() -> None:
    block = grid(3)
    block["oneway"] = [1, 0, 0, 0, 0, 0]
    driven = build_network(block, cost="drive_s")
    ends = snap_points(driven, numpy.array([[EAST + 20.0, NORTH], [EAST + 180.0, NORTH]]))
    there = cost_matrix(driven, ends, ends)
    assert there[0, 1] == pytest.approx(160 / (35 / 3.6), rel=1e-6)
    assert there[1, 0] == pytest.approx((20 + 100 + 200 + 100 + 20) / (35 / 3.6), rel=1e-6)


Boxes = list[tuple[float, float, float, str]]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 400), st.floats(0, 400), st.floats(20, 200), st.sampled_from("住商绿")),
        min_size=1,
        max_size=7,
    )
)
def test_the_classes_of_a_land_account_add_up_to_its_net_area(boxes: Boxes) -> None:
    shapes = [shapely.box(E + x, N + y, E + x + s, N + y + s) for x, y, s, _ in boxes]
    result = run(land_account, {"sites": frame(shapes, use=[u for *_, u in boxes])}, group_by="use")
    whole = shapely.union_all(shapes).area
    assert result.figures["net_m2"] == pytest.approx(whole, rel=1e-5, abs=0.5)
    groups = next(t.rows for t in result.more if "own_mu" in t.rows)
    assert groups["own_mu"].sum() * 2000 / 3 == pytest.approx(whole, rel=1e-3, abs=10)
    assert (groups["net_mu"] <= groups["gross_mu"] + 1e-6).all()
    assert (groups["own_mu"] <= groups["net_mu"] + 1e-6).all()


Places = list[tuple[float, float]]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 7000), st.floats(0, 7000)), min_size=1, max_size=5), st.floats(100, 1500))
def test_no_street_is_shorter_than_the_straight_line(places: Places, reach: float) -> None:
    at = numpy.add(places, [EAST, NORTH])
    costs, _ = nearest_cost(SHARED, snap_points(SHARED, at))
    apart = numpy.hypot(*(SHARED.nodes[:, None, :] - at[None, :, :]).transpose(2, 0, 1)).min(axis=1)
    assert (costs >= apart - 0.2).all()  # crossings are noded to a few centimetres
    assert ((costs <= reach) <= (apart <= reach + 0.2)).all()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 3000)), min_size=1, max_size=5))
def test_a_larger_reach_covers_all_a_smaller_one_does(places: Places) -> None:
    centres = make_centres(shapely.box(EAST, NORTH, EAST + 3000, NORTH + 3000), size_m=100)
    at = numpy.add(places, [EAST, NORTH])
    ground: Any = type("Ground", (), {"cells": type("Cells", (), {"centres": centres})})
    small, large = straight_coverage(ground, at, 300.0), straight_coverage(ground, at, 500.0)
    assert (small <= large).all()
