"""Outlines of cells keep the area of the cells, whatever their pattern."""

from __future__ import annotations

import numpy
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_service.analysis.outlines import cells_to_polygon, cells_to_polygons

EAST, NORTH = 510_000.0, 4_330_000.0


def centres(rows: int, columns: int, size_m: float) -> numpy.ndarray:
    x, y = numpy.meshgrid(numpy.arange(columns), numpy.arange(rows))
    return numpy.column_stack((EAST + (x.ravel() + 0.5) * size_m, NORTH + (y.ravel() + 0.5) * size_m))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=6))
def test_every_pattern_keeps_its_area_and_is_valid(pattern: list[list[int]]) -> None:
    labels = numpy.array(pattern)
    places = centres(*labels.shape, 25.0)
    shapes = cells_to_polygons(places, labels.ravel(), 25.0)
    assert set(shapes) == set(labels[labels > 0].tolist())
    for label, shape in shapes.items():
        assert shape.is_valid
        assert shape.area == pytest.approx((labels == label).sum() * 625)
        assert shapely.contains_xy(shape, *places[labels.ravel() == label].T).all()


def test_a_hole_stays_a_hole_and_rows_are_one_edge() -> None:
    labels = numpy.ones((3, 3), dtype=int)
    labels[1, 1] = 0
    ring = cells_to_polygons(centres(3, 3, 10.0), labels.ravel(), 10.0)[1]
    assert ring.area == pytest.approx(800)
    assert len(shapely.get_coordinates(ring)) == 10


def test_no_cells_have_no_outline() -> None:
    assert cells_to_polygon(numpy.empty((0, 2)), 25.0).is_empty
    assert cells_to_polygons(centres(2, 2, 25.0), numpy.zeros(4, dtype=int), 25.0) == {}
