"""The room of questions over HTTP: list, form, answer, downloads, API, OGC descriptions, and a station dragged."""

from __future__ import annotations

import io
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import STATUSES, Question
from geo_service.core.features import to_frame
from geo_service.deployment import Deployment
from geo_service.errors import InvalidParameter, Unavailable
from geo_service.storage.ledger import read_standards
from geo_service.usecases.answering import MOST_OPEN, Ask, settle, work_out_answer
from geo_service.usecases.chunked_footprints import count_chunks
from geo_service.usecases.chunks import write_chunks
from geo_service.usecases.report import Sources, answer_json
from geo_service.web.i18n import is_chinese
from tests.waiting import look_until
from tests.web.conftest import warm_up

UNANSWERABLE = {"depressions": "heights", "footprints": "buildings", "road-works": "digs", "site-scores": "sites"}
"""What the shipped layers have no located feature for, and the role that is named."""
each = pytest.mark.parametrize("question", QUESTIONS, ids=[q.id for q in QUESTIONS])


@pytest.fixture(scope="module", autouse=True)
def workers(deployment: Deployment) -> None:
    warm_up(deployment)


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


@each
def test_cells_on_english_pages_are_english_or_marked_as_chinese(client: FlaskClient, question: Question) -> None:
    page = client.get(f"/analysis/{question.id}?run=1&lang=en", headers={"Accept": "text/html"}).text
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page, flags=re.DOTALL)
    unmarked = [re.sub(r'<span lang="zh">.*?</span>|<[^>]*>', "", cell) for cell in cells]
    assert [cell for cell in unmarked if is_chinese(cell)] == []


def test_defaults_are_the_figures_of_the_standards(deployment: Deployment) -> None:
    standards = {s.key: s for s in read_standards(deployment.settings.data / "standards.toml")}
    quoted = [p for q in QUESTIONS for p in q.parameters if p.figure]
    assert len(quoted) >= 15
    for parameter in quoted:
        figure = standards[parameter.figure]
        assert (parameter.value, parameter.status) == (figure.value, figure.status), parameter.key


def test_own_words_bring_the_question_to_the_top_of_the_list(client: FlaskClient) -> None:
    page = client.get("/analysis?q=哪些学校走不到", headers={"Accept": "text/html"}).text
    found = page[page.index('id="found"') :]
    assert found.index('href="/analysis/service-coverage"') < found.index("<h2>")
    assert "没有找到" in client.get("/analysis?q=xyzzy", headers={"Accept": "text/html"}).text


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


def ask_later(client: FlaskClient, question_id: str, query: str = "") -> Any:
    """The job of a question nobody has asked yet."""
    return client.get(f"/api/analyses/{question_id}?{query}", headers={"Prefer": "respond-async"})


def ask_of(deployment: Deployment, question_id: str, **parameters: Any) -> Ask:
    """A question as somebody asks it who may read everything."""
    here = deployment
    sources = Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
    return settle(sources, find_question(question_id), parameters, {})


def ended(client: FlaskClient, url: str) -> Any:
    """The job once nothing more happens to it."""
    return look_until(
        lambda: client.get(url).json,
        lambda told: told["state"] not in ("waiting", "running"),
        seconds=60,
        what=f"the end of {url}",
    )


def test_a_question_nobody_asked_becomes_a_job(client: FlaskClient) -> None:
    begun = ask_later(client, "service-coverage", "reach_m=611")
    assert (begun.status_code, begun.headers["Preference-Applied"]) == (202, "respond-async")
    told = ended(client, begun.headers["Location"])
    assert told["state"] == "done", told
    answer = client.get(told["result"]).json
    assert [p["value"] for p in answer["parameters"] if p["key"] == "reach_m"] == [611]
    page = client.get(told["page"], headers={"Accept": "text/html"}).text
    assert answer["headline"]["zh"] in page


def test_a_known_answer_is_given_at_once_without_a_job(client: FlaskClient) -> None:
    first = client.get("/api/analyses/land-account").json
    again = ask_later(client, "land-account")
    assert again.status_code == 200
    assert again.json["seconds"] == first["seconds"]  # worked out once


def test_a_refusal_in_the_worker_is_the_refusal_of_the_request(client: FlaskClient, deployment: Deployment) -> None:
    job = deployment.answers.begin(ask_of(deployment, "hotspots", weight="no_such"), owner="anybody", wish={})
    told = ended(client, f"/api/analysis-jobs/{job.id}")
    assert told["state"] == "failed"
    refused = client.get(told["result"])
    assert (refused.status_code, refused.json["title"]) == (400, "invalid-parameter")
    assert told["problem"] == refused.json["detail"]


def test_a_cancelled_question_keeps_nothing(client: FlaskClient) -> None:
    begun = [ask_later(client, "park-coverage", f"cell_m=10&radius_pocket_m={310 + n}") for n in range(3)]
    for one in begun:  # two run for seconds, one waits
        address = one.headers["Location"]
        assert client.delete(address).status_code == 200
        assert ended(client, address)["state"] == "cancelled"
        refused = client.get(f"{address}/result")
        assert (refused.status_code, refused.json["title"]) == (409, "job-cancelled")


def test_a_job_of_somebody_is_nobody_elses(client: FlaskClient, deployment: Deployment) -> None:
    ask = ask_of(deployment, "buffer", distance_m=123)
    job = deployment.answers.begin(ask, owner="account:somebody", wish={})
    for path in (f"/api/analysis-jobs/{job.id}", f"/api/analysis-jobs/{job.id}/result", f"/ogc/jobs/{job.id}"):
        assert client.get(path).status_code == 404
    assert client.delete(f"/api/analysis-jobs/{job.id}").status_code == 404
    assert deployment.answers.jobs.wait(job.id, "account:somebody", 60).state == "done"


