"""Point marks, lines, areas and legend swatches as pixels: the inks of :mod:`geo_service.rendering.printing.marks`.

A hatch is a tile that is repeated, a point mark a small picture that is stamped: each is painted once and kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy

from geo_service.rendering.canvas import Canvas, Outline, Pen, Pixels, Points, font, pattern, shrunk, solid
from geo_service.rendering.printing.drawing import CENTRE_EM
from geo_service.rendering.printing.fonts import FILES
from geo_service.rendering.printing.hatches import hatch_tile
from geo_service.rendering.printing.marks import (
    SQUARE,
    SQUARE_ROUNDED,
    Coat,
    Ink,
    Look,
    diamond,
    glyph_color,
    glyph_mm,
    glyph_of,
    hatch_ink,
    line_inks,
    line_swatch_inks,
    lower_pentagon,
    mark_coats,
    outline_ink,
    pentagon,
    radius_mm,
    swatch_rectangle,
    tint_ink,
)
from geo_service.rendering.symbols import Hatch, Shape

PIXEL_MM = 0.16
"""A pixel of a picture on paper, so that a symbol is as large as on the map page."""
TILE_PX = 64
"""Hatches repeat after so many pixels, of which map tiles are a multiple: they go on from tile to tile."""
CELL_PX = TILE_PX / 5
"""A cell of a hatch: 2.05 mm, on paper it is 2."""
PHASES = 4
"""Marks are placed to a quarter of a pixel."""
FINER = 4
"""Characters of marks are painted so many times as large."""
FAINTEST = 0.35
"""The opacity of an outline without any width."""
_KEPT_TILES, _KEPT_MARKS = 64, 512


def pen(ink: Ink) -> Pen:
    """The coat of a line in pixels."""
    dash = tuple(length / PIXEL_MM for length in ink.dash)
    return Pen(ink.color, ink.width / PIXEL_MM, ink.opacity, dash, ink.round_joins, ink.round_caps)


# ---- areas


def paint_areas(
    canvas: Canvas, look: Look, areas: Sequence[Outline], phase: tuple[int, int], *, share: float = 1.0
) -> None:
    """Polygons: tint and hatch, then their limits, of which a ``share`` of the width is painted, fainter as it is
    thinner; ``phase`` is where a tile of the hatch begins (x, y)."""
    paint, whole = _inside(look, phase), pen(outline_ink(look))
    limit = replace(whole, width=whole.width * share, opacity=FAINTEST + (1 - FAINTEST) * share)
    for some in areas if paint is not None else ():
        canvas.fill(some, paint)
    for some in areas:
        canvas.stroke(some, limit)


def _inside(look: Look, phase: tuple[int, int]) -> Any:
    tint, hatch = tint_ink(look), look.found.hatch
    if hatch:
        tile = _tile(hatch, tint, hatch_ink(look))
        return pattern(numpy.ascontiguousarray(numpy.roll(tile, (phase[1], phase[0]), axis=(0, 1))))
    return solid(tint.color, tint.opacity) if tint else None


@lru_cache(maxsize=_KEPT_TILES)
def _tile(hatch: Hatch, tint: Ink | None, ink: Ink) -> Pixels:
    """A tile of a hatch with the tint below it, not premultiplied."""
    canvas = Canvas(TILE_PX, TILE_PX)
    if tint:
        canvas.fill(_outline([(0, 0), (TILE_PX, 0), (TILE_PX, TILE_PX), (0, TILE_PX)]), solid(tint.color, tint.opacity))
    lines = Outline()
    for line in hatch_tile(hatch, TILE_PX * PIXEL_MM, CELL_PX * PIXEL_MM):
        lines.line(line / PIXEL_MM)
    canvas.stroke(lines, pen(ink))
    return canvas.straight()


# ---- lines


def paint_lines(canvas: Canvas, look: Look, lines: Sequence[Outline], mm_per_m: float) -> None:
    """Lines with their casing; ``mm_per_m`` is the scale, for streets as wide as they are."""
    for ink in line_inks(look, mm_per_m):
        for some in lines:
            canvas.stroke(some, pen(ink))


# ---- points


def paint_marks(canvas: Canvas, look: Look, places: Points, radius: float, fonts: Path) -> None:
    """Point marks at places in pixels, the first lowest; the radius is in mm."""
    coats, glyph = tuple(mark_coats(look, radius)), glyph_of(look, radius)
    letter = (glyph, glyph_color(look), glyph_mm(radius) / PIXEL_MM, fonts) if glyph else None
    for x, y in numpy.round(places * PHASES).astype(int).tolist():
        picture = _mark(look.symbol.shape, coats, letter, (x % PHASES, y % PHASES))
        reach = picture.shape[0] // 2
        canvas.stamp(picture, x // PHASES - reach, y // PHASES - reach)


@lru_cache(maxsize=_KEPT_MARKS)
def _mark(
    shape: Shape, coats: tuple[Coat, ...], letter: tuple[str, str, float, Path] | None, phase: tuple[int, int]
) -> Pixels:
    """A mark in the middle of a picture, moved by parts of a pixel."""
    reach = math.ceil(1.25 * max(coat.radius for coat in coats) / PIXEL_MM) + 1
    canvas = Canvas(2 * reach + 1, 2 * reach + 1)
    x, y = (reach + part / PHASES for part in phase)
    for coat in coats:
        ring = (_ring if coat.part == "whole" else _half)(shape, coat.radius) / PIXEL_MM + (x, y)
        if coat.ink.width:
            canvas.stroke(_outline(ring), pen(coat.ink))
        else:
            canvas.fill(_outline(shrunk(ring)), solid(coat.ink.color, coat.ink.opacity))
    if letter:
        canvas.stamp(_glyph(letter, (x, y), canvas.pixels.shape[0]), 0, 0)
    return canvas.pixels


def _glyph(letter: tuple[str, str, float, Path], middle: tuple[float, float], side: int) -> Pixels:
    """A character around the middle of a square, painted large and made small: FreeType would move its strokes to whole
    pixels, which closes a dense one."""
    glyph, color, size, fonts = letter
    large = Canvas(side * FINER, side * FINER)
    place = (FINER * (middle[0] - size / 2), FINER * (middle[1] + size * CENTRE_EM))
    large.write(place, glyph, font(fonts / FILES[True], FINER * size), color)
    fine = large.pixels.reshape(side, FINER, side, FINER, 4)
    return numpy.asarray(numpy.round(fine.mean(axis=(1, 3))), numpy.uint8)


def _ring(shape: Shape, radius: float) -> Points:
    """The shape of a mark around its middle."""
    if shape == "circle":
        return _arc(radius, 0, 2 * math.pi, 48)[:-1]
    if shape == "square":
        rounded = SQUARE_ROUNDED * radius
        inner = SQUARE * radius - rounded
        quarters = [
            _arc(rounded, turn * math.pi / 2, (turn + 1) * math.pi / 2, 8) + numpy.array(corner) * inner
            for turn, corner in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1)))
        ]
        return numpy.concatenate(quarters)
    return numpy.array((diamond if shape == "diamond" else pentagon)(0, 0, radius))


def _half(shape: Shape, radius: float) -> Points:
    """Its lower half."""
    if shape == "circle":
        return _arc(radius, 0, math.pi, 24)
    if shape == "square":
        side = SQUARE * radius
        return numpy.array([(-side, 0.0), (side, 0.0), (side, side), (-side, side)])
    if shape == "diamond":
        return numpy.array(diamond(0, 0, radius)[1:])
    return numpy.array(lower_pentagon(0, 0, radius))


def _arc(radius: float, begin: float, end: float, steps: int) -> Points:
    turns = numpy.linspace(begin, end, steps + 1)
    return radius * numpy.column_stack((numpy.cos(turns), numpy.sin(turns)))


def _outline(ring: Any) -> Outline:
    found = Outline()
    found.ring(numpy.asarray(ring, dtype=float))
    return found


# ---- legend


def paint_swatch(
    canvas: Canvas, look: Look, corner: tuple[float, float], size: tuple[float, float], fonts: Path
) -> None:
    """What a legend shows for a class, in a box of paper (mm: its upper left corner, width and height)."""
    (left, top), (width, height) = corner, size
    kind = look.symbol.kind
    if kind == "point":
        middle = numpy.array([[left + width / 2, top + height / 2]]) / PIXEL_MM
        paint_marks(canvas, look, middle, min(radius_mm(look.symbol), height / 2), fonts)
    elif kind == "line":
        start, inks = line_swatch_inks(look)
        stretch = Outline()
        ends = [(left + start, top + height / 2), (left + width - start, top + height / 2)]
        stretch.line(numpy.array(ends) / PIXEL_MM)
        for ink in inks:
            canvas.stroke(stretch, pen(ink))
    else:
        ring = numpy.array(swatch_rectangle(width, height).exterior.coords)[:-1] + numpy.array(corner)
        phase = (round(left / PIXEL_MM) % TILE_PX, round(top / PIXEL_MM) % TILE_PX)
        paint_areas(canvas, look, [_outline(ring / PIXEL_MM)], phase)
