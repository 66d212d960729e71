"""What was when, in a real browser: a past day on the map, editions, comparisons, undoing, restoring."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from geo_service.core.features import Feature
from geo_service.deployment import open_deployment
from geo_service.settings import ROOT, read_settings
from geo_service.storage.lookup import features_at
from tests.browser.conftest import Check, Service, serving
from tests.browser.editing_desk import LAYER
from tests.browser.review_desk import SEVENTH, Visit, accept_and_publish, head_of, own_draft, take
from tests.web.people import add_people

pytestmark = pytest.mark.browser

SPRING, SUMMER = (
    datetime.datetime(2025, 3, 31, 9, tzinfo=datetime.UTC),
    datetime.datetime(2025, 8, 15, tzinfo=datetime.UTC),
)
BETWEEN = "2025-06-30"
RENAMED = "汛期复测片区"
PLACE = f"on={LAYER}&sel={LAYER}/{SEVENTH}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Layers of March 2025, of which one zone was deepened and renamed in August."""
    home, layers = tmp_path_factory.mktemp("history"), ROOT / "layers"
    clock = [SPRING]
    settings = read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_LAYERS": str(layers)})
    made = open_deployment(settings, now=lambda: clock[0])
    add_people(made)
    clock[0] = SUMMER
    was = features_at(made.store, LAYER, [SEVENTH])[SEVENTH]
    deeper = Feature(SEVENTH, {**was.properties, "name": RENAMED, "depth_cm": 45}, was.geometry)
    made.store.commit(LAYER, {SEVENTH: deeper}, base=1, kind="edit", author="drawer", note="汛期复测")
    made.store.close()
    with serving(home, layers) as running:
        yield running


def depth(who: Visit, text: str | None) -> None:
    """Wait until the card of the seventh zone tells this depth, or none."""
    card = who.page.locator(".feature-card[aria-busy=false]")
    expect(card).to_contain_text(SEVENTH)
    if text:
        expect(card).to_contain_text(re.compile(rf"最大积水深度\s*{text}"))
    else:
        expect(card).not_to_contain_text(re.compile(r"最大积水深度\s*\d"))


@pytest.mark.slow
def test_a_day_in_the_address_shows_that_day_and_comes_back_with_it(visit: Any, violations: Check) -> None:
    who = visit("drawer")
    page = who.ready(f"/#asof={BETWEEN}&{PLACE}")
    depth(who, None)
    bar = page.locator(".as-of-bar")
    expect(bar.locator("input")).to_have_value(BETWEEN)
    who.one.until_address(f"asof={BETWEEN}", f"sel={LAYER}/{SEVENTH}", without="rev=")
    expect(page.locator(".quick-status")).to_have_count(0)
    assert any(f"/api/layers/{LAYER}/r1.geojson" in asked for asked in who.one.requests)
    assert violations(page) == []
    page.fill("#q", RENAMED)
    expect(page.locator("#no-hits")).to_contain_text(RENAMED)
    page.fill("#q", "")
    again = visit("checker")
    again.ready(page.url.removeprefix(who.one.base))
    depth(again, None)
    expect(again.page.locator(".as-of-bar input")).to_have_value(BETWEEN)
    with page.expect_navigation():
        bar.locator("input").fill("2025-09-01")
    page.wait_for_selector("html[data-ready]")
    who.one.until_address("asof=2025-09-01")
    depth(who, "45")
    with page.expect_navigation():
        page.get_by_role("button", name="回到现在").click()
    page.wait_for_selector("html[data-ready]")
    who.one.until_address(f"sel={LAYER}/{SEVENTH}", without="asof=")
    depth(who, "45")
    expect(bar).to_have_count(0)
    expect(page.locator(".quick-status")).to_have_count(1)
    page.fill("#q", RENAMED)
    expect(page.locator("#hits li[data-kind=feature]")).to_contain_text(RENAMED)


def test_the_api_answers_as_of_a_day_and_a_day_before_everything_is_told(visit: Any) -> None:
    who = visit("drawer")
    page = who.ready("/#asof=2000-01-01")
    expect(page.locator(".toast.bad")).to_contain_text("那时还没有任何图层")
    expect(page.locator(".as-of-bar")).to_have_count(0)
    assert len(who.one.errors) == 1
    who.one.errors.clear()
    items = f"{who.one.base}/api/layers/{LAYER}/items/{SEVENTH}"
    values = [
        page.request.get(f"{items}?asOf={day}").json()["properties"].get("depth_cm") for day in (BETWEEN, "2025-09-01")
    ]
    assert values == [None, 45]
    then = page.request.get(f"{who.one.base}/api/layers?asOf={BETWEEN}").json()
    assert {layer["id"]: layer["rev"] for layer in then["layers"]}[LAYER] == 1
    assert then["heads"][LAYER] == 2


def name_edition(page: Page, name: str, day: str) -> None:
    page.fill("#name", name)
    page.fill("#date", day)
    with page.expect_navigation():
        page.get_by_role("button", name="新建版次").click()
    expect(page.locator("h1")).to_have_text(name)


