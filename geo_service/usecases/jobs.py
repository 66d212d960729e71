"""Work that takes longer than a page may: done in bounded processes beside the web service, with progress and cancel.

What is known of a job lies in its folder (``job.json``, ``state.json``, the results), so that every web process can
answer for it and a result outlives the process that ordered it. A worker that is told to stop is killed; a result
appears under its name only when it is whole.
"""

from __future__ import annotations

import datetime
import errno
import importlib
import multiprocessing
import os
import queue
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal

import msgspec

from geo_service.background import NICENESS
from geo_service.errors import (
    DiskFull,
    GeoServiceError,
    InvalidRequest,
    JobCancelled,
    JobNotFound,
    JobTimedOut,
    ServiceFault,
    revived,
)

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
KEPT = datetime.timedelta(hours=24)
TIME_LIMIT_S = 600.0
LOOK_EVERY_S = 0.1
KEPT_S = 300.0
"""How long a worker with nothing to do is kept; it holds a few hundred megabytes."""
WAIT_S = 0.5
"""Who waits looks again after so long: the worker may belong to another process."""
JOB_ID = re.compile(r"[A-Za-z0-9_-]{22}")
RESULT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Report = Callable[[float, int], None]
Work = Callable[[Mapping[str, Any], Path, Report], Mapping[str, Any]]
"""Takes what is ordered, the folder results go to, and a function to report (done, of; parts of a step too); gives what
to say of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """How far a job is; ``before`` counts the jobs ahead of a waiting one, ``result`` is what the work gave back."""

    id: str
    kind: str
    title: str
    state: State
    at: str
    done: float = 0
    total: int = 0
    before: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def error(self) -> GeoServiceError:
        """What went wrong, as it was raised in the worker."""
        return revived(str(self.problem.get("code", "")), self.problem.get("params", {}))


class Jobs:
    """The jobs of one home; ``kinds`` names the function of each kind as ``module:function``.

    Workers start with the first job. ``owner`` is the name of an account, or any secret of a reader without one.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Mapping[str, str],
        now: Callable[[], datetime.datetime],
        *,
        workers: int = 1,
        kept_s: float = KEPT_S,
    ) -> None:
        self._folder = folder
        self._kinds = kinds
        self._now = now
        self._workers = workers
        self._kept_s = kept_s
        self._queue: queue.Queue[str] = queue.Queue()
        self._hands: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._news = threading.Condition()

    def submit(self, kind: str, order: Mapping[str, Any], *, owner: str, title: str) -> str:
        """The id of a new job, which waits for a worker."""
        self.sweep()
        job_id = secrets.token_urlsafe(16)
        folder = self._folder / job_id
        at = self._now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        told = {"kind": kind, "title": title, "owner": owner, "at": at, "pid": os.getpid(), "order": order}
        try:
            folder.mkdir(parents=True)
            _write(folder / "job.json", told)
            _write(folder / "state.json", {"state": "waiting"})
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _fault(error) from error
        self._start_hands()
        self._queue.put(job_id)
        return job_id

    def state(self, job_id: str, owner: str) -> JobState:
        """How far a job is.

        Raises
        ------
        JobNotFound
            There is none of this id, or it is somebody else's.
        """
        return self._read(self._owned(job_id, owner))

    def wait(self, job_id: str, owner: str, patience_s: float) -> JobState:
        """How far a job is once it has ended, or after so many seconds."""
        until = time.monotonic() + patience_s
        with self._news:
            while not (state := self.state(job_id, owner)).ended:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._news.wait(min(left, WAIT_S))
        return state

    def order(self, job_id: str, owner: str) -> Mapping[str, Any]:
        """What was ordered."""
        told: Mapping[str, Any] = _load(self._owned(job_id, owner) / "job.json")["order"]
        return told

    def result(self, job_id: str, owner: str, name: str) -> Path:
        """A file a job has made.

        Raises
        ------
        JobNotFound
            No such job or file.
        """
        folder = self._owned(job_id, owner)
        path = folder / "out" / name
        if not RESULT_NAME.fullmatch(name) or not path.is_file():
            raise JobNotFound(job=job_id)
        return path

    def cancel(self, job_id: str, owner: str) -> None:
        """Stop a job: one that waits at once, one that runs within a tenth of a second by killing its worker."""
        folder = self._owned(job_id, owner)
        (folder / "cancel").touch()
        if self._read(folder).state == "waiting":  # should a worker take it just now, it looks for the mark first
            _end(folder, "cancelled", problem=_problem(JobCancelled()))

    def drop(self, job_id: str, owner: str) -> None:
        """Stop a job that is under way, forget one that has ended."""
        if self.state(job_id, owner).ended:
            shutil.rmtree(self._owned(job_id, owner), ignore_errors=True)
        else:
            self.cancel(job_id, owner)

    def list(self, owner: str, kind: str) -> tuple[JobState, ...]:
        """An owner's jobs of a kind, newest first."""
        mine = [self._read(f) for f, told in self._all() if told["owner"] == owner and told["kind"] == kind]
        return tuple(sorted(mine, key=lambda j: j.at, reverse=True))

    def sweep(self) -> None:
        """Forget jobs that are older than a day."""
        oldest = (self._now() - KEPT).astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        for folder, told in self._all():
            if told["at"] < oldest:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Stop the workers; what runs ends as cancelled."""
        self._closed.set()
        for hand in self._hands:
            hand.join(timeout=10)

    # ---------------------------------------------------------------- what lies in the folders
    def _owned(self, job_id: str, owner: str) -> Path:
        folder = self._folder / job_id
        if not JOB_ID.fullmatch(job_id) or _load(folder / "job.json").get("owner") != owner:
            raise JobNotFound(job=job_id)
        return folder

    def _all(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(self._folder.glob("*/job.json")):
            told = _load(path)
            if told:
                yield path.parent, told

    def _read(self, folder: Path) -> JobState:
        told, state = _load(folder / "job.json"), _load(folder / "state.json")
        if state.get("state") not in ENDED and not _alive(int(told.get("pid", 0))):
            state = {"state": "failed", "problem": _problem(ServiceFault(incident="服务重启 / restarted"))}
        before = self._before(told["at"]) if state.get("state") == "waiting" else 0
        said = {key: told[key] for key in ("kind", "title", "at")}
        return msgspec.convert({"id": folder.name, "before": before, **said, **state}, JobState)

    def _before(self, at: str) -> int:
        earlier = (_load(folder / "state.json") for folder, told in self._all() if told["at"] < at)
        return sum(1 for state in earlier if state.get("state") not in ENDED)

    # ---------------------------------------------------------------- hands
    def _start_hands(self) -> None:
        with self._lock:
            while len(self._hands) < self._workers:
                hand = threading.Thread(target=self._serve, name="jobs", daemon=True)
                self._hands.append(hand)
                hand.start()

    def _serve(self) -> None:
        """Hand one job after the other to a worker process, a new one after a kill."""
        worker, looked = None, 0
        while not self._closed.is_set():
            try:
                job_id = self._queue.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                looked += 1
                worker = self._kept(worker, looked * LOOK_EVERY_S)
                continue
            looked = 0
            folder = self._folder / job_id
            if (folder / "cancel").exists() or not folder.exists():
                _end(folder, "cancelled", problem=_problem(JobCancelled()))
                continue
            worker = worker if worker and worker.alive else _Worker()
            try:
                self._watch(worker, folder)
            except OSError as error:  # nothing can be written beside the worker: the next job gets another one
                worker.kill()
                _end(folder, "failed", problem=_problem(_fault(error)))
            with self._news:
                self._news.notify_all()
        if worker:
            worker.kill()

    def _kept(self, worker: _Worker | None, idle_s: float) -> _Worker | None:
        """The worker, None once it has been idle for long enough to be let go."""
        if worker is None or idle_s < self._kept_s:
            return worker
        worker.kill()
        return None

    def _watch(self, worker: _Worker, folder: Path) -> None:
        told = _load(folder / "job.json")
        _write(folder / "state.json", {"state": "running"})
        (folder / "out").mkdir(exist_ok=True)
        worker.send(self._kinds[told["kind"]], told["order"], folder / "out")
        waited = 0.0
        while True:
            said = worker.hear(LOOK_EVERY_S)
            waited += 0.0 if said else LOOK_EVERY_S
            if said and said[0] == "progress":
                with suppress(OSError):  # a full disk shows no progress; the worker says the rest
                    _write(folder / "state.json", {"state": "running", "done": said[1], "total": said[2]})
            elif said:
                if said[0] != "done":
                    shutil.rmtree(folder / "out", ignore_errors=True)
                return _end(folder, "done" if said[0] == "done" else "failed", **said[1])
            stopped = self._stopped(worker, folder, waited)
            if stopped:
                worker.kill()
                shutil.rmtree(folder / "out", ignore_errors=True)
                return _end(
                    folder, "cancelled" if isinstance(stopped, JobCancelled) else "failed", problem=_problem(stopped)
                )

    def _stopped(self, worker: _Worker, folder: Path, waited: float) -> GeoServiceError | None:
        if (folder / "cancel").exists() or self._closed.is_set():
            return JobCancelled()
        if waited > TIME_LIMIT_S:
            return JobTimedOut(limit_s=int(TIME_LIMIT_S))
        return None if worker.alive else ServiceFault(incident="worker")


class _Worker:
    """A process that does one piece of work after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def send(self, function: str, order: Mapping[str, Any], out: Path) -> None:
        self._pipe.send((function, order, out))

    def hear(self, patience_s: float) -> tuple[Any, ...] | None:
        with suppress(EOFError, OSError):
            if self._pipe.poll(patience_s):
                return tuple(self._pipe.recv())
        return None

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection) -> None:
    """In the worker: orders come in, progress and ends go out."""
    os.nice(NICENESS)  # the map comes first
    while True:
        try:
            function, order, out = pipe.recv()
        except EOFError:
            return
        pipe.send(_done(function, order, out, lambda done, total: pipe.send(("progress", done, total))))


