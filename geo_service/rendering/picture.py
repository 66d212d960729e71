"""Map pictures for old desktops: layers drawn into a window of any CRS by the symbols of page and print.

Features are taken as arrays of points and painted as they are; a pixel counts as :data:`PIXEL_MM` of paper, so that a
symbol is as large as on the map page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core.features import Feature
from geo_service.core.layers import Kind, LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.rendering.canvas import Canvas, Outline, Pen, Points, font, solid
from geo_service.rendering.picture_crowd import Crowd, outline_steps, paint_crowd
from geo_service.rendering.picture_marks import (
    PIXEL_MM,
    TILE_PX,
    paint_areas,
    paint_lines,
    paint_marks,
    paint_swatch,
)
from geo_service.rendering.printing.drawing import INK
from geo_service.rendering.printing.fonts import FILES
from geo_service.rendering.printing.map_drawing import BAND_MM, BAND_OPACITY, SMALLEST_AREA_MM, TINTS, crowded, tints_of
from geo_service.rendering.printing.marks import COMPACT_RADIUS_MM, Look, radius_mm, width_mm
from geo_service.rendering.symbols import ILLUSTRATIVE, Symbol, hollow, is_illustrative, matches, symbol

PAD_PX = 20
"""Symbols whose place lies this far outside still reach into the picture."""
MOST_DRAWN = 20_000
"""Features of a layer drawn in one picture; the rest would be hidden below them anyway."""
BATCH_BOXES = 50_000
BATCH_PX = 200_000
"""Lines of so many pixels are painted at once."""
FINEST_PX = 4
"""Points of a line that fall into the same fraction of a pixel are one."""

Bounds = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y in the CRS of the picture, x to the right."""
Codes = NDArray[numpy.int64]
"""How each feature of a layer is drawn, see :func:`code_of`."""
_KINDS: tuple[Kind, ...] = ("polygon", "line", "point")
_COLLECTION = 7
_KIND_OF_TYPE = numpy.array([2, 1, 1, 0, 2, 1, 0, 0])
"""Place in that order by Shapely's number of a geometry type."""


