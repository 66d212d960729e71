"""200 kill -9 during uploads, drafts, publishes and exports: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
from collections import defaultdict
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from geo_service.core.access import Grant
from geo_service.deployment import Deployment, open_deployment
from geo_service.storage.backup import backup, restore
from tests.storage.store_samples import definition, point
from tests.usecases import kill_workers
from tests.usecases.kill_workers import CHECKER, FEATURES, LAYER, SENDER

KILLS = 200
WORKERS = 2
KILLS_BETWEEN_CHECKS = 40

Processes = multiprocessing.get_context("forkserver")


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Path:
    home = tmp_path / "home"
    home.with_suffix(".database").write_text(database_url)
    (tmp_path / "no-layers").mkdir()
    opened = open_deployment(kill_workers.settings(home))
    with closing(opened.store):
        opened.store.create_layer(definition(), [point(n) for n in range(FEATURES)], author="a", note="")
        for account in (SENDER, CHECKER):
            opened.people.accounts.add(account, "a pass phrase for the test")
    return home


def start(home: Path, worker: int) -> ForkServerProcess:
    process = Processes.Process(target=kill_workers.work, args=(home, worker), daemon=True)
    process.start()
    return process


def acknowledged(home: Path) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = defaultdict(list)
    for path in sorted(home.parent.glob("acknowledged.*")):
        for line in path.read_text().splitlines():
            kind, *rest = line.split()
            found[kind].append(rest)
    return found


def wait_for_line(home: Path, worker: int, process: ForkServerProcess) -> None:
    """Let a worker get on by one step at least, so that kills fall into every part of its round."""
    path = home.parent / f"acknowledged.{worker}"
    before = path.stat().st_size if path.exists() else 0
    while process.is_alive() and (not path.exists() or path.stat().st_size == before):
        process.join(timeout=0.003)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_under_200_kills_of_the_whole_journey(home: Path) -> None:
    chance = random.Random(2025)
    workers = [start(home, n) for n in range(WORKERS)]
    for kill in range(1, KILLS + 1):
        victim = chance.randrange(WORKERS)
        wait_for_line(home, victim, workers[victim])
        workers[victim].join(timeout=chance.uniform(0, 0.05))
        assert workers[victim].is_alive(), "a worker died by itself"
        workers[victim].kill()
        workers[victim].join()
        if kill % KILLS_BETWEEN_CHECKS == 0:
            stop(workers)
            check(home)
            workers = [start(home, n) for n in range(WORKERS)]
        else:
            workers[victim] = start(home, victim)
    stop(workers)
    check(home)
    found = acknowledged(home)
    assert min(len(found[kind]) for kind in ("upload", "draft", "submitted", "published", "exported")) > 20
    check_backup(home)


def stop(workers: list[ForkServerProcess]) -> None:
    for process in workers:
        process.kill()
        process.join()


def check(home: Path) -> None:
    """The database is whole, the audit chain unbroken, and all that was acknowledged is there, byte for byte."""
    deployment = open_deployment(kill_workers.settings(home))
    with closing(deployment.store):
        assert deployment.store.database.integrity() == "ok"
        assert deployment.people.audit.verify().broken is None
        assert {r.kind for r in deployment.recoveries} <= {"stale"}
        found = acknowledged(home)
        check_uploads(deployment, home, found["upload"])
        check_drafts(deployment, found)
        check_published(deployment, found["published"])
        check_exports(home, found["exported"])


def check_uploads(deployment: Deployment, home: Path, uploads: list[list[str]]) -> None:
    evidence = deployment.counter.evidence
    for kept_id, sha256 in uploads:
        kept = evidence.get(kept_id, SENDER)
        assert kept.sha256 == sha256
        assert evidence.path(sha256).stat().st_size == kept.size
    for path in (home / "uploads" / "originals").glob("*/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, "half an original"


def check_drafts(deployment: Deployment, found: dict[str, list[list[str]]]) -> None:
    drafts = deployment.drafts
    for draft_id, token in found["draft"]:
        assert drafts.get(draft_id).note == token
        assert len(drafts.changes(draft_id)) == 1
    published = {draft_id for draft_id, *_ in found["published"]}
    for draft_id, _ in found["submitted"]:
        assert drafts.get(draft_id).state in (("published",) if draft_id in published else ("submitted", "published"))
    by_draft = {r.draft: r for r in deployment.store.revisions(LAYER) if r.draft}
    assert len(by_draft) == len([r for r in deployment.store.revisions(LAYER) if r.draft]), "a draft published twice"
    for draft in drafts.find():
        assert (draft.state == "published") == (draft.id in by_draft), "a draft and its revision disagree"


def check_published(deployment: Deployment, published: list[list[str]]) -> None:
    store = deployment.store
    for draft_id, rev, fid, token in published:
        assert store.revision(LAYER, int(rev)).draft == draft_id
        assert store.feature(LAYER, fid, int(rev)).properties["name"] == token
    head = store.layer(LAYER).revision
    data = store.published_path(LAYER).read_bytes()
    assert hashlib.sha256(data).hexdigest() == head.sha256
    body = json.loads(data)
    assert body["geo_service"]["rev"] == head.rev
    names = {f["id"]: f["properties"]["name"] for f in body["features"]}
    assert names == {f.id: f.properties["name"] for f in store.snapshot(LAYER).features}


def check_exports(home: Path, exported: list[list[str]]) -> None:
    folder = home / "cache" / "downloads"
    known = dict(exported)
    for path in folder.iterdir():
        if path.is_file() and path.name in known:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == known[path.name], "half an export"


def check_backup(home: Path) -> None:
    """A backup of what is left gives back every byte: uploads, attachments, published layers, the database's rows."""
    attachment = home / "attachments" / "ab" / "abcdef"
    attachment.parent.mkdir(parents=True)
    attachment.write_bytes(b"\xff\xd8 a photo")
    deployment = open_deployment(kill_workers.settings(home))
    with closing(deployment.store):
        backup(deployment.store, home.parent / "backup.zip")
        heads = {s.definition.id: s.revision for s in deployment.store.layers()}
    new = home.parent / "new"
    restore(home.parent / "backup.zip", new)
    for folder in ("uploads/originals", "uploads/notes", "attachments", "layers"):
        files = {p.relative_to(home): p.read_bytes() for p in (home / folder).rglob("*") if p.is_file()}
        assert {p.relative_to(new): p.read_bytes() for p in (new / folder).rglob("*") if p.is_file()} == files
        assert files
    again = open_deployment(kill_workers.settings(new))
    with closing(again.store):
        assert {s.definition.id: s.revision for s in again.store.layers()} == heads
        assert again.people.accounts.get("sender").grants == (Grant("editor"),)
        assert again.people.audit.verify().broken is None
