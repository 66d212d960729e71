"""How fast questions are answered: every shipped one, streets of 5 041 nodes, 100 000 footprints in memory."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.request import urlopen

import geopandas
import numpy
import shapely

from geo_service.analysis import fire_response
from geo_service.analysis.network import build_network, cost_matrix, snap_points
from geo_service.analysis.outlines import cells_to_polygons
from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import read_parameters
from geo_service.core.features import Feature, geometry_of
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.errors import InvalidParameter
from geo_service.settings import read_settings
from geo_service.usecases import report
from geo_service.usecases.answering import settle
from geo_service.web.app import create_app
from geo_service.web.map_page import basemap_key
from scripts.benchmarks.outcome import Outcome

EAST, NORTH, SIDE, STEP = 510_000.0, 4_330_000.0, 71, 100.0
FAR = (SIDE - 1) * STEP
KNOWN = {"precision": "surveyed", "source": "bench"}
GRID = LayerDefinition(
    id="grid",
    title=Text("格网", "Grid"),
    theme="reference",
    geometry_types=("LineString",),
    serial="GRD",
    symbol="street",
    source="bench",
    secrecy="public",
)


def main(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="scripts/bench analysis", description=__doc__).parse_args(arguments)
    outcome = Outcome("analysis")
    shipped(outcome)
    streets(outcome)
    dragged(outcome)
    beside(outcome)
    footprints(outcome)
    return outcome.finish()


def best_s(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def shipped(outcome: Outcome) -> None:
    """Every question on the shipped layers, each time anew."""
    with tempfile.TemporaryDirectory() as home:
        here = open_deployment(read_settings({"GEO_SERVICE_HOME": home}))
        sources = report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
        for question in QUESTIONS:
            try:
                reads = report.choose_reads(sources, question, {})
                inputs, parameters = report.gather(sources, question, reads), read_parameters(question, {})
                took = best_s(lambda q=question, i=inputs, p=parameters: q.run(i, p), 3)
            except InvalidParameter:
                print(f"  {question.id}: no located feature in the shipped layers")
                continue
            outcome.add(question.id, took, "s", ("<=", 2.0))
        here.store.close()


def grid() -> geopandas.GeoDataFrame:
    """Streets of a square grid of 71 x 71 crossings, 100 m apart."""
    lines = [[(EAST, NORTH + i * STEP), (EAST + FAR, NORTH + i * STEP)] for i in range(SIDE)]
    lines += [[(EAST + i * STEP, NORTH), (EAST + i * STEP, NORTH + FAR)] for i in range(SIDE)]
    return geopandas.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=4548)


def streets(outcome: Outcome) -> None:
    """60 isochrones with polygons, and a dragged fire station, at 5 041 nodes."""
    parameters = read_parameters(fire_response.QUESTION, {"cell_m": 50})
    area = geopandas.GeoDataFrame(geometry=[shapely.box(EAST, NORTH, EAST + FAR, NORTH + FAR)], crs=4548)
    terrain = fire_response.prepare({"streets": grid(), "district": area}, parameters)
    places = numpy.add(numpy.random.default_rng(1).uniform(0, FAR, (60, 2)), (EAST, NORTH))
    cells = terrain.ground.cells
    metres = build_network(grid())
    access = snap_points(metres, cells.centres)

    def isochrones() -> None:
        costs = cost_matrix(metres, snap_points(metres, places), access, limit=500.0)
        labels = numpy.where(costs.min(axis=0) <= 500, costs.argmin(axis=0) + 1, 0)
        cells_to_polygons(cells.centres, labels, cells.size_m)

    outcome.add("60 isochrones with polygons, 5 041 nodes", best_s(isochrones) * 1000, "ms", ("<=", 100))
    station = geopandas.GeoDataFrame({"name": ["x"]}, geometry=shapely.points(places[:1]), crs=4548)
    drag = best_s(lambda: fire_response.respond(terrain, station, parameters))
    outcome.add("dragged fire station, 5 041 nodes", drag * 1000, "ms", ("<=", 50))


def dragged(outcome: Outcome) -> None:
    """A fire station dragged over the map by HTTP: streets of 5 041 nodes, the cells of the district."""
    with tempfile.TemporaryDirectory() as home:
        here = open_deployment(read_settings({"GEO_SERVICE_HOME": home}))
        lines = enumerate(grid().to_crs(4490).geometry, 1)
        made = [Feature(f"NK-GRD-{n:03}", {"name": f"{n}", **KNOWN}, geometry_of(line)) for n, line in lines]
        here.store.create_layer(GRID, made, author="bench", note="")
        with answering(here) as address:
            taken = [move_s(address, 117.13 + 0.0008 * step) for step in range(42)][2:]
        here.store.close()
    passed, worked = (sorted(one) for one in zip(*taken, strict=True))
    outcome.add("one move over HTTP, 5 041 nodes, median", passed[20] * 1000, "ms", ("<=", 50))
    outcome.add("one move over HTTP, 5 041 nodes, p95", passed[38] * 1000, "ms")
    outcome.add("one move over HTTP, processor time of both ends, median", worked[20] * 1000, "ms", ("<=", 50))


def move_s(address: str, longitude: float) -> tuple[float, float]:
    """Seconds until the answer to one move is there as a whole: by the clock, and of the processor."""
    query = f"station=NK-XFZ-001&lon={longitude:.4f}&lat=39.11&layer.streets=grid"
    started, worked = time.perf_counter(), time.process_time()
    with urlopen(f"{address}/api/analyses/fire-response/moved?{query}") as answer:  # noqa: S310  # our own server
        answer.read()
    return time.perf_counter() - started, time.process_time() - worked


@contextmanager
def answering(here: Deployment) -> Iterator[str]:
    """The address of a server of this deployment while the block runs."""
    from waitress.server import create_server

    server = create_server(create_app(here), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.task_dispatcher.shutdown()
    server.close()


def beside(outcome: Outcome) -> None:
    """Pages and tiles while two long questions (parks on 5 m cells) are worked on, and while none is."""
    with tempfile.TemporaryDirectory() as home:
        here = open_deployment(read_settings({"GEO_SERVICE_HOME": home}))
        with answering(here) as address:
            tile = f"/tiles/basemap/{basemap_key_of(here)}/14/13522/6220.mvt"
            for path in ("/plan", tile):
                fetch_s(address + path)
            alone = {path: rush(address + path, here, ()) for path in ("/plan", tile)}
            jobs = two_long_questions(here)
            busy = {path: rush(address + path, here, jobs) for path in ("/plan", tile)}
            for job in jobs:
                here.answers.jobs.cancel(job, BENCH)
        here.answers.jobs.close()
        here.store.close()
    for path, name in (("/plan", "page"), (tile, "tile")):
        outcome.add(f"{name}, no question worked on, p95", alone[path] * 1000, "ms")
        outcome.add(f"{name}, two long questions beside it, p95", busy[path] * 1000, "ms", ("<=", 100))


BENCH = "account:bench"
ASKED = 40


def basemap_key_of(here: Deployment) -> str:
    """The key in the address of the basemap's tiles."""
    with create_app(here).test_request_context("/"):
        return basemap_key()


