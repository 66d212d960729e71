"""服务覆盖: who is out of reach of schools, parks, markets, life circles?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from geo_service.analysis.access import (
    STREETS,
    Ground,
    make_ground,
    make_streets,
    off_street_notes,
    people_note,
    points_of,
    straight_coverage,
    street_note,
    walk_coverage,
    zones_of,
)
from geo_service.analysis.network import Flags
from geo_service.analysis.outlines import cells_to_polygons
from geo_service.analysis.progress import Progress, silent, stretch
from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    called,
    honesty,
    require,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

COLUMNS = (
    Column("area", Text("街道", "Subdistrict")),
    Column("total", Text("总量", "Total")),
    Column("straight", Text("直线覆盖", "Straight line"), "%"),
    Column("network", Text("路网覆盖", "Along streets"), "%"),
    Column("out", Text("未覆盖", "Out of reach")),
)
CLASSES = (
    LayerClass("both", Text("沿路可达", "In reach on foot"), "main"),
    LayerClass("straight", Text("仅直线半径内", "Only within the radius"), "warn"),
    LayerClass("out", Text("够不着", "Out of reach"), "loss"),
)


FACILITIES = Text("设施", "Facilities")


def coverage_columns(ground: Ground) -> tuple[Column, ...]:
    """The columns of the coverage table, which say what is counted: people or hectares."""
    whole, rest, unit = Text("居住人口", "Residents"), Text("未覆盖人口", "Residents out of reach"), ""
    if not ground.by_people:
        whole, rest, unit = Text("用地面积", "Land area"), Text("未覆盖用地", "Land out of reach"), "ha"
    titles = {"total": whole, "out": rest}
    return tuple(Column(c.key, titles.get(c.key, c.title), unit if c.key in titles else c.unit) for c in COLUMNS)


def measure_coverage(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Result:
    """Share of residents (or land) within reach, in a straight line for reporting and along streets for truth."""
    reach = parameters["reach_m"]
    require(inputs["facilities"], "facilities")
    network = make_streets(inputs, cost="metres")
    ground = make_ground(inputs, network, size_m=parameters["cell_m"], progress=stretch(progress, 0, 0.7))
    places = points_of(inputs["facilities"])
    straight = straight_coverage(ground, places, reach)
    walked = walk_coverage(ground, network, places, reach) if network else None
    progress(0.85)
    best = straight if walked is None else walked
    return Result(
        headline=_headline(called(inputs["facilities"], FACILITIES), reach, ground, straight, walked),
        table=coverage_table(inputs, ground, straight, walked),
        columns=coverage_columns(ground),
        method=_method(parameters["cell_m"]),
        layer=coverage_layer(ground, straight, best),
        classes=CLASSES,
        notes=(
            *street_note(inputs, network),
            *off_street_notes(network, inputs["facilities"], FACILITIES),
            *people_note(ground, inputs),
            *honesty(inputs["facilities"], FACILITIES),
        ),
        figures={
            "straight_percent": ground.share(straight),
            "network_percent": ground.share(walked) if walked is not None else float("nan"),
            "covered_m2": float(best.sum()) * ground.cells.area_m2,
        },
        chart=Chart(
            kind="bar",
            title=Text("各街道覆盖率（%）", "Coverage by subdistrict (%)"),
            category="area",
            series=("straight", "network"),
        ),
    )


def _method(cell_m: float) -> Text:
    return Text(
        f"{cell_m:g} m 网格；路网：网格至最近道路垂距加沿路距离；直线：圆形半径，通常高估约 57%。",
        f"{cell_m:g} m cells; along streets: perpendicular walk plus street distance; a circle overstates a street "
        "grid by about 57%.",
    )


def _headline(what: Text, reach: float, ground: Ground, straight: Flags, walked: Flags | None) -> Text:
    percent = ground.share(straight if walked is None else walked)
    way = Text("直线", "straight line") if walked is None else Text("步行", "on foot")
    beside = ground.share(straight)
    return Text(
        f"{what.zh} {reach:g} m {way.zh}范围覆盖{ground.unit.zh}的 {percent:.1f}%（直线 {beside:.1f}%）",
        f"{what.en}: {percent:.1f}% of {ground.unit.en} within {reach:g} m {way.en} (straight line {beside:.1f}%)",
    )


def coverage_layer(ground: Ground, straight: Flags, best: Flags) -> geopandas.GeoDataFrame:
    """Up to three features: in reach, only within the radius, out of reach (EPSG:4490)."""
    labels = numpy.where(best, 1, numpy.where(straight, 2, 3)).astype(numpy.int64)
    shapes = cells_to_polygons(ground.cells.centres, labels, ground.cells.size_m)
    rows = [(CLASSES[k - 1].key, round(s.area / 1e4, 2), s) for k, s in sorted(shapes.items())]
    frame = geopandas.GeoDataFrame(rows, columns=["class", "area_ha", "geometry"], crs=PROJECTED)
    return frame.to_crs(GEOGRAPHIC)


def coverage_table(
    inputs: Mapping[str, geopandas.GeoDataFrame], ground: Ground, straight: Flags, walked: Flags | None
) -> pandas.DataFrame:
    """The district and each zone: weight, shares covered in per cent, weight out of reach."""
    rows = [_row(name, ground, inside, straight, walked) for name, inside in zones_of(inputs, ground)]
    return pandas.DataFrame(rows, columns=[c.key for c in COLUMNS])


def _row(
    name: str | Text, ground: Ground, inside: Flags, straight: Flags, walked: Flags | None
) -> tuple[str | Text, float, float | None, float | None, float]:
    total = float(ground.weight[inside].sum())
    best = straight if walked is None else walked

    def percent(covered: Flags) -> float | None:
        return round(float(ground.weight[inside & covered].sum()) / total * 100, 2) if total else None

    out = float(ground.weight[inside & ~best].sum())
    whole = 0 if ground.by_people else 1
    shares = percent(straight), None if walked is None else percent(walked)
    return name, round(total, whole), *shares, round(out, whole)


QUESTION = Question(
    id="service-coverage",
    theme="service",
    title=Text("谁还够不着学校、菜市场、生活圈？", "Who is out of reach of schools, markets, life circles?"),
    explanation=Text(
        "直线半径用于对标，沿路网的距离才是真实步行。",
        "The radius is for reporting, the distance along streets is the truth.",
    ),
    roles=(
        Role("facilities", Text("设施", "Facilities"), ("schools", "food_markets", "life_circles"), several=False),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("streets", Text("道路", "Streets"), STREETS, optional=True, kinds=("line",)),
        Role("areas", Text("分区", "Zones"), ("subdistricts",), optional=True, kinds=("polygon",)),
        Role("residential", Text("居住用地", "Residential land"), optional=True, several=True, kinds=("polygon",)),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True, kinds=("polygon",)),
        Role(
            "barriers", Text("阻隔（无桥不可通过）", "Barriers"), optional=True, several=True, kinds=("line", "polygon")
        ),
    ),
    parameters=(
        Parameter(
            key="reach_m",
            title=Text("服务半径", "Reach"),
            value=500,
            unit="m",
            minimum=1,
            maximum=20_000,
            figure="school_primary_radius",
            standard="GB 50180-2018 App. C",
            status="unverified",
            hint=Text(
                "小学 500、中学 1000（未核实）；十分钟生活圈 500，十五分钟 800 至 1000。",
                "Primary 500, middle 1000 (not verified); 10-minute circle 500, 15-minute 800 to 1000.",
            ),
        ),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=25, unit="m", minimum=5, maximum=500),
    ),
    run=measure_coverage,
    told=measure_coverage,
)
