"""Revisions, changes and what happened between two states of a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition

RevisionKind = Literal["seed", "upload", "edit", "merge", "rollback", "external"]
Operation = Literal["add", "modify", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One immutable state of a layer; ``at`` is UTC ISO 8601 to the second, ``sha256`` that of the published file."""

    layer: str
    rev: int
    parent: int
    kind: RevisionKind
    author: str
    note: str
    at: str
    added: int
    modified: int
    deleted: int
    approver: str = ""
    draft: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A layer at one revision, always handed out together."""

    definition: LayerDefinition
    revision: Revision
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one feature: ``fields`` are the keys that differ, ``geometry`` among them."""

    fid: str
    operation: Operation
    before: Feature | None
    after: Feature | None
    fields: tuple[str, ...]


def compare(before: Iterable[Feature], after: Iterable[Feature]) -> tuple[Change, ...]:
    """Changes that lead from ``before`` to ``after``, by feature id; ``compare(x, x) == ()``."""
    old = {f.id: f for f in before}
    new = {f.id: f for f in after}
    return tuple(change for fid in sorted(old.keys() | new.keys()) for change in _change(old.get(fid), new.get(fid)))


def changed_fields(before: Feature, after: Feature) -> tuple[str, ...]:
    """Keys whose values differ, ``geometry`` last; a missing key equals None."""
    keys = sorted(before.properties.keys() | after.properties.keys())
    differing = [k for k in keys if before.properties.get(k) != after.properties.get(k)]
    return (*differing, *(("geometry",) if before.geometry != after.geometry else ()))


def _change(before: Feature | None, after: Feature | None) -> Iterator[Change]:
    if before and after:
        fields = changed_fields(before, after)
        if fields:
            yield Change(after.id, "modify", before, after, fields)
    elif after:
        yield Change(after.id, "add", None, after, _keys(after.properties))
    elif before:
        yield Change(before.id, "delete", before, None, _keys(before.properties))


def _keys(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return (*sorted(properties), "geometry")
