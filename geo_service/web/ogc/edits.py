"""Part 4: create, replace, update, delete. Published features demand ``If-Match``, drafts take plain requests."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, request

from geo_service.core.derived import with_derived
from geo_service.core.drafts import DraftChange
from geo_service.core.features import Feature
from geo_service.core.reference_systems import CRS84, ReferenceSystem, find, from_wire
from geo_service.core.validation import check_feature
from geo_service.errors import (
    InvalidEdit,
    InvalidRequest,
    NeedsReview,
    PreconditionRequired,
    StaleRevision,
)
from geo_service.storage.lookup import features_at
from geo_service.storage.store import LayerState
from geo_service.usecases import review
from geo_service.usecases.openapi import FEATURE_KINDS, PATCH_KINDS
from geo_service.web.bodies import read_object, require_kind
from geo_service.web.current import deployment
from geo_service.web.drafts import areas, desk, next_code
from geo_service.web.ogc.items import etag, item_address, item_answer, one
from geo_service.web.ogc.negotiation import check_parameters
from geo_service.web.ogc.places import OWN_OPTIONS, Place, both, place
from geo_service.web.session import require_account

ITEMS, ITEM = "/collections/<layer_id>/items", "/collections/<layer_id>/items/<fid>"


@both(ITEMS, methods=["OPTIONS"], **OWN_OPTIONS)
def items_options(draft_id: str | None, layer_id: str) -> Response:
    """The methods of a collection; without POST here the pencil of QGIS stays grey."""
    place(draft_id).state(layer_id)
    headers = {"Allow": "GET, HEAD, OPTIONS, POST", "Accept-Post": ", ".join(FEATURE_KINDS)}
    return Response(headers=headers)


@both(ITEM, methods=["OPTIONS"], **OWN_OPTIONS)
def item_options(draft_id: str | None, layer_id: str, fid: str) -> Response:  # noqa: ARG001  # for an empty layer QGIS asks for an unknown id too
    """The methods of a feature."""
    place(draft_id).state(layer_id)
    headers = {"Allow": "GET, HEAD, OPTIONS, PUT, PATCH, DELETE", "Accept-Patch": ", ".join(PATCH_KINDS)}
    return Response(headers=headers)


@both(ITEMS, methods=["POST"], **OWN_OPTIONS)
def create(draft_id: str | None, layer_id: str) -> Response:
    """A new feature: 201 with its address; the business code is ours to give."""
    here = place(draft_id)
    state = here.state(layer_id)
    _require_writer(here, state)
    body = _body()
    feature = _derived(state, Feature(next_code(state), _properties(body), _geometry(body)))
    feature = _sent_before(here, feature) or feature
    _write(here, state, feature.id, feature, before=None)
    response = item_answer(here, state, feature, CRS84)
    response.status_code = 201
    response.headers["Location"] = item_address(here, layer_id, feature.id)
    return response


@both(ITEM, methods=["PUT"], **OWN_OPTIONS)
def replace(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature replaced as a whole."""
    here = place(draft_id)
    state = here.state(layer_id)
    _require_writer(here, state)
    before = one(here, state, fid)
    body = _body()
    feature = _derived(state, Feature(fid, _properties(body), _geometry(body)))
    _write(here, state, fid, feature, before=before)
    return item_answer(here, state, feature, CRS84)


@both(ITEM, methods=["PATCH"], **OWN_OPTIONS)
def update(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature with some fields, or only its geometry, changed (RFC 7396)."""
    here = place(draft_id)
    state = here.state(layer_id)
    _require_writer(here, state)
    before = one(here, state, fid)
    body = _body()
    given = _properties({"properties": body.get("properties") or {}})
    geometry = _geometry(body) if "geometry" in body else before.geometry
    feature = _derived(state, Feature(fid, {**before.properties, **given}, geometry))
    _write(here, state, fid, feature, before=before)
    return item_answer(here, state, feature, CRS84)


@both(ITEM, methods=["DELETE"], **OWN_OPTIONS)
def delete(draft_id: str | None, layer_id: str, fid: str) -> Response:
    """A feature deleted."""
    here = place(draft_id)
    state = here.state(layer_id)
    _require_writer(here, state)
    check_parameters()
    _write(here, state, fid, None, before=one(here, state, fid))
    return Response(status=204)


def _sent_before(here: Place, feature: Feature) -> Feature | None:
    """The same feature, where the draft has it already: QGIS stops a save at the first feature that is refused, and
    sends those before it once more at the next."""
    changes = deployment().drafts.changes(here.draft.id) if here.draft else ()
    added = (c.after for c in changes if c.operation == "add" and c.after)
    return next((f for f in added if (f.properties, f.geometry) == (feature.properties, feature.geometry)), None)


def _require_writer(here: Place, state: LayerState) -> None:
    """Nobody is told what is wrong with a body they may not send."""
    require_account()
    if here.draft is None and state.definition.policy.four_eyes:
        raise NeedsReview(layer=state.definition.id)


def _write(here: Place, state: LayerState, fid: str, after: Feature | None, *, before: Feature | None) -> None:
    if here.draft is None and before is not None:
        _check_precondition(before)
    if after is not None:
        _check(state, after)
    if here.draft is not None:
        _put(here, state, fid, after, before=before)
        return
    change = DraftChange(fid=fid, operation=_operation(after, before), after=after, base_rev=state.revision.rev)
    review.commit_directly(desk(), require_account(), state.definition.id, change)


def _put(here: Place, state: LayerState, fid: str, after: Feature | None, *, before: Feature | None) -> None:
    """One change more in the draft; what only the draft has stays an addition however often it is changed."""
    assert here.draft  # noqa: S101  # only called for drafts
    base = here.draft.base_rev
    published = before and features_at(deployment().store, state.definition.id, [fid], base).get(fid)
    change = DraftChange(fid=fid, operation=_operation(after, published), after=after, base_rev=base)
    review.put_change(desk(), require_account(), here.draft.id, change)


def _operation(after: Feature | None, before: Feature | None) -> Any:
    return cast("Any", "add" if before is None else "delete" if after is None else "modify")


def _check_precondition(before: Feature) -> None:
    given = request.if_match
    if not given:
        raise PreconditionRequired(what=before.id)
    if not given.contains(etag(before)):
        raise StaleRevision(base=request.headers.get("If-Match", ""), head=f'"{etag(before)}"')


def _check(state: LayerState, feature: Feature) -> None:
    findings = [f for f in check_feature(state.definition, feature) if f.level == "block"]
    if findings:
        raise InvalidEdit(findings=findings)


def _derived(state: LayerState, feature: Feature) -> Feature:
    return with_derived(state.definition, feature, areas())


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("properties")
    if not isinstance(given, dict):
        raise InvalidRequest(reason="properties 须为对象 / properties must be an object")
    return {k: v for k, v in given.items() if k != "id"}


def _geometry(body: dict[str, Any]) -> dict[str, Any] | None:
    geometry = body.get("geometry")
    if geometry is not None and not isinstance(geometry, dict):
        raise InvalidRequest(reason="geometry 须为对象或 null / geometry must be an object or null")
    return from_wire(geometry, _content_crs())


def _content_crs() -> ReferenceSystem:
    """The CRS of the body, with or without angle brackets: QGIS sends it without."""
    return find(request.headers.get("Content-Crs", CRS84.uri), name="Content-Crs")


def _body() -> dict[str, Any]:
    check_parameters()
    require_kind(PATCH_KINDS if request.method == "PATCH" else FEATURE_KINDS)
    _content_crs()
    return read_object()
