"""OGC API Features, Parts 1 to 5: published collections, and drafts that QGIS edits live.

``/ogc`` serves what is published; changing it needs ``If-Match``. ``/ogc/drafts/<draft>`` serves one's own draft on a
fixed base revision and takes plain POST, PUT, PATCH and DELETE, for QGIS never sends ``If-Match``; the draft is then
submitted and reviewed like an upload. Requirement numbers are those of OGC 17-069r4, 18-058r1, 19-079r2, 20-002.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core import cql
from geo_service.core.derived import with_derived
from geo_service.core.drafts import Draft, DraftChange
from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT, Bbox, Query, parse_count
from geo_service.core.reference_systems import (
    CRS84,
    ReferenceSystem,
    bbox_from_wire,
    find,
    from_wire,
    to_wire,
)
from geo_service.core.revisions import Revision
from geo_service.core.validation import check_feature
from geo_service.errors import (
    AccessDenied,
    FeatureNotFound,
    InvalidBbox,
    InvalidEdit,
    InvalidParameter,
    InvalidRequest,
    NotAcceptable,
    PreconditionRequired,
    StaleRevision,
)
from geo_service.storage.codes import ever_used_ids
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, ogc, review
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.drafts import areas, desk, next_code
from geo_service.web.session import require_account

blueprint = Blueprint("ogc", __name__)

BASE = "/ogc"
ITEM_PARAMETERS = {
    "bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "filter", "filter-lang", "filter-crs",
    "properties", "sortby", "asOf", "f", "lang",
}  # fmt: skip
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Place:
    """What a request is about: published layers, or one draft laid over its base revision."""

    base: str
    draft: Draft | None

    def state(self, layer_id: str) -> LayerState:
        """The layer, which for a draft must be the draft's own."""
        if self.draft and layer_id != self.draft.layer:
            raise FeatureNotFound(layer=layer_id, fid=layer_id)
        return visible_layer(layer_id)

    def states(self) -> Sequence[LayerState]:
        """The layers served here."""
        return [s for s in visible_layers() if self.draft is None or s.definition.id == self.draft.layer]

    def features(self, revision: Revision) -> Sequence[Feature]:
        """The features at a revision, with the draft's changes over them."""
        features = deployment().views.features(revision)
        if self.draft is None:
            return features
        overlay = {c.fid: c.after for c in deployment().drafts.changes(self.draft.id)}
        merged = {f.id: f for f in features} | overlay
        return [f for _, f in sorted(merged.items()) if f is not None]

    def revision(self, state: LayerState) -> Revision:
        """The revision that is read."""
        if self.draft is not None:
            return deployment().store.revision(state.definition.id, self.draft.base_rev)
        if "asOf" not in request.args:
            return state.revision
        rev = parse_count(request.args, "asOf", default=1, maximum=1 << 40, minimum=1)
        return deployment().store.revision(state.definition.id, rev)


def published() -> Place:
    """What is published."""
    return Place(BASE, None)


def drafted(draft_id: str) -> Place:
    """One's own draft."""
    draft = review.own_draft(desk(), require_account(), draft_id)
    return Place(f"{BASE}/drafts/{draft_id}", draft)


def _place(draft_id: str | None) -> Place:
    return published() if draft_id is None else drafted(draft_id)


View = TypeVar("View", bound=Callable[..., Any])


def _both(rule: str, **options: Any) -> Callable[[View], View]:
    """Register a view for published collections and for drafts."""

    def register(view: View) -> View:
        blueprint.add_url_rule(f"{BASE}{rule}", view.__name__, view, defaults={"draft_id": None}, **options)
        blueprint.add_url_rule(f"{BASE}/drafts/<draft_id>{rule}", f"draft_{view.__name__}", view, **options)
        return view

    return register


@_both("/")
def landing(draft_id: str | None) -> AnyResponse:
    """The landing page."""
    _check_parameters({"f", "lang"})
    place = _place(draft_id)
    if _wants_html():
        return _page("ogc.html", place=place, document=ogc.landing(place.base))
    return _answer(ogc.landing(place.base))


@_both("/conformance")
def conformance(draft_id: str | None) -> AnyResponse:
    """The conformance classes."""
    _check_parameters({"f", "lang"})
    place = _place(draft_id)
    body = {"conformsTo": list(ogc.CONFORMANCE)}
    return _page("ogc.html", place=place, document=body) if _wants_html() else json_answer(body)


