"""建筑统计: how many buildings, how much ground they cover, how far from a facility, by area; in parts of any size.

The answer is a sum over buildings of whole numbers (buildings, square centimetres, millimetres), so it is the same to
the last digit however the buildings are split and on whichever machine a part was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import zone_of
from geo_service.analysis.network import Floats, Integers
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
    require_kind,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

OUTSIDE = Text("各分区之外", "Outside all areas")
TOTAL = Text("合计", "Total")
TALLIES = ("buildings", "ground_cm2", "overlap_cm2", "near_mm", "far")
"""What is added up for each area: buildings with their representative point in it, the ground these cover, the covered
ground inside the area, distances to the nearest facility, and buildings beyond the limit."""

COLUMNS = (
    Column("area", Text("分区", "Area")),
    Column("buildings", Text("建筑数", "Buildings")),
    Column("ground_m2", Text("基底面积", "Ground covered by them"), "m²"),
    Column("overlap_m2", Text("分区内基底面积", "Covered inside the area"), "m²"),
    Column("density_percent", Text("建筑密度", "Site coverage"), "%"),
    Column("mean_m", Text("到最近设施平均距离", "Mean distance to a facility"), "m"),
    Column("far", Text("超过限值的建筑", "Buildings too far")),
)
CLASSES = (LayerClass("area", Text("分区", "Areas"), "main"),)


def tally_footprints(
    buildings: geopandas.GeoDataFrame,
    areas: geopandas.GeoDataFrame,
    facilities: geopandas.GeoDataFrame | None,
    *,
    limit_m: float,
) -> pandas.DataFrame:
    """Whole numbers for each area and a last row for what lies outside all: columns ``TALLIES``, to be added up.

    All frames are in EPSG:4548 and without null geometries. A building counts in the area of its representative point;
    its ground is cut at the border of every area.
    """
    shapes, zones = buildings.geometry.to_numpy(), areas.geometry.to_numpy()
    ground = _hundredths(shapely.area(shapes) * 100)
    at = zone_of(areas, numpy.asarray(shapely.get_coordinates(shapely.point_on_surface(shapes))))
    at = numpy.where(at < 0, len(areas), at)
    distance = _distances(shapes, facilities)
    tally = numpy.zeros((len(areas) + 1, len(TALLIES)), dtype=numpy.int64)
    for column, values in enumerate((numpy.ones(len(shapes), dtype=numpy.int64), ground)):
        numpy.add.at(tally[:, column], at, values)
    tally[: len(areas), 2] = _overlaps(shapes, ground, zones)
    numpy.add.at(tally[:, 3], at, numpy.rint(distance * 1000).astype(numpy.int64))
    numpy.add.at(tally[:, 4], at, (distance > limit_m).astype(numpy.int64))
    return pandas.DataFrame(tally, columns=list(TALLIES))


def add_tallies(parts: Iterable[pandas.DataFrame]) -> pandas.DataFrame:
    """The sum of the tallies of all parts."""
    tallies = numpy.stack([part.to_numpy() for part in parts])
    return pandas.DataFrame(tallies.sum(axis=0), columns=list(TALLIES))


def _hundredths(values: Floats) -> Integers:
    """Values times 100 as whole numbers."""
    rounded: Integers = numpy.rint(values * 100).astype(numpy.int64)
    return rounded


def _distances(shapes: numpy.ndarray, facilities: geopandas.GeoDataFrame | None) -> Floats:
    """Metres from each building to the nearest facility, 0 where there are no facilities."""
    if facilities is None or facilities.empty or not len(shapes):
        return numpy.zeros(len(shapes))
    tree = shapely.STRtree(facilities.geometry.to_numpy())
    _, metres = tree.query_nearest(shapes, all_matches=False, return_distance=True)
    return numpy.asarray(metres)


def _overlaps(shapes: numpy.ndarray, ground: Integers, zones: numpy.ndarray) -> Integers:
    """Square centimetres of building ground inside each area. Buildings wholly inside are not cut, only those that
    cross a border are (1.9 times as fast as cutting all)."""
    tree = shapely.STRtree(shapes)
    inside = _pairs(tree.query(zones, predicate="contains_properly"))
    touching = _pairs(tree.query(zones, predicate="intersects"))
    crossing = touching[~numpy.isin(_key(touching, len(shapes)), _key(inside, len(shapes)))]
    parts = shapely.area(shapely.intersection(zones[crossing[:, 0]], shapes[crossing[:, 1]]))
    sums = numpy.zeros(len(zones), dtype=numpy.int64)
    numpy.add.at(sums, inside[:, 0], ground[inside[:, 1]])
    numpy.add.at(sums, crossing[:, 0], _hundredths(parts * 100))
    return sums


def _pairs(found: numpy.ndarray) -> Integers:
    pairs: Integers = found.T.astype(numpy.int64)
    return pairs


def _key(pairs: Integers, size: int) -> Integers:
    return pairs[:, 0] * size + pairs[:, 1]


def describe_tally(
    tally: pandas.DataFrame, areas: geopandas.GeoDataFrame, *, has_facilities: bool, limit_m: float
) -> Result:
    """The answer for a tally over these areas (EPSG:4548)."""
    table = _table(tally, areas, has_facilities=has_facilities)
    whole = table.iloc[-1]
    layer = areas.assign(
        buildings=table["buildings"].to_numpy()[: len(areas)],
        density_percent=table["density_percent"].to_numpy()[: len(areas)],
        **{"class": "area"},
    )
    return Result(
        headline=_headline(whole, limit_m, has_facilities=has_facilities),
        table=table,
        columns=COLUMNS,
        method=Text(
            "建筑按代表点计入一个分区，基底面积按分区边界裁切；到设施为直线距离；各数取整累加，分块与否结果相同。",
            "A building counts in the area of its representative point, its ground is cut at borders; straight "
            "distances; whole numbers are added up, so the answer does not depend on how the buildings are split.",
        ),
        layer=layer[["buildings", "density_percent", "class", areas.geometry.name]].to_crs(GEOGRAPHIC),
        classes=CLASSES,
        figures={"buildings": float(whole["buildings"]), "ground_m2": float(whole["ground_m2"])},
        chart=Chart(
            kind="bar",
            title=Text("各分区建筑密度（%）", "Site coverage by area (%)"),
            category="area",
            series=("density_percent",),
        ),
    )


def _table(tally: pandas.DataFrame, areas: geopandas.GeoDataFrame, *, has_facilities: bool) -> pandas.DataFrame:
    counts = numpy.vstack((tally.to_numpy(), tally.to_numpy().sum(axis=0)))
    size = numpy.concatenate((shapely.area(areas.geometry.to_numpy()), [numpy.nan, numpy.nan]))
    buildings, overlap = counts[:, 0], counts[:, 2] / 10_000
    mean = counts[:, 3] / 1000 / numpy.where(buildings > 0, buildings, numpy.nan)
    blank = numpy.full(len(counts), numpy.nan)
    return pandas.DataFrame(
        {
            "area": pandas.Series([*names_of(areas), OUTSIDE, TOTAL], dtype=object),
            "buildings": buildings,
            "ground_m2": (counts[:, 1] / 10_000).round(1),
            "overlap_m2": overlap.round(1),
            "density_percent": (overlap / size * 100).round(2),
            "mean_m": mean.round(1) if has_facilities else blank,
            "far": counts[:, 4] if has_facilities else blank,
        }
    )


def _headline(whole: pandas.Series, limit_m: float, *, has_facilities: bool) -> Text:
    buildings, hectares = int(whole["buildings"]), whole["ground_m2"] / 10_000
    far = f"，{int(whole['far']):,} 栋离最近设施超过 {limit_m:g} m" if has_facilities else ""
    far_en = f"; {int(whole['far']):,} farther than {limit_m:g} m from a facility" if has_facilities else ""
    return Text(
        f"{buildings:,} 栋建筑，基底 {hectares:,.2f} 公顷{far}",
        f"{buildings:,} buildings cover {hectares:,.2f} ha of ground{far_en}",
    )


def count_footprints(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Buildings, covered ground and distance to a facility by area."""
    buildings = require_kind(inputs["buildings"], "buildings", "polygon")
    areas = require_kind(inputs["areas"], "areas", "polygon")
    facilities = require(inputs["facilities"], "facilities") if has_facilities(inputs) else None
    limit_m = parameters["limit_m"]
    tally = add_tallies([tally_footprints(buildings, areas, facilities, limit_m=limit_m)])
    result = describe_tally(tally, areas, has_facilities=facilities is not None, limit_m=limit_m)
    notes = (*result.notes, *honesty(inputs["buildings"], Text("建筑", "Buildings")))
    return Result(**{f: getattr(result, f) for f in Result.__slots__ if f != "notes"}, notes=notes)


def has_facilities(inputs: Mapping[str, geopandas.GeoDataFrame]) -> bool:
    """Whether there is a facility with a place."""
    return "facilities" in inputs and not located(inputs["facilities"]).empty


QUESTION = Question(
    id="footprints",
    theme="land",
    title=Text("各片区有多少建筑、占地多少、离设施多远？", "How many buildings are in each area, how far from help?"),
    explanation=Text(
        "适用于几十万、上百万栋建筑；可分块并行计算，结果不变。",
        "Made for hundreds of thousands of buildings; can be counted in parts side by side with the same answer.",
    ),
    roles=(
        Role("buildings", Text("建筑", "Buildings"), ("construction_sites",), several=True, kinds=("polygon",)),
        Role("areas", Text("分区", "Areas"), ("subdistricts",), kinds=("polygon",)),
        Role("facilities", Text("设施", "Facilities"), ("schools",), optional=True, several=True),
    ),
    parameters=(
        Parameter(key="limit_m", title=Text("距离限值", "Limit"), value=500, unit="m", minimum=1, maximum=50_000),
    ),
    run=count_footprints,
)
