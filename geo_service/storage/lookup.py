"""Several features at once: their states at a revision, and which of them moved on."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select

from geo_service.core.features import Feature
from geo_service.core.geojson import load_line
from geo_service.storage import rows
from geo_service.storage.rows import batches, live_at, read_begun, read_ended
from geo_service.storage.store import LayerStore
from geo_service.storage.tables import feature_version


def features_at(store: LayerStore, layer_id: str, fids: Iterable[str], rev: int | None = None) -> dict[str, Feature]:
    """Those of these features that stand in a revision (the head by default), by id.

    Raises
    ------
    LayerNotFound, RevisionNotFound
        There is no such layer or revision.
    """
    wanted = store.layer(layer_id).revision.rev if rev is None else store.revision(layer_id, rev).rev
    columns = feature_version.c
    found: dict[str, Feature] = {}
    for batch in batches(fids):
        question = select(columns.fid, columns.body).where(
            columns.layer == layer_id, columns.fid.in_(batch), live_at(wanted)
        )
        with store.database.reading() as connection:
            found.update((fid, load_line(body)) for fid, body in connection.execute(question))
    return found


def touched_since(store: LayerStore, layer_id: str, fids: Iterable[str], base: int) -> frozenset[str]:
    """Those of these features that a revision after ``base`` added, changed or deleted."""
    if base >= store.layer(layer_id).revision.rev:
        return frozenset()
    columns = feature_version.c
    found: set[str] = set()
    for batch in batches(fids):
        question = (
            select(columns.fid)
            .where(
                columns.layer == layer_id,
                columns.fid.in_(batch),
                or_(columns.rev_from > base, columns.rev_to > base),
            )
            .distinct()
        )
        with store.database.reading() as connection:
            found.update(connection.execute(question).scalars())
    return frozenset(found)


def count_changes(store: LayerStore, layer_id: str, low: int, high: int) -> int:
    """How many features the revisions after ``low`` up to ``high`` touched, told by their records."""
    with store.database.reading() as connection:
        return rows.count_changes(connection, layer_id, low, high)


def changes_between(store: LayerStore, layer_id: str, low: int, high: int) -> tuple[list[str], list[str]]:
    """Canonical lines that stand in revision ``low`` and not, or not so, in ``high``; and the other way round."""
    with store.database.reading() as connection:
        ended = list(read_ended(connection, layer_id, low, high))
        return ended, list(read_begun(connection, layer_id, low, high))


def deleted_features(store: LayerStore, layer_id: str, *, limit: int = 200) -> tuple[tuple[Feature, int], ...]:
    """Features a layer had and has no more, latest first: each as it last was, with the revision that took it away."""
    columns, later = feature_version.c, feature_version.alias("later")
    alive_again = (
        select(later.c.fid)
        .where(later.c.layer == columns.layer, later.c.fid == columns.fid, later.c.rev_from >= columns.rev_to)
        .exists()
    )
    question = (
        select(columns.body, columns.rev_to)
        .where(columns.layer == layer_id, columns.rev_to.is_not(None), ~alive_again)
        .order_by(columns.rev_to.desc(), columns.fid)
        .limit(limit)
    )
    with store.database.reading() as connection:
        return tuple((load_line(body), int(rev)) for body, rev in connection.execute(question))
