"""Drafts as JSON: the pencil on the map writes changes, the review desk decides."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, cast, get_args

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import may_review
from geo_service.core.derived import with_derived
from geo_service.core.drafts import EDITABLE, Decision, Draft, DraftChange
from geo_service.core.features import Feature, geometry_of
from geo_service.core.layers import LayerDefinition
from geo_service.core.merge import Side
from geo_service.core.revisions import Operation, changed_fields
from geo_service.core.validation import check_feature
from geo_service.errors import FeatureNotFound, InvalidEdit, InvalidParameter, InvalidRequest, one_of
from geo_service.storage.draft_pages import change_heads, change_page, changes_of, tally
from geo_service.storage.lookup import features_at
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, review
from geo_service.usecases.review import UPDATED
from geo_service.web import draft_json
from geo_service.web.answers import json_answer
from geo_service.web.bodies import read_object
from geo_service.web.current import deployment, visible_layer
from geo_service.web.drafts import (
    areas,
    desk,
    display_names,
    may_see,
    next_code,
    open_draft,
    owns,
    say,
    step_name,
    steps_of,
)
from geo_service.web.session import account, require_account

blueprint = Blueprint("draft_api", __name__)

LISTED = 200
"""Changes a page of a draft holds."""
MOST_AT_ONCE = 2_000
"""Features one bulk change may touch."""
CHINA = datetime.timezone(datetime.timedelta(hours=8))


# ---- reading


@blueprint.get("/api/layers/<layer_id>/schema")
def schema(layer_id: str) -> Response:
    """The fields of a layer with their rules, and what I may do with it."""
    who = require_account()
    return json_answer(draft_json.schema_json(who, visible_layer(layer_id).definition))


@blueprint.get("/api/drafts")
def own_drafts() -> Response:
    """My drafts that can still be edited, newest first; of one ``layer`` where it is named."""
    who = require_account()
    found = deployment().drafts.find(states=EDITABLE, layer=request.args.get("layer", ""), owner=who.name)
    return json_answer({"drafts": [draft_json.summary_json(d) for d in found if may_see(d)]})


@blueprint.get("/api/drafts/<draft_id>")
def read(draft_id: str) -> Response:
    """A draft with a page of its changes (``operation``, ``decision``, ``only=clashing``, ``limit``, ``offset``)."""
    draft = open_draft(draft_id)
    state = visible_layer(draft.layer)
    clashing = review.clashing(desk(), draft) if draft.state in (*EDITABLE, "submitted") else ()
    counts = tally(deployment().store.database, draft_id)
    changes, names = _page(draft, clashing), display_names()
    body = draft_json.summary_json(draft) | {
        "report": dict(draft.report),
        "head": state.revision.rev,
        "tally": draft_json.tally_json(counts),
        "clashing": list(clashing[:MOST_AT_ONCE]),
        "changes": [draft_json.view_json(state.definition, v) for v in review.views(desk(), draft, changes)],
        "comments": [draft_json.comment_json(c, names) for c in deployment().drafts.comments(draft_id)],
        "may": {
            "edit": owns(draft) and draft.state in EDITABLE,
            "review": draft.state == "submitted" and may_review(account(), state.definition, author=draft.owner),
            "steps": steps_of(draft, state),
        },
    }
    return json_answer(body)


def _page(draft: Draft, clashing: Sequence[str]) -> tuple[DraftChange, ...]:
    database, arguments = deployment().store.database, request.args
    limit = min(_number(arguments.get("limit", str(LISTED)), "limit"), MOST_AT_ONCE)
    offset = _number(arguments.get("offset", "0"), "offset")
    if arguments.get("only") == "clashing":
        return changes_of(database, draft.id, clashing[offset : offset + limit])
    decision = arguments.get("decision")
    return change_page(
        database,
        draft.id,
        operation=arguments.get("operation", ""),
        decision="" if decision == "undecided" else decision,
        limit=limit,
        offset=offset,
    )


# ---- editing


@blueprint.post("/api/drafts")
def create() -> AnyResponse:
    """My open draft of a layer: the one there is, else a new one (201): ``{"layer", "note", "fresh"}``."""
    who = require_account()
    body = read_object()
    state = visible_layer(str(body.get("layer", "")))
    known = deployment().drafts.find(states=EDITABLE, layer=state.definition.id, owner=who.name)
    reusable = [d for d in known if d.mode == "edit"]
    if reusable and not body.get("fresh"):
        return json_answer(draft_json.summary_json(reusable[0]))
    note = str(body.get("note", "")).strip()[:500]
    draft = review.create_draft(desk(), who, state.definition.id, (), mode="edit", note=note)
    response = json_answer(draft_json.summary_json(draft))
    response.status_code = 201
    response.headers["Location"] = f"/api/drafts/{draft.id}"
    return response


@blueprint.put("/api/drafts/<draft_id>/note")
def set_note(draft_id: str) -> Response:
    """Say what a draft is for: ``{"note"}``."""
    who = require_account()
    open_draft(draft_id)
    draft = review.set_note(desk(), who, draft_id, str(read_object().get("note", "")).strip()[:500])
    return json_answer(draft_json.summary_json(draft))


@blueprint.put("/api/drafts/<draft_id>/changes/<fid>")
def put_change(draft_id: str, fid: str) -> Response:
    """Set one change: ``{"operation": "delete"}`` or ``{"feature", "base_rev"}``; ``new`` as id gives the next free
    business code. What ends up as it was before leaves the draft."""
    draft = open_draft(draft_id)
    state = visible_layer(draft.layer)
    body = read_object()
    wanted = str(body.get("operation", "modify"))
    if wanted not in get_args(Operation):
        raise InvalidParameter(name="operation", value=wanted, reason=one_of(get_args(Operation)))
    known = next_code(state) if fid == "new" else fid
    after = None if wanted == "delete" else _feature(known, body)
    return json_answer(_put(draft, state, known, after, _base_rev(body, draft, state)))


@blueprint.post("/api/drafts/<draft_id>/changes")
def put_changes(draft_id: str) -> Response:
    """Set the same values on many features: ``{"fids", "properties", "base_rev"}``; all or none."""
    draft = open_draft(draft_id)
    state = visible_layer(draft.layer)
    body = read_object()
    fids, values = body.get("fids"), body.get("properties")
    if not isinstance(fids, list) or not isinstance(values, dict) or not 0 < len(fids) <= MOST_AT_ONCE:
        raise InvalidRequest(reason=f"fids (1 … {MOST_AT_ONCE}), properties")
    base = _base_rev(body, draft, state)
    present = _present(draft, [str(f) for f in fids], base)
    changed = {fid: Feature(fid, {**f.properties, **values}, f.geometry) for fid, f in present.items()}
    for fid, feature in changed.items():
        _require_fitting(state.definition, fid, feature)
    return json_answer({"changes": [_put(draft, state, fid, feature, base) for fid, feature in changed.items()]})


def _present(draft: Draft, fids: Sequence[str], base: int) -> dict[str, Feature]:
    """These features as the draft has them, else as they were at its base."""
    known = features_at(deployment().store, draft.layer, fids, base)
    drafted = {c.fid: c.after for c in changes_of(deployment().store.database, draft.id, fids)}
    found = {fid: drafted.get(fid, known.get(fid)) for fid in fids}
    missing = [fid for fid, feature in found.items() if feature is None]
    if missing:
        raise FeatureNotFound(layer=draft.layer, fid=missing[0])
    return {fid: feature for fid, feature in found.items() if feature is not None}


def _put(draft: Draft, state: LayerState, fid: str, after: Feature | None, base: int) -> dict[str, Any]:
    who = require_account()
    earlier = next(iter(changes_of(deployment().store.database, draft.id, [fid])), None)
    base = earlier.base_rev if earlier else base
    before = features_at(deployment().store, draft.layer, [fid], base).get(fid)
    if after is not None:
        after = _completed(state.definition, fid, after)
    if _is_nothing(before, after):
        return _dropped(draft, fid)
    operation: Operation = "delete" if after is None else "add" if before is None else "modify"
    change = DraftChange(fid=fid, operation=operation, after=after, base_rev=base)
    review.put_change(desk(), who, draft.id, change)
    (view,) = review.views(desk(), draft, [change])
    return draft_json.view_json(state.definition, view)


def _is_nothing(before: Feature | None, after: Feature | None) -> bool:
    """Whether a change changes nothing but the date of update."""
    if before is None or after is None:
        return before is after
    return set(changed_fields(before, after)) <= {UPDATED}


def _dropped(draft: Draft, fid: str) -> dict[str, Any]:
    review.own_draft(desk(), require_account(), draft.id)
    deployment().drafts.drop(draft.id, fid)
    return {"fid": fid, "operation": "", "before": None, "after": None, "fields": []}


def _completed(definition: LayerDefinition, fid: str, feature: Feature) -> Feature:
    """The feature flat and rounded, with derived fields and the date of update filled in."""
    _require_fitting(definition, fid, feature)
    day = deployment().now().astimezone(CHINA).date().isoformat()
    properties = {k: v for k, v in feature.properties.items() if v is not None} | {UPDATED: day}
    flat = Feature(fid, properties, geometry_of(feature.shape()))
    return with_derived(definition, flat, areas())


def _require_fitting(definition: LayerDefinition, fid: str, feature: Feature) -> None:
    try:
        findings = [f for f in check_feature(definition, feature) if f.level == "block"]
    except (OverflowError, RecursionError) as error:
        raise InvalidRequest(reason=f"{fid}: {error}") from None
    if findings:
        raise InvalidEdit(findings=findings)


@blueprint.delete("/api/drafts/<draft_id>/changes/<fid>")
def drop_change(draft_id: str, fid: str) -> Response:
    """Take one change out of a draft."""
    return json_answer(_dropped(open_draft(draft_id), fid))


# ---- reviewing


@blueprint.post("/api/drafts/<draft_id>/steps")
def step(draft_id: str) -> Response:
    """Take a step: ``{"step", "comment"}``."""
    who = require_account()
    open_draft(draft_id)
    body = read_object()
    done = review.take_step(desk(), who, draft_id, step_name(str(body.get("step", ""))))
    say(draft_id, who.name, str(body.get("comment", "")))
    return json_answer(draft_json.summary_json(done))


@blueprint.post("/api/drafts/<draft_id>/decisions")
def decide(draft_id: str) -> Response:
    """Accept or reject: ``{"fids": [...] or "undecided" or "all", "decision": "accept"|"reject"|""}``."""
    who = require_account()
    open_draft(draft_id)
    body = read_object()
    decision = str(body.get("decision", ""))
    if decision not in get_args(Decision):
        raise InvalidParameter(name="decision", value=decision, reason=one_of(get_args(Decision)))
    count = review.decide(desk(), who, draft_id, _chosen(draft_id, body.get("fids", ())), cast("Decision", decision))
    counts = tally(deployment().store.database, draft_id)
    return json_answer({"decided": count, "tally": draft_json.tally_json(counts)})


@blueprint.post("/api/drafts/<draft_id>/settle")
def settle(draft_id: str) -> Response:
    """Decide a conflict: ``{"fid", "choices": {field: "theirs"|"mine"}}``."""
    who = require_account()
    draft = open_draft(draft_id)
    body = read_object()
    fid, given = str(body.get("fid", "")), body.get("choices")
    if not isinstance(given, dict):
        raise InvalidRequest(reason="choices")
    choices = {str(k): cast("Side", v) for k, v in given.items() if v in get_args(Side)}
    review.settle(desk(), who, draft_id, fid, choices)
    changes = changes_of(deployment().store.database, draft_id, [fid])
    (view,) = review.views(desk(), draft, changes)
    return json_answer(draft_json.view_json(visible_layer(draft.layer).definition, view))


@blueprint.post("/api/drafts/<draft_id>/publish")
def publish(draft_id: str) -> Response:
    """Make a revision of the accepted changes: ``{"head": revision the reviewer saw, "comment"}``."""
    who = require_account()
    open_draft(draft_id)
    body = read_object()
    head = body.get("head")
    if not isinstance(head, int):
        raise InvalidParameter(name="head", value=str(head)[:40], reason="须为整数 / a whole number")
    revision = review.publish(desk(), who, draft_id, seen_head=head)
    say(draft_id, who.name, str(body.get("comment", "")))
    return json_answer(browse.revision_json(revision))


@blueprint.post("/api/drafts/<draft_id>/comments")
def comment(draft_id: str) -> Response:
    """Say something: ``{"comment", "fid"}``."""
    who = require_account()
    open_draft(draft_id)
    body = read_object()
    say(draft_id, who.name, str(body.get("comment", "")), str(body.get("fid", "")))
    said = deployment().drafts.comments(draft_id)
    return json_answer({"comments": [draft_json.comment_json(c, display_names()) for c in said]})


# ---- inside


def _chosen(draft_id: str, wanted: Any) -> list[str]:
    heads = change_heads(deployment().store.database, draft_id)
    if wanted == "all":
        return [h.fid for h in heads]
    if wanted == "undecided":
        return [h.fid for h in heads if not h.decision]
    if not isinstance(wanted, list) or not {str(f) for f in wanted} <= {h.fid for h in heads}:
        raise InvalidParameter(name="fids", value=str(wanted)[:80], reason="不在变更单中 / not in the draft")
    return [str(f) for f in wanted]


def _feature(fid: str, body: dict[str, Any]) -> Feature:
    given = body.get("feature")
    if not isinstance(given, dict) or not isinstance(given.get("properties"), dict):
        raise InvalidRequest(reason="feature 须为 GeoJSON 要素 / feature must be a GeoJSON Feature")
    geometry = given.get("geometry")
    if geometry is not None and not isinstance(geometry, dict):
        raise InvalidRequest(reason="geometry 须为对象或 null / geometry must be an object or null")
    return Feature(fid, given["properties"], geometry)


def _base_rev(body: dict[str, Any], draft: Draft, state: LayerState) -> int:
    """The revision the author saw."""
    rev = body.get("base_rev", draft.base_rev)
    if not isinstance(rev, int) or isinstance(rev, bool) or not 1 <= rev <= state.revision.rev:
        raise InvalidParameter(name="base_rev", value=str(rev)[:40], reason=f"1 … {state.revision.rev}")
    return rev


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise InvalidParameter(name=name, value=text[:40], reason="须为整数 / a whole number")
    return int(text)
