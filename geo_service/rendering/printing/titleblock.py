"""The title block with its place for a seal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geo_service.rendering.printing.drawing import INK, PALE, TOP_EM, Box, Drawing, num, path, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.typography import LEADING, wrap
from geo_service.rendering.printing.words import word

SIZE_MM = 2.4
LABEL_MM = 17.0
SEAL_MM = 20.0
SEAL_ROWS = 5
PAD_MM = 1.0
_GROUND = "#F0F0F0"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the title block."""

    label: str
    value: str


def title_block(rows: Sequence[Row], width: float, fonts: Fonts, language: str) -> Drawing:
    """The block as high as its rows need; beside the last rows a circle of 20 mm stays free for a seal."""
    label = max(LABEL_MM, *(fonts.width(row.label, SIZE_MM) + 2 * PAD_MM for row in rows))
    cells = [_lines(row, width - label, fonts, sealed=n >= len(rows) - SEAL_ROWS) for n, row in enumerate(rows)]
    heights = [max(len(lines) * SIZE_MM * LEADING + 1.5, 4.6) for lines in cells]
    short = SEAL_MM + 1.6 - sum(heights[-SEAL_ROWS:])
    if short > 0:
        heights[-SEAL_ROWS:] = [h + short / SEAL_ROWS for h in heights[-SEAL_ROWS:]]
    tall = sum(heights)
    pieces = [rect(Box(0, 0, label, tall), fill=_GROUND)]
    y = 0.0
    for row, lines, high in zip(rows, cells, heights, strict=True):
        pieces += [_cell([row.label], PAD_MM, y, high), _cell(lines, label + PAD_MM, y, high)]
        y += high
    rules = _rules(heights, label, width, tall)
    edge = rect(Box(0, 0, width, tall), fill="none", stroke=INK, stroke_width=0.25)
    return Drawing(width, tall, "".join(pieces) + rules + edge + _seal(width, tall, heights, language))


def _lines(row: Row, room: float, fonts: Fonts, *, sealed: bool) -> list[str]:
    room -= 2 * PAD_MM + (SEAL_MM + 1.6 if sealed else 0)
    return wrap(fonts.printable(row.value), room, SIZE_MM, fonts, lines=4)


def _cell(lines: Sequence[str], x: float, y: float, tall: float) -> str:
    top = y + (tall - (len(lines) - 1) * SIZE_MM * LEADING - SIZE_MM * 0.93) / 2
    return "".join(
        text(x, top + TOP_EM * SIZE_MM + n * SIZE_MM * LEADING, line, size=SIZE_MM)
        for n, line in enumerate(lines)
        if line
    )


def _rules(heights: Sequence[float], label: float, width: float, tall: float) -> str:
    """Lines between rows; those beside the seal stop before it."""
    inner = width - SEAL_MM - 1.6
    first_sealed = len(heights) - SEAL_ROWS
    lines, y = [f"M{num(label)},0V{num(tall)}"], 0.0
    for n, high in enumerate(heights[:-1], 1):
        y += high
        lines.append(f"M0,{num(y)}H{num(inner if n > first_sealed else width)}")
    top = sum(heights[:first_sealed])
    lines.append(f"M{num(inner)},{num(top)}V{num(tall)}")
    return path("".join(lines), fill="none", stroke=INK, stroke_width=0.15)


def _seal(width: float, tall: float, heights: Sequence[float], language: str) -> str:
    area = sum(heights[-SEAL_ROWS:])
    x, y = width - SEAL_MM / 2 - 0.8, tall - area / 2
    circle = (
        f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(SEAL_MM / 2 - 0.2)}" fill="none" stroke="{PALE}" '
        'stroke-width="0.2" stroke-dasharray="1 0.8"/>'
    )
    return circle + text(x, y + 0.9, word("seal", language), size=2.3, fill=PALE, anchor="middle")
