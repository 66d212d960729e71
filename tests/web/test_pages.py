"""The documents as readers see them: every number opens what it counts, every link leads somewhere, nothing runs."""

from __future__ import annotations

import dataclasses
import html
import os
import re
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from geo_service.core.features import Feature
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.errors import BrokenLedgerFile
from geo_service.settings import ROOT, read_settings
from geo_service.web.app import create_app

DOCUMENTS = ("/plan", "/plan/features", "/unlocated", "/layers", "/about", "/help")
HTML = {"Accept": "text/html"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} 50{% 概率 ${7*7}"


def page(client: FlaskClient, url: str, status: int = 200) -> str:
    response = client.get(url, headers=HTML)
    assert response.status_code == status, f"{url}: {response.status_code}"
    return response.text


def links(text: str, base: str) -> Iterator[str]:
    for href in re.findall(r'<a\b[^>]*?\shref="([^"]*)"', text):
        yield urljoin(base, html.unescape(href))


def words(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    """A deployment these tests may change."""
    home = str(tmp_path_factory.mktemp("scratch"))
    environment = {**os.environ, "GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": either_database}
    opened = open_deployment(read_settings(environment))
    yield opened
    opened.store.close()


@pytest.fixture
def scratch_client(scratch: Deployment) -> FlaskClient:
    return create_app(scratch).test_client()


def change(deployment: Deployment, layer: str, fid: str, **values: object) -> None:
    feature = deployment.store.feature(layer, fid)
    commit(deployment, layer, Feature(fid, {**feature.properties, **values}, feature.geometry))


def commit(deployment: Deployment, layer: str, feature: Feature) -> None:
    base = deployment.store.layer(layer).revision.rev
    deployment.store.commit(layer, {feature.id: feature}, base=base, kind="edit", author="li", note="填报")


# ---- every page


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("url", [*DOCUMENTS, "/plan/waterlogging-40", "/layers/schools", "/layers/schools/NK-XX-001"])
def test_documents_are_whole_in_both_languages_without_inline_code(
    client: FlaskClient, url: str, language: str
) -> None:
    text = page(client, f"{url}?lang={language}")
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in text
    assert len(re.findall(r"<h1[ >]", text)) == 1
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script\b[^>]*>", text))
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert "Undefined" not in text


def test_every_link_of_the_documents_leads_to_a_page_and_a_place_on_it(client: FlaskClient) -> None:
    """A walk over everything that can be reached from the plan; filters are followed once per page."""
    seen: dict[str, str] = {}
    waiting = deque(DOCUMENTS)
    places: set[tuple[str, str]] = set()
    while waiting:
        url = waiting.popleft()
        if url in seen:
            continue
        seen[url] = page(client, url)
        for link in links(seen[url], url):
            parts = urlsplit(link)
            if parts.path == "/" or parts.path.startswith(("/api/", "/drafts", "/sign-in", "/account", "/ogc")):
                continue
            target = parts._replace(fragment="").geturl()
            if parts.fragment:
                places.add((target, parts.fragment))
            if _worth_walking(url, parts.path, parts.query):
                waiting.append(target)
    assert len(seen) > 250
    for target, fragment in places:
        if target in seen:
            assert f'id="{fragment}"' in seen[target], f"{target}#{fragment}"


def _worth_walking(origin: str, path: str, query: str) -> bool:
    if "lang=" in query or "asOf=" in query:
        return False
    return not query or urlsplit(origin).path != path


def test_downloads_and_maps_behind_the_links_are_there(client: FlaskClient) -> None:
    text = page(client, "/plan/waterlogging-40") + page(client, "/layers/schools")
    files = [u for u in links(text, "/plan/waterlogging-40") if u.startswith(("/api/", "/ogc/download/"))]
    assert len(files) >= 30
    for url in files:
        assert client.get(url, buffered=True).status_code == 200, url
    assert len(client.get(next(u for u in files if ".csv?filter" in u)).text.splitlines()) == 41


# ---- the plan


def test_every_commitment_stands_on_the_plan_page_with_its_own_words(client: FlaskClient) -> None:
    text = page(client, "/plan")
    from geo_service.web.current import deployment

    with client.application.test_request_context("/"):
        commitments = deployment().ledger.commitments
    assert text.count('class="promise"') == len(commitments) == 74
    for commitment in commitments:
        assert html.escape(commitment.clause, quote=False) in html.unescape(text).replace("&", "&amp;")
        assert f'href="/plan/{commitment.id}"' in text


def test_every_number_on_the_plan_page_opens_as_many_rows(client: FlaskClient) -> None:
    text = page(client, "/plan")
    counts = re.findall(r'<a href="(/plan/[^"#]+\?[^"#]+)#rows">[^<]*<b>([\d,]+)</b></a>', text)
    totals = re.findall(r'<a href="(/plan/features\?[^"]*)"><b>([\d,]+)</b>', text)
    assert len(counts) > 120
    assert len(totals) == 6
    for url, count in {*counts, *totals}:
        opened = page(client, html.unescape(url))
        assert _rows(opened) == int(count.replace(",", "")), url


def _rows(text: str) -> int:
    return len(re.findall(r'<tr>\s*<th scope="row"><a href="/layers/', text))


def test_targets_are_worded_by_their_kind(client: FlaskClient) -> None:
    text = words(page(client, "/plan"))
    for target in (
        "≥ 300 处",
        "累计 10 个",
        "共 300 亩（20.0 公顷）",
        "共 30 万平方米",
        "30 分钟（标准）",
        "至少 2 所",
    ):
        assert target in text
    english = words(page(client, "/plan?lang=en"))
    for target in ("≥ 300", "10 in all", "300 mu (20.0 ha) in all", "300,000 m² in all", "at least 2"):
        assert target in english


def test_the_plan_is_filtered_by_section_layer_promise_text_and_place(client: FlaskClient) -> None:
    assert page(client, "/plan?layer=waterlogging_zones").count('class="promise"') == 1
    assert page(client, "/plan?q=混接点").count('class="promise"') == 2
    assert page(client, "/plan?spatial=yes").count('class="promise"') == 46
    assert page(client, "/plan?section=二.4.2").count('class="promise"') == 10
    nothing = page(client, "/plan?promise=existing&layer=elevators")
    assert 'class="promise"' not in nothing
    assert "没有符合条件的任务" in nothing
    echoed = page(client, f"/plan?q={HOSTILE.replace('%', '%25')}")
    assert HOSTILE in html.unescape(echoed)
    assert "<script>alert" not in echoed


def test_all_indicators_stand_with_their_sign(client: FlaskClient) -> None:
    text = page(client, "/plan").split('id="indicators"')[1]
    assert len(re.findall(r"<tr>\s*<th scope=\"row\">", text)) == 28
    for target in ("约 4.5%", "≥ 6%", "较 2024 年增长", "第 1", "达到 100%", "定性", "累计 10 个"):
        assert target in words(text)


def test_a_commitment_page_says_what_is_promised_and_how_it_is_counted(client: FlaskClient) -> None:
    zones = words(page(client, "/plan/waterlogging-40"))
    assert "积水片区改造 40 处：已落图 40（示意 40，实测 0），已开工 0，已完成 0，未填报 40。" in zones
    assert "承诺推进，未承诺年内完成" in zones
    assert "40 − 0 = 40" in zones
    station = words(page(client, "/plan/fire-station-fenshui-road"))
    assert "未承诺建成" in station
    land = words(page(client, "/plan/idle-land-300mu"))
    assert "2000/3" in land
    assert "2 个没有" in land


def test_the_unlocated_list_names_what_was_searched_and_what_is_missing(client: FlaskClient) -> None:
    text = page(client, "/unlocated")
    assert len(re.findall(r'<tr><th scope="row">', text)) == 17
    assert "≥ 300" in words(text)
    assert "未找到位置依据" in text
    only = page(client, "/unlocated?layer=elevators")
    assert only.count('class="card gap"') == 1


# ---- layers and features


def test_a_layer_page_tells_schema_completeness_and_revisions(client: FlaskClient) -> None:
    text = page(client, "/layers/waterlogging_zones")
    assert 'value="1.0"' in text
    assert 'value="0.0"' in text
    assert "r1.geojson" in text
    assert "flood_level" in text
    assert "轻度" in text


def test_a_feature_page_draws_the_error_and_marks_what_is_illustrative(client: FlaskClient) -> None:
    school = page(client, "/layers/schools/NK-XX-001")
    assert 'class="small-map"' in school
    assert 'class="error"' in school
    assert "示意，非测绘成果" in school
    assert "/#on=schools&amp;sel=schools/NK-XX-001" in school
    assert "有序推进天拖中学等中小学校新改扩建工程" in school


def test_a_feature_without_a_place_says_so(client: FlaskClient) -> None:
    text = page(client, "/layers/idle_land/NK-TD-001")
    assert 'class="small-map"' not in text
    assert "待落图清单" in text


def test_what_staff_report_shows_at_once_and_the_past_stays(scratch: Deployment, scratch_client: FlaskClient) -> None:
    assert "已开工 0" in words(page(scratch_client, "/plan/elevators-5"))
    change(scratch, "fire_stations", "NK-XFZ-001", status="started")
    text = words(page(scratch_client, "/plan/fire-station-fenshui-road"))
    assert "已开工 1，已完成 0" in text
    assert "已达到" in text
    now = page(scratch_client, "/layers/fire_stations/NK-XFZ-001")
    assert re.search(r"<del>空</del> → <ins>在建</ins>", now)
    past = page(scratch_client, "/layers/fire_stations/NK-XFZ-001?asOf=1")
    assert "这是版本 1" in words(past)
    assert 'badge warn">在建' not in past


def test_a_deleted_feature_keeps_its_address(scratch: Deployment, scratch_client: FlaskClient) -> None:
    base = scratch.store.layer("culture").revision.rev
    scratch.store.commit("culture", {"NK-WH-001": None}, base=base, kind="edit", author="li", note="拆除")
    text = page(scratch_client, "/layers/culture/NK-WH-001", 410)
    assert "中删除，以下是删除前的样子" in text
    assert "已在版本 2" in words(text)
    page(scratch_client, "/layers/culture/NK-WH-001?asOf=1")
    page(scratch_client, "/layers/culture/NK-WH-001?asOf=2", 404)


def test_hostile_text_is_shown_as_it_was_typed(scratch: Deployment, scratch_client: FlaskClient) -> None:
    change(scratch, "schools", "NK-XX-001", name=HOSTILE, source=HOSTILE, address=HOSTILE, name_en=HOSTILE)
    change(scratch, "streets", scratch.store.snapshot("streets").features[0].id, name=HOSTILE)
    definition = scratch.store.layer("schools").definition
    hostile = dataclasses.replace(definition, title=Text(HOSTILE, HOSTILE), description=Text(HOSTILE, HOSTILE))
    scratch.store.update_definition(hostile, author=HOSTILE, note=HOSTILE)
    urls = ("/layers/schools/NK-XX-001", "/layers/schools", "/layers", "/plan/schools-rebuild", "/plan/features")
    for url in (*urls, "/unlocated", "/plan", "/about"):
        for language in ("zh", "en"):
            text = page(scratch_client, f"{url}?lang={language}")
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert url not in urls or html.unescape(text).count("{{7*7}} 50{% 概率 ${7*7}") >= 1
    for feature in scratch.store.snapshot("streets").features[:1]:
        assert "<script>alert" not in page(scratch_client, f"/layers/streets/{feature.id}")


def test_an_internal_layer_leaves_no_trace_for_people_without_rights(
    scratch: Deployment, scratch_client: FlaskClient
) -> None:
    secret = scratch.store.layer("carriers").definition
    named = dataclasses.replace(secret, secrecy="internal", title=Text("机密载体", "Secret carriers"))
    scratch.store.update_definition(named, author="admin", note="改为内部")
    feature = scratch.store.snapshot("carriers").features[0]
    change(scratch, "carriers", feature.id, name="机密大厦")
    for url in (*DOCUMENTS, "/plan/tiankai-core"):
        text = page(scratch_client, url)
        assert "机密" not in text, url
        assert "/layers/carriers" not in text, url
    assert "登录" in page(scratch_client, "/plan/tiankai-core")
    page(scratch_client, "/layers/carriers", 404)
    page(scratch_client, f"/layers/carriers/{feature.id}", 404)


# ---- status, help, errors


def test_the_status_page_names_file_line_field_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    shutil.copytree(ROOT / "layers", folder)
    broken = folder / "elevators.toml"
    broken.write_text(broken.read_text("utf8").replace('theme = "projects"', 'theme = "nonsense"'), "utf8")
    environment = {**os.environ, "GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LAYERS": str(folder)}
    found = open_deployment(read_settings(environment))
    text = words(page(create_app(found).test_client(), "/about"))
    line = next(n for n, row in enumerate(broken.read_text("utf8").splitlines(), 1) if "nonsense" in row)
    assert re.search(rf"elevators\.toml {line} theme ", text)
    assert "图层未导入" in text
    plan = page(create_app(found).test_client(), "/plan")
    assert "图层未能导入" in plan
    found.store.close()


def test_a_broken_ledger_is_told_and_the_map_data_still_serves(scratch: Deployment) -> None:
    fault = BrokenLedgerFile(file="plan_2025.toml", line=7, field="quantity", reason="缺少 target")
    empty = dataclasses.replace(scratch.ledger, commitments=(), indicators=())
    client = create_app(dataclasses.replace(scratch, ledger=empty, ledger_problems=(fault,))).test_client()
    assert "台账不可用" in page(client, "/about")
    for path in ("/plan", "/unlocated"):
        assert "plan_2025.toml 第 7 行" in words(page(client, path))
    page(client, "/layers/fire_stations")


def test_the_status_page_tells_strangers_nothing_about_the_machine(client: FlaskClient, home: Path) -> None:
    text = page(client, "/about")
    assert str(home) not in text
    assert str(ROOT) not in text
    assert "GEO_SERVICE_DATABASE" in text
    for component in ("folium", "leaflet", "OFL-1.1", "BSD-2-Clause"):
        assert component in text


@pytest.mark.parametrize(
    ("url", "status", "sentence", "english"),
    [
        ("/nowhere", 404, "没有这个页面", "There is no page"),
        ("/plan/nothing", 404, "计划中没有任务「nothing」", "no commitment"),
        ("/layers/nothing", 404, "没有图层「nothing」", "no layer"),
        ("/layers/schools/NK-XX-999", 404, "没有要素「NK-XX-999」", "no feature"),
        ("/layers/schools/NK-XX-001?asOf=99", 404, "没有版本 99", "no revision"),
        ("/layers/schools/NK-XX-001?asOf=x", 400, "asOf", "asOf"),
        ("/plan/waterlogging-40?precision=sharp", 400, "precision", "precision"),
        ("/plan/features?status=maybe", 400, "status", "status"),
        ("/help/nothing", 404, "没有这个页面", "There is no page"),
    ],
)
def test_a_mistake_gets_a_page_with_the_reason_and_a_way_back(
    client: FlaskClient, url: str, status: int, sentence: str, english: str
) -> None:
    text = page(client, url, status)
    assert sentence in words(text)
    assert english in words(text)
    assert 'href="/"' in text
    assert html.escape(HOSTILE[:8]) in page(client, f"/plan/{HOSTILE[:8]}", 404)


def test_long_lists_come_in_pages(scratch: Deployment, scratch_client: FlaskClient) -> None:
    base = scratch.store.layer("misconnection_points").revision.rev
    rows = {
        f"NK-HJD-{n:03}": Feature(
            f"NK-HJD-{n:03}",
            {"name": f"混接点 {n}", "commitment": "misconnections-300", "precision": "street", "source": "test"},
            {"type": "Point", "coordinates": [117.15, 39.1 + n * 1e-5]},
        )
        for n in range(1, 318)
    }
    scratch.store.commit("misconnection_points", rows, base=base, kind="upload", author="li", note="普查")
    first = page(scratch_client, "/plan/misconnections-300")
    assert _rows(first) == 200
    assert "第 1 页，共 2 页" in first
    assert _rows(page(scratch_client, "/plan/misconnections-300?page=2&precision=street")) == 117
    assert _rows(page(scratch_client, "/plan/misconnections-300?page=99")) == 117
    assert "317" in first
