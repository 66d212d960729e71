"""How a symbol class looks on paper: point marks, lines and areas, for the map and for legend swatches alike.

What is painted over what, in which colour and width, is said once, as inks: here they are written as SVG, in
:mod:`geo_service.rendering.picture_marks` they are painted as pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import shapely

from geo_service.rendering.printing.drawing import (
    CENTRE_EM,
    WHITE,
    Box,
    Drawing,
    attributes,
    group,
    num,
    path,
    path_data,
    rect,
    text,
)
from geo_service.rendering.printing.hatches import hatch_data, hatch_width
from geo_service.rendering.symbols import Shape, Symbol, SymbolClass

SMALLEST_GLYPH_RADIUS_MM = 1.3
"""Below, the Han character inside a mark would fall under 2 mm and is left out."""
COMPACT_RADIUS_MM = 0.75
STREET_M = 20.0
"""Ground width at which streets are drawn, within 0.7 to 2.4 mm of paper."""
SWATCH_STREET_MM, SWATCH_KERB_MM = 1.5, 0.2
SWATCH_MM = 0.3
"""How far what a swatch shows lies from its sides."""
_DASH_UNIT_MM = 0.1
SQUARE, SQUARE_ROUNDED = 0.92, 0.3
"""Half the side and the corner's radius of a square mark, of its radius."""
EDGE_MM = 0.2
"""The white edge around a mark, which parts it from what lies below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """A coat of paint: over the inside of a shape where it has no ``width``, else along its line; millimetres.

    ``dash`` holds lengths of strokes and gaps in turn.
    """

    color: str
    opacity: float = 1.0
    width: float = 0.0
    dash: tuple[float, ...] = ()
    round_joins: bool = False
    round_caps: bool = False

    def attributes(self) -> dict[str, Any]:
        """The coat in the words of SVG."""
        opacity = self.opacity if self.opacity < 1.0 else None
        if not self.width:
            return {"fill": self.color, "fill_opacity": opacity}
        return {
            "fill": "none",
            "stroke": self.color,
            "stroke_width": self.width,
            "stroke_dasharray": " ".join(num(length, 2) for length in self.dash),
            "stroke_opacity": opacity,
            "stroke_linejoin": "round" if self.round_joins else None,
            "stroke_linecap": "round" if self.round_caps else None,
        }


@dataclass(frozen=True, slots=True)
class Coat:
    """A part of a point mark: the whole of its shape or the lower half, in this radius."""

    part: Literal["whole", "half"]
    radius: float
    ink: Ink


@dataclass(frozen=True, slots=True)
class Look:
    """A symbol class as drawn: with the illustrative overlay applied or not, as a point, line or polygon."""

    symbol: Symbol
    found: SymbolClass
    illustrative: bool

    @property
    def color(self) -> str:
        """Its one colour."""
        return self.found.color


def radius_mm(symbol: Symbol) -> float:
    """The radius of a point mark: 11 px on screen become 1.6 mm."""
    return 0.6 + 0.091 * symbol.size


def width_mm(symbol: Symbol) -> float:
    """The width of a line, or of a polygon's outline."""
    return symbol.size * (0.16 if symbol.kind == "line" else 0.2)


def dash_mm(dash: str, width: float) -> tuple[float, ...]:
    """A dash pattern in millimetres; wide lines get longer dashes."""
    stretch = _DASH_UNIT_MM * max(1.0, width / 0.3)
    return tuple(float(length) * stretch for length in dash.split())


def mark(look: Look, x: float, y: float, radius: float) -> str:
    """A point symbol: full with a white character; half or open with a coloured one; a bare shape where it is small."""
    pieces = []
    for coat in mark_coats(look, radius):
        draw = outline if coat.part == "whole" else _lower_half
        pieces.append(draw(look.symbol.shape, x, y, coat.radius, **coat.ink.attributes()))
    if glyph := glyph_of(look, radius):
        size = glyph_mm(radius)
        pieces.append(
            text(x, y + size * CENTRE_EM, glyph, size=size, bold=True, fill=glyph_color(look), anchor="middle")
        )
    return "".join(pieces)


def mark_coats(look: Look, radius: float) -> Iterable[Coat]:
    """What a point mark is made of, the lowest first; its character (:func:`glyph_of`) comes on top."""
    full = look.found.fill == "full"
    yield Coat("whole", radius + EDGE_MM, Ink(color=WHITE))
    yield Coat("whole", radius, Ink(color=look.color if full else WHITE))
    if look.found.fill == "half":
        yield Coat("half", radius, Ink(color=look.color, opacity=0.34))
    if not full:
        dash = (0.26, 0.3) if look.illustrative else (0.6, 0.34)
        width = min(0.26, 0.17 * radius)
        yield Coat("whole", radius, Ink(color=look.color, width=width, dash=dash if look.found.dash else ()))


def glyph_of(look: Look, radius: float) -> str:
    """The Han character inside a mark; "" where it is too small for one."""
    return look.found.glyph if radius >= SMALLEST_GLYPH_RADIUS_MM else ""


def glyph_mm(radius: float) -> float:
    """The size of that character."""
    return max(2.0, 1.24 * radius)


def glyph_color(look: Look) -> str:
    """Its colour."""
    return WHITE if look.found.fill == "full" else look.color


def outline(shape: Shape, x: float, y: float, radius: float, **values: Any) -> str:
    """The shape of a point mark, with the proportions of the screen map."""
    if shape == "circle":
        return f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}"{attributes(**values)}/>'
    if shape == "square":
        half = SQUARE * radius
        return rect(Box(x - half, y - half, 2 * half, 2 * half), rx=SQUARE_ROUNDED * radius, **values)
    return path(_polygon((diamond if shape == "diamond" else pentagon)(x, y, radius)), **values)


