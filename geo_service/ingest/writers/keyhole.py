"""KML for Google Earth and 奥维, always in longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import shapely

from geo_service.ingest.mapping import ID_FIELD, REV_FIELD
from geo_service.ingest.writers.export import Export, Row
from geo_service.ingest.writers.gis import plain


def write_kml(export: Export, path: Path) -> None:
    """One Placemark a feature: its name, every value as ExtendedData under the field's key, its geometry."""
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n')
        out.write(f"<name>{escape(export.definition.title.zh)}</name>\n")
        for row in export.rows():
            out.write("".join(_placemark(export, row)) + "\n")
        out.write("</Document></kml>\n")


def _placemark(export: Export, row: Row) -> Iterator[str]:
    values = export.titled(row)
    yield f"<Placemark><name>{escape(plain(values.get('name')))}</name><ExtendedData>"
    yield _data(ID_FIELD, ID_FIELD, row.id) + _data(REV_FIELD, REV_FIELD, export.rev)
    for item in export.fields:
        if item.key != "name" and values[item.key] is not None:
            yield _data(item.key, item.title.zh, values[item.key])
    yield "</ExtendedData>"
    if row.shape is not None:
        yield _geometry(row.shape)
    yield "</Placemark>"


def _data(key: str, title: str, value: Any) -> str:
    shown = f"<displayName>{escape(title)}</displayName>"
    return f"<Data name={quoteattr(key)}>{shown}<value>{escape(plain(value))}</value></Data>"


def _geometry(shape: Any) -> str:
    parts = shapely.get_parts(shape)
    if len(parts) > 1:
        return f"<MultiGeometry>{''.join(_geometry(p) for p in parts)}</MultiGeometry>"
    single = parts[0]
    if single.geom_type == "Polygon":
        holes = "".join(f"<innerBoundaryIs>{_ring(r)}</innerBoundaryIs>" for r in single.interiors)
        return f"<Polygon><outerBoundaryIs>{_ring(single.exterior)}</outerBoundaryIs>{holes}</Polygon>"
    return f"<{single.geom_type}>{_coordinates(single)}</{single.geom_type}>"


def _ring(ring: Any) -> str:
    return f"<LinearRing>{_coordinates(ring)}</LinearRing>"


def _coordinates(shape: Any) -> str:
    return "<coordinates>" + " ".join(f"{x!r},{y!r}" for x, y in shape.coords) + "</coordinates>"
