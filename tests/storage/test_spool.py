"""Rows that two processes put down come back in order of id."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.errors import StorageFault
from geo_service.storage.rows import StoredFeature, stored
from geo_service.storage.spool import Batch, ReadyRows, Spool
from tests.storage.store_samples import point, unlocated

ROWS = [stored(feature) for feature in (point(5), unlocated(2), point(9), point(1, lon=117.2), unlocated(7), point(3))]
ODD = [StoredFeature(fid, f'{{"geometry":null,"id":"{fid}"}}', None) for fid in ("乙", "a", "𠮷", "Z", "\uffee")]


def batch(rows: list[StoredFeature]) -> Batch:
    return rows, shapes_of_lines([row.line.encode() for row in rows])


@pytest.mark.parametrize("rows", [ROWS, ODD], ids=["codes", "any text"])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_rows_come_back_in_the_order_of_the_bytes_of_their_ids(
    first: int, rows: list[StoredFeature], tmp_path: Path
) -> None:
    with Spool.opened(tmp_path) as one, Spool.opened(tmp_path) as other:
        one.fill([batch(rows[:first])] if first else [])
        other.fill([batch(rows[first:])])
        ready = ReadyRows("schools", one, other)
        assert len(ready) == len(rows)
        assert list(ready.rows()) == sorted(rows, key=lambda row: row.fid.encode())
        assert list(ready.lines()) == [row.line for row in ready.rows()]
        expected = batch(list(ready.rows()))[1]
        assert (shapely.equals_identical(ready.shapes(), expected) | shapely.is_missing(expected)).all()
        assert shapely.is_missing(ready.shapes()).tolist() == shapely.is_missing(expected).tolist()


def test_no_rows_at_all_are_no_rows(tmp_path: Path) -> None:
    with Spool.opened(tmp_path) as one, Spool.opened(tmp_path) as other:
        one.fill([])
        other.fill([])
        assert list(ReadyRows("schools", one, other).rows()) == []


def test_two_rows_of_one_id_in_different_spools_are_refused(tmp_path: Path) -> None:
    with Spool.opened(tmp_path) as one, Spool.opened(tmp_path) as other:
        one.fill([batch(ROWS)])
        other.fill([batch(ROWS[2:3])])
        with pytest.raises(StorageFault):
            ReadyRows("schools", one, other)
