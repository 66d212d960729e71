"""Drafts become revisions: make, submit, compare, decide, publish, roll back, undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from geo_service.core.access import Account, may_edit, may_review
from geo_service.core.drafts import Draft, DraftChange, DraftMode
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.merge import Merge, Side, merge_feature, resolve
from geo_service.core.revisions import Operation, Revision, RevisionKind, changed_fields
from geo_service.core.validation import Finding, check_feature
from geo_service.errors import (
    AccessDenied,
    EditConflict,
    FeatureNotFound,
    InvalidEdit,
    StaleRevision,
    UndecidedChanges,
    UnresolvedConflicts,
)
from geo_service.storage.audit import Audit
from geo_service.storage.drafts import Drafts
from geo_service.storage.store import LayerStore

RETRIES = 5


@dataclass(frozen=True, slots=True)
class Desk:
    """What reviewing works with."""

    store: LayerStore
    drafts: Drafts
    audit: Audit


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change as a reviewer sees it: ``before`` at the draft's base, ``now`` at the head, ``merge`` of both sides;
    ``fields`` are the keys that would change against the head."""

    change: DraftChange
    before: Feature | None
    now: Feature | None
    merge: Merge
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call the feature."""
        known = self.change.after or self.now or self.before
        return known.name if known else self.change.fid

    @property
    def is_settled(self) -> bool:
        """Whether nothing would change: the head already is what the draft wants."""
        return not self.merge.clashes and not self.fields


def create_draft(
    desk: Desk,
    account: Account,
    layer_id: str,
    changes: Sequence[DraftChange],
    *,
    mode: DraftMode,
    note: str,
    base_rev: int | None = None,
    upload: str = "",
    report: Mapping[str, object] | None = None,
) -> Draft:
    """A new draft of an account that may edit all these features.

    Raises
    ------
    AccessDenied
        The account may not edit the layer, or a feature outside its subdistrict.
    """
    state = desk.store.layer(layer_id)
    base = state.revision.rev if base_rev is None else base_rev
    _require_edit(desk, account, state.definition, changes)
    draft = desk.drafts.create(
        layer=layer_id,
        base_rev=base,
        owner=account.name,
        mode=mode,
        note=note,
        changes=changes,
        upload=upload,
        report=report,
    )
    desk.audit.record(
        actor=account.name, action="draft-create", target=draft.id, layer=layer_id, mode=mode, changes=len(changes)
    )
    return draft


def put_change(desk: Desk, account: Account, draft_id: str, change: DraftChange) -> None:
    """Add a change to one's own open draft.

    Raises
    ------
    AccessDenied, WrongState
        Not the owner, not allowed to edit this feature, or the draft is under review.
    InvalidEdit
        The feature does not fit its layer; the findings say where.
    """
    draft = own_draft(desk, account, draft_id)
    definition = desk.store.layer(draft.layer).definition
    _require_edit(desk, account, definition, [change])
    if change.after is not None:
        findings = [f for f in check_feature(definition, change.after) if f.level == "block"]
        if findings:
            raise InvalidEdit(reason=_sentences(findings), findings=findings)
    desk.drafts.put(draft_id, change)


def own_draft(desk: Desk, account: Account, draft_id: str) -> Draft:
    """A draft the account owns (administrators own all).

    Raises
    ------
    DraftNotFound, AccessDenied
        There is none, or it is somebody else's.
    """
    draft = desk.drafts.get(draft_id)
    if draft.owner != account.name and not account.is_admin:
        raise AccessDenied(action="修改他人的变更单 / change somebody else's draft")
    return draft


def take_step(desk: Desk, account: Account, draft_id: str, step: str, *, note: str | None = None) -> Draft:
    """Submit, withdraw, reopen (the owner), return or reject (a reviewer); every step is logged."""
    draft = desk.drafts.get(draft_id)
    if step in ("submit", "withdraw", "reopen"):
        own_draft(desk, account, draft_id)
    else:
        require_review(desk, account, draft, desk.drafts.changes(draft_id))
    done = desk.drafts.step(draft_id, step, note=note)
    desk.audit.record(actor=account.name, action=f"draft-{step}", target=draft_id, layer=draft.layer)
    return done


def views(desk: Desk, draft: Draft) -> tuple[ChangeView, ...]:
    """Every change of a draft with both sides and what a merge gives."""
    return tuple(_view(desk, draft, change) for change in desk.drafts.changes(draft.id))


def _view(desk: Desk, draft: Draft, change: DraftChange) -> ChangeView:
    before = _feature(desk.store, draft.layer, change.fid, change.base_rev)
    now = _feature(desk.store, draft.layer, change.fid, None)
    merge = merge_feature(before, now, change.after)
    return ChangeView(change, before, now, merge, _fields(now, merge.feature))


def _fields(now: Feature | None, then: Feature | None) -> tuple[str, ...]:
    if now is None and then is None:
        return ()
    if now is None or then is None:
        return ("existence",)
    return changed_fields(now, then)


def _feature(store: LayerStore, layer_id: str, fid: str, rev: int | None) -> Feature | None:
    try:
        return store.feature(layer_id, fid, rev) if rev != 0 else None
    except FeatureNotFound:
        return None


def settle(desk: Desk, account: Account, draft_id: str, fid: str, choices: Mapping[str, Side]) -> None:
    """Decide a conflict: the change is put on the present head with the chosen side of every clash."""
    draft = desk.drafts.get(draft_id)
    change = next((c for c in desk.drafts.changes(draft_id) if c.fid == fid), None)
    if change is None:
        raise FeatureNotFound(layer=draft.layer, fid=fid)
    require_review(desk, account, draft, [change])
    view = _view(desk, draft, change)
    after = resolve(view.merge, change.after, choices)
    head = desk.store.layer(draft.layer).revision.rev
    operation: Operation = "delete" if after is None else "add" if view.now is None else "modify"
    settled = DraftChange(
        fid=fid, operation=operation, after=after, base_rev=head, decision="accept", comment=change.comment
    )
    desk.drafts.resolve(draft_id, settled)
    desk.audit.record(actor=account.name, action="draft-settle", target=draft_id, fid=fid, choices=dict(choices))


def publish(desk: Desk, account: Account, draft_id: str, *, seen_head: int) -> Revision:
    """The revision made of the accepted changes of a submitted draft, merged onto the present head.

    Raises
    ------
    AccessDenied
        No reviewer of these features, or the author on a four-eyes layer.
    StaleRevision
        The layer moved on since the reviewer looked (``seen_head``).
    UndecidedChanges, UnresolvedConflicts
        Something is neither accepted nor rejected, or clashes with somebody else's change.
    """
    draft = desk.drafts.get(draft_id)
    changes = desk.drafts.changes(draft_id)
    require_review(desk, account, draft, changes)
    undecided = [c.fid for c in changes if not c.decision]
    if undecided:
        raise UndecidedChanges(count=len(undecided), first=undecided[0])
    accepted = [c for c in changes if c.decision == "accept"]
    for _ in range(RETRIES):
        head = desk.store.layer(draft.layer).revision.rev
        if seen_head != head:
            raise StaleRevision(base=seen_head, head=head)
        try:
            revision = _commit(desk, account, draft, accepted, head)
        except EditConflict:
            continue
        desk.drafts.step(draft_id, "publish")
        desk.audit.record(
            actor=account.name,
            action="publish",
            target=draft_id,
            layer=draft.layer,
            rev=revision.rev,
            sha256=revision.sha256,
        )
        return revision
    raise StaleRevision(base=seen_head, head=desk.store.layer(draft.layer).revision.rev)


def _commit(desk: Desk, account: Account, draft: Draft, accepted: Iterable[DraftChange], head: int) -> Revision:
    merged = {c.fid: _view(desk, draft, c).merge for c in accepted}
    clashing = [fid for fid, merge in merged.items() if merge.clashes]
    if clashing:
        raise UnresolvedConflicts(count=len(clashing), first=clashing[0])
    kinds: dict[str, RevisionKind] = {"edit": "edit", "external": "external", "rollback": "rollback"}
    return desk.store.commit(
        draft.layer,
        {fid: merge.feature for fid, merge in merged.items()},
        base=head,
        kind=kinds.get(draft.mode, "upload"),
        author=draft.owner,
        approver=account.name,
        note=draft.note,
        draft=draft.id,
    )


def commit_directly(desk: Desk, account: Account, layer_id: str, change: DraftChange) -> Revision:
    """One change published at once, on layers without four eyes, by a reviewer.

    Raises
    ------
    AccessDenied
        No reviewer of this feature, or the layer is reviewed by four eyes.
    """
    definition = desk.store.layer(layer_id).definition
    touched = _touched(desk, layer_id, [change])
    if definition.policy.four_eyes or not may_review(account, definition, *touched):
        raise AccessDenied(action=f"直接修改 {definition.title.zh} / change {definition.title.en} directly")
    revision = desk.store.commit(
        layer_id, {change.fid: change.after}, base=change.base_rev, kind="edit", author=account.name, note="OGC API"
    )
    desk.audit.record(actor=account.name, action="edit", target=change.fid, layer=layer_id, rev=revision.rev)
    return revision


def roll_back(desk: Desk, account: Account, layer_id: str, *, to_rev: int, note: str = "") -> Draft:
    """A submitted draft that leads back to an earlier revision; published like any other, so it can be undone too."""
    head = desk.store.layer(layer_id).revision.rev
    changes = [
        DraftChange(fid=c.fid, operation=c.operation, after=c.after, base_rev=head)
        for c in desk.store.difference(layer_id, head, to_rev)
    ]
    draft = create_draft(
        desk, account, layer_id, changes, mode="rollback", note=note or f"回退至版本 {to_rev}", base_rev=head
    )
    return take_step(desk, account, draft.id, "submit")


def _require_edit(desk: Desk, account: Account, definition: LayerDefinition, changes: Iterable[DraftChange]) -> None:
    touched = _touched(desk, definition.id, changes)
    if not may_edit(account, definition, *touched):
        raise AccessDenied(action=f"编辑 {definition.title.zh} / edit {definition.title.en}")


def require_review(desk: Desk, account: Account, draft: Draft, changes: Iterable[DraftChange]) -> None:
    """Nothing where the account may publish these changes.

    Raises
    ------
    AccessDenied
        No reviewer of these features, or the author on a four-eyes layer.
    """
    definition = desk.store.layer(draft.layer).definition
    touched = _touched(desk, draft.layer, changes)
    if not may_review(account, definition, *touched, author=draft.owner):
        own = draft.owner == account.name and definition.policy.four_eyes
        action = (
            "审核自己的变更单 / review your own draft"
            if own
            else f"审核 {definition.title.zh} / review {definition.title.en}"
        )
        raise AccessDenied(action=action)


def _touched(desk: Desk, layer_id: str, changes: Iterable[DraftChange]) -> list[Feature]:
    """Every state of the features a draft touches: as they are, and as they would be."""
    known = (f for c in changes for f in (c.after, _feature(desk.store, layer_id, c.fid, None)))
    return [f for f in known if f is not None]


def _sentences(findings: Iterable[Finding]) -> str:
    return "；".join(f.sentence("zh") for f in findings)
