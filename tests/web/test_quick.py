"""Quick answers: word for word the application's own, for everybody's eyes only, and never of yesterday."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from geo_service.web.quick import Answer, Quick
from tests.web.test_operations import figures

LAYER = "pocket_parks"
ITEMS = f"/ogc/collections/{LAYER}/items"
BOX = "117.12,39.06,117.19,39.15"
OWN = {"Accept-Encoding": "identity;q=1"}
"""A spelling of the same wish that is left to the application."""
FLEETING = {"X-Request-ID", "Date"}


def quick_answer(app: Flask, url: str, **headers: str) -> Answer | None:
    door: Quick = app.extensions["quick"]
    path, _, query = url.partition("?")
    return door.answer(EnvironBuilder(path=path, query_string=query, headers=headers).get_environ())


def opened(client: FlaskClient, layer_id: str = LAYER) -> None:
    """Have the layer's files opened, as the first questions of all do."""
    for question in ("limit=1", f"limit=100&bbox={BOX}", "limit=100&bbox=117.15,39.0,117.2,39.2"):
        assert client.get(f"/ogc/collections/{layer_id}/items?{question}", headers=OWN).status_code == 200


def lasting(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name not in FLEETING}


def plain(body: bytes) -> bytes:
    """A body without the second it was made in."""
    before, mark, after = body.partition(b'"timeStamp":"')
    return before + mark + after[20:] if mark else body


@pytest.mark.parametrize(
    "url",
    [
        ITEMS,
        f"{ITEMS}?f=json&limit=3",
        f"{ITEMS}?limit=3&offset=4",
        f"{ITEMS}?offset=100000",
        f"{ITEMS}?f=json&limit=2&bbox={BOX}",
        f"{ITEMS}?bbox={BOX.replace(',', '%2C')}&limit=2&offset=2",
        f"{ITEMS}?bbox=1,1,2,2",
        f"{ITEMS}/NK-KDG-001",
        f"{ITEMS}/NK-KDG-002?f=json",
    ],
)
def test_a_quick_answer_is_the_application_s_own_header_by_header(app: Flask, client: FlaskClient, url: str) -> None:
    opened(client)
    own = client.get(url, headers=OWN)
    found = quick_answer(app, url)
    assert found is not None
    assert own.status_code == 200
    assert plain(found.body) == plain(own.data)
    headers = dict(found.headers)
    assert len(headers) == len(found.headers)
    assert lasting(found.headers) == lasting(own.headers)
    assert headers.keys() == set(own.headers.keys())
    assert client.get(url).data[:80] == own.data[:80]


def test_a_kept_tile_is_compressed_for_whoever_takes_that(app: Flask, client: FlaskClient) -> None:
    x, y = int((117.16 + 180) / 360 * 2**11), int((1 - math.asinh(math.tan(math.radians(39.11))) / math.pi) * 2**10)
    url = f"/tiles/waterlogging_zones/r1/11/{x}/{y}.mvt"
    assert quick_answer(app, "/tiles/waterlogging_zones/r1/13/7/7.mvt") is None, "nobody asked for it"
    plain_tile, packed = client.get(url, headers=OWN), client.get(url, headers={"Accept-Encoding": "gzip;q=1"})
    assert packed.headers["Content-Encoding"] == "gzip"
    for taken, own in (("gzip, deflate, br", packed), ("br", plain_tile)):
        found = quick_answer(app, url, **{"Accept-Encoding": taken})
        assert found is not None
        assert found.body == own.data
        assert lasting(found.headers) == lasting(own.headers)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"{ITEMS}?limit=0", {}),
        (f"{ITEMS}?limit=1001", {}),
        (f"{ITEMS}?limit=3&limit=4", {}),
        (f"{ITEMS}?bbox=3,3,1,1", {}),
        (f"{ITEMS}?bbox=1,2,3", {}),
        (f"{ITEMS}?bbox=1,2,3,nan", {}),
        (f"{ITEMS}?limit=3&unknown=1", {}),
        (f"{ITEMS}?f=html", {}),
        (f"{ITEMS}?name=x", {}),
        (f"{ITEMS}/NK-KDG-999", {}),
        ("/ogc/collections/no_such_layer/items", {}),
        (f"/tiles/{LAYER}/r9/14/13529/6238.mvt", {}),
        (ITEMS, {"Accept": "text/html"}),
        (ITEMS, {"Accept-Encoding": "gzip"}),
        (ITEMS, {"If-None-Match": '"x"'}),
        (ITEMS, {"Authorization": "Bearer x"}),
        (ITEMS, {"Cookie": "lang=en; geo_service=x"}),
        (ITEMS, {"Host": "bücher.example"}),
    ],
)
def test_what_is_not_plain_is_left_to_the_application(
    app: Flask, client: FlaskClient, url: str, headers: dict[str, str]
) -> None:
    opened(client)
    assert quick_answer(app, url, **headers) is None


def test_only_what_anybody_may_read_is_answered_quickly(
    app: Flask, client: FlaskClient, deployment: Deployment
) -> None:
    opened(client)
    closed = dataclasses.replace(deployment, settings=dataclasses.replace(deployment.settings, anonymous_reads=False))
    assert quick_answer(app, f"{ITEMS}?limit=1")
    private = create_app(closed)
    assert quick_answer(private, f"{ITEMS}?limit=1") is None
    assert private.test_client().get(f"{ITEMS}?limit=1").status_code == 401


