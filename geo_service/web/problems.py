"""Errors as answers: a page for people, ``application/problem+json`` (RFC 9457) for programs."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import urlencode

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from geo_service.errors import (
    GeoServiceError,
    InvalidRequest,
    MethodNotAllowed,
    PageNotFound,
    RequestTooLarge,
    ServiceFault,
    SignInRequired,
)
from geo_service.web.answers import json_answer

log = logging.getLogger(__name__)

PROGRAM_PATHS = ("/api/", "/tiles/", "/healthz", "/readyz", "/metrics", "/static/", "/assets/", "/ogc/")

RETRY_AFTER_S = "5"
"""When to ask again while the database is away: restarting PostgreSQL takes about as long."""


def install(app: Flask) -> None:
    """Answer every exception of the application."""
    app.register_error_handler(GeoServiceError, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_unknown)


def answer(error: GeoServiceError) -> Response:
    """The answer to one of our own errors."""
    wants_page = not request.path.startswith(PROGRAM_PATHS) and request.accept_mimetypes.accept_html
    if wants_page and isinstance(error, SignInRequired) and request.method == "GET":
        return _to_sign_in()
    response = _page(error) if wants_page else _problem(error)
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="geo_service"'  # Basic would make browsers ask for it
    if error.status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_S
    if error.status == 429:
        response.headers["Retry-After"] = str(error.params.get("wait_s", 60))
    return response


def answer_http(error: HTTPException) -> Response:
    """The answer to an error of the framework."""
    if error.code == 404:
        return answer(PageNotFound(what=request.path))
    if error.code == 405:
        response = answer(MethodNotAllowed(method=request.method))
        response.headers.update({k: v for k, v in error.get_headers() if k == "Allow"})
        return response
    if error.code == 413:
        return answer(RequestTooLarge(limit=f"{(request.max_content_length or 0) / (1 << 20):g} MB"))
    if error.code and (error.code < 400 or error.code == 416):
        return Response(status=error.code, headers=dict(error.get_headers()))
    if error.code and error.code < 500:
        return answer(InvalidRequest(reason=error.description or error.name))
    return answer_unknown(error)


def answer_unknown(error: Exception) -> Response:
    """The answer to what nobody foresaw: an incident number; the trace goes to the log only."""
    incident = secrets.token_hex(4)
    facts = {"incident": incident, "request_id": g.get("request_id", "")}
    log.error("incident %s %s %s", incident, request.method, request.path, exc_info=error, extra=facts)
    return answer(ServiceFault(incident=incident))


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
    return json_answer(body, mimetype="application/problem+json")


def _to_sign_in() -> Response:
    target = request.full_path if request.query_string else request.path
    location = f"/sign-in?{urlencode({'next': target})}"
    return Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _page(error: GeoServiceError) -> Response:
    return Response(render_template("error.html", error=error, page="error"), mimetype="text/html")
