"""A real service in its own process, a real Chromium, and pages that report whatever goes wrong on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from geo_service.settings import ROOT
from scripts.chromium import find_chromium
from tests.browser.trial_layers import write_trial_layers
from tests.seeded import seed

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
expect.set_options(timeout=15_000)
CANVAS_FEATURES = 140
"""Layers with more features come as vector tiles, so that small trial layers show both ways of drawing."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its address and its home."""

    url: str
    home: Path


@contextmanager
def serving(home: Path, layers: Path, *options: str, basemaps: str = "") -> Iterator[Service]:
    """A service process on a fresh home, ended afterwards."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GEO_SERVICE_HOME": str(home),
        "GEO_SERVICE_LAYERS": str(layers),
        "GEO_SERVICE_CANVAS_FEATURES": str(CANVAS_FEATURES),
        "GEO_SERVICE_BASEMAPS": basemaps,
    }
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("serve_home.py")), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the service did not start"
        try:
            yield Service(f"http://127.0.0.1:{port}", home)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The shipped layers and two trial layers, served."""
    layers = tmp_path_factory.mktemp("layers")
    for path in (ROOT / "layers").iterdir():
        shutil.copy(path, layers)
    write_trial_layers(layers)
    with serving(tmp_path_factory.mktemp("home"), layers) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per module: Playwright allows one at a time in a thread, and other modules start their own."""
    chromium = find_chromium()
    if not chromium:
        missing("no Chromium; set CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


def missing(reason: str) -> None:
    """A tool that is not there: a failure where everything must be there, a reason to skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(slots=True)
class MapPage:
    """A page with the map, and lists of what must stay empty."""

    page: Page
    base: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note console errors, failed answers and requests to elsewhere from now on."""
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda asked: self.note(asked.url))

    def note(self, url: str) -> None:
        """Note a request."""
        self.requests.append(url.removeprefix(self.base))
        if not url.startswith((self.base, "data:", "blob:")):
            self.outside.append(url)

    def open(self, path: str = "/") -> MapPage:
        """Go somewhere and wait until the map answers."""
        self.page.goto(self.base + path)
        self.page.wait_for_selector("html[data-ready]")
        return self

    def ask(self, script: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression; ``app`` is the map's application."""
        return self.page.evaluate(f"argument => {{ const app = window.geoService.app; return {script}; }}", argument)

    def do(self, script: str) -> None:
        """Run a JavaScript expression over ``app`` for its effect."""
        self.ask(f"(void ({script}), null)")

    def zoom_to(self, zoom: int) -> None:
        """Zoom the map at once."""
        self.do(f"app.map.setZoom({zoom}, {{animate: false}})")

    def until(self, script: str, argument: Any = None) -> None:
        """Wait until a JavaScript expression over ``app`` is true."""
        whole = f"argument => {{ const app = window.geoService.app; return {script}; }}"
        self.page.wait_for_function(whole, arg=argument, timeout=15_000)

    def click_at(self, longitude: float, latitude: float) -> None:
        """Click a place of the map."""
        x, y = self.ask(
            "(p => { const c = app.map.latLngToContainerPoint([argument[1], argument[0]]),"
            " r = app.map.getContainer().getBoundingClientRect(); return [r.x + c.x, r.y + c.y]; })()",
            [longitude, latitude],
        )
        self.page.mouse.click(x, y)

    def card(self) -> str:
        """The text of the open card, once the server has told all it knows."""
        self.page.wait_for_selector(".feature-card[aria-busy=false]")
        return self.text(".feature-card")

    def until_text(self, selector: str, text: str) -> None:
        """Wait until the first element that fits reads so, and only so."""
        expect(self.page.locator(selector).first).to_have_text(text, use_inner_text=True)

    def until_address(self, *parts: str, without: str = "") -> None:
        """Wait until the part of the address after # holds all of these, and not that."""
        self.until(
            "(([wanted, not]) => wanted.every(p => location.hash.includes(p)) && !(not && location.hash.includes(not)))"
            "(argument)",
            [list(parts), without],
        )

    def text(self, selector: str) -> str:
        """The text of the first element that fits, as it is read now: for what no action is still changing."""
        return self.page.locator(selector).first.inner_text()


class OpenMap(Protocol):
    """What the fixture ``open_map`` gives."""

    def __call__(self, path: str = "/", *, service: Service | None = None, **options: Any) -> MapPage: ...


WIDE = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def shared_context(browser: Browser) -> Iterator[BrowserContext]:
    """Pages of a module share a context, and with it what the browser has cached."""
    context = browser.new_context(**WIDE)
    yield context
    context.close()


@pytest.fixture
def open_map(browser: Browser, service: Service, shared_context: BrowserContext) -> Iterator[OpenMap]:
    """Opens the map, in a fresh context where options are given; afterwards no page may have complained or asked for
    anything outside."""
    fresh: list[BrowserContext] = []
    opened: list[MapPage] = []

    def open_one(path: str = "/", *, service: Service = service, **options: Any) -> MapPage:
        if options:
            fresh.append(browser.new_context(**(WIDE | options)))
        page = (fresh[-1] if options else shared_context).new_page()
        page.set_default_timeout(15_000)
        opened.append(MapPage(page, service.url))
        opened[-1].watch()
        return opened[-1].open(path)

    yield open_one
    for one in opened:
        one.page.close()
    for context in fresh:
        context.close()
    assert [e for one in opened for e in one.errors] == []
    assert [u for one in opened for u in one.outside] == []


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of a module's own, with people: its tests publish."""
    home, layers = tmp_path_factory.mktemp("review"), ROOT / "layers"
    seed(home, people=True)
    with serving(home, layers) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, desk: Service) -> Iterator[Any]:
    """Signs people in; afterwards no page may have complained or asked for anything outside."""
    from tests.browser.review_desk import Visit  # it builds on this module

    visits: list[Visit] = []

    def arrive(name: str, **options: Any) -> Visit:
        visits.append(Visit(browser, desk, name, **options))
        return visits[-1]

    yield arrive
    for one in visits:
        one.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's source."""
    path = ROOT / "var" / "dev-tools" / "axe" / "axe.min.js"
    if not path.exists():
        missing("no axe: run scripts/assets --dev")
    return path.read_text("utf-8")


Check = Callable[[Page, str], list[str]]


@pytest.fixture(scope="session")
def violations(axe: str) -> Check:
    """A function that gives the WCAG 2.0 to 2.2 A and AA violations of a page once what moves or fades has ended."""
    ends = "a => a.playState !== 'running' || a.effect?.getTiming().iterations === Infinity"
    still = f"() => document.getAnimations().every({ends})"

    def check(page: Page, _state: str = "") -> list[str]:
        page.wait_for_function(still)
        page.evaluate(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)["violations"]
        return [f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found for n in v["nodes"]]

    return check
