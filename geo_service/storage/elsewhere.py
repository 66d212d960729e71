"""Work done once in a process of its own: what it needs of memory and time is not taken from the web process."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import multiprocessing.util  # registers its own end first
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, NoReturn, Self

from geo_service.background import step_back
from geo_service.errors import StorageFault

LOG = logging.getLogger(__name__)
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


def may_fork() -> bool:
    """Whether this process may have another beside it that goes on from here, with one thread of those there are."""
    return hasattr(os, "fork") and threading.active_count() == 1


class Helper:
    """Work of a process beside this one; where it may have none (no fork, or threads), done here when it is waited for.

    As a context it waits at the end; where the block fails, for a process only.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self.pid = 0
        if may_fork():
            self.pid = os.fork()
            if not self.pid:
                _end(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.wait()
        elif self.pid and self._work is not None:
            os.waitpid(self.pid, 0)

    def wait(self) -> None:
        """Until the work is done.

        Raises
        ------
        StorageFault
            The other process failed; the log has the trace.
        """
        work, self._work = self._work, None
        if work is None:
            return
        if not self.pid:
            work()
        elif status := os.waitpid(self.pid, 0)[1]:
            raise StorageFault(reason=f"{self.pid}: {status}")


def _end(work: Callable[[], None]) -> NoReturn:
    """In a forked process: do it, and end without a look at what it was forked with."""
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        LOG.exception("the process beside this one")
    finally:
        os._exit(status)


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
    step_back()
    work(*arguments)
