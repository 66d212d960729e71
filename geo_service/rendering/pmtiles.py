"""PMTiles version 3: all vector tiles of a layer in one file that is read by ranges.

Specification: protomaps/PMTiles, spec v3. Tiles lie in the order of their ids (Hilbert curve, zoom by zoom), equal
neighbours and equal contents are stored once, tiles and directories are gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import math
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from geo_service.rendering.mvt import varint

HEADER_BYTES = 127
ROOT_BYTES = 16_384 - HEADER_BYTES
"""Header and root directory lie within the first 16 KiB."""
LEAF_ENTRIES = 4_096
MAX_TILES = 20_000
MIN_ZOOM, MAX_ZOOM = 8, 16
_GZIP, _MVT = 2, 1

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``run`` tiles from ``tile_id`` on, all with the same bytes."""

    tile_id: int
    offset: int
    length: int
    run: int


def tile_id(z: int, x: int, y: int) -> int:
    """The number of a tile: those of smaller zooms first, then along the Hilbert curve."""
    before = ((1 << (2 * z)) - 1) // 3
    distance, side = 0, 1 << z >> 1
    while side:
        right, lower = int(bool(x & side)), int(bool(y & side))
        distance += side * side * ((3 * right) ^ lower)
        if not lower:
            if right:
                x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
            x, y = y, x
        side >>= 1
    return before + distance


def tiles_over(bounds: Bounds, z: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of the tiles of a zoom that a bbox meets."""
    west, south, east, north = bounds
    (left, top), (right, bottom) = tile_of(west, north, z), tile_of(east, south, z)
    return ((x, y) for x in range(left, right + 1) for y in range(top, bottom + 1))


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile a point lies in (WebMercatorQuad)."""
    size = 1 << z
    sine = math.sin(math.radians(min(max(lat, -85.0511), 85.0511)))
    y = 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return min(max(int((lon / 360 + 0.5) * size), 0), size - 1), min(max(int(y * size), 0), size - 1)


def deepest_zoom(bounds: Bounds) -> int:
    """The deepest zoom down to which all tiles over a bbox stay within :data:`MAX_TILES`."""
    total = 0
    for z in range(MIN_ZOOM, MAX_ZOOM + 1):
        (left, bottom), (right, top) = tile_of(*bounds[:2], z), tile_of(*bounds[2:], z)
        total += (right - left + 1) * (bottom - top + 1)
        if total > MAX_TILES:
            return max(z - 1, MIN_ZOOM)
    return MAX_ZOOM


def write_pmtiles(
    out: BinaryIO, tile: Callable[[int, int, int], bytes], bounds: Bounds, metadata: Mapping[str, Any]
) -> None:
    """Write every tile over a bbox that is not empty; ``tile`` gives uncompressed MVT of zoom, column, row."""
    deepest = deepest_zoom(bounds)
    ids = sorted((tile_id(z, x, y), z, x, y) for z in range(MIN_ZOOM, deepest + 1) for x, y in tiles_over(bounds, z))
    with tempfile.TemporaryFile() as data:
        entries, contents, addressed = _gather(data, ((number, tile(z, x, y)) for number, z, x, y in ids))
        root, leaves = _directories(entries)
        notes = gzip.compress(json.dumps(metadata, ensure_ascii=False).encode(), mtime=0)
        parts = (root, notes, leaves)
        out.write(_header(parts, data.tell(), (addressed, len(entries), contents), (MIN_ZOOM, deepest), bounds))
        for part in parts:
            out.write(part)
        data.seek(0)
        shutil.copyfileobj(data, out, 1 << 20)


def _gather(data: BinaryIO, tiles: Iterator[tuple[int, bytes]]) -> tuple[list[Entry], int, int]:
    """Entries, how many different contents, how many tiles; the contents go into ``data``."""
    known: dict[bytes, tuple[int, int]] = {}
    entries: list[Entry] = []
    addressed = 0
    for number, content in tiles:
        if not content:
            continue
        addressed += 1
        digest = hashlib.sha256(content).digest()
        if digest not in known:
            packed = gzip.compress(content, 6, mtime=0)
            known[digest] = (data.tell(), len(packed))
            data.write(packed)
        entries.append(Entry(number, *known[digest], 1))
        if len(entries) > 1 and _continues(entries[-2], entries[-1]):
            last = entries.pop(-2)
            entries[-1] = Entry(last.tile_id, last.offset, last.length, last.run + 1)
    return entries, len(known), addressed


def _continues(one: Entry, other: Entry) -> bool:
    return one.offset == other.offset and one.tile_id + one.run == other.tile_id


def _directories(entries: Sequence[Entry]) -> tuple[bytes, bytes]:
    """The root directory and the leaves it points at, none where everything fits into the root."""
    root = directory(entries)
    if len(root) <= ROOT_BYTES:
        return root, b""
    size = LEAF_ENTRIES
    while True:
        pointers, leaves = list[Entry](), b""
        for start in range(0, len(entries), size):
            packed = directory(entries[start : start + size])
            pointers.append(Entry(entries[start].tile_id, len(leaves), len(packed), 0))
            leaves += packed
        root = directory(pointers)
        if len(root) <= ROOT_BYTES:
            return root, leaves
        size *= 2


def directory(entries: Sequence[Entry]) -> bytes:
    """A directory, column by column: ids as differences, runs, lengths, offsets (0: right behind the one before)."""
    columns = [varint(len(entries))]
    ids = [0, *(e.tile_id for e in entries)]
    columns += [varint(after - before) for before, after in itertools.pairwise(ids)]
    columns += [varint(e.run) for e in entries]
    columns += [varint(e.length) for e in entries]
    ends = [-1, *(e.offset + e.length for e in entries)]
    columns += [varint(0 if e.offset == end else e.offset + 1) for e, end in zip(entries, ends, strict=False)]
    return gzip.compress(b"".join(columns), mtime=0)


def _header(
    parts: Sequence[bytes], data_bytes: int, counts: tuple[int, int, int], zooms: tuple[int, int], bounds: Bounds
) -> bytes:
    offset, places = HEADER_BYTES, list[int]()
    for length in (*map(len, parts), data_bytes):
        places += [offset, length]
        offset += length
    west, south, east, north = (round(v * 10_000_000) for v in bounds)
    kinds = struct.pack("<BBBB", 1, _GZIP, _GZIP, _MVT) + struct.pack("<BB", *zooms)
    corners = struct.pack("<iiii", west, south, east, north)
    centre = struct.pack("<Bii", min(12, zooms[1]), (west + east) // 2, (south + north) // 2)
    return b"PMTiles\x03" + struct.pack("<11Q", *places, *counts) + kinds + corners + centre
