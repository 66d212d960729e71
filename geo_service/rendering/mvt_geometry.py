"""Vertices in tile units to MVT command integers, for all features of a tile at once.

Rings (and lines) lie behind one another; ``sizes`` says how many vertices each has, ``owner`` which feature it belongs
to (0, 1, 2 … ascending). Tile units count from the top left corner, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from geo_service.rendering.mvt import CLOSE_PATH, EMPTY, LINE, MOVE_TO_ONE, POINT, POLYGON, Batch, Ints

Flags = NDArray[numpy.bool_]


def starts_run(values: Ints) -> Flags:
    """Where a run of equal numbers begins."""
    starts = numpy.ones(len(values), bool)
    starts[1:] = values[1:] != values[:-1]
    return starts


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings or lines in tile units: vertices (rings without the closing one), vertices per ring, and of each ring the
    table row, its polygon (a number that differs from the neighbours') and whether it is an exterior.

    Rings of a row stand together, and so do those of a polygon, exterior first.
    """

    x: Ints
    y: Ints
    sizes: Ints
    rows: Ints
    polygons: Ints
    exterior: Flags

    @property
    def starts(self) -> Ints:
        """Index of the first vertex of each ring."""
        return numpy.cumsum(self.sizes) - self.sizes


def polygons(rings: Rings) -> Batch:
    """Polygon features: doubled vertices, rings without area and holes of such polygons are left out."""
    return _batch(_sound(without_repeats(rings, closed=True)), closed=True)


def lines(rings: Rings) -> Batch:
    """Line features: doubled vertices and lines of one place are left out."""
    slim = without_repeats(rings, closed=False)
    return _batch(select(slim, slim.sizes >= 2), closed=False)


def points(x: Ints, y: Ints, rows: Ints) -> Batch:
    """Point features; vertices of the same row, standing together, make one multi-point."""
    if not len(rows):
        return EMPTY
    first = starts_run(rows)
    starts = numpy.flatnonzero(first)
    counts = numpy.diff(numpy.append(starts, len(rows)))
    dx, dy = _deltas(x, y, first)
    commands = numpy.empty(2 * len(rows) + len(starts), numpy.int64)
    heads = numpy.cumsum(2 * counts + 1) - (2 * counts + 1)
    commands[heads] = counts << 3 | 1
    places = numpy.arange(len(rows)) * 2 + numpy.cumsum(first)
    commands[places], commands[places + 1] = dx, dy
    return Batch(rows[starts], numpy.full(len(starts), POINT), 2 * counts + 1, commands)


def select(rings: Rings, keep: Flags) -> Rings:
    """Only the rings marked."""
    if keep.all():
        return rings
    vertices = numpy.repeat(keep, rings.sizes)
    return Rings(
        rings.x[vertices],
        rings.y[vertices],
        rings.sizes[keep],
        rings.rows[keep],
        rings.polygons[keep],
        rings.exterior[keep],
    )


def concatenated(first: Rings, second: Rings) -> Rings:
    """The rings of both, behind one another."""
    names = ("x", "y", "sizes", "rows", "polygons", "exterior")
    return Rings(*(numpy.concatenate([getattr(first, n), getattr(second, n)]) for n in names))


def without_repeats(rings: Rings, *, closed: bool) -> Rings:
    """Rings without vertices that repeat the one before, and closed ones without a last vertex that is the first."""
    if not len(rings.sizes):
        return rings
    starts = rings.starts
    keep = numpy.empty(len(rings.x), bool)
    keep[0] = True
    keep[1:] = (rings.x[1:] != rings.x[:-1]) | (rings.y[1:] != rings.y[:-1])
    keep[starts] = True
    if closed:
        _drop_closing(rings, starts, keep)
    if keep.all():
        return rings
    sizes = numpy.add.reduceat(keep, starts, dtype=numpy.int64)
    return Rings(rings.x[keep], rings.y[keep], sizes, rings.rows, rings.polygons, rings.exterior)


def _drop_closing(rings: Rings, starts: Ints, keep: Flags) -> None:
    """Unmark the run of vertices at the end of a ring that stand on its first one (the run's head is enough: its
    followers are unmarked already)."""
    indexes = numpy.where(keep, numpy.arange(len(keep)), -1)
    last = numpy.maximum.reduceat(indexes, starts)
    same = (rings.x[last] == rings.x[starts]) & (rings.y[last] == rings.y[starts]) & (last != starts)
    keep[last[same]] = False


def doubled_areas(rings: Rings) -> Ints:
    """Twice the surveyor's area of each ring: positive for exteriors as MVT wants them (y downwards)."""
    starts = rings.starts
    next_x, next_y = numpy.roll(rings.x, -1), numpy.roll(rings.y, -1)
    last = starts + rings.sizes - 1
    next_x[last], next_y[last] = rings.x[starts], rings.y[starts]
    return numpy.add.reduceat(rings.x * next_y - next_x * rings.y, starts)


def _sound(rings: Rings) -> Rings:
    """Rings with an area of the right sign, of polygons whose exterior is there."""
    if not len(rings.sizes):
        return rings
    areas = doubled_areas(rings)
    good = numpy.where(rings.exterior, areas > 0, areas < 0)
    if good.all():
        return rings
    polygon = numpy.cumsum(starts_run(rings.polygons)) - 1
    whole = numpy.zeros(int(polygon[-1]) + 1, bool)
    whole[polygon[good & rings.exterior]] = True
    return select(rings, good & whole[polygon])


def _batch(rings: Rings, *, closed: bool) -> Batch:
    if not len(rings.sizes):
        return EMPTY
    lengths = 2 * rings.sizes + 2 + closed
    ends = numpy.cumsum(lengths)
    heads = ends - lengths
    commands = numpy.empty(int(ends[-1]), numpy.int64)
    commands[heads] = MOVE_TO_ONE
    commands[heads + 3] = (rings.sizes - 1) << 3 | 2
    if closed:
        commands[ends - 1] = CLOSE_PATH
    first_ring = starts_run(rings.rows)
    _write_vertices(rings, heads, first_ring, commands)
    firsts = numpy.flatnonzero(first_ring)
    counts = numpy.add.reduceat(lengths, firsts)
    kind = POLYGON if closed else LINE
    return Batch(rings.rows[firsts], numpy.full(len(firsts), kind), counts, commands)


def _write_vertices(rings: Rings, heads: Ints, first_ring: Flags, commands: Ints) -> None:
    starts = rings.starts
    first = numpy.zeros(len(rings.x), bool)
    first[starts[first_ring]] = True
    dx, dy = _deltas(rings.x, rings.y, first)
    places = numpy.arange(len(rings.x)) * 2 + numpy.repeat(heads + 2 - 2 * starts, rings.sizes)
    places[starts] -= 1
    commands[places], commands[places + 1] = dx, dy


def _deltas(x: Ints, y: Ints, first: Flags) -> tuple[Ints, Ints]:
    """Zigzag-encoded steps from vertex to vertex; from the corner of the tile where a feature begins."""
    return _steps(x, first), _steps(y, first)


def _steps(values: Ints, first: Flags) -> Ints:
    steps = numpy.diff(values, prepend=0)
    steps[first] = values[first]
    return (steps << 1) ^ (steps >> 63)
