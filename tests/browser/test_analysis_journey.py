"""The journey of an analysis in a real browser: ask, save, be told that data moved on, ask again, compare, export."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from geo_service.settings import ROOT
from tests.browser.conftest import Check, MapPage, Service, serving
from tests.browser.editing_desk import sign_in
from tests.seeded import seed

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
LAYER, FID = "fire_stations", "NK-XFZ-001"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The shipped layers and everybody, served."""
    layers, home = tmp_path_factory.mktemp("layers"), tmp_path_factory.mktemp("home")
    for path in (ROOT / "layers").iterdir():
        shutil.copy(path, layers)
    seed(home, people=True)
    with serving(home, layers) as running:
        yield running


@pytest.fixture
def drawer(browser: Browser, asked: Service) -> Iterator[MapPage]:
    one = sign_in(browser, asked.url, "drawer")
    one.page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield one
    expect.set_options(timeout=5_000)
    one.page.context.close()
    assert one.errors == []
    assert one.outside == []


def ask(one: MapPage, question: str, **values: str) -> None:
    """Fill the form, press the button, and wait for the answer."""
    page = one.page
    page.goto(f"{one.base}/analysis/{question}")
    for key, value in values.items():
        page.fill(f"#p-{key}", value)
    page.click("form.question-form button[type=submit]")
    expect(page.locator(".verdict")).to_be_visible()


def save(one: MapPage, name: str) -> str:
    """Save the answer of the page; gives the address of the saved result."""
    one.page.fill("#save-name", name)
    one.page.click(".save-result button")
    expect(one.page.locator("#up-to-date")).to_be_visible()
    return one.page.url


def publish_move(browser: Browser, base: str) -> None:
    """The chief drafts another place of the fire station, the checker publishes it."""
    chief, checker = (sign_in(browser, base, name) for name in ("chief", "checker"))
    script = """async ([layer, fid]) => {
      const token = document.querySelector('meta[name="csrf-token"]').content;
      const send = async (method, path, body) => {
        const headers = {"X-CSRF-Token": token, "Content-Type": "application/json"};
        const answer = await fetch(path, {method, headers, body: JSON.stringify(body)});
        if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
        return answer.json();
      };
      const {features} = await (await fetch(`/api/layers/${layer}/items?limit=200`)).json();
      const {id, geometry, properties} = features.find((one) => one.id === fid);
      const draft = await send("POST", "/api/drafts", {layer, note: "移动消防站"});
      geometry.coordinates[0] += 0.004;
      const feature = {type: "Feature", id, geometry, properties};
      await send("PUT", `/api/drafts/${draft.id}/changes/${fid}`, {feature, base_rev: 1});
      await send("POST", `/api/drafts/${draft.id}/steps`, {step: "submit"});
      return draft.id;
    }"""
    draft = chief.page.evaluate(script, [LAYER, FID])
    publishing = """async (id) => {
      const token = document.querySelector('meta[name="csrf-token"]').content;
      const headers = {"X-CSRF-Token": token, "Content-Type": "application/json"};
      const send = async (path, body) => {
        const answer = await fetch(`/api/drafts/${id}/${path}`, {method: "POST", headers, body: JSON.stringify(body)});
        if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
      };
      await send("decisions", {fids: "all", decision: "accept"});
      await send("publish", {head: 1});
    }"""
    checker.page.evaluate(publishing, draft)
    for one in (chief, checker):
        one.page.context.close()


