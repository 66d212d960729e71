"""The files of the house, as the next commit would have them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from geo_service.settings import ROOT

TEXT_SUFFIXES = frozenset(
    (
        "",
        ".css",
        ".csv",
        ".geojson",
        ".html",
        ".js",
        ".json",
        ".md",
        ".po",
        ".py",
        ".svg",
        ".toml",
        ".ts",
        ".txt",
        ".typ",
    )
)


def list_files(*patterns: str) -> list[Path]:
    """Files git knows or would add, sorted; all of them without patterns."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(p for name in set(done.stdout.split("\0")) if name and (p := ROOT / name).is_file())


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """The text of every file that is text, by its path in the tree."""
    files = [p for p in list_files() if p.suffix in TEXT_SUFFIXES]
    return {p.relative_to(ROOT).as_posix(): p.read_text("utf-8", errors="replace") for p in files}


@pytest.fixture(scope="session")
def python_texts(texts: dict[str, str]) -> dict[str, str]:
    """The text of every Python file of the package."""
    return {name: text for name, text in texts.items() if name.startswith("geo_service/") and name.endswith(".py")}
