"""OGC API documents: landing page, conformance, collections, schemas, OpenAPI. Values only, addresses relative."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from geo_service import __version__
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT
from geo_service.core.reference_systems import CRS84, REFERENCE_SYSTEMS, STORAGE
from geo_service.storage.store import LayerState
from geo_service.usecases.views import RevisionViews

GEOJSON = "application/geo+json"
JSON = "application/json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"
TITLE = "南开区规划建设一张图"

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
            link(f"{here}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA),
            link(f"{here}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", SCHEMA),
        ],
    }


def collections(base: str, states: Iterable[LayerState], views: RevisionViews) -> dict[str, Any]:
    """All collections a reader may see."""
    return {
        "links": [link(f"{base}/collections", "self", JSON)],
        "crs": [s.uri for s in REFERENCE_SYSTEMS],
        "collections": [collection(base, state, views) for state in states],
    }


def schema(base: str, definition: LayerDefinition, *, queryables: bool) -> dict[str, Any]:
    """The JSON Schema of a collection's features (Part 5), or its queryables (Part 3)."""
    name = "queryables" if queryables else "schema"
    geometry = {
        "x-ogc-role": "primary-geometry",
        "format": f"geometry-{definition.kind.replace('line', 'linestring')}",
        "title": "几何",
    }
    properties: dict[str, Any] = {f.key: _property(f) for f in definition.all_fields}
    identity = {"type": "string", "title": "编号", "x-ogc-role": "id", "readOnly": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base}/collections/{definition.id}/{name}",
        "type": "object",
        "title": definition.title.zh,
        "properties": {"id": identity, **properties, "geometry": geometry},
        "additionalProperties": False,
        **({} if queryables else {"required": [f.key for f in definition.all_fields if f.required]}),
    }


def _property(item: Field) -> dict[str, Any]:
    kinds = {"integer": "integer", "number": "number", "boolean": "boolean"}
    body: dict[str, Any] = {"title": item.title.zh, "type": kinds.get(item.type, "string")}
    if item.type in ("date", "datetime"):
        body["format"] = {"date": "date", "datetime": "date-time"}[item.type]
    if item.codes:
        body["enum"] = [c.value for c in item.codes]
        body["description"] = "；".join(f"{c.value} = {c.title.zh}" for c in item.codes)
    limits = {"minimum": item.minimum, "maximum": item.maximum, "x-ogc-unit": item.unit or None}
    read_only = {"readOnly": True} if item.derived else {}
    return body | {k: v for k, v in limits.items() if v is not None} | read_only


def openapi(base: str, states: Iterable[LayerState], *, editable: bool) -> dict[str, Any]:
    """A self-contained OpenAPI 3.0 document: no reference leaves it."""
    paths: dict[str, Any] = {
        f"{base}/": _get("landing", "首页 / landing page", JSON),
        f"{base}/conformance": _get("conformance", "符合性 / conformance", JSON),
        f"{base}/api": _get("api", "接口定义 / API definition", OPENAPI),
        f"{base}/collections": _get("collections", "图层 / collections", JSON),
    }
    for state in states:
        paths |= _collection_paths(base, state.definition, editable=editable)
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "version": __version__, "description": "OGC API Features 1–5"},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {"problem": _PROBLEM, "feature": _FEATURE, "features": _FEATURES}},
    }


_PROBLEM = {
    "type": "object",
    "required": ["title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "zh": {"type": "string"},
        "en": {"type": "string"},
        "instance": {"type": "string"},
    },
}
_FEATURE = {
    "type": "object",
    "required": ["type", "geometry", "properties"],
    "properties": {
        "type": {"type": "string", "enum": ["Feature"]},
        "id": {"type": "string"},
        "geometry": {"type": "object", "nullable": True},
        "properties": {"type": "object", "nullable": True},
    },
}
_FEATURES = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]},
        "features": {"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
        "numberMatched": {"type": "integer", "minimum": 0},
        "numberReturned": {"type": "integer", "minimum": 0},
        "timeStamp": {"type": "string", "format": "date-time"},
        "links": {"type": "array", "items": {"type": "object"}},
    },
}


def _get(name: str, summary: str, kind: str, parameters: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "get": {"operationId": name, "summary": summary, "parameters": list(parameters), "responses": _answers(kind)}
    }


