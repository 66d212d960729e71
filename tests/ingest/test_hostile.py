"""Nothing hostile gets through: every file of the corpus ends as stated, in time, without network or stray files."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from geo_service.ingest.examination import Examination, Options
from geo_service.ingest.examine import conclude, submit
from geo_service.ingest.jail import Jail
from geo_service.ingest.limits import Limits

from .conftest import district, zones
from .hostile import Entry, corpus
from .languages import mixed

WALL_S = 20.0


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """An address of this machine, and whatever anybody asks of it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    heard.append(caller.recv(200))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def files_below(folder: Path) -> set[str]:
    return {str(Path(root) / name) for root, _, names in os.walk(folder) for name in names}


HARMLESS = {"crs-assumed", "field-unmapped", "field-required", "identity-unknown"}
"""What may stand beside the finding that an entry ends in: the small files have no CRS and few fields."""


def is_as_stated(entry: Entry, found: Examination) -> bool:
    """Whether exactly the stated finding came of it, and exactly the stated rows are left."""
    stated = set() if entry.expect == "ok" else {entry.expect}
    beside = set(found.counts) - stated - HARMLESS - set(entry.also)
    return stated <= set(found.counts) and not beside and found.tally.accepted == entry.kept


@pytest.mark.slow
def test_every_hostile_file_ends_as_stated(tmp_path: Path) -> None:
    outside, home = tmp_path / "outside", tmp_path / "jobs"
    (outside / "in").mkdir(parents=True)
    wrong: list[str] = []
    with listening() as (url, heard), Jail(home, limits=Limits(wall_s=WALL_S, cpu_s=20), queue=400) as jail:
        entries = corpus(url)
        assert len(entries) >= 200
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        paths = [outside / "in" / f"{number:03d}" for number in range(len(entries))]
        for path, entry in zip(paths, entries, strict=True):
            path.write_bytes(entry.body)
        before = files_below(outside)
        options = Options(district=district())
        jobs = [submit(path, "上传的文件", jail=jail, definition=zones(), options=options) for path in paths]
        for entry, job in zip(entries, jobs, strict=True):
            found = conclude(job, entry.name, timeout_s=120)
            if not is_as_stated(entry, found):
                wrong.append(f"{entry.name}: expected {entry.expect}, got {dict(found.counts)} {found.tally.accepted}")
            wrong += [f"{entry.name}: {sentence}" for sentence in mixed(found)]
            if found.elapsed_s > WALL_S:
                wrong.append(f"{entry.name}: {found.elapsed_s} s")
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        assert wrong == []
        assert heard == []
        assert files_below(outside) == before
        ours = {"ended.json"}  # the service's own word of how a job ended
        strays = [
            p.name
            for p in _made(home)
            if p.parent.name not in ("in", "work", "out") and p.parent.parent.name != "work" and p.name not in ours
        ]
        assert strays == []
        assert grown_kb < 40 * 1024


def _made(home: Path) -> list[Path]:
    return [Path(name) for name in files_below(home)]


@pytest.mark.slow
def test_every_entry_has_its_own_name() -> None:
    names = [entry.name for entry in corpus("http://127.0.0.1:9/")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_finding_of_the_room_speaks_both_languages(language: str) -> None:
    from geo_service.ingest.findings import INGEST_FINDINGS

    for code, (_, text) in INGEST_FINDINGS.items():
        assert text.get(language), code
        assert text.zh != text.en, code
