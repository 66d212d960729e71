"""Nearest facility, renewal indicators and site scores by hand-made sums."""

from __future__ import annotations

from typing import Any

import geopandas
import numpy
import pytest
import shapely

from geo_service.analysis import nearest_facility, renewal_indicators, site_scores
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def streets() -> list[shapely.LineString]:
    """A square grid of 11 by 11 streets 100 m apart."""
    level = [shapely.LineString([(E, N + 100 * i), (E + 1000, N + 100 * i)]) for i in range(11)]
    upright = [shapely.LineString([(E + 100 * i, N), (E + 100 * i, N + 1000)]) for i in range(11)]
    return level + upright


def at(x: float, y: float) -> shapely.Point:
    return shapely.Point(E + x, N + y)


def test_along_a_grid_the_way_is_dx_plus_dy_and_the_detour_known() -> None:
    inputs = {"origins": frame([at(0, 0)]), "facilities": frame([at(300, 400)]), "streets": frame(streets())}
    row = run(nearest_facility, inputs).table.iloc[0]
    assert row["straight_m"] == pytest.approx(500, abs=0.1)
    assert row["network_m"] == pytest.approx(700, abs=0.5)
    assert row["detour"] == pytest.approx(1.4, abs=0.01)


def test_the_way_there_and_back_is_equal_on_two_way_streets() -> None:
    chance = numpy.random.default_rng(3)
    places = [at(*p) for p in chance.uniform(0, 1000, (12, 2))]
    one, other = frame(places[:6]), frame(places[6:])
    there = run(nearest_facility, {"origins": one, "facilities": other, "streets": frame(streets())}, count=6).table
    back = run(nearest_facility, {"origins": other, "facilities": one, "streets": frame(streets())}, count=6).table
    forth = there.set_index(["id", "facility_id"])["network_m"].sort_index()
    home = back.set_index(["facility_id", "id"])["network_m"].sort_index()
    assert forth.tolist() == pytest.approx(home.tolist(), abs=0.2)


def test_the_nearest_in_a_straight_line_need_not_be_the_nearest_by_street() -> None:
    """150 m away across a canal without a bridge, or 300 m along the street."""
    lines = [shapely.LineString([at(0, 0), at(600, 0)]), shapely.LineString([at(0, 150), at(600, 150)])]
    inputs = {"origins": frame([at(300, 0)]), "facilities": frame([at(300, 150), at(0, 0)]), "streets": frame(lines)}
    table = run(nearest_facility, inputs, limit_m=200).table
    assert table["facility_id"].tolist() == ["NK-TST-001"]
    assert table["network_m"].iloc[0] == pytest.approx(300, abs=0.5)
    assert bool(table["too_far"].iloc[0])


def test_without_streets_the_nearest_is_straight_and_says_so() -> None:
    inputs = {"origins": frame([at(0, 0), at(900, 0)]), "facilities": frame([at(100, 0), at(1000, 10)])}
    result = run(nearest_facility, inputs)
    assert result.table["facility_id"].tolist() == ["NK-TST-000", "NK-TST-001"]
    assert result.table["network_m"].isna().all()
    assert "直线" in result.headline.zh
    assert any("没有路网" in note.zh for note in result.notes)


def test_the_burden_of_the_facilities_adds_up_to_the_origins() -> None:
    chance = numpy.random.default_rng(4)
    origins = frame([at(*p) for p in chance.uniform(0, 1000, (40, 2))])
    result = run(nearest_facility, {"origins": origins, "facilities": frame([at(0, 0), at(500, 500), at(900, 100)])})
    assert result.more[1].rows["origins"].sum() == 40
    assert len(result.more[0].rows) == 10


def units(**columns: list[Any]) -> geopandas.GeoDataFrame:
    count = len(next(iter(columns.values())))
    return frame([shapely.box(E + 100 * i, N, E + 100 * i + 50, N + 50) for i in range(count)], **columns)


def test_the_limits_themselves_are_met_and_a_hair_beyond_is_not() -> None:
    result = run(
        renewal_indicators,
        {
            "units": units(
                floor_area_m2=[10_000, 10_000],
                demolished_m2=[2000, 2001],
                rebuilt_m2=[4000, 4003],
                households=[100, 100],
                rehoused_households=[50, 49],
            )
        },
    )
    first, second, whole = (result.table.iloc[i] for i in range(3))
    assert [first[k].en for k in ("demolished_light", "rebuild_light", "rehoused_light")] == ["Met"] * 3
    assert [second[k].en for k in ("demolished_light", "rebuild_light", "rehoused_light")] == ["Not met"] * 3
    assert whole["demolished_percent"] == pytest.approx(20.0, abs=0.01)  # 4001 of 20 000, not the mean of shares
    assert result.figures == {"units": 2, "known": 2, "broken": 1}


def test_a_unit_without_figures_gets_no_green_light() -> None:
    result = run(renewal_indicators, {"units": units(demolished_m2=[None])})
    assert result.table["demolished_light"].iloc[0].en == "Not known"
    assert "现状建筑面积" in result.table["missing"].iloc[0].zh
    assert result.figures["known"] == 0


def test_a_total_is_of_sums_and_not_of_percentages() -> None:
    """5 % of 10 000 and 50 % of 1 000 are 9.09 % of 11 000; the mean of the two would be 27.5 %."""
    result = run(renewal_indicators, {"units": units(floor_area_m2=[10_000, 1000], demolished_m2=[500, 500])})
    assert result.table["demolished_percent"].iloc[-1] == pytest.approx(9.09, abs=0.005)


def score_inputs() -> dict[str, geopandas.GeoDataFrame]:
    sites = [shapely.box(E + x, N, E + x + 100, N + 100) for x in (0, 500, 2000)]
    return {"sites": frame(sites), "near": frame([at(-100, 50)]), "far": frame([at(2100, 50)])}


def test_scores_fall_in_a_line_with_distance() -> None:
    """100, 600 and 2 100 m from A are 90, 40 and 0 points; 2 000, 1 500 and 0 m from the nuisance 100, 100 and 0."""
    result = run(site_scores, score_inputs(), weight_near=1, weight_far=1, weight_size=0)
    table = result.table.set_index("id")
    assert table["near"].tolist() == pytest.approx([90, 40, 0], abs=0.1)
    assert table["far"].tolist() == pytest.approx([100, 100, 0], abs=0.1)
    assert table["score"].tolist() == pytest.approx([95, 70, 0], abs=0.05)
    assert result.table["rank"].tolist() == [1, 2, 3]


def test_every_weight_is_swayed_both_ways_and_a_clear_winner_stays() -> None:
    result = run(site_scores, score_inputs())
    sway = result.more[0].rows
    assert sway["change"].tolist() == [-20, 20] * 3
    assert sway["same_first"].all()
    assert result.figures["steady"] == result.figures["cases"] == 6


def test_weights_that_are_all_zero_are_refused() -> None:
    nothing = dict.fromkeys(("weight_near", "weight_also_near", "weight_far", "weight_size"), 0)
    with pytest.raises(InvalidParameter, match="0"):
        run(site_scores, score_inputs(), **nothing)
