"""From a file to the map: a new layer sent, examined with every check, made, published and seen in a tile.

``scripts/bench arrival [--polygons 100000] [--points 1000000]``. Everything goes over HTTP, as a program of an
administrator does it with a personal token: the file is sent, rehearsed, the layer is made, and its first tile fetched.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from scripts.benchmarks import parcels
from scripts.benchmarks.map import tile_of
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.services import serving
from scripts.benchmarks.upload import POLL_S, Program

ZOOM = 16


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench arrival", description=__doc__)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    outcome = Outcome("arrival")
    with tempfile.TemporaryDirectory() as folder:
        home, room = Path(folder) / "home", Path(folder)
        token = administrator(home)
        with serving(home) as address:
            program = Program(address, token)
            for format_, layer, features, bar in (
                ("geojson", parcels.definition("parcels_n", "PN"), parcels.features(options.polygons, "PN"), 10),
                ("gpkg", parcels.definition("parcels_g", "PG"), parcels.features(options.polygons, "PG"), 10),
                ("gpkg", lamps(), lamp_features(options.points), 60),
            ):
                path = file_of(room / f"{layer.id}.{format_}", format_, layer, features)
                measure(outcome, program, path, layer, bar)
    return outcome.finish()


def administrator(home: Path) -> str:
    """A token of an administrator on an empty home."""
    from geo_service.core.access import Account, Grant
    from geo_service.deployment import open_deployment
    from geo_service.settings import read_settings

    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    accounts = deployment.people.accounts
    accounts.add(Account(name="program", display="program", grants=(Grant("admin"),)), "a pass phrase of the bench's")
    token = accounts.issue_token("program", "bench")
    deployment.store.close()
    return token


def lamps() -> LayerDefinition:
    """A public layer of points."""
    return LayerDefinition(
        id="lamps",
        title=Text("路灯（生成）", "Street lamps (generated)"),
        theme="reference",
        geometry_types=("Point",),
        serial="LP",
        symbol="point_blue",
        source="generated",
        secrecy="public",
    )


def lamp_features(count: int) -> Iterator[Feature]:
    """So many points, at uneven distances from each other."""
    chance = random.Random(20251124)
    side = math.ceil(math.sqrt(count))
    for number in range(count):
        x = parcels.WEST + (number % side + chance.random()) * parcels.SPAN_X / side
        y = parcels.SOUTH + (number // side + chance.random()) * parcels.SPAN_Y / side
        properties = {"name": f"路灯{number + 1}", "precision": "surveyed", "source": "生成", "error_m": 0.1}
        point = {"type": "Point", "coordinates": [round(x, 7), round(y, 7)]}
        yield Feature(f"NK-LP-{number + 1:07}", properties, point)


def file_of(path: Path, format_: Any, layer: LayerDefinition, features: Iterator[Feature]) -> Path:
    """The file a bureau would send."""
    from geo_service.ingest.writers import write_layer

    return write_layer(format_, list(features), path, definition=layer, rev=1, crs=4490)


def measure(outcome: Outcome, program: Program, path: Path, layer: LayerDefinition, bar: float) -> None:
    """Seconds of each step; all of them from the first byte sent to a tile with features in it."""
    body, name = path.read_bytes(), f"{path.suffix[1:]}, {layer.geometry_types[0].lower()}s"
    begin = time.perf_counter()
    kept = program.ask("POST", "/api/uploads", body)
    sent = time.perf_counter()
    asked = {"upload": kept["id"], "definition": msgspec.to_builtins(layer)}
    job = program.ask("POST", "/api/new-layers/rehearsals", asked)["job"]
    found = finished(program, job)
    if found["tally"]["accepted"] != found["tally"]["rows"]:
        raise RuntimeError(f"{name}: {found['tally']} {found['findings'][:3]}")
    examined = time.perf_counter()
    made = program.ask("POST", "/api/new-layers", {"job": job, "note": "bench"})
    durable = time.perf_counter()
    x, y = tile_of(parcels.WEST + parcels.SPAN_X / 2, parcels.SOUTH + parcels.SPAN_Y / 2, ZOOM)
    size = len(program.fetch_prepared(f"/tiles/{layer.id}/r1/{ZOOM}/{x}/{y}.mvt"))
    seen = time.perf_counter()
    note = f"{made['features']:,} features, {len(body) / 1e6:.0f} MB"
    outcome.add(f"{name}: sent", sent - begin, "s", note=note)
    outcome.add(f"{name}: examined", examined - sent, "s")
    outcome.add(f"{name}: durable", durable - examined, "s")
    outcome.add(f"{name}: its first tile", seen - durable, "s", note=f"{size / 1000:.0f} kB")
    outcome.add(f"{name}: file to map", seen - begin, "s", ("<=", bar))


def finished(program: Program, job: str) -> dict[str, Any]:
    """What a rehearsal found, once it has ended."""
    while True:
        state: dict[str, Any] = program.ask("GET", f"/api/new-layers/rehearsals/{job}")
        if "result" in state:
            return dict(state["result"])
        time.sleep(POLL_S)
