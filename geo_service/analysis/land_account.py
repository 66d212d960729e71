"""用地台账: how much land is it really, in m2, hectares and 亩, with overlaps counted once?"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas
import numpy
import pandas
import pyproj
import shapely

from geo_service.analysis.result import Column, Question, Result, Role, honesty, require
from geo_service.core.crs import GEOGRAPHIC, MU_M2
from geo_service.core.text import Text

GEOD = pyproj.Geod(ellps="GRS80")

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("area_m2", Text("面积", "Area"), "m²"),
    Column("area_ha", Text("面积", "Area"), "公顷"),
    Column("area_mu", Text("面积", "Area"), "亩"),
    Column("geodesic_m2", Text("椭球面积", "Geodesic area"), "m²"),
    Column("overlap_m2", Text("与其他地块重叠", "Overlap with others"), "m²"),
    Column("precision", Text("位置精度", "Precision")),
)


def account_land(inputs: Mapping[str, geopandas.GeoDataFrame], _: Mapping[str, float]) -> Result:
    """Area of every site and of all sites together without double counting (EPSG:4548; 1 亩 = 2000/3 m2)."""
    sites = require(inputs["sites"], "sites")
    shapes = sites.geometry.to_numpy()
    gross, net = float(shapely.area(shapes).sum()), float(shapely.area(shapely.union_all(shapes)))
    headline = Text(
        f"净用地 {net / MU_M2:,.1f} 亩（{net / 1e4:,.2f} 公顷），重叠 {(gross - net) / MU_M2:,.1f} 亩已扣除",
        f"Net {net / MU_M2:,.1f} mu ({net / 1e4:,.2f} ha); {(gross - net) / MU_M2:,.1f} mu of overlap taken off",
    )
    return Result(
        headline=headline,
        table=_table(sites, shapes),
        columns=COLUMNS,
        method=Text(
            "在 EPSG:4548 平面上量算；净面积为全部地块的并集；1 亩 = 2000/3 m²；椭球面积用于校核。",
            "Measured in EPSG:4548; net area is that of the union; 1 mu = 2000/3 m²; geodesic area as a check.",
        ),
        layer=sites.to_crs(GEOGRAPHIC),
        notes=honesty(inputs["sites"], Text("地块", "Sites")),
        figures={"gross_m2": gross, "net_m2": net},
    )


def _table(sites: geopandas.GeoDataFrame, shapes: numpy.ndarray) -> pandas.DataFrame:
    area = shapely.area(shapes)
    degrees = sites.to_crs(GEOGRAPHIC).geometry
    return pandas.DataFrame(
        {
            "id": sites.index,
            "name": sites["name"].to_numpy(),
            "area_m2": area.round(1),
            "area_ha": (area / 1e4).round(4),
            "area_mu": (area / MU_M2).round(2),
            "geodesic_m2": [round(abs(GEOD.geometry_area_perimeter(g)[0]), 1) for g in degrees],
            "overlap_m2": _overlaps(shapes).round(1),
            "precision": sites["precision"].to_numpy() if "precision" in sites else "",
        }
    ).sort_values("area_m2", ascending=False, ignore_index=True)


def _overlaps(shapes: numpy.ndarray) -> numpy.ndarray:
    """For each shape the area it shares with any of the others."""
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = numpy.zeros(len(shapes))
    for index in numpy.unique(left[left != right]):
        others = shapely.union_all(shapes[right[(left == index) & (right != index)]])
        shared[index] = shapely.area(shapely.intersection(shapes[index], others))
    return shared


QUESTION = Question(
    id="land-account",
    title=Text("这些地块净面积多少亩？", "How much land is it, net?"),
    explanation=Text("重叠部分只算一次，给出平方米、公顷和亩。", "Overlaps count once; in m², hectares and mu."),
    roles=(Role("sites", Text("地块图层", "Sites"), ("idle_land", "renewal_areas")),),
    parameters=(),
    run=account_land,
)
