"""Sign in, be somebody, and set up the first administrator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from geo_service.core.access import Account, Grant
from geo_service.errors import TooManyAttempts
from geo_service.storage.accounts import Accounts
from geo_service.storage.audit import Audit

WINDOW_MIN = 15
TRIES_PER_ACCOUNT = 10
TRIES_PER_ADDRESS = 40
FIRST_ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class People:
    """The accounts and the log, always used together."""

    accounts: Accounts
    audit: Audit


def sign_in(people: People, name: str, password: str, *, ip: str) -> Account | None:
    """The account, or None where name and password do not fit; both outcomes are logged.

    Raises
    ------
    TooManyAttempts
        Ten failures for this account or forty from this address within a quarter of an hour.
    """
    _throttle(people.audit, name, ip)
    account = people.accounts.check(name, password)
    action = "sign-in" if account else "sign-in-failed"
    people.audit.record(actor=account.name if account else "", action=action, target=name[:80], ip=ip)
    return account


def _throttle(audit: Audit, name: str, ip: str) -> None:
    by_name = audit.count_since("sign-in-failed", minutes=WINDOW_MIN, target=name[:80])
    by_address = audit.count_since("sign-in-failed", minutes=WINDOW_MIN, ip=ip) if ip else 0
    if by_name >= TRIES_PER_ACCOUNT or by_address >= TRIES_PER_ADDRESS:
        raise TooManyAttempts(wait_s=WINDOW_MIN * 60)


def first_admin(people: People) -> str:
    """A one-time password for ``admin`` where there is no account yet, else empty; to be shown once."""
    if people.accounts.count():
        return ""
    password = password_for(FIRST_ADMIN)
    people.accounts.add(Account(name=FIRST_ADMIN, display="管理员", grants=(Grant("admin"),)), password)
    people.audit.record(actor="set-up", action="account-add", target=FIRST_ADMIN)
    return password


def add_account(people: People, account: Account, password: str, *, actor: str) -> None:
    """Keep a new account and log who made it; raises as ``Accounts.add``."""
    people.accounts.add(account, password)
    people.audit.record(actor=actor, action="account-add", target=account.name, grants=_words(account))


def password_for(name: str) -> str:
    """A password by chance that will do for an account: the name of one, which may be short, must not be in it."""
    password = secrets.token_urlsafe(12)
    return password_for(name) if name and name.casefold() in password.casefold() else password


def change_account(people: People, account: Account, *, actor: str) -> None:
    """Change an account and log it; raises as ``Accounts.change``."""
    people.accounts.change(account)
    people.audit.record(
        actor=actor, action="account-change", target=account.name, grants=_words(account), active=account.active
    )


def set_password(people: People, name: str, password: str, *, actor: str) -> None:
    """Set a password and log that it was; raises as ``Accounts.set_password``."""
    people.accounts.set_password(name, password)
    people.audit.record(actor=actor, action="password-change", target=name)


def _words(account: Account) -> list[str]:
    return [f"{g.role}:{g.layer}:{g.subdistrict}" for g in account.grants]
