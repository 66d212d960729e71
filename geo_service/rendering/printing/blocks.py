"""The blocks beside or below the map, stacked so that they never meet; what does not fit goes to another page."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from geo_service.rendering.printing.drawing import GREY, Box, Drawing, group
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.furniture import QR_MM, Locator, inset, qr_code, ratio
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.layout import GAP_MM, Layout
from geo_service.rendering.printing.legend import legend_block
from geo_service.rendering.printing.panel import HEAD_MM, INSET_MM, panel
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.scene import LegendEntry, Scene
from geo_service.rendering.printing.table import Table, table_block
from geo_service.rendering.printing.titleblock import Row, title_block
from geo_service.rendering.printing.typography import height, paragraph, wrap
from geo_service.rendering.printing.words import word

INSET_MAP_MM = (50.0, 46.0)
SMALLEST_INSET_MM = 17.0
SMALLEST_TABLE_MM = 15.5
NAMED_REVISIONS = 3
"""So many layers of the plan stand in the title block with their revisions."""
CHINA = datetime.timezone(datetime.timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """What the blocks of one map page show."""

    request: SheetRequest
    scene: Scene
    layers: Sequence[PrintLayer]
    locator: Locator
    tables: Sequence[Table]
    fonts: Fonts
    frames: Sequence[Frame]

    @property
    def language(self) -> str:
        """The sheet's language."""
        return self.request.language


