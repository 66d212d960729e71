"""From prepared layers to the map's scene: what is seen, how it is drawn, what the legend and the table must list."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import Kind
from geo_service.core.text import Text
from geo_service.rendering.printing.drawing import Box, group, path, path_data
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.labels import Board, Placed, plate_of
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.marks import COMPACT_RADIUS_MM, Look, area, line, mark, radius_mm
from geo_service.rendering.printing.naming import Lettering, Seen, label_svg, letter, numbers_of, table_layer
from geo_service.rendering.printing.scene import Group, Item, LegendEntry, Numbered, Scene
from geo_service.rendering.symbols import HALO, drawn_class, is_illustrative

SMALLEST_AREA_MM = 2.2
"""A polygon smaller than this both ways is drawn as its point mark."""
TINTS = ("#FBF6EA", "#F2F0F8", "#EDF5F1", "#F9EFEE", "#F1F3E6", "#EEF3F9")
"""Grounds of areas that tile the district; neighbours differ."""
BAND_MM, BAND_OPACITY = 2.6, 0.18
"""The pale band along the district's limit."""
CROWDED = 1.1
"""Marks are drawn small where half of them lie nearer to the next than this many diameters."""
_SHAPE_KINDS: dict[str, Kind] = {"Point": "point", "LineString": "line", "LinearRing": "line", "Polygon": "polygon"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the map shall be drawn: language of names, text factor, table layer and what furniture covers; ``focus`` is
    ground (EPSG:4548) outside which the map is veiled, ``highlight`` a geometry to point out. With ``tints`` areas that
    tile the district are coloured; without, what lies under the map is seen. With ``keys`` a name without room is
    replaced by a number, which a table beside the map must explain."""

    fonts: Fonts
    language: Literal["zh", "en"] = "zh"
    factor: float = 1.0
    table: str = "auto"
    covered: tuple[Box, ...] = ()
    focus: Any = None
    highlight: Any = None
    tints: bool = True
    keys: bool = True


def draw_map(frame: Frame, layers: Sequence[PrintLayer], wishes: Wishes) -> Scene:
    """The scene of layers in a frame; ``layers`` stand top first."""
    seen = [(layer, visible(frame, layer)) for layer in layers]
    tabled = table_layer(seen, wishes.table)
    radii = {layer.id: _radius(items, wishes.factor) for layer, items in seen}
    numbers = numbers_of(_of(seen, tabled))
    lettering = Lettering(
        fonts=wishes.fonts,
        language=wishes.language,
        factor=wishes.factor,
        window=Box(0, 0, frame.width_mm, frame.height_mm),
        radii=radii,
        numbers=numbers,
        keyed=wishes.keys,
    )
    placed, keyed, omissions = letter(lettering, seen, tabled, _board(frame, seen, radii, wishes.covered))
    rows = (Numbered(numbers[i.feature.id], i.layer, i.feature) for i in _of(seen, tabled))
    return Scene(
        frame=frame,
        groups=tuple(_groups(seen, radii, placed, wishes, frame.mm_per_m)),
        overlay=_veil(frame, wishes.focus) + _glow(frame, wishes.highlight, radii),
        placed=placed,
        legend=tuple(_legend(seen, radii, wishes.factor)),
        tabled=tuple(sorted(rows, key=_number)),
        keyed=keyed,
        omissions=omissions,
        table_layer=tabled,
        counts=tuple((layer, len(items), sum(i.look.illustrative for i in items)) for layer, items in seen if items),
    )


def _number(row: Numbered) -> int:
    return row.number


def _of(seen: Seen, wanted: PrintLayer | None) -> list[Item]:
    return next((items for layer, items in seen if layer is wanted), [])


def visible(frame: Frame, layer: PrintLayer) -> list[Item]:
    """The layer's features that reach into the frame, in the layer's order."""
    ground = frame.ground
    shapely.prepare(ground)
    if not len(layer.geometry):
        return []
    rows = numpy.flatnonzero(shapely.intersects(layer.geometry, ground))
    shapes = frame.draw(layer.geometry[rows])
    items = (_item(layer, layer.features[row], shape) for row, shape in zip(rows, shapes, strict=True))
    return [item for item in items if item is not None]


def _item(layer: PrintLayer, feature: Feature, shape: Any) -> Item | None:
    parts = [p for p in shapely.get_parts(shape) if not p.is_empty]
    if not parts:
        return None
    kind = _SHAPE_KINDS.get(parts[0].geom_type, "polygon")
    if kind == "polygon" and _is_tiny(shape) and not layer.definition.is_reference:
        kind, shape = "point", shapely.centroid(shape)
    symbol = layer.symbol(kind)
    look = Look(symbol, drawn_class(symbol, feature.properties), is_illustrative(feature.properties))
    return Item(layer, feature, kind, look, shape)


def _is_tiny(shape: Any) -> bool:
    west, top, east, bottom = shapely.bounds(shape).tolist()
    return bool(max(east - west, bottom - top) < SMALLEST_AREA_MM)


def _radius(items: Sequence[Item], factor: float) -> float:
    """The radius of a layer's point marks; small where they would cover each other."""
    points = [i for i in items if i.kind == "point"]
    if not points:
        return 0.0
    radius = radius_mm(points[0].look.symbol) * factor
    return COMPACT_RADIUS_MM * factor if crowded([i.shape for i in points], radius) else radius


def crowded(shapes: Sequence[Any], radius: float) -> bool:
    """Whether point marks of this radius at the middles of shapes would cover each other."""
    if len(shapes) < 8:
        return False
    centres = shapely.centroid(numpy.array(shapes, dtype=object))
    _, gaps = shapely.STRtree(centres).query_nearest(centres, exclusive=True, return_distance=True, all_matches=False)
    return len(gaps) == 0 or bool(numpy.median(gaps) < 2 * radius * CROWDED)


def centres_of(item: Item) -> list[tuple[float, float]]:
    """Where the marks of a point item stand."""
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(item.shape)]


