"""An atlas: one map page per subdistrict, feature or selection, with an index page whose rows lead there."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.errors import InvalidParameter
from geo_service.rendering.printing.drawing import GREY, RED, WHITE, Box, group, num, path, path_data, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame, fit
from geo_service.rendering.printing.furniture import Locator, ratio, unapproved_stamp
from geo_service.rendering.printing.heading import heading
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.pages import Link, Page, Part, Sheet
from geo_service.rendering.printing.profile import must_be_stamped
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.scene import Scene
from geo_service.rendering.printing.sheet import NOTHING_AROUND, Around, Desk, Subject, assemble, desk_of, map_pages
from geo_service.rendering.printing.typography import shortened
from geo_service.rendering.printing.words import word

MOST_PAGES = 200
SMALLEST_EXTENT_M = 240.0
"""A point is shown with at least this much ground around it."""
ROW_MM = 6.4
HEAD_MM = 7.4
TEXT_MM = 2.8
LIST_MM = 130.0
"""Width of the index beside its map."""


@dataclass(frozen=True, slots=True, eq=False)
class AtlasEntry:
    """A page of an atlas: its title and what it shows (EPSG:4548); an area veils the rest, a feature is pointed out."""

    title: str
    ground: Any
    area: bool = False


def by_subdistrict(locator: Locator) -> tuple[AtlasEntry, ...]:
    """A page per subdistrict, in the order of the layer."""
    return tuple(AtlasEntry(name, ground, area=True) for name, ground in locator.subdistricts)


def by_feature(layer: PrintLayer, *, only: Sequence[str] = ()) -> tuple[AtlasEntry, ...]:
    """A page per located feature of a layer, or of a selection of ids."""
    wanted = set(only)
    return tuple(
        AtlasEntry(feature.name, ground)
        for feature, ground in zip(layer.features, layer.geometry, strict=True)
        if ground is not None and (not wanted or feature.id in wanted)
    )


def compose_atlas(
    request: SheetRequest,
    layers: Sequence[PrintLayer],
    entries: Sequence[AtlasEntry],
    *,
    fonts: Fonts,
    locator: Locator | None = None,
    around: Around = NOTHING_AROUND,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sheet:
    """The atlas: index first, then the entries' pages; the request's title is the atlas's. ``progress`` hears how many
    of the entries are drawn.

    Raises
    ------
    InvalidParameter
        No entry, or more than 200.
    """
    if not 0 < len(entries) <= MOST_PAGES:
        reason = f"图集须有 1 至 {MOST_PAGES} 幅 / an atlas has 1 to {MOST_PAGES} pages"
        raise InvalidParameter(name="atlas", value=len(entries), reason=reason)
    desk = desk_of(dataclasses.replace(request, tiled=False), layers, fonts=fonts, locator=locator, around=around)
    frames = [frame_of(desk, entry) for entry in entries]
    made = []
    for entry, frame in zip(entries, frames, strict=True):
        made.append(_entry_pages(desk, entry, frame, frames))
        progress(len(made), len(entries))
    first = len(_shares(desk, len(entries)))
    starts = itertools.accumulate((len(pages) for pages, _ in made), initial=first)
    rows = [_Row(n, *row) for n, row in enumerate(zip(entries, frames, starts, strict=False), 1)]
    pages = [*_index(desk, rows), *(page for pages, _ in made for page in pages)]
    return assemble(desk, pages, [scene for _, scene in made])


def frame_of(desk: Desk, entry: AtlasEntry) -> Frame:
    """The frame that fits an entry, or at the request's scale around its middle."""
    box = desk.layout.frame
    west, south, east, north = entry.ground.bounds
    if desk.request.scale:
        return Frame(box.width, box.height, desk.request.scale, (west + east) / 2, (south + north) / 2)
    pad = max(0.0, SMALLEST_EXTENT_M - max(east - west, north - south)) / 2
    pad += 0.0 if entry.area else 0.35 * max(east - west, north - south)
    return fit((west - pad, south - pad, east + pad, north + pad), box.width, box.height)


