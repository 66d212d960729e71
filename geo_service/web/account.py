"""Signing in and out, one's own account and tokens, and the administrator's list of people."""

from __future__ import annotations

from typing import cast, get_args

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.access import ANY, ROLES, Account, Grant, Role
from geo_service.errors import AccessDenied, InvalidParameter, one_of
from geo_service.usecases import accounts
from geo_service.web import draft_json
from geo_service.web import session as web_session
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment, visible_layers
from geo_service.web.session import require_account

blueprint = Blueprint("account", __name__)


@blueprint.get("/sign-in")
def sign_in_form() -> str:
    """The form to sign in with."""
    return render_template("sign_in.html", page="account", next=local_path(request.args.get("next", "")), failed=False)


@blueprint.post("/sign-in")
def sign_in() -> AnyResponse:
    """Start a session, then go on to where one came from."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    target = local_path(request.form.get("next", ""))
    found = accounts.sign_in(deployment().people, name, password, ip=request.remote_addr or "")
    if found is None:
        page = render_template("sign_in.html", page="account", next=target, failed=True, name=name)
        return Response(page, status=401, mimetype="text/html")
    web_session.begin(found)
    return redirect(target, code=303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session."""
    web_session.end()
    return redirect("/", code=303)


def local_path(text: str) -> str:
    """The text where it is a path on this server, else the map: nobody is sent elsewhere after signing in."""
    safe = text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text and text.isprintable()
    return text if safe else "/"


@blueprint.get("/account")
def own() -> str:
    """One's own account: password, tokens for QGIS and programs, what one may do."""
    who = require_account()
    tokens = deployment().people.accounts.tokens(who.name)
    secret = session.pop("new_token", "")
    return render_template("account.html", page="account", who=who, tokens=tokens, secret=secret, roles=ROLES)


@blueprint.get("/api/account")
def own_json() -> Response:
    """Who I am and what I may do with each layer, for the pencil on the map."""
    who = require_account()
    states = visible_layers()
    body = {
        "name": who.name,
        "display": who.display,
        "layers": {s.definition.id: draft_json.may_json(who, s.definition) for s in states},
    }
    return json_answer(body)


@blueprint.post("/account/password")
def change_password() -> AnyResponse:
    """Set one's own password; every other session of the account ends."""
    who = require_account()
    people = deployment().people
    if accounts.sign_in(people, who.name, request.form.get("old", ""), ip=request.remote_addr or "") is None:
        raise AccessDenied(action="原密码不对 / the old password is wrong")
    accounts.set_password(people, who.name, request.form.get("new", ""), actor=who.name)
    web_session.begin(who)
    return redirect(url_for("account.own"), code=303)


@blueprint.post("/account/tokens")
def add_token() -> AnyResponse:
    """A new personal token; its secret is shown on the next page only."""
    who = require_account()
    title = request.form.get("title", "").strip()[:80] or "QGIS"
    people = deployment().people
    session["new_token"] = people.accounts.issue_token(who.name, title, days=_days(request.form.get("days", "")))
    people.audit.record(actor=who.name, action="token-add", target=who.name, title=title)
    return redirect(url_for("account.own"), code=303)


