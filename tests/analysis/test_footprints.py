"""Buildings by area: closed forms, and the same whole numbers however they are split."""

from __future__ import annotations

from itertools import pairwise

import geopandas
import numpy
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo_service.analysis import footprints
from geo_service.analysis.footprints import add_tallies, tally_footprints
from geo_service.errors import InvalidParameter
from tests.analysis.frames import E, N, frame, run


def blocks(count: int, seed: int = 1) -> geopandas.GeoDataFrame:
    """Buildings of 8 to 30 m, turned at random, over 2 km by 2 km."""
    chance = numpy.random.default_rng(seed)
    middles, sizes = chance.uniform(0, 2000, (count, 2)), chance.uniform(4, 15, (count, 2))
    boxes = [shapely.box(-a, -b, a, b) for a, b in sizes]
    turned = [
        shapely.affinity.rotate(box, angle) for box, angle in zip(boxes, chance.uniform(0, 90, count), strict=True)
    ]
    moved = [shapely.affinity.translate(b, E + x, N + y) for b, (x, y) in zip(turned, middles, strict=True)]
    return geopandas.GeoDataFrame(geometry=moved, crs=4548)


def quarters() -> geopandas.GeoDataFrame:
    boxes = [shapely.box(E + x, N + y, E + x + 1000, N + y + 1000) for x in (0, 1000) for y in (0, 1000)]
    return geopandas.GeoDataFrame({"name": list("甲乙丙丁")}, geometry=boxes, crs=4548)


def test_a_building_astride_a_border_counts_once_and_its_ground_twice() -> None:
    """30 m by 10 m, two thirds of it in the first area."""
    building = frame([shapely.box(E + 980, N + 100, E + 1010, N + 110)])
    areas = frame([shapely.box(E, N, E + 1000, N + 1000), shapely.box(E + 1000, N, E + 2000, N + 1000)])
    table = run(footprints, {"buildings": building, "areas": areas}).table
    assert table["buildings"].tolist() == [1, 0, 0, 1]
    assert table["ground_m2"].tolist() == pytest.approx([300, 0, 0, 300], abs=0.1)
    assert table["overlap_m2"].tolist()[:2] == pytest.approx([200, 100], abs=0.1)
    assert table["density_percent"].iloc[0] == pytest.approx(0.02, abs=0.001)


def test_overlaps_agree_with_the_overlay_of_geopandas() -> None:
    buildings, areas = blocks(600), quarters()
    tally = tally_footprints(buildings, areas, None, limit_m=1)
    theirs = (
        geopandas.overlay(buildings, areas, how="intersection")
        .assign(size=lambda f: f.area)
        .groupby("name")["size"]
        .sum()
    )
    assert (tally["overlap_cm2"][:4] / 1e4).tolist() == pytest.approx([theirs[n] for n in "甲乙丙丁"], abs=0.05)


def test_distances_agree_with_the_nearest_join_of_geopandas() -> None:
    buildings, places = (
        blocks(300),
        geopandas.GeoDataFrame(geometry=[shapely.Point(E + 400, N + 300), shapely.Point(E + 1700, N + 1500)], crs=4548),
    )
    tally = tally_footprints(buildings, quarters(), places, limit_m=500)
    joined = geopandas.sjoin_nearest(buildings, places, distance_col="metres")
    assert tally["near_mm"].sum() / 1000 == pytest.approx(joined["metres"].sum(), abs=0.2)
    assert tally["far"].sum() == (joined["metres"] > 500).sum()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 399), max_size=5), st.randoms())
def test_however_buildings_are_split_the_answer_is_the_same_to_the_digit(cuts: list[int], chance: object) -> None:
    buildings, areas = blocks(400), quarters()
    places = geopandas.GeoDataFrame(geometry=[shapely.Point(E, N)], crs=4548)
    whole = tally_footprints(buildings, areas, places, limit_m=700)
    edges = [0, *sorted(cuts), 400]
    parts = [tally_footprints(buildings.iloc[a:b], areas, places, limit_m=700) for a, b in pairwise(edges)]
    chance.shuffle(parts)  # type: ignore[attr-defined]  # a Random
    assert add_tallies(parts).equals(whole)


def test_points_for_buildings_are_refused_by_their_ids() -> None:
    with pytest.raises(InvalidParameter, match="NK-TST-000"):
        run(footprints, {"buildings": frame([shapely.Point(E, N)]), "areas": frame([shapely.box(E, N, E + 9, N + 9)])})
