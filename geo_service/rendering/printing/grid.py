"""The coordinate net of internal sheets: kilometre crosses in the frame, their numbers and the CGCS2000 graticule in
the gutter around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy

from geo_service.core.crs import GEOGRAPHIC, PROJECTED, transformer
from geo_service.rendering.printing.drawing import CENTRE_EM, Box, lines_data, num, path, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame

GRID_STEPS_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
GRID_GAP_MM = 20.0
"""Crosses stand at the smallest round distance that keeps them this far apart."""
ARC_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
ARC_GAP_MM = 38.0
CROSS_MM = 1.0
NUMBER_MM = 2.1
BLUE, DARK = "#1F5FA8", "#3A3A3A"
_SECOND_M = 30.9
"""Metres in an arc second of latitude, and about a quarter more than in one of longitude here."""

Edge = Literal["top", "bottom", "left", "right"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A coordinate at an edge of the frame: ``at`` millimetres from its left or upper end."""

    edge: Edge
    at: float
    label: str


def grid_step_m(scale: float) -> int:
    """Distance of the grid lines at a scale."""
    return next((s for s in GRID_STEPS_M if s * 1000 / scale >= GRID_GAP_MM), GRID_STEPS_M[-1])


def arc_step_s(scale: float) -> int:
    """Arc seconds between graticule ticks at a scale."""
    return next((s for s in ARC_STEPS_S if s * _SECOND_M * 1000 / scale >= ARC_GAP_MM), ARC_STEPS_S[-1])


def multiples(low: float, high: float, step: float) -> list[float]:
    """Multiples of a step from low to high."""
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def crosses(frame: Frame) -> str:
    """Small crosses where the grid lines meet, in frame millimetres."""
    west, south, east, north = frame.bounds
    step = grid_step_m(frame.scale)
    points = [frame.point(e, n) for e in multiples(west, east, step) for n in multiples(south, north, step)]
    bars = [(x - CROSS_MM, y, x + CROSS_MM, y) for x, y in points]
    posts = [(x, y - CROSS_MM, x, y + CROSS_MM) for x, y in points]
    return path(lines_data([*bars, *posts]), fill="none", stroke="#555555", stroke_width=0.12)


def grid_ticks(frame: Frame) -> Iterator[Tick]:
    """Eastings on top and bottom, northings left and right, in kilometres."""
    west, south, east, north = frame.bounds
    step = grid_step_m(frame.scale)
    digits = 0 if step >= 1000 else 1 if step >= 100 else 2
    for easting in multiples(west, east, step):
        at, label = frame.point(easting, north)[0], f"{easting / 1000:.{digits}f}"
        yield from (Tick("top", at, label), Tick("bottom", at, label))
    for northing in multiples(south, north, step):
        at, label = frame.point(west, northing)[1], f"{northing / 1000:.{digits}f}"
        yield from (Tick("left", at, label), Tick("right", at, label))


def graticule_ticks(frame: Frame) -> Iterator[Tick]:
    """Where meridians and parallels cross the edges."""
    step = arc_step_s(frame.scale)
    corners = numpy.array(frame.corners)
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    bounds = frame.bounds
    for second in multiples(west * 3600, east * 3600, step):
        for edge, northing in (("top", bounds[3]), ("bottom", bounds[1])):
            at = frame.point(_easting_of(second / 3600, northing, (south + north) / 2), northing)[0]
            yield Tick("top" if edge == "top" else "bottom", at, dms(second, step))
    for second in multiples(south * 3600, north * 3600, step):
        for edge, easting in (("left", bounds[0]), ("right", bounds[2])):
            at = frame.point(easting, _northing_of(second / 3600, easting, (west + east) / 2))[1]
            yield Tick("left" if edge == "left" else "right", at, dms(second, step))


def _easting_of(longitude: float, northing: float, latitude: float) -> float:
    """The easting where a meridian meets a grid line; two steps leave less than a millimetre of ground."""
    move = transformer(GEOGRAPHIC, PROJECTED)
    easting = 0.0
    for _ in range(3):
        easting, reached = move.transform(longitude, latitude)
        latitude += (northing - reached) / 111_000
    return float(easting)


def _northing_of(latitude: float, easting: float, longitude: float) -> float:
    """The northing where a parallel meets a grid line."""
    move = transformer(GEOGRAPHIC, PROJECTED)
    northing = 0.0
    for _ in range(3):
        reached, northing = move.transform(longitude, latitude)
        longitude += (easting - reached) / (111_000 * math.cos(math.radians(latitude)))
    return float(northing)


def dms(second: float, step: float = 1) -> str:
    """Arc seconds as 117°06′ or 117°06′30″."""
    whole = round(second)
    text_ = f"{whole // 3600}°{whole % 3600 // 60:02d}′"
    return text_ if step >= 60 else f"{text_}{whole % 60:02d}″"


def gutter(frame: Box, width_mm: float, fonts: Fonts, grid: Sequence[Tick], arcs: Sequence[Tick]) -> str:
    """Ticks and their numbers around a frame on the page; graticule numbers give way to grid numbers."""
    taken: dict[Edge, list[tuple[float, float]]] = {"top": [], "bottom": [], "left": [], "right": []}
    pieces = [_tick_marks(frame, grid, 0.9, DARK), _tick_marks(frame, arcs, 1.4, BLUE)]
    for ticks, fill in ((grid, DARK), (arcs, BLUE)):
        for tick in ticks:
            half = fonts.width(tick.label, NUMBER_MM) / 2 + 0.6
            length = frame.width if tick.edge in ("top", "bottom") else frame.height
            if half <= tick.at <= length - half and _is_clear(taken[tick.edge], tick.at, half):
                taken[tick.edge].append((tick.at, half))
                pieces.append(_number(frame, width_mm, tick, fill))
    return "".join(pieces)


def _is_clear(taken: Iterable[tuple[float, float]], at: float, half: float) -> bool:
    return all(abs(at - other) >= half + reach for other, reach in taken)


def _tick_marks(frame: Box, ticks: Iterable[Tick], length: float, stroke: str) -> str:
    marks = [_mark(frame, tick, length) for tick in ticks]
    return path(lines_data(marks), fill="none", stroke=stroke, stroke_width=0.12)


def _mark(frame: Box, tick: Tick, length: float) -> tuple[float, float, float, float]:
    x, y = frame.x + tick.at, frame.y + tick.at
    return {
        "top": (x, frame.y, x, frame.y - length),
        "bottom": (x, frame.bottom, x, frame.bottom + length),
        "left": (frame.x, y, frame.x - length, y),
        "right": (frame.right, y, frame.right + length, y),
    }[tick.edge]


def _number(frame: Box, width_mm: float, tick: Tick, fill: str) -> str:
    """A number in the middle of the gutter; left and right they read from below."""
    middle = width_mm / 2 + 0.35
    x, y = {
        "top": (frame.x + tick.at, frame.y - middle),
        "bottom": (frame.x + tick.at, frame.bottom + middle),
        "left": (frame.x - middle, frame.y + tick.at),
        "right": (frame.right + middle, frame.y + tick.at),
    }[tick.edge]
    shift = NUMBER_MM * CENTRE_EM
    if tick.edge in ("top", "bottom"):
        return text(x, y + shift, tick.label, size=NUMBER_MM, fill=fill, anchor="middle")
    turned = text(0, 0, tick.label, size=NUMBER_MM, fill=fill, anchor="middle")
    return f'<g transform="translate({num(x + shift)} {num(y)}) rotate(-90)">{turned}</g>'
