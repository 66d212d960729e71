"""用地台账: how much land is it really, in m2, hectares and 亩, with overlaps counted once?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    honesty,
    names_of,
    require_kind,
    valued,
)
from geo_service.core.crs import GEOGRAPHIC, MU_M2
from geo_service.core.late import geopandas, pandas, pyproj
from geo_service.core.text import Text

ELLIPSOID = "GRS80"
SLIVER_M2 = 0.1
"""Overlaps below this come from rounding coordinates to 7 decimals."""

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("group", Text("分类", "Class")),
    Column("area_m2", Text("面积", "Area"), "m²"),
    Column("area_ha", Text("面积", "Area"), "ha"),
    Column("area_mu", Text("面积（亩）", "Area (mu)")),
    Column("geodesic_m2", Text("椭球面积（校核）", "Geodesic area (check)"), "m²"),
    Column("overlap_m2", Text("与其他地块重叠", "Overlap with others"), "m²"),
    Column("precision", Text("位置精度", "Precision")),
)
GROUPS = (
    Column("group", Text("分类", "Class")),
    Column("sites", Text("地块数", "Sites")),
    Column("gross_mu", Text("毛面积（亩）", "Gross (mu)")),
    Column("net_mu", Text("类内净面积（亩）", "Net within the class (mu)")),
    Column("own_mu", Text("计入合计（亩）", "Counted in the total (mu)")),
)
PAIRS = (
    Column("id_a", Text("地块甲", "Site A")),
    Column("id_b", Text("地块乙", "Site B")),
    Column("overlap_m2", Text("重叠面积", "Overlap"), "m²"),
)
CLASSES = (
    LayerClass("clear", Text("不重叠", "No overlap"), "main"),
    LayerClass("overlap", Text("与其他地块重叠", "Overlaps others"), "loss"),
)


def account_land(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Area of every site and of all sites together without double counting (EPSG:4548; 1 亩 = 2000/3 m2)."""
    sites = require_kind(inputs["sites"], "sites", "polygon")
    shapes = sites.geometry.to_numpy()
    pairs = _pairs(sites, shapes)
    gross, net = float(shapely.area(shapes).sum()), float(shapely.area(shapely.union_all(shapes)))
    groups = _group_values(sites, parameters["group_by"])
    overlap = _overlaps(shapes)
    return Result(
        headline=Text(
            f"净用地 {net / MU_M2:,.1f} 亩（{net / 1e4:,.2f} 公顷），重叠 {(gross - net) / MU_M2:,.1f} 亩已扣除",
            f"Net {net / MU_M2:,.1f} mu ({net / 1e4:,.2f} ha); {(gross - net) / MU_M2:,.1f} mu of overlap taken off",
        ),
        table=_table(sites, shapes, groups, overlap),
        columns=COLUMNS,
        method=Text(
            "在 EPSG:4548 平面上量算；净面积为全部地块的并集；1 亩 = 2000/3 m²；椭球面积用于校核。",
            "Measured in EPSG:4548; net area is that of the union; 1 mu = 2000/3 m²; geodesic area as a check.",
        ),
        layer=sites.assign(**{"class": numpy.where(overlap > SLIVER_M2, "overlap", "clear")}).to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=honesty(inputs["sites"], Text("地块", "Sites")),
        figures={"gross_m2": gross, "net_m2": net, "overlapping_pairs": len(pairs)},
        more=(
            Table(Text("分类净面积", "Net area by class"), GROUPS, _by_group(groups, shapes)),
            Table(Text("两两重叠", "Overlapping pairs"), PAIRS, pairs),
        ),
        chart=Chart(
            kind="bar",
            title=Text("分类面积（亩）", "Area by class (mu)"),
            category="group",
            series=("gross_mu", "net_mu"),
            table=1,
        ),
    )


def _group_values(sites: geopandas.GeoDataFrame, field: str) -> list[Any]:
    blank = Text("未分类", "Not classified")
    if field not in sites:
        return [blank] * len(sites)
    return [
        value if filled else blank for value, filled in zip(valued(sites, field), _filled(sites[field]), strict=True)
    ]


def _filled(values: pandas.Series) -> pandas.Series:
    return values.notna() & (values.astype(object) != "")


def _table(
    sites: geopandas.GeoDataFrame, shapes: numpy.ndarray, groups: list[Any], overlap: numpy.ndarray
) -> pandas.DataFrame:
    area = shapely.area(shapes)
    degrees, earth = sites.to_crs(GEOGRAPHIC).geometry, pyproj.Geod(ellps=ELLIPSOID)
    return pandas.DataFrame(
        {
            "id": sites.index,
            "name": names_of(sites),
            "group": groups,
            "area_m2": area.round(1),
            "area_ha": (area / 1e4).round(4),
            "area_mu": (area / MU_M2).round(2),
            "geodesic_m2": [round(abs(earth.geometry_area_perimeter(g)[0]), 1) for g in degrees],
            "overlap_m2": overlap.round(1),
            "precision": valued(sites, "precision") if "precision" in sites else "",
        }
    ).sort_values("area_m2", ascending=False, ignore_index=True)


def _by_group(groups: list[Any], shapes: numpy.ndarray) -> pandas.DataFrame:
    """Each class with its own union, and what it adds to the classes before it, so that the last column sums up to the
    net total."""
    rows, counted = [], shapely.from_wkt("POLYGON EMPTY")
    for group in dict.fromkeys(groups):
        mine = shapes[[g == group for g in groups]]
        union = shapely.union_all(mine)
        grown = shapely.union(counted, union)
        own = shapely.area(grown) - shapely.area(counted)
        gross = shapely.area(mine).sum()
        rows.append((group, len(mine), *(round(float(a) / MU_M2, 2) for a in (gross, shapely.area(union), own))))
        counted = grown
    return pandas.DataFrame(rows, columns=[c.key for c in GROUPS])


def _pairs(sites: geopandas.GeoDataFrame, shapes: numpy.ndarray) -> pandas.DataFrame:
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    keep = left < right
    left, right = left[keep], right[keep]
    shared = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    ids = sites.index.to_numpy()
    table = pandas.DataFrame({"id_a": ids[left], "id_b": ids[right], "overlap_m2": shared.round(1)})
    kept: pandas.DataFrame = table[shared > SLIVER_M2]
    return kept.sort_values("overlap_m2", ascending=False, ignore_index=True)


def _overlaps(shapes: numpy.ndarray) -> numpy.ndarray:
    """For each shape the area it shares with any of the others."""
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    other = left != right
    neighbours = pandas.Series(right[other]).groupby(left[other])
    shared = numpy.zeros(len(shapes))
    for index, others in neighbours:
        around = shapely.union_all(shapes[others.to_numpy()])
        shared[index] = shapely.area(shapely.intersection(shapes[index], around))
    return shared


QUESTION = Question(
    id="land-account",
    theme="land",
    title=Text("这些地块净面积多少亩？", "How much land is it, net?"),
    explanation=Text("重叠部分只算一次，给出平方米、公顷和亩。", "Overlaps count once; in m², hectares and mu."),
    roles=(Role("sites", Text("地块图层", "Sites"), ("idle_land", "renewal_areas"), several=True, kinds=("polygon",)),),
    parameters=(
        Parameter(
            key="group_by",
            title=Text("分类字段", "Class by"),
            value="layer",
            field_of="sites",
            hint=Text("layer 为按图层分类", "layer: by layer"),
        ),
    ),
    run=account_land,
)
