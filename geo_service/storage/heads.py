"""The head of every layer, read again only after somebody has committed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.storage import definitions, rows
from geo_service.storage.engine import Database


@dataclass(frozen=True, slots=True)
class LayerState:
    """A layer as it is now: definition, head revision, number of features."""

    definition: LayerDefinition
    revision: Revision
    count: int


class Heads:
    """Current states by layer id, shared by all threads of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: tuple[int, Mapping[str, LayerState]] | None = None

    def read(self) -> Mapping[str, LayerState]:
        """States by layer id, as of the last commit of any process."""
        version = self._database.version()
        known = self._known
        if known is not None and known[0] == version:
            return known[1]
        with self._lock:
            return self._reload()

    def reload(self) -> None:
        """Read again now: word of the commit of another process or machine may be on its way still."""
        with self._lock:
            self._known = None
            self._reload()

    def forget(self) -> None:
        """Read again at the next question: versions of another connection to the database say nothing of these."""
        self._known = None

    def _reload(self) -> Mapping[str, LayerState]:
        version = self._database.version()
        if self._known is None or self._known[0] != version:
            with self._database.reading() as connection:
                found = rows.read_heads(connection)
            self._known = (version, {row.layer: _state(row) for row in found})
        return self._known[1]


def _state(row: Any) -> LayerState:
    return LayerState(definitions.from_json(row.definition), rows.to_revision(row), row.n_all)
