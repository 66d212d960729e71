"""消防响应: what do the stations cover in time, and what does a new one change?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import (
    STREETS,
    Ground,
    make_ground,
    make_streets,
    off_street_notes,
    people_note,
    points_of,
    street_note,
)
from geo_service.analysis.network import SPEEDS_KMH, Flags, Floats, Network, cost_matrix, snap_points
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
    honesty,
    located,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("消防站", "Station")),
    Column("stands", Text("现状站", "Stands already")),
    Column("within_km2", Text("时限内可达", "In time"), "km²"),
    Column("only_km2", Text("仅本站可达", "Only by this one"), "km²"),
    Column("first_due_km2", Text("首到范围", "First due"), "km²"),
    Column("limit_km2", Text("辖区上限", "Limit"), "km²"),
    Column("over_limit", Text("超过上限", "Over the limit")),
)
CLASSES = (
    LayerClass("covered", Text("现状站时限内可达", "In time from stations there are"), "main"),
    LayerClass("gain", Text("拟建站新增", "Added by planned stations"), "gain"),
    LayerClass("out", Text("时限外", "Not in time"), "muted"),
)
STATIONS = Text("消防站", "Stations")
LIMITS = {
    "class1": "area_class1_km2",
    "special": "area_class1_km2",
    "class2": "area_class2_km2",
    "small": "area_small_km2",
}
"""Which parameter limits the area of a station of each class; one of unknown class is held to the widest."""


@dataclass(frozen=True, slots=True)
class Terrain:
    """What does not change while a station is dragged: streets, cells, and what to know about them."""

    network: Network
    ground: Ground
    notes: tuple[Text, ...]


def prepare(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Terrain:
    """The streets and cells of the district.

    Raises
    ------
    InvalidParameter
        There are no streets: without them there are no driving times.
    """
    network = make_streets(inputs, cost="drive_s", peak_factor=parameters["peak_factor"])
    if network is None:
        raise InvalidParameter(
            name="streets", value=0, reason="没有路网，无法计算行车时间 / no streets, no driving times"
        )
    ground = make_ground(inputs, network, size_m=parameters["cell_m"], progress=progress)
    return Terrain(network, ground, (*street_note(inputs, network), *people_note(ground, inputs)))


def measure_response(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Result:
    """Area reached within the response time by all stations, first-due areas, and the gain of stations that do not
    exist yet. Travel runs from the station to the incident; turnout comes first; driving times carry a peak factor."""
    require(inputs["stations"], "stations")
    terrain = prepare(inputs, parameters, stretch(progress, 0, 0.7))
    return respond(terrain, inputs["stations"], parameters)


def respond(terrain: Terrain, stations: geopandas.GeoDataFrame, parameters: Mapping[str, Any]) -> Result:
    """The response of these stations over streets and cells that were prepared before."""
    there, ground = require(stations, "stations"), terrain.ground
    turnout_s, limit_s = parameters["turnout_min"] * 60, parameters["response_min"] * 60
    seconds = arrival_s(terrain.network, ground, points_of(there), turnout_s=turnout_s, foot_m_s=parameters["foot_m_s"])
    in_time, standing = seconds <= limit_s, _stands(there)
    before = in_time[standing].any(axis=0)
    covered = in_time.any(axis=0)
    km2 = ground.cells.area_m2 / 1e6
    figures = {
        "covered_km2": float(covered.sum() * km2),
        "gain_km2": float((covered & ~before).sum() * km2),
        "covered_percent": ground.share(covered),
    }
    return Result(
        headline=_headline(parameters["response_min"], figures, ground.unit, standing=bool(standing.any())),
        table=_table(there, seconds, in_time, parameters, km2),
        columns=COLUMNS,
        method=_method(parameters),
        layer=_layer(ground, covered, before),
        classes=CLASSES,
        notes=(
            *terrain.notes,
            *off_street_notes(terrain.network, stations, STATIONS),
            *honesty(stations, STATIONS),
            FREE_FLOW,
        ),
        figures=figures,
        chart=Chart(
            kind="bar",
            title=Text("各站时限内可达与首到范围（km²）", "In time and first due by station (km²)"),
            category="name",
            series=("within_km2", "first_due_km2", "limit_km2"),
        ),
    )


FREE_FLOW = Text(
    "自由流车速偏乐观：有实测交通的研究中 5 分钟覆盖仅 8.2%，请调高峰系数作敏感性比较。",
    "Free-flow times flatter: a study with real traffic found 8.2% covered in 5 minutes. Try other peak factors.",
)


def _headline(minutes: float, figures: Mapping[str, float], unit: Text, *, standing: bool) -> Text:
    reached, percent, gain = figures["covered_km2"], figures["covered_percent"], figures["gain_km2"]
    added = (f"其中拟建站新增 {gain:.2f} km²", f"planned stations add {gain:.2f} km² of it")
    if not standing:
        added = ("全部来自拟建站（图层中尚无现状站）", "all of it by planned stations (the layer has none that stands)")
    return Text(
        f"{minutes:g} 分钟可达 {reached:.2f} km²（占{unit.zh} {percent:.1f}%），{added[0]}",
        f"{reached:.2f} km² within {minutes:g} min ({percent:.1f}% of {unit.en}); {added[1]}",
    )


def _method(parameters: Mapping[str, Any]) -> Text:
    turnout, factor = f"{parameters['turnout_min']:g}", f"{parameters['peak_factor']:g}"
    return Text(
        f"到场 = 出动 {turnout} 分钟 + 行车；行车为道路等级车速 ÷ 高峰系数 {factor}，方向由消防站到现场，离路部分步行；"
        f"{parameters['cell_m']:g} m 网格计面积。",
        f"Arrival is turnout ({turnout} min) plus driving at the speed of the road class slowed by the peak factor "
        f"{factor}, from the station outwards, on foot off the streets; area from {parameters['cell_m']:g} m cells.",
    )


def arrival_s(network: Network, ground: Ground, stations: Floats, *, turnout_s: float, foot_m_s: float) -> Floats:
    """Seconds from the call to arrival, (stations, cells).

    An engine drives from its gate to the nearest street at the speed of a residential street; off the streets at the
    other end the crew goes on foot.
    """
    if ground.cells.access is None:
        return numpy.full((len(stations), len(ground.weight)), numpy.inf)
    start = snap_points(network, stations)
    drive_s = start.walk_m / (SPEEDS_KMH["residential"] / 3.6)
    at_street = dataclasses.replace(start, walk_m=numpy.zeros(len(start)))
    matrix = cost_matrix(network, at_street, ground.cells.access, rate=1 / foot_m_s)
    return numpy.asarray(turnout_s + drive_s[:, None] + matrix)


def _stands(stations: geopandas.GeoDataFrame) -> Flags:
    none = pandas.Series(data=False, index=stations.index)
    done = stations["status"].eq("done") if "status" in stations else none
    existing = stations["plan_status"].eq("existing") if "plan_status" in stations else none
    return numpy.asarray((done | existing).to_numpy(dtype=bool))


def _layer(ground: Ground, covered: Flags, before: Flags) -> geopandas.GeoDataFrame:
    labels = numpy.where(before, 1, numpy.where(covered, 2, 3)).astype(numpy.int64)
    shapes = cells_to_polygons(ground.cells.centres, labels, ground.cells.size_m)
    rows = [(CLASSES[k - 1].key, round(s.area / 1e6, 3), s) for k, s in sorted(shapes.items())]
    frame = geopandas.GeoDataFrame(rows, columns=["class", "area_km2", "geometry"], crs=PROJECTED)
    return frame.to_crs(GEOGRAPHIC)


def _table(
    stations: geopandas.GeoDataFrame, seconds: Floats, in_time: Flags, parameters: Mapping[str, Any], km2: float
) -> pandas.DataFrame:
    first = seconds.argmin(axis=0)
    due = numpy.bincount(first[numpy.isfinite(seconds.min(axis=0))], minlength=len(stations)) * km2
    alone = in_time & (in_time.sum(axis=0) == 1)
    grades = stations["station_grade"] if "station_grade" in stations else [None] * len(stations)
    limit = numpy.array([parameters[LIMITS.get(str(g), "area_class1_km2")] for g in grades])
    return pandas.DataFrame(
        {
            "id": stations.index,
            "name": names_of(stations),
            "stands": _stands(stations),
            "within_km2": (in_time.sum(axis=1) * km2).round(3),
            "only_km2": (alone.sum(axis=1) * km2).round(3),
            "first_due_km2": due.round(3),
            "limit_km2": limit,
            "over_limit": due > limit,
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


def _area_limit(key: str, title: Text, value: float, figure: str, standard: str) -> Parameter:
    return Parameter(
        key=key,
        title=title,
        value=value,
        unit="km²",
        minimum=0.1,
        maximum=100,
        figure=figure,
        standard=standard,
        clause="14",
        status="read",
    )


QUESTION = Question(
    id="fire-response",
    theme="safety",
    title=Text(
        "消防站几分钟能到哪里？新站改变什么？",
        "Where do fire engines arrive in time, and what does a new station change?",
    ),
    explanation=Text(
        "沿道路计算到场时间；可在地图上拖动拟建站，看覆盖如何变化。",
        "Arrival along the streets; drag a planned station on the map and watch the cover change.",
    ),
    roles=(
        Role("stations", Text("消防站", "Stations"), ("fire_stations",), kinds=("point", "polygon")),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("streets", Text("道路", "Streets"), STREETS, kinds=("line",)),
        Role(
            "barriers", Text("阻隔（无桥不可通过）", "Barriers"), optional=True, several=True, kinds=("line", "polygon")
        ),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True, kinds=("polygon",)),
    ),
    parameters=(
        Parameter(
            key="response_min",
            title=Text("接警到场时限", "Response time"),
            value=5,
            unit="min",
            minimum=0.5,
            maximum=60,
            figure="fire_response_time",
            standard="GB 51080-2015 城市消防规划规范",
            clause="4.1.3(1)",
            status="read",
        ),
        Parameter(
            key="turnout_min",
            title=Text("出动时间", "Turnout"),
            value=1,
            unit="min",
            maximum=10,
            figure="fire_turnout_time",
            status="secondary",
        ),
        Parameter(
            key="peak_factor",
            title=Text("高峰系数", "Peak factor"),
            value=1.5,
            unit="×",
            minimum=1,
            maximum=10,
            hint=Text("1 为自由流；早晚高峰宜取 1.5 至 3。", "1 is free flow; rush hours want 1.5 to 3."),
        ),
        Parameter(
            key="foot_m_s", title=Text("离路步行速度", "On foot"), value=1.5, unit="m/s", minimum=0.1, maximum=50
        ),
        _area_limit(
            "area_class1_km2",
            Text("一级站辖区面积上限", "Area limit, class 1"),
            7,
            "fire_area_class1",
            "建标152-2017 城市消防站建设标准",
        ),
        _area_limit(
            "area_class2_km2", Text("二级站辖区面积上限", "Area limit, class 2"), 4, "fire_area_class2", "建标152-2017"
        ),
        _area_limit(
            "area_small_km2", Text("小型站辖区面积上限", "Area limit, small"), 2, "fire_area_small", "建标152-2017"
        ),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=50, unit="m", minimum=10, maximum=500),
    ),
    run=measure_response,
    told=measure_response,
)