@_both("/api")
def api(draft_id: str | None) -> AnyResponse:
    """The OpenAPI document."""
    _check_parameters({"f", "lang"})
    place = _place(draft_id)
    if _wants_html():
        return redirect(f"{place.base}/api.html")
    return json_answer(ogc.openapi(place.base, place.states(), editable=True), mimetype=ogc.OPENAPI)


@_both("/api.html")
def api_page(draft_id: str | None) -> AnyResponse:
    """The API's documentation, from the same document."""
    place = _place(draft_id)
    document = ogc.openapi(place.base, place.states(), editable=True)
    return _page("ogc_api.html", place=place, document=document)


@_both("/collections")
def collections(draft_id: str | None) -> AnyResponse:
    """The collections."""
    _check_parameters({"f", "lang"})
    place = _place(draft_id)
    if _wants_html():
        return redirect("/layers")
    return _answer(ogc.collections(place.base, place.states(), deployment().views))


@_both("/collections/<layer_id>")
def collection(draft_id: str | None, layer_id: str) -> AnyResponse:
    """One collection."""
    _check_parameters({"f", "lang"})
    place = _place(draft_id)
    state = place.state(layer_id)
    if _wants_html():
        return redirect(f"/layers/{state.definition.id}")
    return _answer(ogc.collection(place.base, state, deployment().views))


@_both("/collections/<layer_id>/queryables")
def queryables(draft_id: str | None, layer_id: str) -> Response:
    """What may be asked for in a filter."""
    place = _place(draft_id)
    _check_parameters({"f", "lang"})
    body = ogc.schema(request.host_url.rstrip("/") + place.base, place.state(layer_id).definition, queryables=True)
    return json_answer(body, mimetype=ogc.SCHEMA)


@_both("/collections/<layer_id>/schema")
def schema(draft_id: str | None, layer_id: str) -> Response:
    """The schema of a collection's features."""
    place = _place(draft_id)
    _check_parameters({"f", "lang"})
    body = ogc.schema(request.host_url.rstrip("/") + place.base, place.state(layer_id).definition, queryables=False)
    return json_answer(body, mimetype=ogc.SCHEMA)


@_both("/collections/<layer_id>/items")
def items(draft_id: str | None, layer_id: str) -> AnyResponse:
    """A page of features."""
    place = _place(draft_id)
    state = place.state(layer_id)
    definition = state.definition
    _check_parameters(ITEM_PARAMETERS | {f.key for f in definition.all_fields} | {"id"})
    if _wants_html():
        return redirect(f"/layers/{definition.id}")
    system = _system("crs")
    revision = place.revision(state)
    found = [f for f in place.features(revision) if all(keep(f) for keep in _conditions(state))]
    query = _query(_system("bbox-crs"))
    page = browse.find_features(definition, found, query)
    wanted = _wanted_properties(state)
    host = request.host_url.rstrip("/")
    body = {
        "type": "FeatureCollection",
        "numberMatched": page.matched,
        "numberReturned": len(page.features),
        "timeStamp": deployment().now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links": _absolute(_links(place, definition.id, query, page.matched), host),
        "features": [_feature_json(f, system, wanted) for f in page.features],
    }
    return _with_crs(json_answer(body, mimetype=ogc.GEOJSON), system)


@_both("/collections/<layer_id>/items/<fid>")
def item(draft_id: str | None, layer_id: str, fid: str) -> AnyResponse:
    """One feature."""
    place = _place(draft_id)
    state = place.state(layer_id)
    _check_parameters({"crs", "f", "lang", "asOf"})
    if _wants_html():
        return redirect(f"/layers/{layer_id}/{fid}")
    return _item_answer(place, state, _one(place, state, fid), _system("crs"))


@blueprint.get(f"{BASE}/collections/<layer_id>/items/<fid>/versions")
def versions(layer_id: str, fid: str) -> Response:
    """Every version of a feature, newest first, each with its revision."""
    state = published().state(layer_id)
    store = deployment().store
    rows = []
    for revision in store.feature_history(layer_id, fid):
        try:
            known: Feature | None = store.feature(layer_id, fid, revision.rev)
        except FeatureNotFound:
            known = None
        rows.append(browse.revision_json(revision) | {"feature": _feature_json(known, CRS84, None) if known else None})
    return json_answer({"id": fid, "collection": state.definition.id, "versions": rows})


