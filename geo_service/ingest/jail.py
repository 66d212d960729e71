"""The web process's side of the jail: job folders, a bounded queue, progress, cancelling.

The parent never forks: it starts one single-threaded zygote by ``subprocess`` and sends it short messages. State that
another web process must see (progress, cancelling) lives in the job's folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from geo_service.errors import BrokenInstallation, Unavailable
from geo_service.ingest.confine import Confinement
from geo_service.ingest.limits import LIMITS, Limits
from geo_service.ingest.zygote import CANCEL, MESSAGE_BYTES, Ended, Ready, Start, scrub_environment
from geo_service.settings import ROOT

State = Literal["waiting", "running", "ended"]

START_S = 30.0
_FOLDERS = ("in", "work", "out")


class Progress(msgspec.Struct, frozen=True):
    """How far a worker is: its stage and, within it, ``done`` of ``total`` (0 where unknown)."""

    stage: str = "waiting"
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The only place a worker may write: ``in`` is read, ``work`` and ``out`` are written."""

    path: Path

    @property
    def id(self) -> str:
        """The folder's name, which is the job's id."""
        return self.path.name

    def progress(self) -> Progress:
        """What the worker last said; readable from any process."""
        try:
            return msgspec.json.decode(read_plainly(self.path / "out" / "progress.json", 4096), type=Progress)
        except (OSError, msgspec.DecodeError):
            return Progress()

    def ended(self) -> Ended | None:
        """How it ended, None until then; readable from any process."""
        try:
            return msgspec.json.decode((self.path / "ended.json").read_bytes(), type=Ended)
        except (OSError, msgspec.DecodeError):
            return None

    def keep_end(self, ended: Ended) -> None:
        """Note how it ended, outside what the worker may write; a discarded folder stays away."""
        with suppress(OSError):
            temporary = self.path / "ended.new"
            temporary.write_bytes(msgspec.json.encode(ended))
            temporary.replace(self.path / "ended.json")

    def cancel(self) -> None:
        """Ask for the job to be stopped; from any process."""
        (self.path / CANCEL).touch()

    def discard(self) -> None:
        """Remove the folder with all in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def read_plainly(path: Path, limit: int) -> bytes:
    """The content of a regular file a worker wrote, up to ``limit`` bytes; links are not followed."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
        return stream.read(limit)


class Job:
    """One task in the jail."""

    def __init__(self, jail: Jail, start: Start, folder: JobFolder) -> None:
        self.folder = folder
        self.start = start
        self._jail = jail
        self._over = threading.Event()
        self._ended: Ended | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.folder.id

    @property
    def state(self) -> State:
        """Whether it waits, runs or has ended."""
        return "ended" if self._over.is_set() else "waiting" if self.position else "running"

    @property
    def position(self) -> int:
        """How many jobs start before it, itself counted; 0 once it runs."""
        return self._jail.position(self)

    def progress(self) -> Progress:
        """How far it is."""
        return self.folder.progress()

    def cancel(self) -> None:
        """Stop it, waiting or running."""
        self.folder.cancel()
        self._jail.drop_if_waiting(self)

    def wait(self, timeout_s: float | None = None) -> Ended:
        """How it ended.

        Raises
        ------
        TimeoutError
            It has not ended within ``timeout_s``.
        """
        if not self._over.wait(timeout_s) or self._ended is None:
            raise TimeoutError(self.id)
        return self._ended

    def end(self, ended: Ended) -> None:
        """Record its end; called by the jail."""
        self._ended = ended
        self.folder.keep_end(ended)
        self._over.set()


