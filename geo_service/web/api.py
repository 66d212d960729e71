"""The JSON API the map page uses; documented in the README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, request, send_file

from geo_service.core.access import may_read
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT, FeaturePage, Query, parse_bbox, parse_count
from geo_service.core.revisions import Revision
from geo_service.errors import InvalidParameter, LayerNotFound, RevisionNotFound
from geo_service.rendering.basemap import Basemap
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, ledger, search, tables
from geo_service.web.answers import FOREVER, PRIVATE, SMALLEST, encoding_for, json_answer
from geo_service.web.as_of import revision_as_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.map_page import BASEMAP_LAYERS, basemap_key, catalogue, catalogue_as_of, layers_as_of

blueprint = Blueprint("api", __name__)

GEOJSON = "application/geo+json"
TILE = "application/vnd.mapbox-vector-tile"
PAGE_PARAMETERS = {"bbox", "filter", "q", "sort", "limit", "offset", "lang", "asOf"}
TABLE_ROWS = 200_000
MAX_TILE_ZOOM = 22
KEPT_BYTES = 1 << 20
"""Published files up to this size are answered from memory."""


@blueprint.get("/api/layers")
def layers() -> Response:
    """The catalogue behind the layer tree, with ``asOf`` as it was on a day, at a moment or in an edition."""
    text = request.args.get("asOf", "").strip()
    return json_answer(catalogue_as_of(text) if text else catalogue())


@blueprint.get("/api/layers/<layer_id>")
def layer(layer_id: str) -> Response:
    """One layer with schema, rules and completeness."""
    here = deployment()
    state = visible_layer(layer_id)
    return json_answer(browse.layer_detail_json(state, here.views, canvas_features=here.settings.canvas_features))


@blueprint.get("/api/layers/<layer_id>/items")
def items(layer_id: str) -> Response:
    """A page of features: ``bbox``, ``filter`` (CQL2), ``q``, ``sort``, ``limit``, ``offset``, ``asOf``."""
    state = visible_layer(layer_id)
    query = _query(limit=DEFAULT_LIMIT, maximum=MAX_LIMIT)
    revision = _as_of(state)
    page = deployment().views.find(state.definition, revision, query)
    body = {
        "type": "FeatureCollection",
        "numberMatched": page.matched,
        "numberReturned": len(page.features),
        "rev": revision.rev,
        "timeStamp": deployment().now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links": _links(page, query),
        "features": browse.features_json(page.features),
    }
    response = json_answer(body, mimetype=GEOJSON)
    response.headers.pop("ETag", None)
    return response


@blueprint.get("/api/layers/<layer_id>/items/<fid>")
def item(layer_id: str, fid: str) -> Response:
    """One feature with its plan sentence, measures and history."""
    here = deployment()
    state = visible_layer(layer_id)
    rev = _as_of(state).rev
    return json_answer(browse.feature_detail_json(here.store, here.ledger, layer_id, fid, rev), mimetype=GEOJSON)


@blueprint.get("/api/layers/<layer_id>/items.csv")
def items_csv(layer_id: str) -> Response:
    """The rows of a query as CSV."""
    return _table(layer_id, "csv", "text/csv", tables.to_csv)


@blueprint.get("/api/layers/<layer_id>/items.xlsx")
def items_xlsx(layer_id: str) -> Response:
    """The rows of a query as an Excel workbook."""
    return _table(layer_id, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", tables.to_xlsx)


@blueprint.get("/api/layers/<layer_id>/r<int:rev>.geojson")
def published(layer_id: str, rev: int) -> Response:
    """The whole layer at a revision: immutable, ready compressed, with a strong ETag."""
    state = visible_layer(layer_id)
    ready = deployment().publisher.revision(layer_id, rev)
    encoding = encoding_for(request)
    if request.if_none_match.contains(ready.etag):
        response = Response(status=304)
    else:
        response = _file_answer(ready.path(encoding), (layer_id, rev, encoding))
        if encoding != "identity":
            response.headers["Content-Encoding"] = encoding
    response.headers["Cache-Control"] = _lasting(state)
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(ready.etag)
    return response


def _file_answer(path: Path, key: tuple[object, ...]) -> Response:
    """A file's bytes, from memory where they are few, streamed from disk where they are many."""
    if path.stat().st_size > KEPT_BYTES:
        return send_file(path, mimetype=GEOJSON, conditional=False, etag=False)
    return Response(deployment().views.kept(("published", *key), path.read_bytes), mimetype=GEOJSON)


@blueprint.get("/tiles/<layer_id>/r<int:rev>/<int:z>/<int:x>/<int:y>.mvt")
def tile(layer_id: str, rev: int, z: int, x: int, y: int) -> Response:
    """A vector tile of a layer at a revision."""
    _check_tile(z, x, y)
    here = deployment()
    state = visible_layer(layer_id)
    revision = state.revision if rev == state.revision.rev else here.store.revision(layer_id, rev)
    data = here.views.tile(state.definition, revision, z, x, y)
    return _tile_answer(data, (layer_id, revision.rev, z, x, y), _lasting(state))


