"""Files that tiles of large layers are cut from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
import shapely

from geo_service.rendering.tile_files import READY, write_columns, write_geometries


def test_a_source_is_on_the_disk_before_it_counts_as_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()

    def sync(descriptor: int) -> None:
        assert not (tmp_path / READY).exists()
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    squares = numpy.array([shapely.box(117, 39, 117.1, 39.1), shapely.box(117.2, 39, 117.3, 39.1)], dtype=object)
    write_geometries(tmp_path, squares)
    write_columns(tmp_path, ("id", "name"), {}, len(squares))
    arrays = list(tmp_path.rglob("*.npy"))
    assert len(arrays) > 20
    assert [path.name for path in arrays if path.stat().st_ino not in synced] == []
    assert (tmp_path / READY).exists()
