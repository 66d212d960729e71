"""最近设施: how far is it from each place to the nearest facility, along streets and in a straight line?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import STREETS, make_streets, off_street_notes, points_of, street_note
from geo_service.analysis.network import Floats, Integers, Network, cost_matrix, snap_points
from geo_service.analysis.progress import Progress, in_chunks, silent
from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    called,
    honesty,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas, scipy
from geo_service.core.text import Text

BATCH = 250
"""Origins worked on at a time, so that memory does not grow with their number."""
WORST = 10

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("出发地", "From")),
    Column("rank", Text("第几近", "Rank")),
    Column("facility_id", Text("设施编号", "Facility id")),
    Column("facility", Text("最近设施", "Nearest facility")),
    Column("straight_m", Text("直线距离", "Straight line"), "m"),
    Column("network_m", Text("沿路距离", "Along streets"), "m"),
    Column("detour", Text("绕行系数", "Detour"), "×"),
    Column("too_far", Text("超过限值", "Too far")),
)
LOADS = (
    Column("id", Text("设施编号", "Facility id")),
    Column("name", Text("设施", "Facility")),
    Column("origins", Text("以其为最近的出发地", "Nearest for so many")),
    Column("mean_m", Text("平均距离", "Mean distance"), "m"),
    Column("farthest_m", Text("最远", "Farthest"), "m"),
)
CLASSES = (
    LayerClass("near", Text("限值内", "Within the limit"), "main"),
    LayerClass("far", Text("超过限值", "Too far"), "loss"),
    LayerClass("cut", Text("路网不通", "Not connected"), "muted"),
)


ENDS = (("origins", Text("出发地", "Origins")), ("facilities", Text("设施", "Facilities")))


def find_nearest(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Result:
    """The nearest facilities of each origin, by distance along streets where there are streets, else straight."""
    origins, facilities = require(inputs["origins"], "origins"), require(inputs["facilities"], "facilities")
    network = make_streets(inputs, cost="metres")
    start, goal = points_of(inputs["origins"]), points_of(inputs["facilities"])
    count = min(int(parameters["count"]), len(goal))
    which, along = _nearest(network, start, goal, count, progress)
    table, lines = _table(origins, facilities, which, along, limit_m=parameters["limit_m"])
    first = table[table["rank"] == 1]
    distance = first["network_m"] if network else first["straight_m"]
    too_far = int(first["too_far"].sum())
    return Result(
        headline=_headline(inputs, first, distance, too_far, parameters["limit_m"], by_street=network is not None),
        table=table,
        columns=COLUMNS,
        method=Text(
            "面要素取内部代表点；沿路距离含离路步行段，方向为出发地到设施；无路网时按直线。",
            "Areas by a point inside; along streets with the walk to the street, from origin to facility; straight "
            "lines where there is no network.",
        ),
        layer=lines,
        classes=CLASSES,
        notes=_notes(inputs, network),
        figures={"origins": len(origins), "too_far": too_far, "mean_m": float(distance.mean())},
        more=(
            Table(Text(f"最远 {WORST} 处", f"The {WORST} farthest"), COLUMNS, _worst(first, distance)),
            Table(Text("各设施负担", "Load of each facility"), LOADS, _loads(facilities, first, distance)),
        ),
        chart=Chart(
            kind="bar",
            title=Text("各设施被视为最近的次数", "How often each is the nearest"),
            category="name",
            series=("origins",),
            table=2,
        ),
    )


def _notes(inputs: Mapping[str, geopandas.GeoDataFrame], network: Network | None) -> tuple[Text, ...]:
    far = (note for role, title in ENDS for note in off_street_notes(network, inputs[role], title))
    honest = (note for role, title in ENDS for note in honesty(inputs[role], title))
    return (*street_note(inputs, network), *far, *honest)


def _nearest(
    network: Network | None, start: Floats, goal: Floats, count: int, progress: Progress
) -> tuple[Integers, Floats]:
    """Rows of the nearest facilities (origins, count) and the metres along streets to them (NaN without streets)."""
    if network is None:
        _, which = scipy.spatial.cKDTree(goal).query(start, k=[*range(1, count + 1)])
        return which.astype(numpy.int64), numpy.full(which.shape, numpy.nan)
    there = snap_points(network, goal)
    found = [_batch(network, start[rows], there, goal, count) for rows in in_chunks(len(start), progress, size=BATCH)]
    return numpy.vstack([w for w, _ in found]), numpy.vstack([c for _, c in found])


def _batch(network: Network, start: Floats, there: Any, goal: Floats, count: int) -> tuple[Integers, Floats]:
    costs = cost_matrix(network, snap_points(network, start), there)
    straight = numpy.hypot(start[:, None, 0] - goal[None, :, 0], start[:, None, 1] - goal[None, :, 1])
    order = numpy.lexsort((straight, costs), axis=1)[:, :count]  # cut off: at least the nearest in a straight line
    return order.astype(numpy.int64), numpy.take_along_axis(costs, order, axis=1)


def _table(
    origins: geopandas.GeoDataFrame,
    facilities: geopandas.GeoDataFrame,
    which: Integers,
    along: Floats,
    *,
    limit_m: float,
) -> tuple[pandas.DataFrame, geopandas.GeoDataFrame]:
    count = which.shape[1]
    left, right, metres = numpy.repeat(numpy.arange(len(origins)), count), which.ravel(), along.ravel()
    links = shapely.linestrings(numpy.stack((points_of(origins)[left], points_of(facilities)[right]), axis=1))
    straight = shapely.length(links)
    cut = numpy.isinf(metres)
    distance = numpy.where(numpy.isnan(metres), straight, metres)
    table = pandas.DataFrame(
        {
            "id": origins.index.to_numpy()[left],
            "name": numpy.array(names_of(origins), dtype=object)[left],
            "rank": numpy.tile(numpy.arange(1, count + 1), len(origins)),
            "facility_id": facilities.index.to_numpy()[right],
            "facility": numpy.array(names_of(facilities), dtype=object)[right],
            "straight_m": straight.round(1),
            "network_m": numpy.where(cut, numpy.nan, metres).round(1),
            "detour": (numpy.where(cut, numpy.nan, metres) / numpy.maximum(straight, 1)).round(2),
            "too_far": distance > limit_m,
        }
    )
    classes = numpy.where(cut, "cut", numpy.where(distance > limit_m, "far", "near"))
    lines = geopandas.GeoDataFrame(
        table[["id", "facility_id", "network_m", "straight_m"]].assign(**{"class": classes}),
        geometry=links,
        crs=PROJECTED,
    )
    return table, lines.to_crs(GEOGRAPHIC)


def _headline(
    inputs: Mapping[str, geopandas.GeoDataFrame],
    first: pandas.DataFrame,
    distance: pandas.Series,
    too_far: int,
    limit_m: float,
    *,
    by_street: bool,
) -> Text:
    origins, goals = (called(inputs[role], title) for role, title in ENDS)
    way = ("沿路", "along streets") if by_street else ("直线", "straight")
    mean = f"{distance.mean():,.0f} m" if distance.notna().any() else "—"
    farthest = first["name"][distance == distance.max()]
    worst = farthest.iloc[0] if len(farthest) else Text("—", "—")
    return Text(
        f"{origins.zh} {len(first)} 处到最近的{goals.zh}{way[0]}平均 {mean}，{too_far} 处超过 {limit_m:g} m；"
        f"最远：{worst.zh}",
        f"{origins.en} to the nearest of {goals.en}: {mean} {way[1]} on average; "
        f"{too_far} of {len(first)} beyond {limit_m:g} m; farthest: {worst.en}",
    )


def _worst(first: pandas.DataFrame, distance: pandas.Series) -> pandas.DataFrame:
    order = distance.fillna(numpy.inf).sort_values(ascending=False, kind="stable").index
    return first.loc[order[:WORST]].reset_index(drop=True)


def _loads(facilities: geopandas.GeoDataFrame, first: pandas.DataFrame, distance: pandas.Series) -> pandas.DataFrame:
    groups = distance.groupby(first["facility_id"]).agg(["size", "mean", "max"]).reindex(facilities.index)
    return pandas.DataFrame(
        {
            "id": facilities.index,
            "name": names_of(facilities),
            "origins": groups["size"].fillna(0).astype(int).to_numpy(),
            "mean_m": groups["mean"].round(1).to_numpy(),
            "farthest_m": groups["max"].round(1).to_numpy(),
        }
    ).sort_values("origins", ascending=False, ignore_index=True, kind="stable")


QUESTION = Question(
    id="nearest-facility",
    theme="service",
    title=Text("到最近的设施有多远？哪十处最远？", "How far to the nearest facility, and which ten are worst?"),
    explanation=Text("逐处给出沿路与直线距离和绕行系数。", "Distance along streets and straight, with the detour."),
    roles=(
        Role("origins", Text("出发地", "From"), ("old_communities", "renewal_areas"), several=True),
        Role("facilities", Text("设施", "Facilities"), ("schools", "food_markets"), several=True),
        Role("streets", Text("道路", "Streets"), STREETS, optional=True, kinds=("line",)),
        Role(
            "barriers", Text("阻隔（无桥不可通过）", "Barriers"), optional=True, several=True, kinds=("line", "polygon")
        ),
    ),
    parameters=(
        Parameter(key="count", title=Text("列出最近几处", "How many nearest"), value=1, minimum=1, maximum=10),
        Parameter(
            key="limit_m",
            title=Text("距离限值", "Limit"),
            value=1000,
            unit="m",
            minimum=1,
            maximum=50_000,
            hint=Text("十五分钟步行约 1000 m", "15 minutes on foot are about 1,000 m"),
        ),
    ),
    run=find_nearest,
    told=find_nearest,
)
