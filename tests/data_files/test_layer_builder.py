"""The builder's arithmetic, checked against closed forms and independent tools."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_builder import plane, scatter, shapes, voronoi
from shapely.geometry import LineString, Polygon

from geo_service.core import crs

METRES = st.floats(-5_000, 5_000)
TURNS = st.floats(0, 2 * math.pi)
SQUARE = [(0.0, 0.0), (1000.0, 0.0), (1000.0, 1000.0), (0.0, 1000.0)]


@given(METRES, METRES)
def test_there_and_back_within_a_centimetre(x: float, y: float) -> None:
    back = plane.to_metres(plane.to_degrees((x, y)))
    assert plane.distance(back, (x, y)) < 0.01


@given(METRES, METRES, METRES, METRES)
def test_the_plane_agrees_with_the_projection_to_a_thousandth(ax: float, ay: float, bx: float, by: float) -> None:
    a, b = crs.to_plane(*plane.to_degrees((ax, ay))), crs.to_plane(*plane.to_degrees((bx, by)))
    assert plane.distance(a, b) == pytest.approx(plane.distance((ax, ay), (bx, by)), rel=1e-3, abs=0.05)


@given(METRES, METRES, TURNS, st.floats(100, 500_000), st.floats(1, 3))
def test_a_block_has_the_area_and_the_centre_it_was_given(x: float, y: float, turn: float, m2: float, k: float) -> None:
    ring = Polygon(shapes.block((x, y), (math.cos(turn), math.sin(turn)), area_m2=m2, aspect=k))
    assert ring.is_valid
    assert ring.area == pytest.approx(m2, rel=1e-6)
    assert math.hypot(ring.centroid.x - x, ring.centroid.y - y) < 0.01


@given(st.integers(0, 2**32), TURNS, st.floats(1, 2))
def test_a_blob_is_simple_whatever_the_dice(seed: int, turn: float, stretch: float) -> None:
    dice = random.Random(seed)
    wobble = [(0.45 * dice.random() / k, 2 * math.pi * dice.random()) for k in (2, 3, 4)]
    ring = shapes.blob((10.0, 20.0), (math.cos(turn), math.sin(turn)), area_m2=9_000, stretch=stretch, wobble=wobble)
    assert Polygon(ring).is_valid
    assert Polygon(ring).area == pytest.approx(9_000, rel=1e-6)
    assert plane.holds(ring, (10.0, 20.0))


def test_a_strip_of_a_straight_line_is_length_times_width() -> None:
    ring = shapes.strip([(0.0, 0.0), (300.0, 400.0)], left_m=15, right_m=-5)
    assert plane.signed_area(ring) == pytest.approx(500 * 20)


def test_a_strip_round_a_right_angle_is_mitred() -> None:
    ring = shapes.strip([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)], left_m=10, right_m=-10)
    mitred = LineString([(0, 0), (100, 0), (100, 100)]).buffer(10, cap_style="flat", join_style="mitre")
    assert Polygon(ring).symmetric_difference(mitred).area < 1e-6


def test_a_stretch_runs_between_two_distances() -> None:
    part = shapes.stretch_of([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)], 50, 130)
    assert part == [(50.0, 0.0), (100.0, 0.0), (100.0, 30.0)]


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=8, unique=True))
def test_cells_fill_a_square_and_are_nearest_to_their_centre(points: list[tuple[int, int]]) -> None:
    centres = [(x * 10.0, y * 10.0) for x, y in points]
    cells = voronoi.cells(centres, SQUARE)
    assert sum(plane.signed_area(c) for c in cells) == pytest.approx(1e6, rel=1e-9)
    for number, cell in enumerate(cells):
        middle = Polygon(cell).representative_point()
        assert voronoi.nearest(centres, (middle.x, middle.y)) == number


def test_two_centres_halve_a_square() -> None:
    left, right = voronoi.cells([(250.0, 500.0), (750.0, 500.0)], SQUARE)
    assert plane.signed_area(left) == plane.signed_area(right) == 500_000


@given(st.integers(12, 400), st.lists(st.floats(1, 1e6), min_size=1, max_size=12))
def test_shares_add_up_and_nobody_is_left_out(count: int, shares: list[float]) -> None:
    parts = scatter.shared_out(count, shares)
    assert min(parts) >= 1
    assert sum(parts) >= count
    if all(count * s / sum(shares) >= 1 for s in shares):
        assert sum(parts) == count


def test_shares_by_largest_remainder() -> None:
    assert scatter.shared_out(10, [4.6, 3.3, 2.1]) == [5, 3, 2]


@given(METRES, METRES)
def test_clearance_is_the_distance_to_the_edge_and_negative_outside(x: float, y: float) -> None:
    point = Polygon([(x, y), (x + 1e-9, y), (x, y + 1e-9)]).exterior.coords[0]
    away = Polygon(SQUARE).exterior.distance(LineString([point, point]))
    assert abs(plane.clearance(SQUARE, (x, y))) == pytest.approx(away, abs=1e-6)
    assert (plane.clearance(SQUARE, (x, y)) > 0) == (0 < x < 1000 and 0 < y < 1000) or away < 1e-6


def test_stops_stand_a_step_apart_across_the_bends_of_a_line() -> None:
    stops = list(plane.along([(0.0, 0.0), (100.0, 0.0), (100.0, 100.0)], 40))
    assert [p for p, _ in stops] == [(20.0, 0.0), (60.0, 0.0), (100.0, 0.0), (100.0, 40.0), (100.0, 80.0)]
    assert stops[-1][1] == (0.0, 1.0)


def test_the_nearest_street_gives_the_direction() -> None:
    streets = [[(0.0, 0.0), (100.0, 0.0)], [(0.0, 50.0), (0.0, 200.0)]]
    assert plane.nearest_direction(streets, (10.0, 150.0)) == (0.0, 1.0)
    assert plane.nearest_direction(streets, (80.0, 5.0)) == (1.0, 0.0)
