"""The attribute table: pages and order by the server, linked with the map both ways."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MapPage, OpenMap, Service
from tests.browser.trial_layers import ROWS

pytestmark = pytest.mark.browser

TABLE = "/#14/39.1055/117.1455&on=trial_points&table=trial_points"


def names(opened: MapPage) -> list[str]:
    return opened.page.locator("#drawer tbody tr td:first-child").all_inner_texts()


def settled(opened: MapPage) -> None:
    opened.page.wait_for_selector("#drawer:not([aria-busy]) tbody tr")


def test_pages_of_fifty_are_turned_by_buttons_and_keys(open_map: OpenMap) -> None:
    opened = open_map(TABLE)
    settled(opened)
    opened.until_text(".range", f"1–50 / {ROWS} 条")
    assert names(opened)[0] == "试验点 1"
    opened.page.get_by_role("button", name="下一页").click()
    opened.until("document.querySelector('.range').textContent.startsWith('51–100')")
    opened.until_text("#drawer tbody tr td", "试验点 51")
    opened.page.locator("#drawer tbody tr").first.focus()
    opened.page.keyboard.press("PageDown")
    opened.until("document.querySelector('.range').textContent.startsWith('101–130')")
    expect(opened.page.get_by_role("button", name="下一页")).to_be_disabled()


def test_a_heading_sorts_up_then_down_then_not(open_map: OpenMap) -> None:
    opened = open_map(TABLE)
    settled(opened)
    head = opened.page.locator("#drawer th[data-key=height_m]")
    for order in ("ascending", "descending", "none"):
        head.get_by_role("button").click()
        opened.page.wait_for_selector(f"#drawer:not([aria-busy]) th[data-key=height_m][aria-sort={order}]")
        column = head.evaluate("th => [...th.parentNode.children].indexOf(th) + 1")
        cells = opened.page.locator(f"#drawer tbody td:nth-child({column})").all_inner_texts()
        heights = [float(c) for c in cells]
        if order != "none":
            assert heights == sorted(heights, reverse=order == "descending")
    assert sum("sort=height_m" in r for r in opened.requests) == 1
    assert sum("sort=-height_m" in r for r in opened.requests) == 1


def test_text_and_view_narrow_the_rows(open_map: OpenMap) -> None:
    opened = open_map(TABLE)
    settled(opened)
    opened.page.get_by_label("筛选文字").fill("试验点 12")
    opened.until("document.querySelector('.range').textContent === '1–11 / 11 条'")
    opened.page.get_by_label("筛选文字").fill("")
    opened.until(f"document.querySelector('.range').textContent.endsWith('/ {ROWS} 条')")
    opened.page.get_by_label("仅当前视图").check()
    opened.do("app.map.setView([39.1055, 117.1455], 18, {animate: false})")
    inside = opened.ask(
        "[...app.stack.layers.get('trial_points').drawing.visible()]"
        ".filter(v => app.map.getBounds().contains(v.at)).length"
    )
    assert 0 < inside < ROWS
    opened.until(f"document.querySelector('.range').textContent.endsWith('/ {inside} 条')")


def test_a_row_leads_to_the_map_and_the_map_to_the_row(open_map: OpenMap) -> None:
    opened = open_map(TABLE)
    settled(opened)
    opened.page.locator("#drawer tr[data-fid=NK-SYD-007]").click()
    assert opened.card().startswith("试验点 7\n")
    expect(opened.page.locator("tr.selected")).to_have_attribute("data-fid", "NK-SYD-007")
    opened.do("app.select('trial_points', 'NK-SYD-009', {fly: true, animate: false})")
    opened.page.wait_for_selector("tr.selected[data-fid=NK-SYD-009]")
    expect(opened.page.locator("tr[aria-selected=true]")).to_have_count(1)


def test_from_a_card_the_table_opens_on_the_page_where_the_feature_stands(open_map: OpenMap) -> None:
    opened = open_map("/#sel=trial_points/NK-SYD-077")
    opened.card()
    opened.page.click(".feature-card [data-action=table]")
    opened.page.wait_for_selector("tr.selected[data-fid=NK-SYD-077]")
    opened.until_text(".range", f"51–100 / {ROWS} 条")


def test_rows_are_walked_by_arrows_and_chosen_by_enter(open_map: OpenMap) -> None:
    opened = open_map(TABLE)
    settled(opened)
    opened.page.locator("#drawer tbody tr[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "End", "Home", "ArrowDown", "Enter"):
        opened.page.keyboard.press(key)
    opened.until("app.stack.selected?.fid === 'NK-SYD-002'")
    opened.card()
    opened.until("document.activeElement.dataset.fid === 'NK-SYD-002'")


def test_the_exports_answer_the_same_question(open_map: OpenMap, service: Service) -> None:
    opened = open_map(TABLE + "&filter=grade%20%3D%20'b'")
    settled(opened)
    opened.until_text(".condition code", "grade = 'b'")
    opened.page.locator("#drawer th[data-key=height_m] button").click()
    opened.page.wait_for_selector("#drawer:not([aria-busy]) th[data-key=height_m][aria-sort=ascending]")
    expect(opened.page.locator("#drawer a[title='导出 CSV']")).to_have_attribute("href", re.compile("sort=height_m"))
    href = opened.page.get_attribute("#drawer a[title='导出 CSV']", "href") or ""
    answer = opened.page.request.get(service.url + href)
    rows = list(csv.reader(io.StringIO(answer.text().removeprefix("\ufeff"))))
    place = rows[0].index("名称") if "名称" in rows[0] else [h.split(" ")[0] for h in rows[0]].index("名称")
    assert [r[place] for r in rows[1:]] == names(opened)
    sheet = opened.page.get_attribute("#drawer a[title='导出 Excel']", "href") or ""
    assert opened.page.request.get(service.url + sheet).body()[:2] == b"PK"
    opened.page.get_by_label("清除筛选条件").click()
    opened.until(f"document.querySelector('.range').textContent.endsWith('/ {ROWS} 条')")


def test_the_layer_can_be_changed_and_the_drawer_closed(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.click("#tool-table")
    settled(opened)
    opened.page.get_by_label("选择图层").select_option("waterlogging_zones")
    opened.until("document.querySelector('.range').textContent === '1–40 / 40 条'")
    expect(opened.page.locator("#drawer .badge.illustrative")).to_have_count(40)
    opened.until_address("table=waterlogging_zones")
    opened.page.click("#tool-table")
    expect(opened.page.locator("#drawer")).to_be_hidden()
    expect(opened.page.locator("#tool-table")).to_have_attribute("aria-pressed", "false")


def test_a_wrong_filter_in_the_address_is_told(open_map: OpenMap) -> None:
    opened = open_map(TABLE + "&filter=grade%20%3D%3D")
    opened.page.wait_for_selector(".toast.bad")
    assert len(opened.text(".toast.bad")) > 6
    opened.errors.clear()
