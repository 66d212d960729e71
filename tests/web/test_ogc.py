"""OGC API Features, question by question; test_ogc_clients and test_ogc_editing have GDAL, OWSLib and QGIS."""

from __future__ import annotations

import base64
import html
import re
from typing import Any

import pyproj
import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient

from geo_service.core.access import Account, Grant
from geo_service.core.crs import transformer
from geo_service.core.reference_systems import REFERENCE_SYSTEMS
from geo_service.deployment import Deployment
from geo_service.usecases import review
from geo_service.web.drafts import desk

GK = "http://www.opengis.net/def/crs/EPSG/0/4548"
POINTS = "fire_stations"
LAYER = "pocket_parks"


@pytest.fixture(scope="module")
def editor(deployment: Deployment) -> dict[str, str]:
    account = Account(name="qgis", display="QGIS", grants=(Grant("editor"),))
    deployment.people.accounts.add(account, "a long pass phrase")
    token = deployment.people.accounts.issue_token("qgis", "QGIS")
    return {"Authorization": "Basic " + base64.b64encode(f"qgis:{token}".encode()).decode()}


@pytest.fixture
def draft(app: Flask, deployment: Deployment, editor: dict[str, str]) -> str:
    with app.test_request_context():
        who = deployment.people.accounts.get("qgis")
        return review.create_draft(desk(), who, POINTS, (), mode="edit", note="QGIS").id


def body(client: FlaskClient, url: str, status: int = 200, **options: Any) -> Any:
    response = client.open(url, **options)
    assert response.status_code == status, response.text
    return response.json if response.data else None


@pytest.mark.parametrize("system", REFERENCE_SYSTEMS, ids=lambda s: s.uri.rsplit("/", 1)[-1])
def test_coordinates_equal_projs_within_a_centimetre(client: FlaskClient, deployment: Deployment, system: Any) -> None:
    url = f"/ogc/collections/{POINTS}/items?crs={system.uri}"
    response = client.get(url)
    assert response.headers["Content-Crs"] == f"<{system.uri}>"
    wire = response.json["features"][0]["geometry"]["coordinates"]
    stored = deployment.store.snapshot(POINTS).features[0].geometry
    assert stored is not None
    degrees = 4326 if system.epsg == 3857 else 4490
    x, y = pyproj.Transformer.from_crs(degrees, system.epsg, always_xy=True).transform(*stored["coordinates"])
    expected = [y, x] if system.north_first else [x, y]
    assert wire == pytest.approx(expected, abs=1e-7 if system.decimals == 7 else 0.01)


def test_pages_link_to_the_last_one(client: FlaskClient) -> None:
    url, ids = "/ogc/collections/waterlogging_zones/items?limit=7", []
    while url:
        page = body(client, url)
        assert page["numberMatched"] == 40
        ids += [f["id"] for f in page["features"]]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert len(set(ids)) == len(ids) == 40


@pytest.mark.parametrize("question", ["limit=7", "limit=7&offset=12", "limit=1000", "offset=5000"])
def test_a_page_of_published_bytes_says_what_the_worked_out_one_says(client: FlaskClient, question: str) -> None:
    quick = body(client, f"/ogc/collections/{LAYER}/items?{question}")
    slow = body(client, f"/ogc/collections/{LAYER}/items?{question}&datetime=..")
    for page in (quick, slow):
        page.pop("timeStamp")
        page.pop("links")
    assert quick == slow


def test_a_feature_of_published_bytes_is_the_one_of_the_store(client: FlaskClient, deployment: Deployment) -> None:
    for feature in deployment.store.snapshot(LAYER).features:
        quick = client.get(f"/ogc/collections/{LAYER}/items/{feature.id}")
        wire = client.get(f"/ogc/collections/{LAYER}/items/{feature.id}?crs={GK}")
        assert quick.json["properties"] == dict(feature.properties)
        assert quick.json["geometry"] == feature.geometry
        assert quick.headers["ETag"] == wire.headers["ETag"]
        assert quick.json["links"] == wire.json["links"]
    for missing in ("A", "NK-KDG-0005", "NK-KDG-999", "zzz", "é", "%22"):
        body(client, f"/ogc/collections/{LAYER}/items/{missing}", 404)


def test_pages_within_a_bbox_give_each_feature_once(client: FlaskClient, deployment: Deployment) -> None:
    west, south, east, north = 117.12, 39.06, 117.19, 39.15
    url: str | None = f"/ogc/collections/{LAYER}/items?limit=3&bbox={west},{south},{east},{north}"
    seen: list[str] = []
    while url:
        page = body(client, url)
        seen += [f["id"] for f in page["features"]]
        assert page["numberReturned"] == len(page["features"])
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    window = shapely.box(west, south, east, north)
    features = deployment.store.snapshot(LAYER).features
    assert sorted(seen) == [f.id for f in features if (shape := f.shape()) is not None and shape.intersects(window)]
    assert page["numberMatched"] == len(seen) > 3


