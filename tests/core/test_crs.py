"""Lengths and areas against pyproj's geodesic, GDAL's independent PROJ and closed forms."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, shape

from geo_service.core import crs
from geo_service.settings import ROOT

GEOD = pyproj.Geod(ellps="GRS80")
district = json.loads((ROOT / "layers" / "boundary.geojson").read_text("utf8"))["features"][0]["geometry"]


def kilometre_line() -> LineString:
    """1 000 m to the north-east on the plane, near the central meridian where the scale is 1."""
    return LineString([crs.to_degrees(510_000, 4_330_000), crs.to_degrees(510_600, 4_330_800)])


def hectare() -> Polygon:
    corners = [(510_000, 4_330_000), (510_100, 4_330_000), (510_100, 4_330_100), (510_000, 4_330_100)]
    return Polygon([crs.to_degrees(*c) for c in corners])


def test_a_kilometre_is_a_kilometre() -> None:
    assert crs.length_m(kilometre_line()) == pytest.approx(1000, abs=1e-3)
    assert GEOD.geometry_length(kilometre_line()) == pytest.approx(1000, rel=1e-5)


def test_a_hectare_is_ten_thousand_square_metres_and_fifteen_mu() -> None:
    assert crs.area_m2(hectare()) == pytest.approx(10_000, rel=1e-6)
    assert crs.area_m2(hectare()) / crs.MU_M2 == pytest.approx(15, rel=1e-6)
    assert abs(GEOD.geometry_area_perimeter(hectare())[0]) == pytest.approx(10_000, rel=1e-5)


def test_the_districts_area_agrees_with_the_geodesic_one() -> None:
    outline = shape(district)
    assert crs.area_m2(outline) == pytest.approx(abs(GEOD.geometry_area_perimeter(outline)[0]), rel=1e-5)
    assert crs.area_m2(outline) / 1e6 == pytest.approx(40.64, rel=0.05)  # published 40.64 km2; the outline is a sketch


@pytest.mark.skipif(not shutil.which("gdaltransform"), reason="gdal-bin is not installed")
def test_gdal_puts_points_at_the_same_place_on_the_plane(tmp_path: Path) -> None:
    command = ["gdaltransform", "-s_srs", "EPSG:4490", "-t_srs", "EPSG:4548", "-output_xy"]
    given_points = [(117.1, 39.1), (117.0, 39.0), (117.1836, 39.1451)]
    # the command line of GDAL takes EPSG:4490 as longitude, latitude (traditional order)
    text = "\n".join(f"{x} {y}" for x, y in given_points)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=30)
    for line, point in zip(done.stdout.splitlines(), given_points, strict=True):
        assert [float(v) for v in line.split()[:2]] == pytest.approx(crs.to_plane(*point), abs=1e-3)


@given(st.floats(116.5, 118), st.floats(38.5, 40))
def test_there_and_back_is_within_a_millimetre(longitude: float, latitude: float) -> None:
    back = crs.to_degrees(*crs.to_plane(longitude, latitude))
    assert GEOD.inv(longitude, latitude, *back)[2] < 1e-3


def test_web_mercator_would_be_wrong_by_a_quarter() -> None:
    stretch = 1 / math.cos(math.radians(39.1))
    assert stretch == pytest.approx(1.287, abs=0.002)


def test_old_datums_are_refused_rather_than_moved_by_nothing() -> None:
    with pytest.raises(pyproj.exceptions.ProjError):
        crs.transformer(4214, 4490).transform(117.1, 39.1, errcheck=True)  # Beijing 1954
