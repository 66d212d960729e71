"""Signing in and what may go wrong with it: guessing, stolen and planted sessions, forged forms, tricked redirects."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from geo_service.core.access import Account
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.storage.audit import Audit
from geo_service.usecases.accounts import TRIES_PER_ACCOUNT, WINDOW_MIN
from geo_service.web.account import local_path
from geo_service.web.app import create_app
from tests.web.people import PASSWORD, Visitor, add_people


class Clock:
    def __init__(self) -> None:
        self.time = datetime.datetime(2026, 5, 1, 8, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.time


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, clock: Clock, either_database: str) -> Iterator[Deployment]:
    home, layers = str(tmp_path_factory.mktemp("accounts")), str(tmp_path_factory.mktemp("no-layers"))
    environment = {"GEO_SERVICE_HOME": home, "GEO_SERVICE_LAYERS": layers, "GEO_SERVICE_DATABASE": either_database}
    opened = open_deployment(read_settings(environment), now=clock)
    add_people(opened)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


def who(visitor: Visitor) -> str:
    """The account a browser is taken for, empty for nobody."""
    answer = visitor.get("/api/account")
    return str(answer.json["name"]) if answer.status_code == 200 else ""


def sign_in(visitor: Visitor, name: str, password: str = PASSWORD, **fields: str) -> Any:
    return visitor.post("/sign-in", data={"name": name, "password": password} | fields)


def test_signing_in_and_out(app: Flask) -> None:
    visitor = Visitor(app)
    assert who(visitor) == ""
    assert sign_in(visitor, "drawer").headers["Location"] == "/"
    assert who(visitor) == "drawer"
    visitor.post("/sign-out")
    assert who(visitor) == ""


def test_a_wrong_password_says_no_more_than_a_wrong_name(app: Flask) -> None:
    wrong_password = sign_in(Visitor(app), "drawer", "not the password")
    wrong_name = sign_in(Visitor(app), "nobody-here", "not the password")
    assert wrong_password.status_code == wrong_name.status_code == 401
    assert "账号或密码不对" in wrong_password.text
    assert "账号或密码不对" in wrong_name.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app: Flask) -> None:
    visitor = Visitor(app)
    cookie = sign_in(visitor, "drawer").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    secure = Visitor(app)
    token = (
        secure.client.get("/sign-in", base_url="https://localhost").text.split('name="csrf" value="')[1].split('"')[0]
    )
    data = {"name": "drawer", "password": PASSWORD, "csrf": token}
    answer = secure.client.post("/sign-in", data=data, base_url="https://localhost")
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_planted_session_is_not_the_one_that_gets_signed_in(app: Flask) -> None:
    """Session fixation: whoever knew the cookie before knows nothing after."""
    attacker, victim = Visitor(app), Visitor(app)
    token = attacker.token()
    planted = attacker.client.get_cookie("geo_service")
    assert planted is not None
    victim.client.set_cookie("geo_service", planted.value)
    answer = victim.client.post("/sign-in", data={"name": "drawer", "password": PASSWORD, "csrf": token})
    assert answer.status_code == 303
    after = victim.client.get_cookie("geo_service")
    assert after is not None
    assert after.value != planted.value
    assert who(attacker) == ""
    old_token = victim.client.post("/account/tokens", data={"title": "x", "csrf": token})
    assert old_token.status_code == 403, "the form token of before signing in is worth nothing after"


@pytest.mark.parametrize("token", ["", "wrong", "汉字", "\udcff", "x" * 10_000])
def test_a_form_without_its_token_changes_nothing(app: Flask, token: str) -> None:
    visitor = Visitor(app, "drawer")
    data = {"title": "QGIS", "csrf": token.encode("utf-8", "replace").decode()}
    assert visitor.client.post("/account/tokens", data=data).status_code == 403
    assert "QGIS" not in visitor.get("/account").text.split("<tbody>")[2].split("</tbody>")[0]


def test_the_token_of_another_session_is_refused(app: Flask) -> None:
    one, other = Visitor(app, "drawer"), Visitor(app, "checker")
    assert one.client.post("/account/tokens", data={"csrf": other.token()}).status_code == 403


def test_a_cookie_signed_by_somebody_else_is_nobody(app: Flask) -> None:
    visitor = Visitor(app, "chief")
    cookie = visitor.client.get_cookie("geo_service")
    assert cookie is not None
    for forged in (cookie.value[:-3] + "abc", "x" + cookie.value, "", "e30.aaaaaa.bbbbbb"):
        stranger = Visitor(app)
        stranger.client.set_cookie("geo_service", forged)
        assert who(stranger) == ""


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "evil.example",
    "",
    " /",
    "/\udcff",
    "http:/evil.example",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_sent_elsewhere_after_signing_in(app: Flask, target: str) -> None:
    assert local_path(target) == "/"
    if target.isprintable():
        assert sign_in(Visitor(app), "drawer", next=target).headers["Location"] == "/"


@pytest.mark.parametrize("target", ["/drafts", "/plan?q=学校", "/#on=schools", "/layers/schools?a=1&b=2"])
def test_one_comes_back_to_where_one_was(app: Flask, target: str) -> None:
    assert local_path(target) == target


def test_a_page_that_needs_a_sign_in_leads_there_and_back(app: Flask) -> None:
    visitor = Visitor(app)
    answer = visitor.page("/drafts?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Fdrafts%3Fx%3D1"
    assert 'value="/drafts?x=1"' in visitor.page(answer.headers["Location"]).text


def test_guessing_is_stopped_for_a_quarter_of_an_hour(app: Flask, clock: Clock) -> None:
    visitor = Visitor(app)
    for _ in range(TRIES_PER_ACCOUNT):
        assert sign_in(visitor, "reader", "a wrong guess").status_code == 401
    refused = sign_in(visitor, "reader", PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == WINDOW_MIN * 60
    assert sign_in(Visitor(app), "street").status_code == 303, "others are not kept out"
    clock.time += datetime.timedelta(minutes=WINDOW_MIN + 1)
    assert sign_in(visitor, "reader").status_code == 303


def test_guessing_the_old_password_in_a_stolen_session_is_stopped_too(app: Flask, clock: Clock) -> None:
    clock.time += datetime.timedelta(minutes=WINDOW_MIN + 1)
    visitor = Visitor(app, "street")
    data = {"old": "a wrong guess", "new": "another long phrase"}
    codes = [visitor.post("/account/password", data=data).status_code for _ in range(TRIES_PER_ACCOUNT + 1)]
    assert codes == [403] * TRIES_PER_ACCOUNT + [429]
    clock.time += datetime.timedelta(minutes=WINDOW_MIN + 1)


def test_a_changed_password_ends_every_other_session(app: Flask) -> None:
    here, there = Visitor(app, "outsider"), Visitor(app, "outsider")
    new = "quite another phrase"
    answer = here.post("/account/password", data={"old": PASSWORD, "new": new})
    assert answer.status_code == 303
    assert who(here) == "outsider"
    assert who(there) == ""
    here.post("/account/password", data={"old": new, "new": PASSWORD})


@pytest.mark.parametrize("weak", ["short", "outsider is my name", ""])
def test_a_weak_new_password_is_refused_in_words(app: Flask, weak: str) -> None:
    visitor = Visitor(app, "outsider")
    answer = visitor.post("/account/password", data={"old": PASSWORD, "new": weak})
    assert answer.status_code == 400
    assert "weak-password" in answer.text


def test_an_account_that_is_switched_off_is_out_at_once(app: Flask) -> None:
    chief, visitor = Visitor(app, "chief"), Visitor(app, "reader")
    token = new_token(visitor)
    assert chief.post("/admin/accounts/reader/active", data={"active": "no"}).status_code == 303
    assert who(visitor) == ""
    assert visitor.client.get("/api/account", headers=bearer(token)).status_code == 401
    assert sign_in(Visitor(app), "reader").status_code == 401
    chief.post("/admin/accounts/reader/active", data={"active": "yes"})
    assert who(visitor) == "reader"


def new_token(visitor: Visitor, **fields: str) -> str:
    visitor.post("/account/tokens", data={"title": "QGIS"} | fields)
    text = str(visitor.get("/account").text)
    return text.split("新令牌")[1].split("<code>")[1].split("</code>", maxsplit=1)[0]


def token_ids(visitor: Visitor) -> set[str]:
    """The ids of one's own tokens, as the account page lists them."""
    return set(re.findall(r"/account/tokens/(\w+)/revoke", visitor.get("/account").text))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_a_token_works_for_programs_without_a_form_token(app: Flask) -> None:
    token = new_token(Visitor(app, "drawer"))
    program = app.test_client()
    for headers in (bearer(token), basic("drawer", token), basic("anything", token)):
        answer = program.get("/api/account", headers=headers)
        assert answer.json["name"] == "drawer"
    refused = program.post("/api/drafts", json={"layer": "no_such_layer"}, headers=bearer(token))
    assert refused.json["title"] == "layer-not-found", "past the check of forms"


