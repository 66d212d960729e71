"""Nothing from outside, ever: the whole product in a network namespace that has loopback only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geo_service.settings import ROOT
from scripts.chromium import find_chromium

pytestmark = pytest.mark.browser


def can_isolate() -> bool:
    """Whether a network namespace can be made here (root, or unprivileged user namespaces)."""
    command = shutil.which("unshare")
    return bool(command) and subprocess.run([command, "-n", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_no_page_asks_for_anything_outside_and_none_complains(tmp_path: Path) -> None:
    chromium = find_chromium()
    if not chromium or not can_isolate():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium and network namespaces are needed")
        pytest.skip("no Chromium, or no right to make a network namespace")
    script = ROOT / "tests" / "browser" / "offline_journey.py"
    command = ["unshare", "-n", sys.executable, "-W", "ignore", str(script), str(tmp_path / "home")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHROMIUM": chromium}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    assert seen["outside"] == []
    assert seen["failed"] == []
    assert seen["errors"] == []
    assert len(seen["walked"]) > 40
