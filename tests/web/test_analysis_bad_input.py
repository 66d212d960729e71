"""What a question cannot work with is refused in plain words that name the rows, on page, API and command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from geo_service.analysis.questions import QUESTIONS
from geo_service.cli import run
from geo_service.core.features import Feature
from geo_service.core.layers import Field, GeometryType, LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from tests.web.test_analysis import ended

LON, LAT = 117.15, 39.10


def definition(name: str, kind: GeometryType, serial: str) -> LayerDefinition:
    return LayerDefinition(
        id=name,
        title=Text(f"试验 {name}", f"Trial {name}"),
        theme="reference",
        geometry_types=(kind,),
        serial=serial,
        symbol="street",
        source="试验",
        secrecy="public",
        fields=(Field(key="start_date", title=Text("开工", "Start"), type="date"),),
    )


def polygon(*at: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[LON + x / 1000, LAT + y / 1000] for x, y in (*at, at[0])]]}


def point(x: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [LON + x / 1000, LAT]}


BOW = polygon((0, 0), (1, 1), (1, 0), (0, 1))
LAYERS: Mapping[str, tuple[GeometryType, list[dict[str, Any] | None]]] = {
    "bow_ties": ("Polygon", [BOW, polygon((2, 0), (3, 0), (3, 1)), BOW]),
    "nothing": ("Polygon", []),
    "nowhere": ("Polygon", [None, None, None]),
    "undated": ("Point", [point(0), point(0.1), point(5)]),
    "far_away": ("Point", [{"type": "Point", "coordinates": [117.40, 39.10]}]),
    "wide": ("Polygon", [polygon((-500, -500), (500, -500), (500, 500), (-500, 500))]),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad")


@pytest.fixture(scope="module")
def here(home: Path) -> Iterator[Deployment]:
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    for number, (name, (kind, shapes)) in enumerate(LAYERS.items()):
        serial = f"TS{number}"
        features = [
            Feature(f"NK-{serial}-{i:03}", {"name": f"{name}{i}", "precision": "surveyed", "source": "试验"}, shape)
            for i, shape in enumerate(shapes, start=1)
        ]
        deployment.store.create_layer(definition(name, kind, serial), features, author="t", note="")
    yield deployment
    deployment.store.close()


@pytest.fixture(scope="module")
def client(here: Deployment) -> FlaskClient:
    return create_app(here).test_client()


REFUSED = [
    (
        "land-account",
        {"layer.sites": "bow_ties"},
        "几何不合法（NK-TS0-001, NK-TS0-003）",
        "invalid geometry (NK-TS0-001",
    ),
    ("land-account", {"layer.sites": "nothing"}, "图层“试验 nothing”没有要素", "Trial nothing has no features"),
    (
        "land-account",
        {"layer.sites": "nowhere"},
        "图层“试验 nowhere”的 3 个要素都没有位置（如 NK-TS2-001、NK-TS2-002、NK-TS2-003）",
        "none of the 3 features of Trial nowhere has a position",
    ),
    ("land-account", {"layer.sites": "undated"}, "须为：polygon（NK-TS3-001", "must be: polygon (NK-TS3-001"),
    ("service-coverage", {"reach_m": "0"}, "参数 reach_m 的值「0」", "reach_m=0"),
    ("service-coverage", {"reach_m": "-5"}, "参数 reach_m 的值「-5」", "reach_m=-5"),
    ("project-conflicts", {"distance_m": "-1"}, "参数 distance_m 的值「-1」", "distance_m=-1"),
    ("hotspots", {"weight": "no_such"}, "图层没有此字段", "the layer lacks this field"),
    ("depressions", {"layer.heights": "undated"}, "「高程」（heights）不能用：没有高程字段", "no field of heights"),
    ("depressions", {}, "「高程」（heights）缺少数据：还没有选图层（点图层）", "“Heights” (heights) lacks data"),
    (
        "service-coverage",
        {"layer.district": "wide", "cell_m": "25"},
        "网格过多，请加大",
        "too many cells, use larger ones",
    ),
    ("service-coverage", {"layer.facilities": "nowhere"}, "「设施」（facilities）缺少数据", "(facilities) lacks data"),
]


def refusal(client: FlaskClient, path: str, query: dict[str, str]) -> str:
    """What a refusal says; where the question became a job meanwhile, once that has ended."""
    headers = {"Accept": "text/html" if path.startswith("/analysis") else "application/json"}
    response = client.get(path, query_string=query, headers=headers)
    if response.status_code == 202:
        url = response.headers["Location"]
        assert ended(client, url)["state"] == "failed"
        return str(client.get(url, query_string={"lang": query["lang"]}).json["problem"])
    if response.status_code == 200:
        url = response.text.partition('data-job="')[2].partition('"')[0]
        assert ended(client, url)["state"] == "failed"
        response = client.get(path, query_string={**query, "job": url.rpartition("/")[2]}, headers=headers)
    assert response.status_code == 400
    if response.is_json:
        return str(response.json["detail"])
    shown = response.text.replace("&#34;", '"').replace("&#39;", "'")
    return shown[shown.index('role="alert"') :]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("question", "given", "zh", "en"), REFUSED)
def test_a_refusal_names_the_rows_on_page_and_api_and_at_the_terminal(
    client: FlaskClient,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    question: str,
    given: dict[str, str],
    zh: str,
    en: str,
    language: str,
) -> None:
    words = zh if language == "zh" else en
    assert words in refusal(client, f"/api/analyses/{question}", {**given, "lang": language})
    assert words in refusal(client, f"/analysis/{question}", {**given, "run": "1", "lang": language})
    layers = [f"--layer={k.removeprefix('layer.')}={v}" for k, v in given.items() if k.startswith("layer.")]
    numbers = [f"--set={k}={v}" for k, v in given.items() if not k.startswith("layer.")]
    environment = {"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_LANGUAGE": language}
    assert run(["analyse", question, *layers, *numbers], environment) == 2
    assert words in capsys.readouterr().err


def test_works_without_dates_are_counted_apart_and_named(client: FlaskClient) -> None:
    body = client.get("/api/analyses/project-conflicts?layer.works=undated").json
    assert body["figures"] == {"conflicts": 0, "undated": 1}
    assert body["rows"][0][0:4:2] == ["NK-TS3-001", "NK-TS3-002"]
    assert "缺日期" in body["headline"]["zh"]


def test_a_facility_off_the_streets_is_named_with_its_distance(client: FlaskClient) -> None:
    body = client.get("/api/analyses/service-coverage?layer.facilities=far_away&cell_m=200").json
    assert any("离最近道路超过 200 m" in n["zh"] and "far_away1（NK-TS4-001）" in n["zh"] for n in body["notes"])
    assert body["figures"]["network_percent"] == 0


def test_what_lacks_data_leads_to_where_it_is_sent(client: FlaskClient) -> None:
    page = client.get("/analysis/road-works?run=1&lang=zh", headers={"Accept": "text/html"}).text
    assert "「掘路工程」（digs）缺少数据" in page
    assert 'href="/upload?layer=pipelines"' in page
    english = client.get("/analysis/site-scores?run=1&lang=en", headers={"Accept": "text/html"}).text
    assert "lacks data" in english
    assert 'href="/upload?layer=idle_land"' in english


def test_the_list_says_which_questions_can_be_answered_now(client: FlaskClient) -> None:
    page = client.get("/analysis?lang=zh", headers={"Accept": "text/html"}).text
    cards = {q.id: page.partition(f'href="/analysis/{q.id}"')[2].partition("</a>")[0] for q in QUESTIONS}
    ready = {name for name, card in cards.items() if "现可运行" in card}
    assert "缺数据：掘路工程" in cards["road-works"]
    assert "先选图层：高程" in cards["depressions"]
    assert len(ready) == len(QUESTIONS) - 4
