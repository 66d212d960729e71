"""选址: how few sites, and where? Exact answers by mixed-integer programming (HiGHS in scipy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from geo_service.analysis.access import (
    STREETS,
    Ground,
    make_ground,
    make_streets,
    off_street_notes,
    people_note,
    points_of,
    street_note,
    walk_reach,
)
from geo_service.analysis.network import Flags, Floats, Network, cost_matrix, snap_points
from geo_service.analysis.progress import Progress, silent, stretch
from geo_service.analysis.result import (
    Choice,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    honesty,
    joined,
    located,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas, scipy
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

TIME_LIMIT_S = 20.0
MAX_DEMAND = 20_000
"""Groups of cells that the same sites reach: the integer programme grows with them."""

MAX_PAIRS = 200_000
NAMED = 3
"""So many of the chosen sites stand in the headline."""
TRAVEL_CELL_M = 250.0
"""The p-median takes cells no smaller than this: its programme grows with sites times cells."""
DETOUR = 1.4
"""Where no street leads, people walk about so much further than the straight line."""

GOALS = (
    Choice("cover", Text("新增覆盖最多（MCLP）", "Most coverage added (MCLP)")),
    Choice("fewest", Text("全覆盖所需最少（LSCP）", "Fewest that cover all (LSCP)")),
    Choice("travel", Text("平均距离最短（p-中值）", "Least distance on average (p-median)")),
)
METHODS = {
    "cover": Text(
        "最大覆盖选址（MCLP），整数规划精确求解；已有设施的覆盖不重复计。",
        "Maximal covering location problem, solved exactly; what is covered already does not count again.",
    ),
    "fewest": Text(
        "集合覆盖选址（LSCP）：覆盖候选地所能及的全部网格所需的最少处数，整数规划精确求解。",
        "Location set covering problem: the fewest sites for every cell that any candidate reaches, solved exactly.",
    ),
    "travel": Text(
        "p-中值：到最近所选地的加权平均距离最短，250 m 及以上网格，整数规划精确求解。",
        "p-median: least weighted mean distance to the nearest chosen site, cells of 250 m or more, solved exactly.",
    ),
}
CLASSES = (
    LayerClass("chosen", Text("选中", "Chosen"), "gain"),
    LayerClass("other", Text("其他候选地", "Other candidates"), "muted"),
)

SITE_COLUMNS = (
    Column("rank", Text("次序", "Order")),
    Column("id", Text("编号", "Id")),
    Column("name", Text("候选地", "Candidate")),
    Column("covered", Text("覆盖量", "Covered")),
    Column("added_percent", Text("新增覆盖", "Added"), "%"),
)


def fewest_sites(reach: Flags) -> NDArray[numpy.int64]:
    """LSCP: the fewest sites (rows) that reach every demand (column) that any site reaches; ties by lowest row."""
    groups, _ = _grouped(reach, numpy.ones(reach.shape[1]))
    if not groups.shape[1]:
        return numpy.array([], dtype=numpy.int64)
    sites = len(reach)
    cost = 1 + numpy.arange(sites) * 1e-6 / max(sites, 1)
    covers = scipy.optimize.LinearConstraint(scipy.sparse.csr_array(groups.T.astype(float)), lb=1)
    return _chosen(
        scipy.optimize.milp(
            cost,
            constraints=covers,
            integrality=numpy.ones(sites),
            bounds=scipy.optimize.Bounds(0, 1),
            options=_options(),
        )
    )


def most_covered(reach: Flags, weight: Floats, count: int, *, already: Flags | None = None) -> NDArray[numpy.int64]:
    """MCLP: the ``count`` sites that reach the most weight not ``already`` reached (Church and ReVelle 1974)."""
    free = weight * (1.0 if already is None else ~already)
    reach, free = _grouped(reach, free)
    sites, demands = reach.shape
    if not demands:
        return numpy.array([], dtype=numpy.int64)
    cost = numpy.concatenate((numpy.arange(sites) * 1e-9, -free))
    covered_by = scipy.sparse.hstack(
        (scipy.sparse.csr_array(reach.T.astype(float)), -scipy.sparse.eye_array(demands)), format="csr"
    )
    budget = numpy.concatenate((numpy.ones(sites), numpy.zeros(demands)))
    constraints = [
        scipy.optimize.LinearConstraint(covered_by, lb=0),
        scipy.optimize.LinearConstraint(budget[None, :], ub=count),
    ]
    integrality = numpy.concatenate((numpy.ones(sites), numpy.zeros(demands)))
    return _chosen(
        scipy.optimize.milp(
            cost,
            constraints=constraints,
            integrality=integrality,
            bounds=scipy.optimize.Bounds(0, 1),
            options=_options(),
        ),
        sites,
    )


def _grouped(reach: Flags, weight: Floats) -> tuple[Flags, Floats]:
    """Demands that the same sites reach, as one; those that no site reaches or that weigh nothing are left out.

    The answer stays exact, and thousands of cells become a few dozen groups.

    Raises
    ------
    InvalidParameter
        There are still too many groups.
    """
    useful = reach.any(axis=0) & (weight > 0)
    packed = numpy.packbits(reach[:, useful], axis=0)
    _, first, group = numpy.unique(packed, axis=1, return_index=True, return_inverse=True)
    if len(first) > MAX_DEMAND:
        reason = f"> {MAX_DEMAND} 组网格，请加大网格 / use larger cells"
        raise InvalidParameter(name="cell_m", value=len(first), reason=reason)
    summed: Floats = numpy.bincount(group.ravel(), weights=weight[useful], minlength=len(first)).astype(float)
    return reach[:, useful][:, first], summed


def least_travel(cost: Floats, weight: Floats, count: int) -> tuple[NDArray[numpy.int64], float]:
    """p-median: ``count`` sites with the least weighted cost (sites, demands) to the nearest one, and that cost.

    Raises
    ------
    InvalidParameter
        There are more than 200 000 pairs of site and demand.
    """
    sites, demands = cost.shape
    if sites * demands > MAX_PAIRS:
        raise InvalidParameter(name="cell_m", value=demands, reason="请加大网格或减少候选地 / use larger cells")
    objective = numpy.concatenate((numpy.zeros(sites), (cost * weight).ravel()))
    assigned = scipy.sparse.hstack(
        (
            scipy.sparse.csr_array((demands, sites)),
            scipy.sparse.kron(numpy.ones((1, sites)), scipy.sparse.eye_array(demands)),
        ),
        format="csr",
    )
    opened = scipy.sparse.hstack(
        (
            -scipy.sparse.kron(scipy.sparse.eye_array(sites), numpy.ones((demands, 1))),
            scipy.sparse.eye_array(sites * demands),
        ),
        format="csr",
    )
    budget = numpy.concatenate((numpy.ones(sites), numpy.zeros(sites * demands)))
    constraints = [
        scipy.optimize.LinearConstraint(assigned, lb=1, ub=1),
        scipy.optimize.LinearConstraint(opened, ub=0),
        scipy.optimize.LinearConstraint(budget[None, :], lb=count, ub=count),
    ]
    whole = numpy.concatenate((numpy.ones(sites), numpy.zeros(sites * demands)))  # the rest follows
    answer = scipy.optimize.milp(
        objective, constraints=constraints, integrality=whole, bounds=scipy.optimize.Bounds(0, 1), options=_options()
    )
    chosen = _chosen(answer, sites)
    return chosen, float((cost[chosen].min(axis=0) * weight).sum())


def _options() -> dict[str, float]:
    return {"time_limit": TIME_LIMIT_S, "mip_rel_gap": 0.0}


def _chosen(answer: object, sites: int | None = None) -> NDArray[numpy.int64]:
    x = getattr(answer, "x", None)
    if x is None:
        raise InvalidParameter(name="sites", value="", reason="求解器没有找到方案 / the solver found no plan")
    return numpy.flatnonzero(x[:sites] > 0.5).astype(numpy.int64)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen: rows of the candidates, and the cells they reach beside those reached already."""

    chosen: NDArray[numpy.int64]
    reach: Flags
    already: Flags
    ground: Ground
    travel_m: float | None = None


