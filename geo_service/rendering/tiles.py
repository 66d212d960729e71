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
from dataclasses import dataclass
from typing import Any

import numpy

from geo_service.rendering import mvt, mvt_generalise
from geo_service.rendering.mvt import LINE, POINT, POLYGON, Batch, Table
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
        labels, sizes = _labels(located, shapes)
        return cls(name, Table.from_properties(columns), shapes, labels, sizes)

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The tile as uncompressed MVT 2.1; empty bytes where nothing is."""
        window = Window(z, x, y)
        batch = mvt.joined([_batch(shapes, window) for shapes in self.shapes])
        return mvt.layer(self.name, self.table, batch) + self._label_layer(window)

    def _label_layer(self, window: Window) -> bytes:
        if self.labels is None:
            return b""
        entries = self.labels.query(window.box(0))
        sizes = self.label_sizes[self.labels.rows[entries]]
        chosen = numpy.flatnonzero(window.lengths(sizes) >= LABEL_UNITS)
        chosen = numpy.sort(chosen[numpy.argsort(-sizes[chosen], kind="stable")[: mvt_generalise.LIMIT]])
        batch = mvt_generalise.points_at(self.labels, entries[chosen], window, margin=0)
        return mvt.layer(f"{self.name}_label", self.table, batch)


def merged(sources: Iterable[TileSource], z: int, x: int, y: int) -> bytes:
    """One tile with the layers of several sources, in their order."""
    return b"".join(source.tile(z, x, y) for source in sources)


def _batch(shapes: Shapes, window: Window) -> Batch:
    makers = {POLYGON: mvt_generalise.polygon_batch, LINE: mvt_generalise.line_batch, POINT: mvt_generalise.point_batch}
    return makers[shapes.kind](shapes, window)


def _labels(geometries: Geometries, shapes: tuple[Shapes, ...]) -> tuple[Shapes | None, Floats]:
    """Label points of polygons and, by row, the side of the square as large as the polygon, in world units."""
    sizes = numpy.zeros(len(geometries))
    polygons = next((s for s in shapes if s.kind == POLYGON), None)
    if polygons is None:
        return None, sizes
    sizes[polygons.rows] = numpy.sqrt(numpy.maximum(polygons.areas, 0))
    rows = numpy.sort(polygons.rows)
    return Shapes.from_parts(label_points(geometries[rows]), rows, POINT), sizes
