"""Metadata records of the layers, and the feed of their changes."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT, parse_count
from geo_service.errors import InvalidParameter, one_of
from geo_service.usecases import feed, ogc, records
from geo_service.usecases.as_of import moment_of
from geo_service.usecases.ogc import BASE
from geo_service.web.current import deployment, visible_layers
from geo_service.web.ogc.negotiation import PLAIN, answer, check_parameters, host
from geo_service.web.ogc.places import blueprint, place

CHANGES_KEPT = 1000
"""Revisions in one answer of the feed; earlier ones by each layer's own history."""


@blueprint.get(f"{BASE}/records")
def catalogue() -> AnyResponse:
    """The records of the layers: ``q``, ``limit``, ``offset``."""
    check_parameters(PLAIN | {"q", "limit", "offset"})
    if _form("json", "html") == "html":
        return redirect("/layers")
    body = records.catalogue(
        visible_layers(),
        deployment().views,
        text=request.args.get("q", "").strip()[:200],
        limit=parse_count(request.args, "limit", default=DEFAULT_LIMIT, maximum=MAX_LIMIT, minimum=1),
        offset=parse_count(request.args, "offset", default=0, maximum=1 << 40),
    )
    return answer(body, ogc.GEOJSON)


@blueprint.get(f"{BASE}/records/<layer_id>")
def metadata(layer_id: str) -> AnyResponse:
    """The record of a layer; ``f=iso19139`` for the XML that metadata catalogues take."""
    check_parameters()
    state = place(None).state(layer_id)
    form = _form("json", "html", "iso19139")
    if form == "html":
        return redirect(f"/layers/{state.definition.id}")
    if form == "iso19139":
        return Response(records.iso_19139(host(), state, deployment().views), mimetype=records.ISO)
    return answer(records.record(state, deployment().views), ogc.GEOJSON)


@blueprint.get(f"{BASE}/changes")
def changes() -> Response:
    """The revisions of all layers, newest first: ``since`` (day or moment), ``limit``; ``f=atom`` for feed readers."""
    check_parameters(PLAIN | {"since", "limit"})
    form = _form("json", "atom")
    text = request.args.get("since", "")
    since = moment_of(text, name="since") if text else ""
    limit = parse_count(request.args, "limit", default=DEFAULT_LIMIT, maximum=CHANGES_KEPT, minimum=1)
    found = feed.entries(deployment().store, visible_layers(), since=since, limit=limit)
    if form == "atom":
        now = deployment().now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return Response(feed.as_atom(host(), found, now), mimetype=feed.ATOM)
    return answer(feed.as_json(found))


@blueprint.get(f"{BASE}/collections/<layer_id>/changes")
def layer_changes(layer_id: str) -> Response:
    """What leads from revision ``since`` to ``until`` (the head by default): enough to bring a copy up to date."""
    check_parameters(PLAIN | {"since", "until", "limit", "offset"})
    state, store = place(None).state(layer_id), deployment().store
    head = state.revision.rev
    since = parse_count(request.args, "since", default=0, maximum=1 << 40)
    until = parse_count(request.args, "until", default=head, maximum=1 << 40, minimum=1)
    if since > until:
        raise InvalidParameter(name="since", value=since, reason=f"须不大于 {until} / it must be {until} or less")
    for rev in {since, until} - {0}:
        store.revision(layer_id, rev)  # one there never was is not found
    body = feed.changes_json(
        feed.between(store, layer_id, since, until),
        layer=layer_id,
        since=since,
        until=until,
        offset=parse_count(request.args, "offset", default=0, maximum=1 << 40),
        limit=parse_count(request.args, "limit", default=MAX_LIMIT, maximum=MAX_LIMIT, minimum=1),
    )
    return answer(body)


def _form(*known: str) -> str:
    wanted = request.args.get("f", "") or known[0]
    if wanted not in known:
        raise InvalidParameter(name="f", value=wanted[:20], reason=one_of(known))
    return wanted
