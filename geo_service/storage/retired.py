"""Layers taken out of service: nothing of them is lost, and they come back as they were."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, select, update

from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.errors import LayerNotFound
from geo_service.storage import definitions, rows, tables
from geo_service.storage.store import LayerStore


@dataclass(frozen=True, slots=True)
class RetiredLayer:
    """A layer out of service: what it last was, and since when."""

    definition: LayerDefinition
    revision: Revision
    at: str


def retired_layers(store: LayerStore) -> tuple[RetiredLayer, ...]:
    """Every layer out of service, latest first."""
    layer, revision, definition = tables.layer, tables.revision, tables.definition
    question = (
        select(revision, definition.c.body, layer.c.retired_at)
        .join(layer, and_(layer.c.id == revision.c.layer, layer.c.rev == revision.c.rev))
        .join(definition, and_(definition.c.layer == layer.c.id, definition.c.rev == revision.c.definition_rev))
        .where(layer.c.retired_at != "")
        .order_by(layer.c.retired_at.desc(), layer.c.id)
    )
    with store.database.reading() as connection:
        found = connection.execute(question).all()
    return tuple(RetiredLayer(definitions.from_json(r.body), rows.to_revision(r), r.retired_at) for r in found)


def retire_layer(store: LayerStore, layer_id: str) -> None:
    """Take a layer out of service with its published files; revisions and features stay in the database.

    Raises
    ------
    LayerNotFound
        There is no layer of this id in service.
    """
    store.export(layer_id)  # puts a hand-edited file aside first
    _mark(store, layer_id, store.timestamp(), was_retired=False)
    with store.exports.locked(layer_id):
        for path in (store.exports.path(layer_id), store.exports.definition_path(layer_id)):
            path.unlink(missing_ok=True)


def restore_layer(store: LayerStore, layer_id: str) -> None:
    """Bring a layer back into service and publish it again.

    Raises
    ------
    LayerNotFound
        No layer of this id is out of service.
    """
    _mark(store, layer_id, "", was_retired=True)
    store.export(layer_id)


def _mark(store: LayerStore, layer_id: str, at: str, *, was_retired: bool) -> None:
    t = tables.layer.c
    condition = t.retired_at != "" if was_retired else t.retired_at == ""
    with store.database.writing() as connection:
        done = connection.execute(update(tables.layer).where(t.id == layer_id, condition).values(retired_at=at))
    if not done.rowcount:
        raise LayerNotFound(layer=layer_id)
