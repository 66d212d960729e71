"""The page as a whole: languages, themes, phone, keyboard, print, and how much the first look costs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenMap, Service

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def test_english_words_titles_names_and_codes(open_map: OpenMap, service: Service) -> None:
    opened = open_map("/?lang=en#sel=fire_stations/NK-XFZ-001", locale="en-GB")
    assert opened.page.get_attribute("html", "lang") == "en"
    assert opened.card().startswith("Fenshui Road Fire Station\n")
    assert "Not yet reported" in opened.card()
    assert "To be advanced" in opened.card()
    assert opened.text("[data-layer=waterlogging_zones] .row .count").split() == ["40", "(40", "illustrative)"]
    assert opened.page.get_by_label("Schools", exact=True).is_checked()
    opened.page.click("#language")
    opened.page.wait_for_selector("html[lang=zh-CN][data-ready]")
    opened.until_address("sel=fire_stations/NK-XFZ-001")


def test_the_dark_theme_follows_the_system_until_one_is_chosen_and_is_kept(open_map: OpenMap) -> None:
    opened = open_map(color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    assert opened.page.evaluate(theme) == "dark"
    ground = "getComputedStyle(document.querySelector('#map_main')).backgroundColor"
    dark = opened.page.evaluate(ground)
    opened.page.click("#theme")
    opened.until(f"{theme} === 'light' && {ground} !== argument", dark)
    opened.open("/#14/39.1/117.1")
    assert opened.page.evaluate(theme) == "light"
    opened.page.goto(opened.base + "/plan")
    assert opened.page.evaluate(theme) == "light"


def test_on_a_phone_layers_and_card_come_as_sheets_with_large_targets(open_map: OpenMap) -> None:
    opened = open_map("/#sel=fire_stations/NK-XFZ-001", **PHONE)
    assert opened.card().startswith("汾水道消防站\n")
    opened.until("Math.abs(document.querySelector('#card').getBoundingClientRect().bottom - 844) < 1")
    sheet = opened.page.locator("#card").bounding_box()
    assert sheet is not None
    assert (sheet["x"], sheet["width"]) == (0, 390)
    assert sheet["y"] + sheet["height"] == pytest.approx(844, abs=1)
    free = sheet["y"]
    opened.until(
        "(p => p.y + app.map.getContainer().getBoundingClientRect().y)"
        "(app.map.latLngToContainerPoint(app.stack.selected.at)) < argument",
        free,
    )
    opened.page.click("[data-action=close]")
    opened.page.click("#tool-layers")
    opened.until("document.querySelector('#panel').getBoundingClientRect().bottom <= innerHeight + 1")
    small = opened.page.evaluate(
        "[...document.querySelectorAll('button, a.tool, .layer .row label, input[type=search]')]"
        ".filter(e => e.checkVisibility({checkVisibilityCSS: true}) && e.getBoundingClientRect().width)"
        ".filter(e => e.getBoundingClientRect().height < 24)"
        ".filter(e => !e.closest('.row')).map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []
    rows = opened.page.evaluate(
        "[...document.querySelectorAll('.layer .row')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(rows) >= 44
    tools = opened.page.evaluate(
        "[...document.querySelectorAll('.bar .tool, .map-button')].map(e => e.getBoundingClientRect())"
        ".filter(r => r.width).map(r => Math.min(r.width, r.height))"
    )
    assert min(tools) >= 40
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_tap_finds_what_a_mouse_would_miss(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.1335/117.1325", **PHONE)
    x, y = opened.ask(
        "(p => { const r = app.map.getContainer().getBoundingClientRect(); return [r.x + p.x + 20, r.y + p.y]; })"
        "(app.map.latLngToContainerPoint([39.1335, 117.1325]))"
    )
    opened.page.touchscreen.tap(x, y)
    assert opened.card().startswith("汾水道消防站\n")


def test_arrows_move_signs_zoom_and_enter_opens_the_nearest(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.1300/117.1340&on=fire_stations")
    opened.page.focus("#map_main")
    before = opened.ask("app.map.getCenter().lat")
    opened.page.keyboard.press("ArrowUp")
    opened.until("app.map.getCenter().lat > argument", before)
    opened.page.keyboard.press("+")
    opened.until("app.map.getZoom() === 16 && !app.map._animatingZoom")
    opened.page.keyboard.press("-")
    opened.until("app.map.getZoom() === 15")
    opened.page.keyboard.press("Enter")
    assert opened.card().startswith("汾水道消防站\n")
    opened.page.wait_for_selector("#live:has-text('汾水道消防站')")


def test_the_skip_links_lead_to_layers_and_map(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.textContent") == "跳到图层列表"
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "panel"
    assert opened.ask("app.stack.shown().length") == 5


def test_no_checkbox_stands_in_a_summary_and_every_control_has_a_name(open_map: OpenMap) -> None:
    opened = open_map()
    assert opened.page.locator("summary input").count() == 0
    nameless = opened.page.evaluate(
        "[...document.querySelectorAll('button, input, select, a')].filter(e => e.checkVisibility())"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"
    )
    assert nameless == 0


@pytest.mark.slow
def test_the_print_shows_title_legend_scale_and_origin_and_the_screen_comes_back(open_map: OpenMap) -> None:
    opened = open_map("/#14/39.1200/117.1450", color_scheme="dark")
    view = "[app.map.getZoom(), app.map.getSize().x, app.map.getCenter().lat.toFixed(4)]"
    before = opened.ask(view)
    opened.page.evaluate(
        "void (window.print = () => { window.printed = document.querySelector('.print-frame').innerText; })"
    )
    opened.page.click("#tool-print")
    opened.until("window.printed !== undefined")
    text = opened.page.evaluate("window.printed")
    for words in (
        "南开区规划建设一张图",
        "图例",
        "积水片区",
        "示意 40",
        "比例尺 ≈ 1:",
        "CGCS2000",
        "不得作为测绘成果使用",
    ):
        assert words in text
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "light"
    pdf = opened.page.pdf(prefer_css_page_size=True, print_background=True)
    assert pdf.count(b"/Type /Page\n") == 1
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    opened.until("!document.body.classList.contains('printing')")
    opened.until("document.documentElement.dataset.theme === 'dark'")
    opened.until(f"JSON.stringify({view}) === JSON.stringify(argument)", before)


def test_the_browsers_own_print_shows_no_controls(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.emulate_media(media="print")
    for part in (".bar", "#panel", "#map-buttons", "#readout"):
        expect(opened.page.locator(part)).not_to_be_visible()
    expect(opened.page.locator("#map_main")).to_be_visible()


def test_reduced_motion_stops_transitions(open_map: OpenMap) -> None:
    opened = open_map(reduced_motion="reduce")
    assert (
        opened.page.evaluate("getComputedStyle(document.querySelector('.expander .icon')).transitionDuration") == "0s"
    )


def test_the_first_look_costs_at_most_200_kilobytes_and_little_is_loaded_before_it_is_used(open_map: OpenMap) -> None:
    opened = open_map(locale="zh-CN")
    opened.page.wait_for_load_state("networkidle")
    total = opened.page.evaluate(
        "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
        ".reduce((sum, r) => sum + r.transferSize, 0)"
    )
    assert 50_000 < total <= 200_000
    late = ("card.js", "card_content.js", "table.js", "table_bar.js", "measure.js", "print.js", "geoman", "echarts")
    assert [r for r in opened.requests if r.endswith(late) or "geoman" in r or "echarts" in r] == []


def test_without_scripts_the_page_says_where_to_go(browser: Browser, service: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(service.url)
    assert page.locator(".no-script a[href='/plan']").is_visible()
    context.close()


def test_two_requests_of_the_shell_differ_in_the_nonce_only(browser: Browser, service: Service) -> None:
    context = browser.new_context()
    one, other = (context.request.get(service.url + "/").text() for _ in range(2))
    nonces = [text.split('nonce="')[1].split('"')[0] for text in (one, other)]
    assert nonces[0] != nonces[1]
    assert one.replace(nonces[0], "") == other.replace(nonces[1], "")
    assert one.count("<script") == one.count("<script src=") + one.count('<script type="module"')
    context.close()
