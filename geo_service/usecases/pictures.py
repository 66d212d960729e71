"""Map pictures of layers: which features, in which CRS, in which order; and what lies at a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy
import shapely

from geo_service.core.features import Feature
from geo_service.core.reference_systems import ReferenceSystem, from_plane, points_in_plane, to_plane
from geo_service.core.revisions import Revision
from geo_service.errors import InvalidBbox, InvalidParameter
from geo_service.rendering import picture
from geo_service.rendering.picture import PAD_PX, Bounds, DrawnLayer, Window
from geo_service.rendering.picture_crowd import Crowd
from geo_service.rendering.symbols import Symbol, fields_of
from geo_service.storage.store import LayerState
from geo_service.usecases.large import LargeRevision
from geo_service.usecases.memo import Memo
from geo_service.usecases.summary import layer_symbol
from geo_service.usecases.views import RevisionViews

LARGEST_PX = 4096
MOST_PIXELS = 10_000_000
MOST_OF_LARGE = 5_000
MOST_AREAS = 10_000
"""So many areas of a large layer are drawn one by one in a picture; of more the small ones are shown together."""
SMALL_AREA_PX = 4.0
AREAS = frozenset({"Polygon", "MultiPolygon"})
SMALLEST_CELL_PX = 4.0
"""So many features of a large layer are drawn in one picture, one in each cell of at least so many pixels."""
SCATTER = 2654435761
"""Knuth's multiplier: rows times this, modulo 2^32, have no order left."""
REACH_PX = 6
"""How near to a pixel a point or line must lie to be found at it."""
EASELS = BoundedSemaphore(2)
"""Pictures a process paints at the same time: one of ten million pixels takes 145 MB meanwhile, and painting holds the
interpreter. Not one: a large one would hold up all others."""


@dataclass(frozen=True, slots=True)
class Studio:
    """Where pictures are drawn: the layers' revisions, projected layers that are kept, the print fonts."""

    views: RevisionViews
    memo: Memo[Any]
    fonts: Path

    def layer(self, state: LayerState, revision: Revision, crs: ReferenceSystem, seen: Window) -> DrawnLayer:
        """A layer with its shapes in a CRS, kept for the next picture; of a large layer what a window shows of it."""
        large = self.views.large(revision)
        if large is not None:
            return _of_large(state, revision, large, crs, seen)
        key = ("drawn", revision.layer, revision.rev, crs.uri)
        features = self.views.features
        found: DrawnLayer = self.memo.get(key, lambda: _of_features(state, revision, features(revision), crs))
        return found

    def image(self, layers: Sequence[DrawnLayer], window: Window, *, ground: str = "", kind: str = "png") -> bytes:
        """Layers in a window, the first on top."""
        with EASELS:
            return picture.draw(layers, window, self.fonts, ground=ground).encoded(kind)

    def legend(self, state: LayerState, language: str) -> bytes:
        """The legend of a layer as PNG."""
        return picture.legend(layer_symbol(state.definition), language, self.fonts).encoded("png")


def _of_features(
    state: LayerState, revision: Revision, features: Sequence[Feature], crs: ReferenceSystem
) -> DrawnLayer:
    shapes = numpy.array([f.shape() for f in features], dtype=object)
    look = layer_symbol(state.definition)
    codes = numpy.array([picture.code_of(look, f.properties) for f in features], dtype=numpy.int64)
    return DrawnLayer(state.definition, revision, features, _projected(shapes, crs), codes)


def _of_large(
    state: LayerState, revision: Revision, large: LargeRevision, crs: ReferenceSystem, seen: Window
) -> DrawnLayer:
    """What a window shows of a large layer, by its files of shapes and columns: no feature is decoded."""
    look = layer_symbol(state.definition)
    rows, boxes, side = _met(large, crs, seen)
    crowd = Crowd()
    if AREAS.issuperset(state.definition.geometry_types):
        single = _single(boxes, side)
        together = rows[~single]
        crowd = Crowd(_boxes_in_plane(boxes[~single], crs), _codes(look, large, together))
        rows = rows[single]
    elif len(rows) > MOST_OF_LARGE:
        rows = rows[thinned(rows, boxes, side)]
    shapes = _projected(large.shapes(rows), crs)
    codes = _codes(look, large, rows)
    return DrawnLayer(state.definition, revision, large.of(rows), shapes, codes, dense=True, crowd=crowd)


def _codes(look: Symbol, large: LargeRevision, rows: Any) -> Any:
    kinds, which = large.alike(rows, fields_of(look))
    return numpy.array([picture.code_of(look, values) for values in kinds], dtype=numpy.int64)[which]


def _boxes_in_plane(boxes: Any, crs: ReferenceSystem) -> Any:
    return points_in_plane(boxes.reshape(-1, 2), crs).reshape(-1, 4)


def _projected(shapes: Any, crs: ReferenceSystem) -> Any:
    """Shapes in degrees (None where unlocated) mended and in the plane of a CRS."""
    if not len(shapes):
        return shapes
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    broken = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken])
    return to_plane(shapes, crs)


def spot(seen: Window, i: int, j: int) -> Window:
    """The few pixels around one of a picture."""
    west, south, east, north = seen.bounds
    x_px, y_px = (east - west) / seen.width, (north - south) / seen.height
    x, y = west + (i + 0.5) * x_px, north - (j + 0.5) * y_px
    bounds = (x - REACH_PX * x_px, y - REACH_PX * y_px, x + REACH_PX * x_px, y + REACH_PX * y_px)
    return Window(2 * REACH_PX, 2 * REACH_PX, bounds, seen.metres_wide * 2 * REACH_PX / seen.width)


