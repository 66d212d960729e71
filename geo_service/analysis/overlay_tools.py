"""Tools for any layer: buffer, dissolve, clip, intersect, union, count per area, nearest. All measures in EPSG:4548."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import points_of, zone_of
from geo_service.analysis.result import (
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Run,
    honesty,
    names_of,
    require,
    require_kind,
    valued,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

Inputs = Mapping[str, "geopandas.GeoDataFrame"]
CLASSES = (LayerClass("result", Text("结果", "Result")),)
SIZED = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("area_m2", Text("面积", "Area"), "m²"),
    Column("length_m", Text("长度", "Length"), "m"),
)
COUNTED = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("分区", "Zone")),
    Column("count", Text("个数", "Count")),
    Column("per_km2", Text("每平方公里", "Per km²")),
)
NEAREST = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("nearest_id", Text("最近要素编号", "Nearest id")),
    Column("nearest", Text("最近要素", "Nearest")),
    Column("distance_m", Text("距离", "Distance"), "m"),
)
QUAD_SEGS = 32
"""Segments of a quarter circle: areas of buffers are 0.04 % small, against 0.64 % at the usual 8."""

TIE_M = 0.001
"""Distances that differ by less are the same: 7 decimals of a degree are a centimetre."""

FIRST = Text("图层", "Layer")
SECOND = Text("另一图层", "Other layer")


def _result(frame: geopandas.GeoDataFrame, source: geopandas.GeoDataFrame, what: Text, method: Text) -> Result:
    """Shapes in EPSG:4548 with their sizes; ``frame`` has ``id`` and ``name``."""
    area = shapely.area(frame.geometry.to_numpy())
    length = numpy.where(area > 0, 0.0, shapely.length(frame.geometry.to_numpy()))
    table = pandas.DataFrame(
        {
            "id": frame["id"].to_numpy(),
            "name": frame["name"].to_numpy(),
            "area_m2": area.round(1),
            "length_m": length.round(1),
        }
    )
    total, kilometres = float(area.sum()), float(length.sum()) / 1000
    size = Text(f"面积 {total / 1e4:,.2f} 公顷", f"{total / 1e4:,.2f} ha")
    if not total:
        size = Text(f"总长 {kilometres:,.2f} km", f"{kilometres:,.2f} km long")
    return Result(
        headline=Text(
            f"{what.zh}得 {len(frame)} 个要素，{size.zh}",
            f"{what.en}: {plural(len(frame))}, {size.en}",
        ),
        table=table,
        columns=SIZED,
        method=method,
        layer=frame.assign(**{"class": "result"}).to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=honesty(source, FIRST),
        figures={"features": len(frame), "area_m2": total},
    )


def plural(count: int) -> str:
    """So many features, in English."""
    return f"{count} feature" if count == 1 else f"{count} features"


def _frame(ids: Any, names: Any, shapes: Any) -> geopandas.GeoDataFrame:
    data = {"id": list(ids), "name": list(names)}
    frame = geopandas.GeoDataFrame(data, geometry=list(shapes), crs=PROJECTED)
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


def buffer_features(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    """Everything within a distance of each feature."""
    layer = require(inputs["layer"], "layer")
    shapes = shapely.buffer(layer.geometry.to_numpy(), parameters["distance_m"], quad_segs=QUAD_SEGS)
    method = Text(f"每个要素外扩 {parameters['distance_m']:g} m。", f"{parameters['distance_m']:g} m around each.")
    return _result(_frame(layer.index, names_of(layer), shapes), inputs["layer"], Text("缓冲区", "Buffer"), method)


def dissolve_features(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    """Features of the same value made one."""
    field = parameters["field"]
    layer = require(inputs["layer"], "layer", fields=(field,) if field else ())
    groups = layer[field].fillna("").astype(str) if field else pandas.Series("all", index=layer.index)
    parts = layer.geometry.groupby(groups).agg(lambda shapes: shapely.disjoint_subset_union_all(shapes.to_numpy()))
    words = dict(zip(groups, valued(layer, field), strict=True)) if field else {"all": Text("全部", "All")}
    frame = _frame(parts.index, [words[name] for name in parts.index], parts)
    method = Text("字段值相同的要素合并，重叠只算一次。", "Features of one value are united; overlaps count once.")
    return _result(frame, inputs["layer"], Text("融合", "Dissolve"), method)


def clip_features(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    """The parts of features inside the other layer."""
    layer, other = require(inputs["layer"], "layer"), require_kind(inputs["other"], "other", "polygon")
    mask = shapely.union_all(other.geometry.to_numpy())
    shapes = shapely.intersection(layer.geometry.to_numpy(), mask)
    method = Text("取落在另一图层面内的部分。", "The parts inside the polygons of the other layer.")
    return _result(_frame(layer.index, names_of(layer), shapes), inputs["layer"], Text("裁剪", "Clip"), method)


def intersect_features(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    """The common part of each pair of features of the two layers."""
    layer, other = require(inputs["layer"], "layer"), require_kind(inputs["other"], "other", "polygon")
    left, right = shapely.STRtree(other.geometry.to_numpy()).query(layer.geometry.to_numpy(), predicate="intersects")
    shapes = shapely.intersection(layer.geometry.to_numpy()[left], other.geometry.to_numpy()[right])
    ids = [f"{a} × {b}" for a, b in zip(layer.index[left], other.index[right], strict=True)]
    names, others = names_of(layer), names_of(other)
    pairs = [(names[a], others[b]) for a, b in zip(left, right, strict=True)]
    titles = [Text(f"{a.zh} × {b.zh}", f"{a.en} × {b.en}") for a, b in pairs]
    method = Text("两图层要素两两求公共部分。", "The common part of each pair.")
    return _result(_frame(ids, titles, shapes), inputs["layer"], Text("相交", "Intersect"), method)


def union_features(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    """The ground of both layers, once: only the first, only the other, both."""
    layer = require_kind(inputs["layer"], "layer", "polygon")
    other = require_kind(inputs["other"], "other", "polygon")
    a, b = (shapely.union_all(f.geometry.to_numpy()) for f in (layer, other))
    shapes = [shapely.difference(a, b), shapely.difference(b, a), shapely.intersection(a, b)]
    frame = _frame(
        ("A-B", "B-A", "A∩B"), (Text("仅甲", "Only A"), Text("仅乙", "Only B"), Text("共有", "Both")), shapes
    )
    method = Text("两图层合并，分为仅甲、仅乙、共有三部分。", "Both layers as only A, only B, and both.")
    return _result(frame, inputs["layer"], Text("合并", "Union"), method)


def count_per_area(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    """How many features lie in each zone, by a point inside; one on a border counts once."""
    layer, zones = require(inputs["layer"], "layer"), require_kind(inputs["other"], "other", "polygon")
    at = zone_of(zones, points_of(inputs["layer"]))
    count = numpy.bincount(at[at >= 0], minlength=len(zones))
    density = count / (shapely.area(zones.geometry.to_numpy()) / 1e6)
    columns = {"id": zones.index, "name": names_of(zones), "count": count, "per_km2": density.round(2)}
    table = pandas.DataFrame(columns)
    outside = int((at < 0).sum())
    top = table["name"].iloc[int(count.argmax())]
    return Result(
        headline=Text(
            f"{len(layer)} 个要素，最多在{top.zh}（{count.max()}），区外 {outside}",
            f"{plural(len(layer))}, most in {top.en} ({count.max()}), {outside} outside",
        ),
        table=table,
        columns=COUNTED,
        method=Text("按内部代表点归区，界上者只计一次。", "By a point inside; one on a border counts once."),
        layer=zones.assign(id=zones.index, count=count, **{"class": "result"})[
            ["id", "name", "count", "class", "geometry"]
        ].to_crs(GEOGRAPHIC)
        if "name" in zones
        else None,
        classes=CLASSES,
        notes=honesty(inputs["layer"], FIRST),
        figures={"features": len(layer), "outside": outside},
    )


def find_nearest_features(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    """The nearest feature of the other layer in a straight line; of several as near, the first by id."""
    layer, other = require(inputs["layer"], "layer"), require(inputs["other"], "other").sort_index()
    shapes, others = layer.geometry.to_numpy(), other.geometry.to_numpy()
    tree = shapely.STRtree(others)
    least = shapely.distance(shapes, others[tree.nearest(shapes)])
    rows, found = tree.query(shapes, predicate="dwithin", distance=least + TIE_M)
    order = numpy.lexsort((found, rows))
    which = found[order[numpy.unique(rows[order], return_index=True)[1]]]
    metres = shapely.distance(shapes, others[which])
    names = names_of(other)
    columns = {
        "id": layer.index,
        "name": names_of(layer),
        "nearest_id": other.index[which],
        "nearest": [names[i] for i in which],
        "distance_m": metres.round(1),
    }
    lines = shapely.shortest_line(shapes, others[which])
    drawn = geopandas.GeoDataFrame({"id": list(layer.index), "class": "result"}, geometry=lines, crs=PROJECTED)
    return Result(
        headline=Text(
            f"{len(layer)} 个要素到最近要素平均 {metres.mean():,.0f} m，最远 {metres.max():,.0f} m",
            f"{plural(len(layer))}: {metres.mean():,.0f} m to the nearest on average, {metres.max():,.0f} m at most",
        ),
        table=pandas.DataFrame(columns).sort_values("distance_m", ascending=False, ignore_index=True),
        columns=NEAREST,
        method=Text("平面直线距离；等距取编号在前者。", "Straight line; of several as near the first by id."),
        layer=drawn.to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=honesty(inputs["layer"], FIRST),
        figures={"mean_m": float(metres.mean()), "farthest_m": float(metres.max())},
    )


def _tool(
    key: str,
    title: Text,
    run: Run | Callable[[Inputs, Mapping[str, Any]], Result],
    *,
    layer: str,
    other: str = "",
    parameters: tuple[Parameter, ...] = (),
) -> Question:
    roles: tuple[Role, ...] = (Role("layer", FIRST, (layer,)),)
    if other:
        roles = (*roles, Role("other", SECOND, (other,)))
    return Question(
        id=key,
        theme="tools",
        title=title,
        explanation=Text("任选图层。", "For any layers."),
        roles=roles,
        parameters=parameters,
        run=run,
    )


DISTANCE = Parameter(
    key="distance_m", title=Text("距离", "Distance"), value=100, unit="m", minimum=0.01, maximum=20_000
)
FIELD = Parameter(key="field", title=Text("合并字段（空为全部）", "Field (empty: all)"), value="", field_of="layer")

QUESTIONS = (
    _tool("buffer", Text("缓冲区", "Buffer"), buffer_features, layer="schools", parameters=(DISTANCE,)),
    _tool("dissolve", Text("融合", "Dissolve"), dissolve_features, layer="subdistricts", parameters=(FIELD,)),
    _tool("clip", Text("裁剪", "Clip"), clip_features, layer="streets", other="boundary"),
    _tool("intersect", Text("相交", "Intersect"), intersect_features, layer="waterlogging_zones", other="subdistricts"),
    _tool("union", Text("合并", "Union"), union_features, layer="waterlogging_zones", other="subdistricts"),
    _tool("count-per-area", Text("分区计数", "Count per area"), count_per_area, layer="schools", other="subdistricts"),
    _tool("nearest", Text("最近要素", "Nearest"), find_nearest_features, layer="schools", other="waterlogging_zones"),
)
