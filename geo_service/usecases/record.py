"""The life of one feature: what it is now, what was changed when and by whom, also after it was deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Commitment, Ledger
from geo_service.core.revisions import Operation, Revision, compare
from geo_service.errors import FeatureNotFound
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases.browse import measures

STEPS_SHOWN = 40
"""Changes of a feature shown on its page, newest first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value that changed; ``field`` may be ``geometry``, whose values are left out."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """What one revision did to the feature."""

    revision: Revision
    operation: Operation
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecord:
    """A feature of a layer at a revision with everything its page tells.

    ``revision`` is the one the feature is shown at; ``deleted`` the one that took it away, None while it lives.
    """

    definition: LayerDefinition
    revision: Revision
    head: Revision
    feature: Feature
    commitment: Commitment | None
    measures: dict[str, float]
    steps: tuple[Step, ...]
    steps_left_out: int
    deleted: Revision | None

    @property
    def is_current(self) -> bool:
        """Whether this is what the layer holds now."""
        return self.deleted is None and self.revision.rev == self.head.rev


def feature_record(
    store: LayerStore, ledger: Ledger, state: LayerState, fid: str, *, rev: int | None = None
) -> FeatureRecord:
    """The record of a feature at a revision, by default as it is now, or as it last was before it was deleted.

    Raises
    ------
    FeatureNotFound
        The layer never had this feature, or not at ``rev``.
    RevisionNotFound
        The layer has no revision ``rev``.
    """
    layer = state.definition.id
    history = store.feature_history(layer, fid)
    head = store.revision(layer, state.revision.rev)
    gone = None if rev else _deletion(store, layer, fid, history[0], head)
    shown = rev or (gone.rev - 1 if gone else head.rev)
    feature = store.feature(layer, fid, shown)
    return FeatureRecord(
        definition=store.definition(layer, shown),
        revision=store.revision(layer, shown),
        head=head,
        feature=feature,
        commitment=ledger.commitment(str(feature.properties.get("commitment") or "")),
        measures=measures(feature),
        steps=tuple(_steps(store, layer, fid, history[:STEPS_SHOWN])),
        steps_left_out=max(0, len(history) - STEPS_SHOWN),
        deleted=gone,
    )


def _deletion(store: LayerStore, layer: str, fid: str, newest: Revision, head: Revision) -> Revision | None:
    return newest if _at(store, layer, fid, head.rev) is None else None


def _at(store: LayerStore, layer: str, fid: str, rev: int) -> Feature | None:
    if rev < 1:
        return None
    try:
        return store.feature(layer, fid, rev)
    except FeatureNotFound:
        return None


def _steps(store: LayerStore, layer: str, fid: str, history: tuple[Revision, ...]) -> Iterator[Step]:
    for revision in history:
        before, after = _at(store, layer, fid, revision.rev - 1), _at(store, layer, fid, revision.rev)
        for change in compare([before] if before else [], [after] if after else []):
            cells = change.fields if change.operation == "modify" else ()
            yield Step(revision, change.operation, tuple(_cell(key, before, after) for key in cells))


def _cell(key: str, before: Feature | None, after: Feature | None) -> Cell:
    if key == "geometry" or before is None or after is None:
        return Cell(key, None, None)
    return Cell(key, before.properties.get(key), after.properties.get(key))
