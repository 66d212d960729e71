"""Vector tiles of a layer, cut live from arrays.

A tile is 4096 units wide and shown 256 px wide, so a pixel is 16 units. Geometry reaches into a buffer of 64 units
around the tile; features that reach further than 512 are clipped to it. Polygons smaller than a pixel are gathered by
pixel into one square of their summed area, with the attributes of the largest, so coverage stays; tiny lines keep the
longest of a pixel. Where a tile would still hold more than 20 000 features of a kind, the pixel is doubled until it
does not.

Polygons have a second layer ``<name>_label`` with one point well inside each, only in the tile it lies in and only
where the polygon covers at least a square of :data:`LABEL_UNITS` a side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy

from geo_service.rendering import mvt, mvt_generalise
from geo_service.rendering.mvt import LINE, POINT, POLYGON, Batch, Ints, Table
from geo_service.rendering.mvt_labels import label_points
from geo_service.rendering.mvt_shapes import Floats, Geometries, Shapes, shapes_of
from geo_service.rendering.mvt_window import Window

LABEL_UNITS = 4 * mvt_generalise.PIXEL


@dataclass(frozen=True, slots=True)
class TileSource:
    """A layer ready to be cut into tiles; immutable, so any number of threads may ask."""

    name: str
    table: Table
    shapes: tuple[Shapes, ...]
    labels: Shapes | None
    label_sizes: Floats

    @classmethod
    def from_features(
        cls, ids: Sequence[str], geometries: Geometries, properties: Mapping[str, Sequence[Any]], name: str
    ) -> TileSource:
        """A source of features in EPSG:4490; missing and empty geometries are in no tile.

        Tiles carry the property ``id`` and the given ones (empty values left out); the integer id of a feature is its
        place in ``ids``, from 1.

        Raises
        ------
        ValueError
            The columns are not all as long as ``ids``.
        """
        columns: dict[str, Sequence[Any]] = {"id": ids, **{k: v for k, v in properties.items() if k != "id"}}
        located = numpy.asarray(geometries, dtype=object)
        if {len(c) for c in columns.values()} | {len(located)} != {len(ids)}:
            raise ValueError("ids, geometries and properties differ in length")
        shapes = shapes_of(located)
        labels, sizes = labels_of(located, shapes)
        return cls(name, Table.from_properties(columns), shapes, labels, sizes)

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The tile as uncompressed MVT 2.1; empty bytes where nothing is."""
        return tile_of([self], z, x, y)

    def without(self, rows: Ints) -> TileSource:
        """The source with some rows hidden; nothing is copied."""
        shapes = tuple(replace(each, hidden=rows) for each in self.shapes)
        return replace(self, shapes=shapes, labels=replace(self.labels, hidden=rows) if self.labels else None)

    def batch(self, window: Window) -> Batch:
        """The features of a tile."""
        return mvt.joined([_batch(shapes, window) for shapes in self.shapes])

    def label_batch(self, window: Window) -> Batch:
        """The label points of a tile."""
        if self.labels is None:
            return mvt.EMPTY
        entries = self.labels.query(window.box(0))
        sizes = self.label_sizes[self.labels.rows[entries]]
        chosen = numpy.flatnonzero(window.lengths(sizes) >= LABEL_UNITS)
        chosen = numpy.sort(chosen[numpy.argsort(-sizes[chosen], kind="stable")[: mvt_generalise.LIMIT]])
        return mvt_generalise.points_at(self.labels, entries[chosen], window, margin=0)


def tile_of(parts: Sequence[TileSource], z: int, x: int, y: int) -> bytes:
    """One tile of a layer whose features are shared out over sources that carry the same properties."""
    window = Window(z, x, y)
    name = parts[0].name
    shapes = mvt.layer_of(name, [(p.table, p.batch(window)) for p in parts])
    return shapes + mvt.layer_of(f"{name}_label", [(p.table, p.label_batch(window)) for p in parts])


def merged(sources: Iterable[TileSource], z: int, x: int, y: int) -> bytes:
    """One tile with the layers of several sources, in their order."""
    return b"".join(source.tile(z, x, y) for source in sources)


def _batch(shapes: Shapes, window: Window) -> Batch:
    makers = {POLYGON: mvt_generalise.polygon_batch, LINE: mvt_generalise.line_batch, POINT: mvt_generalise.point_batch}
    return makers[shapes.kind](shapes, window)


def labels_of(geometries: Geometries, shapes: tuple[Shapes, ...]) -> tuple[Shapes | None, Floats]:
    """Label points of polygons and, by row, the side of the square as large as the polygon, in world units."""
    sizes = numpy.zeros(len(geometries))
    polygons = next((s for s in shapes if s.kind == POLYGON), None)
    if polygons is None:
        return None, sizes
    sizes[polygons.rows] = numpy.sqrt(numpy.maximum(polygons.areas, 0))
    rows = numpy.sort(polygons.rows)
    return Shapes.from_parts(label_points(geometries[rows]), rows, POINT), sizes
