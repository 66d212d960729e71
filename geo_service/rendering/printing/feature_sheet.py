"""项目一页纸: one feature on one upright A4 page with map, attributes, the plan's own words and a photograph."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from geo_service.core.features import Feature
from geo_service.core.plan import Commitment
from geo_service.errors import FeatureNotFound, LayerNotFound
from geo_service.rendering.printing.atlas import AtlasEntry, frame_of
from geo_service.rendering.printing.blocks import Contents, location_panel, title_rows
from geo_service.rendering.printing.drawing import GREY, INK, TOP_EM, Box, Drawing, num, path, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.heading import heading
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.layout import FOOT_MM, GAP_MM, TOP_MM, Layout
from geo_service.rendering.printing.pages import Page, Sheet, View
from geo_service.rendering.printing.panel import HEAD_MM, INSET_MM, panel
from geo_service.rendering.printing.photo import photo_svg
from geo_service.rendering.printing.profile import allowed_fields
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.sheet import (
    NOTHING_AROUND,
    Around,
    Desk,
    Subject,
    assemble,
    corner_svg,
    corners,
    desk_of,
    frame_lines,
    frames_of,
    map_parts,
    map_scene,
)
from geo_service.rendering.printing.table import heading as field_heading
from geo_service.rendering.printing.table import value_text
from geo_service.rendering.printing.titleblock import title_block
from geo_service.rendering.printing.typography import LEADING, height, paragraph, wrap
from geo_service.rendering.printing.words import word

MAP_MM = 124.0
MOST_ERROR_M = 1500.0
"""However wrong a position may be, the map shows no more than so much around it."""
RIGHT_MM = 74.0
PHOTO_MM = 46.0
TEXT_MM = 2.5
LABEL_MM = 30.0
CLAUSE_LINES = 9
_LEFT_OUT = frozenset({"name_en", "source_en"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStory:
    """What the sheet tells of a feature besides its attributes: the plan's words, a photograph (JPEG, PNG, WebP)."""

    layer: str
    fid: str
    commitment: Commitment | None = None
    photo: bytes = b""


def compose_feature_sheet(
    request: SheetRequest,
    layers: Sequence[PrintLayer],
    story: FeatureStory,
    *,
    fonts: Fonts,
    locator: Locator | None = None,
    around: Around = NOTHING_AROUND,
) -> Sheet:
    """One upright A4 page about one feature; its place at a fitting scale, or the district where it has none yet.

    Raises
    ------
    LayerNotFound, FeatureNotFound
        What the sheet is about is not among the layers.
    """
    settled = dataclasses.replace(request, paper="A4", landscape=False, tiled=False, table="none")
    plain = desk_of(settled, layers, fonts=fonts, locator=locator, around=around)
    desk = dataclasses.replace(plain, layout=_layout(plain.layout))
    layer, feature, ground = _found(desk, story)
    frame = frame_of(desk, AtlasEntry("", _reach(feature, ground))) if ground is not None else frames_of(desk)[0]
    corner = corners(desk, frame)
    scene = map_scene(desk, frame, corner, Subject(highlight=ground, keys=False))
    contents = Contents(
        request=desk.seen_in(frame),
        scene=scene,
        layers=desk.layers,
        locator=desk.locator,
        tables=(),
        fonts=fonts,
        frames=[frame],
    )
    subtitle = f"{layer.definition.title.get(desk.language)} · {feature.id}"
    head = heading(desk.layout, desk.request, desk.request.title, fonts.printable(subtitle), fonts)
    told = _columns(desk, contents, layer, feature, story)
    furniture = head + frame_lines(desk) + corner_svg(desk, scene, corner) + told
    page = Page(
        title=desk.request.title,
        width_mm=desk.layout.paper.width_mm,
        height_mm=desk.layout.paper.height_mm,
        parts=tuple(map_parts(desk, scene, furniture)),
        view=View(desk.layout.frame, frame),
    )
    return assemble(desk, [page], [scene])


def _reach(feature: Feature, ground: Any) -> Any:
    """The feature with the ground it may really be on, so that a guess is never shown as if it were known."""
    error_m = feature.properties.get("error_m")
    reach = min(float(error_m), MOST_ERROR_M) if isinstance(error_m, (int, float)) else 0.0
    return shapely.buffer(ground, reach) if reach > 0 else ground


def _layout(plain: Layout) -> Layout:
    """The map above, the rest below in two columns."""
    block = Box(plain.left, TOP_MM, plain.right - plain.left, MAP_MM)
    top = block.bottom + GAP_MM
    tall = plain.paper.height_mm - FOOT_MM - top
    left = Box(plain.left, top, block.width - RIGHT_MM - GAP_MM, tall)
    right = Box(plain.right - RIGHT_MM, top, RIGHT_MM, tall)
    return dataclasses.replace(plain, block=block, columns=(left, right))


