"""Printing: an A3 sheet cold and warm, a 12-page atlas, a PNG, in turns with GetPrint of QGIS Server where one is
installed; time, size, memory; and how the map answers while a 40-page atlas is made.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from geo_service.deployment import open_deployment
from geo_service.rendering.printing.layers import prepare
from geo_service.rendering.printing.request import SheetRequest
from geo_service.settings import read_settings
from geo_service.storage.store import open_store
from geo_service.usecases.printing import Order, Wish, composed, make_sheet, settle
from scripts.benchmarks import getprint
from scripts.benchmarks.atlas_beside_the_map import add_figures
from scripts.benchmarks.outcome import Outcome

TITLE = "南开区规划建设项目分布图"
BAR = ("<=", 0.5)
ALONE = """
import json, pathlib, resource, sys, time
begun = time.perf_counter()
from geo_service.usecases.printing import make_sheet
make_sheet(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]), lambda done, total: None)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
"""A sheet in a process of its own: seconds with every import, MB at the most."""


@dataclass
class Times:
    """Seconds of each round, and the bytes of the last file."""

    seconds: list[float] = field(default_factory=list)
    size: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, make: Callable[[], int]) -> None:
        """One more round of what gives a size."""
        begun = time.perf_counter()
        self.size = make()
        self.seconds.append(time.perf_counter() - begun)


def main(arguments: Sequence[str]) -> int:
    """Measure; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench print")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="our own figures only, also where QGIS Server is there")
    parser.add_argument("--quick", action="store_true", help="one round, alone, without the map beside it")
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    outcome = Outcome("print")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        orders = _orders(home)
        peer = None if options.alone or options.quick else _peer(orders["sheet"], Path(folder), stack)
        print(peer if isinstance(peer, str) else "in turns with QGIS Server" if peer else "our own figures only")
        _measure(outcome, orders, peer if isinstance(peer, Peer) else None, Path(folder), rounds)
        if not options.quick:
            add_figures(outcome, home)
    return outcome.finish()


def _orders(home: Path) -> dict[str, dict[str, Any]]:
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    states, store, settings = deployment.store.layers(), deployment.store, deployment.settings
    request = SheetRequest(title=TITLE, date="2025-11-23")
    wishes = {"sheet": Wish(), "atlas": Wish(atlas="subdistricts"), "picture": Wish(format="png", dpi=300)}
    orders = {
        name: settle(request, wish, states, store=store, settings=settings).data() for name, wish in wishes.items()
    }
    store.close()
    return orders


# ---------------------------------------------------------------- the peer
@dataclass
class Peer:
    """The project of the same sheet, a warm server on it, and the rounds of a cold one."""

    project: Path
    extents: dict[str, getprint.Bounds]
    server: getprint.Server
    cold: Times = field(default_factory=Times)
    sheet: Times = field(default_factory=Times)
    atlas: Times = field(default_factory=Times)

    def once_cold(self) -> int:
        """The first sheet of a new process."""
        with getprint.serving(self.project, self.extents) as server:
            return len(server.sheet())


def _peer(told: dict[str, Any], folder: Path, stack: ExitStack) -> Peer | str:
    """QGIS Server with our sheet as its project; why not, where there is none."""
    if lacking := getprint.missing():
        return f"QGIS Server's GetPrint is not measured, {lacking}; our own figures only"
    order = msgspec.convert(told, Order)
    sheet, _ = composed(order, lambda _done, _total: None)
    store = open_store(order.database_url, Path(order.home), _never)
    layers = [prepare(store.snapshot(layer, rev)) for layer, rev in order.layers.items()]
    store.close()
    room = folder / "qgis"
    room.mkdir()
    project = getprint.write_project(sheet, layers, room)
    bounds = sheet.scenes[0].frame.bounds
    extents = {"map0": bounds, "map1": bounds}
    server = stack.enter_context(getprint.serving(project, extents))
    server.sheet()  # the layers are open from now on
    pages = getprint.pages_of(server.atlas())
    if pages != 12:
        raise RuntimeError(f"GetPrint's atlas has {pages} pages")
    return Peer(project, extents, server)


def _never() -> Any:
    raise AssertionError("a benchmark that reads needs no clock")


# ---------------------------------------------------------------- the rounds
def _measure(outcome: Outcome, orders: dict[str, dict[str, Any]], peer: Peer | None, folder: Path, rounds: int) -> None:
    """Ours and theirs in every round, so that what else the machine does weighs on both."""
    out = folder / "out"
    out.mkdir()
    ours = {name: Times() for name in orders}
    alone = [_alone(orders["sheet"], out) for _ in range(rounds)]
    for order in orders.values():
        _made(order, out)
    for _ in range(rounds):
        for name, order in orders.items():
            ours[name].run(lambda order=order: _made(order, out))  # type: ignore[misc]  # bound while it is called
        if peer:
            peer.sheet.run(lambda: len(peer.server.sheet()))
            peer.atlas.run(lambda: len(peer.server.atlas()))
            peer.cold.run(peer.once_cold)
    cold = statistics.median(seconds for seconds, _ in alone)
    memory = max(held for _, held in alone)
    _add_own(outcome, ours, cold, memory)
    if peer:
        _add_ratios(outcome, ours, peer, cold, memory)


def _add_own(outcome: Outcome, ours: dict[str, Times], cold: float, memory: float) -> None:
    outcome.add("A3 sheet: cold, with every import", cold, "s", ("<=", 2.0))
    outcome.add("A3 sheet: memory", memory, "MB", ("<=", 400))
    outcome.add("A3 sheet: warm", ours["sheet"].median, "s", ("<=", 0.3))
    outcome.add("A3 sheet: size", ours["sheet"].size / 1000, "kB", ("<=", 300))
    outcome.add("atlas of 12 maps and an index: warm", ours["atlas"].median, "s", ("<=", 1.5))
    outcome.add("atlas of 12 maps and an index: size", ours["atlas"].size / 1000, "kB")
    outcome.add("A3 PNG at 300 dpi: warm", ours["picture"].median, "s")


def _add_ratios(outcome: Outcome, ours: dict[str, Times], peer: Peer, cold: float, memory: float) -> None:
    for title, mine, theirs, bar in (
        ("A3 sheet, warm", ours["sheet"].median, peer.sheet.median, BAR),
        ("A3 sheet, cold", cold, peer.cold.median, None),
        ("atlas of 12 maps", ours["atlas"].median, peer.atlas.median, None),
    ):
        outcome.add(f"{title}: ours to GetPrint", mine / theirs, "", bar, f"GetPrint {theirs:.2f} s")
    held = peer.server.memory_mb
    outcome.add("A3 sheet, memory: ours to GetPrint", memory / held, "", None, f"GetPrint {held:.0f} MB")
    for title, name, theirs in (("A3 sheet", "sheet", peer.sheet), ("atlas", "atlas", peer.atlas)):
        note = f"GetPrint {theirs.size / 1000:.0f} kB"
        outcome.add(f"{title}, size: ours to GetPrint", ours[name].size / theirs.size, "", None, note)


def _alone(order: dict[str, Any], out: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", ALONE, json.dumps(order), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def _made(order: dict[str, Any], out: Path) -> int:
    """Bytes of the file."""
    return int(make_sheet(order, out, lambda _done, _total: None)["bytes"])
