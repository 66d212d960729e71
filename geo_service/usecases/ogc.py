"""OGC API documents: landing page, conformance, collections, schemas, OpenAPI. Values only, addresses relative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.reference_systems import CRS84, REFERENCE_SYSTEMS, STORAGE
from geo_service.core.text import Text
from geo_service.storage.store import LayerState
from geo_service.usecases.views import RevisionViews

GEOJSON = "application/geo+json"
JSON = "application/json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"
REL = "http://www.opengis.net/def/rel/ogc/1.0"
BASE = "/ogc"
"""What the addresses of published data begin with; those of a draft lie under it."""
SchemaName = Literal["schema", "queryables", "sortables"]
TITLE = "南开区规划建设一张图"
GEOMETRY, IDENTITY = Text("几何", "Geometry"), Text("编号", "Code")
STANDARDS: Mapping[str, Text] = {
    "ogcapi-common-1": Text("OGC API Common 1：核心", "OGC API Common 1: core"),
    "ogcapi-common-2": Text("OGC API Common 2：数据集", "OGC API Common 2: collections"),
    "ogcapi-features-1": Text("OGC API Features 1：核心", "OGC API Features 1: core"),
    "ogcapi-features-2": Text("OGC API Features 2：坐标参考系", "OGC API Features 2: reference systems"),
    "ogcapi-features-3": Text("OGC API Features 3：筛选", "OGC API Features 3: filters"),
    "ogcapi-features-4": Text("OGC API Features 4：增、改、删", "OGC API Features 4: create, replace, update, delete"),
    "ogcapi-features-5": Text("OGC API Features 5：字段结构", "OGC API Features 5: schemas"),
    "ogcapi-tiles-1": Text("OGC API Tiles 1：矢量瓦片", "OGC API Tiles 1: vector tiles"),
    "ogcapi-records-1": Text("OGC API Records 1：元数据", "OGC API Records 1: metadata"),
    "ogcapi-processes-1": Text("OGC API Processes 1：分析", "OGC API Processes 1: analyses"),
    "cql2": Text("CQL2：筛选语言", "CQL2: the language of filters"),
}
"""The standards of :data:`CONFORMANCE`, for people."""

CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/{name}"
    for name in (
        "ogcapi-common-1/1.0/conf/core",
        "ogcapi-common-2/1.0/conf/collections",
        "ogcapi-features-1/1.0/conf/core",
        "ogcapi-features-1/1.0/conf/geojson",
        "ogcapi-features-1/1.0/conf/html",
        "ogcapi-features-1/1.0/conf/oas30",
        "ogcapi-features-2/1.0/conf/crs",
        "ogcapi-features-3/1.0/conf/queryables",
        "ogcapi-features-3/1.0/conf/queryables-query-parameters",
        "ogcapi-features-3/1.0/conf/filter",
        "ogcapi-features-3/1.0/conf/features-filter",
        "ogcapi-features-4/1.0/conf/create-replace-delete",
        "ogcapi-features-4/1.0/conf/update",
        "ogcapi-features-4/1.0/conf/optimistic-locking-etags",
        "ogcapi-features-4/1.0/conf/features",
        "ogcapi-features-5/1.0/conf/schemas",
        "ogcapi-features-5/1.0/conf/queryables",
        "ogcapi-tiles-1/1.0/conf/core",
        "ogcapi-tiles-1/1.0/conf/tileset",
        "ogcapi-tiles-1/1.0/conf/tilesets-list",
        "ogcapi-tiles-1/1.0/conf/geodata-tilesets",
        "ogcapi-tiles-1/1.0/conf/mvt",
        "ogcapi-tiles-1/1.0/conf/oas30",
        "ogcapi-records-1/1.0/conf/record-core",
        "ogcapi-processes-1/1.0/conf/core",
        "ogcapi-processes-1/1.0/conf/json",
        "ogcapi-processes-1/1.0/conf/oas30",
        "ogcapi-processes-1/1.0/conf/ogc-process-description",
        "ogcapi-processes-1/1.0/conf/job-list",
        "ogcapi-processes-1/1.0/conf/dismiss",
        "cql2/1.0/conf/cql2-text",
        "cql2/1.0/conf/cql2-json",
        "cql2/1.0/conf/basic-cql2",
        "cql2/1.0/conf/advanced-comparison-operators",
        "cql2/1.0/conf/basic-spatial-functions",
        "cql2/1.0/conf/spatial-functions",
        "cql2/1.0/conf/arithmetic",
        "cql2/1.0/conf/case-insensitive-comparison",
    )
)


def conformance_by_standard() -> dict[str, list[str]]:
    """The classes of each key of :data:`STANDARDS`, by their short names."""
    found: dict[str, list[str]] = {}
    for uri in CONFORMANCE:
        standard, _, _, name = uri.split("/")[-4:]
        found.setdefault(standard, []).append(name)
    return found


def link(href: str, rel: str, kind: str, title: str = "") -> dict[str, str]:
    """One link of a document."""
    return {"href": href, "rel": rel, "type": kind} | ({"title": title} if title else {})


def landing(base: str) -> dict[str, Any]:
    """The landing page (Features Part 1, 7.2)."""
    return {
        "title": TITLE,
        "description": "规划台账、图层与历史 / plan ledger, layers and history",
        "links": [
            link(f"{base}/", "self", JSON, "本文件 / this document"),
            link(f"{base}/api", "service-desc", OPENAPI, "接口定义 / API definition"),
            link(f"{base}/api.html", "service-doc", HTML, "接口文档 / API documentation"),
            link(f"{base}/conformance", "conformance", JSON, "符合性 / conformance"),
            link(f"{base}/collections", "data", JSON, "图层 / collections"),
            link(f"{BASE}/tileMatrixSets", f"{REL}/tiling-schemes", JSON, "瓦片方案 / tile matrix sets"),
            link(f"{BASE}/records", f"{REL}/ogc-catalog", GEOJSON, "元数据目录 / metadata records"),
            link(f"{BASE}/processes", f"{REL}/processes", JSON, "分析 / processes"),
            link(f"{BASE}/jobs", f"{REL}/job-list", JSON, "任务 / jobs"),
            link(f"{BASE}/changes", "related", JSON, "变更通报 / change feed"),
            link(f"{BASE}/wms?SERVICE=WMS&REQUEST=GetCapabilities", "alternate", "text/xml", "WMS 1.3.0"),
            link(f"{BASE}/wmts/1.0.0/WMTSCapabilities.xml", "alternate", "text/xml", "WMTS 1.0.0"),
        ],
    }


def collection(base: str, state: LayerState, views: RevisionViews) -> dict[str, Any]:
    """One collection (Part 1, 7.13; Part 2, 6.2)."""
    definition, revision = state.definition, state.revision
    bbox = views.summary(definition, revision).bbox
    here = f"{base}/collections/{definition.id}"
    return {
        "id": definition.id,
        "title": definition.title.zh,
        "description": definition.description.zh or definition.title.zh,
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(bbox) if bbox else [117.1, 39.05, 117.19, 39.15]], "crs": CRS84.uri}},
        "crs": [s.uri for s in REFERENCE_SYSTEMS],
        "storageCrs": STORAGE.uri,
        "revision": revision.rev,
        "updated": revision.at,
        "links": [
            link(here, "self", JSON, definition.title.zh),
            link(f"/layers/{definition.id}", "alternate", HTML, definition.title.zh),
            link(f"{here}/items", "items", GEOJSON, definition.title.zh),
            link(f"{here}/queryables", f"{REL}/queryables", SCHEMA),
            link(f"{here}/sortables", f"{REL}/sortables", SCHEMA),
            link(f"{here}/schema", f"{REL}/schema", SCHEMA),
            *(_published_links(definition) if base == BASE else []),
        ],
    }


def _published_links(definition: LayerDefinition) -> list[dict[str, str]]:
    here = f"{BASE}/collections/{definition.id}"
    return [
        link(f"{BASE}/records/{definition.id}", "describedby", GEOJSON, "元数据 / metadata"),
        link(f"{BASE}/records/{definition.id}?f=iso19139", "describedby", "application/xml", "ISO 19139"),
        link(f"{here}/changes", "related", JSON, "变更 / changes"),
        link(f"{here}/tiles", f"{REL}/tilesets-vector", JSON, "矢量瓦片 / vector tiles"),
        link(f"{BASE}/download/{definition.id}.gpkg", "enclosure", "application/geopackage+sqlite3", "GeoPackage"),
        link(f"{BASE}/download/{definition.id}.fgb", "enclosure", "application/flatgeobuf", "FlatGeobuf"),
        link(f"{BASE}/download/{definition.id}.pmtiles", "enclosure", "application/vnd.pmtiles", "PMTiles"),
    ]


def collections(base: str, states: Iterable[LayerState], views: RevisionViews) -> dict[str, Any]:
    """All collections a reader may see."""
    return {
        "links": [link(f"{base}/collections", "self", JSON)],
        "crs": [s.uri for s in REFERENCE_SYSTEMS],
        "collections": [collection(base, state, views) for state in states],
    }


def schema(base: str, definition: LayerDefinition, name: SchemaName, language: str) -> dict[str, Any]:
    """The JSON Schema of a collection's features (Part 5), its queryables (Part 3), or its sortables (Part 8), with
    titles in ``zh`` or ``en``."""
    geometry = {
        "x-ogc-role": "primary-geometry",
        "format": f"geometry-{definition.kind.replace('line', 'linestring')}",
        "title": GEOMETRY.get(language),
    }
    properties: dict[str, Any] = {f.key: _property(f, language) for f in definition.all_fields}
    identity = {"type": "string", "title": IDENTITY.get(language), "x-ogc-role": "id", "readOnly": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base}/collections/{definition.id}/{name}",
        "type": "object",
        "title": definition.title.get(language) or definition.title.zh,
        "properties": {"id": identity, **properties, **({} if name == "sortables" else {"geometry": geometry})},
        "additionalProperties": False,
        **({"required": [f.key for f in definition.all_fields if f.required]} if name == "schema" else {}),
    }


def _property(item: Field, language: str) -> dict[str, Any]:
    kinds = {"integer": "integer", "number": "number", "boolean": "boolean"}
    body: dict[str, Any] = {"title": item.title.get(language) or item.title.zh, "type": kinds.get(item.type, "string")}
    if item.type in ("date", "datetime"):
        body["format"] = {"date": "date", "datetime": "date-time"}[item.type]
    if item.codes:
        body["enum"] = [c.value for c in item.codes]
        joiner = "; " if language == "en" else "；"
        body["description"] = joiner.join(f"{c.value} = {c.title.get(language) or c.title.zh}" for c in item.codes)
    limits = {"minimum": item.minimum, "maximum": item.maximum, "x-ogc-unit": item.unit or None}
    read_only = {"readOnly": True} if item.derived else {}
    return body | {k: v for k, v in limits.items() if v is not None} | read_only
