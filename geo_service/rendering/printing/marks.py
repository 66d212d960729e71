"""How a symbol class looks on paper: point marks, lines and areas, for the map and for legend swatches alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
_DASH_UNIT_MM = 0.1


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


def dash_mm(dash: str, width: float) -> str:
    """A dash pattern in millimetres; wide lines get longer dashes."""
    stretch = _DASH_UNIT_MM * max(1.0, width / 0.3)
    return " ".join(num(float(length) * stretch, 2) for length in dash.split())


def mark(look: Look, x: float, y: float, radius: float) -> str:
    """A point symbol: full with a white character; half or open with a coloured one; a bare shape where it is small."""
    full = look.found.fill == "full"
    shape = look.symbol.shape
    pieces = [
        outline(shape, x, y, radius + 0.2, fill=WHITE),
        outline(shape, x, y, radius, fill=look.color if full else WHITE),
    ]
    if look.found.fill == "half":
        pieces.append(_lower_half(shape, x, y, radius, look.color))
    if not full:
        pieces.append(outline(shape, x, y, radius, fill="none", stroke=look.color, **_edge(look, radius)))
    if look.found.glyph and radius >= SMALLEST_GLYPH_RADIUS_MM:
        pieces.append(_glyph(look.found.glyph, x, y, radius, WHITE if full else look.color))
    return "".join(pieces)


def _edge(look: Look, radius: float) -> dict[str, Any]:
    width = min(0.26, 0.17 * radius)
    dash = "0.26 0.3" if look.illustrative else "0.6 0.34"
    return {"stroke_width": width, "stroke_dasharray": dash if look.found.dash else None}


def _glyph(glyph: str, x: float, y: float, radius: float, fill: str) -> str:
    size = max(2.0, 1.24 * radius)
    return text(x, y + size * CENTRE_EM, glyph, size=size, bold=True, fill=fill, anchor="middle")


def outline(shape: Shape, x: float, y: float, radius: float, **values: Any) -> str:
    """The shape of a point mark, with the proportions of the screen map."""
    if shape == "circle":
        return f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}"{attributes(**values)}/>'
    if shape == "square":
        half = 0.92 * radius
        return rect(Box(x - half, y - half, 2 * half, 2 * half), rx=0.3 * radius, **values)
    count, size, drop = (4, 1.2, 0.0) if shape == "diamond" else (5, 1.14, 0.08)
    return path(_polygon(corners(count, x, y + drop * radius, size * radius)), **values)


def corners(count: int, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon, the first on top."""
    turns = [2 * math.pi * i / count - math.pi / 2 for i in range(count)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


def _polygon(points: Iterable[tuple[float, float]]) -> str:
    return "M" + " ".join(f"{num(x)},{num(y)}" for x, y in points) + "z"


def _lower_half(shape: Shape, x: float, y: float, radius: float, color: str) -> str:
    side = 0.92 * radius
    halves = {
        "circle": f"M{num(x - radius)},{num(y)}a{num(radius)},{num(radius)} 0 0 0 {num(2 * radius)},0z",
        "square": f"M{num(x - side)},{num(y)}h{num(2 * side)}v{num(side)}h{num(-2 * side)}z",
        "diamond": _polygon([(x - 1.2 * radius, y), (x + 1.2 * radius, y), (x, y + 1.2 * radius)]),
        "pentagon": _polygon(_lower_pentagon(x, y, radius)),
    }
    return path(halves[shape], fill=color, fill_opacity=0.34)


def _lower_pentagon(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    points = corners(5, x, y + 0.08 * radius, 1.14 * radius)
    (ax, ay), (bx, by) = points[1], points[2]
    at = bx + (ax - bx) * (by - y) / (by - ay) if by != ay else ax
    return [(2 * x - at, y), (at, y), points[2], points[3]]


def line(look: Look, data: str, *, mm_per_m: float = 0.0) -> str:
    """Lines (path data) with a white casing, so that they part from what lies below; streets as wide as they are."""
    if look.symbol.name == "street":
        return _street(look, data, min(2.4, max(0.7, STREET_M * mm_per_m)))
    width = width_mm(look.symbol)
    strokes = {"fill": "none", "stroke_linejoin": "round"}
    return path(data, stroke=WHITE, stroke_width=width + 0.3, stroke_opacity=0.8, **strokes) + path(
        data, stroke=look.color, stroke_width=width, stroke_dasharray=dash_mm(look.found.dash, width), **strokes
    )


def _street(look: Look, data: str, width: float, kerb: float = 0.12) -> str:
    """A street between two thin kerbs; the ends are round, so that crossings look built."""
    strokes = {"fill": "none", "stroke_linejoin": "round", "stroke_linecap": "round"}
    kerbs = path(data, stroke=look.color, stroke_width=width + 2 * kerb, **strokes)
    return kerbs + path(data, stroke=WHITE, stroke_width=width, **strokes)


def area(look: Look, polygons: Iterable[Any]) -> str:
    """Polygons: tint, hatch, outline."""
    shapes = list(polygons)
    outlines = [path_data(shape) for shape in shapes]
    tint = look.found.fill if isinstance(look.found.fill, float) else 0.0
    fills = group((path(d) for d in outlines), fill=look.color, fill_opacity=tint, fill_rule="evenodd") if tint else ""
    return fills + _hatching(look, shapes) + _outline(look, "".join(outlines))


def _hatching(look: Look, shapes: Iterable[Any]) -> str:
    hatch = look.found.hatch
    data = "".join(hatch_data(hatch, shape) for shape in shapes)
    cap = "round" if hatch == "dots" else None
    opacity = 0.7 if look.illustrative else 0.85
    return path(
        data,
        fill="none",
        stroke=look.color,
        stroke_width=hatch_width(hatch),
        stroke_linecap=cap,
        stroke_opacity=opacity,
    )


def _outline(look: Look, data: str) -> str:
    width = width_mm(look.symbol)
    dash = dash_mm(look.found.dash, width)
    return path(
        data, fill="none", stroke=look.color, stroke_width=width, stroke_dasharray=dash, stroke_linejoin="round"
    )


def swatch(look: Look, width: float, height: float, *, compact: bool = False) -> Drawing:
    """What a legend shows for a class, drawn by the same functions as the map."""
    kind = look.symbol.kind
    if kind == "point":
        radius = min(COMPACT_RADIUS_MM if compact else radius_mm(look.symbol), height / 2)
        return Drawing(width, height, mark(look, width / 2, height / 2, radius))
    if kind == "line":
        return Drawing(width, height, _line_swatch(look, width, height))
    return Drawing(width, height, area(look, [_rectangle(Box(0.3, 0.3, width - 0.6, height - 0.6))]))


def _line_swatch(look: Look, width: float, height: float) -> str:
    """A stretch of line; of a street a wide one: two hairlines around white are not seen in a legend."""
    if look.symbol.name == "street":
        return _street(look, f"M1.4,{num(height / 2)}H{num(width - 1.4)}", SWATCH_STREET_MM, SWATCH_KERB_MM)
    return line(look, f"M0.3,{num(height / 2)}H{num(width - 0.3)}")


def _rectangle(box: Box) -> Any:
    import shapely

    return shapely.box(box.x, box.y, box.right, box.bottom)
