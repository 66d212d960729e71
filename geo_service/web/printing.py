"""The print room: a form beside the real sheet, and jobs that make it in worker processes."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, cast

import msgspec
from flask import Blueprint, Response, g, render_template, request, send_file, session

from geo_service.core.access import includes
from geo_service.core.features import Feature
from geo_service.core.layers import THEMES
from geo_service.core.query import parse_count
from geo_service.core.revisions import Revision
from geo_service.errors import AccessDenied, InvalidParameter, InvalidRequest, Unavailable
from geo_service.rendering.printing.request import PROFILES, from_data
from geo_service.storage.attachments import Attachment
from geo_service.storage.store import LayerState
from geo_service.usecases import sheet_templates
from geo_service.usecases.as_of import CHINA
from geo_service.usecases.jobs import Jobs, JobState
from geo_service.usecases.printing import Order, Wish, settle
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.as_of import revision_as_of
from geo_service.web.attachments import attachments_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.session import account, require_account

blueprint = Blueprint("printing", __name__)

Room = Literal["prints", "previews"]
KINDS: Mapping[Room, str] = {"prints": "sheet", "previews": "preview"}
MOST_OPEN = 4
"""Jobs one person may have waiting and running at a time in each room."""
SCALES = (500, 1000, 2000, 5000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000, 50_000)
WISHES = frozenset({"format", "dpi", "atlas", "only", "filter", "base", "photo"})


@blueprint.get("/print")
def room() -> str:
    """The form, the sheet and what was printed lately."""
    states = sorted(visible_layers(), key=lambda s: (list(THEMES).index(s.definition.theme), s.definition.order))
    _owner()  # known before the page's requests, which come all at once
    feature = request.args.get("feature", "")[:200]
    rev = parse_count(request.args, "rev", default=0, maximum=1 << 40, minimum=1)
    story = _story(feature, rev) if feature else None
    return render_template(
        "printing.html",
        page="printing",
        states=states,
        groups=[(theme, [s for s in states if s.definition.theme == theme]) for theme in THEMES],
        feature=feature,
        rev=rev,
        title=story.name if story else "",
        pictures=[
            a
            for a in attachments_of(visible_layer(feature.partition("/")[0]).definition, story.properties)
            if a.is_picture
        ]
        if story
        else [],
        scales=SCALES,
        basemaps=[s for s in deployment().basemaps.sources.values() if s.is_file],
        profiles=PROFILES,
        today=deployment().now().astimezone(CHINA).date().isoformat(),
        may_save=_may_save(),
    )


def _story(feature: str, rev: int) -> Feature:
    """The feature a one-page sheet is about, at a revision or (0) as it is now."""
    layer, _, fid = feature.partition("/")
    return deployment().store.feature(visible_layer(layer).definition.id, fid, rev or None)


def _pictures(feature: str, story: Feature) -> list[Attachment]:
    """The pictures one can choose from for a feature's page."""
    definition = visible_layer(feature.partition("/")[0]).definition
    return [a for a in attachments_of(definition, story.properties) if a.is_picture]


# ---- jobs


@blueprint.post("/api/prints")
def order_print() -> Response:
    """Begin to print: ``{"request", "format", "dpi", "atlas", "only", "filter", "feature", "photo", "base",
    "asOf"}``."""
    return _begin("prints")


@blueprint.post("/api/previews")
def order_preview() -> Response:
    """Begin to draw the first page for the screen; the body is that of a print."""
    return _begin("previews")


@blueprint.get("/api/prints")
def prints() -> Response:
    """What this person printed within a day, newest first."""
    return json_answer({"jobs": [job_json("prints", j) for j in _jobs("prints").list(_owner(), "sheet")[:20]]})


@blueprint.get("/api/prints/<job_id>", defaults={"room": "prints"})
@blueprint.get("/api/previews/<job_id>", defaults={"room": "previews"})
def job(room: Room, job_id: str) -> Response:
    """How far a job is, and once it has ended what came of it."""
    return json_answer(job_json(room, _jobs(room).state(job_id, _owner())))


@blueprint.delete("/api/prints/<job_id>", defaults={"room": "prints"})
@blueprint.delete("/api/previews/<job_id>", defaults={"room": "previews"})
def cancel(room: Room, job_id: str) -> Response:
    """Stop a job; nothing of it is kept."""
    _jobs(room).cancel(job_id, _owner())
    return json_answer({"id": job_id})


@blueprint.get("/api/prints/<job_id>/<name>", defaults={"room": "prints"})
@blueprint.get("/api/previews/<job_id>/<name>", defaults={"room": "previews"})
def result(room: Room, job_id: str, name: str) -> Response:
    """A file a job has made."""
    path = _jobs(room).result(job_id, _owner(), name)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = send_file(path, mimetype=kind, as_attachment=room == "prints", download_name=name)
    response.headers["Cache-Control"] = PRIVATE
    return response