def _entry_pages(desk: Desk, entry: AtlasEntry, frame: Frame, frames: Sequence[Frame]) -> tuple[list[Page], Scene]:
    subject = Subject(
        subtitle=desk.request.title,
        focus=entry.ground if entry.area else None,
        highlight=None if entry.area else entry.ground,
    )
    return map_pages(desk, frame, desk.fonts.printable(entry.title), frames, subject)


# ---------------------------------------------------------------- index
def _list_box(desk: Desk, page: int) -> Box:
    """Where the rows stand: beside or below the map on the first index page, everywhere on the others."""
    body = desk.layout.body
    if page:
        return body
    if desk.layout.paper.landscape:
        wide = min(LIST_MM * desk.layout.factor, body.width * 0.4)
        return Box(body.right - wide, body.y, wide, body.height)
    return Box(body.x, body.y + body.height * 0.6, body.width, body.height * 0.4)


def _capacity(desk: Desk, page: int) -> int:
    box = _list_box(desk, page)
    return _columns(desk, box) * max(1, int((box.height - HEAD_MM) / ROW_MM))


def _columns(desk: Desk, box: Box) -> int:
    return max(1, int(box.width / (88.0 * desk.layout.factor)))


def _shares(desk: Desk, count: int) -> list[int]:
    """How many rows each index page takes."""
    shares: list[int] = []
    while sum(shares) < count:
        shares.append(min(_capacity(desk, len(shares)), count - sum(shares)))
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A line of the index; ``start`` is the page it leads to, counted from 0."""

    number: int
    entry: AtlasEntry
    frame: Frame
    start: int


def _index(desk: Desk, rows: Sequence[_Row]) -> list[Page]:
    pages, at = [], 0
    for number, share in enumerate(_shares(desk, len(rows))):
        listing, links = _listing(desk, _list_box(desk, number), rows[at : at + share])
        overview, areas = _overview(desk, rows) if number == 0 else ("", [])
        pages.append(_index_page(desk, listing + overview, [*links, *areas]))
        at += share
    return pages


def _index_page(desk: Desk, body: str, links: Sequence[Link]) -> Page:
    request, paper = desk.request, desk.layout.paper
    head = heading(desk.layout, request, request.title, desk.fonts.printable(request.subtitle), desk.fonts)
    return Page(
        title=word("index", desk.language),
        width_mm=paper.width_mm,
        height_mm=paper.height_mm,
        parts=(Part(head + body),),
        links=tuple(links),
    )


def _listing(desk: Desk, box: Box, rows: Sequence[_Row]) -> tuple[str, list[Link]]:
    """Rows of number, title, scale and page, each a link."""
    columns = _columns(desk, box)
    per_column = max(1, int((box.height - HEAD_MM) / ROW_MM))
    wide = (box.width - 4.0 * (columns - 1)) / columns
    used = min(columns, math.ceil(len(rows) / per_column))
    pieces = [_row_heads(desk, box.x + c * (wide + 4.0), box.y, wide) for c in range(used)]
    links = []
    for n, row in enumerate(rows):
        x = box.x + (n // per_column) * (wide + 4.0)
        place = Box(x, box.y + HEAD_MM + (n % per_column) * ROW_MM, wide, ROW_MM)
        pieces.append(_row(desk, _cells(desk, row), place))
        links.append(Link(place, row.start))
    return "".join(pieces), links


def _cells(desk: Desk, row: _Row) -> tuple[str, ...]:
    return str(row.number), desk.fonts.printable(row.entry.title), ratio(row.frame.scale), str(row.start + 1)


def _row_heads(desk: Desk, x: float, y: float, wide: float) -> str:
    cells = tuple(word(key, desk.language) for key in ("index_number", "index_title", "scale", "index_page"))
    ground = rect(Box(x, y, wide, HEAD_MM), fill="#EBEBEB")
    return ground + _row(desk, cells, Box(x, y, wide, HEAD_MM), bold=True)


def _row(desk: Desk, cells: tuple[str, ...], box: Box, *, bold: bool = False) -> str:
    base = box.y + box.height / 2 + 0.37 * TEXT_MM
    room = box.width - 12.0 - 24.0 - 14.0
    title = shortened(cells[1], room, TEXT_MM, desk.fonts, bold=bold)
    line = path(f"M{num(box.x)},{num(box.bottom)}H{num(box.right)}", stroke="#B5B5B5", stroke_width=0.12)
    return (
        text(box.x + 6.0, base, cells[0], size=TEXT_MM, bold=bold, anchor="middle")
        + text(box.x + 12.0, base, title, size=TEXT_MM, bold=bold)
        + text(box.right - 26.0, base, cells[2], size=TEXT_MM, bold=bold, anchor="middle")
        + text(box.right - 6.0, base, cells[3], size=TEXT_MM, bold=bold, anchor="middle")
        + line
    )


def _overview(desk: Desk, rows: Sequence[_Row]) -> tuple[str, list[Link]]:
    """The district with every entry at its number, which leads to its page too."""
    box = _overview_box(desk)
    grounds = [row.entry.ground for row in rows]
    whole = grounds if desk.locator.district is None else [*grounds, desk.locator.district]
    west, south, east, north = shapely.total_bounds(whole).tolist()
    scale = 1000 * 1.06 * max((east - west) / box.width, (north - south) / box.height)
    view = Frame(box.width, box.height, scale, (west + east) / 2, (south + north) / 2)
    marks = [_mark(desk, view, row.entry, row.number) for row in rows]
    links = [
        Link(Box(box.x + x - 4, box.y + y - 4, 8, 8), row.start) for row, (_, x, y) in zip(rows, marks, strict=True)
    ]
    edge = rect(Box(0, 0, box.width, box.height), fill="none", stroke=GREY, stroke_width=0.25)
    stamp = unapproved_stamp(Box(0, 0, box.width, box.height), desk.language, desk.fonts)
    drawn = _ground_svg(desk, view) + "".join(svg for svg, _, _ in marks) + edge
    drawn += stamp if must_be_stamped(desk.request) else ""
    return group(drawn, transform=f"translate({num(box.x)} {num(box.y)})"), links


def _overview_box(desk: Desk) -> Box:
    """What the list leaves of the first index page."""
    body, listing = desk.layout.body, _list_box(desk, 0)
    if listing.x > body.x:
        return Box(body.x, body.y, listing.x - body.x - 6, body.height)
    return Box(body.x, body.y, body.width, listing.y - body.y - 5)


def _ground_svg(desk: Desk, view: Frame) -> str:
    locator = desk.locator
    district = path_data(view.draw(locator.district)) if locator.district is not None else ""
    tiles = path_data(view.draw(numpy.array([g for _, g in locator.subdistricts], dtype=object)))
    return path(district, fill="#F1F3F7", stroke="#4A5568", stroke_width=0.5) + path(
        tiles, fill="none", stroke="#8A94A3", stroke_width=0.2
    )


def _mark(desk: Desk, view: Frame, entry: AtlasEntry, number: int) -> tuple[str, float, float]:
    """An entry's number at its place; areas also get their title."""
    shape = view.draw(entry.ground)
    x, y = (float(v) for v in shapely.get_coordinates(shapely.point_on_surface(shape))[0])
    outline = path(path_data(shape), fill=RED, fill_opacity=0.05, stroke=RED, stroke_width=0.3)
    dot = f'<circle cx="{num(x)}" cy="{num(y)}" r="2.7" fill="{WHITE}" stroke="{RED}" stroke-width="0.3"/>'
    label = text(x, y + 0.93, str(number), size=2.5, bold=True, fill=RED, anchor="middle")
    title = desk.fonts.printable(entry.title) if entry.area else ""
    below = text(x, y + 6.0, title, size=2.6, anchor="middle") if title else ""
    return outline + dot + label + below, x, y


def entries_of(pairs: Iterable[tuple[str, Any]]) -> tuple[AtlasEntry, ...]:
    """Pages for any grounds (EPSG:4548) with their titles, such as the answer to a query."""
    return tuple(AtlasEntry(title, ground) for title, ground in pairs)
