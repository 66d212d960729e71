"""Depressions against a cone, revisions against two discs."""

from __future__ import annotations

import heapq
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

from geo_service.analysis import depressions, layer_changes
from geo_service.analysis.depressions import fill_levels
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def flood(z: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Priority flood as in Barnes, Lehman and Mulla (2014), algorithm 1: the second opinion."""
    level = numpy.full(z.shape, numpy.inf)
    border = [(i, j) for i, j in numpy.ndindex(z.shape) if i in (0, z.shape[0] - 1) or j in (0, z.shape[1] - 1)]
    queue = [(z[at], at) for at in border]
    for height, at in queue:
        level[at] = height
    heapq.heapify(queue)
    while queue:
        height, (i, j) = heapq.heappop(queue)
        for a, b in ((i + di, j + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)):
            if 0 <= a < z.shape[0] and 0 <= b < z.shape[1] and level[a, b] == numpy.inf:
                level[a, b] = max(height, z[a, b])
                heapq.heappush(queue, (level[a, b], (a, b)))
    return level


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.tuples(st.integers(3, 9), st.integers(3, 9)), elements=st.integers(0, 6).map(float)))
def test_water_stands_as_high_as_a_priority_flood_says(z: numpy.ndarray[Any, Any]) -> None:
    assert fill_levels(z).tolist() == flood(z).tolist()


def test_a_cell_without_a_height_lets_the_water_out() -> None:
    z = numpy.full((7, 7), 5.0)
    z[2:5, 2:5] = 1.0
    assert fill_levels(z)[3, 3] == 5.0
    z[3, 3] = numpy.nan
    assert fill_levels(z)[2, 2] == 1.0


def grid(height: Any, *, size_m: float = 5, cells: int = 121) -> geopandas.GeoDataFrame:
    x, y = numpy.meshgrid(E + numpy.arange(cells) * size_m, N + numpy.arange(cells) * size_m)
    z = height(numpy.hypot(x - x.mean(), y - y.mean()))
    points = shapely.points(x.ravel(), y.ravel())
    return geopandas.GeoDataFrame({"elevation_m": z.ravel()}, geometry=points, crs=4548)


def test_a_cone_holds_a_third_of_radius_squared_times_depth() -> None:
    """A bowl 200 m in radius and 4 m deep: pi r2 h / 3 = 167 552 m3."""
    result = run(depressions, {"heights": grid(lambda r: 10 - 4 * numpy.maximum(1 - r / 200, 0))})
    assert result.figures["depressions"] == 1
    assert result.figures["volume_m3"] == pytest.approx(math.pi * 200**2 * 4 / 3, rel=2e-3)
    row = result.table.iloc[0]
    assert (row["depth_max_m"], row["spill_m"]) == (pytest.approx(4, abs=0.05), pytest.approx(10, abs=0.01))
    assert row["area_m2"] == pytest.approx(math.pi * (200 * (1 - 0.05 / 4)) ** 2, rel=0.01)
    assert result.layer is not None
    assert result.layer.to_crs(4548).area.iloc[0] == pytest.approx(row["area_m2"], rel=1e-4)


def test_a_slope_and_a_hill_hold_no_water() -> None:
    assert run(depressions, {"heights": grid(lambda r: 10 - r / 50)}).table.empty


@pytest.mark.parametrize(
    "heights",
    [
        grid(lambda r: r).rename(columns={"elevation_m": "depth"}),
        grid(lambda r: r, cells=2),
        geopandas.GeoDataFrame(
            {"z": [1.0, 2, 3, 4]}, geometry=geopandas.points_from_xy([0, 1, 2.5, 7], [0, 3, 1, 2]), crs=4548
        ),
    ],
    ids=["no heights", "two by two", "scattered"],
)
def test_what_is_no_grid_of_heights_is_refused(heights: geopandas.GeoDataFrame) -> None:
    with pytest.raises(InvalidParameter):
        run(depressions, {"heights": heights})


def lens(radius: float, apart: float) -> float:
    half = math.acos(apart / 2 / radius)
    return 2 * radius**2 * half - apart * math.sqrt(radius**2 - apart**2 / 4)


def test_two_discs_differ_by_what_their_lens_leaves() -> None:
    before = frame([shapely.Point(E, N).buffer(100, quad_segs=128)])
    after = frame([shapely.Point(E + 60, N).buffer(100, quad_segs=128)])
    result = run(layer_changes, {"before": before, "after": after})
    row = result.table.iloc[0]
    assert row["difference_m2"] == pytest.approx(2 * (math.pi * 100**2 - lens(100, 60)), rel=1e-3)
    assert row["moved_m"] == pytest.approx(60, abs=0.02)
    assert result.layer is not None
    assert result.layer.to_crs(4548).area.iloc[0] == pytest.approx(row["difference_m2"], rel=1e-5)


def test_a_new_export_of_the_same_data_is_no_change() -> None:
    """The ring starts elsewhere and runs the other way, text has blanks and full-width digits, 3 is written 3.0."""
    ring = [(E, N), (E + 50, N), (E + 50, N + 80), (E, N + 80)]
    before = frame([shapely.Polygon(ring)], title=["地块 12"], floors=[3], note=[None])
    again = [*ring[2:], *ring[:2]][::-1]
    after = frame([shapely.Polygon(again)], title=[" 地块  １２ "], floors=[3.0], note=[""])
    result = run(layer_changes, {"before": before, "after": after})
    assert result.table.empty
    assert sum(result.figures.values()) == 0


def test_every_kind_of_change_is_told_apart() -> None:
    boxes = [shapely.box(E + 200 * i, N, E + 200 * i + 100, N + 100) for i in range(7)]
    before = frame(boxes, status=["a"] * 7)
    after = frame(boxes, status=["a"] * 7)
    after.loc["NK-TST-001", "status"] = "b"
    after.loc[["NK-TST-002"], "geometry"] = shapely.affinity.translate(after.geometry["NK-TST-002"], 0.001, 0)
    after.loc["NK-TST-003", "geometry"] = None
    before.loc["NK-TST-004", "geometry"] = None
    after = after.drop("NK-TST-005").rename(index={"NK-TST-006": "NK-TST-106"})
    added = after.loc[["NK-TST-000"]].rename(index={"NK-TST-000": "NK-TST-200"}).assign(name="新")
    result = run(layer_changes, {"before": before, "after": pandas.concat([after, added])})
    kinds = {row.id: row.change.en for row in result.table.itertuples()}
    assert kinds == {
        "NK-TST-001": "Attributes only",
        "NK-TST-002": "Moved or reshaped",
        "NK-TST-003": "Lost its position",
        "NK-TST-004": "Put on the map",
        "NK-TST-005": "Deleted",
        "NK-TST-106": "New id, same content",
        "NK-TST-200": "Added",
    }
    assert result.table.set_index("id").loc["NK-TST-001", "fields"] == "status"
    assert "新增 1" in result.headline.zh


def test_comparing_a_revision_with_itself_finds_nothing() -> None:
    same = frame([shapely.Point(E, N), shapely.box(E, N, E + 9, N + 9)])
    assert run(layer_changes, {"before": same, "after": same}).table.empty
