"""The Flask application over a deployment."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Response, g

from geo_service.deployment import Deployment, go_to_work
from geo_service.settings import ROOT
from geo_service.web import (
    account,
    analysis,
    answers,
    api,
    assets,
    attachments,
    basemaps,
    draft_api,
    drafts,
    editing,
    history,
    i18n,
    layer_admin,
    map_page,
    ogc,
    operations,
    originals,
    pages,
    population,
    printing,
    problems,
    results,
    session,
    upload,
)
from geo_service.web.quick import Quick

DATA = frozenset(
    {
        "application/geo+json",
        "application/json",
        "application/problem+json",
        "application/vnd.mapbox-vector-tile",
    }
)
CODE = frozenset({"text/css", "text/javascript"})
"""What is no document: the policies of documents say nothing there, and are 550 bytes of each of 50 answers."""

ROOMS = (
    map_page,
    api,
    attachments,
    basemaps,
    pages,
    account,
    drafts,
    draft_api,
    editing,
    history,
    layer_admin,
    ogc,
    operations,
    originals,
    printing,
    upload,
    analysis,
    population,
    results,
)
"""What the application is made of; each has its addresses."""


def create_app(deployment: Deployment, *, at_work: bool = True) -> Flask:
    """The web application of a deployment; build as many as you like.

    ``at_work`` begins what is done beside answering, in threads; whoever forks afterwards has it begun there.
    """
    app = Flask(__name__, static_folder=None, template_folder=str(ROOT / "templates"))
    app.extensions["deployment"] = deployment
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    app.config["JSON_AS_ASCII"] = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.url_map.strict_slashes = False
    operations.install(app)
    quick = app.extensions["quick"] = Quick(deployment, app.extensions["meters"], app.wsgi_app)
    app.wsgi_app = _behind(deployment.settings.proxies, quick)  # type: ignore[method-assign]  # Flask's own way
    app.extensions["door"] = _behind(deployment.settings.proxies, lambda environ, _: quick.answer(environ))
    assets.install(app)
    i18n.install(app)
    session.install(app, deployment.settings.home)
    problems.install(app)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    app.before_request(_remember_nonce)
    app.after_request(answers.finish)
    app.after_request(_secure)
    app.context_processor(lambda: {"nonce": g.get("nonce", "")})
    errands = deployment.publisher.errands
    errands.patient, errands.resting = False, True  # until the process is the one that answers
    if at_work:
        go_to_work(deployment)
    return app


def _behind(proxies: int, application: Any) -> Any:
    """Take address, host and scheme of the client from what so many reverse proxies in front say."""
    from werkzeug.middleware.proxy_fix import ProxyFix

    return ProxyFix(application, x_for=proxies, x_proto=proxies, x_host=proxies) if proxies else application


def _remember_nonce() -> None:
    g.nonce = secrets.token_urlsafe(16)


def _secure(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-cache")
    if response.mimetype in DATA:
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
    elif response.mimetype not in CODE:
        for name, value in _document_headers().items():
            response.headers.setdefault(name, value)
    return response


def _document_headers() -> dict[str, str]:
    return {
        "Content-Security-Policy": content_security_policy(g.get("nonce", "")),
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "SAMEORIGIN",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), payment=()",
    }


def content_security_policy(nonce: str) -> str:
    """Nothing from outside, no inline script but the one with the nonce, no inline style."""
    rules: dict[str, str] = {
        "default-src": "'self'",
        "script-src": f"'self' 'nonce-{nonce}'" if nonce else "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