@dataclass(frozen=True, slots=True)
class Left:
    """What found no room beside the map."""

    legend: tuple[LegendEntry, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Stacked:
    """Blocks as SVG on the page and what is left."""

    body: str
    left: Left


def blocks(contents: Contents, layout: Layout) -> Stacked:
    """All blocks of a map page at their places."""
    return (_sidebar if layout.side else _band)(contents, layout)


def _placed(drawing: Drawing, x: float, y: float, factor: float) -> str:
    if not drawing.body:
        return ""
    scale = f" scale({factor:g})" if factor != 1 else ""
    return group(drawing.body, transform=f"translate({x:.3f} {y:.3f}){scale}")


def _sidebar(contents: Contents, layout: Layout) -> Stacked:
    """The sidebar with its full inset, or with a smaller one where tables would run over."""
    tall = layout.columns[0].height / layout.factor
    insets = (60.0, 44.0, 36.0) if tall > 220 else (0.24 * tall, 0.2 * tall)
    trials = [_stack(contents, layout, inset_mm) for inset_mm in (insets if contents.tables else insets[:1])]
    return next((t for t in trials if not t.left.tables), trials[-1])


def _stack(contents: Contents, layout: Layout, inset_mm: float) -> Stacked:
    column, factor = layout.columns[0], layout.factor
    width, bottom = column.width / factor, column.height / factor
    title = title_block(title_rows(contents, layout), width, contents.fonts, contents.language)
    room = bottom - title.height_mm - GAP_MM
    where = location_panel(contents, width, inset_mm)
    room -= where.height_mm + GAP_MM if where.body else 0.0
    legend, left = _legend(contents, width, room - (SMALLEST_TABLE_MM if contents.tables else 0.0))
    y = legend.height_mm + GAP_MM if legend.body else 0.0
    pieces = [(legend, 0.0)]
    rest: list[Table] = []
    for table in contents.tables:
        drawn, after = _table(contents, table, Box(0, 0, width, room - y))
        pieces.append((drawn, y))
        y += drawn.height_mm + GAP_MM if drawn.body else 0.0
        rest += [after] if after else []
    pieces += [(where, y), (title, bottom - title.height_mm)]
    body = "".join(_placed(d, column.x, column.y + at * factor, factor) for d, at in pieces)
    return Stacked(body, Left(left, tuple(rest)))


def _band(contents: Contents, layout: Layout) -> Stacked:
    factor = layout.factor
    tall = layout.columns[0].height / factor
    first, middle, last = layout.columns
    title = title_block(title_rows(contents, layout), last.width / factor, contents.fonts, contents.language)
    where = location_panel(contents, last.width / factor, tall - title.height_mm - GAP_MM)
    wide = first.width + (0 if contents.tables else middle.width + GAP_MM)
    legend, left = _legend(contents, wide / factor, tall)
    pieces = [(legend, first.x, 0.0), (title, last.x, 0.0), (where, last.x, title.height_mm + GAP_MM)]
    y, rest = 0.0, list[Table]()
    for table in contents.tables:
        drawn, after = _table(contents, table, Box(0, 0, middle.width / factor, tall - y))
        pieces.append((drawn, middle.x, y))
        y += drawn.height_mm + GAP_MM if drawn.body else 0.0
        rest += [after] if after else []
    body = "".join(_placed(d, x, first.y + at * factor, factor) for d, x, at in pieces)
    return Stacked(body, Left(left, tuple(rest)))


def _legend(contents: Contents, width: float, tall: float) -> tuple[Drawing, tuple[LegendEntry, ...]]:
    if not contents.request.legend:
        return Drawing(width, 0, ""), ()
    return legend_block(contents.scene.legend, Box(0, 0, width, tall), contents.fonts, contents.language)


def _table(contents: Contents, table: Table, box: Box) -> tuple[Drawing, Table | None]:
    """The table, or nothing and all of it for the next page where too little room is left."""
    if box.height < SMALLEST_TABLE_MM:
        return Drawing(box.width, 0, ""), table
    return table_block(table, box, contents.fonts, contents.language)


def location_panel(contents: Contents, width: float, tall: float) -> Drawing:
    """Inset map and QR code side by side, as high as there is room for; nothing where there is too little."""
    inner, room = width - 2 * INSET_MM, min(tall - HEAD_MM - INSET_MM, INSET_MAP_MM[1])
    shows_map = contents.request.inset and contents.locator.district is not None
    if room < SMALLEST_INSET_MM or not (shows_map or contents.request.link):
        return Drawing(width, 0, "")
    side = min(QR_MM, room)
    beside = max(side, 20.0) if width > 66 or contents.request.link else 0.0
    across = min(INSET_MAP_MM[0], inner - (beside + 2.0 if beside else 0.0))
    pieces = inset(contents.locator, contents.scene.frame, contents.frames, across, room).body if shows_map else ""
    x = across + 2.0 if shows_map else 0.0
    pieces += _beside(contents, Box(x, 0, inner - x, room), side, shows_map=shows_map)
    return panel(word("inset", contents.language), Drawing(inner, room, pieces), width)


def _beside(contents: Contents, box: Box, side: float, *, shows_map: bool) -> str:
    """QR code with its note where it has room, or the inset's note, in what is left of the panel."""
    language, fonts = contents.language, contents.fonts
    if box.width < 14:
        return ""
    if not contents.request.link:
        return paragraph(wrap(word("inset_note", language), box.width, 2.1, fonts), box.x, 0, 2.1, fill=GREY)
    notes = wrap(word("qr_note", language), box.width, 2.0, fonts)
    below = side + 1.5
    shown = notes if shows_map and below + height(len(notes), 2.0) <= box.height else []
    return qr_code(contents.request.link, side).at(box.x, 0) + paragraph(shown, box.x, below, 2.0, fill=GREY)


def title_rows(contents: Contents, layout: Layout) -> list[Row]:
    """The lines of the title block; public sheets name no coordinate system."""
    request, language = contents.request, contents.language
    blank = word("blank", language)
    scale = f"{ratio(contents.scene.frame.scale)}（{layout.paper.name}）"
    rows = [
        Row(word("unit", language), request.unit or blank),
        Row(word("sheet_number", language), request.number or blank),
        Row(word("scale", language), scale if language == "zh" else scale.replace("（", " (").replace("）", ")")),
    ]
    if request.internal:
        rows.append(Row(word("crs", language), word("crs_value", language)))
        rows.append(Row(word("height_datum", language), request.height_datum or blank))
    if request.period:
        rows.append(Row(word("period", language), request.period))
    people = " / ".join((request.author or blank, request.reviewer or blank))
    return [
        *rows,
        Row(word("edition", language), edition(contents.layers, language)),
        Row(word("date", language), request.date or blank),
        Row(word("people", language), people),
        Row(word("approval", language), request.approval or word("not_submitted", language)),
    ]


def edition(layers: Sequence[PrintLayer], language: str) -> str:
    """Which revisions are printed: of the plan's layers while they are few, the day of the newest, and a digest."""
    told = [layer for layer in layers if not layer.definition.is_reference] or list(layers)
    named = [f"{layer.definition.title.get(language)} r{layer.revision.rev}" for layer in told[:NAMED_REVISIONS]]
    few = word("list_comma", language).join(named) if len(told) <= NAMED_REVISIONS else ""
    if len(told) < len(layers) or not few:
        key = "layers_in_all" if few else "layers_count"
        few = word(key, language, names=few, count=len(layers))
    newest = max((layer.revision.at for layer in layers), default="")
    day = word("as_at", language, date=china_day(newest)) if newest else ""
    rest = " ".join(part for part in (day, f"sha256 {edition_digest(layers)[:12]}…") if part)
    return f"{few} {rest}"


def china_day(at: str) -> str:
    """The day in China of a moment as revisions have it."""
    return datetime.datetime.fromisoformat(at).astimezone(CHINA).date().isoformat()


def edition_digest(layers: Sequence[PrintLayer]) -> str:
    """SHA-256 over layer, revision and the published file's digest of everything printed, in the order of ids."""
    rows = sorted(f"{layer.id}@{layer.revision.rev}:{layer.revision.sha256}" for layer in layers)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
