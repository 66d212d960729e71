"""The feature card: what it says, what it keeps apart, and paging through features under one point."""

from __future__ import annotations

import pytest

from tests.browser.conftest import MapPage, OpenMap
from tests.browser.trial_layers import STACK

pytestmark = pytest.mark.browser

STATION = "/#sel=fire_stations/NK-XFZ-001"


def badges(opened: MapPage) -> list[str]:
    return opened.page.locator(".feature-card .badge").all_inner_texts()


def test_the_card_quotes_the_plan_and_keeps_promise_and_report_apart(open_map: OpenMap) -> None:
    opened = open_map(STATION)
    text = opened.card()
    assert "力推汾水道消防站年内开工建设" in opened.text(".feature-card .clause")
    assert "开工期限 2025-12-31" in opened.text(".feature-card .clause")
    cells = opened.page.locator(".standing > div").all_inner_texts()
    assert cells == ["计划承诺\n计划推进", "填报进展\n尚未填报"]
    assert "位置精度" in text
    assert "误差 ±800 m" in text
    assert "推测" in badges(opened)
    assert "地址\n汾水道" in text
    assert "未填: " in text
    assert "资料来源" in text


def test_an_illustrative_position_is_marked_in_the_card(open_map: OpenMap) -> None:
    opened = open_map("/#sel=waterlogging_zones/NK-JSD-017")
    text = opened.card()
    assert text.startswith("积水片区 17（示意）\n")
    assert "位置为示意，非测绘成果" in text
    assert "示意" in badges(opened)
    assert "面积 (示意)" in text
    assert "公顷" in text
    assert "亩" in text


def test_codes_and_units_are_written_out(open_map: OpenMap) -> None:
    opened = open_map("/#sel=trial_points/NK-SYD-004")
    assert "等级\n甲级" in opened.card()
    assert "高度\n75.7 m" in opened.card()
    assert opened.page.locator(".standing .report").inner_text() == "已完成"


def test_features_under_one_point_are_paged(open_map: OpenMap) -> None:
    opened = open_map(f"/#17/{STACK[1]}/{STACK[0]}&on=trial_points")
    opened.click_at(*STACK)
    names = []
    for place in ("1/3", "2/3", "3/3", "1/3"):
        opened.until("argument === document.querySelector('.pager .at')?.textContent", place)
        names.append(opened.card().split("\n")[0])
        assert opened.ask("app.stack.selected.properties.name") == names[-1]
        opened.page.get_by_role("button", name="下一个要素").click()
    assert sorted(names[:3]) == ["试验点 1", "试验点 2", "试验点 3"]
    assert names[3] == names[0]
    opened.until("document.querySelector('.pager .at').textContent === '2/3'")
    opened.page.get_by_role("button", name="上一个要素").click()
    opened.until("document.querySelector('.pager .at').textContent === '1/3'")


def test_points_lie_over_areas_in_the_pager(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.1335/117.1325")
    opened.click_at(117.1325, 39.1335)
    assert opened.card().startswith("汾水道消防站\n")
    opened.until_text(".pager .at", "1/2")


def test_a_click_beside_everything_closes_the_card(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.1335/117.1325")
    opened.click_at(117.1325, 39.1335)
    opened.card()
    opened.click_at(117.1400, 39.1310)
    opened.until("app.stack.selected === null && document.querySelector('.feature-card') === null")
    opened.until_address(without="sel=")


def test_the_selected_feature_wears_a_halo(open_map: OpenMap) -> None:
    opened = open_map(STATION)
    opened.card()
    near = (
        "(() => { const c = document.querySelector('.leaflet-points-pane canvas'), b = c.getBoundingClientRect();"
        " const m = app.map.getContainer().getBoundingClientRect();"
        " const p = app.map.latLngToContainerPoint(app.stack.selected.at);"
        " return [...c.getContext('2d').getImageData(p.x + m.x - b.x + 16, p.y + m.y - b.y, 1, 1).data]; })()"
    )
    opened.until(f"(([red, green, blue, alpha]) => red > 180 && green > 110 && blue < 140 && alpha > 100)({near})")


def test_an_unlocated_feature_shows_its_card_beside_the_map(open_map: OpenMap) -> None:
    opened = open_map("/#sel=renewal_areas/NK-GXP-003")
    text = opened.card()
    assert text.startswith("爱尔眼科总部项目\n")
    assert "待落图" in badges(opened)
    assert opened.page.locator("#card .feature-card").is_visible()
    assert opened.page.locator(".leaflet-popup").count() == 0
    assert opened.page.locator("#card [data-action=zoom]").count() == 0


def test_links_lead_to_table_page_plan_and_address(open_map: OpenMap) -> None:
    opened = open_map(STATION)
    opened.card()
    assert opened.page.get_attribute(".feature-card [data-action=page]", "href") == "/layers/fire_stations/NK-XFZ-001"
    assert opened.page.get_attribute(".feature-card .clause a", "href") == "/plan/fire-station-fenshui-road"
    opened.page.click(".feature-card [data-action=copy]")
    opened.page.wait_for_selector(".toast:has-text('链接已复制')")
    opened.page.click(".feature-card [data-action=table]")
    opened.page.wait_for_selector("#drawer tr.selected[data-fid=NK-XFZ-001]")


def test_escape_closes_the_card_and_gives_the_map_the_focus(open_map: OpenMap) -> None:
    opened = open_map(STATION)
    opened.card()
    opened.page.keyboard.press("Escape")
    opened.until("app.stack.selected === null")
    opened.until("document.activeElement.id === 'map_main'")


def test_an_unknown_feature_in_the_address_is_told(open_map: OpenMap) -> None:
    opened = open_map("/#sel=fire_stations/NK-XFZ-999")
    opened.page.wait_for_selector(".toast.bad")
    assert opened.ask("app.stack.selected") is None
    opened.errors.clear()
