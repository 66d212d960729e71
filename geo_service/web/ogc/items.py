"""Features, page by page and one by one, with their versions."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

import msgspec
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
from geo_service.usecases import browse, ogc
from geo_service.usecases.find import find_features
from geo_service.usecases.ogc import BASE
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment
from geo_service.web.ogc.negotiation import absolute, check_parameters, host, wants_html
from geo_service.web.ogc.pattern import asks_for_fields, pattern
from geo_service.web.ogc.places import Place, blueprint, both, place
from geo_service.web.ogc.questions import conditions, equality, feature_json, page_query, system, wanted_properties

ITEM_PARAMETERS = frozenset({
    "bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "filter", "filter-lang", "filter-crs",
    "properties", "sortby", "asOf", "f", "lang", "id",
})  # fmt: skip
WORKED_OUT = frozenset({"id", "filter", "filter-lang", "filter-crs", "datetime", "sortby", "properties"})
"""Parameters whose answer is no slice of what is published."""


@both("/collections/<layer_id>/items")
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
    body = _collection(here, definition.id, query, page.matched, len(page.features))
    body["features"] = _features(page, crs, wanted)
    return with_crs(json_answer(body, mimetype=ogc.GEOJSON), crs)


def _pattern_page(here: Place, state: LayerState, matched: int) -> Response:
    """A page before the first one, see :mod:`geo_service.web.ogc.pattern`."""
    body = _collection(here, state.definition.id, Query(limit=0, offset=0), matched, 1)
    first = f"{here.base}/collections/{state.definition.id}/items?limit=10&offset=0"
    others = [link for link in body["links"] if link["rel"] != "next"]
    body["links"] = [*others, *absolute([ogc.link(first, "next", ogc.GEOJSON)])]
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
    """A page as a join of the published bytes: by id, or along the index's curve within a bbox.

    Nothing of the layer is held in memory for it; 100 of 100 000 features take 0.1 ms.
    """
    if query.bbox:
        found = ready.find(query.bbox, query.limit, query.offset)
        matched, returned, data = found.matched, len(found.positions), ready.features(found.positions)
    else:
        matched, data = ready.count, ready.lines(query.limit, query.offset)
        returned = max(0, min(query.limit, matched - query.offset))
    head = msgspec.json.encode(_collection(here, ready.layer, query, matched, returned))
    response = Response(b'%s,"features":[%s]}' % (head[:-1], data), mimetype=ogc.GEOJSON)
    response.headers["Cache-Control"] = "no-cache"
    asked = f"{ready.etag} {request.url}".encode()
    response.set_etag(hashlib.sha256(asked).hexdigest()[:24], weak=True)
    return response


def _collection(here: Place, layer_id: str, query: Query, matched: int, returned: int) -> dict[str, Any]:
    """What a page says besides its features."""
    return {
        "type": "FeatureCollection",
        "numberMatched": matched,
        "numberReturned": returned,
        "timeStamp": deployment().now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links": absolute(_links(here, layer_id, query, matched)),
    }


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


@both("/collections/<layer_id>/items/<fid>")
def item(draft_id: str | None, layer_id: str, fid: str) -> AnyResponse:
    """One feature."""
    here = place(draft_id)
    state = here.state(layer_id)
    check_parameters(frozenset({"crs", "f", "lang", "asOf"}))
    if wants_html():
        return redirect(f"/layers/{layer_id}/{fid}")
    crs = system("crs")
    ready = _ready(here, state) if crs is CRS84 else None
    if ready:
        return with_crs(_line_answer(here, state, fid, ready.line(fid)), crs)
    return item_answer(here, state, one(here, state, fid), crs)


def _line_answer(here: Place, state: LayerState, fid: str, line: bytes | None) -> Response:
    """A feature as it was published, with its links; no question to the database."""
    if line is None:
        raise FeatureNotFound(layer=state.definition.id, fid=fid)
    links = msgspec.json.encode(absolute(_item_links(here, state, fid)))
    response = Response(b'%s,"links":%s}' % (line[:-1], links), mimetype=ogc.GEOJSON)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(_etag_of(line))
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
    links = absolute(_item_links(here, state, feature.id))
    body = feature_json(feature, to_wire(feature, crs), None) | {"links": links}
    response = json_answer(body, mimetype=ogc.GEOJSON)
    response.set_etag(etag(feature))
    return with_crs(response, crs)


def etag(feature: Feature) -> str:
    """What a feature's content is told by, whatever CRS it is answered in."""
    return _etag_of(dump_line(feature).encode())


def _etag_of(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _item_links(here: Place, state: LayerState, fid: str) -> list[dict[str, str]]:
    layer = f"{here.base}/collections/{state.definition.id}"
    return [
        ogc.link(f"{layer}/items/{fid}", "self", ogc.GEOJSON),
        ogc.link(layer, "collection", ogc.JSON, state.definition.title.zh),
        ogc.link(f"/layers/{state.definition.id}/{fid}", "alternate", ogc.HTML),
    ]


def with_crs(response: Response, crs: ReferenceSystem) -> Response:
    """The answer, naming its CRS (Part 2, requirement 16)."""
    response.headers["Content-Crs"] = f"<{crs.uri}>"
    return response


def item_address(here: Place, layer_id: str, fid: str) -> str:
    """The whole address of a feature."""
    return f"{host()}{here.base}/collections/{layer_id}/items/{fid}"


def _links(here: Place, layer_id: str, query: Query, matched: int) -> list[dict[str, str]]:
    layer = f"{here.base}/collections/{layer_id}"

    def page(rel: str, offset: int) -> dict[str, str]:
        arguments = request.args.to_dict() | {"offset": str(offset)}
        return ogc.link(f"{layer}/items?{urlencode(arguments)}", rel, ogc.GEOJSON)

    links = [page("self", query.offset), ogc.link(f"/layers/{layer_id}", "alternate", ogc.HTML)]
    links.append(ogc.link(layer, "collection", ogc.JSON))
    if query.offset + query.limit < matched:
        links.append(page("next", query.offset + query.limit))
    if query.offset:
        links.append(page("prev", max(0, query.offset - query.limit)))
    return links
