"""WMS and WMTS as old desktops use them: through OWSLib and GDAL, with pixels where the features are."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest
from flask import Flask
from flask.testing import FlaskClient
from owslib.wms import WebMapService  # type: ignore[import-untyped]  # it has no types
from owslib.wmts import WebMapTileService  # type: ignore[import-untyped]  # it has no types
from PIL import Image
from waitress import create_server

from geo_service.core.crs import transformer
from geo_service.deployment import Deployment
from geo_service.rendering.pmtiles import tile_of
from geo_service.rendering.symbols import symbol
from geo_service.usecases.wms import SYSTEMS

POINTS, AREAS = "fire_stations", "waterlogging_zones"
GET_MAP = "/ogc/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&STYLES=&FORMAT=image/png"


@pytest.fixture(scope="module")
def server(app: Flask) -> Iterator[str]:
    running = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.effective_port}/ogc"
    running.close()


def image(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as found:
        return numpy.asarray(found.convert("RGBA"))


def station(deployment: Deployment) -> tuple[float, float]:
    geometry = deployment.store.snapshot(POINTS).features[0].geometry
    assert geometry
    x, y = geometry["coordinates"]
    return x, y


def box_around(deployment: Deployment, name: str, half_m: float = 400) -> tuple[str, tuple[float, ...]]:
    """A square BBOX around the fire station in the axis order the authority of a CRS gives it."""
    system = SYSTEMS[name]
    longitude, latitude = station(deployment)
    source = 4326 if system.epsg == 3857 else 4490
    move = transformer(source, system.epsg).transform
    x, y = move(longitude, latitude) if system.epsg != 4490 else (longitude, latitude)
    half = half_m / 111_000 if system.epsg == 4490 else half_m
    sides = (y - half, x - half, y + half, x + half) if system.north_first else (x - half, y - half, x + half, y + half)
    return ",".join(map(str, sides)), sides


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_station_is_drawn_in_the_middle_in_every_crs(client: FlaskClient, deployment: Deployment, name: str) -> None:
    """The centre of its pixels, in the colour of the symbol table, is the centre of the picture within a pixel."""
    bbox, _ = box_around(deployment, name)
    url = f"{GET_MAP}&LAYERS={POINTS}&CRS={name}&BBOX={bbox}&WIDTH=201&HEIGHT=201&TRANSPARENT=TRUE"
    response = client.get(url)
    assert response.mimetype == "image/png", response.text
    pixels = image(response.data)
    wanted = tuple(int(symbol("fire_station").color[i : i + 2], 16) for i in (1, 3, 5))
    rows, columns = numpy.nonzero(
        (numpy.abs(pixels[..., :3].astype(int) - wanted).max(axis=2) < 40) & (pixels[..., 3] > 128)
    )
    assert len(rows) > 50
    assert ((rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2) == pytest.approx((100, 100), abs=2)
    assert pixels[0, 0, 3] == 0, "transparent where nothing is"


def test_owslib_reads_the_capabilities_and_a_map(server: str, deployment: Deployment) -> None:
    service = WebMapService(f"{server}/wms", version="1.3.0")
    public = {s.definition.id for s in deployment.store.layers() if s.definition.secrecy == "public"}
    assert set(service.contents) == public
    layer = service.contents[AREAS]
    assert layer.title == "积水片区"
    assert set(layer.crsOptions) == set(SYSTEMS)
    west, south, east, north = layer.boundingBoxWGS84
    assert 117.0 < west < east < 117.3
    assert 39.0 < south < north < 39.2
    answer = service.getmap(
        layers=["boundary", AREAS],
        srs="EPSG:4490",
        bbox=(west, south, east, north),
        size=(300, 300),
        format="image/jpeg",
        transparent=False,
    )
    drawn = image(answer.read())
    assert drawn.shape == (300, 300, 4)
    assert len(numpy.unique(drawn.reshape(-1, 4), axis=0)) > 50


def test_owslib_reads_the_tiles(server: str, deployment: Deployment) -> None:
    service = WebMapTileService(f"{server}/wmts")
    assert AREAS in service.contents
    x, y = tile_of(*station(deployment), 16)
    tile = service.gettile(
        layer=POINTS, tilematrixset="WebMercatorQuad", tilematrix="16", row=y, column=x, format="image/png"
    )
    by_key = image(tile.read())
    assert by_key.shape == (256, 256, 4)
    assert by_key[..., 3].max() == 255


def test_every_tiled_layer_tells_its_extent_in_metres(client: FlaskClient, deployment: Deployment) -> None:
    """Without, QGIS takes the degrees for metres and shows nothing (seen with 3.22)."""
    name = "{http://www.opengis.net/ows/1.1}"
    root = ElementTree.fromstring(client.get("/ogc/wmts/1.0.0/WMTSCapabilities.xml").data)  # noqa: S314  # our own document
    boxes = [b for b in root.iter(f"{name}BoundingBox") if b.attrib["crs"].endswith(":3857")]
    assert len(boxes) == len(deployment.store.layers())
    for box in boxes:
        west, south = map(float, (box.findtext(f"{name}LowerCorner") or "").split())
        assert (west, south) == pytest.approx((13_037_000, 4_735_000), abs=15_000)


@pytest.mark.skipif(not shutil.which("gdal_translate"), reason="needs gdal-bin: apt-get install gdal-bin")
def test_gdal_draws_the_district_from_wmts(server: str, tmp_path: Path) -> None:
    source = f"WMTS:{server}/wmts/1.0.0/WMTSCapabilities.xml,layer=boundary"
    target = tmp_path / "district.png"
    command = ["gdal_translate", "-q", "-of", "PNG", "-outsize", "200", "0", source, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert image(target.read_bytes())[..., 3].max() == 255


def test_neighbouring_tiles_meet_without_a_seam(client: FlaskClient, deployment: Deployment) -> None:
    """A station on the seam is drawn in both tiles: together they are what one picture of both shows."""
    x, y = tile_of(*station(deployment), 18)
    tiles = [client.get(f"/ogc/wmts/{POINTS}/default/WebMercatorQuad/18/{y}/{c}.png").data for c in (x - 1, x, x + 1)]
    side = 2 * 20037508.342789244 / (1 << 18)
    left, top = (x - 1) * side - 20037508.342789244, 20037508.342789244 - y * side
    bbox = f"{left},{top - side},{left + 3 * side},{top}"
    whole = client.get(f"{GET_MAP}&LAYERS={POINTS}&CRS=EPSG:3857&BBOX={bbox}&WIDTH=768&HEIGHT=256&TRANSPARENT=TRUE")
    joined = numpy.concatenate([image(t) for t in tiles], axis=1).astype(int)
    different = numpy.abs(joined - image(whole.data).astype(int)).max(axis=2) > 60
    assert different.mean() < 0.002


def test_what_is_drawn_is_told_at_its_pixel(client: FlaskClient, deployment: Deployment) -> None:
    bbox, _ = box_around(deployment, "EPSG:4548")
    url = (
        f"{GET_MAP.replace('GetMap', 'GetFeatureInfo')}&LAYERS={POINTS}&QUERY_LAYERS={POINTS}&CRS=EPSG:4548&BBOX={bbox}"
        "&WIDTH=201&HEIGHT=201"
    )
    found = client.get(f"{url}&I=100&J=102&INFO_FORMAT=application/json").json["features"]
    assert [f["id"] for f in found] == ["NK-XFZ-001"]
    assert client.get(f"{url}&I=10&J=10&INFO_FORMAT=application/json").json["features"] == []
    assert "汾水道消防站" in client.get(f"{url}&I=100&J=100&INFO_FORMAT=text/html").text
    assert "NK-XFZ-001" in client.get(f"{url}&I=100&J=100&INFO_FORMAT=text/plain").text


def test_the_legend_has_a_row_for_every_class(client: FlaskClient) -> None:
    url = "/ogc/wms?REQUEST=GetLegendGraphic&FORMAT=image/png&LAYER="
    many, one = image(client.get(url + AREAS).data), image(client.get(url + "streets").data)
    assert many.shape[0] > 4 * one.shape[0]
    root = ElementTree.fromstring(client.get("/ogc/wms?REQUEST=GetCapabilities&lang=en").data)  # noqa: S314  # our own document
    name = "{http://www.opengis.net/wms}"
    layer = next(e for e in root.iter(f"{name}Layer") if e.findtext(f"{name}Name") == AREAS)
    assert layer.findtext(f"{name}Title") == "Waterlogging zones"
    size = next(layer.iter(f"{name}LegendURL")).attrib
    english = image(client.get(f"{url}{AREAS}&lang=en").data)
    assert (int(size["height"]), int(size["width"])) == english.shape[:2]


BOX = "39.09,117.13,39.12,117.17"
GOOD = f"LAYERS={POINTS}&CRS=EPSG:4490&BBOX={BOX}&WIDTH=100&HEIGHT=100"
BAD = [
    ("unknown layer", GOOD.replace(POINTS, "none"), 404, "LayerNotDefined"),
    ("unknown CRS", GOOD.replace("4490", "2382"), 400, "InvalidCRS"),
    ("unknown style", f"{GOOD}&STYLES=red", 400, "StyleNotDefined"),
    ("unknown format", f"FORMAT=image/tiff&{GOOD}", 400, "InvalidFormat"),
    ("no box", GOOD.replace(BOX, "1,2,3"), 400, ""),
    ("words for a box", GOOD.replace("39.09", "north"), 400, ""),
    ("not a number", GOOD.replace("39.09", "nan"), 400, ""),
    ("turned round", GOOD.replace("39.09,117.13,39.12", "39.12,117.13,39.09"), 400, ""),
    (
        "off the earth",
        GOOD.replace("EPSG:4490", "EPSG:4548").replace("39.09,117.13,39.12,117.17", "1e30,1e30,2e30,2e30"),
        400,
        "",
    ),
    ("too large", GOOD.replace("WIDTH=100", "WIDTH=99999"), 400, ""),
    ("no size", GOOD.replace("WIDTH=100", "WIDTH="), 400, ""),
    ("another version", GOOD + "&VERSION=1.1.1", 400, ""),
    ("a strange colour", GOOD + "&BGCOLOR=red", 400, ""),
    ("no layers", GOOD.replace(POINTS, ""), 400, "LayerNotDefined"),
]


@pytest.mark.parametrize(("query", "status", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_map_that_cannot_be_is_refused_as_an_exception_report(
    client: FlaskClient, query: str, status: int, code: str
) -> None:
    response = client.get(f"/ogc/wms?SERVICE=WMS&REQUEST=GetMap&{query}")
    assert (response.status_code, response.mimetype) == (status, "text/xml"), response.text
    found = ElementTree.fromstring(response.data)[0]  # noqa: S314  # our own document
    assert found.attrib.get("code", "") == code
    assert found.text


def test_a_wrong_tile_is_refused_as_an_exception_report(client: FlaskClient) -> None:
    for url, status in (
        ("/ogc/wmts/none/default/WebMercatorQuad/1/0/0.png", 404),
        (f"/ogc/wmts/{POINTS}/default/None/1/0/0.png", 400),
        (f"/ogc/wmts/{POINTS}/default/WebMercatorQuad/1/0/7.png", 400),
        ("/ogc/wmts?REQUEST=GetTile&TILEMATRIXSET=WebMercatorQuad&LAYER=schools", 400),
        ("/ogc/wmts?REQUEST=Dance", 400),
    ):
        response = client.get(url)
        assert (response.status_code, response.mimetype) == (status, "text/xml"), url
        assert b"ExceptionReport" in response.data


def test_the_reports_are_in_the_language_of_the_reader(client: FlaskClient) -> None:
    url = f"/ogc/wms?REQUEST=GetMap&{GOOD.replace('4490', '2382')}"
    assert "不对" in client.get(url).text
    assert "is wrong" in client.get(f"{url}&lang=en").text


def test_a_map_as_it_was_is_drawn_from_that_revision(client: FlaskClient) -> None:
    url = f"{GET_MAP}&{GOOD}"
    assert client.get(f"{url}&asOf=1").data == client.get(url).data
    assert client.get(f"{url}&asOf=99").status_code == 404
