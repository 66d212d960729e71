"""Uploads over HTTP: receive, examine in the jail, show what was found, make a draft."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
from flask import Blueprint, Response, g, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.features import Feature
from geo_service.errors import InvalidParameter, InvalidRequest, one_of
from geo_service.ingest.change_pages import FILTERS, Filter, Unchanged, read_page
from geo_service.ingest.crs_doctor import CHOICES
from geo_service.ingest.encoding import CANDIDATES
from geo_service.ingest.error_file import error_table, write_error_package
from geo_service.ingest.examination import Examination, Mode, Options, ProposedChange
from geo_service.ingest.limits import LIMITS
from geo_service.storage.lookup import features_at
from geo_service.usecases import browse, uploads
from geo_service.usecases.uploads import Agreement, Counter, Running
from geo_service.web.answers import json_answer
from geo_service.web.bodies import read_object
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.drafts import areas, map_places
from geo_service.web.session import require_account

blueprint = Blueprint("upload", __name__)

PAGE, LARGEST_PAGE = 50, 200


def counter() -> Counter:
    """What receiving files works with here."""
    return deployment().counter


@blueprint.get("/upload")
def upload_page() -> str:
    """The page to drop a file on."""
    who = require_account()
    states = [s for s in visible_layers() if uploads.may_work(who, s.definition)]
    states.sort(key=lambda s: (s.definition.is_reference, s.definition.order))
    chosen = request.args.get("layer", "")
    return render_template("upload.html", page="upload", layers=states, chosen=chosen, **map_places())


@blueprint.post("/api/uploads")
def receive() -> Response:
    """Keep a file sent as the request's body; its name comes percent-encoded in ``X-File-Name``."""
    from urllib.parse import unquote

    who = require_account()
    uploads.require_sender(who)
    request.max_content_length = LIMITS.upload_bytes + 1
    name = unquote(request.headers.get("X-File-Name", "upload"))
    counter().jail.warm()
    kept = counter().evidence.receive(request.stream, name, who)
    deployment().people.audit.record(
        actor=who.name,
        action="upload",
        target=kept.sha256,
        ip=request.remote_addr or "",
        name=kept.name,
        size=kept.size,
    )
    response = json_answer({"id": kept.id, "name": kept.name, "size": kept.size, "sha256": kept.sha256})
    response.status_code = 201
    return response


@blueprint.post("/api/uploads/<kept_id>/examinations")
def examine(kept_id: str) -> Response:
    """Begin a dry run: ``{"layer", "mode", "crs", "encoding", "mapping", "source_layer", "defaults"}``."""
    who = require_account()
    kept = counter().evidence.get(kept_id, who)
    body = read_object(empty=b"{}")
    layer_id = visible_layer(str(body.get("layer", ""))).definition.id
    running = uploads.begin(counter(), who, kept, layer_id, _options(body), district=district())
    response = json_answer(_state(running))
    response.status_code = 202
    return response


@blueprint.get("/api/examinations/<job_id>")
def examination(job_id: str) -> Response:
    """How far a dry run is, and once it has ended everything it found."""
    running = uploads.find_job(counter(), require_account(), job_id)
    found = uploads.result(running)
    return json_answer(_state(running) | ({"result": _result_json(running, found)} if found else {}))


@blueprint.delete("/api/examinations/<job_id>")
def cancel(job_id: str) -> Response:
    """Stop a dry run."""
    running = uploads.find_job(counter(), require_account(), job_id)
    running.job.cancel()
    return json_answer({"job": job_id})


@blueprint.get("/api/examinations/<job_id>/changes")
def changes(job_id: str) -> Response:
    """A page of what a dry run proposes: ``kind`` (all, add, modify, delete, unchanged, split, merge), ``offset``,
    ``limit`` (50, at most 200)."""
    running = uploads.find_job(counter(), require_account(), job_id)
    if not _result_of(running).readable:
        raise InvalidRequest(reason="预检没有得到可用的数据 / the dry run gave no usable data")
    kind = request.args.get("kind", "all")
    if kind not in FILTERS:
        raise InvalidParameter(name="kind", value=kind[:40], reason=one_of(FILTERS))
    limit = min(_number("limit", PAGE), LARGEST_PAGE)
    return json_answer(_changes_json(running, cast("Filter", kind), offset=_number("offset", 0), limit=limit))


def _number(name: str, fallback: int) -> int:
    text = request.args.get(name, str(fallback))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameter(name=name, value=text[:40], reason="须为非负整数 / a whole number")
    return int(text)


@blueprint.get("/api/examinations/<job_id>/findings.csv")
def findings_csv(job_id: str) -> Response:
    """The findings as a table."""
    data = error_table(_ended(job_id).findings, g.lang, place_on_map)
    response = Response(data, mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="findings.csv")
    return response


@blueprint.get("/api/examinations/<job_id>/findings.gpkg")
def findings_package(job_id: str) -> Response:
    """The findings as points, to open beside the data in QGIS."""
    found = _ended(job_id)
    with tempfile.TemporaryDirectory() as folder:
        data = write_error_package(found.findings, Path(folder) / "findings.gpkg", place_on_map).read_bytes()
    response = Response(data, mimetype="application/geopackage+sqlite3")
    response.headers.set("Content-Disposition", "attachment", filename="findings.gpkg")
    return response


