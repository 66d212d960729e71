"""热点: where do misconnections, complaints or other points cluster more than chance would have it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.access import points_of, zone_of
from geo_service.analysis.network import Flags, Floats
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
    located,
    names_of,
    numbers_of,
    require,
)
from geo_service.analysis.spatial_statistics import Moran, getis_ord, moran, significant
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas, scipy
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

MAX_CELLS = 200_000
FEW = 30
"""Below so many points no pattern can be told from chance."""

COLUMNS = (
    Column("cell", Text("网格", "Cell")),
    Column("count", Text("数量", "Count")),
    Column("density_km2", Text("密度", "Density"), "/km²"),
    Column("z", Text("Gi* 得分", "Gi* score")),
    Column("kind", Text("判定", "Verdict")),
)
ZONES = (
    Column("area", Text("街道", "Subdistrict")),
    Column("count", Text("数量", "Count")),
    Column("area_km2", Text("面积", "Area"), "km²"),
    Column("density_km2", Text("密度", "Density"), "/km²"),
)
CLASSES = (
    LayerClass("hot", Text("显著热点", "Significant hot spot"), "hot"),
    LayerClass("warm", Text("偏多，未达显著", "High, not significant"), "warm"),
    LayerClass("cold", Text("显著冷点", "Significant cold spot"), "cold"),
    LayerClass("plain", Text("不显著", "Not significant"), "muted"),
)
TITLES = {c.key: c.title for c in CLASSES}


def find_hotspots(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Counts on hexagons with Gi* and Moran's I; counts and densities by subdistrict without p-values, for twelve areas
    are too few."""
    points = points_of(require(inputs["points"], "points"))
    weight = _weights(inputs["points"], parameters["weight"])
    area = shapely.union_all(require(inputs["district"], "district").geometry.to_numpy())
    centres = hexagon_centres(area, parameters["cell_m"])
    counts, outside = count_in_hexagons(points, weight, centres, parameters["cell_m"])
    neighbours = hexagon_neighbours(centres, parameters["cell_m"])
    z, pattern = getis_ord(counts, neighbours), moran(counts, neighbours)
    kinds = _kinds(z, significant(z, alpha=parameters["alpha"]))
    table, layer = _cells(centres, counts, z, kinds, parameters["cell_m"])
    hot = int((kinds == "hot").sum())
    return Result(
        headline=_headline(hot, len(centres), pattern),
        table=table,
        columns=COLUMNS,
        method=Text(
            f"对边距 {parameters['cell_m']:g} m 的六边形计数（EPSG:4548）；Gi* 取相邻六格及自身，双侧检验，错误发现率 "
            f"{parameters['alpha']:g}；Moran's I 以 999 次随机重排求 p；街道只给密度，12 个单元不作检验。",
            f"Counts on hexagons {parameters['cell_m']:g} m across (EPSG:4548); Gi* over six neighbours and itself, "
            f"two-sided, false discovery rate {parameters['alpha']:g}; p of Moran's I from 999 permutations; "
            "subdistricts without a test, for there are only twelve.",
        ),
        layer=layer,
        classes=CLASSES,
        notes=(*_few_note(points, outside), *honesty(inputs["points"], Text("点位", "Points"))),
        figures={"hot": hot, "moran": pattern.value, "p": pattern.p, "outside": float(outside)},
        more=_by_zone(inputs, points, weight),
        chart=Chart(
            kind="bar",
            title=Text("各街道密度（每 km²）", "Density by subdistrict (per km²)"),
            category="area",
            series=("density_km2",),
            table=1,
        )
        if "areas" in inputs
        else None,
    )


def hexagon_centres(area: shapely.Geometry, across_m: float) -> Floats:
    """Centres of the hexagons (``across_m`` from side to side, rows east-west) that touch an area, EPSG:4548.

    Raises
    ------
    InvalidParameter
        There would be more than 200 000.
    """
    west, south, east, north = area.bounds
    rise = across_m * numpy.sqrt(3) / 2
    columns, rows = numpy.ceil((east - west) / across_m) + 2, numpy.ceil((north - south) / rise) + 2
    if columns * rows > MAX_CELLS:
        raise InvalidParameter(name="cell_m", value=across_m, reason=f"{int(columns * rows):,} > {MAX_CELLS:,}")
    first_row = numpy.floor(south / rise)
    row = first_row + numpy.arange(rows)
    column = numpy.floor(west / across_m) - 1 + numpy.arange(columns + 1)
    x, y = numpy.meshgrid(column * across_m, row * rise)
    x += (row[:, None] % 2) * across_m / 2
    centres: Floats = numpy.column_stack((x.ravel(), y.ravel()))
    shapely.prepare(area)
    touches: Flags = shapely.intersects(area, hexagons(centres, across_m))
    return centres[touches]


def hexagons(centres: Floats, across_m: float) -> numpy.ndarray:
    """Hexagons around their centres, corners up."""
    angle = numpy.radians(numpy.arange(30, 390, 60))
    corners = numpy.column_stack((numpy.cos(angle), numpy.sin(angle))) * across_m / numpy.sqrt(3)
    return numpy.asarray(shapely.polygons(centres[:, None, :] + corners[None, :, :]))


def hexagon_neighbours(centres: Floats, across_m: float) -> scipy.sparse.csr_array:
    """1 for each pair of hexagons with a common side."""
    pairs = scipy.spatial.cKDTree(centres).query_pairs(across_m * 1.01, output_type="ndarray")
    rows = numpy.concatenate((pairs[:, 0], pairs[:, 1]))
    columns = numpy.concatenate((pairs[:, 1], pairs[:, 0]))
    return scipy.sparse.csr_array(
        scipy.sparse.coo_array((numpy.ones(len(rows)), (rows, columns)), shape=(len(centres),) * 2)
    )