def test_a_token_is_shown_once_and_can_be_revoked(app: Flask) -> None:
    visitor = Visitor(app, "drawer")
    known = token_ids(visitor)
    token = new_token(visitor)
    assert token not in visitor.get("/account").text
    (newest,) = token_ids(visitor) - known
    assert visitor.client.get("/api/account", headers=bearer(token)).status_code == 200
    visitor.post(f"/account/tokens/{newest}/revoke")
    assert app.test_client().get("/api/account", headers=bearer(token)).status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(app: Flask) -> None:
    owner = Visitor(app, "drawer")
    known = token_ids(owner)
    token = new_token(owner)
    (newest,) = token_ids(owner) - known
    Visitor(app, "chief").post(f"/account/tokens/{newest}/revoke")
    assert app.test_client().get("/api/account", headers=bearer(token)).status_code == 200


def test_a_token_expires(app: Flask, clock: Clock) -> None:
    token = new_token(Visitor(app, "drawer"), days="7")
    before = clock.time
    clock.time += datetime.timedelta(days=8)
    assert app.test_client().get("/api/account", headers=bearer(token)).status_code == 401
    clock.time = before


BROKEN = [
    bearer("gs_wrong"),
    bearer(""),
    {"Authorization": "Basic !!!"},
    basic("chief", PASSWORD),
    {"Authorization": "Digest username=chief"},
    {"Authorization": "Bearer " + "x" * 5000},
]


