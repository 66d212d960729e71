"""建设集群: which projects lie close enough to be managed and dug together?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy
import shapely

from geo_service.analysis.access import points_of
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
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas, scipy
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

MAX_GROUP = 5000
"""Complete linkage needs memory with the square of a group: 5 000 points are 100 MB."""

COLUMNS = (
    Column("cluster", Text("组", "Group")),
    Column("size", Text("项目数", "Projects")),
    Column("diameter_m", Text("直径", "Diameter"), "m"),
    Column("members", Text("成员", "Members")),
)


def group_projects(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """Groups of projects near each other, none wider than the cap.

    Density groups (neighbours within ``near_m``) are split by complete linkage at ``diameter_m``, for a chain of sites
    is one density group however long it is.
    """
    projects = require(inputs["projects"], "projects")
    points = points_of(inputs["projects"])
    labels = cluster_labels(points, near_m=parameters["near_m"], diameter_m=parameters["diameter_m"])
    sizes = numpy.bincount(labels)
    kept = numpy.flatnonzero(sizes >= max(2, int(parameters["least"])))
    table, shapes = _table(projects, points, labels, kept)
    return Result(
        headline=Text(
            f"{len(kept)} 组可打包，共 {sizes[kept].sum()} 个项目",
            f"{len(kept)} groups of {sizes[kept].sum()} projects in all",
        ),
        table=table,
        columns=COLUMNS,
        method=Text(
            f"{parameters['near_m']:g} m 内相邻成组，再按最大直径 {parameters['diameter_m']:g} m 拆分（全连接聚类）。",
            f"Neighbours within {parameters['near_m']:g} m, "
            f"split by complete linkage at {parameters['diameter_m']:g} m.",
        ),
        classes=(LayerClass("group", Text("可打包的一组", "One group")),),
        layer=geopandas.GeoDataFrame(
            table[["cluster", "size"]].assign(**{"class": "group"}), geometry=shapes, crs=PROJECTED
        ).to_crs(GEOGRAPHIC),
        notes=honesty(inputs["projects"], Text("项目", "Projects")),
        figures={"groups": len(kept), "projects": float(sizes[kept].sum())},
    )


def cluster_labels(points: numpy.ndarray, *, near_m: float, diameter_m: float) -> numpy.ndarray:
    """A label 0, 1, … for each point (n, 2): same label, same group."""
    count = len(points)
    pairs = scipy.spatial.cKDTree(points).query_pairs(near_m, output_type="ndarray")
    joined = scipy.sparse.coo_array((numpy.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, density = scipy.sparse.csgraph.connected_components(joined, directed=False)
    labels, following = numpy.zeros(count, dtype=int), 0
    for group in numpy.unique(density):
        rows = numpy.flatnonzero(density == group)
        _check_group(len(rows), near_m)
        parts = (
            scipy.cluster.hierarchy.fcluster(
                scipy.cluster.hierarchy.linkage(scipy.spatial.distance.pdist(points[rows]), "complete"),
                diameter_m,
                "distance",
            )
            - 1
            if len(rows) > 1
            else 0
        )
        labels[rows] = following + parts
        following = int(labels[rows].max()) + 1
    return labels


def _check_group(size: int, near_m: float) -> None:
    if size > MAX_GROUP:
        reason = f"{size} 个项目连成一片，请减小相邻距离 / {size} projects hang together, use a smaller distance"
        raise InvalidParameter(name="near_m", value=near_m, reason=reason)


def _table(
    projects: geopandas.GeoDataFrame, points: numpy.ndarray, labels: numpy.ndarray, kept: numpy.ndarray
) -> tuple[pandas.DataFrame, list[shapely.Geometry]]:
    rows, shapes, names = [], [], numpy.array(names_of(projects), dtype=object)
    for number, label in enumerate(kept, start=1):
        inside = numpy.flatnonzero(labels == label)
        diameter = float(scipy.spatial.distance.pdist(points[inside]).max())
        members = joined(names[inside])
        rows.append((number, len(inside), round(diameter, 1), members))
        shapes.append(shapely.convex_hull(shapely.multipoints(points[inside])).buffer(20))
    return pandas.DataFrame(rows, columns=[c.key for c in COLUMNS]), shapes


QUESTION = Question(
    id="clusters",
    theme="works",
    title=Text("哪些项目可以打包实施？", "Which projects could be done together?"),
    explanation=Text("相距不远、总范围不过大的项目为一组。", "Near each other, and no group too wide."),
    roles=(
        Role("projects", Text("项目图层", "Projects"), ("renewal_areas", "carriers", "supporting_works"), several=True),
    ),
    parameters=(
        Parameter(key="near_m", title=Text("相邻距离", "Near"), value=500, unit="m", minimum=1, maximum=5000),
        Parameter(
            key="diameter_m", title=Text("最大直径", "Diameter"), value=1500, unit="m", minimum=1, maximum=20_000
        ),
        Parameter(key="least", title=Text("最少项目数", "At least"), value=2, unit="", minimum=2, maximum=100),
    ),
    run=group_projects,
)
