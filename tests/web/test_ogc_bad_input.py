"""What the standards interface refuses: each in both languages, one sentence that says what, where and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from geo_service.core.access import Account, Grant
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from tests.postgis import Cluster
from tests.web.test_ogc_editing import definition, new_draft, point, signed

LAYER, FID = "bad_points", "NK-BI-001"
ITEMS, ITEM = f"/collections/{LAYER}/items", f"/collections/{LAYER}/items/{{featureId}}"
OLD_DATUM = "http://www.opengis.net/def/crs/EPSG/0/2382"
LINE = {"type": "LineString", "coordinates": [[117.1, 39.1], [117.2, 39.1]]}
NEW = {"type": "Feature", "properties": {"name": "新", "precision": "guess", "source": "x"}, "geometry": None}
GEOJSON = {"Content-Type": "application/geo+json"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that is refused: where it stands in the OpenAPI document, and what the sentence must name."""

    method: str
    path: str
    status: int
    names: tuple[str, str]
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None
    answers: dict[str, str] = field(default_factory=dict)
    draft: bool = False


def sent(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def patch(status: int, zh: str, en: str, body: Any, **headers: str) -> Bad:
    """A change of a feature in a draft, where nothing but the body is at fault."""
    data = body if isinstance(body, bytes) else sent(body)
    named = {"Content-Type": "application/merge-patch+json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Bad("PATCH", ITEM, status, (zh, en), data=data, headers=named, draft=True)


BAD: dict[str, Bad] = {
    "crs": Bad("GET", ITEMS, 400, (f"crs 的值「{OLD_DATUM}」", f"crs={OLD_DATUM}"), f"crs={OLD_DATUM}"),
    "crs of a bbox": Bad("GET", ITEMS, 400, ("bbox-crs", "bbox-crs"), "bbox=1,2,3,4&bbox-crs=EPSG:2382"),
    "crs of no bbox": Bad("GET", ITEMS, 400, ("bbox-crs 的值「x」", "bbox-crs=x"), "bbox-crs=x"),
    "limit in digits of others": Bad("GET", ITEMS, 400, ("须为整数", "a whole number"), "limit=\u0661"),
    "limit with a line": Bad("GET", ITEMS, 400, ("须为整数", "a whole number"), "limit=1_0"),
    "number out of range": patch(
        400, "超出范围的数", "number in the JSON is out of range", b'{"properties":{"count":1e400}}'
    ),
    "number of more than 64 bits": patch(
        422,
        "「count」的值「1180591620717411303424」不是",
        "“1180591620717411303424”, not",
        {"properties": {"count": 2**70}},
    ),
    "crs of a body": patch(400, "Content-Crs", "Content-Crs", {}, Content_Crs="EPSG:2382"),
    "filter": Bad("GET", ITEMS, 400, ("第 9 个字符", "character 9"), "filter=count = "),
    "filter in lines": Bad("GET", ITEMS, 400, ("第 15 个字符", "character 15"), "filter=count > 1%0AAND = 5"),
    "quote in a filter": Bad("GET", ITEMS, 400, ("引号没有成对", "quote is not closed"), "filter=name = 'abc"),
    "bracket in a filter": Bad("GET", ITEMS, 400, ("括号没有成对", "bracket is not closed"), "filter=((count = 1)"),
    "function of a filter": Bad(
        "GET",
        ITEMS,
        400,
        ("第 15 个字符处不对：没有这个函数：包含", "15: there is no function: 包含"),
        "filter=count > 5 AND 包含(name)",
    ),
    "field of a filter": Bad(
        "GET", ITEMS, 400, ("「nothing」。可用字段：name", "“nothing”. Fields"), "filter=nothing=1"
    ),
    "filter that is none": Bad("GET", ITEMS, 400, ("不是条件", "no condition"), "filter=[1]&filter-lang=cql2-json"),
    "number as a filter": Bad("GET", ITEMS, 400, ("不是条件", "no condition"), "filter=count %2B 1"),
    "filter in broken JSON": Bad(
        "GET",
        ITEMS,
        400,
        ("第 19 个字符处不对：不是合法的 JSON", "character 19"),
        'filter={"op":"名","args":[}&filter-lang=cql2-json',
    ),
    "language of a filter": Bad("GET", ITEMS, 400, ("可用：cql2-text", "use one of: cql2"), "filter=a&filter-lang=sql"),
    "parameter": Bad("GET", ITEMS, 400, ("colour 的值「red」不对：没有这个参数", "no such parameter"), "colour=red"),
    "parameter of a change": Bad("PATCH", ITEM, 400, ("没有这个参数", "no such"), "colour=red", data=b"{}", draft=True),
    "limit": Bad("GET", ITEMS, 400, ("limit 的值「ten」不对：须为整数", "must be a whole number"), "limit=ten"),
    "limit of none": Bad("GET", ITEMS, 400, ("须不小于 1", "1 or more"), "limit=0"),
    "bbox of three": Bad("GET", ITEMS, 400, ("给了 3 个数", "it has 3 numbers"), "bbox=1,2,3"),
    "bbox of words": Bad("GET", ITEMS, 400, ("须为数值", "numbers are needed"), "bbox=a,b,c,d"),
    "bbox turned round": Bad("GET", ITEMS, 400, ("起止颠倒", "turned round"), "bbox=118,39,117,40"),
    "datetime": Bad("GET", ITEMS, 400, ("须为日期或时刻", "a day or a moment"), "datetime=yesterday"),
    "format": Bad("GET", ITEMS, 400, ("可用：json, html", "use one of: json, html"), "f=xml"),
    "format of a schema": Bad("GET", f"/collections/{LAYER}/schema", 400, ("json, html", "json, html"), "f=xml"),
    "accept of a schema": Bad(
        "GET",
        f"/collections/{LAYER}/queryables",
        406,
        ("application/pdf", "application/pdf"),
        headers={"Accept": "application/pdf"},
    ),
    "feature": Bad("GET", ITEM, 404, ("没有要素「NK-BI-999」", "no feature “NK-BI-999”"), "NK-BI-999"),
    "method": Bad(
        "PUT",
        ITEMS,
        405,
        ("不支持 PUT 方法。可用方法：GET, HEAD", "PUT. Use one of: GET, HEAD"),
        data=b"{}",
        answers={"Allow": "GET, HEAD, OPTIONS, POST"},
    ),
    "accept": Bad(
        "GET",
        ITEMS,
        406,
        ("application/pdf。可用格式：application/json", "Ask for one of: application/json"),
        headers={"Accept": "application/pdf"},
    ),
    "stale": Bad(
        "PATCH",
        ITEM,
        412,
        ('依据的版本 "old" 已不是最新', 'Revision "old" is no longer'),
        data=b"{}",
        headers={"If-Match": '"old"'},
    ),
    "no precondition": Bad("DELETE", ITEM, 428, (f"{FID} 须带 If-Match", f"{FID} needs If-Match")),
    "size": Bad(
        "POST",
        ITEMS,
        413,
        ("超过上限 1 MB。请减少", "limit of 1 MB. Send less"),
        data=b" " * (1 << 20) + b"{}",
        headers=GEOJSON,
        draft=True,
    ),
    "media type": Bad(
        "POST",
        ITEMS,
        415,
        ("「text/xml」。请改用：application/geo+json", "“text/xml”. Send it as application/geo+json"),
        data=b"<a/>",
        headers={"Content-Type": "text/xml"},
        draft=True,
        answers={"Accept": "application/geo+json, application/json"},
    ),
    "media type of a form": Bad(
        "PATCH",
        ITEM,
        415,
        ("x-www-form-urlencoded", "x-www-form-urlencoded"),
        data=b"a=1",
        draft=True,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        answers={"Accept-Patch": "application/merge-patch+json, application/geo+json, application/json"},
    ),
    "compression": Bad(
        "POST",
        ITEMS,
        415,
        ("「gzip」。请改用：不压缩的 JSON", "“gzip”. Send it as JSON without"),
        data=sent(NEW),
        headers=GEOJSON | {"Content-Encoding": "gzip"},
        draft=True,
        answers={"Accept-Encoding": "identity"},
    ),
    "type of a geometry": patch(
        422, "几何类型 线 不符，本图层只收 点", "LineString does not fit; this layer takes Point", {"geometry": LINE}
    ),
    "value": patch(
        422,
        "「count」的值 -1 超出 0 至 不限",
        "“count” is -1, outside 0 to no limit",
        {"properties": {"count": -1}},
    ),
    "field": patch(422, "字段「深度」不在图层定义中", "field “深度” is not in", {"properties": {"深度": 3}}),
    "coordinates": patch(
        400, "不是 GeoJSON 几何", "no GeoJSON geometry", {"geometry": {"type": "Point", "coordinates": ["x", 1]}}
    ),
    "JSON": patch(400, "JSON 第 15 字节处", "malformed at byte 15", b'{"properties":}'),
    "JSON cut off": patch(400, "没有写完", "ends too early", b"{"),
    "JSON in GBK": patch(400, "不是 UTF-8", "not in UTF-8", '{"properties":{"name":"点"}}'.encode("gbk")),
    "JSON too deep": patch(400, "嵌套太深", "nested too deeply", b"[" * 5000),
    "a list": patch(400, "须为 JSON 对象", "a JSON object is needed", [1]),
}


ELSEWHERE = {
    "/changes?since=abc": (
        400,
        "参数 since 的值「abc」不对：须为版本号、日期",
        "since=abc is wrong: a revision, a day",
    ),
    f"/collections/{LAYER}/changes?since=9": (400, "须不大于 1", "1 or less"),
    f"/collections/{LAYER}/tiles?f=xml": (400, "可用：json", "use one of: json"),
    f"/collections/{LAYER}/tiles/Foo": (400, "可用：WebMercatorQuad", "use one of: WebMercatorQuad"),
    f"/download/{LAYER}.exe": (400, "「exe」不对：可用：gpkg", "use one of: gpkg"),
    f"/download/{LAYER}.gpkg?crs=2382": (400, "可用：4490", "use one of: 4490"),
    f"/records/{LAYER}?f=xml": (400, "可用：json, html, iso19139", "use one of: json, html, iso19139"),
    "/processes/none": (404, "没有找到 分析：none", "analysis: none was not found"),
    "/processes?f=xml": (400, "可用：json, html", "use one of: json, html"),
    "/jobs?f=xml": (400, "可用：json", "use one of: json"),
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Deployment]:
    home = str(tmp_path_factory.mktemp("bad"))
    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": module_database}))
    opened.store.create_layer(definition(LAYER, "BI", four_eyes=False), [point(1, "BI")], author="x", note="x")
    opened.people.accounts.add(Account(name="officer", display="officer", grants=(Grant("admin"),)), "a pass phrase")
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture(scope="module")
def officer(deployment: Deployment) -> dict[str, str]:
    return signed(deployment, "officer")


@pytest.fixture(scope="module")
def base(app: Flask, deployment: Deployment) -> str:
    """The address of a draft of the layer."""
    return f"/ogc/drafts/{new_draft(app, deployment, LAYER)}"


def ask(client: FlaskClient, bad: Bad, base: str, language: str, **headers: str) -> TestResponse:
    fid, query = (bad.query, "") if bad.status == 404 else (FID, bad.query)
    url = f"{base}{bad.path.format(featureId=fid)}?lang={language}&{query}"
    return client.open(url.rstrip("&"), method=bad.method, data=bad.data, headers=bad.headers | headers)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_is_refused_is_said_in_one_sentence_of_the_language_asked_for(
    client: FlaskClient, officer: dict[str, str], base: str, bad: Bad, language: str
) -> None:
    answer = ask(client, bad, base if bad.draft else "/ogc", language, **officer)
    assert (answer.status_code, answer.mimetype) == (bad.status, "application/problem+json"), answer.text
    body = answer.json
    assert body["status"] == bad.status
    assert body["detail"] == body[language]
    for said, name in zip((body["zh"], body["en"]), bad.names, strict=True):
        assert name in said
    assert body["zh"][-1] == "。"
    assert body["en"][-1] == "."
    assert " / " not in body["zh"] + body["en"], "one language in a sentence"
    names = re.sub(r"[“「][^”」]*[”」]|: 包含", "", body["en"])
    assert not re.search("[\u4e00-\u9fff]", names)
    for name, value in bad.answers.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("address", ELSEWHERE)
def test_tiles_files_records_and_processes_refuse_in_words_too(client: FlaskClient, address: str) -> None:
    status, *names = ELSEWHERE[address]
    answer = client.get(f"/ogc{address}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    for side, name in zip(("zh", "en"), names, strict=True):
        assert name in answer.json[side]
        assert " / " not in answer.json[side]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_every_refusal_is_a_documented_problem(client: FlaskClient, bad: Bad) -> None:
    document = client.get("/ogc/api").json
    operations = document["paths"][bad.path]
    operation = operations.get(bad.method.lower()) or operations["get"]
    content = operation["responses"][str(bad.status)]["content"]["application/problem+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/problem"}
    assert "lang" in {p["name"] for p in operation["parameters"]}


def test_a_filter_that_is_always_true_or_never_is_answered(client: FlaskClient) -> None:
    found = [client.get(f"/ogc{ITEMS}?filter={text}").json["numberMatched"] for text in ("true", "false", "1=1")]
    assert found == [1, 0, 1]


def test_a_huge_limit_is_clamped_and_no_refusal(client: FlaskClient) -> None:
    page = client.get(f"/ogc{ITEMS}?limit={10**30}")
    assert page.status_code == 200
    assert page.json["numberReturned"] == page.json["numberMatched"] == 1


def test_a_refused_change_lists_its_findings_in_both_languages(
    client: FlaskClient, officer: dict[str, str], base: str
) -> None:
    answer = ask(client, patch(422, "", "", {"properties": {"count": -1}, "geometry": LINE}), base, "en", **officer)
    findings = answer.json["findings"]
    assert [f["code"] for f in findings] == ["field-range", "geometry-type"]
    assert findings[0]["field"] == "count"
    for side, joiner in (("zh", "；"), ("en", "; ")):
        assert joiner.join(f[side] for f in findings) in answer.json[side]


def test_a_program_without_an_account_is_told_to_sign_in_and_how(client: FlaskClient) -> None:
    answer = client.patch(f"/ogc/collections/{LAYER}/items/{FID}", json={})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_reviewed_layer_leads_to_a_draft(client: FlaskClient, officer: dict[str, str]) -> None:
    answer = client.post("/ogc/collections/schools/items?lang=en", json=NEW, headers=officer)
    assert answer.status_code == 403
    assert "Begin a draft at /layers/schools" in answer.json["detail"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("bad", ["parameter", "method"])
def test_a_browser_is_shown_a_page(client: FlaskClient, bad: str, language: str) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    wrong = BAD[bad]
    page = ask(client, wrong, "/ogc", language, **browser)
    assert (page.status_code, page.mimetype) == (wrong.status, "text/html")
    assert wrong.names[language == "en"] in page.text.replace("&#39;", "'")
    assert f'<html lang="{"en" if language == "en" else "zh-CN"}"' in page.text


def test_a_browser_asking_for_an_unknown_feature_is_led_to_a_page_that_says_so(client: FlaskClient) -> None:
    for fid in ("NK-BI-999", "a%0Ab", "é%22"):
        address = f"/ogc/collections/{LAYER}/items/{fid}"
        page = client.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
        assert (page.status_code, page.mimetype) == (404, "text/html"), fid


@pytest.mark.postgis
def test_while_the_database_is_away_both_languages_say_when_to_ask_again(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = str(tmp_path_factory.mktemp("away"))
    with cluster.lent_database() as url:
        opened = open_deployment(read_settings({"GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": url}))
        client = create_app(opened).test_client()
        document = client.get("/ogc/api").json
        cluster.crash()
        try:
            answers = [client.get(f"/ogc/collections/schools/items?filter=name='a'&lang={x}") for x in ("zh", "en")]
        finally:
            cluster.start()
        opened.store.close()
    for answer, said in zip(answers, ("请稍后重试。", "Try again shortly."), strict=True):
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.headers["Retry-After"] == "5"
        assert answer.json["detail"].endswith(said)
    responses = document["paths"]["/collections/schools/items"]["get"]["responses"]
    assert "application/problem+json" in responses["503"]["content"]
