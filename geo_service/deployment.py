"""The one place that wires settings to parts. Nothing is built at import."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from geo_service.core.plan import EMPTY_LEDGER, Ledger
from geo_service.core.validation import Finding
from geo_service.errors import BrokenBasemapFile, BrokenLedgerFile
from geo_service.ingest.jail import Jail
from geo_service.rendering import symbols
from geo_service.settings import Settings
from geo_service.storage.accounts import Accounts
from geo_service.storage.attachments import Attachments
from geo_service.storage.audit import Audit
from geo_service.storage.basemap_file import read_basemaps
from geo_service.storage.drafts import Drafts
from geo_service.storage.kept_files import KeptFiles
from geo_service.storage.ledger import read_ledger
from geo_service.storage.publisher import Publisher
from geo_service.storage.saved_results import SavedResults
from geo_service.storage.seed import Seed, SeedProblem, import_seed, read_seed
from geo_service.storage.store import LayerStore, Recovery, open_store
from geo_service.usecases.accounts import People
from geo_service.usecases.answering import Answers
from geo_service.usecases.attachments import Album
from geo_service.usecases.basemaps import Basemaps
from geo_service.usecases.jobs import Jobs
from geo_service.usecases.large_tiles import make_source
from geo_service.usecases.memo import Memo
from geo_service.usecases.printing import JOB_KINDS
from geo_service.usecases.result_sheet import RESULT_KINDS
from geo_service.usecases.review import Desk, close_committed
from geo_service.usecases.uploads import Counter, Evidence, remove_left_overs
from geo_service.usecases.views import RevisionViews


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything one running service is made of; handed to the web application and the command line."""

    settings: Settings
    store: LayerStore
    ledger: Ledger
    publisher: Publisher
    views: RevisionViews
    people: People
    drafts: Drafts
    counter: Counter
    album: Album
    downloads: KeptFiles
    prints: Jobs
    answers: Answers
    results: SavedResults
    previews: Jobs
    basemaps: Basemaps
    now: Callable[[], datetime.datetime]
    seed_problems: tuple[SeedProblem, ...] = ()
    ledger_problems: tuple[BrokenLedgerFile, ...] = ()
    basemap_problems: tuple[BrokenBasemapFile, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    memo: Memo[Any] = field(default_factory=lambda: Memo(512))


def set_right(deployment: Deployment) -> None:
    """Publish and close what a process that was killed had committed and told nobody of.

    Raises
    ------
    Unavailable
        The database cannot be reached.
    """
    deployment.store.recover()
    close_committed(deployment.counter.desk)


def go_to_work(deployment: Deployment) -> None:
    """Begin to build, in the background, what large layers are served from, and go on with every revision to come."""
    deployment.publisher.errands.resting = False
    deployment.store.after_publishing = deployment.views.prepare
    for state in deployment.store.layers():
        if deployment.publisher.is_large(state.definition.id):
            deployment.store.publish_soon(state.definition.id)


def utc_now() -> datetime.datetime:
    """The time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def open_deployment(settings: Settings, *, now: Callable[[], datetime.datetime] = utc_now) -> Deployment:
    """A deployment on the settings' home: store opened, recovered and seeded, ledger read.

    Raises
    ------
    StorageFault
        The store cannot be opened.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database_url, settings.home, now)
    recoveries = store.recover()
    seed = drawable(read_seed(settings.layers))
    import_seed(store, seed)
    ledger, problems = _ledger(settings)
    basemaps, basemap_problems = _basemaps(settings, now)
    people = People(Accounts(store.database, now), Audit(store.database, now))
    drafts = Drafts(store.database, now)
    counter = _counter(settings, store, drafts, people, now)
    close_committed(counter.desk)
    publisher = Publisher(store, settings.home, beside=make_source)
    views = RevisionViews(store, publisher, tile_cache_mb=settings.tile_cache_mb, tile_disk_mb=settings.tile_disk_mb)
    return Deployment(
        settings=settings,
        store=store,
        ledger=ledger,
        publisher=publisher,
        people=people,
        drafts=drafts,
        basemaps=basemaps,
        counter=counter,
        album=Album(Attachments(settings.home / "attachments"), counter.jail, now),
        views=views,
        downloads=KeptFiles(settings.home / "cache" / "downloads", settings.download_cache_mb << 20),
        prints=Jobs(settings.home / "cache" / "prints", {**JOB_KINDS, **RESULT_KINDS}, now),
        answers=Answers(settings, now),
        results=SavedResults(store.database, now),
        previews=Jobs(settings.home / "cache" / "previews", JOB_KINDS, now),
        now=now,
        seed_problems=seed.problems,
        ledger_problems=problems,
        basemap_problems=basemap_problems,
        recoveries=recoveries,
    )


def _counter(
    settings: Settings, store: LayerStore, drafts: Drafts, people: People, now: Callable[[], datetime.datetime]
) -> Counter:
    """The place where files are received; the jail starts its workers at the first file."""
    evidence, jobs = Evidence(settings.home / "uploads", now), settings.home / "jobs"
    remove_left_overs(jobs, evidence)
    return Counter(evidence, Jail(jobs), Desk(store, drafts, people.audit), {})


def drawable(seed: Seed) -> Seed:
    """The seed without layers whose symbol is not in the symbol table; each becomes a problem to show."""
    strange = [layer for layer in seed.layers if layer.definition.symbol not in symbols.NAMES]
    known = ", ".join(symbols.NAMES)
    problems = tuple(
        SeedProblem(
            f"{layer.definition.id}.toml",
            0,
            "symbol",
            Finding(code="symbol-unknown", field="symbol", params={"symbol": layer.definition.symbol, "known": known}),
        )
        for layer in strange
    )
    kept = tuple(layer for layer in seed.layers if layer not in strange)
    return dataclasses.replace(seed, layers=kept, problems=(*seed.problems, *problems))


def _ledger(settings: Settings) -> tuple[Ledger, tuple[BrokenLedgerFile, ...]]:
    try:
        return read_ledger(settings.data / "plan_2025.toml"), ()
    except BrokenLedgerFile as error:
        return EMPTY_LEDGER, (error,)


def _basemaps(
    settings: Settings, now: Callable[[], datetime.datetime]
) -> tuple[Basemaps, tuple[BrokenBasemapFile, ...]]:
    """The configured basemaps; at most half of the threads wait for their services at a time."""
    waiting = max(1, settings.threads // 2)
    if settings.basemaps is None:
        return Basemaps((), now=now, waiting=waiting), ()
    try:
        return Basemaps(read_basemaps(settings.basemaps), now=now, waiting=waiting), ()
    except BrokenBasemapFile as error:
        return Basemaps((), now=now, waiting=waiting), (error,)