@dataclass(frozen=True, slots=True)
class Window:
    """``width`` by ``height`` pixels over a rectangle of a CRS; pixels need not be square there.

    ``metres_wide`` is the ground the picture is wide, for what is drawn at its true width.
    """

    width: int
    height: int
    bounds: Bounds
    metres_wide: float

    @property
    def mm_per_m(self) -> float:
        """Millimetres of the drawing for one metre of ground."""
        return self.width * PIXEL_MM / self.metres_wide

    @property
    def ground(self) -> Any:
        """What is drawn: the rectangle and what reaches in from its sides."""
        return shapely.box(*self._padded())

    @property
    def phase(self) -> tuple[int, int]:
        """Where a tile of a hatch begins: counted from the origin of the CRS, so that neighbouring pictures go on."""
        west, south, east, north = self.bounds
        x, y = -west * self.width / (east - west), north * self.height / (north - south)
        return round(x) % TILE_PX, round(y) % TILE_PX

    def _padded(self) -> Bounds:
        west, south, east, north = self.bounds
        x, y = PAD_PX * (east - west) / self.width, PAD_PX * (north - south) / self.height
        return (west - x, south - y, east + x, north + y)

    def pixels(self, points: Points) -> Points:
        """Points of the CRS in pixels from the top left corner."""
        west, south, east, north = self.bounds
        moved = numpy.empty_like(points, order="C")
        moved[:, 0] = (points[:, 0] - west) * (self.width / (east - west))
        moved[:, 1] = (north - points[:, 1]) * (self.height / (north - south))
        return moved

    def cut(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """Shapes of the CRS without what lies far outside of the picture."""
        west, south, east, north = sides = self._padded()
        boxes = shapely.bounds(shapes)
        out = (boxes[:, 0] < west) | (boxes[:, 1] < south) | (boxes[:, 2] > east) | (boxes[:, 3] > north)
        if out.any():
            shapes = shapes.copy()
            shapes[out] = shapely.clip_by_rect(shapes[out], *sides)
        return shapes

    def sizes(self, shapes: NDArray[Any]) -> NDArray[numpy.float64]:
        """The longer side of the box around each shape, in pixels."""
        west, south, east, north = self.bounds
        boxes = shapely.bounds(shapes)
        across = (boxes[:, 2] - boxes[:, 0]) * (self.width / (east - west))
        up = (boxes[:, 3] - boxes[:, 1]) * (self.height / (north - south))
        return numpy.asarray(numpy.maximum(across, up))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayer:
    """A layer at a revision with its shapes in the CRS of the picture (None where unlocated)."""

    definition: LayerDefinition
    revision: Revision
    features: Sequence[Feature]
    shapes: NDArray[Any]
    codes: Codes
    dense: bool = False
    """Whether small areas are drawn as they are, with thinner outlines: marks would cover each other and the rest."""
    crowd: Crowd = field(default_factory=Crowd)
    """What is shown of areas that are not drawn one by one."""

    def within(self, window: Window) -> NDArray[numpy.int64]:
        """Rows that may be drawn in a window; of too many the largest, of too many points every so many."""
        ground = window.ground
        shapely.prepare(ground)
        rows = numpy.flatnonzero(shapely.intersects(ground, self.shapes))
        return self._chosen(rows) if len(rows) > MOST_DRAWN else rows

    def _chosen(self, rows: Any) -> Any:
        if self.definition.kind == "point":
            return rows[numpy.linspace(0, len(rows) - 1, MOST_DRAWN).astype(int)]
        sizes = shapely.length(self.shapes[rows])
        return numpy.sort(rows[numpy.argsort(-sizes, kind="stable")[:MOST_DRAWN]])


def code_of(symbol: Symbol, properties: Mapping[str, Any]) -> int:
    """How a feature is drawn, in drawing order: twice the place of its class, and one where it is illustrative."""
    place = next(place for place, found in enumerate(symbol.classes) if matches(found.when, properties))
    return 2 * place + is_illustrative(properties)


def _look(symbol: Symbol, code: int) -> Look:
    found, illustrative = symbol.classes[code // 2], bool(code % 2)
    return Look(symbol, hollow(symbol, found) if illustrative else found, illustrative)


# ---- drawing


def draw(layers: Sequence[DrawnLayer], window: Window, fonts: Path, *, ground: str = "") -> Canvas:
    """The layers of a window, the first on top; ``ground`` ("#RRGGBB") is the colour below them."""
    canvas = Canvas(window.width, window.height, ground)
    for layer in reversed(layers):
        _Drawing(canvas, window, layer, fonts).draw()
    return canvas


@dataclass(frozen=True, slots=True)
class _Drawing:
    """One layer on its way to a canvas."""

    canvas: Canvas
    window: Window
    layer: DrawnLayer
    fonts: Path

    def draw(self) -> None:
        rows = self.layer.within(self.window)
        shapes = self.window.cut(self.layer.shapes[rows])
        left = ~shapely.is_empty(shapes)
        shapes, codes = shapes[left], self.layer.codes[rows[left]]
        self._draw_crowd()
        if not len(shapes):
            return
        kinds = _kinds(shapes)
        if not self.layer.definition.is_reference and not self.layer.dense:
            kinds[(kinds == 0) & (self.window.sizes(shapes) < SMALLEST_AREA_MM / PIXEL_MM)] = 2
        self._draw_ground(shapes[kinds == 0])
        for place, kind in enumerate(_KINDS):
            chosen = kinds == place
            if chosen.any():
                self._draw_kind(kind, shapes[chosen], codes[chosen])

    def _draw_kind(self, kind: Kind, shapes: NDArray[Any], codes: Codes) -> None:
        found = symbol(self.layer.definition.symbol, kind=kind)
        radius = self._radius(shapes, found) if kind == "point" else 0.0
        for code in numpy.unique(codes).tolist():
            look, same = _look(found, code), shapes[codes == code]
            if kind == "polygon":
                self._draw_areas(look, same)
            elif kind == "line":
                paint_lines(self.canvas, look, _lines(same, self.window), self.window.mm_per_m)
            else:
                paint_marks(self.canvas, look, self._places(same), radius, self.fonts)

    def _draw_areas(self, look: Look, shapes: NDArray[Any]) -> None:
        """Areas, of a dense layer the smaller ones with thinner outlines, which would close over them."""
        shares = numpy.ones(len(shapes))
        if self.layer.dense:
            shares = outline_steps(self.window.sizes(shapes), width_mm(look.symbol) / PIXEL_MM)
        for share in sorted(set(shares.tolist()), reverse=True):
            areas = _areas(shapes[shares == share], self.window)
            paint_areas(self.canvas, look, areas, self.window.phase, share=share)

    def _draw_crowd(self) -> None:
        crowd = self.layer.crowd
        found = symbol(self.layer.definition.symbol, kind="polygon")
        for code in numpy.unique(crowd.codes).tolist():
            boxes = crowd.boxes[crowd.codes == code]
            batches = (boxes[start : start + BATCH_BOXES] for start in range(0, len(boxes), BATCH_BOXES))
            corners = (self.window.pixels(some.reshape(-1, 2)) for some in batches)
            paint_crowd(self.canvas, _look(found, code), corners)

    def _places(self, shapes: NDArray[Any]) -> Points:
        """Where marks stand: at points, and in the middle of areas."""
        areas = shapely.get_dimensions(shapes) > 0
        shapes = shapes.copy()
        shapes[areas] = shapely.centroid(shapes[areas])
        return self.window.pixels(shapely.get_coordinates(shapes))

    def _radius(self, shapes: NDArray[Any], found: Symbol) -> float:
        """The radius of the layer's marks in mm; small where they would cover each other."""
        radius = radius_mm(found)
        middles = self.window.pixels(shapely.get_coordinates(shapely.centroid(shapes))) * PIXEL_MM
        return COMPACT_RADIUS_MM if crowded(shapely.points(middles), radius) else radius

    def _draw_ground(self, areas: NDArray[Any]) -> None:
        """What lies under a layer: tints of areas that tile the district, a pale band along the district's limit."""
        definition = self.layer.definition
        if definition.policy.must_tile and definition.is_reference:
            on_paper = shapely.transform(areas, lambda points: self.window.pixels(points) * PIXEL_MM)
            tints = numpy.array(tints_of(on_paper)) % len(TINTS)
            for tint in numpy.unique(tints).tolist():
                for inside in _areas(areas[tints == tint], self.window):
                    self.canvas.fill(inside, solid(TINTS[tint]))
        elif definition.symbol == "boundary":
            color = symbol("boundary", kind="polygon").color
            for border in _areas(areas, self.window):
                self.canvas.stroke(border, Pen(color, BAND_MM / PIXEL_MM, BAND_OPACITY))


def _kinds(shapes: NDArray[Any]) -> NDArray[numpy.int64]:
    """The place of each shape's kind in :data:`_KINDS`; a collection is what its first part is."""
    types = shapely.get_type_id(shapes)
    mixed = types == _COLLECTION
    types[mixed] = shapely.get_type_id(shapely.get_geometry(shapes[mixed], 0))
    return numpy.asarray(_KIND_OF_TYPE[types])


def _areas(shapes: NDArray[Any], window: Window) -> list[Outline]:
    """The rings of shapes, limits one way round and holes the other; those of a polygon in the same outline."""
    rings, part = shapely.get_rings(_parts(shapes), return_index=True)
    traces = _traces(rings, window)
    is_limit = numpy.diff(part, prepend=-1) != 0
    batches = traces.batches[numpy.flatnonzero(is_limit)[numpy.cumsum(is_limit) - 1]]
    found = [Outline() for _ in range(max(batches.tolist(), default=-1) + 1)]
    turned = (traces.turns < 0) != is_limit
    for batch, points, turn in zip(batches.tolist(), traces.lines, turned.tolist(), strict=True):
        if len(points) > 2:
            found[batch].ring(points[:0:-1] if turn else points[:-1])
    return found


def _lines(shapes: NDArray[Any], window: Window) -> list[Outline]:
    parts = _parts(shapes)
    traces = _traces(parts[shapely.get_dimensions(parts) == 1], window)
    found = [Outline() for _ in range(max(traces.batches.tolist(), default=-1) + 1)]
    for batch, points in zip(traces.batches.tolist(), traces.lines, strict=True):
        found[batch].line(points)
    return found


def _parts(shapes: NDArray[Any]) -> NDArray[Any]:
    """Single geometries."""
    return numpy.asarray(shapely.get_parts(shapely.get_parts(shapes)))


@dataclass(frozen=True, slots=True, eq=False)
class _Traces:
    """Lines in pixels; in which batch each is painted, so that no batch is too long; and whether it turns to the right
    (a positive area) or to the left."""

    lines: Sequence[Points]
    batches: NDArray[numpy.int64]
    turns: NDArray[numpy.float64]


def _traces(lines: NDArray[Any], window: Window) -> _Traces:
    """The points of each line, without those that fall on the one before."""
    points, line = shapely.get_coordinates(lines, return_index=True)
    points = window.pixels(points)
    spots = numpy.floor(points * FINEST_PX)
    kept = numpy.ones(len(points), bool)
    kept[1:] = (spots[1:] != spots[:-1]).any(axis=1)
    ends = numpy.flatnonzero(line[1:] != line[:-1])
    kept[ends] = kept[ends + 1] = kept[-1:] = True
    points, line = points[kept], line[kept]
    (x, y), (dx, dy), goes_on = points.T, numpy.diff(points, axis=0).T, line[1:] == line[:-1]
    lengths = numpy.bincount(line[1:], weights=numpy.hypot(dx, dy) * goes_on, minlength=len(lines))
    turns = numpy.bincount(line[1:], weights=(x[:-1] * dy - y[:-1] * dx) * goes_on, minlength=len(lines)).astype(float)
    ends = numpy.cumsum(numpy.bincount(line, minlength=len(lines))).tolist()
    pieces = [points[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []
    return _Traces(pieces, numpy.floor(numpy.cumsum(lengths) / BATCH_PX).astype(numpy.int64), turns)


# ---- legend

LEGEND_STEP_MM, LEGEND_TEXT_MM = 4.4, 2.1
_SWATCH_MM = (5.6, 3.6)


def legend(symbol: Symbol, language: str, fonts: Path) -> Canvas:
    """Every class of a symbol and its illustrative form, each with its name."""
    canvas = Canvas(*legend_size(symbol, language))
    letters = font(fonts / FILES[False], LEGEND_TEXT_MM / PIXEL_MM)
    for number, (look, title) in enumerate(_legend_rows(symbol, language)):
        top = number * LEGEND_STEP_MM
        paint_swatch(canvas, look, (0.6, top + 0.6), _SWATCH_MM, fonts)
        canvas.write((7.2 / PIXEL_MM, (top + 3.1) / PIXEL_MM), title, letters, INK)
    return canvas


def legend_size(symbol: Symbol, language: str) -> tuple[int, int]:
    """Width and height of a legend in pixels."""
    titles = [title for _, title in _legend_rows(symbol, language)]
    longest = max(sum(LEGEND_TEXT_MM * (1.0 if ord(c) > 0x2E7F else 0.58) for c in title) for title in titles)
    return round(round(8.5 + longest) / PIXEL_MM), round((len(titles) * LEGEND_STEP_MM + 0.4) / PIXEL_MM)


def _legend_rows(symbol: Symbol, language: str) -> list[tuple[Look, str]]:
    rows = [(Look(symbol, found, illustrative=False), found.title.get(language)) for found in symbol.classes]
    if len(symbol.classes) > 1:
        last = symbol.classes[-1]
        rows.append((Look(symbol, hollow(symbol, last), illustrative=True), ILLUSTRATIVE.title.get(language)))
    return rows
