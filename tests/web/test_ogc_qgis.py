"""A real QGIS over the service, where one is installed: it reads with any version, and edits from 3.32 on."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from waitress import create_server

from geo_service.deployment import Deployment
from tests.web.test_ogc_editing import EMPTY, FULL, accept_all, app, deployment, new_draft, plane

__all__ = ("app", "deployment")  # fixtures of the recorded session, with an empty and a full layer

pytestmark = pytest.mark.slow
PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
"""A Python that has QGIS's own modules."""
SCRIPT = Path(__file__).with_name("qgis_edit.py")
EDITS_FROM = 33_200


def version() -> int:
    """Which QGIS there is, 0 for none."""
    command = [PYTHON, "-c", "from qgis.core import Qgis; print(Qgis.QGIS_VERSION_INT)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return 0
    return int(done.stdout.strip() or 0) if done.returncode == 0 else 0


@pytest.fixture(scope="module")
def qgis() -> int:
    found = version()
    if not found:
        pytest.skip(f"no QGIS for {PYTHON}: apt-get install python3-qgis, or set QGIS_PYTHON")
    return found


@pytest.fixture(scope="module")
def server(app: Flask) -> Iterator[str]:
    running = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.effective_port}/ogc"
    running.close()


def run(address: str, layer: str, token: str, what: str, home: Path) -> Any:
    command = [PYTHON, str(SCRIPT), address, layer, "officer", token, what]
    environment = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.usefixtures("qgis")
def test_qgis_reads_every_page_and_filters_chinese_names(server: str, deployment: Deployment, tmp_path: Path) -> None:
    token = deployment.people.accounts.issue_token("officer", "QGIS")
    told = run(server, FULL, token, "read", tmp_path)
    stored = {f.id: f for f in deployment.store.snapshot(FULL).features}
    assert told["count"] == len(told["rows"]) == len(stored)
    assert {r["id"]: r["name"] for r in told["rows"]} == {i: f.properties["name"] for i, f in stored.items()}
    assert told["few"] == sum(f.properties["count"] < 5 for f in stored.values())


@pytest.mark.parametrize("layer_id", [FULL, EMPTY])
def test_qgis_edits_a_draft_that_is_reviewed(
    server: str, app: Flask, deployment: Deployment, qgis: int, tmp_path: Path, layer_id: str
) -> None:
    if qgis < EDITS_FROM:
        pytest.skip(f"QGIS {qgis} only reads OGC API Features; editing wants 3.32")
    token = deployment.people.accounts.issue_token("officer", "QGIS")
    draft = new_draft(app, deployment, layer_id)
    before = {f.id: f for f in deployment.store.snapshot(layer_id).features}
    told = run(f"{server}/drafts/{draft}", layer_id, token, "edit", tmp_path)
    assert told["crs"] == "EPSG:4548"
    accept_all(app.test_client(), app, deployment, draft)
    now = {f.id: f for f in deployment.store.snapshot(layer_id).features}
    (new,) = (f for i, f in now.items() if i not in before)
    assert new.properties["name"] == "QGIS新增"
    assert plane(new) == pytest.approx((511_000.25, 4_330_000.5), abs=0.01)
    if before:
        ids = sorted(before)
        changed = {"name": "改名", "updated_at": "2025-03-01", "error_m": 2.5, "plan_status": "planned"}
        assert {k: v for k, v in now[ids[1]].properties.items() if before[ids[1]].properties.get(k) != v} == (
            changed | {"subdistrict": "王顶堤街道"}
        )
        assert plane(now[ids[2]])[0] == pytest.approx(plane(before[ids[2]])[0] + 10, abs=0.01)
        assert ids[3] not in now
