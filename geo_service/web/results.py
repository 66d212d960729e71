"""Saved results: kept as they were given, opened again, compared, shown on the map, exported and deleted.

Whoever may read every layer a result read may see it: a result of an internal layer is internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.analysis.questions import find_question
from geo_service.core.access import may_read
from geo_service.errors import AccessDenied, InvalidParameter, ResultNotFound, Unavailable
from geo_service.storage.retired import retired_layers
from geo_service.storage.saved_results import LayerRead, SavedResult
from geo_service.usecases.answering import has_moved_on
from geo_service.usecases.comparison import compare_answers
from geo_service.web.analysis import given_of, one_pager_of, package_of, result_view, wishes, workbook_of
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.asking import PATIENCE_S, Outcome, asked, body_address, current, settled
from geo_service.web.current import deployment, visible_layers
from geo_service.web.drafts import display_names
from geo_service.web.session import account, require_account

blueprint = Blueprint("results", __name__)

LONGEST_NAME = 80
NOW = "now"
"""In place of the id of a second result: the same question on the newest revisions."""


# ---- who may see what


def seen(result_id: str) -> tuple[SavedResult, dict[str, Any]]:
    """A result with how its layers stand now, for whoever may read all of them.

    Raises
    ------
    ResultNotFound
        There is none, or not for this reader.
    """
    saved, body = deployment().results.get(result_id)
    if not _may_see(saved):
        raise ResultNotFound(result=result_id)
    return saved, current(body)


def _may_see(saved: SavedResult) -> bool:
    shown = {s.definition.id for s in visible_layers()}
    return all(read.layer in shown or _was_readable(read) for read in saved.reads)


def _was_readable(read: LayerRead) -> bool:
    """Whether a layer that is out of service now would be for this reader."""
    here = deployment()
    gone = {r.definition.id: r.definition for r in retired_layers(here.store)}
    anonymous = here.settings.anonymous_reads
    return read.layer in gone and may_read(account(), gone[read.layer], anonymous_reads=anonymous)


def _visible(question_id: str = "") -> list[SavedResult]:
    """The results this reader may see, newest first, of one question where it is named."""
    return [s for s in deployment().results.all() if question_id in ("", s.question) and _may_see(s)]


def _may_change(saved: SavedResult) -> bool:
    who = account()
    return bool(who and (who.is_admin or who.name == saved.author))


def _is_outdated(saved: SavedResult) -> bool:
    heads = {s.definition.id: s.revision.rev for s in visible_layers()}
    return has_moved_on(saved, heads)


def pinned(saved: SavedResult) -> dict[str, str]:
    """The layers of every role at the revisions a result read."""
    found: dict[str, list[str]] = {}
    for read in saved.reads:
        found.setdefault(read.role, []).append(f"{read.layer}@{read.rev}")
    return {role: ",".join(names) for role, names in found.items()}


# ---- pages


@blueprint.get("/analysis/results")
def index() -> str:
    """Every saved result this reader may see; two of them can be compared."""
    listed = _visible()
    return render_template(
        "results.html",
        page="analysis",
        results=listed,
        outdated={s.id for s in listed if _is_outdated(s)},
        questions={s.question: find_question(s.question) for s in listed},
        people=display_names() if account() else {},
    )


@blueprint.post("/analysis/results")
def keep() -> AnyResponse:
    """Save the answer a page shows, whose parameters and revisions the form carries."""
    question = find_question(request.form.get("question", ""))
    query = {k: v[0] for k, v in parse_qs(request.form.get("query", ""), keep_blank_values=True).items()}
    saved = _keep(question.id, request.form.get("name", ""), *given_of(question, query))
    return redirect(url_for("results.page", result_id=saved.id), code=303)


@blueprint.get("/analysis/results/<result_id>")
def page(result_id: str) -> str:
    """A result exactly as it was saved."""
    saved, body = seen(result_id)
    again = body_address(saved.parameters, pinned(saved), pinned=False)
    return render_template(
        "result.html",
        page="analysis",
        saved=saved,
        question=find_question(saved.question),
        source=f"/api/results/{saved.id}",
        query="",
        again=f"/analysis/{saved.question}?run=1&{again}",
        others=[s for s in _visible(saved.question) if s.id != saved.id],
        may_change=_may_change(saved),
        people=display_names() if account() else {},
        **result_view(body),
    )


@blueprint.post("/analysis/results/<result_id>/delete")
def delete_page(result_id: str) -> AnyResponse:
    """Delete a result and go back to the list."""
    _delete(result_id)
    return redirect(url_for("results.index"), code=303)


@blueprint.post("/analysis/results/<result_id>/rename")
def rename_page(result_id: str) -> AnyResponse:
    """Give a result another name and go back to it."""
    saved = _own(result_id, "重命名他人保存的结果 / renaming a result of somebody else")
    deployment().results.rename(result_id, _name(request.form.get("name", "")))
    _note("result-rename", saved)
    return redirect(url_for("results.page", result_id=result_id), code=303)


@blueprint.get("/analysis/results/compare")
def compare() -> AnyResponse:
    """Two results side by side: headlines, parameters, rows, both on a map. ``id`` stands twice in the address."""
    ids = request.args.getlist("id")
    if len(ids) != 2:
        raise InvalidParameter(name="id", value=len(ids), reason="请选择两个结果 / choose two results")
    saved, before = seen(ids[0])
    other, after = _other(saved, ids[1])
    if other and other.at < saved.at:  # the earlier one is A
        (saved, before), (other, after) = (other, after), (saved, before)
    if not after:
        raise Unavailable(reason="还在计算，请稍后再试 / still being worked out, try again")
    text = render_template(
        "results_compare.html",
        page="analysis",
        question=find_question(saved.question),
        pair=(saved, other),
        sources=(f"/api/results/{saved.id}", f"/api/results/{other.id}" if other else _now_address(saved)),
        difference=compare_answers(before, after),
        people=display_names() if account() else {},
        **result_view(after),
    )
    return Response(text, mimetype="text/html")


def _other(saved: SavedResult, other_id: str) -> tuple[SavedResult | None, dict[str, Any]]:
    """The second result; no saved one but the answer on the newest revisions for ``now``."""
    if other_id != NOW:
        return seen(other_id)
    return None, dict(_now(saved).body)


def _now(saved: SavedResult) -> Outcome:
    layers = {k: ",".join(n.partition("@")[0] for n in v.split(",")) for k, v in pinned(saved).items()}
    return asked(settled(find_question(saved.question), saved.parameters, layers), patience_s=PATIENCE_S)


def _now_address(saved: SavedResult) -> str:
    return f"/api/analyses/{saved.question}?{body_address(saved.parameters, pinned(saved), pinned=False)}"


# ---- the API


@blueprint.get("/api/results")
def listed() -> Response:
    """The saved results this reader may see, newest first; ``analysis`` chooses those of one question."""
    return _private({"results": [head_json(s) for s in _visible(request.args.get("analysis", ""))]})


@blueprint.post("/api/results")
def keep_json() -> Response:
    """Save an answer: ``{"name", "analysis", "parameters", "layers"}``; layers without revision are the newest."""
    body = request.get_json(silent=True)
    parameters, layers = wishes(body)
    body = dict(body or {})
    saved = _keep(str(body.get("analysis", "")), str(body.get("name", "")), parameters, layers)
    response = _private(head_json(saved))
    response.status_code = 201
    response.headers["Location"] = f"/api/results/{saved.id}"
    return response


@blueprint.get("/api/results/<result_id>")
def result(result_id: str) -> Response:
    """A result exactly as it was saved, and how its layers stand now."""
    saved, body = seen(result_id)
    return _private({**body, "saved": head_json(saved)})


@blueprint.get("/api/results/<result_id>.xlsx")
def workbook(result_id: str) -> Response:
    """A result as a workbook."""
    return workbook_of(seen(result_id)[1], result_id)


@blueprint.get("/api/results/<result_id>.gpkg")
def package(result_id: str) -> Response:
    """A result's layer as a GeoPackage."""
    return package_of(seen(result_id)[1], result_id)


