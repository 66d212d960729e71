"""A layer of a million parcels: opened, looked at, listed, searched, filtered, edited, exported, on SQLite or PostGIS.

``scripts/bench large [--features 1000000] [--postgis]``. The service runs in a process of its own; its memory is the
resident size (``VmRSS``) and, apart, what of it is not a mapped file (``RssAnon``), which is what a machine must have.
GDAL (pyogrio) reads and writes the same features as the measure of exports.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from scripts.benchmarks import city
from scripts.benchmarks.load import database
from scripts.benchmarks.map import tile_of
from scripts.benchmarks.outcome import ROOT, Outcome
from scripts.benchmarks.services import ADDRESS

LAYER = "city_parcels"
FILTERS = (
    "land_use = 'A3' AND floors > 6",
    "area_m2 > 4000 AND built_year < 1970",
    "subdistrict = '鼓楼街道' AND owner LIKE '%教育%'",
    "address LIKE '%卫津路12%'",
)
WORDS = ("鼓楼12街坊", "卫津路100号", "NK-CP-0004", "公园绿地", "gulou")
EXPORTS = ("gpkg", "geojson", "fgb")
TIMES = 12
POLL_S = 0.1


class Service:
    """Our service in a process of its own, and one kept connection to it."""

    def __init__(self, home: Path, database_url: str) -> None:
        settings = {"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": database_url, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "geo_service", "serve", "--port", "0"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
        )
        found = next((f for line in self.process.stdout or () if (f := ADDRESS.search(line))), None)
        if found is None:
            raise RuntimeError("the service ended without an address")
        parts = urlsplit(found.group())
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=900)

    def get(self, path: str, *, encoding: str = "identity") -> tuple[float, bytes]:
        """Seconds and body of an answer, waited for while it is being prepared."""
        begin = time.perf_counter()
        while True:
            self._connection.request("GET", path, headers={"Accept-Encoding": encoding})
            answer = self._connection.getresponse()
            data = answer.read()
            if answer.status != 503:
                break
            time.sleep(POLL_S)  # it is being prepared
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {data[:300]!r}")
        return time.perf_counter() - begin, data

    def memory(self) -> tuple[float, float]:
        """Resident and private megabytes of the web process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon"))  # type: ignore[index, return-value]  # Linux has both

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench large", description=__doc__)
    parser.add_argument("--features", type=int, default=1_000_000)
    parser.add_argument("--postgis", action="store_true", help="keep the store in a private PostGIS cluster")
    parser.add_argument("--skip-exports", action="store_true", help="leave the exports and GDAL out")
    options = parser.parse_args(arguments)
    outcome = Outcome("large-postgis" if options.postgis else "large")
    with tempfile.TemporaryDirectory() as folder, database(postgis=options.postgis) as url:
        home = Path(folder) / "home"
        measure_import(outcome, home, url, options.features)
        service = Service(home, url)
        try:
            measure_service(outcome, service, options.features)
            measure_edit(outcome, home, url, service)
            if not options.skip_exports:
                measure_exports(outcome, service, Path(folder), options.features)
            resident, private = service.memory()
            outcome.add("web process after everything: resident", resident, "MB")
            outcome.add("web process after everything: private", private, "MB", ("<=", 500))
        finally:
            service.stop()
    return outcome.finish()


def measure_import(outcome: Outcome, home: Path, url: str, count: int) -> None:
    """Generated, committed and published, as a first import does."""
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings

    rows = list(city.features(count))
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": url}))
    begin = time.perf_counter()
    deployment.store.create_layer(city.definition(), rows, author="bench", note="generated")
    outcome.add("import: durable", time.perf_counter() - begin, "s", note=f"{count:,} parcels")
    deployment.store.close()
    outcome.add("import: published", time.perf_counter() - begin, "s", ("<=", 60))


def measure_service(outcome: Outcome, service: Service, count: int) -> None:
    service.get("/healthz")
    resident, private = service.memory()
    outcome.add("web process at start: resident", resident, "MB", note=f"private {private:.0f} MB")
    took, _ = service.get("/")
    outcome.add("open the map, first time after an import", took, "s")
    outcome.add("open the map: p50", p50(service, ["/"] * TIMES), "ms")
    outcome.add("web process after opening: private", service.memory()[1], "MB")
    measure_tiles(outcome, service)
    measure_items(outcome, service, count)
    outcome.add("web process after all questions: resident", service.memory()[0], "MB")
    outcome.add("web process after all questions: private", service.memory()[1], "MB", ("<=", 400))


def measure_tiles(outcome: Outcome, service: Service) -> None:
    chance = random.Random(7)
    places = [(city.WEST + city.SPAN_X * chance.random(), city.SOUTH + city.SPAN_Y * chance.random()) for _ in range(9)]
    for zoom, bar in ((10, 1000.0), (12, 500.0), (14, 300.0), (17, 50.0)):
        paths = list(dict.fromkeys(f"/tiles/{LAYER}/r1/{zoom}/{x}/{y}.mvt" for x, y in _tiles(places, zoom)))
        times = [service.get(path) for path in paths]
        first = max(took for took, _ in times) * 1000
        size = max(len(data) for _, data in times) / 1000
        outcome.add(
            f"tile z{zoom}: first time, slowest", first, "ms", ("<=", bar), f"{len(paths)} tiles, {size:.0f} kB"
        )
        outcome.add(f"tile z{zoom}: again, p50", p50(service, paths * 3), "ms", ("<=", 10))


