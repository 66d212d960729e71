"""The bureau's own basemaps on the map: chosen, remembered by the address, replaced when their service fails."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from geo_service.settings import ROOT
from tests.browser.conftest import Check, OpenMap, Service, serving

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.ran=1>{{7*7}}"
CONFIGURED = f"""
[[basemap]]
id = "imagery"
title = {{ zh = "影像", en = "Imagery" }}
kind = "mbtiles"
url = "imagery.mbtiles"
attribution = "{HOSTILE}"
review_number = "津S（2025）001号"
max_zoom = 13

[[basemap]]
id = "broken"
title = {{ zh = "坏服务", en = "Broken" }}
kind = "xyz"
url = "http://127.0.0.1:9/{{z}}/{{x}}/{{y}}?tk={{key}}"
attribution = "测试"
key = "topsecret"
"""


def write_imagery(path: Path) -> None:
    """One green picture for every tile of the district's levels."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), (60, 140, 90)).save(out, "PNG")
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        database.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        x, y, z = 6760, 5065, 13
        rows = [(z, x + i, y + j, out.getvalue()) for i in range(-12, 13) for j in range(-12, 13)]
        database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
        database.commit()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("basemaps")
    write_imagery(folder / "imagery.mbtiles")
    (folder / "b.toml").write_text(CONFIGURED, "utf-8")
    with serving(tmp_path_factory.mktemp("home"), ROOT / "layers", basemaps=str(folder / "b.toml")) as running:
        yield running


@pytest.mark.slow
def test_a_chosen_basemap_replaces_the_built_in_one_and_stays_in_the_address(
    open_map: OpenMap, mapped: Service, violations: Check
) -> None:
    opened = open_map("/", service=mapped)
    opened.page.get_by_label("影像").check()
    opened.until("document.querySelectorAll('.bureau-basemap img.leaflet-tile-loaded').length > 4")
    assert opened.ask("app.basemaps.own.shown") is False
    expect(opened.page.locator(".leaflet-control-attribution")).to_contain_text(HOSTILE + " · 津S（2025）001号")
    assert opened.page.evaluate("window.ran") is None
    assert violations(opened.page) == []
    opened.until_address("base=imagery")
    opened.zoom_to(16)
    opened.until("document.querySelectorAll('.bureau-basemap img.leaflet-tile-loaded').length > 0")

    again = open_map(opened.page.url.removeprefix(mapped.url), service=mapped)
    again.until("app.basemaps.chosen === 'imagery' && document.querySelector('[value=imagery]').checked")
    again.page.get_by_label("内置").check()
    again.until("app.basemaps.own.shown && !document.querySelector('.bureau-basemap')")
    again.until_address(without="base=")


def test_a_basemap_whose_service_fails_gives_way_to_the_built_in_one(open_map: OpenMap, mapped: Service) -> None:
    opened = open_map("/", service=mapped)
    opened.page.get_by_label("坏服务").click()  # it may have given way already when its state is asked
    expect(opened.page.locator(".toast")).to_contain_text("坏服务")
    opened.until("app.basemaps.chosen === 'own' && app.basemaps.own.shown")
    failures = [e for e in opened.errors if "503" not in e]
    opened.errors.clear()
    assert failures == []
    catalogue = opened.page.request.get(f"{mapped.url}/api/layers").text()
    assert "topsecret" not in catalogue
    assert "127.0.0.1:9" not in catalogue