# ---- Part 4: create, replace, update, delete


@_both("/collections/<layer_id>/items", methods=["OPTIONS"], provide_automatic_options=False)
def items_options(draft_id: str | None, layer_id: str) -> Response:
    """The methods of a collection; without POST here the pencil of QGIS stays grey."""
    _place(draft_id).state(layer_id)
    return Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS, POST"})


@_both("/collections/<layer_id>/items/<fid>", methods=["OPTIONS"], provide_automatic_options=False)
def item_options(draft_id: str | None, layer_id: str, fid: str) -> Response:  # noqa: ARG001  # for an empty layer QGIS asks for an unknown id too
    """The methods of a feature."""
    _place(draft_id).state(layer_id)
    return Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"})


@_both("/collections/<layer_id>/items", methods=["POST"])
def create(draft_id: str | None, layer_id: str) -> Response:
    """A new feature: 201 with its address; the business code is ours to give."""
    place = _place(draft_id)
    state = place.state(layer_id)
    body = _body()
    feature = _derived(state, Feature(next_code(state), _properties(state, body), _geometry(body)))
    _write(place, state, feature.id, feature, before=None)
    response = _item_answer(place, state, feature, CRS84)
    response.status_code = 201
    response.headers["Location"] = (
        f"{request.host_url.rstrip('/')}{place.base}/collections/{layer_id}/items/{feature.id}"
    )
    return response


