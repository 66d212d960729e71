"""PostgreSQL with PostGIS as the store: several processes and machines, one writer at a time, word of every commit.

A reader works in a read-only transaction that sees one state. A writer first takes one advisory lock, so that revision
numbers and the audit chain grow without gaps whichever machine writes. Each commit is announced with NOTIFY; whoever
serves listens, looks at the socket before each answer (a poll of microseconds, no question to the database), and asks
outright every few seconds in case word was lost on the way.
"""

from __future__ import annotations

import os
import secrets
import select
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from geo_service.errors import StorageFault

POOL_SIZE = 8
POOL_OVERFLOW = 24
WRITING = "geo_service_writing"
CONNECT_TIMEOUT_S = 5
CHANNEL = "geo_service"
WRITE_LOCK = 0x47454F53
"""Key of the advisory lock of writers; advisory locks are apart for each database of a cluster."""
ASK_EVERY_S = 5.0
"""How long word of a commit can be late where NOTIFY was lost (a pooler in between, a cut line)."""
FAIL_FAST_S = 0.5
"""So long after a failed connection the next answers are refused without another attempt."""
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""A machine that vanished without a word is noticed after 25 s."""
PASSING = ("08", "57P", "55P03", "40001", "40P01", "53300")
"""SQLSTATEs that pass by themselves: connection lost, shutting down or starting up, lock not granted in time,
serialisation, too many connections (PostgreSQL 15, Appendix A)."""
OLDEST = 130_000


def make_engine(url: URL, *, busy_timeout_ms: int) -> Engine:
    """Connections to a PostgreSQL database; none is made yet."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=busy_timeout_ms / 1000,
        connect_args={
            "autocommit": True,  # transactions are begun by _begin
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "geo_service",
            "options": f"-c lock_timeout={busy_timeout_ms} -c timezone=UTC {url.query.get('options', '')}",
            **KEEPALIVE,
        },
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "checkout", _refuse_dead)
    event.listen(engine, "begin", _begin)
    return engine


def is_passing(error: BaseException | None) -> bool:
    """Whether the same may succeed a moment later: PostgreSQL restarts, is out of reach or busy."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(PASSING)


class Notices:
    """Notices commits by LISTEN on a connection of its own; made again by itself after it was lost."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._token = secrets.token_hex(8)
        self._listener: psycopg.Connection[Any] | None = None
        self._count = 0
        self._snapshot = ""
        self._ask_at = 0.0
        self._refuse_until = 0.0
        self._refusal: psycopg.Error | None = None

    def read(self) -> int:
        """A number that changes whenever another connection of any process has committed.

        Raises
        ------
        psycopg.Error
            PostgreSQL cannot be reached.
        """
        if self._listener is not None:
            try:
                self._listen(self._listener)
            except psycopg.Error:
                self.close()
        if self._listener is None:
            self._connect()
        return self._count

    def before_commit(self, connection: Connection) -> None:
        """Tell every listener when this transaction commits, and none if it does not."""
        connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, self._me()))

    def after_commit(self) -> None:
        """Our own commits count at once, without waiting for word of them."""
        self._count += 1

    def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _me(self) -> str:
        """What this process signs with; one that was forked is another."""
        return f"{self._token}-{os.getpid()}"

    def _connect(self) -> None:
        if self._refusal is not None and time.monotonic() < self._refuse_until:
            raise self._refusal
        try:
            raw = self._engine.raw_connection()
            raw.detach()
            self._listener = cast("psycopg.Connection[Any]", raw.dbapi_connection)
            self._listener.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            self._refusal, self._refuse_until = error, time.monotonic() + FAIL_FAST_S
            raise
        self._refusal = None
        self._count += 1
        self._ask(self._listener)

    def _listen(self, listener: psycopg.Connection[Any]) -> None:
        if _take_in(listener):
            while notice := listener.pgconn.notifies():
                self._count += notice.extra.decode() != self._me()
        if time.monotonic() >= self._ask_at:
            self._ask(listener)

    def _ask(self, listener: psycopg.Connection[Any]) -> None:
        """Compare the transactions under way and done; another text means that somebody may have committed."""
        row = listener.execute("SELECT pg_current_snapshot()::text").fetchone()
        snapshot = str(row[0]) if row else ""
        self._count += snapshot != self._snapshot
        self._snapshot = snapshot
        self._ask_at = time.monotonic() + ASK_EVERY_S


def integrity(connection: Connection) -> str:
    """``ok``, or what is wrong: a missing extension, a broken index, a feature without the geometry of its line."""
    if not connection.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").scalar():
        return "PostGIS 扩展不在 / the extension postgis is gone"
    broken = connection.exec_driver_sql(
        "SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index "
        "WHERE indrelid = 'feature_version'::regclass AND NOT (indisvalid AND indisready)"
    ).scalar()
    return f"索引失效 / indexes are not valid: {broken}" if broken else "ok"


def durability(connection: Connection) -> str:
    """Empty, or which setting of the server gives durability away (``fsync``, ``full_page_writes``)."""
    rows = connection.exec_driver_sql(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name"
    )
    return ", ".join(rows.scalars())


def without_lookups(_connection: Connection) -> AbstractContextManager[None]:
    """Nothing: COPY looks up what rows refer to, and only a superuser could have it leave that."""
    return nullcontext()


def prepare(connection: Connection) -> None:
    """Nothing where the database is fit to hold the tables; the extension is created where we may.

    Raises
    ------
    StorageFault
        Not UTF-8, too old, or PostGIS is missing and may not be created by this user.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StorageFault(
            reason=f"数据库编码为 {encoding}，须为 UTF8；请用 createdb -E UTF8 重建 / the encoding of the database is "
            f"{encoding} and must be UTF8; create it with createdb -E UTF8"
        )
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar() or 0)
    if version < OLDEST:
        raise StorageFault(reason=f"PostgreSQL {version // 10_000}：须为 13 或更新 / must be 13 or newer")
    if not connection.exec_driver_sql("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").scalar():
        _create_extension(connection)


def _create_extension(connection: Connection) -> None:
    offered = connection.exec_driver_sql("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").scalar()
    rights = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    if not offered or not connection.exec_driver_sql(rights).scalar():
        raise StorageFault(
            reason="数据库没有 PostGIS 扩展；请由数据库管理员执行 CREATE EXTENSION postgis / "
            "the database has no PostGIS; have its administrator run CREATE EXTENSION postgis"
        )
    connection.exec_driver_sql("CREATE EXTENSION postgis")


def _configure(connection: psycopg.Connection[Any], _record: object) -> None:
    """Acknowledged means on disk, whatever the default of the server is."""
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


def _refuse_dead(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
    """Take no connection out of the pool that a restart of PostgreSQL has cut; no question is asked for it."""
    try:
        _take_in(connection)
    except psycopg.Error as error:
        raise DisconnectionError(str(error)) from error


def _take_in(connection: psycopg.Connection[Any]) -> bool:
    """Whether anything had come in; all of it is read, so that a farewell does not hide the end behind it."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    found = False
    while poll.poll(0):
        connection.pgconn.consume_input()
        found = True
    return found


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING):
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
    else:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
