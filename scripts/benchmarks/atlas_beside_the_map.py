"""How pages and tiles of the map are answered while a 40-page atlas is printed, and before."""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from scripts.benchmarks.map import fill, tile_of
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.parcels import SOUTH, SPAN_X, SPAN_Y, WEST
from scripts.benchmarks.services import ask, serving

PAGES = 40
ATLAS = "waterlogging_zones"
"""The plan's 40 waterlogging zones, a page each."""
PARCELS = 20_000
LOOK_S = 1.0
"""Time of each look at pages, then at tiles."""
LONGEST_S = 300.0
SHEET = {"title": "积水片区图集", "date": "2025-11-23"}


class Person:
    """Somebody with cookies who prints."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        page = self._opener.open(f"{address}/sign-in").read().decode()
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        self._token = found[1] if found else ""

    def send(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        """The JSON of an answer."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"X-CSRF-Token": self._token, "Content-Type": "application/json"}
        asked = urllib.request.Request(self.address + path, data, headers, method=method or None)  # noqa: S310  # our own
        with self._opener.open(asked, timeout=60) as answer:
            return json.loads(answer.read())


def add_figures(outcome: Outcome, home: Path) -> None:
    """p95 of pages and tiles without and with the atlas, seconds and memory of it, and how soon a cancel takes hold."""
    fill(home, {"parcels": ("BENCH", PARCELS)})
    with serving(home) as address:
        person = Person(address)
        tiles = _tiles()
        _look(address, tiles, lambda: True)
        calm = _look(address, tiles, lambda: True)
        job = person.send("/api/prints", {"request": SHEET, "atlas": ATLAS})["id"]
        begun = time.perf_counter()
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(person, job, ended))
        watcher.start()
        busy = _look(address, tiles, ended.is_set)
        watcher.join()
        took = time.perf_counter() - begun
        told = person.send(f"/api/prints/{job}")
        if told["state"] != "done" or told["result"]["pages"] < PAGES:
            raise RuntimeError(f"the atlas: {told}")
        _add(outcome, calm, busy)
        outcome.add("atlas of 40 maps, printed beside the map", took, "s", None, f"{told['result']['pages']} pages")
        outcome.add("atlas cancelled in the middle: until it has ended", _cancelled(person), "s")


def _watch(person: Person, job: str, ended: threading.Event) -> None:
    until = time.perf_counter() + LONGEST_S
    while time.perf_counter() < until and person.send(f"/api/prints/{job}")["state"] in ("waiting", "running"):
        time.sleep(0.2)
    ended.set()


def _cancelled(person: Person) -> float:
    """Seconds from asking until the worker is gone, once some pages have been drawn."""
    job = person.send("/api/prints", {"request": SHEET, "atlas": ATLAS})["id"]
    until = time.perf_counter() + LONGEST_S
    while person.send(f"/api/prints/{job}")["done"] < 3 and time.perf_counter() < until:
        time.sleep(0.05)
    begun = time.perf_counter()
    person.send(f"/api/prints/{job}", method="DELETE")
    while person.send(f"/api/prints/{job}")["state"] not in ("cancelled", "done"):
        time.sleep(0.02)
    return time.perf_counter() - begun


def _tiles() -> list[str]:
    """Tiles of zoom 15 over the whole district, more than one look asks for twice."""
    steps = [n / 12 for n in range(12)]
    found = {tile_of(WEST + SPAN_X * x, SOUTH + SPAN_Y * y) for x in steps for y in steps}
    return [f"/tiles/parcels/r1/15/{x}/{y}.mvt" for x, y in sorted(found)]


def _look(address: str, tiles: list[str], ended: Callable[[], bool]) -> dict[str, list[float]]:
    """Seconds of every page and tile until it has ended, at least one look at each."""
    times: dict[str, list[float]] = {"page": [], "tile": []}
    while True:
        for name, paths in (("page", ["/", "/layers", "/print"]), ("tile", tiles)):
            times[name] += ask(address, paths, connections=2, seconds=LOOK_S).times_s
        if ended():
            return times


def _add(outcome: Outcome, calm: dict[str, list[float]], busy: dict[str, list[float]]) -> None:
    for name in ("page", "tile"):
        alone, beside = (statistics.quantiles(t[name], n=20)[18] * 1000 for t in (calm, busy))
        note = f"{len(busy[name])} of them; {alone:.1f} ms without"
        bar = ("<=", 300.0) if name == "page" else None
        outcome.add(f"{name} while a 40-page atlas prints: p95", beside, "ms", bar, note)
