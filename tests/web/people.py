"""Accounts of every role, signed in as browsers and as programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from geo_service.core.access import Account, Grant
from geo_service.deployment import Deployment

PASSWORD = "a long pass phrase 长密码"
INTERNAL = "secret_works"
HERE, ELSEWHERE = "万兴街道", "学府街道"

PEOPLE: Mapping[str, tuple[Grant, ...]] = {
    "outsider": (),
    "reader": (Grant("viewer", INTERNAL),),
    "drawer": (Grant("editor"),),
    "street": (Grant("editor", INTERNAL, HERE), Grant("editor", "schools", HERE)),
    "checker": (Grant("reviewer"),),
    "chief": (Grant("admin"),),
}
"""One account of each kind: ``street`` edits in one subdistrict only."""


def add_people(deployment: Deployment) -> None:
    """Everybody of :data:`PEOPLE`, with the same password."""
    for name, grants in PEOPLE.items():
        deployment.people.accounts.add(Account(name=name, display=f"{name} 同志", grants=grants), PASSWORD)


class Visitor:
    """A browser: keeps cookies, and sends the form's own token unless told otherwise."""

    def __init__(self, app: Flask, name: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        self.name = name
        if name:
            signed = self.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert signed.status_code == 303, signed.text

    def token(self) -> str:
        """The token a form of this session carries."""
        page = self.client.get("/sign-in").text
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found
        return found.group(1)

    def page(self, path: str) -> Any:
        """A page as a browser asks for it."""
        return self.client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, buffered=True, **options)  # a file that is sent is closed again

    def send(self, method: str, path: str, **options: Any) -> Any:
        """A request as a page's script sends it."""
        headers = {"X-CSRF-Token": self.token()} | options.pop("headers", {})
        return self.client.open(path, method=method, headers=headers, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.send("POST", path, **options)

    def put(self, path: str, **options: Any) -> Any:
        return self.send("PUT", path, **options)
