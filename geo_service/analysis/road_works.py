"""一次开挖: which planned digs fall into a road's no-dig years, and which could share a trench?"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import shapely

from geo_service.analysis.result import (
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    honesty,
    joined,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

COLUMNS = (
    Column("id", Text("掘路工程", "Dig")),
    Column("name", Text("名称", "Name")),
    Column("road", Text("道路", "Road")),
    Column("dig_date", Text("计划开挖", "Planned")),
    Column("protected_until", Text("保护期止", "Protected until")),
    Column("verdict", Text("结论", "Verdict")),
    Column("shared_with", Text("可同沟实施", "Could share with")),
)
PROTECTED, ALLOWED, UNKNOWN = (
    Text("保护期内", "No-dig years"),
    Text("可开挖", "Allowed"),
    Text("日期不明", "Date unknown"),
)
CLASSES = (
    LayerClass("protected", PROTECTED, "loss"),
    LayerClass("unknown", UNKNOWN, "muted"),
    LayerClass("allowed", ALLOWED, "gain"),
    LayerClass("apart", Text("不在任何道路廊道内", "In no road's corridor"), "cool"),
)


def check_digs(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Every planned dig on every road it touches: inside the no-dig years, outside, or unknown; an unknown date is
    never 'allowed'. Digs in one corridor within the window of months could share a trench."""
    digs, roads = require(inputs["digs"], "digs"), require(inputs["roads"], "roads")
    corridor = roads.geometry.buffer(parameters["corridor_m"])
    left, right = shapely.STRtree(corridor.to_numpy()).query(digs.geometry.to_numpy(), predicate="intersects")
    rows = [_row(digs, d, roads, r, parameters) for d, r in zip(left, right, strict=True)]
    table = pandas.DataFrame(rows, columns=[c.key for c in COLUMNS[:-1]])
    table["shared_with"] = pandas.Series(_shared(table, int(parameters["months"])), dtype=object)
    protected, unknown = int((table["verdict"] == PROTECTED).sum()), int((table["verdict"] == UNKNOWN).sum())
    sharing = sum(bool(t.zh) for t in table["shared_with"])
    return Result(
        headline=Text(
            f"{protected} 处掘路落在保护期内，{unknown} 处日期不明，{sharing} 处可并沟",
            f"{protected} digs in no-dig years, {unknown} of unknown date, {sharing} could share a trench",
        ),
        table=table,
        columns=COLUMNS,
        method=Text(
            "城市道路管理条例第 33 条：新建、改扩建道路 5 年内，大修 3 年内不得挖掘；"
            "按日历年推算，闰日顺延至 3 月 1 日。",
            "Urban road regulation, article 33: 5 years after construction, 3 after overhaul; by calendar years.",
        ),
        layer=digs.assign(**{"class": _worst(digs, table)}).to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=(*honesty(inputs["digs"], Text("掘路", "Digs")), *honesty(inputs["roads"], Text("道路", "Roads"))),
        figures={"protected": protected, "unknown": unknown},
    )


def add_years(day: datetime.date, years: int) -> datetime.date:
    """The same day so many years later; 29 February becomes 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return datetime.date(day.year + years, 3, 1)


def protected_until(road: Mapping[str, object], *, new_years: int, overhaul_years: int) -> datetime.date | None:
    """The end of a road's no-dig years (that day may be dug again), None where no date is known."""
    built, overhauled = _date(road.get("built_date")), _date(road.get("overhaul_date"))
    ends = [add_years(built, new_years)] if built else []
    ends += [add_years(overhauled, overhaul_years)] if overhauled else []
    return max(ends, default=None)


def _date(value: object) -> datetime.date | None:
    stamp = pandas.to_datetime(str(value), errors="coerce") if value not in (None, "") else pandas.NaT
    return None if pandas.isna(stamp) else stamp.date()


def _row(
    digs: geopandas.GeoDataFrame, d: int, roads: geopandas.GeoDataFrame, r: int, parameters: Mapping[str, float]
) -> tuple[object, ...]:
    dig, road = digs.iloc[d], roads.iloc[r]
    dig_name, road_name = names_of(digs.iloc[[d]])[0], names_of(roads.iloc[[r]])[0]
    day = _date(dig.get("start_date"))
    until = protected_until(
        road, new_years=int(parameters["new_years"]), overhaul_years=int(parameters["overhaul_years"])
    )
    verdict = UNKNOWN if day is None or until is None else PROTECTED if day < until else ALLOWED
    return digs.index[d], dig_name, road_name, day and day.isoformat(), until and until.isoformat(), verdict


def _worst(digs: geopandas.GeoDataFrame, table: pandas.DataFrame) -> list[str]:
    """For each dig the strictest verdict on any road it touches."""
    order = (PROTECTED, UNKNOWN, ALLOWED)
    found = {fid: min(order.index(v) for v in rows["verdict"]) for fid, rows in table.groupby("id")}
    return [CLASSES[found.get(fid, len(order))].key for fid in digs.index]


def _shared(table: pandas.DataFrame, months: int) -> list[Text]:
    days = pandas.to_datetime(table["dig_date"], errors="coerce")
    window = pandas.Timedelta(days=months * 30.4375)
    shared = []
    for row in range(len(table)):
        near = (days - days.iloc[row]).abs() <= window
        others = table[near & (table["road"] == table["road"].iloc[row]) & (table["id"] != table["id"].iloc[row])]
        shared.append(joined(sorted(set(others["name"]), key=lambda name: name.zh)))
    return shared


QUESTION = Question(
    id="road-works",
    theme="works",
    title=Text("哪些掘路在保护期内？哪些能一次开挖？", "Which digs are forbidden, which could share a trench?"),
    explanation=Text("按道路竣工、大修日期推算禁挖期。", "No-dig years from the dates of roads."),
    roles=(
        Role("digs", Text("掘路工程", "Digs"), ("pipelines",), several=True),
        Role("roads", Text("道路", "Roads"), ("roads",), several=True),
    ),
    parameters=(
        Parameter(
            key="corridor_m", title=Text("廊道宽（单侧）", "Corridor, each side"), value=20, unit="m", maximum=200
        ),
        Parameter(
            key="new_years",
            title=Text("新建禁挖", "After construction"),
            value=5,
            unit="year",
            maximum=50,
            figure="road_no_dig_new",
            standard="城市道路管理条例",
            clause="33",
            status="read",
        ),
        Parameter(
            key="overhaul_years",
            title=Text("大修禁挖", "After overhaul"),
            value=3,
            unit="year",
            maximum=50,
            figure="road_no_dig_overhaul",
            standard="城市道路管理条例",
            clause="33",
            status="read",
        ),
        Parameter(key="months", title=Text("并沟时间窗", "Window"), value=6, unit="month", maximum=60),
    ),
    run=check_digs,
)
