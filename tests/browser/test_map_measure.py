"""Figures on the map against PROJ: the browser's own Gauss-Kruger series, lengths and areas, the readout."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect
from pyproj import Geod, Transformer
from shapely.geometry import Polygon

from tests.browser.conftest import MapPage, OpenMap

pytestmark = pytest.mark.browser

PLANE = Transformer.from_crs("EPSG:4490", "EPSG:4548", always_xy=True)
DISTRICT = [(117.09 + 0.02 * i, 39.04 + 0.02 * j) for i in range(6) for j in range(7)]
ZONE = [(115.5 + 0.5 * i, 30.0 + 5 * j) for i in range(7) for j in range(5)]
"""The whole 3-degree zone, far beyond the district."""

MODULE = "import(document.querySelector('script[src*=\"/js/map.js\"]').src.replace('map.js', 'proj.js'))"


@pytest.mark.slow
def test_the_browser_projects_as_proj_does_and_back(open_map: OpenMap) -> None:
    """Within 0.1 mm over the whole zone, and there and back within 1e-10 degrees."""
    opened = open_map()
    points = DISTRICT + ZONE
    plane = opened.page.evaluate(f"points => {MODULE}.then(m => points.map(p => m.toPlane(p)))", points)
    for point, (easting, northing) in zip(points, plane, strict=True):
        assert (easting, northing) == pytest.approx(PLANE.transform(*point), abs=1e-4)
    back = opened.page.evaluate(f"points => {MODULE}.then(m => points.map(p => m.toDegrees(...p)))", plane)
    for point, found in zip(points, back, strict=True):
        assert found == pytest.approx(point, abs=1e-10)


def test_a_kilometre_and_a_hectare_agree_with_the_geodesic(open_map: OpenMap) -> None:
    """To 1e-5, the bar of the product: the scale error of the plane is 4e-6 here, 14 km from the meridian."""
    geod = Geod(ellps="GRS80")
    start = (117.145, 39.105)
    line = [start, geod.fwd(*start, 65, 1000)[:2]]
    east, north = PLANE.transform(*start)
    corners = [(0, 0), (100, 0), (100, 100), (0, 100)]
    ring = [PLANE.transform(east + dx, north + dy, direction="INVERSE") for dx, dy in corners]
    opened = open_map()
    length, area = opened.page.evaluate(f"([a, b]) => {MODULE}.then(m => [m.length(a), m.area(b)])", [line, ring])
    assert length == pytest.approx(1000, rel=1e-5)
    assert area == pytest.approx(10_000, rel=1e-8)
    assert abs(geod.geometry_area_perimeter(Polygon(ring))[0]) == pytest.approx(area, rel=1e-5)


def measure(opened: MapPage, kind: str, pixels: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Click pixels of the map with a measuring tool; their longitudes and latitudes."""
    opened.page.click(f"#tool-{kind}")
    opened.page.wait_for_selector(".leaflet-container.measuring")
    box = opened.page.locator("#map_main").bounding_box()
    assert box is not None
    for x, y in pixels:
        opened.page.mouse.click(box["x"] + x, box["y"] + y)
    return [
        (p["lng"], p["lat"]) for p in opened.ask("argument.map(p => app.map.containerPointToLatLng(p))", list(pixels))
    ]


def measured(opened: MapPage, expected: float) -> None:
    """Wait until the measuring box holds a value, to a billionth."""
    opened.until(
        "Math.abs(Number(document.querySelector('.measure-box').dataset.value) - argument) <= argument * 1e-9", expected
    )