@blueprint.post("/account/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> AnyResponse:
    """Forget one of one's own tokens."""
    who = require_account()
    people = deployment().people
    people.accounts.revoke_token(who.name, token_id)
    people.audit.record(actor=who.name, action="token-revoke", target=who.name, token=token_id)
    return redirect(url_for("account.own"), code=303)


@blueprint.get("/admin/accounts")
def people() -> str:
    """All accounts and what they may do."""
    _require_admin()
    here = deployment()
    password = session.pop("new_password", "")
    layers = sorted(here.store.layers(), key=lambda s: s.definition.title.zh)
    return render_template(
        "accounts.html",
        page="admin",
        people=here.people.accounts.all(),
        password=password,
        roles=ROLES,
        layers=layers,
        subdistricts=subdistrict_names(),
    )


@blueprint.post("/admin/accounts")
def add_person() -> AnyResponse:
    """A new account with a one-time password, shown once."""
    admin = _require_admin()
    name = request.form.get("name", "").strip()
    if not (name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum() and len(name) <= 40):
        raise InvalidParameter(
            name="name", value=name, reason="账号须为 40 个以内的字母、数字、-_. / letters, digits, -_."
        )
    password = accounts.password_for(name)
    display = request.form.get("display", "").strip()[:80] or name
    account = Account(name=name, display=display, grants=(_grant(),))
    accounts.add_account(deployment().people, account, password, actor=admin.name)
    session["new_password"] = f"{name}  {password}"
    return redirect(url_for("account.people"), code=303)


@blueprint.post("/admin/accounts/<name>/grants")
def add_grant(name: str) -> AnyResponse:
    """Give an account one more right."""
    admin = _require_admin()
    known = deployment().people.accounts.get(name)
    grants = tuple(dict.fromkeys((*known.grants, _grant())))
    _change(Account(name=name, display=known.display, grants=grants, active=known.active), admin)
    return redirect(url_for("account.people"), code=303)


@blueprint.post("/admin/accounts/<name>/grants/remove")
def remove_grant(name: str) -> AnyResponse:
    """Take a right away: the one the form names, whatever was changed since it was shown."""
    admin = _require_admin()
    known = deployment().people.accounts.get(name)
    taken = tuple(request.form.get(key, "") for key in ("role", "layer", "subdistrict"))
    grants = tuple(g for g in known.grants if (g.role, g.layer, g.subdistrict) != taken)
    _change(Account(name=name, display=known.display, grants=grants, active=known.active), admin)
    return redirect(url_for("account.people"), code=303)


@blueprint.post("/admin/accounts/<name>/active")
def set_active(name: str) -> AnyResponse:
    """Let an account in or keep it out."""
    admin = _require_admin()
    known = deployment().people.accounts.get(name)
    active = request.form.get("active") == "yes"
    _change(Account(name=name, display=known.display, grants=known.grants, active=active), admin)
    return redirect(url_for("account.people"), code=303)


@blueprint.post("/admin/accounts/<name>/password")
def reset_password(name: str) -> AnyResponse:
    """A new one-time password for somebody who forgot theirs."""
    admin = _require_admin()
    password = accounts.password_for(name)
    accounts.set_password(deployment().people, name, password, actor=admin.name)
    session["new_password"] = f"{name}  {password}"
    return redirect(url_for("account.people"), code=303)


@blueprint.get("/admin/audit")
def audit() -> str:
    """The log, newest first, and whether its chain holds."""
    _require_admin()
    log = deployment().people.audit
    before = request.args.get("before", type=int)
    return render_template("audit.html", page="admin", entries=log.entries(before=before), verdict=log.verify())


def subdistrict_names() -> tuple[str, ...]:
    """The subdistricts a right may be limited to."""
    here = deployment()
    state = next((s for s in here.store.layers() if s.definition.id == "subdistricts"), None)
    return tuple(f.name for f in here.views.features(state.revision)) if state else ()


def _change(account: Account, admin: Account) -> None:
    keeps_admin = account.name != admin.name or account.is_admin
    if not keeps_admin:
        raise AccessDenied(action="不能取消自己的管理权限 / take away your own administration")
    accounts.change_account(deployment().people, account, actor=admin.name)


def _require_admin() -> Account:
    who = require_account()
    if not who.is_admin:
        raise AccessDenied(action="管理账号 / manage accounts")
    return who


def _grant() -> Grant:
    role = request.form.get("role", "viewer")
    if role not in get_args(Role):
        raise InvalidParameter(name="role", value=role, reason=one_of(get_args(Role)))
    layer = request.form.get("layer", ANY) or ANY
    if layer != ANY:
        deployment().store.layer(layer)
    subdistrict = request.form.get("subdistrict", ANY) or ANY
    if subdistrict not in (ANY, *subdistrict_names()):
        raise InvalidParameter(name="subdistrict", value=subdistrict, reason="没有这个街道 / no such subdistrict")
    return Grant(cast("Role", role), layer, subdistrict)


def _days(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 3650:
        raise InvalidParameter(name="days", value=text, reason="1 … 3650")
    return int(text)
