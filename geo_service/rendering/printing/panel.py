"""The frame around a block: a heading, a body, a note."""

from __future__ import annotations

from collections.abc import Sequence

from geo_service.rendering.printing.drawing import GREY, INK, TOP_EM, Box, Drawing, rect, text

INSET_MM = 1.6
TITLE_MM = 3.0
HEAD_MM = 6.4
"""From the block's upper edge to its body."""
NOTE_MM = 2.0
STROKE_MM = 0.25


def panel(title: str, body: Drawing, width: float, *, notes: Sequence[str] = (), framed: bool = True) -> Drawing:
    """A block as high as its body and notes need."""
    head = text(INSET_MM, 1.6 + TOP_EM * TITLE_MM, title, size=TITLE_MM, bold=True)
    below = HEAD_MM + body.height_mm
    lines = [
        text(INSET_MM, below + (n + 1) * NOTE_MM * 1.35, note, size=NOTE_MM, fill=GREY) for n, note in enumerate(notes)
    ]
    tall = below + len(notes) * NOTE_MM * 1.35 + INSET_MM
    edge = rect(Box(0, 0, width, tall), fill="none", stroke=INK, stroke_width=STROKE_MM) if framed else ""
    return Drawing(width, tall, edge + head + body.at(INSET_MM, HEAD_MM) + "".join(lines))
