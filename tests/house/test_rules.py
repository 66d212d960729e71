"""The rules of the house, read off the files themselves."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from geo_service.settings import ROOT
from tests.house.conftest import list_files

LONGEST_FUNCTION = 40
LARGEST_FILE_BYTES = 2_000_000
LONGEST_MODULE_OF_JS = 320
FORBIDDEN_NAMES = re.compile(r"(^|_)(utils?|helpers?|commons?|base|managers?|misc)(_|$)")
EXECUTABLES = ("serve", "test", "check", "format", "bench", "assets", "build_layers", "_setup")

OUTSIDE_HOSTS = re.compile(
    r"cdn\.|jsdelivr|unpkg\.com|cdnjs|googleapis\.com|tile\.openstreetmap|registry\.npmjs|pypi\.org|pythonhosted|deb\.debian"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|farm|home/\w+|Users/\w+)/")
DANGEROUS = {
    "innerHTML": re.compile(r"\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write\b"),
    "|safe": re.compile(r"\|\s*safe\b"),
    "shell=True": re.compile(r"shell\s*=\s*True|os\.system\("),
    "buffer(0)": re.compile(r"\.buffer\(\s*0\s*[,)]"),
    "eval": re.compile(r"\beval\(|new Function\("),
    "Markup(": re.compile(r"\bMarkup\("),
}
IGNORED = re.compile(r"#\s*(?:noqa(?::[^#\n]*)?|type:\s*ignore(?:\[[^\]]*\])?)")

THIS = "tests/house/test_rules.py"


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and length of each function without its docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield node.name, lines - (len(docstring.splitlines()) if docstring else 0)


def test_functions_are_small(python_texts: dict[str, str]) -> None:
    sizes = {f"{path} {name}": size for path, text in python_texts.items() for name, size in functions(text)}
    assert {where: size for where, size in sizes.items() if size > LONGEST_FUNCTION} == {}
    assert statistics.median(sizes.values()) <= 7
    assert sum(size < 20 for size in sizes.values()) >= 0.9 * len(sizes)


def test_modules_are_named_for_what_they_hold() -> None:
    names = {p.relative_to(ROOT).as_posix() for p in list_files("geo_service", "scripts")}
    assert [n for n in names if FORBIDDEN_NAMES.search(PurePosixPath(n).stem) and n.endswith((".py", ".js"))] == []


def test_no_file_names_a_registry_or_content_network(texts: dict[str, str]) -> None:
    free = (THIS, "package-lock.json")
    assert [name for name, text in texts.items() if name not in free and OUTSIDE_HOSTS.search(text)] == []


def test_no_file_names_a_path_of_one_machine(texts: dict[str, str]) -> None:
    assert [name for name, text in texts.items() if name != THIS and MACHINE_PATHS.search(text)] == []


@pytest.mark.parametrize("what", DANGEROUS)
def test_no_text_becomes_markup_or_command(texts: dict[str, str], what: str) -> None:
    ours = {name: text for name, text in texts.items() if name.startswith(("geo_service/", "templates/", "scripts/"))}
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in ours.items()
        for number, line in enumerate(text.splitlines(), 1)
        if DANGEROUS[what].search(line)
    ]
    assert [line for line in found if not is_reasoned(line)] == []


def is_reasoned(line: str) -> bool:
    """Whether a line of Python says beside the code why it must be so."""
    return bool(re.search(r"\.py:\d+: .*#\s+\S.{10,}", line))


def test_nothing_is_ignored_without_a_reason(texts: dict[str, str]) -> None:
    bare = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        if name.endswith(".py") and name != THIS
        for number, line in enumerate(text.splitlines(), 1)
        if (found := IGNORED.search(line)) and not re.search(r"#\s*\S.{3,}", line[found.end() :])
    ]
    assert bare == []


def test_no_exception_is_swallowed_whole(python_texts: dict[str, str]) -> None:
    bare = [
        f"{name}:{node.lineno}"
        for name, text in python_texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_the_core_knows_no_files_clock_or_network(python_texts: dict[str, str]) -> None:
    forbidden = {"os", "pathlib", "shutil", "tempfile", "time", "socket", "http", "urllib", "requests", "subprocess"}
    forbidden |= {"flask", "sqlalchemy", "folium", "pyogrio"}
    for name, text in python_texts.items():
        if name.startswith(("geo_service/core/", "geo_service/analysis/")):
            assert not forbidden & set(imports(text)), name


def imports(text: str) -> Iterator[str]:
    """The top-level packages a module imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_every_imported_package_is_a_requirement(python_texts: dict[str, str]) -> None:
    names = {"sqlalchemy": "SQLAlchemy", "flask": "Flask", "babel": "Babel", "fontTools": "fonttools", "PIL": "pillow"}
    brought = {"werkzeug", "jinja2", "markupsafe", "branca", "itsdangerous"}  # Flask and Folium are made of them
    listed = "".join((ROOT / f"requirements{part}.txt").read_text("utf-8") for part in ("", "-scale"))
    pinned = set(re.findall(r"^([\w.-]+)==", listed, re.MULTILINE))
    used = {name for text in python_texts.values() for name in imports(text)}
    outside = used - sys.stdlib_module_names - brought - {"geo_service"}
    assert {
        n for n in outside if names.get(n, n) not in pinned and names.get(n, n).replace("_", "-") not in pinned
    } == set()


