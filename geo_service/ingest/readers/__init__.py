"""One small reader per format; :func:`read` picks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo_service.ingest.readers import csv_table, dxf, geojson, kml, ogr, parcels, shapefile, wkt, xlsx

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo_service.ingest.layer import ReadLayer, Source
    from geo_service.ingest.sniff import Format, Sniffed

    _Read = Callable[[Source, Sniffed], ReadLayer]

READERS: dict[Format, _Read] = {
    "shapefile": shapefile.read,
    "geojson": geojson.read,
    "gpkg": ogr.read_geopackage,
    "filegdb": ogr.read_geodatabase,
    "flatgeobuf": ogr.read_flatgeobuf,
    "mapinfo": ogr.read_mapinfo,
    "gpx": ogr.read_gpx,
    "kml": kml.read,
    "dxf": dxf.read,
    "csv": csv_table.read,
    "xlsx": xlsx.read,
    "txt": parcels.read,
    "wkt": wkt.read,
}


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The layer of a file of a known format.

    Raises
    ------
    Refused
        With the finding that says why the file cannot be read further.
    """
    return READERS[sniffed.format](source, sniffed)
