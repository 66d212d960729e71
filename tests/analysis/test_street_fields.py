"""Road layers as others name their fields, and facilities that do not lie at a street."""

from __future__ import annotations

from typing import Any

import geopandas
import numpy
import pytest
import shapely

from geo_service.analysis import fire_response, nearest_facility, service_coverage
from geo_service.analysis.access import make_streets, off_street_notes
from geo_service.analysis.network import Network, build_network, cost_from, snap_points
from geo_service.analysis.street_fields import fields_note, find_fields, with_street_fields
from geo_service.core.text import Text
from tests.analysis.frames import E, N, frame, run

FACILITIES = Text("设施", "Facilities")


def roads(**columns: Any) -> geopandas.GeoDataFrame:
    """A square of four streets of 1 000 m and one that crosses it in the middle."""
    corners = [(E, N), (E + 1000, N), (E + 1000, N + 1000), (E, N + 1000), (E, N)]
    sides = [shapely.LineString(corners[i : i + 2]) for i in range(4)]
    title = Text("道路中心线", "Road centre lines")
    return frame([*sides, shapely.LineString([(E, N + 500), (E + 1000, N + 500)])], layer=title, **columns)


MAKERS = [
    {"oneway": ["F", "B", "B", "B", "T"], "maxspeed": [36, 0, 0, 0, 0], "fclass": ["primary_link"] * 5, "bridge": "F"},
    {
        "单行": ["是", "", "", "", "逆向"],
        "限速": ["36", None, None, None, None],
        "等级": ["主干路"] * 5,
        "层级": [0] * 5,
    },
    {"oneway": [1, 0, 0, 0, -1], "speed_kmh": [36.0, *[None] * 4], "kind": ["primary"] * 5, "level": [0.0] * 5},
    {"oneway": ["yes", "no", "no", None, "-1"], "maxspeed": ["36", *["signals"] * 4], "highway": ["primary"] * 5},
]


@pytest.mark.parametrize("columns", MAKERS)
def test_the_fields_of_four_makers_mean_the_same_network(columns: dict[str, Any]) -> None:
    read = with_street_fields(roads(**columns))
    assert list(read["oneway"]) == [1, 0, 0, 0, -1]
    assert list(read["speed_kmh"]) == [36, 0, 0, 0, 0]
    assert set(read["road_class"]) == {"primary"}
    network = build_network(read, cost="drive_s")
    first = numpy.flatnonzero((network.line == 0) & network.forward & ~network.backward)
    assert network.cost[first].sum() == pytest.approx(100, rel=1e-4)  # 1 000 m at 10 m/s
    others = network.cost[network.line == 2].sum()
    assert others == pytest.approx(72, rel=1e-4)  # at the 50 km/h of a primary road


def test_a_bridge_in_an_uploaded_layer_meets_nothing_below() -> None:
    flat, raised = roads(), roads(bridge=[*"FFFF", "T"])
    pieces = [len(build_network(with_street_fields(f)).start) for f in (flat, raised)]
    assert pieces == [7, 5]


def test_people_walk_against_a_one_way_street_and_cars_do_not() -> None:
    streets = roads(oneway=["yes"] * 4 + ["no"])
    walking = make_streets({"streets": streets}, cost="metres")
    driving = make_streets({"streets": streets}, cost="drive_s")
    assert walking is not None
    assert driving is not None
    assert _back(walking) == pytest.approx(1000, abs=0.5)
    assert _back(driving) * 35 / 3.6 == pytest.approx(2000, abs=0.5)  # up, along the street in the middle, down


def _back(network: Network) -> float:
    """The cost from the end of the first street to its start."""
    costs = cost_from(network, snap_points(network, numpy.array([[E + 1000.0, N]])))[0]
    return float(costs[numpy.hypot(*(network.nodes - [E, N]).T).argmin()])


def test_the_result_says_which_layer_and_fields_the_network_is_made_of() -> None:
    note = fields_note(roads(**MAKERS[0]))
    assert "「道路中心线」5 条线" in note.zh
    assert "单行←oneway" in note.zh
    assert "车速←maxspeed" in note.zh
    assert "没有 通行" in note.zh
    assert "5 lines of “Road centre lines”" in note.en
    assert "one-way from oneway" in note.en
    assert "it has no access" in note.en
    assert find_fields(roads()) == {}
    assert "读取字段 无；没有 层级" in fields_note(roads()).zh


def test_facilities_off_the_streets_are_named_with_their_distance() -> None:
    points = [shapely.Point(E + 500, N - 30), shapely.Point(E + 500, N - 900), shapely.Point(E + 500, N - 250)]
    facilities = frame(points)
    network = make_streets({"streets": roads()}, cost="metres")
    [note] = off_street_notes(network, facilities, FACILITIES)
    assert "2 处离最近道路超过 200 m" in note.zh
    assert note.zh.index("地块1（NK-TST-001） 900 m") < note.zh.index("地块2（NK-TST-002） 250 m")
    assert "地块0" not in note.zh
    assert "2 lie over 200 m from any street" in note.en
    assert off_street_notes(None, facilities, FACILITIES) == ()


def test_facilities_at_streets_cut_off_from_the_rest_are_named() -> None:
    island = shapely.LineString([(E + 3000, N), (E + 3100, N)])
    streets = frame([*roads().to_crs(4548).geometry, island])
    facilities = frame([shapely.Point(E, N + 20), shapely.Point(E + 3050, N + 5)])
    [note] = off_street_notes(make_streets({"streets": streets}, cost="metres"), facilities, FACILITIES)
    assert "1 处所在道路与主网不相连" in note.zh
    assert "地块1（NK-TST-001）" in note.zh


@pytest.mark.parametrize(
    ("module", "roles"),
    [
        (service_coverage, ("facilities",)),
        (fire_response, ("stations",)),
        (nearest_facility, ("origins", "facilities")),
    ],
)
def test_every_question_over_streets_names_what_lies_off_them(module: Any, roles: tuple[str, ...]) -> None:
    district = frame([shapely.box(E, N - 1000, E + 1000, N + 1000)])
    inputs = {role: frame([shapely.Point(E + 500, N - 900)]) for role in roles}
    given = {} if module is nearest_facility else {"cell_m": 100}
    result = run(module, {**inputs, "district": district, "streets": roads()}, **given)
    said = [n.zh for n in result.notes if "离最近道路超过" in n.zh]
    assert len(said) == len(roles)
    assert all("900 m" in text for text in said)
