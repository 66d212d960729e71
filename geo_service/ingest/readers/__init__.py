"""One small reader per format; :func:`read` picks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo_service.ingest.readers import ogr
from geo_service.ingest.readers.csv_table import read as read_csv
from geo_service.ingest.readers.dxf import read as read_dxf
from geo_service.ingest.readers.geojson import read as read_geojson
from geo_service.ingest.readers.heights import read_ascii_grid, read_geotiff
from geo_service.ingest.readers.kml import read as read_kml
from geo_service.ingest.readers.parcels import read as read_parcels
from geo_service.ingest.readers.shapefile import read as read_shapefile
from geo_service.ingest.readers.wkt import read as read_wkt
from geo_service.ingest.readers.xlsx import read as read_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo_service.ingest.layer import ReadLayer, Source
    from geo_service.ingest.sniff import Format, Sniffed

    _Read = Callable[[Source, Sniffed], ReadLayer]

READERS: dict[Format, _Read] = {
    "shapefile": read_shapefile,
    "geojson": read_geojson,
    "gpkg": ogr.read_geopackage,
    "filegdb": ogr.read_geodatabase,
    "flatgeobuf": ogr.read_flatgeobuf,
    "mapinfo": ogr.read_mapinfo,
    "gpx": ogr.read_gpx,
    "kml": read_kml,
    "dxf": read_dxf,
    "csv": read_csv,
    "xlsx": read_xlsx,
    "txt": read_parcels,
    "wkt": read_wkt,
    "geotiff": read_geotiff,
    "asciigrid": read_ascii_grid,
}


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The layer of a file of a known format.

    Raises
    ------
    Refused
        With the finding that says why the file cannot be read further.
    """
    return READERS[sniffed.format](source, sniffed)
