"""Who did what, as a hash chain: nothing in the middle can be changed, and no end cut off, without it showing."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from geo_service.storage import tables
from geo_service.storage.engine import Database

GENESIS = "0" * 64
HEAD = "audit_head"
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody did. ``at`` is UTC ISO 8601; ``detail`` is JSON text."""

    seq: int
    at: str
    actor: str
    ip: str
    action: str
    target: str
    detail: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of checking the chain: how many entries, and the first one that does not fit (None: all do)."""

    entries: int
    broken: int | None


class Audit:
    """The log of one database, shared by all its processes."""

    def __init__(self, database: Database, now: Callable[[], datetime.datetime]) -> None:
        self._database = database
        self._now = now

    def record(self, *, actor: str, action: str, target: str, ip: str = "", **detail: Any) -> Entry:
        """The entry, appended durably."""
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
        at = self._now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with self._database.writing() as connection:
            seq, previous = _head(connection)
            values = (seq + 1, at, actor, ip, action, target, text, previous)
            entry = Entry(*values, _hash(*values))
            connection.execute(insert(tables.audit).values(_row(entry)))
            _set_head(connection, f"{entry.seq} {entry.hash}")
        return entry

    def entries(self, *, actions: tuple[str, ...] = (), limit: int = 200, before: int | None = None) -> list[Entry]:
        """The newest entries first, of these actions only where any are named."""
        query = select(tables.audit).order_by(tables.audit.c.seq.desc()).limit(limit)
        if actions:
            query = query.where(tables.audit.c.action.in_(actions))
        if before is not None:
            query = query.where(tables.audit.c.seq < before)
        with self._database.reading() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def count_since(self, action: str, *, minutes: int, target: str = "", ip: str = "") -> int:
        """How often something was done lately, to a target or from an address."""
        since = (self._now().astimezone(datetime.UTC) - datetime.timedelta(minutes=minutes)).strftime(
            "%Y-%m-%dT%H:%M:%S"
        )
        query = select(func.count()).where(tables.audit.c.action == action, tables.audit.c.at >= since)
        if target:
            query = query.where(tables.audit.c.target == target)
        if ip:
            query = query.where(tables.audit.c.ip == ip)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    def verify(self) -> Verdict:
        """Whether every entry follows from the one before, numbers without a gap, up to the recorded end."""
        count, previous = 0, GENESIS
        for entry in self._all():
            if entry.seq != count + 1 or entry.prev_hash != previous or entry.hash != _hash_of(entry):
                return Verdict(count, entry.seq)
            count, previous = entry.seq, entry.hash
        with self._database.reading() as connection:
            seq, last = _head(connection)
        return Verdict(count, None if (seq, last) == (count, previous) else count + 1)

    def _all(self) -> Iterator[Entry]:
        seq = 0
        while True:
            query = select(tables.audit).where(tables.audit.c.seq > seq).order_by(tables.audit.c.seq).limit(PAGE)
            with self._database.reading() as connection:
                page = [Entry(*row) for row in connection.execute(query)]
            yield from page
            if len(page) < PAGE:
                return
            seq = page[-1].seq


def _head(connection: Connection) -> tuple[int, str]:
    info = tables.store_info
    text = connection.execute(select(info.c.value).where(info.c.key == HEAD)).scalar()
    seq, _, last = (text or f"0 {GENESIS}").partition(" ")
    return int(seq), last


def _set_head(connection: Connection, value: str) -> None:
    info = tables.store_info
    done = connection.execute(update(info).where(info.c.key == HEAD).values(value=value))
    if not done.rowcount:
        connection.execute(insert(info).values(key=HEAD, value=value))


def _row(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _hash_of(entry: Entry) -> str:
    values = [getattr(entry, name) for name in Entry.__slots__]
    return _hash(*values[:-1])


def _hash(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