def two_long_questions(here: Deployment) -> tuple[str, ...]:
    """Two jobs that are being worked on."""
    sources, parks = (
        report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo),
        "park-coverage",
    )
    asks = [settle(sources, find_question(parks), {"cell_m": 5, "radius_pocket_m": n}, {}) for n in (50, 60)]
    jobs = tuple(here.answers.begin(ask, owner=BENCH, wish={}).id for ask in asks)
    started = time.perf_counter()
    while not all(here.answers.jobs.state(job, BENCH).done >= 1 for job in jobs):
        if time.perf_counter() - started > STARTING_S:
            raise RuntimeError("the workers did not start")
        time.sleep(0.05)
    return jobs


STARTING_S = 60.0


def rush(address: str, here: Deployment, jobs: Sequence[str]) -> float:
    """The 95th percentile of forty answers of an address, in seconds, none of the jobs having ended."""
    taken = sorted(fetch_s(address) for _ in range(ASKED))
    ended = [job for job in jobs if here.answers.jobs.state(job, BENCH).ended]
    if ended:
        raise RuntimeError("a question was answered too soon to be measured beside")
    return taken[int(0.95 * (ASKED - 1))]


def fetch_s(address: str) -> float:
    """Seconds until an answer is there as a whole."""
    started = time.perf_counter()
    with urlopen(address) as answer:  # noqa: S310  # our own server
        answer.read()
    return time.perf_counter() - started


def footprints(outcome: Outcome) -> None:
    """100 000 footprints against 250 polygons: which lies where, how much of it, how far to the nearest."""
    random = numpy.random.default_rng(2)
    x, y = random.uniform(0, 10_000, (2, 100_000))
    houses = shapely.box(x, y, x + 15, y + 12)
    zones = shapely.buffer(shapely.points(random.uniform(0, 10_000, (250, 2))), 200, quad_segs=8)

    def work() -> None:
        tree = shapely.STRtree(zones)
        house, zone = tree.query(houses, predicate="intersects")
        shapely.area(shapely.intersection(houses[house], zones[zone])).sum()
        tree.query_nearest(houses, return_distance=True)

    outcome.add("100 000 footprints x 250 polygons", best_s(work, 3), "s", ("<=", 3.0))
