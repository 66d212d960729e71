"""Drafts of any size: a page of changes at a time, and counts that read no feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from geo_service.core.drafts import DraftChange
from geo_service.storage.drafts import to_change
from geo_service.storage.engine import Database
from geo_service.storage.rows import batches
from geo_service.storage.tables import draft_change


@dataclass(frozen=True, slots=True)
class ChangeHead:
    """All of a change but the feature."""

    fid: str
    operation: str
    base_rev: int
    decision: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many changes of each operation, and how many of each decision (the empty one: undecided)."""

    operations: Mapping[str, int]
    decisions: Mapping[str, int]

    @property
    def total(self) -> int:
        """All changes of the draft."""
        return sum(self.operations.values())


def tally(database: Database, draft_id: str) -> Tally:
    """Counts over the changes of a draft."""
    t = draft_change.c
    question = select(t.op, t.decision, func.count()).where(t.draft == draft_id).group_by(t.op, t.decision)
    operations: dict[str, int] = {}
    decisions: dict[str, int] = {}
    with database.reading() as connection:
        for operation, decision, count in connection.execute(question):
            operations[operation] = operations.get(operation, 0) + count
            decisions[decision] = decisions.get(decision, 0) + count
    return Tally(operations, decisions)


def change_heads(database: Database, draft_id: str) -> tuple[ChangeHead, ...]:
    """Every change of a draft without its feature, by id."""
    t = draft_change.c
    question = select(t.fid, t.op, t.base_rev_from, t.decision).where(t.draft == draft_id).order_by(t.fid)
    with database.reading() as connection:
        return tuple(ChangeHead(*row) for row in connection.execute(question))


def change_page(
    database: Database, draft_id: str, *, operation: str = "", decision: str | None = None, limit: int, offset: int = 0
) -> tuple[DraftChange, ...]:
    """A page of the changes of a draft by id, of one operation or decision where that is given."""
    t = draft_change.c
    question: Select[Any] = select(draft_change).where(t.draft == draft_id)
    if operation:
        question = question.where(t.op == operation)
    if decision is not None:
        question = question.where(t.decision == decision)
    with database.reading() as connection:
        return tuple(map(to_change, connection.execute(question.order_by(t.fid).limit(limit).offset(offset))))


def changes_of(database: Database, draft_id: str, fids: Iterable[str]) -> tuple[DraftChange, ...]:
    """Those changes of a draft that concern these features, by id."""
    t = draft_change.c
    found: list[DraftChange] = []
    with database.reading() as connection:
        for batch in batches(sorted(fids)):
            question = select(draft_change).where(t.draft == draft_id, t.fid.in_(batch)).order_by(t.fid)
            found.extend(map(to_change, connection.execute(question)))
    return tuple(found)
