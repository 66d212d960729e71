"""Setting text into boxes: line breaks, shrinking, ellipses, by the font's own widths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from geo_service.rendering.printing.drawing import INK, TOP_EM, text
from geo_service.rendering.printing.fonts import Fonts

LEADING = 1.28
"""Distance of baselines, in type sizes."""
SMALLEST_MM = 2.0
ELLIPSIS = "…"
_WORDS = re.compile(r"[A-Za-z0-9_.,:;%+#@&=/\\'\-–()\[\]·°′″²³]+\s*|\s+|.", re.DOTALL)
_NO_START = frozenset("，。、；：？！）》」』】…·—%）)]}’”")
_NO_END = frozenset("（《「『【([{‘“")


def wrap(content: str, width: float, size: float, fonts: Fonts, *, bold: bool = False, lines: int = 99) -> list[str]:
    """The text in lines of at most this width; what exceeds the last line ends in an ellipsis."""
    if fonts.width(content, size, bold=bold) <= width:
        return [content]
    broken = _broken(content, width, size, fonts, bold)
    if len(broken) <= lines:
        return broken
    last = shortened("".join(broken[lines - 1 :]), width, size, fonts, bold=bold, always=True)
    return [*broken[: lines - 1], last]


def _broken(content: str, width: float, size: float, fonts: Fonts, bold: bool) -> list[str]:
    result: list[str] = []
    current = ""
    for token in _tokens(content):
        for piece in _fitting(token, width, size, fonts, bold):
            if current and fonts.width((current + piece).rstrip(), size, bold=bold) > width:
                result.append(current.rstrip())
                current = piece.lstrip()
            else:
                current += piece
    return [*result, current.rstrip()] if current.strip() or not result else result


def _tokens(content: str) -> Iterable[str]:
    """Units that stay together: Latin words, a character with the punctuation that must not part from it."""
    held = ""
    for token in _WORDS.findall(" ".join(content.split())):
        if held and token[0] not in _NO_START and held[-1] not in _NO_END:
            yield held
            held = ""
        held += token
    if held:
        yield held


def _fitting(token: str, width: float, size: float, fonts: Fonts, bold: bool) -> Iterable[str]:
    """A unit wider than the line falls apart into characters."""
    if fonts.width(token.rstrip(), size, bold=bold) <= width:
        yield token
    else:
        yield from token


def shortened(
    content: str, width: float, size: float, fonts: Fonts, *, bold: bool = False, always: bool = False
) -> str:
    """The text, cut with an ellipsis where it is too wide."""
    if not always and fonts.width(content, size, bold=bold) <= width:
        return content
    while content and fonts.width(content + ELLIPSIS, size, bold=bold) > width:
        content = content[:-1]
    return content.rstrip() + ELLIPSIS


def size_for(
    content: str, width: float, size: float, fonts: Fonts, *, bold: bool = False, tracking: float = 0.0
) -> float:
    """The type size at which a text fits, at most the one wanted; ``tracking`` in em."""
    needed = fonts.width(content, 1.0, bold=bold, tracking=tracking)
    return min(size, width / needed) if needed else size


def paragraph(
    lines: Sequence[str],
    x: float,
    top: float,
    size: float,
    *,
    bold: bool = False,
    fill: str = INK,
    leading: float = LEADING,
) -> str:
    """Lines of text as SVG, the ink of the first starting at ``top``."""
    return "".join(
        text(x, top + TOP_EM * size + row * size * leading, line, size=size, bold=bold, fill=fill)
        for row, line in enumerate(lines)
        if line
    )


def height(lines: int, size: float, leading: float = LEADING) -> float:
    """How high so many lines are, from ink to ink."""
    return size * (0.95 + (lines - 1) * leading) if lines else 0.0
