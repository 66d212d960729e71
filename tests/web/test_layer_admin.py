"""New layers and the rules of layers: by administrators only, from a file or from nothing, in words where it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from geo_service.deployment import Deployment
from geo_service.usecases import new_layer
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import PEOPLE, Visitor

ROWS = [("甲井", "井", 3, 117.15), ("乙井", "井", 4, 117.151), ("丙闸", "闸", 5, 117.152), ("丁闸", "闸", "x", 117.153)]
POLICY = "waterlogging_candidates"


def points(rows: list[tuple[Any, ...]]) -> bytes:
    """GeoJSON of points with Chinese columns."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [x, 39.11]},
            "properties": {"名称": name, "类别": kind, "深度（m）": depth},
        }
        for name, kind, depth, x in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def definition(**more: Any) -> dict[str, Any]:
    """A definition as the page sends it."""
    kinds = [{"value": v, "title": {"zh": v, "en": v}} for v in ("井", "闸")]
    return {
        "id": "valves",
        "title": {"zh": "井闸", "en": "Valves"},
        "theme": "transport",
        "geometry_types": ["Point", "MultiPoint"],
        "serial": "JZ",
        "symbol": "point_blue",
        "source": "排水所 2025",
        "secrecy": "internal",
        "policy": {"four_eyes": True, "must_tile": False},
        "fields": [
            {"key": "kind", "title": {"zh": "类别", "en": "Kind"}, "type": "code", "codes": kinds, "required": True},
            {
                "key": "depth_m",
                "title": {"zh": "深度", "en": "Depth"},
                "type": "number",
                "unit": "m",
                "minimum": 0,
                "maximum": 20,
                "aliases": ["深度（m）"],
            },
        ],
    } | more


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("layers")
    opened = open_seeded(home, either_database, people=True)
    yield opened
    opened.counter.jail.close()
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture(scope="module")
def visitors(app: Flask) -> Mapping[str, Visitor]:
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


@pytest.fixture
def chief(visitors: Mapping[str, Visitor]) -> Visitor:
    return visitors["chief"]


def upload(chief: Visitor, data: bytes, name: str = "井闸.geojson") -> str:
    from urllib.parse import quote

    return str(chief.post("/api/uploads", data=data, headers={"X-File-Name": quote(name)}).json["id"])


def rehearse(chief: Visitor, deployment: Deployment, kept: str, **body: Any) -> tuple[str, dict[str, Any]]:
    """The job of a dry run and what it found."""
    answer = chief.post("/api/new-layers/rehearsals", json={"upload": kept, **body})
    assert answer.status_code == 202, answer.text
    job = str(answer.json["job"])
    deployment.counter.jobs[job].job.wait(30)
    return job, chief.get(f"/api/new-layers/rehearsals/{job}").json["result"]


def test_a_layer_is_made_of_a_file_with_its_schema_and_every_row_that_fits(
    chief: Visitor, deployment: Deployment, visitors: Mapping[str, Visitor]
) -> None:
    kept = upload(chief, points(ROWS))
    _, found = rehearse(chief, deployment, kept)
    assert found["geometry_types"] == ["Point"]
    assert [f["title"]["zh"] for f in found["schema"]] == ["类别", "深度（m）"]
    assert found["samples"][0]["名称"] == "甲井"
    job, tried = rehearse(chief, deployment, kept, definition=definition(), precision="address")
    assert tried["tally"]["added"] == 3
    assert [f["row"] for f in tried["findings"] if f["level"] == "block"] == [4]
    assert "valves" not in {s.definition.id for s in deployment.store.layers()}, "a rehearsal writes nothing"
    made = chief.post("/api/new-layers", json={"job": job})
    assert (made.status_code, made.json["features"], made.json["url"]) == (201, 3, "/layers/valves")
    feature = deployment.store.feature("valves", "NK-JZ-001")
    assert feature.properties["depth_m"] == 3
    assert feature.properties["precision"] == "address"
    assert feature.properties["source"] == "排水所 2025"
    assert feature.properties["subdistrict"]
    assert visitors["reader"].get("/api/layers/valves/items").status_code == 404, "internal to others"
    assert visitors["drawer"].get("/api/layers/valves/items").json["numberMatched"] == 3
    assert "layer-create" in str(deployment.people.audit.entries()[:5])

    chief.post("/admin/layers/valves/retire", data={"typed": "valves"})
    again = chief.post("/api/new-layers", json={"definition": definition()})
    assert again.status_code == 400
    assert "停用" in again.json["zh"]
    chief.post("/admin/layers/valves/restore")
    assert deployment.store.layer("valves").count == 3


def test_a_layer_of_very_many_rows_is_made_by_another_process(
    chief: Visitor, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_layer, "LARGE", 2)
    kept = upload(chief, points(ROWS))
    about = definition(id="many_valves", serial="DJ")
    job, tried = rehearse(chief, deployment, kept, definition=about, precision="address")
    assert tried["tally"]["added"] == 3
    made = chief.post("/api/new-layers", json={"job": job})
    assert (made.status_code, made.json["features"]) == (201, 3)
    feature = deployment.store.feature("many_valves", "NK-DJ-001")
    assert (feature.properties["depth_m"], feature.properties["precision"]) == (3, "address")
    assert feature.properties["subdistrict"]
    assert "many_valves" in str(deployment.people.audit.entries()[:3])
    deployment.store.flush()
    assert b"NK-DJ-001" in deployment.store.published_path("many_valves").read_bytes()
    again = chief.post("/api/new-layers", json={"job": job})
    assert again.status_code == 400
    assert "many_valves" in again.json["zh"]
    assert deployment.store.layer("many_valves").revision.rev == 1


