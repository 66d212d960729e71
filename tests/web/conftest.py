"""A real deployment in a temporary home, shared by the web tests of one worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo_service.analysis.questions import find_question
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.usecases.answering import settle
from geo_service.usecases.report import Sources
from geo_service.web.app import create_app
from tests.postgis import EITHER, EITHER_SLOWLY, lent_database


@pytest.fixture(scope="session", params=EITHER)
def session_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with lent_database(request) as url:
        yield url


@pytest.fixture(scope="module", params=EITHER)
def module_database(request: pytest.FixtureRequest) -> Iterator[str]:
    with lent_database(request) as url:
        yield url


@pytest.fixture(scope="module", params=EITHER_SLOWLY)
def either_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """For modules of many tests: PostGIS only where everything runs."""
    with lent_database(request) as url:
        yield url


@pytest.fixture(params=EITHER_SLOWLY)
def chosen_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """For tests that each seed a deployment of their own."""
    with lent_database(request) as url:
        yield url


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory, session_database: str) -> Iterator[Deployment]:
    home = str(tmp_path_factory.mktemp("home"))
    environment = {**os.environ, "GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": session_database}
    opened = open_deployment(read_settings(environment))
    yield opened
    opened.answers.jobs.close()
    opened.store.close()


@pytest.fixture(scope="session")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def home(deployment: Deployment) -> Path:
    return deployment.settings.home


def warm_up(deployment: Deployment) -> None:
    """Let the workers that answer questions start before anybody is timed: on a busy machine that takes long."""
    here = deployment
    sources = Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
    asks = [settle(sources, find_question("buffer"), {"distance_m": 9000 + n}, {}) for n in range(2)]
    jobs = [here.answers.begin(ask, owner="account:warm", wish={}) for ask in asks]
    for job in jobs:
        assert here.answers.jobs.wait(job.id, "account:warm", 180).state == "done"
