"""Siting against spopt, which solves the same programmes with another solver (CBC by way of PuLP)."""

from __future__ import annotations

import numpy
import pulp
import pytest
from spopt.locate import LSCP, MCLP, PMedian

from geo_service.analysis.siting import fewest_sites, least_travel, most_covered

REACH_M = 350.0
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # spopt speaks to PuLP in its old way


def places(seed: int) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Metres from 18 sites to 120 demands, and the weight of each demand."""
    chance = numpy.random.default_rng(seed)
    sites, demands = chance.uniform(0, 2000, (18, 2)), chance.uniform(0, 2000, (120, 2))
    cost = numpy.hypot(sites[:, None, 0] - demands[None, :, 0], sites[:, None, 1] - demands[None, :, 1])
    return cost, chance.integers(1, 50, 120).astype(float), sites


def solver() -> pulp.LpSolver:
    return pulp.PULP_CBC_CMD(msg=False)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_fewest_sites_are_as_few_as_spopt_finds(seed: int) -> None:
    cost, _, _ = places(seed)
    reach = cost <= REACH_M
    reached = reach[:, reach.any(axis=0)]
    theirs = LSCP.from_cost_matrix(cost[:, reach.any(axis=0)].T, REACH_M).solve(solver())
    chosen = fewest_sites(reach)
    assert len(chosen) == round(theirs.problem.objective.value())
    assert reached[chosen].any(axis=0).all()


@pytest.mark.parametrize("count", [1, 3, 6])
def test_as_much_is_covered_as_by_spopt(count: int) -> None:
    cost, weight, _ = places(3)
    theirs = MCLP.from_cost_matrix(cost.T, weight, REACH_M, count).solve(solver())
    chosen = most_covered(cost <= REACH_M, weight, count)
    assert weight[(cost <= REACH_M)[chosen].any(axis=0)].sum() == pytest.approx(theirs.problem.objective.value())


@pytest.mark.parametrize("count", [1, 4])
def test_people_travel_no_further_than_with_spopts_sites(count: int) -> None:
    cost, weight, _ = places(4)
    theirs = PMedian.from_cost_matrix(cost.T, weight, p_facilities=count).solve(solver())
    _, travelled = least_travel(cost, weight, count)
    assert travelled == pytest.approx(theirs.problem.objective.value(), rel=1e-9)
