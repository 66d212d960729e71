"""A layer, or what a filter leaves of it, at a revision as a file in any format and CRS offered."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox, Query
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter, one_of
from geo_service.ingest.writers import GEOPARQUET, WRITERS, Writer, write_layer
from geo_service.rendering import pmtiles
from geo_service.storage.elsewhere import do_elsewhere
from geo_service.storage.kept_files import KeptFiles
from geo_service.usecases.large import Origin
from geo_service.usecases.large_tiles import tile_fields
from geo_service.usecases.views import RevisionViews

EVERYTHING = 1 << 40
MERCATOR = 3857
FALLBACK = (117.1, 39.05, 117.19, 39.15)
"""The district, for a layer in which nothing has a place yet."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a menu says of a format, and what it is good for."""

    key: str
    suffix: str
    media_type: str
    crs: tuple[int, ...]
    title: Text
    use: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One download: everything its bytes follow from."""

    definition: LayerDefinition
    revision: Revision
    format: str
    crs: int
    filter: str = ""
    bbox: Bbox | None = None

    @property
    def name(self) -> str:
        """What the file is called on the reader's disk."""
        part = "-part" if self.filter or self.bbox else ""
        crs = "" if self.format == "pmtiles" else f"-{self.crs}"
        return f"{self.definition.id}-r{self.revision.rev}{crs}{part}{FORMATS[self.format].suffix}"

    @property
    def key(self) -> str:
        """What it is kept under: tells apart layers made anew under an old name, too."""
        told = "\0".join((self.revision.sha256, self.revision.at, self.filter, repr(self.bbox)))
        return f"{hashlib.sha256(told.encode()).hexdigest()[:20]}-{self.name}"


def _of(key: str, writer: Writer, title: tuple[str, str], use: tuple[str, str]) -> Format:
    return Format(key, writer.suffix, writer.media_type, writer.crs, Text(*title), Text(*use))


_SAID: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "gpkg": (("GeoPackage", "GeoPackage"), ("QGIS、ArcGIS 首选", "first choice for QGIS and ArcGIS")),
    "shp": (("Shapefile（zip）", "Shapefile (zip)"), ("旧软件，含 .prj", "older software, with .prj")),
    "geojson": (("GeoJSON", "GeoJSON"), ("网页与脚本", "web pages and scripts")),
    "fgb": (("FlatGeobuf", "FlatGeobuf"), ("按网址直接打开，只取所见", "opens by URL, reads only what is seen")),
    "dxf": (("DXF", "DXF"), ("CAD 制图", "CAD")),
    "kml": (("KML", "KML"), ("奥维等地图软件", "globe viewers")),
    "xlsx": (("Excel 工作簿", "Excel workbook"), ("填表后可再上传", "fill in and send back")),
    "csv": (("CSV 表格", "CSV table"), ("坐标在表中", "coordinates in the table")),
    "txt": (("界址点 TXT", "Parcel corners TXT"), ("报批格式", "for land approval")),
}
FORMATS: dict[str, Format] = {key: _of(key, WRITERS[key], *words) for key, words in _SAID.items()}  # type: ignore[index]  # the keys of WRITERS
FORMATS["parquet"] = _of("parquet", GEOPARQUET, ("GeoParquet", "GeoParquet"), ("大数据分析", "for analysis at scale"))
FORMATS["pmtiles"] = Format(
    "pmtiles",
    ".pmtiles",
    "application/vnd.pmtiles",
    (MERCATOR,),
    Text("PMTiles 矢量瓦片", "PMTiles vector tiles"),
    Text("整层离线瓦片，按网址打开", "all tiles of the layer, opens by URL"),
)


def offered(definition: LayerDefinition) -> tuple[Format, ...]:
    """The formats a layer can be had in here: parcel corners are areas, GeoParquet wants pyarrow."""
    left_out = set()
    if definition.kind != "polygon":
        left_out.add("txt")
    if importlib.util.find_spec("pyarrow") is None:
        left_out.add("parquet")
    return tuple(f for f in FORMATS.values() if f.key not in left_out)


