"""SVG by hand: numbers, attributes, paths and one real ``<text>`` per text; every length is in millimetres."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

import numpy
import shapely

FAMILY = "Noto Sans SC"
INK, GREY, PALE, WHITE, RED = "#111111", "#4A4A4A", "#9A9A9A", "#FFFFFF", "#C4161C"
CENTRE_EM = 0.37
"""How far the baseline lies below the middle of a Chinese character's ink, in em."""
TOP_EM = 0.85
"""How far the top of a Chinese character's ink lies above the baseline, in em."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A piece of SVG with its size; its own origin is top left."""

    width_mm: float
    height_mm: float
    body: str

    def at(self, x: float, y: float) -> str:
        """The piece moved to a place on the page."""
        return f'<g transform="translate({num(x)} {num(y)})">{self.body}</g>' if self.body else ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on paper, from top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def inset(self, margin: float) -> Box:
        """The box made smaller by a margin on all sides."""
        return Box(self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin)


def num(value: float, digits: int = 3) -> str:
    """A number for SVG, without trailing zeros."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def attributes(**values: Any) -> str:
    """Attributes with a leading space; underscores become hyphens, None and "" are left out."""
    return "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(num(value) if isinstance(value, float) else str(value))}"
        for key, value in values.items()
        if value not in (None, "")
    )


def group(body: Iterable[str] | str, **values: Any) -> str:
    """A ``<g>`` around pieces; nothing around nothing."""
    inner = body if isinstance(body, str) else "".join(body)
    return f"<g{attributes(**values)}>{inner}</g>" if inner else ""


def path(data: str, **values: Any) -> str:
    """A ``<path>``; nothing without data."""
    return f'<path d="{data}"{attributes(**values)}/>' if data else ""


def rect(box: Box, **values: Any) -> str:
    """A ``<rect>``."""
    return (
        f'<rect x="{num(box.x)}" y="{num(box.y)}" width="{num(box.width)}" height="{num(box.height)}"'
        f"{attributes(**values)}/>"
    )


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float,
    bold: bool = False,
    fill: str = INK,
    anchor: Anchor = "start",
    tracking: float = 0.0,
    angle: float = 0.0,
) -> str:
    """One ``<text>`` with its baseline at y; ``tracking`` in mm between characters, ``angle`` clockwise in degrees."""
    turn = f"rotate({num(angle, 2)} {num(x)} {num(y)})" if angle else ""
    shift = {"start": 0.0, "middle": tracking / 2, "end": tracking}[anchor]
    values = attributes(
        font_family=FAMILY,
        font_size=float(size),
        font_weight="700" if bold else "400",
        fill=fill,
        text_anchor="" if anchor == "start" else anchor,
        letter_spacing=tracking or None,
        transform=turn,
    )
    return f'<text x="{num(x + shift)}" y="{num(y)}"{values}>{clean(content)}</text>'


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(content: str) -> str:
    """Text for XML: markup escaped, characters XML forbids dropped, line breaks made spaces."""
    return escape(" ".join(_FORBIDDEN.sub("", content).split()))


def path_data(geometry: Any, *, digits: int = 2) -> str:
    """Lines and rings of a geometry (or array of them) as SVG path data; points and empties draw nothing."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return "".join(piece for part in parts for piece in _pieces(part, digits))


def _pieces(part: Any, digits: int) -> Iterable[str]:
    if part.is_empty:
        return
    if part.geom_type == "Polygon":
        for ring in (part.exterior, *part.interiors):
            yield _trace(shapely.get_coordinates(ring)[:-1], digits) + "z"
    elif part.geom_type in ("LineString", "LinearRing"):
        yield _trace(shapely.get_coordinates(part), digits)


def _trace(points: numpy.ndarray[Any, Any], digits: int) -> str:
    return "M" + " ".join(f"{num(x, digits)},{num(y, digits)}" for x, y in points.tolist())


def lines_data(segments: Sequence[tuple[float, float, float, float]]) -> str:
    """Straight lines (x1, y1, x2, y2) as SVG path data."""
    return "".join(f"M{num(a, 2)},{num(b, 2)}L{num(c, 2)},{num(d, 2)}" for a, b, c, d in segments)


def document(width_mm: float, height_mm: float, body: str, *, title: str = "") -> str:
    """A whole SVG document at true size."""
    name = f"<title>{clean(title)}</title>" if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{num(width_mm)}mm" height="{num(height_mm)}mm" '
        f'viewBox="0 0 {num(width_mm)} {num(height_mm)}">{name}{body}</svg>'
    )