def test_a_measured_distance_is_the_length_in_the_plane(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.1055/117.1455")
    places = measure(opened, "distance", [(200, 200), (500, 260), (640, 600)])
    plane = [PLANE.transform(*p) for p in places]
    expected = sum(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in pairwise(plane))
    measured(opened, expected)
    opened.until_text(".measure-box", f"{expected / 1000:,.3f} km")


def test_a_measured_area_is_told_in_hectares_and_mu(open_map: OpenMap) -> None:
    opened = open_map("/#17/39.1055/117.1455")
    places = measure(opened, "area", [(300, 200), (700, 220), (680, 560), (280, 520)])
    expected = Polygon([PLANE.transform(*p) for p in places]).area
    measured(opened, expected)
    text = opened.text(".measure-box").replace(",", "")
    square, hectares, mu = re.findall(r"([\d.]+) (?:m²|公顷|亩)", text)
    assert float(square) == pytest.approx(expected, abs=0.5)
    assert float(hectares) == pytest.approx(expected / 10_000, abs=0.0005)
    assert float(mu) == pytest.approx(expected * 15 / 10_000, abs=0.005)


def test_measuring_works_by_keyboard_and_ends_with_escape(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.1055/117.1455")
    opened.page.click("#tool-distance")
    opened.page.wait_for_selector(".leaflet-container.measuring")
    opened.page.keyboard.press("Enter")
    centre = opened.ask("(c => [c.lng, c.lat])(app.map.getCenter())")
    opened.do("app.map.panBy([300, 0], {animate: false})")
    opened.page.keyboard.press("Enter")
    other = opened.ask("(c => [c.lng, c.lat])(app.map.getCenter())")
    (x1, y1), (x2, y2) = PLANE.transform(*centre), PLANE.transform(*other)
    measured(opened, ((x1 - x2) ** 2 + (y1 - y2) ** 2) ** 0.5)
    opened.page.keyboard.press("Backspace")
    expect(opened.page.locator(".measure-box")).to_have_attribute("data-value", "0")
    opened.page.keyboard.press("Escape")
    expect(opened.page.locator(".measure-box")).to_have_count(0)
    expect(opened.page.locator("#tool-distance")).to_have_attribute("aria-pressed", "false")


def test_clicks_while_measuring_open_no_card(open_map: OpenMap) -> None:
    opened = open_map("/#16/39.1335/117.1325")
    opened.page.click("#tool-area")
    opened.page.wait_for_selector(".leaflet-container.measuring")
    opened.click_at(117.1325, 39.1335)
    opened.page.wait_for_selector(".measure-box[data-value]")
    assert opened.page.locator(".feature-card").count() == 0


def test_the_readout_writes_degrees_sexagesimal_and_plane(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.10550/117.14550")
    opened.until_text(".coordinate", "117.145500°E 39.105500°N")
    opened.page.click(".notation")
    opened.until_text(".coordinate", "117°08′43.80″E 39°06′19.80″N")
    opened.page.click(".notation")
    expect(opened.page.locator(".coordinate")).to_contain_text(re.compile("N [\\d.]+.*E [\\d.]+"))
    north, east = re.findall(r"[NE] ([\d.]+)", opened.text(".coordinate"))
    expected = PLANE.transform(117.1455, 39.1055)
    assert (float(east), float(north)) == pytest.approx(expected, abs=0.01)
    opened.page.get_by_role("button", name="复制坐标").click()
    opened.page.wait_for_selector(".toast:has-text('已复制 N 43')")


def test_the_scale_agrees_with_the_ground(open_map: OpenMap) -> None:
    opened = open_map("/#15/39.1055/117.1455")
    ends = opened.ask("[[400, 400], [500, 400]].map(p => app.map.containerPointToLatLng(p)).map(p => [p.lng, p.lat])")
    (x1, _), (x2, _) = (PLANE.transform(*p) for p in ends)
    shown = int(opened.text(".scale-number").removeprefix("1:").replace(",", ""))
    assert shown == pytest.approx((x2 - x1) / 100 / 0.00028, rel=0.02)
    width = opened.page.locator("#scale").evaluate("e => e.getBoundingClientRect().width")
    opened.until_text("#scale", "200 m")
    assert width == pytest.approx(200 / ((x2 - x1) / 100), rel=0.02)
