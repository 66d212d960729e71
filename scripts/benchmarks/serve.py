"""Serving a large layer: the field's servers beside ours on the same data, question by question in alternating runs.

``scripts/bench serve [--features 100000] [--runs 3] [--seconds 2] [--peers tipg,mapserver] [--quick]``. Every server
has two processes; wrk (Debian) asks each question over 16 connections, then over one; medians of the runs are compared.
What never changes (a tile that is kept, the whole layer) is held against nginx sending the same bytes from a file.
"""

from __future__ import annotations

import argparse
import dataclasses
import http
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from scripts.benchmarks import peers
from scripts.benchmarks.map import fill, tile_of
from scripts.benchmarks.outcome import Outcome
from scripts.benchmarks.parcels import SOUTH, SPAN_X, SPAN_Y, WEST
from scripts.benchmarks.peers import Make, Peer, Room
from scripts.benchmarks.services import serving

CONNECTIONS = 16
PAGE = 100
LONGEST_S = 60.0
LOOK_EVERY_S = 0.2
REST_S = 6.0
"""Before memory is told with a million features: servers may give freed memory back once nobody asks."""
LAYER = "parcels"
MILLION = 1_000_000
BARS = {
    ("bbox", "QGIS Server on FlatGeobuf"): 10.0,
    ("bbox", "tipg on PostGIS"): 15.0,
    ("bbox", "MapServer on FlatGeobuf"): 7.0,
    ("bbox", "pygeoapi on PostGIS"): 30.0,
    ("tile", "tipg on PostGIS"): 3.0,
    ("tile", "MapServer on FlatGeobuf"): 1.8,
    ("whole", "QGIS Server on FlatGeobuf"): 30.0,
}
"""How many times as many requests a second ours must answer (PERFORMANCE.md of the design)."""

SCRIPT = """
local paths, turn = {}, 0
for line in io.lines(os.getenv("WRK_PATHS")) do paths[#paths + 1] = line end
request = function() turn = turn % #paths + 1 return wrk.format("GET", paths[turn]) end
done = function(summary, latency)
  io.write(string.format('\\nRESULT {"requests":%d,"took_us":%d,"failed":%d,"p50_us":%.0f,"p95_us":%.0f,"bytes":%d}\\n',
    summary.requests, summary.duration, summary.errors.status + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), summary.bytes))
end
"""


@dataclass(frozen=True)
class Run:
    """What wrk saw of one server in one run."""

    rate: float
    p50_ms: float
    p95_ms: float
    bytes_s: float
    took_s: float
    cpu_ms: float = 0.0
    """Processor time of one answer, of all processes of the server: what a busy machine leaves comparable."""


@dataclass
class Question:
    """One kind of request; ``arguments`` are what it is asked with in turn."""

    key: str
    title: str
    arguments: list[tuple[object, ...]]
    connections: int = CONNECTIONS
    runs: dict[str, list[Run]] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench serve", description=__doc__)
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--peers", default=",".join(peers.STARTERS))
    parser.add_argument("--quick", action="store_true", help="2 000 features, one short run, for trying it out")
    options = parser.parse_args(arguments)
    if options.quick:
        options.features, options.runs, options.seconds = 2000, 1, 0.3
    if not shutil.which("wrk"):
        print("wrk is not there: apt-get install wrk")
        return 2
    outcome = Outcome("serve")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        measure(outcome, Path(name), stack, options)
    return outcome.finish()


