"""Who is asking: a signed cookie for people, a personal token for programs; CSRF tokens for every form."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from typing import cast

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface

from geo_service.core.access import Account
from geo_service.errors import AccessDenied, AccountNotFound, SignInRequired
from geo_service.web.current import deployment

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105  # a header's name
LIFETIME_S = 12 * 3600
OPEN_ENDPOINTS = (
    "account.sign_in_form",
    "account.sign_in",
    "operations.healthz",
    "operations.readyz",
    "operations.metrics",
)
"""What answers even where nobody may read without signing in; static files do too."""


ASKING = frozenset({"analysis.asked_by_body", "analysis.cancel_job", "ogc.execute", "ogc.dismiss"})
"""What programs without an account may send: it changes nothing but jobs, whose ids are secrets of those who began
them. Where nobody is signed in there is nothing a foreign page could misuse."""


class CookieSessions(SecureCookieSessionInterface):
    """Sessions in signed cookies, sent over HTTPS only where they began there."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request came over HTTPS."""
        return request.is_secure or super().get_cookie_secure(app)


def install(app: Flask, home: Path) -> None:
    """Sign cookies with the deployment's own key and find out who asks before every request."""
    app.secret_key = read_key(home / "session.key")
    app.config.update(
        SESSION_COOKIE_NAME="geo_service",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LIFETIME_S,
    )
    app.session_interface = CookieSessions()
    app.before_request(_identify)
    app.before_request(_require_reader)
    app.before_request(_check_csrf)
    app.context_processor(lambda: {"account": g.get("account"), "csrf": csrf_token})


def read_key(path: Path) -> bytes:
    """The key that signs cookies, made at first use and readable by the service only."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(32)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def account() -> Account | None:
    """Who is asking, None for nobody in particular."""
    return cast("Account | None", g.get("account"))


def require_account() -> Account:
    """Who is asking.

    Raises
    ------
    SignInRequired
        Nobody is signed in.
    """
    found = account()
    if found is None:
        raise SignInRequired
    return found


def begin(who: Account) -> None:
    """Start a session of an account; nothing of an earlier session is kept."""
    session.clear()
    session.permanent = True
    session["account"] = who.name
    session["csrf"] = secrets.token_urlsafe(24)
    session["seen"] = _fingerprint(who.name)


def end() -> None:
    """End the session."""
    session.clear()


def csrf_token() -> str:
    """The token every form of this session carries."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return cast("str", session["csrf"])


def _identify() -> None:
    g.by_token = False
    g.account = _from_header() or _from_cookie()


def _from_header() -> Account | None:
    given = request.authorization
    if given is None:
        return None
    secret = given.token if given.type == "bearer" else given.password if given.type == "basic" else None
    found = deployment().people.accounts.by_token(secret) if secret else None
    if found is None:
        raise SignInRequired
    g.by_token = True
    return found


def _from_cookie() -> Account | None:
    name = session.get("account")
    if not name:
        return None
    try:
        found = deployment().people.accounts.get(name)
    except AccountNotFound:
        return None
    current = hmac.compare_digest(str(session.get("seen", "")), _fingerprint(name))
    return found if found.active and current else None


def _require_reader() -> None:
    """Where anonymous people may not read, everything but signing in asks who they are."""
    endpoint = request.endpoint or ""
    is_open = endpoint in OPEN_ENDPOINTS or endpoint.startswith("assets.")
    if g.account is None and not is_open and not deployment().settings.anonymous_reads:
        raise SignInRequired


def _fingerprint(name: str) -> str:
    """Changes with the password, so that a changed password ends every session."""
    return deployment().people.accounts.fingerprint(name)


def _check_csrf() -> None:
    if request.method in SAFE_METHODS or g.by_token or request.routing_exception is not None:
        return
    if g.account is None and (request.endpoint in ASKING or str(request.endpoint).startswith("ogc.")):
        return  # what programs send; where an account is needed, they are told to sign in
    given = request.headers.get(TOKEN_HEADER) or request.form.get("csrf", "")
    if not given or not hmac.compare_digest(str(session.get("csrf", "")).encode(), given.encode(errors="replace")):
        raise AccessDenied(action="表单已过期，请刷新页面重试 / the form has expired, reload the page")
