"""Work done once in a process of its own: what it needs of memory and time is not taken from the web process."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

from geo_service.errors import StorageFault

NICENESS = 10
LOOK_EVERY_S = 0.05


def do_elsewhere(work: Callable[..., object], *arguments: Any) -> None:
    """Call a function of a module in a new process, after everything that answers people, and wait for its end.

    Raises
    ------
    StorageFault
        It raised, or the process was killed; the log has the trace.
    """
    if multiprocessing.current_process().daemon:
        work(*arguments)  # this is a worker already, and may not have one of its own
        return
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work, arguments), daemon=True)
    process.start()
    while process.is_alive():  # not join(): it would hold a worker of gunicorn's that is told to stop
        time.sleep(LOOK_EVERY_S)
    if process.exitcode:
        raise StorageFault(reason=f"{work.__name__}: {process.exitcode}")


def _run(work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    work(*arguments)
