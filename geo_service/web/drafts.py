"""Drafts as pages, and what every way to them shares: who may see one, who may take which step."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import may_edit, may_review
from geo_service.core.derived import Area
from geo_service.core.drafts import EDITABLE, MODES, STATES, STEPS, Draft
from geo_service.errors import DraftNotFound, InvalidParameter, one_of
from geo_service.storage.codes import ever_used_ids
from geo_service.storage.draft_pages import tally
from geo_service.storage.drafts import Upload
from geo_service.storage.store import LayerState
from geo_service.usecases import review
from geo_service.usecases.browse import areas_of
from geo_service.usecases.review import Desk
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.map_page import basemap_key, catalogue
from geo_service.web.session import account, require_account

blueprint = Blueprint("drafts", __name__)

OTHERS = 100
"""Drafts of a group on the inbox page."""


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
    return cast("tuple[Area, ...]", here.memo.get(key, lambda: areas_of((state,), here.views)))


# ---- pages


@blueprint.get("/drafts")
def inbox() -> str:
    """What waits for me, what I made, what was decided."""
    who = require_account()
    states = {s.definition.id: s for s in visible_layers()}
    found = [d for d in deployment().drafts.find() if may_see(d)]
    waiting = [
        d for d in found if d.state == "submitted" and may_review(who, states[d.layer].definition, author=d.owner)
    ]
    mine = [d for d in found if d.owner == who.name]
    others = [d for d in found if d not in waiting and d not in mine]
    return render_template(
        "drafts.html",
        page="drafts",
        groups=(("waiting", waiting), ("mine", mine[:OTHERS]), ("others", others[:OTHERS])),
        layers=states,
        states=STATES,
        modes=MODES,
        tallies={d.id: tally(deployment().store.database, d.id) for d in (*waiting, *mine[:OTHERS], *others[:OTHERS])},
        people=display_names(),
    )


@blueprint.get("/drafts/<draft_id>")
def draft_page(draft_id: str) -> str:
    """One draft: its changes before and after, what was said, what may be done."""
    draft = open_draft(draft_id)
    state = visible_layer(draft.layer)
    return render_template(
        "draft.html",
        original=original_of(draft),
        page="drafts",
        draft=draft,
        layer=state,
        states=STATES,
        modes=MODES,
        steps=steps_of(draft, state),
        comments=deployment().drafts.comments(draft_id),
        tally=tally(deployment().store.database, draft_id),
        revision=next((r for r in deployment().store.revisions(draft.layer) if r.draft == draft_id), None),
        may_review=may_review(account(), state.definition, author=draft.owner),
        is_own=owns(draft),
        editable=owns(draft) and draft.state in EDITABLE and draft.mode == "edit",
        people=display_names(),
        **map_places(),
    )


def map_places() -> dict[str, Any]:
    """What a page with a map of its own needs to know."""
    return {
        "basemap_url": f"/tiles/basemap/{basemap_key()}/{{z}}/{{x}}/{{y}}.mvt",
        "district_bbox": catalogue()["district"]["bbox"],
    }


def display_names() -> dict[str, str]:
    """What people are called, by account."""
    return {a.name: a.display for a in deployment().people.accounts.all()}


@blueprint.post("/drafts/<draft_id>/steps/<step>")
def step_form(draft_id: str, step: str) -> AnyResponse:
    """Submit, withdraw, reopen, return or reject, from a form."""
    who = require_account()
    open_draft(draft_id)
    review.take_step(desk(), who, draft_id, step_name(step))
    say(draft_id, who.name, request.form.get("comment", ""))
    return redirect(url_for("drafts.draft_page", draft_id=draft_id), code=303)


@blueprint.post("/drafts/<draft_id>/comments")
def comment_form(draft_id: str) -> AnyResponse:
    """Say something about a draft, from a form."""
    who = require_account()
    open_draft(draft_id)
    say(draft_id, who.name, request.form.get("comment", ""), request.form.get("fid", ""))
    return redirect(url_for("drafts.draft_page", draft_id=draft_id, _anchor="comments"), code=303)


# ---- shared


def next_code(state: LayerState) -> str:
    """The next business code that neither the layer nor any draft of it has ever used."""
    head = f"NK-{state.definition.serial}-"
    used = ever_used_ids(deployment().store, state.definition.id)
    numbers = [int(fid[len(head) :]) for fid in used if fid.startswith(head) and fid[len(head) :].isdigit()]
    return f"{head}{max(numbers, default=0) + 1:03}"


def open_draft(draft_id: str) -> Draft:
    """A draft this request may see.

    Raises
    ------
    SignInRequired, DraftNotFound
        Nobody is signed in, or there is no such draft for them.
    """
    require_account()
    draft = deployment().drafts.get(draft_id)
    if not may_see(draft):
        raise DraftNotFound(draft=draft_id)
    return draft


def may_see(draft: Draft) -> bool:
    """Drafts are for those who may work on the layer: their owners, its editors and reviewers."""
    who = account()
    state = next((s for s in visible_layers() if s.definition.id == draft.layer), None)
    if who is None or state is None:
        return False
    return who.name == draft.owner or may_edit(who, state.definition)


def original_of(draft: Draft) -> Upload | None:
    """The note of the file a draft was made from, where this account may have it."""
    who = account()
    if not draft.upload or who is None:
        return None
    allowed = who.name == draft.owner or may_review(who, visible_layer(draft.layer).definition)
    return deployment().drafts.upload(draft.upload) if allowed else None


def owns(draft: Draft) -> bool:
    """Whether the draft is this account's to change (an administrator's is every draft)."""
    who = account()
    return who is not None and (who.name == draft.owner or who.is_admin)


def steps_of(draft: Draft, state: LayerState) -> list[str]:
    """The steps this account may take from the draft's present state."""
    possible = [name for name, (allowed, _, _) in STEPS.items() if draft.state in allowed]
    return [name for name in possible if _may_step(name, draft, state)]


def _may_step(name: str, draft: Draft, state: LayerState) -> bool:
    if name in ("submit", "withdraw", "reopen"):
        return owns(draft)
    return may_review(account(), state.definition, author=draft.owner)


def step_name(name: str) -> str:
    """A step anybody may ask for by name; publishing has its own address.

    Raises
    ------
    InvalidParameter
        There is no such step.
    """
    if name not in STEPS or name == "publish":
        raise InvalidParameter(name="step", value=name[:40], reason=one_of(STEPS))
    return name


def say(draft_id: str, author: str, text: str, fid: str = "") -> None:
    """Add a comment, unless it is empty."""
    if text.strip():
        deployment().drafts.comment(draft_id, author=author, text=text.strip()[:2000], fid=fid[:80])
