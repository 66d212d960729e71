"""A large layer whose files are being built: everything else answers at once, and it says that it is being prepared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from geo_service.deployment import Deployment
from geo_service.storage import elsewhere
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.test_quick import layer, park

LAYER = "slow_parks"
TILE = f"/tiles/{LAYER}/r1/0/0/0.mvt"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    found = open_seeded(tmp_path)
    found.publisher.workshop = dataclasses.replace(found.publisher.workshop, large=20)
    parks = [dataclasses.replace(park(f"园{n}"), id=f"NK-QL-{n:03}") for n in range(1, 41)]
    found.store.create_layer(layer(LAYER, serial="QL", secrecy="public"), parks, author="t", note="t")
    yield found
    found.publisher.errands.resting = False
    found.store.close()


@pytest.fixture
def resting(here: Deployment) -> FlaskClient:
    """Of a process that begins no work: what is not built stays so."""
    return create_app(here, at_work=False).test_client()


def told(client: FlaskClient) -> dict[str, object]:
    return next(each for each in client.get("/api/layers").get_json()["layers"] if each["id"] == LAYER)


@pytest.mark.parametrize(
    "path",
    [
        TILE,
        f"/api/layers/{LAYER}/items",
        f"/api/layers/{LAYER}/r1.geojson",
        f"/ogc/collections/{LAYER}/items",
        f"/ogc/download/{LAYER}.gpkg",
        f"/ogc/download/{LAYER}.pmtiles",
    ],
)
def test_what_needs_the_files_is_asked_for_again_later(resting: FlaskClient, path: str) -> None:
    answer = resting.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "正在准备" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/", "/layers", f"/layers/{LAYER}", "/api/layers", "/api/search?q=pocket", "/ogc/collections"]
)
def test_pages_open_while_a_layer_is_prepared(resting: FlaskClient, path: str) -> None:
    assert resting.get(path).status_code == 200


def test_the_count_is_known_at_once_and_pages_say_the_rest_follows(resting: FlaskClient) -> None:
    assert (told(resting)["count"], told(resting)["preparing"]) == (40, True)
    for path in ("/layers", f"/layers/{LAYER}"):
        assert "正在准备" in resting.get(path).get_data(as_text=True)


@pytest.mark.slow
def test_what_was_told_meanwhile_is_not_kept(here: Deployment, resting: FlaskClient) -> None:
    found = resting.get("/api/search?q=slow_parks").get_json()
    assert told(resting)["bbox"] is None
    here.publisher.errands.resting, here.publisher.errands.patient = False, True
    assert resting.get(TILE).status_code == 200
    assert "preparing" not in told(resting)
    assert told(resting)["bbox"] is not None
    assert resting.get("/api/search?q=slow_parks").get_json() != found
    for path in ("/layers", f"/layers/{LAYER}"):
        assert "正在准备" not in resting.get(path).get_data(as_text=True)


def test_who_waits_gets_what_another_has_begun(here: Deployment) -> None:
    client = create_app(here).test_client()
    assert client.get(TILE).status_code == 503
    assert here.publisher.revision(LAYER, wait=True).count == 40
    assert client.get(f"/api/layers/{LAYER}/items").status_code == 200


def test_work_that_fails_is_told_once_and_begun_anew() -> None:
    errands = elsewhere.Errands()
    with pytest.raises(ZeroDivisionError):
        errands.run("key", lambda: 1 / 0)
    assert errands.run("key", int)