def _done(function: str, order: Mapping[str, Any], out: Path, report: Report) -> tuple[str, dict[str, Any]]:
    module, name = function.split(":")
    work: Work = getattr(importlib.import_module(module), name)
    try:
        return "done", {"result": dict(work(order, out, report))}
    except GeoServiceError as error:
        refused = isinstance(error, InvalidRequest) or error.status < 500
        return "failed", {"problem": _problem(error) | {"refused": "yes" if refused else ""}}
    except OSError as error:
        return "failed", {"problem": _problem(_fault(error))}


def _fault(error: OSError) -> GeoServiceError:
    reason = error.strerror or str(error)
    return DiskFull(reason=reason) if error.errno in NO_ROOM else ServiceFault(incident=reason)


def _problem(error: GeoServiceError) -> dict[str, Any]:
    params = {key: value if isinstance(value, (str, int, float)) else str(value) for key, value in error.params.items()}
    return {"code": error.code, "zh": error.sentence("zh"), "en": error.sentence("en"), "params": params}


def _end(folder: Path, state: State, **told: Any) -> None:
    if not folder.exists():
        return
    try:
        _write(folder / "state.json", {"state": state, **told})
    except OSError:  # a full disk has no room for a second file, but for the one that is there
        with suppress(OSError):
            (folder / "state.json").write_bytes(msgspec.json.encode({"state": state, **told}))


def _write(path: Path, value: Mapping[str, Any]) -> None:
    half = path.with_suffix(f".{secrets.token_hex(4)}.part")  # who cancels writes beside the worker's hand
    try:
        half.write_bytes(msgspec.json.encode(value))
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def _load(path: Path) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError):
        return {}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
