"""The features of a tile: what is too small to see is gathered, what reaches too far is clipped."""

from __future__ import annotations

import numpy
import shapely

from geo_service.rendering import mvt, mvt_geometry
from geo_service.rendering.mvt import EXTENT, POLYGON, Batch, Ints
from geo_service.rendering.mvt_geometry import Rings, starts_run
from geo_service.rendering.mvt_shapes import Floats, Geometries, Shapes, explode, flatten
from geo_service.rendering.mvt_window import Window

BUFFER = 64
OVERHANG = 512
"""Features may reach so many units out of the tile before they are clipped to the buffer."""
PIXEL = 16
LIMIT = 20_000
COARSE_ZOOM, COARSE_GRID = 14, 4
"""Below this zoom vertices snap to a quarter of a pixel: shared edges stay shared, dense ones get thin."""


def polygon_batch(shapes: Shapes, window: Window) -> Batch:
    """Polygons of a tile; those smaller than a pixel as one square of their summed area per pixel."""
    entries = shapes.query(window.box(BUFFER))
    sizes, cells = _measured(shapes, entries, window)
    pixel = _pixel(sizes, cells)
    tiny = sizes < pixel
    whole = mvt_geometry.polygons(_rings(shapes, entries[~tiny], window))
    return mvt.joined([whole, _squares(shapes, entries[tiny], cells[tiny], pixel, window)])


def line_batch(shapes: Shapes, window: Window) -> Batch:
    """Lines of a tile; of those smaller than a pixel the longest in each pixel."""
    entries = shapes.query(window.box(BUFFER))
    sizes, cells = _measured(shapes, entries, window)
    pixel = _pixel(sizes, cells)
    keep = sizes >= pixel
    tiny = numpy.flatnonzero(~keep)
    keep[tiny[_largest_of_cells(cells[tiny], sizes[tiny], pixel)]] = True
    return mvt_geometry.lines(_rings(shapes, entries[keep], window))


def point_batch(shapes: Shapes, window: Window) -> Batch:
    """Points of a tile and its buffer; one per pixel, or coarser, where they are more than :data:`LIMIT`."""
    entries = shapes.query(window.box(BUFFER))
    if len(entries) > LIMIT:
        sizes, cells = _measured(shapes, entries, window)
        entries = entries[numpy.sort(_largest_of_cells(cells, sizes, _pixel(numpy.zeros(len(entries)), cells)))]
    return points_at(shapes, entries, window, margin=BUFFER)


def points_at(shapes: Shapes, entries: Ints, window: Window, *, margin: int) -> Batch:
    """Point features of some entries, as far as their points lie within the tile and a margin."""
    rings, rows = shapes.ring_indexes(entries)
    vertices, _ = shapes.vertex_indexes(rings)
    x, y = shapes.x[vertices].astype(numpy.int64), shapes.y[vertices].astype(numpy.int64)
    west, north, east, south = window.box(margin)
    inside = (x >= west) & (x <= east) & (y >= north) & (y <= south)
    return mvt_geometry.points(window.units(x[inside], 0), window.units(y[inside], 1), rows[inside])


def _measured(shapes: Shapes, entries: Ints, window: Window) -> tuple[Floats, Ints]:
    """Longer side of each entry's box, and the middle of the box, in tile units."""
    boxes = shapes.boxes[entries].astype(numpy.int64)
    sizes = numpy.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    middles = [window.exact((boxes[:, i] + boxes[:, i + 2]) / 2, i) for i in (0, 1)]
    return window.lengths(sizes), numpy.floor(numpy.column_stack(middles)).astype(numpy.int64)


def _pixel(sizes: Floats, cells: Ints) -> int:
    """The cell in which small features are gathered: a pixel, doubled until the tile holds no more than the limit."""
    pixel = PIXEL
    if len(sizes) <= LIMIT:
        return pixel
    while pixel < EXTENT:
        tiny = sizes < pixel
        if numpy.count_nonzero(~tiny) + len(numpy.unique(_keys(cells[tiny], pixel))) <= LIMIT:
            break
        pixel *= 2
    return pixel


