"""Drafts and what is said about them; kept originals of uploads."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from geo_service.core.drafts import (
    EDITABLE,
    STATES,
    STEPS,
    Comment,
    Decision,
    Draft,
    DraftChange,
    DraftMode,
    DraftState,
)
from geo_service.core.geojson import dump_line, load_line
from geo_service.core.revisions import Operation
from geo_service.errors import DraftNotFound, NotFound, WrongState
from geo_service.storage import tables
from geo_service.storage.bulk import insert_rows
from geo_service.storage.engine import Database
from geo_service.storage.rows import batches
from geo_service.storage.short_ids import short_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came: kept under its SHA-256 as evidence."""

    id: str
    sha256: str
    name: str
    size: int
    format: str
    encoding: str
    crs_declared: str
    crs_used: str
    kept_path: str
    by: str
    at: str


class Drafts:
    """The drafts of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime.datetime]) -> None:
        self._database = database
        self._now = now

    def create(
        self,
        *,
        layer: str,
        base_rev: int,
        owner: str,
        mode: DraftMode,
        note: str,
        changes: Iterable[DraftChange] = (),
        upload: str = "",
        report: Mapping[str, Any] | None = None,
    ) -> Draft:
        """A new open draft with its changes, durable when this returns."""
        at = self._timestamp()
        with self._database.writing() as connection:
            draft = Draft(
                id=short_id(connection, tables.draft.c.id, "D", self._now()),
                layer=layer,
                base_rev=base_rev,
                owner=owner,
                state="open",
                mode=mode,
                note=note,
                created=at,
                updated=at,
                upload=upload,
                report=report or {},
            )
            connection.execute(insert(tables.draft).values(_draft_row(draft)))
            _add_changes(connection, draft.id, changes)
        return draft

    def get(self, draft_id: str) -> Draft:
        """One draft.

        Raises
        ------
        DraftNotFound
            There is none of this id.
        """
        with self._database.reading() as connection:
            return _read(connection, draft_id)

    def find(self, *, states: Iterable[DraftState] = (), layer: str = "", owner: str = "") -> tuple[Draft, ...]:
        """Drafts that fit, newest change first."""
        t = tables.draft.c
        query = select(tables.draft).order_by(t.updated.desc(), t.id)
        wanted = tuple(states)
        if wanted:
            query = query.where(t.state.in_(wanted))
        if layer:
            query = query.where(t.layer == layer)
        if owner:
            query = query.where(t.owner == owner)
        with self._database.reading() as connection:
            return tuple(map(_draft, connection.execute(query)))

    def changes(self, draft_id: str) -> tuple[DraftChange, ...]:
        """The changes of a draft, by feature id."""
        t = tables.draft_change.c
        query = select(tables.draft_change).where(t.draft == draft_id).order_by(t.fid)
        with self._database.reading() as connection:
            _read(connection, draft_id)
            return tuple(map(to_change, connection.execute(query)))

    def counts(self, draft_id: str) -> dict[str, int]:
        """How many changes of each operation."""
        t = tables.draft_change.c
        query = select(t.op, func.count()).where(t.draft == draft_id).group_by(t.op)
        with self._database.reading() as connection:
            return {str(op): int(count) for op, count in connection.execute(query)}

    def put(self, draft_id: str, change: DraftChange) -> None:
        """Set one change of an editable draft; a later change of the same feature replaces the earlier.

        Raises
        ------
        DraftNotFound, WrongState
            There is no such draft, or it is under review or closed.
        """
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), EDITABLE, "修改 / edited")
            _remove(connection, draft_id, change.fid)
            _add_changes(connection, draft_id, [change])
            self._touch(connection, draft_id)

    def drop(self, draft_id: str, fid: str) -> None:
        """Take one change out of an editable draft; raises as :meth:`put`."""
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), EDITABLE, "修改 / edited")
            _remove(connection, draft_id, fid)
            self._touch(connection, draft_id)

    def decide(self, draft_id: str, fids: Iterable[str], decision: Decision) -> None:
        """Accept or reject changes of a submitted draft; raises as :meth:`put`."""
        t = tables.draft_change.c
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), ("submitted",), "审核 / reviewed")
            for fid in fids:
                where = (t.draft == draft_id, t.fid == fid)
                connection.execute(update(tables.draft_change).where(*where).values(decision=decision))

    def resolve(self, draft_id: str, change: DraftChange) -> None:
        """Put a merged change in the place of one in conflict, during review; raises as :meth:`put`."""
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), ("submitted",), "审核 / reviewed")
            _remove(connection, draft_id, change.fid)
            _add_changes(connection, draft_id, [change])

    def step(self, draft_id: str, step: str, *, note: str | None = None) -> Draft:
        """The draft after one of ``core.drafts.STEPS``.

        Raises
        ------
        DraftNotFound, WrongState
            There is no such draft, or it is not in a state this step starts from.
        """
        allowed, target, verb = STEPS[step]
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), allowed, f"{verb.zh} / {verb.en}")
            values = {"state": target, "updated": self._timestamp()} | ({"note": note} if note is not None else {})
            connection.execute(update(tables.draft).where(tables.draft.c.id == draft_id).values(values))
            return _read(connection, draft_id)

    def set_note(self, draft_id: str, note: str) -> Draft:
        """An editable draft with another note; raises as :meth:`put`."""
        with self._database.writing() as connection:
            _require(_read(connection, draft_id), EDITABLE, "修改 / edited")
            values = {"note": note, "updated": self._timestamp()}
            connection.execute(update(tables.draft).where(tables.draft.c.id == draft_id).values(values))
            return _read(connection, draft_id)

    def rebase(self, draft_id: str, base_rev: int) -> None:
        """Set the base revision of a draft."""
        with self._database.writing() as connection:
            _read(connection, draft_id)
            connection.execute(update(tables.draft).where(tables.draft.c.id == draft_id).values(base_rev=base_rev))

    def comment(self, draft_id: str, *, author: str, text: str, fid: str = "") -> None:
        """Say something about a draft or one feature of it."""
        with self._database.writing() as connection:
            _read(connection, draft_id)
            values = {"draft": draft_id, "at": self._timestamp(), "author": author, "fid": fid, "text": text}
            connection.execute(insert(tables.draft_comment).values(values))

    def comments(self, draft_id: str) -> tuple[Comment, ...]:
        """What was said about a draft, oldest first."""
        t = tables.draft_comment.c
        query = select(t.at, t.author, t.fid, t.text).where(t.draft == draft_id).order_by(t.seq)
        with self._database.reading() as connection:
            return tuple(Comment(*row) for row in connection.execute(query))

    def keep_upload(self, upload: Upload) -> None:
        """Note a kept original."""
        row = {name: getattr(upload, name) for name in Upload.__slots__}
        with self._database.writing() as connection:
            connection.execute(insert(tables.upload).values(row))

    def upload(self, upload_id: str) -> Upload:
        """A kept original.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(tables.upload).where(tables.upload.c.id == upload_id)).first()
        if row is None:
            raise NotFound(what=upload_id)
        return Upload(**row._mapping)

    def _touch(self, connection: Connection, draft_id: str) -> None:
        values = {"updated": self._timestamp()}
        connection.execute(update(tables.draft).where(tables.draft.c.id == draft_id).values(values))

    def _timestamp(self) -> str:
        return self._now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(connection: Connection, draft_id: str) -> Draft:
    row = connection.execute(select(tables.draft).where(tables.draft.c.id == draft_id)).first()
    if row is None:
        raise DraftNotFound(draft=draft_id)
    return _draft(row)


