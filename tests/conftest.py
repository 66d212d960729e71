"""What tests need from the system: without it they are skipped with the reason, and fail where everything must run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from geo_service.settings import ROOT
from scripts.chromium import find_chromium
from tests.postgis import Cluster

settings.register_profile("laws", deadline=None)  # a law says nothing about time, and machines are busy
settings.load_profile("laws")

LOADED_ONCE = ["geopandas", "tests.storage.kill_workers", "tests.usecases.kill_workers", "openpyxl", "lxml.etree"]
"""What the server that forks test processes loads before it forks, so that each starts in milliseconds. A test process
has one such server, started by whichever test comes first: each alone would choose too little for the others."""
multiprocessing.get_context("forkserver").set_forkserver_preload(LOADED_ONCE)


def _has_postgis() -> bool:
    patterns = ("usr/lib/postgresql/*/bin/initdb", "usr/share/postgresql/*/extension/postgis.control")
    return all(any(Path("/").glob(pattern)) for pattern in patterns)


def suites_folder() -> Path:
    """Where the suites of others are installed."""
    return ROOT / "var" / "suites"


def _has_suites() -> bool:
    return (suites_folder() / "installed.txt").is_file()


NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "browser": ("apt-get install chromium-headless-shell", lambda: bool(find_chromium())),
    "postgis": ("apt-get install postgresql-postgis", _has_postgis),
    "suites": ("scripts/_setup suites", _has_suites),
}
"""Marker to the command that puts in place what is needed, and how to see that it is there."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (command, present) in NEEDS.items():
        if item.get_closest_marker(marker) and not present():
            reason = f"not in place, run: {command}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostGIS cluster of this test process."""
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgis", marks=pytest.mark.postgis)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'geo_service.db'}"
        return
    made: Cluster = request.getfixturevalue("cluster")
    with made.lent_database() as url:
        yield url
