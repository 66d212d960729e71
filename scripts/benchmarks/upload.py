"""Uploads: how soon a large file is reported on, what that costs, how the map fares, how soon an edit is durable.

``scripts/bench upload [--quick]``. The layer and the file hold 100 000 polygons with sixteen corners; one in a hundred
is changed in the file. Everything goes over HTTP as a program of the bureau would do it, with a personal token.
"""

from __future__ import annotations

import argparse
import dataclasses
import http.client
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.benchmarks import parcels
from scripts.benchmarks.map import tile_of
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.services import serving

COUNT = 100_000
LAYER, SERIAL = "parcels_b", "PB"
FORMATS: tuple[tuple[str, int], ...] = (("geojson", 4490), ("shp", 4548), ("gpkg", 4490))
EDITS = 200
CHANGED_EVERY = 100
POLL_S = 0.1
ZOOMS = (15, 16, 17)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench upload", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, for trying it out")
    count = COUNT // 10 if parser.parse_args(arguments).quick else COUNT
    outcome = Outcome("upload")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        token, files = prepare(home, Path(folder), count)
        with serving(home) as address:
            program = Program(address, token)
            program.warm()
            tiles = unseen_tiles()
            quiet = Tiles(address, tiles)
            quiet.run_for(1.0)  # the first tile of a revision arranges its features
            quiet.times_s.clear()
            quiet.run_for(2.0)
            outcome.add("tile: p95 with nothing else going on", quiet.p95_ms, "ms", note="not in any cache")
            for name, path in files.items():
                measure_upload(outcome, program, Tiles(address, tiles), name, path)
            measure_edits(outcome, program)
    return outcome.finish()


def prepare(home: Path, folder: Path, count: int) -> tuple[str, dict[str, Path]]:
    """A token of an editor on a home with the large layer, and the files to send."""
    from geo_service.core.access import Account, Grant
    from geo_service.deployment import open_deployment
    from geo_service.ingest.writers import write_layer
    from geo_service.settings import read_settings

    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    definition = parcels.definition(LAYER, SERIAL)
    rows = list(parcels.features(count, SERIAL))
    deployment.store.create_layer(definition, rows, author="bench", note="generated")
    editor = Account(name="program", display="program", grants=(Grant("editor"),))
    deployment.people.accounts.add(editor, "a pass phrase of the benchmark's")
    token = deployment.people.accounts.issue_token("program", "bench")
    deployment.store.close()
    changed = [_changed(row) if i % CHANGED_EVERY == 0 else row for i, row in enumerate(rows)]
    files = {
        name: write_layer(name, changed, folder / f"file.{name}", definition=definition, rev=1, crs=crs)  # type: ignore[arg-type]  # names of formats
        for name, crs in FORMATS
    }
    return token, files


def _changed(row: Any) -> Any:
    return dataclasses.replace(row, properties={**row.properties, "name": f"{row.properties['name']}甲"})


class Program:
    """A program with a personal token, over one kept connection."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=600)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """The answer's JSON."""
        return json.loads(self.fetch(path, method, body))

    def fetch(self, path: str, method: str = "GET", body: bytes | dict[str, Any] | None = None) -> bytes:
        """The answer as it is."""
        headers = dict(self._headers)
        if isinstance(body, dict):
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        status, text = self._answer(path, method, body, headers)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {text[:300]!r}")
        return text

    def fetch_prepared(self, path: str) -> bytes:
        """The answer once it is no longer 503, asked for ten times a second."""
        while True:
            status, text = self._answer(path, "GET", None, self._headers)
            if status == 200:
                return text
            if status != 503:
                raise RuntimeError(f"{path}: {status} {text[:300]!r}")
            time.sleep(POLL_S)

    def _answer(self, path: str, method: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def warm(self) -> None:
        """One small upload, which starts the jail and loads the libraries, as the first person of the day does."""
        kept = self.ask("POST", "/api/uploads", b'{"type":"FeatureCollection","features":[]}')
        self.examine(kept["id"])

    def examine(self, kept_id: str) -> dict[str, Any]:
        """What a dry run found, once it has ended."""
        job = self.ask("POST", f"/api/uploads/{kept_id}/examinations", {"layer": LAYER})["job"]
        while True:
            state: dict[str, Any] = self.ask("GET", f"/api/examinations/{job}")
            if "result" in state:
                return dict(state["result"])
            time.sleep(POLL_S)


class Tiles:
    """Somebody looking around: tiles of three zooms that nobody has asked for before, one after the other."""

    def __init__(self, address: str, unseen: Iterator[str]) -> None:
        self._unseen = unseen
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=120)
        self.times_s: list[float] = []
        self._over = threading.Event()

    def __enter__(self) -> Tiles:
        self._thread = threading.Thread(target=self._look_around)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def run_for(self, seconds: float) -> None:
        """Look around for so long."""
        with self:
            self._over.wait(seconds)
        self._over.clear()

    @property
    def p95_ms(self) -> float:
        """95 of 100 tiles came within so many milliseconds."""
        return statistics.quantiles(self.times_s, n=20)[-1] * 1000

    def _look_around(self) -> None:
        while not self._over.wait(0.05):
            begin = time.perf_counter()
            self._connection.request("GET", next(self._unseen), headers={"Accept-Encoding": "br, gzip"})
            answer = self._connection.getresponse()
            answer.read()
            self.times_s.append(time.perf_counter() - begin)
            if answer.status not in (200, 204):
                raise RuntimeError(f"tile: {answer.status}")


