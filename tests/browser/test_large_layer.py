"""A layer of 100 000 polygons on the map: drawn from tiles, clicked, listed, searched."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import FloatRect, Page, sync_playwright
from waitress import create_server

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from scripts.chromium import find_chromium
from tests.browser.offline_journey import FLAGS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIDE = 316
COUNT = SIDE * SIDE
PARCELS = LayerDefinition(
    id="parcels",
    title=Text("地块（测试）", "Parcels"),
    theme="reference",
    geometry_types=("Polygon",),
    serial="DK",
    symbol="polygon_green",
    source="generated",
    secrecy="public",
)


def parcel(number: int) -> Feature:
    """Squares of about 20 m, row by row over the district."""
    step, size = 0.08 / SIDE, 0.07 / SIDE
    west, south = round(117.10 + number % SIDE * step, 7), round(39.06 + number // SIDE * step, 7)
    east, north = round(west + size, 7), round(south + size, 7)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    properties = {"name": f"地块{number + 1}", "precision": "surveyed", "source": "生成"}
    return Feature(f"NK-DK-{number + 1:06}", properties, {"type": "Polygon", "coordinates": [ring]})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not find_chromium():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is needed")
        pytest.skip("no Chromium")
    home = tmp_path_factory.mktemp("large")
    deployment = open_deployment(read_settings({**os.environ, "GEO_SERVICE_HOME": str(home)}))
    deployment.store.create_layer(PARCELS, map(parcel, range(COUNT)), author="test", note="generated")
    deployment.views.prepare(PARCELS.id)  # else the first visitor sees nothing of it, too long on a busy machine
    server = create_server(create_app(deployment), host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    deployment.store.close()


def test_a_hundred_thousand_polygons_are_drawn_from_tiles_clicked_and_listed(address: str) -> None:
    """The square under the centre of the map is the one the card names; its row count is the layer's."""
    number = 158 * SIDE + 158
    ring = parcel(number).geometry["coordinates"][0]  # type: ignore[index]  # it has a geometry
    lon, lat = (ring[0][0] + ring[1][0]) / 2, (ring[1][1] + ring[2][1]) / 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/#18/{lat}/{lon}&on=parcels", wait_until="networkidle")
        assert any("/tiles/parcels/r1/" in url for url in asked)
        assert not any("parcels/r1.geojson" in url for url in asked)
        box = page.locator("#map_main").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_text(f"地块{number + 1}", exact=True).first.wait_for(timeout=10_000)
        page.goto(f"{address}/#12/39.1/117.14&on=parcels&table=parcels", wait_until="networkidle")
        page.reload(wait_until="networkidle")
        page.get_by_text(f"{COUNT:,}").or_(page.get_by_text(f"{COUNT // 1000} {COUNT % 1000:03}")).first.wait_for()
        page.goto("about:blank")
        page.goto(f"{address}/#13/39.1/117.14&on=parcels", wait_until="networkidle")
        page.wait_for_function("() => document.querySelector('.leaflet-tiles-pane canvas')")
        assert errors == []
        assert mean_luminance(page, box) > 140, "thousands of outlines side by side hide what lies below them"
        browser.close()


def mean_luminance(page: Page, box: FloatRect) -> float:
    """Of the middle of the map, 0 to 255; 86 where all of it has the color of the outlines."""
    middle = FloatRect(x=box["x"] + box["width"] / 2 - 60, y=box["y"] + box["height"] / 2 - 60, width=120, height=120)
    with Image.open(BytesIO(page.screenshot(clip=middle))) as picture:
        return float(ImageStat.Stat(picture.convert("L")).mean[0])
