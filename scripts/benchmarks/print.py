"""Printing: an A3 sheet cold and warm, a 12-page atlas, a PNG; time, size and the memory of the process that prints.

The sheets of GetPrint are not measured here: without a QGIS Server beside it these are our own figures only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geo_service.deployment import open_deployment
from geo_service.rendering.printing.request import SheetRequest
from geo_service.settings import read_settings
from geo_service.usecases.printing import Wish, make_sheet, settle
from scripts.benchmarks.outcome import Outcome

TITLE = "南开区规划建设项目分布图"
ALONE = """
import json, pathlib, resource, sys, time
begun = time.perf_counter()
from geo_service.usecases.printing import make_sheet
make_sheet(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]), lambda done, total: None)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
"""A sheet in a process of its own: seconds with every import, MB at the most."""


def main(arguments: Sequence[str]) -> int:
    """Measure; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench print")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args(arguments).rounds
    outcome = Outcome("print")
    print("QGIS Server GetPrint is not part of this run: our own figures only")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        sheet, atlas, picture = _orders(out / "home")
        cold = [_alone(sheet, out) for _ in range(rounds)]
        outcome.add("A3 sheet: cold, with every import", statistics.median(c[0] for c in cold), "s", ("<=", 2.0))
        outcome.add("A3 sheet: memory", max(c[1] for c in cold), "MB", ("<=", 400))
        seconds, size = _measured(sheet, out, rounds)
        outcome.add("A3 sheet: warm", seconds, "s", ("<=", 0.3))
        outcome.add("A3 sheet: size", size / 1000, "kB", ("<=", 300))
        seconds, size = _measured(atlas, out, rounds)
        outcome.add("atlas of 12 maps and an index: warm", seconds, "s", ("<=", 1.5))
        outcome.add("atlas of 12 maps and an index: size", size / 1000, "kB")
        outcome.add("A3 PNG at 300 dpi: warm", _measured(picture, out, rounds)[0], "s")
    return outcome.finish()


def _orders(home: Path) -> tuple[dict[str, Any], ...]:
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    states, store, settings = deployment.store.layers(), deployment.store, deployment.settings
    request = SheetRequest(title=TITLE, date="2025-11-23")
    wishes = (Wish(), Wish(atlas="subdistricts"), Wish(format="png", dpi=300))
    orders = tuple(settle(request, wish, states, store=store, settings=settings).data() for wish in wishes)
    store.close()
    return orders


def _alone(order: dict[str, Any], out: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", ALONE, json.dumps(order), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def _measured(order: dict[str, Any], out: Path, rounds: int) -> tuple[float, int]:
    """Median seconds once everything is loaded, and bytes of the file."""
    told = make_sheet(order, out, lambda _done, _total: None)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        told = make_sheet(order, out, lambda _done, _total: None)
        times.append(time.perf_counter() - begun)
    return statistics.median(times), int(told["bytes"])
