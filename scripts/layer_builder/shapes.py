"""Shapes of plausible size for places whose outline nobody has published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from layer_builder.plane import Point, Ring, distance, signed_area

HECTARE_M2 = 10_000.0
CORNER_SHARE = 0.3
"""Radius of a block's corners as a share of its shorter half side."""
CORNER_POINTS = 4
BLOB_POINTS = 32
Wobble = Sequence[tuple[float, float]]
"""Amplitude (share of the radius) and phase of the waves 2, 3, 4, ... around a blob."""


def block(centre: Point, direction: Point, *, area_m2: float, aspect: float) -> Ring:
    """A rectangle with round corners, its longer side along ``direction``."""
    half_width = 0.5 * math.sqrt(area_m2 / aspect)
    half_length, radius = half_width * aspect, CORNER_SHARE * half_width
    corners = [(1, 1, 0), (-1, 1, 1), (-1, -1, 2), (1, -1, 3)]
    ring: Ring = []
    for sx, sy, quarter in corners:
        for step in range(CORNER_POINTS):
            turn = (quarter + step / (CORNER_POINTS - 1)) * math.pi / 2
            x = sx * (half_length - radius) + radius * math.cos(turn)
            y = sy * (half_width - radius) + radius * math.sin(turn)
            ring.append((x, y))
    return placed(ring, centre, direction, area_m2=area_m2)


def blob(centre: Point, direction: Point, *, area_m2: float, stretch: float, wobble: Wobble) -> Ring:
    """A smooth closed shape, ``stretch`` times as long along ``direction`` as across."""
    ring: Ring = []
    for step in range(BLOB_POINTS):
        turn = 2 * math.pi * step / BLOB_POINTS
        waves = sum(size * math.cos(k * turn + phase) for k, (size, phase) in enumerate(wobble, start=2))
        ring.append((stretch * (1 + waves) * math.cos(turn), (1 + waves) * math.sin(turn)))
    return placed(ring, centre, direction, area_m2=area_m2)


def placed(ring: Ring, centre: Point, direction: Point, *, area_m2: float) -> Ring:
    """A ring around the origin scaled to an area, turned to a direction and moved to its centre."""
    scale = math.sqrt(area_m2 / abs(signed_area(ring)))
    c, s = direction[0] * scale, direction[1] * scale
    return [(centre[0] + x * c - y * s, centre[1] + x * s + y * c) for x, y in ring]


def strip(line: Sequence[Point], *, left_m: float, right_m: float) -> Ring:
    """The ground from ``right_m`` to ``left_m`` metres left of a line, with mitred corners."""
    return [*_offset(line, right_m), *reversed(_offset(line, left_m))]


def stretch_of(line: Sequence[Point], from_m: float, to_m: float) -> list[Point]:
    """The part of a line between two distances from its start."""
    part: list[Point] = []
    passed = 0.0
    for a, b in pairwise(line):
        length = distance(a, b)
        for mark in (from_m, to_m):
            if passed <= mark < passed + length:
                share = (mark - passed) / length
                part.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
        passed += length
        if from_m < passed < to_m:
            part.append(b)
    return part


def _offset(line: Sequence[Point], away_m: float) -> list[Point]:
    normals = [_left_of(a, b) for a, b in pairwise(line)]
    pairs = zip([normals[0], *normals], [*normals, normals[-1]], strict=True)
    return [_moved(point, before, after, away_m) for point, (before, after) in zip(line, pairs, strict=True)]


def _moved(point: Point, before: Point, after: Point, away_m: float) -> Point:
    both = 1 + before[0] * after[0] + before[1] * after[1]
    return point[0] + away_m * (before[0] + after[0]) / both, point[1] + away_m * (before[1] + after[1]) / both


def _left_of(a: Point, b: Point) -> Point:
    length = distance(a, b)
    return -(b[1] - a[1]) / length, (b[0] - a[0]) / length
