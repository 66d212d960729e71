"""Every route for everybody: what an internal layer holds is shown to nobody without a right to it, and nothing is
changed by anybody without one."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import brotli
import pytest
from flask import Flask

from geo_service.core.drafts import DraftChange
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.usecases import review
from geo_service.web.app import create_app
from geo_service.web.drafts import desk
from tests.seeded import open_seeded
from tests.web.people import ELSEWHERE, HERE, INTERNAL, PEOPLE, Visitor
from tests.web.route_table import ROUTES

MARK = "QXZ机密"
"""Stands in the title, the names and the values of the internal layer, and nowhere else."""
FID = "NK-QXZ-001"
EVERYBODY = ("nobody", *PEOPLE)
MAY_READ = ("reader", "drawer", "street", "checker", "chief")
MAY_NOT = ("nobody", "outsider")


def secret(number: int, subdistrict: str, x: float) -> Feature:
    values = {"name": f"{MARK}{number}", "precision": "guess", "source": MARK, "subdistrict": subdistrict}
    return Feature(f"NK-QXZ-{number:03}", values, {"type": "Point", "coordinates": [x, 39.12]})


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("permissions")
    opened = open_seeded(home, either_database, people=True)
    definition = LayerDefinition(
        id=INTERNAL,
        title=Text(f"{MARK}工程", f"{MARK} works"),
        theme="projects",
        geometry_types=("Point",),
        serial="QXZ",
        symbol="point_blue",
        source=MARK,
        secrecy="internal",
        commitments=("waterlogging-40",),
    )
    opened.store.create_layer(definition, [secret(1, HERE, 117.15), secret(2, ELSEWHERE, 117.16)], author="x", note="x")
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture(scope="module")
def visitors(app: Flask) -> Mapping[str, Visitor]:
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


@pytest.fixture(scope="module")
def drafts(app: Flask, deployment: Deployment) -> Mapping[str, str]:
    """A submitted draft of the internal layer and an open one, both by ``drawer``."""
    with app.test_request_context():
        who = deployment.people.accounts.get("drawer")
        change = DraftChange(fid=FID, operation="modify", after=secret(1, HERE, 117.151), base_rev=1)
        made = {
            name: review.create_draft(desk(), who, INTERNAL, [change], mode="edit", note=f"{MARK} {name}")
            for name in ("submitted", "open")
        }
        review.take_step(desk(), who, made["submitted"].id, "submit")
    return {name: draft.id for name, draft in made.items()}


def samples(app: Flask, drafts: Mapping[str, str]) -> dict[str, Any]:
    """A value for every variable of every address, all about the internal layer."""
    return {
        "layer_id": INTERNAL,
        "fid": FID,
        "rev": 1,
        "z": 14,
        "x": 13523,
        "y": 6238,
        "draft_id": drafts["submitted"],
        "commitment_id": "waterlogging-40",
        "topic_id": "index",
        "suffix": "csv",
        "scheme": "WebMercatorQuad",
        "name": "none",
        "version": "v",
        "path": "x",
        "filename": "x",
        "key": "x",
        "basemap_id": "x",
        "number": 0,
    }


def readable(
    app: Flask, drafts: Mapping[str, str], changed: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Endpoint, address and variables of every address that can be read."""
    values = samples(app, drafts) | dict(changed or {})
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        known = {name: values.get(name, "none") for name in rule.arguments}
        yield rule.endpoint, adapter.build(rule.endpoint, known | dict(rule.defaults or {})), frozenset(rule.arguments)


def words(response: Any) -> str:
    """Everything an answer says, unpacked."""
    data = response.get_data()
    encoding = response.headers.get("Content-Encoding", "")
    data = brotli.decompress(data) if encoding == "br" else gzip.decompress(data) if encoding == "gzip" else data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = b"".join(archive.read(name) for name in archive.namelist())
    return str(data.decode("utf-8", "replace")) + str(dict(response.headers))