def choose_sites(
    inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any], progress: Progress = silent
) -> Result:
    """The candidate sites that add the most coverage, that are fewest for all that can be covered, or that are nearest
    to everybody, beside the facilities there are."""
    candidates = require(inputs["candidates"], "candidates")
    network = make_streets(inputs, cost="metres")
    goal = parameters["goal"]
    cell_m = max(parameters["cell_m"], TRAVEL_CELL_M) if goal == "travel" else parameters["cell_m"]
    ground = make_ground(inputs, network, size_m=cell_m, progress=stretch(progress, 0, 0.5))
    plan = _plan(inputs, network, ground, parameters, stretch(progress, 0.5, 0.9))
    before = plan.ground.share(plan.already)
    after = plan.ground.share(plan.already | plan.reach[plan.chosen].any(axis=0))
    return Result(
        headline=_headline(plan, candidates, goal, before, after),
        table=site_table(
            candidates, plan.chosen, plan.reach, plan.ground.weight, plan.already, whole=plan.ground.by_people
        ),
        columns=site_columns(plan.ground),
        method=METHODS[goal],
        layer=_layer(candidates, plan.chosen),
        classes=CLASSES,
        notes=(
            *street_note(inputs, network),
            *off_street_notes(network, candidates, Text("候选地", "Candidates")),
            *people_note(plan.ground, inputs),
            *honesty(inputs["candidates"], Text("候选地", "Candidates")),
        ),
        figures={"before_percent": before, "after_percent": after, "sites": len(plan.chosen)},
    )


