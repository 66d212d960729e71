"""Accounts and the log from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from geo_service.cli import run
from geo_service.storage import tables
from geo_service.storage.accounts import check_password
from geo_service.storage.engine import open_database
from geo_service.usecases.accounts import password_for


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_LANGUAGE": "zh"}


def test_an_account_is_made_listed_and_gets_another_password(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["user", "add", "li", "--role", "editor", "--layer", "schools"], environment) == 0
    first = capsys.readouterr().out.split()[1]
    assert run(["user", "list"], environment) == 0
    assert "editor:schools:*" in capsys.readouterr().out
    assert run(["user", "password", "li"], environment) == 0
    assert capsys.readouterr().out.split()[1] != first
    assert run(["user", "add", "li"], environment) == 1
    assert run(["user", "password", "nobody"], environment) == 2


@pytest.mark.parametrize("name", ["a", "li"])
def test_a_password_by_chance_never_has_the_name_in_it(name: str) -> None:
    found = {password_for(name) for _ in range(500)}  # two in five have an "a" in them
    assert len(found) == 500
    for password in found:
        check_password(name, password)


def test_a_broken_log_is_found(environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["user", "add", "li"], environment)
    run(["user", "add", "wang"], environment)
    assert run(["audit", "verify"], environment) == 0
    database = open_database(f"sqlite:///{tmp_path / 'geo_service.db'}")
    with database.writing() as connection:
        connection.execute(update(tables.audit).where(tables.audit.c.seq == 1).values(actor="nobody"))
    database.close()
    assert run(["audit", "verify"], environment) == 1
    assert "第 1 条" in capsys.readouterr().out
