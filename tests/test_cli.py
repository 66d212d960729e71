"""The command line, run as people run it: in process where that is the same, as a process where it is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_service import __version__
from geo_service.cli import COMMANDS, build, exit_code, run
from geo_service.cli.terminal import Terminal, choose_language
from geo_service.cli.text_table import cells, shorten, text_table
from geo_service.errors import InvalidFilter, LayerNotFound, RejectedUpload, StorageFault
from geo_service.settings import ROOT
from tests.postgis import Cluster

Run = Callable[..., int]
NAMES = [command(Terminal("zh", {})).name for command in COMMANDS]


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    def call(*arguments: str, **settings: str) -> int:
        environment = {"GEO_SERVICE_HOME": str(tmp_path / "home")}
        environment |= {f"GEO_SERVICE_{name.upper()}": value for name, value in settings.items()}
        return run(arguments, environment)

    return call


@pytest.fixture
def shipped(tmp_path: Path) -> dict[str, str]:
    """Copies of the shipped folders that a test may break."""
    for name in ("layers", "data"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return {name: str(tmp_path / name) for name in ("layers", "data")}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself_in_both_languages(
    cli: Run, capsys: pytest.CaptureFixture[str], name: str, language: str
) -> None:
    assert cli(name, "--help", language=language) == 0
    text = capsys.readouterr().out.replace("二.4.1", "")  # a section of the plan is named in its own words
    assert text.startswith("用法：" if language == "zh" else "Usage: ")
    chinese = any("\u4e00" <= c <= "\u9fff" for c in text)
    assert chinese == (language == "zh")


def test_the_help_names_every_command_in_order(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--help") == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n  {name} ") for name in NAMES]
    assert places == sorted(places)


def test_every_option_is_explained(cli: Run) -> None:
    for command in build(Terminal("en", {})).commands.values():
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or parameter.help, (command.name, parameter.name)


def test_the_version_is_the_packages_own(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--version") == 0
    assert capsys.readouterr().out == f"geo_service {__version__}\n"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "GEO_SERVICE_LANGUAGE": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "GEO_SERVICE_LANGUAGE": "zh"}, "zh"),
    ],
)
def test_the_language_follows_setting_then_locale(environment: dict[str, str], language: str) -> None:
    assert choose_language(environment) == language


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        (["nope"], "没有命令 nope", "No such command 'nope'"),
        (["layers", "--nope"], "没有选项 --nope", "No such option '--nope'"),
        (["backup"], "缺少 文件", "Missing argument 'FILE'"),
        (["serve", "--port", "x"], "--port 的值不对：x", "'--port': x"),
        (["restore", "no-such.tar"], "没有文件 no-such.tar", "File 'no-such.tar' does not exist"),
        (["serve", "--port", "65536"], "须为 0 至 65535", "must be 0 to 65535"),
    ],
)
def test_a_line_that_is_not_understood_is_explained_and_exits_2(
    cli: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], zh: str, en: str
) -> None:
    assert cli(*arguments) == 2
    assert zh in capsys.readouterr().err
    assert cli(*arguments, language="en") == 2
    assert en in capsys.readouterr().err


def test_a_wrong_setting_is_named_and_exits_2(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("layers", port="eighty") == 2
    assert "GEO_SERVICE_PORT=eighty" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli() == 2
    assert "serve" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LayerNotFound(layer="x"), 2),
        (InvalidFilter(position=1, reason="x"), 2),
        (RejectedUpload(file="x", reason="x"), 1),
        (StorageFault(reason="x"), 3),
    ],
)
def test_refusals_exit_by_whose_turn_it_is(error: Exception, code: int) -> None:
    assert exit_code(error) == code  # type: ignore[arg-type]  # pytest widens the parameter


# ---- reading


def test_layers_lists_every_shipped_layer(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("layers") == 0
    table = capsys.readouterr().out
    for path in (ROOT / "layers").glob("*.toml"):
        title = tomllib.loads(path.read_text("utf-8"))["title"]["zh"]
        assert any(line.split()[:2] == [path.stem, title.split()[0]] for line in table.splitlines()), path.stem


def test_layers_as_json_is_the_catalogue(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("layers", "--json") == 0
    zones = next(x for x in json.loads(capsys.readouterr().out) if x["id"] == "waterlogging_zones")
    assert (zones["count"], zones["illustrative"], zones["rev"]) == (40, 40, 1)


def test_plan_lists_every_commitment_of_the_ledger(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("plan") == 0
    ledger = tomllib.loads((ROOT / "data" / "plan_2025.toml").read_text("utf-8"))
    lines = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert {c["id"] for c in ledger["commitments"]} <= lines


def test_plan_of_one_layer_counts_its_members(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("plan", "--layer", "waterlogging_zones", "--json") == 0
    entries = json.loads(capsys.readouterr().out)
    assert {e["layer"] for e in entries} == {"waterlogging_zones"}
    assert sum(e["progress"]["listed"] for e in entries) == 40


def test_plan_of_a_section_that_is_not_there_exits_1(cli: Run) -> None:
    assert cli("plan", "--section", "九.9") == 1


def test_check_finds_nothing_in_the_shipped_data(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("check") == 0
    assert "阻断 0" in capsys.readouterr().out


def test_check_does_not_touch_the_home(cli: Run, tmp_path: Path) -> None:
    cli("check")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("layers/pocket_parks.geojson", '"id":"NK-KDG-001"', '"id":"NK-KDG-002"', "NK-KDG-002"),
        ("layers/pocket_parks.geojson", '"type":"Polygon"', '"type":"Point"', "第"),
        ("layers/pocket_parks.toml", 'symbol = "', 'symbol = "no-', "no-pocket_park"),
        ("data/plan_2025.toml", "[[commitments]]", "[[commitments", "plan_2025.toml"),
    ],
)
def test_check_names_file_and_place_and_exits_1(
    cli: Run,
    capsys: pytest.CaptureFixture[str],
    shipped: dict[str, str],
    tmp_path: Path,
    file: str,
    old: str,
    new: str,
    words: str,
) -> None:
    path = tmp_path / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert cli("check", **shipped) == 1
    said = capsys.readouterr().out
    assert path.name in said
    assert words in said
    assert cli("check", language="en", **shipped) == 1
    assert "block" in capsys.readouterr().out


def test_check_warns_of_commitments_that_are_not_in_the_ledger(
    cli: Run, capsys: pytest.CaptureFixture[str], shipped: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "layers" / "pocket_parks.toml").unlink()
    (tmp_path / "layers" / "pocket_parks.geojson").unlink()
    assert cli("check", "--json", **shipped) == 0
    problems = json.loads(capsys.readouterr().out)
    assert {(p["file"], p["field"], p["blocking"]) for p in problems} == {("plan_2025.toml", "layer", False)}


# ---- backup


def test_a_backup_restores_into_an_empty_home(cli: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    assert cli("backup", str(file)) == 0
    assert cli("restore", str(file), home=str(tmp_path / "other")) == 0
    capsys.readouterr()
    assert cli("layers", "--json") == 0
    before = capsys.readouterr().out
    assert cli("layers", "--json", home=str(tmp_path / "other")) == 0
    assert capsys.readouterr().out == before


def test_a_backup_overwrites_nothing(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    assert cli("backup", str(file)) == 0
    before = file.read_bytes()
    assert cli("backup", str(file)) == 3
    assert cli("restore", str(file)) == 3
    assert file.read_bytes() == before


def test_a_damaged_backup_is_refused(cli: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK not a zip")
    assert cli("restore", str(tmp_path / "bad.zip")) == 3
    assert "bad.zip" in capsys.readouterr().err


# ---- tables


def test_columns_line_up_whatever_the_script() -> None:
    lines = text_table(["名称", "n"], [["口袋公园", 6], ["park", 12]], right=(1,)).splitlines()
    assert lines == ["名称       n", "────────────", "口袋公园   6", "park      12"]
    assert {cells(line) for line in lines} == {12}


def test_a_long_text_is_cut_to_its_cells() -> None:
    assert shorten("西营门片区城市更新", 9) == "西营门片…"
    assert shorten("short", 9) == "short"


# ---- as a process


def test_help_imports_no_heavy_library() -> None:
    code = "import sys, geo_service.cli; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    heavy = {"geopandas", "pandas", "numpy", "shapely", "flask", "sqlalchemy", "folium", "scipy", "waitress", "babel"}
    assert not heavy & set(done.stdout.split())


def test_a_reader_that_has_had_enough_is_no_fault(tmp_path: Path) -> None:
    environment = {**os.environ, "GEO_SERVICE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "geo_service", "plan", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.postgis
def test_a_deployment_moves_to_postgis_by_one_command_and_one_setting(
    cli: Run, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("layers") == 0
    before = capsys.readouterr().out
    with cluster.lent_database() as url:
        assert cli("migrate-store", url) == 0
        assert "GEO_SERVICE_DATABASE" in capsys.readouterr().out
        assert cli("migrate-store", url) == 3
        assert "不是空库" in capsys.readouterr().err
        assert cli("layers", database=url) == 0
        assert capsys.readouterr().out == before