def _plan(
    inputs: Mapping[str, geopandas.GeoDataFrame],
    network: Network | None,
    ground: Ground,
    parameters: Mapping[str, Any],
    progress: Progress,
) -> Plan:
    reach_m, count, goal = parameters["reach_m"], int(parameters["sites"]), parameters["goal"]
    places = points_of(inputs["candidates"])
    reach = _reached(ground, network, places, reach_m, progress)
    already = _already(inputs.get("facilities"), ground, network, reach_m)
    if goal == "fewest":
        return Plan(fewest_sites(reach[:, ~already]), reach, already, ground)
    if goal == "cover":
        return Plan(most_covered(reach, ground.weight, count, already=already), reach, already, ground)
    chosen, total = least_travel(_travel(ground, network, places), ground.weight, min(count, len(places)))
    return Plan(chosen, reach, already, ground, total / float(ground.weight.sum() or 1))


def _reached(
    ground: Ground, network: Network | None, places: Floats, reach_m: float, progress: Progress = silent
) -> Flags:
    if network is None:
        return numpy.asarray(scipy.spatial.distance.cdist(places, ground.cells.centres) <= reach_m)
    return walk_reach(ground, network, places, reach_m, progress)


def _travel(ground: Ground, network: Network | None, places: Floats) -> Floats:
    """Metres from each place to each cell; straight line where the streets do not lead there."""
    straight = scipy.spatial.distance.cdist(places, ground.cells.centres)
    if network is None or ground.cells.access is None:
        return numpy.asarray(straight)
    along = cost_matrix(network, snap_points(network, places), ground.cells.access)
    return numpy.where(numpy.isfinite(along), along, straight * DETOUR)


def _headline(plan: Plan, candidates: geopandas.GeoDataFrame, goal: str, before: float, after: float) -> Text:
    count, unit, added = len(plan.chosen), plan.ground.unit, after - before
    zh = f"覆盖{unit.zh}由 {before:.1f}% 升至 {after:.1f}%（+{added:.1f} 个百分点）"
    en = f"coverage of {unit.en} rises from {before:.1f}% to {after:.1f}% (+{added:.1f} points)"
    if goal == "travel" and plan.travel_m is not None:
        mean = f"{plan.travel_m:,.0f} m"
        return Text(
            f"选 {count} 处使平均距离最短：{mean}；{zh}", f"{count} sites nearest to all, {mean} on average; {en}"
        )
    if goal == "fewest":
        return Text(f"最少 {count} 处即可覆盖候选地所能及的全部；{zh}", f"{count} sites cover all that any can; {en}")
    named = joined(names_of(candidates.iloc[plan.chosen[:NAMED]]))
    rest = "…" if count > NAMED else ""
    return Text(f"再加 {count} 处（{named.zh}{rest}），{zh}", f"{count} more sites ({named.en}{rest}): {en}")