@_both("/collections/<layer_id>/items/<fid>", methods=["PUT"])
def replace(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature replaced as a whole."""
    place = _place(draft_id)
    state = place.state(layer_id)
    before = _one(place, state, fid)
    body = _body()
    feature = _derived(state, Feature(fid, _properties(state, body), _geometry(body)))
    _write(place, state, fid, feature, before=before)
    return _item_answer(place, state, feature, CRS84)


@_both("/collections/<layer_id>/items/<fid>", methods=["PATCH"])
def update(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature with some fields, or only its geometry, changed (RFC 7396)."""
    place = _place(draft_id)
    state = place.state(layer_id)
    before = _one(place, state, fid)
    body = _body()
    given = _properties(state, {"properties": body.get("properties") or {}})
    geometry = _geometry(body) if "geometry" in body else before.geometry
    feature = _derived(state, Feature(fid, {**before.properties, **given}, geometry))
    _write(place, state, fid, feature, before=before)
    return _item_answer(place, state, feature, CRS84)


@_both("/collections/<layer_id>/items/<fid>", methods=["DELETE"])
def delete(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature deleted."""
    place = _place(draft_id)
    state = place.state(layer_id)
    _write(place, state, fid, None, before=_one(place, state, fid))
    return Response(status=204)


def _write(place: Place, state: LayerState, fid: str, after: Feature | None, *, before: Feature | None) -> None:
    who = require_account()
    operation = "add" if before is None else "delete" if after is None else "modify"
    if after is not None:
        _check(state, after)
    if place.draft is not None:
        if fid not in ever_used_ids(deployment().store, state.definition.id):
            operation = "add"
        change = DraftChange(fid=fid, operation=cast("Any", operation), after=after, base_rev=place.draft.base_rev)
        review.put_change(desk(), who, place.draft.id, change)
        return
    change = DraftChange(fid=fid, operation=cast("Any", operation), after=after, base_rev=state.revision.rev)
    if state.definition.policy.four_eyes:
        raise AccessDenied(action="此图层须经审核，请在变更单中编辑 / this layer is reviewed, edit it in a draft")
    if before is not None:
        _check_precondition(before, state)
    review.commit_directly(desk(), who, state.definition.id, change)


def _check_precondition(before: Feature, state: LayerState) -> None:
    given = request.if_match
    if not given:
        raise PreconditionRequired(what=before.id)
    if not given.contains(_etag(before)):
        raise StaleRevision(base=request.headers.get("If-Match", ""), head=state.revision.rev)


def _check(state: LayerState, feature: Feature) -> None:
    findings = [f for f in check_feature(state.definition, feature) if f.level == "block"]
    if findings:
        raise InvalidEdit(reason="；".join(f.sentence(g.lang) for f in findings))


def _derived(state: LayerState, feature: Feature) -> Feature:
    return with_derived(state.definition, feature, areas())


def _properties(state: LayerState, body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("properties")
    if not isinstance(given, dict):
        raise InvalidRequest(reason="properties 须为对象 / properties must be an object")
    unknown = given.keys() - {f.key for f in state.definition.all_fields} - {"id"}
    if unknown:
        raise InvalidEdit(reason=f"没有字段 {', '.join(sorted(unknown))} / no such field")
    return {k: v for k, v in given.items() if k != "id"}


def _geometry(body: dict[str, Any]) -> dict[str, Any] | None:
    geometry = body.get("geometry")
    if geometry is not None and not isinstance(geometry, dict):
        raise InvalidRequest(reason="geometry 须为对象或 null / geometry must be an object or null")
    system = find(request.headers.get("Content-Crs", CRS84.uri), name="Content-Crs")
    return from_wire(geometry, system)


def _body() -> dict[str, Any]:
    try:
        body = msgspec.json.decode(request.get_data())
    except msgspec.DecodeError as error:
        raise InvalidRequest(reason=f"JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRequest(reason="须为 GeoJSON 对象 / must be a GeoJSON object")
    return body


# ---- reading


def _one(place: Place, state: LayerState, fid: str) -> Feature:
    if place.draft is None:
        return deployment().store.feature(state.definition.id, fid, place.revision(state).rev)
    found = next((f for f in place.features(place.revision(state)) if f.id == fid), None)
    if found is None:
        raise FeatureNotFound(layer=state.definition.id, fid=fid)
    return found


def _item_answer(place: Place, state: LayerState, feature: Feature, system: ReferenceSystem) -> Response:
    here = f"{place.base}/collections/{state.definition.id}"
    links = [
        ogc.link(f"{here}/items/{feature.id}", "self", ogc.GEOJSON),
        ogc.link(here, "collection", ogc.JSON, state.definition.title.zh),
        ogc.link(f"/layers/{state.definition.id}/{feature.id}", "alternate", ogc.HTML),
    ]
    absolute = {"links": _absolute(links, request.host_url.rstrip("/"))}
    response = json_answer(_feature_json(feature, system, None) | absolute, mimetype=ogc.GEOJSON)
    response.set_etag(_etag(feature))
    return _with_crs(response, system)


def _etag(feature: Feature) -> str:
    return hashlib.sha256(dump_line(feature).encode()).hexdigest()[:16]


def _feature_json(feature: Feature, system: ReferenceSystem, wanted: set[str] | None) -> dict[str, Any]:
    properties = {k: v for k, v in feature.properties.items() if wanted is None or k in wanted}
    return {"type": "Feature", "id": feature.id, "geometry": to_wire(feature, system), "properties": properties}


def _query(bbox_system: ReferenceSystem) -> Query:
    arguments = request.args
    return Query(
        bbox=_bbox(arguments["bbox"], bbox_system) if "bbox" in arguments else None,
        sort=tuple(k.strip().removeprefix("+") for k in arguments.get("sortby", "").split(",") if k.strip()),
        limit=parse_count(arguments, "limit", default=DEFAULT_LIMIT, maximum=MAX_LIMIT, minimum=1),
        offset=parse_count(arguments, "offset", default=0, maximum=1 << 40),
    )


def _bbox(text: str, system: ReferenceSystem) -> Bbox:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidBbox(value=text, reason=str(error)) from None
    if len(numbers) not in (4, 6):
        raise InvalidBbox(value=text, reason=f"{len(numbers)} ≠ 4, 6")
    flat = numbers if len(numbers) == 4 else [numbers[0], numbers[1], numbers[3], numbers[4]]
    a, b, c, d = flat
    return bbox_from_wire((a, b, c, d), system)


def _conditions(state: LayerState) -> list[Any]:
    """Predicates of ``filter``, ``datetime`` and every ``field=value``."""
    conditions = [_field_condition(key) for key in request.args if state.definition.field(key)]
    text, language = request.args.get("filter", ""), request.args.get("filter-lang", "cql2-text")
    if language not in ("cql2-text", "cql2-json"):
        raise InvalidParameter(name="filter-lang", value=language, reason="cql2-text / cql2-json")
    find(request.args.get("filter-crs", CRS84.uri), name="filter-crs")
    if text and language == "cql2-json":
        try:
            conditions.append(cql.compile_json(msgspec.json.decode(text.encode()), state.definition))
        except msgspec.DecodeError as error:
            raise InvalidParameter(name="filter", value=text[:80], reason=str(error)) from None
    elif text:
        conditions.append(cql.compile_filter(text, state.definition))
    if "datetime" in request.args:
        conditions.append(_datetime_condition(request.args["datetime"]))
    return conditions


def _field_condition(key: str) -> Any:
    wanted = request.args[key]
    return lambda feature: str(feature.properties.get(key)) == wanted


def _datetime_condition(text: str) -> Any:
    """Whether ``updated_at`` lies in an instant or interval; features without a date always fit (Part 1, 7.15.4)."""
    start, slash, end = text.partition("/")
    bounds = [_instant(start), _instant(end if slash else start)]
    low, high = bounds
    if low and high and low[:10] > high[:10]:
        raise InvalidParameter(name="datetime", value=text, reason="起止颠倒 / start after end")

    def keep(feature: Feature) -> bool:
        day = feature.properties.get("updated_at")
        return not day or ((not low or day >= low[:10]) and (not high or day <= high[:10]))

    return keep


def _instant(text: str) -> str:
    import datetime

    if text in ("", ".."):
        return ""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).isoformat()
    except ValueError:
        raise InvalidParameter(name="datetime", value=text, reason="RFC 3339") from None


def _wanted_properties(state: LayerState) -> set[str] | None:
    text = request.args.get("properties", "")
    if not text:
        return None
    wanted = set(text.split(","))
    unknown = wanted - {f.key for f in state.definition.all_fields}
    if unknown:
        raise InvalidParameter(name="properties", value=text, reason=f"没有字段 / no such field: {sorted(unknown)[0]}")
    return wanted


def _links(place: Place, layer_id: str, query: Query, matched: int) -> list[dict[str, str]]:
    here = f"{place.base}/collections/{layer_id}"

    def page(rel: str, offset: int) -> dict[str, str]:
        arguments = request.args.to_dict() | {"offset": str(offset)}
        return ogc.link(f"{here}/items?{urlencode(arguments)}", rel, ogc.GEOJSON)

    links = [page("self", query.offset), ogc.link(f"/layers/{layer_id}", "alternate", ogc.HTML)]
    links.append(ogc.link(here, "collection", ogc.JSON))
    if query.offset + query.limit < matched:
        links.append(page("next", query.offset + query.limit))
    if query.offset:
        links.append(page("prev", max(0, query.offset - query.limit)))
    return links


def _system(name: str) -> ReferenceSystem:
    return find(request.args.get(name, CRS84.uri), name=name)


def _with_crs(response: Response, system: ReferenceSystem) -> Response:
    response.headers["Content-Crs"] = f"<{system.uri}>"
    return response


def _answer(body: dict[str, Any], mimetype: str = ogc.JSON) -> Response:
    """A document with absolute links: GDAL glues relative ones to the wrong place."""
    return json_answer(_absolute(body, request.host_url.rstrip("/")), mimetype=mimetype)


def _absolute(value: Any, host: str) -> Any:
    if isinstance(value, dict):
        return {k: host + v if k == "href" and v.startswith("/") else _absolute(v, host) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_absolute(item, host) for item in value]
    return value


def _check_parameters(known: set[str]) -> None:
    unknown = request.args.keys() - known
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidParameter(name=name, value=request.args[name], reason="没有这个参数 / no such parameter")


def _wants_html() -> bool:
    wanted = request.args.get("f", "")
    if wanted not in ("", "json", "html"):
        raise InvalidParameter(name="f", value=wanted, reason="json / html")
    if wanted:
        return wanted == "html"
    offered = [ogc.JSON, ogc.GEOJSON, "application/vnd.oai.openapi+json", ogc.HTML]
    best = request.accept_mimetypes.best_match(offered) if request.accept_mimetypes else ogc.JSON
    if best is None:
        raise NotAcceptable(what=str(request.accept_mimetypes))
    return best == ogc.HTML


def _page(template: str, **values: Any) -> AnyResponse:
    return Response(render_template(template, page="ogc", **values), mimetype="text/html")
