"""A local plane in metres, by plain arithmetic, so that shapes come out the same on every machine.

Within the district the plane agrees with EPSG:4548 to 0.1 %; areas and lengths that people read are measured in
EPSG:4548 all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

Point = tuple[float, float]
Ring = list[Point]
"""A closed line without its first point repeated."""

ORIGIN = (117.15, 39.105)
METRES_PER_DEGREE = (86_505.0, 111_017.0)
"""Length of a degree of longitude and of latitude at 39.105 N on the CGCS2000 ellipsoid."""
DECIMALS = 7


def to_metres(point: Sequence[float]) -> Point:
    """East and north of the origin, metres."""
    return (point[0] - ORIGIN[0]) * METRES_PER_DEGREE[0], (point[1] - ORIGIN[1]) * METRES_PER_DEGREE[1]


def to_degrees(point: Point) -> Point:
    """Longitude and latitude at 7 decimals."""
    longitude = ORIGIN[0] + point[0] / METRES_PER_DEGREE[0]
    latitude = ORIGIN[1] + point[1] / METRES_PER_DEGREE[1]
    return round(longitude, DECIMALS), round(latitude, DECIMALS)


def edges(ring: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """The sides of a ring, the closing one last."""
    return zip(ring, [*ring[1:], ring[0]], strict=True)


def signed_area(ring: Sequence[Point]) -> float:
    """Area of a ring, positive where it runs counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in edges(ring)) / 2


def holds(ring: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a ring (even-odd rule)."""
    inside = False
    for (ax, ay), (bx, by) in edges(ring):
        if (ay > point[1]) != (by > point[1]) and point[0] < ax + (point[1] - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


def distance(a: Point, b: Point) -> float:
    """Metres between two points."""
    return math.hypot(a[0] - b[0], a[1] - b[1])


def distance_to_segment(point: Point, a: Point, b: Point) -> float:
    """Metres from a point to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    share = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / (dx * dx + dy * dy)
    share = min(1.0, max(0.0, share))
    return distance(point, (a[0] + share * dx, a[1] + share * dy))


def clearance(ring: Sequence[Point], point: Point) -> float:
    """Metres from a point in a ring to its edge; negative outside."""
    away = min(distance_to_segment(point, a, b) for a, b in edges(ring))
    return away if holds(ring, point) else -away


def along(line: Sequence[Point], step_m: float) -> Iterator[tuple[Point, Point]]:
    """Points every ``step_m`` along a line, each with the unit direction of the line there."""
    start = step_m / 2
    for a, b in pairwise(line):
        length = distance(a, b)
        direction = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
        while start < length:
            yield (a[0] + direction[0] * start, a[1] + direction[1] * start), direction
            start += step_m
        start -= length


def nearest_direction(lines: Sequence[Sequence[Point]], point: Point) -> Point:
    """The unit direction of the segment of any line that is nearest to a point."""
    segments = [s for line in lines for s in pairwise(line)]
    a, b = min(segments, key=lambda s: distance_to_segment(point, *s))
    length = distance(a, b)
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length
