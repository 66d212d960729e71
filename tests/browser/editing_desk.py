"""People at the map with a pencil: signed-in pages that click and draw by coordinates."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Browser

from tests.browser.conftest import WIDE, MapPage
from tests.web.people import PASSWORD

LAYER = "waterlogging_zones"
PLACE = "/#17/39.10500/117.16000&on=waterlogging_zones"
REFUSED = "the server responded with a status of 422"
Corner = tuple[float, float]


def sign_in(browser: Browser, base: str, name: str, **options: object) -> MapPage:
    """A page of somebody who is signed in; the caller closes its context."""
    page = browser.new_context(**(WIDE | options)).new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{base}/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    one = MapPage(page, base)
    one.watch()
    return one


def begin(one: MapPage, layer: str = LAYER) -> None:
    """Open the editor on a layer."""
    one.page.click("#tool-edit")
    one.page.wait_for_selector(".edit-panel")
    one.until("app.editor.session")
    one.page.select_option(".edit-panel header select", layer)
    one.until("app.editor.session?.schema.id === argument", layer)


def draw(one: MapPage, corners: Sequence[Corner]) -> None:
    """Click corner after corner as a hand does; the last is clicked by name again to finish."""
    for longitude, latitude in corners:
        x, y = spot(one, longitude, latitude)
        one.page.mouse.move(x - 3, y - 3)
        one.page.mouse.move(x, y, steps=3)
        one.page.mouse.click(x, y)


def spot(one: MapPage, longitude: float, latitude: float) -> Corner:
    """Where a place is on the screen."""
    x, y = one.ask(
        "(p => { const c = app.map.latLngToContainerPoint([p[1], p[0]]), r = app.map.getContainer()"
        ".getBoundingClientRect(); return [r.x + c.x, r.y + c.y]; })(argument)",
        [longitude, latitude],
    )
    return x, y


def square(west: float, south: float, size: float = 0.001) -> list[Corner]:
    """The corners of a square, the first one again at the end."""
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]