@blueprint.get("/tiles/basemap/<key>/<int:z>/<int:x>/<int:y>.mvt")
def basemap_tile(key: str, z: int, x: int, y: int) -> Response:
    """A vector tile of our own basemap; ``key`` names the revisions it is made of."""
    _check_tile(z, x, y)
    if key != basemap_key():
        raise RevisionNotFound(layer="basemap", rev=key)
    here = deployment()
    base = here.memo.get(("basemap", key), _basemap)
    states = [s for s in visible_layers() if s.definition.id in BASEMAP_LAYERS]
    place = ("basemap", key, z, x, y)
    return _tile_answer(here.views.kept(place, lambda: base.tile(z, x, y)), place, _lasting(*states))


@blueprint.get("/api/search")
def find() -> Response:
    """What fits ``q``: features, layers, commitments, coordinates; with ``asOf`` as the layers were then."""
    here = deployment()
    past = request.args.get("asOf", "").strip()
    states = layers_as_of(past) if past else visible_layers()
    hits = search.search(request.args.get("q", ""), states, here.views, here.ledger, here.memo)
    return json_answer({"results": [search.hit_json(h) for h in hits]})


@blueprint.get("/api/plan")
def plan() -> Response:
    """The plan ledger with the progress of every commitment."""
    here = deployment()
    return json_answer(ledger.plan_json(here.store, here.ledger, states=visible_layers(), views=here.views))


def _query(*, limit: int, maximum: int) -> Query:
    arguments = request.args
    unknown = arguments.keys() - PAGE_PARAMETERS
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidParameter(name=name, value=arguments[name], reason="没有这个参数 / no such parameter")
    return Query(
        bbox=parse_bbox(arguments["bbox"]) if arguments.get("bbox") else None,
        filter=arguments.get("filter", "").strip(),
        sort=tuple(k for k in arguments.get("sort", "").split(",") if k),
        text=arguments.get("q", "").strip()[:200],
        limit=parse_count(arguments, "limit", default=limit, maximum=maximum, minimum=1, clamp=False),
        offset=parse_count(arguments, "offset", default=0, maximum=1 << 40),
    )


def _as_of(state: LayerState) -> Revision:
    """The revision a request asks for by ``asOf`` (revision, day, moment or edition), the head by default."""
    return revision_as_of(state, request.args["asOf"]) if "asOf" in request.args else state.revision


def _links(page: FeaturePage, query: Query) -> list[dict[str, str]]:
    links = [_link("self", query.offset)]
    if page.offset + len(page.features) < page.matched:
        links.append(_link("next", query.offset + query.limit))
    if page.offset:
        links.append(_link("prev", max(0, query.offset - query.limit)))
    return links


def _link(rel: str, offset: int) -> dict[str, str]:
    arguments = request.args.to_dict() | {"offset": str(offset)}
    return {"rel": rel, "type": GEOJSON, "href": f"{request.path}?{urlencode(arguments)}"}


def _table(layer_id: str, suffix: str, mimetype: str, write: Callable[..., bytes]) -> Response:
    state = visible_layer(layer_id)
    query = _query(limit=TABLE_ROWS, maximum=TABLE_ROWS)
    revision = _as_of(state)
    page = deployment().views.find(state.definition, revision, query)
    response = Response(write(state.definition, page.features, g.lang), mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=f"{layer_id}-r{revision.rev}.{suffix}")
    return response


def _check_tile(z: int, x: int, y: int) -> None:
    if z > MAX_TILE_ZOOM or x >= 1 << z or y >= 1 << z:
        raise InvalidParameter(name="z/x/y", value=f"{z}/{x}/{y}", reason=f"z ≤ {MAX_TILE_ZOOM}, x, y < 2^z")


def _lasting(*states: LayerState) -> str:
    """For ever where anybody may read it, else asked again at every use: a browser outlives a session."""
    anonymous = deployment().settings.anonymous_reads
    shared = all(may_read(None, s.definition, anonymous_reads=anonymous) for s in states)
    return FOREVER if shared else PRIVATE


def _tile_answer(data: bytes, key: tuple[object, ...], lasting: str) -> Response:
    if not data:
        response = Response(status=204)
    elif len(data) > SMALLEST and request.accept_encodings["gzip"] > 0:
        response = Response(deployment().views.kept(("gzip", *key), lambda: _packed(data)), mimetype=TILE)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(data, mimetype=TILE)
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = lasting
    return response


def _packed(data: bytes) -> bytes:
    """A tile compressed once, then kept: 72 kB take 3 ms, more than anything else in a warm answer."""
    import gzip

    return gzip.compress(data, 6, mtime=0)


def _basemap() -> Basemap:
    here = deployment()
    states = {s.definition.id: s for s in visible_layers() if s.definition.id in BASEMAP_LAYERS}
    found: dict[str, Any] = {
        name: here.views.features(states[name].revision) if name in states else () for name in BASEMAP_LAYERS
    }
    if not found["boundary"] and not found["streets"]:
        raise LayerNotFound(layer="boundary")
    return Basemap(**found)