@pytest.mark.parametrize("name", MAY_NOT)
def test_no_address_tells_an_outsider_of_the_internal_layer(
    app: Flask, visitors: Mapping[str, Visitor], drafts: Mapping[str, str], name: str
) -> None:
    told, served = [], []
    for endpoint, address, variables in readable(app, drafts):
        for accept in ("text/html", "application/json"):
            response = visitors[name].get(address, headers={"Accept": accept})
            if MARK in words(response):
                told.append(address)
            if "layer_id" in variables and response.status_code not in (303, 401, 403, 404):
                served.append((endpoint, response.status_code))
            if response.status_code >= 500 and response.status_code != 503:
                served.append((endpoint, response.status_code))
    assert told == []
    assert served == []


PUBLIC = {"layer_id": "schools", "fid": "NK-XX-001"}
TURNED_AWAY = (303, 401)


def test_every_route_has_its_line_in_the_table(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints - set(ROUTES) == set(), "say in tests/web/route_table.py who may ask for it"


@pytest.mark.parametrize("secrecy", ["internal", "public"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_every_route_answers_everybody_as_the_table_says(
    app: Flask, visitors: Mapping[str, Visitor], drafts: Mapping[str, str], name: str, secrecy: str
) -> None:
    wrong = []
    for endpoint, address, variables in readable(app, drafts, {} if secrecy == "internal" else PUBLIC):
        gate = ROUTES[endpoint]
        if gate == "write" or (secrecy == "public" and "layer_id" not in variables):
            continue
        with visitors[name].page(address) as response:
            status = response.status_code
        if not is_as_the_table_says(gate, name, secrecy, status):
            wrong.append((gate, endpoint, address, status))
    assert wrong == [], wrong


def is_as_the_table_says(gate: str, name: str, secrecy: str, status: int) -> bool:
    passed = status not in (*TURNED_AWAY, 403, 404) and status < 500
    if gate == "everybody":
        return status not in (401, 403) and (status < 500 or status == 503)
    if gate == "this machine":  # which the tests are on; test_operations.py asks from another
        return passed
    if gate == "a name that is none":
        return status == 404
    if name == "nobody" and gate != "layer":
        return status in TURNED_AWAY
    here = secrecy == "internal"
    allowed, otherwise = {
        "layer": (not here or name in MAY_READ, 404),
        "layer, signed in": (not here or name in MAY_READ, 404),
        "draft": (name in DRAFT_READERS, 404),
        "own draft": (name in OWNER, 403),
        "own": (False, 404),
        "own, admin": (False, 404 if name == "chief" else 403),
        "signed in": (True, 0),
        "admin": (name == "chief", 403),
    }[gate]
    if allowed and "draft" in gate and not here:
        return passed or status == 404  # the draft is of the other layer
    return passed if allowed else status == otherwise


SEARCHES = (
    f"/api/search?q={MARK}",
    "/api/search?q=NK-QXZ",
    f"/unlocated?q={MARK}",
    f"/plan?q={MARK}",
    f"/plan/features?q={MARK}",
    f"/api/layers/{INTERNAL}/items?q={MARK}",
    f"/drafts?q={MARK}",
)


@pytest.mark.parametrize("address", SEARCHES)
def test_searching_finds_the_internal_layer_only_for_its_readers(visitors: Mapping[str, Visitor], address: str) -> None:
    for name in MAY_NOT:
        said = words(visitors[name].get(address, headers={"Accept": "application/json"}))
        assert f"{MARK}1" not in said, name
    if address.startswith("/api/search"):
        assert f"{MARK}1" in words(visitors["reader"].get(address))


READING = {
    "layer": f"/api/layers/{INTERNAL}",
    "items": f"/api/layers/{INTERNAL}/items",
    "item": f"/api/layers/{INTERNAL}/items/{FID}",
    "past item": f"/api/layers/{INTERNAL}/items/{FID}?asOf=1",
    "CSV": f"/api/layers/{INTERNAL}/items.csv",
    "XLSX": f"/api/layers/{INTERNAL}/items.xlsx",
    "whole file": f"/api/layers/{INTERNAL}/r1.geojson",
    "tile": f"/tiles/{INTERNAL}/r1/14/13523/6238.mvt",
    "changes": f"/api/layers/{INTERNAL}/changes",
    "record": f"/ogc/records/{INTERNAL}",
    "ISO record": f"/ogc/records/{INTERNAL}?f=iso19139",
    "collection changes": f"/ogc/collections/{INTERNAL}/changes",
    "picture": f"/ogc/wms?REQUEST=GetMap&LAYERS={INTERNAL}&CRS=CRS:84&BBOX=117.1,39.1,117.2,39.2&WIDTH=50&HEIGHT=50",
    "legend": f"/ogc/wms?REQUEST=GetLegendGraphic&LAYER={INTERNAL}",
    "picture tile": f"/ogc/wmts/{INTERNAL}/default/WebMercatorQuad/14/6238/13523.png",
    "tileset": f"/ogc/collections/{INTERNAL}/tiles",
    "TileJSON": f"/ogc/collections/{INTERNAL}/tiles/WebMercatorQuad/tilejson",
    "standard tile": f"/ogc/collections/{INTERNAL}/tiles/WebMercatorQuad/14/6238/13523",
    "download": f"/ogc/download/{INTERNAL}.gpkg",
    "tiles to download": f"/ogc/download/{INTERNAL}.pmtiles",
    "page": f"/layers/{INTERNAL}",
    "feature page": f"/layers/{INTERNAL}/{FID}",
    "history": f"/layers/{INTERNAL}/history",
    "comparison": f"/layers/{INTERNAL}/compare",
    "collection": f"/ogc/collections/{INTERNAL}",
    "collection items": f"/ogc/collections/{INTERNAL}/items",
    "collection item": f"/ogc/collections/{INTERNAL}/items/{FID}",
    "collection versions": f"/ogc/collections/{INTERNAL}/items/{FID}/versions",
}


@pytest.mark.parametrize("what", READING)
@pytest.mark.parametrize("name", EVERYBODY)
def test_the_internal_layer_is_read_by_its_readers_only(visitors: Mapping[str, Visitor], what: str, name: str) -> None:
    response = visitors[name].get(READING[what])
    if name in MAY_READ:
        assert response.status_code in (200, 204), response.text
        assert "public" not in response.headers.get("Cache-Control", "")
    else:
        assert response.status_code == 404


@pytest.mark.parametrize("name", EVERYBODY)
def test_a_public_layer_is_read_by_everybody(visitors: Mapping[str, Visitor], name: str) -> None:
    for address in READING.values():
        public = address.replace(INTERNAL, "schools").replace(FID, "NK-XX-001")
        response = visitors[name].get(public)
        assert response.status_code in (200, 204), (public, response.text)


def test_the_catalogue_and_the_plan_count_what_the_reader_may_see(visitors: Mapping[str, Visitor]) -> None:
    for name in EVERYBODY:
        ids = {layer["id"] for layer in visitors[name].get("/api/layers").json["layers"]}
        assert (INTERNAL in ids) == (name in MAY_READ), name
        collections = {c["id"] for c in visitors[name].get("/ogc/collections").json["collections"]}
        assert collections == ids


DRAFT_PAGES = ("/drafts/{submitted}", "/api/drafts/{submitted}")
DRAFT_READERS = ("drawer", "street", "checker", "chief")


@pytest.mark.parametrize("address", DRAFT_PAGES)
@pytest.mark.parametrize("name", EVERYBODY)
def test_a_draft_is_seen_by_those_who_work_on_its_layer(
    visitors: Mapping[str, Visitor], drafts: Mapping[str, str], address: str, name: str
) -> None:
    response = visitors[name].page(address.format(**drafts))
    if name == "nobody":
        assert response.status_code == (303 if address.startswith("/drafts") else 401)
    else:
        assert response.status_code == (200 if name in DRAFT_READERS else 404)


SIGNED_IN = ("/account", "/drafts", "/api/account", "/api/drafts", "/api/layers/schools/schema")
FOR_ADMINS = ("/admin/accounts", "/admin/audit", "/admin/layers")


@pytest.mark.parametrize("address", [*SIGNED_IN, *FOR_ADMINS])
@pytest.mark.parametrize("name", EVERYBODY)
def test_own_pages_need_a_sign_in_and_administration_an_administrator(
    visitors: Mapping[str, Visitor], address: str, name: str
) -> None:
    response = visitors[name].page(address)
    if name == "nobody":
        assert response.status_code == (401 if address.startswith("/api/") else 303)
    elif address in FOR_ADMINS:
        assert response.status_code == (200 if name == "chief" else 403)
    else:
        assert response.status_code == 200


def feature(x: float = 117.15, name: str = "改名", subdistrict: str = HERE, fid: str = FID) -> dict[str, Any]:
    values = {"name": name, "precision": "guess", "source": "x", "subdistrict": subdistrict}
    return {
        "type": "Feature",
        "id": fid,
        "geometry": {"type": "Point", "coordinates": [x, 39.12]},
        "properties": values,
    }


CHANGE = {"feature": feature(), "base_rev": 1}
EDITORS = frozenset({"drawer", "checker", "chief", "street"})
REVIEWERS = frozenset({"checker", "chief"})
ADMINS = frozenset({"chief"})
OWNER = frozenset({"drawer", "chief"})

WRITING: list[tuple[str, str, Any, frozenset[str]]] = [
    # method, address, body (a dict: JSON; a tuple: form), who gets past the check of rights
    ("POST", "/api/drafts", {"layer": INTERNAL, "note": "x"}, EDITORS),
    ("PUT", "/api/drafts/{open}/changes/" + FID, CHANGE, OWNER),
    ("POST", "/api/drafts/{open}/changes", {"fids": [FID], "properties": {"status": "done"}, "base_rev": 1}, OWNER),
    ("DELETE", "/api/drafts/{open}/changes/NK-QXZ-002", None, OWNER),
    ("PUT", "/api/drafts/{open}/note", {"note": "x"}, OWNER),
    ("POST", "/api/drafts/{open}/steps", {"step": "publish"}, DRAFT_READERS),
    ("POST", "/api/drafts/{submitted}/steps", {"step": "return!"}, DRAFT_READERS),
    ("POST", "/api/drafts/{submitted}/decisions", {"fids": "all", "decision": ""}, REVIEWERS),
    ("POST", "/api/drafts/{submitted}/settle", {"fid": FID, "choices": {}}, REVIEWERS),
    ("POST", "/api/drafts/{submitted}/publish", {"head": 99}, REVIEWERS),
    ("POST", "/api/drafts/{submitted}/comments", {"comment": "看过"}, frozenset(DRAFT_READERS)),
    ("POST", "/drafts/{submitted}/steps/publish", (), frozenset(DRAFT_READERS)),
    ("POST", "/drafts/{submitted}/comments", (("comment", "看过"),), frozenset(DRAFT_READERS)),
    ("POST", f"/layers/{INTERNAL}/roll-back", (("to", "99"),), frozenset(MAY_READ)),
    ("POST", f"/layers/{INTERNAL}/undo", (("rev", "99"),), frozenset(MAY_READ)),
    ("POST", f"/layers/{INTERNAL}/NK-QXZ-099/restore", (), frozenset(MAY_READ)),
    ("POST", "/editions", (("name", ""),), REVIEWERS),
    ("POST", "/editions/none/remove", (), ADMINS),
    ("POST", "/admin/layers/none/retire", (), ADMINS),
    ("POST", "/admin/layers/none/restore", (), ADMINS),
    ("POST", "/admin/accounts", (("name", "!"),), ADMINS),
    ("POST", "/admin/accounts/none/grants", (), ADMINS),
    ("POST", "/admin/accounts/none/grants/remove", (), ADMINS),
    ("POST", "/admin/accounts/none/active", (), ADMINS),
    ("POST", "/admin/accounts/none/password", (), ADMINS),
    ("POST", "/api/uploads", {"x": 1}, EDITORS),
    ("POST", "/api/uploads/none/examinations", {"layer": INTERNAL}, frozenset(PEOPLE)),
    ("POST", "/api/examinations/none/draft", {"note": "x"}, frozenset(PEOPLE)),
    ("DELETE", "/api/examinations/none", None, frozenset(PEOPLE)),
    ("POST", "/account/password", (("old", "wrong"),), frozenset()),
    ("POST", "/account/tokens", (("days", "-1"),), frozenset(PEOPLE)),
    ("POST", "/account/tokens/none/revoke", (), frozenset(PEOPLE)),
]


def ask(visitor: Visitor, method: str, address: str, body: Any) -> Any:
    options: dict[str, Any] = {"data": dict(body)} if isinstance(body, tuple) else {"json": body} if body else {}
    return visitor.send(method, address, **options)


@pytest.mark.parametrize(("method", "address", "body", "allowed"), WRITING, ids=[f"{m} {a}" for m, a, _, _ in WRITING])
def test_only_the_right_people_get_past_the_check(
    visitors: Mapping[str, Visitor],
    drafts: Mapping[str, str],
    method: str,
    address: str,
    body: Any,
    allowed: frozenset[str],
) -> None:
    """The bodies are such that nothing of consequence happens where the check lets somebody pass."""
    for name in EVERYBODY:
        response = ask(visitors[name], method, address.format(**drafts), body)
        assert response.status_code < 500, (name, response.text)
        refused = response.status_code in (401, 403) or (
            (response.status_code == 404 and "draft-not-found" in response.text) or "layer-not-found" in response.text
        )
        if name in allowed and address not in ("/admin/layers/none/retire", "/admin/layers/none/restore"):
            assert not refused, (name, response.status_code, response.text)
        elif name not in allowed:
            assert refused, (name, response.status_code, response.text)


OTHERS_TEST = ("ogc.", "printing.", "analysis.", "editing.", "attachments.", "layer_admin.", "population.", "results.")
"""Blueprints whose writing addresses are tested in files of their own."""


def test_the_table_of_writing_addresses_is_complete(app: Flask, drafts: Mapping[str, str]) -> None:
    adapter = app.url_map.bind("localhost")
    covered = {"account.sign_in", "account.sign_out"}
    for method, address, _, _ in WRITING:
        endpoint, _ = adapter.match(address.format(**drafts), method=method)
        covered.add(endpoint)
    writing = {
        r.endpoint for r in app.url_map.iter_rules() if set(r.methods or ()) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    missing = {e for e in writing - covered if not e.startswith(OTHERS_TEST)}
    assert missing == set(), "add them to WRITING"


def test_every_writing_address_refuses_strangers_and_forms_without_a_token(
    app: Flask, visitors: Mapping[str, Visitor], drafts: Mapping[str, str]
) -> None:
    values = samples(app, drafts)
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        for method in set(rule.methods or ()) & {"POST", "PUT", "PATCH", "DELETE"}:
            known = {name: values.get(name, "none") for name in rule.arguments} | dict(rule.defaults or {})
            address = adapter.build(rule.endpoint, known, method=method)
            assert visitors["chief"].client.open(address, method=method).status_code == 403, address
            if rule.endpoint not in ("account.sign_in", "account.sign_out"):
                asked = visitors["nobody"].send(method, address, json={})
                assert asked.status_code in (400, 401, 403, 404), (address, asked.status_code)


def test_a_street_editor_stays_inside_the_street(visitors: Mapping[str, Visitor], deployment: Deployment) -> None:
    street = visitors["street"]
    draft = street.post("/api/drafts", json={"layer": INTERNAL}).json["id"]
    areas = {f.name: f.shape().representative_point() for f in deployment.store.snapshot("subdistricts").features}
    inside, outside = areas[HERE], areas[ELSEWHERE]

    def put(fid: str, point: Any, **more: Any) -> int:
        body = {"feature": feature(name="改", fid=fid), "base_rev": 1} | more
        body["feature"]["geometry"]["coordinates"] = [round(point.x, 7), round(point.y, 7)]
        return int(street.put(f"/api/drafts/{draft}/changes/{fid}", json=body).status_code)

    assert put("NK-QXZ-001", inside) == 200
    assert put("NK-QXZ-001", outside) == 403, "moved out of the street"
    assert put("NK-QXZ-002", inside) == 403, "taken from another street"
    assert put("new", outside) == 403
    assert put("new", inside) == 200
    deletion = street.put(f"/api/drafts/{draft}/changes/NK-QXZ-002", json={"operation": "delete", "base_rev": 1})
    assert deletion.status_code == 403


HOSTILE: list[Any] = [
    {"type": "Polygon", "coordinates": "x"},
    {"type": "Point", "coordinates": []},
    {"type": "Point", "coordinates": [1e400, 0]},
    {"type": "Point", "coordinates": [10**400, 0]},
    {"type": "Point", "coordinates": [[[]]]},
    {"type": "Point"},
    {"type": ["Point"], "coordinates": [117, 39]},
    {"coordinates": [117, 39]},
    {"type": "GeometryCollection", "geometries": []},
    {"type": "Point", "coordinates": [None, None]},
    {"type": "Point", "coordinates": {"x": 1}},
    [],
    "POINT (117 39)",
    0,
]


@pytest.mark.parametrize("geometry", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_geometry_is_refused_in_words(visitors: Mapping[str, Visitor], geometry: Any) -> None:
    drawer = visitors["drawer"]
    draft = drawer.post("/api/drafts", json={"layer": INTERNAL}).json["id"]
    text = __import__("json").dumps({"feature": feature() | {"geometry": geometry}, "base_rev": 1})
    response = drawer.put(f"/api/drafts/{draft}/changes/{FID}", data=text, content_type="application/json")
    assert response.status_code in (400, 422), response.text


@pytest.mark.parametrize("rev", [-1, 0, 99, "x", None, True, 1.5, [1]])
def test_a_base_revision_that_never_was_is_refused(visitors: Mapping[str, Visitor], rev: Any) -> None:
    drawer = visitors["drawer"]
    draft = drawer.post("/api/drafts", json={"layer": INTERNAL}).json["id"]
    response = drawer.put(f"/api/drafts/{draft}/changes/{FID}", json={"feature": feature(), "base_rev": rev})
    assert response.status_code == 400


def test_where_anonymous_people_may_not_read_everything_asks_who_they_are(
    tmp_path: Any, app: Flask, drafts: Mapping[str, str]
) -> None:
    closed = open_deployment(read_settings({"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_ANONYMOUS_READS": "no"}))
    application = create_app(closed)
    open_endpoints = set()
    for endpoint, address, _ in readable(application, drafts):
        response = application.test_client().get(address, headers={"Accept": "text/html"})
        if response.status_code not in (303, 401):
            open_endpoints.add(endpoint)
        elif response.status_code == 303:
            assert re.match(r"/sign-in\?next=", response.headers["Location"])
    others = {e for e in open_endpoints if not e.startswith("assets.")}
    assert others <= {"account.sign_in_form", "operations.healthz", "operations.readyz", "operations.metrics"}
