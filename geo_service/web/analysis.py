"""The room of questions: the list, a form with one button, the answer; the same as API.

An answer's address holds its parameters and the revisions it read, so it can be kept, quoted, run again and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, render_template, request

from geo_service.analysis import fire_response
from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import STATUSES, THEMES, Question, read_parameters
from geo_service.core.layers import PRECISION_CODES
from geo_service.errors import GeoServiceError, InvalidParameter, InvalidRequest, Unavailable
from geo_service.usecases import browse, report, result_files
from geo_service.usecases.answering import Ask
from geo_service.usecases.question_search import LONGEST, find_questions
from geo_service.usecases.report import Answer
from geo_service.usecases.result_sheet import FILE, KIND, result_order
from geo_service.web import i18n
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.asking import (
    PATIENCE_S,
    ROLE,
    Outcome,
    address,
    answers,
    asked,
    found,
    job_json,
    owner,
    patience_s,
    settled,
    sources,
    under_way,
)
from geo_service.web.current import deployment, visible_layers
from geo_service.web.map_page import basemap_key

blueprint = Blueprint("analysis", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GPKG = "application/geopackage+sqlite3"
PDF_PATIENCE_S = 30.0
LONGEST_LINK, TITLE_LIMIT = 900, 60
RUN, LANGUAGE, JOB = "run", "lang", "job"


def given_of(question: Question, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Parameters and layers by role of a request; empty fields of the form are the default."""
    chosen = {k.removeprefix(ROLE): str(v) for k, v in values.items() if k.startswith(ROLE)}
    rest = {k: v for k, v in values.items() if not k.startswith(ROLE) and k not in (RUN, LANGUAGE, JOB)}
    words = {p.key for p in question.parameters if isinstance(p.value, str)}
    return {k: v for k, v in rest.items() if v != "" or k in words}, chosen


def _ask(question: Question, values: Mapping[str, Any]) -> Ask:
    return settled(question, *given_of(question, values))


def _values() -> dict[str, str]:
    return {k: ",".join(v) for k, v in request.args.lists()}


# ---- pages


@blueprint.get("/analysis")
def index() -> str:
    """The questions by theme; those that own words mean, where somebody asks with them."""
    here, words = sources(), request.args.get("q", "")[:LONGEST]
    groups = {THEMES[theme]: [q for q in QUESTIONS if q.theme == theme] for theme in THEMES}
    lacks = {q.id: report.lacking(here, q) for q in QUESTIONS}
    found = find_questions(words)
    return render_template("analyses.html", page="analysis", groups=groups, lacks=lacks, words=words, found=found)


@blueprint.get("/analysis/<question_id>")
def question(question_id: str) -> tuple[str, int]:
    """A question's form, and its answer once it was asked."""
    chosen_question, values = find_question(question_id), _values()
    shown, problem = {}, None
    if RUN in values:
        try:
            shown = _shown(chosen_question, values)
        except InvalidRequest as error:
            problem = error
    page = render_template(
        "analysis.html",
        page="analysis",
        question=chosen_question,
        values=values,
        problem=problem,
        layers=visible_layers(),
        chosen=_chosen_layers(chosen_question, values),
        statuses=STATUSES,
        **({"answer": None, "job": None} | shown),
    )
    return page, problem.status if isinstance(problem, GeoServiceError) else 200


def _chosen_layers(asked: Question, values: Mapping[str, str]) -> dict[str, list[str]]:
    """The layers that are ticked for each role."""
    there = {s.definition.id for s in visible_layers()}
    chosen = {}
    for role in asked.roles:
        given = values.get(ROLE + role.key)
        names = report.default_layers(role, there) if given is None else given.split(",")
        chosen[role.key] = [n.partition("@")[0] for n in names if n.partition("@")[0] in there]
    return chosen


