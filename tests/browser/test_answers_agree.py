"""Every question says the same, to the cell, on page, command line and print, in API, XLSX and GeoPackage."""

from __future__ import annotations

import io
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import geopandas
import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from geo_service.analysis.questions import QUESTIONS
from geo_service.cli import run
from tests.browser.conftest import Service, serving
from tests.planners_layers import write_planners_layers

pytestmark = pytest.mark.slow
CHOSEN = {"depressions": {"heights": "heights"}, "hotspots": {}}
CHANGED = {"hotspots": {"cell_m": "900"}}
"""Fewer cells than fit on a print."""
ASKED_AGAIN, LONGEST_MS = 10, 120_000
YES_NO = {"zh": ("否", "是"), "en": ("no", "yes")}
READ = """() => [...document.querySelectorAll("table.result-table")].map(table =>
  [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent.trim())))"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """A bureau's layers, served."""
    layers = tmp_path_factory.mktemp("layers")
    write_planners_layers(layers)
    with serving(tmp_path_factory.mktemp("home"), layers) as running:
        yield running, layers


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def shown(value: Any, language: str) -> str:
    """A cell as people read it, by a rule of this test's own: at most three decimals, thousands apart."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return YES_NO[language][value]
    if isinstance(value, (int, float)):
        whole, _, part = f"{abs(value):,.3f}".partition(".")
        text = f"{whole}.{part}".rstrip("0").rstrip(".")
        return f"-{text}" if value < 0 and text != "0" else text
    return str(value[language] if isinstance(value, Mapping) else value)


def patiently(address: str) -> bytes:
    """An answer that may still be worked out: each request waits 20 seconds for it, on a crowded machine in vain."""
    for _ in range(ASKED_AGAIN):
        try:
            with urlopen(address) as answer:  # our own service
                if answer.status == HTTPStatus.OK:
                    return bytes(answer.read())
        except HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            threading.Event().wait(float(error.headers["Retry-After"]))
    raise AssertionError(f"no answer: {address}")


def squeezed(text: str) -> str:
    return "".join(text.split()).replace("−", "-")


def tables_of(body: Mapping[str, Any]) -> list[list[list[Any]]]:
    return [body["rows"], *(t["rows"] for t in body["more"])]


@pytest.mark.parametrize("question", [q.id for q in QUESTIONS])
def test_headline_and_cells_are_the_same_everywhere(
    desk: tuple[Service, Path], page: Page, capsys: pytest.CaptureFixture[str], tmp_path: Path, question: str
) -> None:
    service, layers = desk
    roles, values = CHOSEN.get(question, {}), CHANGED.get(question, {})
    query = urlencode(values | {f"layer.{role}": layer for role, layer in roles.items()})

    def fetched(ending: str, language: str = "zh") -> bytes:
        address = f"{service.url}/api/analyses/{question}{ending}?{query}&lang={language}"
        return patiently(address)

    body = json.loads(fetched(""))
    assert any(tables_of(body)) or question == "layer-changes"
    assert body["headline"] == on_the_command_line(service, layers, question, values, roles, capsys)["headline"]
    for language in ("zh", "en"):
        page.goto(f"{service.url}/analysis/{question}?run=1&{query}&lang={language}")
        expect(page.locator(".verdict")).to_have_text(body["headline"][language], timeout=LONGEST_MS)
        wanted = [[[shown(cell, language) for cell in row] for row in rows] for rows in tables_of(body) if rows]
        assert on_page(page, language) == wanted
        assert in_workbook(fetched(".xlsx", language)) == [
            [[as_in_sheet(cell, language) for cell in row] for row in rows] for rows in tables_of(body)
        ]
        printed = on_paper(fetched(".pdf", language), tmp_path)
        assert squeezed(body["headline"][language]) in printed
        lacking = {cell for rows in wanted for row in rows for cell in row if squeezed(cell) not in printed}
        assert lacking == set()
    if body["layer"] and body["layer"]["features"]:
        check_package(fetched(".gpkg"), body["layer"]["features"], tmp_path)


def on_the_command_line(
    service: Service,
    layers: Path,
    question: str,
    values: Mapping[str, str],
    roles: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
) -> Mapping[str, Any]:
    """The answer the command prints, whose tables are those of the API."""
    settings = {"GEO_SERVICE_HOME": str(service.home), "GEO_SERVICE_LAYERS": str(layers)}
    given = [f"--set={k}={v}" for k, v in values.items()] + [f"--layer={k}={v}" for k, v in roles.items()]
    assert run(("analyse", question, "--json", *given), settings) == 0
    told: Mapping[str, Any] = json.loads(capsys.readouterr().out)
    query = urlencode(dict(values) | {f"layer.{role}": layer for role, layer in roles.items()})
    body = json.loads(patiently(f"{service.url}/api/analyses/{question}?{query}"))
    for key in ("headline", "figures", "columns", "rows", "more"):
        assert told[key] == body[key]
    return told


def on_page(page: Page, language: str) -> list[list[list[str]]]:
    """The cells of every table; the page says yes with a capital in English."""
    words = {"Yes": "yes", "No": "no"} if language == "en" else {}
    return [[[words.get(cell, cell) for cell in row] for row in rows] for rows in page.evaluate(READ)]


def as_in_sheet(value: Any, language: str) -> Any:
    """Numbers stay numbers; empty text is an empty cell."""
    if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
        return shown(value, language) or None
    return value


def in_workbook(data: bytes) -> list[list[list[Any]]]:
    """The tables of a workbook without heads; the parameters and the method come last."""
    sheets = load_workbook(io.BytesIO(data)).worksheets[:-2]
    return [[list(row) for row in sheet.iter_rows(min_row=2, values_only=True)] for sheet in sheets]


def on_paper(data: bytes, folder: Path) -> str:
    """What poppler reads of a print, without the breaks of lines."""
    path = folder / "answer.pdf"
    path.write_bytes(data)
    return squeezed(subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout)


def check_package(data: bytes, features: list[dict[str, Any]], folder: Path) -> None:
    """Every value of every feature is in the GeoPackage."""
    path = folder / "answer.gpkg"
    path.write_bytes(data)
    frame = geopandas.read_file(path)
    assert len(frame) == len(features)
    for row, feature in zip(frame.to_dict("records"), features, strict=True):
        for key, value in feature["properties"].items():
            stored = row.get(key, row.get(f"{key}_1"))
            plain = shown(value, "zh") if isinstance(value, (dict, bool)) else value
            assert (
                (stored == pytest.approx(plain)) if isinstance(plain, (int, float)) else (str(stored) == str(plain))
            ), key
