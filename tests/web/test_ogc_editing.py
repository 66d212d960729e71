"""A GIS officer edits in QGIS: its requests, as recorded, on an empty and a full layer; and what is refused."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo_service.core.access import Account, Grant
from geo_service.core.crs import transformer
from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line
from geo_service.core.layers import Field, LayerDefinition, Policy
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import ROOT, read_settings
from geo_service.storage.seed import read_seed
from geo_service.usecases import review
from geo_service.web.app import create_app
from geo_service.web.drafts import desk
from geo_service.web.ogc.pattern import pattern
from tests.web.test_permissions import HOSTILE

OGR_TYPES = {
    "text": "OFTString", "code": "OFTString", "integer": "OFTInteger", "number": "OFTReal", "boolean": "OFTInteger",
    "date": "OFTDate", "datetime": "OFTDateTime",
}  # fmt: skip
AGENT = "Mozilla/5.0 QGIS/34006/Debian GNU/Linux 13 (trixie)"
GK = "http://www.opengis.net/def/crs/EPSG/0/4548"
FULL, EMPTY, DIRECT = "qgis_full", "qgis_empty", "qgis_direct"


def point(number: int, serial: str = "QF") -> Feature:
    values = {"name": f"点{number}", "precision": "surveyed", "source": "测试", "count": number}
    return Feature(f"NK-{serial}-{number:03}", values, {"type": "Point", "coordinates": [117.14 + number / 2000, 39.1]})


def definition(layer_id: str, serial: str, *, four_eyes: bool = True) -> LayerDefinition:
    return LayerDefinition(
        id=layer_id,
        title=Text("测试点", "Test points"),
        theme="projects",
        geometry_types=("Point",),
        serial=serial,
        symbol="point_blue",
        source="测试",
        secrecy="public",
        fields=(Field(key="count", title=Text("数量", "Count"), type="integer", minimum=0),),
        policy=Policy(four_eyes=four_eyes),
    )


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Deployment]:
    home = str(tmp_path_factory.mktemp("qgis"))
    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": module_database}))
    opened.store.create_layer(definition(FULL, "QF"), [point(n) for n in range(1, 251)], author="x", note="x")
    opened.store.create_layer(definition(EMPTY, "QE"), [], author="x", note="x")
    opened.store.create_layer(definition(DIRECT, "QD", four_eyes=False), [point(1, "QD")], author="x", note="x")
    for name, role in (("officer", "editor"), ("chief", "reviewer"), ("other", "editor")):
        grants = (Grant(role),)  # type: ignore[arg-type]  # two of the roles
        opened.people.accounts.add(Account(name=name, display=name, grants=grants), "a long pass phrase")
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


def signed(deployment: Deployment, name: str) -> dict[str, str]:
    """HTTP Basic with a personal token, as QGIS sends it."""
    token = deployment.people.accounts.issue_token(name, "QGIS")
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}


@pytest.fixture(scope="module")
def officer(deployment: Deployment) -> dict[str, str]:
    return signed(deployment, "officer")


@pytest.fixture(scope="module")
def chief(deployment: Deployment) -> dict[str, str]:
    return signed(deployment, "chief")


def new_draft(app: Flask, deployment: Deployment, layer_id: str) -> str:
    with app.test_request_context():
        who = deployment.people.accounts.get("officer")
        return review.create_draft(desk(), who, layer_id, (), mode="edit", note="QGIS").id


class Qgis:
    """QGIS 3.40's OAPIF provider, request by request: no If-Match, Content-Crs without brackets, numbers at six
    decimals, a GET after each POST, an OPTIONS of an unknown item where the layer is empty."""

    def __init__(self, client: FlaskClient, base: str, layer_id: str, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers
        self.base, self.layer = base, f"{base}/collections/{layer_id}"

    def get(self, url: str, accept: str = "application/geo+json, application/json") -> Any:
        response = self.client.get(url, headers=self.headers | {"Accept": accept, "User-Agent": AGENT})
        assert response.status_code == 200, (url, response.text)
        return response.json

    def open(self) -> list[dict[str, Any]]:
        """What it asks before the layer stands in the legend, and every page of features."""
        landing = self.get(f"{self.base}/", "application/json")
        links = {link["rel"]: link["href"] for link in landing["links"]}
        api = self.get(links["service-desc"], "application/vnd.oai.openapi+json;version=3.0, application/json")
        limit = api["components"]["parameters"]["limit"]["schema"]["maximum"]
        collection = self.get(self.layer, "application/json")
        assert collection["storageCrs"] == GK
        assert self.get(f"{self.base}/conformance", "application/json")["conformsTo"]
        self.get(f"{self.layer}/queryables", "application/schema+json")
        learned = self.get(f"{self.layer}/items?limit=10")
        (shape,) = learned["features"]
        assert (shape["id"], shape["geometry"]["type"]) == ("pattern", "Point")
        assert {"name", "count", "updated_at", "error_m"} <= shape["properties"].keys()
        assert "next" in {link["rel"] for link in learned["links"]}
        item = shape["id"]
        assert "POST" in self.allowed(f"{self.layer}/items")
        assert {"PUT", "PATCH", "DELETE"} <= self.allowed(f"{self.layer}/items/{item}")
        matched = self.get(f"{self.layer}/items?limit=1")["numberMatched"]
        rows, url = [], f"{self.layer}/items?limit={min(limit, 100)}&crs={GK}"
        while url:
            page = self.get(url)
            rows += page["features"]
            url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        assert len(rows) == matched
        return rows

    def allowed(self, url: str) -> set[str]:
        return set(self.client.options(url, headers=self.headers).headers["Allow"].split(", "))

    def _send(self, method: str, url: str, body: Any, kind: str) -> Any:
        headers = self.headers | {"Content-Type": kind, "Content-Crs": GK}
        return self.client.open(url, method=method, json=body, headers=headers)

    def add(self, x: float, y: float, **properties: Any) -> str:
        body = {"type": "Feature", "geometry": self._point(x, y), "properties": properties}
        response = self._send("POST", f"{self.layer}/items", body, "application/geo+json")
        assert response.status_code == 201, response.text
        location = response.headers["Location"]
        fid = location.rsplit("/", 1)[-1]
        assert location.endswith(f"{self.layer}/items/{fid}")
        self.get(f"{self.layer}/items/{fid}?crs={GK}")
        return str(fid)

    def change(self, fid: str, **properties: Any) -> None:
        self._patch(fid, {"properties": properties})

    def move(self, fid: str, x: float, y: float) -> None:
        self._patch(fid, {"geometry": self._point(x, y)})

    def _patch(self, fid: str, body: Any) -> None:
        response = self._send("PATCH", f"{self.layer}/items/{fid}", body, "application/merge-patch+json")
        assert response.status_code in (200, 204), response.text

    def remove(self, fid: str) -> None:
        assert self.client.delete(f"{self.layer}/items/{fid}", headers=self.headers).status_code in (200, 204)

    @staticmethod
    def _point(x: float, y: float) -> dict[str, Any]:
        return {"type": "Point", "coordinates": [round(y, 6), round(x, 6)]}  # northing first, as the authority says


def plane(feature: Feature) -> tuple[float, float]:
    assert feature.geometry
    x, y = transformer(4490, 4548).transform(*feature.geometry["coordinates"])
    return (x, y)


def accept_all(client: FlaskClient, app: Flask, deployment: Deployment, draft: str) -> None:
    with app.test_request_context():
        accounts = deployment.people.accounts
        review.take_step(desk(), accounts.get("officer"), draft, "submit")
        changes = deployment.drafts.changes(draft)
        review.decide(desk(), accounts.get("chief"), draft, [c.fid for c in changes], "accept")
        head = deployment.store.layer(deployment.drafts.get(draft).layer).revision.rev
        review.publish(desk(), accounts.get("chief"), draft, seen_head=head)


@pytest.mark.parametrize("layer_id", [FULL, EMPTY])
def test_a_day_of_editing_in_qgis_arrives_as_one_reviewed_draft(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str], layer_id: str
) -> None:
    draft = new_draft(app, deployment, layer_id)
    qgis = Qgis(client, f"/ogc/drafts/{draft}", layer_id, officer)
    before = qgis.open()
    assert len(before) == (250 if layer_id == FULL else 0)
    values = {"name": "QGIS新增", "precision": "surveyed", "source": "QGIS", "count": 7}
    made = [qgis.add(511_000.123456789 + n, 4_330_000.987654321, **values) for n in range(3)]
    qgis.change(made[0], name="改过", count=8)
    qgis.move(made[1], 511_050.5, 4_330_050.25)
    qgis.remove(made[2])
    if before:
        qgis.change(before[1]["id"], name="改名")
        qgis.move(before[2]["id"], 511_060, 4_330_060)
        qgis.remove(before[3]["id"])
    assert len(qgis.open()) == len(before) + 2 - bool(before)
    operations = {c.fid: c.operation for c in deployment.drafts.changes(draft)}
    assert {operations[made[0]], operations[made[1]]} == {"add"}
    assert sorted(operations.values()) == ["add", "add", *(["delete", "modify", "modify"] if before else [])]
    assert deployment.store.layer(layer_id).revision.rev == 1, "nothing is published before the review"
    accept_all(client, app, deployment, draft)
    now = {f.id: f for f in deployment.store.snapshot(layer_id).features}
    assert now[made[0]].properties["count"] == 8
    assert plane(now[made[0]]) == pytest.approx((511_000.123457, 4_330_000.987654), abs=0.01)
    assert plane(now[made[1]]) == pytest.approx((511_050.5, 4_330_050.25), abs=0.01)
    assert made[2] not in now
    if before:
        assert now[before[1]["id"]].properties["name"] == "改名"
        assert now[before[1]["id"]].geometry == point(2).geometry, "a change of values moves nothing"
        assert now[before[2]["id"]].properties["name"] == "点3", "a move changes no values"
        assert plane(now[before[2]["id"]]) == pytest.approx((511_060, 4_330_060), abs=0.01)
        assert before[3]["id"] not in now


def test_only_a_qgis_that_reads_no_schema_gets_a_pattern_of_the_fields(
    app: Flask, client: FlaskClient, deployment: Deployment, officer: dict[str, str]
) -> None:
    address = f"/ogc/drafts/{new_draft(app, deployment, EMPTY)}/collections/{EMPTY}/items?limit=10"
    old, new = AGENT, AGENT.replace("34006", "34400")
    asked = [
        (address, old),
        (address, new),
        (address, "curl/8"),
        (f"{address}&crs={GK}", old),
        (f"{address}&f=json", old),
    ]
    found: list[Any] = [client.get(url, headers=officer | {"User-Agent": agent}).json for url, agent in asked]
    shown = [[f["id"] == "pattern" for f in page["features"]] for page in found]
    there = deployment.store.layer(EMPTY).count
    assert shown == [[True], *([[False] * there] * 4)]
    assert [page["numberMatched"] for page in found] == [there] * 5
    published: Any = client.get(f"/ogc/collections/{EMPTY}/items?limit=10", headers={"User-Agent": old}).json
    assert len(published["features"]) == there


def test_gdal_reads_the_type_of_every_field_from_the_pattern(tmp_path: Path) -> None:
    for layer in read_seed(ROOT / "layers").layers:
        shape = pattern(layer.definition)
        assert shape.geometry
        assert shape.geometry["type"] in layer.definition.geometry_types
        path = tmp_path / f"{layer.definition.id}.geojson"
        path.write_text(f'{{"type":"FeatureCollection","features":[{dump_line(shape)}]}}', "utf-8")
        found = pyogrio.read_info(path)
        types = dict(zip(found["fields"], found["ogr_types"], strict=True))
        expected = {f.key: OGR_TYPES[f.type] for f in layer.definition.all_fields}
        assert {key: types[key] for key in expected} == expected
        assert found["geometry_type"] == shape.geometry["type"]


def test_deleting_everything_and_starting_again_works(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str]
) -> None:
    draft = new_draft(app, deployment, DIRECT)
    qgis = Qgis(client, f"/ogc/drafts/{draft}", DIRECT, officer)
    qgis.remove(qgis.open()[0]["id"])
    assert qgis.open() == []
    qgis.add(511_000, 4_330_000, name="新", precision="guess", source="QGIS")
    assert len(qgis.open()) == 1


def test_a_save_that_is_sent_again_adds_nothing_twice(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str]
) -> None:
    """QGIS stops at the first refused feature of a save, and sends those before it once more at the next."""
    draft = new_draft(app, deployment, EMPTY)
    qgis = Qgis(client, f"/ogc/drafts/{draft}", EMPTY, officer)
    values = {"name": "先存", "precision": "guess", "source": "QGIS"}
    first = qgis.add(511_000.25, 4_330_000.5, **values)
    assert qgis.add(511_000.25, 4_330_000.5, **values) == first
    assert qgis.add(511_000.25, 4_330_000.75, **values) != first, "elsewhere is another feature"
    assert len(deployment.drafts.changes(draft)) == 2


def test_the_layer_page_leads_an_editor_to_a_draft_for_qgis(app: Flask, deployment: Deployment) -> None:
    with app.test_client() as browser:
        token = csrf(browser.get("/sign-in").text)
        form = {"name": "officer", "password": "a long pass phrase", "csrf": token}
        assert browser.post("/sign-in", data=form).status_code == 303
        page = browser.get(f"/layers/{FULL}").text
        assert "在 QGIS 中编辑" in page
        made = [browser.post("/ogc/drafts", data={"layer": FULL, "csrf": csrf(page)}) for _ in range(2)]
        assert made[0].headers["Location"] == made[1].headers["Location"], "the open draft is used again"
        shown = browser.get(made[0].headers["Location"].partition("#")[0]).text
        address = re.search(r"<code>http://localhost(/ogc/drafts/[^<]+)/</code>", shown)
        assert address
    assert browser.get(f"{address[1]}/", headers=signed(deployment, "officer")).status_code == 200
    assert "在 QGIS 中编辑" not in app.test_client().get(f"/layers/{FULL}").text


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_draft_is_edited_by_its_owner_only(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str]
) -> None:
    draft = new_draft(app, deployment, FULL)
    address = f"/ogc/drafts/{draft}/collections/{FULL}/items"
    for headers, status in ((officer, 200), (signed(deployment, "other"), 403), ({}, 401)):
        assert client.get(address, headers=headers).status_code == status
        assert client.get(f"/ogc/drafts/{draft}/", headers=headers).status_code == status
    assert client.get(f"/ogc/drafts/{draft}/collections/schools/items", headers=officer).status_code == 404
    listed = client.get(f"/ogc/drafts/{draft}/collections", headers=officer).json["collections"]
    assert [c["id"] for c in listed] == [FULL]


def test_options_say_which_methods_and_which_media_types(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str]
) -> None:
    """Without them the pencil of QGIS stays grey, also for the item it makes up on an empty layer."""
    draft = f"/ogc/drafts/{new_draft(app, deployment, EMPTY)}"
    for base in ("/ogc", draft):
        items = client.options(f"{base}/collections/{EMPTY}/items", headers=officer)
        item = client.options(f"{base}/collections/{EMPTY}/items/unknown_id", headers=officer)
        assert (items.status_code, item.status_code) == (200, 200)
        assert items.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
        assert item.headers["Allow"] == "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"
        assert items.headers["Accept-Post"] == "application/geo+json, application/json"
        assert item.headers["Accept-Patch"].startswith("application/merge-patch+json, ")
        assert client.options(f"{base}/collections/nothing/items", headers=officer).status_code == 404
    assert client.options(f"{draft}/collections/{EMPTY}/items").status_code == 401


def test_published_features_demand_the_version_that_was_seen(
    client: FlaskClient, deployment: Deployment, chief: dict[str, str]
) -> None:
    """Without If-Match 428, with an old one 412, with the right one done; the answer carries the next."""
    url = f"/ogc/collections/{DIRECT}/items/NK-QD-001"
    change = {"properties": {"count": 11}}

    def patch(**headers: str) -> Any:
        return client.patch(url, json=change, headers=chief | {k.replace("_", "-"): v for k, v in headers.items()})

    seen = client.get(url).headers["ETag"]
    assert patch().status_code == 428
    assert "If-Match" in patch().json["zh"]
    assert patch(If_Match='"0123456789abcdef"').status_code == 412
    assert client.delete(url, headers=chief).status_code == 428
    done = patch(If_Match=seen)
    assert done.status_code == 200, done.text
    assert done.headers["ETag"] == client.get(url).headers["ETag"] != seen
    assert patch(If_Match=seen).status_code == 412, "somebody who saw the old one does not overwrite the new one"
    assert deployment.store.feature(DIRECT, "NK-QD-001").properties["count"] == 11


def test_the_same_etag_holds_in_every_crs(client: FlaskClient) -> None:
    url = f"/ogc/collections/{FULL}/items/NK-QF-009"
    assert client.get(url).headers["ETag"] == client.get(f"{url}?crs={GK}").headers["ETag"]


@pytest.mark.parametrize("geometry", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_geometry_is_refused_in_words(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str], geometry: Any
) -> None:
    url = f"/ogc/drafts/{new_draft(app, deployment, FULL)}/collections/{FULL}/items/NK-QF-001"
    text = json.dumps({"geometry": geometry})
    response = client.patch(url, data=text, headers=officer | {"Content-Type": "application/merge-patch+json"})
    assert response.status_code in (400, 422), response.text


BAD: list[tuple[str, Any, dict[str, str], int, str]] = [
    (
        "wrong geometry",
        {"geometry": {"type": "LineString", "coordinates": [[117, 39], [117.1, 39]]}},
        {},
        422,
        "只收 点",
    ),
    ("a code that is none", {"properties": {"status": "half"}}, {}, 422, "status"),
    ("below the minimum", {"properties": {"count": -1}}, {}, 422, "count"),
    ("no such field", {"properties": {"depth": 3}}, {}, 422, "depth"),
    ("no such CRS", {"properties": {}}, {"Content-Crs": "http://www.opengis.net/def/crs/EPSG/0/2382"}, 400, "4548"),
    ("no numbers", {"geometry": {"type": "Point", "coordinates": ["x", 1]}}, {}, 400, "geometry"),
    ("no such geometry", {"geometry": {"type": "Blob", "coordinates": [1, 1]}}, {}, 400, "geometry"),
    ("no object", [1], {}, 400, "JSON 对象"),
]


@pytest.mark.parametrize(("change", "more", "status", "word"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_an_edit_that_does_not_fit_is_refused_with_the_finding(
    client: FlaskClient,
    app: Flask,
    deployment: Deployment,
    officer: dict[str, str],
    change: Any,
    more: dict[str, str],
    status: int,
    word: str,
) -> None:
    url = f"/ogc/drafts/{new_draft(app, deployment, FULL)}/collections/{FULL}/items/NK-QF-001"
    response = client.patch(url, json=change, headers=officer | more)
    assert response.status_code == status, response.text
    assert word in response.json["zh"], response.json["zh"]


def test_a_body_over_the_limit_is_refused_by_its_size(
    client: FlaskClient, app: Flask, deployment: Deployment, officer: dict[str, str]
) -> None:
    url = f"/ogc/drafts/{new_draft(app, deployment, FULL)}/collections/{FULL}/items"
    response = client.post(url, data=b" " * (1 << 20) + b"{}", headers=officer)
    assert response.status_code == 413
    assert "1 MB" in response.json["zh"]
