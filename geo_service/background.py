"""How a process works that nobody waits for at a page."""

from __future__ import annotations

import gc
import os

NICENESS = 10
"""Such work gives way to the map: it takes the processor's idle time."""
SELDOM = (100_000, 50, 1000)
"""When garbage in rings is looked for: with Python's own thresholds a third of the time of a dry run went there, and a
fifth of that of a new layer's rows."""


def step_back() -> None:
    """Give way to processes that answer people, and look seldom for garbage: this one makes much and ends soon."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    gc.set_threshold(*SELDOM)
