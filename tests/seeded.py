"""Deployments with the shipped layers, copied from one that was seeded once in this test process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from tests.web.people import add_people


@cache
def _made(people: bool) -> Path:
    home = Path(tempfile.mkdtemp(prefix="gs-seeded-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    if people:
        add_people(opened)
    opened.store.close()
    return home


def seed(home: Path, *, people: bool = False) -> None:
    """Put the shipped layers into an empty home with an embedded store, and everybody of the web tests if asked."""
    shutil.copytree(_made(people), home, dirs_exist_ok=True)


def open_seeded(home: Path, database: str = "", *, people: bool = False) -> Deployment:
    """A deployment with the shipped layers on a home; a database server is seeded as at its first start."""
    if not database:
        seed(home, people=people)
    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_DATABASE": database}))
    if database and people:
        add_people(opened)
    return opened