def unseen_tiles() -> Iterator[str]:
    """About two thousand tiles of the layer, in no order."""
    paths = []
    for zoom in ZOOMS:
        left, bottom = tile_of(parcels.WEST, parcels.SOUTH, zoom)
        right, top = tile_of(parcels.WEST + parcels.SPAN_X, parcels.SOUTH + parcels.SPAN_Y, zoom)
        paths += [f"{zoom}/{x}/{y}" for x in range(left, right + 1) for y in range(top, bottom + 1)]
    random.Random(1).shuffle(paths)
    return (f"/tiles/{LAYER}/r1/{path}.mvt" for path in paths)


def measure_upload(outcome: Outcome, program: Program, tiles: Tiles, name: str, path: Path) -> None:
    """From the first byte sent to the whole report read, with somebody looking at the map all the time."""
    body = path.read_bytes()
    with tiles:
        begin = time.perf_counter()
        kept = program.ask("POST", "/api/uploads", body)
        received = time.perf_counter()
        found = program.examine(kept["id"])
        took = time.perf_counter() - begin
    tally = found["tally"]
    if (tally["modified"] * CHANGED_EVERY, tally["unchanged"] + tally["modified"]) != (tally["rows"], tally["rows"]):
        raise RuntimeError(f"{name}: {tally} {found['findings'][:3]}")
    note = f"{tally['rows']} polygons, {len(body) / 1e6:.0f} MB, received in {received - begin:.1f} s"
    outcome.add(f"{name}: upload to report", took, "s", ("<=", 15), note)
    outcome.add(f"{name}: processor time of the worker", found["cpu_s"], "s", note="whatever else the machine does")
    outcome.add(f"{name}: memory of the worker", found["peak_bytes"] / 1e6, "MB", ("<=", 600))
    outcome.add(f"{name}: tile p95 meanwhile", tiles.p95_ms, "ms", ("<=", 100), f"{len(tiles.times_s)} tiles")


def measure_edits(outcome: Outcome, program: Program) -> None:
    """One feature changed at a time in a draft of the large layer: acknowledged when it is on the disk."""
    draft = program.ask("POST", "/api/drafts", {"layer": LAYER, "note": "bench"})["id"]
    times: list[float] = []
    for number, row in enumerate(parcels.features(EDITS, SERIAL)):
        properties = {**row.properties, "name": f"改{number}"}
        feature = {"type": "Feature", "id": row.id, "geometry": row.geometry, "properties": properties}
        begin = time.perf_counter()
        program.ask("PUT", f"/api/drafts/{draft}/changes/{row.id}", {"feature": feature, "base_rev": 1})
        times.append(time.perf_counter() - begin)
    outcome.add("edit: durable p50", statistics.median(times) * 1000, "ms", ("<=", 20), _spread(times))


def _spread(times_s: Sequence[float]) -> str:
    return f"{len(times_s)} edits over HTTP, p95 {statistics.quantiles(times_s, n=20)[-1] * 1000:.0f} ms"
