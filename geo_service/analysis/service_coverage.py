"""服务覆盖: who is out of reach of schools, parks, markets, life circles?"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas
import numpy
import pandas
import shapely

from geo_service.analysis.access import (
    Ground,
    make_ground,
    make_streets,
    points_of,
    polygon_of,
    straight_coverage,
    street_note,
    walk_coverage,
)
from geo_service.analysis.result import Column, Parameter, Question, Result, Role, honesty, located, require
from geo_service.core.text import Text

COLUMNS = (
    Column("area", Text("街道", "Subdistrict")),
    Column("total", Text("总量", "Total")),
    Column("straight", Text("直线覆盖", "Straight line"), "%"),
    Column("network", Text("路网覆盖", "Along streets"), "%"),
)


def measure_coverage(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Share of residents (or land) within reach, in a straight line for reporting and along streets for truth."""
    reach = parameters["reach_m"]
    require(inputs["facilities"], "facilities")
    network = make_streets(inputs, cost="metres")
    ground = make_ground(inputs, network, size_m=parameters["cell_m"])
    places = points_of(inputs["facilities"])
    straight = straight_coverage(ground, places, reach)
    walked = walk_coverage(ground, network, places, reach) if network else None
    best = straight if walked is None else walked
    percent = ground.share(best)
    way = Text("直线", "straight line") if walked is None else Text("步行", "on foot")
    return Result(
        headline=Text(
            f"{reach:g} m {way.zh}覆盖{ground.unit.zh} {percent:.1f}%（直线 {ground.share(straight):.1f}%）",
            f"{percent:.1f}% of {ground.unit.en} within {reach:g} m {way.en} "
            f"(straight line {ground.share(straight):.1f}%)",
        ),
        table=_by_area(inputs.get("areas"), ground, straight, walked),
        columns=COLUMNS,
        method=Text(
            f"{parameters['cell_m']:g} m 网格；路网：网格至最近道路垂距加沿路距离；直线：圆形半径，通常高估约 57%。",
            f"{parameters['cell_m']:g} m cells; along streets: perpendicular walk plus street distance; a circle "
            "overstates a street grid by about 57%.",
        ),
        layer=polygon_of(ground, ~best, name="范围外 / out of reach", reach_m=reach),
        notes=(*street_note(inputs, network), *honesty(inputs["facilities"], Text("设施", "Facilities"))),
        figures={
            "straight_percent": ground.share(straight),
            "network_percent": ground.share(walked) if walked is not None else float("nan"),
            "covered_m2": float(best.sum()) * ground.cells.area_m2,
        },
    )


def _by_area(
    areas: geopandas.GeoDataFrame | None, ground: Ground, straight: numpy.ndarray, walked: numpy.ndarray | None
) -> pandas.DataFrame:
    rows = [_row("全区", ground, numpy.ones(len(straight), dtype=bool), straight, walked)]
    if areas is not None:
        for name, shape in zip(located(areas)["name"], located(areas).geometry, strict=True):
            shapely.prepare(shape)
            inside = shapely.contains_xy(shape, ground.cells.centres[:, 0], ground.cells.centres[:, 1])
            rows.append(_row(str(name), ground, inside, straight, walked))
    return pandas.DataFrame(rows, columns=[c.key for c in COLUMNS])


def _row(
    name: str, ground: Ground, inside: numpy.ndarray, straight: numpy.ndarray, walked: numpy.ndarray | None
) -> tuple[str, float, float, float | None]:
    total = float(ground.weight[inside].sum())

    def percent(covered: numpy.ndarray) -> float:
        return round(float(ground.weight[inside & covered].sum()) / total * 100, 2) if total else 0.0

    return name, round(total, 1), percent(straight), None if walked is None else percent(walked)


QUESTION = Question(
    id="service-coverage",
    title=Text("谁还够不着这类设施？", "Who is out of reach?"),
    explanation=Text("直线半径用于对标，路网距离才是真实步行。", "Radius for reporting, street distance for truth."),
    roles=(
        Role("facilities", Text("设施", "Facilities"), ("schools", "pocket_parks", "food_markets", "life_circles")),
        Role("district", Text("范围", "Area"), ("boundary",)),
        Role("streets", Text("道路", "Streets"), ("streets",), optional=True),
        Role("areas", Text("分区", "Zones"), ("subdistricts",), optional=True),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True),
    ),
    parameters=(
        Parameter(
            key="reach_m",
            title=Text("服务半径", "Reach"),
            value=500,
            unit="m",
            minimum=1,
            maximum=20_000,
            standard="GB 50180-2018 App. C",
            status="unverified",
        ),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=25, unit="m", minimum=5, maximum=500),
    ),
    run=measure_coverage,
)
