"""Where names go: candidates per geometry, placed greedily by rank, no two on each other.

Points get eight places around the mark and four further out, polygons their pole of inaccessibility and a raster around
it, lines their straightest stretches. Collisions are tested on the true, turned rectangles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.rendering.printing.drawing import INK, Box

PADDING_MM = 0.25
EDGE_MM = 0.6
SMALL_FOR_TEXT = 0.75
"""A polygon whose inscribed circle has a radius under this many text heights would vanish below a text."""
_CELL_MM = 8.0

Spot = tuple[float, float, float]
"""Centre x, y in mm and angle in degrees, clockwise, between -90 and 90."""
Candidates = Callable[[float, float], Iterable[Spot]]
"""Places for a text of this width and height, best first."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A rectangle turned around its centre: what a label covers."""

    x: float
    y: float
    half_width: float
    half_height: float
    cos: float = 1.0
    sin: float = 0.0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The upright rectangle around it: left, top, right, bottom."""
        reach_x = abs(self.half_width * self.cos) + abs(self.half_height * self.sin)
        reach_y = abs(self.half_width * self.sin) + abs(self.half_height * self.cos)
        return self.x - reach_x, self.y - reach_y, self.x + reach_x, self.y + reach_y

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Its four corners in order."""
        across, down = (
            (self.half_width * self.cos, self.half_width * self.sin),
            (
                -self.half_height * self.sin,
                self.half_height * self.cos,
            ),
        )
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return tuple((self.x + a * across[0] + b * down[0], self.y + a * across[1] + b * down[1]) for a, b in signs)

    def overlaps(self, other: Plate) -> bool:
        """Whether two turned rectangles share ground (separating axis theorem)."""
        left, top, right, bottom = self.extent
        west, north, east, south = other.extent
        if left >= east or west >= right or top >= south or north >= bottom:
            return False
        if not self.sin and not other.sin:
            return True
        return not (self._parts(other) or other._parts(self))

    def _parts(self, other: Plate) -> bool:
        """Whether one of this rectangle's two axes separates them."""
        dx, dy = other.x - self.x, other.y - self.y
        cos = abs(self.cos * other.cos + self.sin * other.sin)
        sin = abs(self.cos * other.sin - self.sin * other.cos)
        along = abs(dx * self.cos + dy * self.sin)
        across = abs(dy * self.cos - dx * self.sin)
        return (
            along >= self.half_width + other.half_width * cos + other.half_height * sin
            or across >= self.half_height + other.half_width * sin + other.half_height * cos
        )


def plate(x: float, y: float, width: float, height: float, angle: float = 0.0) -> Plate:
    """What a text of this size covers, padding included."""
    turn = math.radians(angle)
    sin = math.sin(turn) if angle else 0.0
    return Plate(x, y, width / 2 + PADDING_MM, height / 2 + PADDING_MM, math.cos(turn), sin)


def plate_of(box: Box) -> Plate:
    """An upright rectangle without padding."""
    return Plate(box.x + box.width / 2, box.y + box.height / 2, box.width / 2, box.height / 2)


class Board:
    """The ground already taken in a frame: marks, furniture and labels; ``owner`` is whose mark it is."""

    def __init__(self, width_mm: float, height_mm: float) -> None:
        self._limits = (EDGE_MM, EDGE_MM, width_mm - EDGE_MM, height_mm - EDGE_MM)
        self._cells: dict[tuple[int, int], list[tuple[Plate, str]]] = {}

    def block(self, taken: Plate, owner: str = "") -> None:
        """Keep labels off a rectangle; those of its owner may touch it."""
        for cell in _cells(taken):
            self._cells.setdefault(cell, []).append((taken, owner))

    def is_free(self, wanted: Plate, owner: str = "") -> bool:
        """Whether a label may go here: inside the frame, on nobody else's ground."""
        left, top, right, bottom = wanted.extent
        west, north, east, south = self._limits
        if left < west or top < north or right > east or bottom > south:
            return False
        return not any(
            taken.overlaps(wanted)
            for cell in _cells(wanted)
            for taken, whose in self._cells.get(cell, ())
            if not owner or whose != owner
        )