class Jail:
    """Runs tasks on untrusted files in confined workers, ``slots`` at a time, ``queue`` waiting at most."""

    def __init__(self, folder: Path, *, limits: Limits = LIMITS, slots: int = 2, queue: int = 8) -> None:
        self.folder = folder
        self.limits = limits
        self.slots = slots
        self.queue = queue
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._running: dict[str, Job] = {}
        self._link: _Link | None = None
        self._warming: threading.Thread | None = None

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_job(self) -> JobFolder:
        """A new empty job folder, readable only by this user."""
        path = self.folder / secrets.token_hex(12)
        for name in _FOLDERS:
            (path / name).mkdir(parents=True, mode=0o700)
        return JobFolder(path)

    def submit(self, folder: JobFolder, task: str, *, read: Sequence[Path] = (), limits: Limits | None = None) -> Job:
        """A job for the folder; it starts at once where a slot is free.

        Raises
        ------
        Unavailable
            The queue is full.
        """
        files = tuple(str(path.resolve()) for path in read)
        where = str(folder.path.resolve())
        start = Start(job=folder.id, folder=where, task=task, read=files, limits=limits or self.limits)
        job = Job(self, start, folder)
        with self._lock:
            if len(self._waiting) >= self.queue:
                raise Unavailable(reason=f"{len(self._waiting)} 个文件正在排队 (files are waiting)")
            self._waiting.append(job)
            self._fill()
        return job

    def warm(self) -> None:
        """Start the zygote beside the caller, who will have a job in a moment: its libraries take seconds to load."""
        if self._link is None and self._warming is None:
            self._warming = threading.Thread(target=self._warm, name="ingest-warm", daemon=True)
            self._warming.start()

    def _warm(self) -> None:
        with suppress(BrokenInstallation), self._lock:  # whoever has a job is told
            self._linked()
        self._warming = None

    def confinement(self) -> Confinement:
        """What holds the workers here, as the zygote found out by trying."""
        with self._lock:
            return self._linked().confinement

    def position(self, job: Job) -> int:
        """A job's place in the queue from 1; 0 where it does not wait."""
        with self._lock:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def drop_if_waiting(self, job: Job) -> None:
        """Take a job out of the queue; one that runs is left to its cancel mark."""
        with self._lock:
            if job in self._waiting:
                self._waiting.remove(job)
                job.end(_ended(job, "cancelled"))

    def close(self) -> None:
        """Stop the zygote and with it every worker."""
        if warming := self._warming:
            warming.join()
        with self._lock:
            link, self._link = self._link, None
        if link:
            link.close()

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.slots:
            job = self._waiting.popleft()
            self._running[job.id] = job
            self._linked().send(job.start)

    def _linked(self) -> _Link:
        if self._link is None:
            self._link = _Link(self)
        return self._link

    def ended(self, ended: Ended) -> None:
        """A worker has ended: tell its job, start the next."""
        with self._lock:
            job = self._running.pop(ended.job, None)
            if job:
                job.end(ended)
            self._fill()

    def lost(self, link: _Link) -> None:
        """The zygote is gone: its jobs crashed; the next job starts another."""
        with self._lock:
            if self._link is link:
                self._link = None
            orphans = [job for job in self._running.values() if job.id in link.sent]
            for job in orphans:
                self._running.pop(job.id)
                job.end(_ended(job, "crashed"))
            if self._waiting and self._link is None:
                self._fill()


def _ended(job: Job, outcome: Literal["cancelled", "crashed"]) -> Ended:
    return Ended(job=job.id, outcome=outcome, detail="", elapsed_s=0.0, peak_bytes=0)


class _Link:
    """A running zygote and the socket to it."""

    def __init__(self, jail: Jail) -> None:
        self.sent: set[str] = set()
        self._jail = jail
        self._socket, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with child:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "geo_service.ingest.zygote", str(child.fileno())],
                pass_fds=(child.fileno(),),
                cwd=ROOT,
                env=scrub_environment(dict(os.environ)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.confinement = self._greet()
        self._thread = threading.Thread(target=self._listen, name="ingest-jail", daemon=True)
        self._thread.start()

    def _greet(self) -> Confinement:
        self._socket.settimeout(START_S)
        try:
            ready = msgspec.json.decode(self._socket.recv(MESSAGE_BYTES), type=Ready)
        except (OSError, msgspec.DecodeError) as error:
            self._process.kill()
            self._process.wait()
            self._socket.close()
            raise BrokenInstallation(what=f"ingest zygote ({error})") from error
        self._socket.settimeout(None)
        return ready.confinement

    def send(self, start: Start) -> None:
        """Start a worker."""
        self.sent.add(start.job)
        try:
            self._socket.send(msgspec.json.encode(start))
        except OSError:  # the listener sees the same loss and ends the job
            return

    def close(self) -> None:
        """End the zygote and wait for it."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(START_S)
        self._process.wait(START_S)

    def _listen(self) -> None:
        while message := self._hear():
            ended = msgspec.json.decode(message, type=Ended)
            self.sent.discard(ended.job)
            self._jail.ended(ended)
        self._process.wait()
        self._socket.close()
        self._jail.lost(self)

    def _hear(self) -> bytes:
        try:
            return self._socket.recv(MESSAGE_BYTES)
        except OSError:
            return b""
