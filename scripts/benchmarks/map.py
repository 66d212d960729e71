"""The map: how soon it can be used, what it weighs, how fast its data is handed out; stock Folium beside it.

``scripts/bench map [--runs N] [--quick]``. The peer that encodes per request is a Flask and waitress service of the
same shape whose one view is ``GeoDataFrame.to_json``; runs of both alternate.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benchmarks import parcels
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.services import ask, running, serving
from scripts.chromium import find_chromium

EMBEDDED = 10_000
LARGE = 100_000
ZOOM = 15
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench map", description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="page loads from an empty cache")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data and of the time, for trying it out")
    options = parser.parse_args(arguments)
    scale = 10 if options.quick else 1
    outcome = Outcome("map")
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        measure_page(outcome, room / "shipped", runs=max(1, options.runs // scale))
        measure_shell(outcome, room / "shipped")
        fill(room / "large", {"parcels_a": ("PA", EMBEDDED // scale), "parcels_b": ("PB", LARGE // scale)})
        with serving(room / "large") as address:
            measure_payload(outcome, address, room, seconds=4.0 / scale)
            measure_tiles(outcome, address, count=LARGE // scale)
        measure_stock_folium(outcome, room, room / "large")
    return outcome.finish()


# ---- the page in a browser


def measure_page(outcome: Outcome, home: Path, *, runs: int) -> None:
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or find_chromium()
    if not chromium:
        print("  no Chromium: the page is not measured (apt-get install chromium-headless-shell)")
        return
    with serving(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        loads = [load_page(browser, address) for _ in range(runs + 1)][1:]
        browser.close()
    note = f"median of {runs} loads, empty cache"
    outcome.add("page: interactive", median(loads, "interactive_ms") / 1000, "s", ("<=", 0.8), note)
    outcome.add("page: slowest load", max(load["interactive_ms"] for load in loads) / 1000, "s")
    outcome.add("page: transferred", median(loads, "bytes") / 1000, "kB", ("<=", 200))
    outcome.add("page: requests", median(loads, "requests"), "")
    outcome.add("page: requests to other hosts", max(load["outside"] for load in loads), "", ("<=", 0))


def load_page(browser: Any, address: str) -> dict[str, float]:
    """One load in a browser context of its own, so that nothing is cached."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sizes: list[float] = []
    asked: list[str] = []
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    client.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    client.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    page.goto(address)
    page.wait_for_function("() => performance.getEntriesByName('interactive').length > 0")
    page.wait_for_load_state("networkidle")
    interactive = page.evaluate("performance.getEntriesByName('interactive')[0].startTime")
    context.close()
    over_network = [url for url in asked if url.startswith(("http:", "https:", "ws:", "wss:"))]
    outside = [url for url in over_network if not url.startswith(address)]
    return {
        "interactive_ms": interactive,
        "bytes": sum(sizes),
        "requests": len(over_network),
        "outside": len(outside),
    }


def median(loads: list[dict[str, float]], name: str) -> float:
    return statistics.median(load[name] for load in loads)


# ---- on the server


def measure_shell(outcome: Outcome, home: Path) -> None:
    """The Folium shell of the shipped layers, built anew each time."""
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings
    from geo_service.web.app import create_app
    from geo_service.web.map_page import basemap_key, catalogue
    from geo_service.web.map_shell import build_shell

    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    app = create_app(deployment)
    with app.test_request_context("/"):
        app.preprocess_request()
        body, basemap = catalogue(), f"/tiles/basemap/{basemap_key()}/{{z}}/{{x}}/{{y}}.mvt"
        times = [timed(lambda: build_shell(body, basemap)) for _ in range(200)]
    deployment.store.close()
    outcome.add("shell: build, nothing kept", statistics.median(times) * 1000, "ms", ("<=", 2), "median of 200")


def fill(home: Path, layers: dict[str, tuple[str, int]], *, database: str = "") -> None:
    """A deployment with generated layers beside the shipped ones."""
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings

    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": database}))
    for layer_id, (serial, count) in layers.items():
        rows = parcels.features(count, serial)
        deployment.store.create_layer(parcels.definition(layer_id, serial), rows, author="bench", note="generated")
    deployment.store.close()


