"""Composing: from a request and prepared layers to the pages of a sheet. Pure: same input, same pages."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from geo_service.core.validation import Finding
from geo_service.errors import InvalidParameter, NotForPublication
from geo_service.rendering.printing.blocks import Contents, Left, blocks
from geo_service.rendering.printing.drawing import INK, WHITE, Box, rect
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame, around, fit, ground_bounds
from geo_service.rendering.printing.furniture import (
    STAMP_MM,
    Locator,
    illustrative_stamp,
    locator_of,
    north_arrow,
    scale_bar,
    unapproved_stamp,
    wind_rose,
)
from geo_service.rendering.printing.grid import crosses, graticule_ticks, grid_ticks, gutter
from geo_service.rendering.printing.heading import checked_texts, counts_text, footer, footer_text, heading
from geo_service.rendering.printing.layers import PrintLayer, arranged
from geo_service.rendering.printing.layout import GUTTER_MM, Layout, layout_of
from geo_service.rendering.printing.legend import legend_block
from geo_service.rendering.printing.map_drawing import Wishes, draw_map
from geo_service.rendering.printing.notes import notes_on
from geo_service.rendering.printing.pages import Page, Part, Sheet, View
from geo_service.rendering.printing.profile import allowed_fields, allowed_layers, must_be_stamped
from geo_service.rendering.printing.raster import Raster, raster_svg
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.scene import Scene
from geo_service.rendering.printing.table import Table, table_block, tables_of
from geo_service.rendering.printing.words import word

GRID_LAYER, BASEMAP_LAYER = "grid", "basemap"
CORNER_MM = 3.6
"""Distance of scale bar, north arrow and stamp from the frame."""
MOST_TILES = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Around:
    """What a sheet takes from outside the layers: a raster basemap, and the address that opens the map on a frame."""

    raster: Raster | None = None
    address: Callable[[Frame], str] | None = None


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Desk:
    """What composing needs besides the request: layers the profile shows (top first), fonts, the district, and what
    is around."""

    request: SheetRequest
    layers: tuple[PrintLayer, ...]
    fonts: Fonts
    locator: Locator
    layout: Layout
    around: Around

    @property
    def raster(self) -> Raster | None:
        """The basemap."""
        return self.around.raster

    def seen_in(self, frame: Frame) -> SheetRequest:
        """The request with the address that opens this page's view, unless it asks for one itself."""
        address = "" if self.request.link or not self.around.address else self.around.address(frame)
        return dataclasses.replace(self.request, link=address) if address else self.request

    @property
    def language(self) -> str:
        """The sheet's language."""
        return self.request.language


def compose(
    request: SheetRequest,
    layers: Sequence[PrintLayer],
    *,
    fonts: Fonts,
    locator: Locator | None = None,
    around: Around = NOTHING_AROUND,
) -> Sheet:
    """The sheet of layers at their revisions; ``layers`` not named in the request are left out unless it names none.

    Raises
    ------
    InvalidParameter
        A scale, paper, title or extent that does not work out.
    UnprintableText
        Characters of the request without a glyph.
    NotForPublication
        What a public sheet may not show.
    """
    desk = desk_of(request, layers, fonts=fonts, locator=locator, around=around)
    frames = frames_of(desk)
    made = [map_pages(desk, frame, tile_title(desk, n, frames), frames) for n, frame in enumerate(frames)]
    return assemble(desk, [page for pages, _ in made for page in pages], [scene for _, scene in made])


def desk_of(
    request: SheetRequest,
    layers: Sequence[PrintLayer],
    *,
    fonts: Fonts,
    locator: Locator | None = None,
    around: Around = NOTHING_AROUND,
) -> Desk:
    """Everything checked and in order for composing.

    Raises
    ------
    NotForPublication
        A public sheet on a basemap without an approval number, or what :func:`allowed_layers` refuses.
    """
    checked_texts(request, fonts)
    raster = around.raster
    if raster and not request.internal and not raster.review_number:
        raise NotForPublication(what=f"没有审图号的底图 {raster.title.zh} / a basemap without an approval number")
    return Desk(
        request=request,
        layers=ordered(request, allowed_layers(request, layers)),
        fonts=fonts,
        locator=locator or locator_of(layers),
        layout=layout_of(request.sheet_paper, request.binding_mm),
        around=around,
    )


