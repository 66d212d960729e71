"""The process that forks workers: libraries loaded once, one thread, no uploaded byte ever read in it.

Started by :mod:`geo_service.ingest.jail` as ``python -m geo_service.ingest.zygote FD``; it hears ``Start`` messages on
a socket pair and answers ``Ready`` and ``Ended``. When the socket closes, it kills its workers and goes.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from geo_service.background import step_back
from geo_service.core.late import without
from geo_service.ingest.confine import Confinement, confine, library_paths
from geo_service.ingest.limits import Limits
from geo_service.ingest.readers.ogr import DRIVERS_VARIABLE, list_drivers

Outcome = Literal["done", "time", "memory", "crashed", "cancelled"]

TICK_S = 0.1
MESSAGE_BYTES = 1 << 16
LEFT_OUT = ("geopandas", "pandas", "pyarrow")
"""Libraries pyogrio would load where they are, for what no worker asks of it: half a second and 60 MB."""
CANCEL, RESULT, TRACE = "cancel", "result.json", "trace.txt"
_EXIT_MEMORY, _EXIT_FAULT = 12, 13


class Start(msgspec.Struct, kw_only=True, frozen=True):
    """Run a task in a job folder; ``read`` are further files the worker may read."""

    job: str
    folder: str
    task: str
    read: tuple[str, ...]
    limits: Limits


class Ready(msgspec.Struct, kw_only=True, frozen=True, tag=True):
    """The zygote serves, and this holds its workers."""

    confinement: Confinement


class Ended(msgspec.Struct, kw_only=True, frozen=True, tag=True):
    """A worker has ended."""

    job: str
    outcome: Outcome
    detail: str
    elapsed_s: float
    peak_bytes: int
    cpu_s: float = 0.0


@dataclass(slots=True)
class _Worker:
    start: Start
    began: float
    stopped: Outcome | None = None


def scrub_environment(environment: dict[str, str]) -> dict[str, str]:
    """An environment without what steers GDAL, PROJ, proxies or clouds, and with the network shut."""
    prefixes = (
        "GDAL_",
        "OGR_",
        "CPL_",
        "PROJ_",
        "AWS_",
        "AZURE_",
        "GS_",
        "GOOGLE_",
        "HTTP",
        "SHAPE_",
        "DXF_",
        "SQLITE_",
    )
    kept = {k: v for k, v in environment.items() if not k.upper().startswith((*prefixes, "NO_PROXY", "ALL_PROXY"))}
    return kept | {
        "PROJ_NETWORK": "OFF",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
        "GDAL_HTTP_TIMEOUT": "1",
        "GDAL_HTTP_MAX_RETRY": "0",
        "OGR_SQLITE_LIST_VIRTUAL_OGR": "NO",
        "LIBKML_RESOLVE_STYLE": "NO",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Zygote:
    """Forks one worker per ``Start`` and watches them."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.workers: dict[int, _Worker] = {}
        self.wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Serve until the other side is gone."""
        self.channel.send(msgspec.json.encode(Ready(confinement=probe_confinement())))
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(self.wake_read, selectors.EVENT_READ)
            while self._turn(selector):
                pass
        for pid in self.workers:
            os.kill(pid, signal.SIGKILL)

    def _turn(self, selector: selectors.DefaultSelector) -> bool:
        ready = {key.fileobj for key, _ in selector.select(TICK_S if self.workers else None)}
        if self.wake_read in ready:
            os.read(self.wake_read, 4096)
        if self.channel in ready:
            message = self.channel.recv(MESSAGE_BYTES)
            if not message:
                return False
            self._start(msgspec.json.decode(message, type=Start))
        self._stop_overdue()
        self._reap()
        return True

    def _start(self, start: Start) -> None:
        pid = os.fork()
        if pid == 0:
            self.channel.close()
            _work(start)
        self.workers[pid] = _Worker(start, time.monotonic())

    def _stop_overdue(self) -> None:
        for pid, worker in self.workers.items():
            if worker.stopped:
                continue
            if time.monotonic() - worker.began > worker.start.limits.wall_s:
                worker.stopped = "time"
            elif (Path(worker.start.folder) / CANCEL).exists():
                worker.stopped = "cancelled"
            if worker.stopped:
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self.workers:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            worker = self.workers.pop(pid)
            outcome, detail = (worker.stopped, "") if worker.stopped else _read_status(status)
            elapsed = round(time.monotonic() - worker.began, 3)
            ended = Ended(
                job=worker.start.job,
                outcome=outcome,
                detail=detail,
                elapsed_s=elapsed,
                peak_bytes=usage.ru_maxrss * 1024,
                cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
            )
            self.channel.send(msgspec.json.encode(ended))


def _read_status(status: int) -> tuple[Outcome, str]:
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return "done", ""
    if code == _EXIT_MEMORY:
        return "memory", ""
    if code == -signal.SIGXCPU:
        return "time", ""
    return "crashed", signal.Signals(-code).name if code < 0 else f"exit {code}"


def _work(start: Start) -> None:
    """A worker's whole life; it never returns."""
    code = _EXIT_FAULT
    try:
        _die_with_parent()
        step_back()
        folder = Path(start.folder)
        os.chdir(folder / "work")
        os.environ.update({"TMPDIR": str(folder / "work"), "CPL_TMPDIR": str(folder / "work")})
        read = (*library_paths(), folder / "in", *(Path(p) for p in start.read))
        confine(read=read, write=(folder / "work", folder / "out"), limits=start.limits)
        code = _run(start, folder)
    finally:
        os._exit(code)


def _run(start: Start, folder: Path) -> int:
    from geo_service.ingest.tasks import TASKS

    try:
        TASKS[start.task](folder, start.limits)
    except MemoryError:
        return _EXIT_MEMORY
    except Exception:  # noqa: BLE001  # the last frame of a worker: whatever it was goes to the trace
        (folder / "out" / TRACE).write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
        return _EXIT_FAULT
    return 0


def _die_with_parent() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def probe_confinement() -> Confinement:
    """What is in force in a worker, found out by confining a child that does nothing else."""
    held = _ask_child(lambda: confine(read=library_paths(), write=(), limits=Limits()))
    return msgspec.convert(held, Confinement)


def _ask_child(question: Callable[[], Any]) -> Any:
    """What a function answers in a child that is thrown away, so that nothing it loads stays."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, msgspec.json.encode(question()))
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        answer = stream.read()
    os.waitpid(pid, 0)
    return msgspec.json.decode(answer)


def main() -> None:
    """Serve on the file descriptor given as the only argument."""
    from geo_service.ingest import tasks

    with without(*LEFT_OUT):
        tasks.warm()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.environ[DRIVERS_VARIABLE] = "\n".join(_ask_child(list_drivers))
        Zygote(socket.socket(fileno=int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