def test_a_terrain_model_becomes_a_layer_that_says_where_water_would_stand(
    chief: Visitor, deployment: Deployment
) -> None:
    rows = [" ".join("8" if 8 <= r <= 12 and 8 <= c <= 12 else "10" for c in range(21)) for r in range(21)]
    head = "ncols 21\nnrows 21\nxllcorner 511000\nyllcorner 4330000\ncellsize 5\n"
    kept = upload(chief, (head + "\n".join(rows)).encode(), "地形.asc")
    height = {"key": "elevation_m", "title": {"zh": "高程", "en": "Elevation"}, "type": "number", "unit": "m"}
    about = definition(id="terrain", serial="GC", secrecy="public", fields=[height], geometry_types=["Point"])
    job, tried = rehearse(chief, deployment, kept, definition=about, precision="surveyed", crs="4548")
    assert tried["tally"]["added"] == 21 * 21, tried["findings"]
    assert chief.post("/api/new-layers", json={"job": job}).status_code == 201
    found = chief.get("/api/analyses/depressions?layer.heights=terrain", headers={"Prefer": "wait=60"}).json
    assert found["figures"]["depressions"] == 1
    assert found["figures"]["volume_m3"] == pytest.approx(25 * 5 * 5 * 2, rel=1e-3)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": "Bad Id"}, "id"),
    ({"id": "../x"}, "id"),
    ({"id": "schools"}, "id"),
    ({"serial": "jz"}, "serial"),
    ({"serial": "JSD"}, "serial"),
    ({"symbol": "none"}, "symbol"),
    ({"theme": "none"}, "theme"),
    ({"title": {"zh": " ", "en": "x"}}, "title"),
    ({"source": ""}, "source"),
    ({"geometry_types": []}, "geometry_types"),
    ({"geometry_types": ["Curve"]}, "geometry_types"),
    ({"fields": [{"key": "name", "title": {"zh": "x", "en": "x"}}]}, "fields.0.key"),
    ({"fields": [{"key": "a b", "title": {"zh": "x", "en": "x"}}]}, "fields.0.key"),
    ({"fields": [{"key": "a", "title": {"zh": "x", "en": "x"}, "type": "code"}]}, "fields.0.codes"),
    ({"secrecy": "secret"}, "secrecy"),
]


@pytest.mark.parametrize(("change", "place"), WRONG)
def test_a_definition_that_cannot_be_used_says_where(chief: Visitor, change: dict[str, Any], place: str) -> None:
    fresh = {"id": "fresh_layer", "serial": "FRESH"}
    answer = chief.post("/api/new-layers", json={"definition": definition(**(fresh | change))})
    assert answer.status_code == 400
    assert place.split(".", maxsplit=1)[0] in answer.json["zh"], answer.json["zh"]


def test_an_empty_layer_is_made_without_a_file_and_edited_at_once(chief: Visitor, deployment: Deployment) -> None:
    made = chief.post("/api/new-layers", json={"definition": definition(id="empty_one", serial="EMPTY")})
    assert made.status_code == 201
    assert deployment.store.layer("empty_one").count == 0
    assert chief.post("/api/drafts", json={"layer": "empty_one"}).status_code == 201
    assert chief.page("/layers/empty_one").status_code == 200


@pytest.mark.parametrize("name", [n for n in ("nobody", *PEOPLE) if n != "chief"])
def test_nobody_but_administrators_makes_layers_or_rules(visitors: Mapping[str, Visitor], name: str) -> None:
    who, refused = visitors[name], (401, 403)
    assert who.get("/admin/layers/new").status_code in refused
    assert who.get(f"/admin/layers/{POLICY}").status_code in refused
    assert who.post(f"/admin/layers/{POLICY}", data={"secrecy": "public"}).status_code in refused
    assert who.post("/api/new-layers", json={"definition": definition(id="theirs")}).status_code in refused
    assert who.post("/api/new-layers/rehearsals", json={"upload": "x"}).status_code in refused
    assert who.get("/api/new-layers/rehearsals/x").status_code in refused


def test_rights_and_rules_of_a_layer_become_a_revision_and_hold_at_once(
    chief: Visitor, visitors: Mapping[str, Visitor], deployment: Deployment
) -> None:
    before = deployment.store.layer(POLICY)
    assert 'name="four_eyes" checked' in chief.page(f"/admin/layers/{POLICY}").text
    form = {"zh": "候选点", "en": "Candidates", "theme": "resilience", "secrecy": "internal", "note": "收回公开"}
    assert chief.post(f"/admin/layers/{POLICY}", data=form).status_code == 303
    after = deployment.store.layer(POLICY)
    assert after.revision.rev == before.revision.rev + 1
    assert after.count == before.count
    assert (after.definition.secrecy, after.definition.policy.four_eyes) == ("internal", False)
    assert visitors["nobody"].get(f"/api/layers/{POLICY}/items").status_code == 404
    assert chief.post(f"/admin/layers/{POLICY}", data=form | {"theme": "x"}).status_code == 400
    assert chief.post(f"/admin/layers/{POLICY}", data=form | {"zh": " "}).status_code == 400
