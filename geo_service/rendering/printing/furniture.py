"""What stands around and on the map besides data: scale bar, north arrow or wind rose, inset, QR code, stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import segno
import shapely

from geo_service.core.crs import PROJECTED, to_degrees
from geo_service.core.late import pyproj
from geo_service.rendering.printing.drawing import (
    GREY,
    INK,
    PALE,
    RED,
    WHITE,
    Box,
    Drawing,
    num,
    path,
    path_data,
    rect,
    text,
)
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.typography import height, paragraph, wrap
from geo_service.rendering.printing.words import word

NORTH_MM = (16.0, 20.0)
BAR_STEPS_M = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000)
QR_MM = 22.0


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """The district and its subdistricts in EPSG:4548: for the inset and for telling whether a sheet shows any of it."""

    district: Any = None
    subdistricts: tuple[tuple[str, Any], ...] = ()


def locator_of(layers: Sequence[PrintLayer]) -> Locator:
    """The district from the layers that hold its limit and the areas that tile it."""
    limits = [g for layer in layers if layer.definition.symbol == "boundary" for g in layer.geometry if g]
    tiles = [
        (f.name, g)
        for layer in layers
        if layer.definition.is_reference and layer.definition.policy.must_tile
        for f, g in zip(layer.features, layer.geometry, strict=True)
        if g
    ]
    return Locator(shapely.union_all(limits) if limits else None, tuple(tiles))


# ---------------------------------------------------------------- scale
def ratio(scale: float) -> str:
    """1:45 000, with a thin gap that readers of the PDF still take as one number."""
    return f"1:{scale:,.0f}"


def bar_step_m(scale: float, width_mm: float) -> float:
    """The length of one division: four of them fit the width."""
    fitting = [s for s in BAR_STEPS_M if 4 * s * 1000 / scale <= width_mm]
    return fitting[-1] if fitting else BAR_STEPS_M[0]


def length_text(metres: float, language: str) -> str:
    """A length in metres or kilometres."""
    if metres >= 1000:
        return f"{metres / 1000:g} {word('kilometres', language)}"
    return f"{metres:g} {word('metres', language)}"


def scale_bar(scale: float, fonts: Fonts, language: str) -> Drawing:
    """Bar, ratio and the sentence that says what a centimetre is, in a white box; divided to the left of zero."""
    step = bar_step_m(scale, 46.0)
    unit = step * 1000 / scale
    left, top = 5.0, 6.0
    zero = left + unit
    pieces = [_bar(left, zero, unit, top), *_bar_numbers(zero, unit, step, top, language)]
    note = word("per_cm", language, length=length_text(scale / 100, language))
    pieces.append(text(left, top + 4.0, note, size=2.0, fill=GREY))
    label = ratio(scale)
    needed = max(zero + 3 * unit + 9.0, left + fonts.width(note, 2.0) + 2)
    width = needed + fonts.width(label, 3.4, bold=True) + 5.0
    pieces.append(text(width - 3.0, top + 1.1, label, size=3.4, bold=True, anchor="end"))
    frame = rect(Box(0, 0, width, 11.6), fill=WHITE, fill_opacity=0.92, stroke=PALE, stroke_width=0.15)
    return Drawing(width, 11.6, frame + "".join(pieces))


def _bar(left: float, zero: float, unit: float, top: float) -> str:
    fifth = unit / 5
    boxes = [(left + i * fifth, fifth, i % 2 == 0) for i in range(5)]
    boxes += [(zero + i * unit, unit, i % 2 == 1) for i in range(3)]
    return "".join(
        rect(Box(x, top, width, 1.3), fill=INK if dark else WHITE, stroke=INK, stroke_width=0.12)
        for x, width, dark in boxes
    )


def _bar_numbers(zero: float, unit: float, step: float, top: float, language: str) -> list[str]:
    in_km = 3 * step >= 1000
    divisor, name = (1000, "kilometres") if in_km else (1, "metres")
    labels = [(zero + i * unit, f"{abs(i) * step / divisor:g}") for i in range(-1, 4)]
    numbers = [text(x, top - 1.0, label, size=2.1, anchor="middle") for x, label in labels]
    return [*numbers, text(zero + 3 * unit + 2.6, top - 1.0, word(name, language), size=2.1)]


# ---------------------------------------------------------------- north
def convergence_deg(frame: Frame) -> float:
    """How far grid north lies east of true north in the middle of the frame."""
    longitude, latitude = to_degrees(frame.easting, frame.northing)
    return float(pyproj.Proj(PROJECTED).get_factors(longitude, latitude).meridian_convergence)


def north_arrow(frame: Frame, language: str, *, coordinates: bool) -> Drawing:
    """An arrow to grid north; internal sheets also say how far that is from true north."""
    width, tall = NORTH_MM
    middle = width / 2
    lower = 12.6 if coordinates else 16.6
    left = f"M{num(middle)},4.6L{num(middle - 2.7)},{num(lower)}L{num(middle)},{num(lower - 2.1)}z"
    right = f"M{num(middle)},4.6L{num(middle + 2.7)},{num(lower)}L{num(middle)},{num(lower - 2.1)}z"
    body = [
        rect(Box(0, 0, width, tall), fill=WHITE, fill_opacity=0.92, stroke=PALE, stroke_width=0.15),
        text(middle, 3.9, word("north", language), size=3.2, bold=True, anchor="middle"),
        path(left, fill=WHITE, stroke=INK, stroke_width=0.2, stroke_linejoin="round"),
        path(right, fill=INK, stroke=INK, stroke_width=0.2, stroke_linejoin="round"),
    ]
    if coordinates:
        angle = word("convergence", language, angle=signed_minutes(convergence_deg(frame)))
        size = 2.0 if language == "zh" else 1.9
        body.append(text(middle, 15.8, word("grid_north", language), size=2.0, fill=GREY, anchor="middle"))
        body.append(text(middle, 18.5, angle, size=size, fill=GREY, anchor="middle"))
    return Drawing(width, tall, "".join(body))


def signed_minutes(degrees: float) -> str:
    """A small angle as +6.4′."""
    return f"{degrees * 60:+.1f}′"


def wind_rose(wind: Sequence[float], language: str) -> Drawing:
    """Wind frequencies (8 or 16, clockwise from north) as a rose with a north needle."""
    width, tall = 22.0, 26.0
    cx, cy, reach = width / 2, 15.0, 9.0
    most = max(wind)
    tips = [
        (
            cx + reach * f / most * math.sin(2 * math.pi * i / len(wind)),
            cy - reach * f / most * math.cos(2 * math.pi * i / len(wind)),
        )
        for i, f in enumerate(wind)
    ]
    rose = "M" + " ".join(f"{num(x)},{num(y)}" for x, y in tips) + "z"
    axes = f"M{num(cx - reach)},{num(cy)}h{num(2 * reach)}M{num(cx)},{num(cy + reach)}V5.2"
    needle = f"M{num(cx)},4.4l-1.1,2.6h2.2z"
    return Drawing(
        width,
        tall,
        rect(Box(0, 0, width, tall), fill=WHITE, fill_opacity=0.92, stroke=PALE, stroke_width=0.15)
        + path(rose, fill="#1F5FA8", fill_opacity=0.25, stroke="#1F5FA8", stroke_width=0.25, stroke_linejoin="round")
        + path(axes, fill="none", stroke=INK, stroke_width=0.12)
        + path(needle, fill=INK)
        + text(cx, 3.8, word("north", language), size=3.0, bold=True, anchor="middle"),
    )


# ---------------------------------------------------------------- inset and QR
def inset(locator: Locator, shown: Frame, frames: Sequence[Frame], width: float, tall: float) -> Drawing:
    """The district with its subdistricts, in red what this page shows of it, thin what the other pages show."""
    west, south, east, north = _inset_bounds(locator, shown)
    scale = 1000 * 1.06 * max((east - west) / width, (north - south) / tall)
    view = Frame(width, tall, scale, (west + east) / 2, (south + north) / 2)
    district = path_data(view.draw(locator.district))
    tiles = path_data(view.draw(numpy.array([g for _, g in locator.subdistricts], dtype=object)))
    window = shapely.box(0, 0, width, tall)
    others = path_data(shapely.intersection(view.draw(numpy.array([f.ground for f in frames], dtype=object)), window))
    extent = path_data(shapely.intersection(view.draw(shown.ground), window))
    return Drawing(
        width,
        tall,
        path(district, fill="#F1F3F7", stroke="#4A5568", stroke_width=0.35, stroke_linejoin="round")
        + path(tiles, fill="none", stroke="#8A94A3", stroke_width=0.13)
        + (path(others, fill="none", stroke=RED, stroke_width=0.12) if len(frames) > 1 else "")
        + path(extent, fill=RED, fill_opacity=0.07, stroke=RED, stroke_width=0.45),
    )


def _inset_bounds(locator: Locator, shown: Frame) -> tuple[float, ...]:
    """The district, widened where the sheet shows a little more than it."""
    district, whole = locator.district.bounds, shapely.union(shapely.box(*locator.district.bounds), shown.ground).bounds
    larger = max(
        (whole[2] - whole[0]) / (district[2] - district[0]), (whole[3] - whole[1]) / (district[3] - district[1])
    )
    return tuple(whole if larger < 2.0 else district)


def qr_code(link: str, size: float = QR_MM) -> Drawing:
    """A QR code of an address as one path, quiet zone included."""
    matrix = segno.make(link, error="m", micro=False, boost_error=False).matrix
    cells = len(matrix) + 4
    unit = size / cells
    runs = [
        f"M{num((x + 2) * unit)},{num((y + 2) * unit)}h{num(length * unit)}v{num(unit)}h{num(-length * unit)}z"
        for y, row in enumerate(matrix)
        for x, length in _runs(row)
    ]
    return Drawing(size, size, rect(Box(0, 0, size, size), fill=WHITE) + path("".join(runs), fill="#000000"))


def _runs(row: Sequence[int]) -> list[tuple[int, int]]:
    """Starts and lengths of the dark stretches of a row."""
    found: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and found and sum(found[-1]) == x:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif dark:
            found.append((x, 1))
    return found


# ---------------------------------------------------------------- stamps
STAMP_MM = (52.0, 10.4)


def illustrative_stamp(drawn: int, count: int, fonts: Fonts, language: str) -> Drawing:
    """示意 in red, and how much of the sheet it concerns."""
    width, tall = STAMP_MM
    title = word("illustrative", language)
    size = 5.0 if language == "zh" else 3.4
    left = fonts.width(title, size, bold=True) + 5.0
    lines = wrap(word("illustrative_note", language, drawn=drawn, count=count), width - left - 1.5, 2.1, fonts, lines=3)
    top = (tall - height(len(lines), 2.1)) / 2
    return Drawing(
        width,
        tall,
        rect(Box(0, 0, width, tall), fill=WHITE, fill_opacity=0.94, stroke=RED, stroke_width=0.4)
        + text(2.2, tall / 2 + 0.37 * size, title, size=size, bold=True, fill=RED)
        + f'<path d="M{num(left - 1.4)},1.6V{num(tall - 1.6)}" stroke="{RED}" stroke-width="0.2"/>'
        + paragraph(lines, left, top, 2.1, fill=RED),
    )


def unapproved_stamp(frame: Box, language: str, fonts: Fonts) -> str:
    """A warning across the frame of a public sheet that has no approval number."""
    content = word("unapproved", language)
    reach = 0.62 * math.hypot(frame.width, frame.height)
    size = reach / fonts.width(content, 1.0, bold=True)
    angle = -math.degrees(math.atan2(frame.height, frame.width))
    x, y = frame.x + frame.width / 2, frame.y + frame.height / 2
    words = text(x, y + 0.37 * size, content, size=size, bold=True, fill=RED, anchor="middle", angle=0)
    return f'<g opacity="0.22" transform="rotate({num(angle, 2)} {num(x)} {num(y)})">{words}</g>'
