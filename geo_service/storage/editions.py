"""Named editions: the revision of every layer on the day somebody gave them a name."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select

from geo_service.core.revisions import Revision
from geo_service.errors import Conflict, EditionNotFound, RevisionNotFound
from geo_service.storage import rows, tables
from geo_service.storage.engine import Database
from geo_service.storage.store import LayerStore


@dataclass(frozen=True, slots=True)
class Edition:
    """A name for what the layers were: ``heads`` gives the revision of each layer."""

    name: str
    at: str
    by: str
    note: str
    heads: Mapping[str, int]


class Editions:
    """The editions of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime.datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> tuple[Edition, ...]:
        """Every edition, newest first."""
        t = tables.edition.c
        with self._database.reading() as connection:
            return tuple(map(_edition, connection.execute(select(tables.edition).order_by(t.at.desc(), t.name))))

    def get(self, name: str) -> Edition:
        """One edition.

        Raises
        ------
        EditionNotFound
            There is none of this name.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(tables.edition).where(tables.edition.c.name == name)).first()
        if row is None:
            raise EditionNotFound(edition=name)
        return _edition(row)

    def add(self, name: str, heads: Mapping[str, int], *, by: str, note: str) -> Edition:
        """A new edition, durable when this returns.

        Raises
        ------
        Conflict
            The name is taken.
        """
        at = self._now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = msgspec.json.encode(heads, order="sorted").decode()
        t = tables.edition
        with self._database.writing() as connection:
            if connection.execute(select(t.c.name).where(t.c.name == name)).first() is not None:
                raise Conflict(what=name)
            connection.execute(insert(t).values(name=name, at=at, by=by, note=note, heads=text))
        return Edition(name, at, by, note, dict(heads))

    def remove(self, name: str) -> None:
        """Forget an edition; the revisions it named stay.

        Raises
        ------
        EditionNotFound
            There is none of this name.
        """
        with self._database.writing() as connection:
            done = connection.execute(delete(tables.edition).where(tables.edition.c.name == name))
        if not done.rowcount:
            raise EditionNotFound(edition=name)


def revision_at(store: LayerStore, layer_id: str, moment: str) -> Revision:
    """The last revision of a layer made up to a moment (UTC, ISO 8601, to the second, ending in ``Z``).

    Raises
    ------
    LayerNotFound, RevisionNotFound
        There is no such layer, or it had no revision yet.
    """
    store.layer(layer_id)
    t = tables.revision.c
    question = select(tables.revision).where(t.layer == layer_id, t.at <= moment).order_by(t.rev.desc()).limit(1)
    with store.database.reading() as connection:
        row = connection.execute(question).first()
    if row is None:
        raise RevisionNotFound(layer=layer_id, rev=moment)
    return rows.to_revision(row)


def _edition(row: Any) -> Edition:
    heads = msgspec.json.decode(row.heads or "{}", type=dict[str, int])
    return Edition(row.name, row.at, row.by, row.note, heads)
