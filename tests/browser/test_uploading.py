"""The upload page in a real browser: every change reachable, every mode and choice through to its draft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from geo_service.settings import ROOT
from tests.browser.conftest import Service, serving
from tests.browser.editing_desk import LAYER, prepare
from tests.browser.review_desk import Visit
from tests.browser.test_review import places

PAGE = f"/upload?layer={LAYER}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own: these tests remember mappings and make drafts."""
    home, layers = tmp_path_factory.mktemp("uploading"), ROOT / "layers"
    prepare(home, layers)
    with serving(home, layers) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, desk: Service) -> Iterator[Any]:
    """Signs people in; afterwards no page may have complained or asked for anything outside."""
    visits: list[Visit] = []

    def arrive(name: str, **options: Any) -> Visit:
        visits.append(Visit(browser, desk, name, **options))
        return visits[-1]

    yield arrive
    for one in visits:
        one.close()


def test_every_change_of_a_large_file_is_reached_page_by_page(visit: Any) -> None:
    page = visit("drawer").upload(PAGE, places(120), "很多.geojson")
    cards, pages = page.locator(".change"), page.locator(".pages span")
    expect(pages).to_have_text("1–50 / 120")
    expect(cards).to_have_count(50)
    page.get_by_role("button", name="下一页").click()
    expect(pages).to_have_text("51–100 / 120")
    expect(page.get_by_role("button", name="下一页")).to_be_focused()
    page.get_by_role("button", name="末页").click()
    expect(pages).to_have_text("101–120 / 120")
    expect(cards).to_have_count(20)
    expect(cards.last).to_contain_text("测试片区 119")
    expect(cards.last).to_contain_text("第 120 行")
    cards.last.locator(".go").click()
    expect(cards.last).to_have_attribute("data-selected", "")
    page.wait_for_function("document.querySelectorAll('.leaflet-after-pane path').length >= 21")  # twenty and the halo
    page.locator(".chip.add").click()
    expect(pages).to_have_text("1–50 / 120")


def test_a_file_that_changes_nothing_shows_what_it_recognised(visit: Any) -> None:
    drawer = visit("drawer")
    body = b"GS_ID\nNK-JSD-001\nNK-JSD-002\n"
    page = drawer.ready(PAGE)
    page.select_option("#mode", "attributes")
    page.set_input_files("#file", [{"name": "编号.csv", "mimeType": "", "buffer": body}])
    expect(page.locator(".chip.unchanged")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".change")).to_have_count(2)
    expect(page.locator(".change").first).to_contain_text("按编号识别")
    expect(page.locator("#result > .note")).to_contain_text("没有差别")