def test_a_page_that_the_client_has_is_not_sent_again(client: FlaskClient) -> None:
    url = f"/ogc/collections/{LAYER}/items?limit=2"
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert client.get(f"{url}&offset=2", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("more", ["", " AND precision <> 'surveyed'", " AND precision = 'nothing'"])
def test_an_equality_is_answered_like_any_other_filter(client: FlaskClient, deployment: Deployment, more: str) -> None:
    names = [str(f.properties["name"]) for f in deployment.store.snapshot(LAYER).features]
    for name in (names[0], names[-1], "没有"):
        quick = body(client, f"/ogc/collections/{LAYER}/items?filter=name = '{name}'{more}")
        slow = body(client, f"/ogc/collections/{LAYER}/items?filter=NOT (name <> '{name}'){more}")
        assert quick["features"] == slow["features"]


def test_a_bbox_in_another_crs_selects_the_same(client: FlaskClient) -> None:
    base = "/ogc/collections/waterlogging_zones/items?limit=100"
    degrees = body(client, f"{base}&bbox=117.13,39.10,117.15,39.12")
    move = transformer(4490, 4548).transform
    (e1, n1), (e2, n2) = move(117.13, 39.10), move(117.15, 39.12)
    plane = body(client, f"{base}&bbox={n1},{e1},{n2},{e2}&bbox-crs={GK}")
    assert 0 < degrees["numberMatched"] < 40
    assert {f["id"] for f in plane["features"]} == {f["id"] for f in degrees["features"]}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter=area_m2 > 0", 40),
        ("filter=((面积 > 0)) AND (((位置精度 = 'illustrative') AND (面积 < 1000000)))", 40),
        ('filter={"op":"=","args":[{"property":"name"},"积水片区 7（示意）"]}&filter-lang=cql2-json', 1),
        ("name=积水片区 7（示意）", 1),
        ("id=NK-JSD-007", 1),
        ("id=NK-JSD-007,NK-JSD-009,NK-JSD-000", 2),
        ("datetime=2000-01-01T00:00:00Z/..", 40),
        ("datetime=../2001-01-01T00:00:00Z", 0),
        ("sortby=-area_m2&limit=3&properties=name,area_m2", 40),
    ],
)
def test_a_query_selects_its_features(client: FlaskClient, query: str, count: int) -> None:
    page = body(client, f"/ogc/collections/waterlogging_zones/items?{query}")
    assert page["numberMatched"] == count
    if "properties" in query:
        assert all(f["properties"].keys() == {"name", "area_m2"} for f in page["features"])


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/ogc/collections/nothing", 404),
        ("/ogc/collections/schools/items/NK-XX-999", 404),
        ("/ogc/collections/schools/items?limit=ten", 400),
        ("/ogc/collections/schools/items?limit=0", 400),
        ("/ogc/collections/schools/items?bbox=1,2,3", 400),
        ("/ogc/collections/schools/items?crs=http://www.opengis.net/def/crs/EPSG/0/2382", 400),
        ("/ogc/collections/schools/items?filter=((", 400),
        ("/ogc/collections/schools/items?filter-lang=sql", 400),
        ("/ogc/collections/schools/items?unknown=1", 400),
        ("/ogc/collections/schools/items?datetime=yesterday", 400),
        ("/ogc/collections/schools/items?datetime=2026-01-01/2025-01-01", 400),
        ("/ogc/collections/schools/items?f=xml", 400),
        ("/ogc/drafts/D000000-000000/collections", 401),
    ],
)
def test_a_bad_question_is_refused(client: FlaskClient, url: str, status: int) -> None:
    assert body(client, url, status)["status"] == status


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("filter=name = ", "筛选条件第 8 个字符处不对"),
        ("filter=area_m2 > 5 AND nothing = 1", "「nothing」"),
        (
            "crs=http://www.opengis.net/def/crs/EPSG/0/2382",
            "参数 crs 的值「http://www.opengis.net/def/crs/EPSG/0/2382」",
        ),
        ("bbox-crs=EPSG:2382&bbox=1,2,3,4", "参数 bbox-crs"),
        ("colour=red", "参数 colour 的值「red」不对：没有这个参数"),
        ("limit=ten", "参数 limit 的值「ten」不对：须为整数"),
        ("sortby=nothing", "没有字段「nothing」。可用字段：name"),
        ("asOf=9999", "9999"),
    ],
)
def test_a_refusal_names_what_is_wrong_and_what_would_do(client: FlaskClient, question: str, said: str) -> None:
    answer = client.get(f"/ogc/collections/waterlogging_zones/items?{question}")
    assert answer.status_code in (400, 404)
    assert said in answer.json["zh"], answer.json["zh"]
    assert answer.json["en"] != answer.json["zh"]


