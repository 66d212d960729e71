"""WCAG 2.0 to 2.2, levels A and AA, by axe: no violation in any state of the map and the frame of the documents."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Check, OpenMap

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_with_every_layer_opened(open_map: OpenMap, violations: Check, scheme: str) -> None:
    opened = open_map(color_scheme=scheme)
    assert violations(opened.page) == []
    for layer in ("waterlogging_zones", "trial_points"):
        opened.page.locator(f"[data-layer={layer}] button.expander").click()
        opened.page.locator(f"[data-layer={layer}] .icon-button").click()
    assert violations(opened.page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_search_open_and_search_without_a_hit(open_map: OpenMap, violations: Check, scheme: str) -> None:
    opened = open_map(color_scheme=scheme)
    opened.page.fill("#q", "积水")
    opened.page.wait_for_selector("#hits li mark")
    assert violations(opened.page) == []
    opened.page.fill("#q", "zzzzqq")
    opened.page.wait_for_selector("#no-hits:not([hidden])")
    assert violations(opened.page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_card_and_table(open_map: OpenMap, violations: Check, scheme: str) -> None:
    opened = open_map("/#sel=waterlogging_zones/NK-JSD-017&table=waterlogging_zones", color_scheme=scheme)
    opened.card()
    opened.page.wait_for_selector("#drawer tr.selected")
    assert violations(opened.page) == []


def test_measuring_and_a_message(open_map: OpenMap, violations: Check) -> None:
    opened = open_map()
    opened.page.click("#tool-area")
    opened.page.wait_for_selector(".measure-box")
    opened.page.get_by_role("button", name="复制坐标").click()
    opened.page.wait_for_selector(".toast")
    assert violations(opened.page) == []


@pytest.mark.slow
@pytest.mark.parametrize("state", ["map", "panel", "card", "table"])
def test_the_map_on_a_phone(open_map: OpenMap, violations: Check, state: str) -> None:
    path = {"card": "/#sel=fire_stations/NK-XFZ-001", "table": "/#table=waterlogging_zones"}.get(state, "/")
    opened = open_map(path, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    if state == "panel":
        opened.page.click("#tool-layers")
        opened.until("document.querySelector('#panel').getBoundingClientRect().bottom <= innerHeight + 1")
    if state == "card":
        opened.card()
    assert violations(opened.page) == []


@pytest.mark.slow
def test_the_map_in_english(open_map: OpenMap, violations: Check) -> None:
    opened = open_map("/?lang=en#sel=fire_stations/NK-XFZ-001", locale="en-GB")
    opened.card()
    assert violations(opened.page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/plan", "/layers/waterlogging_zones", "/layers/fire_stations/NK-XFZ-001"])
def test_documents_light_and_dark(open_map: OpenMap, violations: Check, path: str, scheme: str) -> None:
    opened = open_map(color_scheme=scheme)
    opened.page.goto(opened.base + path)
    assert violations(opened.page) == []
