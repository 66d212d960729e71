"""Folders built before their revision stands: seen only once it does."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.core.geojson import dump_collection, dump_line
from geo_service.errors import StorageFault
from geo_service.storage.building import LEFT_S, TEMPORARY, Ahead, Workshop
from geo_service.storage.elsewhere import do_elsewhere
from geo_service.storage.published import PublishedRevision
from geo_service.storage.rows import stored
from geo_service.storage.spool import ReadyRows, Spool
from tests.storage.store_samples import definition, point, unlocated

FEATURES = [point(1), point(2, lon=117.2), unlocated(3)]


class Broken(ReadyRows):
    """Rows that cannot be read to their end."""

    def lines(self) -> Iterator[str]:
        yield from itertools.islice(super().lines(), 2)
        raise OSError(5, "Input/output error")


@contextmanager
def begun(home: Path, kind: type[ReadyRows] = ReadyRows) -> Iterator[Ahead]:
    with Spool.opened(home) as spool:
        rows = [stored(feature) for feature in FEATURES]
        spool.fill([(rows, shapes_of_lines([row.line.encode() for row in rows]))])
        with Ahead(Workshop(home, large=2), definition(), kind("schools", spool)) as ahead:
            yield ahead


def settle(home: Path) -> None:
    with begun(home) as ahead:
        assert ahead.published()
        ahead.settle()


def give_up(home: Path) -> None:
    with begun(home) as ahead:
        assert ahead.published()


def die(home: Path) -> None:
    with begun(home) as ahead:
        assert ahead.published()
        os.kill(os.getpid(), signal.SIGKILL)


def fail(home: Path) -> None:
    with begun(home, Broken) as ahead:
        assert ahead.published() is None
        ahead.settle()


def built(home: Path) -> list[Path]:
    """Once whoever builds has ended: they hold the lock."""
    with Workshop(home).locked("schools"):
        return list((home / "cache" / "revisions").rglob("*.geojson"))


def test_a_settled_folder_stands_under_the_hash_of_its_file(tmp_path: Path) -> None:
    do_elsewhere(settle, tmp_path)
    [path] = built(tmp_path)
    assert path.read_bytes() == b"".join(dump_collection("schools", 1, map(dump_line, FEATURES)))
    ready = PublishedRevision("schools", 1, "", path.parent)
    assert (ready.count, ready.located, ready.columns["id"].size) == (3, 2, 3)


@pytest.mark.parametrize("end", [give_up, die, fail])
def test_a_folder_of_rows_that_were_not_committed_is_never_seen(end: object, tmp_path: Path) -> None:
    if end is give_up:
        do_elsewhere(give_up, tmp_path)
    else:
        with pytest.raises(StorageFault):
            do_elsewhere(end, tmp_path)  # type: ignore[arg-type]  # one of those above
    assert built(tmp_path) == []
    assert not list((tmp_path / "cache").rglob(f"{TEMPORARY}*"))


def test_what_killed_builders_of_other_layers_left_goes_after_a_day(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    old, fresh = workshop.room("roads", 1), workshop.room("parks", 1)
    (old / "features.bin").write_bytes(b"half")
    long_ago = old.stat().st_mtime - LEFT_S - 1
    os.utime(old, (long_ago, long_ago))
    workshop.room("schools", 1)
    assert (old.exists(), fresh.exists()) == (False, True)
