"""Tiles on disk: kept, bounded, forgotten by what they follow from, and never a reason to fail."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from geo_service.storage.tile_cache import AT_ONCE, TileCache, TileKey

KEY = TileKey("parcels", "r1-abc", "parcels/r1-abc/tiles-1", 10, 842, 388)
LIMIT = 1 << 20


@pytest.fixture
def cache(tmp_path: Path) -> TileCache:
    return TileCache(tmp_path / "tiles" / "tiles.db", LIMIT)


def test_a_tile_that_was_put_is_there_for_every_process(cache: TileCache) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, b"tile")
    cache.put(replace(KEY, x=1), b"")
    again = TileCache(cache.path, LIMIT)
    assert (again.get(KEY), again.get(replace(KEY, x=1)), again.get(replace(KEY, x=2))) == (b"tile", b"", None)


def test_the_cache_never_outgrows_its_bound(cache: TileCache) -> None:
    """The oldest go; the file itself stays near the bound because SQLite uses freed pages again."""
    for x in range(400):
        cache.put(replace(KEY, x=x), bytes(10_000))
        assert cache.size() <= LIMIT
    assert cache.get(KEY) is None
    assert cache.get(replace(KEY, x=399)) == bytes(10_000)
    assert cache.path.stat().st_size < LIMIT + AT_ONCE * 20_000


def test_tiles_of_what_was_built_before_are_forgotten(cache: TileCache) -> None:
    other = replace(KEY, layer="roads", source="roads/r1-abc/tiles-1")
    newer = replace(KEY, base="r9-def", source="parcels/r9-def/tiles-1")
    for key in (KEY, other, newer):
        cache.put(key, b"tile")
    cache.forget("parcels", but="r9-def")
    assert (cache.get(KEY), cache.get(other), cache.get(newer)) == (None, b"tile", b"tile")
    assert cache.size() == 2 * (4 + 200)


def test_a_damaged_cache_is_begun_anew(cache: TileCache) -> None:
    cache.path.parent.mkdir(parents=True)
    cache.path.write_bytes(b"not a database at all, far from it" * 100)
    assert cache.get(KEY) is None
    cache.put(KEY, b"tile")
    assert cache.get(KEY) == b"tile"


def test_a_cache_that_cannot_be_written_still_answers(cache: TileCache) -> None:
    """Somebody else holds the write lock: the tile is not kept, and nobody is told of a fault."""
    cache.put(KEY, b"tile")
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    cache.put(replace(KEY, x=1), b"more")
    assert cache.get(KEY) == b"tile"
    holder.execute("ROLLBACK")
    holder.close()
    assert cache.get(replace(KEY, x=1)) is None


def test_threads_put_tiles_at_once_and_all_are_kept(cache: TileCache) -> None:
    def put(first: int) -> None:
        for x in range(first, first + 40):
            cache.put(replace(KEY, x=x), b"tile")

    threads = [threading.Thread(target=put, args=(n * 40,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.size() == 160 * (4 + 200)
