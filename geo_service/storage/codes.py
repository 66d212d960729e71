"""Business codes: immutable, and never used again even after a feature is gone."""

from __future__ import annotations

from sqlalchemy import select

from geo_service.storage import tables
from geo_service.storage.store import LayerStore


def ever_used_ids(store: LayerStore, layer_id: str) -> frozenset[str]:
    """Every feature id a layer ever had, in any revision or draft."""
    version, change, draft = tables.feature_version.c, tables.draft_change.c, tables.draft.c
    in_layer = select(version.fid).where(version.layer == layer_id).distinct()
    in_drafts = (
        select(change.fid).join(tables.draft, draft.id == change.draft).where(draft.layer == layer_id).distinct()
    )
    with store.database.reading() as connection:
        return frozenset(connection.execute(in_layer).scalars()) | frozenset(connection.execute(in_drafts).scalars())