# ---------------------------------------------------------------- names
def _board(frame: Frame, seen: Seen, radii: Mapping[str, float], covered: Iterable[Box]) -> Board:
    """A label board on which furniture and every point mark already stand."""
    board = Board(frame.width_mm, frame.height_mm)
    for box in covered:
        board.block(plate_of(box))
    for layer, items in seen:
        for item in (i for i in items if i.kind == "point"):
            _block(board, item, radii[layer.id])
    return board


def _block(board: Board, item: Item, radius: float) -> None:
    for x, y in centres_of(item):
        board.block(plate_of(Box(x - radius, y - radius, 2 * radius, 2 * radius)), item.owner)


# ---------------------------------------------------------------- drawing
def _groups(
    seen: Seen,
    radii: Mapping[str, float],
    placed: Sequence[Placed],
    wishes: Wishes,
    mm_per_m: float,
) -> Iterable[Group]:
    for layer, items in reversed(seen):
        body = _ground(layer, items, tints=wishes.tints) + "".join(_looks(items, radii[layer.id], mm_per_m))
        names = "".join(label_svg(p, wishes.fonts) for p in placed if p.label.layer == layer.id)
        if body:
            yield Group(layer.id, layer.definition.title, body, names)


def _looks(items: Sequence[Item], radius: float, mm_per_m: float) -> Iterable[str]:
    for _, same in _by_look(items):
        look, kind = same[0].look, same[0].kind
        if kind == "polygon":
            yield area(look, [i.shape for i in same])
        elif kind == "line":
            yield line(look, path_data([i.shape for i in same]), mm_per_m=mm_per_m)
        else:
            yield group(mark(look, x, y, radius) for i in same for x, y in centres_of(i))


def _veil(frame: Frame, focus: Any) -> str:
    """White over everything outside an area, and a firm line around it."""
    if focus is None:
        return ""
    whole = shapely.box(-3, -3, frame.width_mm + 3, frame.height_mm + 3)
    area_seen = frame.draw(focus)
    outside = path_data(shapely.difference(whole, area_seen))
    edge = path(path_data(area_seen), fill="none", stroke="#3A4656", stroke_width=0.5, stroke_linejoin="round")
    return path(outside, fill="#FFFFFF", fill_opacity=0.62, fill_rule="evenodd") + edge


