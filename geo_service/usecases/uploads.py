"""From a file somebody sent to a draft: keep the original, examine it in the jail, make a draft of what it proposes.

Nothing uploaded is opened here: bytes are counted, hashed and stored under names of our own making.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from geo_service.core.access import ANY, Account, includes
from geo_service.core.derived import Area, with_derived
from geo_service.core.drafts import Draft, DraftChange, DraftMode
from geo_service.core.layers import LayerDefinition
from geo_service.core.validation import Finding
from geo_service.errors import AccessDenied, InvalidParameter, InvalidRequest, NotFound, RequestTooLarge
from geo_service.ingest.distant import DistantJob, find_distant, keep_ticket, read_ticket
from geo_service.ingest.examination import Examination, Options, ProposedChange
from geo_service.ingest.examine import PublishedLayer, conclude, submit
from geo_service.ingest.jail import Jail, Job
from geo_service.ingest.limits import LIMITS
from geo_service.ingest.mapping import ID_FIELD
from geo_service.storage.codes import ever_used_ids
from geo_service.storage.drafts import Upload
from geo_service.storage.files import sync_folder
from geo_service.usecases import review
from geo_service.usecases.review import Desk

CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_REMEMBERED = 400
"""Source fields whose place is remembered for a layer."""
KEPT_JOBS = 40
"""So many dry runs that have ended can still be looked at; the folders of older ones are removed."""
LEFT_OVER_S = 24 * 3600
"""Job folders and half-received files of this age were left by a process that is gone."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An original that was received: ``id`` is secret enough to be an address, ``sha256`` names its content."""

    id: str
    name: str
    sha256: str
    size: int
    owner: str
    at: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The folder of kept originals, each under its SHA-256, and the notes of who sent what."""

    folder: Path
    now: Callable[[], datetime.datetime]

    def path(self, sha256: str) -> Path:
        """Where the content of this hash is."""
        return self.folder / "originals" / sha256[:2] / sha256

    def original(self, sha256: str) -> Path:
        """Where a kept original lies.

        Raises
        ------
        NotFound
            This is no SHA-256, or nothing of it was kept.
        """
        path = self.path(sha256) if _SHA256.fullmatch(sha256) else None
        if path is None or not path.is_file():
            raise NotFound(what=sha256[:64])
        return path

    def name_of(self, sha256: str) -> str:
        """What the file of this content was called when it was first received."""
        notes = (msgspec.json.decode(path.read_bytes(), type=Kept) for path in (self.folder / "notes").glob("*.json"))
        names = sorted((note.at, note.name) for note in notes if note.sha256 == sha256)
        return names[0][1] if names else sha256[:12]

    def receive(self, stream: IO[bytes], name: str, owner: Account) -> Kept:
        """The file, streamed to disk, hashed and synced; its name is only noted, never used as a path.

        Raises
        ------
        RequestTooLarge
            More than 200 MB.
        InvalidRequest
            Nothing at all.
        """
        quarantine = self.folder / "quarantine" / secrets.token_hex(16)
        quarantine.parent.mkdir(parents=True, exist_ok=True)
        try:
            sha256, size = _copy(stream, quarantine)
            if not size:
                raise InvalidRequest(reason="文件是空的 / the file is empty")
            target = self.path(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            quarantine.replace(target)
            sync_folder(target.parent)
        finally:
            quarantine.unlink(missing_ok=True)
        kept = Kept(
            id=secrets.token_hex(12), name=shown_name(name), sha256=sha256, size=size, owner=owner.name, at=self._at()
        )
        _write_synced(self.folder / "notes" / f"{kept.id}.json", msgspec.json.encode(kept))
        return kept

    def get(self, kept_id: str, owner: Account) -> Kept:
        """One's own received file.

        Raises
        ------
        NotFound
            There is none of this id, or it is somebody else's.
        """
        if len(kept_id) != 24 or not kept_id.isalnum() or not kept_id.isascii():
            raise NotFound(what=kept_id)
        try:
            kept = msgspec.json.decode((self.folder / "notes" / f"{kept_id}.json").read_bytes(), type=Kept)
        except FileNotFoundError:
            raise NotFound(what=kept_id) from None
        if kept.owner != owner.name and not owner.is_admin:
            raise NotFound(what=kept_id)
        return kept

    def _at(self) -> str:
        return self.now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _copy(stream: IO[bytes], target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > LIMITS.upload_bytes:
                raise RequestTooLarge(limit=f"{LIMITS.upload_bytes >> 20} MB")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _write_synced(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(4)}")
    with temporary.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def shown_name(name: str) -> str:
    """A file's name as people see it, without folders and control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:200] or "upload"


def saved_name(name: str) -> str:
    """A name that every desktop can save a file under: nothing Windows forbids, no leading or trailing dots."""
    plain = re.sub(r'[<>:"|?*]', "_", shown_name(name)).strip(". ")
    return plain or "upload"


