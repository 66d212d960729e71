"""Jobs beside the web service: progress, results, cancelling, faults, and nobody else's."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from geo_service.errors import InvalidParameter, JobNotFound
from geo_service.usecases.jobs import Jobs, JobState, Report

HERE = "tests.usecases.test_jobs"
PATIENCE_S = 40.0
KINDS = {name: f"{HERE}:{name}" for name in ("count", "wait", "refuse", "fill", "die")}


# ---------------------------------------------------------------- what workers do
def count(order: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    for n in range(order["to"]):
        report(n + 1, order["to"])
    (out / "n.txt").write_text(str(order["to"]), "utf-8")
    return {"file": "n.txt", "pid": os.getpid()}


def wait(order: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    (out / "half.part").write_bytes(b"x")
    report(1, 2)
    while True:
        time.sleep(0.01)  # a worker that never ends is what is tested


def refuse(order: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    raise InvalidParameter(name="scale", value=0, reason="0")


def fill(order: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123  # the device that is always full
        full.write(b"x")
    return {}


def die(order: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    os._exit(7)


# ---------------------------------------------------------------- the tests
class Clock:
    def __init__(self) -> None:
        self.at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        self.at += datetime.timedelta(seconds=1)
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(tmp_path: Path, clock: Clock) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "jobs", KINDS, clock)
    yield made
    made.close()


def until(state: Callable[[], JobState], fits: Callable[[JobState], bool]) -> JobState:
    """The first state that fits; asking is all the waiting there is."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        now = state()
        if fits(now):
            return now
    raise AssertionError(f"still {state()}")


def ended(jobs: Jobs, job: str, owner: str = "li") -> JobState:
    return until(lambda: jobs.state(job, owner), lambda s: s.ended)


def test_a_job_reports_ends_and_leaves_its_file(jobs: Jobs) -> None:
    job = jobs.submit("count", {"to": 3}, owner="li", title="数到三")
    last = ended(jobs, job)
    assert (last.state, last.title, last.result["file"]) == ("done", "数到三", "n.txt")
    assert jobs.result(job, "li", "n.txt").read_text("utf-8") == "3"
    assert last.result["pid"] != os.getpid()


def test_a_worker_is_kept_for_the_next_job(jobs: Jobs) -> None:
    pids = {ended(jobs, jobs.submit("count", {"to": 1}, owner="li", title="")).result["pid"] for _ in range(3)}
    assert len(pids) == 1


def test_a_worker_with_nothing_to_do_is_let_go_after_a_while(tmp_path: Path, clock: Clock) -> None:
    brief = Jobs(tmp_path / "jobs", KINDS, clock, kept_s=0.1)
    try:
        first = ended(brief, brief.submit("count", {"to": 1}, owner="li", title="")).result["pid"]
        deadline = time.monotonic() + PATIENCE_S
        while Path(f"/proc/{first}").exists():
            assert time.monotonic() < deadline, "it is still there"
        assert ended(brief, brief.submit("count", {"to": 1}, owner="li", title="")).result["pid"] != first
    finally:
        brief.close()


def test_a_running_job_is_killed_when_cancelled_and_leaves_nothing(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.submit("wait", {}, owner="li", title="")
    until(lambda: jobs.state(job, "li"), lambda s: s.done == 1)
    jobs.cancel(job, "li")
    assert ended(jobs, job).state == "cancelled"
    assert not (tmp_path / "jobs" / job / "out").exists()
    assert ended(jobs, jobs.submit("count", {"to": 1}, owner="li", title="")).state == "done"


def test_a_waiting_job_knows_how_many_are_before_it_and_can_be_cancelled(jobs: Jobs) -> None:
    first = jobs.submit("wait", {}, owner="li", title="")
    second = jobs.submit("count", {"to": 1}, owner="wang", title="")
    third = jobs.submit("count", {"to": 1}, owner="li", title="")
    assert jobs.state(third, "li").before == 2
    jobs.cancel(third, "li")
    jobs.cancel(first, "li")
    assert ended(jobs, third).state == "cancelled"
    assert ended(jobs, second, "wang").state == "done"


@pytest.mark.parametrize(("kind", "word"), [("refuse", "scale"), ("fill", "space"), ("die", "worker")])
def test_a_refusal_a_full_disk_and_a_dead_worker_are_told(jobs: Jobs, kind: str, word: str) -> None:
    last = ended(jobs, jobs.submit(kind, {}, owner="li", title=""))
    assert last.state == "failed"
    assert word in last.problem["en"]


def test_nobody_sees_or_stops_the_job_of_another(jobs: Jobs) -> None:
    job = jobs.submit("count", {"to": 1}, owner="li", title="")
    ended(jobs, job)
    for look in (jobs.state, jobs.cancel):
        with pytest.raises(JobNotFound):
            look(job, "wang")
    with pytest.raises(JobNotFound):
        jobs.result(job, "wang", "n.txt")
    assert jobs.list("wang", "count") == ()
    assert [j.id for j in jobs.list("li", "count")] == [job]


@pytest.mark.parametrize("name", ["../job.json", "n.txt/../../job.json", "/etc/passwd", "", ".", "nix.txt"])
def test_no_name_leads_out_of_the_folder_of_results(jobs: Jobs, name: str) -> None:
    job = jobs.submit("count", {"to": 1}, owner="li", title="")
    ended(jobs, job)
    with pytest.raises(JobNotFound):
        jobs.result(job, "li", name)


@pytest.mark.parametrize("job", ["../x", "", "a" * 22])
def test_an_id_that_is_none_is_not_found(jobs: Jobs, job: str) -> None:
    with pytest.raises(JobNotFound):
        jobs.state(job, "li")


def test_results_are_forgotten_after_a_day(jobs: Jobs, clock: Clock) -> None:
    old = jobs.submit("count", {"to": 1}, owner="li", title="")
    ended(jobs, old)
    clock.at += datetime.timedelta(hours=25)
    jobs.sweep()
    with pytest.raises(JobNotFound):
        jobs.state(old, "li")


def test_a_job_of_a_service_that_is_gone_has_failed(tmp_path: Path, clock: Clock) -> None:
    jobs = Jobs(tmp_path, KINDS, clock, workers=0)
    job = jobs.submit("count", {"to": 1}, owner="li", title="")
    told = tmp_path / job / "job.json"
    told.write_text(told.read_text("utf-8").replace(f'"pid":{os.getpid()}', '"pid":4194303'), "utf-8")
    assert jobs.state(job, "li").state == "failed"