def _keys(cells: Ints, pixel: int) -> Ints:
    """One number for each cell of a grid."""
    return numpy.asarray((cells[:, 1] // pixel << 32) + cells[:, 0] // pixel)


def _cell_order(cells: Ints, weights: Floats, pixel: int) -> tuple[Ints, Ints]:
    """Order by cell and falling weight, and where in it each cell begins."""
    keys = _keys(cells, pixel)
    order = numpy.lexsort((-weights, keys))
    firsts = numpy.flatnonzero(starts_run(keys[order]))
    return order, firsts


def _largest_of_cells(cells: Ints, weights: Floats, pixel: int) -> Ints:
    order, firsts = _cell_order(cells, weights, pixel)
    return order[firsts]


def _squares(shapes: Shapes, entries: Ints, cells: Ints, pixel: int, window: Window) -> Batch:
    """One square in each cell: the summed area of its polygons, between half a pixel and the cell a side."""
    inside = ((cells >= -BUFFER) & (cells < EXTENT + BUFFER)).all(axis=1)
    entries, cells = entries[inside], cells[inside]
    if not len(entries):
        return mvt.EMPTY
    areas = shapes.areas[entries]
    order, firsts = _cell_order(cells, areas, pixel)
    sums = numpy.add.reduceat(areas[order], firsts)
    sides = numpy.clip(numpy.rint(window.lengths(numpy.sqrt(numpy.maximum(sums, 0)))), PIXEL // 2, pixel).astype(
        numpy.int64
    )
    corners = cells[order[firsts]] // pixel * pixel + (pixel - sides[:, None]) // 2
    return mvt_geometry.polygons(_square_rings(corners, sides, shapes.rows[entries[order[firsts]]]))


def _square_rings(corners: Ints, sides: Ints, rows: Ints) -> Rings:
    steps = numpy.array([[0, 0], [1, 0], [1, 1], [0, 1]], numpy.int64)
    vertices = (corners[:, None, :] + steps[None] * sides[:, None, None]).reshape(-1, 2)
    count = len(rows)
    each = numpy.arange(count)
    return Rings(vertices[:, 0], vertices[:, 1], numpy.full(count, 4), rows, each, numpy.ones(count, bool))


def _rings(shapes: Shapes, entries: Ints, window: Window) -> Rings:
    """Rings or lines of some entries in tile units, clipped where they reach far out of the tile."""
    west, north, east, south = window.box(OVERHANG)
    boxes = shapes.boxes[entries].astype(numpy.int64)
    near = (boxes[:, 0] >= west) & (boxes[:, 2] <= east) & (boxes[:, 1] >= north) & (boxes[:, 3] <= south)
    direct = _direct(shapes, entries[near], window)
    return direct if near.all() else mvt_geometry.concatenated(direct, _clipped(shapes, entries[~near], window))


def _grid(window: Window) -> int:
    return COARSE_GRID if window.z < COARSE_ZOOM else 1


def _direct(shapes: Shapes, entries: Ints, window: Window) -> Rings:
    rings, rows = shapes.ring_indexes(entries)
    vertices, sizes = shapes.vertex_indexes(rings)
    x = window.units(shapes.x[vertices], 0, grid=_grid(window))
    y = window.units(shapes.y[vertices], 1, grid=_grid(window))
    return Rings(x, y, sizes, rows, shapes.polygons[rings], shapes.exterior[rings])


def _clipped(shapes: Shapes, entries: Ints, window: Window) -> Rings:
    parts, rows = _parts(shapes, entries, window)
    pieces, origin = explode(_cut(parts))
    wanted = shapely.get_dimensions(pieces) == (2 if shapes.kind == POLYGON else 1)
    flat = flatten(pieces[wanted], shapes.kind)
    grid = _grid(window)
    units = (numpy.floor(flat.coordinates / grid + 0.5) * grid).astype(numpy.int64)
    piece_rows = rows[origin[wanted]][flat.parts]
    return Rings(units[:, 0], units[:, 1], flat.sizes, piece_rows, -1 - flat.parts, flat.exterior)


def _cut(parts: Geometries) -> Geometries:
    """Polygons or lines cut to tile and buffer; invalid ones that GEOS refuses are made valid first."""
    low, high = -BUFFER, EXTENT + BUFFER
    try:
        return numpy.asarray(shapely.clip_by_rect(parts, low, low, high, high))
    except shapely.GEOSException:
        return numpy.asarray(shapely.clip_by_rect(shapely.make_valid(parts), low, low, high, high))


def _parts(shapes: Shapes, entries: Ints, window: Window) -> tuple[Geometries, Ints]:
    """Entries as Shapely polygons or lines in tile units, part by part, and the row of each."""
    rings, rows = shapes.ring_indexes(entries)
    vertices, sizes = shapes.vertex_indexes(rings)
    coordinates = numpy.column_stack([window.exact(shapes.x[vertices], 0), window.exact(shapes.y[vertices], 1)])
    owner = numpy.repeat(numpy.arange(len(rings)), sizes)
    if shapes.kind != POLYGON:
        return shapely.linestrings(coordinates, indices=owner), rows
    exterior = shapes.exterior[rings]
    linear = shapely.linearrings(coordinates, indices=owner)
    return shapely.polygons(linear, indices=numpy.cumsum(exterior) - 1), rows[exterior]
