"""What a worker can do and cannot, and how many at a time: bounded queue, positions, cancelling, limits."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from geo_service.errors import Unavailable
from geo_service.ingest.confine import Confinement, kernel_support
from geo_service.ingest.jail import Jail, Job, read_plainly
from geo_service.ingest.limits import Limits
from geo_service.usecases.doctor import check_jail


def start(jail: Jail, task: str, **limits: float) -> Job:
    chosen = dataclasses.replace(jail.limits, **limits) if limits else None  # type: ignore[arg-type]  # numbers
    return jail.submit(jail.open_job(), task, limits=chosen)


def until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to that"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Jail]:
    with Jail(tmp_path / "jobs", limits=Limits(wall_s=20.0, cpu_s=20), slots=1, queue=2) as made:
        yield made


def test_a_worker_reaches_nothing_outside_its_folder(jail: Jail) -> None:
    (jail.folder / "secret").write_bytes(b"x")
    job = start(jail, "probe")
    assert job.wait(30).outcome == "done"
    answers = msgspec.json.decode(read_plainly(job.folder.path / "out" / "result.json", 10_000))
    assert answers.pop("write inside") == "done"
    assert answers.pop("limit") == "20.0"
    if not jail.confinement().complete:
        pytest.skip("this kernel lacks Landlock or seccomp")
    assert set(answers.values()) == {"PermissionError"}, answers
    assert not (jail.folder / "outside").exists()


def test_a_jail_that_was_warmed_takes_the_job_and_is_closed_whenever(tmp_path: Path) -> None:
    jail = Jail(tmp_path / "jobs", slots=1, queue=2)
    jail.warm()
    jail.warm()
    assert start(jail, "probe").wait(30).outcome == "done"
    jail.warm()
    jail.close()
    jail.warm()
    jail.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ingest-warm"]


def test_the_queue_is_bounded_and_everybody_sees_their_place(small: Jail) -> None:
    first = start(small, "wait")
    until(lambda: first.progress().stage != "waiting")
    second, third = start(small, "wait"), start(small, "probe")
    assert (first.state, first.position) == ("running", 0)
    assert [(job.state, job.position) for job in (second, third)] == [("waiting", 1), ("waiting", 2)]
    with pytest.raises(Unavailable, match="2"):
        start(small, "probe")
    second.cancel()
    assert second.wait(1).outcome == "cancelled"
    assert third.position == 1
    first.cancel()
    assert first.wait(20).outcome == "cancelled"
    assert third.wait(20).outcome == "done"
    assert start(small, "probe").wait(20).outcome == "done"


def test_a_worker_is_stopped_at_its_time_and_its_memory(small: Jail) -> None:
    overdue = start(small, "wait", wall_s=0.3)
    assert overdue.wait(20).outcome == "time"
    assert overdue.wait().elapsed_s < 5
    assert start(small, "exhaust").wait(20).outcome == "memory"


def test_a_lost_zygote_costs_its_jobs_and_the_next_one_starts_another(small: Jail) -> None:
    job = start(small, "wait")
    until(lambda: job.progress().stage != "waiting")
    small._link._process.kill()  # type: ignore[union-attr]  # what an operating system short of memory does
    assert job.wait(20).outcome == "crashed"
    assert start(small, "probe").wait(30).outcome == "done"


def test_the_status_says_what_the_kernel_lacks() -> None:
    bare = check_jail(Confinement(landlock_abi=0, seccomp=True, rlimits=True))
    assert bare.state == "note"
    assert "Landlock" in bare.text.zh
    assert "seccomp" not in bare.text.zh
    assert check_jail(Confinement(landlock_abi=4, seccomp=True, rlimits=True)).state == "ok"
    assert kernel_support().landlock_abi >= 0
