"""Title, subtitle, secrecy box and footer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geo_service.errors import InvalidParameter, UnprintableText
from geo_service.rendering.printing.drawing import GREY, INK, TOP_EM, Box, rect, text
from geo_service.rendering.printing.fonts import Fonts, unified
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.layout import FOOTER_MM, Layout
from geo_service.rendering.printing.notes import spelled
from geo_service.rendering.printing.request import PROFILES, SheetRequest
from geo_service.rendering.printing.scene import Scene
from geo_service.rendering.printing.typography import paragraph, shortened, size_for, wrap
from geo_service.rendering.printing.words import word

TITLE_MM, TITLE_Y_MM = 7.0, 6.5
TITLE_TRACKING = 0.06
ONE_LINE_DOWN_TO_MM = 4.6
TWO_LINES_MM = (4.4, 3.4)
SUBTITLE_MM, SUBTITLE_Y_MM = 3.2, 15.4
SECRECY_MM = 3.0
FOOTER_TEXT_MM = 2.1


def heading(layout: Layout, request: SheetRequest, title: str, subtitle: str, fonts: Fonts) -> str:
    """The head of a page.

    Raises
    ------
    InvalidParameter
        A title that does not fit into two lines; says how many characters do.
    """
    secrecy = _secrecy(layout, PROFILES[request.profile].get(request.language), fonts)
    return _title(layout, title, fonts) + _subtitle(layout, subtitle, fonts) + secrecy


def _title(layout: Layout, title: str, fonts: Fonts) -> str:
    factor, middle, room = layout.factor, _middle(layout), _title_room(layout)
    size = size_for(title, room, TITLE_MM * factor, fonts, bold=True, tracking=TITLE_TRACKING)
    if size >= ONE_LINE_DOWN_TO_MM:
        base = TITLE_Y_MM + TOP_EM * size + (TITLE_MM - size) * 0.45
        tracking = TITLE_TRACKING * size
        return text(middle, base, title, size=size, bold=True, anchor="middle", tracking=tracking)
    size, lines = _two_lines(title, room, fonts)
    return "".join(
        text(middle, 3.6 + TOP_EM * size + n * size * 1.25, line, size=size, bold=True, anchor="middle")
        for n, line in enumerate(lines)
    )


def _two_lines(title: str, room: float, fonts: Fonts) -> tuple[float, list[str]]:
    size = TWO_LINES_MM[0]
    while size >= TWO_LINES_MM[1]:
        lines = wrap(title, room, size, fonts, bold=True)
        if len(lines) <= 2:
            return size, lines
        size -= 0.1
    fitting = sum(map(len, wrap(title, room, TWO_LINES_MM[1], fonts, bold=True)[:2]))
    reason = f"标题有 {len(title)} 字，这张纸约容 {fitting} 字 / about {fitting} characters fit this paper"
    raise InvalidParameter(name="title", value=f"{title[:20]}…", reason=reason)


def _middle(layout: Layout) -> float:
    return (layout.left + layout.right) / 2


def _title_room(layout: Layout) -> float:
    """Between the margins, clear of the secrecy box on both sides."""
    return layout.right - layout.left - 2 * 26.0


def _subtitle(layout: Layout, subtitle: str, fonts: Fonts) -> str:
    size = SUBTITLE_MM * layout.factor
    room = layout.right - layout.left
    size = max(2.2, size_for(subtitle, room, size, fonts))
    content = shortened(subtitle, room, size, fonts)
    return text(_middle(layout), SUBTITLE_Y_MM + TOP_EM * size, content, size=size, fill=GREY, anchor="middle")


def _secrecy(layout: Layout, label: str, fonts: Fonts) -> str:
    size = SECRECY_MM * layout.factor
    width = fonts.width(label, size, bold=True) + 4.0
    box = Box(layout.right - width, 7.0, width, size + 2.2)
    edge = rect(box, fill="none", stroke=INK, stroke_width=0.3)
    return edge + text(box.x + 2.0, box.y + 1.0 + TOP_EM * size, label, size=size, bold=True)


def footer(layout: Layout, content: str, number: str, fonts: Fonts) -> str:
    """Source and disclaimer on the left in at most two lines, the page number on the right."""
    size = FOOTER_TEXT_MM * layout.factor
    room = layout.right - layout.left - fonts.width(number, size) - 6.0
    lines = wrap(content, room, size, fonts, lines=2)
    bottom = layout.paper.height_mm - FOOTER_MM
    top = bottom - size * (0.95 + 1.28 * (len(lines) - 1))
    base = bottom - 0.1 * size
    return paragraph(lines, layout.left, top, size, fill=GREY) + text(
        layout.right, base, number, size=size, fill=GREY, anchor="end"
    )


def footer_text(request: SheetRequest, layers: Sequence[PrintLayer], fonts: Fonts) -> str:
    """Where the data come from and what the sheet is not."""
    language = request.language
    stop = "。" if language == "zh" else "."
    source = request.source or "；".join(_sources(layers))
    parts = [word("sources", language, sources=source.rstrip("。.")) + stop if source else ""]
    parts.append(word("disclaimer", language))
    parts.append("" if request.approval else word("no_publication", language))
    return fonts.printable(("" if language == "zh" else " ").join(p for p in parts if p))


def _sources(layers: Iterable[PrintLayer]) -> list[str]:
    """Sources of the layers, each once; what follows a semicolon is about single features."""
    heads = (layer.definition.source.split("；")[0].strip() for layer in layers)
    return list(dict.fromkeys(h for h in heads if h))


def counts_text(scene: Scene, language: str, limit: int = 6) -> str:
    """What the sheet shows, by layer: how many and how many of them illustrative; base geography is not counted."""
    counted = [row for row in scene.counts if not row[0].definition.is_reference]
    counted.sort(key=lambda row: -row[1])
    parts = [_count(*row, language) for row in counted[:limit]]
    more = len(counted) - limit
    tail = f" {word('count_more', language, count=len(counted))}" if more > 0 else ""
    return " · ".join(parts) + tail


def _count(layer: PrintLayer, count: int, part: int, language: str) -> str:
    key = "count_illustrative" if part == count else "count_some" if part else "count"
    return word(key, language, title=layer.definition.title.get(language), count=count, part=part)


def checked_texts(request: SheetRequest, fonts: Fonts) -> None:
    """Nothing, where every text of the request can be printed.

    Raises
    ------
    UnprintableText
        Names the characters the fonts have no glyph for.
    """
    for name in ("title", "subtitle", "unit", "number", "author", "reviewer", "approval", "period", "source"):
        gaps = fonts.missing(unified(getattr(request, name)))
        if gaps:
            raise UnprintableText(field=name, characters=spelled(gaps))
