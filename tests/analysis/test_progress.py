"""Long questions say how far they are, and end where somebody stops listening."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import shapely

from geo_service.analysis import nearest_facility, park_coverage, service_coverage, siting
from geo_service.analysis.access import FEW_ZONES, zone_of
from geo_service.analysis.coverage import make_centres, within_shapes
from geo_service.analysis.progress import in_chunks, silent
from geo_service.analysis.questions import QUESTIONS
from geo_service.analysis.result import read_parameters
from tests.analysis.frames import E, N, frame

GROUND = shapely.box(E, N, E + 3000, N + 3000)
PLACES = [shapely.Point(E + 700 * i, N + 400 * i).buffer(60) for i in range(1, 4)]
STREETS = [shapely.LineString([(E, N + y), (E + 3000, N + y)]) for y in range(100, 3000, 400)]
STREETS += [shapely.LineString([(E + x, N), (E + x, N + 3000)]) for x in range(100, 3000, 400)]
INPUTS = {
    "district": frame([GROUND]),
    "streets": frame(STREETS),
    **{role: frame(PLACES) for role in ("parks", "facilities", "candidates", "origins")},
}
LONG = [
    (park_coverage, {"cell_m": 8}, 6),
    (service_coverage, {"cell_m": 8}, 4),
    (siting, {"cell_m": 10}, 4),
    (nearest_facility, {}, 1),
]


@pytest.mark.parametrize(("module", "given", "least"), LONG)
def test_a_long_question_says_how_far_it_is_in_growing_shares(module: Any, given: dict[str, float], least: int) -> None:
    heard: list[float] = []
    question = module.QUESTION
    question.told(INPUTS, read_parameters(question, given), heard.append)
    assert heard == sorted(heard)
    assert len(set(heard)) >= least
    assert heard[0] > 0
    assert heard[-1] <= 1


@pytest.mark.parametrize(("module", "given", "least"), LONG)
def test_a_listener_that_raises_ends_the_question_at_once(module: Any, given: dict[str, float], least: int) -> None:
    heard: list[float] = []

    def stop(share: float) -> None:
        heard.append(share)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        module.QUESTION.told(INPUTS, read_parameters(module.QUESTION, given), stop)
    assert len(heard) == 1 <= least


def test_the_function_that_tells_is_the_one_that_answers() -> None:
    assert {q.id for q in QUESTIONS if q.told} >= {"park-coverage", "service-coverage", "siting", "fire-response"}
    assert [q.told.__name__ for q in QUESTIONS if q.told] == [q.run.__name__ for q in QUESTIONS if q.told]


def test_chunks_cover_every_row_once() -> None:
    assert [(s.start, s.stop) for s in in_chunks(7, size=3)] == [(0, 3), (3, 6), (6, 7)]
    assert list(in_chunks(0, silent)) == []


def test_cells_near_shapes_are_those_a_tree_finds() -> None:
    centres = make_centres(GROUND, size_m=20)
    radius = numpy.array([0.0, 150.0, 333.3])
    tree = shapely.STRtree(shapely.points(centres))
    found = tree.query(numpy.array(PLACES), predicate="dwithin", distance=radius)[1]
    assert numpy.flatnonzero(within_shapes(centres, PLACES, radius)).tolist() == sorted(set(found.tolist()))


def test_few_zones_and_many_share_the_points_out_alike() -> None:
    step = 3000 / 8
    boxes = [
        shapely.box(E + step * i, N + step * j, E + step * (i + 1), N + step * (j + 1))
        for i in range(8)
        for j in range(8)
    ]
    points = numpy.vstack([make_centres(GROUND, size_m=step / 2), make_centres(GROUND, size_m=step) + step / 2])
    few, many = frame(boxes).to_crs(4548), frame([*boxes, shapely.box(0, 0, 1, 1)]).to_crs(4548)
    assert len(few) == FEW_ZONES < len(many)
    assert zone_of(few, points).tolist() == zone_of(many, points).tolist()
    assert not shapely.is_prepared(few.geometry.to_numpy()).any(), "threads share them, and GEOS prepares for one only"