def measure(outcome: Outcome, folder: Path, stack: ExitStack, options: argparse.Namespace) -> None:
    folder.chmod(0o755)
    begin = time.perf_counter()
    fill(folder / "home", {LAYER: ("PA", options.features)})
    outcome.add("import of the layer", time.perf_counter() - begin, "s", note=f"{options.features} polygons")
    room = Room(folder, folder / "home" / "layers" / f"{LAYER}.geojson", stack)
    others = peers.start(room, [n for n in options.peers.split(",") if n])
    ours = stack.enter_context(start_ours("ours", folder / "home"))
    await_workers(ours)  # or the first questions would pay for tiles of low zooms
    for question in questions(options.features):
        if question.key == "map":
            report_memory(outcome, [ours, *others], folder, loaded=options.features)
        with ExitStack() as stays:
            mine = ours
            if question.key == "tile":  # the one whose memory is told cuts them too, another keeps none
                ask_in_turn(folder, ours, dataclasses.replace(question, runs={}), 0, options)
                mine = stays.enter_context(start_ours("ours", folder / "home", tile_cache_mb="0"))
            servers = [s for s in (mine, *others) if question.key in s.paths]
            for run in range(options.runs):
                for server in servers:
                    ask_in_turn(folder, server, question, run, options)
        report(outcome, question)
    drawing = [s for s in (ours, *others) if "map" in s.paths]
    report_sizes(outcome, "memory with pictures", sizes_mb(drawing, folder))
    measure_kept(outcome, room, ours, others, options)
    measure_whole(outcome, room, [ours, *others], options)
    measure_dissolve(outcome, room, options)


@contextmanager
def start_ours(name: str, home: Path, **settings: str) -> Iterator[Peer]:
    """Our own service with two gunicorn processes."""
    items = f"/ogc/collections/{LAYER}/items?f=json"
    paths: dict[str, Make] = {
        "page": lambda limit: f"{items}&limit={limit}",
        "bbox": lambda bbox: f"{items}&limit={PAGE}&bbox={bbox}",
        "filter": lambda value: f"{items}&filter=name%3D%27{value}%27",
        "feature": lambda fid: f"/ogc/collections/{LAYER}/items/{fid}?f=json",
        "tile": lambda z, x, y: f"/tiles/{LAYER}/r1/{z}/{x}/{y}.mvt",
        "map": lambda bbox: f"/ogc/wms?{peers.WMS}&BBOX={peers.swapped(bbox)}",
        "whole": lambda: f"/api/layers/{LAYER}/r1.geojson",
    }
    known = set(children(os.getpid()))
    with serving(home, server="gunicorn", workers=str(peers.PROCESSES), **settings) as address:
        await_prepared(address + paths["tile"](10, 0, 0))
        yield Peer(name, address, paths, [n for n in children(os.getpid()) if n not in known])


def await_prepared(address: str) -> None:
    """Wait while a large layer is being prepared, which is answered with 503."""
    while True:
        try:
            urllib.request.urlopen(address, timeout=LONGEST_S).close()  # noqa: S310  # our own
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.SERVICE_UNAVAILABLE:
                raise
        else:
            return
        time.sleep(LOOK_EVERY_S)


