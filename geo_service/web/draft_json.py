"""Drafts as JSON values: what the review desk and the pencil on the map read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from geo_service.core.access import Account, may_edit, may_review
from geo_service.core.drafts import Comment, Draft
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.revisions import Change, changed_fields
from geo_service.core.validation import Finding
from geo_service.storage.draft_pages import Tally
from geo_service.usecases import browse
from geo_service.usecases.review import EVERYWHERE, UPDATED, ChangeView


def summary_json(draft: Draft) -> dict[str, Any]:
    """A draft without its changes."""
    return {
        "id": draft.id,
        "layer": draft.layer,
        "base_rev": draft.base_rev,
        "owner": draft.owner,
        "state": draft.state,
        "mode": draft.mode,
        "note": draft.note,
        "created": draft.created,
        "updated": draft.updated,
    }


def tally_json(tally: Tally) -> dict[str, Any]:
    """How many changes there are, by operation and by decision."""
    decisions = {name or "undecided": count for name, count in tally.decisions.items()}
    return {"total": tally.total, "operations": dict(tally.operations), "decisions": decisions}


def view_json(definition: LayerDefinition, view: ChangeView) -> dict[str, Any]:
    """One change with both sides: ``fields`` are what its author changed, the ones people typed first."""
    change = view.change
    own = changed_fields(view.before, change.after) if view.before and change.after else ()
    return {
        "fid": change.fid,
        "name": view.name,
        "operation": change.operation,
        "decision": change.decision,
        "base_rev": change.base_rev,
        "fields": ordered(definition, own),
        "before": feature_or_none(view.before),
        "now": feature_or_none(view.now),
        "after": feature_or_none(change.after),
        "settled": view.is_settled,
        "clashes": [{"field": c.field, "base": c.base, "theirs": c.theirs, "mine": c.mine} for c in view.merge.clashes],
    }


def difference_json(definition: LayerDefinition, change: Change) -> dict[str, Any]:
    """What happened to one feature between two revisions, in the form of :func:`view_json`."""
    known = change.after or change.before
    return {
        "fid": change.fid,
        "name": known.name if known else change.fid,
        "operation": change.operation,
        "decision": "",
        "fields": ordered(definition, change.fields) if change.operation == "modify" else [],
        "before": feature_or_none(change.before),
        "now": None,
        "after": feature_or_none(change.after),
        "settled": False,
        "clashes": [],
    }


def ordered(definition: LayerDefinition, keys: Iterable[str]) -> list[str]:
    """Keys in the order of the layer's card, ``geometry`` before what follows by itself."""
    order = {f.key: i for i, f in enumerate(definition.all_fields)}
    by_itself = {f.key for f in definition.all_fields if f.derived} | {UPDATED}

    def rank(key: str) -> tuple[int, int]:
        return (2 if key in by_itself else 1 if key == "geometry" else 0, order.get(key, 999))

    return sorted(keys, key=rank)


def feature_or_none(feature: Any) -> dict[str, Any] | None:
    """A GeoJSON Feature, or None."""
    return browse.feature_json(feature) if feature else None


def comment_json(comment: Comment, names: Mapping[str, str]) -> dict[str, str]:
    """Something that was said, with what its author is called."""
    said_by = names.get(comment.author, comment.author)
    return {"at": comment.at, "author": comment.author, "name": said_by, "fid": comment.fid, "text": comment.text}


def finding_json(finding: Finding) -> dict[str, Any]:
    """What is wrong with one value, in both languages."""
    return {
        "code": finding.code,
        "level": finding.level,
        "fid": finding.fid,
        "field": finding.field,
        "point": list(finding.point) if finding.point else None,
        "zh": finding.sentence("zh"),
        "en": finding.sentence("en"),
    }


def schema_json(account: Account, definition: LayerDefinition) -> dict[str, Any]:
    """All a form needs to know of a layer, and what this account may do with it."""
    return {
        "id": definition.id,
        "title": browse.text_json(definition.title),
        "kind": definition.kind,
        "geometry_types": list(definition.geometry_types),
        "four_eyes": definition.policy.four_eyes,
        "fields": [_field_json(f) for f in definition.all_fields],
        "may": may_json(account, definition),
    }


def may_json(account: Account, definition: LayerDefinition) -> dict[str, Any]:
    """Whether an account may edit and review a layer, and in which subdistricts (``*`` all)."""
    areas = {g.subdistrict for g in account.grants if g.layer in ("*", definition.id) and g.role != "viewer"}
    everywhere = may_edit(account, definition, EVERYWHERE)
    return {
        "edit": may_edit(account, definition),
        "review": may_review(account, definition),
        "areas": ["*"] if everywhere else sorted(areas),
    }


def _field_json(item: Field) -> dict[str, Any]:
    return browse.field_json(item) | {
        "required": item.required,
        "minimum": item.minimum,
        "maximum": item.maximum,
        "derived": item.derived,
        "automatic": item.derived or item.key == UPDATED,
    }
