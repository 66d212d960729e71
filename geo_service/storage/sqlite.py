"""SQLite as the store: durable write-ahead logging on a local disk, one writer at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from geo_service.errors import StorageFault
from geo_service.storage.files import network_filesystem, read_mounts

POOL_SIZE = 8
POOL_OVERFLOW = 56
WRITING = "geo_service_writing"
BUSY = ("locked", "busy")


def make_engine(url: URL, *, busy_timeout_ms: int) -> Engine:
    """Connections to a database file, whose folder is made where it is missing.

    Raises
    ------
    StorageFault
        The file lies on a network share, or its folder cannot be made.
    """
    path = Path(url.database or "")
    refuse_network_share(path, read_mounts())
    _make_folder(path.parent)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        connect_args={"timeout": busy_timeout_ms / 1000, "check_same_thread": False, "cached_statements": 256},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


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


def is_passing(error: BaseException | None) -> bool:
    """Whether the same may succeed a moment later: another connection holds the lock."""
    return any(word in str(error) for word in BUSY)


class DataVersion:
    """Notices commits by ``PRAGMA data_version`` on a connection that never writes: microseconds, no table is read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watcher: Any = None

    def read(self) -> int:
        """A number that changes whenever another connection of any process has committed."""
        if self._watcher is None:
            self._watcher = self._engine.raw_connection()
            self._watcher.detach()
        return int(self._watcher.dbapi_connection.execute("PRAGMA data_version").fetchone()[0])

    def before_commit(self, _connection: Connection) -> None:
        """Nothing: the database file itself tells the others."""

    def after_commit(self) -> None:
        """Nothing: our own commits are those of another connection to the watching one."""

    def close(self) -> None:
        """Close the watching connection."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None


def integrity(connection: Connection) -> str:
    """``ok``, or what the database itself finds wrong with its file."""
    return str(connection.exec_driver_sql("PRAGMA integrity_check").scalar())


def prepare(_connection: Connection) -> None:
    """Nothing is needed before the tables are made."""


@contextmanager
def without_lookups(connection: Connection) -> Iterator[None]:
    """A connection, outside of a transaction, that does not look up what rows refer to: a quarter of a row's time."""
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


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