def _require(draft: Draft, allowed: tuple[DraftState, ...], action: str) -> None:
    if draft.state not in allowed:
        state = STATES[draft.state]
        raise WrongState(draft=draft.id, state=f"{state.zh} / {state.en}", action=action)


def _remove(connection: Connection, draft_id: str, fid: str) -> None:
    t = tables.draft_change.c
    connection.execute(delete(tables.draft_change).where(t.draft == draft_id, t.fid == fid))


def _add_changes(connection: Connection, draft_id: str, changes: Iterable[DraftChange]) -> None:
    for batch in batches(changes):
        insert_rows(connection, tables.draft_change, [_change_row(draft_id, change) for change in batch])


def _draft_row(draft: Draft) -> dict[str, Any]:
    row = {name: getattr(draft, name) for name in Draft.__slots__}
    return row | {"report": msgspec.json.encode(draft.report).decode()}


def _draft(row: Any) -> Draft:
    return Draft(**dict(row._mapping) | {"report": msgspec.json.decode(row.report or "{}")})


def _change_row(draft_id: str, change: DraftChange) -> dict[str, Any]:
    return {
        "draft": draft_id,
        "fid": change.fid,
        "op": change.operation,
        "body": "" if change.after is None else dump_line(change.after),
        "base_rev_from": change.base_rev,
        "decision": change.decision,
        "comment": change.comment,
    }


def to_change(row: Any) -> DraftChange:
    """A change from its row."""
    return DraftChange(
        fid=row.fid,
        operation=cast("Operation", row.op),
        after=load_line(row.body) if row.body else None,
        base_rev=row.base_rev_from,
        decision=cast("Decision", row.decision),
        comment=row.comment,
    )