def ordered(request: SheetRequest, layers: Sequence[PrintLayer]) -> tuple[PrintLayer, ...]:
    """Layers in the request's order, or all of them in drawing order.

    Raises
    ------
    InvalidParameter
        The request names a layer that was not given.
    """
    if not request.layers:
        return arranged(layers)
    given = {layer.id: layer for layer in layers}
    for choice in request.layers:
        if choice.id not in given:
            raise InvalidParameter(name="layers", value=choice.id, reason="没有这个图层 / no such layer")
    return tuple(given[choice.id] for choice in request.layers)


# ---------------------------------------------------------------- frames
def frames_of(desk: Desk) -> list[Frame]:
    """The frame of the sheet, or of each tile, row by row from north-west.

    Raises
    ------
    InvalidParameter
        Nothing to fit, an extent outside the district, or too many tiles.
    """
    request, box = desk.request, desk.layout.frame
    bounds = _extent(desk)
    if request.centre and request.scale:
        frame = around(request.centre, box.width, box.height, request.scale)
    elif request.scale:
        west, south, east, north = bounds
        frame = Frame(box.width, box.height, request.scale, (west + east) / 2, (south + north) / 2)
    else:
        frame = fit(bounds, box.width, box.height)
    frames = _tiles(desk, bounds, frame) if request.tiled else [frame]
    _check_inside(desk, frames)
    return frames


def _extent(desk: Desk) -> tuple[float, float, float, float]:
    """What the sheet shall show: the bbox asked for, else the district, else all features."""
    if desk.request.bbox:
        return ground_bounds(desk.request.bbox)
    if desk.locator.district is not None:
        return tuple(desk.locator.district.bounds)
    shapes = [g for layer in desk.layers for g in layer.geometry if g]
    if shapes:
        west, south, east, north = shapely.total_bounds(shapes).tolist()
        return west, south, east, north
    if desk.request.centre and desk.request.scale:
        frame = around(desk.request.centre, desk.layout.frame.width, desk.layout.frame.height, desk.request.scale)
        return frame.bounds
    raise InvalidParameter(name="bbox", value="", reason="没有要素，请给出范围 / no features; give an extent")


def _tiles(desk: Desk, bounds: tuple[float, float, float, float], frame: Frame) -> list[Frame]:
    """Frames that cover an extent with the overlap asked for, centred on it."""
    west, south, east, north = bounds
    step_x = (frame.width_mm - desk.request.overlap_mm) / frame.mm_per_m
    step_y = (frame.height_mm - desk.request.overlap_mm) / frame.mm_per_m
    lap = desk.request.overlap_mm / frame.mm_per_m
    columns = max(1, math.ceil((east - west - lap) / step_x))
    rows = max(1, math.ceil((north - south - lap) / step_y))
    if columns * rows > MOST_TILES:
        reason = f"需 {columns * rows} 幅，最多 {MOST_TILES} 幅；请用更小的比例尺 / too many tiles"
        raise InvalidParameter(name="tiled", value=columns * rows, reason=reason)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    return [
        Frame(
            frame.width_mm,
            frame.height_mm,
            frame.scale,
            middle_x + (column - (columns - 1) / 2) * step_x,
            middle_y - (row - (rows - 1) / 2) * step_y,
        )
        for row in range(rows)
        for column in range(columns)
    ]


def _check_inside(desk: Desk, frames: Sequence[Frame]) -> None:
    district = desk.locator.district
    if district is not None and not any(shapely.intersects(district, f.ground) for f in frames):
        reason = "范围在本区之外 / the extent lies outside the district"
        value = ",".join(f"{v:g}" for v in desk.request.bbox or desk.request.centre or ())
        raise InvalidParameter(name="bbox", value=value, reason=reason)


