"""Memory that many threads leave between pieces in use goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from geo_service.settings import ROOT

SCRIPT = """
import time
from geo_service.cli import memory
memory.LOOK_EVERY_S, memory.IDLE_S = 0.05, 0.0
looks, own_bytes = [], memory.own_bytes
memory.own_bytes = lambda: looks.append(1) or own_bytes()
if GIVING:
    memory.give_back()
pieces = [bytes(1000) for _ in range(100_000)]
before = len(looks)
while GIVING and len(looks) < before + 4:  # it looks while all of them are in use, too
    time.sleep(0.01)
kept = pieces[::50]
full = own_bytes()
del pieces
end = time.monotonic() + 10
while GIVING and own_bytes() > full - 60_000_000 and time.monotonic() < end:
    time.sleep(0.02)
print(full - own_bytes())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="tells memory by /proc")
@pytest.mark.parametrize("giving", [True, False])
def test_freed_pieces_between_those_in_use_are_given_back_when_told_so(*, giving: bool) -> None:
    """100 MB in pieces, of which each fiftieth stays: without being told, the C library keeps nearly all of it."""
    command = [sys.executable, "-c", SCRIPT.replace("GIVING", str(giving))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    assert (int(done.stdout) > 60_000_000) is giving
