"""Going back: to an earlier revision, without one revision, with a deleted feature; each a draft like any other, so
that going back can be undone too."""

from __future__ import annotations

from collections.abc import Sequence

from geo_service.core.access import Account
from geo_service.core.drafts import Draft, DraftChange
from geo_service.errors import EmptyDraft
from geo_service.storage.lookup import features_at
from geo_service.usecases.review import Desk, create_draft, take_step


def roll_back(desk: Desk, account: Account, layer_id: str, *, to_rev: int, note: str = "") -> Draft:
    """A submitted draft that leads back to an earlier revision.

    Raises
    ------
    AccessDenied, RevisionNotFound
        Not this account's to change, or no such revision.
    EmptyDraft
        The layer is as it was.
    """
    head = desk.store.layer(layer_id).revision.rev
    difference = desk.store.difference(layer_id, head, to_rev)
    changes = [DraftChange(fid=c.fid, operation=c.operation, after=c.after, base_rev=head) for c in difference]
    return _submitted(desk, account, layer_id, changes, note=note or f"回退至版本 {to_rev}")


def undo(desk: Desk, account: Account, layer_id: str, *, rev: int, note: str = "") -> Draft:
    """A submitted draft that takes one revision back and keeps what came after; where a later revision changed the same
    field, the reviewer decides.

    Raises
    ------
    AccessDenied, RevisionNotFound
        Not this account's to change, or no such revision; the first one cannot be taken back.
    EmptyDraft
        It changed no feature.
    """
    difference = desk.store.difference(layer_id, rev, rev - 1)
    changes = [DraftChange(fid=c.fid, operation=c.operation, after=c.after, base_rev=rev) for c in difference]
    return _submitted(desk, account, layer_id, changes, note=note or f"撤销版本 {rev}")


def restore_feature(desk: Desk, account: Account, layer_id: str, fid: str) -> Draft:
    """A submitted draft that brings back a deleted feature as it last was.

    Raises
    ------
    AccessDenied, FeatureNotFound
        Not this account's to change, or the layer never had it.
    EmptyDraft
        It is there.
    """
    last_touch = desk.store.feature_history(layer_id, fid)[0].rev
    head = desk.store.layer(layer_id).revision.rev
    there = fid in features_at(desk.store, layer_id, [fid])
    last = None if there else features_at(desk.store, layer_id, [fid], last_touch - 1)[fid]
    changes = [DraftChange(fid=fid, operation="add", after=last, base_rev=head)] if last else []
    return _submitted(desk, account, layer_id, changes, note=f"恢复已删除的要素 {fid}")


def _submitted(desk: Desk, account: Account, layer_id: str, changes: Sequence[DraftChange], *, note: str) -> Draft:
    if not changes:
        raise EmptyDraft(draft=layer_id, action="回退", verb="roll back")
    draft = create_draft(desk, account, layer_id, changes, mode="rollback", note=note)
    return take_step(desk, account, draft.id, "submit")
