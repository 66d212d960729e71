"""The room of questions over HTTP: list, form, answer, downloads, API, OGC descriptions, and a station dragged."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from geo_service.analysis.questions import QUESTIONS
from geo_service.analysis.result import STATUSES, Question
from geo_service.core.features import to_frame
from geo_service.deployment import Deployment
from geo_service.errors import InvalidParameter
from geo_service.storage.ledger import read_standards
from geo_service.usecases.chunked_footprints import count_chunks
from geo_service.usecases.chunks import write_chunks
from geo_service.usecases.report import Sources, answer_json

UNANSWERABLE = {"depressions": "heights", "footprints": "buildings", "road-works": "digs", "site-scores": "sites"}
"""What the shipped layers have no located feature for, and the role that is named."""
each = pytest.mark.parametrize("question", QUESTIONS, ids=[q.id for q in QUESTIONS])


@each
def test_each_question_has_an_answer_or_says_which_role_is_missing(client: FlaskClient, question: Question) -> None:
    response = client.get(f"/api/analyses/{question.id}")
    if question.id in UNANSWERABLE:
        assert response.status_code == 400
        assert UNANSWERABLE[question.id] in response.json["detail"]
        return
    body = response.json
    assert response.status_code == 200, response.text
    assert body["headline"]["zh"]
    assert body["headline"]["en"]
    assert body["method"]["en"]
    assert all(len(row) == len(body["columns"]) for row in body["rows"])
    assert {r["rev"] for r in body["reads"]} == {1}
    assert body["seconds"] <= 20


@each
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_shows_what_the_api_says(client: FlaskClient, question: Question, language: str) -> None:
    page = client.get(f"/analysis/{question.id}?run=1&lang={language}", headers={"Accept": "text/html"})
    if question.id in UNANSWERABLE:
        assert page.status_code == 400
        assert 'role="alert"' in page.text
        return
    assert page.status_code == 200
    headline = client.get(f"/api/analyses/{question.id}").json["headline"][language]
    assert headline.replace("'", "&#39;") in page.text
    for parameter in question.parameters:
        assert STATUSES[parameter.status].get(language) in page.text


def test_defaults_are_the_figures_of_the_standards(deployment: Deployment) -> None:
    standards = {s.key: s for s in read_standards(deployment.settings.data / "standards.toml")}
    quoted = [p for q in QUESTIONS for p in q.parameters if p.figure]
    assert len(quoted) >= 15
    for parameter in quoted:
        figure = standards[parameter.figure]
        assert (parameter.value, parameter.status) == (figure.value, figure.status), parameter.key


def test_the_list_names_every_question(client: FlaskClient) -> None:
    page = client.get("/analysis", headers={"Accept": "text/html"}).text
    assert all(f'href="/analysis/{q.id}"' in page for q in QUESTIONS)
    assert {a["id"] for a in client.get("/api/analyses").json["analyses"]} == {q.id for q in QUESTIONS}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("reach_m=0", "reach_m"),
        ("reach_m=-5", "reach_m"),
        ("reach_m=x", "reach_m"),
        ("reach_m=nan", "reach_m"),
        ("cell_m=0.001", "cell_m"),
        ("depth=3", "depth"),
        ("layer.facilities=nowhere", "nowhere"),
        ("layer.facilities=schools@99", "99"),
        ("layer.facilities=schools@x", "facilities"),
        ("layer.nobody=schools", "nobody"),
        ("layer.facilities=", "facilities"),
    ],
)
def test_a_senseless_wish_is_refused_by_name(client: FlaskClient, query: str, word: str) -> None:
    response = client.get(f"/api/analyses/service-coverage?{query}")
    assert response.status_code in (400, 404)
    assert word in response.json["detail"]


def test_a_kept_address_gives_the_same_answer(client: FlaskClient) -> None:
    page = client.get("/analysis/land-account?run=1", headers={"Accept": "text/html"}).text
    assert "idle_land%401" in page
    pinned = client.get("/api/analyses/land-account?layer.sites=idle_land@1,renewal_areas@1").json
    assert pinned["rows"] == client.get("/api/analyses/land-account").json["rows"]
    assert not pinned["outdated"]


def test_numbers_of_workbook_and_api_agree(client: FlaskClient) -> None:
    data = client.get("/api/analyses/land-account.xlsx?lang=en").data
    book = load_workbook(io.BytesIO(data))
    rows = [list(r) for r in book["Result"].iter_rows(min_row=2, values_only=True)]
    body = client.get("/api/analyses/land-account").json
    area = [c["key"] for c in body["columns"]].index("area_m2")
    assert [r[area] for r in rows] == [r[area] for r in body["rows"]]
    assert book["Method and sources"]["A1"].value == body["headline"]["en"]


def test_a_geopackage_holds_the_result_layer(client: FlaskClient, tmp_path: Path) -> None:
    path = tmp_path / "result.gpkg"
    path.write_bytes(client.get("/api/analyses/waterlogging-exposure.gpkg").data)
    count = len(client.get("/api/analyses/waterlogging-exposure").json["layer"]["features"])
    with sqlite3.connect(path) as package:
        assert package.execute("SELECT srs_id FROM gpkg_contents").fetchone() == (4490,)
        assert package.execute("SELECT count(*) FROM waterlogging_exposure").fetchone() == (count,)


def drag(client: FlaskClient, lon: float, lat: float) -> Any:
    address = "/api/analyses/fire-response/moved?station=NK-XFZ-001"
    return client.get(f"{address}&lon={lon}&lat={lat}")


def test_a_dragged_station_covers_other_ground(client: FlaskClient) -> None:
    home, away = drag(client, 117.1325, 39.1335).json, drag(client, 117.15, 39.11).json
    assert home["figures"] == client.get("/api/analyses/fire-response").json["figures"]
    assert away["layer"] != home["layer"]
    assert away["figures"]["covered_km2"] > 0
    assert drag(client, 999, 39).status_code == 400


def test_processes_are_described_with_their_defaults(client: FlaskClient) -> None:
    listed = client.get("/ogc/processes").json["processes"]
    assert len(listed) == len(QUESTIONS)
    body = client.get("/ogc/processes/service-coverage").json
    assert body["inputs"]["reach_m"]["schema"] == {"type": "number", "default": 500, "minimum": 1, "maximum": 20000}
    assert body["inputs"]["layer.facilities"]["schema"]["default"] == "schools,food_markets,life_circles"
    assert client.get("/ogc/processes/none").status_code == 404


@pytest.mark.parametrize("engine", [None, "local"])
def test_buildings_in_chunks_give_the_answer_of_the_page(
    client: FlaskClient, deployment: Deployment, tmp_path: Path, engine: str | None
) -> None:
    layer, areas = "renewal_areas", "subdistricts"
    sources = Sources(deployment.store.layers(), deployment.store, deployment.views, deployment.ledger, deployment.memo)
    state = next(s for s in sources.states if s.definition.id == layer)
    frame = to_frame(deployment.views.features(state.revision))[["geometry"]]
    write_chunks([frame.iloc[:3], frame.iloc[3:]], tmp_path)
    answer = count_chunks(sources, tmp_path, {"limit_m": "300"}, {"areas": areas}, engine=engine)
    whole = client.get(f"/api/analyses/footprints?limit_m=300&layer.buildings={layer}&layer.areas={areas}").json
    assert answer_json(answer)["rows"] == whole["rows"]
    assert answer.result.figures["buildings"] > 3


def test_chunks_that_are_not_there_are_refused(deployment: Deployment, tmp_path: Path) -> None:
    sources = Sources(deployment.store.layers(), deployment.store, deployment.views, deployment.ledger, deployment.memo)
    with pytest.raises(InvalidParameter, match="GeoParquet"):
        count_chunks(sources, tmp_path, {}, {})
