"""Park coverage by size, and the plan's progress by subdistrict, against sums made by hand."""

from __future__ import annotations

import math
from typing import Any

import geopandas
import numpy
import pandas
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geo_service.analysis import park_coverage, plan_progress
from geo_service.analysis.plan_progress import SIZES, apportion
from geo_service.core.plan import Commitment, Quantity
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def square(x: float, y: float, side: float) -> shapely.Polygon:
    return shapely.box(E + x, N + y, E + x + side, N + y + side)


def town() -> geopandas.GeoDataFrame:
    return frame([square(0, 0, 3000)])


def rounded(side: float, radius: float) -> float:
    """Area of a square with everything within a radius of it."""
    return side**2 + 4 * side * radius + math.pi * radius**2


@pytest.mark.parametrize(("side", "radius"), [(80, 500), (60, 300)], ids=["6 400 m2", "3 600 m2"])
def test_the_radius_follows_the_size_of_the_park_from_its_edge(side: float, radius: float) -> None:
    result = run(park_coverage, {"parks": frame([square(1400, 1400, side)]), "district": town()}, cell_m=10)
    assert result.figures["straight_percent"] == pytest.approx(rounded(side, radius) / 3000**2 * 100, rel=0.01)
    assert result.more[0].rows["radius_m"].tolist() == [radius]


def test_a_pocket_park_counts_only_where_its_radius_is_set() -> None:
    inputs = {"parks": frame([square(1400, 1400, 30)]), "district": town()}
    none = run(park_coverage, inputs)
    assert none.figures["straight_percent"] == 0
    assert any("面积过小" in note.zh for note in none.notes)
    assert run(park_coverage, inputs, radius_pocket_m=200).figures["straight_percent"] > 0


def test_a_site_in_the_gap_is_suggested_before_one_beside_the_park() -> None:
    inputs = {
        "parks": frame([square(0, 0, 100)]),
        "district": town(),
        "candidates": frame([square(150, 150, 60), square(2000, 2000, 60)]),
    }
    suggested = run(park_coverage, inputs, sites=1).more[1].rows
    assert suggested["id"].tolist() == ["NK-TST-001"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2900), st.integers(0, 2900)), min_size=2, max_size=5))
def test_one_park_more_never_lowers_the_coverage(places: list[tuple[int, int]]) -> None:
    parks = [square(x, y, 80) for x, y in places]
    share = [
        run(park_coverage, {"parks": frame(parks[:n]), "district": town()}, cell_m=100).figures["straight_percent"]
        for n in range(1, len(parks) + 1)
    ]
    assert share == sorted(share)


def commitment(fid: str = "C-1", layer: str = "pocket_parks", target: float = 4) -> Commitment:
    return Commitment(
        id=fid,
        name=Text("建设口袋公园", "Pocket parks"),
        layer=layer,
        geometry="polygon",
        spatial=True,
        quantity=Quantity(kind="exact", target=target, unit="个"),
        verb="建设",
        promise="completed",
        due="2025-12-31",
        section="二.4.2",
        clause="建设4个口袋公园",
    )


def members(shapes: list[Any], **columns: Any) -> geopandas.GeoDataFrame:
    return frame(shapes, commitment="C-1", candidate=False, **columns)


def progress_of(shapes: list[Any], *, straddling: str = "point", **columns: Any) -> Any:
    inputs = {
        "members": members(shapes, **columns),
        "areas": frame([square(0, 0, 1000), square(1000, 0, 1000)]).assign(name=["甲街道", "乙街道"]),
        "ledger": pandas.DataFrame({"commitment": [commitment()]}),
    }
    return run(plan_progress, inputs, straddling=straddling)  # type: ignore[arg-type]  # the ledger is no map


def test_rows_sum_up_to_the_district_exactly_and_every_member_counts_once() -> None:
    shapes = [square(100, 100, 50), square(980, 500, 100), square(1500, 500, 50), square(5000, 0, 10), None]
    result = progress_of(shapes, status=["done", "started", None, "not_started", None], precision="surveyed")
    table = result.table
    numbers = table.drop(columns="area").to_numpy(dtype=float)
    assert numbers[:-1].sum(axis=0).tolist() == numbers[-1].tolist()
    assert table["listed"].tolist() == [1, 2, 1, 1, 5]
    assert table["done"].iloc[-1] == 1
    assert table["area_m2"].iloc[0] == pytest.approx(2500, abs=0.2)


def test_what_straddles_is_split_by_area_on_request_and_still_sums_up() -> None:
    """A 100 m square, 20 m of it in the first subdistrict."""
    table = progress_of([square(980, 500, 100)], straddling="share", precision="surveyed").table
    assert table["listed"].tolist() == pytest.approx([0.2, 0.8, 1.0], abs=0.001)
    assert table["area_m2"].tolist() == pytest.approx([2000, 8000, 10_000], abs=1)
    assert table[list(SIZES)].iloc[:-1].sum().tolist() == table[list(SIZES)].iloc[-1].tolist()


def test_what_the_plan_promises_is_not_taken_for_done() -> None:
    result = progress_of([square(0, 0, 10)] * 2, plan_status="completed", status=None, precision="illustrative")
    assert (result.figures["done"], result.figures["illustrative"]) == (0, 2)
    promise = result.more[0].rows.iloc[0]
    assert (promise["listed"], promise["missing"], promise["done"]) == (2, 2, 0)


def test_a_layer_without_members_of_the_plan_is_refused() -> None:
    inputs = {
        "members": frame([square(0, 0, 9)], commitment="anything"),
        "ledger": pandas.DataFrame({"commitment": [commitment()]}),
    }
    with pytest.raises(InvalidParameter, match="commitment"):
        run(plan_progress, inputs)  # type: ignore[arg-type]  # the ledger is no map


@given(st.integers(0, 10_000), arrays(float, st.integers(1, 12), elements=st.floats(0.01, 100)))
def test_a_whole_number_is_apportioned_without_loss(total: int, weights: numpy.ndarray[Any, Any]) -> None:
    parts = apportion(total, weights)
    assert parts.sum() == total
    assert numpy.abs(parts - weights / weights.sum() * total).max() <= 1