def _shown(chosen_question: Question, values: Mapping[str, str]) -> dict[str, Any]:
    """What the page tells of an answer, or of the job that works on it."""
    ask = _ask(chosen_question, values)
    outcome = _outcome(ask, values)
    pinned = address(ask, pinned=True)
    here = f"/analysis/{chosen_question.id}?run=1"
    if outcome.job:
        return {"job": job_json(outcome.job), "waiting": f"{here}&{pinned}&job={outcome.job.id}"}
    return result_view(outcome.body) | {
        "source": f"/api/analyses/{chosen_question.id}",
        "today": deployment().now().astimezone().date().isoformat(),
        "query": f"?{pinned}",
        "pinned": f"{here}&{pinned}",
        "again": f"{here}&{address(ask, pinned=False)}",
    }


def _outcome(ask: Ask, values: Mapping[str, str]) -> Outcome:
    """The answer in time, or the job; a page that is opened again goes on waiting for the same job."""
    if values.get(JOB):
        return found(answers().jobs.wait(values[JOB], owner(), PATIENCE_S))
    return asked(ask, patience_s=PATIENCE_S)


def result_view(body: Mapping[str, Any]) -> dict[str, Any]:
    """What every page with an answer needs beside it."""
    return {
        "answer": body,
        "precision_titles": {c.value: c.title for c in PRECISION_CODES},
        "basemap_url": f"/tiles/basemap/{basemap_key()}/{{z}}/{{x}}/{{y}}.mvt",
        "district_bbox": browse.district_bbox(visible_layers(), deployment().views),
    }


# ---- the API


@blueprint.get("/api/analyses")
def catalogue() -> Response:
    """Every question with its roles and parameters."""
    return json_answer({"analyses": report.catalogue_json()})


@blueprint.get("/api/analyses/<question_id>")
def asked_by_address(question_id: str) -> Response:
    """The answer to a question whose parameters stand in the address."""
    return _answered(_ask(find_question(question_id), _values()))


@blueprint.post("/api/analyses/<question_id>")
def asked_by_body(question_id: str) -> Response:
    """The answer to a question: ``{"parameters": {...}, "layers": {role: "layer[@rev],..."}}``."""
    return _answered(settled(find_question(question_id), *wishes(request.get_json(silent=True))))


