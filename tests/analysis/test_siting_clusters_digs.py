"""Siting, grouping and digging against answers one can work out by hand, and spopt as oracle where installed."""

from __future__ import annotations

import datetime
from typing import Any

import geopandas
import numpy
import pytest
import shapely

from geo_service.analysis import clusters, road_works, siting
from geo_service.analysis.result import read_parameters
from tests.analysis.test_questions_on_areas import E, N, frame, run

LINE = numpy.abs(numpy.arange(30)[:, None] - numpy.arange(30)[None, :]).astype(float)
"""Distances among 30 places in a row, one apart."""


def test_a_line_of_30_needs_10_sites_that_reach_their_neighbours() -> None:
    chosen = siting.fewest_sites(LINE <= 1)
    assert len(chosen) == 10
    assert (LINE[chosen] <= 1).any(axis=0).all()


def test_four_sites_on_a_line_cover_12_places() -> None:
    chosen = siting.most_covered(LINE <= 1, numpy.ones(30), 4)
    assert (LINE[chosen] <= 1).any(axis=0).sum() == 12


def test_one_median_of_a_line_of_30_costs_225() -> None:
    _, cost = siting.least_travel(LINE, numpy.ones(30), 1)
    assert cost == pytest.approx(225)


def test_what_is_reached_already_is_not_paid_for_again() -> None:
    already = numpy.zeros(30, dtype=bool)
    already[:15] = True
    (site,) = siting.most_covered(LINE <= 2, numpy.ones(30), 1, already=already)
    assert 15 + 2 <= site <= 27


def test_siting_raises_coverage_and_names_the_sites() -> None:
    district = geopandas.GeoDataFrame(geometry=[shapely.box(E, N, E + 3000, N + 1000)], crs=4548).to_crs(4490)
    candidates = frame([shapely.Point(E + x, N + 500) for x in (500, 600, 2500)])
    result = run(siting, {"candidates": candidates, "district": district}, sites=2, reach_m=600)
    assert set(result.table["id"]) in ({"NK-TST-000", "NK-TST-002"}, {"NK-TST-001", "NK-TST-002"})
    assert result.figures["after_percent"] > result.figures["before_percent"] == 0


def test_a_chain_of_30_sites_is_not_one_group() -> None:
    points = numpy.column_stack((numpy.arange(30) * 400.0, numpy.zeros(30)))
    labels = clusters.cluster_labels(points, near_m=500, diameter_m=1500)
    widths = [points[labels == k, 0].max() - points[labels == k, 0].min() for k in numpy.unique(labels)]
    assert max(widths) <= 1500
    assert len(widths) >= 7


def test_two_knots_and_a_loner_are_two_groups() -> None:
    places = [(0, 0), (100, 0), (0, 100), (5000, 0), (5100, 0), (9000, 9000)]
    result = run(clusters, {"projects": frame([shapely.Point(E + x, N + y) for x, y in places])})
    assert result.table["size"].tolist() == [3, 2]
    assert result.figures == {"groups": 2, "projects": 5}


@pytest.mark.parametrize(
    ("day", "years", "later"),
    [("2020-02-29", 5, "2025-03-01"), ("2020-02-29", 4, "2024-02-29"), ("2021-06-30", 3, "2024-06-30")],
)
def test_years_are_calendar_years(day: str, years: int, later: str) -> None:
    assert road_works.add_years(datetime.date.fromisoformat(day), years) == datetime.date.fromisoformat(later)


def dig_and_road(start: Any, built: Any, overhaul: Any = None) -> Any:
    road = frame([shapely.LineString([(E, N), (E + 500, N)])], built_date=[built], overhaul_date=[overhaul])
    dig = frame([shapely.LineString([(E + 100, N + 5), (E + 200, N + 5)])], start_date=[start])
    return [v.zh for v in run(road_works, {"digs": dig, "roads": road}).table["verdict"]]


@pytest.mark.parametrize(
    ("start", "built", "overhaul", "verdict"),
    [
        ("2025-02-28", "2020-02-29", None, "保护期内"),
        ("2025-03-01", "2020-02-29", None, "可开挖"),
        ("2025-06-01", "2010-01-01", "2023-01-01", "保护期内"),
        (None, "2020-01-01", None, "日期不明"),
        ("2025-06-01", None, None, "日期不明"),
    ],
)
def test_a_dig_is_judged_by_the_roads_dates(start: Any, built: Any, overhaul: Any, verdict: str) -> None:
    assert dig_and_road(start, built, overhaul) == [verdict]


def test_digs_of_one_road_within_the_window_could_share_a_trench() -> None:
    road = frame([shapely.LineString([(E, N), (E + 500, N)])], built_date=["2000-01-01"])
    days = ["2025-01-01", "2025-05-01", "2027-01-01"]
    digs = frame([shapely.LineString([(E + i, N), (E + 50 + i, N)]) for i in range(3)], start_date=days)
    table = run(road_works, {"digs": digs, "roads": road}).table
    assert [name.zh for name in table["shared_with"]] == ["地块1", "地块0", ""]


def test_defaults_carry_their_standard() -> None:
    assert read_parameters(road_works.QUESTION, {})["new_years"] == 5
    assert all(p.standard for p in road_works.QUESTION.parameters if p.status == "read")
