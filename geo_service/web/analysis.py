"""The room of questions: the list, a form with one button, the answer; the same as API and OGC processes.

An answer's address holds its parameters and the revisions it read, so it can be kept, quoted, run again and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, render_template, request

from geo_service.analysis import fire_response
from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import STATUSES, THEMES, Question, read_parameters
from geo_service.core.layers import PRECISION_CODES
from geo_service.core.text import Text
from geo_service.errors import GeoServiceError, InvalidParameter, InvalidRequest
from geo_service.usecases import browse, report, result_files
from geo_service.usecases.report import Answer, Read, Sources
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment, visible_layers
from geo_service.web.map_page import basemap_key

blueprint = Blueprint("analysis", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RUN, LANGUAGE = "run", "lang"
ROLE = "layer."
"""Before the name of a role in an address, so that it never meets a parameter."""
ADVANCED = "http://www.opengis.net/def/rel/ogc/1.0/execute"


def sources() -> Sources:
    """What this reader's questions read from."""
    here = deployment()
    return Sources(visible_layers(), here.store, here.views, here.ledger, here.memo)


def _given(question: Question, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Parameters and layers by role of a request; empty fields of the form are the default."""
    chosen = {k.removeprefix(ROLE): str(v) for k, v in values.items() if k.startswith(ROLE)}
    rest = {k: v for k, v in values.items() if not k.startswith(ROLE) and k not in (RUN, LANGUAGE)}
    words = {p.key for p in question.parameters if isinstance(p.value, str)}
    return {k: v for k, v in rest.items() if v != "" or k in words}, chosen


def _answer(question: Question, values: Mapping[str, Any]) -> Answer:
    return report.run(sources(), question, *_given(question, values))


def _values() -> dict[str, str]:
    return {k: ",".join(v) for k, v in request.args.lists()}


# ---- pages


@blueprint.get("/analysis")
def index() -> str:
    """The questions by theme."""
    groups = {THEMES[theme]: [q for q in QUESTIONS if q.theme == theme] for theme in THEMES}
    return render_template("analyses.html", page="analysis", groups=groups)


@blueprint.get("/analysis/<question_id>")
def question(question_id: str) -> tuple[str, int]:
    """A question's form, and its answer once it was asked."""
    asked, values = find_question(question_id), _values()
    answer, problem = None, None
    if RUN in values:
        try:
            answer = _answer(asked, values)
        except InvalidRequest as error:
            problem = error
    page = render_template(
        "analysis.html",
        page="analysis",
        question=asked,
        values=values,
        problem=problem,
        layers=visible_layers(),
        chosen=_chosen_layers(asked, values),
        statuses=STATUSES,
        precision_titles={c.value: c.title for c in PRECISION_CODES},
        **(_shown(asked, answer) if answer else {"answer": None}),
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


def _shown(asked: Question, answer: Answer) -> dict[str, Any]:
    body = report.answer_json(answer)
    here = deployment()
    pinned = address(asked, answer.parameters, answer.reads, pinned=True)
    return {
        "answer": body,
        "pinned": f"/analysis/{asked.id}?run=1&{pinned}",
        "again": f"/analysis/{asked.id}?run=1&{address(asked, answer.parameters, answer.reads, pinned=False)}",
        "downloads": pinned,
        "precisions": [report.precision_of(sources(), r) for r in answer.reads],
        "basemap_url": f"/tiles/basemap/{basemap_key()}/{{z}}/{{x}}/{{y}}.mvt",
        "district_bbox": browse.district_bbox(visible_layers(), here.views),
    }


def address(asked: Question, parameters: Mapping[str, Any], reads: tuple[Read, ...], *, pinned: bool) -> str:
    """Parameters and layers as the query of an address; ``pinned`` to the revisions that were read."""
    by_role: dict[str, list[str]] = {r.key: [] for r in asked.roles if r.part != "ledger"}
    for read in reads:
        by_role[read.role.key].append(f"{read.revision.layer}@{read.revision.rev}" if pinned else read.revision.layer)
    layers = {ROLE + key: ",".join(names) for key, names in by_role.items()}
    plain = {k: f"{v:g}" if isinstance(v, float) else v for k, v in parameters.items()}
    return urlencode({**plain, **layers})


# ---- the API


@blueprint.get("/api/analyses")
def catalogue() -> Response:
    """Every question with its roles and parameters."""
    return json_answer({"analyses": report.catalogue_json()})


@blueprint.get("/api/analyses/<question_id>")
def asked_by_address(question_id: str) -> Response:
    """The answer to a question whose parameters stand in the address."""
    return json_answer(report.answer_json(_answer(find_question(question_id), _values())))


@blueprint.post("/api/analyses/<question_id>")
def asked_by_body(question_id: str) -> Response:
    """The answer to a question: ``{"parameters": {...}, "layers": {role: "layer[@rev],..."}}``."""
    asked = find_question(question_id)
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InvalidRequest(reason="须为 JSON 对象 / a JSON object is needed")
    parameters, layers = body.get("parameters") or {}, body.get("layers") or {}
    if not isinstance(parameters, dict) or not isinstance(layers, dict):
        raise InvalidRequest(reason="parameters 与 layers 须为对象 / parameters and layers must be objects")
    chosen = {str(k): str(v) for k, v in layers.items()}
    return json_answer(report.answer_json(report.run(sources(), asked, parameters, chosen)))


@blueprint.get("/api/analyses/<question_id>.xlsx")
def workbook(question_id: str) -> Response:
    """The answer as a workbook."""
    answer = _answer(find_question(question_id), _values())
    return _file(result_files.to_xlsx(answer, g.lang), XLSX, f"{question_id}.xlsx")


@blueprint.get("/api/analyses/<question_id>.gpkg")
def package(question_id: str) -> Response:
    """The answer's layer as a GeoPackage."""
    answer = _answer(find_question(question_id), _values())
    return _file(result_files.to_geopackage(answer), "application/geopackage+sqlite3", f"{question_id}.gpkg")


def _file(data: bytes, kind: str, name: str) -> Response:
    response = Response(data, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/api/analyses/fire-response/moved")
def moved_station() -> Response:
    """Fire response with one station put at ``lon``, ``lat``; streets and cells are kept, so a drag is live."""
    here, asked = sources(), fire_response.QUESTION
    values = _values()
    fid, place = values.pop("station", ""), [_degrees(values, k) for k in ("lon", "lat")]
    given, chosen = _given(asked, values)
    parameters, reads = read_parameters(asked, given), report.choose_reads(here, asked, chosen)
    revisions = [(r.role.key, r.revision.layer, r.revision.rev) for r in reads]
    kept = tuple(parameters[k] for k in ("peak_factor", "cell_m"))
    inputs = here.memo.get(("inputs", *revisions), lambda: report.gather(here, asked, reads))
    terrain = here.memo.get(("terrain", *kept, *revisions), lambda: fire_response.prepare(inputs, parameters))
    stations = fire_response.moved(inputs["stations"], fid, *place)
    result = fire_response.respond(terrain, stations, parameters)
    return json_answer(report.answer_json(Answer(asked, parameters, reads, result, 0.0)))


def _degrees(values: dict[str, str], name: str) -> float:
    text = values.pop(name, "")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -180 <= value <= 180:
        raise InvalidParameter(name=name, value=text, reason="须为经纬度 / degrees are needed")
    return value


# ---- OGC API - Processes, descriptions


@blueprint.get("/ogc/processes")
def processes() -> Response:
    """The list of processes (OGC 18-062r2, 7.10)."""
    return json_answer({"processes": [_process(q) for q in QUESTIONS], "links": []})


@blueprint.get("/ogc/processes/<question_id>")
def process(question_id: str) -> Response:
    """One process with its inputs and outputs (OGC 18-062r2, 7.11)."""
    asked = find_question(question_id)
    layers = {ROLE + r.key: _layer_input(r.title, r.defaults) for r in asked.roles if r.part != "ledger"}
    numbers = {p.key: _number_input(p.title, p.value, p.minimum, p.maximum) for p in asked.parameters}
    outputs = {"result": {"title": asked.title.zh, "schema": {"type": "object"}}}
    return json_answer({**_process(asked), "inputs": {**layers, **numbers}, "outputs": outputs})


def _process(asked: Question) -> dict[str, Any]:
    return {
        "id": asked.id,
        "version": "1.0.0",
        "title": asked.title.zh,
        "description": asked.explanation.zh,
        "jobControlOptions": ["sync-execute"],
        "links": [
            {"href": f"/ogc/processes/{asked.id}", "rel": "self", "type": "application/json"},
            {"href": f"/api/analyses/{asked.id}", "rel": ADVANCED, "type": "application/json"},
        ],
    }


def _layer_input(title: Text, defaults: tuple[str, ...]) -> dict[str, Any]:
    return {"title": title.zh, "minOccurs": 0, "schema": {"type": "string", "default": ",".join(defaults)}}


def _number_input(title: Text, value: Any, minimum: float, maximum: float) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string" if isinstance(value, str) else "number", "default": value}
    if not isinstance(value, str):
        schema |= {"minimum": minimum} | ({"maximum": maximum} if maximum < float("inf") else {})
    return {"title": title.zh, "minOccurs": 0, "schema": schema}
