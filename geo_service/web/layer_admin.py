"""Administrators' pages for layers: a new one from a file or from nothing, rights and rules of one that is there."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import msgspec
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import ROLES, Account
from geo_service.core.layers import THEMES, Kind, LayerDefinition, Policy
from geo_service.core.text import Text
from geo_service.errors import AccessDenied, InvalidParameter, one_of
from geo_service.ingest.crs_doctor import CHOICES
from geo_service.ingest.examination import Examination, Options
from geo_service.rendering import symbols
from geo_service.usecases import browse, new_layer, uploads
from geo_service.usecases.uploads import Running
from geo_service.web.answers import json_answer
from geo_service.web.bodies import read_object
from geo_service.web.current import deployment
from geo_service.web.drafts import areas
from geo_service.web.session import require_account
from geo_service.web.upload import district

blueprint = Blueprint("layer_admin", __name__)

SAMPLE_ROWS = 5
LARGEST_BODY = 1 << 20
KINDS = get_args(Kind)


# ---- a new layer


@blueprint.get("/admin/layers/new")
def new_page() -> str:
    """The page that makes a layer of a file."""
    _require_admin()
    return render_template("layer_new.html", page="admin", themes=THEMES)


@blueprint.get("/api/symbols")
def symbol_list() -> Response:
    """Every symbol there is, as it looks for points, lines or polygons (``kind``)."""
    kind = request.args.get("kind", "point")
    if kind not in KINDS:
        raise InvalidParameter(name="kind", value=kind[:40], reason=one_of(KINDS))
    found = [symbols.symbol(name) for name in symbols.NAMES]
    return json_answer({"symbols": [symbols.as_json(s) for s in found if s.kind == kind]})


@blueprint.post("/api/new-layers/rehearsals")
def rehearse() -> Response:
    """Begin a dry run: ``{"upload", "definition", "mapping", "crs", "encoding", "source_layer", "precision"}``; a
    schema is proposed where there is no definition."""
    who, body = _require_admin(), read_object(largest=LARGEST_BODY)
    counter = deployment().counter
    kept = counter.evidence.get(str(body.get("upload", "")), who)
    definition = _definition(body["definition"]) if body.get("definition") else None
    running = new_layer.rehearse(counter, kept, definition, _options(body, definition), district=district())
    response = json_answer({"job": running.job.id})
    response.status_code = 202
    return response


@blueprint.get("/api/new-layers/rehearsals/<job_id>")
def rehearsal(job_id: str) -> Response:
    """How far a dry run is, and once it has ended what it found."""
    running = _running(job_id)
    found = uploads.result(running)
    progress = running.job.progress()
    state = {"job": job_id, "state": running.job.state, "position": running.job.position, "stage": progress.stage}
    return json_answer(state | ({"result": _result_json(running, found)} if found else {}))


@blueprint.post("/api/new-layers")
def create() -> Response:
    """Make the layer: ``{"job", "note"}`` of a rehearsal with its features, ``{"definition"}`` empty."""
    who, body = _require_admin(), read_object(largest=LARGEST_BODY)
    counter, note = deployment().counter, str(body.get("note", "")).strip()[:500]
    if body.get("job"):
        revision = new_layer.create_from(counter, who, _running(str(body["job"])), areas=areas(), note=note)
    else:
        revision = new_layer.create(counter, who, _definition(body.get("definition")), (), note=note or "新建图层")
    response = json_answer({"id": revision.layer, "features": revision.added, "url": f"/layers/{revision.layer}"})
    response.status_code = 201
    return response


def _running(job_id: str) -> Running:
    return uploads.find_job(deployment().counter, _require_admin(), job_id)


def _result_json(running: Running, found: Examination) -> dict[str, Any]:
    rows = [change.properties for change, _ in zip(found.changes(), range(SAMPLE_ROWS), strict=False)]
    choices = {key: browse.text_json(choice.title) for key, choice in CHOICES.items()}
    proposed = found.schema
    body: dict[str, Any] = msgspec.to_builtins(
        {
            "format": found.format,
            "layer": found.layer,
            "layers": found.layers,
            "encoding": found.encoding,
            "crs": found.crs,
            "geometry_types": found.geometry_types,
            "tally": found.tally,
            "schema": [dataclasses.replace(field, aliases=(field.title.zh,)) for field in proposed],
            "mapping": found.mapping,
            "samples": rows,
        }
    )
    return body | {
        "name": running.kept.name,
        "readable": found.readable,
        "findings": [uploads.finding_json(f) for f in found.findings[:100]],
        "crs_choices": choices,
    }


def _definition(given: Any) -> LayerDefinition:
    try:
        return msgspec.convert(given, LayerDefinition)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise InvalidParameter(name=place.strip(".`") or "definition", value="", reason=reason) from None


def _options(body: dict[str, Any], definition: LayerDefinition | None) -> Options:
    crs, mapping = str(body.get("crs", "")), body.get("mapping")
    if crs and crs != "declared" and crs not in CHOICES:
        raise InvalidParameter(name="crs", value=crs[:40], reason=one_of(CHOICES))
    source = definition.source if definition else ""
    defaults = {"precision": str(body.get("precision", "")), "source": source}
    return Options(
        layer=str(body.get("source_layer", ""))[:200],
        encoding=str(body.get("encoding", ""))[:40],
        crs=crs,
        mapping={str(k): str(v) for k, v in mapping.items()} if isinstance(mapping, dict) else None,
        defaults={k: v for k, v in defaults.items() if v},
    )


# ---- rights and rules


@blueprint.get("/admin/layers/<layer_id>")
def policy_page(layer_id: str) -> str:
    """Titles, group, secrecy and review of a layer."""
    _require_admin()
    state = deployment().store.layer(layer_id)
    grants = [
        (person, grant)
        for person in deployment().people.accounts.all()
        for grant in person.grants
        if grant.layer in ("*", layer_id)
    ]
    return render_template(
        "layer_policy.html",
        page="admin",
        state=state,
        definition=state.definition,
        themes=THEMES,
        grants=grants,
        roles=ROLES,
    )


@blueprint.post("/admin/layers/<layer_id>")
def set_policy(layer_id: str) -> AnyResponse:
    """Keep them as a new revision of the layer."""
    who = _require_admin()
    before, form = deployment().store.layer(layer_id).definition, request.form
    secrecy, theme = form.get("secrecy", before.secrecy), form.get("theme", before.theme)
    if secrecy not in ("public", "internal") or theme not in THEMES:
        raise InvalidParameter(name="secrecy / theme", value=f"{secrecy[:20]} / {theme[:20]}", reason=one_of(THEMES))
    after = dataclasses.replace(
        before,
        title=Text(form.get("zh", "").strip()[:80], form.get("en", "").strip()[:80] or before.title.en),
        theme=theme,
        secrecy=secrecy,  # type: ignore[arg-type]  # one of the two, as tested above
        shown="shown" in form,
        policy=Policy(four_eyes="four_eyes" in form, must_tile="must_tile" in form),
    )
    note = form.get("note", "").strip()[:500] or "调整图层权限与规则"
    new_layer.change_definition(deployment().counter, who, after, note=note)
    return redirect(url_for("layer_admin.policy_page", layer_id=layer_id), code=303)


def _require_admin() -> Account:
    who = require_account()
    if not who.is_admin:
        raise AccessDenied(action="管理图层 / manage layers")
    return who
