"""Drafts over HTTP: the editor's pencil, the reviewer's desk, history and rolling back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

import msgspec
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import may_edit, may_review
from geo_service.core.derived import Area, with_derived
from geo_service.core.drafts import MODES, STATES, STEPS, Decision, Draft, DraftChange
from geo_service.core.features import Feature
from geo_service.core.merge import Side
from geo_service.core.revisions import Operation, changed_fields
from geo_service.errors import DraftNotFound, InvalidParameter, InvalidRequest
from geo_service.storage.codes import ever_used_ids
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, review
from geo_service.usecases.review import ChangeView, Desk
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.session import account, require_account

blueprint = Blueprint("drafts", __name__)

LISTED = 500
"""Changes a review page lists at once; the rest follow by paging."""


def desk() -> Desk:
    """What reviewing works with here."""
    here = deployment()
    return Desk(here.store, here.drafts, here.people.audit)


def areas() -> tuple[Area, ...]:
    """The subdistricts of the present revision, for derived attributes."""
    here = deployment()
    state = next((s for s in here.store.layers() if s.definition.id == "subdistricts"), None)
    if state is None:
        return ()
    key = ("areas", state.revision.rev)
    return cast("tuple[Area, ...]", here.memo.get(key, lambda: tuple(_areas(here.views.features(state.revision)))))


def _areas(features: Sequence[Feature]) -> list[Area]:
    return [Area(f.name, shape) for f in features if (shape := f.shape()) is not None]


# ---- pages


@blueprint.get("/drafts")
def inbox() -> str:
    """What waits for me, what I made, what was decided."""
    who = require_account()
    found = [d for d in deployment().drafts.find() if _may_see(d)]
    states = {s.definition.id: s for s in visible_layers()}
    waiting = [
        d for d in found if d.state == "submitted" and may_review(who, states[d.layer].definition, author=d.owner)
    ]
    mine = [d for d in found if d.owner == who.name]
    others = [d for d in found if d not in waiting and d not in mine]
    groups = (("waiting", waiting), ("mine", mine), ("others", others[:100]))
    return render_template(
        "drafts.html",
        page="drafts",
        groups=groups,
        layers=states,
        states=STATES,
        modes=MODES,
        counts=deployment().drafts.counts,
    )


@blueprint.get("/drafts/<draft_id>")
def draft_page(draft_id: str) -> str:
    """One draft: its changes before and after, what was said, what may be done."""
    draft = _draft(draft_id)
    state = visible_layer(draft.layer)
    who = account()
    return render_template(
        "draft.html",
        page="drafts",
        draft=draft,
        layer=state,
        states=STATES,
        modes=MODES,
        steps=[
            name for name, (allowed, _, _) in STEPS.items() if draft.state in allowed and _may_step(name, draft, state)
        ],
        verbs={name: verb for name, (_, _, verb) in STEPS.items()},
        comments=deployment().drafts.comments(draft_id),
        counts=deployment().drafts.counts(draft_id),
        owns=who is not None and (who.name == draft.owner or who.is_admin),
    )


@blueprint.get("/layers/<layer_id>/compare")
def compare(layer_id: str) -> str:
    """What changed between two revisions, on a map and in a table."""
    state = visible_layer(layer_id)
    a, b = _revision_argument("a", max(1, state.revision.rev - 1)), _revision_argument("b", state.revision.rev)
    changes = deployment().store.difference(layer_id, a, b)
    return render_template(
        "compare.html", page="layers", layer=state, a=a, b=b, changes=changes[:LISTED], count=len(changes)
    )


@blueprint.post("/layers/<layer_id>/roll-back")
def roll_back(layer_id: str) -> AnyResponse:
    """A submitted draft that leads back to an earlier revision."""
    who = require_account()
    visible_layer(layer_id)
    to_rev = _number(request.form.get("to", ""), "to")
    draft = review.roll_back(desk(), who, layer_id, to_rev=to_rev, note=request.form.get("note", "").strip()[:500])
    return redirect(url_for("drafts.draft_page", draft_id=draft.id), code=303)


@blueprint.post("/drafts/<draft_id>/steps/<step>")
def step_form(draft_id: str, step: str) -> AnyResponse:
    """Submit, withdraw, reopen, return or reject, from a form."""
    who = require_account()
    _draft(draft_id)
    if step not in STEPS or step == "publish":
        raise InvalidParameter(name="step", value=step, reason=" / ".join(STEPS))
    review.take_step(desk(), who, draft_id, step)
    _comment(draft_id, who.name, request.form.get("comment", ""))
    return redirect(url_for("drafts.draft_page", draft_id=draft_id), code=303)


@blueprint.post("/drafts/<draft_id>/comments")
def comment_form(draft_id: str) -> AnyResponse:
    """Say something about a draft, from a form."""
    who = require_account()
    _draft(draft_id)
    _comment(draft_id, who.name, request.form.get("comment", ""), request.form.get("fid", ""))
    return redirect(url_for("drafts.draft_page", draft_id=draft_id), code=303)


# ---- JSON


@blueprint.get("/api/drafts/<draft_id>")
def draft_json(draft_id: str) -> Response:
    """A draft with its changes, both sides of each, as GeoJSON."""
    draft = _draft(draft_id)
    seen = review.views(desk(), draft)
    offset = _number(request.args.get("offset", "0"), "offset")
    body = _summary(draft) | {
        "head": deployment().store.layer(draft.layer).revision.rev,
        "changes": [_change_json(v) for v in seen[offset : offset + LISTED]],
        "matched": len(seen),
        "undecided": sum(not v.change.decision for v in seen),
        "clashing": sum(bool(v.merge.clashes) for v in seen),
    }
    return json_answer(body)


@blueprint.post("/api/drafts")
def create() -> AnyResponse:
    """A new open draft of a layer: ``{"layer", "note"}``."""
    who = require_account()
    body = _body()
    state = visible_layer(str(body.get("layer", "")))
    draft = review.create_draft(desk(), who, state.definition.id, (), mode="edit", note=str(body.get("note", ""))[:500])
    response = json_answer(_summary(draft))
    response.status_code = 201
    response.headers["Location"] = f"/api/drafts/{draft.id}"
    return response


@blueprint.put("/api/drafts/<draft_id>/changes/<fid>")
def put_change(draft_id: str, fid: str) -> Response:
    """Set one change: ``{"operation", "feature", "base_rev"}``; ``new`` as id gives the next free business code."""
    who = require_account()
    draft = _draft(draft_id)
    state = visible_layer(draft.layer)
    body = _body()
    operation = str(body.get("operation", "modify"))
    if operation not in get_args(Operation):
        raise InvalidParameter(name="operation", value=operation, reason=" / ".join(get_args(Operation)))
    known = next_code(state) if fid == "new" else fid
    after = None if operation == "delete" else with_derived(state.definition, _feature(known, body), areas())
    change = DraftChange(
        fid=known,
        operation=cast("Operation", operation),
        after=after,
        base_rev=int(body.get("base_rev", draft.base_rev)),
    )
    review.put_change(desk(), who, draft_id, change)
    return json_answer({"fid": known, "feature": browse.feature_json(after) if after else None})


@blueprint.delete("/api/drafts/<draft_id>/changes/<fid>")
def drop_change(draft_id: str, fid: str) -> Response:
    """Take one change out of a draft."""
    who = require_account()
    _draft(draft_id)
    review.own_draft(desk(), who, draft_id)
    deployment().drafts.drop(draft_id, fid)
    return json_answer({"fid": fid})


@blueprint.post("/api/drafts/<draft_id>/steps")
def step(draft_id: str) -> Response:
    """Take a step: ``{"step", "comment"}``."""
    who = require_account()
    _draft(draft_id)
    body = _body()
    name = str(body.get("step", ""))
    if name not in STEPS or name == "publish":
        raise InvalidParameter(name="step", value=name, reason=" / ".join(STEPS))
    done = review.take_step(desk(), who, draft_id, name)
    _comment(draft_id, who.name, str(body.get("comment", "")))
    return json_answer(_summary(done))


@blueprint.post("/api/drafts/<draft_id>/decisions")
def decide(draft_id: str) -> Response:
    """Accept or reject: ``{"fids": [...] or "undecided" or "all", "decision": "accept"|"reject"|""}``."""
    who = require_account()
    draft = _draft(draft_id)
    body = _body()
    decision = str(body.get("decision", ""))
    if decision not in get_args(Decision):
        raise InvalidParameter(name="decision", value=decision, reason=" / ".join(get_args(Decision)))
    changes = deployment().drafts.changes(draft_id)
    review.require_review(desk(), who, draft, changes)
    fids = _chosen(body.get("fids", ()), changes)
    deployment().drafts.decide(draft_id, fids, cast("Decision", decision))
    return json_answer({"decided": len(fids)})


@blueprint.post("/api/drafts/<draft_id>/settle")
def settle(draft_id: str) -> Response:
    """Decide a conflict: ``{"fid", "choices": {field: "theirs"|"mine"}}``."""
    who = require_account()
    _draft(draft_id)
    body = _body()
    choices = {str(k): cast("Side", v) for k, v in dict(body.get("choices", {})).items() if v in get_args(Side)}
    review.settle(desk(), who, draft_id, str(body.get("fid", "")), choices)
    return json_answer({"fid": body.get("fid")})


@blueprint.post("/api/drafts/<draft_id>/publish")
def publish(draft_id: str) -> Response:
    """Make a revision of the accepted changes: ``{"head": revision the reviewer saw}``."""
    who = require_account()
    _draft(draft_id)
    head = int(_body().get("head", 0))
    revision = review.publish(desk(), who, draft_id, seen_head=head)
    return json_answer(browse.revision_json(revision))


@blueprint.post("/api/drafts/<draft_id>/comments")
def comment(draft_id: str) -> Response:
    """Say something: ``{"comment", "fid"}``."""
    who = require_account()
    _draft(draft_id)
    body = _body()
    _comment(draft_id, who.name, str(body.get("comment", "")), str(body.get("fid", "")))
    return json_answer({"comments": len(deployment().drafts.comments(draft_id))})


def next_code(state: LayerState) -> str:
    """The next business code that neither the layer nor any draft of it has ever used."""
    head = f"NK-{state.definition.serial}-"
    used = ever_used_ids(deployment().store, state.definition.id)
    numbers = [int(fid[len(head) :]) for fid in used if fid.startswith(head) and fid[len(head) :].isdigit()]
    return f"{head}{max(numbers, default=0) + 1:03}"


def _chosen(wanted: Any, changes: Sequence[DraftChange]) -> list[str]:
    if wanted == "all":
        return [c.fid for c in changes]
    if wanted == "undecided":
        return [c.fid for c in changes if not c.decision]
    known = {c.fid for c in changes}
    if not isinstance(wanted, list) or not set(wanted) <= known:
        raise InvalidParameter(name="fids", value=str(wanted)[:80], reason="不在变更单中 / not in the draft")
    return list(wanted)


def _feature(fid: str, body: dict[str, Any]) -> Feature:
    given = body.get("feature")
    if not isinstance(given, dict) or not isinstance(given.get("properties"), dict):
        raise InvalidRequest(reason="feature 须为 GeoJSON 要素 / feature must be a GeoJSON Feature")
    return Feature(fid, given["properties"], given.get("geometry"))


def _change_json(view: ChangeView) -> dict[str, Any]:
    change = view.change
    own = changed_fields(view.before, change.after) if view.before and change.after else ()
    return {
        "fid": change.fid,
        "name": view.name,
        "operation": change.operation,
        "decision": change.decision,
        "comment": change.comment,
        "fields": list(own),
        "before": browse.feature_json(view.before) if view.before else None,
        "now": browse.feature_json(view.now) if view.now else None,
        "after": browse.feature_json(change.after) if change.after else None,
        "settled": view.is_settled,
        "clashes": [{"field": c.field, "base": c.base, "theirs": c.theirs, "mine": c.mine} for c in view.merge.clashes],
    }


def _summary(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "layer": draft.layer,
        "base_rev": draft.base_rev,
        "owner": draft.owner,
        "state": draft.state,
        "mode": draft.mode,
        "note": draft.note,
        "created": draft.created,
        "updated": draft.updated,
        "report": dict(draft.report),
    }


def _draft(draft_id: str) -> Draft:
    require_account()
    draft = deployment().drafts.get(draft_id)
    if not _may_see(draft):
        raise DraftNotFound(draft=draft_id)
    return draft


def _may_see(draft: Draft) -> bool:
    """Drafts are for those who may work on the layer: their owners, its editors and reviewers."""
    who = account()
    state = next((s for s in visible_layers() if s.definition.id == draft.layer), None)
    if who is None or state is None:
        return False
    return who.name == draft.owner or may_edit(who, state.definition) or may_review(who, state.definition)


def _may_step(name: str, draft: Draft, state: LayerState) -> bool:
    who = account()
    if who is None:
        return False
    if name in ("submit", "withdraw", "reopen"):
        return who.name == draft.owner or who.is_admin
    return may_review(who, state.definition, author=draft.owner)


def _comment(draft_id: str, author: str, text: str, fid: str = "") -> None:
    if text.strip():
        deployment().drafts.comment(draft_id, author=author, text=text.strip()[:2000], fid=fid)


def _body() -> dict[str, Any]:
    try:
        body = msgspec.json.decode(request.get_data())
    except msgspec.DecodeError as error:
        raise InvalidRequest(reason=f"JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRequest(reason="须为 JSON 对象 / must be a JSON object")
    return body


def _revision_argument(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return _number(text, name) if text else default


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise InvalidParameter(name=name, value=text, reason="须为整数 / a whole number")
    return int(text)