@pytest.mark.slow
def test_editions_are_named_opened_on_the_map_and_compared(visit: Any, violations: Check) -> None:
    who = visit("checker")
    for name, day in (("2025 二季度版", BETWEEN), ("2025 三季度版", "2025-09-30")):
        name_edition(who.open("/editions"), name, day)
    page = who.open("/editions")
    page.get_by_role("link", name="2025 二季度版").click()
    page.select_option("#with", "2025 三季度版")
    with page.expect_navigation():
        page.get_by_role("button", name="对照").click()
    row = page.locator("tbody tr", has_text="积水片区")
    expect(row).to_contain_text("r1")
    expect(row).to_contain_text("r2")
    assert violations(page) == []
    row.locator(".counts").click()
    page.wait_for_selector("html[data-ready]")
    change = page.locator(f'.change[data-fid="{SEVENTH}"]')
    expect(change.locator("td.new", has_text="45")).to_have_count(1)
    page.go_back()
    with page.expect_navigation():
        page.get_by_role("link", name="在地图上查看", exact=True).click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".as-of-bar a")).to_have_text("2025 二季度版")
    who.one.until("app.stack.layers.get(argument).pinned === 1", LAYER)


@pytest.mark.slow
def test_any_two_revisions_are_compared_on_map_and_table(visit: Any) -> None:
    drawer, checker = visit("drawer"), visit("checker")
    own = own_draft(drawer, {"measure": "泵站扩容"}, head_of(drawer))
    accept_and_publish(checker.ready(f"/drafts/{own}"))
    latest = head_of(checker)
    page = checker.open(f"/layers/{LAYER}/history")
    page.check('input[name=a][value="1"]')
    page.check(f'input[name=b][value="{latest}"]')
    page.get_by_role("button", name="对照选中的两个版本").click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("h1")).to_contain_text(f"r1 → r{latest}")
    change = page.locator(f'.change[data-fid="{SEVENTH}"]')
    expect(change.locator("td.new", has_text="泵站扩容")).to_have_count(1)
    expect(change.locator("td.new", has_text="45")).to_have_count(1)
    change.locator(".go").click()
    expect(change).to_have_attribute("data-selected", "")
    page.get_by_role("button", name="卷帘").click()
    expect(page.locator(".swipe-slider")).to_be_visible()
    expect(page.locator(".leaflet-before-pane path")).not_to_have_count(0)
    expect(page.locator(".leaflet-after-pane path")).not_to_have_count(0)


def undo(who: Visit, checker: Visit, rev: int, why: str) -> int:
    """Take one revision back from the history page, have it published; gives the new head."""
    page = who.open(f"/layers/{LAYER}/history")
    page.fill("#undo-rev", str(rev))
    page.fill("#undo-note", why)
    take(page, "提交撤销")
    accept_and_publish(checker.ready(page.url.removeprefix(who.one.base)))
    return head_of(checker)


@pytest.mark.slow
def test_an_undo_is_undone_and_what_came_between_stays(visit: Any) -> None:
    drawer, checker = visit("drawer"), visit("checker")
    own = own_draft(drawer, {"drain_hours": 7}, head_of(drawer))
    accept_and_publish(checker.ready(f"/drafts/{own}"))
    made = head_of(checker)
    other = own_draft(drawer, {"verb": "改造"}, made)
    accept_and_publish(checker.ready(f"/drafts/{other}"))
    undone = undo(drawer, checker, made, "数据有误")
    now = checker.item(SEVENTH)["properties"]
    assert (now.get("drain_hours"), now["verb"]) == (None, "改造")
    undo(drawer, checker, undone, "核实无误")
    now = checker.item(SEVENTH)["properties"]
    assert (now["drain_hours"], now["verb"]) == (7, "改造")


@pytest.mark.slow
def test_a_deleted_feature_and_a_layer_out_of_service_come_back(visit: Any) -> None:
    drawer, checker, chief = visit("drawer"), visit("checker"), visit("chief")
    gone = "NK-JSD-020"
    drawer.open("/drafts")
    draft = drawer.send("POST", "/api/drafts", {"layer": LAYER, "note": "已并入他处", "fresh": True})["id"]
    drawer.send("PUT", f"/api/drafts/{draft}/changes/{gone}", {"operation": "delete"})
    drawer.send("POST", f"/api/drafts/{draft}/steps", {"step": "submit"})
    accept_and_publish(checker.ready(f"/drafts/{draft}"))
    page = drawer.open(f"/layers/{LAYER}/history")
    with page.expect_navigation():
        page.locator("#deleted + .scroll tr", has_text=gone).get_by_role("button", name="恢复").click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(f'.change.op-add[data-fid="{gone}"]')).to_have_count(1)
    accept_and_publish(checker.ready(page.url.removeprefix(drawer.one.base)))
    assert checker.item(gone)["id"] == gone
    page = chief.open("/admin/layers")
    page.get_by_label("键入图层编号确认 culture").fill("culture")
    with page.expect_navigation():
        page.locator("tr", has_text="culture").get_by_role("button", name="停用").click()
    expect(chief.open("/layers").locator('main a[href="/layers/culture"]')).to_have_count(0)
    page = chief.open("/admin/layers")
    with page.expect_navigation():
        page.locator("tr", has_text="culture").get_by_role("button", name="恢复").click()
    chief.ready("/#on=culture")
    chief.one.until("[...app.stack.layers.get('culture').drawing.visible()].length > 0")