def test_a_person_has_a_bounded_number_of_questions_open(deployment: Deployment) -> None:
    who, answers = "account:eager", deployment.answers
    asks = [ask_of(deployment, "park-coverage", cell_m=5, radius_pocket_m=320 + n) for n in range(MOST_OPEN + 1)]
    jobs = [answers.begin(a, owner=who, wish={}, asker="10.0.0.1") for a in asks[:MOST_OPEN]]  # seconds of work each
    with pytest.raises(Unavailable, match=rf"{MOST_OPEN} of your analyses are under way \(0 before"):
        answers.begin(asks[-1], owner=who, wish={}, asker="10.0.0.1")
    jobs.append(answers.begin(asks[-1], owner=who, wish={}, asker="10.0.0.2"))
    assert jobs[-1].before == MOST_OPEN
    for job in jobs:
        answers.jobs.cancel(job.id, who)
    for job in jobs:
        assert answers.jobs.wait(job.id, who, 60).ended


@pytest.mark.slow
def test_the_steps_are_layers_read_then_work_then_writing(deployment: Deployment, tmp_path: Path) -> None:
    ask = ask_of(deployment, "service-coverage", reach_m=612, cell_m=16)
    job = deployment.answers.begin(ask, owner="account:steps", wish={})
    order, layers = deployment.answers.jobs.order(job.id, "account:steps"), len(ask.reads)
    steps: list[float] = []
    work_out_answer(order, tmp_path, lambda done, total: steps.append(done if total == layers + 2 else -1))
    assert steps == sorted(steps)
    assert sorted({n for n in steps if n == int(n)}) == list(range(layers + 3))
    assert [n for n in steps if n != int(n)]
    assert all(layers < n < layers + 1 for n in steps if n != int(n))
    assert deployment.answers.jobs.wait(job.id, "account:steps", 60).state == "done"


def test_a_page_without_scripts_shows_the_answer_when_it_is_there(client: FlaskClient) -> None:
    page = client.get("/analysis/buffer?run=1&distance_m=321", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert 'class="verdict"' in page.text


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


# ---- OGC API - Processes, execution


def execute(client: FlaskClient, question_id: str, body: Any, **headers: str) -> Any:
    return client.post(f"/ogc/processes/{question_id}/execution", json=body, headers=headers)


def test_a_process_run_at_once_gives_the_answer_of_the_api(client: FlaskClient) -> None:
    inputs = {"distance_m": 150, "layer.layer": "schools"}
    raw = execute(client, "buffer", {"inputs": inputs})
    assert raw.status_code == 200, raw.text
    document = execute(client, "buffer", {"inputs": inputs, "response": "document", "outputs": {"result": {}}})
    assert document.json == {"result": raw.json}
    api = client.get("/api/analyses/buffer?distance_m=150&layer.layer=schools").json
    assert raw.json["rows"] == api["rows"]


@pytest.mark.slow
def test_a_process_run_as_a_job_is_followed_to_its_results(client: FlaskClient) -> None:
    body = {"inputs": {"reach_m": {"value": 633}, "layer.facilities": ["schools", "food_markets"]}}
    begun = execute(client, "service-coverage", body, Prefer="respond-async")
    assert (begun.status_code, begun.headers["Preference-Applied"]) == (201, "respond-async")
    assert begun.json["status"] in ("accepted", "running")
    address = begun.headers["Location"].removeprefix("http://localhost")
    status = look_until(
        lambda: client.get(address).json,
        lambda told: told["status"] not in ("accepted", "running"),
        seconds=60,
        what=f"the end of {address}",
    )
    assert (status["status"], status["progress"], status["processID"]) == ("successful", 100, "service-coverage")
    href = next(x["href"] for x in status["links"] if x["rel"].endswith("/results"))
    found = client.get(href.removeprefix("http://localhost")).json
    assert {r["layer"] for r in found["reads"] if r["role"] == "facilities"} == {"schools", "food_markets"}
    assert client.delete(address).json["status"] == "dismissed"
    assert client.get(address).status_code == 404


def test_a_dismissed_job_has_no_results(client: FlaskClient) -> None:
    body = {"inputs": {"cell_m": 10, "radius_pocket_m": 355}}
    begun = execute(client, "park-coverage", body, Prefer="respond-async").json
    address = f"/ogc/jobs/{begun['jobID']}"
    assert client.get(f"{address}/results").status_code == 404
    assert client.delete(address).json["status"] == "dismissed"
    look_until(
        lambda: client.get(address).json, lambda told: told["status"] == "dismissed", seconds=60, what="the dismissal"
    )
    assert client.get(f"{address}/results").status_code == 409


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ([], "inputs"),
        ({"inputs": 3}, "inputs"),
        ({"inputs": {"reach": 3}}, "reach"),
        ({"inputs": {"reach_m": -1}}, "reach_m"),
        ({"inputs": {"reach_m": [1, 2]}}, "reach_m"),
        ({"inputs": {"layer.nobody": "schools"}}, "nobody"),
        ({"outputs": {"map": {}}}, "map"),
        ({"response": "picture"}, "response"),
    ],
)
def test_a_senseless_execution_is_refused_by_name(client: FlaskClient, body: Any, word: str) -> None:
    refused = execute(client, "service-coverage", body)
    assert refused.status_code == 400
    assert word in refused.json["detail"]


def test_jobs_are_listed_for_their_owner_only(client: FlaskClient) -> None:
    execute(client, "buffer", {"inputs": {"distance_m": 44}}, Prefer="respond-async")
    assert client.get("/ogc/jobs").json["jobs"] == []
    assert client.get("/ogc/jobs/none").status_code == 404
