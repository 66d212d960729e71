"""The whole journey in a real browser: a file becomes a draft, is reviewed, published, looked back at and undone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyproj
import pytest
import shapely
from playwright.sync_api import expect

from tests.browser.conftest import Check
from tests.browser.editing_desk import LAYER
from tests.browser.review_desk import (
    SEVENTH,
    accept_and_publish,
    head,
    head_of,
    own_draft,
    shipped,
    survey,
    take,
    values_now,
)

pytestmark = pytest.mark.browser


def bow_tie(shape: Any) -> Any:
    west, south, east, north = shape.bounds
    return shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])


def test_a_surveyed_gbk_shapefile_goes_from_the_desk_to_the_map_and_back(visit: Any, tmp_path: Path) -> None:
    drawer = visit("drawer")
    before = drawer.precisions()
    assert before == {"illustrative": 40}
    good = [shapely.affinity.translate(shipped(fid), 0.0004) for fid in (SEVENTH, "NK-JSD-008")]
    path = f"/upload?layer={LAYER}"
    page = drawer.upload(path, survey(tmp_path / "wrong", good[0], bow_tie(good[1])), "积水普查.zip")
    expect(page.locator(".upload-findings li.block")).to_have_count(1)
    expect(page.locator(".upload-findings li.block")).to_contain_text("第 2")
    expect(page.locator(".upload-facts")).to_contain_text("gb18030")
    expect(page.locator(".reading.used")).to_contain_text("4527")
    page.locator(".upload-findings li.block a").click()
    expect(page.locator(".leaflet-marks-pane path")).not_to_have_count(0)
    page = drawer.upload(path, survey(tmp_path / "right", *good), "积水普查.zip")
    expect(page.locator(".upload-findings li.block")).to_have_count(0)
    expect(page.locator(".change")).to_have_count(2)
    page.fill("#note", "2026 年管线普查实测")
    if page.locator("#agree").count():
        page.check("#agree")
    take(page, "生成变更单")
    assert drawer.precisions() == before, "a draft changes nothing"
    page.wait_for_selector("html[data-ready]")
    take(page, "提交审核")
    draft = page.url
    checker = visit("checker")
    page = checker.open("/drafts")
    row = page.locator("#waiting + .scroll tbody tr", has_text="管线普查")
    row.get_by_role("link").first.click()
    page.wait_for_selector("html[data-ready]")
    expect(page).to_have_url(draft)
    expect(page.locator(f'.change[data-fid="{SEVENTH}"]')).to_contain_text("长虹街积水点")
    accept_and_publish(page)
    assert checker.precisions() == {"illustrative": 38, "surveyed": 2}
    page = checker.open("/plan/waterlogging-40")
    expect(page.locator("main")).to_contain_text("实测")
    page = drawer.open(f"/layers/{LAYER}/history")
    page.fill("#to", "r1")
    page.fill("#back-note", "普查成果待复核")
    take(page, "提交回退")
    page = checker.ready(page.url.removeprefix(drawer.one.base))
    accept_and_publish(page)
    assert checker.precisions() == before


@pytest.mark.slow
def test_two_editors_keep_their_own_fields_and_meet_on_a_card_over_the_same(visit: Any) -> None:
    drawer, chief, checker = visit("drawer"), visit("chief"), visit("checker")
    base = head(checker)
    first = own_draft(drawer, {"depth_cm": 30}, base)
    other_field = own_draft(chief, {"drain_hours": 4}, base)
    same_field = own_draft(chief, {"depth_cm": 55}, base)
    for draft in (first, other_field):
        accept_and_publish(checker.ready(f"/drafts/{draft}"))
    now = values_now(checker)
    assert (now["depth_cm"], now["drain_hours"]) == (30, 4)
    page = checker.ready(f"/drafts/{same_field}")
    card = page.locator("form.conflict")
    expect(card.locator("legend")).to_have_text("最大积水深度")
    expect(card.locator(".theirs")).to_contain_text("30")
    card.locator(".mine input").check()
    word = page.locator(f'.change[data-fid="{SEVENTH}"] .talk')
    word.locator("summary").click()
    word.locator("input").fill("以测量为准")
    page.get_by_role("button", name="全部接受").click()
    expect(page.locator("#publish-hint")).not_to_contain_text("项未决")  # decided, and the list drawn anew
    expect(page.locator("#publish-hint")).to_contain_text("冲突")
    expect(page.locator("#publish")).to_be_disabled()
    expect(card.locator(".mine input")).to_be_checked()
    expect(word.locator("input")).to_have_value("以测量为准")
    word.get_by_role("button", name="发表").click()
    expect(word.locator(".said")).to_contain_text("以测量为准")
    expect(word.locator("input")).to_have_value("")
    expect(card.locator(".mine input")).to_be_checked()
    card.get_by_role("button", name="按所选合并").click()
    expect(page.locator("form.conflict")).to_have_count(0)
    expect(page.locator("#publish")).to_be_enabled()
    with page.expect_navigation():
        page.click("#publish")
    page.wait_for_selector("html[data-ready]")
    assert values_now(checker)["depth_cm"] == 55
    assert values_now(checker)["drain_hours"] == 4


@pytest.mark.slow
def test_a_reviewer_with_an_old_page_does_not_publish_over_a_newer_revision(visit: Any) -> None:
    drawer, chief, checker = visit("drawer"), visit("chief"), visit("checker")
    base = head(checker)
    stale = own_draft(drawer, {"measure": "清掏管道"}, base)
    newer = own_draft(chief, {"verb": "改造"}, base)
    page = checker.ready(f"/drafts/{stale}")
    page.get_by_role("button", name="全部接受").click()
    expect(page.locator("#publish")).to_be_enabled()
    other = visit("checker")
    accept_and_publish(other.ready(f"/drafts/{newer}"))
    page.click("#publish")
    expect(page.locator("#problem")).to_contain_text("请重新载入")
    assert "measure" not in values_now(checker)
    refused = [e for e in checker.one.errors if "412" in e or "409" in e]
    assert len(refused) == 1
    checker.one.errors.clear()
    with page.expect_navigation():
        page.locator("#problem button").click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#publish")).to_be_enabled()


def test_an_author_does_not_review_on_a_layer_of_four_eyes(visit: Any) -> None:
    checker = visit("checker")
    draft = own_draft(checker, {"measure": "自查自纠"}, head_of(checker))
    page = checker.ready(f"/drafts/{draft}")
    expect(page.locator(".review-steps")).to_contain_text("须由他人审核")
    expect(page.locator("#publish")).to_have_count(0)
    expect(page.locator(".decide")).to_have_count(0)


def places(count: int) -> bytes:
    """Squares in the district as GeoJSON."""
    rows = [
        {
            "type": "Feature",
            "properties": {"name": f"测试片区 {i}", "precision": "guess", "source": "测试", "备注列": f"第{i}行"},
            "geometry": shapely.geometry.mapping(shapely.box(117.15 + i / 2000, 39.1, 117.1503 + i / 2000, 39.1003)),
        }
        for i in range(count)
    ]
    return json.dumps({"type": "FeatureCollection", "features": rows}).encode()


def test_a_whole_replacement_wants_the_number_of_deletions_typed(visit: Any) -> None:
    drawer = visit("drawer")
    page = drawer.ready(f"/upload?layer={LAYER}")
    page.select_option("#mode", "replace")
    page.set_input_files("#file", [{"name": "新.geojson", "mimeType": "", "buffer": places(2)}])
    page.wait_for_selector("#deletions")
    expect(page.locator(".upload-next")).to_contain_text("40")
    before = page.url
    page.fill("#deletions", "39")
    page.check("#agree")
    page.get_by_role("button", name="生成变更单").click()
    assert page.url == before
    page.fill("#deletions", "40")
    take(page, "生成变更单")
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".chip.delete b")).to_have_text("40")
    take(page, "作废")


def test_a_chosen_field_is_remembered_for_the_layer(visit: Any) -> None:
    drawer = visit("drawer")
    path = f"/upload?layer={LAYER}"
    page = drawer.upload(path, places(1), "一.geojson")
    page.select_option('select[data-source="备注列"]', "measure")
    page.locator("details", has_text="字段对应").get_by_role("button", name="按此重新预检").click()
    page.wait_for_selector('select[data-source="备注列"] option[value="measure"][selected]', state="attached")
    if page.locator("#agree").count():
        page.check("#agree")
    take(page, "生成变更单")
    page = drawer.upload(path, places(2), "二.geojson")
    expect(page.locator('select[data-source="备注列"]')).to_have_value("measure")


def test_a_dropped_file_is_taken_and_a_long_dry_run_is_cancelled(visit: Any) -> None:
    page = visit("drawer").ready(f"/upload?layer={LAYER}")
    drop = """data => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([data], "很多.geojson"));
        document.querySelector("#drop").dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true}));
    }"""
    page.evaluate(drop, places(20_000).decode())
    page.get_by_role("button", name="取消").click()
    expect(page.locator("#progress")).to_have_text("已取消，没有写入任何数据。")
    page.evaluate(drop, places(1).decode())
    expect(page.locator(".change")).to_have_count(1)


def test_pasted_wkt_is_examined_like_a_file(visit: Any) -> None:
    page = visit("drawer").ready(f"/upload?layer={LAYER}")
    page.locator(".paste summary").click()
    page.fill("#wkt", "POLYGON((117.15 39.1, 117.152 39.1, 117.152 39.101, 117.15 39.1))\nPOLYGON((117.16 39.1")
    page.click("#wkt-send")
    expect(page.locator("#result")).to_contain_text("WKT")
    expect(page.locator("#result")).to_contain_text("第 2 行")


def test_coordinates_that_belie_the_file_are_shown_in_both_readings(visit: Any, tmp_path: Path) -> None:
    drawer = visit("drawer")
    right = survey(tmp_path / "s", shapely.affinity.translate(shipped("NK-JSD-009"), 0.0003))
    page = drawer.upload(f"/upload?layer={LAYER}", declared_as(right, 4548), "错带.zip")
    expect(page.locator(".reading")).to_have_count(2)
    expect(page.locator(".reading").first).to_contain_text("4527")
    expect(page.locator("#result")).to_contain_text("请先在上面选择坐标系")
    expect(page.locator(".upload-next")).to_have_count(0)
    page.locator(".reading").first.get_by_role("button").click()
    expect(page.locator(".change")).to_have_count(1)


def declared_as(zipped: bytes, epsg: int) -> bytes:
    """The same Shapefile with another .prj."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(zipped)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            wkt = pyproj.CRS(epsg).to_wkt("WKT1_ESRI").encode()
            target.writestr(name, wkt if name.endswith(".prj") else source.read(name))
    return buffer.getvalue()


PAGES = (
    f"/upload?layer={LAYER}",
    "/drafts",
    f"/layers/{LAYER}/history",
    f"/layers/{LAYER}/compare",
    "/editions",
    "/as-of?date=2030-01-01",
    "/admin/audit",
)


@pytest.mark.slow
@pytest.mark.parametrize("looks", [{}, {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}])
def test_the_review_pages_have_no_accessibility_violations(
    visit: Any, violations: Check, looks: dict[str, Any], tmp_path: Path
) -> None:
    chief = visit("chief", **looks)
    found = {path: violations(chief.open(path)) for path in PAGES}
    page = chief.upload(PAGES[0], survey(tmp_path / "s", shipped(), bow_tie(shipped("NK-JSD-008"))), "普查.zip")
    page.wait_for_selector(".change")
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    found["dry run"] = violations(page)
    if page.locator("#agree").count():
        page.check("#agree")
    take(page, "生成变更单")
    page.wait_for_selector("html[data-ready]")
    found["draft"] = violations(page)
    assert {path: v for path, v in found.items() if v} == {}
