"""The documents say what the product is: every setting, command, error code, layer and package."""

from __future__ import annotations

import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from geo_service import __version__
from geo_service.cli import build
from geo_service.cli.terminal import Terminal
from geo_service.errors import GeoServiceError
from geo_service.settings import ROOT, SETTINGS, read_settings

READMES = {"en": "README.md", "zh": "README.zh-CN.md"}
DOCUMENTS = (*READMES.values(), "CONTRIBUTING.md", "CHANGELOG.md", "docs/errors.md", "data/SOURCES.md")
LINK = re.compile(r"\]\(([^)#\s]+)")


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = spec_from_file_location("reference", ROOT / "scripts" / "_reference.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_up_to_date(reference: ModuleType) -> None:
    behind = [path.name for path, text in reference.documents() if path.read_text("utf-8") != text]
    assert not behind, f"run scripts/format: {behind} behind"


@pytest.mark.parametrize("language", READMES)
def test_every_setting_is_documented(language: str) -> None:
    text = (ROOT / READMES[language]).read_text("utf-8")
    for setting in SETTINGS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{setting.variable}` |"))
        assert f"| `{setting.default}` |" in row or not setting.default


@pytest.mark.parametrize("language", READMES)
def test_every_setting_that_is_named_exists(language: str, texts: dict[str, str]) -> None:
    known = {s.variable for s in SETTINGS}
    for name in (*DOCUMENTS, *(n for n in texts if n.startswith("templates/help/"))):
        assert set(re.findall(r"GEO_SERVICE_[A-Z_]*[A-Z]", texts[name])) <= known, name


@pytest.mark.parametrize("language", READMES)
def test_every_command_is_documented(language: str, reference: ModuleType) -> None:
    text = (ROOT / READMES[language]).read_text("utf-8")
    names = {usage.split()[0] for usage, _ in reference.commands(language)}
    assert names == set(build(Terminal(language, {})).commands)
    for usage, words in reference.commands(language):
        assert f"| `{usage}` | {words} |" in text


def test_every_error_code_is_documented(reference: ModuleType) -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    documented = re.findall(r"^\| `([a-z0-9-]+)` \| (\d+) \|", text, re.MULTILINE)
    assert sorted(documented) == sorted((e.code, str(e.status)) for e in reference.every_error(GeoServiceError))


@pytest.mark.parametrize("language", READMES)
def test_every_layer_is_documented(language: str) -> None:
    text = (ROOT / READMES[language]).read_text("utf-8")
    for path in (ROOT / "layers").glob("*.toml"):
        title = tomllib.loads(path.read_text("utf-8"))["title"][language]
        assert f"| `{path.stem}` | {title} |" in text


def test_both_readmes_have_the_same_parts() -> None:
    shapes = [
        [
            re.match(r"#+|```\w*|!\[|\||- \*\*|<!-- .* -->", line)
            for line in (ROOT / name).read_text("utf-8").splitlines()
        ]
        for name in READMES.values()
    ]
    english, chinese = ([found.group() for found in shape if found] for shape in shapes)
    assert english == chinese


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_a_document_links_to_is_there(name: str) -> None:
    path = ROOT / name
    for target in LINK.findall(path.read_text("utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_the_version_has_its_place_in_the_changelog() -> None:
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heads[0] == "Unreleased" or heads[0] == __version__
    assert "Unreleased" in heads or __version__ in heads


def test_a_setting_of_every_field_is_read() -> None:
    settings = read_settings({})
    assert {s.name for s in SETTINGS} == set(settings.__slots__)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_a_reason(name: str) -> None:
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "-r ")):
            assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^#]+)?\s+# \S.*", line), line


def test_every_package_has_one_version() -> None:
    pins = {
        tuple(line.split("#")[0].split(";")[0].strip().lower().replace("_", "-").split("=="))
        for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt")
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }
    assert len(pins) == len({name for name, _ in pins})


def test_every_named_script_is_there() -> None:
    for name in DOCUMENTS:
        for script in re.findall(r"\bscripts/\w+", (ROOT / name).read_text("utf-8")):
            assert Path(ROOT / script).exists() or Path(ROOT / f"{script}.py").exists(), (name, script)
