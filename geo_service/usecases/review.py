"""Drafts become revisions: make, submit, compare, decide, publish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from geo_service.core.access import Account, may_edit, may_review
from geo_service.core.drafts import Decision, Draft, DraftChange, DraftMode
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.merge import GEOMETRY, Clash, Merge, Side, merge_feature, resolve
from geo_service.core.revisions import Operation, Revision, RevisionKind, changed_fields
from geo_service.core.validation import Finding, check_feature
from geo_service.errors import (
    AccessDenied,
    EditConflict,
    EmptyDraft,
    FeatureNotFound,
    InvalidEdit,
    InvalidParameter,
    StaleRevision,
    UndecidedChanges,
    UnresolvedConflicts,
    WrongState,
)
from geo_service.storage.audit import Audit
from geo_service.storage.draft_pages import change_heads, changes_of, tally
from geo_service.storage.drafts import Drafts
from geo_service.storage.lookup import features_at, touched_since
from geo_service.storage.store import LayerStore

RETRIES = 5
UPDATED = "updated_at"
EVERYWHERE = Feature("", {}, None)
"""In no subdistrict: only who may work in all of them may change it."""


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
    """Add a change to one's own open draft; deleting what only the draft had takes it out of the draft.

    Raises
    ------
    AccessDenied, WrongState
        Not the owner, not allowed to edit this feature, or the draft is under review.
    FeatureNotFound
        The change deletes what is not there.
    InvalidEdit
        The feature does not fit its layer; the findings say where.
    """
    draft = own_draft(desk, account, draft_id)
    definition = desk.store.layer(draft.layer).definition
    _require_edit(desk, account, definition, [change])
    if change.after is None and not features_at(desk.store, draft.layer, [change.fid], change.base_rev):
        if not changes_of(desk.store.database, draft_id, [change.fid]):
            raise FeatureNotFound(layer=draft.layer, fid=change.fid)
        desk.drafts.drop(draft_id, change.fid)
        return
    _require_valid(definition, [change.after])
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


def set_note(desk: Desk, account: Account, draft_id: str, note: str) -> Draft:
    """One's own draft with another note; raises as :func:`put_change`."""
    own_draft(desk, account, draft_id)
    return desk.drafts.set_note(draft_id, note)


def take_step(desk: Desk, account: Account, draft_id: str, step: str, *, note: str | None = None) -> Draft:
    """Submit, withdraw, reopen (the owner), return or reject (a reviewer); every step is logged.

    Raises
    ------
    AccessDenied, WrongState
        Not this account's step, or not from the draft's present state.
    EmptyDraft
        A draft without changes was to be submitted.
    """
    draft = desk.drafts.get(draft_id)
    if step in ("submit", "withdraw", "reopen"):
        own_draft(desk, account, draft_id)
    else:
        _require_review_of_all(desk, account, draft)
    if step == "submit" and not tally(desk.store.database, draft_id).total:
        raise EmptyDraft(draft=draft_id, action="提交", verb="submit")
    done = desk.drafts.step(draft_id, step, note=note)
    desk.audit.record(actor=account.name, action=f"draft-{step}", target=draft_id, layer=draft.layer)
    return done


def decide(desk: Desk, account: Account, draft_id: str, fids: Iterable[str], decision: Decision) -> int:
    """How many changes of a submitted draft were accepted, rejected or left open again.

    Raises
    ------
    AccessDenied, WrongState
        No reviewer of these features, or the draft is not under review.
    """
    draft = desk.drafts.get(draft_id)
    wanted = tuple(fids)
    if not _everywhere(desk, account, draft):
        require_review(desk, account, draft, changes_of(desk.store.database, draft_id, wanted))
    desk.drafts.decide(draft_id, wanted, decision)
    return len(wanted)


def views(desk: Desk, draft: Draft, changes: Sequence[DraftChange] | None = None) -> tuple[ChangeView, ...]:
    """Changes of a draft (all by default) with both sides and what a merge gives."""
    rows = desk.drafts.changes(draft.id) if changes is None else changes
    definition = desk.store.layer(draft.layer).definition
    now = features_at(desk.store, draft.layer, [c.fid for c in rows])
    before = _before(desk.store, draft.layer, rows)
    return tuple(_view(definition, c, before.get(c.fid), now.get(c.fid)) for c in rows)


def _before(store: LayerStore, layer_id: str, changes: Iterable[DraftChange]) -> dict[str, Feature]:
    """Each feature as its author saw it, by id."""
    by_base: dict[int, list[str]] = defaultdict(list)
    for change in changes:
        by_base[change.base_rev].append(change.fid)
    return {
        fid: feature
        for rev, fids in by_base.items()
        if rev > 0
        for fid, feature in features_at(store, layer_id, fids, rev).items()
    }


