"""Terrain models as GDAL writes them: the cells become points, and a bowl holds what it must."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy
import pyproj
import pytest
import shapely
from PIL import Image

from geo_service.analysis import depressions
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.ingest.examination import Examination

from .conftest import Upload, zones

CELLS, STEP_M = 121, 5.0
WEST, SOUTH = 511_000.0, 4_330_000.0
"""The outer corner in EPSG:4548, in the middle of the district."""
BOWL_M3 = numpy.pi * 200**2 * 11.65 / 3


def heights() -> LayerDefinition:
    field = Field(key="elevation_m", title=Text("高程", "Elevation"), type="number", unit="m")
    return zones(geometry_types=("Point",), fields=(field,))


def bowl() -> numpy.ndarray[Any, Any]:
    x, y = numpy.meshgrid(numpy.arange(CELLS) * STEP_M, numpy.arange(CELLS) * STEP_M)
    return numpy.asarray(10 - 11.65 * numpy.maximum(1 - numpy.hypot(x - x.mean(), y - y.mean()) / 200, 0))


def ascii_grid(values: numpy.ndarray[Any, Any], *, corner: str = "corner", header: str = "") -> str:
    first = f"ncols {values.shape[1]}\nnrows {values.shape[0]}\nxll{corner} {WEST}\nyll{corner} {SOUTH}\n"
    rows = "\n".join(" ".join(f"{v:.4f}" for v in row) for row in values)
    return f"{header or first}cellsize {STEP_M}\nNODATA_value -9999\n{rows}\n"


def zipped(text: str, crs: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as bundle:
        bundle.writestr("地形/dem.asc", text)
        bundle.writestr("地形/dem.prj", pyproj.CRS(crs).to_wkt("WKT1_ESRI"))
    return made.getvalue()


def translated(folder: Path, values: numpy.ndarray[Any, Any], *options: str) -> bytes:
    """A GeoTIFF by GDAL."""
    source, target = folder / "dem.asc", folder / "dem.tif"
    source.write_text(ascii_grid(values))
    command = ["gdal_translate", "-q", "-a_srs", "EPSG:4548", *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_bytes()


def as_frame(found: Examination) -> geopandas.GeoDataFrame:
    changes = list(found.changes())
    values = [(c.properties or {})["elevation_m"] for c in changes]
    places = [shapely.from_geojson(json.dumps(c.geometry)) for c in changes]
    return geopandas.GeoDataFrame({"elevation_m": values}, geometry=places, crs=4490)


def volume(found: Examination) -> float:
    return depressions.find_depressions(
        {"heights": as_frame(found)}, {"depth_min_m": 0.05, "volume_min_m3": 10, "depth_max_cm": 15}
    ).figures["volume_m3"]


def refusals(found: Examination) -> list[str]:
    return [f.code for f in found.findings if f.level == "block"]


@pytest.mark.parametrize(
    "options",
    [
        ("-ot", "Float32"),
        ("-ot", "Float32", "-co", "COMPRESS=DEFLATE", "-co", "PREDICTOR=3", "-co", "TILED=YES"),
        ("-ot", "Float32", "-co", "ENDIANNESS=BIG"),
        ("-ot", "Float32", "-co", "COMPRESS=LZW"),
    ],
    ids=["plain", "deflate tiled", "big endian", "lzw"],
)
def test_a_geotiff_of_gdal_becomes_points_and_its_bowl_is_measured(
    upload: Upload, tmp_path: Path, options: Sequence[str]
) -> None:
    values = bowl()
    values[0, 1] = 99  # in the north-west
    found = upload(translated(tmp_path, values, *options), "高程.tif", definition=heights())
    assert refusals(found) == []
    assert found.crs is not None
    assert found.crs.state == "declared", found.crs.reason
    assert found.tally.rows == CELLS**2
    frame = as_frame(found).to_crs(4548)
    assert frame.total_bounds == pytest.approx(
        [WEST + 2.5, SOUTH + 2.5, WEST + CELLS * STEP_M - 2.5, SOUTH + CELLS * STEP_M - 2.5], abs=0.02
    )
    peak = frame.geometry[frame["elevation_m"] == 99].iloc[0]
    assert (peak.x, peak.y) == pytest.approx((WEST + 7.5, SOUTH + CELLS * STEP_M - 2.5), abs=0.02)
    assert volume(found) == pytest.approx(BOWL_M3, rel=2e-3)


def test_an_ascii_grid_takes_its_system_from_the_zip_and_leaves_out_cells_without_a_height(upload: Upload) -> None:
    values = bowl()
    values[0, :5] = -9999
    found = upload(zipped(ascii_grid(values), 4548), "高程.zip", definition=heights())
    assert refusals(found) == []
    assert found.tally.rows == CELLS**2 - 5
    places = as_frame(found).to_crs(4548).geometry
    assert places.x[places.y > places.y.max() - 1].min() == pytest.approx(WEST + 27.5, abs=0.02)
    assert volume(found) == pytest.approx(BOWL_M3, rel=2e-3)
    centred = upload(zipped(ascii_grid(values, corner="center"), 4548), "高程.zip", definition=heights())
    shift = as_frame(centred).to_crs(4548).total_bounds - as_frame(found).to_crs(4548).total_bounds
    assert shift == pytest.approx([-2.5] * 4, abs=0.02)


def test_whole_numbers_of_16_bits_keep_their_sign_and_their_nodata(upload: Upload, tmp_path: Path) -> None:
    values = numpy.rint(bowl() * 10) - 50
    values[3, 4] = -9999
    for options in ((), ("-co", "COMPRESS=LZW"), ("-co", "ENDIANNESS=BIG")):
        found = upload(translated(tmp_path, values, "-ot", "Int16", *options), "高程.tif", definition=heights())
        assert refusals(found) == []
        known = values[values > -9999]
        assert sorted(as_frame(found)["elevation_m"]) == sorted(known.tolist()), options


def test_a_grid_without_a_system_is_placed_by_the_doctor(upload: Upload) -> None:
    found = upload(ascii_grid(bowl()[:20, :20]), "高程.asc", definition=heights())
    assert found.crs is not None
    assert found.crs.proposed == "4548"


def picture(mode: str) -> bytes:
    made = io.BytesIO()
    Image.new(mode, (8, 8)).save(made, "TIFF")
    return made.getvalue()


@pytest.mark.parametrize(
    ("about", "code"),
    [
        (("-ot", "Byte"), "raster-not-heights"),
        (("-b", "1", "-b", "1", "-b", "1", "-ot", "Byte", "-co", "PHOTOMETRIC=RGB"), "raster-not-heights"),
        (("-ot", "Float64"), "raster-not-heights"),
        (("-ot", "Int16", "-co", "COMPRESS=LZW", "-co", "ENDIANNESS=BIG"), "raster-not-heights"),
        (("-outsize", "1100", "1100", "-ot", "Int16"), "raster-too-large"),
        (("-gcp", "0", "0", "511000", "4330000", "-gcp", "9", "0", "511009", "4330001"), "format-raster"),
    ],
    ids=["bytes", "a picture", "double", "big endian and compressed", "too many cells", "control points"],
)
def test_a_raster_that_is_no_grid_of_heights_is_refused_in_words(
    upload: Upload, tmp_path: Path, about: Sequence[str], code: str
) -> None:
    found = upload(translated(tmp_path, bowl(), *about), "高程.tif", definition=heights())
    assert refusals(found) == [code]


def test_a_turned_grid_a_bare_picture_and_broken_grids_are_refused_in_words(upload: Upload, tmp_path: Path) -> None:
    world = "5\n1\n1\n-5\n511000\n4330000\n"
    source = tmp_path / "turned.tif"
    source.write_bytes(translated(tmp_path, bowl(), "-ot", "Float32", "-co", "PROFILE=BASELINE"))
    source.with_suffix(".tfw").write_text(world)
    command = ["gdal_translate", "-q", "-a_srs", "EPSG:4548", str(source), str(tmp_path / "out.tif")]
    subprocess.run(command, check=True, capture_output=True)
    bodies: dict[str, tuple[Any, str]] = {
        "turned": ((tmp_path / "out.tif").read_bytes(), "raster-turned"),
        "picture": (picture("RGB"), "format-raster"),
        "cut off": (translated(tmp_path, bowl(), "-ot", "Float32")[:2000], "file-broken"),
        "lacking rows": (ascii_grid(bowl()).rsplit("\n", 5)[0], "file-broken"),
        "far too many rows": (ascii_grid(bowl(), header="ncols 9\nnrows 9\nxllcorner 0\nyllcorner 0\n"), "file-broken"),
        "letters": (ascii_grid(bowl()).replace("10.0000", "ten", 1), "file-broken"),
        "no size": (ascii_grid(bowl(), header="ncols 121\nnrows 121\n"), "file-broken"),
        "nothing known": (ascii_grid(numpy.full((4, 4), -9999.0)), "file-no-features"),
        "huge": (ascii_grid(bowl(), header="ncols 99999\nnrows 99999\nxllcorner 0\nyllcorner 0\n"), "raster-too-large"),
    }
    found = {name: refusals(upload(body, "高程", definition=heights())) for name, (body, _) in bodies.items()}
    assert found == {name: [code] for name, (_, code) in bodies.items()}
