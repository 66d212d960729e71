"""Two web processes on one home and one database: whichever is asked, the answer is the same, at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app
from tests.postgis import Cluster
from tests.waiting import look_until
from tests.web.test_upload import person

pytestmark = pytest.mark.postgis

LAYER = "pocket_parks"
LONGEST_S = 30.0


@pytest.fixture
def two(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[FlaskClient, FlaskClient, dict[str, str], dict[str, str]]]:
    """A client of each process, an editor and a reviewer."""
    with cluster.lent_database() as url:
        settings = read_settings({"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_DATABASE": url})
        here, there = open_deployment(settings), open_deployment(settings)
        people = person(here, "sender", "editor"), person(here, "checker", "reviewer")
        yield create_app(here).test_client(), create_app(there).test_client(), *people
        for opened in (here, there):
            opened.counter.jail.close()
            opened.store.close()


def wait_for(client: FlaskClient, path: str, key: str, headers: dict[str, str]) -> Any:
    def ask() -> Any:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    return look_until(ask, lambda told: key in told, seconds=LONGEST_S, what=f"{key} of {path}")


def test_a_file_sent_to_one_process_is_examined_drafted_and_published_through_the_other(
    two: tuple[FlaskClient, FlaskClient, dict[str, str], dict[str, str]],
) -> None:
    one, other, sender, checker = two
    feature = one.get(f"/api/layers/{LAYER}/items?limit=1", headers=sender).json["features"][0]
    feature["properties"]["name"] = "两个进程的口袋公园"
    kept = {
        "type": "Feature",
        "id": feature["id"],
        "geometry": feature["geometry"],
        "properties": feature["properties"],
    }
    data = json.dumps({"type": "FeatureCollection", "features": [kept]}).encode()
    sent = one.post("/api/uploads", data=data, headers=sender | {"X-File-Name": "parks.geojson"})
    begun = other.post(
        f"/api/uploads/{sent.json['id']}/examinations", json={"layer": LAYER, "mode": "upsert"}, headers=sender
    )
    state = wait_for(one, f"/api/examinations/{begun.json['job']}", "result", sender)
    assert state["result"]["tally"]["modified"] == 1, state["result"]
    assert one.get(f"/api/examinations/{begun.json['job']}", headers=checker).status_code == 404, "it is the sender's"
    assert one.get("/api/examinations/..%2f..%2fetc", headers=sender).status_code == 404
    draft = one.post(f"/api/examinations/{state['job']}/draft", json={"note": "x"}, headers=sender).json["id"]
    assert other.post(f"/api/drafts/{draft}/steps", json={"step": "submit"}, headers=sender).status_code == 200
    accept = {"fids": "all", "decision": "accept"}
    assert one.post(f"/api/drafts/{draft}/decisions", json=accept, headers=checker).status_code == 200
    assert other.post(f"/api/drafts/{draft}/publish", json={"head": 1}, headers=checker).status_code == 200
    deadline = time.monotonic() + LONGEST_S
    while one.get(f"/api/layers/{LAYER}").json["rev"] != 2:
        assert time.monotonic() < deadline, "the first process still serves the old revision"
    found = one.get(f"/api/layers/{LAYER}/items/{feature['id']}").json
    assert found["properties"]["name"] == "两个进程的口袋公园"
