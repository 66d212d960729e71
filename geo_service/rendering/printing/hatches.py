"""Hatches as line work cut at the polygon, so that every printer and every reader shows the same pattern.

The patterns are those of the screen map with a cell of 2 mm; they hang on the frame's corner, so neighbours line up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy
import shapely

from geo_service.rendering.printing.drawing import num, path_data
from geo_service.rendering.symbols import Hatch

CELL_MM = 2.0
LINE_MM = 0.15
DOT_MM = 0.4
_WAVE_STEPS = 12
_WAVE_MM = 0.34

Segments = numpy.ndarray[Any, Any]
"""Straight lines as rows of two points."""


def hatch_data(hatch: Hatch, polygon: Any, *, cell: float = CELL_MM) -> str:
    """SVG path data of a hatch inside a polygon (paper millimetres); "" for none."""
    if not hatch or polygon.is_empty:
        return ""
    if hatch == "dots":
        return "".join(f"M{num(x, 2)},{num(y, 2)}h0.01" for x, y in _dots(polygon, cell).tolist())
    return path_data(hatch_lines(hatch, polygon, cell=cell))


def hatch_lines(hatch: Hatch, polygon: Any, *, cell: float = CELL_MM) -> Any:
    """The lines of a hatch cut at a polygon, as one geometry."""
    lines = _LINES[hatch](shapely.bounds(polygon).tolist(), cell)
    whole = shapely.multilinestrings(shapely.linestrings(lines)) if len(lines) else shapely.MultiLineString()
    return shapely.intersection(whole, polygon)


def hatch_tile(hatch: Hatch, side: float, cell: float) -> Segments:
    """The lines of a hatch that meet a square which is repeated; its side is a multiple of the cell. Dots are lines of
    next to no length."""
    bounds = [-cell, -cell, side + cell, side + cell]
    if hatch == "dots":
        points = _dot_places(bounds, cell)
        return numpy.stack([points, points + numpy.array((0.01, 0))], axis=1)
    return _LINES[hatch](bounds, cell)


def hatch_width(hatch: Hatch) -> float:
    """Stroke width in mm; dots are strokes of no length with round ends."""
    return DOT_MM if hatch == "dots" else LINE_MM


def _steps(low: float, high: float, step: float, offset: float = 0.0) -> numpy.ndarray[Any, Any]:
    first = numpy.ceil((low - offset) / step)
    return offset + numpy.arange(first, numpy.floor((high - offset) / step) + 1) * step


def _joined(*columns: Any) -> Segments:
    return numpy.stack([numpy.column_stack(columns[:2]), numpy.column_stack(columns[2:])], axis=1)


def _falling(bounds: list[float], cell: float) -> Segments:
    """Lines from upper left to lower right: x - y is constant."""
    west, top, east, bottom = bounds
    at = _steps(west - bottom, east - top, cell)
    return _joined(numpy.full_like(at, west), west - at, numpy.full_like(at, east), east - at)


def _rising(bounds: list[float], cell: float) -> Segments:
    """Lines from lower left to upper right: x + y is constant."""
    west, top, east, bottom = bounds
    at = _steps(west + top, east + bottom, cell)
    return _joined(numpy.full_like(at, west), at - west, numpy.full_like(at, east), at - east)


def _level(bounds: list[float], step: float, offset: float) -> Segments:
    west, top, east, bottom = bounds
    at = _steps(top, bottom, step, offset)
    return _joined(numpy.full_like(at, west - 1), at, numpy.full_like(at, east + 1), at)


def _upright(bounds: list[float], step: float, offset: float) -> Segments:
    west, top, east, bottom = bounds
    at = _steps(west, east, step, offset)
    return _joined(at, numpy.full_like(at, top - 1), at, numpy.full_like(at, bottom + 1))


def _both(one: Segments, other: Segments) -> Segments:
    both: Segments = numpy.concatenate((one, other))
    return both


def _bricks(bounds: list[float], cell: float) -> Segments:
    """Level lines with joints between them, every other row half a brick aside."""
    joints = (_strokes(bounds, cell, (at, at, 0.0, 0.5)) for at in (0.25, 0.75))
    return numpy.concatenate((_level(bounds, cell / 2, cell / 4), *joints))


def _plus(bounds: list[float], cell: float) -> Segments:
    """Small upright crosses, every other row half a cell aside."""
    arms = ((at - 0.17, at, 0.34, 0.0) for at in (0.25, 0.75))
    stems = ((at, at - 0.17, 0.0, 0.34) for at in (0.25, 0.75))
    return numpy.concatenate([_strokes(bounds, cell, stroke) for stroke in (*arms, *stems)])


def _dashes(bounds: list[float], cell: float) -> Segments:
    """Short level strokes, every other row half a cell aside."""
    strokes = ((0.0, 0.25, 0.5, 0.0), (0.5, 0.75, 0.5, 0.0))
    return numpy.concatenate([_strokes(bounds, cell, stroke) for stroke in strokes])


def _strokes(bounds: list[float], cell: float, stroke: tuple[float, float, float, float]) -> Segments:
    """One stroke in every cell: its start and its reach across and down, in cells."""
    west, top, east, bottom = bounds
    x, y, across, down = (part * cell for part in stroke)
    starts = numpy.meshgrid(_steps(west - cell, east, cell, x), _steps(top - cell, bottom, cell, y))
    columns, rows = (part.ravel() for part in starts)
    return _joined(columns, rows, columns + across, rows + down)


def _waves(bounds: list[float], cell: float) -> Segments:
    """Wavy rows as polylines."""
    west, top, east, bottom = bounds
    across = numpy.arange(numpy.floor(west / cell) * cell, east + cell, cell / _WAVE_STEPS)
    swing = -_WAVE_MM * cell / CELL_MM * numpy.sin(across / cell * 2 * numpy.pi)
    rows = _steps(top - 1, bottom + 1, cell / 2, cell / 4)
    return numpy.stack([numpy.column_stack((across, row + swing)) for row in rows.tolist()])


def _dots(polygon: Any, cell: float) -> numpy.ndarray[Any, Any]:
    points = _dot_places(shapely.bounds(polygon).tolist(), cell)
    inside = shapely.buffer(polygon, -DOT_MM / 2)
    kept: numpy.ndarray[Any, Any] = points[shapely.contains_xy(inside, points[:, 0], points[:, 1])]
    return kept


def _dot_places(bounds: list[float], cell: float) -> numpy.ndarray[Any, Any]:
    west, top, east, bottom = bounds
    rasters = [
        numpy.stack(numpy.meshgrid(_steps(west, east, cell, at), _steps(top, bottom, cell, at)), axis=-1).reshape(-1, 2)
        for at in (cell / 4, cell * 3 / 4)
    ]
    return numpy.concatenate(rasters)


_LINES: dict[str, Callable[[list[float], float], Segments]] = {
    "diag": _rising,
    "diag2": _falling,
    "cross": lambda bounds, cell: _both(_rising(bounds, cell), _falling(bounds, cell)),
    "grid": lambda bounds, cell: _both(_level(bounds, cell, cell / 2), _upright(bounds, cell, cell / 2)),
    "horizontal": lambda bounds, cell: _level(bounds, cell / 2, cell / 4),
    "vertical": lambda bounds, cell: _upright(bounds, cell / 2, cell / 4),
    "brick": _bricks,
    "plus": _plus,
    "dash": _dashes,
    "wave": _waves,
}


def hatches() -> Iterable[str]:
    """Names of the patterns there are."""
    return (*_LINES, "dots")