def tile_title(desk: Desk, number: int, frames: Sequence[Frame]) -> str:
    """The sheet's title, with row and column where there are several tiles."""
    if len(frames) == 1:
        return desk.request.title
    columns = sum(1 for f in frames if f.northing == frames[0].northing)
    place = word("tile", desk.language, row=number // columns + 1, column=number % columns + 1)
    return f"{desk.request.title}（{place}）" if desk.language == "zh" else f"{desk.request.title} ({place})"


# ---------------------------------------------------------------- pages
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """What one map page is about, where it is more than the sheet's extent."""

    subtitle: str = ""
    focus: Any = None
    highlight: Any = None
    keys: bool = True


def map_scene(desk: Desk, frame: Frame, corners: Mapping[str, tuple[Box, str]], subject: Subject) -> Scene:
    """The map in a frame whose corners are taken."""
    wishes = Wishes(
        fonts=desk.fonts,
        language=desk.request.language,
        factor=desk.layout.factor,
        table=desk.request.table,
        covered=tuple(box for box, _ in corners.values()),
        focus=subject.focus,
        highlight=subject.highlight,
        tints=desk.raster is None,
        keys=subject.keys,
    )
    return draw_map(frame, desk.layers, wishes)


def map_pages(
    desk: Desk, frame: Frame, title: str, frames: Sequence[Frame], subject: Subject | None = None
) -> tuple[list[Page], Scene]:
    """A map page and the pages its tables and legend run on to (without footers yet), and the map itself."""
    subject = subject or Subject()
    corner = corners(desk, frame)
    scene = map_scene(desk, frame, corner, subject)
    contents = Contents(
        request=desk.seen_in(frame),
        scene=scene,
        layers=desk.layers,
        locator=desk.locator,
        tables=_tables(desk, scene),
        fonts=desk.fonts,
        frames=frames,
    )
    stacked = blocks(contents, desk.layout)
    shown = subject.subtitle or desk.request.subtitle or counts_text(scene, desk.language)
    head = heading(desk.layout, desk.request, title, desk.fonts.printable(shown), desk.fonts)
    furniture = head + stacked.body + frame_lines(desk) + corner_svg(desk, scene, corner)
    paper = desk.layout.paper
    page = Page(
        title=title,
        width_mm=paper.width_mm,
        height_mm=paper.height_mm,
        parts=tuple(map_parts(desk, scene, furniture)),
        view=View(desk.layout.frame, frame),
    )
    return [page, *continuation(desk, title, stacked.left)], scene


def _tables(desk: Desk, scene: Scene) -> list[Table]:
    definition = scene.table_layer.definition if scene.table_layer else None
    fields = allowed_fields(desk.request, definition) if definition else ()
    return tables_of(scene, desk.request.table_fields, fields, desk.fonts, desk.language)


def map_parts(desk: Desk, scene: Scene, furniture: str) -> Iterable[Part]:
    """Drawings from bottom to top, the net, names in the same order, then everything that is not map."""
    box, language = desk.layout.frame, desk.language
    ground = rect(Box(0, 0, box.width, box.height), fill=WHITE)
    yield Part(ground, clip=box)
    picture = raster_svg(desk.raster, scene.frame) if desk.raster else ""
    if desk.raster and picture:
        yield Part(picture, BASEMAP_LAYER, desk.raster.title.get(language), box)
    for g in scene.groups:
        yield Part(g.body, g.layer, g.title.get(language), box)
    if scene.overlay:
        yield Part(scene.overlay, clip=box)
    net = word("grid_group", language)
    if desk.request.internal and desk.request.grid:
        yield Part(crosses(scene.frame), GRID_LAYER, net, box)
    for g in scene.groups:
        if g.names:
            yield Part(g.names, g.layer, g.title.get(language), box)
    if must_be_stamped(desk.request):
        yield Part(unapproved_stamp(box, language, desk.fonts))
    yield Part(furniture)
    numbers = _gutter(desk, scene.frame)
    if numbers:
        yield Part(numbers, GRID_LAYER, net)


def _gutter(desk: Desk, frame: Frame) -> str:
    if not desk.request.internal:
        return ""
    grid = list(grid_ticks(frame)) if desk.request.grid else []
    arcs = list(graticule_ticks(frame)) if desk.request.graticule else []
    return gutter(desk.layout.frame, GUTTER_MM, desk.fonts, grid, arcs)


def frame_lines(desk: Desk) -> str:
    """The neat line, and the heavy line around the gutter."""
    inner = rect(desk.layout.frame, fill="none", stroke=INK, stroke_width=0.2)
    return inner + rect(desk.layout.block, fill="none", stroke=INK, stroke_width=0.7)


# ---------------------------------------------------------------- what covers the map's corners
def corners(desk: Desk, frame: Frame) -> dict[str, tuple[Box, str]]:
    """Scale bar, north arrow and the stamp's place: their boxes in the frame and what is drawn there."""
    request, factor, language = desk.request, desk.layout.factor, desk.language
    bar = scale_bar(frame.scale, desk.fonts, language)
    found = {
        "scale": (
            Box(CORNER_MM, frame.height_mm - CORNER_MM - bar.height_mm * factor, bar.width_mm, bar.height_mm),
            bar.body,
        )
    }
    if request.wind or request.north == "arrow":
        made = (
            wind_rose(request.wind, language)
            if request.wind
            else north_arrow(frame, language, coordinates=request.internal)
        )
        x = frame.width_mm - CORNER_MM - made.width_mm * factor
        found["north"] = (Box(x, CORNER_MM, made.width_mm, made.height_mm), made.body)
    enlarged = {key: (Box(b.x, b.y, b.width * factor, b.height * factor), body) for key, (b, body) in found.items()}
    if any(layer.illustrative for layer in desk.layers):
        enlarged["stamp"] = (_emptiest(desk, frame, [box for box, _ in enlarged.values()]), "")
    return enlarged


def _emptiest(desk: Desk, frame: Frame, taken: Sequence[Box]) -> Box:
    """The place for the stamp, of six along the frame's edge, that hides least: first what the sheet is about, then
    the district; of equal ones the first, top left."""
    width, tall = (length * desk.layout.factor for length in STAMP_MM)
    right, lower = frame.width_mm - CORNER_MM - width, frame.height_mm - CORNER_MM - tall
    spots = [(CORNER_MM, CORNER_MM), (right, lower), (right, CORNER_MM), (CORNER_MM, lower)]
    for other in taken:
        spots += [(other.x - CORNER_MM - width, CORNER_MM), (CORNER_MM, other.y - CORNER_MM - tall)]
    boxes = [Box(x, y, width, tall) for x, y in spots if x >= CORNER_MM and y >= CORNER_MM]
    free = [box for box in boxes if not any(_touch(box, other) for other in taken)]
    return min(free or boxes, key=lambda box: _hidden(desk, frame, box))


def _touch(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def _hidden(desk: Desk, frame: Frame, box: Box) -> tuple[int, float]:
    """How many features of the plan a box covers at least in part, and how much of it lies in the district."""
    west, _, _, north = frame.bounds
    ground = shapely.box(
        west + box.x / frame.mm_per_m,
        north - box.bottom / frame.mm_per_m,
        west + box.right / frame.mm_per_m,
        north - box.y / frame.mm_per_m,
    )
    shown = [layer.geometry for layer in desk.layers if not layer.definition.is_reference and len(layer.geometry)]
    district = desk.locator.district
    within = shapely.area(shapely.intersection(ground, district)) / ground.area if district is not None else 0.0
    return sum(int(shapely.intersects(shapes, ground).sum()) for shapes in shown), float(within)


def corner_svg(desk: Desk, scene: Scene, corner: Mapping[str, tuple[Box, str]]) -> str:
    """What stands in the map's corners, on the page; the stamp only where something illustrative is in the frame."""
    frame, factor = desk.layout.frame, desk.layout.factor
    pieces = []
    for key, (box, drawn) in corner.items():
        body = drawn
        if key == "stamp":
            stamp = illustrative_stamp(scene.drawn, scene.illustrative, desk.fonts, desk.language)
            body = stamp.body if scene.illustrative else ""
        place = f"translate({frame.x + box.x:.3f} {frame.y + box.y:.3f}) scale({factor:g})"
        pieces.append(f'<g transform="{place}">{body}</g>' if body else "")
    return "".join(pieces)


# ---------------------------------------------------------------- further pages
def continuation(desk: Desk, title: str, left: Left) -> list[Page]:
    """Pages with the rest of the legend and of the tables."""
    pages: list[Page] = []
    tables, entries = list(left.tables), left.legend
    while tables or entries:
        body, y, factor = "", 0.0, desk.layout.factor
        area = desk.layout.body
        width, tall = area.width / factor, area.height / factor
        if entries:
            drawn, entries = legend_block(entries, Box(0, 0, width, tall), desk.fonts, desk.language)
            body, y = drawn.at(0, 0), drawn.height_mm + 2
        while tables and tall - y > 30:
            drawn, after = table_block(tables.pop(0), Box(0, 0, width, tall - y), desk.fonts, desk.language)
            body += drawn.at(0, y)
            y += drawn.height_mm + 2
            tables = [after, *tables] if after else tables
        pages.append(
            _text_page(desk, title, f'<g transform="translate({area.x:.3f} {area.y:.3f}) scale({factor:g})">{body}</g>')
        )
    return pages


def _text_page(desk: Desk, title: str, body: str) -> Page:
    paper = desk.layout.paper
    head = heading(desk.layout, desk.request, title + word("continued", desk.language), "", desk.fonts)
    return Page(title=title, width_mm=paper.width_mm, height_mm=paper.height_mm, parts=(Part(head + body),))


def assemble(desk: Desk, pages: Sequence[Page], scenes: Sequence[Scene]) -> Sheet:
    """The sheet: pages with their footers, what was found, what the document says of itself."""
    words = desk.fonts.printable(_credit(desk)) + footer_text(desk.request, desk.layers, desk.fonts)
    return Sheet(
        request=desk.request,
        title=desk.fonts.printable(desk.request.title),
        keywords=tuple(f"{layer.id}@r{layer.revision.rev}" for layer in desk.layers),
        pages=tuple(_with_footer(desk, page, words, n, len(pages)) for n, page in enumerate(pages, 1)),
        scenes=tuple(scenes),
        findings=(*_findings(desk, scenes), *_bare(desk, pages)),
    )


def _credit(desk: Desk) -> str:
    """Where the basemap is from, and its approval number."""
    raster, number = desk.raster, desk.raster.review_number if desk.raster else ""
    parts = [raster.attribution or raster.title.get(desk.language), number] if raster else []
    told = " ".join(p for p in parts if p)
    return word("basemap", desk.language, name=told) if told else ""


def _bare(desk: Desk, pages: Sequence[Page]) -> Iterable[Finding]:
    maps = [page for page in pages if page.view]
    if desk.raster and not all(BASEMAP_LAYER in page.layers for page in maps):
        yield Finding(code="sheet-basemap-empty", params={"basemap": desk.raster.title.get(desk.language)})


def _with_footer(desk: Desk, page: Page, words: str, number: int, total: int) -> Page:
    count = word("page", desk.language, page=number, pages=total)
    foot = footer(desk.layout, words, count, desk.fonts)
    return Page(
        title=page.title,
        width_mm=page.width_mm,
        height_mm=page.height_mm,
        parts=(*page.parts, Part(foot)),
        links=page.links,
        view=page.view if desk.request.internal else None,
    )


def _findings(desk: Desk, scenes: Sequence[Scene]) -> Iterable[Finding]:
    seen: set[tuple[object, ...]] = set()
    for scene in scenes:
        for finding in notes_on(scene, desk.layers, desk.fonts, desk.language):
            key = (finding.code, finding.fid, *sorted(finding.params.items()))
            if key not in seen:
                seen.add(key)
                yield finding
    if must_be_stamped(desk.request):
        yield Finding(code="sheet-unapproved")
