"""Which features came of which: ids that go on, new ones, and those that stay under the others."""

from __future__ import annotations

from typing import Any

import pytest

from geo_service.core.features import Feature
from tests.ingest.conftest import Upload, collection, feature, snapshot, square

WEST, SOUTH, SIDE = 117.15, 39.10, 0.002


def known(number: int, west: float, width: float = SIDE) -> Feature:
    values = {"name": f"片区{number}", "precision": "guess", "source": "s"}
    return Feature(f"NK-JSD-{number:03}", values, square(west, SOUTH, width))


def rectangle(west: float, east: float) -> dict[str, Any]:
    north = SOUTH + SIDE
    ring = [[west, SOUTH], [east, SOUTH], [east, north], [west, north], [west, SOUTH]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_a_half_that_keeps_the_id_and_a_new_one_are_a_split_though_nothing_is_missing(upload: Upload) -> None:
    layer = (known(1, WEST), known(2, WEST + 0.01))
    middle = WEST + SIDE / 2
    rows = [
        feature(rectangle(WEST, middle), GS_ID="NK-JSD-001", name="西", precision="guess"),
        feature(rectangle(middle, WEST + SIDE), name="东", precision="guess"),
        feature(layer[1].geometry, GS_ID="NK-JSD-002", name="片区2", precision="guess"),
    ]
    (split,) = upload(collection(*rows), current=snapshot(layer)).lineage
    (parent,) = split.parents
    assert (split.kind, parent.fid, parent.name, parent.fate) == ("split", "NK-JSD-001", "片区1", "changed")
    assert [(c.row, c.fid, c.name) for c in split.children] == [(1, "NK-JSD-001", "西"), (2, "NK-JSD-003", "东")]
    assert sum(c.area_m2 for c in split.children) == pytest.approx(parent.area_m2, rel=1e-4)


@pytest.mark.parametrize(("mode", "fate"), [("upsert", "stays"), ("replace", "deleted")])
def test_a_feature_in_four_parts_goes_with_a_replacement_only(upload: Upload, mode: str, fate: str) -> None:
    half = SIDE / 2
    corners = [(WEST + i * half, SOUTH + j * half) for i in range(2) for j in range(2)]
    rows = [feature(square(*at, half), name=f"块{n}", precision="guess") for n, at in enumerate(corners)]
    (split,) = upload(collection(*rows), current=snapshot((known(1, WEST),)), options={"mode": mode}).lineage
    assert [p.fate for p in split.parents] == [fate]
    assert [c.fid for c in split.children] == [f"NK-JSD-00{n}" for n in (2, 3, 4, 5)]


def test_a_row_left_out_of_a_merge_has_no_id_and_a_merge_names_all_it_covers(upload: Upload) -> None:
    layer = (known(1, WEST), known(2, WEST + SIDE))
    both = rectangle(WEST, WEST + 2 * SIDE)
    good = feature(both, GS_ID="NK-JSD-001", name="合", precision="guess")
    bad = feature(both, GS_ID="NK-JSD-001", name="合", precision="没有这种精度")
    for row, fid in ((good, "NK-JSD-001"), (bad, "")):
        (merge,) = upload(collection(row), current=snapshot(layer)).lineage
        assert merge.kind == "merge"
        assert sorted((p.fid, p.fate) for p in merge.parents) == [("NK-JSD-001", "changed"), ("NK-JSD-002", "stays")]
        assert [c.fid for c in merge.children] == [fid]
