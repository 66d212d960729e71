"""The upload page in a real browser: every change reachable, every mode and choice through to its draft."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import fiona
import openpyxl
import pytest
import shapely
from playwright.sync_api import Page, expect

from tests.browser.editing_desk import LAYER
from tests.browser.review_desk import SEVENTH, shipped, survey, take
from tests.browser.test_review import bow_tie, places

PAGE = f"/upload?layer={LAYER}"


@pytest.mark.slow
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


def send(page: Page, mode: str, name: str, data: bytes) -> None:
    page.select_option("#mode", mode)
    page.set_input_files("#file", [{"name": name, "mimeType": "application/octet-stream", "buffer": data}])
    page.wait_for_selector("#result .upload-part")


def make_draft(page: Page) -> None:
    """Press what leads to the draft, having acknowledged what must be."""
    if page.locator("#agree").count():
        page.check("#agree")
    take(page, "生成变更单")
    page.wait_for_selector("html[data-ready]")


def workbook(*rows: tuple[str, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_list_of_ids_deletes_what_it_names_and_nothing_else(visit: Any) -> None:
    drawer = visit("drawer")
    page = drawer.ready(PAGE)
    head = ("拟销号积水片区清单", ""), ("编号", "销号原因")
    listed = workbook(*head, ("NK-JSD-003", "已治理"), ("NK-JSD-099", "不存在"))
    send(page, "delete", "销号.xlsx", listed)
    expect(page.locator(".chip.delete b")).to_have_text("1")
    expect(page.locator(".change.op-delete")).to_contain_text("NK-JSD-003")
    expect(page.locator(".upload-findings")).to_contain_text("NK-JSD-099")
    make_draft(page)
    expect(page.locator(".change")).to_have_count(1)
    expect(page.locator(".change.op-delete")).to_contain_text("NK-JSD-003")
    expect(page.locator("main")).to_contain_text("仅删除列表")
    take(page, "作废")


def test_a_table_of_values_changes_values_and_never_a_shape(visit: Any, tmp_path: Path) -> None:
    page = visit("drawer").ready(PAGE)
    moved = shapely.affinity.translate(shipped(), 0.002)
    send(page, "attributes", "只改属性.zip", survey(tmp_path / "s", moved))
    card = page.locator(f'.change[data-fid="{SEVENTH}"]')
    expect(card).to_contain_text("长虹街积水点")
    expect(card.locator("tbody tr", has_text="图形")).to_have_count(0)
    make_draft(page)
    expect(page.locator("main")).to_contain_text("仅属性")
    expect(page.locator(".change tbody tr", has_text="名称")).to_have_count(1)
    expect(page.locator(".change tbody tr", has_text="图形")).to_have_count(0)
    take(page, "作废")


@pytest.mark.slow
def test_a_column_by_any_name_is_chosen_as_the_one_with_the_ids_and_remembered(visit: Any) -> None:
    drawer = visit("drawer")
    page = drawer.ready(PAGE)
    body = "台账号,简介\nNK-JSD-004,改名四\n".encode()
    send(page, "attributes", "台账.csv", body)
    expect(page.locator(".upload-findings")).to_contain_text("没有找到对应的现有要素")
    expect(page.locator(".upload-next")).to_have_count(0)
    page.select_option('select[data-source="台账号"]', "GS_ID")
    page.select_option('select[data-source="简介"]', "name")
    page.locator("details", has_text="字段对应").get_by_role("button", name="按此重新预检").click()
    expect(page.locator('.change[data-fid="NK-JSD-004"]')).to_contain_text("改名四")
    make_draft(page)
    take(page, "作废")
    page = drawer.ready(PAGE)
    send(page, "attributes", "台账二.csv", body.replace("改名四".encode(), "又改名".encode()))
    expect(page.locator('.change[data-fid="NK-JSD-004"]')).to_contain_text("又改名")
    assert page.locator('select[data-source="台账号"]').input_value() == "GS_ID"


def test_names_read_in_another_encoding_change_at_once_and_back_again(visit: Any, tmp_path: Path) -> None:
    page = visit("drawer").upload(
        PAGE, survey(tmp_path / "s", shapely.affinity.translate(shipped(), 0.0004)), "积水.zip"
    )
    card, encodings = page.locator(f'.change[data-fid="{SEVENTH}"]'), page.locator("details", has_text="文字编码")
    expect(card).to_contain_text("长虹街积水点")
    encodings.locator("summary").click()
    expect(encodings.locator("th", has_text="gb18030").locator(".badge")).to_have_text("采用中")
    garbled = "长虹街积水点".encode("gbk").decode("latin-1")
    expect(encodings.locator("tbody")).to_contain_text(garbled)
    encodings.get_by_role("button", name="latin-1").click()
    column = "名称".encode("gbk").decode("latin-1")
    expect(page.locator("details", has_text="字段对应")).to_contain_text(column)
    expect(card).not_to_contain_text("长虹街积水点")
    encodings.locator("summary").click()
    expect(encodings.locator("th", has_text="latin-1").locator(".badge")).to_have_text("采用中")
    encodings.get_by_role("button", name="gb18030").click()
    expect(card).to_contain_text("长虹街积水点")
    expect(page.locator("details", has_text="字段对应")).not_to_contain_text(column)


def test_findings_are_taken_home_as_table_and_package_with_their_places(visit: Any, tmp_path: Path) -> None:
    drawer = visit("drawer")
    page = drawer.upload(PAGE, survey(tmp_path / "s", shipped(), bow_tie(shipped("NK-JSD-008"))), "交叉.zip")
    with page.expect_download() as table:
        page.get_by_role("link", name="问题清单 CSV").click()
    with page.expect_download() as package:
        page.get_by_role("link", name="问题点位 GeoPackage").click()
    text = Path(table.value.path()).read_bytes().decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    (crossed,) = [dict(zip(head, row, strict=True)) for row in rows if row[0] == "阻断"]
    assert crossed["行"] == "2"
    assert "自相交" in crossed["说明"]
    link = crossed["在地图上查看"]
    assert link == f"{drawer.one.base}/#17/{float(crossed['纬度']):.7f}/{float(crossed['经度']):.7f}"
    saved = tmp_path / "findings.gpkg"
    package.value.save_as(saved)
    with fiona.open(saved) as opened:
        points = {f.properties["link"]: f.geometry.coordinates for f in opened if f.properties["level"] == "block"}
    assert points[link] == (float(crossed["经度"]), float(crossed["纬度"]))
    page.goto(link)
    page.wait_for_selector("html[data-ready]")
    centre = drawer.one.ask("(c => [c.lng, c.lat])(app.map.getCenter())")
    assert centre == pytest.approx(points[link], abs=1e-4)


def test_a_waiting_file_says_how_many_come_before_it_and_leaves_when_asked(visit: Any) -> None:
    drawer = visit("drawer")
    page = drawer.ready(PAGE)
    fill_queue = """async body => {
        const token = document.querySelector('meta[name="csrf-token"]').content;
        const headers = {"X-CSRF-Token": token, "Content-Type": "application/json"};
        const kept = await (await fetch("/api/uploads", {method: "POST", headers, body})).json();
        const begin = () => fetch(`/api/uploads/${kept.id}/examinations`,
            {method: "POST", headers, body: JSON.stringify({layer: "waterlogging_zones"})});
        const begun = [];
        for (let i = 0; i < 6; i++) begun.push((await (await begin()).json()).job);
        return begun;
    }"""
    jobs = page.evaluate(fill_queue, places(12_000).decode())
    page.set_input_files("#file", [{"name": "我的.geojson", "mimeType": "", "buffer": places(1)}])
    expect(page.locator("#progress p")).to_contain_text("排队中，前面还有")
    page.get_by_role("button", name="取消").click()
    expect(page.locator("#progress")).to_have_text("已取消，没有写入任何数据。")
    for job in jobs:
        drawer.send("DELETE", f"/api/examinations/{job}", {})
    page.set_input_files("#file", [{"name": "我的.geojson", "mimeType": "", "buffer": places(1)}])
    expect(page.locator(".change")).to_have_count(1)
