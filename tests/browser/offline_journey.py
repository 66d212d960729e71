"""Run inside a network namespace with loopback only: serve a fresh home and walk over every page with Chromium.

Prints one JSON object: the addresses asked for outside the server, console errors, failed requests, pages walked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Page, sync_playwright
from waitress import create_server

from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from scripts.chromium import find_chromium

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
START = ("/", "/plan", "/unlocated", "/layers", "/about", "/help", "/sign-in", "/ogc/?f=html", "/ogc/api.html")
MOST = 90
"""Pages walked at most; links of one kind beyond the first dozen are left out."""


def main(home: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    deployment = open_deployment(read_settings({**os.environ, "GEO_SERVICE_HOME": home}))
    server = create_server(create_app(deployment), host="127.0.0.1", port=0, threads=8)
    threading.Thread(target=server.run, daemon=True).start()
    base = f"http://127.0.0.1:{server.effective_port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page()
        seen = watch(page, base)
        walked = walk(page, base)
        use_the_map(page, base)
        browser.close()
    sys.stdout.write(json.dumps({**seen, "walked": walked}) + "\n")
    sys.stdout.flush()
    os._exit(0)


def watch(page: Page, base: str) -> dict[str, list[str]]:
    """Lists that fill with what must not happen."""
    seen: dict[str, list[str]] = {"outside": [], "errors": [], "failed": []}

    def request(asked: Any) -> None:
        if not asked.url.startswith((base, "data:", "blob:")):
            seen["outside"].append(asked.url)

    def answered(response: Any) -> None:
        if response.status >= 400:
            seen["failed"].append(f"{response.status} {response.url}")

    def failed(asked: Any) -> None:
        if asked.failure != "net::ERR_ABORTED":  # leaving a page ends what it still loads
            seen["failed"].append(f"{asked.failure} {asked.url}")

    page.on("request", request)
    page.on("response", answered)
    page.on("requestfailed", failed)
    page.on("console", lambda said: seen["errors"].append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    return seen


def walk(page: Page, base: str) -> list[str]:
    """Every page one can click to, a dozen of each kind, in both languages."""
    waiting, known, kinds = list(START), set(START), dict.fromkeys(START, 0)
    walked: list[str] = []
    while waiting and len(walked) < MOST:
        path = waiting.pop(0)
        page.goto(base + path, wait_until="networkidle")
        walked.append(path)
        for link in page.eval_on_selector_all("a[href]", "links => links.map(a => a.getAttribute('href'))"):
            target = urlsplit(urljoin(base + path, link))
            local = target.path + (f"?{target.query}" if target.query else "")
            kind = "/".join(target.path.split("/")[:2]) + str(target.path.count("/"))
            page_like = (
                not target.path.startswith(("/api/", "/static/", "/assets/", "/ogc/")) and "." not in target.path
            )
            if f"{target.scheme}://{target.netloc}" != base or not page_like or local in known:
                continue
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= 12:
                known.add(local)
                waiting.append(local)
    return walked


def use_the_map(page: Page, base: str) -> None:
    """Everything that loads something: all layers, search, card, table, measure, dark, English, phone."""
    page.goto(f"{base}/?lang=en", wait_until="networkidle")
    page.goto(f"{base}/?lang=zh", wait_until="networkidle")
    for box in page.locator("#panel input[type=checkbox]").all()[:60]:
        if box.is_visible():  # a group's box sets those below it, so look and click in one step
            box.evaluate("box => box.checked || box.click()")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("/")
    page.keyboard.type("fsdxfz")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload(wait_until="networkidle")


if __name__ == "__main__":
    main(sys.argv[1])