def _layer(candidates: geopandas.GeoDataFrame, chosen: NDArray[numpy.int64]) -> geopandas.GeoDataFrame:
    classes = numpy.full(len(candidates), "other", dtype=object)
    classes[chosen] = "chosen"
    return candidates.assign(**{"class": classes}).to_crs(GEOGRAPHIC)


def _already(there: geopandas.GeoDataFrame | None, ground: Ground, network: Network | None, reach_m: float) -> Flags:
    if there is None or located(there).empty:
        return numpy.zeros(len(ground.weight), dtype=bool)
    return numpy.asarray(_reached(ground, network, points_of(there), reach_m).any(axis=0))


def site_columns(ground: Ground) -> tuple[Column, ...]:
    """The columns of the sites, which say what is gained: people or hectares."""
    gain = Text("新增覆盖人口", "Residents gained") if ground.by_people else Text("新增覆盖用地", "Land gained")
    unit = "" if ground.by_people else "ha"
    return tuple(Column(c.key, gain, unit) if c.key == "covered" else c for c in SITE_COLUMNS)


def site_table(
    candidates: geopandas.GeoDataFrame,
    chosen: NDArray[numpy.int64],
    reach: Flags,
    weight: Floats,
    already: Flags,
    *,
    whole: bool = False,
) -> pandas.DataFrame:
    """Chosen sites in the order in which each adds the most; ``whole`` counts people, who are whole."""
    rows: list[tuple[object, ...]] = []
    covered, left = already.copy(), list(chosen)
    total, names = weight.sum() or 1.0, names_of(candidates)
    while left:
        gains = [float(weight[reach[s] & ~covered].sum()) for s in left]
        best = int(numpy.argmax(gains))
        site = left.pop(best)
        covered |= reach[site]
        name = names[site]
        rows.append(
            (
                len(rows) + 1,
                candidates.index[site],
                name,
                round(gains[best], 0 if whole else 1),
                round(gains[best] / total * 100, 2),
            )
        )
    return pandas.DataFrame(rows, columns=[c.key for c in SITE_COLUMNS])


QUESTION = Question(
    id="siting",
    theme="service",
    title=Text("再建几处、建在哪里最值？", "Where would new sites reach most?"),
    explanation=Text("在候选地中选出新增覆盖最多的若干处。", "Of the candidates, those that add the most coverage."),
    roles=(
        Role("candidates", Text("候选地", "Candidates"), ("idle_land", "pocket_parks", "renewal_areas"), several=True),
        Role("facilities", Text("已有设施", "Facilities there are"), ("parks",), optional=True, several=True),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("streets", Text("道路", "Streets"), STREETS, optional=True, kinds=("line",)),
        Role("residential", Text("居住用地", "Residential land"), optional=True, several=True, kinds=("polygon",)),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True, kinds=("polygon",)),
    ),
    parameters=(
        Parameter(key="goal", title=Text("目标", "Goal"), value="cover", choices=GOALS),
        Parameter(key="sites", title=Text("新增数量", "New sites"), value=3, unit="", minimum=1, maximum=50),
        Parameter(
            key="reach_m",
            title=Text("服务半径", "Reach"),
            value=500,
            unit="m",
            minimum=1,
            maximum=20_000,
            figure="park_radius",
            standard="GB/T 51346-2019",
            clause="4.3.4",
            status="read",
        ),
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=50, unit="m", minimum=10, maximum=1000),
    ),
    run=choose_sites,
    told=choose_sites,
)
