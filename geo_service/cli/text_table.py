"""Tables in plain text whose columns line up, Chinese characters counting two cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

GAP = "  "


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Rows under a header; columns named in ``right`` (from 0) are aligned to the right."""
    texts = [list(header), *([str(value) for value in row] for row in rows)]
    widths = [max(cells(row[i]) for row in texts) for i in range(len(header))]
    lines = [_line(row, widths, right) for row in texts]
    return "\n".join((lines[0], "─" * (sum(widths) + len(GAP) * (len(widths) - 1)), *lines[1:]))


def cells(text: str) -> int:
    """How many terminal cells a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def shorten(text: str, width: int) -> str:
    """The text, cut with an ellipsis where it takes more cells than ``width``."""
    if cells(text) <= width:
        return text
    kept = ""
    for character in text:
        if cells(kept + character) > width - 1:
            break
        kept += character
    return kept + "…"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    padded = (
        " " * (width - cells(text)) + text if i in right else text + " " * (width - cells(text))
        for i, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return GAP.join(padded).rstrip()
