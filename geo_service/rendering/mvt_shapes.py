"""Geometries of a layer as flat arrays of world coordinates, in Hilbert order, with blocks to search by.

The world is 2^32 units wide in Web Mercator (9 mm at the equator, finer than the 7 decimals of storage), x to the
east, y to the south, so tile units are a subtraction and a shift away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.rendering.mvt import LINE, POINT, POLYGON, Ints, ragged
from geo_service.rendering.mvt_geometry import Flags, starts_run

WORLD_BITS = 32
BLOCK = 128

Geometries = NDArray[numpy.object_]
Units = NDArray[numpy.uint32]
Floats = NDArray[numpy.float64]


def _none_hidden() -> Ints:
    return numpy.empty(0, numpy.int64)


def world(coordinates: Floats) -> tuple[Units, Units]:
    """World x and y of longitudes and latitudes in degrees, poles cut off where Web Mercator ends."""
    size = float(1 << WORLD_BITS)
    sine = numpy.sin(numpy.radians(numpy.clip(coordinates[:, 1], -89.9, 89.9)))
    x = (coordinates[:, 0] / 360 + 0.5) * size
    y = (0.5 - numpy.log((1 + sine) / (1 - sine)) / (4 * numpy.pi)) * size
    clipped = [numpy.clip(numpy.rint(v), 0, size - 1).astype(numpy.uint32) for v in (x, y)]
    return clipped[0], clipped[1]


@dataclass(frozen=True, slots=True)
class Flat:
    """Rings or lines of simple parts: coordinates behind one another (rings without the closing one), vertices per
    ring, and of each ring its part and whether it is an exterior."""

    coordinates: Floats
    sizes: Ints
    parts: Ints
    exterior: Flags


def flatten(parts: Geometries, kind: int, *, clockwise: bool = False) -> Flat:
    """Points, lines or polygons (no multi-parts) as flat arrays; ``clockwise`` is which way exteriors turn."""
    if kind != POLYGON:
        coordinates, owner = shapely.get_coordinates(parts, return_index=True)
        sizes = numpy.bincount(owner, minlength=len(parts))
        return Flat(coordinates, sizes, numpy.arange(len(parts)), numpy.ones(len(parts), bool))
    turned = shapely.orient_polygons(parts, exterior_cw=clockwise)
    rings, owner = shapely.get_rings(turned, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    closing = numpy.append(ring[1:] != ring[:-1], True)[: len(ring)]
    sizes = numpy.bincount(ring, minlength=len(rings)) - 1
    return Flat(coordinates[~closing], sizes, owner, starts_run(owner))


def simple_parts(geometries: Geometries) -> tuple[Geometries, Ints]:
    """Parts of geometries, and the row each comes from; where all are simple none is copied, which takes longest."""
    if (shapely.get_type_id(geometries) > shapely.GeometryType.POLYGON).any():
        parts, owner = shapely.get_parts(geometries, return_index=True)
        return parts, owner
    rows = numpy.flatnonzero(~shapely.is_missing(geometries))
    return geometries[rows], rows


def explode(geometries: Geometries) -> tuple[Geometries, Ints]:
    """All simple, located parts of geometries (of collections too), and the row each comes from."""
    parts, rows = simple_parts(geometries)
    while (shapely.get_type_id(parts) > 3).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        rows = rows[inner]
    located = ~shapely.is_empty(parts) & numpy.isfinite(shapely.bounds(parts)).all(axis=1)
    return parts[located], rows[located]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Geometries of one kind, an *entry* for each row that has any: ``rings`` and ``vertices`` are offsets (one more
    than there are entries and rings), ``boxes`` are west, north, east, south, ``areas`` in square world units. Rows
    that are ``hidden`` are not found."""

    kind: int
    rows: Ints
    rings: Ints
    vertices: Ints
    polygons: Ints
    exterior: Flags
    x: Units
    y: Units
    boxes: Units
    areas: Floats
    blocks: Units
    hidden: Ints = field(default_factory=_none_hidden)

    @classmethod
    def from_parts(cls, parts: Geometries, rows: Ints, kind: int) -> Shapes:
        """Shapes of simple parts of one kind; parts of a row stand together."""
        order = _hilbert_order(parts, rows)
        parts, rows = parts[order], rows[order]
        flat = flatten(parts, kind, clockwise=True)
        x, y = world(flat.coordinates)
        ring_rows = rows[flat.parts]
        firsts = numpy.flatnonzero(starts_run(ring_rows))
        rings = numpy.append(firsts, len(ring_rows))
        vertices = numpy.append(0, numpy.cumsum(flat.sizes))
        boxes = _boxes(x, y, vertices[firsts])
        areas = numpy.add.reduceat(_ring_areas(x, y, vertices), firsts) if kind == POLYGON else numpy.zeros(len(firsts))
        return cls(
            kind,
            ring_rows[firsts],
            rings,
            vertices,
            flat.parts,
            flat.exterior,
            x,
            y,
            boxes,
            areas,
            _merged_boxes(boxes, numpy.arange(0, len(boxes), BLOCK)),
        )

    def query(self, box: tuple[int, int, int, int]) -> Ints:
        """Entries whose boxes meet a box (west, north, east, south in world units), in Hilbert order."""
        blocks = numpy.flatnonzero(_meet(self.blocks, box))
        entries = (blocks[:, None] * BLOCK + numpy.arange(BLOCK)).ravel()
        entries = entries[entries < len(self.rows)]
        entries = entries[_meet(self.boxes[entries], box)]
        return entries[~numpy.isin(self.rows[entries], self.hidden)] if len(self.hidden) else entries

    def ring_indexes(self, entries: Ints) -> tuple[Ints, Ints]:
        """The rings of some entries, and the row of each."""
        counts = self.rings[entries + 1] - self.rings[entries]
        return ragged(self.rings[entries], counts), numpy.repeat(self.rows[entries], counts)

    def vertex_indexes(self, rings: Ints) -> tuple[Ints, Ints]:
        """The vertices of some rings, and how many each has."""
        sizes = self.vertices[rings + 1] - self.vertices[rings]
        return ragged(self.vertices[rings], sizes), sizes


