"""Errors as answers: a page for people, ``application/problem+json`` (RFC 9457) for programs."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlencode

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from geo_service.core.validation import Finding
from geo_service.errors import (
    BeingPrepared,
    GeoServiceError,
    InvalidEdit,
    InvalidRequest,
    MethodNotAllowed,
    PageNotFound,
    RequestTooLarge,
    ServiceFault,
    SignInRequired,
    UnsupportedMedia,
)
from geo_service.web.answers import json_answer
from geo_service.web.bodies import UNCOMPRESSED
from geo_service.web.draft_json import finding_json

log = logging.getLogger(__name__)

PROGRAM_PATHS = ("/api/", "/tiles/", "/healthz", "/readyz", "/metrics", "/static/", "/assets/", "/ogc/")

PROBLEM = "application/problem+json"

RETRY_AFTER_S = "5"
"""When to ask again while the database is away: restarting PostgreSQL takes about as long."""
PREPARED_AFTER_S = "1"
"""When to ask again for what is being built: a layer of 100 000 features takes a few seconds."""


def install(app: Flask) -> None:
    """Answer every exception of the application."""
    app.register_error_handler(GeoServiceError, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_unknown)


def answer(error: GeoServiceError) -> Response:
    """The answer to one of our own errors."""
    wants_page = _wants_page()
    if wants_page and isinstance(error, SignInRequired) and request.method == "GET":
        return _to_sign_in()
    response = _page(error) if wants_page else _problem(error)
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="geo_service"'  # Basic would make browsers ask for it
    if isinstance(error, UnsupportedMedia):
        response.headers.update(_what_is_taken(str(error.params.get("accepted", ""))))
    if error.status == 503:
        response.headers["Retry-After"] = PREPARED_AFTER_S if isinstance(error, BeingPrepared) else RETRY_AFTER_S
    if error.status == 429:
        response.headers["Retry-After"] = str(error.params.get("wait_s", 60))
    return response


def answer_http(error: HTTPException) -> Response:
    """The answer to an error of the framework."""
    if error.code == 404:
        return answer(PageNotFound(what=request.path))
    if error.code == 405:
        return _wrong_method(error)
    if error.code and (error.code < 400 or error.code == 416):
        return Response(status=error.code, headers=dict(error.get_headers()))
    return answer(_said_by_framework(error)) if error.code and error.code < 500 else answer_unknown(error)


def _said_by_framework(error: HTTPException) -> GeoServiceError:
    if error.code == 413:
        return RequestTooLarge(limit=f"{(request.max_content_length or 0) / (1 << 20):g} MB")
    return InvalidRequest(reason=f"不合 HTTP 规定 / not proper HTTP: {error.name}")


def answer_unknown(error: Exception) -> Response:
    """The answer to what nobody foresaw: an incident number; the trace goes to the log only."""
    incident = secrets.token_hex(4)
    facts = {"incident": incident, "request_id": g.get("request_id", "")}
    log.error("incident %s %s %s", incident, request.method, request.path, exc_info=error, extra=facts)
    return answer(ServiceFault(incident=incident))


def _wants_page() -> bool:
    """Whether a person looks at the answer: a browser, or ``f=html`` at the standards interface."""
    if request.path.startswith("/ogc/"):
        wanted = request.args.get("f", "")
        best = request.accept_mimetypes.best_match((PROBLEM, "application/json", "text/html"))
        return wanted == "html" or (not wanted and best == "text/html")
    return not request.path.startswith(PROGRAM_PATHS) and request.accept_mimetypes.accept_html


def _wrong_method(error: HTTPException) -> Response:
    allowed = ", ".join(sorted(dict(error.get_headers()).get("Allow", "").split(", ")))
    response = answer(MethodNotAllowed(method=request.method, allowed=allowed))
    response.headers["Allow"] = allowed
    return response


def _what_is_taken(accepted: str) -> dict[str, str]:
    """The headers RFC 9110 (15.5.16) and RFC 5789 (2.2) name."""
    if accepted == UNCOMPRESSED:
        return {"Accept-Encoding": "identity"}
    return {"Accept": accepted} | ({"Accept-Patch": accepted} if request.method == "PATCH" else {})


def _problem(error: GeoServiceError) -> Response:
    language = getattr(g, "lang", "zh")
    body = {
        "type": f"urn:geo-service:error:{error.code}",
        "title": error.code,
        "status": error.status,
        "detail": error.sentence(language),
        "zh": error.sentence("zh"),
        "en": error.sentence("en"),
        "instance": request.path,
    }
    if isinstance(error, InvalidEdit):
        body["findings"] = [finding_json(f) for f in cast("Sequence[Finding]", error.params.get("findings", ()))]
    return json_answer(body, mimetype=PROBLEM)


def _to_sign_in() -> Response:
    target = request.full_path if request.query_string else request.path
    location = f"/sign-in?{urlencode({'next': target})}"
    return Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _page(error: GeoServiceError) -> Response:
    return Response(render_template("error.html", error=error, page="error"), mimetype="text/html")
