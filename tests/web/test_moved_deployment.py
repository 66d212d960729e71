"""A deployment that has been lived in moves to PostGIS and back: whatever is asked, the answer keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.storage.transfer import move_store
from geo_service.web.app import create_app
from tests.postgis import Cluster
from tests.web.people import Visitor, add_people
from tests.web.photos import photo

pytestmark = [pytest.mark.postgis, pytest.mark.slow]

LAYER, FID = "waterlogging_zones", "NK-JSD-001"
TEMPLATE = "/api/sheet-templates/月报"
STAYS = {"attachments", "layers", "session.key", "sheet_templates.json", "uploads"}
"""What lies in the home and is read from there whatever the database is."""
MADE_AGAIN = {"cache", "jobs", "locks", "sheet_templates.lock"}
MOVES = {"geo_service.db", "geo_service.db-shm", "geo_service.db-wal"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def server(cluster: Cluster) -> Iterator[str]:
    with cluster.lent_database() as url:
        yield url


def opened(home: Path, url: str = "") -> Deployment:
    return open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": url}))


def close(deployment: Deployment) -> None:
    deployment.counter.jail.close()
    deployment.album.jail.close()
    deployment.store.close()


def live_in(deployment: Deployment) -> tuple[str, list[str]]:
    """A draft with comments, a published photo, a template, an upload; a token and the paths to look at."""
    add_people(deployment)
    app = create_app(deployment)
    drawer, checker, chief = (Visitor(app, name) for name in ("drawer", "checker", "chief"))
    sent = drawer.post(f"/api/layers/{LAYER}/attachments", data=photo(), headers={"X-File-Name": "a.jpg"})
    one = sent.json["id"]
    body = drawer.get(f"/api/layers/{LAYER}/items/{FID}").json
    for note in (one, ""):  # one is published, the other stays a draft
        draft = drawer.post("/api/drafts", json={"layer": LAYER}).json["id"]
        values = body["properties"] | ({"attachments": note} if note else {"name": "草稿里的名字"})
        rev = drawer.get(f"/api/layers/{LAYER}/items/{FID}").json["rev"]
        change = {"feature": {"geometry": body["geometry"], "properties": values}, "base_rev": rev}
        assert drawer.put(f"/api/drafts/{draft}/changes/{FID}", json=change).status_code == 200
        assert drawer.post(f"/api/drafts/{draft}/comments", json={"text": "为什么？"}).status_code in (200, 201)
        drawer.post(f"/api/drafts/{draft}/steps", json={"step": "submit"})
        if note:
            checker.post(f"/api/drafts/{draft}/decisions", json={"fids": "all", "decision": "accept"})
            head = checker.get(f"/api/drafts/{draft}").json["head"]
            assert checker.post(f"/api/drafts/{draft}/publish", json={"head": head}).status_code == 200
    assert drawer.put(TEMPLATE, json={"title": "月报"}).status_code == 200
    data = b'{"type":"FeatureCollection","features":[]}'
    assert drawer.post("/api/uploads", data=data, headers={"X-File-Name": "a.geojson"}).status_code in (200, 201)
    token = deployment.people.accounts.issue_token("chief", "QGIS")
    paths = [
        f"/api/layers/{LAYER}/r1.geojson",
        f"/api/layers/{LAYER}/r2.geojson",
        f"/api/layers/{LAYER}/items/{FID}",
        f"/ogc/collections/{LAYER}/items/{FID}/versions",
        f"/attachments/{LAYER}/{FID}/{one}",
        f"/api/drafts/{draft}",
        "/api/drafts",
        "/api/sheet-templates",
        "/api/plan",
        "/ogc/collections",
    ]
    assert {path: chief.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    return token, paths


def answers(deployment: Deployment, token: str, paths: list[str]) -> dict[str, bytes]:
    """What a program with the token is told, and how the audit chain stands."""
    client = create_app(deployment).test_client()
    login = {"Authorization": f"Bearer {token}"}
    found = {path: client.get(path, headers=login, buffered=True) for path in paths}
    assert {path: answer.status_code for path, answer in found.items()} == dict.fromkeys(paths, 200)
    assert deployment.people.audit.verify().broken is None
    return {path: answer.data for path, answer in found.items()}


def test_history_people_drafts_photos_and_templates_come_along_both_ways(home: Path, server: str) -> None:
    before = opened(home)
    token, paths = live_in(before)
    expected, people = answers(before, token, paths), before.people.accounts.all()
    everything = {path.name for path in home.iterdir()}
    assert everything - MADE_AGAIN - MOVES == STAYS, "say of a new folder what becomes of it when a store moves"
    move_store(before.store, server, progress=lambda _: None)
    close(before)
    for path in home.glob("geo_service.db*"):
        path.unlink()
    moved = opened(home, server)
    assert moved.recoveries == (), "the published files are those of the moved store"
    assert answers(moved, token, paths) == expected
    assert moved.people.accounts.all() == people
    assert Visitor(create_app(moved), "drawer").get("/api/account").json["name"] == "drawer", "passwords still hold"
    move_store(moved.store, f"sqlite:///{home / 'geo_service.db'}", progress=lambda _: None)
    close(moved)
    back = opened(home)
    assert answers(back, token, paths) == expected
    close(back)
