"""Editors and reviewers at the service in a browser: a service of one's own, signed-in pages, drafts and surveys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from geo_service.core.geojson import load_line
from geo_service.settings import ROOT
from tests.browser.conftest import MapPage, Service
from tests.browser.editing_desk import LAYER, sign_in
from tests.web.test_upload import gbk_shapefile

SEVENTH = "NK-JSD-007"
CHINESE = {"locale": "zh-CN"}


class Visit:
    """Somebody at the service; what the browser complains of beyond refusals that were meant is kept."""

    def __init__(self, browser: Browser, desk: Service, name: str, **options: Any) -> None:
        self.one: MapPage = sign_in(browser, desk.url, name, **(CHINESE | options))
        self.page: Page = self.one.page

    def open(self, path: str) -> Page:
        self.page.goto(self.one.base + path)
        return self.page

    def ready(self, path: str) -> Page:
        self.one.open(path)
        return self.page

    def send(self, method: str, path: str, body: Any) -> Any:
        """A request as the page's own scripts send it."""
        script = """async ([method, path, body]) => {
            const token = document.querySelector('meta[name="csrf-token"]').content;
            const headers = {"X-CSRF-Token": token, "Content-Type": "application/json", Accept: "application/json"};
            const answer = await fetch(path, {method, headers, body: JSON.stringify(body)});
            return [answer.status, await answer.json()];
        }"""
        status, answer = self.page.evaluate(script, [method, path, body])
        assert status < 300, answer
        return answer

    def precisions(self) -> dict[str, int]:
        found = self.page.request.get(f"{self.one.base}/api/layers").json()["layers"]
        counts: dict[str, int] = {layer["id"]: layer["precisions"] for layer in found}[LAYER]  # type: ignore[assignment]  # of one layer
        return counts

    def item(self, fid: str, layer: str = LAYER) -> Any:
        """A published feature."""
        return self.page.request.get(f"{self.one.base}/api/layers/{layer}/items/{fid}").json()

    def upload(self, path: str, data: bytes, name: str) -> Page:
        page = self.ready(path)
        page.set_input_files("#file", [{"name": name, "mimeType": "application/octet-stream", "buffer": data}])
        page.wait_for_selector("#result .upload-part")
        return page

    def close(self) -> None:
        self.page.context.close()
        assert self.one.errors == []
        assert self.one.outside == []


def shipped(fid: str = SEVENTH) -> Any:
    lines = (ROOT / "layers" / f"{LAYER}.geojson").read_text("utf-8").splitlines()
    line = next(line for line in lines if f'"{fid}"' in line)
    shape = load_line(line.rstrip(",")).shape()
    assert shape is not None
    return shape


def survey(folder: Path, *shapes: Any) -> bytes:
    folder.mkdir()
    ids = [SEVENTH, "NK-JSD-008"]
    names = ["长虹街积水点", "红旗路积水点"]
    rows = [
        ({"GS_ID": fid, "名称": name, "位置精度": "实测"}, shape)
        for fid, name, shape in zip(ids, names, shapes, strict=False)
    ]
    return gbk_shapefile(folder, rows)


def take(page: Page, words: str) -> None:
    """Press a button of the page's head that leads to another state."""
    with page.expect_navigation():
        page.get_by_role("button", name=words, exact=True).first.click()


def accept_and_publish(page: Page) -> None:
    page.get_by_role("button", name="全部接受").click()
    expect(page.locator("#publish")).to_be_enabled()
    with page.expect_navigation():
        page.click("#publish")
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".headline .badge")).to_have_text("已发布")


def own_draft(who: Visit, values: dict[str, Any], base: int) -> str:
    """A submitted draft that sets values of the seventh zone as it was at a revision."""
    who.open("/drafts")
    draft = who.send("POST", "/api/drafts", {"layer": LAYER, "note": f"改 {'、'.join(values)}", "fresh": True})["id"]
    path = f"/api/layers/{LAYER}/items/{SEVENTH}"
    feature = who.page.request.get(f"{who.one.base}{path}").json()
    feature["properties"] |= values
    body = {"feature": feature, "base_rev": base}
    who.send("PUT", f"/api/drafts/{draft}/changes/{SEVENTH}", body)
    who.send("POST", f"/api/drafts/{draft}/steps", {"step": "submit"})
    return str(draft)


def head(who: Visit) -> int:
    return int(who.page.request.get(f"{who.one.base}/api/layers/{LAYER}").json()["rev"])


def values_now(who: Visit) -> dict[str, Any]:
    path = f"{who.one.base}/api/layers/{LAYER}/items/{SEVENTH}"
    return dict(who.page.request.get(path).json()["properties"])


def head_of(who: Visit) -> int:
    who.open("/drafts")
    return head(who)