def _view(definition: LayerDefinition, change: DraftChange, before: Feature | None, now: Feature | None) -> ChangeView:
    merge = merge_feature(before, now, change.after)
    if merge.clashes and now and change.after:
        merge = _without_followers(definition, merge, now, change.after)
    return ChangeView(change, before, now, merge, _fields(now, merge.feature))


def _without_followers(definition: LayerDefinition, merge: Merge, theirs: Feature, mine: Feature) -> Merge:
    """The merge without clashes nobody has to decide: derived fields follow the geometry, the later date of update
    stands."""
    followers = [c for c in merge.clashes if _follows(definition, c.field)]
    feature = merge.feature
    if feature is None or not followers:
        return merge
    shaped = mine if feature.geometry == mine.geometry != theirs.geometry else theirs
    values = {c.field: _later(c) if c.field == UPDATED else shaped.properties.get(c.field) for c in followers}
    rest = tuple(c for c in merge.clashes if c not in followers)
    return Merge(Feature(feature.id, {**feature.properties, **values}, feature.geometry), rest)


def _follows(definition: LayerDefinition, key: str) -> bool:
    item = definition.field(key)
    return key == UPDATED or (item is not None and item.derived)


def _later(clash: Clash) -> str:
    return max(str(clash.theirs or ""), str(clash.mine or ""))


def _fields(now: Feature | None, then: Feature | None) -> tuple[str, ...]:
    if now is None and then is None:
        return ()
    if now is None or then is None:
        return ("existence",)
    return changed_fields(now, then)


def clashing(desk: Desk, draft: Draft) -> tuple[str, ...]:
    """Ids of the changes that clash with what others published since, rejected ones left out."""
    heads = [h for h in change_heads(desk.store.database, draft.id) if h.decision != "reject"]
    by_base: dict[int, list[str]] = defaultdict(list)
    for head in heads:
        by_base[head.base_rev].append(head.fid)
    moved = [f for rev, fids in by_base.items() for f in touched_since(desk.store, draft.layer, fids, rev)]
    changes = changes_of(desk.store.database, draft.id, moved)
    return tuple(v.change.fid for v in views(desk, draft, changes) if v.merge.clashes)


def settle(desk: Desk, account: Account, draft_id: str, fid: str, choices: Mapping[str, Side]) -> None:
    """Decide a conflict: the change is put on the present head with the chosen side of every clash.

    Raises
    ------
    AccessDenied, FeatureNotFound
        No reviewer of this feature, or the draft does not change it.
    InvalidParameter
        A clash for which no side is named.
    """
    draft = desk.drafts.get(draft_id)
    found = changes_of(desk.store.database, draft_id, [fid])
    if not found:
        raise FeatureNotFound(layer=draft.layer, fid=fid)
    require_review(desk, account, draft, found)
    (view,) = views(desk, draft, found)
    missing = sorted({c.field for c in view.merge.clashes} - choices.keys())
    if missing:
        raise InvalidParameter(name="choices", value=", ".join(missing), reason="须选择一方 / choose a side")
    settled = _settled(desk, draft, view, choices)
    desk.drafts.resolve(draft_id, settled)
    desk.audit.record(actor=account.name, action="draft-settle", target=draft_id, fid=fid, choices=dict(choices))


def _settled(desk: Desk, draft: Draft, view: ChangeView, choices: Mapping[str, Side]) -> DraftChange:
    state = desk.store.layer(draft.layer)
    after = resolve(view.merge, view.change.after, choices)
    if after and view.change.after and choices.get(GEOMETRY) == "mine":
        derived = [f.key for f in state.definition.all_fields if f.derived]
        mine = view.change.after.properties
        after = Feature(after.id, {**after.properties, **{k: mine[k] for k in derived if k in mine}}, after.geometry)
    _require_valid(state.definition, [after])
    operation: Operation = "delete" if after is None else "add" if view.now is None else "modify"
    return DraftChange(
        fid=view.change.fid,
        operation=operation,
        after=after,
        base_rev=state.revision.rev,
        decision="accept",
        comment=view.change.comment,
    )


def publish(desk: Desk, account: Account, draft_id: str, *, seen_head: int) -> Revision:
    """The revision made of the accepted changes of a submitted draft, merged onto the present head.

    Raises
    ------
    AccessDenied
        No reviewer of these features, or the author on a four-eyes layer.
    StaleRevision
        The layer moved on since the reviewer looked (``seen_head``).
    UndecidedChanges, UnresolvedConflicts, EmptyDraft
        Something is neither accepted nor rejected, or clashes with somebody else's change, or all is rejected.
    InvalidEdit
        Two changes that are fine alone make a feature that does not fit its layer.
    """
    draft = desk.drafts.get(draft_id)
    _require_review_of_all(desk, account, draft)
    changes = desk.drafts.changes(draft_id)
    accepted = _accepted(draft, changes)
    for _ in range(RETRIES):
        head = desk.store.layer(draft.layer).revision.rev
        if seen_head != head:
            raise StaleRevision(base=seen_head, head=head)
        try:
            revision = _commit(desk, account, draft, accepted, head)
        except EditConflict:
            continue
        _close(desk, draft, revision, account.name)
        return revision
    raise StaleRevision(base=seen_head, head=desk.store.layer(draft.layer).revision.rev)


