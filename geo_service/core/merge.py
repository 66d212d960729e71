"""Three-way merge, per feature and per field, against the revision both sides started from.

Laws (tested): ``merge(base, a, base) == a``, ``merge(base, base, b) == b``, ``merge(base, a, a) == a``; where nothing
conflicts, the order of the sides does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geo_service.core.features import Feature

Side = Literal["theirs", "mine"]
GEOMETRY = "geometry"
EXISTENCE = "existence"
"""The pseudo field of a conflict where one side deleted what the other changed."""


@dataclass(frozen=True, slots=True)
class Clash:
    """One field that both sides changed, differently. For ``existence`` a side is True (keeps) or False (deletes)."""

    field: str
    base: Any
    theirs: Any
    mine: Any


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged feature (None: deleted) and the fields on which somebody must decide; there ``theirs`` stands."""

    feature: Feature | None
    clashes: tuple[Clash, ...] = ()


def merge_feature(base: Feature | None, theirs: Feature | None, mine: Feature | None) -> Merge:
    """What becomes of a feature that was ``base``, is ``theirs`` now, and is wanted as ``mine``."""
    if _same(theirs, mine) or _same(base, mine):
        return Merge(theirs)
    if _same(base, theirs):
        return Merge(mine)
    if theirs is None or mine is None:
        return Merge(theirs, (Clash(EXISTENCE, base is not None, theirs is not None, mine is not None),))
    return _merge_fields(base, theirs, mine)


def resolve(merge: Merge, mine: Feature | None, choices: Mapping[str, Side]) -> Feature | None:
    """The merged feature with the decisions taken: ``choices`` names a side for each clash, by default theirs."""
    taken = [c for c in merge.clashes if choices.get(c.field) == "mine"]
    if any(c.field == EXISTENCE for c in taken):
        return mine
    feature = merge.feature
    if feature is None:
        return None
    properties = dict(feature.properties)
    geometry = feature.geometry
    for clash in taken:
        if clash.field == GEOMETRY:
            geometry = clash.mine
        else:
            properties[clash.field] = clash.mine
    return Feature(feature.id, properties, geometry)


def _merge_fields(base: Feature | None, theirs: Feature, mine: Feature) -> Merge:
    clashes: list[Clash] = []
    keys = sorted(theirs.properties.keys() | mine.properties.keys())
    before = base.properties if base else {}
    properties = {
        key: _merge_value(key, before.get(key), theirs.properties.get(key), mine.properties.get(key), clashes)
        for key in keys
    }
    geometry = _merge_value(GEOMETRY, base.geometry if base else None, theirs.geometry, mine.geometry, clashes)
    return Merge(Feature(theirs.id, properties, geometry), tuple(clashes))


def _merge_value(key: str, base: Any, theirs: Any, mine: Any, clashes: list[Clash]) -> Any:
    if mine in (theirs, base):
        return theirs
    if theirs == base:
        return mine
    clashes.append(Clash(key, base, theirs, mine))
    return theirs


def _same(a: Feature | None, b: Feature | None) -> bool:
    if a is None or b is None:
        return a is b
    keys = a.properties.keys() | b.properties.keys()
    return a.geometry == b.geometry and all(a.properties.get(k) == b.properties.get(k) for k in keys)
