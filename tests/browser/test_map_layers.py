"""What is drawn: the default layers, classes, illustrative positions, both ways of drawing, the layer tree."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from geo_service.rendering import symbols
from tests.browser.conftest import MapPage, OpenMap
from tests.browser.trial_layers import CORNER, ROWS, SIDE

pytestmark = pytest.mark.browser

DEFAULT = ["renewal_areas", "fire_stations", "waterlogging_zones", "schools", "pocket_parks"]

DRAWN = """argument => {
  const { app } = window.geoService, layer = app.stack.layers.get(argument), found = [];
  for (const { at, sign } of layer.drawing.visible()) {
    const canvas = document.querySelector(`.leaflet-${sign ? 'points' : 'areas'}-pane canvas`);
    const box = canvas.getBoundingClientRect(), map = app.map.getContainer().getBoundingClientRect();
    const p = app.map.latLngToContainerPoint(at), reach = 14, scale = canvas.width / box.width;
    const [x, y] = [p.x + map.x - box.x - reach, p.y + map.y - box.y - reach].map(v => Math.round(v * scale));
    const { data } = canvas.getContext('2d').getImageData(x, y, 2 * reach * scale, 2 * reach * scale);
    const inked = new Set();
    for (let i = 0; i < data.length; i += 4) {
      const lightness = data[i] + data[i + 1] + data[i + 2];
      if (data[i + 3] > 60 && lightness < 720) inked.add(`${data[i] >> 5},${data[i + 1] >> 5},${data[i + 2] >> 5}`);
    }
    found.push(inked.size);
  }
  return found;
}"""
"""How many different inks stand within 14 px of each visible feature of a layer."""


def inks(opened: MapPage, layer: str, count: int) -> list[int]:
    """The inks of each visible feature, once so many are visible and each has left some."""
    opened.page.wait_for_function(
        f"([layer, count]) => (inks => inks.length === count && inks.every(n => n >= 1))(({DRAWN})(layer))",
        arg=[layer, count],
    )
    return list(opened.page.evaluate(DRAWN, layer))


def test_the_five_default_layers_are_on_and_every_located_feature_of_theirs_leaves_ink(open_map: OpenMap) -> None:
    opened = open_map()
    assert sorted(opened.ask("app.stack.shown().map(l => l.id)")) == sorted(DEFAULT)
    for layer in DEFAULT:
        located = opened.ask("app.stack.layers.get(argument).info.located", layer)
        assert located > 0
        found = inks(opened, layer, located)
        assert all(count >= 1 for count in found), layer


def test_the_basemap_draws_district_and_names(open_map: OpenMap) -> None:
    opened = open_map()
    opened.until(
        "[...document.querySelectorAll('.leaflet-tile-pane canvas')].some(c => {"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const s = new Set();"
        " for (let i = 0; i < d.length; i += 16) s.add(d[i] * 65536 + d[i+1] * 256 + d[i+2]); return s.size > 20; })"
    )
    assert any(r.startswith("/tiles/basemap/") for r in opened.requests)


def test_a_layer_is_fetched_only_when_it_is_switched_on(open_map: OpenMap) -> None:
    opened = open_map()
    assert not any("/culture/" in r for r in opened.requests)
    opened.page.get_by_label("文化设施与文物", exact=True).check()
    opened.until("app.stack.layers.get('culture').drawing !== null")
    assert sum("/culture/r1.geojson" in r for r in opened.requests) == 1
    opened.page.get_by_label("文化设施与文物", exact=True).uncheck()
    opened.page.get_by_label("文化设施与文物", exact=True).check()
    assert sum("/culture/r1.geojson" in r for r in opened.requests) == 1


def test_counts_tell_how_many_positions_are_illustrative_and_how_many_wait(open_map: OpenMap) -> None:
    opened = open_map()
    opened.until_text("[data-layer=waterlogging_zones] .row .count", "40（示意 40）")
    opened.until_text("[data-layer=fire_stations] .row .count", "1")
    waiting = opened.ask("app.stack.all().reduce((n, l) => n + l.info.count - l.info.located, 0)")
    assert opened.text(".panel-foot a[href='/unlocated']") == f"待落图 {waiting}"


def test_the_switch_hides_every_illustrative_position_and_nothing_else(open_map: OpenMap) -> None:
    opened = open_map("/#on=fire_stations,waterlogging_zones,trial_points")
    assert len(inks(opened, "waterlogging_zones", 40)) == 40
    opened.page.get_by_label("隐藏示意").check()
    assert inks(opened, "waterlogging_zones", 0) == []
    assert len(inks(opened, "fire_stations", 1)) == 1
    opened.until("[...app.stack.layers.get('trial_points').drawing.visible()].length === argument", ROWS - ROWS // 3)
    opened.until_address("illustrative=hidden")
    opened.page.get_by_label("隐藏示意").uncheck()
    assert len(inks(opened, "waterlogging_zones", 40)) == 40


def test_a_class_can_be_filtered_out_on_canvas_and_in_tiles(open_map: OpenMap) -> None:
    opened = open_map("/#14/39.0900/117.1480&on=trial_points,trial_parcels")
    opened.until("[...app.stack.layers.get('trial_parcels').drawing.visible()].length > 20")
    for layer in ("trial_points", "trial_parcels"):
        opened.page.get_by_label(f"{'试验点' if layer == 'trial_points' else '试验地块'} 图例与分类筛选").click()
        opened.page.locator(f"#classes-{layer} label", has_text="已完成").locator("input").uncheck()
        opened.until(
            "[...app.stack.layers.get(argument).drawing.visible()].every(v => v.feature.properties.status !== 'done')",
            layer,
        )
    opened.until_address("hide=trial_points.done,trial_parcels.done")


def test_the_large_layer_comes_as_tiles_and_answers_to_a_click_like_the_others(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.0975/117.1375&on=trial_parcels")
    opened.until("[...app.stack.layers.get('trial_parcels').drawing.visible()].length > 3")
    assert any(r.startswith("/tiles/trial_parcels/r1/16/") for r in opened.requests)
    assert not any("trial_parcels/r1.geojson" in r for r in opened.requests)
    opened.click_at(CORNER[0] + SIDE / 3, CORNER[1] + SIDE / 3)
    assert opened.card().startswith("试验地块 1\n")
    opened.until("app.stack.layers.get('trial_parcels').drawing.over.getLayers().length === 1")


def test_tiles_draw_the_colour_of_the_class(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.0975/117.1375&on=trial_parcels")
    opened.until("[...app.stack.layers.get('trial_parcels').drawing.visible()].length > 3")
    share = (
        "[...document.querySelectorAll('.leaflet-tiles-pane canvas')].reduce((n, c) => { const d ="
        " c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }, 0)"
    )
    opened.until(f"({share}) > 20000")


def test_a_group_box_is_mixed_full_or_empty_and_switches_all_of_it(open_map: OpenMap) -> None:
    opened = open_map("/#on=fire_stations")
    box = opened.page.get_by_label("安全韧性", exact=True).and_(opened.page.locator("input"))
    expect(box).to_be_checked(indeterminate=True)
    box.check()
    opened.until("app.stack.all().filter(l => l.info.theme === 'resilience').every(l => l.on)")
    expect(box).to_be_checked()
    assert not box.evaluate("b => b.indeterminate")
    box.uncheck()
    opened.until("app.stack.shown().length === 0")
    opened.until_address("on=none")


def test_opacity_zoom_and_precision_stand_under_the_layer(open_map: OpenMap) -> None:
    opened = open_map("/#on=trial_points")
    opened.page.get_by_label("试验点 更多").click()
    more = opened.page.locator("#more-trial_points")
    expect(more).to_contain_text("地块级 87", use_inner_text=True)
    expect(more).to_contain_text("示意 43", use_inner_text=True)
    assert more.get_by_role("link", name="元数据").get_attribute("href") == "/layers/trial_points"
    more.get_by_role("slider").fill("40")
    opened.until("Math.abs(app.stack.layers.get('trial_points').opacity - 0.4) < 1e-6")
    opened.until("Math.abs([...app.stack.layers.get('trial_points').drawing.signs()][0].options.alpha - 0.4) < 1e-6")
    more.get_by_role("button", name="缩放至图层").click()
    opened.until("app.map.getBounds().contains([39.1055, 117.1455])")


def test_signs_of_small_areas_give_way_to_the_areas_when_one_comes_closer(open_map: OpenMap) -> None:
    opened = open_map("/#13/39.1055/117.1455&on=waterlogging_zones")
    opened.until("[...app.stack.layers.get('waterlogging_zones').drawing.signs()].length > 30")
    opened.zoom_to(16)
    opened.until("[...app.stack.layers.get('waterlogging_zones').drawing.signs()].length < 8")


def test_points_that_would_cover_each_other_become_dots(open_map: OpenMap) -> None:
    opened = open_map("/#13/39.1055/117.1455&on=trial_points")
    crowded = "[...app.stack.layers.get('trial_points').drawing.signs()].filter(s => s.options.crowded).length"
    opened.until(f"{crowded} > 2")
    opened.zoom_to(18)
    opened.until(f"{crowded} === 2")


def test_no_two_names_overlap(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.1055/117.1455&on=trial_points,waterlogging_zones,renewal_areas,schools,carriers")
    opened.until("app.labels.placed.length > 10")
    boxes = [b["box"] for b in opened.ask("app.labels.placed.map(({box}) => ({box}))")]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]
    assert pairs == []
    opened.page.get_by_label("标注").uncheck()
    opened.until("app.labels.placed.length === 0")
    opened.until_address("labels=hidden")


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    across = a["minX"] < b["maxX"] and b["minX"] < a["maxX"]
    return across and a["minY"] < b["maxY"] and b["minY"] < a["maxY"]


SAMPLES: list[dict[str, Any]] = [
    {"status": status, "plan_status": plan, "precision": precision}
    for status in (None, "", "not_started", "started", "done")
    for plan in (None, "planned", "advancing", "under_construction", "completed", "existing")
    for precision in ("parcel", "illustrative")
]


def test_the_browser_chooses_the_class_the_server_counts(open_map: OpenMap) -> None:
    """Same rule, same answer: for every symbol and every mix of status, promise and precision."""
    opened = open_map()
    names = {layer["id"]: layer["symbol"]["name"] for layer in opened.ask("app.stack.catalogue.layers")}
    found = opened.page.evaluate(
        "samples => import(document.querySelector('script[src*=\"/js/map.js\"]').src.replace('map.js', 'symbols.js'))"
        ".then(s => Object.fromEntries(window.geoService.app.stack.all().map(l => [l.id, samples.map(p =>"
        " [s.classOf(l.info.symbol, p).key, s.isIllustrative(l.info.symbol, p)])])))",
        SAMPLES,
    )
    for layer, answers in found.items():
        symbol = symbols.symbol(names[layer])
        assert answers == [[symbols.class_of(symbol, p).key, symbols.is_illustrative(p)] for p in SAMPLES]


def test_a_layer_that_cannot_be_read_is_told_and_the_rest_stays(open_map: OpenMap) -> None:
    opened = open_map()
    opened.page.route("**/api/layers/culture/r1.geojson", lambda route: route.abort())
    opened.page.get_by_label("文化设施与文物", exact=True).click()
    opened.page.wait_for_selector(".toast.bad")
    expect(opened.page.locator(".toast.bad")).to_contain_text("文化设施与文物")
    expect(opened.page.get_by_label("文化设施与文物", exact=True)).not_to_be_checked()
    assert len(inks(opened, "fire_stations", 1)) == 1
    opened.errors.clear()
