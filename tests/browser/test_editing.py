"""Editing in a real browser: draw with snapping, move a corner, cut, split, fill the form, submit, review, publish."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pyproj
import pytest
from playwright.sync_api import Browser, expect
from shapely.geometry import shape

from geo_service.settings import ROOT
from tests.browser.conftest import Check, MapPage, Service, serving
from tests.browser.editing_desk import PLACE, REFUSED, begin, draw, sign_in, spot, square
from tests.browser.trial_layers import write_trial_layers
from tests.seeded import seed
from tests.web.photos import photo

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    layers, home = tmp_path_factory.mktemp("layers"), tmp_path_factory.mktemp("home")
    for path in (ROOT / "layers").iterdir():
        shutil.copy(path, layers)
    write_trial_layers(layers)
    seed(home, people=True)
    with serving(home, layers) as running:
        yield running


@pytest.fixture
def drawer(browser: Browser, desk: Service) -> Iterator[MapPage]:
    """An editor at the map, with the pencil in hand; nothing may complain but refused values."""
    one = sign_in(browser, desk.url, "drawer")
    begin(one.open(PLACE))
    yield one
    one.page.context.close()
    assert [e for e in one.errors if REFUSED not in e] == []
    assert one.outside == []


def save_new(one: MapPage, name: str) -> str:
    """Name what was drawn and put it into the draft; gives its code."""
    one.page.fill("#edit-name", name)
    one.page.click("[data-action=save]")
    one.page.wait_for_selector(".edit-head code")
    return one.text(".edit-head code")


def drafted(one: MapPage, fid: str) -> object:
    """The geometry of a feature in the draft."""
    return shape(one.ask("app.editor.session.changes.get(argument).after.geometry", fid))


@pytest.mark.slow
def test_nobody_but_editors_sees_the_pencil_or_loads_its_library(browser: Browser, desk: Service) -> None:
    for name in ("reader", "outsider"):
        one = sign_in(browser, desk.url, name).open(PLACE)
        assert one.page.locator("#tool-edit").count() == 0
        one.page.context.close()
    one = sign_in(browser, desk.url, "drawer").open(PLACE)
    assert not [r for r in one.requests if "geoman" in r or "edit" in r]
    begin(one)
    assert [r for r in one.requests if "leaflet-geoman.min.js" in r]
    one.page.context.close()


@pytest.mark.slow
def test_an_area_is_drawn_snapped_shaped_cut_split_and_taken_back(drawer: MapPage) -> None:
    drawer.page.click("[data-tool=draw]")
    draw(drawer, square(117.160, 39.1045))
    first = save_new(drawer, "试画甲")
    assert drafted(drawer, first).is_valid

    drawer.page.click("[data-tool=draw]")  # 5 px off the edge of the first one: it snaps onto the edge
    off = 117.161 + 5 * (360 / 256 / 2**17)
    draw(drawer, [(off, 39.1046), (117.1618, 39.1046), (117.1618, 39.1052), (off, 39.1052), (off, 39.1046)])
    second = save_new(drawer, "试画乙")
    west = drafted(drawer, second).bounds[0]
    assert west == pytest.approx(drafted(drawer, first).bounds[2], abs=1e-7)
    assert west != pytest.approx(off, abs=1e-5)

    corner = drafted(drawer, second).exterior.coords[2]
    x, y = spot(drawer, *corner)
    drawer.page.mouse.move(x, y)
    drawer.page.mouse.down()
    drawer.page.mouse.move(x + 30, y - 20, steps=6)
    drawer.page.mouse.up()
    drawer.until("app.editor.session.done.length === 3")
    larger = drafted(drawer, second).area

    drawer.page.click("[data-tool=hole]")
    draw(drawer, square(117.1612, 39.1047, 0.0002))
    drawer.until("app.editor.session.done.length === 4")
    assert len(drafted(drawer, second).interiors) == 1
    assert drafted(drawer, second).area < larger

    drawer.page.click("[data-tool=split]")
    draw(drawer, [(117.1616, 39.1040), (117.1616, 39.1058), (117.1616, 39.1058)])
    drawer.until("app.editor.session.changes.size === 3")
    drawer.page.click("[data-tool=undo]")
    drawer.until("app.editor.session.changes.size === 2")
    drawer.page.click("[data-tool=undo]")
    drawer.until("app.editor.session.done.length === 3")
    assert len(drafted(drawer, second).interiors) == 0
    drawer.page.click("[data-tool=redo]")
    drawer.until("app.editor.session.done.length === 4")
    assert len(drafted(drawer, second).interiors) == 1


@pytest.mark.slow
def test_corners_snap_to_layers_of_tiles_and_never_to_their_own_old_place(drawer: MapPage) -> None:
    ring = drawer.page.evaluate(
        "fetch('/api/layers/trial_parcels/items?limit=1').then(r => r.json())"
        ".then(b => b.features[0].geometry.coordinates[0])"
    )
    west, south = ring[0]
    drawer.do(f"app.map.setView([{south}, {west}], 18, {{animate: false}})")
    drawer.do("app.stack.setOn([app.stack.layers.get('trial_parcels')], true)")
    drawer.until("app.stack.layers.get('trial_parcels').drawing && app.stack.layers.get('trial_parcels').on")
    drawer.page.click("[data-tool=draw]")
    drawer.until("app.editor.shapes.targets.fetched.getLayers().length > 0")
    pixel = 360 / 256 / 2**18
    start = (west - 6 * pixel, south)
    draw(drawer, [start, (west - 0.0006, south - 0.0001), (west - 0.0006, south - 0.0006), start])
    fid = save_new(drawer, "贴着地块")
    corners = drafted(drawer, fid).exterior.coords
    assert corners[0] == pytest.approx((west, south), abs=1e-6)
    drawer.do("app.editor.pick('NK-JSD-004')")
    drawer.page.wait_for_function("() => document.querySelector('.edit-head code')?.textContent === 'NK-JSD-004'")
    corner = drawer.ask("app.editor.picked.geometry.coordinates[0][5]")
    drawer.do(f"app.map.setView([{corner[1]}, {corner[0]}], 20, {{animate: false}})")
    x, y = spot(drawer, *corner)
    drawer.page.mouse.move(x, y)
    drawer.page.mouse.down()
    drawer.page.mouse.move(x - 8, y, steps=4)
    drawer.page.mouse.up()
    drawer.until("app.editor.session.changes.has('NK-JSD-004')")
    moved = drafted(drawer, "NK-JSD-004").exterior.coords[5][0]
    assert moved == pytest.approx(corner[0] - 8 * 360 / 256 / 2**20, abs=1e-6)
    drawer.do(f"app.editor.revert('{fid}')")
    drawer.do("app.editor.revert('NK-JSD-004')")
    drawer.until("!app.editor.session.changes.has('NK-JSD-004')")


@pytest.mark.slow
def test_corners_are_typed_as_numbers_in_degrees_or_metres(drawer: MapPage) -> None:
    drawer.do("app.editor.pick('NK-JSD-003')")
    drawer.page.click(".edit-coordinates summary")
    area = ".edit-coordinates textarea"
    drawer.page.fill(area, "117.16, 39.105\n117.161, 39.105\n北, 39.106")
    drawer.page.click(".edit-coordinates .secondary")
    expect(drawer.page.locator(".edit-coordinates .wrong")).to_contain_text(re.compile("3[:：] ?北, 39.106"))
    drawer.page.fill(area, "117.16, 39.105\n117.161, 39.105\n117.161, 39.106")
    drawer.page.click(".edit-coordinates .secondary")
    drawer.until("app.editor.session.changes.has('NK-JSD-003')")
    drawer.page.select_option(".edit-coordinates select", "4548")
    east, north = pyproj.Transformer.from_crs(4490, 4548, always_xy=True).transform(117.16, 39.105)
    expect(drawer.page.locator(area)).to_have_value(re.compile(r"^\d{6}\.\d+"))
    first = drawer.page.input_value(area).split("\n")[0]
    assert [float(v) for v in first.split(",")] == pytest.approx([east, north], abs=0.002)
    drawer.page.fill(area, f"{east + 10},{north}\n{east + 50} {north}\n{east + 50}, {north + 40}")
    drawer.page.click(".edit-coordinates .secondary")
    drawer.until("app.editor.session.done.length === 2")
    assert drafted(drawer, "NK-JSD-003").exterior.coords[0][0] == pytest.approx(117.1601157, abs=2e-6)
    drawer.do("app.editor.revert('NK-JSD-003')")
    drawer.until("!app.editor.session.changes.has('NK-JSD-003')")


@pytest.mark.slow
def test_a_bad_value_is_told_at_its_field_and_the_draft_goes_to_review_and_onto_the_map(
    drawer: MapPage, browser: Browser, desk: Service
) -> None:
    drawer.do("app.editor.pick('NK-JSD-001')")
    drawer.page.wait_for_selector("#edit-max_depth_cm, #edit-depth_cm, .edit-form")
    key = drawer.ask("app.editor.session.schema.fields.find(f => f.maximum === 500).key")
    drawer.page.fill(f"#edit-{key}", "9000")
    drawer.page.click("[data-action=save]")
    drawer.page.wait_for_selector(f"#edit-{key}[aria-invalid=true]")
    expect(drawer.page.locator(f"#edit-{key}-error")).to_contain_text("超出 0 至 500")
    drawer.page.fill(f"#edit-{key}", "很深")
    drawer.page.click("[data-action=save]")
    drawer.page.wait_for_function(
        "id => document.getElementById(id).textContent.includes('很深')", arg=f"edit-{key}-error"
    )
    drawer.page.fill(f"#edit-{key}", "45")
    drawer.page.click("[data-action=save]")
    drawer.until("app.editor.session.changes.has('NK-JSD-001')")
    expect(drawer.page.locator(".edit-panel .state")).to_have_text("已存入变更单")
    drawer.page.click(".edit-panel .back")
    drawer.page.locator(".edit-panel footer a").click()
    drawer.page.locator("main a", has_text="在地图上继续编辑").click()
    drawer.page.wait_for_selector(".edit-changes [data-fid=NK-JSD-001]")
    drawer.page.fill(".edit-panel footer input", "汛后核查")
    drawer.page.click(".edit-panel footer .primary")
    drawer.until("!app.editor.session.draft")

    checker = sign_in(browser, desk.url, "checker")
    listed = checker.page.evaluate("fetch('/api/layers/waterlogging_zones').then(r => r.json())")
    checker.page.goto(f"{desk.url}/drafts")
    checker.page.locator("main a", has_text="汛后核查").first.click()
    checker.page.wait_for_load_state()
    draft = checker.page.url.rpartition("/")[2].partition("?")[0]
    publish(checker, draft)
    after = checker.page.evaluate("fetch('/api/layers/waterlogging_zones/items/NK-JSD-001').then(r => r.json())")
    assert after["properties"][key] == 45
    assert after["rev"] == listed["rev"] + 1
    checker.page.context.close()


def publish(checker: MapPage, draft: str) -> None:
    """Accept everything and publish, as the review page's script does."""
    checker.page.evaluate(
        """async draft => {
            const token = document.querySelector('meta[name="csrf-token"]').content;
            const send = (path, body) => fetch(`/api/drafts/${draft}/${path}`, {method: "POST",
                headers: {"X-CSRF-Token": token, "Content-Type": "application/json"}, body: JSON.stringify(body)});
            await send("decisions", {fids: "all", decision: "accept"});
            const {head} = await (await fetch(`/api/drafts/${draft}`)).json();
            const done = await send("publish", {head});
            if (!done.ok) throw new Error(await done.text());
        }""",
        draft,
    )


