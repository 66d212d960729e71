"""The street network against closed forms of a grid and against networkx."""

from __future__ import annotations

import geopandas
import networkx
import numpy
import pandas
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_service.analysis.coverage import make_cells, make_centres, within_straight
from geo_service.analysis.network import (
    Network,
    arrival_cost,
    build_network,
    cost_from,
    cost_matrix,
    nearest_cost,
    nearest_matrix,
    snap_points,
)
from geo_service.errors import InvalidParameter

STEP = 100.0
SIDE = 71
EAST, NORTH = 510_000.0, 4_330_000.0


def grid(side: int = SIDE, step: float = STEP) -> geopandas.GeoDataFrame:
    """Streets of a square grid: ``side`` lines each way, ``step`` metres apart."""
    far = (side - 1) * step
    lines = [[(EAST, NORTH + i * step), (EAST + far, NORTH + i * step)] for i in range(side)]
    lines += [[(EAST + i * step, NORTH), (EAST + i * step, NORTH + far)] for i in range(side)]
    return geopandas.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=4548)


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(grid())


def centre_costs(network: Network) -> numpy.ndarray:
    middle = numpy.array([[EAST + 35 * STEP, NORTH + 35 * STEP]])
    return cost_from(network, snap_points(network, middle))[0]


def test_a_grid_is_noded_at_every_crossing(network: Network) -> None:
    assert len(network.nodes) == SIDE**2 == 5041
    assert len(network.start) == 2 * SIDE * (SIDE - 1)
    assert len(network.edges[0]) == 2 * len(network.start)
    assert network.main_share() == 1.0


@pytest.mark.parametrize("n", [1, 5, 10, 20])
def test_reachable_crossings_are_2n2_2n_1(network: Network, n: int) -> None:
    assert (centre_costs(network) <= n * STEP + 1e-6).sum() == 2 * n * n + 2 * n + 1


def test_the_area_in_reach_is_the_diamond(network: Network) -> None:
    reach = 1000.0
    cells = make_cells(network, shapely.box(EAST + 1500, NORTH + 1500, EAST + 5500, NORTH + 5500), size_m=17)
    assert cells.access
    covered = arrival_cost(network, cells.access, centre_costs(network)) <= reach
    assert covered.sum() * cells.area_m2 == pytest.approx(2 * reach**2, rel=0.004)


def test_a_straight_line_promises_57_percent_more_than_streets_keep() -> None:
    centres = make_centres(shapely.box(EAST, NORTH, EAST + 4000, NORTH + 4000), size_m=10)
    circle = within_straight(centres, numpy.array([[EAST + 2000, NORTH + 2000]]), 1000).sum() * 100
    assert circle == pytest.approx(numpy.pi * 1e6, rel=0.002)
    assert circle / 2e6 == pytest.approx(1.5708, rel=0.002)


def test_networkx_agrees_on_every_node(network: Network) -> None:
    graph = networkx.DiGraph()
    for tail, head, cost in zip(*network.edges, strict=True):
        graph.add_edge(int(tail), int(head), weight=float(cost))
    source = snap_points(network, numpy.array([[EAST + 1234.0, NORTH + 2310.0]]))
    ours = cost_from(network, source)[0]
    piece, share = source.piece[0], source.share[0]
    start = {int(network.start[piece]): share * STEP, int(network.end[piece]): (1 - share) * STEP}
    theirs = numpy.full(len(network.nodes), numpy.inf)
    for node, first in start.items():
        for target, cost in networkx.single_source_dijkstra_path_length(graph, node).items():
            theirs[target] = min(theirs[target], cost + first + source.walk_m[0])
    assert numpy.abs(ours - theirs).max() < 1e-9 * ours.max()


def test_a_one_way_ring_is_long_the_other_way_round() -> None:
    angle = numpy.linspace(0, 2 * numpy.pi, 13)
    corner = numpy.column_stack((EAST + 200 * numpy.cos(angle), NORTH + 200 * numpy.sin(angle)))
    sides = [shapely.LineString(corner[i : i + 2]) for i in range(12)]
    ring = build_network(geopandas.GeoDataFrame({"oneway": [1] * 12}, geometry=sides, crs=4548))
    side = sides[0].length
    costs = numpy.sort(cost_from(ring, snap_points(ring, corner[:1]))[0])
    assert costs == pytest.approx(numpy.arange(12) * side, abs=1e-6)
    assert ring.graph.nnz == 12


def test_a_bridge_does_not_meet_the_street_below() -> None:
    lines = [
        shapely.LineString([(EAST - 100, NORTH), (EAST + 100, NORTH)]),
        shapely.LineString([(EAST, NORTH - 100), (EAST, NORTH + 100)]),
    ]
    crossing = build_network(geopandas.GeoDataFrame({"level": [0, 0]}, geometry=lines, crs=4548))
    bridge = build_network(geopandas.GeoDataFrame({"level": [0, 1]}, geometry=lines, crs=4548))
    assert (len(crossing.nodes), len(bridge.nodes)) == (5, 4)
    assert bridge.main_share() == pytest.approx(0.5)


