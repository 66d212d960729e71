"""A real deployment in a temporary home, shared by the web tests of one worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("home")
    return open_deployment(read_settings({**os.environ, "GEO_SERVICE_HOME": str(home)}))


@pytest.fixture(scope="session")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def home(deployment: Deployment) -> Path:
    return deployment.settings.home
