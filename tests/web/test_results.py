"""Saved results over HTTP: kept as given, out of date when a layer moves on, compared, internal with their layers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment
from geo_service.storage.backup import backup, restore
from geo_service.storage.saved_results import SavedResults
from geo_service.storage.store import open_store
from geo_service.usecases.comparison import compare_answers
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.conftest import warm_up
from tests.web.people import INTERNAL, PEOPLE, Visitor

BUFFER = {"name": "消防站 100 m", "analysis": "buffer", "layers": {"layer": "fire_stations"}}
STATION = "NK-XFZ-001"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("results")
    opened = open_seeded(home, either_database, people=True)
    spot = Feature("NK-QXZ-001", {"name": "x", "source": "x"}, {"type": "Point", "coordinates": [117.15, 39.12]})
    warm_up(opened)
    opened.store.create_layer(internal_layer(), [spot], author="x", note="x")
    yield opened
    opened.answers.jobs.close()
    opened.store.close()


def internal_layer() -> LayerDefinition:
    """A layer only those may read who hold a role on it."""
    return LayerDefinition(
        id=INTERNAL,
        title=Text("内部工程", "Internal works"),
        theme="projects",
        geometry_types=("Point",),
        serial="QXZ",
        symbol="point_blue",
        source="x",
        secrecy="internal",
    )


@pytest.fixture(scope="module")
def visitors(deployment: Deployment) -> Mapping[str, Visitor]:
    app: Flask = create_app(deployment)
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


def keep(visitor: Visitor, **changed: Any) -> Any:
    answer = visitor.post("/api/results", json=BUFFER | changed)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def move_station(deployment: Deployment) -> None:
    """Publish another place of the fire station."""
    store = deployment.store
    rev, feature = store.layer("fire_stations").revision.rev, store.feature("fire_stations", STATION)
    lon, lat = feature.geometry["coordinates"] if feature.geometry else (117.13, 39.13)
    moved = feature.__class__(feature.id, feature.properties, {"type": "Point", "coordinates": [lon + 0.001, lat]})
    store.commit("fire_stations", {STATION: moved}, base=rev, kind="edit", author="x", note="移动")


@pytest.mark.slow
def test_a_saved_result_opens_again_exactly_as_it_was(visitors: Mapping[str, Visitor]) -> None:
    drawer = visitors["drawer"]
    first = drawer.get("/api/analyses/buffer?layer.layer=fire_stations").get_json()
    saved = keep(drawer)
    assert saved["page"] == f"/analysis/results/{saved['id']}"
    opened = drawer.get(f"/api/results/{saved['id']}").get_json()
    assert opened.pop("saved")["author"] == "drawer"
    assert opened == first
    page = drawer.page(saved["page"])
    assert first["headline"]["zh"] in page.text
    assert "消防站 100 m" in visitors["nobody"].page("/analysis/results").text


def test_a_page_saves_with_its_form_and_deletes_with_another(visitors: Mapping[str, Visitor]) -> None:
    drawer = visitors["drawer"]
    page = drawer.page("/analysis/buffer?run=1&layer.layer=schools&distance_m=55").text
    query = re.search(r'name="query" value="([^"]+)"', page)
    assert query
    form = {"name": "学校 55 m", "question": "buffer", "query": query[1].replace("&amp;", "&")}
    kept = drawer.post("/analysis/results", data=form)
    assert kept.status_code == 303
    where = kept.headers["Location"]
    assert "学校 55 m" in drawer.page(where).text
    assert drawer.post(f"{where}/delete").status_code == 303
    assert drawer.page(where).status_code == 404


@pytest.mark.parametrize("name", ["", "   ", "长" * 81, "a\u202eb"])
def test_a_senseless_name_is_refused(visitors: Mapping[str, Visitor], name: str) -> None:
    refused = visitors["drawer"].post("/api/results", json=BUFFER | {"name": name})
    assert (refused.status_code, refused.get_json()["title"]) == (400, "invalid-parameter")


def test_a_result_says_when_its_layer_has_moved_on_and_compares_with_now(
    visitors: Mapping[str, Visitor], deployment: Deployment
) -> None:
    drawer = visitors["drawer"]
    saved = keep(drawer, name="移动前")
    assert not drawer.get(f"/api/results/{saved['id']}").get_json()["outdated"]
    move_station(deployment)
    opened = drawer.get(f"/api/results/{saved['id']}").get_json()
    assert opened["outdated"]
    assert opened["reads"][0]["head"] == opened["reads"][0]["rev"] + 1
    assert 'id="outdated"' in drawer.page(saved["page"]).text
    assert "数据已更新" in drawer.page("/analysis/results").text
    later = keep(drawer, name="移动后", parameters={"distance_m": 150})
    page = drawer.page(f"/analysis/results/compare?id={saved['id']}&id={later['id']}")
    assert page.status_code == 200
    assert "100" in page.text
    assert "150" in page.text
    now = drawer.page(f"/analysis/results/compare?id={saved['id']}&id=now")
    assert "r1" in now.text
    assert "r2" in now.text
    assert drawer.page(f"/analysis/results/compare?id={saved['id']}").status_code == 400


def test_results_of_different_questions_are_not_compared(visitors: Mapping[str, Visitor]) -> None:
    drawer = visitors["drawer"]
    one, other = keep(drawer), keep(drawer, analysis="land-account", layers={})
    refused = drawer.page(f"/analysis/results/compare?id={one['id']}&id={other['id']}")
    assert refused.status_code == 400


def test_a_result_of_an_internal_layer_is_internal(visitors: Mapping[str, Visitor]) -> None:
    saved = keep(visitors["reader"], name="内部", layers={"layer": INTERNAL})
    paths = [f"/api/results/{saved['id']}{end}" for end in ("", ".xlsx", ".gpkg")] + [saved["page"]]
    for name in ("nobody", "outsider"):
        assert [visitors[name].get(p).status_code for p in paths] == [404] * 4
        assert saved["id"] not in visitors[name].get("/api/results").text
        assert saved["id"] not in visitors[name].page("/analysis/results").text
        refused = visitors[name].page(f"/analysis/results/compare?id={saved['id']}&id=now")
        assert refused.status_code == 404
    assert [visitors["drawer"].get(p).status_code for p in paths] == [200] * 4


def test_only_author_and_administrators_delete_and_it_is_in_the_log(
    visitors: Mapping[str, Visitor], deployment: Deployment
) -> None:
    saved = keep(visitors["drawer"])
    path = f"/api/results/{saved['id']}"
    assert visitors["nobody"].post("/api/results", json=BUFFER).status_code in (401, 403)
    assert visitors["nobody"].send("DELETE", path).status_code in (401, 403)
    assert visitors["checker"].send("DELETE", path).status_code == 403
    assert visitors["chief"].send("DELETE", path).status_code == 200
    assert visitors["drawer"].get(path).status_code == 404
    entries = deployment.people.audit.entries(actions=("result-save", "result-delete"), limit=2)
    assert [(e.actor, e.action, e.target) for e in entries] == [
        ("chief", "result-delete", saved["id"]),
        ("drawer", "result-save", saved["id"]),
    ]


def test_author_and_administrators_rename_a_result_and_it_is_in_the_log(
    visitors: Mapping[str, Visitor], deployment: Deployment
) -> None:
    saved = keep(visitors["drawer"])
    page = f"/analysis/results/{saved['id']}"
    assert visitors["checker"].post(f"{page}/rename", data={"name": "别人的"}).status_code == 403
    assert visitors["drawer"].post(f"{page}/rename", data={"name": "  "}).status_code == 400
    assert visitors["drawer"].post(f"{page}/rename", data={"name": "三季度 学校"}).status_code == 303
    assert visitors["nobody"].get(f"/api/results/{saved['id']}").get_json()["saved"]["name"] == "三季度 学校"
    assert "重命名" in visitors["drawer"].page(page).text
    assert "重命名" not in visitors["checker"].page(page).text
    entry = deployment.people.audit.entries(actions=("result-rename",), limit=1)[0]
    assert (entry.actor, entry.target) == ("drawer", saved["id"])


def test_the_workbook_of_a_result_keeps_its_numbers(visitors: Mapping[str, Visitor]) -> None:
    saved = keep(visitors["drawer"], analysis="land-account", layers={})
    body = visitors["drawer"].get(f"/api/results/{saved['id']}").get_json()
    book = load_workbook(io.BytesIO(visitors["drawer"].get(f"/api/results/{saved['id']}.xlsx?lang=en").data))
    area = [c["key"] for c in body["columns"]].index("area_m2")
    rows = [list(r) for r in book["Result"].iter_rows(min_row=2, values_only=True)]
    assert [r[area] for r in rows] == [r[area] for r in body["rows"]]


def test_results_come_back_from_a_backup(
    visitors: Mapping[str, Visitor], deployment: Deployment, tmp_path: Path
) -> None:
    saved = keep(visitors["drawer"], name="进备份")
    backup(deployment.store, tmp_path / "all.zip")
    restore(tmp_path / "all.zip", tmp_path / "new")
    store = open_store(f"sqlite:///{tmp_path / 'new' / 'geo_service.db'}", tmp_path / "new", deployment.now)
    assert SavedResults(store.database, deployment.now).get(saved["id"]) == deployment.results.get(saved["id"])
    store.close()


# ---- comparing


def answer(rows: list[list[Any]], **changed: Any) -> dict[str, Any]:
    told = {"id": "q", "headline": {"zh": "", "en": ""}, "figures": {"n": len(rows)}, "parameters": [], "reads": []}
    return {**told, "columns": [{"key": "id"}, {"key": "area"}, {"key": "name"}], "rows": rows, **changed}


def test_rows_are_matched_by_what_tells_them_apart() -> None:
    before = answer([["a", 1, "x"], ["b", 2, "y"], ["c", 3, "z"]])
    after = answer([["c", 3, "z"], ["b", 5, "y"], ["d", 9, "w"]])
    found = compare_answers(before, after)
    assert [(r["state"], r["cells"][0]["after"]) for r in found["rows"]] == [
        ("changed", "b"),
        ("added", "d"),
        ("removed", "a"),
        ("same", "c"),
    ]
    assert found["rows"][0]["cells"][1]["change"] == 3
    assert found["counts"] == {"changed": 1, "added": 1, "removed": 1, "same": 1}


def test_a_comparison_with_itself_is_all_the_same() -> None:
    twins = answer([["a", 1, "x"], ["a", 1, "x"], ["a", 2, "x"]])
    found = compare_answers(twins, twins)
    assert [r["state"] for r in found["rows"]] == ["same"] * 3
    assert (found["parameters"], found["reads"]) == ([], [])
