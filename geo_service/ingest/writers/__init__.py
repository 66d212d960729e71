"""Layers written in the formats offices use; every file carries ``GS_ID`` and ``GS_REV``, so it states its own base."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.errors import InvalidParameter, one_of
from geo_service.ingest.writers import drawing, gis, keyhole, parcels, tables
from geo_service.ingest.writers.export import Export

OutFormat = Literal["shp", "gpkg", "dxf", "kml", "geojson", "fgb", "csv", "xlsx", "txt"]

CRS_OUT = (4490, 4548, 4527)
"""What a download may be in: degrees, metres without and with zone prefix."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A format: the suffix of its file, its media type, the CRSs it can be in."""

    suffix: str
    media_type: str
    write: Callable[[Export, Path], None]
    crs: tuple[int, ...] = CRS_OUT


WRITERS: dict[OutFormat, Writer] = {
    "shp": Writer(".zip", "application/zip", gis.write_shapefile),
    "gpkg": Writer(".gpkg", "application/geopackage+sqlite3", gis.write_geopackage),
    "dxf": Writer(".dxf", "image/vnd.dxf", drawing.write_dxf),
    "kml": Writer(".kml", "application/vnd.google-earth.kml+xml", keyhole.write_kml, (4490,)),
    "geojson": Writer(".geojson", "application/geo+json", gis.write_geojson),
    "fgb": Writer(".fgb", "application/flatgeobuf", gis.write_flatgeobuf),
    "csv": Writer(".csv", "text/csv; charset=utf-8", tables.write_csv),
    "xlsx": Writer(".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", tables.write_xlsx),
    "txt": Writer(".txt", "text/plain; charset=gb18030", parcels.write_txt),
}
GEOPARQUET = Writer(".parquet", "application/vnd.apache.parquet", gis.write_geoparquet)
"""Written where pyarrow is installed, taken back by no upload."""


def write_layer(
    name: OutFormat | Literal["parquet"],
    features: Iterable[Feature],
    path: Path,
    *,
    definition: LayerDefinition,
    rev: int,
    crs: int = 4490,
) -> Path:
    """The path a layer was written to, feature by feature; memory does not grow with the layer.

    Raises
    ------
    InvalidParameter
        A format or CRS that is not offered.
    """
    writer = GEOPARQUET if name == "parquet" else WRITERS.get(name)
    if writer is None:
        raise InvalidParameter(name="format", value=name, reason=one_of(WRITERS))
    check_crs(writer, crs)
    writer.write(Export(definition=definition, features=features, rev=rev, crs=crs), path)
    return path


def check_crs(writer: Writer, crs: int) -> None:
    """Nothing where a format can be in a CRS.

    Raises
    ------
    InvalidParameter
        It cannot.
    """
    if crs not in writer.crs:
        raise InvalidParameter(name="crs", value=crs, reason=one_of(writer.crs))
