"""The layer of an analysis as a GeoPackage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shapely

from geo_service.core.late import geopandas, pandas


def write_result(layer: geopandas.GeoDataFrame, name: str, path: Path) -> None:
    """Write features of any geometry with their numbers and texts; the CRS is the frame's."""
    import fiona

    frame = layer if "id" in layer else layer.assign(id=layer.index)
    keys = [str(k) for k in frame.columns if k != frame.geometry.name and str(k).lower() not in ("fid", "geom")]
    kinds = {k: _kind(frame[k]) for k in keys}
    schema = {"geometry": "Unknown", "properties": kinds}
    with fiona.open(path, "w", driver="GPKG", layer=name, schema=schema, crs=f"EPSG:{frame.crs.to_epsg()}") as out:
        for row, shape in zip(frame[keys].to_dict("records"), frame.geometry, strict=True):
            out.write(_record(row, shape, kinds))


def _kind(column: pandas.Series) -> str:
    if pandas.api.types.is_integer_dtype(column):
        return "int64"
    return "float" if pandas.api.types.is_numeric_dtype(column) else "str"


def _record(row: dict[Any, Any], shape: Any, kinds: dict[str, str]) -> dict[str, Any]:
    properties = {k: _value(row[k], kind) for k, kind in kinds.items()}
    geometry = None if shape is None or shape.is_empty else shapely.geometry.mapping(shapely.force_2d(shape))
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _value(value: Any, kind: str) -> Any:
    if value is None or (not isinstance(value, (list, dict)) and pandas.isna(value)):
        return None
    return {"int64": int, "float": float, "str": str}[kind](value)
