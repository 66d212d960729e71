"""The OpenAPI 3.0 document of ``/ogc``, self-contained: no reference leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from geo_service import __version__
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT
from geo_service.core.reference_systems import REFERENCE_SYSTEMS
from geo_service.core.text import Text
from geo_service.storage.store import LayerState
from geo_service.usecases.downloads import offered
from geo_service.usecases.ogc import BASE, GEOJSON, JSON, OPENAPI, SCHEMA, TITLE

TILE = "application/vnd.mapbox-vector-tile"
MERGE_PATCH = "application/merge-patch+json"
ATOM = "application/atom+xml"
PROBLEM = "application/problem+json"
FEATURE_KINDS = (GEOJSON, JSON)
PATCH_KINDS = (MERGE_PATCH, GEOJSON, JSON)
"""What a new or a whole feature, and what a change of one, is taken as."""

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "zh", "en"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "docs/errors.md"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "zh": {"type": "string"},
        "en": {"type": "string"},
        "instance": {"type": "string"},
        "findings": {"type": "array", "items": {"$ref": "#/components/schemas/finding"}},
    },
}
_FINDING = {
    "type": "object",
    "required": ["code", "level", "zh", "en"],
    "properties": {
        **{name: {"type": "string"} for name in ("code", "level", "zh", "en")},
        **{name: {"type": "string", "nullable": True} for name in ("fid", "field")},
    },
}
_LINK = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
}
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_FEATURE = {
    "type": "object",
    "required": ["type", "geometry", "properties"],
    "properties": {
        "type": {"type": "string", "enum": ["Feature"]},
        "id": {"type": "string"},
        "geometry": {"type": "object", "nullable": True},
        "properties": {"type": "object", "nullable": True},
        "links": _LINKS,
    },
}
_FEATURES = {
    "type": "object",
    "required": ["type", "features", "links", "numberMatched", "numberReturned", "timeStamp"],
    "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]},
        "features": {"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
        "numberMatched": {"type": "integer", "minimum": 0},
        "numberReturned": {"type": "integer", "minimum": 0},
        "timeStamp": {"type": "string", "format": "date-time"},
        "links": _LINKS,
    },
}
_LANDING = {"type": "object", "required": ["links"], "properties": {"links": _LINKS, "title": {"type": "string"}}}
_CONFORMANCE = {
    "type": "object",
    "required": ["conformsTo"],
    "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}},
}
_COLLECTION = {
    "type": "object",
    "required": ["id", "links", "extent", "crs", "storageCrs"],
    "properties": {"id": {"type": "string"}, "links": _LINKS, "crs": {"type": "array", "items": {"type": "string"}}},
}
_COLLECTIONS = {
    "type": "object",
    "required": ["links", "collections"],
    "properties": {
        "links": _LINKS,
        "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
    },
}
SCHEMAS = {
    "problem": _PROBLEM,
    "finding": _FINDING,
    "link": _LINK,
    "landing": _LANDING,
    "conformance": _CONFORMANCE,
    "collection": _COLLECTION,
    "collections": _COLLECTIONS,
    "feature": _FEATURE,
    "features": _FEATURES,
}
_MEANINGS = {
    "204": "完成 / done",
    "302": "转到本服务的页面 / to a page of ours",
    "400": "请求不对 / bad request",
    "401": "须登录 / sign in",
    "403": "无权限 / not allowed",
    "404": "没有找到 / not found",
    "405": "方法不支持 / method",
    "406": "格式不支持 / format",
    "409": "冲突 / conflict",
    "412": "版本已旧 / stale",
    "413": "太大 / too large",
    "415": "格式不收 / media type not taken",
    "422": "数据不对 / invalid",
    "428": "须带 If-Match / If-Match needed",
    "503": "暂不可用 / unavailable",
    "504": "超过时限 / took too long",
}
_READING = ("400", "401", "404", "405", "406", "503")
_WRITING = ("400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "428", "503")

_LIMIT = {
    "name": "limit",
    "in": "query",
    "style": "form",
    "explode": False,
    "description": "QGIS 按此上限分页 / QGIS takes pages as large as the maximum",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
}
_CRS_URI = {"type": "string", "enum": [s.uri for s in REFERENCE_SYSTEMS]}
_CRS = {"name": "crs", "in": "query", "schema": _CRS_URI}
_AS_OF = {
    "name": "asOf",
    "in": "query",
    "description": "版本号、日期、时刻或 edition:名称 / a revision, day, moment or edition:name",
    "schema": {"type": "string"},
}
_BBOX = {
    "name": "bbox",
    "in": "query",
    "style": "form",
    "explode": False,
    "schema": {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
}
_OFFSET = {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}}
_LANG = {
    "name": "lang",
    "in": "query",
    "description": "说明与报错的语言 / the language of words and refusals",
    "schema": {"type": "string", "enum": ["zh", "en"]},
}
F = {"name": "f", "in": "query", "schema": {"type": "string", "enum": ["json", "html"]}}
"""Which form of a document that is a page, too."""
_ID = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_CONTENT_CRS = {"name": "Content-Crs", "in": "header", "schema": {"type": "string"}}
_IF_MATCH = {"name": "If-Match", "in": "header", "schema": {"type": "string"}}


def document(base: str, states: Iterable[LayerState], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The whole document for what begins with ``base``, with the collections a reader may see and ``more`` paths."""
    paths: dict[str, Any] = {
        "/": get("landing", "首页 / landing page", {JSON: _to("landing")}, [F], page=True),
        "/conformance": get("conformance", "符合性 / conformance", {JSON: _to("conformance")}, [F], page=True),
        "/api": get("api", "接口定义 / API definition", {OPENAPI: ANY}, [F], page=True),
        "/collections": get("collections", "图层 / collections", {JSON: _to("collections")}, [F], page=True),
    }
    if base == BASE:
        paths |= _tile_scheme_paths() | _picture_paths() | _catalogue_paths()
    for state in states:
        paths |= _collection_paths(state.definition)
        paths |= _published_paths(state.definition) if base == BASE else {}
    paths |= more or {}
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "version": __version__, "description": "OGC API Features 1–5, Processes 1"},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "parameters": {"limit": _LIMIT}},
    }


