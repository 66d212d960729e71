"""公园绿地覆盖: what share of homes has a park near, by the size of the park, and where is the gap?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import (
    STREETS,
    Ground,
    make_ground,
    make_streets,
    people_note,
    points_of,
    straight_coverage,
    street_note,
    walk_coverage,
    walk_reach,
)
from geo_service.analysis.coverage import within_shapes
from geo_service.analysis.network import Flags, Floats, Network
from geo_service.analysis.progress import Progress, one_by_one, silent, stretch
from geo_service.analysis.result import (
    Chart,
    Column,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    honesty,
    located,
    names_of,
    numbers_of,
    require,
)
from geo_service.analysis.service_coverage import CLASSES, coverage_columns, coverage_layer, coverage_table
from geo_service.analysis.siting import most_covered, site_columns, site_table
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

GATE_EVERY_M = 50.0
"""Without mapped gates a park may be entered anywhere along its edge; so far apart are the places it is entered."""

PARKS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("公园", "Park")),
    Column("area_m2", Text("面积", "Area"), "m²"),
    Column("radius_m", Text("计算半径", "Radius"), "m"),
)


def measure_parks(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Result:
    """Share of homes (people, residential land or land) within the radius that the size of each park gives, against
    the target; in a straight line from the edge of the park for reporting, along streets for truth."""
    parks = require(inputs["parks"], "parks")
    area = park_areas(parks)
    radius = radius_by_size(area, parameters)
    counted = parks[radius > 0]
    network = make_streets(inputs, cost="metres")
    ground = make_ground(inputs, network, size_m=parameters["cell_m"], progress=stretch(progress, 0, 0.5))
    straight = _within_edges(ground, counted, radius[radius > 0], stretch(progress, 0.5, 0.6))
    on_foot = stretch(progress, 0.6, 0.9)
    walked = _on_foot(ground, network, counted, radius[radius > 0], on_foot) if network else None
    return Result(
        headline=_headline(ground, straight, walked, parameters),
        table=coverage_table(inputs, ground, straight, walked),
        columns=coverage_columns(ground),
        method=_method(parameters),
        layer=coverage_layer(ground, straight, straight if walked is None else walked),
        classes=CLASSES,
        notes=(
            *_small_note(int((radius <= 0).sum()), parameters),
            *street_note(inputs, network),
            *people_note(ground, inputs),
            *honesty(inputs["parks"], Text("公园", "Parks")),
        ),
        figures={
            "straight_percent": ground.share(straight),
            "network_percent": ground.share(walked) if walked is not None else float("nan"),
            "gap_percent": max(0.0, parameters["target_percent"] - ground.share(straight)),
        },
        more=(_park_table(parks, area, radius), *_suggestions(inputs, ground, network, straight, parameters)),
        chart=Chart(
            kind="bar",
            title=Text("各街道公园覆盖率（%）", "Park coverage by subdistrict (%)"),
            category="area",
            series=("straight", "network"),
        ),
    )


def park_areas(parks: geopandas.GeoDataFrame) -> Floats:
    """Area of each park in m2: of its outline, else of the field ``area_m2``; NaN where neither is known."""
    outline = shapely.area(parks.geometry.to_numpy())
    return numpy.where(outline > 0, outline, numbers_of(parks, "area_m2").to_numpy())


def radius_by_size(area_m2: Floats, parameters: Mapping[str, Any]) -> Floats:
    """The service radius of each park: large from 5 000 m2, small from 2 000 m2, pocket below; 0 is not counted."""
    radius = numpy.where(area_m2 >= 2000, parameters["radius_small_m"], parameters["radius_pocket_m"])
    radius = numpy.where(area_m2 >= 5000, parameters["radius_large_m"], radius)
    known = numpy.nan_to_num(area_m2, nan=2000.0) >= parameters["area_min_m2"]
    return numpy.asarray(numpy.where(numpy.isnan(area_m2), parameters["radius_small_m"], radius) * known)


def _within_edges(ground: Ground, parks: geopandas.GeoDataFrame, radius: Floats, progress: Progress = silent) -> Flags:
    """Cells within the radius of the edge of a park, or inside it."""
    return within_shapes(ground.cells.centres, parks.geometry.to_numpy(), radius, progress)


def _on_foot(
    ground: Ground, network: Network, parks: geopandas.GeoDataFrame, radius: Floats, progress: Progress
) -> Flags:
    """Cells within the radius along streets of any gate, and those inside a park."""
    covered = _within_edges(ground, parks, numpy.zeros(len(parks)))
    for reach in one_by_one(numpy.unique(radius).tolist(), progress):
        gates = numpy.vstack([_gates(shape) for shape in parks.geometry[radius == reach]])
        covered |= walk_coverage(ground, network, gates, reach)
    return covered


def _gates(shape: shapely.Geometry) -> Floats:
    edge = shapely.boundary(shape)
    if edge is None or edge.is_empty:
        return numpy.asarray(shapely.get_coordinates(shape))
    rings = shapely.get_parts(edge)
    return numpy.vstack([_along(ring) for ring in rings])


def _along(ring: shapely.LineString) -> Floats:
    steps = numpy.arange(0, max(ring.length, 1e-9), GATE_EVERY_M)
    return numpy.asarray(shapely.get_coordinates(shapely.line_interpolate_point(ring, steps)))


def _headline(ground: Ground, straight: Flags, walked: Flags | None, parameters: Mapping[str, Any]) -> Text:
    percent, target, old = ground.share(straight), parameters["target_percent"], parameters["old_city_percent"]
    on_foot = "" if walked is None else f"，步行实际 {ground.share(walked):.1f}%"
    on_foot_en = "" if walked is None else f", {ground.share(walked):.1f}% on foot"
    verdict = (
        ("达标", "meets it")
        if percent >= target
        else (f"差 {target - percent:.1f} 个百分点", f"{target - percent:.1f} points short")
    )
    return Text(
        f"公园服务半径覆盖{ground.unit.zh}的 {percent:.1f}%（要求 {target:g}%，旧城区 {old:g}%；"
        f"{verdict[0]}）{on_foot}",
        f"{percent:.1f}% of {ground.unit.en} within the radius of a park (target {target:g}%, old city {old:g}%: "
        f"{verdict[1]}){on_foot_en}",
    )


def _method(parameters: Mapping[str, Any]) -> Text:
    large, small, pocket = (f"{parameters[k]:g}" for k in ("radius_large_m", "radius_small_m", "radius_pocket_m"))
    return Text(
        f"5000 m² 及以上半径 {large} m，2000—5000 m² {small} m，更小 {pocket} m（0 为不计）；由公园边界起算；"
        f"{parameters['cell_m']:g} m 网格；路网距离由边界每 {GATE_EVERY_M:g} m 一处入口起算。",
        f"Radius {large} m from 5,000 m², {small} m from 2,000 m², {pocket} m below (0: not counted), from the "
        f"edge; {parameters['cell_m']:g} m cells; along streets from an entrance every {GATE_EVERY_M:g} m of the edge.",
    )


def _small_note(count: int, parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    if not count:
        return ()
    return (
        Text(
            f"{count} 处公园面积过小（含不足 {parameters['area_min_m2']:g} m²），按现参数不计入覆盖。",
            f"{count} parks are too small to count with these parameters.",
        ),
    )


def _park_table(parks: geopandas.GeoDataFrame, area: Floats, radius: Floats) -> Table:
    rows = pandas.DataFrame({"id": parks.index, "name": names_of(parks), "area_m2": area.round(0), "radius_m": radius})
    return Table(Text("公园与半径", "Parks and radii"), PARKS, rows)


def _suggestions(
    inputs: Mapping[str, geopandas.GeoDataFrame],
    ground: Ground,
    network: Network | None,
    straight: Flags,
    parameters: Mapping[str, Any],
) -> tuple[Table, ...]:
    """Which of the candidates would close most of the gap as small parks (MCLP)."""
    there = inputs.get("candidates")
    if there is None or located(there).empty:
        return ()
    candidates, reach_m = located(there), parameters["radius_small_m"]
    places = points_of(there)
    reach = (
        walk_reach(ground, network, places, reach_m)
        if network
        else numpy.stack([straight_coverage(ground, place[None, :], reach_m) for place in places])
    )
    chosen = most_covered(reach, ground.weight, int(parameters["sites"]), already=straight)
    rows = site_table(candidates, chosen, reach, ground.weight, straight, whole=ground.by_people)
    return (Table(Text("建议优先选址（补缺口最多）", "Sites that close most of the gap"), site_columns(ground), rows),)


QUESTION = Question(
    id="park-coverage",
    theme="service",
    title=Text("公园绿地覆盖够不够？缺口在哪里？", "Is there a park near every home, and where is the gap?"),
    explanation=Text(
        "按公园大小取半径，对照 80%、90% 要求，并在候选地中补缺口。",
        "Radius by the size of the park, against 80 and 90%, with sites for the gap.",
    ),
    roles=(
        Role("parks", Text("公园", "Parks"), ("parks", "pocket_parks"), several=True, kinds=("polygon", "point")),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("residential", Text("居住用地", "Residential land"), optional=True, several=True, kinds=("polygon",)),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True, kinds=("polygon",)),
        Role("streets", Text("道路", "Streets"), STREETS, optional=True, kinds=("line",)),
        Role("areas", Text("分区", "Zones"), ("subdistricts",), optional=True, kinds=("polygon",)),
        Role("candidates", Text("候选地", "Candidates"), ("idle_land", "renewal_areas"), optional=True, several=True),
    ),
    parameters=(
        Parameter(
            key="radius_large_m",
            title=Text("5000 m² 及以上半径", "Radius from 5,000 m²"),
            value=500,
            unit="m",
            maximum=5000,
            figure="park_radius_large",
            standard="城市体检 公园绿地服务半径覆盖率",
            status="secondary",
        ),
        Parameter(
            key="radius_small_m",
            title=Text("2000—5000 m² 半径", "Radius from 2,000 m²"),
            value=300,
            unit="m",
            maximum=5000,
            figure="park_radius_small",
            standard="城市体检 公园绿地服务半径覆盖率",
            status="secondary",
        ),
        Parameter(
            key="radius_pocket_m",
            title=Text("2000 m² 以下半径（0 不计）", "Radius below 2,000 m² (0: none)"),
            value=0,
            unit="m",
            maximum=5000,
        ),
        Parameter(
            key="area_min_m2",
            title=Text("计入的最小面积", "Smallest park that counts"),
            value=400,
            unit="m²",
            maximum=1e6,
            figure="pocket_park_area_min",
            standard="口袋公园建设指南(试行) 2024",
            clause="2",
            status="read",
        ),
        Parameter(
            key="target_percent",
            title=Text("覆盖率要求", "Target"),
            value=90,
            unit="%",
            maximum=100,
            figure="park_coverage_min",
            standard="GB/T 51346-2019",
            clause="4.3.4",
            status="read",
        ),
        Parameter(
            key="old_city_percent",
            title=Text("旧城区要求", "Target, old city"),
            value=80,
            unit="%",
            maximum=100,
            figure="park_coverage_min_2",
            standard="园林绿化工程项目规范",
            clause="2.1.3",
            status="read",
        ),
        Parameter(key="sites", title=Text("建议选址数", "Sites to suggest"), value=3, minimum=1, maximum=50),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=25, unit="m", minimum=5, maximum=500),
    ),
    run=measure_parks,
    told=measure_parks,
)
