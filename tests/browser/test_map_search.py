"""The search box: what it finds, by which spelling, and what choosing a result does."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MapPage, OpenMap

pytestmark = pytest.mark.browser


def search(opened: MapPage, text: str) -> list[str]:
    """Titles of the results for a text."""
    opened.page.fill("#q", text)
    opened.until("document.querySelector('#q').getAttribute('aria-expanded') === 'true'")
    return [t.strip() for t in opened.page.locator("#hits .name").all_inner_texts()]


def test_the_fire_station_is_found_by_pinyin_initials_name_and_code(open_map: OpenMap) -> None:
    opened = open_map()
    for text in ("fsdxfz", "fsd", "fenshui", "汾水道", "NK-XFZ-001"):
        search(opened, "zhongxue")
        opened.page.fill("#q", text)
        opened.until("document.querySelector('#hits').textContent.includes('汾水道消防站')")


def test_initials_find_the_station_and_enter_opens_its_card(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("fsdxfz")
    opened.page.keyboard.press("Enter")
    assert opened.card().startswith("汾水道消防站\n")
    assert opened.ask("app.stack.selected.fid") == "NK-XFZ-001"
    opened.until("app.map.getBounds().contains(app.stack.selected.at)")
    opened.until_address("sel=fire_stations/NK-XFZ-001")


def test_the_part_that_fits_is_marked(open_map: OpenMap) -> None:
    opened = open_map()
    search(opened, "消防")
    opened.until_text("#hits [data-kind=feature] mark", "消防")


def test_arrows_choose_and_escape_closes(open_map: OpenMap) -> None:
    opened = open_map()
    assert len(search(opened, "积水")) > 3
    opened.page.keyboard.press("ArrowDown")
    box = opened.page.locator("#q")
    expect(box).to_have_attribute("aria-activedescendant", "hit-1")
    expect(opened.page.locator("#hit-1")).to_have_attribute("aria-selected", "true")
    opened.page.keyboard.press("ArrowUp")
    opened.page.keyboard.press("ArrowUp")
    last = opened.page.locator("#hits li").count() - 1
    expect(box).to_have_attribute("aria-activedescendant", f"hit-{last}")
    opened.page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value("积水")


def test_a_layer_is_switched_on_and_shown_whole(open_map: OpenMap) -> None:
    opened = open_map("/#17/39.06/117.11&on=none")
    search(opened, "消防站")
    opened.page.locator("#hits [data-kind=layer]").first.click()
    opened.until("app.stack.layers.get('fire_stations').on")
    opened.until("app.map.getBounds().contains([39.1335, 117.1325])")


def test_a_coordinate_in_degrees_or_in_the_plane_leads_to_its_place(open_map: OpenMap) -> None:
    opened = open_map()
    for text in ("117.15 39.1", "4329583.66 512976.13"):
        search(opened, text)
        opened.page.locator("#hits [data-kind=coordinate]").first.click()
        expect(opened.page.locator(".coordinate-card")).to_have_count(1)  # the one before fades away
        degrees, plane = opened.text(".coordinate-card").split("\n\n")
        assert degrees.startswith("117.15")
        assert plane.startswith("N 4329")
        opened.until("app.map.getCenter().distanceTo([39.1, 117.15]) < 200")


def test_a_commitment_leads_to_its_page_of_the_plan(open_map: OpenMap) -> None:
    opened = open_map()
    search(opened, "消防站")
    opened.page.locator("#hits [data-kind=commitment]").first.click()
    opened.page.wait_for_url("**/plan/fire-station-fenshui-road")


def test_nothing_found_is_said(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.fill("#q", "zzzzqq")
    opened.page.wait_for_selector("#no-hits:not([hidden])")
    opened.until_text("#no-hits", "没有找到“zzzzqq”")