def test_whatever_is_listed_as_sortable_can_be_sorted_by(client: FlaskClient) -> None:
    layer = "/ogc/collections/waterlogging_zones"
    links = {link["rel"].rpartition("/")[2]: link["href"] for link in body(client, layer)["links"]}
    names = list(body(client, links["sortables"])["properties"])
    assert {"id", "name", "area_m2"} < set(names)
    assert "geometry" not in names
    for name in names:
        assert body(client, f"{layer}/items?sortby=-{name}&limit=40")["numberReturned"] == 40
    ids = [f["id"] for f in body(client, f"{layer}/items?sortby=-id&limit=40")["features"]]
    assert ids == sorted(ids, reverse=True)


def test_a_huge_limit_is_clamped(client: FlaskClient) -> None:
    assert body(client, "/ogc/collections/schools/items?limit=99999999")["numberReturned"] == 3


def test_the_openapi_document_needs_nothing_from_outside(client: FlaskClient) -> None:
    text = client.get("/ogc/api").text
    assert '"$ref":"#/components/' in text
    assert '"$ref":"http' not in text


def test_published_data_wants_if_match_and_the_right_person(
    client: FlaskClient, deployment: Deployment, editor: dict[str, str]
) -> None:
    url = f"/ogc/collections/{POINTS}/items/NK-XFZ-001"
    change = {"properties": {"name": "别名"}}
    assert client.patch(url, json=change, headers=editor).status_code == 403  # reviewed by four eyes
    assert client.patch(url, json=change).status_code in (401, 403)
    assert client.get(url).headers["ETag"]
    assert deployment.store.feature(POINTS, "NK-XFZ-001").name == "汾水道消防站"


def test_the_versions_of_a_feature_are_listed(client: FlaskClient) -> None:
    versions = body(client, f"/ogc/collections/{POINTS}/items/NK-XFZ-001/versions")["versions"]
    assert versions[0]["rev"] == 1
    assert versions[0]["feature"]["properties"]["name"] == "汾水道消防站"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "path",
    [
        "/ogc/?f=html",
        "/ogc/conformance?f=html",
        "/ogc/api.html?layer=schools",
        "/help/qgis",
        "/ogc/collections/schools/schema?f=html",
        "/ogc/collections/schools/queryables?f=html",
        "/ogc/collections/schools/sortables?f=html",
    ],
)
def test_the_pages_for_people_stand_on_their_own(client: FlaskClient, path: str, language: str) -> None:
    """Addresses of this very service, every link answers, nothing is fetched from elsewhere."""
    joiner = "&" if "?" in path else "?"
    text = client.get(f"{path}{joiner}lang={language}", headers={"Accept": "text/html"}).text
    outside = {u for u in re.findall(r'(?:href|src)="(https?://[^"]+)"', text) if not u.startswith("http://localhost/")}
    assert outside == set()
    for url in set(re.findall(r'href="(/[^"#]*)', text)) - {"/account"}:
        assert client.get(url.replace("&amp;", "&"), buffered=True).status_code in (200, 302, 303), url
    if path == "/help/qgis":
        for url in re.findall(r"<code>http://localhost(/ogc/[^<{]*)</code>", text):
            status = client.get(url.replace("&amp;", "&"), buffered=True).status_code
            assert status == (400 if url == "/ogc/wms" else 200), url


def test_the_pages_of_fields_and_of_conformance_show_what_programs_are_told(client: FlaskClient) -> None:
    for name in ("schema", "queryables", "sortables"):
        address = f"/ogc/collections/schools/{name}"
        told = {x: client.get(f"{address}?lang={x}").json for x in ("zh", "en")}
        assert told["zh"]["title"] == "学校"
        assert told["en"]["title"] == "Schools"
        for language, schema in told.items():
            page = html.unescape(client.get(f"{address}?f=html&lang={language}").text)
            for key, field in schema["properties"].items():
                assert f"<code>{key}</code>" in page
                assert f"<td>{field['title']}</td>" in page
                assert all(f"<code>{value}</code>" in page for value in field.get("enum", ()))
    page = client.get("/ogc/conformance?f=html").text
    classes = body(client, "/ogc/conformance")["conformsTo"]
    assert page.count("<code>") == len(classes) > 30
    assert {uri.rsplit("/", 1)[-1] for uri in classes} == set(re.findall("<code>([^<]+)</code>", page))


def test_the_documentation_shows_every_operation_of_a_layer(client: FlaskClient) -> None:
    text = client.get("/ogc/api.html?layer=parks").text
    paths = client.get("/ogc/api").json["paths"]
    own = [path for path in paths if "/parks" in path]
    assert len(own) > 12
    assert all(f"/ogc{path}</code>" in text for path in own)
    english = client.get("/ogc/api.html?layer=parks&lang=en").text
    assert "<td>Area</td>" in english
    assert "download Parks" in english
    assert client.get("/ogc/api.html?layer=nothing").status_code == 404