def measure_payload(outcome: Outcome, address: str, room: Path, *, seconds: float) -> None:
    """An immutable payload against encoding the same layer for each request, in alternating runs."""
    source = room / "large" / "layers" / "parcels_a.geojson"
    peer = [sys.executable, "-m", "scripts.benchmarks.encode_each_time", str(source)]
    path = "/api/layers/parcels_a/r1.geojson"
    ask(address, [path], seconds=0.1)
    ours, theirs = [], []
    with running(peer) as other:
        for _ in range(3):
            ours.append(ask(address, [path], connections=4, seconds=seconds))
            theirs.append(ask(other, ["/"], connections=4, seconds=seconds))
    our_rate, their_rate = (statistics.median(load.rate for load in loads) for loads in (ours, theirs))
    size = f"{len(json.loads(source.read_text('utf-8'))['features'])} polygons"
    outcome.add("payload: immutable", our_rate, "req/s", note=f"{size}, {ours[0].bytes / 1e3:.0f} kB brotli")
    outcome.add("payload: GeoDataFrame.to_json each time", their_rate, "req/s", note=f"{theirs[0].bytes / 1e3:.0f} kB")
    outcome.add("payload: ratio", our_rate / their_rate, "x", (">=", 20))


def measure_tiles(outcome: Outcome, address: str, *, count: int) -> None:
    """Tiles of a large layer: first made, then out of the cache."""
    left, top = tile_of(parcels.WEST + parcels.SPAN_X / 3, parcels.SOUTH + parcels.SPAN_Y * 2 / 3)
    paths = [f"/tiles/parcels_b/r1/{ZOOM}/{left + x}/{top + y}.mvt" for x in range(4) for y in range(4)]
    ask(address, [f"/tiles/parcels_b/r1/{ZOOM}/0/0.mvt"], seconds=0)
    fresh = [ask(address, [path], seconds=0) for path in paths]
    live = statistics.median(load.times_s[0] for load in fresh) * 1000
    warm = ask(address, paths, seconds=2)
    note = f"{count} polygons, z{ZOOM}, {statistics.median(load.bytes for load in fresh) / 1e3:.1f} kB"
    outcome.add("tile: live p50", live, "ms", note=note)
    outcome.add("tile: warm p50", warm.p50_ms, "ms", ("<=", 5), f"{len(warm.times_s)} requests over one connection")


def tile_of(longitude: float, latitude: float, zoom: int = ZOOM) -> tuple[int, int]:
    """Column and row of the Web Mercator tile."""
    y = math.asinh(math.tan(math.radians(latitude)))
    return int((longitude / 360 + 0.5) * 2**zoom), int((0.5 - y / (2 * math.pi)) * 2**zoom)


def measure_stock_folium(outcome: Outcome, room: Path, home: Path) -> None:
    """Stock Folium with the same polygons embedded, beside our page with the same polygons."""
    import folium
    import geopandas

    frame = geopandas.read_file(room / "large" / "layers" / "parcels_a.geojson")
    pages: list[str] = []

    def render() -> None:
        chart = folium.Map(location=[39.1, 117.14], zoom_start=13)
        folium.GeoJson(frame[["name", "geometry"]].to_json(), tooltip=folium.GeoJsonTooltip(["name"])).add_to(chart)
        pages.append(chart.get_root().render())

    theirs = statistics.median(timed(render) for _ in range(3))
    outcome.add("stock Folium: page with the polygons", theirs * 1000, "ms", note=f"{len(frame)} polygons embedded")
    outcome.add("stock Folium: page with the polygons", len(pages[0].encode()) / 1000, "kB")
    with serving(home, canvas_features=str(10**6)) as address:
        ask(address, ["/", "/api/layers/parcels_a/r1.geojson"], seconds=0.5)
        page = ask(address, ["/"], seconds=1)
        data = ask(address, ["/api/layers/parcels_a/r1.geojson"], seconds=1)
    outcome.add("ours: page and the polygons", page.p50_ms + data.p50_ms, "ms", note="over HTTP, brotli")
    outcome.add("ours: page and the polygons", (page.bytes + data.bytes) / 1000, "kB")
    outcome.add("stock Folium to ours: server time", theirs * 1000 / (page.p50_ms + data.p50_ms), "x", (">=", 50))


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
