"""Coverage and fire response on street grids with known answers."""

from __future__ import annotations

from typing import Any

import geopandas
import numpy
import pandas
import pytest
import shapely

from geo_service.analysis import fire_response, service_coverage
from geo_service.analysis.result import read_parameters
from geo_service.errors import InvalidParameter
from tests.analysis.test_network import EAST, NORTH, SIDE, STEP, grid

MIDDLE = (EAST + 35 * STEP, NORTH + 35 * STEP)


def points(*places: tuple[float, float], **columns: Any) -> geopandas.GeoDataFrame:
    index = pandas.Index([f"NK-TST-{i:03}" for i in range(len(places))], name="id")
    data = {"name": [f"站{i}" for i in range(len(places))], "precision": "surveyed"} | columns
    return geopandas.GeoDataFrame(data, index=index, geometry=shapely.points(places), crs=4548).to_crs(4490)


def area() -> geopandas.GeoDataFrame:
    far = (SIDE - 1) * STEP
    return geopandas.GeoDataFrame(
        {"name": ["区"]}, geometry=[shapely.box(EAST, NORTH, EAST + far, NORTH + far)], crs=4548
    ).to_crs(4490)


def streets(**columns: Any) -> geopandas.GeoDataFrame:
    return grid().assign(precision="surveyed", **columns).to_crs(4490)


def run(module: Any, inputs: dict[str, geopandas.GeoDataFrame], **given: float) -> Any:
    return module.QUESTION.run(inputs, read_parameters(module.QUESTION, given))


def test_along_streets_a_circle_shrinks_to_a_diamond() -> None:
    result = run(
        service_coverage,
        {"facilities": points(MIDDLE), "district": area(), "streets": streets()},
        reach_m=1000,
        cell_m=17,
    )
    whole = 49e6
    assert result.figures["straight_percent"] == pytest.approx(numpy.pi * 1e6 / whole * 100, rel=0.01)
    assert result.figures["network_percent"] == pytest.approx(2e6 / whole * 100, rel=0.01)
    assert "人口未知" in result.headline.zh


def test_people_count_where_they_are_known() -> None:
    left = shapely.box(EAST, NORTH, EAST + 3500, NORTH + 7000)
    right = shapely.box(EAST + 3500, NORTH, EAST + 7000, NORTH + 7000)
    people = geopandas.GeoDataFrame(
        {"name": ["西", "东"], "population": [900, 100]}, geometry=[left, right], crs=4548
    ).to_crs(4490)
    west = (EAST + 1750, NORTH + 3500)
    inputs = {"facilities": points(west), "district": area(), "population": people, "areas": people}
    result = run(service_coverage, inputs, reach_m=20_000)
    assert result.figures["straight_percent"] == pytest.approx(100)
    assert result.table["total"].tolist() == pytest.approx([1000, 900, 100], rel=0.02)
    half = run(service_coverage, inputs, reach_m=1000)
    assert half.figures["straight_percent"] == pytest.approx(90 * numpy.pi * 1e6 / (3500 * 7000), rel=0.02)


def test_four_minutes_of_driving_reach_the_diamond() -> None:
    """8 m/s for 250 s along streets of a grid: 2 x 2000^2 = 8.000 km2."""
    inputs = {"stations": points(MIDDLE, status="done"), "district": area(), "streets": streets(speed_kmh=28.8)}
    result = run(fire_response, inputs, response_min=250 / 60 + 1, peak_factor=1, cell_m=17, foot_m_s=8)
    assert result.figures["covered_km2"] == pytest.approx(8.0, rel=0.02)


def test_two_symmetric_stations_share_the_area_equally() -> None:
    places = ((EAST + 1700, NORTH + 3500), (EAST + 5300, NORTH + 3500))
    result = run(fire_response, {"stations": points(*places), "district": area(), "streets": streets()})
    first, second = result.table["first_due_km2"]
    assert first == pytest.approx(second, rel=0.02)
    assert first + second == pytest.approx(49, rel=0.01)
    assert result.table["over_limit"].tolist() == [True, True]


def test_a_planned_stations_gain_is_what_the_standing_ones_do_not_reach() -> None:
    places = ((EAST + 1000, NORTH + 1000), (EAST + 6000, NORTH + 6000))
    inputs = {"stations": points(*places, status=["done", None]), "district": area(), "streets": streets()}
    both = run(fire_response, inputs)
    old = run(fire_response, inputs | {"stations": inputs["stations"].iloc[:1]})
    assert both.figures["gain_km2"] == pytest.approx(both.figures["covered_km2"] - old.figures["covered_km2"], rel=1e-9)
    assert old.figures["gain_km2"] == 0


def test_a_station_can_be_put_elsewhere() -> None:
    stations = points(MIDDLE)
    elsewhere = fire_response.moved(stations, "NK-TST-000", 117.15, 39.12)
    assert elsewhere.geometry.iloc[0].x == pytest.approx(117.15)
    with pytest.raises(InvalidParameter):
        fire_response.moved(stations, "NK-TST-999", 117.15, 39.12)


def test_without_streets_the_result_says_straight_line_only() -> None:
    result = run(service_coverage, {"facilities": points(MIDDLE), "district": area()})
    assert "直线" in result.notes[0].zh
    with pytest.raises(InvalidParameter):
        run(fire_response, {"stations": points(MIDDLE), "district": area()})