def _tiles(places: list[tuple[float, float]], zoom: int) -> list[tuple[int, int]]:
    return [tile_of(longitude, latitude, zoom) for longitude, latitude in places]


def measure_items(outcome: Outcome, service: Service, count: int) -> None:
    chance = random.Random(11)
    items = f"/api/layers/{LAYER}/items?limit=100"
    boxes = []
    for _ in range(TIMES):
        west, south = city.WEST + city.SPAN_X * chance.random(), city.SOUTH + city.SPAN_Y * chance.random()
        boxes.append(f"{items}&bbox={west:.5f},{south:.5f},{west + 0.005:.5f},{south + 0.005:.5f}")
    questions = {
        "items: first, middle, last page": [f"{items}&offset={at}" for at in (0, count // 2, count - 100)] * 4,
        "items: page in a bbox": boxes,
        "ogc items: page in a bbox": [b.replace("/api/layers", "/ogc/collections") for b in boxes],
        "table: sorted by area, first and middle": [f"{items}&sort=-area_m2&offset={at}" for at in (0, count // 2)] * 4,
        "text in the table": [f"{items}&q={quote(word)}" for word in ("卫津路12", "鼓楼", "教育局", "NK-CP-0004")] * 3,
        "filter (CQL2)": [f"{items}&filter={quote(f)}" for f in FILTERS] * 3,
        "filter and sort": [f"{items}&filter={quote(f)}&sort=area_m2" for f in FILTERS] * 3,
        "search box": [f"/api/search?q={quote(word)}" for word in WORDS] * 3,
    }
    bars = {"items": 50.0, "ogc i": 50.0, "table": 250.0, "text ": 250.0, "filte": 250.0, "searc": 250.0}
    for name, paths in questions.items():
        times = [service.get(path)[0] * 1000 for path in paths]
        note = f"p50 {statistics.median(times):.1f} ms, first {times[0]:.0f} ms"
        outcome.add(f"{name}: p95", p95(times[1:]), "ms", ("<=", bars[name[:5]]), note)


def measure_edit(outcome: Outcome, home: Path, url: str, service: Service) -> None:
    """One parcel renamed by another process: durable, then seen by the web process, then in the published file."""
    from geo_service.core.features import Feature
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings

    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": url}))
    durable, seen = [], []
    for number in range(5):
        old = deployment.store.feature(LAYER, f"NK-CP-{number * 7 + 100:07}")
        name = f"改名{number}"
        begin = time.perf_counter()
        new = Feature(old.id, {**old.properties, "name": name}, old.geometry)
        base = deployment.store.layer(LAYER).revision.rev
        deployment.store.commit(LAYER, {old.id: new}, base=base, kind="edit", author="bench", note="")
        durable.append((time.perf_counter() - begin) * 1000)
        page = json.loads(service.get(f"/api/layers/{LAYER}/items?q={quote(name)}")[1])
        if page["numberMatched"] != 1:
            raise RuntimeError(f"{page['numberMatched']} features of the new name")
        seen.append((time.perf_counter() - begin) * 1000)
    outcome.add("edit: durable, p50", statistics.median(durable), "ms", ("<=", 50))
    outcome.add("edit: found by the web process, p50", statistics.median(seen), "ms", ("<=", 500))
    rev = deployment.store.layer(LAYER).revision.rev
    x, y = tile_of(city.WEST + 0.0001, city.SOUTH + 0.0001, 12)
    outcome.add("edit: touched tile z12", service.get(f"/tiles/{LAYER}/r{rev}/12/{x}/{y}.mvt")[0] * 1000, "ms")
    outcome.add("edit: map opened after it", service.get("/")[0] * 1000, "ms")
    begin = time.perf_counter()
    deployment.store.close()
    outcome.add("edit: published file after it", time.perf_counter() - begin, "s")


def measure_exports(outcome: Outcome, service: Service, folder: Path, count: int) -> None:
    """Our downloads, and GDAL writing the same features from memory."""
    import pyogrio

    source = folder / "ours.gpkg"
    ours = {}
    for suffix in EXPORTS:
        ours[suffix], data = service.get(f"/ogc/download/{LAYER}.{suffix}")
        (folder / f"ours.{suffix}").write_bytes(data)
        del data
    frame = pyogrio.read_dataframe(source)
    outcome.add("export: features in the file", len(frame), "", (">=", count))
    drivers = {"gpkg": "GPKG", "geojson": "GeoJSON", "fgb": "FlatGeobuf"}
    for suffix in EXPORTS:
        theirs = timed(
            lambda to=folder / f"gdal.{suffix}", d=drivers[suffix]: pyogrio.write_dataframe(frame, to, driver=d)
        )
        outcome.add(
            f"export {suffix}: ours, over HTTP", ours[suffix], "s", note=f"{count / ours[suffix]:,.0f} features/s"
        )
        outcome.add(f"export {suffix}: GDAL from memory", theirs, "s", note=f"{count / theirs:,.0f} features/s")
        outcome.add(f"export {suffix}: ours to GDAL", ours[suffix] / theirs, "x")


def timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def p50(service: Service, paths: list[str]) -> float:
    return statistics.median(service.get(path, encoding="gzip")[0] for path in paths) * 1000


def p95(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, round(0.95 * len(times)))]
