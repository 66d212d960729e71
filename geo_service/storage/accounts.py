"""People who may sign in, and their tokens. Passwords are kept as scrypt, tokens as SHA-256 only."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from werkzeug.security import check_password_hash, generate_password_hash

from geo_service.core.access import Account, Grant
from geo_service.errors import AccountNotFound, Conflict, WeakPassword
from geo_service.storage import tables
from geo_service.storage.engine import Database

SHORTEST_PASSWORD = 10
TOKEN_PREFIX = "gs_"  # noqa: S105  # a prefix to recognise tokens by, not a secret
NOBODY = generate_password_hash("nobody has this password", method="scrypt")
"""Checked when there is no such account, so that the answer takes as long."""


@dataclass(frozen=True, slots=True)
class Token:
    """A personal token; the secret itself is shown once and never kept. ``expires`` and ``used`` may be empty."""

    id: str
    account: str
    title: str
    created: str
    expires: str
    used: str


class Accounts:
    """The accounts of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime.datetime]) -> None:
        self._database = database
        self._now = now

    def count(self) -> int:
        """How many accounts there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.account)).scalar() or 0)

    def all(self) -> tuple[Account, ...]:
        """Every account by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tables.account).order_by(tables.account.c.name)).all()
        return tuple(map(_account, rows))

    def get(self, name: str) -> Account:
        """One account.

        Raises
        ------
        AccountNotFound
            There is none of this name.
        """
        row = self._row(name)
        if row is None:
            raise AccountNotFound(account=name)
        return _account(row)

    def add(self, account: Account, password: str) -> None:
        """Keep a new account.

        Raises
        ------
        Conflict
            The name is taken.
        WeakPassword
            The password is short or contains the name.
        """
        check_password(account.name, password)
        values = {
            "name": account.name,
            "display": account.display,
            "password": generate_password_hash(password, method="scrypt"),
            "grants": _grants_text(account.grants),
            "active": int(account.active),
            "created": self._timestamp(),
        }
        if self._row(account.name) is not None:
            raise Conflict(what=account.name)
        with self._database.writing() as connection:
            connection.execute(insert(tables.account).values(values))

    def change(self, account: Account) -> None:
        """Set display name, grants and whether active.

        Raises
        ------
        AccountNotFound
            There is none of this name.
        """
        values = {"display": account.display, "grants": _grants_text(account.grants), "active": int(account.active)}
        self._update(account.name, values)

    def set_password(self, name: str, password: str) -> None:
        """Set another password; raises as :meth:`add` and :meth:`get`."""
        check_password(name, password)
        self._update(name, {"password": generate_password_hash(password, method="scrypt")})

    def check(self, name: str, password: str) -> Account | None:
        """The active account of this name and password, or None; takes the same time for unknown names."""
        row = self._row(name)
        fits = check_password_hash(NOBODY if row is None else row.password, password)
        if row is None or not fits or not row.active:
            return None
        self._update(name, {"signed_in": self._timestamp()})
        return _account(row)

    def fingerprint(self, name: str) -> str:
        """A short text that changes with the account's password, empty where there is no such account."""
        row = self._row(name)
        return "" if row is None else hashlib.sha256(row.password.encode()).hexdigest()[:16]

    def issue_token(self, name: str, title: str, *, days: int | None = None) -> str:
        """A new token of an account; this is the only time its secret is seen."""
        self.get(name)
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        expires = "" if days is None else self._timestamp(datetime.timedelta(days=days))
        values = {
            "id": secrets.token_hex(6),
            "account": name,
            "title": title,
            "hash": _token_hash(secret),
            "created": self._timestamp(),
            "expires": expires,
        }
        with self._database.writing() as connection:
            connection.execute(insert(tables.token).values(values))
        return secret

    def tokens(self, name: str) -> tuple[Token, ...]:
        """The tokens of an account, newest first."""
        t = tables.token.c
        query = select(t.id, t.account, t.title, t.created, t.expires, t.used).where(t.account == name)
        with self._database.reading() as connection:
            return tuple(Token(*row) for row in connection.execute(query.order_by(t.created.desc(), t.id)))

    def revoke_token(self, name: str, token_id: str) -> None:
        """Forget a token of an account."""
        t = tables.token.c
        with self._database.writing() as connection:
            connection.execute(delete(tables.token).where(t.account == name, t.id == token_id))

    def by_token(self, secret: str) -> Account | None:
        """The active account a token belongs to, or None where it is unknown, expired or revoked."""
        t = tables.token.c
        query = select(t.account, t.expires).where(t.hash == _token_hash(secret))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None or (row.expires and row.expires < self._timestamp()):
            return None
        account = self.get(row.account)
        return account if account.active else None

    def _row(self, name: str) -> Any:
        with self._database.reading() as connection:
            return connection.execute(select(tables.account).where(tables.account.c.name == name)).first()

    def _update(self, name: str, values: dict[str, Any]) -> None:
        with self._database.writing() as connection:
            done = connection.execute(update(tables.account).where(tables.account.c.name == name).values(values))
        if not done.rowcount:
            raise AccountNotFound(account=name)

    def _timestamp(self, later: datetime.timedelta = datetime.timedelta()) -> str:
        return (self._now().astimezone(datetime.UTC) + later).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_password(name: str, password: str) -> None:
    """Nothing where a password will do.

    Raises
    ------
    WeakPassword
        It is shorter than ten characters, or contains the account's name.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(reason=f"少于 {SHORTEST_PASSWORD} 个字符 / shorter than {SHORTEST_PASSWORD} characters")
    if name.casefold() in password.casefold():
        raise WeakPassword(reason="包含账号名 / contains the account's name")


def _account(row: Any) -> Account:
    grants = msgspec.json.decode(row.grants or "[]", type=tuple[Grant, ...])
    return Account(name=row.name, display=row.display, grants=grants, active=bool(row.active))


def _grants_text(grants: tuple[Grant, ...]) -> str:
    return msgspec.json.encode(grants).decode()


def _token_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