def _glow(frame: Frame, highlight: Any, radii: Mapping[str, float]) -> str:
    """A yellow band around what the sheet is about."""
    if highlight is None:
        return ""
    shape = frame.draw(highlight)
    reach = max((*radii.values(), 1.2)) + 0.9 if shape.geom_type.endswith("Point") else 1.1
    band = shapely.difference(shapely.buffer(shape, reach), shapely.buffer(shape, reach - 0.9))
    return path(path_data(band), fill=HALO, fill_opacity=0.9, fill_rule="evenodd")


_AREAS = ("Polygon", "MultiPolygon")
_KIND_ORDER: dict[Kind, int] = {"polygon": 0, "line": 1, "point": 2}


def _by_look(items: Sequence[Item]) -> Iterable[tuple[Any, list[Item]]]:
    """Items of the same look together, areas below lines below points, classes in the symbol's order."""

    def key(item: Item) -> tuple[int, int, bool]:
        keys = [c.key for c in item.look.symbol.classes]
        return _KIND_ORDER[item.kind], keys.index(item.look.found.key), item.look.illustrative

    ordered = sorted(items, key=key)
    return ((k, list(same)) for k, same in itertools.groupby(ordered, key=key))


def _ground(layer: PrintLayer, items: Sequence[Item], *, tints: bool = True) -> str:
    """What lies under a layer: tints of areas that tile the district, a pale band along the district's limit."""
    areas = [i for i in items if i.kind == "polygon"]
    if layer.definition.policy.must_tile and layer.definition.is_reference:
        numbered = zip(tints_of([i.shape for i in areas]), areas, strict=True) if tints else ()
        return "".join(path(path_data(i.shape), fill=TINTS[t % len(TINTS)]) for t, i in numbered)
    if layer.definition.symbol == "boundary":
        data = "".join(path_data(i.shape) for i in areas)
        color = layer.symbol("polygon").color
        return path(data, fill="none", stroke=color, stroke_opacity=BAND_OPACITY, stroke_width=BAND_MM)
    return ""


def tints_of(shapes: Sequence[Any]) -> list[int]:
    """A number per shape so that neighbours differ (greedy colouring in order)."""
    tree = shapely.STRtree(shapes)
    chosen: list[int] = []
    for index, shape in enumerate(shapes):
        near = {int(i) for i in tree.query(shapely.buffer(shape, 0.3), predicate="intersects") if i < index}
        taken = {chosen[i] for i in near}
        free = (n for n in itertools.count() if n not in taken)
        chosen.append(next(free))
    return chosen


# ---------------------------------------------------------------- legend
def _alike(items: Sequence[Item]) -> list[list[Item]]:
    """Items that cannot be told apart on paper: classes that look the same share a legend entry."""
    found: dict[Any, list[Item]] = {}
    for _, same in _by_look(items):
        look = same[0].look
        drawn = (same[0].kind, look.illustrative, look.color, look.found.fill, look.found.dash, look.found.hatch)
        found.setdefault(drawn, []).extend(same)
    return list(found.values())


def _class_title(same: Sequence[Item]) -> Text | None:
    if len(same[0].look.symbol.classes) < 2:
        return None
    titles = list(dict.fromkeys(i.look.found.title for i in same))
    return Text("、".join(t.zh for t in titles), ", ".join(t.en for t in titles))


def _legend(seen: Seen, radii: Mapping[str, float], factor: float) -> Iterable[LegendEntry]:
    for layer, items in seen:
        for same in _alike(items):
            first = same[0]
            yield LegendEntry(
                layer=layer.id,
                title=layer.definition.title,
                class_title=_class_title(same),
                class_keys=tuple(dict.fromkeys(i.look.found.key for i in same)),
                kind=first.kind,
                illustrative=first.look.illustrative,
                count=len(same),
                look=first.look,
                compact=first.kind == "point" and radii[layer.id] < radius_mm(first.look.symbol) * factor,
                from_area=first.kind == "point" and (first.feature.geometry or {}).get("type") in _AREAS,
            )