def _met(large: LargeRevision, crs: ReferenceSystem, seen: Window) -> tuple[Any, Any, Any]:
    """Rows of a large layer that meet a window, their boxes in degrees, and how many degrees a pixel is (x, y)."""
    west, south, east, north = shapely.bounds(seen.ground).tolist()
    across, up = numpy.meshgrid(numpy.linspace(west, east, 9), numpy.linspace(south, north, 9))
    edge = from_plane(numpy.column_stack((across.ravel(), up.ravel())), crs)
    low, high = edge.min(axis=0).tolist(), edge.max(axis=0).tolist()
    rows = large.meeting((max(low[0], -180.0), max(low[1], -90.0), min(high[0], 180.0), min(high[1], 90.0)))
    side = (high[0] - low[0]) / (seen.width + 2 * PAD_PX), (high[1] - low[1]) / (seen.height + 2 * PAD_PX)
    return rows, large.boxes(rows), numpy.array(side)


def _single(boxes: Any, side: Any) -> Any:
    """Which areas are drawn one by one: all of few, of many those larger than so many pixels."""
    if len(boxes) <= MOST_AREAS:
        return numpy.ones(len(boxes), bool)
    sizes, smallest = ((boxes[:, 2:] - boxes[:, :2]) / side).max(axis=1), SMALL_AREA_PX
    while numpy.count_nonzero(sizes >= smallest) > MOST_AREAS:
        smallest *= 2
    return sizes >= smallest


def thinned(rows: Any, boxes: Any, side: Any) -> Any:
    """Places of points or lines that are drawn where they crowd: the largest of each cell of some pixels.

    Cells are counted from the origin of the CRS, so that neighbouring tiles choose alike.
    """
    cell_px = SMALLEST_CELL_PX
    while len(keep := _largest_of_cells(rows, boxes, side * cell_px)) > MOST_OF_LARGE:
        cell_px *= 1.5
    return keep


def _largest_of_cells(rows: Any, boxes: Any, cell: Any) -> Any:
    """Places of the largest box in each cell of a grid in degrees, in their order; of equal ones any, but always the
    same (the first would always be one in the same corner, which draws the grid)."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    keys = numpy.floor(middles / cell).astype(numpy.int64)
    sizes = (boxes[:, 2:] - boxes[:, :2]).sum(axis=1)
    drawn_lots = rows.astype(numpy.uint64) * numpy.uint64(SCATTER) % numpy.uint64(1 << 32)
    order = numpy.lexsort((drawn_lots, -sizes, keys[:, 1], keys[:, 0]))
    changes = (numpy.diff(keys[order], axis=0) != 0).any(axis=1)
    return numpy.sort(order[numpy.concatenate(([True], changes))])


def window(bounds: Bounds, width: int, height: int, crs: ReferenceSystem) -> Window:
    """A picture of a rectangle (x to the right, whatever the CRS's axis order).

    Raises
    ------
    InvalidBbox, InvalidParameter
        The rectangle has no area or lies nowhere; the picture is too large.
    """
    west, south, east, north = bounds
    if not west < east or not south < north:
        raise InvalidBbox(value=",".join(f"{v:g}" for v in bounds), reason="min < max")
    if not (1 <= width <= LARGEST_PX and 1 <= height <= LARGEST_PX and width * height <= MOST_PIXELS):
        reason = f"1 … {LARGEST_PX}, ≤ {MOST_PIXELS:,} px"
        raise InvalidParameter(name="width, height", value=f"{width} x {height}", reason=reason)
    middle = (south + north) / 2
    sides = from_plane(numpy.array([[west, middle], [east, middle]]), crs)
    if not numpy.isfinite(sides).all():
        raise InvalidBbox(value=",".join(f"{v:g}" for v in bounds), reason=crs.uri)
    return Window(width, height, bounds, max(_metres(sides), 0.001))


def _metres(sides: numpy.ndarray[Any, Any]) -> float:
    """The distance of two points in degrees along their parallel, close enough to size a line."""
    (west, latitude), (east, _) = sides.tolist()
    return float(abs(east - west) * 111_320 * numpy.cos(numpy.radians(min(abs(latitude), 89.9))))


def at_pixel(layer: DrawnLayer, seen: Window, i: int, j: int, most: int) -> list[Feature]:
    """The features drawn at a pixel (counted from the top left, from 0): the smallest first, for it lies on top.

    Raises
    ------
    InvalidParameter
        The pixel is not in the picture.
    """
    if not (0 <= i < seen.width and 0 <= j < seen.height):
        raise InvalidParameter(name="I, J", value=f"{i}, {j}", reason=f"< {seen.width}, {seen.height}")
    west, south, east, north = seen.bounds
    x_px, y_px = (east - west) / seen.width, (north - south) / seen.height
    x, y = west + (i + 0.5) * x_px, north - (j + 0.5) * y_px
    reach = REACH_PX if layer.definition.kind != "polygon" else 1
    spot = shapely.box(x - reach * x_px, y - reach * y_px, x + reach * x_px, y + reach * y_px)
    rows = numpy.flatnonzero(shapely.intersects(layer.shapes, spot))
    order = numpy.argsort(shapely.area(layer.shapes[rows]), kind="stable")[:most]
    return [layer.features[row] for row in rows[order].tolist()]
