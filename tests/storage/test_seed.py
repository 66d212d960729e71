"""Layers as shipped: what reads well is imported once, what does not is named with file, line and field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_service.core.geojson import dump_collection, dump_line
from geo_service.core.layers import Code, Field, Policy
from geo_service.core.text import Text
from geo_service.storage import definitions
from geo_service.storage.seed import Seed, import_seed, read_seed
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, point, unlocated

FEATURES = [point(1), point(2), unlocated(3)]


def write_layer(folder: Path, layer_id: str = "schools", serial: str = "SCH") -> None:
    features = list(FEATURES) if serial == "SCH" else []
    (folder / f"{layer_id}.toml").write_text(definitions.to_toml(definition(layer_id, serial=serial)), encoding="utf-8")
    (folder / f"{layer_id}.geojson").write_bytes(b"".join(dump_collection(layer_id, 1, map(dump_line, features))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "layers"
    path.mkdir()
    write_layer(path)
    write_layer(path, "parks", "PRK")
    return path


def names(seed: Seed) -> list[str]:
    return [layer.definition.id for layer in seed.layers]


def test_good_layers_read_without_problems(folder: Path) -> None:
    seed = read_seed(folder)
    assert seed.problems == ()
    assert names(seed) == ["parks", "schools"]
    assert seed.layers[1].features == tuple(FEATURES)
    assert seed.layers[1].definition == definition()


def test_the_store_imports_each_layer_once(folder: Path, store: LayerStore) -> None:
    made = import_seed(store, read_seed(folder))
    assert [(r.layer, r.rev, r.kind) for r in made] == [("parks", 1, "seed"), ("schools", 1, "seed")]
    store.commit("schools", {"NK-SCH-001": None}, base=1, kind="edit", author="a", note="")
    assert import_seed(store, read_seed(folder)) == ()
    assert store.layer("schools").revision.rev == 2


def test_an_imported_layer_is_published_as_it_was_shipped(folder: Path, store: LayerStore) -> None:
    import_seed(store, read_seed(folder))
    for name in ("schools.geojson", "schools.toml", "parks.toml"):
        assert (store.home / "layers" / name).read_bytes() == (folder / name).read_bytes()


def test_a_file_laid_out_by_another_program_reads_the_same(folder: Path) -> None:
    path = folder / "schools.geojson"
    body = json.loads(path.read_bytes())
    expected = read_seed(folder).layers
    for text in (json.dumps(body), json.dumps(body, indent=2), "\ufeff" + json.dumps(body, indent=1)):
        path.write_text(text.replace("\n", "\r\n"), encoding="utf-8")
        assert read_seed(folder).layers == expected


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, old
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def written(name: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return change


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def folder_instead(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


GEOJSON, TOML = "schools.geojson", "schools.toml"
HEAD = b'{"type":"FeatureCollection","features":[\n'
BROKEN = {
    "geojson missing": (removed(GEOJSON), TOML, 0, "", "file-missing"),
    "toml missing": (removed(TOML), GEOJSON, 0, "", "file-missing"),
    "geojson a folder": (
        folder_instead(GEOJSON),
        GEOJSON,
        0,
        "",
        "file-unreadable",
    ),
    "geojson in GBK": (written(GEOJSON, HEAD + "南开".encode("gbk")), GEOJSON, 2, "", "file-not-utf8"),
    "toml in GBK": (written(TOML, b'id = "schools"\ntitle = "' + "南开".encode("gbk")), TOML, 2, "", "file-not-utf8"),
    "geojson empty": (written(GEOJSON, b""), GEOJSON, 1, "", "file-not-json"),
    "geojson cut": (written(GEOJSON, HEAD + b'{"type":"Feature"'), GEOJSON, 2, "", "file-not-json"),
    "geojson comma": (written(GEOJSON, HEAD + b'{"type":"Feature"},\n]}'), GEOJSON, 3, "", "file-not-json"),
    "geojson garbage behind": (written(GEOJSON, HEAD + b"]}\n]"), GEOJSON, 3, "", "file-not-json"),
    "geojson NaN": (written(GEOJSON, HEAD + b'{"a":NaN}]}'), GEOJSON, 2, "", "file-not-json"),
    "geojson key twice": (written(GEOJSON, HEAD + b'{"a":1,"a":2}]}'), GEOJSON, 2, "", "file-not-json"),
    "geojson too deep": (written(GEOJSON, HEAD + b"[" * 100_000), GEOJSON, 2, "", "file-not-json"),
    "geojson a list": (written(GEOJSON, b"[]"), GEOJSON, 1, "", "file-not-json"),
    "geojson no features": (written(GEOJSON, b'{"type":"FeatureCollection"}'), GEOJSON, 1, "", "file-not-json"),
    "geojson not a collection": (
        written(GEOJSON, b'{"type":"Feature","features":[]}'),
        GEOJSON,
        1,
        "",
        "file-not-json",
    ),
    "geojson features not a list": (
        written(GEOJSON, b'{"type":"FeatureCollection",\n"features":{}}'),
        GEOJSON,
        2,
        "",
        "file-not-json",
    ),
    "geojson key not text": (written(GEOJSON, b"{1:2}"), GEOJSON, 1, "", "file-not-json"),
    "toml not toml": (written(TOML, b'id = "schools"\ntitle = \n'), TOML, 2, "", "file-not-toml"),
    "toml a key twice": (written(TOML, b'id = "a"\nid = "b"\n'), TOML, 2, "", "file-not-toml"),
    "toml field missing": (replaced(TOML, 'serial = "SCH"\n', ""), TOML, 1, "serial", "definition-invalid"),
    "toml unknown field": (
        replaced(TOML, "[[fields]]\n", "[[fields]]\ncolour = 1\n"),
        TOML,
        10,
        "fields[0].colour",
        "definition-invalid",
    ),
    "toml wrong type": (
        replaced(TOML, "minimum = 0", 'minimum = "none"'),
        TOML,
        13,
        "fields[0].minimum",
        "definition-invalid",
    ),
    "toml unknown theme": (replaced(TOML, '"public"', '"pubilc"'), TOML, 3, "theme", "definition-invalid"),
    "toml unknown geometry type": (
        replaced(TOML, '["Point"]', '["Point", "Circle"]'),
        TOML,
        4,
        "geometry_types[1]",
        "definition-invalid",
    ),
    "toml no geometry type": (replaced(TOML, '["Point"]', "[]"), TOML, 4, "geometry_types", "definition-invalid"),
    "toml other id": (replaced(TOML, 'id = "schools"', 'id = "parks"'), TOML, 1, "id", "definition-invalid"),
    "toml id for no file": (replaced(TOML, 'id = "schools"', 'id = "../x"'), TOML, 1, "id", "definition-invalid"),
    "toml serial small": (replaced(TOML, '"SCH"', '"sch"'), TOML, 5, "serial", "definition-invalid"),
    "serial of another layer": (replaced(TOML, '"SCH"', '"PRK"'), TOML, 5, "serial", "serial-duplicate"),
    "toml field named id": (
        replaced(TOML, 'key = "pupils"', 'key = "id"'),
        TOML,
        10,
        "fields[0].key",
        "definition-invalid",
    ),
    "toml field there already": (
        replaced(TOML, 'key = "pupils"', 'key = "name"'),
        TOML,
        10,
        "fields[0].key",
        "definition-invalid",
    ),
    "toml code field without codes": (
        replaced(TOML, '"integer"', '"code"'),
        TOML,
        9,
        "fields[0].codes",
        "definition-invalid",
    ),
    "member not a feature": (
        replaced(GEOJSON, '"type":"Feature"}', '"type":"Thing"}'),
        GEOJSON,
        2,
        "",
        "not-a-feature",
    ),
    "member a number": (
        written(GEOJSON, b'{"type":"FeatureCollection","features":[\n7]}'),
        GEOJSON,
        2,
        "",
        "not-a-feature",
    ),
    "geometry a text": (
        written(GEOJSON, HEAD + b'{"type":"Feature","id":"a","geometry":"POINT(1 1)","properties":{}}]}'),
        GEOJSON,
        2,
        "",
        "not-a-feature",
    ),
    "no id": (replaced(GEOJSON, '"id":"NK-SCH-002",', ""), GEOJSON, 3, "id", "id-missing"),
    "a number as id": (replaced(GEOJSON, '"id":"NK-SCH-002"', '"id":2'), GEOJSON, 3, "id", "id-missing"),
    "an id twice": (replaced(GEOJSON, "NK-SCH-002", "NK-SCH-001"), GEOJSON, 3, "id", "id-duplicate"),
    "an id of another layer": (replaced(GEOJSON, "NK-SCH-002", "NK-PRK-002"), GEOJSON, 3, "id", "id-malformed"),
    "an unknown field": (
        replaced(GEOJSON, '"name":"学校 1"', '"colour":1,"name":"学校 1"'),
        GEOJSON,
        2,
        "colour",
        "field-unknown",
    ),
    "a required field empty": (
        replaced(GEOJSON, '"source":"实测"', '"source":""'),
        GEOJSON,
        2,
        "source",
        "field-required",
    ),
    "a value of the wrong type": (
        replaced(GEOJSON, '"name":"学校 1"', '"pupils":"many","name":"学校 1"'),
        GEOJSON,
        2,
        "pupils",
        "field-type",
    ),
    "a value out of range": (
        replaced(GEOJSON, '"name":"学校 1"', '"pupils":-1,"name":"学校 1"'),
        GEOJSON,
        2,
        "pupils",
        "field-range",
    ),
    "a value not in the code list": (
        replaced(GEOJSON, '"precision":"surveyed"', '"precision":"exact"'),
        GEOJSON,
        2,
        "precision",
        "field-code",
    ),
    "the wrong geometry type": (
        replaced(
            GEOJSON,
            '{"coordinates":[117.15,39.1],"type":"Point"}',
            '{"coordinates":[[1,1],[2,2]],"type":"LineString"}',
        ),
        GEOJSON,
        2,
        "geometry",
        "geometry-type",
    ),
    "coordinates of text": (
        replaced(GEOJSON, "[117.15,39.1]", '["east","north"]'),
        GEOJSON,
        2,
        "geometry",
        "geometry-malformed",
    ),
    "no geometry": (
        replaced(GEOJSON, '"geometry":{"coordinates":[117.15,39.1],"type":"Point"}', '"geometry":null'),
        GEOJSON,
        2,
        "geometry",
        "geometry-missing",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_layer_is_named_exactly_and_keeps_only_itself_out(folder: Path, case: str, store: LayerStore) -> None:
    change, file, line, field, code = BROKEN[case]
    change(folder)
    seed = read_seed(folder)
    assert names(seed) == ["parks"]
    found = [(p.file, p.line, p.field, p.finding.code) for p in seed.problems]
    assert (file, line, field, code) in found
    import_seed(store, seed)
    assert [s.definition.id for s in store.layers()] == ["parks"]


@pytest.mark.parametrize("case", BROKEN)
def test_every_problem_has_a_sentence_in_both_languages(folder: Path, case: str) -> None:
    BROKEN[case][0](folder)
    for problem in read_seed(folder).problems:
        for language in ("zh", "en"):
            sentence = problem.sentence(language)
            assert sentence.startswith(problem.file)
            assert not re.search(r"\{\w", sentence), "a parameter was not filled in"
        assert problem.sentence("zh") != problem.sentence("en")


def test_every_broken_feature_is_reported_not_only_the_first(folder: Path) -> None:
    replaced(GEOJSON, '"id":"NK-SCH-001",', "")(folder)
    replaced(GEOJSON, '"id":"NK-SCH-003",', "")(folder)
    replaced(GEOJSON, '"name":"学校 2"', '"name":""')(folder)
    found = [(p.line, p.finding.code) for p in read_seed(folder).problems]
    assert found == [(2, "id-missing"), (4, "id-missing"), (3, "field-required")]


def test_the_line_of_a_field_is_found_in_a_file_of_many_lines(folder: Path) -> None:
    path = folder / GEOJSON
    body = json.loads(path.read_bytes())
    body["features"][1]["properties"]["pupils"] = -5
    text = json.dumps(body, indent=1, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    (problem,) = read_seed(folder).problems
    assert '"pupils": -5' in text.split("\n")[problem.line - 1]


def test_a_folder_that_is_not_there_is_an_empty_seed(tmp_path: Path) -> None:
    assert read_seed(tmp_path / "nothing") == Seed((), ())


def test_a_definition_comes_back_from_its_toml() -> None:
    full = definition(
        description=Text('引号 " 与 \\ 与换行\n', "Tab\t, delete \x7f, emoji 🌳"),
        fields=(
            Field(
                key="level",
                title=Text("级别", "Level"),
                type="code",
                codes=(Code("a", Text("甲", "A")), Code("b", Text("乙", "B"))),
                aliases=("等级", "grade"),
            ),
            Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²", maximum=1.5e9, derived=True),
        ),
        commitments=("schools-1", "schools-2"),
        policy=Policy(four_eyes=False, must_tile=True),
        secrecy="public",
        shown=True,
    )
    assert definitions.from_toml(definitions.to_toml(full).encode()) == full
    assert definitions.from_json(definitions.to_json(full)) == full


def test_the_shipped_layers_read_without_problems() -> None:
    seed = read_seed(Path(__file__).resolve().parents[2] / "layers")
    assert [p.sentence() for p in seed.problems if p.blocking] == []
    assert len(seed.layers) >= 20