def _answers(kind: str, schema_name: str = "", *codes: str) -> dict[str, Any]:
    body = (
        {"schema": {"$ref": f"#/components/schemas/{schema_name}"}} if schema_name else {"schema": {"type": "object"}}
    )
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    known = (
        {"400": "请求不对 / bad request", "401": "须登录 / sign in", "403": "无权限 / not allowed"}
        | {"404": "没有找到 / not found", "405": "方法不支持 / method", "406": "格式不支持 / format"}
        | {"409": "冲突 / conflict", "412": "版本已旧 / stale", "413": "太大 / too large", "422": "数据不对 / invalid"}
        | {"428": "须带 If-Match / If-Match needed", "503": "暂不可用 / unavailable"}
    )
    shown = ("400", "401", "404", "405", "406", "503", *codes)
    return {"200": {"description": "成功 / OK", "content": {kind: body}}} | {
        code: {"description": known[code], "content": problem} for code in shown
    }


def _collection_paths(base: str, definition: LayerDefinition, *, editable: bool) -> dict[str, Any]:
    here, name = f"{base}/collections/{definition.id}", definition.id
    items = _get(f"{name}.items", definition.title.zh, GEOJSON, _item_parameters(definition))
    item = _get(f"{name}.item", definition.title.zh, GEOJSON, [_ID, _CRS])
    items["get"]["responses"] = _answers(GEOJSON, "features")
    item["get"]["responses"] = _answers(GEOJSON, "feature")
    if editable:
        items["post"] = _write(f"{name}.create", "新增 / create", created=True)
        item["put"] = _write(f"{name}.replace", "替换 / replace", with_id=True)
        item["patch"] = _write(f"{name}.update", "修改 / update", with_id=True, kind="application/merge-patch+json")
        item["delete"] = _write(f"{name}.delete", "删除 / delete", with_id=True, body=False)
    return {
        here: _get(name, definition.title.zh, JSON),
        f"{here}/queryables": _get(f"{name}.queryables", "可查询字段 / queryables", SCHEMA),
        f"{here}/schema": _get(f"{name}.schema", "字段 / schema", SCHEMA),
        f"{here}/items": items,
        f"{here}/items/{{featureId}}": item,
    }


_ID = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
_CRS = {"name": "crs", "in": "query", "schema": {"type": "string", "enum": [s.uri for s in REFERENCE_SYSTEMS]}}
_CONTENT_CRS = {"name": "Content-Crs", "in": "header", "schema": {"type": "string"}}
_IF_MATCH = {"name": "If-Match", "in": "header", "schema": {"type": "string"}}


def _write(
    name: str, summary: str, *, with_id: bool = False, created: bool = False, body: bool = True, kind: str = GEOJSON
) -> dict[str, Any]:
    answers = _answers(GEOJSON, "feature", "403", "409", "412", "413", "422", "428")
    done = "201" if created else "200" if body else "204"
    answers = {done: {"description": "完成 / done"}} | {k: v for k, v in answers.items() if k != "200"}
    content = {"content": {kind: {"schema": {"type": "object"}}}, "required": True}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [*([_ID] if with_id else []), *([_CONTENT_CRS] if body else []), _IF_MATCH],
        "responses": answers,
        **({"requestBody": content} if body else {}),
    }


def _item_parameters(definition: LayerDefinition) -> list[dict[str, Any]]:
    def text(name: str, description: str) -> dict[str, Any]:
        return {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}

    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    bbox = {"name": "bbox", "in": "query", "style": "form", "explode": False, "schema": numbers}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        bbox,
        {"name": "limit", "in": "query", "schema": limit},
        {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}},
        text("datetime", "更新日期 / day of the last change"),
        _CRS,
        {**_CRS, "name": "bbox-crs"},
        {**_CRS, "name": "filter-crs"},
        text("filter", "CQL2"),
        {"name": "filter-lang", "in": "query", "schema": {"type": "string", "enum": ["cql2-text", "cql2-json"]}},
        text("properties", "逗号分隔 / comma separated"),
        text("sortby", "±字段 / ±field"),
        {"name": "asOf", "in": "query", "schema": {"type": "integer", "minimum": 1}},
        {"name": "f", "in": "query", "schema": {"type": "string", "enum": ["json", "html"]}},
        *(text(f.key, f.title.zh) for f in definition.all_fields),
    ]
