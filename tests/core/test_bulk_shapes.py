"""Geometries of canonical lines, read as arrays."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line

number = st.floats(-180, 180, allow_nan=False, width=64)
position = st.tuples(number, number).map(list)
line = st.lists(position, min_size=2, max_size=5)
ring = st.lists(position, min_size=3, max_size=6).map(lambda found: [*found, found[0]])
polygon = st.lists(ring, min_size=1, max_size=3)


def geometry(kind: str, coordinates: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return coordinates.map(lambda found: {"type": kind, "coordinates": found})


plain = st.one_of(
    geometry("Point", position),
    geometry("MultiPoint", st.lists(position, min_size=1, max_size=4)),
    geometry("LineString", line),
    geometry("MultiLineString", st.lists(line, min_size=1, max_size=3)),
    geometry("Polygon", polygon),
    geometry("MultiPolygon", st.lists(polygon, min_size=1, max_size=3)),
)
odd = st.sampled_from(
    [
        None,
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [117.1, 39.1, 4.5]},
        {"type": "LineString", "coordinates": [[117.1, 39.1, 4.5], [117.2, 39.1, 4.5]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]], []]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
    ]
)


def lines_of(geometries: list[Any]) -> list[bytes]:
    names = ('"type":"Point"},"id":"', "[[1,2]]", "普通")
    return [
        dump_line(Feature(f"NK-{number}", {"name": names[number % 3]}, each)).encode()
        for number, each in enumerate(geometries)
    ]


def same(lines: list[bytes]) -> None:
    parsed = shapely.from_geojson(numpy.array(lines, dtype=object), on_invalid="ignore")
    found = shapes_of_lines(lines)
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(parsed).tolist()


@given(st.lists(plain, max_size=12))
def test_geometries_are_those_a_parser_reads_to_the_last_bit(geometries: list[Any]) -> None:
    same(lines_of(geometries))


@given(st.lists(st.one_of(plain, odd), max_size=12))
def test_what_is_odd_among_them_is_left_to_the_parser(geometries: list[Any]) -> None:
    same(lines_of(geometries))


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
def test_a_ring_that_is_not_closed_is_no_geometry(kind: str) -> None:
    rings: Any = [[[0, 0], [1, 0], [1, 1], [0, 1]]]
    coordinates = rings if kind == "Polygon" else [rings]
    assert shapes_of_lines(lines_of([{"type": kind, "coordinates": coordinates}])).tolist() == [None]
