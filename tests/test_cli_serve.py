"""Serving: the address is printed, answers under way are finished, a taken port is said so."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from waitress import create_server

from geo_service.cli import run
from geo_service.cli.serve import _loop_until_told, check_address
from geo_service.deployment import open_deployment
from geo_service.errors import CannotListen
from geo_service.settings import ROOT, read_settings
from geo_service.web.app import create_app
from geo_service.web.forking import warm

LONGEST_S = 30.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start a service on a free port; comes back with the process and its address."""
    running: list[subprocess.Popen[str]] = []

    def launch(server: str) -> tuple[subprocess.Popen[str], str]:
        environment = {**os.environ, "GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_SERVER": server}
        process = subprocess.Popen(
            [sys.executable, "-m", "geo_service", "serve", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process, _address(process)

    yield launch
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        if found:
            return found.group()
    raise AssertionError("the service ended without printing its address")


@pytest.mark.parametrize("server", ["waitress", pytest.param("gunicorn", marks=pytest.mark.slow)])
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_service_prints_its_address_answers_and_stops_when_told(start: Any, server: str) -> None:
    process, address = start(server)
    with urllib.request.urlopen(f"{address}healthz", timeout=LONGEST_S) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LONGEST_S) == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_reload_replaces_every_process_and_no_answer_is_lost(start: Any) -> None:
    process, address = start("gunicorn")
    first, failures, stop = children(process.pid), list[str](), threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                with urllib.request.urlopen(f"{address}readyz", timeout=LONGEST_S) as answer:
                    answer.read()
            except OSError as error:
                failures.append(repr(error))

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + LONGEST_S
    while children(process.pid) & first or len(children(process.pid)) < len(first):
        assert time.monotonic() < deadline, "the old processes are still there"
    stop.set()
    for thread in asking:
        thread.join()
    assert failures == []
    with urllib.request.urlopen(f"{address}metrics", timeout=LONGEST_S) as answer:
        text = answer.read().decode()
    counted = re.search(r'requests_total{method="GET",route="/readyz",status="200"} (\S+)', text)
    assert counted, "the figures of all processes are counted together"
    assert float(counted.group(1)) >= len(asking)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_process_that_was_killed_is_replaced_by_one_that_writes_and_sees_the_others(start: Any) -> None:
    process, address = start("gunicorn")
    wait_until(lambda: len(children(process.pid)) == 2, "two processes")
    first = children(process.pid)
    for killed in first:
        os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(children(process.pid) - first) == 2, "two others")
    for _ in range(8):
        with urllib.request.urlopen(f"{address}readyz", timeout=LONGEST_S) as answer:
            assert json.load(answer)["layers"] > 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_reload_that_cannot_open_the_store_leaves_the_one_before_in_service(start: Any, tmp_path: Path) -> None:
    process, address = start("gunicorn")
    wait_until(lambda: len(children(process.pid)) == 2, "two processes")
    first = children(process.pid)
    with closing(sqlite3.connect(tmp_path / "geo_service.db")) as newer, newer:
        newer.execute("UPDATE store_info SET value = '9999' WHERE key = 'schema'")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(children(process.pid) - first) == 2 and not children(process.pid) & first, "two others")
    with urllib.request.urlopen(f"{address}readyz", timeout=LONGEST_S) as answer:
        assert json.load(answer)["layers"] > 0


def test_what_is_asked_before_the_fork_is_neither_counted_nor_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(counts))
    (counts / f"counter_{os.getpid()}.db").write_bytes(b"")
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(tmp_path / "home")}))
    with caplog.at_level(logging.INFO, "geo_service.access"):
        app = create_app(deployment, at_work=False)
        warm(app)
        assert caplog.records == []
        app.test_client().get("/healthz")
        assert caplog.records != []
    assert list(counts.iterdir()) == []
    deployment.store.close()


def wait_until(arrived: Callable[[], bool], what: str) -> None:
    """Look again and again, for so long at most."""
    deadline = time.monotonic() + LONGEST_S
    while not arrived():
        assert time.monotonic() < deadline, f"not within {LONGEST_S} s: {what}"


def children(process: int) -> set[int]:
    """The processes of a process, by Linux."""
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = {"GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LANGUAGE": "en"}
        assert run(["serve", "--port", port], environment) == 3
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in said
    assert "in use" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["203.0.113.7", "not a host name"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(CannotListen):
        check_address(host, 0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_answer_under_way_is_finished_after_sigterm() -> None:
    """The application tells its own process to stop, waits until nobody is let in any more, and answers then."""
    body = b"late " * 100_000

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        _wait_until_refused(int(environ["SERVER_PORT"]))
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    sockets: dict[int, Any] = {}
    server = create_server(application, map=sockets, listen="127.0.0.1:0", threads=2)
    received: list[bytes] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.effective_port}/", timeout=LONGEST_S) as answer:
            received.append(answer.read())

    client = threading.Thread(target=ask)
    client.start()
    _loop_until_told(server, sockets)
    client.join(LONGEST_S)
    assert received == [body]


def _wait_until_refused(port: int) -> None:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionError:
            return
    raise AssertionError("the service still listens")