def wishes(body: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Parameters and layers by role of a JSON body.

    Raises
    ------
    InvalidRequest
        It is no object, or they are none.
    """
    if not isinstance(body, dict):
        raise InvalidRequest(reason="须为 JSON 对象 / a JSON object is needed")
    parameters, layers = body.get("parameters") or {}, body.get("layers") or {}
    if not isinstance(parameters, dict) or not isinstance(layers, dict):
        raise InvalidRequest(reason="parameters 与 layers 须为对象 / parameters and layers must be objects")
    return parameters, {str(k): str(v) for k, v in layers.items()}


def _answered(ask: Ask) -> Response:
    outcome = asked(ask, patience_s=patience_s())
    return under_way(outcome.job) if outcome.job else json_answer(outcome.body)


@blueprint.get("/api/analyses/<question_id>.xlsx")
def workbook(question_id: str) -> Response:
    """The answer as a workbook."""
    outcome = asked(_ask(find_question(question_id), _values()), patience_s=patience_s())
    return under_way(outcome.job) if outcome.job else workbook_of(outcome.body, question_id)


@blueprint.get("/api/analyses/<question_id>.gpkg")
def package(question_id: str) -> Response:
    """The answer's layer as a GeoPackage."""
    outcome = asked(_ask(find_question(question_id), _values()), patience_s=patience_s())
    return under_way(outcome.job) if outcome.job else package_of(outcome.body, question_id)


@blueprint.get("/api/analyses/<question_id>.pdf")
def one_pager(question_id: str) -> Response:
    """The answer as a PDF one-pager."""
    ask = _ask(find_question(question_id), _values())
    outcome = asked(ask, patience_s=patience_s())
    if outcome.job:
        return under_way(outcome.job)
    link = f"/analysis/{question_id}?run=1&{address(ask, pinned=True)}"
    return one_pager_of(outcome.body, question_id, title=ask.question.title.get(g.lang), link=link)


def one_pager_of(body: Mapping[str, Any], name: str, *, title: str, link: str) -> Response:
    """An answer as a PDF in the reader's language, made by a worker of the print room.

    Raises
    ------
    Unavailable
        The print room is busy.
    """
    here, who = deployment(), owner()
    printed = i18n.day(here.now().astimezone().date().isoformat())
    words = {"zh": f"分析一页纸 · {printed}", "en": f"Analysis one-pager · {printed}"}[g.lang]
    whole = request.url_root.rstrip("/") + link
    order = result_order(
        body,
        visible_layers(),
        here.settings,
        title=title[:TITLE_LIMIT],
        subtitle=words,
        language=g.lang,
        link=whole if len(whole) < LONGEST_LINK else "",
    )
    job = here.prints.wait(here.prints.submit(KIND, order, owner=who, title=name), who, PDF_PATIENCE_S)
    if not job.ended:
        here.prints.cancel(job.id, who)
        raise Unavailable(reason="打印任务较多，请稍后再试 / the print room is busy, try again")
    if job.state != "done":
        raise job.error
    return _file(here.prints.result(job.id, who, FILE).read_bytes(), "application/pdf", f"{name}.pdf")


def workbook_of(body: Mapping[str, Any], name: str) -> Response:
    """An answer as a workbook in the reader's language."""
    return _file(result_files.to_xlsx(body, g.lang), XLSX, f"{name}.xlsx")


def package_of(body: Mapping[str, Any], name: str) -> Response:
    """An answer's layer as a GeoPackage."""
    return _file(result_files.to_geopackage(body), GPKG, f"{name}.gpkg")


def _file(data: bytes, kind: str, name: str) -> Response:
    response = Response(data, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


# ---- jobs


@blueprint.get("/api/analysis-jobs")
def jobs() -> Response:
    """What somebody who is signed in asked within a day, newest first."""
    mine = answers().jobs.list(owner(), "answer")[:50] if g.account else ()
    return json_answer({"jobs": [job_json(j) for j in mine]})


@blueprint.get("/api/analysis-jobs/<job_id>")
def job(job_id: str) -> Response:
    """How far a job is."""
    return _private(json_answer(job_json(answers().jobs.state(job_id, owner()))))


@blueprint.get("/api/analysis-jobs/<job_id>/result")
def job_result(job_id: str) -> Response:
    """What a job has found; 202 while it is under way."""
    outcome = found(answers().jobs.wait(job_id, owner(), patience_s()))
    return under_way(outcome.job) if outcome.job else _private(json_answer(outcome.body))


@blueprint.delete("/api/analysis-jobs/<job_id>")
def cancel_job(job_id: str) -> Response:
    """Stop a job; nothing of it is kept."""
    answers().jobs.cancel(job_id, owner())
    return _private(json_answer({"id": job_id}))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = PRIVATE
    return response


# ---- a station that is dragged


@blueprint.get("/api/analyses/fire-response/moved")
def moved_station() -> Response:
    """Fire response with one station put at ``lon``, ``lat``; streets and cells are kept, so a drag is live."""
    here, fire = sources(), fire_response.QUESTION
    values = _values()
    fid, place = values.pop("station", ""), [_degrees(values, k) for k in ("lon", "lat")]
    given, chosen = given_of(fire, values)
    parameters, reads = read_parameters(fire, given), report.choose_reads(here, fire, chosen)
    revisions = [(r.role.key, r.revision.layer, r.revision.rev) for r in reads]
    kept = tuple(parameters[k] for k in ("peak_factor", "cell_m"))
    inputs = here.memo.get(("inputs", *revisions), lambda: report.gather(here, fire, reads))
    terrain = here.memo.get(("terrain", *kept, *revisions), lambda: fire_response.prepare(inputs, parameters))
    stations = fire_response.moved(inputs["stations"], fid, *place)
    result = fire_response.respond(terrain, stations, parameters)
    return json_answer(report.answer_json(Answer(fire, parameters, reads, result, 0.0)))


def _degrees(values: dict[str, str], name: str) -> float:
    text = values.pop(name, "")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -180 <= value <= 180:
        raise InvalidParameter(name=name, value=text, reason="须为经纬度 / degrees are needed")
    return value
