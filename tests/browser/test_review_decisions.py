"""Decisions and talk at the review desk, and progress reported from the map, in a real browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.editing_desk import LAYER
from tests.browser.review_desk import SEVENTH, Visit, head_of, own_draft, take

pytestmark = pytest.mark.browser

THREE = ("NK-JSD-011", "NK-JSD-012", "NK-JSD-013")


def drafted(who: Visit, fids: Sequence[str], values: dict[str, Any], note: str) -> str:
    """A submitted draft that sets the same values on several zones."""
    base = head_of(who)
    draft = str(who.send("POST", "/api/drafts", {"layer": LAYER, "note": note, "fresh": True})["id"])
    who.send("POST", f"/api/drafts/{draft}/changes", {"fids": list(fids), "properties": values, "base_rev": base})
    who.send("POST", f"/api/drafts/{draft}/steps", {"step": "submit"})
    return draft


@pytest.mark.slow
def test_features_are_accepted_and_rejected_one_by_one_and_only_the_accepted_published(visit: Any) -> None:
    drawer, checker = visit("drawer"), visit("checker")
    draft = drafted(drawer, THREE, {"measure": "清淤"}, "三处清淤")
    page = checker.ready(f"/drafts/{draft}")
    cards = [page.locator(f'.change[data-fid="{fid}"]') for fid in THREE]
    hint, publish = page.locator("#publish-hint"), page.locator("#publish")
    expect(hint).to_contain_text("3 项未决")
    cards[0].get_by_role("button", name="接受").click()
    expect(cards[0]).to_have_attribute("data-decision", "accept")
    cards[1].get_by_role("button", name="拒绝").click()
    expect(cards[1]).to_have_attribute("data-decision", "reject")
    expect(cards[1].get_by_role("button", name="拒绝")).to_be_focused()
    expect(hint).to_contain_text("1 项未决")
    expect(publish).to_be_disabled()
    page.locator(".chip.undecided").click()
    expect(page.locator(".change")).to_have_count(1)
    cards[2].focus()
    page.keyboard.press("a")
    expect(page.locator(".change")).to_have_count(0)
    page.locator(".chip.all").click()
    expect(cards[2]).to_have_attribute("data-decision", "accept")
    cards[2].get_by_role("button", name="接受").click()  # taken back
    expect(cards[2]).to_have_attribute("data-decision", "")
    cards[2].get_by_role("button", name="接受").click()
    expect(publish).to_be_enabled()
    with page.expect_navigation():
        publish.click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".headline .badge")).to_have_text("已发布")
    expect(cards[1].locator(".badge.bad")).to_have_text("拒绝")
    assert [checker.item(fid)["properties"].get("measure") for fid in THREE] == ["清淤", None, "清淤"]


@pytest.mark.slow
def test_people_talk_about_a_draft_and_about_one_feature_of_it(visit: Any) -> None:
    drawer, checker = visit("drawer"), visit("checker")
    draft = own_draft(drawer, {"lead": "区水务局"}, head_of(drawer))
    page = checker.ready(f"/drafts/{draft}")
    talk = page.locator(f'.change[data-fid="{SEVENTH}"] .talk')
    talk.locator("summary").click()
    talk.locator("input").fill("牵头单位请附文件 <b>依据</b>")
    page.keyboard.press("Enter")
    expect(talk.locator(".said")).to_contain_text("牵头单位请附文件 <b>依据</b>")
    expect(talk.locator(".said b")).to_have_text("checker 同志")
    page.fill("#comment", "补充依据后再报")
    take(page, "退回修改")
    expect(page.locator(".headline .badge")).to_have_text("退回修改")
    page = drawer.open("/drafts")
    row = page.locator("#mine + .scroll tr", has_text=draft)
    expect(row).to_contain_text("退回")
    row.get_by_role("link").first.click()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#comments .said")).to_have_count(2)
    expect(page.locator("#comments")).to_contain_text("补充依据后再报")
    expect(page.locator("#comments .said", has_text="<b>依据</b>").locator("code")).to_have_text(SEVENTH)
    page.fill("#comment", "依据已附：津水〔2026〕3 号")
    with page.expect_navigation():
        page.get_by_role("button", name="发表意见").click()
    expect(page.locator("#comments .said").last).to_contain_text("drawer 同志")
    expect(page.locator("#comments .said").last).to_contain_text("津水〔2026〕3 号")


@pytest.mark.slow
def test_progress_of_one_card_and_of_many_rows_is_drafted_and_taken_back(visit: Any) -> None:
    drawer = visit("drawer")
    page = drawer.ready(f"/#sel={LAYER}/{SEVENTH}&table={LAYER}")
    one = page.locator(".quick-status")
    one.locator(".report.started").click()
    expect(one.locator(".report.started")).to_have_attribute("aria-pressed", "true")
    expect(one.locator(".told")).to_contain_text("变更单")
    one.locator(".undo").click()
    expect(one.locator(".told")).to_have_text("已撤销")
    expect(one.locator(".report.started")).to_have_attribute("aria-pressed", "false")
    one.locator(".report.started").click()
    expect(one.locator(".told .undo")).to_have_count(1)
    page.click("#drawer .drawer-bar button[aria-pressed=false]")
    for fid in (SEVENTH, *THREE):
        page.locator(f"#drawer tr[data-fid={fid}] .tick input").check()
    bar = page.locator(".bulk-bar")
    expect(bar).to_contain_text("4 个已选")
    bar.locator(".report.done").click()
    expect(bar.locator(".told")).to_contain_text("4 项已写入变更单")
    assert statuses(drawer) == dict.fromkeys((SEVENTH, *THREE), "done")
    bar.locator(".undo").click()
    expect(bar.locator(".told")).to_have_text("已撤销")
    assert statuses(drawer) == {SEVENTH: "started"}
    assert drawer.item(SEVENTH)["properties"].get("status") is None


def statuses(who: Visit) -> dict[str, str]:
    """What the draft one edits says of progress, by feature."""
    listed = who.page.request.get(f"{who.one.base}/api/drafts?layer={LAYER}").json()["drafts"]
    draft = next(d for d in listed if d["mode"] == "edit")["id"]
    changes = who.page.request.get(f"{who.one.base}/api/drafts/{draft}").json()["changes"]
    told = {c["fid"]: c["after"]["properties"].get("status") for c in changes}
    return {fid: status for fid, status in told.items() if status}
