"""Holes and parts: nothing is lost, nothing is moved."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box, mapping, shape

from geo_service.core.shaping import cut_hole, read_shape, split_by
from geo_service.errors import InvalidRequest

WHOLE = box(117.10, 39.10, 117.12, 39.12)


def test_a_hole_takes_away_exactly_what_was_drawn() -> None:
    left = shape(cut_hole(WHOLE, box(117.105, 39.105, 117.110, 39.110)))
    assert left.geom_type == "Polygon"
    assert len(left.interiors) == 1
    assert left.area == pytest.approx(WHOLE.area - 0.005**2, rel=1e-9)


def test_a_hole_right_through_leaves_two_parts() -> None:
    left = shape(cut_hole(WHOLE, box(117.109, 39.0, 117.111, 39.2)))
    assert left.geom_type == "MultiPolygon"
    assert len(left.geoms) == 2


@pytest.mark.parametrize("hole", [box(118, 39, 118.1, 39.1), box(117, 39, 118, 40)])
def test_a_hole_outside_or_over_everything_is_refused(hole: Polygon) -> None:
    with pytest.raises(InvalidRequest):
        cut_hole(WHOLE, hole)


@given(st.floats(0.001, 0.019), st.floats(0.001, 0.019))
def test_the_parts_of_a_split_make_up_the_whole(left: float, right: float) -> None:
    blade = LineString([(117.09, 39.10 + left), (117.13, 39.10 + right)])
    parts = [shape(p) for p in split_by(WHOLE, blade)]
    assert len(parts) == 2
    assert parts[0].area >= parts[1].area
    assert sum(p.area for p in parts) == pytest.approx(WHOLE.area, rel=1e-4)
    assert parts[0].intersection(parts[1]).area < 1e-9 * WHOLE.area + 1e-11


def test_an_area_of_two_parts_is_split_where_the_line_runs() -> None:
    both = shapely.MultiPolygon([WHOLE, box(117.2, 39.10, 117.21, 39.11)])
    assert len(split_by(both, LineString([(117.11, 39.0), (117.11, 39.2)]))) == 3


def test_a_line_is_split_at_the_crossing() -> None:
    parts = split_by(LineString([(117.1, 39.1), (117.2, 39.1)]), LineString([(117.13, 39.0), (117.13, 39.2)]))
    assert [p["coordinates"][0] for p in parts] == [[117.13, 39.1], [117.1, 39.1]]


def test_a_line_that_ends_inside_splits_nothing() -> None:
    with pytest.raises(InvalidRequest):
        split_by(WHOLE, LineString([(117.0, 39.11), (117.11, 39.11)]))


BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
LONG = mapping(LineString([(i * 1e-5, 39) for i in range(20_001)]))


@pytest.mark.parametrize(
    "bad", [None, "x", {}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": 1}, BOW_TIE, LONG]
)
def test_what_is_no_shape_is_refused_with_a_reason(bad: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_shape(bad)
