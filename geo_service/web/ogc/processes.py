"""OGC API - Processes (18-062r2): the questions as processes, run at once or as jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import Parameter, Question
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter, InvalidRequest, JobNotFound, one_of
from geo_service.usecases import ogc
from geo_service.usecases.jobs import JobState
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.asking import ROLE, answers, asked, asker, found, is_async, owner, patience_s, settled
from geo_service.web.bodies import decode, require_kind
from geo_service.web.ogc.negotiation import absolute, answer, check_json, check_parameters, wants_html
from geo_service.web.ogc.places import blueprint

STATES = {"waiting": "accepted", "running": "running", "done": "successful", "failed": "failed"}
"""Our states in the words of 7.12; a job that was stopped is ``dismissed``."""
RESPONSES = ("raw", "document")
OUTPUT = "result"


@blueprint.get("/ogc/processes")
def processes() -> AnyResponse:
    """The list of processes (7.10)."""
    check_parameters()
    if wants_html():
        return redirect("/analysis")
    here = [ogc.link(f"{ogc.BASE}/processes", "self", ogc.JSON)]
    return answer({"processes": [_process(q) for q in QUESTIONS], "links": here})


@blueprint.get("/ogc/processes/<process_id>")
def process(process_id: str) -> AnyResponse:
    """One process with its inputs and outputs (7.11)."""
    check_parameters()
    asked_for = find_question(process_id)
    if wants_html():
        return redirect(f"/analysis/{asked_for.id}")
    layers = {ROLE + r.key: _layer_input(r.title, r.defaults) for r in asked_for.roles if r.part != "ledger"}
    numbers = {p.key: _parameter_input(p) for p in asked_for.parameters}
    outputs = {OUTPUT: {"title": asked_for.title.zh, "schema": {"type": "object"}}}
    return answer({**_process(asked_for), "inputs": {**layers, **numbers}, "outputs": outputs})


def _process(asked_for: Question) -> dict[str, Any]:
    here = f"{ogc.BASE}/processes/{asked_for.id}"
    return {
        "id": asked_for.id,
        "version": "1.0.0",
        "title": asked_for.title.zh,
        "description": asked_for.explanation.zh,
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value"],
        "links": [
            ogc.link(here, "self", ogc.JSON),
            ogc.link(f"{here}/execution", f"{ogc.REL}/execute", ogc.JSON),
            ogc.link(f"/analysis/{asked_for.id}", "alternate", ogc.HTML),
        ],
    }


def _layer_input(title: Text, defaults: tuple[str, ...]) -> dict[str, Any]:
    return {"title": title.zh, "minOccurs": 0, "schema": {"type": "string", "default": ",".join(defaults)}}


def _parameter_input(parameter: Parameter) -> dict[str, Any]:
    value = parameter.value
    schema: dict[str, Any] = {"type": "string" if isinstance(value, str) else "number", "default": value}
    if parameter.choices:
        schema |= {"enum": [c.value for c in parameter.choices]}
    if not isinstance(value, str):
        schema |= {"minimum": parameter.minimum}
        schema |= {"maximum": parameter.maximum} if parameter.maximum < float("inf") else {}
    return {"title": parameter.title.zh, "minOccurs": 0, "schema": schema}


# ---- execution


@blueprint.post("/ogc/processes/<process_id>/execution")
def execute(process_id: str) -> Response:
    """Run a process (7.11): the answer, or with ``Prefer: respond-async`` 201 and a job."""
    check_json()
    asked_for = find_question(process_id)
    require_kind((ogc.JSON,))
    parameters, layers, response = _inputs(decode(request.get_data()))
    ask = settled(asked_for, parameters, layers)
    if is_async():
        job = answers().begin(ask, owner=owner(), asker=asker(), wish={"response": response})
        return _begun(answers().jobs.wait(job.id, owner(), 0.0))
    outcome = asked(ask, patience_s=patience_s(), response=response)
    return _begun(outcome.job) if outcome.job else _document(outcome.body, response)


def _inputs(body: Any) -> tuple[dict[str, Any], dict[str, str], str]:
    """Parameters, layers by role and the kind of response of an execute request (7.11.2)."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs", {}), dict):
        raise InvalidRequest(reason='须为 {"inputs": {…}} / must be {"inputs": {...}}')
    response = body.get("response", "raw")
    if response not in RESPONSES:
        raise InvalidParameter(name="response", value=str(response)[:40], reason=one_of(RESPONSES))
    _check_outputs(body.get("outputs"))
    values = {key: _value(value) for key, value in body.get("inputs", {}).items()}
    layers = {k.removeprefix(ROLE): str(v) for k, v in values.items() if k.startswith(ROLE)}
    return {k: v for k, v in values.items() if not k.startswith(ROLE)}, layers, response


