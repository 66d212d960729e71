"""Jobs of other processes of the same home, seen through their folders: any web process answers for any upload."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from geo_service.ingest.jail import Jail, JobFolder, Progress, State
from geo_service.ingest.zygote import Ended, Start

JOB_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class DistantJob:
    """A job that another process started; it is asked and stopped like one of our own."""

    folder: JobFolder
    start: Start

    @property
    def id(self) -> str:
        """The job's id."""
        return self.folder.id

    @property
    def state(self) -> State:
        """Whether it has ended; waiting cannot be told from running from here."""
        return "ended" if self.folder.ended() else "running"

    @property
    def position(self) -> int:
        """Its place in the queue is known to its own process only."""
        return 0

    def progress(self) -> Progress:
        """How far it is."""
        return self.folder.progress()

    def cancel(self) -> None:
        """Stop it."""
        self.folder.cancel()

    def wait(self, _timeout_s: float | None = None) -> Ended:
        """How it ended; nobody waits for another process.

        Raises
        ------
        TimeoutError
            It has not ended.
        """
        ended = self.folder.ended()
        if ended is None:
            raise TimeoutError(self.id)
        return ended


def find_distant(jail: Jail, job_id: str) -> DistantJob | None:
    """The job of this id that some process of this home started, or None."""
    folder = JobFolder(jail.folder / job_id)
    if not JOB_ID.fullmatch(job_id) or not folder.path.is_dir():
        return None
    start = Start(job=job_id, folder=str(folder.path), task="", read=(), limits=jail.limits)
    return DistantJob(folder, start)


def keep_ticket(folder: JobFolder, ticket: object) -> None:
    """Keep beside a job what it was asked, for the other processes."""
    (folder.path / "ticket.json").write_bytes(msgspec.json.encode(ticket))


def read_ticket(folder: JobFolder) -> bytes:
    """What :func:`keep_ticket` kept, as JSON; empty where nothing was."""
    try:
        return (folder.path / "ticket.json").read_bytes()
    except OSError:
        return b""
