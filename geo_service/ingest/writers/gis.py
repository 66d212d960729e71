"""Shapefile, GeoPackage and FlatGeobuf through fiona (a second GDAL, beside the one that reads), and GeoJSON."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import Field, Kind
from geo_service.ingest.mapping import ID_FIELD, REV_FIELD, short_names
from geo_service.ingest.values import clean_text
from geo_service.ingest.writers.export import Export, Row, readable

_SHAPE_TEXT_BYTES = 254
_SHAPE_TYPES = {"integer": "int:18", "number": "float:24.15", "boolean": "str:4", "date": "date"}
_PACKAGE_TYPES = {
    "integer": "int64", "number": "float", "boolean": "bool", "date": "date", "datetime": "datetime"
}  # fmt: skip
_FRAME_TYPES = {"integer": "Int64", "number": "Float64", "boolean": "boolean"}
_KINDS = {"point": "Point", "line": "LineString", "polygon": "Polygon"}


def write_shapefile(export: Export, path: Path) -> None:
    """A zip of .shp .shx .dbf .prj .cpg with ASCII field names of at most 10 bytes, and a table of what they mean.

    A shapefile holds one kind of geometry: a layer of several is one for each, named after it.
    """
    shorts = short_names(export.definition)
    properties = {ID_FIELD: "str:40", REV_FIELD: "int:9"}
    properties |= {shorts[f.key]: _SHAPE_TYPES.get(f.type, f"str:{_SHAPE_TEXT_BYTES}") for f in export.fields}
    kept = dataclasses.replace(export, features=_repeatable(export.features)) if export.kinds[1:] else export
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for kind in export.kinds:
            _write_one_kind(kept, kind, shorts, properties, Path(folder))
        _write_names(export, shorts, Path(folder) / f"{export.definition.id}_fields.csv")
        _pack(Path(folder), path)


def _write_one_kind(
    export: Export, kind: Kind, shorts: dict[str, str], properties: dict[str, str], folder: Path
) -> None:
    import fiona

    several = export.kinds[1:]
    target = folder / f"{export.definition.id}{f'_{kind}' if several else ''}.shp"
    multi = kind == "point" and "MultiPoint" in export.definition.geometry_types
    schema = {"geometry": "MultiPoint" if multi else _KINDS[kind], "properties": properties}
    with fiona.open(
        target, "w", driver="ESRI Shapefile", schema=schema, crs=f"EPSG:{export.crs}", encoding="UTF-8"
    ) as out:
        out.writerecords(_short_records(export, shorts, kind if several else None, multi=multi))


def _repeatable(features: Iterable[Feature]) -> Sequence[Feature]:
    return features if isinstance(features, Sequence) else tuple(features)


def _short_records(
    export: Export, shorts: dict[str, str], only: Kind | None, *, multi: bool
) -> Iterator[dict[str, Any]]:
    """Records of one kind, None for all; what has no place yet goes with the layer's own."""
    for row in export.rows():
        if only is not None and (row.kind or export.kinds[0]) != only:
            continue
        values = {shorts[f.key]: _shape_value(f, row.properties.get(f.key)) for f in export.fields}
        yield _record(row.shape, {ID_FIELD: row.id, REV_FIELD: export.rev, **values}, multi=multi)


def _shape_value(item: Field, value: Any) -> Any:
    shown = readable(item, value)
    if not isinstance(shown, str):
        return shown
    return shown.encode()[:_SHAPE_TEXT_BYTES].decode(errors="ignore")


def _record(shape: Any, properties: dict[str, Any], *, multi: bool = False) -> dict[str, Any]:
    if multi and shape is not None and not shape.geom_type.startswith("Multi"):
        shape = _MULTI[shape.geom_type]([shape])
    geometry = None if shape is None else shapely.geometry.mapping(shape)
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _column(key: str, rows: Sequence[Row]) -> list[Any]:
    return [row.properties.get(key) for row in rows]


_MULTI = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings, "Polygon": shapely.multipolygons}