def layer(layer_id: str, **values: Any) -> LayerDefinition:
    known: dict[str, Any] = {"theme": "projects", "geometry_types": ("Point",), "symbol": "point_blue", "source": "测"}
    return LayerDefinition(id=layer_id, title=Text("测试", "Test"), **known, **values)


def park(name: str) -> Feature:
    values = {"name": name, "precision": "surveyed", "source": "测"}
    return Feature("NK-QK-001", values, {"type": "Point", "coordinates": [117.15, 39.1]})


def test_a_layer_that_becomes_internal_or_changes_is_seen_at_once(
    app: Flask, client: FlaskClient, deployment: Deployment
) -> None:
    public, store = layer("quick_points", serial="QK", secrecy="public"), deployment.store
    who = {"author": "t", "note": "t"}
    store.create_layer(public, [park("旧")], **who)
    opened(client, "quick_points")
    url = "/ogc/collections/quick_points/items?limit=5"
    found = quick_answer(app, url)
    assert found is not None
    assert "旧".encode() in found.body
    store.commit("quick_points", {"NK-QK-001": park("新")}, base=1, kind="edit", **who)
    assert "新".encode() in client.get(url).data
    opened(client, "quick_points")
    found = quick_answer(app, url)
    assert found is not None
    assert "新".encode() in found.body
    store.update_definition(dataclasses.replace(public, secrecy="internal"), **who)
    assert quick_answer(app, url) is None
    assert client.get(url).status_code == 404


def test_a_quick_answer_has_its_number_its_count_and_its_line_in_the_log(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    opened(client)
    counted = 'geo_service_requests_total{method="GET",route="/ogc/collections/<layer_id>/items",status="200"}'
    timed = 'geo_service_request_seconds_count{route="/ogc/collections/<layer_id>/items"}'
    before = figures(client)
    with caplog.at_level(logging.INFO, logger="geo_service.access"):
        found = quick_answer(app, f"{ITEMS}?limit=1", **{"X-Request-ID": "abc-1"})
    after = figures(client)
    assert found is not None
    assert ("X-Request-ID", "abc-1") in found.headers
    assert (after[counted], after[timed]) == (before[counted] + 1, before[timed] + 1)
    line = next(r for r in caplog.records if r.name == "geo_service.access")
    assert line.__dict__["request_id"] == "abc-1"
    assert (line.__dict__["path"], line.__dict__["bytes"]) == (ITEMS, len(found.body))
    forged = quick_answer(app, f"{ITEMS}?limit=1", **{"X-Request-ID": 'x" onload="'})
    assert forged is not None
    assert dict(forged.headers)["X-Request-ID"].isalnum()


def test_a_text_that_an_index_finds_is_answered_as_the_filter_is(tmp_path: Path) -> None:
    here = open_deployment(read_settings({"GEO_SERVICE_HOME": str(tmp_path)}))
    here.publisher.workshop = dataclasses.replace(here.publisher.workshop, large=20)
    names = ["甲 1", "乙+(2)", "甲 1", "it's", "5"] * 8
    parks = [dataclasses.replace(park(name), id=f"NK-QL-{n:03}") for n, name in enumerate(names, 1)]
    here.store.create_layer(layer("quick_large", serial="QL", secrecy="public"), parks, author="t", note="t")
    app = create_app(here)
    here.publisher.errands.patient = True
    client, items = app.test_client(), "/ogc/collections/quick_large/items"
    opened(client, "quick_large")
    try:
        for name, more in (("甲 1", "&limit=3&offset=2"), ("乙+(2)", "&f=json"), ("5", ""), ("没有", "&limit=7")):
            url = f"{items}?filter=name%3D%27{quote(name, safe='')}%27{more}"
            own, found = client.get(url, headers=OWN), quick_answer(app, url)
            assert found is not None
            assert plain(found.body) == plain(own.data)
            own_headers, headers = lasting(own.headers), lasting(found.headers)
            assert own_headers.pop("ETag").count('"') == headers.pop("ETag").count('"') == 2, "of the very second"
            assert headers == own_headers
        for left in ("name%3D%27it%27%27s%27", "nothing%3D%275%27", "error_m%3D%275%27", "name%3D%275%27%20OR%20TRUE"):
            assert quick_answer(app, f"{items}?filter={left}") is None
        here.store.commit(
            "quick_large",
            {"NK-QL-001": dataclasses.replace(park("新"), id="NK-QL-001")},
            base=1,
            kind="edit",
            author="t",
            note="t",
        )
        opened(client, "quick_large")
        assert quick_answer(app, f"{items}?filter=name%3D%275%27") is None, "a change lies over the built revision"
    finally:
        here.store.close()


def test_addresses_are_those_the_reverse_proxy_tells_of(
    app: Flask, client: FlaskClient, deployment: Deployment
) -> None:
    opened(client)
    settings = dataclasses.replace(deployment.settings, proxies=1)
    behind = create_app(dataclasses.replace(deployment, settings=settings))
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "map.example", "X-Forwarded-For": "10.0.0.7"}
    environ = EnvironBuilder(path=ITEMS, query_string="limit=1", headers=told).get_environ()
    found = behind.extensions["door"](environ, None)
    assert f'"https://map.example{ITEMS}?limit=1&offset=0"'.encode() in found.body
    assert plain(found.body) == plain(behind.test_client().get(f"{ITEMS}?limit=1", headers={**told, **OWN}).data)
    believed = quick_answer(app, f"{ITEMS}?limit=1", **told)
    assert believed is not None
    assert b"map.example" not in believed.body, "nobody is in front of this one"