ANY: dict[str, Any] = {"schema": {"type": "object"}}
"""Any JSON object."""
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_XML = {"schema": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 0}


def _to(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def get(
    name: str,
    summary: str,
    content: dict[str, Any],
    parameters: Iterable[dict[str, Any]] = (),
    *,
    page: bool = False,
    refused: Iterable[str] = _READING,
) -> dict[str, Any]:
    """A path that can only be read; ``page`` where ``f=html`` shows or leads to a page of ours."""
    shown = {**content, "text/html": {"schema": {"type": "string"}}} if page else content
    answers = {"200": {"description": "成功 / OK", "content": shown}} | refusals(refused, page=page)
    if page:
        answers["302"] = {"description": _MEANINGS["302"]}
    operation = {"operationId": name, "summary": summary, "parameters": [*parameters, _LANG], "responses": answers}
    return {"get": operation}


def refusals(codes: Iterable[str], *, page: bool = False) -> dict[str, Any]:
    """The answers of these codes, each a problem (RFC 9457), or with ``page`` a page for browsers."""
    content = {PROBLEM: _to("problem")} | ({"text/html": {"schema": {"type": "string"}}} if page else {})
    return {code: {"description": _MEANINGS[code], "content": content} for code in codes}


def _collection_paths(definition: LayerDefinition) -> dict[str, Any]:
    here, name, title = f"/collections/{definition.id}", definition.id, _pair(definition.title)
    items = get(f"{name}.items", title, {GEOJSON: _to("features")}, _item_parameters(definition), page=True)
    item = get(f"{name}.item", title, {GEOJSON: _to("feature")}, [_ID, _CRS, _AS_OF, F], page=True)
    for operation in (items["get"], item["get"]):
        operation["responses"]["200"]["headers"] = {"Content-Crs": {"schema": {"type": "string"}}}
    items["post"] = _write(f"{name}.create", "新增 / create", done="201")
    item["put"] = _write(f"{name}.replace", "替换 / replace", with_id=True)
    item["patch"] = _write(f"{name}.update", "修改 / update", with_id=True, kinds=PATCH_KINDS)
    item["delete"] = _write(f"{name}.delete", "删除 / delete", with_id=True, done="204")
    queryables = get(f"{name}.queryables", "可查询字段 / queryables", {SCHEMA: ANY}, [F], page=True)
    sortables = get(f"{name}.sortables", "可排序字段 / sortables", {SCHEMA: ANY}, [F], page=True)
    return {
        here: get(name, title, {JSON: _to("collection")}, [F], page=True),
        f"{here}/queryables": queryables,
        f"{here}/sortables": sortables,
        f"{here}/schema": get(f"{name}.schema", "字段 / schema", {SCHEMA: ANY}, [F], page=True),
        f"{here}/items": items,
        f"{here}/items/{{featureId}}": item,
    }


def _published_paths(definition: LayerDefinition) -> dict[str, Any]:
    """What drafts do not have: versions, downloads, tiles."""
    here, name = f"/collections/{definition.id}", definition.id
    tiles = f"{here}/tiles/WebMercatorQuad"
    place = [{"name": n, "in": "path", "required": True, "schema": _COUNT} for n in ("z", "y", "x")]
    tile = get(f"{name}.tile", "矢量瓦片 / vector tile", {TILE: _BINARY}, [*place, _AS_OF])
    tile["get"]["responses"]["204"] = {"description": "空瓦片 / nothing here"}
    since = [{"name": n, "in": "query", "schema": _COUNT} for n in ("since", "until")]
    forms = [_form("json", "html", "iso19139")]
    record = get(f"{name}.record", "元数据 / metadata", {GEOJSON: ANY, "application/xml": _XML}, forms, page=True)
    return {
        f"/records/{name}": record,
        f"{here}/changes": get(f"{name}.changes", "变更 / changes", {JSON: ANY}, [*since, _LIMIT, _OFFSET]),
        f"{here}/items/{{featureId}}/versions": get(f"{name}.versions", "历次版本 / versions", {JSON: ANY}, [_ID]),
        f"/download/{name}.{{format}}": _download(definition),
        f"{here}/tiles": get(f"{name}.tilesets", "瓦片集 / tilesets", {JSON: ANY}),
        tiles: get(f"{name}.tileset", "瓦片集 / tileset", {JSON: ANY}),
        f"{tiles}/tilejson": get(f"{name}.tilejson", "TileJSON 3.0", {JSON: ANY}),
        f"{tiles}/{{z}}/{{y}}/{{x}}": tile,
    }


def _tile_scheme_paths() -> dict[str, Any]:
    own = get("tileMatrixSet", "WebMercatorQuad", {JSON: ANY})
    return {
        "/tileMatrixSets": get("tileMatrixSets", "瓦片方案 / tile matrix sets", {JSON: ANY}),
        "/tileMatrixSets/WebMercatorQuad": own,
    }


def _download(definition: LayerDefinition) -> dict[str, Any]:
    formats = offered(definition)
    chosen = {"name": "format", "in": "path", "required": True}
    content = {f.media_type: ANY if "json" in f.media_type else _BINARY for f in formats}
    parameters = [
        chosen | {"schema": {"type": "string", "enum": [f.key for f in formats]}},
        _text("crs", "4490, 4548, 4527"),
        _text("filter", "CQL2"),
        _BBOX,
        _AS_OF,
    ]
    summary = f"下载 {definition.title.zh} / download {definition.title.en}"
    path = get(f"{definition.id}.download", summary, content, parameters)
    answers = path["get"]["responses"]
    return path | {
        "get": path["get"] | {"responses": answers | {"206": answers["200"], "416": {"description": "Range"}}}
    }


def _catalogue_paths() -> dict[str, Any]:
    feed: list[dict[str, Any]] = [_text("since", "日期或时刻 / a day or moment"), _LIMIT, _form("json", "atom")]
    records: list[dict[str, Any]] = [_text("q", "文字 / text"), _LIMIT, _OFFSET, _form("json", "html")]
    return {
        "/records": get("records", "元数据目录 / metadata records", {GEOJSON: ANY}, records, page=True),
        "/changes": get("changes", "变更通报 / change feed", {JSON: ANY, ATOM: _XML}, feed),
    }


def _form(*forms: str) -> dict[str, Any]:
    return {"name": "f", "in": "query", "schema": {"type": "string", "enum": list(forms)}}


def _picture_paths() -> dict[str, Any]:
    """WMS and WMTS, which answer refusals as XML reports."""
    kinds = ("image/png", "image/jpeg", "text/plain", "text/html")
    names = ("CRS", "BBOX", "LAYERS", "STYLES", "WIDTH", "HEIGHT", "FORMAT", "QUERY_LAYERS", "I", "J", "LAYER")
    wms = [_request("GetCapabilities", "GetMap", "GetFeatureInfo", "GetLegendGraphic"), *(_text(n, n) for n in names)]
    tile = ("LAYER", "TILEMATRIXSET", "TILEMATRIX", "TILEROW", "TILECOL")
    wmts = [_request("GetCapabilities", "GetTile"), *(_text(n, n) for n in tile)]
    xml = {"text/xml": _XML}
    paths = {
        "/wms": get("wms", "WMS 1.3.0", dict.fromkeys(kinds, _BINARY) | xml | {JSON: ANY}, wms),
        "/wmts": get("wmts", "WMTS 1.0.0", {"image/png": _BINARY} | xml, wmts),
        "/wmts/1.0.0/WMTSCapabilities.xml": get("wmtsCapabilities", "WMTS 1.0.0", xml),
    }
    for path in paths.values():
        for code in ("400", "404"):
            path["get"]["responses"][code] = {"description": _MEANINGS[code], "content": xml}
    return paths


def _request(*operations: str) -> dict[str, Any]:
    return {"name": "REQUEST", "in": "query", "required": True, "schema": {"type": "string", "enum": list(operations)}}


def _write(
    name: str, summary: str, *, with_id: bool = False, done: str = "200", kinds: Iterable[str] = FEATURE_KINDS
) -> dict[str, Any]:
    with_body = done != "204"
    good = {"description": _MEANINGS["204"]} | ({"content": {GEOJSON: _to("feature")}} if with_body else {})
    body = {"required": True, "content": dict.fromkeys(kinds, ANY)}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [*([_ID] if with_id else []), *([_CONTENT_CRS] if with_body else []), _IF_MATCH, _LANG],
        "responses": {done: good} | refusals(_WRITING),
        **({"requestBody": body} if with_body else {}),
    }


def _item_parameters(definition: LayerDefinition) -> list[dict[str, Any]]:
    languages = {"type": "string", "enum": ["cql2-text", "cql2-json"]}
    return [
        _BBOX,
        _LIMIT,
        _OFFSET,
        {**_text("datetime", "更新日期 / day of the last change"), "style": "form", "explode": False},
        _CRS,
        {**_CRS, "name": "bbox-crs"},
        {**_CRS, "name": "filter-crs"},
        _text("filter", "CQL2"),
        {"name": "filter-lang", "in": "query", "schema": languages},
        _text("properties", "逗号分隔 / comma separated"),
        _text("sortby", "±字段 / ±field"),
        _AS_OF,
        F,
        _text("id", "编号，可多个，逗号分隔 / ids, comma separated"),
        *(_text(f.key, _pair(f.title)) for f in definition.all_fields),
    ]


def _text(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}


def _pair(text: Text) -> str:
    return f"{text.zh} / {text.en}" if text.en else text.zh
