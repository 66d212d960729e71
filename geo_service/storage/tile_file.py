"""Tiles out of a file: MBTiles 1.3 (SQLite) and PMTiles 3 (one archive), pictures only.

Vector tiles in such a file are refused: their layers are drawn with styles this product does not know.
"""

from __future__ import annotations

import gzip
import os
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PMTILES_MAGIC = b"PMTiles\x03"
HEADER_BYTES = 127
GZIP, NO_COMPRESSION = 2, 1
PICTURES = (2, 3, 4, 5)
"""Tile types PNG, JPEG, WebP and AVIF."""
DIRECTORY_MOST = 16 << 20
TILE_MOST = 8 << 20
DEPTH_MOST = 4


class UnusableTileFile(ValueError):
    """A tile file that is missing, damaged or of another kind; the text is in both languages."""


class TileFile(Protocol):
    """Tiles of a file by z, x, y (y from the north)."""

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The picture as stored; empty bytes where there is none."""
        ...


def open_tile_file(path: Path) -> TileFile:
    """The tiles of an .mbtiles or .pmtiles file.

    Raises
    ------
    UnusableTileFile
        The file is not there, not what its name says, damaged, or of vector tiles.
    """
    try:
        return PmTiles(path) if path.suffix == ".pmtiles" else MbTiles(path)
    except OSError as error:
        raise UnusableTileFile(error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise UnusableTileFile(f"不是 MBTiles：{error} / not MBTiles: {error}") from error
    except (struct.error, IndexError, gzip.BadGzipFile, EOFError) as error:
        raise UnusableTileFile(f"PMTiles 已损坏：{error} / PMTiles damaged: {error}") from error


class MbTiles:
    """An MBTiles file, opened for reading by each thread's request anew (0.1 ms)."""

    def __init__(self, path: Path) -> None:
        path.stat()
        self._uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        found: dict[str, str] = dict(self._rows("SELECT name, value FROM metadata", ()))
        if str(found.get("format", "")) in ("pbf", "mvt"):
            raise UnusableTileFile(_vector("MBTiles"))
        list(self._rows("SELECT tile_data FROM tiles LIMIT 1", ()))

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The picture; MBTiles counts rows from the south (TMS)."""
        wanted = (z, x, (1 << z) - 1 - y)
        sql = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        return next((bytes(data) for (data,) in self._rows(sql, wanted)), b"")

    def _rows(self, sql: str, values: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        connection = sqlite3.connect(self._uri, uri=True)
        try:
            yield from connection.execute(sql, values)
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class _Entry:
    tile_id: int
    offset: int
    length: int
    run: int


class PmTiles:
    """A PMTiles archive, version 3 of the specification; its file stays open."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        head = os.pread(self._fd, HEADER_BYTES, 0)
        if head[:8] != PMTILES_MAGIC or len(head) < HEADER_BYTES:
            os.close(self._fd)
            raise UnusableTileFile("不是 PMTiles 第 3 版 / not PMTiles version 3")
        root, root_length, _, _, self._leaves, _, self._data = struct.unpack_from("<7Q", head, 8)
        self._compression, tile_compression, tile_type = head[97], head[98], head[99]
        if tile_type not in PICTURES or tile_compression not in (0, NO_COMPRESSION):
            os.close(self._fd)
            raise UnusableTileFile(_vector("PMTiles"))
        self._root = self._directory(root, root_length)

    def __del__(self) -> None:
        """Let go of the file."""
        try:
            os.close(self._fd)
        except (OSError, AttributeError):
            return

    def tile(self, z: int, x: int, y: int) -> bytes:
        """The picture, found through at most four directories."""
        wanted, entries = tile_id(z, x, y), self._root
        for _ in range(DEPTH_MOST):
            entry = _last_before(entries, wanted)
            if entry is None:
                return b""
            if entry.run:
                inside = wanted < entry.tile_id + entry.run
                return os.pread(self._fd, min(entry.length, TILE_MOST), self._data + entry.offset) if inside else b""
            entries = self._directory(self._leaves + entry.offset, entry.length)
        return b""

    def _directory(self, offset: int, length: int) -> tuple[_Entry, ...]:
        if length > DIRECTORY_MOST:
            raise UnusableTileFile("PMTiles 目录过大 / PMTiles directory too large")
        raw = os.pread(self._fd, length, offset)
        return _entries(gzip.decompress(raw) if self._compression == GZIP else raw)


def tile_id(z: int, x: int, y: int) -> int:
    """The number of a tile along the Hilbert curve of its level, after all tiles of the levels above.

    >>> [tile_id(0, 0, 0), tile_id(1, 0, 0), tile_id(1, 0, 1), tile_id(1, 1, 1), tile_id(1, 1, 0), tile_id(2, 0, 0)]
    [0, 1, 2, 3, 4, 5]
    """
    number, side = ((1 << (2 * z)) - 1) // 3, 1 << z >> 1
    while side:
        right, low = int(bool(x & side)), int(bool(y & side))
        number += side * side * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
            x, y = y, x
        side >>= 1
    return number


def _entries(raw: bytes) -> tuple[_Entry, ...]:
    """The entries of a directory: four columns of varints, ids as differences, offset 0 meaning "after the last"."""
    numbers = _varints(raw)
    count = next(numbers)
    if count > len(raw):
        raise UnusableTileFile("PMTiles 目录已损坏 / PMTiles directory damaged")
    steps, runs, lengths, offsets = ([next(numbers) for _ in range(count)] for _ in range(4))
    found: list[_Entry] = []
    here = 0
    for step, run, length, offset in zip(steps, runs, lengths, offsets, strict=True):
        here += step
        start = found[-1].offset + found[-1].length if not offset and found else offset - 1
        found.append(_Entry(here, start, length, run))
    return tuple(found)


def _varints(raw: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in raw:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    raise EOFError("directory ends early")


def _last_before(entries: tuple[_Entry, ...], wanted: int) -> _Entry | None:
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].tile_id <= wanted:
            low = middle + 1
        else:
            high = middle
    return entries[low - 1] if low else None


def _vector(kind: str) -> str:
    return f"{kind} 中是矢量瓦片，只支持图片瓦片 / {kind} of vector tiles; only pictures are supported"