def place_on_map(point: tuple[float, float]) -> str:
    """The address of a place on the map, whole: the file is opened elsewhere."""
    return f"{request.host_url}#17/{point[1]:.7f}/{point[0]:.7f}"


@blueprint.post("/api/examinations/<job_id>/draft")
def draft(job_id: str) -> AnyResponse:
    """Make a draft of what a dry run proposes: ``{"note", "acknowledged", "deletions"}``: ``acknowledged`` is true
    where findings ask for it, ``deletions`` the number a whole replacement deletes, typed by a person."""
    who = require_account()
    running = uploads.find_job(counter(), who, job_id)
    body = read_object(empty=b"{}")
    note = str(body.get("note", "")).strip()[:500]
    agreed = Agreement(body.get("acknowledged") is True, str(body.get("deletions", "")).strip())
    made = uploads.make_draft(counter(), who, running, areas=areas(), note=note, agreed=agreed)
    response = json_answer({"id": made.id, "url": f"/drafts/{made.id}"})
    response.status_code = 201
    return response


def _ended(job_id: str) -> Examination:
    return _result_of(uploads.find_job(counter(), require_account(), job_id))


def _result_of(running: Running) -> Examination:
    found = uploads.result(running)
    if found is None:
        raise InvalidRequest(reason="预检还没有结束 / the dry run has not ended")
    return found


def _state(running: Running) -> dict[str, Any]:
    progress = running.job.progress()
    return {
        "job": running.job.id,
        "state": running.job.state,
        "position": running.job.position,
        "progress": {"stage": progress.stage, "done": progress.done, "total": progress.total},
        "file": running.kept.name,
        "layer": running.layer,
        "mode": running.mode,
    }


def _result_json(running: Running, found: Examination) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(
        {
            "format": found.format,
            "member": found.member,
            "layer": found.layer,
            "layers": found.layers,
            "encoding": found.encoding,
            "crs": found.crs,
            "shift": found.shift,
            "mapping": found.mapping,
            "counts": found.counts,
            "tally": found.tally,
            "splits": found.splits,
            "merges": found.merges,
            "lineage": found.lineage,
            "remarks": found.remarks,
            "elapsed_s": found.elapsed_s,
            "peak_bytes": found.peak_bytes,
            "cpu_s": found.cpu_s,
        }
    )
    choices = {key: {"zh": choice.title.zh, "en": choice.title.en} for key, choice in CHOICES.items()}
    return (
        body
        | {
            "readable": found.readable,
            "blocked": found.report.blocking != (),
            "findings": [uploads.finding_json(f) for f in found.findings],
            "outline": district(),
            "crs_choices": choices,
            "fields": [browse.field_json(f) for f in deployment().store.layer(running.layer).definition.all_fields],
        }
        | ({"page": _changes_json(running, "all", offset=0, limit=PAGE)} if found.readable else {"page": None})
    )


def _changes_json(running: Running, kind: Filter, *, offset: int, limit: int) -> dict[str, Any]:
    """A page of what a dry run proposes, with both sides: only its features are read from the layer."""
    store = deployment().store
    page = read_page(running.job.folder.path / "out", kind, offset=offset, limit=limit)
    known = features_at(store, running.layer, [e.fid for e in page.entries], running.base_rev)
    changes = [_change_json(entry, known.get(entry.fid)) for entry in page.entries]
    return {"kind": kind, "counts": dict(page.counts), "matched": page.matched, "offset": offset, "changes": changes}


def _change_json(entry: ProposedChange | Unchanged, before: Feature | None) -> dict[str, Any]:
    after = entry.after() if isinstance(entry, ProposedChange) else before
    return {
        "fid": entry.fid,
        "operation": entry.operation if isinstance(entry, ProposedChange) else "unchanged",
        "row": entry.row,
        "how": entry.how,
        "fields": list(entry.fields) if isinstance(entry, ProposedChange) else [],
        "before": browse.feature_json(before) if before else None,
        "after": browse.feature_json(after) if after else None,
    }


def _options(body: dict[str, Any]) -> Options:
    mode = str(body.get("mode", "upsert"))
    if mode not in get_args(Mode):
        raise InvalidParameter(name="mode", value=mode, reason=one_of(get_args(Mode)))
    crs = str(body.get("crs", ""))
    if crs and crs != "declared" and crs not in CHOICES:
        raise InvalidParameter(name="crs", value=crs, reason=one_of(CHOICES))
    mapping = body.get("mapping")
    if mapping is not None and not isinstance(mapping, dict):
        raise InvalidParameter(name="mapping", value=str(mapping)[:80], reason="须为对象 / an object")
    encoding = str(body.get("encoding", ""))
    if encoding and encoding not in CANDIDATES:
        raise InvalidParameter(name="encoding", value=encoding[:40], reason=one_of(CANDIDATES))
    return Options(
        mode=cast("Mode", mode),
        layer=str(body.get("source_layer", ""))[:200],
        encoding=encoding,
        crs=crs,
        mapping={str(k): str(v) for k, v in mapping.items()} if mapping is not None else None,
        defaults={str(k): str(v) for k, v in dict(body.get("defaults") or {}).items()},
    )


def district() -> dict[str, Any] | None:
    """The outline of the district, for the doctor of coordinates."""
    here = deployment()
    state = next((s for s in here.store.layers() if s.definition.id == "boundary"), None)
    features = here.views.features(state.revision) if state else ()
    geometry = next((f.geometry for f in features if f.geometry), None)
    return dict(geometry) if geometry else None
