"""The deployment behind the request."""

from __future__ import annotations

from typing import cast

from flask import current_app, g

from geo_service.core.access import may_read
from geo_service.deployment import Deployment
from geo_service.errors import LayerNotFound
from geo_service.storage.store import LayerState


def deployment() -> Deployment:
    """The deployment this application serves."""
    return cast("Deployment", current_app.extensions["deployment"])


def visible_layers() -> tuple[LayerState, ...]:
    """The layers this request may read, read from the store once per request."""
    if "layers" not in g:
        g.layers = tuple(s for s in deployment().store.layers() if _readable(s))
    return cast("tuple[LayerState, ...]", g.layers)


def visible_layer(layer_id: str) -> LayerState:
    """One layer this request may read.

    Raises
    ------
    LayerNotFound
        There is none of this id, or not for this reader.
    """
    state = deployment().store.layer(layer_id)
    if not _readable(state):
        raise LayerNotFound(layer=layer_id)
    return state


def _readable(state: LayerState) -> bool:
    anonymous = deployment().settings.anonymous_reads
    return may_read(g.get("account"), state.definition, anonymous_reads=anonymous)
