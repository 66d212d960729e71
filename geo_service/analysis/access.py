"""What the questions about reach have in common: the district's cells, their people, and the streets or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import geopandas
import numpy
import shapely
from numpy.typing import NDArray

from geo_service.analysis.coverage import CELL_M, Cells, cell_costs, cells_to_polygon, make_centres, within_straight
from geo_service.analysis.network import Access, Floats, Network, build_network, nearest_cost, snap_points
from geo_service.analysis.result import located, require
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.text import Text

Cost = Literal["metres", "walk_s", "drive_s"]


@dataclass(frozen=True, slots=True)
class Ground:
    """Cells of the area that counts, how much each weighs, and what the weight means (people or hectares)."""

    cells: Cells
    weight: Floats
    unit: Text
    by_people: bool

    def share(self, covered: NDArray[numpy.bool_]) -> float:
        """Share of the weight in the covered cells, in per cent."""
        total = float(self.weight.sum())
        return float(self.weight[covered].sum()) / total * 100 if total else 0.0


def make_ground(
    inputs: Mapping[str, geopandas.GeoDataFrame], network: Network | None, *, size_m: float = CELL_M
) -> Ground:
    """The district's cells with their people, or with their area where no population is known.

    Population comes from the role ``population``: polygons with a number in ``population``; each polygon's people are
    spread evenly over its cells. Without any, land area counts and the result says so.
    """
    area = shapely.union_all(require(inputs["district"], "district").geometry.to_numpy())
    centres = make_centres(area, size_m=size_m)
    access = snap_points(network, centres) if network and len(network.tail) else _no_access(len(centres))
    cells = Cells(centres, size_m, access)
    people = _people(inputs.get("population"), centres)
    if people is None:
        hectares = numpy.full(len(centres), size_m**2 / 1e4)
        return Ground(cells, hectares, Text("用地面积（人口未知）", "land area (population unknown)"), by_people=False)
    return Ground(cells, people, Text("居住人口", "residents"), by_people=True)


def _no_access(count: int) -> Access:
    none = numpy.zeros(count, dtype=numpy.int64)
    return Access(none, none, numpy.zeros(count), numpy.zeros(count), none)


def _people(population: geopandas.GeoDataFrame | None, centres: Floats) -> Floats | None:
    if population is None or "population" not in population:
        return None
    known = located(population[population["population"].notna()])
    if known.empty:
        return None
    cell, zone = shapely.STRtree(known.geometry.to_numpy()).query(shapely.points(centres), predicate="intersects")
    cell, first = numpy.unique(cell, return_index=True)  # a cell on a border belongs to one zone
    zone = zone[first]
    count = numpy.bincount(zone, minlength=len(known))
    people = numpy.zeros(len(centres))
    people[cell] = known["population"].to_numpy(dtype=float)[zone] / count[zone]
    return people


def make_streets(
    inputs: Mapping[str, geopandas.GeoDataFrame], *, cost: Cost, peak_factor: float = 1.0
) -> Network | None:
    """The network of the role ``streets``, or None where it has no located line."""
    streets = inputs.get("streets")
    if streets is None:
        return None
    present = located(streets)
    roads = present[present["kind"] != "rail"] if "kind" in present else present
    rails = present[present["kind"] == "rail"] if "kind" in present else present.iloc[:0]
    if roads.empty:
        return None
    return build_network(roads, cost=cost, peak_factor=peak_factor, barriers=list(rails.geometry))


def points_of(frame: geopandas.GeoDataFrame) -> Floats:
    """One point (n, 2) in EPSG:4548 for each located feature: its own, or one inside its area."""
    inside = shapely.point_on_surface(located(frame).geometry.to_numpy())
    return numpy.asarray(shapely.get_coordinates(inside))


def walk_coverage(ground: Ground, network: Network, places: Floats, reach_m: float) -> NDArray[numpy.bool_]:
    """Cells within a walk of ``reach_m`` along the streets of any place."""
    costs, _ = nearest_cost(network, snap_points(network, places), limit=reach_m)
    return numpy.asarray(cell_costs(network, ground.cells, costs) <= reach_m)


def straight_coverage(ground: Ground, places: Floats, reach_m: Floats | float) -> NDArray[numpy.bool_]:
    """Cells within a straight line of any place."""
    return within_straight(ground.cells.centres, places, reach_m)


def polygon_of(ground: Ground, covered: NDArray[numpy.bool_], **values: object) -> geopandas.GeoDataFrame:
    """The covered cells as one feature in EPSG:4490."""
    shape = cells_to_polygon(ground.cells.centres[covered], ground.cells.size_m)
    return geopandas.GeoDataFrame({k: [v] for k, v in values.items()}, geometry=[shape], crs=PROJECTED).to_crs(
        GEOGRAPHIC
    )


def street_note(inputs: Mapping[str, geopandas.GeoDataFrame], network: Network | None) -> tuple[Text, ...]:
    """What to know about the streets: none, only a sketch, or not all connected."""
    if network is None:
        return (Text("没有路网，只给出直线结果。", "No street network: straight-line results only."),)
    notes: list[Text] = []
    streets = inputs["streets"]
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
