"""What tests need from the system: without it they are skipped with the reason, and fail where everything must run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def _has_chromium() -> bool:
    named = os.environ.get("CHROMIUM", "")
    return Path(named).is_file() if named else any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


def _has_postgis() -> bool:
    patterns = ("usr/lib/postgresql/*/bin/initdb", "usr/share/postgresql/*/extension/postgis.control")
    return all(any(Path("/").glob(pattern)) for pattern in patterns)


NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "browser": ("chromium", _has_chromium),
    "postgis": ("postgresql-postgis", _has_postgis),
}
"""Marker to Debian package and how to see that it is there."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (package, present) in NEEDS.items():
        if item.get_closest_marker(marker) and not present():
            reason = f"needs {package}: apt-get install {package}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