@dataclass(frozen=True, slots=True)
class Mappings:
    """Which field of a file goes where, as people last chose it for each layer."""

    folder: Path

    def of(self, definition: LayerDefinition) -> dict[str, str]:
        """Source fields and where they go, empty for one that is not wanted; without fields the layer no longer has."""
        try:
            known = msgspec.json.decode(self._path(definition.id).read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        keys = {f.key for f in definition.all_fields} | {"", ID_FIELD}
        return {source: target for source, target in known.items() if target in keys}

    def remember(self, definition: LayerDefinition, chosen: Mapping[str, str]) -> None:
        """Keep what was chosen, the newest of a source field."""
        merged = self.of(definition) | dict(chosen)
        newest = dict(list(merged.items())[-MOST_REMEMBERED:])
        _write_synced(self._path(definition.id), msgspec.json.encode(newest))

    def _path(self, layer_id: str) -> Path:
        return self.folder / f"{layer_id}.json"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a person said to a dry run: findings acknowledged, and the number of deletions typed back."""

    acknowledged: bool = False
    deletions: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """What receiving and examining files works with; ``jobs`` are the dry runs of this process by id."""

    evidence: Evidence
    jail: Jail
    desk: Desk
    jobs: dict[str, Running]

    @property
    def mappings(self) -> Mappings:
        """What people chose before."""
        return Mappings(self.evidence.folder / "mappings")


@dataclass(frozen=True, slots=True)
class Running:
    """A dry run under way or ended, and what it was asked."""

    job: Job | DistantJob
    kept: Kept
    layer: str
    mode: DraftMode
    base_rev: int
    chosen: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Ticket(msgspec.Struct, frozen=True):
    """What a dry run was asked, as it lies beside the job."""

    kept: Kept
    layer: str
    mode: DraftMode
    base_rev: int
    chosen: dict[str, str] = msgspec.field(default_factory=dict)


def begin(
    counter: Counter,
    account: Account,
    kept: Kept,
    layer_id: str,
    options: Options,
    *,
    district: Mapping[str, Any] | None,
) -> Running:
    """A dry run of a file against a layer, queued in the jail; it writes nothing.

    Raises
    ------
    AccessDenied
        The account may not edit the layer.
    Unavailable
        Too many files are waiting.
    """
    store = counter.desk.store
    state = store.layer(layer_id)
    if not may_work(account, state.definition):
        raise AccessDenied(action=f"编辑 {state.definition.title.zh} / edit {state.definition.title.en}")
    store.export(layer_id)
    remembered = counter.mappings.of(state.definition)
    chosen = dataclasses.replace(
        options,
        first_number=_next_number(counter, layer_id),
        district=district,
        mapping=remembered if options.mapping is None else options.mapping,
    )
    job = submit(
        counter.evidence.path(kept.sha256),
        kept.name,
        jail=counter.jail,
        definition=state.definition,
        current=PublishedLayer(store.published_path(layer_id), state.revision.rev),
        options=chosen,
    )
    running = Running(job, kept, layer_id, options.mode, state.revision.rev, dict(options.mapping or {}))
    return remember(counter, running)


def remember(counter: Counter, running: Running) -> Running:
    """The dry run, known from now on to this process and, by a ticket beside the job, to every other of this home."""
    counter.jobs[running.job.id] = running
    ticket = Ticket(running.kept, running.layer, running.mode, running.base_rev, dict(running.chosen))
    keep_ticket(running.job.folder, ticket)
    _forget_old_jobs(counter)
    return running


def _forget_old_jobs(counter: Counter) -> None:
    ended = [job_id for job_id, running in list(counter.jobs.items()) if running.job.state == "ended"]
    for job_id in ended[:-KEPT_JOBS]:
        running = counter.jobs.pop(job_id, None)
        if running:
            running.job.folder.discard()


def remove_left_overs(jobs: Path, evidence: Evidence) -> None:
    """Clear what earlier processes left when they were killed: job folders and half-received files."""
    oldest = evidence.now().timestamp() - LEFT_OVER_S
    for path in (*jobs.glob("*"), *(evidence.folder / "quarantine").glob("*")):
        with suppress(OSError):  # another process may be quicker
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def may_work(account: Account, definition: LayerDefinition) -> bool:
    """Whether the account edits anything of a layer; each feature is checked again when a draft is made."""
    return account.active and any(
        g.layer in (ANY, definition.id) and includes(g.role, "editor") for g in account.grants
    )


def require_sender(account: Account) -> None:
    """Nothing for those who edit something; nobody else has files to send.

    Raises
    ------
    AccessDenied
        The account edits no layer.
    """
    if not account.active or not any(includes(grant.role, "editor") for grant in account.grants):
        raise AccessDenied(action="上传文件 / upload files")


def _next_number(counter: Counter, layer_id: str) -> int:
    tails = (fid.rpartition("-")[2] for fid in ever_used_ids(counter.desk.store, layer_id))
    return max((int(tail) for tail in tails if tail.isdigit()), default=0) + 1


def find_job(counter: Counter, account: Account, job_id: str) -> Running:
    """One's own dry run.

    Raises
    ------
    NotFound
        There is none of this id here, or it is somebody else's.
    """
    running = counter.jobs.get(job_id) or _find_elsewhere(counter, job_id)
    if running is None or (running.kept.owner != account.name and not account.is_admin):
        raise NotFound(what=job_id)
    return running


def _find_elsewhere(counter: Counter, job_id: str) -> Running | None:
    job = find_distant(counter.jail, job_id)
    text = read_ticket(job.folder) if job else b""
    if job is None or not text:
        return None
    ticket = msgspec.json.decode(text, type=Ticket)
    return Running(job, ticket.kept, ticket.layer, ticket.mode, ticket.base_rev, ticket.chosen)


def result(running: Running) -> Examination | None:
    """What a dry run found, None while it has not ended."""
    return conclude(running.job, running.kept.name) if running.job.state == "ended" else None


def make_draft(
    counter: Counter,
    account: Account,
    running: Running,
    *,
    areas: Sequence[Area],
    note: str,
    agreed: Agreement = Agreement(),
) -> Draft:
    """The draft of what a file proposes, its original noted as evidence.

    Raises
    ------
    AccessDenied
        A feature lies outside what the account may edit.
    InvalidRequest
        The dry run has not ended, or found nothing to change.
    InvalidParameter
        Something that must be acknowledged or typed back was not.
    """
    found = result(running)
    if found is None or not found.readable:
        raise InvalidRequest(reason="预检没有得到可用的数据 / the dry run gave no usable data")
    _require_agreement(running, found, agreed)
    definition = counter.desk.store.layer(running.layer).definition
    base_rev = found.base_rev if 0 < found.base_rev <= running.base_rev else running.base_rev
    changes = [_change(proposed, definition, areas, base_rev) for proposed in found.changes()]
    if not changes:
        raise InvalidRequest(reason="与现有数据没有差别 / nothing differs from what there is")
    upload = upload_of(running.kept, found)
    counter.desk.drafts.keep_upload(upload)
    if running.chosen:
        counter.mappings.remember(definition, running.chosen)
    return review.create_draft(
        counter.desk,
        account,
        running.layer,
        changes,
        mode=running.mode,
        note=note or running.kept.name,
        base_rev=base_rev,
        upload=upload.id,
        report=report_of(found),
    )


def _require_agreement(running: Running, found: Examination, agreed: Agreement) -> None:
    if any(f.level == "acknowledge" for f in found.findings) and not agreed.acknowledged:
        reason = "有须确认的问题，请看过后勾选确认 / findings must be acknowledged first"
        raise InvalidParameter(name="acknowledged", value="false", reason=reason)
    deletions = found.tally.deleted
    if running.mode == "replace" and deletions and agreed.deletions != str(deletions):
        reason = f"将删除 {deletions} 个要素，请输入这个数字 / {deletions} features would be deleted: type the number"
        raise InvalidParameter(name="deletions", value=agreed.deletions[:20], reason=reason)


def report_of(found: Examination) -> dict[str, Any]:
    """What a draft remembers of its dry run."""
    body = {
        "format": found.format,
        "tally": found.tally,
        "counts": found.counts,
        "findings": [finding_json(f) for f in found.findings[:200]],
        "splits": found.splits,
        "merges": found.merges,
        "lineage": found.lineage,
    }
    kept: dict[str, Any] = msgspec.to_builtins(body)
    return kept


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding with its sentence in both languages and its place."""
    return {
        "code": finding.code,
        "level": finding.level,
        "row": finding.row,
        "fid": finding.fid,
        "field": finding.field,
        "point": list(finding.point) if finding.point else None,
        "zh": finding.sentence("zh"),
        "en": finding.sentence("en"),
    }


def _change(proposed: ProposedChange, definition: LayerDefinition, areas: Sequence[Area], base_rev: int) -> DraftChange:
    after = proposed.after()
    derived = None if after is None else with_derived(definition, after, areas)
    return DraftChange(fid=proposed.fid, operation=proposed.operation, after=derived, base_rev=base_rev)


def upload_of(kept: Kept, found: Examination) -> Upload:
    """The note of a kept original and how it was read, for the store."""
    return Upload(
        id=secrets.token_hex(8),
        sha256=kept.sha256,
        name=kept.name,
        size=kept.size,
        format=found.format,
        encoding=found.encoding.encoding if found.encoding else "",
        crs_declared=found.crs.declared if found.crs else "",
        crs_used=found.crs.used if found.crs else "",
        kept_path=f"uploads/originals/{kept.sha256[:2]}/{kept.sha256}",
        by=kept.owner,
        at=kept.at,
    )