@pytest.mark.slow
def test_an_analysis_is_asked_saved_outdated_asked_again_and_compared(
    drawer: MapPage, browser: Browser, asked: Service, violations: Check
) -> None:
    page = drawer.page
    ask(drawer, "buffer", distance_m="250")
    page.select_option("select[name='layer.layer']", LAYER)
    page.click("form.question-form button[type=submit]")
    page.wait_for_url("**layer.layer=fire_stations**")
    expect(page.locator("#result-table tbody tr")).to_have_count(1)
    headline = page.locator(".verdict").inner_text()
    kept = save(drawer, "消防站 250 m")
    assert page.locator(".verdict").inner_text() == headline
    assert violations(page, "saved result") == []
    publish_move(browser, asked.url)
    page.reload()
    expect(page.locator("#outdated")).to_contain_text("数据已更新")
    assert page.locator(".verdict").inner_text() == headline, "what was saved stays"
    page.click("#outdated a >> nth=0")
    expect(page.locator(".verdict")).to_be_visible()
    save(drawer, "消防站 250 m 新址")
    page.goto(f"{asked.url}/analysis/results")
    expect(page.locator(".saved-list .badge.warn")).to_have_count(1)
    boxes = page.locator(".saved-list input[data-question=buffer]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.click("#compare-two")
    expect(page.locator("#compare-map")).to_have_attribute("data-ready", "1 1")
    expect(page.locator("main")).to_contain_text("r1")
    expect(page.locator("main")).to_contain_text("r2")
    assert violations(page, "comparison") == []
    page.goto(kept)
    with page.expect_download() as file:
        page.click("text=导出 Excel")
    assert Path(file.value.path()).read_bytes()[:2] == b"PK"


@pytest.mark.slow
def test_rows_sort_and_row_and_map_lead_to_each_other(drawer: MapPage) -> None:
    page = drawer.page
    ask(drawer, "land-account")
    rows = page.locator("#result-table tbody tr")
    names = "[...document.querySelectorAll('#result-table tbody tr')].map(r => r.dataset.id)"
    before = page.evaluate(names)
    page.click("#result-table thead th >> nth=0 >> button")
    expect(page.locator("#result-table thead th").first).to_have_attribute("aria-sort", "ascending")
    assert page.evaluate(names) == sorted(before)
    page.click("#result-table thead th >> nth=0 >> button")
    expect(page.locator("#result-table thead th").first).to_have_attribute("aria-sort", "descending")
    assert page.evaluate(names) == sorted(before, reverse=True)
    expect(page.locator("#result-map path.leaflet-interactive")).not_to_have_count(0)
    rows.first.click()
    expect(page.locator("#result-table tr.selected")).to_have_count(1)
    wanted = page.locator("#result-table tr.selected").get_attribute("data-id")
    assert wanted == page.evaluate(names)[0]


@pytest.mark.slow
def test_a_long_question_shows_its_steps_and_is_stopped(drawer: MapPage) -> None:
    page = drawer.page
    page.goto(f"{drawer.base}/analysis/park-coverage")
    page.fill("#p-cell_m", "5")
    page.click("form.question-form button[type=submit]")
    expect(page.locator("#job progress")).to_be_visible()
    expect(page.locator("#job .job-step")).to_contain_text(re.compile(r"计算中 [1-9]\d?%"))
    expect(page.locator("#job .job-line")).to_contain_text(re.compile(r"约还需 \d+ 秒"))
    page.click("#job button")
    expect(page.locator("#job [role=alert]")).to_contain_text("已取消")
    expect(page.locator("form.question-form button[type=submit]")).to_be_enabled()


def test_a_refused_question_says_why_without_leaving_the_form(drawer: MapPage) -> None:
    page = drawer.page
    page.goto(f"{drawer.base}/analysis/service-coverage")
    page.fill("#p-reach_m", "-3")
    page.click("form.question-form button[type=submit]")
    expect(page.locator("#job [role=alert]")).to_contain_text("reach_m")
    drawer.errors[:] = [e for e in drawer.errors if "400" not in e]


@pytest.mark.slow
def test_a_saved_result_lies_over_the_district_map_until_it_is_closed(drawer: MapPage) -> None:
    page = drawer.page
    ask(drawer, "land-account")
    kept = save(drawer, "用地台账")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{drawer.base}/analysis/land-account?run=1")
    save(drawer, "用地台账，名称很长的一个结果，用来看手机上是否放得下")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is wider than a phone"
    page.click("text=在地图上显示")
    expect(page.locator(".result-box")).to_contain_text("用地台账")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.result-box')).backgroundColor") != "rgba(0, 0, 0, 0)"
    )
    expect(page.locator(".result-box")).not_to_have_attribute("data-ready", "0")
    page.click(".result-box button")
    expect(page.locator(".result-box")).to_have_count(0)
    assert "result=" not in page.url
    assert kept.startswith(drawer.base)
    page.set_viewport_size({"width": 1440, "height": 900})
    drawer.open()
    page.click("[aria-controls=saved-results]")
    row = page.locator("[data-result]", has_text="用地台账").last
    row.locator("input").check()
    expect(page.locator(".result-box")).to_contain_text("净用地")
    expect(page.locator(".result-box .result-legend li")).to_have_count(2)
    expect(page).to_have_url(re.compile("result=R"))
    row.locator("input").uncheck()
    expect(page.locator(".result-box")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("result="))
