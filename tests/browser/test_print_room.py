"""The print room in a real browser: from the map to a sheet that other readers open."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pikepdf
import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, expect

from geo_service.settings import ROOT
from tests.browser.conftest import Check, MapPage, Service, serving
from tests.browser.editing_desk import sign_in
from tests.seeded import seed

pytestmark = pytest.mark.browser
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own, with people who may save templates."""
    home = tmp_path_factory.mktemp("print-room")
    seed(home, people=True)
    with serving(home, ROOT / "layers") as running:
        yield running


@pytest.fixture(scope="module")
def drawer(browser: Browser, desk: Service) -> Iterator[MapPage]:
    one = sign_in(browser, desk.url, "drawer", locale="zh-CN", accept_downloads=True)
    one.page.goto(f"{desk.url}/help")  # from the map to the map would only change the address
    yield one
    one.page.context.close()
    assert one.errors == []
    assert one.outside == []


def room(one: MapPage, path: str = "/print") -> Page:
    one.page.goto(one.base + path)
    return drawn(one.page)


def drawn(page: Page, words: str = r"1:[\d,]+|1 页|1 page") -> Page:
    """Wait until the sheet with these words about it is seen."""
    expect(page.locator("#sheet-state")).to_have_text(re.compile(words), timeout=PATIENCE_MS)
    page.wait_for_function("() => document.querySelector('#sheet-picture').naturalWidth > 0")
    return page


def downloaded(page: Page) -> bytes:
    """The file the button gives."""
    with page.expect_download(timeout=PATIENCE_MS) as waiting:
        page.get_by_role("button", name="打印", exact=True).click()
    return Path(waiting.value.path()).read_bytes()


def text_of(pdf: bytes) -> str:
    found: str = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    return found.replace("\r\n", "").replace("\n", "")


@pytest.mark.slow
def test_from_a_feature_on_the_map_to_its_sheet_in_two_clicks(drawer: MapPage) -> None:
    drawer.open("/#sel=fire_stations/NK-XFZ-001")
    drawer.card()
    drawer.page.click(".feature-card [data-action=sheet]")
    page = drawn(drawer.page, "210 × 297 mm")
    assert page.input_value("[name=title]") == "汾水道消防站"
    assert "力推汾水道消防站年内开工建设" in text_of(downloaded(page))


def test_from_the_view_of_the_map_to_a_sheet_with_its_layers_place_and_revision_in_two_clicks(drawer: MapPage) -> None:
    drawer.open("/#15/39.12000/117.16000&on=waterlogging_zones&hide=waterlogging_zones.done&rev=waterlogging_zones.1")
    drawer.page.click("#tool-sheet")
    page = drawn(drawer.page, "1:15,000")
    assert page.locator("[name=layer]:checked").evaluate_all("all => all.map((one) => one.value)") == [
        "waterlogging_zones"
    ]
    expect(page.locator("#sheet-taken")).to_contain_text("积水片区 r1，1 个分类不画")
    with pikepdf.open(io.BytesIO(downloaded(page))) as pdf:
        assert "waterlogging_zones@r1" in str(pdf.docinfo["/Keywords"])
        points = [float(v) for v in pdf.pages[0].VP[0].Measure.GPTS]
    assert sum(points[0::2]) / 4 == pytest.approx(39.12, abs=0.0005)
    assert sum(points[1::2]) / 4 == pytest.approx(117.16, abs=0.0005)
    page.get_by_role("button", name="改用当前数据").click()
    expect(page.locator("#sheet-taken")).to_be_hidden()


def test_paper_scale_title_and_profile_are_drawn_at_once_and_printed(drawer: MapPage) -> None:
    page = room(drawer)
    before = page.get_attribute("#sheet-picture", "src")
    page.select_option("[name=paper]", "A4")
    drawn(page, "297 × 210 mm")
    page.select_option("[name=scale]", "10000")
    drawn(page, "1:10,000")
    page.fill("[name=title]", "积水整治一张图")
    page.select_option("[name=profile]", "public")
    expect(page.locator("#sheet-notes summary")).to_contain_text("提示", timeout=PATIENCE_MS)
    expect(page.locator("#sheet-picture")).not_to_have_attribute("src", before or "")
    printed = text_of(downloaded(page))
    assert "积水整治一张图" in printed
    assert "1:10,000" in printed
    assert "内部资料" not in printed


