"""积水暴露: which schools, estates and roads lie in or near a waterlogging zone?"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas
import numpy
import pandas
import shapely

from geo_service.analysis.result import Column, Parameter, Question, Result, Role, honesty, require
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.text import Text

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("inside", Text("在片区内", "Inside")),
    Column("distance_m", Text("到最近片区", "To nearest zone"), "m"),
    Column("zone_id", Text("最近片区编号", "Nearest zone")),
    Column("zone", Text("最近片区", "Zone")),
    Column("zones_near", Text("范围内片区数", "Zones in reach")),
)


def find_exposed(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Assets within a distance of a waterlogging zone, nearest first; one row per asset whatever the ties."""
    assets, zones = require(inputs["assets"], "assets"), require(inputs["zones"], "zones")
    reach = parameters["distance_m"]
    tree = shapely.STRtree(zones.geometry.to_numpy())
    nearest = tree.nearest(assets.geometry.to_numpy())
    distance = shapely.distance(assets.geometry.to_numpy(), zones.geometry.to_numpy()[nearest])
    hits = tree.query(assets.geometry.to_numpy(), predicate="dwithin", distance=reach)[0]
    table = pandas.DataFrame(
        {
            "id": assets.index,
            "name": assets["name"].to_numpy(),
            "inside": distance == 0,
            "distance_m": distance.round(2),
            "zone_id": zones.index.to_numpy()[nearest],
            "zone": zones["name"].to_numpy()[nearest],
            "zones_near": numpy.bincount(hits, minlength=len(assets)),
        }
    )
    near = table[distance <= reach].sort_values(["distance_m", "id"], ignore_index=True)
    exposed = assets.iloc[numpy.flatnonzero(distance <= reach)].to_crs(GEOGRAPHIC)
    return Result(
        headline=Text(
            f"{len(near)} / {len(assets)} 处在 {reach:g} m 内有积水片区，其中 {int(near['inside'].sum())} 处在片区内",
            f"{len(near)} of {len(assets)} within {reach:g} m of a zone, {int(near['inside'].sum())} of them inside",
        ),
        table=near,
        columns=COLUMNS,
        method=Text(
            "最近距离在 EPSG:4548 平面量算；在片区内距离为 0；同距的片区取其一，每处只计一次。",
            "Nearest distance in EPSG:4548, 0 inside; ties count once.",
        ),
        layer=exposed,
        notes=(
            *honesty(inputs["zones"], Text("积水片区", "Zones")),
            *honesty(inputs["assets"], Text("对象", "Assets")),
        ),
        figures={"exposed": len(near), "inside": float(near["inside"].sum()), "assets": len(assets)},
    )


QUESTION = Question(
    id="waterlogging-exposure",
    title=Text("哪些学校、小区、道路受积水影响？", "What lies in or near a waterlogging zone?"),
    explanation=Text("按到最近积水片区的距离排序。", "Ranked by distance to the nearest zone."),
    roles=(
        Role("assets", Text("受影响对象", "Assets"), ("schools", "old_communities", "roads")),
        Role("zones", Text("积水片区", "Zones"), ("waterlogging_zones",)),
    ),
    parameters=(
        Parameter(key="distance_m", title=Text("影响距离", "Distance"), value=50, unit="m", minimum=0, maximum=5000),
    ),
    run=find_exposed,
)
