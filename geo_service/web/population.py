"""The page for people by subdistrict or community: what is known, and a form for a newer table."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.population import DATE, FIELD, SOURCE
from geo_service.errors import GeoServiceError, InvalidRequest
from geo_service.storage.store import LayerState
from geo_service.usecases import population, uploads
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.session import account, require_account

blueprint = Blueprint("population", __name__)

MOST_BYTES = 5 << 20
DEFAULT_LAYER = "subdistricts"


@blueprint.get("/analysis/population")
def form() -> str:
    """Who lives where, as far as it is known."""
    return _page(_chosen(request.args.get("layer", "")))


@blueprint.post("/analysis/population")
def send() -> AnyResponse | tuple[str, int]:
    """A table of people: its draft where it is in order, else the page with what is wrong, row by row."""
    who, here = require_account(), deployment()
    state = visible_layer(request.form.get("layer", ""))
    uploads.require_sender(who)
    request.max_content_length = MOST_BYTES
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise InvalidRequest(reason="请选择文件 / choose a file")
        kept = here.counter.evidence.receive(file.stream, file.filename, who)
        statement = population.read_statement(
            here.counter.jail,
            here.counter.evidence.path(kept.sha256),
            kept.name,
            here.views.features(state.revision),
            source=request.form.get("source", ""),
            date=request.form.get("date", ""),
        )
        if not statement.reading.usable:
            return _page(state, statement=statement), 422
        draft = population.propose(here.counter, who, kept, state.definition.id, statement)
    except GeoServiceError as error:
        return _page(state, problem=error), error.status
    return redirect(url_for("drafts.draft_page", draft_id=draft.id), 303)


def _areas() -> list[LayerState]:
    """The layers people may be counted in: areas with names."""
    found = [s for s in visible_layers() if s.definition.kind == "polygon"]
    return sorted(found, key=lambda s: (s.definition.id != DEFAULT_LAYER, s.definition.order))


def _chosen(layer_id: str) -> LayerState | None:
    states = _areas()
    return next((s for s in states if s.definition.id == layer_id), states[0] if states else None)


def _page(state: LayerState | None, **more: Any) -> str:
    who, here = account(), deployment()
    features = here.views.features(state.revision) if state else ()
    rows = [(f.name, *(f.properties.get(k) for k in (FIELD, SOURCE, DATE))) for f in features]
    return render_template(
        "population.html",
        page="analysis",
        state=state,
        layers=_areas(),
        rows=rows,
        known=sum(r[1] is not None for r in rows),
        total=sum(r[1] or 0 for r in rows),
        may_send=bool(who and state and uploads.may_work(who, state.definition)),
        given=request.form,
        **more,
    )
