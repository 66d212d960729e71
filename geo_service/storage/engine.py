"""Connections to the database, SQLite or PostGIS: reading, writing, and driver errors turned into the service's own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Protocol

from sqlalchemy import Connection, Engine, insert, inspect, select, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from geo_service.errors import StorageFault, Unavailable
from geo_service.storage import sqlite, tables
from geo_service.storage.sqlite import WRITING

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for the one before it."""


class Watch(Protocol):
    """How a process notices commits; one implementation for each kind of database."""

    def read(self) -> int:
        """A number that changes with every commit."""

    def before_commit(self, connection: Connection, /) -> None:
        """What the writing transaction does last."""

    def after_commit(self) -> None:
        """What this process does after its own commit."""

    def close(self) -> None:
        """Give up connections."""


class Database:
    """Connections of one database: :meth:`reading` and :meth:`writing`, and :meth:`version` to notice commits."""

    def __init__(self, engine: Engine, kind: ModuleType, watch: Watch) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITING: True})
        self._kind = kind
        self._watch = watch
        self._watching = threading.Lock()
        self._one_writer = threading.Lock()

    @property
    def address(self) -> str:
        """The database URL without its password."""
        return self._engine.url.render_as_string()

    @property
    def secret_address(self) -> str:
        """The database URL for another process of ours, never to be shown or logged."""
        return self._engine.url.render_as_string(hide_password=False)

    @property
    def is_embedded(self) -> bool:
        """Whether the database is a file of this machine (SQLite)."""
        return self._engine.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The database file, None where the database is a server."""
        return Path(self._engine.url.database or "").resolve() if self.is_embedded else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with self.faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, many: bool = False) -> Iterator[Connection]:
        """A connection that holds the write lock; durable when the block ends, undone when it raises.

        For very ``many`` rows of one parent that the same block writes, SQLite does not look the parent up for each.
        """
        with self.faults(), self._one_writer:
            with (
                self._writer.connect() as connection,
                self._kind.without_lookups(connection) if many else nullcontext(),
                connection.begin(),
            ):
                yield connection
                self._watch.before_commit(connection)
            with self._watching:
                self._watch.after_commit()

    def version(self) -> int:
        """A number that changes whenever another connection of any process has committed."""
        with self.faults(), self._watching:
            return self._watch.read()

    def prepare(self, connection: Connection) -> None:
        """Make sure, within the first transaction, that the database can hold the tables."""
        self._kind.prepare(connection)

    def integrity(self) -> str:
        """``ok``, or what the database finds wrong with itself."""
        with self.reading() as connection:
            return str(self._kind.integrity(connection))

    def durability(self) -> str:
        """Empty, or the settings of a database server that let it lose what it acknowledged."""
        if self.is_embedded:
            return ""
        with self.reading() as connection:
            return str(self._kind.durability(connection))

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, for online backup."""
        with self.faults():
            raw = self._engine.raw_connection()
            try:
                yield raw.dbapi_connection  # type: ignore[misc]  # sqlite3 by the dialect
            finally:
                raw.close()

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn driver errors into :class:`Unavailable` (try again) or :class:`StorageFault` (anything else)."""
        try:
            yield
        except DBAPIError as error:
            raise self._fault(error.orig, str(error.orig)) from error
        except PoolExhausted as error:
            raise Unavailable(reason="数据库连接已用尽 / all database connections are in use") from error
        except SQLAlchemyError as error:
            raise StorageFault(reason=str(error)) from error
        except self._engine.dialect.loaded_dbapi.Error as error:  # of the driver in use
            raise self._fault(error, str(error)) from error

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            self._watch.close()
        self._engine.dispose()

    def _fault(self, error: BaseException | None, reason: str) -> StorageFault | Unavailable:
        reason = " ".join(reason.split())
        if self._kind.is_passing(error):
            return Unavailable(reason=f"数据库正忙或正在重启 / the database is busy or restarting: {reason}")
        return StorageFault(reason=reason)


def open_database(url: str) -> Database:
    """A database with its tables in place.

    Raises
    ------
    StorageFault
        An address that is not understood, a network share, a store of a newer version, a server without PostGIS, or
        any driver error.
    Unavailable
        A database server that cannot be reached.
    """
    database = _connect(_parse(url))
    try:
        with database.writing() as connection:
            _create(connection, database)
    except BaseException:
        database.close()
        raise
    return database


def _connect(url: URL) -> Database:
    if url.get_backend_name() == "sqlite":
        engine = sqlite.make_engine(url, busy_timeout_ms=BUSY_TIMEOUT_MS)
        return Database(engine, sqlite, sqlite.DataVersion(engine))
    from geo_service.storage import postgis

    try:
        engine = postgis.make_engine(url, busy_timeout_ms=BUSY_TIMEOUT_MS)
    except SQLAlchemyError as error:
        raise StorageFault(reason=str(error)) from error
    return Database(engine, postgis, postgis.Notices(engine))


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StorageFault(reason=str(error)) from error
    kind = parsed.get_backend_name()
    file = kind == "sqlite" and parsed.database and parsed.database != ":memory:"
    server = kind in ("postgresql", "postgres") and parsed.database
    if not (file or server):
        raise StorageFault(
            reason=f"不支持的数据库地址 {parsed.render_as_string()}，须为 sqlite:///路径 或 "
            "postgresql://用户:密码@主机/库名 / unsupported database address, must be sqlite:///path or "
            "postgresql://user:password@host/database"
        )
    return parsed


def _create(connection: Connection, database: Database) -> None:
    fresh = not inspect(connection).has_table(tables.store_info.name)
    if fresh:
        database.prepare(connection)
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
