"""Who may see and do what. One check for page, API, tiles, table, export and print."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text

Role = Literal["viewer", "editor", "reviewer", "admin"]

ROLES: dict[Role, Text] = {
    "viewer": Text("查看", "Viewer"),
    "editor": Text("编辑", "Editor"),
    "reviewer": Text("审核", "Reviewer"),
    "admin": Text("管理", "Administrator"),
}
"""Roles from least to most; each includes the ones before it."""

ANY = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on a layer (``*`` all) within a subdistrict's area (``*`` the whole district)."""

    role: Role
    layer: str = ANY
    subdistrict: str = ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who may sign in; ``grants`` say what for."""

    name: str
    display: str
    grants: tuple[Grant, ...] = dataclasses.field(default=())
    active: bool = True

    @property
    def is_admin(self) -> bool:
        """Whether the account may do everything, everywhere."""
        return self.active and any(g.role == "admin" and g.layer == ANY and g.subdistrict == ANY for g in self.grants)


def includes(held: Role, needed: Role) -> bool:
    """Whether one role includes another."""
    order = list(ROLES)
    return order.index(held) >= order.index(needed)


def may_read(account: Account | None, definition: LayerDefinition, *, anonymous_reads: bool) -> bool:
    """Whether somebody (None: not signed in) may see a layer at all.

    Public layers are for everybody where anonymous people may read, else for every account; internal layers are for
    accounts with any role on them.
    """
    if definition.secrecy == "public" and anonymous_reads:
        return True
    if account is None or not account.active:
        return False
    return definition.secrecy == "public" or _grants(account, definition.id, "viewer") != ()


def may_edit(account: Account | None, definition: LayerDefinition, *features: Feature) -> bool:
    """Whether an account may change these features (before and after): role editor on the layer, and every feature
    inside one of the subdistricts the role is for."""
    return _may_change(account, definition, "editor", features)


def may_review(account: Account | None, definition: LayerDefinition, *features: Feature, author: str = "") -> bool:
    """Whether an account may publish these features; on four-eyes layers not the author's own."""
    if account and author == account.name and definition.policy.four_eyes:
        return False
    return _may_change(account, definition, "reviewer", features)


def _may_change(
    account: Account | None, definition: LayerDefinition, role: Role, features: tuple[Feature, ...]
) -> bool:
    if account is None or not account.active:
        return False
    areas = {g.subdistrict for g in _grants(account, definition.id, role)}
    return bool(areas) and (ANY in areas or all(f.properties.get("subdistrict") in areas for f in features))


def _grants(account: Account, layer: str, role: Role) -> tuple[Grant, ...]:
    return tuple(g for g in account.grants if g.layer in (ANY, layer) and includes(g.role, role))
