"""The chart of an answer: bars beside or upon each other, or lines, with an axis of round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from geo_service.rendering.printing.drawing import GREY, INK, Box, Drawing, num, path, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.typography import shortened

SIZE_MM = 2.0
LEFT_MM, HEAD_MM, FOOT_MM = 10.0, 4.6, 8.6
STEPS = 4
SERIES = ("#1F6FB5", "#1F8A4C", "#C47A00", "#5B8FC9", "#B3151B")
NAME_MM = 18.0
SLANT_DEG = -24.0


@dataclass(frozen=True, slots=True)
class ChartData:
    """Names along the axis and a row of numbers for each series; None where nothing is known."""

    kind: Literal["bar", "stacked", "line"]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    colors: tuple[str, ...] = SERIES


def chart_block(data: ChartData, width: float, tall: float, fonts: Fonts) -> Drawing:
    """The chart in so much room."""
    box = Box(LEFT_MM, HEAD_MM, width - LEFT_MM - 1.0, tall - HEAD_MM - FOOT_MM)
    low, high = _reach(data)
    body = _keys(data, fonts) + _axis(box, low, high) + _names(data, box, fonts)
    return Drawing(width, tall, body + (_lines if data.kind == "line" else _bars)(data, box, low, high))


def _reach(data: ChartData) -> tuple[float, float]:
    """The ends of the axis: 0 and a round number beyond the largest value, below 0 where values are."""
    columns = [[v or 0.0 for v in column] for column in zip(*data.values, strict=True)]
    tops = [sum(c) if data.kind == "stacked" else max(c) for c in columns]
    high, low = round_up(max(tops, default=0.0)), min([0.0, *(v for c in columns for v in c)])
    return (-round_up(-low) if low < 0 else 0.0), high


def round_up(value: float) -> float:
    """The smallest of 1, 2, 4, 5, 8 or 10 times a power of ten that is not below a value; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(f * power for f in (1, 2, 4, 5, 8, 10) if f * power >= value * (1 - 1e-9))


def _keys(data: ChartData, fonts: Fonts) -> str:
    pieces, x = "", LEFT_MM
    for title, color in zip(data.titles, data.colors, strict=False):
        pieces += rect(Box(x, 0.6, 3.2, 2.0), fill=color) + text(x + 4.0, 2.4, title, size=SIZE_MM)
        x += 8.0 + fonts.width(title, SIZE_MM)
    return pieces


def _axis(box: Box, low: float, high: float) -> str:
    pieces = ""
    for step in range(STEPS + 1):
        value = low + (high - low) * step / STEPS
        y = box.bottom - box.height * step / STEPS
        pieces += path(f"M{num(box.x)},{num(y)}H{num(box.right)}", stroke="#C9C9C9", stroke_width=0.1, fill="none")
        pieces += text(box.x - 1.0, y + 0.7, f"{value:,.6g}", size=1.9, fill=GREY, anchor="end")
    base = box.bottom + box.height * low / (high - low)
    return pieces + path(f"M{num(box.x)},{num(base)}H{num(box.right)}", stroke=INK, stroke_width=0.2, fill="none")


def _names(data: ChartData, box: Box, fonts: Fonts) -> str:
    step = box.width / max(1, len(data.names))
    shown = [shortened(name, NAME_MM, 1.9, fonts) for name in data.names]
    return "".join(
        text(box.x + (n + 0.5) * step + 1.0, box.bottom + 2.6, name, size=1.9, anchor="end", angle=SLANT_DEG)
        for n, name in enumerate(shown)
    )


def _bars(data: ChartData, box: Box, low: float, high: float) -> str:
    step, unit = box.width / max(1, len(data.names)), box.height / (high - low)
    beside = 1 if data.kind == "stacked" else len(data.values)
    wide = min(9.0, 0.72 * step / max(1, beside))
    base = box.bottom + unit * low
    pieces = ""
    for n in range(len(data.names)):
        under = 0.0
        for series, color in enumerate(data.colors[: len(data.values)]):
            value = data.values[series][n] or 0.0
            at = 0 if data.kind == "stacked" else series
            x = box.x + (n + 0.5) * step + (at - beside / 2) * wide
            top = base - unit * (under + max(value, 0.0))
            pieces += rect(Box(x, top, wide * 0.94, abs(value) * unit), fill=color) if value else ""
            under += value if data.kind == "stacked" else 0.0
    return pieces


def _lines(data: ChartData, box: Box, low: float, high: float) -> str:
    step, unit = box.width / max(1, len(data.names)), box.height / (high - low)
    return "".join(
        path(_trace(values, box, step, unit, low), stroke=color, stroke_width=0.5, fill="none", stroke_linejoin="round")
        for values, color in zip(data.values, data.colors, strict=False)
    )


def _trace(values: Sequence[float | None], box: Box, step: float, unit: float, low: float) -> str:
    """A line that is broken where nothing is known."""
    pieces, pen = "", "M"
    for n, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        pieces += f"{pen}{num(box.x + (n + 0.5) * step)},{num(box.bottom - (value - low) * unit)}"
        pen = "L"
    return pieces