def _close(desk: Desk, draft: Draft, revision: Revision, approver: str) -> None:
    with suppress(WrongState):  # a process that starts just now may have been quicker
        desk.drafts.step(draft.id, "publish")
    desk.audit.record(
        actor=approver,
        action="publish",
        target=draft.id,
        layer=draft.layer,
        rev=revision.rev,
        sha256=revision.sha256,
    )


def close_committed(desk: Desk) -> tuple[Draft, ...]:
    """Drafts whose revision is there although the service died before it could note so; they are noted now."""
    submitted = desk.drafts.find(states=("submitted",))
    made = {r.draft: r for layer_id in {d.layer for d in submitted} for r in desk.store.revisions(layer_id) if r.draft}
    closed = tuple(draft for draft in submitted if draft.id in made)
    for draft in closed:
        _close(desk, draft, made[draft.id], made[draft.id].approver)
    return closed


def _accepted(draft: Draft, changes: Sequence[DraftChange]) -> list[DraftChange]:
    undecided = [c.fid for c in changes if not c.decision]
    if undecided:
        raise UndecidedChanges(count=len(undecided), first=undecided[0])
    accepted = [c for c in changes if c.decision == "accept"]
    if not accepted:
        raise EmptyDraft(draft=draft.id, action="发布", verb="publish")
    return accepted


def _commit(desk: Desk, account: Account, draft: Draft, accepted: Sequence[DraftChange], head: int) -> Revision:
    seen = views(desk, draft, accepted)
    clashes = [v.change.fid for v in seen if v.merge.clashes]
    if clashes:
        raise UnresolvedConflicts(count=len(clashes), first=clashes[0])
    mixed = [v.merge.feature for v in seen if v.merge.feature not in (v.change.after, v.now)]
    _require_valid(desk.store.layer(draft.layer).definition, mixed)
    kinds: dict[str, RevisionKind] = {"edit": "edit", "external": "external", "rollback": "rollback"}
    return desk.store.commit(
        draft.layer,
        {v.change.fid: v.merge.feature for v in seen},
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


# ---- who may


def _require_edit(desk: Desk, account: Account, definition: LayerDefinition, changes: Iterable[DraftChange]) -> None:
    if may_edit(account, definition, EVERYWHERE):
        return
    touched = _touched(desk, definition.id, tuple(changes))
    if not may_edit(account, definition, *touched):
        raise AccessDenied(action=f"编辑 {definition.title.zh} / edit {definition.title.en}")


def require_review(desk: Desk, account: Account, draft: Draft, changes: Iterable[DraftChange]) -> None:
    """Nothing where the account may publish these changes.

    Raises
    ------
    AccessDenied
        No reviewer of these features, or the author on a four-eyes layer.
    """
    if _everywhere(desk, account, draft):
        return
    definition = desk.store.layer(draft.layer).definition
    touched = _touched(desk, draft.layer, tuple(changes))
    if not may_review(account, definition, *touched, author=draft.owner):
        own = draft.owner == account.name and definition.policy.four_eyes
        action = (
            "审核自己的变更单 / review your own draft"
            if own
            else f"审核 {definition.title.zh} / review {definition.title.en}"
        )
        raise AccessDenied(action=action)


def _require_review_of_all(desk: Desk, account: Account, draft: Draft) -> None:
    if not _everywhere(desk, account, draft):
        require_review(desk, account, draft, desk.drafts.changes(draft.id))


def _everywhere(desk: Desk, account: Account, draft: Draft) -> bool:
    """Whether the account reviews the whole layer, so that no feature needs to be looked at."""
    definition = desk.store.layer(draft.layer).definition
    return may_review(account, definition, EVERYWHERE, author=draft.owner)


def _touched(desk: Desk, layer_id: str, changes: Sequence[DraftChange]) -> list[Feature]:
    """Every state of the features a draft touches: as they are, and as they would be."""
    now = features_at(desk.store, layer_id, [c.fid for c in changes])
    return [f for c in changes for f in (c.after, now.get(c.fid)) if f is not None]


def _require_valid(definition: LayerDefinition, features: Iterable[Feature | None]) -> None:
    found = [f for feature in features if feature is not None for f in check_feature(definition, feature)]
    findings = [f for f in found if f.level == "block"]
    if findings:
        raise InvalidEdit(findings=findings)


def _sentences(findings: Iterable[Finding]) -> str:
    return "；".join(f.sentence("zh") for f in findings)
