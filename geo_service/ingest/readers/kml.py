"""KML and KMZ: folders read one after the other into one layer, links never followed."""

from __future__ import annotations

import numpy

from geo_service.ingest.layer import ReadLayer, Source
from geo_service.ingest.readers.ogr import Table, choose_layer, list_layers, load_driver, read_table, to_layer
from geo_service.ingest.readers.xml_text import rewrite_as_utf8
from geo_service.ingest.sniff import Sniffed

_DRIVER_FIELDS = frozenset(
    {
        *("timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon"),
        *("snippet", "id"),
    }
)
FOLDER = "KML文件夹"


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """All folders of a KML as one layer (or the chosen one); the driver's own display fields are left out."""
    path = rewrite_as_utf8(sniffed.path, source.work / "upload.kml")
    links = path.read_bytes().count(b"<NetworkLink")
    if links:
        source.log.add("kml-network-link", count=links)
    load_driver("LIBKML")
    layers = list_layers(path)
    wanted = (choose_layer(source, layers),) if source.options.layer or not layers else layers
    table = _joined({name: read_table(source, path, name) for name in wanted})
    return to_layer(table, wanted[0], layers)


def _joined(tables: dict[str, Table]) -> Table:
    names = list(dict.fromkeys(n for t in tables.values() for n in t.columns if n not in _DRIVER_FIELDS))
    columns = {n: [v for t in tables.values() for v in t.columns.get(n, [None] * len(t.geometry))] for n in names}
    if len(tables) > 1:
        columns[FOLDER] = [folder for folder, t in tables.items() for _ in range(len(t.geometry))]
    geometry = numpy.concatenate([t.geometry for t in tables.values()])
    crs = next((t.crs for t in tables.values() if t.crs), "EPSG:4326")
    return Table(columns, geometry, crs)
