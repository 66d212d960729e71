"""Features, page by page and one by one, with their versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line
from geo_service.core.query import FeaturePage, Query
from geo_service.core.reference_systems import CRS84, ReferenceSystem, to_wire
from geo_service.errors import FeatureNotFound
from geo_service.storage.draft_pages import changes_of
from geo_service.storage.published import PublishedRevision
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, item_pages, ogc
from geo_service.usecases.find import find_features
from geo_service.usecases.item_pages import Address
from geo_service.usecases.ogc import BASE
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment
from geo_service.web.ogc.negotiation import check_parameters, host, wants_html
from geo_service.web.ogc.pattern import asks_for_fields, pattern
from geo_service.web.ogc.places import OWN_OPTIONS, Place, blueprint, both, place
from geo_service.web.ogc.questions import conditions, equality, feature_json, page_query, system, wanted_properties

ITEM_PARAMETERS = frozenset({
    "bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "filter", "filter-lang", "filter-crs",
    "properties", "sortby", "asOf", "f", "lang", "id",
})  # fmt: skip
WORKED_OUT = frozenset({"id", "filter", "filter-lang", "filter-crs", "datetime", "sortby", "properties"})
"""Parameters whose answer is no slice of what is published."""


@both("/collections/<layer_id>/items", **OWN_OPTIONS)
def items(draft_id: str | None, layer_id: str) -> AnyResponse:
    """A page of features."""
    here = place(draft_id)
    state = here.state(layer_id)
    definition = state.definition
    check_parameters(ITEM_PARAMETERS | {f.key for f in definition.all_fields})
    if wants_html():
        return redirect(f"/layers/{definition.id}")
    crs, query, wanted = system("crs"), page_query(), wanted_properties(definition)
    plain = crs is CRS84 and not request.args.keys() & WORKED_OUT and equality(definition) is None
    ready = _ready(here, state) if plain else None
    if ready:
        return with_crs(_as_published(here, ready, query), crs)
    page = _found(here, state, query)
    if here.draft is not None and asks_for_fields():
        return with_crs(_pattern_page(here, state, page.matched), crs)
    counts = page.matched, len(page.features)
    body = item_pages.collection(_address(here), definition.id, query, counts, deployment().now())
    body["features"] = _features(page, crs, wanted)
    return with_crs(json_answer(body, mimetype=ogc.GEOJSON), crs)


def _pattern_page(here: Place, state: LayerState, matched: int) -> Response:
    """A page before the first one, see :mod:`geo_service.web.ogc.pattern`."""
    layer_id, address = state.definition.id, _address(here)
    body = item_pages.collection(address, layer_id, Query(limit=0, offset=0), (matched, 1), deployment().now())
    first = f"{address.collection(layer_id)}/items?limit=10&offset=0"
    others = [link for link in body["links"] if link["rel"] != "next"]
    body["links"] = [*others, ogc.link(first, "next", ogc.GEOJSON)]
    body["features"] = browse.features_json((pattern(state.definition),))
    return json_answer(body, mimetype=ogc.GEOJSON)


def _ready(here: Place, state: LayerState) -> PublishedRevision | None:
    """The revision asked for as published bytes; None in a draft, and where changes lie over a large layer's bytes."""
    if here.draft is not None:
        return None
    revision = here.revision(state)
    large = deployment().views.large(revision)
    if large is None:
        return deployment().publisher.revision(revision.layer, revision.rev)
    return None if large.changes else large.base


def _as_published(here: Place, ready: PublishedRevision, query: Query) -> Response:
    """A page that is a join of published bytes."""
    parts, tag = item_pages.page_parts(ready, query, _address(here), deployment().now())
    data = b"".join(parts)
    response = Response(data, mimetype=ogc.GEOJSON)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(tag, weak=True)
    return response


def _address(here: Place) -> Address:
    return Address(host(), here.base, urlencode({k: v for k, v in request.args.items() if k != "offset"}))


def _found(here: Place, state: LayerState, query: Query) -> FeaturePage:
    """The page of features that fit; for what is published an index answers a bbox or a text."""
    revision, keeps, views = here.revision(state), conditions(state.definition), deployment().views
    equal = equality(state.definition) if here.draft is None and views.large(revision) is None else None
    if equal:
        return find_features(state.definition, views.equal_to(revision, *equal), query, keeps)
    return here.find(state, query, keeps)