def _found(desk: Desk, story: FeatureStory) -> tuple[PrintLayer, Feature, Any]:
    layer = next((each for each in desk.layers if each.id == story.layer), None)
    if layer is None:
        raise LayerNotFound(layer=story.layer)
    for feature, ground in zip(layer.features, layer.geometry, strict=True):
        if feature.id == story.fid:
            return layer, feature, ground
    raise FeatureNotFound(layer=story.layer, fid=story.fid)


def _columns(desk: Desk, contents: Contents, layer: PrintLayer, feature: Feature, story: FeatureStory) -> str:
    left, right = desk.layout.columns
    plan = _plan(desk, story.commitment, left.width)
    room = left.height - (plan.height_mm + GAP_MM if plan.body else 0.0)
    facts = _attributes(desk, layer, feature, Box(0, 0, left.width, room), has_plan=bool(plan.body))
    title = title_block(title_rows(contents, desk.layout), right.width, desk.fonts, desk.language)
    photo = _photo(desk, story.photo, right.width)
    where = location_panel(contents, right.width, right.height - title.height_mm - photo.height_mm - 2 * GAP_MM)
    pieces = [
        facts.at(left.x, left.y),
        plan.at(left.x, left.y + facts.height_mm + GAP_MM),
        photo.at(right.x, right.y),
        where.at(right.x, right.y + photo.height_mm + GAP_MM),
        title.at(right.x, right.bottom - title.height_mm),
    ]
    return "".join(pieces)


# ---------------------------------------------------------------- attributes
def _attributes(desk: Desk, layer: PrintLayer, feature: Feature, box: Box, *, has_plan: bool) -> Drawing:
    """Fields with their values; as many as there is room for, the layer's own before the common ones' tail.

    Beside the plan's words the id of the commitment says nothing.
    """
    left_out = _LEFT_OUT | {"commitment"} if has_plan else _LEFT_OUT
    inner = box.width - 2 * INSET_MM
    rows = [
        (field_heading(field, desk.language), value_text(field, feature.properties.get(field.key), desk.language))
        for field in allowed_fields(desk.request, layer.definition)
        if field.key not in left_out and feature.properties.get(field.key) not in (None, "")
    ]
    drawn = [_fact(desk, label, value, inner) for label, value in rows]
    body, y = "", 0.0
    for piece in drawn:
        if y + piece.height_mm > box.height - HEAD_MM - INSET_MM:
            break
        body += piece.at(0, y)
        y += piece.height_mm
    return panel(word("attributes", desk.language), Drawing(inner, y, body), box.width)


def _fact(desk: Desk, label: str, value: str, width: float) -> Drawing:
    fonts = desk.fonts
    names = wrap(fonts.printable(label), LABEL_MM - 2.0, TEXT_MM, fonts, lines=2)
    lines = wrap(fonts.printable(value), width - LABEL_MM - 1.0, TEXT_MM, fonts, lines=4)
    tall = max(len(lines), len(names)) * TEXT_MM * LEADING + 1.5
    rule = path(f"M0,{num(tall)}H{num(width)}", stroke="#C9C9C9", stroke_width=0.12)
    body = paragraph(names, 0.4, 1.0, TEXT_MM, fill=GREY) + paragraph(lines, LABEL_MM, 1.0, TEXT_MM)
    return Drawing(width, tall, body + rule)


# ---------------------------------------------------------------- plan and photograph
def _plan(desk: Desk, commitment: Commitment | None, width: float) -> Drawing:
    """The clause as the plan has it, with its section and what it promises."""
    if commitment is None:
        return Drawing(width, 0.0, "")
    inner, fonts, language = width - 2 * INSET_MM, desk.fonts, desk.language
    lines = wrap(fonts.printable(f"“{commitment.clause}”"), inner, TEXT_MM, fonts, lines=CLAUSE_LINES)
    parts = [
        commitment.name.get(language),
        commitment.section,
        commitment.due and f"{word('due', language)} {commitment.due}",
    ]
    notes = wrap(fonts.printable(" · ".join(p for p in parts if p)), inner, 2.1, fonts, lines=2)
    tall = height(len(lines), TEXT_MM) + 1.6
    body = paragraph(lines, 0, 0, TEXT_MM) + paragraph(notes, 0, tall, 2.1, fill=GREY)
    return panel(word("plan", language), Drawing(inner, tall + height(len(notes), 2.1), body), width)


def _photo(desk: Desk, photo: bytes, width: float) -> Drawing:
    inner = width - 2 * INSET_MM
    if photo:
        body = photo_svg(photo, inner, PHOTO_MM)
        return panel(word("photo", desk.language), Drawing(inner, PHOTO_MM, body), width)
    note = text(inner / 2, 9.0 + TOP_EM, word("no_photo", desk.language), size=2.4, fill=GREY, anchor="middle")
    empty = rect(Box(0, 0, inner, 18.0), fill="none", stroke=INK, stroke_width=0.1, stroke_dasharray="1 1")
    return panel(word("photo", desk.language), Drawing(inner, 18.0, empty + note), width)
