"""消防响应: what do the stations cover in time, and what does a new one change?"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas
import numpy
import pandas
import shapely

from geo_service.analysis.access import Ground, make_ground, make_streets, points_of, polygon_of, street_note
from geo_service.analysis.coverage import cell_costs
from geo_service.analysis.network import Floats, Network, cost_from, snap_points
from geo_service.analysis.result import Column, Parameter, Question, Result, Role, honesty, located, require
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("消防站", "Station")),
    Column("first_due_km2", Text("首到范围", "First due"), "km²"),
    Column("within_km2", Text("时限内", "In time"), "km²"),
    Column("limit_km2", Text("辖区上限", "Limit"), "km²"),
    Column("over_limit", Text("超限", "Over")),
)


def measure_response(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Area reached within the response time by all stations, first-due areas, and the gain of stations that do not
    exist yet. Travel runs from the station to the incident; turnout comes first; driving times carry a peak factor."""
    stations = require(inputs["stations"], "stations")
    network = make_streets(inputs, cost="drive_s", peak_factor=parameters["peak_factor"])
    if network is None:
        raise InvalidParameter(
            name="streets", value=0, reason="没有路网，无法计算行车时间 / no streets, no driving times"
        )
    ground = make_ground(inputs, network, size_m=parameters["cell_m"])
    turnout_s, foot_m_s = parameters["turnout_min"] * 60, parameters["foot_m_s"]
    seconds = arrival_s(network, ground, points_of(stations), turnout_s=turnout_s, foot_m_s=foot_m_s)
    limit_s = parameters["response_min"] * 60
    best = seconds.min(axis=0)
    covered = best <= limit_s
    gain_km2 = _gain(stations, seconds, limit_s, ground)
    km2 = ground.cells.area_m2 / 1e6
    reached, minutes = f"{covered.sum() * km2:.2f} km²（{covered.mean():.1%}）", f"{parameters['response_min']:g}"
    return Result(
        headline=Text(
            f"{minutes} 分钟可达 {reached}，拟建站新增 {gain_km2:.2f} km²",
            f"{reached} within {minutes} min; planned stations add {gain_km2:.2f} km²",
        ),
        table=_table(stations, seconds, limit_s, parameters["area_max_km2"], km2),
        columns=COLUMNS,
        method=Text(
            f"接警至到场 = 出动 {parameters['turnout_min']:g} 分钟 + 行车；"
            f"自由流车速 × 高峰系数 {parameters['peak_factor']:g}；方向为消防站到现场。",
            f"Turnout {parameters['turnout_min']:g} min plus driving at free-flow speed "
            f"times {parameters['peak_factor']:g}, from the station outwards.",
        ),
        layer=polygon_of(ground, covered, name="时限内可达 / in time", within_min=parameters["response_min"]),
        notes=(
            *street_note(inputs, network),
            *honesty(inputs["stations"], Text("消防站", "Stations")),
            Text(
                "自由流时间偏乐观，实测交通下覆盖可降到一成左右。",
                "Free-flow times flatter; measured traffic gave about a tenth.",
            ),
        ),
        figures={"covered_km2": float(covered.sum() * km2), "gain_km2": gain_km2},
    )


def arrival_s(network: Network, ground: Ground, stations: Floats, *, turnout_s: float, foot_m_s: float) -> Floats:
    """Seconds from the call to arrival, (stations, cells); off the streets the crew goes on foot."""
    rate = 1 / foot_m_s
    node_costs = cost_from(network, snap_points(network, stations), rate=rate)
    return numpy.stack([turnout_s + cell_costs(network, ground.cells, costs, rate=rate) for costs in node_costs])


def _gain(stations: geopandas.GeoDataFrame, seconds: Floats, limit_s: float, ground: Ground) -> float:
    """km² reached only by stations that do not stand yet."""
    standing = _stands(stations)
    with_all = seconds.min(axis=0) <= limit_s
    without = seconds[standing].min(axis=0) <= limit_s if standing.any() else numpy.zeros(len(with_all), dtype=bool)
    return float((with_all & ~without).sum()) * ground.cells.area_m2 / 1e6


def _stands(stations: geopandas.GeoDataFrame) -> numpy.ndarray:
    done = stations["status"].eq("done") if "status" in stations else pandas.Series(data=False, index=stations.index)
    existing = stations["plan_status"].eq("existing") if "plan_status" in stations else done
    return numpy.asarray((done | existing).to_numpy(dtype=bool))


def _table(
    stations: geopandas.GeoDataFrame, seconds: Floats, limit_s: float, area_max_km2: float, km2: float
) -> pandas.DataFrame:
    first = seconds.argmin(axis=0)
    due = numpy.bincount(first[numpy.isfinite(seconds.min(axis=0))], minlength=len(stations)) * km2
    return pandas.DataFrame(
        {
            "id": stations.index,
            "name": stations["name"].to_numpy(),
            "first_due_km2": due.round(3),
            "within_km2": ((seconds <= limit_s).sum(axis=1) * km2).round(3),
            "limit_km2": area_max_km2,
            "over_limit": due > area_max_km2,
        }
    )


def moved(stations: geopandas.GeoDataFrame, fid: str, longitude: float, latitude: float) -> geopandas.GeoDataFrame:
    """The stations with one of them put somewhere else (degrees), for dragging on the map.

    Raises
    ------
    InvalidParameter
        There is no such station.
    """
    if fid not in stations.index:
        raise InvalidParameter(name="station", value=fid, reason="没有这个消防站 / no such station")
    copy = stations.copy()
    copy.loc[[fid], "geometry"] = geopandas.GeoSeries([shapely.Point(longitude, latitude)], [fid], crs=stations.crs)
    return located(copy).to_crs(stations.crs)


QUESTION = Question(
    id="fire-response",
    title=Text(
        "消防站几分钟能到哪里？新站改变什么？",
        "Where do fire engines arrive in time, and what does a new station change?",
    ),
    explanation=Text("可在地图上拖动拟建站，看覆盖如何变化。", "Drag a planned station on the map and see."),
    roles=(
        Role("stations", Text("消防站", "Stations"), ("fire_stations",)),
        Role("district", Text("范围", "Area"), ("boundary",)),
        Role("streets", Text("道路", "Streets"), ("streets",)),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True),
    ),
    parameters=(
        Parameter(
            key="response_min",
            title=Text("接警到场时限", "Response time"),
            value=5,
            unit="min",
            minimum=0.5,
            maximum=60,
            standard="GB 51080-2015 城市消防规划规范",
            clause="4.1.3(1)",
            status="read",
        ),
        Parameter(
            key="turnout_min", title=Text("出动时间", "Turnout"), value=1, unit="min", maximum=10, status="secondary"
        ),
        Parameter(key="peak_factor", title=Text("高峰系数", "Peak factor"), value=1.5, unit="×", minimum=1, maximum=10),
        Parameter(key="foot_m_s", title=Text("下车后步行", "On foot"), value=1.5, unit="m/s", minimum=0.1, maximum=50),
        Parameter(
            key="area_max_km2",
            title=Text("辖区面积上限", "Area limit"),
            value=7,
            unit="km²",
            minimum=0.1,
            maximum=100,
            standard="建标152-2017 城市消防站建设标准",
            clause="14",
            status="read",
        ),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=50, unit="m", minimum=10, maximum=500),
    ),
    run=measure_response,
)
