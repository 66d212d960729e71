"""Cells of centres, cut to an outline: nearest-centre areas that tile it exactly."""

from __future__ import annotations

from collections.abc import Sequence

from layer_builder.plane import Point, Ring, edges


def cells(centres: Sequence[Point], outline: Ring) -> list[Ring]:
    """For each centre the part of the outline that is nearer to it than to any other.

    Sutherland and Hodgman's cut; it is exact here because no cell falls apart (a test holds that).
    """
    return [_cell(n, centres, outline) for n in range(len(centres))]


def nearest(centres: Sequence[Point], point: Point) -> int:
    """The number of the centre nearest to a point."""
    return min(range(len(centres)), key=lambda n: (centres[n][0] - point[0]) ** 2 + (centres[n][1] - point[1]) ** 2)


def _cell(own: int, centres: Sequence[Point], outline: Ring) -> Ring:
    ring = outline
    for other in range(len(centres)):
        if other != own:
            first, second = sorted((own, other))
            ring = _cut(ring, centres[first], centres[second], sign=1 if own == first else -1)
    return ring


def _cut(ring: Ring, first: Point, second: Point, *, sign: int) -> Ring:
    """The part nearer to ``first`` (sign 1) or ``second`` (sign -1); both ask the same numbers of a shared edge."""
    kept: Ring = []
    for a, b in edges(ring):
        side_a, side_b = sign * _lead(a, first, second), sign * _lead(b, first, second)
        if side_a >= 0:
            kept.append(a)
        if (side_a > 0 > side_b) or (side_a < 0 < side_b):
            low, high = sorted((a, b))
            low_side, high_side = _lead(low, first, second), _lead(high, first, second)
            share = low_side / (low_side - high_side)
            kept.append((low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])))
    return kept


def _lead(point: Point, first: Point, second: Point) -> float:
    """By how much a point is nearer to ``first`` than to ``second``, in squared metres."""
    x = (first[0] - second[0]) * (point[0] - (first[0] + second[0]) / 2)
    y = (first[1] - second[1]) * (point[1] - (first[1] + second[1]) / 2)
    return 2 * (x + y)