def _features(page: FeaturePage, crs: ReferenceSystem, wanted: set[str] | None) -> Any:
    if crs is CRS84 and wanted is None:
        return browse.features_json(page.features)
    return [feature_json(f, to_wire(f, crs), wanted) for f in page.features]


@both("/collections/<layer_id>/items/<fid>", **OWN_OPTIONS)
def item(draft_id: str | None, layer_id: str, fid: str) -> AnyResponse:
    """One feature."""
    here = place(draft_id)
    state = here.state(layer_id)
    check_parameters(frozenset({"crs", "f", "lang", "asOf"}))
    if wants_html():
        return redirect(f"/layers/{layer_id}/{quote(fid, safe='')}")
    crs = system("crs")
    ready = _ready(here, state) if crs is CRS84 else None
    if ready:
        return with_crs(_line_answer(here, state, fid, ready.line(fid)), crs)
    return item_answer(here, state, one(here, state, fid), crs)


def _line_answer(here: Place, state: LayerState, fid: str, line: bytes | None) -> Response:
    """A feature as it was published, with its links; no question to the database."""
    if line is None:
        raise FeatureNotFound(layer=state.definition.id, fid=fid)
    data, tag = item_pages.feature_bytes(line, _item_links(here, state, fid))
    response = Response(data, mimetype=ogc.GEOJSON)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(tag)
    return response


@blueprint.get(f"{BASE}/collections/<layer_id>/items/<fid>/versions")
def versions(layer_id: str, fid: str) -> Response:
    """Every version of a feature, newest first, each with its revision."""
    check_parameters()
    state = place(None).state(layer_id)
    history = deployment().store.feature_history(layer_id, fid)
    if not history:
        raise FeatureNotFound(layer=layer_id, fid=fid)
    rows = [browse.revision_json(r) | {"feature": _version(layer_id, fid, r.rev)} for r in history]
    return json_answer({"id": fid, "collection": state.definition.id, "versions": rows})


def _version(layer_id: str, fid: str, rev: int) -> dict[str, Any] | None:
    """The feature at a revision, None where that revision took it away."""
    try:
        found = deployment().store.feature(layer_id, fid, rev)
    except FeatureNotFound:
        return None
    return feature_json(found, to_wire(found, CRS84), None)


def one(here: Place, state: LayerState, fid: str) -> Feature:
    """A feature as it is seen here.

    Raises
    ------
    FeatureNotFound
        There is none.
    """
    changes = changes_of(deployment().store.database, here.draft.id, [fid]) if here.draft else ()
    if not changes:
        return deployment().store.feature(state.definition.id, fid, here.revision(state).rev)
    found = changes[0].after
    if found is None:
        raise FeatureNotFound(layer=state.definition.id, fid=fid)
    return found


def item_answer(here: Place, state: LayerState, feature: Feature, crs: ReferenceSystem) -> Response:
    """A feature with its links, its CRS, and the ETag that ``If-Match`` asks for."""
    links = _item_links(here, state, feature.id)
    body = feature_json(feature, to_wire(feature, crs), None) | {"links": links}
    response = json_answer(body, mimetype=ogc.GEOJSON)
    response.set_etag(etag(feature))
    return with_crs(response, crs)


def etag(feature: Feature) -> str:
    """What a feature's content is told by, whatever CRS it is answered in."""
    return item_pages.line_etag(dump_line(feature).encode())


def _item_links(here: Place, state: LayerState, fid: str) -> list[dict[str, str]]:
    return item_pages.feature_links(Address(host(), here.base), state.definition, fid)


def with_crs(response: Response, crs: ReferenceSystem) -> Response:
    """The answer, naming its CRS (Part 2, requirement 16)."""
    response.headers["Content-Crs"] = f"<{crs.uri}>"
    return response


def item_address(here: Place, layer_id: str, fid: str) -> str:
    """The whole address of a feature."""
    return f"{host()}{here.base}/collections/{layer_id}/items/{fid}"
