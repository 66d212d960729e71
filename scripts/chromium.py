"""The browser that tests and benchmarks drive."""

from __future__ import annotations

import os
import shutil

COMMANDS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is the same browser without windows, and without a process for graphics: half the processor time."""


def find_chromium() -> str:
    """Where Chromium is: ``$CHROMIUM``, or what Debian installs; empty where there is none."""
    named = os.environ.get("CHROMIUM", "")
    return shutil.which(named) or "" if named else next(filter(None, map(shutil.which, COMMANDS)), "")