def test_scripts_can_be_run() -> None:
    wanted = [ROOT / "scripts" / name for name in EXECUTABLES] + [ROOT / ".ci" / "run"]
    assert [p.name for p in wanted if not os.access(p, os.X_OK)] == []
    for path in list_files("scripts", ".ci"):
        begins = path.read_bytes()[:2] == b"#!"
        assert begins == os.access(path, os.X_OK), path.name


def test_git_keeps_the_run_bits() -> None:
    done = subprocess.run(
        ["git", "ls-files", "-s", "scripts", ".ci"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modes = {line.split("\t")[1]: line.split()[0] for line in done.stdout.splitlines()}
    for name, mode in modes.items():
        if (ROOT / name).is_file():
            assert (mode == "100755") == ((ROOT / name).read_bytes()[:2] == b"#!"), name


def test_no_file_is_large_and_none_is_somebody_elses() -> None:
    files = list_files()
    assert [p.name for p in files if p.stat().st_size > LARGEST_FILE_BYTES] == []
    assert [p.name for p in files if re.search(r"\.min\.(js|css)$|\.(woff2?|ttf|otf|whl)$", p.name)] == []


def test_browser_modules_are_rooms_and_not_halls(texts: dict[str, str]) -> None:
    ours = {n: t for n, t in texts.items() if n.startswith("geo_service/web/static/js/") and n.endswith(".js")}
    assert {n: len(t.splitlines()) for n, t in ours.items() if len(t.splitlines()) > LONGEST_MODULE_OF_JS} == {}


def test_templates_have_no_inline_script_style_or_handler(texts: dict[str, str]) -> None:
    bad = re.compile(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)
    script = re.compile(r"<script\b(?![^>]*\b(?:src=|nonce=))", re.IGNORECASE)
    for name, text in texts.items():
        if name.startswith("templates/"):
            assert not bad.search(text), name
            assert not script.search(text), name


def test_the_tests_mirror_the_package(texts: dict[str, str]) -> None:
    rooms = {p.name for p in (ROOT / "geo_service").iterdir() if p.is_dir() and (p / "__init__.py").exists()} - {"cli"}
    tested = {n.split("/")[1] for n in texts if n.startswith("tests/") and n.endswith(".py")}
    assert rooms <= tested


def test_tests_have_sentences_for_names(texts: dict[str, str]) -> None:
    short = [
        f"{name} {node.name}"
        for name, text in texts.items()
        if name.startswith("tests/") and name.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert short == []


def test_the_contracts_of_the_rooms_are_kept() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert contracts[0]["layers"][:4] == [
        "geo_service.cli",
        "geo_service.web",
        "geo_service.deployment",
        "geo_service.usecases",
    ]
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