def questions(features: int) -> Iterator[Question]:
    """What each server is asked; places, names and features by chance, the same for all."""
    chance = random.Random(7)
    boxes = [(box,) for box in some_boxes(chance, features, PAGE * 1.2, 2000)]
    numbers = [chance.randrange(1, features + 1) for _ in range(2000)]
    for limit in (10, PAGE, 1000):
        yield Question("page", f"first page of {limit}", [(limit,)], CONNECTIONS if limit < 1000 else 4)
    yield Question("bbox", f"bbox page of {PAGE}", boxes)
    yield Question("filter", "filter name = …", [(quote(f"地块{n}"),) for n in numbers])
    yield Question("feature", "one feature", [(f"NK-PA-{n:06}",) for n in numbers])
    left, top = tile_of(WEST + SPAN_X * 0.05, SOUTH + SPAN_Y * 0.95)
    right, bottom = tile_of(WEST + SPAN_X * 0.95, SOUTH + SPAN_Y * 0.05)
    places: list[tuple[object, ...]] = [(15, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]
    yield Question("tile", "vector tile z15, nothing kept", places)
    yield Question("map", "WMS GetMap 512 x 512", [(b,) for b in some_boxes(chance, features, 300, 900)])


def some_boxes(chance: random.Random, features: int, wanted: float, count: int) -> list[str]:
    """Bboxes of about so many of the parcels each."""
    side = min(0.9, (wanted / features) ** 0.5)
    corners = [
        (WEST + SPAN_X * chance.uniform(0, 1 - side), SOUTH + SPAN_Y * chance.uniform(0, 1 - side))
        for _ in range(count)
    ]
    return [f"{x:.6f},{y:.6f},{x + side * SPAN_X:.6f},{y + side * SPAN_Y:.6f}" for x, y in corners]


def ask_in_turn(folder: Path, server: Peer, question: Question, run: int, options: argparse.Namespace) -> None:
    """One run of a question; each run begins elsewhere, so that it is not answered from what the last one left."""
    begin = run * len(question.arguments) // options.runs
    arguments = question.arguments[begin:] + question.arguments[:begin]
    paths = [server.paths[question.key](*a) for a in arguments]
    if run == 0:
        ask_wrk(folder, server.address, paths[-2:], 4, 0.5)
    before = sum(map(cpu_s, server.processes))
    found = ask_wrk(folder, server.address, paths, question.connections, options.seconds)
    used = sum(map(cpu_s, server.processes)) - before
    answers = found.rate * found.took_s
    question.runs.setdefault(server.name, []).append(dataclasses.replace(found, cpu_ms=used / answers * 1000))


def ask_wrk(folder: Path, address: str, paths: list[str], connections: int, seconds: float) -> Run:
    """What wrk sees; a server that answers nobody within the time is given more of it.

    Raises
    ------
    RuntimeError
        An answer was refused, or none came within a minute.
    """
    while seconds <= LONGEST_S:
        found = run_wrk(folder, address, paths, connections, seconds)
        if found["failed"]:
            break
        if found["requests"]:
            took = found["took_us"] / 1e6
            middle_ms, late_ms = found["p50_us"] / 1e3, found["p95_us"] / 1e3
            return Run(found["requests"] / took, middle_ms, late_ms, found["bytes"] / took, took)
        seconds *= 4
    raise RuntimeError(f"{address}{paths[0]}: {found}")


def run_wrk(folder: Path, address: str, paths: list[str], connections: int, seconds: float) -> dict[str, int]:
    """What wrk counted; whole numbers of seconds are all it knows, so at least one."""
    (folder / "wrk.lua").write_text(SCRIPT)
    (folder / "wrk.paths").write_text("\n".join(paths) + "\n", "utf-8")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    settings = {**os.environ, "WRK_PATHS": str(folder / "wrk.paths")}
    done = subprocess.run(
        [*command, "-s", folder / "wrk.lua", address], env=settings, capture_output=True, text=True, check=True
    )
    found: dict[str, int] = json.loads(next(x for x in done.stdout.splitlines() if x.startswith("RESULT"))[7:])
    return found


def report(outcome: Outcome, question: Question) -> None:
    """Requests a second of each server, and how many times as many ours answers."""
    mine, own_cpu_ms = middle(question.runs["ours"], "rate"), middle(question.runs["ours"], "cpu_ms")
    for name, runs in question.runs.items():
        cpu_ms = middle(runs, "cpu_ms")
        note = f"p50 {middle(runs, 'p50_ms'):.2f} ms, p95 {middle(runs, 'p95_ms'):.2f} ms, CPU {cpu_ms:.2f} ms each"
        outcome.add(f"{question.title}: {name}", middle(runs, "rate"), "req/s", note=note)
        if name != "ours":
            least = BARS.get((question.key, name))
            bar = (">=", least) if least else None
            note = f"by CPU of one answer {cpu_ms / own_cpu_ms:.1f} x" if own_cpu_ms else ""
            outcome.add(f"{question.title}: ours to {name}", mine / middle(runs, "rate"), "x", bar, note)


def middle(runs: list[Run], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


# ---- what never changes


def measure_kept(outcome: Outcome, room: Room, ours: Peer, others: list[Peer], options: argparse.Namespace) -> None:
    """A tile that is kept, against those who keep none, and against nginx with the same bytes in a file."""
    x, y = tile_of(WEST + SPAN_X / 3, SOUTH + SPAN_Y * 2 / 3)
    path = ours.paths["tile"](15, x, y)
    one = ask_wrk(room.folder, ours.address, [path], 1, options.seconds)
    outcome.add("vector tile, kept: p50 over one connection", one.p50_ms, "ms", ("<=", 0.5))
    servers = [s for s in (ours, *others) if "tile" in s.paths]
    asked = {s.name: (s.address, s.paths["tile"](15, x, y)) for s in servers}
    asked |= nginx_with(room, "tile", ours.address + path)
    runs: dict[str, list[Run]] = {name: [] for name in asked}
    for _ in range(options.runs):
        for name, (address, where) in asked.items():
            runs[name].append(ask_wrk(room.folder, address, [where], CONNECTIONS, options.seconds))
    for name, found in runs.items():
        note = f"p50 {middle(found, 'p50_ms'):.2f} ms, p95 {middle(found, 'p95_ms'):.2f} ms"
        outcome.add(f"vector tile, kept: {name}", middle(found, "rate"), "req/s", note=note)
        if name != "ours":
            ratio = middle(runs["ours"], "rate") / middle(found, "rate")
            outcome.add(f"vector tile, kept: ours to {name}", ratio, "x")


def nginx_with(room: Room, name: str, source: str) -> dict[str, tuple[str, str]]:
    """nginx sending the body of an answer of ours from a file, where it is installed."""
    web = room.folder / f"web-{name}"
    web.mkdir()
    with urllib.request.urlopen(source) as answer, (web / "body").open("wb") as file:  # noqa: S310  # our own
        shutil.copyfileobj(answer, file)
    try:
        address = room.stack.enter_context(peers.nginx(room.folder, f"file-{name}", f"root {web};"))
    except RuntimeError as error:
        print(f"  nginx: not measured ({error})")
        return {}
    return {"nginx with a file": (address, "/body")}


def measure_whole(outcome: Outcome, room: Room, servers: list[Peer], options: argparse.Namespace) -> None:
    """The whole layer as GeoJSON, uncompressed: seconds of one answer, and bytes a second over four connections."""
    able = {s.name: (s.address, s.paths["whole"]()) for s in servers if "whole" in s.paths}
    able |= nginx_with(room, "whole", "".join(able["ours"]))
    times: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(options.runs):
        for name, (address, path) in able.items():
            try:
                times[name].append(fetch_s(address + path))
            except OSError as error:
                print(f"  whole layer: {name} fell silent ({error})")
    mine = statistics.median(times["ours"])
    for name, found in times.items():
        if not found:
            continue
        outcome.add(f"whole layer: {name}", statistics.median(found) * 1000, "ms")
        if name not in ("ours", "nginx with a file"):
            least = BARS.get(("whole", name))
            bar = (">=", least) if least else None
            outcome.add(f"whole layer: ours to {name}", statistics.median(found) / mine, "x", bar)
    measure_bytes(outcome, room, {name: able[name] for name in ("ours", "nginx with a file") if name in able}, options)


def measure_bytes(outcome: Outcome, room: Room, asked: dict[str, tuple[str, str]], options: argparse.Namespace) -> None:
    """Bytes a second of the whole layer, from ours and from nginx."""
    rates: dict[str, list[Run]] = {name: [] for name in asked}
    for _ in range(options.runs):
        for name, (address, path) in asked.items():
            rates[name].append(ask_wrk(room.folder, address, [path], 4, options.seconds))
    found = {name: middle(runs, "bytes_s") / 1e6 for name, runs in rates.items()}
    for name, rate in found.items():
        outcome.add(f"whole layer, four connections: {name}", rate, "MB/s")
    if len(found) == 2:
        ratio = found["ours"] / found["nginx with a file"]
        outcome.add("whole layer, four connections: ours to nginx", ratio, "x", (">=", 0.5))


def measure_dissolve(outcome: Outcome, room: Room, options: argparse.Namespace) -> None:
    """The question ``dissolve`` over all parcels, and PostGIS uniting them where the others keep them."""
    import psycopg
    import pyogrio

    from geo_service.analysis.questions import find_question

    frame = pyogrio.read_dataframe(room.layer).set_index("id").to_crs("EPSG:4548")
    question, times = find_question("dissolve"), list[float]()
    for _ in range(options.runs):
        begin = time.perf_counter()
        question.run({"layer": frame}, {"field": ""})
        times.append(time.perf_counter() - begin)
    mine = statistics.median(times)
    outcome.add("dissolve: ours", mine, "s", note=f"{len(frame)} polygons, the whole answer with its table")
    try:
        _, url = room.table()
    except (OSError, RuntimeError) as error:
        print(f"  PostGIS: not measured ({error})")
        return
    with psycopg.connect(url) as connection:
        begin = time.perf_counter()
        connection.execute("SELECT ST_NPoints(ST_Union(geom)) FROM parcels").fetchone()
        theirs = time.perf_counter() - begin
    outcome.add("dissolve: PostGIS", theirs, "s", note="ST_Union, once")
    outcome.add("dissolve: PostGIS to ours", theirs / mine, "x", (">=", 20))


def fetch_s(address: str) -> float:
    """Seconds until a whole body is here."""
    begin = time.perf_counter()
    with urllib.request.urlopen(address, timeout=300) as answer:  # noqa: S310  # a loopback address of ours
        while answer.read(1 << 20):
            pass
    return time.perf_counter() - begin


# ---- memory


def report_memory(outcome: Outcome, servers: list[Peer], folder: Path, *, loaded: int) -> None:
    """Memory of each server after the questions that tipg answers too, so before pictures are drawn.

    The bar is for a million features loaded; less of them makes only the others smaller. The whole layer is asked for
    afterwards: with a million features tipg's processes end at it.
    """
    for server in servers:
        await_workers(server)
    if loaded >= MILLION:
        time.sleep(REST_S)
    sizes = sizes_mb(servers, folder)
    report_sizes(outcome, "memory", sizes)
    tipg = sizes.get("tipg on PostGIS")
    if tipg:
        bar = ("<=", 0.25) if loaded >= MILLION else None
        outcome.add("memory: ours to tipg on PostGIS", sizes["ours"][0] / tipg[0], "x", bar)


def await_workers(server: Peer) -> None:
    """Wait a minute for what a server still has prepared by processes of their own, such as tiles of low zooms."""
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end and any(
        b"spawn_main" in command_of(process) for process in descendants(server.processes)
    ):
        time.sleep(LOOK_EVERY_S)


def descendants(processes: list[int]) -> list[int]:
    """Processes and all they started."""
    return [*processes, *(number for process in processes for number in descendants(children(process)))]


def command_of(process: int) -> bytes:
    """The command line of a process, empty of one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def report_sizes(outcome: Outcome, title: str, sizes: dict[str, tuple[float, float]]) -> None:
    """What each server holds, in MB."""
    for name, (own, mapped) in sizes.items():
        note = f"all its processes, PostgreSQL with it, after the runs; and {mapped:.0f} MB of mapped data files"
        outcome.add(f"{title}: {name}", own, "MB", note=note)


def sizes_mb(servers: list[Peer], folder: Path) -> dict[str, tuple[float, float]]:
    """Memory of each server's processes without files of the data that are mapped, and those.

    Whoever reads the same files without mapping them has them in the same page cache, where nobody's account shows it.
    """
    own = {s.name: sum(memory_mb(p, folder) for p in s.processes) for s in servers}
    return {s.name: (own[s.name], sum(map(memory_mb, s.processes)) - own[s.name]) for s in servers}


def memory_mb(process: int, without: Path | None = None) -> float:
    """The proportional set size of a process and all it started, files below a folder left out."""
    try:
        text = Path(f"/proc/{process}/smaps").read_text("utf-8")
    except OSError:
        return 0.0
    own, counts = 0, True
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            counts = without is None or str(without) not in line
        elif counts and name == "Pss:":
            own += int(rest.split()[0])
    return own / 1000 + sum(memory_mb(child, without) for child in children(process))


def cpu_s(process: int) -> float:
    """Processor time of a process, of all it started, and of those of them that have ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(cpu_s, children(process)))


def children(process: int) -> list[int]:
    """The numbers of the processes a process started."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(number) for number in path.read_text("utf-8").split()]
        except OSError:
            continue
    return found
