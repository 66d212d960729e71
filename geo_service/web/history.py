"""What was when: revisions of a layer, what lies between two of them, going back, editions, layers out of service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import Account, may_edit, may_review
from geo_service.core.query import parse_count
from geo_service.core.revisions import Change, Revision
from geo_service.errors import AccessDenied, InvalidParameter, RevisionNotFound
from geo_service.storage import retired
from geo_service.storage.lookup import deleted_features
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, undoing
from geo_service.usecases.as_of import EDITION, moment_of
from geo_service.web import draft_json
from geo_service.web.answers import json_answer
from geo_service.web.as_of import editions, revision_as_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.drafts import desk, display_names, map_places
from geo_service.web.session import account, require_account

blueprint = Blueprint("history", __name__)

PAGE = 50
CHANGES = 200
MOST_CHANGES = 2_000
LONGEST_NAME = 60


@blueprint.get("/layers/<layer_id>/history")
def history(layer_id: str) -> str:
    """The revisions of a layer: who, when, what, why; what was deleted; where one can go back to."""
    state, who = visible_layer(layer_id), account()
    found = deployment().store.revisions(layer_id)
    last = max(1, -(-len(found) // PAGE))
    number = parse_count(request.args, "page", default=1, maximum=last, minimum=1)
    return render_template(
        "history.html",
        page="layers",
        layer=state,
        revisions=found[(number - 1) * PAGE : number * PAGE],
        number_of_page=number,
        pages=last,
        count=len(found),
        deleted=deleted_features(deployment().store, layer_id),
        may_edit=may_edit(who, state.definition),
        may_retire=who is not None and who.is_admin,
        people=display_names() if who else {},
    )


# ---- between two revisions


@blueprint.get("/layers/<layer_id>/compare")
def compare(layer_id: str) -> str:
    """What changed between two revisions, on a map and in a table."""
    state = visible_layer(layer_id)
    before, after = _pair(state)
    store = deployment().store
    found = store.difference(layer_id, before.rev, after.rev)
    return render_template(
        "compare.html",
        page="layers",
        layer=state,
        before=before,
        after=after,
        counts=_counts(found),
        redefined=store.definition(layer_id, before.rev) != store.definition(layer_id, after.rev),
        revisions=store.revisions(layer_id)[:MOST_CHANGES],
        may_edit=may_edit(account(), state.definition),
        people=display_names() if account() else {},
        **map_places(),
    )


@blueprint.get("/api/layers/<layer_id>/changes")
def changes(layer_id: str) -> Response:
    """What leads from revision ``a`` to ``b`` (each as ``asOf``): ``operation``, ``limit``, ``offset``."""
    state = visible_layer(layer_id)
    before, after = _pair(state)
    found = deployment().store.difference(layer_id, before.rev, after.rev)
    counts = _counts(found)
    if request.args.get("operation"):
        found = tuple(c for c in found if c.operation == request.args["operation"])
    limit = parse_count(request.args, "limit", default=CHANGES, maximum=MOST_CHANGES, minimum=1)
    offset = parse_count(request.args, "offset", default=0, maximum=1 << 40)
    body = {
        "layer": layer_id,
        "a": browse.revision_json(before),
        "b": browse.revision_json(after),
        "tally": {"total": sum(counts.values()), "operations": counts, "decisions": {}},
        "changes": [draft_json.difference_json(state.definition, c) for c in found[offset : offset + limit]],
    }
    return json_answer(body)


def _pair(state: LayerState) -> tuple[Revision, Revision]:
    head = state.revision.rev
    a, b = request.args.get("a", ""), request.args.get("b", "")
    after = revision_as_of(state, b or str(head))
    return revision_as_of(state, a or str(max(1, after.rev - 1))), after


def _counts(found: Sequence[Change]) -> dict[str, int]:
    return {op: sum(c.operation == op for c in found) for op in ("add", "modify", "delete")}


# ---- going back


@blueprint.post("/layers/<layer_id>/roll-back")
def roll_back(layer_id: str) -> AnyResponse:
    """A submitted draft that leads back to an earlier revision."""
    who = require_account()
    state = visible_layer(layer_id)
    to_rev = revision_as_of(state, request.form.get("to", "").strip().removeprefix("r")).rev
    draft = undoing.roll_back(desk(), who, layer_id, to_rev=to_rev, note=_note())
    return redirect(url_for("drafts.draft_page", draft_id=draft.id), code=303)


@blueprint.post("/layers/<layer_id>/undo")
def undo(layer_id: str) -> AnyResponse:
    """A submitted draft that takes one revision (``rev``) back and keeps what came after."""
    who = require_account()
    visible_layer(layer_id)
    rev = parse_count(request.form, "rev", default=0, maximum=1 << 40, minimum=1)
    draft = undoing.undo(desk(), who, layer_id, rev=rev, note=_note())
    return redirect(url_for("drafts.draft_page", draft_id=draft.id), code=303)


@blueprint.post("/layers/<layer_id>/<fid>/restore")
def restore_feature(layer_id: str, fid: str) -> AnyResponse:
    """A submitted draft that brings a deleted feature back."""
    who = require_account()
    visible_layer(layer_id)
    draft = undoing.restore_feature(desk(), who, layer_id, fid)
    return redirect(url_for("drafts.draft_page", draft_id=draft.id), code=303)


def _note() -> str:
    return request.form.get("note", "").strip()[:500]


# ---- all layers as of a day, and editions


@blueprint.get("/as-of")
def as_of() -> str:
    """Every layer as it was at a day or moment, with the map of it."""
    text = request.args.get("date", "").strip()
    moment = moment_of(text) if text else ""
    heads = _heads_at(text) if text else {}
    return render_template(
        "as_of.html",
        page="layers",
        date=text,
        at=moment,
        rows=_rows(heads),
        other=None,
        map_url=map_as_of(text),
        editions=editions().all(),
    )


def _heads_at(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in visible_layers():
        try:
            found[state.definition.id] = revision_as_of(state, text).rev
        except RevisionNotFound:
            continue
    return found


def _rows(heads: dict[str, int], later: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
    """Each visible layer with its revision then and how many features changed up to now, or up to later heads; those
    that changed come first."""
    here = deployment()
    rows = []
    for state in sorted(visible_layers(), key=lambda s: s.definition.title.zh):
        rev = heads.get(state.definition.id)
        then = here.store.revision(state.definition.id, rev) if rev else None
        until = state.revision.rev if later is None else later.get(state.definition.id)
        compared = rev is not None and until is not None and rev != until
        since = here.store.difference(state.definition.id, rev, until) if compared else ()  # type: ignore[arg-type]  # both are numbers where they are compared
        rows.append({"layer": state, "then": then, "until": until, "counts": _counts(since), "since": len(since)})
    return sorted(rows, key=lambda row: not row["since"])


def map_as_of(text: str) -> str:
    """The address of the map as of a day or an edition."""
    return f"/#asof={quote(text, safe=':')}" if text else "/"


@blueprint.get("/editions")
def edition_list() -> str:
    """The named editions, and the form to name the present state."""
    return render_template(
        "editions.html",
        page="layers",
        editions=editions().all(),
        may_name=_may_name(),
        may_remove=_is_admin(),
        people=display_names() if account() else {},
    )


@blueprint.post("/editions")
def name_edition() -> AnyResponse:
    """Give the present state of all layers a name, or that of a past day."""
    who = require_account()
    if not _may_name():
        raise AccessDenied(action="命名数据版次 / name an edition")
    name, day = request.form.get("name", "").strip(), request.form.get("date", "").strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("/\\?#%"):
        reason = f"须为 1 至 {LONGEST_NAME} 个字符，不含 / \\ ? # % / 1 to {LONGEST_NAME} characters"
        raise InvalidParameter(name="name", value=name[:80], reason=reason)
    heads = _heads_at(day) if day else {s.definition.id: s.revision.rev for s in visible_layers()}
    editions().add(name, heads, by=who.name, note=_note())
    deployment().people.audit.record(actor=who.name, action="edition-add", target=name, heads=heads)
    return redirect(url_for("history.edition", name=name), code=303)


@blueprint.get("/editions/<name>")
def edition(name: str) -> str:
    """One edition: each layer as it was, and what changed since, or up to another edition (``with``)."""
    found = editions().get(name)
    other = editions().get(request.args["with"]) if request.args.get("with") else None
    visible = {s.definition.id for s in visible_layers()}
    heads = {layer: rev for layer, rev in found.heads.items() if layer in visible}
    return render_template(
        "edition.html",
        page="layers",
        edition=found,
        rows=[r for r in _rows(heads, other.heads if other else None) if r["then"]],
        other=other,
        others=[e for e in editions().all() if e.name != name],
        map_url=map_as_of(f"{EDITION}{found.name}"),
        may_remove=_is_admin(),
        people=display_names() if account() else {},
    )


@blueprint.post("/editions/<name>/remove")
def remove_edition(name: str) -> AnyResponse:
    """Forget a name; the revisions stay."""
    who = _require_admin()
    editions().remove(name)
    deployment().people.audit.record(actor=who.name, action="edition-remove", target=name)
    return redirect(url_for("history.edition_list"), code=303)


# ---- layers out of service


@blueprint.get("/admin/layers")
def layers_in_service() -> str:
    """Layers in and out of service."""
    _require_admin()
    return render_template(
        "admin_layers.html",
        page="admin",
        states=sorted(deployment().store.layers(), key=lambda s: s.definition.title.zh),
        retired=retired.retired_layers(deployment().store),
    )


@blueprint.post("/admin/layers/<layer_id>/retire")
def retire(layer_id: str) -> AnyResponse:
    """Take a layer out of service; its id must be typed."""
    who = _require_admin()
    if request.form.get("typed", "").strip() != layer_id:
        raise InvalidParameter(name="typed", value=request.form.get("typed", "")[:80], reason=f"≠ {layer_id}")
    retired.retire_layer(deployment().store, layer_id)
    deployment().people.audit.record(actor=who.name, action="layer-retire", target=layer_id)
    return redirect(url_for("history.layers_in_service"), code=303)


@blueprint.post("/admin/layers/<layer_id>/restore")
def restore_layer(layer_id: str) -> AnyResponse:
    """Bring a layer back into service."""
    who = _require_admin()
    retired.restore_layer(deployment().store, layer_id)
    deployment().people.audit.record(actor=who.name, action="layer-restore", target=layer_id)
    return redirect(url_for("history.layers_in_service"), code=303)


def _may_name() -> bool:
    """Reviewers of any layer name editions."""
    who = account()
    return who is not None and any(may_review(who, s.definition) for s in visible_layers())


def _is_admin() -> bool:
    who = account()
    return who is not None and who.is_admin


def _require_admin() -> Account:
    who = require_account()
    if not who.is_admin:
        raise AccessDenied(action="管理图层 / manage layers")
    return who