def count_in_hexagons(points: Floats, weight: Floats, centres: Floats, across_m: float) -> tuple[Floats, int]:
    """The weight of the points in each hexagon (that of the nearest centre), and how many lie in none."""
    distance, nearest = scipy.spatial.cKDTree(centres).query(points)
    inside = distance <= across_m / numpy.sqrt(3)
    counts: Floats = numpy.bincount(nearest[inside], weights=weight[inside], minlength=len(centres)).astype(float)
    return counts, int((~inside).sum())


def _weights(frame: geopandas.GeoDataFrame, field: str) -> Floats:
    """1 for each located point, or the numbers of a field (0 where it is empty)."""
    if not field:
        return numpy.ones(len(located(frame)))
    if field not in frame:
        raise InvalidParameter(name="weight", value=field, reason="图层没有此字段 / the layer lacks this field")
    return numbers_of(located(frame), field).fillna(0).to_numpy()


def _kinds(z: Floats, strong: numpy.ndarray) -> numpy.ndarray:
    return numpy.select([strong & (z > 0), strong & (z < 0), z > 1.645], ["hot", "cold", "warm"], "plain")


def _cells(
    centres: Floats, counts: Floats, z: Floats, kinds: numpy.ndarray, across_m: float
) -> tuple[pandas.DataFrame, geopandas.GeoDataFrame]:
    km2 = across_m**2 * numpy.sqrt(3) / 2 / 1e6
    order = numpy.lexsort((-counts, -z))
    table = pandas.DataFrame(
        {
            "cell": [f"H{i + 1:04}" for i in range(len(order))],
            "count": counts[order],
            "density_km2": (counts[order] / km2).round(1),
            "z": z[order].round(3),
            "kind": [TITLES[k] for k in kinds[order]],
        }
    )
    shown = table[["cell", "count", "z"]].assign(**{"class": kinds[order]})
    layer = geopandas.GeoDataFrame(shown, geometry=hexagons(centres[order], across_m), crs=PROJECTED)
    worth = (table["count"] > 0) | (kinds[order] != "plain")
    return table[worth].reset_index(drop=True), layer[worth].to_crs(GEOGRAPHIC)


def _headline(hot: int, cells: int, pattern: Moran) -> Text:
    if numpy.isnan(pattern.value):
        return Text(f"{cells} 格中没有可检验的差异", f"nothing to test among {cells} cells")
    clustered = pattern.p <= 0.05 and pattern.value > pattern.expected
    zh, en = ("总体呈聚集", "clustered as a whole") if clustered else ("总体未见显著聚集", "no pattern as a whole")
    figures = f"Moran's I = {pattern.value:.3f}, p = {pattern.p:.3f}"
    return Text(
        f"显著热点 {hot} 格（共 {cells} 格），{zh}（{figures}）",
        f"{hot} significant hot spots of {cells} cells, {en} ({figures})",
    )


def _few_note(points: Floats, outside: int) -> tuple[Text, ...]:
    notes = []
    if len(points) < FEW:
        notes.append(
            Text(
                f"只有 {len(points)} 个点，不足 {FEW} 个，难以与偶然区分。",
                f"Only {len(points)} points; below {FEW} nothing can be told from chance.",
            )
        )
    if outside:
        notes.append(Text(f"{outside} 个点在范围外，未计入。", f"{outside} points outside the area are not counted."))
    return tuple(notes)


def _by_zone(inputs: Mapping[str, geopandas.GeoDataFrame], points: Floats, weight: Floats) -> tuple[Table, ...]:
    if "areas" not in inputs:
        return ()
    zones = located(inputs["areas"])
    zone = zone_of(zones, points)
    counts = numpy.bincount(zone[zone >= 0], weights=weight[zone >= 0], minlength=len(zones))
    km2 = shapely.area(zones.geometry.to_numpy()) / 1e6
    rows = pandas.DataFrame(
        {
            "area": names_of(zones),
            "count": counts,
            "area_km2": km2.round(3),
            "density_km2": (counts / numpy.maximum(km2, 1e-9)).round(1),
        }
    ).sort_values("density_km2", ascending=False, ignore_index=True)
    return (Table(Text("按街道", "By subdistrict"), ZONES, rows),)


QUESTION = Question(
    id="hotspots",
    theme="safety",
    title=Text("混接点、投诉等集中在哪里？", "Where do points cluster more than chance?"),
    explanation=Text(
        "六边形上的显著热点；偶然的密集不算。", "Significant hot spots on hexagons; chance crowding does not count."
    ),
    roles=(
        Role("points", Text("点位", "Points"), ("misconnection_points", "waterlogging_zones"), several=True),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("areas", Text("街道", "Subdistricts"), ("subdistricts",), optional=True, kinds=("polygon",)),
    ),
    parameters=(
        Parameter(
            key="cell_m", title=Text("六边形对边距", "Hexagon across"), value=500, unit="m", minimum=20, maximum=5000
        ),
        Parameter(
            key="alpha", title=Text("错误发现率", "False discovery rate"), value=0.05, minimum=0.001, maximum=0.5
        ),
        Parameter(
            key="weight", title=Text("权重字段（空为计数）", "Weight field (empty: count)"), value="", field_of="points"
        ),
    ),
    run=find_hotspots,
)