def shapes_of(geometries: Geometries) -> tuple[Shapes, ...]:
    """Polygons, lines and points of geometries in degrees; a mixed collection has entries in several."""
    parts, rows = explode(geometries)
    dimensions = shapely.get_dimensions(parts)
    kinds = ((POLYGON, 2), (LINE, 1), (POINT, 0))
    chosen = ((kind, dimensions == dimension) for kind, dimension in kinds)
    return tuple(Shapes.from_parts(parts[of], rows[of], kind) for kind, of in chosen if of.any())


def _hilbert_order(parts: Geometries, rows: Ints) -> Ints:
    """Order of parts by the place of their row on a Hilbert curve, so that neighbours lie in the same block."""
    firsts = numpy.flatnonzero(starts_run(rows))
    bounds = shapely.bounds(parts)
    west, south = (numpy.minimum.reduceat(bounds[:, i], firsts) for i in (0, 1))
    east, north = (numpy.maximum.reduceat(bounds[:, i], firsts) for i in (2, 3))
    x, y = world(numpy.column_stack([(west + east) / 2, (south + north) / 2]))
    places = hilbert(x >> 16, y >> 16)
    counts = numpy.diff(numpy.append(firsts, len(rows)))
    return numpy.argsort(numpy.repeat(_ranks(places), counts), kind="stable")


def _ranks(values: Ints) -> Ints:
    ranks = numpy.empty(len(values), numpy.int64)
    ranks[numpy.argsort(values, kind="stable")] = numpy.arange(len(values))
    return ranks


def hilbert(x: NDArray[Any], y: NDArray[Any], *, bits: int = 16) -> Ints:
    """Distance along a Hilbert curve over a square of 2^bits cells a side (Warren, Hacker's Delight, ch. 16)."""
    x, y = x.astype(numpy.int64), y.astype(numpy.int64)
    distance = numpy.zeros(len(x), numpy.int64)
    for bit in range(bits - 1, -1, -1):
        step = 1 << bit
        right, down = (x & step) > 0, (y & step) > 0
        distance += step * step * ((3 * right) ^ down)
        flip, swap = ~down & right, ~down
        x, y = numpy.where(flip, (1 << bits) - 1 - x, x), numpy.where(flip, (1 << bits) - 1 - y, y)
        x, y = numpy.where(swap, y, x), numpy.where(swap, x, y)
    return distance


def _boxes(x: Units, y: Units, firsts: Ints) -> Units:
    low = [numpy.minimum.reduceat(v, firsts) for v in (x, y)]
    high = [numpy.maximum.reduceat(v, firsts) for v in (x, y)]
    return numpy.column_stack(low + high)


def _merged_boxes(boxes: Units, firsts: Ints) -> Units:
    low = numpy.minimum.reduceat(boxes[:, :2], firsts)
    return numpy.hstack([low, numpy.maximum.reduceat(boxes[:, 2:], firsts)])


def _meet(boxes: Units, box: tuple[int, int, int, int]) -> Flags:
    west, north, east, south = box
    return (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= south) & (boxes[:, 3] >= north)


def _ring_areas(x: Units, y: Units, vertices: Ints) -> Floats:
    """Area of each ring in square world units; holes are negative. Counted from each ring's first vertex."""
    starts, sizes = vertices[:-1], numpy.diff(vertices)
    dx = x.astype(numpy.float64) - numpy.repeat(x[starts].astype(numpy.float64), sizes)
    dy = y.astype(numpy.float64) - numpy.repeat(y[starts].astype(numpy.float64), sizes)
    next_x, next_y = numpy.roll(dx, -1), numpy.roll(dy, -1)
    last = vertices[1:] - 1
    next_x[last] = next_y[last] = 0.0
    return numpy.asarray(numpy.add.reduceat(dx * next_y - next_x * dy, starts) / 2)
