"""Connections to the database: durable SQLite, write locks, and driver errors turned into the service's own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from geo_service.errors import StorageFault, Unavailable
from geo_service.storage import tables
from geo_service.storage.files import network_filesystem, read_mounts

BUSY_TIMEOUT_MS = 30_000
POOL_SIZE = 8
POOL_OVERFLOW = 56
WRITING = "geo_service_writing"

BUSY = ("locked", "busy")


@contextmanager
def faults() -> Iterator[None]:
    """Turn driver errors into :class:`Unavailable` (busy) or :class:`StorageFault` (anything else)."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        if any(word in reason for word in BUSY):
            raise Unavailable(reason=f"数据库正忙 / the database is busy: {reason}") from error
        raise StorageFault(reason=reason) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StorageFault(reason=str(error)) from error


class Database:
    """Connections of one database: :meth:`reading` and :meth:`writing`, and :meth:`version` to notice commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITING: True})
        self._one_writer = threading.Lock()
        self._watch = threading.Lock()
        self._watcher: Any = None

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self._engine.url.database or "").resolve()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that holds the write lock; durable when the block ends, undone when it raises."""
        with faults(), self._one_writer, self._writer.begin() as connection:
            yield connection

    def version(self) -> int:
        """A number that changes whenever another connection of any process has committed.

        SQLite's ``PRAGMA data_version`` on a connection that never writes: some microseconds, no table is read.
        """
        with faults(), self._watch:
            if self._watcher is None:
                self._watcher = self._engine.raw_connection()
                self._watcher.detach()
            return int(self._watcher.dbapi_connection.execute("PRAGMA data_version").fetchone()[0])

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection, for online backup."""
        with faults():
            raw = self._engine.raw_connection()
            try:
                yield raw.dbapi_connection  # type: ignore[misc]  # sqlite3 by the dialect
            finally:
                raw.close()

    def close(self) -> None:
        """Close every connection."""
        with self._watch:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self._engine.dispose()


def open_database(url: str) -> Database:
    """A database with its tables in place.

    Raises
    ------
    StorageFault
        An address that is not understood, a network share, a store of a newer version, or any driver error.
    """
    parsed = _parse(url)
    refuse_network_share(Path(parsed.database or ""), read_mounts())
    _make_folder(Path(parsed.database or "").parent)
    with faults():
        engine = create_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False, "cached_statements": 256},
        )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    database = Database(engine)
    with database.writing() as connection:
        _create(connection)
    return database


def refuse_network_share(path: Path, mounts: str) -> None:
    """Nothing where WAL is safe.

    Raises
    ------
    StorageFault
        The path lies on a network share by ``/proc/self/mountinfo``.
    """
    kind = network_filesystem(path, mounts)
    if kind:
        raise StorageFault(
            reason=f"数据目录 {path.parent} 位于网络共享（{kind}），会损坏数据库；请把 GEO_SERVICE_HOME 设为本机磁盘，"
            f"或改用 PostGIS / {path.parent} is on a network share ({kind}), which can corrupt the database; "
            "set GEO_SERVICE_HOME to a local disk or use PostGIS"
        )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageFault(reason=str(error)) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StorageFault(
            reason=f"不支持的数据库地址 {parsed.render_as_string()}，须为 sqlite:///路径 / "
            "unsupported database address, must be sqlite:///path"
        )
    return parsed


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFault(reason=f"{folder}: {error.strerror}") from error


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    if mode != "wal":
        raise StorageFault(reason=f"此磁盘不支持 WAL（{mode}） / this disk does not take write-ahead logging ({mode})")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _create(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    info = tables.store_info
    found = connection.execute(select(info.c.value).where(info.c.key == "schema")).scalar()
    if found is None:
        connection.execute(insert(info).values(key="schema", value=str(tables.SCHEMA_VERSION)))
        return
    if int(found) > tables.SCHEMA_VERSION:
        raise StorageFault(
            reason=f"数据库由更新版本的程序写成（{found} > {tables.SCHEMA_VERSION}），请升级程序 / the store was "
            "written by a newer version of this program; upgrade it"
        )
    for version in range(int(found), tables.SCHEMA_VERSION):
        for statement in tables.MIGRATIONS[version]:
            connection.exec_driver_sql(statement)
    connection.execute(update(info).where(info.c.key == "schema").values(value=str(tables.SCHEMA_VERSION)))
