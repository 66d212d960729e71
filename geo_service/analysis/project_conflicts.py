"""工程时空冲突: which works come close to each other at the same time?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy
import shapely

from geo_service.analysis.result import (
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    honesty,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

COLUMNS = (
    Column("id_a", Text("工程甲", "Works A")),
    Column("name_a", Text("名称甲", "Name A")),
    Column("id_b", Text("工程乙", "Works B")),
    Column("name_b", Text("名称乙", "Name B")),
    Column("distance_m", Text("距离", "Distance"), "m"),
    Column("from", Text("重叠起", "From")),
    Column("to", Text("重叠止", "To")),
    Column("days", Text("重叠天数", "Days"), "d"),
    Column("dated", Text("日期齐全", "Dates known")),
)


CLASSES = (
    LayerClass("dated", Text("同期施工", "At the same time"), "loss"),
    LayerClass("undated", Text("缺日期", "Dates missing"), "muted"),
)


def find_conflicts(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Pairs of works within a distance whose periods overlap; each pair once (id_a < id_b).

    Works without dates are not dropped: their pairs are reported as ``dated`` False, apart from the count.
    """
    works = require(inputs["works"], "works").sort_index()
    starts, ends = _dates(works, "start_date"), _dates(works, "end_date")
    left, right = _close_pairs(works, parameters["distance_m"])
    table, lines = _pairs(works, starts, ends, left, right)
    known = int(table["dated"].sum()) if len(table) else 0
    unknown = len(table) - known
    return Result(
        headline=Text(
            f"{known} 对工程在 {parameters['distance_m']:g} m 内同期施工"
            + (f"，另有 {unknown} 对缺日期" if unknown else ""),
            f"{known} pairs of works within {parameters['distance_m']:g} m at the same time"
            + (f"; {unknown} more pairs lack dates" if unknown else ""),
        ),
        table=table,
        columns=COLUMNS,
        method=Text(
            "自连接（甲编号小于乙），距离为 EPSG:4548 平面最近距离，工期为闭区间，首尾同日算重叠；缺日期者单列。",
            "Self join with id A < id B; distance in EPSG:4548; periods closed, so a shared day overlaps.",
        ),
        layer=lines,
        classes=CLASSES,
        notes=honesty(inputs["works"], Text("工程", "Works")),
        figures={"conflicts": known, "undated": unknown},
    )


def _dates(works: geopandas.GeoDataFrame, name: str) -> pandas.Series:
    if name not in works:
        return pandas.Series(pandas.NaT, index=works.index)
    return pandas.Series(pandas.to_datetime(works[name], errors="coerce"), index=works.index)


def _close_pairs(works: geopandas.GeoDataFrame, distance_m: float) -> tuple[numpy.ndarray, numpy.ndarray]:
    shapes = works.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance_m)
    keep = left < right
    return left[keep], right[keep]


def _pairs(
    works: geopandas.GeoDataFrame, starts: pandas.Series, ends: pandas.Series, left: numpy.ndarray, right: numpy.ndarray
) -> tuple[pandas.DataFrame, geopandas.GeoDataFrame]:
    start = numpy.maximum(starts.to_numpy()[left], starts.to_numpy()[right])
    end = numpy.minimum(ends.to_numpy()[left], ends.to_numpy()[right])
    dated = ~(pandas.isna(start) | pandas.isna(end))
    keep = ~dated | (start <= end)
    left, right, start, end, dated = left[keep], right[keep], start[keep], end[keep], dated[keep]
    shapes, names = works.geometry.to_numpy(), numpy.array(names_of(works), dtype=object)
    table = pandas.DataFrame(
        {
            "id_a": works.index.to_numpy()[left],
            "name_a": names[left],
            "id_b": works.index.to_numpy()[right],
            "name_b": names[right],
            "distance_m": shapely.distance(shapes[left], shapes[right]).round(2),
            "from": pandas.Series(start).dt.strftime("%Y-%m-%d"),
            "to": pandas.Series(end).dt.strftime("%Y-%m-%d"),
            "days": (pandas.Series(end) - pandas.Series(start)).dt.days + 1,
            "dated": dated,
        }
    )
    links = shapely.line_interpolate_point(shapely.shortest_line(shapes[left], shapes[right]), 0.5, normalized=True)
    pairs = table[["id_a", "id_b"]].assign(**{"class": numpy.where(dated, "dated", "undated")})
    lines = geopandas.GeoDataFrame(pairs, geometry=links, crs=PROJECTED).to_crs(GEOGRAPHIC)
    return table, lines


QUESTION = Question(
    id="project-conflicts",
    theme="works",
    title=Text("哪些工程挨得近又同期施工？", "Which works are close and at the same time?"),
    explanation=Text("找出一定距离内工期重叠的工程对。", "Pairs of works within a distance whose periods overlap."),
    roles=(
        Role(
            "works",
            Text("工程图层", "Works"),
            ("roads", "pipelines", "supporting_works", "renewal_areas"),
            several=True,
        ),
    ),
    parameters=(
        Parameter(key="distance_m", title=Text("距离", "Distance"), value=50, unit="m", minimum=0, maximum=5000),
    ),
    run=find_conflicts,
)
