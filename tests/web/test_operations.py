"""What those who run the service see: health, readiness, figures, request numbers, and a database that goes away."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo_service.cli.logs import JsonLines
from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.web import forking
from geo_service.web.app import create_app
from tests.postgis import Cluster
from tests.web.people import PASSWORD, Visitor, add_people


def figures(client: FlaskClient) -> dict[str, float]:
    text = client.get("/metrics").get_data(as_text=True)
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def test_figures_count_requests_by_route_and_tell_of_the_store(client: FlaskClient) -> None:
    name = 'geo_service_requests_total{method="GET",route="/layers/<layer_id>",status="404"}'
    before = figures(client).get(name, 0)
    client.get("/layers/no_such_layer")
    after = figures(client)
    assert after[name] == before + 1
    assert (after["geo_service_database_up"], after["geo_service_export_problems"]) == (1, 0)
    assert after["geo_service_layers"] == client.get("/readyz").get_json()["layers"]
    assert not any("no_such_layer" in key for key in after), "addresses are counted by route, never one by one"


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "127.0.0.1"}, {"REMOTE_ADDR": "10.0.0.7"}])
def test_figures_are_for_the_machine_itself_and_administrators(client: FlaskClient, headers: dict[str, str]) -> None:
    where = {"REMOTE_ADDR": headers.get("REMOTE_ADDR", "127.0.0.1")}
    said = {name: value for name, value in headers.items() if name != "REMOTE_ADDR"}
    answer = client.get("/metrics", headers=said, environ_base=where)
    assert answer.status_code == 403
    assert answer.get_json()["title"] == "access-denied"


def test_every_answer_carries_the_number_of_its_request(client: FlaskClient) -> None:
    given = {"X-Request-ID": "abc-123"}
    assert client.get("/healthz", headers=given).headers["X-Request-ID"] == "abc-123"
    ids = {client.get("/healthz").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    forged = client.get("/healthz", headers={"X-Request-ID": 'x" onload="'}).headers["X-Request-ID"]
    assert forged.isalnum()


def test_a_request_is_one_line_of_json_without_question_or_name(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="geo_service.access"):
        client.get("/api/search?q=张三", headers={"X-Request-ID": "r-1"})
    line = JsonLines().format(next(r for r in caplog.records if r.name == "geo_service.access"))
    body = json.loads(line)
    assert (body["request_id"], body["path"], body["status"]) == ("r-1", "/api/search", 200)
    assert body["took_ms"] > 0
    assert "张三" not in line


def test_a_fault_is_logged_with_trace_incident_and_request_number(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    broken = create_app(app.extensions["deployment"])
    broken.add_url_rule("/broken", view_func=lambda: 1 // 0)
    answer = broken.test_client().get("/broken", headers={"X-Request-ID": "r-2", "Accept": "application/json"})
    body = json.loads(JsonLines().format(caplog.records[-1]))
    assert body["request_id"] == "r-2"
    assert "ZeroDivisionError" in body["trace"]
    assert body["incident"] in answer.get_data(as_text=True)


def test_proxies_are_believed_only_where_they_are_set(app: Flask) -> None:
    import dataclasses

    here = app.extensions["deployment"]
    behind = dataclasses.replace(here, settings=dataclasses.replace(here.settings, proxies=1))
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "map.example"}
    for made, expected in ((create_app(here), "http://localhost/"), (create_app(behind), "https://map.example/")):
        made.add_url_rule("/where", view_func=lambda: __import__("flask").request.url_root)
        assert made.test_client().get("/where", headers=forwarded).get_data(as_text=True) == expected


@pytest.fixture
def on_server(cluster: Cluster, tmp_path: object) -> Iterator[FlaskClient]:
    with cluster.lent_database() as url:
        settings = read_settings({"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_DATABASE": url})
        opened = open_deployment(settings)
        yield create_app(opened).test_client()
        opened.store.close()


def wait_until_back(client: FlaskClient) -> None:
    """After a refused connection the next half second of answers is refused without another attempt."""
    until = time.monotonic() + 10
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < until, "the service did not recover by itself"


@pytest.mark.postgis
def test_while_the_database_is_down_answers_are_503_and_afterwards_all_is_as_before(
    on_server: FlaskClient, cluster: Cluster
) -> None:
    addresses = [
        "/",
        "/layers",
        "/plan",
        "/readyz",
        "/api/layers",
        "/api/layers/roads/items?limit=1",
        "/ogc/collections",
    ]
    before = {address: on_server.get(address).status_code for address in addresses}
    assert set(before.values()) == {200}
    cluster.crash()
    try:
        for address in addresses:
            answer = on_server.get(address)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), address
            assert answer.headers["X-Request-ID"]
        page = on_server.get("/layers", headers={"Accept": "text/html"})
        assert "请稍后重试" in page.get_data(as_text=True)
        assert on_server.get("/healthz").status_code == 200, "no process is restarted because the database is"
        assert figures(on_server)["geo_service_database_up"] == 0
    finally:
        cluster.start()
    wait_until_back(on_server)
    assert {address: on_server.get(address).status_code for address in addresses} == before
    assert figures(on_server)["geo_service_database_up"] == 1


@pytest.mark.postgis
def test_a_process_that_begins_while_the_database_is_down_goes_to_work_when_it_is_back(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "LOOK_AGAIN_S", 0.1)
    with cluster.lent_database() as url:
        app = forking.open_to_fork(read_settings({"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_DATABASE": url}))
        here = app.extensions["deployment"]
        cluster.crash()
        try:
            forking.take_over(app)
            assert here.publisher.errands.resting, "no build is begun that would find no database"
            assert app.test_client().get("/readyz").status_code == 503
            [beginning] = [thread for thread in threading.enumerate() if thread.name == "take-over"]
        finally:
            cluster.start()
        beginning.join(10)
        assert not beginning.is_alive()
        assert not here.publisher.errands.resting, "it has gone to work"
        wait_until_back(app.test_client())
        here.store.close()


WITH_NAMES = (
    "/layers/roads",
    "/layers/roads/history",
    "/api/layers/roads",
    "/api/layers/roads/items",
    "/api/layers/roads/r1.geojson",
    "/tiles/roads/r1/10/845/389.mvt",
    "/ogc/collections/roads",
    "/ogc/collections/roads/items",
    "/ogc/wms?service=WMS&request=GetCapabilities",
    "/ogc/wms?service=WMS&version=1.3.0&request=GetMap&layers=roads&styles=&crs=CRS:84&bbox=117.1,39,117.2,39.1"
    "&width=64&height=64&format=image/png",
)


@pytest.mark.postgis
def test_every_kind_of_address_waits_for_the_database_and_none_breaks(on_server: FlaskClient, cluster: Cluster) -> None:
    """What needs no database answers as before; everything else says 503 and when to ask again."""
    app = on_server.application
    add_people(app.extensions["deployment"])
    chief = Visitor(app, "chief")
    rules = [r.rule for r in app.url_map.iter_rules() if "GET" in (r.methods or ()) and not r.arguments]
    addresses = [*rules, *WITH_NAMES]
    before = {address: chief.page(address).status_code for address in addresses}
    form = {"name": "chief", "password": PASSWORD, "csrf": chief.token()}
    cluster.crash()
    try:
        for address in addresses:
            answer = chief.page(address)
            found = (answer.status_code, answer.headers.get("Retry-After"))
            assert found in ((503, "5"), (before[address], None)), (address, found)
            assert (answer.status_code == 503) or address not in WITH_NAMES
        page = chief.client.post("/sign-in", data=form, headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "请稍后重试" in page.text
        token = {"Authorization": "Bearer no-such-token"}
        assert app.test_client().get("/api/layers", headers=token).status_code == 503, "nobody knows whether it is one"
    finally:
        cluster.start()
    wait_until_back(on_server)
    assert {address: chief.page(address).status_code for address in WITH_NAMES} == {a: before[a] for a in WITH_NAMES}
