"""Four writers and a reader under kill -9: nothing acknowledged is lost, nothing torn is read."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from geo_service.storage.backup import DATABASE, backup, restore
from geo_service.storage.publisher import Publisher
from geo_service.storage.store import LayerStore, open_store
from tests.storage import kill_workers
from tests.storage.store_samples import definition, point

KILLS = 60
WRITERS = 4
KILLS_BETWEEN_CHECKS = 12

Processes = multiprocessing.get_context("forkserver")


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Path:
    home = tmp_path / "home"
    (tmp_path / "database_url").write_text(database_url)
    with closing(open_store(kill_workers.url(home), home, kill_workers.now)) as store:
        features = [point(n, pupils=0, lon=round(117 + n / 1000, 7)) for n in range(kill_workers.FEATURES)]
        store.create_layer(definition(), features, author="a", note="")
    return home


def start_writer(home: Path, worker: int) -> ForkServerProcess:
    process = Processes.Process(target=kill_workers.write, args=(home, worker), daemon=True)
    process.start()
    return process


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_torn_is_read_under_kill_9(home: Path) -> None:
    chance = random.Random(2025)
    reader = Processes.Process(target=kill_workers.read, args=(home,), daemon=True)
    reader.start()
    writers = [start_writer(home, worker) for worker in range(WRITERS)]
    for kill in range(1, KILLS + 1):
        victim = chance.randrange(WRITERS)
        wait_for_work(home, victim, writers[victim], chance.randrange(1, 4))
        writers[victim].join(timeout=chance.uniform(0, 0.03))
        assert writers[victim].is_alive(), "a writer died by itself"
        writers[victim].kill()
        writers[victim].join()
        if kill % KILLS_BETWEEN_CHECKS == 0:
            stop([w for w in writers if w.is_alive()])
            check(home)
            writers = [start_writer(home, worker) for worker in range(WRITERS)]
        else:
            writers[victim] = start_writer(home, victim)
    stop(writers)
    check(home)
    assert reader.is_alive()
    stop([reader])
    assert not (home.parent / "torn").exists(), (home.parent / "torn").read_text()
    assert int((home.parent / "reads").read_text()) > 100
    assert len(acknowledged(home)) > 100


def wait_for_work(home: Path, worker: int, process: ForkServerProcess, commits: int) -> None:
    """Let a writer acknowledge some more commits."""
    path = home.parent / f"acknowledged.{worker}"
    before = path.read_text().count("\n") if path.exists() else 0
    while process.is_alive() and (not path.exists() or path.read_text().count("\n") < before + commits):
        process.join(timeout=0.005)


def stop(processes: list[ForkServerProcess]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def acknowledged(home: Path) -> list[list[str]]:
    files = sorted(home.parent.glob("acknowledged.*"))
    return [line.split() for path in files for line in path.read_text().splitlines()]


def check(home: Path) -> None:
    """The database is whole, every acknowledged commit is in it, and the published file is its head."""
    with closing(open_store(kill_workers.url(home), home, kill_workers.now)) as store:
        assert store.database.integrity() == "ok"
        recoveries = store.recover()
        assert {r.kind for r in recoveries} <= {"stale"}, recoveries
        check_commits(store, home)
        check_published(store, home)


def check_commits(store: LayerStore, home: Path) -> None:
    head = store.layer("schools").revision.rev
    acks = acknowledged(home)
    assert len({rev for rev, _, _ in acks}) == len(acks), "two commits got one revision"
    for rev, fid, token in acks:
        assert store.feature("schools", fid, int(rev)).properties["name"] == token
    counted = sum(f.properties["pupils"] for f in store.snapshot("schools").features)
    assert counted == head - 1, "a commit was lost or applied twice"


def check_published(store: LayerStore, home: Path) -> None:
    head = store.layer("schools").revision
    data = store.published_path("schools").read_bytes()
    assert hashlib.sha256(data).hexdigest() == head.sha256
    assert json.loads(data)["geo_service"]["rev"] == head.rev
    assert sorted(p.name for p in (home / "layers").iterdir()) == ["schools.geojson", "schools.toml"]
    ready = Publisher(store, home).revision("schools")
    assert ready.path().read_bytes() == data
    assert json.loads(ready.page(None, 1000))["numberReturned"] == kill_workers.FEATURES


@pytest.mark.slow
def test_a_backup_taken_under_four_writing_processes_is_whole(home: Path) -> None:
    writers = [start_writer(home, worker) for worker in range(WRITERS)]
    with closing(open_store(kill_workers.url(home), home, kill_workers.now)) as store:
        started = store.layer("schools").revision.rev
        while store.layer("schools").revision.rev < started + 20:
            writers[0].join(timeout=0.02)
        manifest = backup(store, home.parent / "backup.zip")
        while store.layer("schools").revision.rev < manifest.layers["schools"] + 5:
            writers[0].join(timeout=0.02)
        stop(writers)
        new = home.parent / "new"
        restore(home.parent / "backup.zip", new)
        with closing(open_store(f"sqlite:///{new / DATABASE}", new, kill_workers.now)) as again:
            assert again.recover() == ()
            head = manifest.layers["schools"]
            assert again.layer("schools").revision.rev == head
            assert again.snapshot("schools").features == store.snapshot("schools", head).features
