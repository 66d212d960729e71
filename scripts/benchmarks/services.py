"""Services in processes of their own, and a client that asks them over kept connections."""

from __future__ import annotations

import http.client
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scripts.benchmarks.outcome import ROOT

POLL_S = 0.1
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@contextmanager
def running(command: Sequence[str], **settings: str) -> Iterator[str]:
    """The address a command prints; the process is ended afterwards."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{f"GEO_SERVICE_{k.upper()}": v for k, v in settings.items()},
    }
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = next((f for line in process.stdout or () if (f := ADDRESS.search(line))), None)
            if found is None:
                raise RuntimeError(f"{command} ended without an address")
            yield found.group()
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[str]:
    """Our own service on a home."""
    command = [sys.executable, "-m", "geo_service", "serve", "--port", "0"]
    with running(command, home=str(home), **settings) as address:
        yield address


@dataclass(frozen=True)
class Load:
    """What a client saw: requests a second, seconds of each, bytes of the last body."""

    rate: float
    times_s: list[float]
    bytes: int

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times_s) * 1000


def ask(address: str, paths: Iterable[str], *, connections: int = 1, seconds: float = 2.0) -> Load:
    """Ask for the paths in turn, again and again, for about so many seconds over so many connections."""
    wanted = list(paths)
    until = time.perf_counter() + seconds
    results: list[tuple[list[float], int]] = []
    threads = [
        threading.Thread(target=lambda: results.append(_ask(address, wanted, until))) for _ in range(connections)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begin
    times = [t for found, _ in results for t in found]
    return Load(len(times) / took, times, results[0][1])


def _ask(address: str, paths: list[str], until: float) -> tuple[list[float], int]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
    times, size = list[float](), 0
    while not times or time.perf_counter() < until:
        begin = time.perf_counter()
        connection.request("GET", paths[len(times) % len(paths)], headers={"Accept-Encoding": "br, gzip"})
        answer = connection.getresponse()
        size = len(answer.read())
        times.append(time.perf_counter() - begin)
        if answer.status == 503:  # the layer is being prepared
            times.pop()
            time.sleep(POLL_S)
        elif answer.status not in (200, 204):
            raise RuntimeError(f"{paths[0]}: {answer.status}")
    connection.close()
    return times, size
