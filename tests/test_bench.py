"""The benchmarks of map, serving and printing run and find every figure they are held to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from geo_service.settings import ROOT
from scripts.benchmarks import getprint
from scripts.chromium import find_chromium

BARS = {
    "page: interactive",
    "page: transferred",
    "page: requests to other hosts",
    "shell: build, nothing kept",
    "payload: ratio",
    "tile: warm p50",
    "stock Folium to ours: server time",
}


@pytest.mark.slow
@pytest.mark.browser
def test_the_quick_benchmark_of_the_map_measures_every_bar() -> None:
    """Times of a tenth of the data on a busy machine prove nothing: what must hold is bytes and other hosts."""
    if not find_chromium():
        pytest.skip("no Chromium")
    command = [sys.executable, "-m", "scripts.benchmarks", "map", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    name = next(line for line in done.stdout.splitlines() if line.startswith("bench-results"))
    figures = {f["name"]: f for f in json.loads((ROOT / name).read_text("utf-8"))["figures"] if f["bar"]}
    assert set(figures) == BARS
    assert figures["page: transferred"]["met"]
    assert figures["page: requests to other hosts"]["met"]
    assert figures["payload: ratio"]["value"] > 1


SERVE_BARS = {
    "vector tile, kept: p50 over one connection",
    "whole layer, four connections: ours to nginx",
    "dissolve: PostGIS to ours",
}


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("wrk") and shutil.which("nginx")), reason="apt-get install wrk nginx-light")
def test_the_quick_benchmark_of_serving_asks_every_question() -> None:
    """Without the servers of others: those are installed at the first full run."""
    command = [sys.executable, "-m", "scripts.benchmarks", "serve", "--quick", "--peers", ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    name = next(line for line in done.stdout.splitlines() if line.startswith("bench-results"))
    figures = {f["name"]: f for f in json.loads((ROOT / name).read_text("utf-8"))["figures"]}
    assert {name for name, figure in figures.items() if figure["bar"]} == SERVE_BARS
    asked = ("first page of 1000", "bbox page of 100", "filter name = …", "one feature", "WMS GetMap 512 x 512")
    assert all(figures[f"{question}: ours"]["value"] > 1 for question in asked)


PRINT_BARS = {
    "A3 sheet: cold, with every import",
    "A3 sheet: memory",
    "A3 sheet: warm",
    "A3 sheet: size",
    "atlas of 12 maps and an index: warm",
}


@pytest.mark.slow
def test_the_quick_benchmark_of_printing_gives_our_own_figures() -> None:
    """What a busy machine cannot spoil is held: bytes and memory."""
    command = [sys.executable, "-m", "scripts.benchmarks", "print", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    assert "our own figures only" in done.stdout
    name = next(line for line in done.stdout.splitlines() if line.startswith("bench-results"))
    figures = {f["name"]: f for f in json.loads((ROOT / name).read_text("utf-8"))["figures"] if f["bar"]}
    assert set(figures) == PRINT_BARS
    assert figures["A3 sheet: size"]["met"]
    assert figures["A3 sheet: memory"]["met"]


def test_without_a_qgis_server_the_benchmark_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.benchmarks.getprint.SERVER", ROOT / "no-such-server")
    assert "apt-get install qgis-server" in getprint.missing()
