"""Land account, exposure and conflicts against closed forms."""

from __future__ import annotations

from typing import Any

import geopandas
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_service.analysis import land_account, project_conflicts, waterlogging_exposure
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def test_300_mu_are_200_000_square_metres() -> None:
    result = run(land_account, {"sites": frame([shapely.box(E, N, E + 400, N + 500)])})
    assert result.figures["net_m2"] == pytest.approx(200_000, rel=1e-6)
    assert "300.0 亩" in result.headline.zh


def test_an_overlap_is_counted_once() -> None:
    sites = frame([shapely.box(E, N, E + 100, N + 100), shapely.box(E + 50, N, E + 150, N + 100)])
    result = run(land_account, {"sites": sites})
    assert result.figures["net_m2"] == pytest.approx(15_000, rel=1e-5)
    assert result.table["overlap_m2"].tolist() == pytest.approx([5000, 5000], rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(10, 300)), min_size=1, max_size=6))
def test_the_union_is_never_more_than_the_sum(boxes: list[tuple[float, float, float]]) -> None:
    sites = frame([shapely.box(E + x, N + y, E + x + s, N + y + s) for x, y, s in boxes])
    figures = run(land_account, {"sites": sites}).figures
    assert figures["net_m2"] <= figures["gross_m2"] * (1 + 1e-9)


def test_a_point_is_d_minus_r_from_a_round_zone() -> None:
    zone = frame([shapely.Point(E, N).buffer(100, quad_segs=64)])
    schools = frame([shapely.Point(E + d, N) for d in (0, 130, 149, 151, 400)])
    result = run(waterlogging_exposure, {"assets": schools, "zones": zone}, distance_m=50)
    assert result.table["distance_m"].tolist() == pytest.approx([0, 30, 49], abs=0.02)
    assert result.figures == {"exposed": 3, "inside": 1, "assets": 5}


def test_ties_between_zones_count_an_asset_once() -> None:
    zones = frame([shapely.box(E - 20, N - 5, E - 10, N + 5), shapely.box(E + 10, N - 5, E + 20, N + 5)])
    result = run(waterlogging_exposure, {"assets": frame([shapely.Point(E, N)]), "zones": zones})
    assert len(result.table) == 1
    assert result.table["zones_near"].tolist() == [2]


def chain(step: float, count: int = 60) -> geopandas.GeoDataFrame:
    shapes = [shapely.Point(E + i * step, N) for i in range(count)]
    return frame(shapes, start_date="2025-03-01", end_date="2025-03-31")


@pytest.mark.parametrize(("distance", "pairs"), [(49, 0), (50, 59), (75, 59), (99, 59)])
def test_a_chain_of_60_works_50_m_apart_has_0_59_59_59_conflicts(distance: float, pairs: int) -> None:
    result = run(project_conflicts, {"works": chain(50.001 if distance == 49 else 49.999)}, distance_m=distance)
    assert result.figures["conflicts"] == pairs


def test_works_that_share_one_day_overlap_and_next_day_does_not() -> None:
    shapes = [shapely.Point(E, N), shapely.Point(E + 1, N)]
    same = frame(shapes, start_date=["2025-01-01", "2025-02-28"], end_date=["2025-02-28", "2025-03-31"])
    after = frame(shapes, start_date=["2025-01-01", "2025-03-01"], end_date=["2025-02-28", "2025-03-31"])
    assert run(project_conflicts, {"works": same}).table["days"].tolist() == [1]
    assert run(project_conflicts, {"works": after}).figures["conflicts"] == 0


def test_works_without_dates_are_reported_not_dropped() -> None:
    works = frame([shapely.Point(E, N), shapely.Point(E + 1, N)], start_date=[None, "2025-01-01"], end_date=None)
    result = run(project_conflicts, {"works": works})
    assert result.figures == {"conflicts": 0, "undated": 1}


@pytest.mark.parametrize(
    ("inputs", "given"),
    [
        ({"assets": frame([None]), "zones": frame([shapely.Point(E, N).buffer(9)])}, {}),
        ({"assets": frame([shapely.Point(E, N)]), "zones": frame([])}, {}),
        (
            {
                "assets": frame([shapely.Point(E, N)]),
                "zones": frame([shapely.Polygon([(E, N), (E + 9, N + 9), (E + 9, N), (E, N + 9)])]),
            },
            {},
        ),
        ({}, {"distance_m": -1}),
        ({}, {"distance_m": "wide"}),
        ({}, {"depth": 3}),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(inputs: Any, given: Any) -> None:
    with pytest.raises(InvalidParameter):
        run(waterlogging_exposure, inputs, **given)


def test_illustrative_input_is_said_beside_the_result() -> None:
    sites = frame([shapely.box(E, N, E + 1, N + 1), None], precision=["illustrative", "unlocated"])
    assert "示意 1" in run(land_account, {"sites": sites}).notes[0].zh
