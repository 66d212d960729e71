"""Accounts, tokens and the hash-chained log."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from geo_service.core.access import Account, Grant
from geo_service.errors import AccountNotFound, Conflict, WeakPassword
from geo_service.storage import tables
from geo_service.storage.accounts import Accounts
from geo_service.storage.audit import Audit, Verdict
from geo_service.storage.engine import Database, open_database

NOW = datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC)
LI = Account(name="li", display="李工", grants=(Grant("editor", "schools", "万兴街道"),))
PASSWORD = "correct horse 电池"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock)


@pytest.fixture
def audit(database: Database, clock: Clock) -> Audit:
    return Audit(database, clock)


def test_an_account_comes_back_with_its_grants(accounts: Accounts) -> None:
    accounts.add(LI, PASSWORD)
    assert accounts.get("li") == LI
    assert accounts.check("li", PASSWORD) == LI
    assert accounts.check("li", PASSWORD + "x") is None
    assert accounts.check("nobody", PASSWORD) is None


def test_a_name_is_taken_once(accounts: Accounts) -> None:
    accounts.add(LI, PASSWORD)
    with pytest.raises(Conflict):
        accounts.add(LI, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "li's own password"])
def test_a_weak_password_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(WeakPassword):
        accounts.add(LI, password)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_passwords_and_tokens_are_not_readable_in_the_file(
    accounts: Accounts, database: Database, tmp_path: Path
) -> None:
    accounts.add(LI, PASSWORD)
    secret = accounts.issue_token("li", "QGIS")
    database.close()
    stored = b"".join(p.read_bytes() for p in (tmp_path / "home").iterdir())
    assert PASSWORD.encode() not in stored
    assert secret.encode() not in stored
    assert b"scrypt:" in stored


def test_an_inactive_account_can_do_nothing(accounts: Accounts) -> None:
    accounts.add(LI, PASSWORD)
    secret = accounts.issue_token("li", "QGIS")
    accounts.change(Account(name="li", display="李工", grants=LI.grants, active=False))
    assert accounts.check("li", PASSWORD) is None
    assert accounts.by_token(secret) is None


def test_a_token_ends_when_it_expires_or_is_revoked(accounts: Accounts, clock: Clock) -> None:
    accounts.add(LI, PASSWORD)
    week, forever = accounts.issue_token("li", "一周", days=7), accounts.issue_token("li", "QGIS")
    assert accounts.by_token(week) == accounts.by_token(forever) == LI
    clock.now += datetime.timedelta(days=8)
    assert accounts.by_token(week) is None
    for token in accounts.tokens("li"):
        accounts.revoke_token("li", token.id)
    assert accounts.by_token(forever) is None
    assert accounts.by_token("gs_nothing") is None


def test_nobody_is_named_when_there_is_nobody(accounts: Accounts) -> None:
    with pytest.raises(AccountNotFound):
        accounts.issue_token("nobody", "QGIS")
    with pytest.raises(AccountNotFound):
        accounts.set_password("nobody", PASSWORD)


def fill(audit: Audit, count: int = 5) -> None:
    for number in range(count):
        audit.record(actor="li", action="publish", target="schools", ip="127.0.0.1", rev=number, note="改造")


def test_an_untouched_chain_verifies(audit: Audit) -> None:
    assert audit.verify() == Verdict(0, None)
    fill(audit)
    assert audit.verify() == Verdict(5, None)
    assert [e.seq for e in audit.entries(limit=2)] == [5, 4]


@pytest.mark.parametrize("column", ["at", "actor", "ip", "action", "target", "detail", "hash", "prev_hash"])
def test_the_first_changed_entry_is_named(audit: Audit, database: Database, column: str) -> None:
    fill(audit)
    with database.writing() as connection:
        connection.execute(update(tables.audit).where(tables.audit.c.seq == 3).values({column: "x"}))
    assert audit.verify().broken == 3


def test_a_removed_entry_shows_in_the_middle_and_at_the_end(audit: Audit, database: Database) -> None:
    fill(audit)
    with database.writing() as connection:
        connection.execute(delete(tables.audit).where(tables.audit.c.seq == 5))
    assert audit.verify() == Verdict(4, 5)
    with database.writing() as connection:
        connection.execute(delete(tables.audit).where(tables.audit.c.seq == 2))
    assert audit.verify().broken == 3


def test_several_writers_make_one_chain(audit: Audit) -> None:
    threads = [threading.Thread(target=fill, args=(audit, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.verify() == Verdict(40, None)


def test_recent_attempts_are_counted_by_target_and_address(audit: Audit, clock: Clock) -> None:
    audit.record(actor="", action="sign-in-failed", target="li", ip="10.0.0.1")
    clock.now += datetime.timedelta(minutes=20)
    audit.record(actor="", action="sign-in-failed", target="li", ip="10.0.0.2")
    assert audit.count_since("sign-in-failed", minutes=15) == 1
    assert audit.count_since("sign-in-failed", minutes=30, target="li") == 2
    assert audit.count_since("sign-in-failed", minutes=30, ip="10.0.0.1") == 1
