"""选址: how few sites, and where? Exact answers by mixed-integer programming (HiGHS in scipy)."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas
import numpy
import pandas
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.spatial.distance import cdist

from geo_service.analysis.access import make_ground, make_streets, people_note, points_of, street_note, walk_reach
from geo_service.analysis.network import Floats
from geo_service.analysis.result import Column, Parameter, Question, Result, Role, honesty, located, names_of, require
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

TIME_LIMIT_S = 20.0
MAX_DEMAND = 4000
"""Demand cells are grouped above so many: the integer programme grows with them."""

COLUMNS = (
    Column("rank", Text("次序", "Order")),
    Column("id", Text("编号", "Id")),
    Column("name", Text("候选地", "Candidate")),
    Column("covered", Text("覆盖量", "Covered")),
    Column("added_percent", Text("新增覆盖", "Added"), "%"),
)


def fewest_sites(reach: NDArray[numpy.bool_]) -> NDArray[numpy.int64]:
    """LSCP: the fewest sites (rows) that reach every demand (column) that any site reaches; ties by lowest row."""
    reachable = reach.any(axis=0)
    if not reachable.any():
        return numpy.array([], dtype=numpy.int64)
    sites = len(reach)
    cost = 1 + numpy.arange(sites) * 1e-6 / max(sites, 1)
    covers = LinearConstraint(reach[:, reachable].T.astype(float), lb=1)
    return _chosen(
        milp(cost, constraints=covers, integrality=numpy.ones(sites), bounds=Bounds(0, 1), options=_options())
    )


def most_covered(
    reach: NDArray[numpy.bool_], weight: Floats, count: int, *, already: NDArray[numpy.bool_] | None = None
) -> NDArray[numpy.int64]:
    """MCLP: the ``count`` sites that reach the most weight not ``already`` reached (Church and ReVelle 1974)."""
    sites, demands = reach.shape
    free = weight * (1.0 if already is None else ~already)
    cost = numpy.concatenate((numpy.arange(sites) * 1e-9, -free))
    covered_by = numpy.hstack((reach.T.astype(float), -numpy.eye(demands)))
    budget = numpy.concatenate((numpy.ones(sites), numpy.zeros(demands)))
    constraints = [LinearConstraint(covered_by, lb=0), LinearConstraint(budget[None, :], ub=count)]
    integrality = numpy.concatenate((numpy.ones(sites), numpy.zeros(demands)))
    return _chosen(
        milp(cost, constraints=constraints, integrality=integrality, bounds=Bounds(0, 1), options=_options()), sites
    )


def least_travel(cost: Floats, weight: Floats, count: int) -> tuple[NDArray[numpy.int64], float]:
    """p-median: ``count`` sites with the least weighted cost (sites, demands) to the nearest one, and that cost."""
    sites, demands = cost.shape
    objective = numpy.concatenate((numpy.zeros(sites), (cost * weight).ravel()))
    eye = numpy.eye(demands)
    assigned = numpy.hstack([numpy.zeros((demands, sites)), *([eye] * sites)])
    opened = numpy.hstack([numpy.repeat(-numpy.eye(sites), demands, axis=0), numpy.eye(sites * demands)])
    budget = numpy.concatenate((numpy.ones(sites), numpy.zeros(sites * demands)))
    constraints = [
        LinearConstraint(assigned, lb=1, ub=1),
        LinearConstraint(opened, ub=0),
        LinearConstraint(budget[None, :], lb=count, ub=count),
    ]
    integrality = numpy.concatenate((numpy.ones(sites), numpy.zeros(sites * demands)))
    chosen = _chosen(
        milp(objective, constraints=constraints, integrality=integrality, bounds=Bounds(0, 1), options=_options()),
        sites,
    )
    return chosen, float((cost[chosen].min(axis=0) * weight).sum())


def _options() -> dict[str, float]:
    return {"time_limit": TIME_LIMIT_S, "mip_rel_gap": 0.0}


def _chosen(answer: object, sites: int | None = None) -> NDArray[numpy.int64]:
    x = getattr(answer, "x", None)
    if x is None:
        raise InvalidParameter(name="sites", value="", reason="求解器没有找到方案 / the solver found no plan")
    return numpy.flatnonzero(x[:sites] > 0.5).astype(numpy.int64)


def choose_sites(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, float]) -> Result:
    """The candidate sites that add the most covered residents (or land) to the facilities there are."""
    candidates = require(inputs["candidates"], "candidates")
    network = make_streets(inputs, cost="metres")
    ground = make_ground(inputs, network, size_m=parameters["cell_m"])
    _check_size(len(ground.weight))
    reach_m, count = parameters["reach_m"], int(parameters["sites"])

    def reached(places: Floats) -> NDArray[numpy.bool_]:
        if network is None:
            return numpy.asarray(cdist(places, ground.cells.centres) <= reach_m)
        return walk_reach(ground, network, places, reach_m)

    there = inputs.get("facilities")
    already = _already(there, reached, len(ground.weight))
    reach = reached(points_of(inputs["candidates"]))
    chosen = most_covered(reach, ground.weight, count, already=already)
    before = ground.share(already)
    after = ground.share(already | reach[chosen].any(axis=0)) if len(chosen) else before
    return Result(
        headline=Text(
            f"再加 {len(chosen)} 处，覆盖{ground.unit.zh}由 {before:.1f}% 升至 {after:.1f}%（+{after - before:.1f}）",
            f"{len(chosen)} more sites raise coverage of {ground.unit.en} from {before:.1f}% to {after:.1f}%",
        ),
        table=_table(candidates, chosen, reach, ground.weight, already),
        columns=COLUMNS,
        method=Text("最大覆盖选址（MCLP），整数规划精确求解。", "Maximal covering location problem, solved exactly."),
        layer=candidates.iloc[chosen].to_crs(GEOGRAPHIC),
        notes=(
            *street_note(inputs, network),
            *people_note(ground, inputs),
            *honesty(inputs["candidates"], Text("候选地", "Candidates")),
        ),
        figures={"before_percent": before, "after_percent": after},
    )


def _check_size(demands: int) -> None:
    if demands > MAX_DEMAND:
        raise InvalidParameter(
            name="cell_m", value=demands, reason=f"> {MAX_DEMAND} 个网格，请加大网格 / use larger cells"
        )


def _already(there: geopandas.GeoDataFrame | None, reached: object, cells: int) -> NDArray[numpy.bool_]:
    if there is None or located(there).empty or not callable(reached):
        return numpy.zeros(cells, dtype=bool)
    return numpy.asarray(reached(points_of(there)).any(axis=0))


def _table(
    candidates: geopandas.GeoDataFrame,
    chosen: NDArray[numpy.int64],
    reach: NDArray[numpy.bool_],
    weight: Floats,
    already: NDArray[numpy.bool_],
) -> pandas.DataFrame:
    """Chosen sites in the order in which each adds the most."""
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
            (len(rows) + 1, candidates.index[site], name, round(gains[best], 1), round(gains[best] / total * 100, 2))
        )
    return pandas.DataFrame(rows, columns=[c.key for c in COLUMNS])


QUESTION = Question(
    id="siting",
    theme="service",
    title=Text("再建几处、建在哪里最值？", "Where would new sites reach most?"),
    explanation=Text("在候选地中选出新增覆盖最多的若干处。", "Of the candidates, those that add the most coverage."),
    roles=(
        Role("candidates", Text("候选地", "Candidates"), ("idle_land", "pocket_parks", "renewal_areas"), several=True),
        Role("facilities", Text("已有设施", "Facilities there are"), ("parks",), optional=True, several=True),
        Role("district", Text("范围", "Area"), ("boundary",), kinds=("polygon",)),
        Role("streets", Text("道路", "Streets"), ("streets",), optional=True, kinds=("line",)),
        Role("residential", Text("居住用地", "Residential land"), optional=True, several=True, kinds=("polygon",)),
        Role("population", Text("人口", "Population"), ("subdistricts",), optional=True, kinds=("polygon",)),
    ),
    parameters=(
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
        Parameter(key="cell_m", title=Text("网格", "Cell"), value=150, unit="m", minimum=25, maximum=1000),
    ),
    run=choose_sites,
)