def order(definition: LayerDefinition, revision: Revision, suffix: str, crs: int | None, query: Query) -> Order:
    """A download that can be made.

    Raises
    ------
    InvalidParameter
        The layer is not offered in this format, or not in this CRS, or PMTiles of a part.
    """
    found = next((f for f in offered(definition) if suffix in (f.key, f.suffix.removeprefix("."))), None)
    if found is None:
        known = [f.key for f in offered(definition)]
        raise InvalidParameter(name="format", value=suffix[:20], reason=one_of(known))
    wanted = Order(
        definition=definition,
        revision=revision,
        format=found.key,
        crs=crs or found.crs[0],
        filter=query.filter,
        bbox=query.bbox,
    )
    if wanted.crs not in found.crs:
        raise InvalidParameter(name="crs", value=wanted.crs, reason=one_of(found.crs))
    if found.key == "pmtiles" and (query.filter or query.bbox):
        raise InvalidParameter(name="filter", value=query.filter or "bbox", reason="PMTiles: 整层 / whole layers only")
    return wanted


def fulfil(wanted: Order, views: RevisionViews, kept: KeptFiles) -> Path:
    """The file of a download, made at the first request and kept."""
    return kept.get(wanted.key, lambda path: _make(wanted, views, path))


def _make(wanted: Order, views: RevisionViews, path: Path) -> None:
    if wanted.format == "pmtiles":
        _make_tiles(wanted, views, path)
        return
    large = views.large(wanted.revision)
    if large is None:
        _write(wanted, chosen(wanted, views), path)
    else:
        do_elsewhere(_write_large, wanted, large.origin, path)


def _write_large(wanted: Order, origin: Origin, path: Path) -> None:
    """In a process of its own: a million features keep a thread busy for minutes."""
    large, query = origin.open(), Query(filter=wanted.filter, bbox=wanted.bbox, limit=EVERYTHING)
    _write(wanted, large.find(wanted.definition, query).features, path)


def _write(wanted: Order, features: Sequence[Feature], path: Path) -> None:
    write_layer(
        wanted.format,  # type: ignore[arg-type]  # one of the writers, as order() saw to
        features,
        path,
        definition=wanted.definition,
        rev=wanted.revision.rev,
        crs=wanted.crs,
    )


def chosen(wanted: Order, views: RevisionViews) -> Sequence[Feature]:
    """The features of a download, by id."""
    query = Query(filter=wanted.filter, bbox=wanted.bbox, limit=EVERYTHING)
    if not (query.filter or query.bbox):
        return views.features(wanted.revision)
    return views.find(wanted.definition, wanted.revision, query).features


def _make_tiles(wanted: Order, views: RevisionViews, path: Path) -> None:
    definition, revision = wanted.definition, wanted.revision
    bounds = views.summary(definition, revision).bbox or FALLBACK
    with path.open("wb") as out:
        pmtiles.write_pmtiles(
            out,
            lambda z, x, y: views.tile(definition, revision, z, x, y),
            bounds,
            tile_metadata(definition, revision) | {"format": "pbf"},
        )


def tile_metadata(definition: LayerDefinition, revision: Revision) -> dict[str, object]:
    """What TileJSON and PMTiles say of the layers inside the tiles."""
    fields = {"id": "String", **dict.fromkeys(tile_fields(definition), "String")}
    layers = [definition.id, *([f"{definition.id}_label"] if definition.kind == "polygon" else [])]
    return {
        "name": definition.title.zh,
        "description": definition.description.zh,
        "version": f"{revision.rev}.0.0",
        "attribution": definition.source,
        "vector_layers": [
            {"id": name, "fields": fields, "minzoom": 0, "maxzoom": 22, "description": definition.title.en}
            for name in layers
        ],
    }
