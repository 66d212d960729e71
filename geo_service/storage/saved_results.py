"""Answers that somebody kept under a name: whole, as they were given."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from geo_service.core.text import Text
from geo_service.errors import RequestTooLarge, ResultNotFound
from geo_service.storage import tables
from geo_service.storage.engine import Database
from geo_service.storage.short_ids import short_id

MOST_BYTES = 32 << 20
"""Of one answer as JSON."""


@dataclass(frozen=True, slots=True)
class LayerRead:
    """A layer an answer read, in which role and at which revision."""

    role: str
    layer: str
    rev: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedResult:
    """What a list shows of a kept answer; ``at`` is UTC ISO 8601."""

    id: str
    name: str
    question: str
    author: str
    at: str
    headline: Text
    parameters: Mapping[str, float | str]
    reads: tuple[LayerRead, ...]

    def newest_layers(self) -> dict[str, str]:
        """The layers of every role without their revisions."""
        found: dict[str, list[str]] = {}
        for read in self.reads:
            found.setdefault(read.role, []).append(read.layer)
        return {role: ",".join(names) for role, names in found.items()}


class SavedResults:
    """The kept answers of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime.datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, name: str, body: Mapping[str, Any], *, author: str) -> SavedResult:
        """A newly kept answer, durable when this returns.

        Raises
        ------
        RequestTooLarge
            The answer has more than 32 MB.
        """
        data = msgspec.json.encode(body)
        if len(data) > MOST_BYTES:
            raise RequestTooLarge(limit=f"{MOST_BYTES >> 20} MB")
        now = self._now().astimezone(datetime.UTC)
        with self._database.writing() as connection:
            saved = SavedResult(
                id=short_id(connection, tables.saved_result.c.id, "R", now),
                name=name,
                question=str(body["id"]),
                author=author,
                at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                headline=Text(body["headline"]["zh"], body["headline"]["en"]),
                parameters={p["key"]: p["value"] for p in body["parameters"]},
                reads=tuple(LayerRead(r["role"], r["layer"], r["rev"]) for r in body["reads"]),
            )
            head = {"headline": saved.headline, "parameters": saved.parameters, "reads": saved.reads}
            row = {key: getattr(saved, key) for key in ("id", "name", "question", "author", "at")}
            row |= {"head": msgspec.json.encode(head).decode(), "body": data.decode()}
            connection.execute(insert(tables.saved_result).values(row))
        return saved

    def all(self) -> tuple[SavedResult, ...]:
        """Every kept answer, newest first."""
        t = tables.saved_result.c
        question = select(t.id, t.name, t.question, t.author, t.at, t.head).order_by(t.at.desc(), t.id)
        with self._database.reading() as connection:
            return tuple(map(_saved, connection.execute(question)))

    def get(self, result_id: str) -> tuple[SavedResult, dict[str, Any]]:
        """One kept answer: what lists show of it, and all of it.

        Raises
        ------
        ResultNotFound
            There is none of this id.
        """
        t = tables.saved_result
        with self._database.reading() as connection:
            row = connection.execute(select(t).where(t.c.id == result_id)).first()
        if row is None:
            raise ResultNotFound(result=result_id)
        return _saved(row), msgspec.json.decode(row.body)

    def rename(self, result_id: str, name: str) -> None:
        """Give a kept answer another name; what it says stays.

        Raises
        ------
        ResultNotFound
            There is none of this id.
        """
        t = tables.saved_result
        with self._database.writing() as connection:
            done = connection.execute(update(t).where(t.c.id == result_id).values(name=name))
        if not done.rowcount:
            raise ResultNotFound(result=result_id)

    def remove(self, result_id: str) -> None:
        """Forget a kept answer; the revisions it read stay.

        Raises
        ------
        ResultNotFound
            There is none of this id.
        """
        t = tables.saved_result
        with self._database.writing() as connection:
            done = connection.execute(delete(t).where(t.c.id == result_id))
        if not done.rowcount:
            raise ResultNotFound(result=result_id)


def _saved(row: Any) -> SavedResult:
    told = {key: getattr(row, key) for key in ("id", "name", "question", "author", "at")}
    return msgspec.convert({**told, **msgspec.json.decode(row.head)}, SavedResult)
