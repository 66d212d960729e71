"""A layer as it was: ``asOf`` names a revision, a day, a moment or an edition."""

from __future__ import annotations

from geo_service.core.revisions import Revision
from geo_service.storage.editions import Editions
from geo_service.storage.store import LayerState
from geo_service.usecases import as_of
from geo_service.web.current import deployment


def editions() -> Editions:
    """The editions of this deployment."""
    here = deployment()
    return Editions(here.store.database, here.now)


def revision_as_of(state: LayerState, text: str) -> Revision:
    """The revision of a layer that ``asOf`` asks for, see :func:`geo_service.usecases.as_of.revision_as_of`."""
    return as_of.revision_as_of(state, text, deployment().store, editions())