def test_a_street_editor_is_told_the_limits_and_refused_outside(browser: Browser, desk: Service) -> None:
    one = sign_in(browser, desk.url, "street")
    begin(one.open("/#on=schools"), "schools")
    expect(one.page.locator(".edit-panel .limits")).to_contain_text("万兴街道")
    outside = one.page.evaluate(
        "fetch('/api/layers/schools/items').then(r => r.json()).then(b => b.features"
        ".find(f => f.properties.subdistrict !== '万兴街道').id)"
    )
    one.do(f"app.editor.pick('{outside}')")
    one.page.fill("#edit-name", "越界")
    one.page.click("[data-action=save]")
    one.page.wait_for_selector(".problems p")
    assert one.ask("app.editor.session.changes.size") == 0
    one.page.context.close()


@pytest.mark.slow
def test_a_photo_is_attached_seen_on_card_and_page_and_gives_a_point_its_place(
    drawer: MapPage, browser: Browser, desk: Service, violations: Check
) -> None:
    picture = {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": photo()}
    drawer.page.select_option(".edit-panel header select", "schools")
    drawer.until("app.editor.session?.schema.id === 'schools'")
    school = drawer.page.evaluate(
        "fetch('/api/layers/schools/items').then(r => r.json()).then(b => b.features.find("
        "f => !f.geometry || f.geometry.type === 'Point')?.id ?? b.features[0].id)"
    )
    drawer.do(f"app.editor.pick('{school}')")
    drawer.page.wait_for_selector("#attach-file", state="attached")
    drawer.page.set_input_files("#attach-file", picture)
    drawer.page.wait_for_selector(".attach .attachments img")
    drawer.page.wait_for_selector(".attach-place")
    expect(drawer.page.locator(".attach-place")).to_contain_text("117.160000, 39.105000")
    assert violations(drawer.page) == []
    if drawer.ask("app.editor.session.schema.kind") == "point":
        drawer.page.click(".attach-place .secondary")
        drawer.until("app.editor.picked?.geometry?.coordinates[0] === 117.16")
    drawer.page.click(".edit-panel .back")
    drawer.page.fill(".edit-panel footer input", "现场照片")
    drawer.page.click(".edit-panel footer .primary")
    drawer.until("!app.editor.session.draft")
    checker = sign_in(browser, desk.url, "checker")
    checker.page.goto(f"{desk.url}/drafts")
    checker.page.locator("main a", has_text="现场照片").first.click()
    checker.page.wait_for_url("**/drafts/D*")
    checker.page.wait_for_function("() => document.querySelector('.attachments img')?.naturalWidth > 0")
    publish(checker, checker.page.url.rpartition("/")[2].partition("?")[0])
    checker.open(f"/#sel=schools/{school}")
    checker.page.wait_for_function("() => document.querySelector('.feature-card .attachments img')?.naturalWidth > 0")
    checker.page.goto(f"{desk.url}/layers/schools/{school}")
    checker.page.wait_for_function("() => document.querySelector('.attachments img')?.naturalWidth > 0")
    assert violations(checker.page) == []
    checker.page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_editing_has_no_barrier_wide_or_narrow(browser: Browser, desk: Service, violations: Check, scheme: str) -> None:
    for size in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
        one = sign_in(browser, desk.url, "drawer", viewport=size, color_scheme=scheme)
        begin(one.open(PLACE))
        assert violations(one.page) == []
        one.do("app.editor.pick('NK-JSD-002')")
        one.page.wait_for_selector(".edit-form")
        assert violations(one.page) == []
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        one.page.context.close()


@pytest.mark.slow
def test_progress_is_reported_from_the_card_and_for_ticked_rows_at_once(browser: Browser, desk: Service) -> None:
    one = sign_in(browser, desk.url, "drawer").open("/#sel=waterlogging_zones/NK-JSD-005&table=waterlogging_zones")
    one.card()
    one.page.click(".quick-status button.started")
    one.page.wait_for_selector(".quick-status .told a")
    one.page.click("#drawer .drawer-bar button[aria-pressed=false]")
    for row in ("NK-JSD-007", "NK-JSD-008"):
        one.page.click(f"#drawer tr[data-fid={row}] .tick input")
    one.page.click(".bulk-bar button.done")
    one.page.wait_for_selector(".bulk-bar .told")
    expect(one.page.locator(".bulk-bar .told")).to_contain_text(re.compile("2 ?项"))
    draft = one.page.evaluate(
        "fetch('/api/drafts?layer=waterlogging_zones').then(r => r.json()).then(b => b.drafts[0].id)"
    )
    changes = one.page.evaluate(f"fetch('/api/drafts/{draft}').then(r => r.json()).then(b => b.changes)")
    told = {c["fid"]: c["after"]["properties"]["status"] for c in changes if "status" in c["fields"]}
    assert told == {"NK-JSD-005": "started", "NK-JSD-007": "done", "NK-JSD-008": "done"}
    one.page.context.close()
    assert one.errors == []


@pytest.mark.slow
def test_a_layer_is_made_of_a_file_in_the_browser(browser: Browser, desk: Service, violations: Check) -> None:
    one = sign_in(browser, desk.url, "chief")
    one.page.goto(f"{desk.url}/admin/layers/new")
    rows = "名称,类别,深度,lon,lat\n" + "".join(
        f"井{i},{'井' if i % 2 else '闸'},{i},117.15{i},39.11\n" for i in range(9)
    )
    table = {"name": "井闸.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    one.page.set_input_files("#file", table)
    one.page.wait_for_selector(".new-fields tbody tr")
    one.page.wait_for_selector(".symbol input")
    assert violations(one.page) == []
    one.page.fill("#layer-id", "valves")
    one.page.fill("#layer-serial", "JSD")
    one.page.fill("#layer-en", "Valves")
    one.page.click("#rehearse")
    one.page.wait_for_selector("#result .bad")
    expect(one.page.locator("#result .bad")).to_contain_text("serial")
    one.page.fill("#layer-serial", "JZ")
    one.page.click(".symbol input[value=point_green]")
    one.page.click("#rehearse")
    one.page.wait_for_selector("#create")
    assert violations(one.page) == []
    one.page.click("#create")
    one.page.wait_for_url("**/layers/valves")
    expect(one.page.locator("h1")).to_contain_text("井闸")
    listed = one.page.evaluate("fetch('/api/layers/valves/items').then(r => r.json())")
    assert listed["numberMatched"] == 9
    one.page.goto(f"{desk.url}/admin/layers/valves")
    assert violations(one.page) == []
    one.page.context.close()
    assert [e for e in one.errors if "400" not in e] == []
