"""A fire station dragged over the map, drawn as a point or as an area, with the mouse and with the keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Service

pytestmark = pytest.mark.browser

ASKED = "/analysis/fire-response?run=1&cell_m=100"


def opened(browser: Browser, service: Service, stations: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{service.url}{ASKED}&layer.stations={stations}")
    expect(page.locator(".station-pin").first).to_be_attached()
    return page


@pytest.mark.slow
@pytest.mark.parametrize("stations", ["fire_stations", "renewal_areas"])
def test_a_station_is_dragged_whether_it_is_a_point_or_an_area(
    browser: Browser, service: Service, stations: str
) -> None:
    page = opened(browser, service, stations)
    before = page.locator(".verdict").inner_text()
    pin = page.locator(".station-pin").first
    box = pin.bounding_box()
    assert box
    with page.expect_response(re.compile("fire-response/moved")) as answer:
        page.mouse.move(box["x"] + 13, box["y"] + 13)
        page.mouse.down()
        page.mouse.move(box["x"] + 93, box["y"] + 113, steps=4)
        page.mouse.up()
    assert answer.value.status == 200
    expect(page.locator(".verdict")).not_to_have_text(before)
    page.close()


def test_arrows_move_a_station_as_a_drag_does(browser: Browser, service: Service) -> None:
    page = opened(browser, service, "fire_stations")
    pin = page.locator(".station-pin").first
    place = pin.bounding_box()
    assert place
    pin.focus()
    with page.expect_response(re.compile("fire-response/moved")) as answer:
        page.keyboard.press("ArrowDown")
    assert answer.value.status == 200
    moved = pin.bounding_box()
    assert moved
    assert moved["y"] - place["y"] == pytest.approx(10, abs=1)
    page.close()