def _cells(taken: Plate) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = taken.extent
    for column in range(int(left // _CELL_MM), int(right // _CELL_MM) + 1):
        for row in range(int(top // _CELL_MM), int(bottom // _CELL_MM) + 1):
            yield column, row


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text looking for a place; low ranks choose first. ``owner`` names the mark it may touch."""

    text: str
    layer: str
    fid: str
    width: float
    size: float
    candidates: Candidates
    rank: float = 5.0
    bold: bool = False
    fill: str = INK
    tracking: float = 0.0
    owner: str = ""
    number: bool = False

    @property
    def height(self) -> float:
        """How high its ink is."""
        return self.size * 0.92


@dataclass(frozen=True, slots=True)
class Placed:
    """A label and the middle of its ink."""

    label: Label
    x: float
    y: float
    angle: float

    @property
    def plate(self) -> Plate:
        """What it covers."""
        return plate(self.x, self.y, self.label.width, self.label.height, self.angle)


def place(labels: Iterable[Label], board: Board) -> tuple[tuple[Placed, ...], tuple[Label, ...]]:
    """Labels with a place and labels without, both by rank; the board keeps what was taken."""
    placed: list[Placed] = []
    omitted: list[Label] = []
    for label in sorted(labels, key=lambda each: each.rank):
        found = _first_free(label, board)
        if found:
            board.block(found.plate)
            placed.append(found)
        else:
            omitted.append(label)
    return tuple(placed), tuple(omitted)


def _first_free(label: Label, board: Board) -> Placed | None:
    spots = (Placed(label, *spot) for spot in label.candidates(label.width, label.height))
    return next((spot for spot in spots if board.is_free(spot.plate, label.owner)), None)


def around_point(x: float, y: float, radius: float) -> Candidates:
    """Right, left, above, below and the diagonals, then the first four further out."""

    def spots(width: float, height: float) -> Iterator[Spot]:
        gap, half, drop = radius + 0.5, width / 2, height / 2
        near = gap * 0.7
        for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1)):
            yield x + dx * (gap + half), y + dy * (gap + drop), 0.0
        for dx, dy in ((1, -1), (1, 1), (-1, -1), (-1, 1)):
            yield x + dx * (near + half), y + dy * (near + drop), 0.0
        for dx, dy in ((1, 0), (0, -1), (0, 1), (-1, 0)):
            yield x + dx * (gap + 1.5 + half), y + dy * (gap + 1.5 + drop), 0.0

    return spots


def inside_polygon(polygon: Any, *, beside: bool = True, frame: Box) -> Candidates:
    """The pole of inaccessibility, a raster by distance from it, then (``beside``) right, left, above and below; a
    polygon that the text would cover gets it beside first."""

    def spots(width: float, height: float) -> Iterator[Spot]:
        part = _largest(shapely.intersection(polygon, shapely.box(frame.x, frame.y, frame.right, frame.bottom)))
        if part is None:
            return
        circle = shapely.maximum_inscribed_circle(part, 0.2)
        pole = shapely.get_coordinates(circle)[0]
        inside = [(float(pole[0]), float(pole[1]), 0.0), *((x, y, 0.0) for x, y in _raster(part, pole))]
        outside = list(_beside(shapely.bounds(part).tolist(), width, height)) if beside else []
        small = shapely.length(circle) < SMALL_FOR_TEXT * height
        yield from (*outside, *inside) if small else (*inside, *outside)

    return spots


def _largest(geometry: Any) -> Any | None:
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and p.area > 0]
    return max(parts, key=lambda p: p.area, default=None)


def _raster(part: Any, pole: numpy.ndarray[Any, Any]) -> list[tuple[float, float]]:
    west, top, east, bottom = shapely.bounds(part).tolist()
    across, down = numpy.linspace(west, east, 11)[1:-1], numpy.linspace(top, bottom, 11)[1:-1]
    points = numpy.stack(numpy.meshgrid(across, down), axis=-1).reshape(-1, 2)
    points = points[shapely.contains_xy(part, points[:, 0], points[:, 1])]
    order = numpy.argsort(((points - pole) ** 2).sum(axis=1), kind="stable")
    return [(float(x), float(y)) for x, y in points[order]]


def _beside(bounds: Sequence[float], width: float, height: float) -> Iterator[Spot]:
    west, top, east, bottom = bounds
    x, y, gap = (west + east) / 2, (top + bottom) / 2, 0.5
    yield east + width / 2 + gap, y, 0.0
    yield west - width / 2 - gap, y, 0.0
    yield x, top - height / 2 - gap, 0.0
    yield x, bottom + height / 2 + gap, 0.0


def along_line(line: Any, *, frame: Box) -> Candidates:
    """The straightest stretches as long as the text, those near the middle first; only text that fits on the line."""

    def spots(width: float, _height: float) -> Iterator[Spot]:
        inner = frame.inset(1.0)
        seen = shapely.intersection(line, shapely.box(inner.x, inner.y, inner.right, inner.bottom))
        merged = shapely.line_merge(seen)
        parts = [p for p in shapely.get_parts(merged) if p.geom_type == "LineString" and p.length > width * 1.05]
        ranked = [row for part in parts for row in _stretches(part, width)]
        ranked.sort(key=lambda row: row[0])
        for _, x, y, angle in ranked:
            yield x, y, angle

    return spots


def _stretches(part: Any, width: float) -> list[tuple[float, float, float, float]]:
    """Badness, centre and angle of stretches of a line."""
    length = part.length
    starts = numpy.linspace(0, length - width, int(max(3, min(60, length / (width * 0.5)))))
    fractions = numpy.array([0.0, 0.25, 0.5, 0.75, 1.0])
    at = starts[:, None] + fractions * width
    points = shapely.get_coordinates(shapely.line_interpolate_point(part, at.ravel())).reshape(*at.shape, 2)
    chord = points[:, 4] - points[:, 0]
    reach = numpy.hypot(chord[:, 0], chord[:, 1])
    offsets = points[:, 1:4] - points[:, :1]
    bend = numpy.abs(offsets[..., 0] * chord[:, None, 1] - offsets[..., 1] * chord[:, None, 0]).max(axis=1) / reach
    sag = (width - reach) + bend
    centre = points[:, 1:4].mean(axis=1)
    angles = numpy.degrees(numpy.arctan2(chord[:, 1], chord[:, 0]))
    angles = numpy.where(angles > 90, angles - 180, numpy.where(angles <= -90, angles + 180, angles))
    badness = sag + 0.6 * numpy.abs(starts + width / 2 - length / 2) / length
    keep = sag < max(0.6, 0.12 * width)
    return [
        (float(b), float(c[0]), float(c[1]), float(a))
        for b, c, a in zip(badness[keep], centre[keep], angles[keep], strict=True)
    ]
