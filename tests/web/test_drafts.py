"""Editing and reviewing over HTTP: one open draft, conflicts decided field by field, going back and forth again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from geo_service.core.access import Account, Grant
from geo_service.deployment import Deployment
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import PEOPLE, Visitor

LAYER = "waterlogging_zones"
FID = "NK-JSD-001"


@pytest.fixture
def deployment(tmp_path: Any, chosen_database: str) -> Iterator[Deployment]:
    opened = open_seeded(tmp_path, chosen_database, people=True)
    opened.people.accounts.add(
        Account(name="second", display="第二编辑", grants=(Grant("editor"),)), "a long pass phrase 长密码"
    )
    yield opened
    opened.store.close()


@pytest.fixture
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture
def drawer(app: Flask) -> Visitor:
    return Visitor(app, "drawer")


@pytest.fixture
def checker(app: Flask) -> Visitor:
    return Visitor(app, "checker")


def open_draft(visitor: Visitor, layer: str = LAYER) -> str:
    return str(visitor.post("/api/drafts", json={"layer": layer, "note": "勘测更新"}).json["id"])


def current(visitor: Visitor, fid: str = FID, layer: str = LAYER) -> dict[str, Any]:
    body = visitor.get(f"/api/layers/{layer}/items/{fid}").json
    return {"type": "Feature", "geometry": body["geometry"], "properties": body["properties"], "rev": body["rev"]}


def put(visitor: Visitor, draft: str, fid: str = FID, *, base_rev: int = 1, geometry: Any = ..., **values: Any) -> Any:
    feature = current(visitor, "NK-JSD-001" if fid == "new" else fid)
    feature["properties"] |= values
    if geometry is not ...:
        feature["geometry"] = geometry
    return visitor.put(f"/api/drafts/{draft}/changes/{fid}", json={"feature": feature, "base_rev": base_rev})


def submit(visitor: Visitor, draft: str) -> None:
    assert visitor.post(f"/api/drafts/{draft}/steps", json={"step": "submit"}).status_code == 200


def accept_and_publish(visitor: Visitor, draft: str) -> Any:
    visitor.post(f"/api/drafts/{draft}/decisions", json={"fids": "all", "decision": "accept"})
    head = visitor.get(f"/api/drafts/{draft}").json["head"]
    return visitor.post(f"/api/drafts/{draft}/publish", json={"head": head})


def square(x: float = 117.15, y: float = 39.12, size: float = 0.001) -> dict[str, Any]:
    east, north = round(x + size, 7), round(y + size, 7)
    ring = [[x, y], [east, y], [east, north], [x, north], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_all_edits_of_a_layer_go_into_one_open_draft(drawer: Visitor) -> None:
    first = drawer.post("/api/drafts", json={"layer": LAYER, "note": "x"})
    assert first.status_code == 201
    assert first.headers["Location"] == f"/api/drafts/{first.json['id']}"
    again = drawer.post("/api/drafts", json={"layer": LAYER})
    assert (again.status_code, again.json["id"]) == (200, first.json["id"])
    assert drawer.post("/api/drafts", json={"layer": LAYER, "fresh": True}).status_code == 201
    assert open_draft(drawer, "schools") != first.json["id"]
    assert len(drawer.get(f"/api/drafts?layer={LAYER}").json["drafts"]) == 2


def test_what_follows_from_the_shape_is_filled_in_by_the_server(drawer: Visitor, deployment: Deployment) -> None:
    answer = put(drawer, open_draft(drawer), geometry=square(), area_m2=1, subdistrict="月球街道", status="started")
    assert answer.status_code == 200, answer.text
    after = answer.json["after"]["properties"]
    assert after["area_m2"] == pytest.approx(86_360 * 111_033 * 1e-6, rel=0.01)
    names = {f.name for f in deployment.store.snapshot("subdistricts").features}
    assert after["subdistrict"] in names
    assert answer.json["fields"][0] == "status"
    assert answer.json["fields"].index("geometry") < answer.json["fields"].index("area_m2")


def test_a_new_feature_gets_the_next_code_that_nobody_ever_used(drawer: Visitor) -> None:
    draft = open_draft(drawer)
    codes = [put(drawer, draft, "new", geometry=square(), name=f"新 {i}").json["fid"] for i in range(2)]
    assert codes == ["NK-JSD-041", "NK-JSD-042"]
    drawer.send("DELETE", f"/api/drafts/{draft}/changes/NK-JSD-042")
    assert put(drawer, draft, "new", geometry=square(), name="新").json["fid"] == "NK-JSD-042"


def test_a_change_back_to_what_was_leaves_the_draft(drawer: Visitor) -> None:
    draft = open_draft(drawer)
    assert put(drawer, draft, status="started").json["operation"] == "modify"
    assert put(drawer, draft).json["operation"] == ""
    assert drawer.get(f"/api/drafts/{draft}").json["tally"]["total"] == 0


def test_what_does_not_fit_is_told_field_by_field_in_both_languages(drawer: Visitor) -> None:
    bow_tie = {
        "type": "Polygon",
        "coordinates": [[[117.1, 39.1], [117.2, 39.2], [117.2, 39.1], [117.1, 39.2], [117.1, 39.1]]],
    }
    answer = put(drawer, open_draft(drawer), geometry=bow_tie, depth_cm=9999, name="", start_date="明天", precision="x")
    assert answer.status_code == 422
    found = {f["field"]: f for f in answer.json["findings"]}
    assert set(found) == {"geometry", "depth_cm", "name", "start_date", "precision"}
    assert "500" in found["depth_cm"]["zh"]
    assert found["name"]["en"] != found["name"]["zh"]


def test_many_features_get_the_same_status_at_once_or_none_does(drawer: Visitor) -> None:
    draft = open_draft(drawer)
    fids = [f"NK-JSD-{n:03}" for n in range(1, 21)]
    asked = {"fids": fids, "properties": {"status": "started"}, "base_rev": 1}
    assert len(drawer.post(f"/api/drafts/{draft}/changes", json=asked).json["changes"]) == 20
    wrong = asked | {"properties": {"status": "half"}, "fids": ["NK-JSD-030", "NK-JSD-031"]}
    assert drawer.post(f"/api/drafts/{draft}/changes", json=wrong).status_code == 422
    missing = asked | {"fids": ["NK-JSD-030", "NK-JSD-999"]}
    assert drawer.post(f"/api/drafts/{draft}/changes", json=missing).status_code == 404
    assert drawer.get(f"/api/drafts/{draft}").json["tally"]["total"] == 20
    again = asked | {"fids": fids[:1], "properties": {"measure": "泵站扩容"}}
    (change,) = drawer.post(f"/api/drafts/{draft}/changes", json=again).json["changes"]
    assert change["after"]["properties"]["status"] == "started", "on top of what the draft holds already"


def test_an_empty_draft_is_not_submitted_and_a_rejected_one_not_published(drawer: Visitor, checker: Visitor) -> None:
    draft = open_draft(drawer)
    empty = drawer.post(f"/api/drafts/{draft}/steps", json={"step": "submit"})
    assert (empty.status_code, empty.json["title"]) == (409, "empty-draft")
    put(drawer, draft, status="started")
    submit(drawer, draft)
    checker.post(f"/api/drafts/{draft}/decisions", json={"fids": "all", "decision": "reject"})
    refused = checker.post(f"/api/drafts/{draft}/publish", json={"head": 1})
    assert (refused.status_code, refused.json["title"]) == (409, "empty-draft")


def test_a_submitted_draft_is_not_edited_until_it_comes_back(drawer: Visitor, checker: Visitor) -> None:
    draft = open_draft(drawer)
    put(drawer, draft, status="started")
    submit(drawer, draft)
    assert put(drawer, draft, status="done").status_code == 409
    answer = checker.post(f"/api/drafts/{draft}/steps", json={"step": "return", "comment": "请核对面积"})
    assert answer.json["state"] == "returned"
    assert put(drawer, draft, status="done").status_code == 200
    assert drawer.get(f"/api/drafts/{draft}").json["comments"][0]["text"] == "请核对面积"
    assert open_draft(drawer) == draft


def test_publishing_changes_the_map_the_plan_and_the_file(
    drawer: Visitor, checker: Visitor, deployment: Deployment
) -> None:
    def zones() -> Mapping[str, Any]:
        sections = drawer.get("/api/plan").json["sections"]
        rows = {c["id"]: c for s in sections for c in s["commitments"]}
        return dict(rows["waterlogging-40"]["progress"])

    assert zones()["precisions"] == {"illustrative": 40}
    draft = open_draft(drawer)
    put(drawer, draft, geometry=square(), precision="surveyed", position_precision="surveyed", status="started")
    submit(drawer, draft)
    answer = accept_and_publish(checker, draft)
    assert answer.status_code == 200, answer.text
    assert (answer.json["rev"], answer.json["author"]) == (2, "drawer")
    layer = next(r for r in drawer.get("/api/layers").json["layers"] if r["id"] == LAYER)
    assert (layer["rev"], layer["precisions"]) == (2, {"surveyed": 1, "illustrative": 39})
    assert zones()["precisions"] == {"surveyed": 1, "illustrative": 39}
    published = deployment.settings.home / "layers" / f"{LAYER}.geojson"
    assert '"precision":"surveyed"' in published.read_text("utf-8")


def conflicting(drawer: Visitor, second: Visitor, checker: Visitor, one: Any, other: Any) -> str:
    """Two drafts of the same feature from the same base; the first is published, the second waits."""
    first, later = open_draft(drawer), open_draft(second)
    assert put(drawer, first, **one).status_code == 200
    assert put(second, later, **other).status_code == 200
    submit(drawer, first)
    assert accept_and_publish(checker, first).status_code == 200
    submit(second, later)
    return later


def test_different_fields_of_one_feature_both_survive(app: Flask, drawer: Visitor, checker: Visitor) -> None:
    second = Visitor(app, "second")
    later = conflicting(drawer, second, checker, {"status": "started"}, {"geometry": square()})
    assert drawer.get(f"/api/drafts/{later}").json["clashing"] == []
    assert accept_and_publish(checker, later).status_code == 200
    found = current(drawer)
    assert found["properties"]["status"] == "started"
    assert found["geometry"] == square()


def test_the_same_field_is_decided_on_a_card_and_shapes_take_their_area_along(
    app: Flask, drawer: Visitor, checker: Visitor
) -> None:
    second = Visitor(app, "second")
    small, large = square(), square(size=0.002)
    later = conflicting(drawer, second, checker, {"geometry": small}, {"geometry": large, "status": "done"})
    body = checker.get(f"/api/drafts/{later}").json
    (change,) = body["changes"]
    assert [c["field"] for c in change["clashes"]] == ["geometry"], "area and date follow by themselves"
    assert accept_and_publish(checker, later).json["title"] == "unresolved-conflicts"
    nothing = checker.post(f"/api/drafts/{later}/settle", json={"fid": FID, "choices": {}})
    assert nothing.status_code == 400
    checker.post(f"/api/drafts/{later}/settle", json={"fid": FID, "choices": {"geometry": "mine"}})
    assert accept_and_publish(checker, later).status_code == 200
    found = current(drawer)
    assert found["geometry"] == large
    assert found["properties"]["area_m2"] == pytest.approx(4 * 86_360 * 111_033 * 1e-6, rel=0.01)
    assert found["properties"]["status"] == "done"


def test_an_edit_on_a_newer_page_does_not_hide_what_others_changed_since(
    app: Flask, drawer: Visitor, checker: Visitor
) -> None:
    """The base of a change stays the revision its author first saw."""
    second = Visitor(app, "second")
    mine = open_draft(second)
    put(second, mine, measure="泵站扩容")
    other = open_draft(drawer)
    put(drawer, other, measure="雨污分流")
    submit(drawer, other)
    accept_and_publish(checker, other)
    assert put(second, mine, measure="管网改造", base_rev=2).json["clashes"][0]["field"] == "measure"


def test_a_stale_reviewer_does_not_publish_over_a_newer_revision(app: Flask, drawer: Visitor, checker: Visitor) -> None:
    second = Visitor(app, "second")
    later = conflicting(drawer, second, checker, {"status": "started"}, {"measure": "泵站扩容"})
    checker.post(f"/api/drafts/{later}/decisions", json={"fids": "all", "decision": "accept"})
    answer = checker.post(f"/api/drafts/{later}/publish", json={"head": 1})
    assert (answer.status_code, answer.json["title"]) == (412, "stale-revision")


def test_rolling_back_undoing_and_undoing_that(app: Flask, drawer: Visitor, checker: Visitor) -> None:
    draft = open_draft(drawer)
    put(drawer, draft, status="started")
    put(drawer, draft, "NK-JSD-002", status="done")
    submit(drawer, draft)
    accept_and_publish(checker, draft)
    other = open_draft(drawer)
    put(drawer, other, measure="泵站扩容", base_rev=2)
    submit(drawer, other)
    accept_and_publish(checker, other)

    def go_back(address: str, **form: str) -> None:
        answer = drawer.post(address, data=form)
        assert answer.status_code == 303, answer.text
        assert accept_and_publish(checker, answer.headers["Location"].rsplit("/", 1)[1]).status_code == 200

    go_back(f"/layers/{LAYER}/undo", rev="2", note="误填")
    found = current(drawer)["properties"]
    assert (found.get("status"), found.get("measure")) == (None, "泵站扩容"), "what came later stays"
    go_back(f"/layers/{LAYER}/roll-back", to="1", note="全部撤销")
    first = drawer.get(f"/api/layers/{LAYER}/r1.geojson").json["features"]
    assert drawer.get(f"/api/layers/{LAYER}/r5.geojson").json["features"] == first
    go_back(f"/layers/{LAYER}/roll-back", to="4", note="撤销的撤销")
    assert current(drawer)["properties"].get("measure") == "泵站扩容"
    nothing = drawer.post(f"/layers/{LAYER}/roll-back", data={"to": "6"})
    assert nothing.status_code == 409


def test_a_deleted_feature_comes_back_under_its_own_code(drawer: Visitor, checker: Visitor) -> None:
    draft = open_draft(drawer)
    before = current(drawer)
    assert drawer.put(f"/api/drafts/{draft}/changes/{FID}", json={"operation": "delete"}).json["operation"] == "delete"
    submit(drawer, draft)
    accept_and_publish(checker, draft)
    assert drawer.get(f"/api/layers/{LAYER}/items/{FID}").status_code == 404
    assert FID in drawer.get(f"/layers/{LAYER}/history").text.split('id="deleted"')[1]
    answer = drawer.post(f"/layers/{LAYER}/{FID}/restore")
    accept_and_publish(checker, answer.headers["Location"].rsplit("/", 1)[1])
    after = current(drawer)
    assert (after["geometry"], after["properties"]) == (before["geometry"], before["properties"])
    assert drawer.post(f"/layers/{LAYER}/{FID}/restore").status_code == 409


def test_a_layer_taken_out_of_service_comes_back_as_it_was(app: Flask, drawer: Visitor, deployment: Deployment) -> None:
    chief = Visitor(app, "chief")
    path = deployment.settings.home / "layers" / "pocket_parks.geojson"
    before = path.read_bytes()
    refused = chief.post("/admin/layers/pocket_parks/retire", data={"typed": "pocket"})
    assert refused.status_code == 400
    assert chief.post("/admin/layers/pocket_parks/retire", data={"typed": "pocket_parks"}).status_code == 303
    assert drawer.get("/api/layers/pocket_parks").status_code == 404
    assert not path.exists()
    assert chief.post("/admin/layers/pocket_parks/restore").status_code == 303
    assert drawer.get("/api/layers/pocket_parks").json["count"] == 6
    assert path.read_bytes() == before
    assert chief.post("/admin/layers/pocket_parks/restore").status_code == 404


def test_a_layer_is_read_as_of_a_revision_a_day_a_moment_and_an_edition(
    app: Flask, drawer: Visitor, checker: Visitor, deployment: Deployment
) -> None:
    named = checker.post("/editions", data={"name": "2025 二季度版", "note": "上报"})
    assert named.status_code == 303
    draft = open_draft(drawer)
    put(drawer, draft, status="started")
    submit(drawer, draft)
    accept_and_publish(checker, draft)
    second = deployment.store.revision(LAYER, 2)

    def status(as_of: str) -> Any:
        answer = drawer.get(f"/api/layers/{LAYER}/items/{FID}", query_string={"asOf": as_of})
        return answer.json["properties"].get("status") if answer.status_code == 200 else answer.status_code

    assert status("1") is None
    assert status("2") == "started"
    assert status("edition:2025 二季度版") is None
    assert status(second.at) == "started"
    assert status("2999-01-01") == "started"
    assert status("2000-01-01") == 404
    for wrong in ("yesterday", "2026-13-01", "0", "-1", "edition:", "2026-05-01T99:00"):
        assert status(wrong) in (400, 404), wrong
    assert checker.post("/editions", data={"name": "2025 二季度版"}).status_code == 409
    page = drawer.page("/editions/2025%20%E4%BA%8C%E5%AD%A3%E5%BA%A6%E7%89%88").text
    assert f"#asof=edition:{quote('2025 二季度版')}" in page
    assert f"compare?a=1&amp;b=2" in page  # noqa: F541  # as the page writes it


def test_two_revisions_are_compared_as_pages_and_as_data(drawer: Visitor, checker: Visitor) -> None:
    draft = open_draft(drawer)
    put(drawer, draft, status="started")
    put(drawer, draft, "new", geometry=square(), name="新片区", precision="guess")
    drawer.put(f"/api/drafts/{draft}/changes/NK-JSD-003", json={"operation": "delete"})
    submit(drawer, draft)
    accept_and_publish(checker, draft)
    body = drawer.get(f"/api/layers/{LAYER}/changes?a=1&b=2").json
    assert body["tally"]["operations"] == {"add": 1, "modify": 1, "delete": 1}
    assert {c["fid"]: c["operation"] for c in body["changes"]} == {
        FID: "modify", "NK-JSD-003": "delete", "NK-JSD-041": "add",
    }  # fmt: skip
    backwards = drawer.get(f"/api/layers/{LAYER}/changes?a=2&b=1&operation=add").json["changes"]
    assert [c["fid"] for c in backwards] == ["NK-JSD-003"]
    assert drawer.page(f"/layers/{LAYER}/compare?a=1&b=2").status_code == 200
    assert drawer.page(f"/layers/{LAYER}/compare?a=1&b=9").status_code == 404
    text = drawer.page(f"/layers/{LAYER}/history").text
    assert "勘测更新" in text
    assert f"{PEOPLE and 'drawer'} 同志" in text


@pytest.mark.slow
@pytest.mark.parametrize("address", ["/drafts", "/editions", "/as-of?date=2026-05-01", f"/layers/{LAYER}/history"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_speak_both_languages(drawer: Visitor, address: str, language: str) -> None:
    joiner = "&" if "?" in address else "?"
    answer = drawer.page(f"{address}{joiner}lang={language}")
    assert answer.status_code == 200
    assert ("Revisions" in answer.text or "Draft" in answer.text or "Edition" in answer.text) or language == "zh"
