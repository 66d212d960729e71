"""Tiles of large layers on disk: one SQLite file for all processes of a home, bounded, least recently used out first.

It is a cache: a fault of the file is logged and counts as a tile that is not there, and a broken file is begun anew.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")

LOG = logging.getLogger(__name__)
TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA journal_size_limit = 4194304;
CREATE TABLE IF NOT EXISTS tile (
    id INTEGER PRIMARY KEY, layer TEXT NOT NULL, base TEXT NOT NULL, source TEXT NOT NULL,
    z INTEGER NOT NULL, x INTEGER NOT NULL, y INTEGER NOT NULL, used INTEGER NOT NULL, data BLOB NOT NULL,
    UNIQUE (source, z, x, y)
);
CREATE INDEX IF NOT EXISTS tile_used ON tile (used);
CREATE INDEX IF NOT EXISTS tile_layer ON tile (layer, base);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS tile_added AFTER INSERT ON tile BEGIN
    UPDATE total SET bytes = bytes + length(new.data) + 200;
END;
CREATE TRIGGER IF NOT EXISTS tile_removed AFTER DELETE ON tile BEGIN
    UPDATE total SET bytes = bytes - length(old.data) - 200;
END;
"""
BUSY_S = 2.0
AT_ONCE = 100
OLDEST = "DELETE FROM tile WHERE id IN (SELECT id FROM tile ORDER BY used, id LIMIT ?)"
FRESH_S = 3600
"""A use is noted once an hour: reading a tile seldom writes."""


@dataclass(frozen=True, slots=True)
class TileKey:
    """What a tile follows from: the layer, what was built of it, that with the changes laid over it, and the place."""

    layer: str
    base: str
    source: str
    z: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class TileCache:
    """Tiles in a file, ``limit_bytes`` of them at most; safe to share between threads and processes."""

    path: Path
    limit_bytes: int
    _local: threading.local = field(default_factory=threading.local)

    def get(self, key: TileKey) -> bytes | None:
        """A tile, empty bytes where nothing is, None where it is not known."""
        return self._asked(lambda connection: _read(connection, key), None)

    def put(self, key: TileKey, data: bytes) -> None:
        """Keep a tile, making room where there is none."""
        self._asked(lambda connection: self._write(connection, key, data), None)

    def forget(self, layer: str, *, but: str) -> None:
        """Remove the tiles of a layer that follow from anything else built of it."""
        statement = "DELETE FROM tile WHERE layer = ? AND base <> ?"
        self._asked(lambda connection: connection.execute(statement, (layer, but)), None)

    def size(self) -> int:
        """Bytes that are kept."""
        return self._asked(_total, 0)

    def _asked(self, work: Callable[[sqlite3.Connection], Answer], otherwise: Answer) -> Answer:
        """What comes of asking the file, ``otherwise`` where it has a fault, which is no fault of ours."""
        try:
            return work(self._opened())
        except sqlite3.OperationalError:  # busy, full, or gone: the tile is cut instead
            LOG.warning("tile cache %s", self.path, exc_info=True)
        except sqlite3.DatabaseError:
            LOG.exception("tile cache %s is begun anew", self.path)
            self._close()
            for name in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + name).unlink(missing_ok=True)
        return otherwise

    def _write(self, connection: sqlite3.Connection, key: TileKey, data: bytes) -> None:
        values = (key.layer, key.base, key.source, key.z, key.x, key.y, int(time.time()), data)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR IGNORE INTO tile (layer, base, source, z, x, y, used, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            while _total(connection) > self.limit_bytes and connection.execute(OLDEST, (AT_ONCE,)).rowcount:
                pass
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _opened(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None or not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            found.executescript(TABLES)
            self._local.connection = found
        return found

    def _close(self) -> None:
        with suppress(sqlite3.Error, AttributeError):
            self._local.connection.close()
        self._local.connection = None


def _read(connection: sqlite3.Connection, key: TileKey) -> bytes | None:
    question = "SELECT id, used, data FROM tile WHERE source = ? AND z = ? AND x = ? AND y = ?"
    row = connection.execute(question, (key.source, key.z, key.x, key.y)).fetchone()
    if row is None:
        return None
    if row[1] < time.time() - FRESH_S:
        connection.execute("UPDATE tile SET used = ? WHERE id = ?", (int(time.time()), row[0]))
    return bytes(row[2])


def _total(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT bytes FROM total").fetchone()[0])