def test_an_undershoot_of_30_centimetres_still_connects() -> None:
    lines = [
        shapely.LineString([(EAST, NORTH), (EAST + 100, NORTH)]),
        shapely.LineString([(EAST + 50, NORTH + 0.3), (EAST + 50, NORTH + 100)]),
    ]
    assert build_network(geopandas.GeoDataFrame(geometry=lines, crs=4548)).main_share() == pytest.approx(1.0)


def test_a_barrier_is_crossed_only_by_the_bridge() -> None:
    river = shapely.LineString([(EAST - 50, NORTH + 3550), (EAST + 7050, NORTH + 3550)])
    closed = build_network(grid(), barriers=[river])
    assert closed.main_share() < 0.6
    with_bridge = grid()
    with_bridge["level"] = 0
    with_bridge.loc[SIDE + 35, "level"] = 0
    bridge = geopandas.GeoDataFrame(
        {"level": [1]},
        geometry=[shapely.LineString([(EAST + 3500, NORTH + 3500), (EAST + 3500, NORTH + 3600)])],
        crs=4548,
    )
    opened = build_network(
        geopandas.GeoDataFrame(pandas.concat([with_bridge, bridge], ignore_index=True), crs=4548), barriers=[river]
    )
    assert opened.main_share() == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 7000), st.floats(0, 7000)), min_size=1, max_size=6))
def test_coverage_never_falls_when_a_facility_is_added(network_points: list[tuple[float, float]]) -> None:
    streets = SHARED
    places = numpy.add(network_points, [EAST, NORTH])
    fewer, _ = nearest_cost(streets, snap_points(streets, places[:1]))
    more, which = nearest_cost(streets, snap_points(streets, places))
    assert (more <= fewer + 1e-9).all()
    assert which.max() < len(places)


SHARED = build_network(grid(15, 500.0))


@pytest.mark.parametrize("size", [0, -5, float("nan"), 0.001])
def test_a_senseless_cell_size_is_refused(size: float) -> None:
    with pytest.raises(InvalidParameter):
        make_centres(shapely.box(0, 0, 10_000, 10_000), size_m=size)


def test_the_house_next_door_is_not_reached_by_way_of_the_next_crossing() -> None:
    road = build_network(
        geopandas.GeoDataFrame(geometry=[shapely.LineString([(EAST, NORTH), (EAST + 1000, NORTH)])], crs=4548)
    )
    station = snap_points(road, numpy.array([[EAST + 400.0, NORTH]]))
    houses = snap_points(road, numpy.array([[EAST + 450.0, NORTH + 10], [EAST + 100.0, NORTH]]))
    assert cost_matrix(road, station, houses)[0] == pytest.approx([60, 300])
    assert nearest_matrix(road, station, houses) == pytest.approx([60, 300])


def test_nobody_drives_back_down_a_one_way_street() -> None:
    lines = geopandas.GeoDataFrame(
        {"oneway": [1, 0, 0, 0]},
        geometry=[
            shapely.LineString([(EAST, NORTH), (EAST + 100, NORTH)]),
            shapely.LineString([(EAST + 100, NORTH), (EAST + 100, NORTH + 100)]),
            shapely.LineString([(EAST + 100, NORTH + 100), (EAST, NORTH + 100)]),
            shapely.LineString([(EAST, NORTH + 100), (EAST, NORTH)]),
        ],
        crs=4548,
    )
    block = build_network(lines)
    station = snap_points(block, numpy.array([[EAST + 60.0, NORTH]]))
    houses = snap_points(block, numpy.array([[EAST + 90.0, NORTH], [EAST + 30.0, NORTH]]))
    assert cost_matrix(block, station, houses)[0] == pytest.approx([30, 40 + 300 + 30])


def test_a_curved_street_is_as_long_as_it_is_drawn() -> None:
    angle = numpy.linspace(0, numpy.pi, 200)
    bow = shapely.LineString(numpy.column_stack((EAST - 500 * numpy.cos(angle), NORTH + 500 * numpy.sin(angle))))
    road = build_network(geopandas.GeoDataFrame(geometry=[bow], crs=4548))
    ends = numpy.array([[EAST - 500.0, NORTH], [EAST, NORTH + 500], [EAST + 500.0, NORTH]])
    at = snap_points(road, ends)
    costs = cost_matrix(road, at, at)
    assert costs[0] == pytest.approx([0, numpy.pi * 250, numpy.pi * 500], rel=1e-4)
    assert costs == pytest.approx(costs.T, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 7000), st.floats(0, 7000)), min_size=1, max_size=5),
    st.lists(st.tuples(st.floats(0, 7000), st.floats(0, 7000)), min_size=1, max_size=5),
)
def test_the_nearest_of_many_is_the_least_of_each(
    sources: list[tuple[float, float]], places: list[tuple[float, float]]
) -> None:
    from_here = snap_points(SHARED, numpy.add(sources, [EAST, NORTH]))
    there = snap_points(SHARED, numpy.add(places, [EAST, NORTH]))
    each = cost_matrix(SHARED, from_here, there, rate=0.7)
    assert nearest_matrix(SHARED, from_here, there, rate=0.7) == pytest.approx(each.min(axis=0), rel=1e-12)
