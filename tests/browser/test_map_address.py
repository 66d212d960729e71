"""The address restores the map; links of other pages come in with parts of it."""

from __future__ import annotations

import pytest

from tests.browser.conftest import MapPage, OpenMap
from tests.browser.trial_layers import ROWS

pytestmark = pytest.mark.browser

STATE = """({
  zoom: app.map.getZoom(), centre: (c => [c.lat.toFixed(5), c.lng.toFixed(5)])(app.map.getCenter()),
  on: app.stack.all().filter(l => l.on).map(l => l.id),
  hidden: app.stack.all().flatMap(l => [...l.hidden].map(k => l.id + '.' + k)),
  illustrative: app.stack.illustrative, labels: app.labels.enabled,
  pinned: app.stack.all().flatMap(l => l.pinned ? [l.id + '.' + l.pinned] : []),
  selected: app.stack.selected && app.stack.selected.fid,
  table: app.table && app.table.isOpen ? app.table.layerId : null,
})"""


def state(opened: MapPage) -> dict[str, object]:
    return dict(opened.ask(STATE))


def test_view_layers_filters_switches_revision_selection_and_table_come_back(open_map: OpenMap) -> None:
    first = open_map("/#15/39.10100/117.15000&on=schools,trial_points&rev=schools.1")
    first.page.get_by_label("试验点 图例与分类筛选").click()
    first.page.locator("#classes-trial_points label", has_text="已完成").locator("input").uncheck()
    first.page.get_by_label("隐藏示意").check()
    first.page.get_by_label("标注").uncheck()
    first.do("app.select('trial_points', 'NK-SYD-005')")
    first.card()
    first.do("app.openTable('schools')")
    first.page.wait_for_selector("#drawer tbody tr")
    first.until("location.hash.includes('table=schools') && location.hash.includes('sel=trial_points/NK-SYD-005')")
    first.until("!app.map._panAnim?._inProgress && app.map._animatingZoom !== true")
    before = state(first)
    again = open_map(first.page.url.removeprefix(first.base))
    again.until("app.table && app.table.isOpen && app.stack.selected !== null")
    again.until(f"JSON.stringify({STATE}) === JSON.stringify(argument)", before)
    assert state(again) == before
    assert before["pinned"] == ["schools.1"]
    assert before["hidden"] == ["trial_points.done"]
    assert "theme" not in first.page.url


def test_without_an_address_the_whole_district_and_the_default_layers_are_shown(open_map: OpenMap) -> None:
    opened = open_map()
    west, south, east, north = opened.ask("app.stack.catalogue.district.bbox")
    assert opened.ask(
        "app.map.getBounds().contains([[argument[0], argument[1]], [argument[2], argument[3]]])",
        [south, west, north, east],
    )
    assert len(opened.ask("app.stack.shown().map(l => l.id)")) == 5


def test_a_link_with_a_feature_only_goes_there(open_map: OpenMap) -> None:
    opened = open_map("/#sel=research_health/NK-YY-001")
    opened.card()
    opened.until("app.map.getZoom() >= 15")
    assert opened.ask("app.stack.layers.get('research_health').on")


def test_a_link_with_one_layer_only_shows_it_whole(open_map: OpenMap) -> None:
    opened = open_map("/#on=trial_parcels")
    west, south, east, north = opened.ask("app.stack.layers.get('trial_parcels').info.bbox")
    assert opened.ask(
        "app.map.getBounds().contains([[argument[0], argument[1]], [argument[2], argument[3]]])",
        [south, west, north, east],
    )


def test_a_link_with_a_table_and_a_filter_counts_the_rows(open_map: OpenMap) -> None:
    opened = open_map("/#on=trial_points&table=trial_points&filter=precision%20%3D%20'illustrative'")
    opened.page.wait_for_selector("#drawer tbody tr")
    opened.until_text(".range", f"1–{ROWS // 3} / {ROWS // 3} 条")


def test_a_changed_address_is_followed_without_loading_again(open_map: OpenMap) -> None:
    opened = open_map("/#14/39.10/117.14&on=schools")
    opened.page.evaluate("window.kept = 1; location.hash = '#15/39.11/117.15&on=culture,trial_points'")
    opened.until(
        "app.map.getZoom() === 15 && app.stack.layers.get('culture').on && !app.stack.layers.get('schools').on"
    )
    assert opened.page.evaluate("window.kept") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", ["/#99/1/2", "/#x/y/z&on=../../etc", "/#14/39.1/117.1&sel=&hide=,,.&rev=a.b&table=<b>", "/#%", "/#&&&="]
)
def test_a_broken_address_is_left_aside(open_map: OpenMap, address: str) -> None:
    opened = open_map(address)
    assert opened.ask("Number.isFinite(app.map.getZoom())")
    assert opened.ask("app.stack.selected") is None


def test_a_past_revision_is_asked_for_and_can_be_left(open_map: OpenMap) -> None:
    opened = open_map("/#14/39.1055/117.1455&on=trial_points&rev=trial_points.1")
    assert any("trial_points/r1.geojson" in r for r in opened.requests)
    opened.page.get_by_label("试验点 更多").click()
    opened.page.get_by_role("button", name="回到当前版本").click()
    opened.until("app.stack.layers.get('trial_points').pinned === null")
    opened.until("!location.hash.includes('rev=')")


def test_one_revision_for_all_layers_is_written_short_as_on_a_printed_sheet(open_map: OpenMap) -> None:
    opened = open_map("/#14/39.1055/117.1455&on=trial_points,schools,fire_stations&rev=*.1,schools.1")
    opened.until("[...app.stack.layers.values()].filter((layer) => layer.pinned === 1).length === 3")