def diamond(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The corners of a diamond, as large to the eye as a circle of that radius."""
    return corners(4, x, y, 1.2 * radius)


def pentagon(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The corners of a pentagon, as large to the eye as a circle of that radius."""
    return corners(5, x, y + 0.08 * radius, 1.14 * radius)


def corners(count: int, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon, the first on top."""
    turns = [2 * math.pi * i / count - math.pi / 2 for i in range(count)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


def _polygon(points: Iterable[tuple[float, float]]) -> str:
    return "M" + " ".join(f"{num(x)},{num(y)}" for x, y in points) + "z"


def _lower_half(shape: Shape, x: float, y: float, radius: float, **values: Any) -> str:
    side = SQUARE * radius
    halves = {
        "circle": f"M{num(x - radius)},{num(y)}a{num(radius)},{num(radius)} 0 0 0 {num(2 * radius)},0z",
        "square": f"M{num(x - side)},{num(y)}h{num(2 * side)}v{num(side)}h{num(-2 * side)}z",
        "diamond": _polygon([(x - 1.2 * radius, y), (x + 1.2 * radius, y), (x, y + 1.2 * radius)]),
        "pentagon": _polygon(lower_pentagon(x, y, radius)),
    }
    return path(halves[shape], **values)


def lower_pentagon(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The corners of the lower half of a pentagon."""
    points = pentagon(x, y, radius)
    (ax, ay), (bx, by) = points[1], points[2]
    at = bx + (ax - bx) * (by - y) / (by - ay) if by != ay else ax
    return [(2 * x - at, y), (at, y), points[2], points[3]]


def line(look: Look, data: str, *, mm_per_m: float = 0.0) -> str:
    """Lines (path data) with a white casing, so that they part from what lies below; streets as wide as they are."""
    return "".join(path(data, **ink.attributes()) for ink in line_inks(look, mm_per_m))


def line_inks(look: Look, mm_per_m: float) -> tuple[Ink, ...]:
    """The coats of a line, the lowest first."""
    if look.symbol.name == "street":
        return _street_inks(look, min(2.4, max(0.7, STREET_M * mm_per_m)))
    width = width_mm(look.symbol)
    return (
        Ink(color=WHITE, width=width + 0.3, opacity=0.8, round_joins=True),
        Ink(color=look.color, width=width, dash=dash_mm(look.found.dash, width), round_joins=True),
    )


def _street_inks(look: Look, width: float, kerb: float = 0.12) -> tuple[Ink, ...]:
    """A street between two thin kerbs; the ends are round, so that crossings look built."""
    coats = ((look.color, width + 2 * kerb), (WHITE, width))
    return tuple(Ink(color=color, width=w, round_joins=True, round_caps=True) for color, w in coats)


def area(look: Look, polygons: Iterable[Any]) -> str:
    """Polygons: tint, hatch, outline."""
    shapes = list(polygons)
    outlines, tint = [path_data(shape) for shape in shapes], tint_ink(look)
    hatching = "".join(hatch_data(look.found.hatch, shape) for shape in shapes)
    fills = group(map(path, outlines), fill_rule="evenodd", **tint.attributes()) if tint else ""
    return (
        fills
        + path(hatching, **hatch_ink(look).attributes())
        + path("".join(outlines), **outline_ink(look).attributes())
    )


def tint_ink(look: Look) -> Ink | None:
    """The coat over the inside of a polygon; None where it is hollow."""
    tint = look.found.fill if isinstance(look.found.fill, float) else 0.0
    return Ink(color=look.color, opacity=tint) if tint else None


def hatch_ink(look: Look) -> Ink:
    """The coat of a polygon's hatch."""
    hatch = look.found.hatch
    opacity = 0.7 if look.illustrative else 0.85
    return Ink(color=look.color, width=hatch_width(hatch), opacity=opacity, round_caps=hatch == "dots")


def outline_ink(look: Look) -> Ink:
    """The coat along the limit of a polygon."""
    width = width_mm(look.symbol)
    return Ink(color=look.color, width=width, dash=dash_mm(look.found.dash, width), round_joins=True)


def swatch(look: Look, width: float, height: float, *, compact: bool = False) -> Drawing:
    """What a legend shows for a class, drawn by the same functions as the map."""
    kind = look.symbol.kind
    if kind == "point":
        radius = min(COMPACT_RADIUS_MM if compact else radius_mm(look.symbol), height / 2)
        return Drawing(width, height, mark(look, width / 2, height / 2, radius))
    if kind == "line":
        return Drawing(width, height, _line_swatch(look, width, height))
    return Drawing(width, height, area(look, [swatch_rectangle(width, height)]))


def _line_swatch(look: Look, width: float, height: float) -> str:
    """A stretch of line; of a street a wide one: two hairlines around white are not seen in a legend."""
    start, inks = line_swatch_inks(look)
    data = f"M{num(start)},{num(height / 2)}H{num(width - start)}"
    return "".join(path(data, **ink.attributes()) for ink in inks)


def line_swatch_inks(look: Look) -> tuple[float, tuple[Ink, ...]]:
    """How far from the sides of a swatch its line begins and ends, and its coats."""
    if look.symbol.name == "street":
        return 1.4, _street_inks(look, SWATCH_STREET_MM, SWATCH_KERB_MM)
    return SWATCH_MM, line_inks(look, 0.0)


def swatch_rectangle(width: float, height: float) -> Any:
    """The polygon of a swatch."""
    return shapely.box(SWATCH_MM, SWATCH_MM, width - SWATCH_MM, height - SWATCH_MM)
