"""A million buildings: chunks on threads against plain GeoPandas in the same run, time and memory.

``scripts/bench scale [--buildings 1000000]``. Each way runs in a process of its own, in turns, so that peak memory is
its own; both read GeoParquet, join to 250 areas, cut at borders and look for the nearest of 60 facilities.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy
import pandas
import shapely

from geo_service.analysis.footprints import TALLIES, add_tallies, tally_footprints
from geo_service.usecases.chunks import ROWS, list_chunks, run_chunks, write_chunks
from scripts.benchmarks.outcome import ROOT, Outcome

E, N, SPAN = 505_000.0, 4_325_000.0, 7000.0
AREAS_ACROSS, AREAS_UP = 25, 10
FACILITIES = 60
LIMIT_M = 500.0
ROUNDS = 3


def buildings(count: int, seed: int) -> geopandas.GeoDataFrame:
    """Quadrilaterals of 8 to 30 m with a bent side."""
    chance = numpy.random.default_rng(seed)
    x, y = chance.uniform(0, SPAN, (2, count))
    w, h, bend = chance.uniform(8, 30, count), chance.uniform(8, 30, count), chance.uniform(-2, 2, count)
    corners = [numpy.stack((E + x + dx * w, N + y + dy * h + b * bend), axis=1) for dx, dy, b in CORNERS]
    ring = numpy.stack(corners, axis=1)
    return geopandas.GeoDataFrame(geometry=shapely.polygons(ring), crs=4548)


CORNERS = ((0, 0, 0), (0.5, 0, 1), (1, 0, 0), (1, 1, 0), (0.5, 1, 1), (0, 1, 0), (0, 0, 0))


def _areas() -> geopandas.GeoDataFrame:
    x, y = numpy.meshgrid(numpy.arange(AREAS_ACROSS) * SPAN / AREAS_ACROSS, numpy.arange(AREAS_UP) * SPAN / AREAS_UP)
    west, south = E + x.ravel(), N + y.ravel()
    return geopandas.GeoDataFrame(
        geometry=shapely.box(west, south, west + SPAN / AREAS_ACROSS, south + SPAN / AREAS_UP), crs=4548
    )


def _places() -> geopandas.GeoDataFrame:
    x, y = numpy.random.default_rng(1).uniform(0, SPAN, (2, FACILITIES))
    return geopandas.GeoDataFrame(geometry=shapely.points(E + x, N + y), crs=4548)


AREAS, PLACES = _areas(), _places()
STATICS = {"areas": AREAS, "facilities": PLACES, "limit_m": LIMIT_M}


def plain(folder: Path) -> pandas.DataFrame:
    """The same question as one would write it with GeoPandas alone."""
    areas, facilities = AREAS, PLACES
    frame = pandas.concat([geopandas.read_parquet(p) for p in list_chunks(folder)], ignore_index=True)
    points = geopandas.GeoDataFrame(geometry=frame.representative_point(), crs=frame.crs)
    joined = points.sjoin(areas, predicate="within")["index_right"]
    near = frame.sjoin_nearest(facilities, distance_col="metres")
    near = near[~near.index.duplicated()]["metres"]
    cut = geopandas.overlay(frame, areas.assign(area=areas.index), how="intersection")
    at = joined[~joined.index.duplicated()].reindex(frame.index).fillna(len(areas)).astype(int)
    table = pandas.DataFrame(0.0, index=range(len(areas) + 1), columns=list(TALLIES))
    table["buildings"] = at.value_counts().reindex(table.index).fillna(0)
    table["ground_cm2"] = frame.area.groupby(at).sum().reindex(table.index).fillna(0) * 1e4
    table["overlap_cm2"] = cut.area.groupby(cut["area"]).sum().reindex(table.index).fillna(0) * 1e4
    table["near_mm"] = near.groupby(at).sum().reindex(table.index).fillna(0) * 1000
    table["far"] = (near > LIMIT_M).groupby(at).sum().reindex(table.index).fillna(0)
    return table


def chunked(folder: Path) -> pandas.DataFrame:
    return run_chunks(tally_footprints, add_tallies, list_chunks(folder), STATICS, engine="local")


WAYS = {"plain": plain, "chunked": chunked}


def measure(way: str, folder: Path) -> None:
    """In a process of its own: time, peak memory and the sums, as a line of JSON."""
    begin = time.perf_counter()
    table = WAYS[way](folder)
    spent = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"s": spent, "mb": peak, "sums": [float(v) for v in table.sum()]}))


def in_turns(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for _ in range(ROUNDS):
        for way in WAYS:
            words = [sys.executable, "-m", "scripts.benchmarks", "scale", "--way", way, "--folder", str(folder)]
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
            yield way, json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench scale")
    parser.add_argument("--buildings", type=int, default=1_000_000)
    parser.add_argument("--way", choices=sorted(WAYS))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(arguments)
    if options.way:
        measure(options.way, options.folder)
        return 0
    outcome = Outcome("scale")
    small = buildings(100_000, 7)
    begin = time.perf_counter()
    tally_footprints(small, AREAS, PLACES, limit_m=LIMIT_M)
    outcome.add("100 000 footprints x 250 areas, in memory", time.perf_counter() - begin, "s", ("<=", 3))
    with tempfile.TemporaryDirectory() as folder:
        count = -(-options.buildings // ROWS)
        write_chunks((buildings(ROWS, seed) for seed in range(count)), Path(folder))
        runs = list(in_turns(Path(folder)))
    _compare(outcome, runs)
    return outcome.finish()


def _compare(outcome: Outcome, runs: list[tuple[str, dict[str, Any]]]) -> None:
    middle = {
        (way, key): statistics.median(found[key] for name, found in runs if name == way)
        for way in WAYS
        for key in ("s", "mb")
    }
    for way in WAYS:
        outcome.add(f"{way}: time", middle[way, "s"], "s")
        outcome.add(f"{way}: peak memory", middle[way, "mb"], "MB")
    outcome.add(
        "chunks on threads / plain GeoPandas, time", middle["chunked", "s"] / middle["plain", "s"], "x", ("<=", 0.7)
    )
    outcome.add(
        "chunks on threads / plain GeoPandas, memory", middle["chunked", "mb"] / middle["plain", "mb"], "x", ("<=", 0.4)
    )
    one, other = (next(found["sums"] for name, found in runs if name == way) for way in WAYS)
    apart = max(abs(a - b) / max(abs(a), 1) for a, b in zip(one, other, strict=True))
    outcome.add("largest relative difference of the sums", apart, "", ("<=", 1e-6))