def _write_names(export: Export, shorts: dict[str, str], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        table = csv.writer(out)
        table.writerow(["字段名 (field)", "标识 (key)", "含义 (title)", "meaning", "单位 (unit)"])
        table.writerows([shorts[f.key], f.key, f.title.zh, f.title.en, f.unit] for f in export.fields)


def _pack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for item in sorted(folder.iterdir()):
            stamp = zipfile.ZipInfo(item.name, (1980, 1, 1, 0, 0, 0))
            stamp.compress_type = zipfile.ZIP_DEFLATED
            with item.open("rb") as source, bundle.open(stamp, "w") as out:
                shutil.copyfileobj(source, out, 1 << 20)


def write_geopackage(export: Export, path: Path) -> None:
    """A GeoPackage with one table, typed fields under their keys and every geometry as Multi, of any kind where the
    layer has several."""
    _write_typed(export, path, "GPKG")


def write_flatgeobuf(export: Export, path: Path) -> None:
    """A FlatGeobuf with the fields of the GeoPackage, dates as text.

    It has a spatial index, by which clients fetch only what they show, unless a feature has no geometry yet: the
    index cannot hold those.
    """
    kept = _repeatable(export.features)
    indexed = "YES" if all(f.geometry for f in kept) else "NO"
    _write_typed(dataclasses.replace(export, features=kept), path, "FlatGeobuf", dates="str", SPATIAL_INDEX=indexed)


def _write_typed(export: Export, path: Path, driver: str, *, dates: str = "", **options: str) -> None:
    import fiona

    properties = {ID_FIELD: "str", REV_FIELD: "int32"}
    types = _PACKAGE_TYPES | ({"date": dates, "datetime": dates} if dates else {})
    properties |= {f.key: types.get(f.type, "str") for f in export.fields}
    geometry = "Unknown" if export.kinds[1:] else f"Multi{_KINDS[export.definition.kind]}"
    schema = {"geometry": geometry, "properties": properties}
    name, crs = export.definition.id, f"EPSG:{export.crs}"
    with fiona.open(path, "w", driver=driver, layer=name, schema=schema, crs=crs, **options) as out:
        out.writerecords(_typed_records(export))


def _typed_records(export: Export) -> Iterator[dict[str, Any]]:
    """Records of one call, which GDAL takes in transactions of 20 000: one by one they take 2.4 times as long."""
    for row in export.rows():
        values = {f.key: row.properties.get(f.key) for f in export.fields}
        yield _record(row.shape, {ID_FIELD: row.id, REV_FIELD: export.rev, **values}, multi=True)


def write_geoparquet(export: Export, path: Path) -> None:
    """A GeoParquet 1.0 file with typed columns; wants the optional package pyarrow."""
    import geopandas
    import pandas

    rows = list(export.rows())
    columns = {
        f.key: pandas.Series(_column(f.key, rows), dtype=_FRAME_TYPES.get(f.type, "string")) for f in export.fields
    }
    ids = {ID_FIELD: [r.id for r in rows], REV_FIELD: [export.rev] * len(rows)}
    shapes = geopandas.GeoSeries([r.shape for r in rows], crs=f"EPSG:{export.crs}")
    geopandas.GeoDataFrame({**ids, **columns}, geometry=shapes).to_parquet(path)


def write_geojson(export: Export, path: Path) -> None:
    """A FeatureCollection, one feature a line; other than degrees it names its CRS as GeoJSON 2008 does."""
    head: dict[str, Any] = {"type": "FeatureCollection", "name": export.definition.id}
    if export.crs != 4490:
        head["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{export.crs}"}}
    with path.open("w", encoding="utf-8") as out:
        out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [')
        for number, row in enumerate(export.rows()):
            geometry = None if row.shape is None else shapely.geometry.mapping(row.shape)
            properties = {ID_FIELD: row.id, REV_FIELD: export.rev, **row.properties}
            body = {"type": "Feature", "id": row.id, "properties": properties, "geometry": geometry}
            out.write((",\n" if number else "\n") + json.dumps(body, ensure_ascii=False, allow_nan=False))
        out.write("\n]}\n")


def plain(value: Any) -> str:
    """A value as text without control characters; empty for None."""
    return "" if value is None else clean_text(str(value))
