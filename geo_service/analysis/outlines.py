"""Outlines of square cells: polygons whose area is exactly that of their cells, traced along the cells' borders.

Tracing costs by the length of the borders, a union of squares by their number: 28 846 cells of 25 m take 4 ms here and
93 ms as ``coverage_union_all`` (2 cores).
"""

from __future__ import annotations

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.analysis.network import Floats, Integers

EMPTY = shapely.from_wkt("MULTIPOLYGON EMPTY")


def cells_to_polygon(centres: Floats, size_m: float) -> shapely.Geometry:
    """The union of the square cells around these centres (n, 2), EPSG:4548; empty for none."""
    if not len(centres):
        return EMPTY
    return cells_to_polygons(centres, numpy.ones(len(centres), dtype=numpy.int64), size_m)[1]


def cells_to_polygons(centres: Floats, labels: Integers, size_m: float) -> dict[int, shapely.Geometry]:
    """For each label 1, 2, … the union of its cells; cells of label 0 and below belong to nobody."""
    column = numpy.floor(centres[:, 0] / size_m).astype(numpy.int64)
    row = numpy.floor(centres[:, 1] / size_m).astype(numpy.int64)
    left, bottom = column.min() - 1, row.min() - 1
    grid = numpy.zeros((row.max() - bottom + 2, column.max() - left + 2), dtype=numpy.int64)
    grid[row - bottom, column - left] = numpy.maximum(labels, 0)
    return trace(grid, west=left * size_m, south=bottom * size_m, size_m=size_m)


def trace(grid: Integers, *, west: float, south: float, size_m: float) -> dict[int, shapely.Geometry]:
    """Polygons of a grid of labels whose row 0 is the southern one; its outermost cells must be 0."""
    faces = shapely.get_parts(shapely.polygonize(_borders(grid)))
    if not len(faces):
        return {}
    inside = shapely.get_coordinates(shapely.point_on_surface(faces)).astype(numpy.int64)
    label = grid[inside[:, 1], inside[:, 0]]
    order = numpy.argsort(label, kind="stable")
    placed = shapely.transform(shapely.simplify(faces[order], 0), lambda xy: xy * size_m + (west, south))
    found, first = numpy.unique(label[order], return_index=True)
    groups = numpy.split(placed, first[1:])
    return {int(k): shapely.multipolygons(list(group)) for k, group in zip(found, groups, strict=True) if k > 0}


def _borders(grid: Integers) -> NDArray[numpy.object_]:
    """Every unit edge between two cells of unlike labels, in grid coordinates."""
    row, column = numpy.nonzero(grid[:, 1:] != grid[:, :-1])
    upright = numpy.stack((column + 1, row, column + 1, row + 1), axis=1)
    row, column = numpy.nonzero(grid[1:] != grid[:-1])
    level = numpy.stack((column, row + 1, column + 1, row + 1), axis=1)
    edges = numpy.concatenate((upright, level)).astype(float)
    return numpy.asarray(shapely.linestrings(edges.reshape(-1, 2, 2)))
