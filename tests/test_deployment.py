"""A deployment starts whatever is wrong with one of its files, and says what is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import ROOT, InvalidSetting, read_settings
from geo_service.web.app import create_app


def deploy(home: Path, layers: Path | None = None, data: Path | None = None) -> Deployment:
    environment = {
        **os.environ,
        "GEO_SERVICE_HOME": str(home),
        "GEO_SERVICE_LAYERS": str(layers or ROOT / "layers"),
        "GEO_SERVICE_DATA": str(data or ROOT / "data"),
    }
    return open_deployment(read_settings(environment))


def in_line(line: int, old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        lines = path.read_text("utf8").split("\n")
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new, 1)
        path.write_text("\n".join(lines), "utf8")

    return change


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "spoil", "line", "field", "word"),
    [
        ("schools.geojson", in_line(3, '"type":"Feature"', '"type":"Feat'), 3, "", "JSON"),
        ("schools.geojson", in_line(3, '"name":', '"nom":'), 3, "nom", "schools.toml"),
        ("schools.geojson", in_line(3, "NK-XX-002", "NK-XX-001"), 3, "id", "NK-XX-001"),
        ("schools.geojson", in_line(2, '"type":"Polygon"', '"type":"Point"'), 2, "geometry", ("几何类型 点", "Point")),
        (
            "schools.geojson",
            in_line(2, '"plan_status":"under_construction"', '"plan_status":"soon"'),
            2,
            "plan_status",
            "soon",
        ),
        ("schools.toml", in_line(6, 'symbol = "school"', 'symbol = "castle"'), 0, "symbol", "castle"),
        ("schools.toml", in_line(3, '"public"', '"colour"'), 3, "theme", "colour"),
    ],
)
def test_a_broken_layer_is_kept_out_and_named(
    tmp_path: Path, *, file: str, spoil: Callable[[Path], None], line: int, field: str, word: str | tuple[str, str]
) -> None:
    shutil.copytree(ROOT / "layers", tmp_path / "layers")
    spoil(tmp_path / "layers" / file)
    deployment = deploy(tmp_path / "home", tmp_path / "layers")
    ids = {s.definition.id for s in deployment.store.layers()}
    assert "schools" not in ids
    assert "waterlogging_zones" in ids
    problem = deployment.seed_problems[0]
    assert (problem.file, problem.line) == (file, line)
    assert not field or problem.field == field
    for language, named in zip(("zh", "en"), (word, word) if isinstance(word, str) else word, strict=True):
        assert named in problem.sentence(language)
    status = create_app(deployment).test_client().get("/about")
    assert status.status_code == 200
    assert file in status.text
    deployment.store.close()


def test_a_broken_ledger_leaves_the_map_serving(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    ledger = tmp_path / "data" / "plan_2025.toml"
    ledger.write_text(ledger.read_text("utf8").replace('kind = "exact"', 'kind = "some"', 1), "utf8")
    deployment = deploy(tmp_path / "home", data=tmp_path / "data")
    (problem,) = deployment.ledger_problems
    assert "plan_2025.toml" in problem.sentence("zh")
    client = create_app(deployment).test_client()
    assert client.get("/").status_code == 200
    assert "plan_2025.toml" in client.get("/about").text
    deployment.store.close()


def test_a_second_start_imports_nothing_again(tmp_path: Path) -> None:
    first = deploy(tmp_path)
    heads = [(s.definition.id, s.revision) for s in first.store.layers()]
    first.store.close()
    second = deploy(tmp_path)
    assert [(s.definition.id, s.revision) for s in second.store.layers()] == heads
    second.store.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("PORT", "-1"), ("LANGUAGE", "fr"), ("SERVER", "apache"), ("ANONYMOUS_READS", "maybe")],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"GEO_SERVICE_{name}"):
        read_settings({f"GEO_SERVICE_{name}": value})
