"""Answers to questions, worked on in processes beside the web service and kept for whoever asks the same again.

One rule: an answer that is known is given at once; every other question becomes a job. Who asks says how long to wait
for it. An answer follows from the question, its parameters and the revisions it read, so a known one never goes stale.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from geo_service import __version__
from geo_service.analysis.questions import find_question
from geo_service.analysis.result import Question, read_parameters
from geo_service.core.plan import EMPTY_LEDGER, Ledger
from geo_service.errors import BrokenLedgerFile, Unavailable
from geo_service.settings import Settings
from geo_service.storage.kept_files import KeptFiles
from geo_service.storage.ledger import read_ledger
from geo_service.storage.publisher import Publisher
from geo_service.storage.saved_results import SavedResult
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases import report
from geo_service.usecases.jobs import Jobs, JobState, Report
from geo_service.usecases.memo import Memo
from geo_service.usecases.report import Read, Sources
from geo_service.usecases.views import RevisionViews

KIND = "answer"
JOB_KINDS = {KIND: "geo_service.usecases.answering:work_out_answer"}
WORKERS = 2
MOST_OPEN = 4
"""Questions one person may have waiting and running at a time; of those who are not signed in, each address."""
KEPT_BYTES = 64 << 20
RESULT = "answer.json"
TELL_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Ask:
    """A question settled: its parameters, and the revision of every layer it reads."""

    question: Question
    parameters: Mapping[str, Any]
    reads: tuple[Read, ...]
    ledger: Ledger

    @property
    def layers(self) -> dict[str, str]:
        """The layers of every role, pinned to their revisions."""
        by_role: dict[str, list[str]] = {r.key: [] for r in self.question.roles if r.part != "ledger"}
        for read in self.reads:
            by_role[read.role.key].append(f"{read.revision.layer}@{read.revision.rev}")
        return {key: ",".join(names) for key, names in by_role.items()}

    @property
    def key(self) -> str:
        """The name of its answer: a digest of everything the answer follows from."""
        plan = repr(self.ledger) if any(r.part == "ledger" for r in self.question.roles) else ""
        told = [__version__, self.question.id, sorted(self.parameters.items()), self.layers, plan]
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def settle(sources: Sources, question: Question, given: Mapping[str, Any], chosen: Mapping[str, str]) -> Ask:
    """A question as somebody asks it who may read these layers.

    Raises
    ------
    InvalidParameter
        A parameter that is unknown or out of range, a role without its layer.
    LayerNotFound, RevisionNotFound
        A layer or revision that is not there, or not for this reader.
    """
    parameters, reads = read_parameters(question, given), report.choose_reads(sources, question, chosen)
    return Ask(question, parameters, reads, sources.ledger)


class Answers:
    """Known answers and the workers that find the others."""

    def __init__(self, settings: Settings, now: Callable[[], datetime.datetime]) -> None:
        self._settings = settings
        self.jobs = Jobs(settings.home / "cache" / "analyses", JOB_KINDS, now, workers=WORKERS)
        self._kept = KeptFiles(settings.home / "cache" / "answers", KEPT_BYTES)

    def known(self, ask: Ask) -> dict[str, Any]:
        """The answer where it is known, nothing where it has still to be worked out."""
        name = f"{ask.key}.json"
        if self._kept.holds(name):
            with contextlib.suppress(FileNotFoundError):  # made room for another in between
                return dict(msgspec.json.decode((self._kept.folder / name).read_bytes()))
        return {}

    def begin(self, ask: Ask, *, owner: str, wish: Mapping[str, Any], asker: str = "") -> JobState:
        """A new job for a question; ``wish`` is kept with it for whoever fetches the answer, ``asker`` tells apart who
        share an owner.

        Raises
        ------
        Unavailable
            This person has too many under way.
        """
        under_way = [j for j in self.jobs.list(owner, KIND) if not j.ended]
        mine = [j for j in under_way if self.jobs.order(j.id, owner).get("asker", "") == asker]
        if len(mine) >= MOST_OPEN:
            first = min(j.before for j in mine)
            zh = f"您已有 {len(mine)} 项分析未完成（最前一项之前还有 {first} 项），请等一项算完或取消一项"
            en = f"{len(mine)} of your analyses are under way ({first} before the first); wait for one or cancel one"
            raise Unavailable(reason=f"{zh} / {en}")
        order = {
            "database_url": self._settings.database_url,
            "home": str(self._settings.home),
            "data": str(self._settings.data),
            "question": ask.question.id,
            "parameters": dict(ask.parameters),
            "layers": ask.layers,
            "key": ask.key,
            "wish": dict(wish),
            "asker": asker,
        }
        job_id = self.jobs.submit(KIND, order, owner=owner, title=ask.question.id)
        return self.jobs.state(job_id, owner)

    def answer(self, job_id: str, owner: str) -> dict[str, Any]:
        """What a job that is done has found.

        Raises
        ------
        JobNotFound
            There is no such job, or it has found nothing.
        """
        return dict(msgspec.json.decode(self.jobs.result(job_id, owner, RESULT).read_bytes()))


def has_moved_on(saved: SavedResult, heads: Mapping[str, int]) -> bool:
    """Whether a layer that a kept answer read has a newer revision; one asked for at an earlier revision never has."""
    roles = {r.key: r for r in find_question(saved.question).roles}
    return any(not roles[r.role].previous and heads.get(r.layer, r.rev) != r.rev for r in saved.reads)


# ---------------------------------------------------------------- in the worker
def work_out_answer(order: Mapping[str, Any], out: Path, said: Report) -> Mapping[str, Any]:
    """Answer a question into a folder and into what is kept; the steps are layers read, worked out, written."""
    home = Path(order["home"])
    sources = _sources(order["database_url"], home, Path(order["data"]))
    ask = settle(sources, find_question(order["question"]), order["parameters"], order["layers"])
    steps = len(ask.reads) + 2
    said(0, steps)
    told = _now_and_then(lambda done: said(done, steps))
    answer = report.work_out(sources, ask.question, ask.parameters, ask.reads, told)
    said(steps - 1, steps)
    data = msgspec.json.encode(report.answer_json(answer, sources))
    half = out / f"{RESULT}.part"
    half.write_bytes(data)
    half.replace(out / RESULT)
    KeptFiles(home / "cache" / "answers", KEPT_BYTES).get(f"{order['key']}.json", lambda path: path.write_bytes(data))
    said(steps, steps)
    return {"file": RESULT, "bytes": len(data)}


def _now_and_then(said: Callable[[float], None]) -> Callable[[float], None]:
    """Whole steps at once, the parts between them a few times in a second: each is written to a file."""
    last = -math.inf

    def tell(done: float) -> None:
        nonlocal last
        now = time.monotonic()
        if done == int(done) or now - last >= TELL_EVERY_S:
            last = now
            said(round(done, 3))

    return tell


def _sources(url: str, home: Path, data: Path) -> Sources:
    store, views, ledger = _opened(url, home, data)
    return Sources(store.layers(), store, views, ledger, Memo(1))


@lru_cache(maxsize=2)
def _opened(url: str, home: Path, data: Path) -> tuple[LayerStore, RevisionViews, Ledger]:
    """The store, opened once in a worker; nothing is ever written to it here."""
    store = open_store(url, home, lambda: datetime.datetime.now(datetime.UTC))
    return store, RevisionViews(store, Publisher(store, home), tile_cache_mb=1), _ledger(data / "plan_2025.toml")


def _ledger(path: Path) -> Ledger:
    try:
        return read_ledger(path)
    except BrokenLedgerFile:
        return EMPTY_LEDGER