@pytest.mark.parametrize("headers", BROKEN, ids=range(len(BROKEN)))
def test_wrong_credentials_are_refused_and_never_fall_back(app: Flask, headers: dict[str, str]) -> None:
    """A password is no token: guessing it here would go around the throttle."""
    answer = app.test_client().get("/api/layers", headers=headers)
    assert answer.status_code in (200, 401)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), "Basic would make browsers ask"
    assert app.test_client().get("/api/account", headers=headers).status_code == 401


def test_an_administrator_makes_people_and_gives_rights(app: Flask, deployment: Deployment) -> None:
    chief = Visitor(app, "chief")
    chief.post("/admin/accounts", data={"name": "new.person", "display": "新同志", "role": "viewer"})
    page = chief.get("/admin/accounts").text
    password = page.split("new.person  ")[1].split("<")[0]
    person = Visitor(app)
    assert sign_in(person, "new.person", password).status_code == 303
    assert password not in chief.get("/admin/accounts").text, "shown once"
    chief.post("/admin/accounts/new.person/grants", data={"role": "reviewer", "layer": "*", "subdistrict": "*"})
    roles = [g.role for g in deployment.people.accounts.get("new.person").grants]
    assert roles == ["viewer", "reviewer"]
    data = {"role": "viewer", "layer": "*", "subdistrict": "*"}
    for _ in range(2):  # a second click on a page that is out of date takes nothing else away
        chief.post("/admin/accounts/new.person/grants/remove", data=data)
    assert [g.role for g in deployment.people.accounts.get("new.person").grants] == ["reviewer"]
    chief.post("/admin/accounts/new.person/password")
    assert who(person) == "", "a new password ends the sessions"


@pytest.mark.parametrize("name", ["", "a b", "../etc", "名字", "x" * 41, "<b>", "a/b"])
def test_an_account_name_is_plain(app: Flask, name: str) -> None:
    assert Visitor(app, "chief").post("/admin/accounts", data={"name": name}).status_code == 400


@pytest.mark.parametrize(
    "grant", [{"role": "king"}, {"role": "viewer", "layer": "../x"}, {"role": "viewer", "subdistrict": "月球街道"}]
)
def test_a_right_that_does_not_exist_is_not_given(app: Flask, grant: dict[str, str]) -> None:
    answer = Visitor(app, "chief").post("/admin/accounts/reader/grants", data=grant)
    assert answer.status_code in (400, 404)


def test_the_last_key_stays_inside(app: Flask) -> None:
    """An administrator cannot shut themselves out."""
    chief = Visitor(app, "chief")
    grant = {"role": "admin", "layer": "*", "subdistrict": "*"}
    assert chief.post("/admin/accounts/chief/grants/remove", data=grant).status_code == 403
    assert chief.post("/admin/accounts/chief/active", data={"active": "no"}).status_code == 403
    assert who(chief) == "chief"


PATHS = [
    "/static/x/../../../../etc/passwd",
    "/static/x/%2e%2e/%2e%2e/settings.py",
    "/static/x/..%2f..%2fsettings.py",
    "/static/x//etc/passwd",
    "/assets/x/../manifest.json",
    "/assets/x/%2e%2e/geo_service.db",
    "/static/x/js/..%5c..%5csettings.py",
    "/help/../../etc/passwd",
    "/help/%2e%2e%2fbase",
    "/editions/..%2f..%2fetc",
    "/drafts/..%2f..%2fetc",
    "/layers/..%2f..%2fetc/x",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_its_folder(app: Flask, path: str) -> None:
    answer = Visitor(app, "chief").get(path)
    assert answer.status_code in (301, 303, 308, 404), path
    assert "root:" not in answer.text
    assert "SETTINGS" not in answer.text


def test_everything_about_accounts_is_in_the_log_and_no_secret_is(app: Flask, deployment: Deployment) -> None:
    visitor = Visitor(app, "drawer")
    token = new_token(visitor)
    entries = deployment.people.audit.entries(limit=100)
    actions = {e.action for e in entries}
    assert {"sign-in", "sign-in-failed", "token-add", "password-change", "account-change"} <= actions
    text = " ".join(f"{e.target} {e.detail}" for e in entries)
    assert token not in text
    assert PASSWORD not in text
    assert Audit(deployment.store.database, deployment.now).verify().broken is None


def test_an_account_without_rights_is_told_so_in_its_own_words(app: Flask, deployment: Deployment) -> None:
    deployment.people.accounts.add(Account(name="shown", display="<b>粗</b>{{7*7}}"), PASSWORD)
    page = Visitor(app, "shown").get("/account").text
    assert "&lt;b&gt;粗&lt;/b&gt;{{7*7}}" in page
