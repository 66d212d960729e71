"""One answer from one process, from threads, and from a real scheduler whose worker is killed on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import geopandas
import numpy
import pandas
import pytest
import shapely

from geo_service.analysis.footprints import add_tallies, tally_footprints
from geo_service.errors import InvalidParameter, Unavailable
from geo_service.usecases.chunks import list_chunks, run_chunks, write_chunks

E, N = 510_000.0, 4_330_000.0
ROOT = Path(__file__).resolve().parents[2]
MILLION = 1_000_000


def blocks(count: int, seed: int) -> geopandas.GeoDataFrame:
    x, y = numpy.random.default_rng(seed).uniform(0, 5000, (2, count))
    return geopandas.GeoDataFrame(geometry=shapely.box(E + x, N + y, E + x + 12, N + y + 9), crs=4548)


def statics() -> dict[str, Any]:
    side = numpy.arange(5) * 1000.0
    x, y = (g.ravel() for g in numpy.meshgrid(side, side))
    areas = geopandas.GeoDataFrame(geometry=shapely.box(E + x, N + y, E + x + 1000, N + y + 1000), crs=4548)
    places = geopandas.GeoDataFrame(geometry=shapely.points(E + x + 300, N + y + 700), crs=4548)
    return {"areas": areas, "facilities": places, "limit_m": 400.0}


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return write_chunks((blocks(2000, seed) for seed in range(12)), tmp_path_factory.mktemp("chunks"))


@pytest.fixture(scope="module")
def whole() -> pandas.DataFrame:
    everything = pandas.concat([blocks(2000, seed) for seed in range(12)], ignore_index=True)
    return tally_footprints(everything, **statics())


@contextmanager
def dask_process(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A scheduler or worker on the loopback and the first address it names on its standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process, _address(process)
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stderr or ():
        found = re.search(r"(?:Scheduler at|Registered to|Start worker at):\s+((?:tcp|tls)://\S+)", line)
        if found:
            return found[1]
    raise AssertionError("it ended without an address")


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    with ExitStack() as stack:
        alone = ("--host", "127.0.0.1", "--no-dashboard")
        _, address = stack.enter_context(dask_process("scheduler", *alone, "--port", "0"))
        wanted = ("worker", address, *alone, "--no-nanny", "--nthreads", "1", "--death-timeout", "20")
        hands = [stack.enter_context(dask_process(*wanted))[0] for _ in range(workers)]
        yield address, hands


def test_chunks_one_by_one_and_on_threads_equal_the_whole(chunks: tuple[Path, ...], whole: pandas.DataFrame) -> None:
    seen: list[tuple[int, int]] = []
    for engine in (None, "local"):
        found = run_chunks(
            tally_footprints, add_tallies, chunks, statics(), engine=engine, progress=lambda *n: seen.append(n)
        )
        assert found.equals(whole)
    assert seen == [(n, 12) for n in range(1, 13)] * 2


@pytest.mark.slow
def test_a_scheduler_with_two_workers_gives_the_same_and_a_killed_worker_changes_nothing(
    chunks: tuple[Path, ...], whole: pandas.DataFrame
) -> None:
    with cluster(2) as (address, hands):
        assert run_chunks(tally_footprints, add_tallies, chunks, statics(), engine=address).equals(whole)

        def kill_one(done: int, _all: int) -> None:
            if done == 2:
                hands[0].send_signal(signal.SIGKILL)
                hands[0].wait()

        assert run_chunks(
            tally_footprints, add_tallies, chunks * 3, statics(), engine=address, progress=kill_one
        ).equals(whole * 3)
        assert hands[0].returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_million_buildings_are_counted_alike_by_every_engine(tmp_path: Path) -> None:
    paths = write_chunks((blocks(50_000, seed) for seed in range(MILLION // 50_000)), tmp_path)
    ask = partial(run_chunks, tally_footprints, add_tallies, paths, statics())
    alone = ask()
    assert alone["buildings"].sum() == MILLION
    assert ask(engine="local").equals(alone)
    with cluster(2) as (address, hands):
        assert ask(engine=address).equals(alone)

        def kill_one(done: int, _all: int) -> None:
            if done == 3:
                hands[1].send_signal(signal.SIGKILL)

        assert ask(engine=address, progress=kill_one).equals(alone)


def certificates(folder: Path) -> dict[str, str]:
    """An authority and a certificate of it for every part, made with openssl as the README says."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "rsa:2048", "-nodes", "-subj")
    openssl("req", "-x509", *new_key, "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2")
    for part in ("scheduler", "worker", "client"):
        openssl("req", *new_key, f"/CN={part}", "-keyout", f"{part}.key", "-out", f"{part}.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", f"{part}.csr", "-out", f"{part}.pem", *signed)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    return {
        f"{prefix}CA_FILE": str(folder / "ca.pem"),
        f"{prefix}CLIENT__CERT": str(folder / "client.pem"),
        f"{prefix}CLIENT__KEY": str(folder / "client.key"),
    }


def counted(chunks: Path, home: Path, engine: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``geo_service count-footprints`` as an administrator runs it."""
    return subprocess.run(
        [sys.executable, "-m", "geo_service", "count-footprints", str(chunks), "--engine", engine, "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GEO_SERVICE_HOME": str(home), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.slow
def test_over_tls_the_command_counts_the_same_and_a_stranger_is_turned_away(
    chunks: tuple[Path, ...], tmp_path: Path
) -> None:
    known, home = certificates(tmp_path), tmp_path / "home"
    alone = ("--host", "tls://127.0.0.1", "--no-dashboard", "--tls-ca-file", str(tmp_path / "ca.pem"))

    def own(part: str) -> tuple[str, ...]:
        return ("--tls-cert", str(tmp_path / f"{part}.pem"), "--tls-key", str(tmp_path / f"{part}.key"))

    with ExitStack() as stack:
        _, address = stack.enter_context(
            dask_process("scheduler", *alone, *own("scheduler"), "--protocol", "tls", "--port", "0")
        )
        assert address.startswith("tls://")
        for _ in range(2):
            wanted = ("worker", address, *alone, *own("worker"), "--no-nanny", "--nthreads", "1")
            stack.enter_context(dask_process(*wanted, "--death-timeout", "20"))
        here = counted(chunks[0].parent, home, "local", {})
        there = counted(chunks[0].parent, home, address, known)
        assert there.returncode == 0, there.stderr
        assert json.loads(there.stdout)["rows"] == json.loads(here.stdout)["rows"]
        assert sum(row[1] for row in json.loads(there.stdout)["rows"]) > 20_000
        stranger = counted(chunks[0].parent, home, address, {})
        assert stranger.returncode != 0
        assert "Traceback" not in stranger.stderr
        assert address in stranger.stderr


@pytest.mark.slow
def test_nobody_at_the_address_is_said_within_seconds(chunks: tuple[Path, ...]) -> None:
    with pytest.raises(Unavailable, match=r"tcp://127\.0\.0\.1:9"):
        run_chunks(tally_footprints, add_tallies, chunks, statics(), engine="tcp://127.0.0.1:9")


def test_an_unknown_engine_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="spark"):
        run_chunks(tally_footprints, add_tallies, (), {}, engine="spark://x")
    with pytest.raises(InvalidParameter, match="GeoParquet"):
        list_chunks(tmp_path)


def test_a_half_written_chunk_is_never_taken_for_one(tmp_path: Path) -> None:
    write_chunks([blocks(10, 1)], tmp_path)
    (tmp_path / "000001.part").write_bytes(b"PAR1")
    assert [p.name for p in list_chunks(tmp_path)] == ["000000.parquet"]
