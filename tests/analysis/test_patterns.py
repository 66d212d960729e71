"""Moran's I and Gi* against closed forms and esda; hot spots on hexagons."""

from __future__ import annotations

from typing import Any

import esda
import geopandas
import libpysal
import numpy
import pytest
import shapely
from scipy.sparse import coo_array, csr_array

from geo_service.analysis import hotspots
from geo_service.analysis.hotspots import count_in_hexagons, hexagon_centres, hexagon_neighbours, hexagons
from geo_service.analysis.result import read_parameters
from geo_service.analysis.spatial_statistics import getis_ord, moran, significant
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def rook(side: int) -> csr_array:
    """Neighbours with a common side on a square board."""
    index = numpy.arange(side * side).reshape(side, side)
    pairs = numpy.concatenate(
        [
            numpy.stack((index[:, :-1].ravel(), index[:, 1:].ravel())),
            numpy.stack((index[:-1].ravel(), index[1:].ravel())),
        ],
        axis=1,
    )
    both = numpy.concatenate((pairs, pairs[::-1]), axis=1)
    return csr_array(coo_array((numpy.ones(both.shape[1]), tuple(both)), shape=(side * side, side * side)))


def test_a_checkerboard_has_a_moran_of_minus_one() -> None:
    board = numpy.indices((8, 8)).sum(axis=0).ravel() % 2
    assert moran(board.astype(float), rook(8), permutations=99).value == pytest.approx(-1, abs=1e-12)


def test_two_halves_of_eight_by_eight_have_six_sevenths() -> None:
    """All 56 upright pairs agree, 48 of 56 level ones agree and 8 do not: (104 - 8) / 112."""
    halves = numpy.repeat([0.0, 1.0], 32)
    found = moran(halves, rook(8), permutations=199)
    assert found.value == pytest.approx(6 / 7, abs=1e-12)
    assert found.p == pytest.approx(1 / 200)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_esda_agrees_to_nine_digits(seed: int) -> None:
    values = numpy.random.default_rng(seed).gamma(2, 3, 100)
    weights = rook(10)
    theirs = libpysal.weights.WSP(weights).to_W(silence_warnings=True)
    ours = moran(values, weights, permutations=9)
    assert ours.value == pytest.approx(esda.Moran(values, theirs, transformation="O", permutations=0).I, abs=1e-9)
    local = esda.G_Local(values, theirs, transform="B", permutations=0, star=True)
    assert getis_ord(values, weights) == pytest.approx(local.Zs, abs=1e-9)


def test_equal_values_have_no_pattern_and_no_hot_spot() -> None:
    flat = numpy.full(64, 3.0)
    assert numpy.isnan(moran(flat, rook(8)).value)
    assert getis_ord(flat, rook(8)).tolist() == [0.0] * 64


def test_false_discoveries_are_held_down_step_by_step() -> None:
    """p = 0.01, 0.02, 0.04, 0.5 at 5 %: the limits are 0.0125, 0.025, 0.0375, 0.05, so the first two stay."""
    z = numpy.array([2.5758293, -2.3263479, 2.0537489, 0.6744898])
    assert significant(z, alpha=0.05).tolist() == [True, True, False, False]


def test_hexagons_tile_an_area_and_each_has_six_neighbours() -> None:
    area = shapely.box(E, N, E + 3000, N + 3000)
    centres = hexagon_centres(area, 300)
    shapes = hexagons(centres, 300)
    assert shapely.area(shapely.union_all(shapes)) == pytest.approx(shapely.area(shapes).sum(), rel=1e-9)
    assert shapely.area(shapely.difference(area, shapely.union_all(shapes))) < 1e-3
    assert shapely.area(shapes[0]) == pytest.approx(300**2 * 3**0.5 / 2)
    neighbours = hexagon_neighbours(centres, 300).sum(axis=1)
    assert neighbours.max() == 6
    assert (neighbours == 6).sum() > len(centres) / 2


def test_every_point_is_counted_in_the_hexagon_that_holds_it() -> None:
    centres = hexagon_centres(shapely.box(E, N, E + 2000, N + 2000), 250)
    points = numpy.random.default_rng(5).uniform((E, N), (E + 2000, N + 2000), (500, 2))
    counts, outside = count_in_hexagons(points, numpy.ones(500), centres, 250)
    held = shapely.STRtree(shapely.points(points)).query(hexagons(centres, 250), predicate="intersects")[0]
    assert counts.tolist() == numpy.bincount(held, minlength=len(centres)).tolist()
    assert (counts.sum(), outside) == (500, 0)


def knot(centre: tuple[float, float], count: int, spread_m: float, seed: int) -> list[shapely.Point]:
    chance = numpy.random.default_rng(seed)
    return [shapely.Point(*p) for p in chance.normal(centre, spread_m, (count, 2))]


def district() -> geopandas.GeoDataFrame:
    return frame([shapely.box(E, N, E + 6000, N + 6000)])


def test_a_knot_of_points_is_hot_and_the_rest_is_not() -> None:
    chance = numpy.random.default_rng(7)
    loose = [shapely.Point(*p) for p in chance.uniform((E, N), (E + 6000, N + 6000), (60, 2))]
    points = frame(loose + knot((E + 1500, N + 1500), 80, 150, 8))
    result = run(hotspots, {"points": points, "district": district()})
    assert result.figures["hot"] >= 1
    assert result.layer is not None
    hot = result.layer[result.layer["class"] == "hot"].to_crs(4548)
    assert (hot.distance(shapely.Point(E + 1500, N + 1500)) < 1200).all()
    assert result.table["count"].sum() == 140
    assert "聚集" in result.headline.zh


def test_few_points_and_points_outside_are_said() -> None:
    result = run(
        hotspots, {"points": frame([*knot((E + 900, N + 900), 5, 50, 1), shapely.Point(0, N)]), "district": district()}
    )
    said = " ".join(note.zh for note in result.notes)
    assert "不足 30" in said
    assert "1 个点在范围外" in said


@pytest.mark.parametrize(
    ("given", "name"), [({"cell_m": 19}, "cell_m"), ({"cell_m": 20}, "cell_m"), ({"weight": "没有的字段"}, "weight")]
)
def test_too_many_cells_or_an_unknown_weight_are_refused(given: dict[str, Any], name: str) -> None:
    wide = frame([shapely.box(E, N, E + 40_000, N + 40_000)])
    with pytest.raises(InvalidParameter) as refused:
        hotspots.QUESTION.run(
            {"points": frame(knot((E + 900, N + 900), 5, 50, 1)), "district": wide},
            read_parameters(hotspots.QUESTION, given),
        )
    assert refused.value.params["name"] == name
