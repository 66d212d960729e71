"""Work done once in a process of its own: what it needs of memory and time is not taken from the web process."""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util  # registers its own end first
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

from geo_service.errors import StorageFault

NICENESS = 10
LOOK_EVERY_S = 0.05
_STOPPING = threading.Event()
atexit.register(_STOPPING.set)  # after multiprocessing's, so before it ends the processes that are left


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
    if process.exitcode and _STOPPING.is_set():
        sys.exit()  # of this thread: the process is ending, and has ended the other one
    if process.exitcode:
        raise StorageFault(reason=f"{work.__name__}: {process.exitcode}")


class Errands:
    """Work under way in threads, by key; who asks for the same work meanwhile waits for the same thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Errand] = {}
        self.patient = True
        """Whether everybody waits for work; a service that answers people does not let them."""
        self.resting = False
        """Whether no work is begun: a process that will be forked must not have threads."""

    def run(self, key: Hashable, work: Callable[[], object], *, wait: bool = False) -> bool:
        """Have work done; whether it is done, which only ``wait`` and the patient wait for.

        Raises
        ------
        Exception
            What the work raised.
        """
        if self.resting:
            return False
        errand = self._begun(key, work)
        if wait or self.patient:
            errand.join()
        if errand.is_alive():
            return False
        with self._lock:
            if self._under_way.get(key) is errand:
                del self._under_way[key]
        if errand.error is not None:
            raise errand.error
        return True

    def _begun(self, key: Hashable, work: Callable[[], object]) -> _Errand:
        with self._lock:
            errand = self._under_way.get(key)
            if errand is None or (errand.error is None and not errand.is_alive()):  # of another process, or long ago
                errand = self._under_way[key] = _Errand(work)
                errand.start()
            return errand


class _Errand(threading.Thread):
    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="errand", daemon=True)
        self._work = work
        self.error: Exception | None = None

    def run(self) -> None:
        """Do the work, and keep what it raises."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # raised again in whoever asks for the work
            self.error = error


def _run(work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    work(*arguments)
