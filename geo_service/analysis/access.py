"""What the questions about reach have in common: the district's cells, their people, and the streets or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy
import shapely

from geo_service.analysis.coverage import CELL_M, Cells, cells_within, make_cells, within_straight
from geo_service.analysis.network import (
    Cost,
    Flags,
    Floats,
    Network,
    arrival_cost,
    build_network,
    cost_from,
    nearest_matrix,
    shorten_along_own_piece,
    snap_points,
)
from geo_service.analysis.outlines import cells_to_polygon
from geo_service.analysis.progress import Progress, one_by_one, silent
from geo_service.analysis.result import joined, located, names_of, require
from geo_service.analysis.street_fields import fields_note, with_street_fields
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas
from geo_service.core.text import Text

PEOPLE = Text("居住人口", "residents")
LAND = Text("用地面积（人口未知）", "land area (population unknown)")
RESIDENTIAL = Text("居住用地", "residential land")

STREETS = ("road_network", "streets")
"""The layers a network is made of: the imported road network where there is one, else the shipped street frame."""

OFF_STREET_M = 200.0
"""Facilities farther than this from any street are named: they were hardly meant to lie there."""
NAMED = 8
"""So many of them are named."""

FEW_ZONES = 64
"""Up to so many zones are asked one by one, which is three times as fast as a tree of a million points."""

KNOWN_SHARE = 0.95
"""People count only where at least so much of the ground has a known population; a part would pass for the whole."""

Inputs = Mapping[str, "geopandas.GeoDataFrame"]


@dataclass(frozen=True, slots=True)
class Ground:
    """Cells of the area that counts, how much each weighs, and what the weight means (people or hectares)."""

    cells: Cells
    weight: Floats
    unit: Text
    by_people: bool

    def share(self, covered: Flags) -> float:
        """Share of the weight in the covered cells, in per cent."""
        total = float(self.weight.sum())
        return float(self.weight[covered].sum()) / total * 100 if total else 0.0


def make_ground(
    inputs: Inputs, network: Network | None, *, size_m: float = CELL_M, progress: Progress = silent
) -> Ground:
    """The district's cells with their people, or with their area where the population is not known.

    Where the role ``residential`` has polygons, only their ground counts. Population comes from the role
    ``population``: polygons with a field ``population`` or ``population_<year>`` (the latest); the people of each are
    spread evenly over its cells. Where that is known for less than 95 % of the ground, land area counts instead.
    """
    area = shapely.union_all(require(inputs["district"], "district").geometry.to_numpy())
    unit, homes = LAND, inputs.get("residential")
    if homes is not None and not located(homes).empty:
        unit, area = RESIDENTIAL, shapely.intersection(area, shapely.union_all(_areas(homes)))
    cells = make_cells(network, area, size_m=size_m, progress=progress)
    people = _people(inputs.get("population"), cells.centres)
    if people is None:
        return Ground(cells, numpy.full(len(cells.centres), size_m**2 / 1e4), unit, by_people=False)
    return Ground(cells, people, PEOPLE, by_people=True)


def _areas(frame: geopandas.GeoDataFrame) -> numpy.ndarray:
    shapes = located(frame).geometry
    return numpy.asarray(shapes[shapes.geom_type.str.endswith("Polygon")].to_numpy())


def population_field(frame: geopandas.GeoDataFrame) -> str | None:
    """The field with the population: ``population``, else that of the latest year, None where there is none."""
    if "population" in frame and frame["population"].notna().any():
        return "population"
    years = sorted(c for c in frame if re.fullmatch(r"population_\d{4}", str(c)) and frame[c].notna().any())
    return str(years[-1]) if years else None


def _people(population: geopandas.GeoDataFrame | None, centres: Floats) -> Floats | None:
    field = population_field(population) if population is not None else None
    if population is None or field is None:
        return None
    known = located(population[population[field].notna()])
    zone = zone_of(known, centres)
    if not len(zone) or (zone >= 0).mean() < KNOWN_SHARE:
        return None
    inside = zone >= 0
    count = numpy.bincount(zone[inside], minlength=len(known))
    people = numpy.zeros(len(centres))
    people[inside] = known[field].to_numpy(dtype=float)[zone[inside]] / count[zone[inside]]
    return people


def zone_of(zones: geopandas.GeoDataFrame, points: Floats) -> numpy.ndarray:
    """The row of the polygon each point (n, 2) lies in, -1 for none; a point on a border belongs to one of them."""
    found = numpy.full(len(points), -1, dtype=numpy.int64)
    if len(zones) <= FEW_ZONES:
        for row, shape in reversed(list(enumerate(zones.geometry))):  # the lowest row is written last and stays
            found[_inside(shape, points)] = row
    elif len(points):
        tree = shapely.STRtree(zones.geometry.to_numpy())
        point, zone = tree.query(shapely.points(points), predicate="intersects")
        order = numpy.lexsort((zone, point))[::-1]  # the lowest row is written last and stays
        found[point[order]] = zone[order]
    return found


def _inside(shape: shapely.Geometry, points: Floats) -> numpy.ndarray:
    """The rows of the points in a shape or on its border; nothing is made of those outside its box."""
    west, south, east, north = shape.bounds
    x, y = points[:, 0], points[:, 1]
    near = numpy.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    own = shapely.from_wkb(shapely.to_wkb(shape))  # two threads at one prepared geometry crash (libgeos issue 825)
    shapely.prepare(own)
    return numpy.asarray(near[shapely.intersects_xy(own, x[near], y[near])])


def people_note(ground: Ground, inputs: Inputs) -> tuple[Text, ...]:
    """Where the people are from and as of when; or that they are not known everywhere, and for which areas not."""
    population = inputs.get("population")
    if population is None:
        return ()
    if ground.by_people:
        return (_people_source(population),)
    field = population_field(population)
    lacking = population if field is None else population[population[field].isna()]
    names = _listed(names_of(lacking))
    return (
        Text(
            f"分区人口不全，按用地面积计，不代表人口覆盖。没有人口的分区：{names.zh or '范围内有无分区之处'}。",
            "Population is not known everywhere: land area counts, not people. Areas without: "
            f"{names.en or 'ground outside every area'}.",
        ),
    )


def _people_source(population: geopandas.GeoDataFrame) -> Text:
    field = population_field(population)
    said = [
        sorted({str(v) for v in population[c].dropna()}) if field == "population" and c in population else []
        for c in ("population_source", "population_date")
    ]
    source, date = ("、".join(values) for values in said)
    return Text(
        f"居住人口：字段 {field}，来源：{source or '未注明'}，截至 {date or '未注明'}；在各分区内均匀分布。",
        f"Residents: field {field}, source: {source or 'not given'}, as of {date or 'not given'}; spread evenly over "
        "each area.",
    )


def make_streets(inputs: Inputs, *, cost: Cost, peak_factor: float = 1.0) -> Network | None:
    """The network of the role ``streets``, or None where it has no located line.

    Railways among the streets and everything in the role ``barriers`` are crossed only by lines of a higher level.
    """
    streets = inputs.get("streets")
    if streets is None:
        return None
    present = located(streets)
    present = present[present.geom_type.str.endswith("LineString")]
    is_rail = present["kind"].eq("rail") if "kind" in present else numpy.zeros(len(present), dtype=bool)
    roads, rails = present[~is_rail], present[is_rail]
    if roads.empty:
        return None
    barriers = [*rails.geometry, *(located(inputs["barriers"]).geometry if "barriers" in inputs else ())]
    network = build_network(
        with_street_fields(roads), cost=cost, peak_factor=peak_factor, barriers=barriers, on_foot=cost != "drive_s"
    )
    return network if len(network.start) else None


def points_of(frame: geopandas.GeoDataFrame) -> Floats:
    """One point (n, 2) in EPSG:4548 for each located feature: its own, or one inside its area."""
    inside = shapely.point_on_surface(located(frame).geometry.to_numpy())
    return numpy.asarray(shapely.get_coordinates(inside))


def walk_coverage(ground: Ground, network: Network, places: Floats, reach_m: float) -> Flags:
    """Cells within a walk of ``reach_m`` along the streets of any place."""
    if ground.cells.access is None or not len(places):
        return numpy.zeros(len(ground.weight), dtype=bool)
    sources = snap_points(network, places)
    costs = nearest_matrix(network, sources, ground.cells.access, limit=reach_m)
    return numpy.asarray(costs <= reach_m)


def walk_reach(ground: Ground, network: Network, places: Floats, reach_m: float, progress: Progress = silent) -> Flags:
    """For each place the cells within a walk of ``reach_m`` along the streets, (places, cells).

    Only cells inside the circle are looked at, for no way along streets is shorter than the straight line.
    """
    reached = numpy.zeros((len(places), len(ground.weight)), dtype=bool)
    access = ground.cells.access
    if access is None or not len(places):
        return reached
    sources = snap_points(network, places)
    node_costs = cost_from(network, sources, limit=reach_m)
    around = cells_within(ground.cells.centres, places, reach_m)
    for place, near in one_by_one(list(enumerate(around)), progress):
        source, there = sources.rows(numpy.array([place])), access.rows(near)
        costs = arrival_cost(network, there, node_costs[place])
        reached[place, near] = shorten_along_own_piece(network, source, there, costs) <= reach_m
    return reached


def straight_coverage(ground: Ground, places: Floats, reach_m: Floats | float) -> Flags:
    """Cells within a straight line of any place."""
    return within_straight(ground.cells.centres, places, reach_m)


def polygon_of(ground: Ground, covered: Flags, **values: object) -> geopandas.GeoDataFrame:
    """The covered cells as one feature in EPSG:4490."""
    shape = cells_to_polygon(ground.cells.centres[covered], ground.cells.size_m)
    return geopandas.GeoDataFrame({k: [v] for k, v in values.items()}, geometry=[shape], crs=PROJECTED).to_crs(
        GEOGRAPHIC
    )


def zones_of(inputs: Inputs, ground: Ground) -> list[tuple[Text, Flags]]:
    """The whole district and each zone of the role ``areas`` with its cells; each cell lies in one zone."""
    everywhere: list[tuple[Text, Flags]] = [(Text("全区", "District"), numpy.ones(len(ground.weight), dtype=bool))]
    if "areas" not in inputs:
        return everywhere
    zones = located(inputs["areas"])
    zone = zone_of(zones, ground.cells.centres)
    return everywhere + [(name, zone == row) for row, name in enumerate(names_of(zones))]


def street_note(inputs: Inputs, network: Network | None) -> tuple[Text, ...]:
    """What to know about the streets: none, only a sketch, or not all connected."""
    if network is None:
        return (Text("没有路网，只给出直线结果。", "No street network: straight-line results only."),)
    streets = inputs["streets"]
    notes: list[Text] = [fields_note(streets)]
    if "precision" in streets and (streets["precision"].isin(["illustrative", "guess", "street"])).mean() > 0.5:
        notes.append(
            Text(
                "路网为示意街道骨架，不含支路，结果偏保守，只作示意。",
                "The streets are a coarse sketch without side streets.",
            )
        )
    share = network.main_share()
    if share < 0.98:
        notes.append(
            Text(
                f"路网有 {1 - share:.0%} 的长度与主网不相连。",
                f"{1 - share:.0%} of street length is cut off from the rest.",
            )
        )
    return tuple(notes)


def off_street_notes(network: Network | None, frame: geopandas.GeoDataFrame, title: Text) -> tuple[Text, ...]:
    """Which features of a role lie far from every street, or at streets cut off from the rest, with ids and metres."""
    if network is None:
        return ()
    there = located(frame)
    access = snap_points(network, points_of(there))
    called = zip(names_of(there), there.index, strict=True)
    names = [Text(f"{name.zh}（{fid}）", f"{name.en} ({fid})") for name, fid in called]
    far = numpy.flatnonzero(access.walk_m > OFF_STREET_M)
    cut = numpy.flatnonzero((access.walk_m <= OFF_STREET_M) & ~network.on_main[access.piece])
    notes: list[Text] = []
    if len(far):
        farthest = far[numpy.argsort(-access.walk_m[far], kind="stable")]
        listed = _listed([_with_metres(names[i], access.walk_m[i]) for i in farthest])
        notes.append(
            Text(
                f"{title.zh}：{len(far)} 处离最近道路超过 {OFF_STREET_M:g} m，请核对位置或补路网：{listed.zh}。",
                f"{title.en}: {len(far)} lie over {OFF_STREET_M:g} m from any street; check them or the streets: "
                f"{listed.en}.",
            )
        )
    if len(cut):
        listed = _listed([names[i] for i in cut])
        notes.append(
            Text(
                f"{title.zh}：{len(cut)} 处所在道路与主网不相连，沿路到不了别处：{listed.zh}。",
                f"{title.en}: {len(cut)} lie at streets cut off from the rest, which lead nowhere else: {listed.en}.",
            )
        )
    return tuple(notes)


def _with_metres(name: Text, metres: float) -> Text:
    return Text(f"{name.zh} {metres:.0f} m", f"{name.en} {metres:.0f} m")


def _listed(words: list[Text]) -> Text:
    first, rest = joined(words[:NAMED]), "…" if len(words) > NAMED else ""
    return Text(first.zh + rest, first.en + rest)
