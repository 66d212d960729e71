"""A working day at the bureau: people who look at the map, tables and pages, search, and send a file each minute.

``scripts/bench load [--users 50] [--minutes 3] [--postgis]`` starts the service with two gunicorn processes on a fresh
home with the shipped layers and 20 000 generated parcels, and lets simulated users ask it over loopback, each pausing
a second or two between requests as people do. Errors are answers other than 200, 204, 304, or none.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from scripts.benchmarks.map import fill, tile_of
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.parcels import SOUTH, SPAN_X, SPAN_Y, WEST
from scripts.benchmarks.services import serving

PARCELS = 20_000
PAGES = ("/", "/layers", "/plan", "/layers/pocket_parks", "/unlocated")
WORDS = ("公园", "gy", "学校", "南开", "tjdx", "地块123", "积水")
PAUSE_S = (1.0, 3.0)
UPLOAD_EVERY_S = 60.0
GOOD = (200, 201, 202, 204, 304)
EDITOR = "officer"


class Ledger:
    """Seconds of each answer by kind of request, and what went wrong."""

    def __init__(self) -> None:
        self.times_s: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []
        self._lock = threading.Lock()

    def note(self, kind: str, took_s: float, error: str = "") -> None:
        with self._lock:
            self.times_s[kind].append(took_s)
            if error:
                self.errors.append(error)


class User:
    """One person with one kept connection."""

    def __init__(self, address: str, ledger: Ledger, seed: int) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._ledger = ledger
        self._chance = random.Random(seed)

    def work(self, until: float) -> None:
        time.sleep(self._chance.uniform(0, PAUSE_S[1]))
        while time.perf_counter() < until:
            kind, paths = self._choose()
            for path in paths:
                self.ask(kind, path)
            time.sleep(self._chance.uniform(*PAUSE_S))

    def ask(self, kind: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
        begin, error, data = time.perf_counter(), "", b""
        try:
            self._connection.request(method, path, body=body, headers={"Accept-Encoding": "gzip", **headers})
            answer = self._connection.getresponse()
            data = answer.read()
            error = "" if answer.status in GOOD else f"{method} {path}: {answer.status} {data[:200]!r}"
        except (OSError, http.client.HTTPException) as fault:
            error = f"{method} {path}: {fault!r}"
            self._connection.close()
        self._ledger.note(kind, time.perf_counter() - begin, error)
        return data

    def _choose(self) -> tuple[str, list[str]]:
        roll = self._chance.random()
        if roll < 0.35:
            return "page", [self._chance.choice(PAGES)]
        if roll < 0.70:
            return "tile", self._tiles()
        if roll < 0.85:
            return "table", [self._table()]
        return "search", [f"/api/search?q={quote(self._chance.choice(WORDS))}"]

    def _tiles(self) -> list[str]:
        """What a look at another part of the map asks for."""
        x, y = tile_of(WEST + SPAN_X * self._chance.random(), SOUTH + SPAN_Y * self._chance.random())
        return [f"/tiles/parcels/r1/15/{x + dx}/{y + dy}.mvt" for dx in range(3) for dy in range(2)]

    def _table(self) -> str:
        west, south = WEST + SPAN_X * self._chance.random(), SOUTH + SPAN_Y * self._chance.random()
        bbox = f"{west:.5f},{south:.5f},{west + 0.01:.5f},{south + 0.01:.5f}"
        return f"/api/layers/parcels/items?bbox={bbox}&limit=100&sort=name"


def send_files(address: str, ledger: Ledger, token: str, until: float) -> None:
    """A file each minute through receiving, dry run and draft."""
    user = User(address, ledger, 0)
    login = {"Authorization": "Basic " + base64.b64encode(f"{EDITOR}:{token}".encode()).decode()}
    while time.perf_counter() < until:
        begin = time.perf_counter()
        send_file(user, login)
        ledger.note("upload in all", time.perf_counter() - begin)
        time.sleep(max(0.0, min(UPLOAD_EVERY_S - (time.perf_counter() - begin), until - time.perf_counter())))


def send_file(user: User, login: dict[str, str]) -> None:
    page = json.loads(user.ask("upload", "/api/layers/schools/items?limit=20", **{"Accept-Encoding": "identity"}))
    for feature in page["features"]:
        feature["properties"]["note"] = str(time.time())
    kept = {"type": "FeatureCollection", "features": [without_extras(f) for f in page["features"]]}
    plain = login | {"Accept-Encoding": "identity"}
    sent = user.ask(
        "upload", "/api/uploads", "POST", json.dumps(kept).encode(), **plain, **{"X-File-Name": "a.geojson"}
    )
    asked = json.dumps({"layer": "schools", "mode": "upsert"}).encode()
    path = f"/api/uploads/{json.loads(sent)['id']}/examinations"
    job = json.loads(user.ask("upload", path, "POST", asked, **plain, **{"Content-Type": "application/json"}))["job"]
    while "result" not in json.loads(user.ask("upload", f"/api/examinations/{job}", **plain)):
        time.sleep(0.5)
    note = json.dumps({"note": "load"}).encode()
    user.ask("upload", f"/api/examinations/{job}/draft", "POST", note, **plain, **{"Content-Type": "application/json"})


def without_extras(feature: dict[str, Any]) -> dict[str, Any]:
    return {key: feature[key] for key in ("type", "id", "geometry", "properties")}


@contextmanager
def database(*, postgis: bool) -> Iterator[str]:
    """Empty for SQLite in the home, else the URL of a private PostGIS cluster."""
    if not postgis:
        yield ""
        return
    from tests.postgis import Cluster

    cluster = Cluster()
    try:
        yield cluster.new_database()
    finally:
        cluster.remove()


def add_editor(home: Path, url: str) -> str:
    """The token of somebody who may send files."""
    from geo_service.core.access import Account, Grant
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings

    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": url}))
    opened.people.accounts.add(Account(name=EDITOR, display=EDITOR, grants=(Grant("editor"),)), "a long pass phrase")
    token = opened.people.accounts.issue_token(EDITOR, "load")
    opened.store.close()
    return token


def p95(times_s: list[float]) -> float:
    return statistics.quantiles(times_s, n=20)[-1] if len(times_s) > 1 else times_s[0]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench load", description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--postgis", action="store_true", help="keep the store in a private PostGIS cluster")
    options = parser.parse_args(arguments)
    outcome = Outcome("load-postgis" if options.postgis else "load")
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder, database(postgis=options.postgis) as url:
        home = Path(folder) / "home"
        fill(home, {"parcels": ("PA", PARCELS)}, database=url)
        token = add_editor(home, url)
        with serving(home, server="gunicorn", workers="2", database=url) as address:
            run_users(address, ledger, token, options.users, options.minutes * 60)
    report(outcome, ledger, options.users, options.minutes)
    return outcome.finish()


def run_users(address: str, ledger: Ledger, token: str, count: int, seconds: float) -> None:
    for path in (*PAGES, "/api/search?q=gy", "/tiles/parcels/r1/15/0/0.mvt", "/api/layers/parcels/items?limit=1"):
        for number in range(6):  # what each process works out once is not what a working day is made of
            User(address, Ledger(), number).ask("warm", path)
    until = time.perf_counter() + seconds
    users = [User(address, ledger, seed) for seed in range(count)]
    threads = [threading.Thread(target=user.work, args=(until,)) for user in users]
    threads.append(threading.Thread(target=send_files, args=(address, ledger, token, until)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(outcome: Outcome, ledger: Ledger, users: int, minutes: float) -> None:
    total = sum(map(len, ledger.times_s.values()))
    outcome.add("requests", total, "", note=f"{users} users, {minutes:g} minutes")
    outcome.add("errors", len(ledger.errors), "", ("<=", 0), "; ".join(ledger.errors[:2])[:300])
    for kind, times_s in sorted(ledger.times_s.items()):
        bar = ("<=", 300.0) if kind == "page" else None
        note = f"p50 {statistics.median(times_s) * 1000:.0f} ms, {len(times_s)} times"
        outcome.add(f"{kind}: p95", p95(times_s) * 1000, "ms", bar, note)
