"""Originals are handed out byte for byte to those with the right, and to nobody else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask

from geo_service.deployment import Deployment
from tests.web.people import Visitor, add_people
from tests.web.test_upload import examined

LAYER = "waterlogging_zones"
BODY = "GS_ID,名称\nNK-JSD-001,<script>alert(1)</script>\n".encode()
NAME = "%E6%99%AE%E6%9F%A5%3C1%3E.html"


@pytest.fixture(scope="module")
def people(app: Flask, deployment: Deployment) -> Mapping[str, Visitor]:
    if "drawer" not in {a.name for a in deployment.people.accounts.all()}:
        add_people(deployment)
    return {name: Visitor(app, name) for name in ("outsider", "drawer", "street", "checker", "chief")}


@pytest.fixture(scope="module")
def draft(people: Mapping[str, Visitor]) -> str:
    """A draft of a file that is called as if it were a page."""
    drawer = people["drawer"]
    headers = {"X-CSRF-Token": drawer.token()}
    job = examined(drawer.client, headers, BODY, NAME, mode="attributes")["job"]
    made = drawer.post(f"/api/examinations/{job}/draft", json={"note": "", "acknowledged": True})
    assert made.status_code == 201, made.text
    return str(made.json["id"])


def is_the_original(answer: Any) -> bool:
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert answer.data == BODY
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    said = answer.headers["Content-Disposition"]
    assert said.startswith("attachment;")
    assert "filename*=UTF-8''%E6%99%AE%E6%9F%A5_1_.html" in said
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drawer", "checker", "chief"])
def test_sender_reviewer_and_administrator_take_the_original_out(
    people: Mapping[str, Visitor], draft: str, name: str
) -> None:
    assert is_the_original(people[name].get(f"/drafts/{draft}/original"))
    page = people[name].get(f"/drafts/{draft}").text
    assert hashlib.sha256(BODY).hexdigest() in page
    assert f"/drafts/{draft}/original" in page


def test_nobody_else_takes_it_out_or_reads_its_digest(app: Flask, people: Mapping[str, Visitor], draft: str) -> None:
    sha256 = hashlib.sha256(BODY).hexdigest()
    for name in ("outsider", "street"):
        assert people[name].get(f"/drafts/{draft}/original").status_code == 404
        assert people[name].get(f"/admin/originals/{sha256}").status_code == 403
    assert people["drawer"].get(f"/admin/originals/{sha256}").status_code == 403
    assert Visitor(app).get(f"/drafts/{draft}/original").status_code in (303, 401)


def test_the_log_leads_an_administrator_to_the_original_and_notes_who_took_it(
    people: Mapping[str, Visitor], deployment: Deployment, draft: str
) -> None:
    sha256 = hashlib.sha256(BODY).hexdigest()
    assert f"/admin/originals/{sha256}" in people["chief"].page("/admin/audit").text
    assert is_the_original(people["chief"].get(f"/admin/originals/{sha256}"))
    newest = deployment.people.audit.entries()[0]
    assert (newest.actor, newest.action, newest.target) == ("chief", "original", sha256)
    assert deployment.people.audit.verify().broken is None


@pytest.mark.parametrize("wrong", ["0" * 64, "..%2f..%2fgeo_service.db", "A" * 64, "session.key"])
def test_what_is_no_digest_of_a_kept_file_is_not_found(people: Mapping[str, Visitor], draft: str, wrong: str) -> None:
    assert people["chief"].get(f"/admin/originals/{wrong}").status_code == 404