@blueprint.get("/api/results/<result_id>.pdf")
def one_pager(result_id: str) -> Response:
    """A result as a PDF one-pager."""
    saved, body = seen(result_id)
    return one_pager_of(body, result_id, title=saved.name, link=f"/analysis/results/{saved.id}")


@blueprint.delete("/api/results/<result_id>")
def delete(result_id: str) -> Response:
    """Delete a result; its author and administrators may."""
    _delete(result_id)
    return _private({"id": result_id})


def head_json(saved: SavedResult) -> dict[str, Any]:
    """What lists show of a result."""
    return {
        "id": saved.id,
        "name": saved.name,
        "analysis": saved.question,
        "author": saved.author,
        "at": saved.at,
        "headline": {"zh": saved.headline.zh, "en": saved.headline.en},
        "parameters": dict(saved.parameters),
        "layers": pinned(saved),
        "outdated": _is_outdated(saved),
        "page": f"/analysis/results/{saved.id}",
    }


def _private(body: Any) -> Response:
    response = json_answer(body)
    response.headers["Cache-Control"] = PRIVATE
    return response


# ---- saving and deleting


def _keep(question_id: str, name: str, parameters: Mapping[str, Any], layers: Mapping[str, str]) -> SavedResult:
    who, question = require_account(), find_question(question_id)
    shown = _name(name)
    outcome = asked(settled(question, parameters, layers), patience_s=PATIENCE_S)
    if outcome.job:
        raise Unavailable(reason="还在计算，算完后再保存 / still being worked out, save it afterwards")
    saved = deployment().results.add(shown, outcome.body, author=who.name)
    _note("result-save", saved)
    return saved


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        reason = f"名称须为 1 至 {LONGEST_NAME} 个字 / a name of 1 to {LONGEST_NAME} characters"
        raise InvalidParameter(name="name", value=name[:40], reason=reason)
    return name


def _delete(result_id: str) -> None:
    saved = _own(result_id, "删除他人保存的结果 / deleting a result of somebody else")
    deployment().results.remove(result_id)
    _note("result-delete", saved)


def _own(result_id: str, action: str) -> SavedResult:
    """A result this account may change.

    Raises
    ------
    AccessDenied
        It is somebody else's, and the account is no administrator.
    """
    require_account()
    saved, _ = seen(result_id)
    if not _may_change(saved):
        raise AccessDenied(action=action)
    return saved


def _note(action: str, saved: SavedResult) -> None:
    told = {"name": saved.name, "analysis": saved.question}
    audit = deployment().people.audit
    audit.record(actor=require_account().name, action=action, target=saved.id, ip=request.remote_addr or "", **told)
