"""What an address under ``/ogc`` is about: everything published, or one draft laid over its base revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, request

from geo_service.core.drafts import Draft
from geo_service.core.query import FeaturePage, Query
from geo_service.core.revisions import Revision
from geo_service.errors import LayerNotFound
from geo_service.storage.store import LayerState
from geo_service.usecases import review
from geo_service.usecases.find import find_features
from geo_service.usecases.large import Condition
from geo_service.usecases.ogc import BASE
from geo_service.web.as_of import revision_as_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.drafts import desk
from geo_service.web.session import require_account

blueprint = Blueprint("ogc", __name__)

OWN_OPTIONS: Mapping[str, Any] = {"provide_automatic_options": False}
"""For addresses whose OPTIONS we answer ourselves: Flask's answer stands in the way where only one rule lacks this."""
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """Published layers, or one draft; ``base`` is the path its addresses begin with."""

    base: str
    draft: Draft | None

    def state(self, layer_id: str) -> LayerState:
        """The layer, which for a draft must be the draft's own."""
        if self.draft and layer_id != self.draft.layer:
            raise LayerNotFound(layer=layer_id)
        return visible_layer(layer_id)

    def states(self) -> Sequence[LayerState]:
        """The layers served here."""
        return [s for s in visible_layers() if self.draft is None or s.definition.id == self.draft.layer]

    def find(self, state: LayerState, query: Query, conditions: Sequence[Condition]) -> FeaturePage:
        """The page of features that fit, the draft's changes laid over its base revision."""
        views, revision = deployment().views, self.revision(state)
        if self.draft is None:
            return views.find(state.definition, revision, query, conditions)
        overlay = {c.fid: c.after for c in deployment().drafts.changes(self.draft.id)}
        large = views.large(revision)
        if large is not None:
            return large.changed(overlay).find(state.definition, query, conditions)
        merged = {f.id: f for f in views.features(revision)} | overlay
        features = [f for _, f in sorted(merged.items()) if f is not None]
        return find_features(state.definition, features, query, conditions)

    def revision(self, state: LayerState) -> Revision:
        """The revision that is read: the draft's base, what ``asOf`` names, or the head."""
        if self.draft is not None:
            return deployment().store.revision(state.definition.id, self.draft.base_rev)
        return revision_as_of(state, request.args["asOf"]) if "asOf" in request.args else state.revision


def place(draft_id: str | None) -> Place:
    """Where a request goes: ``None`` is what is published.

    Raises
    ------
    SignInRequired, AccessDenied, DraftNotFound
        The draft is not this account's, or there is none.
    """
    if draft_id is None:
        return Place(BASE, None)
    draft = review.own_draft(desk(), require_account(), draft_id)
    return Place(f"{BASE}/drafts/{draft_id}", draft)


def both(rule: str, **options: Any) -> Callable[[View], View]:
    """Register a view for published collections and for drafts."""

    def register(view: View) -> View:
        blueprint.add_url_rule(f"{BASE}{rule}", view.__name__, view, defaults={"draft_id": None}, **options)
        blueprint.add_url_rule(f"{BASE}/drafts/<draft_id>{rule}", f"draft_{view.__name__}", view, **options)
        return view

    return register
