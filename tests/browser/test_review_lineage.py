"""Splits and merges in a real browser: told in the dry run and at the review desk, seen on the map, published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiona
import pytest
import shapely
from playwright.sync_api import Page, expect

from tests.browser.conftest import Check
from tests.browser.editing_desk import LAYER
from tests.browser.review_desk import accept_and_publish, shipped, take

pytestmark = pytest.mark.browser

SPLIT, LEFT, RIGHT = "NK-JSD-007", "NK-JSD-008", "NK-JSD-009"
Row = tuple[str | None, str, Any]


def geopackage(folder: Path, rows: Sequence[Row]) -> bytes:
    """A GeoPackage as QGIS writes it: ids, names and areas in EPSG:4490."""
    path = folder / "zones.gpkg"
    schema = {"geometry": "Polygon", "properties": {"GS_ID": "str", "名称": "str", "位置精度": "str"}}
    with fiona.open(path, "w", driver="GPKG", schema=schema, crs="EPSG:4490", layer="zones") as out:
        for fid, name, shape in rows:
            properties = {"GS_ID": fid, "名称": name, "位置精度": "实测"}
            out.write({"properties": properties, "geometry": shapely.geometry.mapping(shape)})
    return path.read_bytes()


def halves(shape: Any) -> tuple[Any, Any]:
    """A shape cut in the middle."""
    west, south, east, north = shape.bounds
    middle = (west + east) / 2
    cut = (shapely.box(west, south, middle, north), shapely.box(middle, south, east, north))
    return shape.intersection(cut[0]), shape.intersection(cut[1])


def group(page: Page, kind: str) -> Any:
    return page.locator(f".lineage-group[data-kind={kind}]")


def told(page: Page) -> None:
    """One split and one merge, parents and children by name, and who stays under the others."""
    expect(page.locator(".lineage-group")).to_have_count(2)
    split, merge = group(page, "split"), group(page, "merge")
    expect(split.locator("tr.was")).to_have_count(1)
    expect(split.locator("tr.was")).to_contain_text(f"{SPLIT}")
    expect(split.locator("tr.was")).to_contain_text("编号沿用")
    expect(split.locator("tr.becomes")).to_have_count(2)
    expect(split.locator("tr.becomes").nth(0)).to_contain_text("沿用原编号")
    expect(split.locator("tr.becomes").nth(1)).to_contain_text("长虹街东片")
    expect(split.locator("tr.becomes").nth(1)).to_contain_text("新编号")
    expect(split.locator(".hint")).to_have_count(0)
    expect(merge.locator("tr.was")).to_have_count(2)
    expect(merge.locator("tr.was", has_text=LEFT)).to_contain_text("编号沿用")
    expect(merge.locator("tr.was", has_text=RIGHT)).to_contain_text("仍保留")
    expect(merge.locator("tr.becomes")).to_have_count(1)
    expect(merge.locator(".hint")).to_contain_text("重叠")


@pytest.mark.slow
def test_a_split_and_a_merge_are_named_seen_and_published(visit: Any, violations: Check, tmp_path: Path) -> None:
    west, east = halves(shipped(SPLIT))
    both = shapely.union_all([shipped(LEFT), shipped(RIGHT)]).convex_hull
    rows = [(SPLIT, "长虹街西片", west), (None, "长虹街东片", east), (LEFT, "合并片区", both)]
    drawer = visit("drawer")
    page = drawer.upload(f"/upload?layer={LAYER}", geopackage(tmp_path, rows), "拆分合并.gpkg")
    told(page)
    card = page.locator(f'.change[data-fid="{SPLIT}"] .lineage-of')
    expect(card).to_contain_text("长虹街东片")
    group(page, "merge").get_by_role("button", name="在地图上看这一组").click()
    expect(page.locator(".leaflet-marks-pane path")).to_have_count(1)  # the one that stays, beside the change
    assert violations(page) == []
    page.check("#agree")
    take(page, "生成变更单")
    page.wait_for_selector("html[data-ready]")
    take(page, "提交审核")
    checker = visit("checker")
    page = checker.ready(page.url.removeprefix(drawer.one.base))
    told(page)
    group(page, "split").get_by_role("button", name="在地图上看这一组").click()
    halo = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--halo').trim()")
    expect(page.locator(f'.leaflet-after-pane path[stroke="{halo}"]')).to_have_count(2)
    assert violations(page) == []
    fresh = page.locator(".change.op-add")
    expect(fresh.locator(".lineage-of")).to_contain_text("长虹街西片")
    fid = fresh.get_attribute("data-fid")
    accept_and_publish(page)
    kept, added = (checker.item(each)["properties"]["name"] for each in (SPLIT, fid))
    assert (kept, added) == ("长虹街西片", "长虹街东片")


def test_in_a_whole_replacement_the_merged_feature_goes_and_nothing_lies_under(visit: Any, tmp_path: Path) -> None:
    drawer = visit("drawer")
    both = shapely.union_all([shipped(LEFT), shipped(RIGHT)]).convex_hull
    page = drawer.ready(f"/upload?layer={LAYER}")
    page.select_option("#mode", "replace")
    data = geopackage(tmp_path, [(LEFT, "合并片区", both)])
    page.set_input_files("#file", [{"name": "合并.gpkg", "mimeType": "", "buffer": data}])
    merge = group(page, "merge")
    expect(merge.locator("tr.was", has_text=RIGHT)).to_contain_text("随整层替换删除")
    expect(merge.locator(".hint")).to_have_count(0)
    expect(page.locator(f'.change.op-delete[data-fid="{RIGHT}"] .lineage-of')).to_contain_text("并入")
