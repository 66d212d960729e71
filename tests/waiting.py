"""Waiting for what another process does, without taking the processor from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
PAUSE_S = 0.02
"""Between two looks: a test that asks without pause keeps a core busy that the process it waits for could use."""


def look_until(look: Callable[[], Seen], fits: Callable[[Seen], bool], *, seconds: float, what: str) -> Seen:
    """The first thing seen that fits; an AssertionError that names ``what`` after so many seconds."""
    deadline, rest = time.monotonic() + seconds, threading.Event()
    while not fits(seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; last seen: {seen}"
        rest.wait(PAUSE_S)
    return seen
