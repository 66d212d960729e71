"""Asking a question over HTTP: who asks, how long she waits, and what she gets when it takes longer.

``Prefer: wait=N`` says how many seconds to wait for an answer that has still to be worked out, ``respond-async`` not to
wait at all (RFC 7240); without either it is 20 seconds. Then 202 with the job's address is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request

from geo_service.analysis.result import Question
from geo_service.errors import JobCancelled
from geo_service.usecases import report
from geo_service.usecases.answering import Answers, Ask, settle
from geo_service.usecases.jobs import JobState
from geo_service.usecases.report import Sources
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.session import account

PATIENCE_S = 20.0
ANYBODY = "anybody"
"""Owner of what people ask who are not signed in; whoever knows a job's id may fetch it, and nobody can list them."""
ROLE = "layer."
"""Before the name of a role in an address, so that it never meets a parameter."""
_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,4})\b")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, or the job that still works on it (the answer is empty then)."""

    body: Mapping[str, Any]
    job: JobState | None = None


def sources() -> Sources:
    """What this reader's questions read from."""
    here = deployment()
    return Sources(visible_layers(), here.store, here.views, here.ledger, here.memo)


def answers() -> Answers:
    """Known answers and the workers that find the others."""
    return deployment().answers


def owner() -> str:
    """Who a job belongs to."""
    who = account()
    return f"account:{who.name}" if who else ANYBODY


def asker() -> str:
    """Who shares the limit of questions under way: an account, or everybody at one address who is not signed in."""
    return "" if account() else str(request.remote_addr or "")


def settled(question: Question, given: Mapping[str, Any], chosen: Mapping[str, str]) -> Ask:
    """A question as this reader asks it."""
    return settle(sources(), question, given, chosen)


def is_async() -> bool:
    """Whether the client prefers a job to waiting."""
    return any("respond-async" in value for value in request.headers.getlist("Prefer"))


def patience_s() -> float:
    """How long the client waits."""
    found = _WAIT.search(",".join(request.headers.getlist("Prefer")))
    if found:
        return min(float(found.group(1)), PATIENCE_S)
    return 0.0 if is_async() else PATIENCE_S


def asked(ask: Ask, *, patience_s: float, **wish: Any) -> Outcome:
    """The answer where it is known or found in time, else the job.

    Raises
    ------
    GeoServiceError
        What the question was refused for.
    """
    known = answers().known(ask)
    if known:
        return Outcome(current(known))
    job = answers().begin(ask, owner=owner(), asker=asker(), wish=wish)
    return found(answers().jobs.wait(job.id, owner(), patience_s))


def found(job: JobState) -> Outcome:
    """What a job has found, or itself while it is under way.

    Raises
    ------
    GeoServiceError
        What the question was refused for; ``JobCancelled`` where it was stopped.
    """
    if not job.ended:
        return Outcome({}, job)
    if job.state == "cancelled":
        raise JobCancelled
    if job.state == "failed":
        raise job.error
    body = answers().answer(job.id, owner())
    for read in body["reads"]:
        visible_layer(read["layer"])
    return Outcome(current(body))


def current(body: Mapping[str, Any]) -> dict[str, Any]:
    """An answer that knows how its layers stand now."""
    return report.brought_up(body, {s.definition.id: s.revision.rev for s in deployment().store.layers()})


def address(ask: Ask, *, pinned: bool) -> str:
    """Parameters and layers as the query of an address; ``pinned`` to the revisions that were read."""
    return body_address(ask.parameters, ask.layers, pinned=pinned)


def body_address(parameters: Mapping[str, Any], layers: Mapping[str, str], *, pinned: bool) -> str:
    """The same of values that were kept."""
    bare = {k: ",".join(name.partition("@")[0] for name in v.split(",")) for k, v in layers.items()}
    plain = {k: f"{v:g}" if isinstance(v, float) else v for k, v in parameters.items()}
    return urlencode({**plain, **{ROLE + k: v for k, v in (layers if pinned else bare).items()}})


# ---- jobs


def job_json(job: JobState) -> dict[str, Any]:
    """A job as page and API see it: what came of it, and where its answer is."""
    order = answers().jobs.order(job.id, owner())
    query = body_address(order["parameters"], order["layers"], pinned=True)
    here = f"/api/analysis-jobs/{job.id}"
    return {
        "id": job.id,
        "analysis": order["question"],
        "state": job.state,
        "at": job.at,
        "done": job.done,
        "total": job.total,
        "before": job.before,
        "problem": job.problem.get(g.lang, ""),
        "url": here,
        "result": f"{here}/result",
        "page": f"/analysis/{order['question']}?run=1&{query}",
    }


def under_way(job: JobState) -> Response:
    """202: the question is worked on, ask there again."""
    response = json_answer(job_json(job))
    response.status_code = 202
    response.headers["Location"] = f"/api/analysis-jobs/{job.id}"
    response.headers["Retry-After"] = "1"
    response.headers["Cache-Control"] = PRIVATE
    if is_async():
        response.headers["Preference-Applied"] = "respond-async"
    return response