@pytest.mark.slow
def test_custom_paper_and_a_wind_rose_are_drawn_and_what_is_wrong_is_said(drawer: MapPage) -> None:
    page = room(drawer)
    page.select_option("[name=paper]", "custom")
    page.fill("[name=width_mm]", "500")
    page.locator("[name=width_mm]").blur()
    drawn(page, "500 × 297 mm")
    page.click("summary:has-text('图签与版块')")
    page.fill("[name=wind]", "7 4 5")
    page.locator("[name=wind]").blur()
    expect(page.locator("#sheet-state.bad")).to_contain_text("8 或 16", timeout=PATIENCE_MS)
    page.fill("[name=wind]", "7 4 5 9 12 8 6 5")
    page.locator("[name=wind]").blur()
    drawn(page, "500 × 297 mm")
    assert "坐标北" not in text_of(downloaded(page))
    drawer.errors[:] = [e for e in drawer.errors if "status of 400" not in e]


@pytest.mark.slow
def test_a_template_is_saved_used_changed_and_dropped(drawer: MapPage) -> None:
    page = room(drawer)
    page.select_option("[name=paper]", "A2")
    page.click("summary:has-text('图签与版块')")
    page.fill("[name=unit]", "区发展改革委")
    page.click("summary:has-text('打印模板')")
    page.fill("#template-name", "季报")
    page.click("#template-save")
    expect(page.locator("#template-state")).to_have_text("模板已保存：季报")
    page = room(drawer)
    page.click("summary:has-text('打印模板')")
    page.select_option("#template", "季报")
    drawn(page, "594 × 420 mm")
    assert page.input_value("[name=unit]") == "区发展改革委"
    page.select_option("[name=paper]", "A3")
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.click("#template-save")
    kept = page.request.get(f"{drawer.base}/api/sheet-templates").json()["templates"]["季报"]
    assert (kept.get("paper", "A3"), kept["unit"], kept["layers"][0]["rev"]) == ("A3", "区发展改革委", None)
    page.click("#template-drop")
    expect(page.locator("#template option")).to_have_count(1)


def test_the_filtered_table_of_the_map_becomes_an_atlas_with_a_page_each(drawer: MapPage) -> None:
    drawer.open("/#table=waterlogging_zones&filter=" + quote("name LIKE '%18%'") + "&on=waterlogging_zones")
    drawer.page.wait_for_selector("#drawer tbody tr")
    drawer.page.get_by_role("button", name="图集").click()
    page = drawn(drawer.page, "2 页")
    assert (page.input_value("[name=atlas]"), page.input_value("[name=only]")) == ("waterlogging_zones", "NK-JSD-018")
    with pikepdf.open(io.BytesIO(downloaded(page))) as pdf:
        assert len(pdf.pages) == 2


def test_an_atlas_tells_how_far_it_is_and_can_be_stopped(drawer: MapPage) -> None:
    page = room(drawer)
    page.select_option("[name=atlas]", "subdistricts")
    page.select_option("[name=paper]", "A1")
    page.get_by_role("button", name="打印", exact=True).click()
    row = page.locator("#print-jobs li").first
    expect(row.locator("progress")).to_be_visible(timeout=PATIENCE_MS)
    row.get_by_role("button", name="取消").click()
    expect(row).to_contain_text("已取消", timeout=PATIENCE_MS)
    expect(row.locator("a")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["wide", "dark", "phone", "english"])
def test_the_room_has_no_barrier_and_fits_its_window(
    browser: Browser, desk: Service, violations: Check, way: str
) -> None:
    options = {
        "dark": {"color_scheme": "dark"},
        "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    }.get(way, {})
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN", **options})
    page.goto(f"{desk.url}/print{'?lang=en' if way == 'english' else ''}")
    drawn(page)
    for summary in page.locator("#sheet-form summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]  # it is set
    page.close()
