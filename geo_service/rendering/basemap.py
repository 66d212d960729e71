"""Our own basemap: vector tiles from the reference layers, no internet, no licence.

Layers of a tile: ``boundary`` and ``subdistrict`` (areas, and edges as lines), ``road``, ``rail`` and ``water``, each
feature with ``name``, ``name_en`` and ``kind``; points for the names of areas in ``boundary_label``,
``subdistrict_label`` and ``water_label``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy
import shapely
from shapely.geometry.base import BaseGeometry

from geo_service.core.features import Feature
from geo_service.rendering.tiles import TileSource, merged

Row = tuple[str, BaseGeometry, str | None, str | None, str]
"""Id, geometry, name in both languages, kind."""


class Basemap:
    """A basemap of features in EPSG:4490, ready to be cut into tiles; immutable, any number of threads may ask."""

    def __init__(
        self,
        *,
        boundary: Iterable[Feature] = (),
        subdistricts: Iterable[Feature] = (),
        streets: Iterable[Feature] = (),
        water: Iterable[Feature] = (),
    ) -> None:
        outline, parts = _rows(boundary, "district"), _rows(subdistricts, "subdistrict")
        ways = _rows(streets, "road")
        layers = {
            "boundary": [*outline, *(_edge(row) for row in outline if _is_area(row))],
            "subdistrict": [*parts, *_shared_edges(parts)],
            "water": _rows(water, "water"),
            "road": [row for row in ways if row[4] != "rail"],
            "rail": [row for row in ways if row[4] == "rail"],
        }
        self._sources = tuple(_source(name, rows) for name, rows in layers.items() if rows)

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The tile as uncompressed MVT 2.1; empty bytes where nothing is."""
        return merged(self._sources, z, x, y)


def _rows(features: Iterable[Feature], kind: str) -> list[Row]:
    located = ((feature, feature.shape()) for feature in features)
    return [
        (f.id, shape, _text(f, "name"), _text(f, "name_en"), _text(f, "kind") or kind)
        for f, shape in located
        if shape is not None and not shape.is_empty
    ]


def _text(feature: Feature, key: str) -> str | None:
    value = feature.properties.get(key)
    return str(value) if value else None


def _is_area(row: Row) -> bool:
    return str(row[1].geom_type).endswith("Polygon")


def _edge(row: Row) -> Row:
    fid, shape, name, name_en, kind = row
    return (fid, shape.boundary, name, name_en, kind)


def _shared_edges(rows: Sequence[Row]) -> list[Row]:
    """The edges of areas as one line work in which a border two of them share is drawn once."""
    edges = [row[1].boundary for row in rows if _is_area(row)]
    if not edges:
        return []
    lines = shapely.line_merge(shapely.union_all(edges))
    return [("edges", lines, None, None, "edge")]


def _source(name: str, rows: Sequence[Row]) -> TileSource:
    ids, shapes, names, english, kinds = zip(*rows, strict=True)
    geometries = numpy.empty(len(shapes), dtype=object)
    geometries[:] = shapes
    return TileSource.from_features(ids, geometries, {"name": names, "name_en": english, "kind": kinds}, name)
