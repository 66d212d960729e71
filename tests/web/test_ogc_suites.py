"""The suites of others over our API: the OGC Features core tests, and schemathesis over the OpenAPI document.

Both live in an environment of their own (``scripts/_setup suites``), for they bring what the service has no need of.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from waitress import create_server

from geo_service.core.access import Account, Grant
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition, Policy
from geo_service.core.text import Text
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import ROOT, read_settings
from geo_service.usecases import review
from geo_service.web.app import create_app
from geo_service.web.drafts import desk
from tests.conftest import suites_folder

pytestmark = [pytest.mark.slow, pytest.mark.suites]
LAYERS = ("schools", "fire_stations", "waterlogging_zones", "subdistricts")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method"
)


@dataclass(frozen=True, slots=True)
class Served:
    """A running service and one who may do everything there."""

    url: str
    deployment: Deployment
    headers: Mapping[str, str]
    draft: str


def only_located(source: Path, target: Path) -> None:
    """Layer files without the features that have no place yet.

    RFC 7946 gives these a null geometry, and so do we; the schema the suite holds features against
    (featureGeoJSON.yaml of 17-069r4) knows none. It wants something in every collection, too.
    """
    for name in LAYERS:
        shutil.copy(source / f"{name}.toml", target)
        lines = (source / f"{name}.geojson").read_text("utf-8").splitlines()
        kept = [line.rstrip(",") for line in lines[1:-1] if json.loads(line.rstrip(","))["geometry"]]
        (target / f"{name}.geojson").write_text("\n".join((lines[0], ",\n".join(kept), lines[-1])) + "\n", "utf-8")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Served]:
    layers = tmp_path_factory.mktemp("layers")
    only_located(ROOT / "layers", layers)
    home = tmp_path_factory.mktemp("suites")
    places = {"GEO_SERVICE_HOME": str(home), "GEO_SERVICE_LAYERS": str(layers)}
    deployment = open_deployment(read_settings(places | {"GEO_SERVICE_DATABASE": module_database}))
    values = {"name": "点", "precision": "guess", "source": "x"}
    point = Feature("NK-TJ-001", values, {"type": "Point", "coordinates": [117.15, 39.1]})
    deployment.store.create_layer(unreviewed(), [point], author="x", note="x")
    account = Account(name="chief", display="chief", grants=(Grant("admin"),))
    deployment.people.accounts.add(account, "a long pass phrase")
    token = deployment.people.accounts.issue_token("chief", "suites")
    app = create_app(deployment)
    with app.test_request_context():
        draft = review.create_draft(desk(), account, "fire_stations", (), mode="edit", note="QGIS").id
    running = create_server(app, host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=running.run, daemon=True).start()
    basic = base64.b64encode(f"chief:{token}".encode()).decode()
    yield Served(f"http://127.0.0.1:{running.effective_port}", deployment, {"Authorization": f"Basic {basic}"}, draft)
    running.close()
    deployment.answers.jobs.close()
    deployment.store.close()


def unreviewed() -> LayerDefinition:
    """A layer without four eyes, so that published features are written, too."""
    return LayerDefinition(
        id="suite_points",
        title=Text("套件", "Suite"),
        theme="projects",
        geometry_types=("Point",),
        serial="TJ",
        symbol="point_blue",
        source="x",
        secrecy="public",
        policy=Policy(four_eyes=False),
    )


def run(*command: str, **environment: str) -> str:
    """What a command of the suites' environment prints."""
    first, *rest = command
    program = suites_folder() / "bin" / first
    done = subprocess.run(
        [program, *rest],
        env=os.environ | environment | {"PYTHONWARNINGS": "ignore", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=suites_folder(),
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_ogc_suite_passes_all_29_core_tests(served: Served) -> None:
    tests = next(suites_folder().glob("lib/python*/site-packages/ogctests/features/core"))
    said = run("pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", str(tests), INSTANCE_URL=f"{served.url}/ogc")
    assert re.search(r"^29 passed", said, re.MULTILINE), said[-4000:]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("where", ["published", "draft"])
def test_every_answer_is_the_documented_one(served: Served, where: str, language: str) -> None:
    base = f"{served.url}/ogc" if where == "published" else f"{served.url}/ogc/drafts/{served.draft}"
    headers = {**served.headers, "Accept-Language": language}
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    rooms = "api|wmts/|tileMatrix|records/|processes|jobs"
    chosen = rf"^/($|[a-z]+$|{rooms}|(collections|download)/(fire_stations|suite_points))"
    options = ["--phases", "coverage,fuzzing", "-n", "15", "--continue-on-failure", "--seed", "7", "-c", CHECKS]
    said = run("st", "run", f"{base}/api", "-u", base, *given, "--include-path-regex", chosen, *options)
    found = re.search(r"(\d+) generated, (\d+) passed", said)
    assert found, said[-6000:]
    assert found[1] == found[2], said[-6000:]
    assert int(found[1]) > (1000 if where == "published" else 400)