def job_json(room: Room, state: JobState) -> dict[str, Any]:
    """A job as the page sees it; what went wrong in the reader's language."""
    told = {key: getattr(state, key) for key in ("id", "title", "state", "at", "done", "total", "before")}
    found = dict(state.result)
    name = "preview.png" if room == "previews" else str(found.get("file", ""))
    findings = [{"code": f["code"], "text": f[g.lang]} for f in found.pop("findings", [])]
    return told | {
        "result": found,
        "findings": findings,
        "problem": state.problem.get(g.lang, ""),
        "url": f"/api/{room}/{state.id}/{name}" if state.state == "done" else "",
    }


def _begin(room: Room) -> Response:
    jobs, owner = _jobs(room), _owner()
    waiting = sum(not j.ended for j in jobs.list(owner, KINDS[room]))
    if waiting >= MOST_OPEN:
        raise Unavailable(reason=f"已有 {waiting} 项打印任务未完成 / {waiting} print jobs are under way")
    body = _body()
    order = _order(body)
    job_id = jobs.submit(KINDS[room], order.data(), owner=owner, title=str(order.request["title"]))
    response = json_answer(job_json(room, jobs.state(job_id, owner)))
    response.status_code = 202
    return response


def _order(body: Mapping[str, Any]) -> Order:
    """The order of a body, settled for whoever asks."""
    here, told = deployment(), body.get("request")
    if not isinstance(told, Mapping):
        raise InvalidParameter(name="request", value="", reason="缺少图幅参数 / the sheet is missing")
    asked = from_data({"language": "en" if g.lang == "en" else "zh", **told})
    values = {key: body[key] for key in WISHES & body.keys()}
    story = str(body.get("feature") or "").partition("/")
    values |= {"story": (story[0], story[2])} if story[1] else {}
    try:
        wish = msgspec.convert(values | {"link": request.url_root}, Wish)
    except msgspec.ValidationError as error:
        raise InvalidParameter(name="body", value="", reason=str(error)) from None
    return settle(
        asked,
        wish,
        visible_layers(),
        store=here.store,
        settings=here.settings,
        commitment=here.ledger.commitment,
        revision=partial(_revision, text=str(body.get("asOf") or "")),
        basemaps=here.basemaps.sources,
    )


def _revision(state: LayerState, text: str) -> Revision:
    """The revision of a layer whose revision is not asked for by number: as of a day or an edition, or now."""
    return revision_as_of(state, text) if text else state.revision


def _jobs(room: Room) -> Jobs:
    return deployment().prints if room == "prints" else deployment().previews


def _owner() -> str:
    """The account, or for a reader without one a secret that only her browser knows."""
    who = account()
    if who:
        return f"account:{who.name}"
    if "printer" not in session:
        session["printer"] = secrets.token_urlsafe(24)
    return f"visitor:{session['printer']}"


def _body() -> dict[str, Any]:
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise InvalidRequest(reason="请求须为 JSON 对象 / the body must be a JSON object")
    return cast("dict[str, Any]", found)


# ---- saved templates


@blueprint.get("/api/sheet-templates")
def templates() -> Response:
    """Every saved template: name to the values of the form, without layers this reader may not know of."""
    known = {s.definition.id for s in visible_layers()}
    kept = sheet_templates.read(_shelf())
    return json_answer({"templates": {name: sheet_templates.seen_by(values, known) for name, values in kept.items()}})


@blueprint.put("/api/sheet-templates/<name>")
def save_template(name: str) -> Response:
    """Keep the values of the form under a name; for those who edit a layer."""
    who = _saver()
    sheet_templates.save(_shelf(), name, _body())
    _note(who, "sheet-template-save", name)
    return templates()


@blueprint.delete("/api/sheet-templates/<name>")
def drop_template(name: str) -> Response:
    """Forget a template."""
    who = _saver()
    sheet_templates.drop(_shelf(), name)
    _note(who, "sheet-template-drop", name)
    return templates()


def _shelf() -> Any:
    return deployment().settings.home / sheet_templates.FILE


def _may_save() -> bool:
    who = account()
    return bool(who and any(includes(grant.role, "editor") for grant in who.grants))


def _saver() -> str:
    who = require_account()
    if not _may_save():
        raise AccessDenied(action="保存打印模板 / saving sheet templates")
    return who.name


def _note(who: str, action: str, name: str) -> None:
    deployment().people.audit.record(actor=who, action=action, target=name, ip=request.remote_addr or "")
