"""积水暴露: which schools, estates and roads lie in or near a waterlogging zone?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.result import (
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    called,
    honesty,
    names_of,
    numbers_of,
    require,
    require_kind,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("layer", Text("图层", "Layer")),
    Column("inside", Text("在片区内", "Inside")),
    Column("distance_m", Text("到最近片区", "To nearest zone"), "m"),
    Column("zone_id", Text("最近片区编号", "Nearest zone")),
    Column("zone", Text("最近片区", "Zone")),
    Column("depth_cm", Text("积水深度", "Depth"), "cm"),
    Column("too_deep", Text("超过深度上限", "Too deep")),
    Column("users", Text("受影响人数（户）", "Users (or households)")),
    Column("zones_near", Text("范围内片区数", "Zones in reach")),
)
CLASSES = (
    LayerClass("inside", Text("在片区内", "Inside a zone"), "loss"),
    LayerClass("near", Text("在影响距离内", "Within the distance"), "warn"),
)
USERS = ("students", "residents", "households")
"""Fields that say how many people something serves, the first filled one counts."""


def find_exposed(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Assets within a distance of a waterlogging zone, one row per asset whatever the ties.

    Ranked by distance (0 inside), then by depth of water, then by users.
    """
    assets, zones = require(inputs["assets"], "assets"), require_kind(inputs["zones"], "zones", "polygon")
    reach = parameters["distance_m"]
    table = _table(assets, zones, parameters)
    near = table[table["distance_m"] <= reach].sort_values(
        ["distance_m", "depth_cm", "users", "id"], ascending=[True, False, False, True], na_position="last"
    )
    inside, what = int(near["inside"].sum()), called(inputs["assets"], Text("对象", "Assets"))
    exposed = assets.loc[near["id"]].assign(**{"class": numpy.where(near["inside"], "inside", "near")})
    return Result(
        headline=Text(
            f"{what.zh} {len(assets)} 处中，{len(near)} 处 {reach:g} m 内有积水片区，其中 {inside} 处在片区内",
            f"{what.en}: {len(near)} of {len(assets)} within {reach:g} m of a waterlogging zone, {inside} of them "
            "inside",
        ),
        table=near.reset_index(drop=True),
        columns=COLUMNS,
        method=Text(
            "最近距离在 EPSG:4548 平面量算；在片区内距离为 0；同距的片区取其一，每处只计一次；按距离、深度、人数排序。",
            "Nearest distance in EPSG:4548, 0 inside; ties count once; ranked by distance, depth and users.",
        ),
        layer=exposed.to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=(
            *honesty(inputs["zones"], Text("积水片区", "Zones")),
            *honesty(inputs["assets"], Text("对象", "Assets")),
            *_depth_note(zones),
        ),
        figures={"exposed": len(near), "inside": float(inside), "assets": len(assets)},
    )


def _table(
    assets: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame, parameters: Mapping[str, Any]
) -> pandas.DataFrame:
    shapes, pools = assets.geometry.to_numpy(), zones.geometry.to_numpy()
    tree = shapely.STRtree(pools)
    nearest = tree.nearest(shapes)
    distance = shapely.distance(shapes, pools[nearest])
    hits = tree.query(shapes, predicate="dwithin", distance=parameters["distance_m"])[0]
    depth = numbers_of(zones, "depth_cm").to_numpy()[nearest]
    return pandas.DataFrame(
        {
            "id": assets.index,
            "name": names_of(assets),
            "layer": assets["layer"].to_numpy() if "layer" in assets else "",
            "inside": distance == 0,
            "distance_m": distance.round(2),
            "zone_id": zones.index.to_numpy()[nearest],
            "zone": numpy.array(names_of(zones), dtype=object)[nearest],
            "depth_cm": depth,
            "too_deep": [None if numpy.isnan(d) else bool(d > parameters["depth_max_cm"]) for d in depth],
            "users": _users(assets),
            "zones_near": numpy.bincount(hits, minlength=len(assets)),
        }
    )


def _users(assets: geopandas.GeoDataFrame) -> numpy.ndarray:
    users = numpy.full(len(assets), numpy.nan)
    for field in USERS:
        users = numpy.where(numpy.isnan(users), numbers_of(assets, field).to_numpy(), users)
    return users


def _depth_note(zones: geopandas.GeoDataFrame) -> tuple[Text, ...]:
    unknown = int(numbers_of(zones, "depth_cm").isna().sum())
    if not unknown:
        return ()
    return (
        Text(
            f"{unknown} 处片区未填积水深度，未参与深度排序。", f"{unknown} zones have no depth; they rank without one."
        ),
    )


QUESTION = Question(
    id="waterlogging-exposure",
    theme="safety",
    title=Text("哪些学校、小区、道路受积水影响？", "What lies in or near a waterlogging zone?"),
    explanation=Text("按到最近积水片区的距离排序。", "Ranked by distance to the nearest zone."),
    roles=(
        Role("assets", Text("受影响对象", "Assets"), ("schools", "old_communities", "roads"), several=True),
        Role("zones", Text("积水片区", "Zones"), ("waterlogging_zones",), kinds=("polygon",)),
    ),
    parameters=(
        Parameter(key="distance_m", title=Text("影响距离", "Distance"), value=50, unit="m", minimum=0, maximum=5000),
        Parameter(
            key="depth_max_cm",
            title=Text("积水深度上限", "Deepest water allowed"),
            value=15,
            unit="cm",
            maximum=500,
            figure="waterlogging_lane_depth_max",
            standard="室外排水设计规范 2014 revision",
            status="read",
        ),
    ),
    run=find_exposed,
)
