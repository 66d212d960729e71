"""The way in: a dry run of an uploaded file, in the jail; writes nothing to the store."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import msgspec

from geo_service.core.geojson import dump_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Snapshot
from geo_service.core.validation import Finding
from geo_service.ingest.distant import DistantJob
from geo_service.ingest.examination import Examination, Options, Request
from geo_service.ingest.jail import Jail, Job, read_plainly
from geo_service.ingest.limits import MEBIBYTE, Limits
from geo_service.ingest.zygote import Ended

RESULT_BYTES = 32 * MEBIBYTE
_OUTCOMES = {"time": "job-time", "memory": "job-memory", "crashed": "job-crashed", "cancelled": "job-cancelled"}


@dataclass(frozen=True, slots=True)
class PublishedLayer:
    """A layer at a revision as its published GeoJSON file: the web process need not load it."""

    path: Path
    rev: int


def examine(
    path: Path,
    declared_name: str,
    *,
    jail: Jail,
    definition: LayerDefinition | None,
    current: Snapshot | PublishedLayer | None = None,
    options: Options | None = None,
) -> Examination:
    """Everything a dry run shows of a file: format, encoding, CRS, mapping, findings, matches, changes, figures.

    The changes stay in the job's folder (:meth:`Examination.changes`) until it is discarded. Without a definition a
    schema is proposed.

    Raises
    ------
    Unavailable
        The jail's queue is full.
    """
    job = submit(path, declared_name, jail=jail, definition=definition, current=current, options=options)
    return conclude(job, declared_name)


def submit(
    path: Path,
    declared_name: str,
    *,
    jail: Jail,
    definition: LayerDefinition | None,
    current: Snapshot | PublishedLayer | None = None,
    options: Options | None = None,
    limits: Limits | None = None,
) -> Job:
    """A dry run under way or queued; see :func:`conclude`."""
    folder = jail.open_job()
    base = _lay_out(current, folder.path / "in" / "current.geojson")
    request = Request(
        upload=str(path.resolve()),
        name=declared_name,
        options=options or Options(),
        definition=definition,
        current=str(base.path.resolve()) if base else "",
        rev=base.rev if base else 0,
    )
    (folder.path / "in" / "request.json").write_bytes(msgspec.json.encode(request))
    limits = limits or jail.limits.for_upload(path.stat().st_size, packed=_is_packed(path))
    return jail.submit(folder, "examine", read=(path, *((base.path,) if base else ())), limits=limits)


def _is_packed(path: Path) -> bool:
    """Whether a file begins as a zip does; more of it is not looked at here."""
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _lay_out(current: Snapshot | PublishedLayer | None, target: Path) -> PublishedLayer | None:
    if not isinstance(current, Snapshot):
        return current
    with target.open("w", encoding="utf-8") as out:
        out.writelines(dump_line(feature) + "\n" for feature in current.features)
    return PublishedLayer(target, current.revision.rev)


def conclude(job: Job | DistantJob, declared_name: str, *, timeout_s: float | None = None) -> Examination:
    """What a dry run found; a worker that was stopped or died is a finding, too.

    Raises
    ------
    TimeoutError
        It has not ended within ``timeout_s``.
    """
    ended = job.wait(timeout_s)
    try:
        examination = _result(job, ended)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        examination = Examination(name=declared_name, findings=(_finding(job, ended, str(error)),))
    if examination.findings and not examination.counts:
        examination = dataclasses.replace(examination, counts={examination.findings[0].code: 1})
    return dataclasses.replace(examination, elapsed_s=ended.elapsed_s, peak_bytes=ended.peak_bytes, cpu_s=ended.cpu_s)


def _result(job: Job | DistantJob, ended: Ended) -> Examination:
    if ended.outcome != "done":
        raise OSError(ended.detail)
    out = job.folder.path / "out"
    examination = msgspec.json.decode(read_plainly(out / "result.json", RESULT_BYTES), type=Examination)
    changes = str(out / "changes.jsonl") if examination.changes_file else ""
    return dataclasses.replace(examination, changes_file=changes)


def _finding(job: Job | DistantJob, ended: Ended, reason: str) -> Finding:
    code = _OUTCOMES.get(ended.outcome, "job-fault")
    if ended.detail.startswith("exit"):
        code, reason = "job-fault", _last_line(job.folder.path / "out" / "trace.txt")
    limit = f"{job.start.limits.wall_s:g}"
    return Finding(code=code, params={"limit": limit, "reason": (reason or ended.detail)[:200]})


def _last_line(path: Path) -> str:
    """The kind of the error a worker left; the message itself may quote the file."""
    try:
        lines = read_plainly(path, MEBIBYTE).decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].split(":", 1)[0] if lines else ""