def _check_outputs(outputs: Any) -> None:
    if outputs is None:
        return
    unknown = sorted(outputs.keys() - {OUTPUT}) if isinstance(outputs, dict) else ["outputs"]
    if unknown:
        raise InvalidParameter(name="outputs", value=unknown[0][:40], reason=f"可用 / use one of: {OUTPUT}")


def _value(value: Any) -> Any:
    """An input as it stands, qualified with ``value``, or several layers in a list."""
    inner = value["value"] if isinstance(value, dict) and set(value) <= {"value", "mediaType"} and value else value
    return ",".join(map(str, inner)) if isinstance(inner, list) else inner


def _document(body: Mapping[str, Any], response: str) -> Response:
    return json_answer(body if response == "raw" else {OUTPUT: body})


# ---- jobs


@blueprint.get("/ogc/jobs")
def jobs() -> Response:
    """The jobs of whoever is signed in (7.12); others know theirs by id."""
    check_json()
    mine = answers().jobs.list(owner(), "answer")[:50] if g.account else ()
    here = [ogc.link(f"{ogc.BASE}/jobs", "self", ogc.JSON)]
    return answer({"jobs": [_status(j) for j in mine], "links": here})


@blueprint.get("/ogc/jobs/<job_id>")
def job(job_id: str) -> Response:
    """How far a job is (7.12)."""
    check_json()
    return _private(_status(answers().jobs.state(job_id, owner())))


@blueprint.get("/ogc/jobs/<job_id>/results")
def results(job_id: str) -> Response:
    """What a job has found (7.13)."""
    check_json()
    outcome = found(answers().jobs.state(job_id, owner()))
    if outcome.job:
        raise JobNotFound(job=job_id)
    wish = answers().jobs.order(job_id, owner())["wish"]
    return _document(outcome.body, str(wish.get("response", "document")))


@blueprint.delete("/ogc/jobs/<job_id>")
def dismiss(job_id: str) -> Response:
    """Stop a job, or forget what it found (12)."""
    check_json()
    state = answers().jobs.state(job_id, owner())
    answers().jobs.drop(job_id, owner())
    return _private(_status(state) | {"status": "dismissed", "message": "已取消 / dismissed"})


def _begun(state: JobState) -> Response:
    response = _private(_status(state))
    response.status_code = 201
    response.headers["Location"] = f"{request.host_url.rstrip('/')}{ogc.BASE}/jobs/{state.id}"
    if is_async():
        response.headers["Preference-Applied"] = "respond-async"
    return response


def _private(body: dict[str, Any]) -> Response:
    response = json_answer(absolute(body))
    response.headers["Cache-Control"] = PRIVATE
    return response


def _status(state: JobState) -> dict[str, Any]:
    here = f"{ogc.BASE}/jobs/{state.id}"
    links = [ogc.link(here, "self", ogc.JSON)]
    if state.state == "done":
        links.append(ogc.link(f"{here}/results", f"{ogc.REL}/results", ogc.JSON))
    return {
        "jobID": state.id,
        "processID": state.title,
        "type": "process",
        "status": STATES.get(state.state, "dismissed"),
        "message": str(state.problem.get(g.lang, "")),
        "created": state.at,
        "progress": 100 if state.state == "done" else round(100 * state.done / max(1, state.total)),
        "links": links,
    }
