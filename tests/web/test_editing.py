"""The pencil's own addresses: who is told of it, and cutting shapes in words both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import PEOPLE, Visitor

RING = [[117.1, 39.1], [117.2, 39.1], [117.2, 39.2], [117.1, 39.2], [117.1, 39.1]]
WHOLE = {"type": "Polygon", "coordinates": [RING]}
BLADE = {"type": "LineString", "coordinates": [[117.15, 39.0], [117.15, 39.3]]}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Flask]:
    home = tmp_path_factory.mktemp("edit")
    opened = open_seeded(home, either_database, people=True)
    yield create_app(opened)
    opened.store.close()


@pytest.fixture(scope="module")
def visitors(app: Flask) -> Mapping[str, Visitor]:
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


def test_the_map_names_the_layers_one_may_edit_to_editors_only(visitors: Mapping[str, Visitor]) -> None:
    told = {name: 'name="pencil"' in visitor.page("/").text for name, visitor in visitors.items()}
    assert {name for name, yes in told.items() if yes} == {"drawer", "street", "checker", "chief"}
    page = visitors["street"].page("/").text
    assert "[&#34;schools&#34;]" in page


@pytest.mark.parametrize("operation", ["hole", "split"])
def test_shapes_are_cut_for_editors_only(visitors: Mapping[str, Visitor], operation: str) -> None:
    statuses = {n: v.post(f"/api/shapes/{operation}", json={}).status_code for n, v in visitors.items()}
    assert statuses == {"nobody": 401, "outsider": 403, "reader": 403} | dict.fromkeys(
        ("drawer", "street", "checker", "chief"), 400
    )


def test_a_split_gives_the_parts_and_a_bad_line_a_reason(visitors: Mapping[str, Visitor]) -> None:
    drawer = visitors["drawer"]
    parts = drawer.post("/api/shapes/split", json={"geometry": WHOLE, "by": BLADE}).json["parts"]
    assert [p["type"] for p in parts] == ["Polygon", "Polygon"]
    short = {"type": "LineString", "coordinates": [[117.0, 39.15], [117.15, 39.15]]}
    refused = drawer.post("/api/shapes/split", json={"geometry": WHOLE, "by": short})
    assert refused.status_code == 400
    assert "穿到另一侧" in refused.json["zh"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"geometry":1}', b"\xff"])
def test_what_is_no_request_is_refused(visitors: Mapping[str, Visitor], body: Any) -> None:
    answer = visitors["drawer"].post("/api/shapes/hole", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert visitors["drawer"].post("/api/shapes/melt", json={}).status_code == 400
