"""From a draft to a revision and back: four eyes, merges, conflicts, areas, undo of an undo."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from geo_service.core.access import Account, Grant
from geo_service.core.drafts import DraftChange
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition, Policy
from geo_service.core.text import Text
from geo_service.errors import (
    AccessDenied,
    InvalidEdit,
    StaleRevision,
    UndecidedChanges,
    UnresolvedConflicts,
    WrongState,
)
from geo_service.storage.audit import Audit
from geo_service.storage.drafts import Drafts
from geo_service.storage.store import open_store
from geo_service.usecases import review, undoing
from geo_service.usecases.review import Desk

NOW = datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC)
EDITOR = Account(name="li", display="李工", grants=(Grant("editor"),))
OTHER = Account(name="zhao", display="赵工", grants=(Grant("editor"),))
REVIEWER = Account(name="wang", display="王科", grants=(Grant("reviewer"),))
STREET = Account(name="sun", display="街道", grants=(Grant("editor", "schools", "万兴街道"),))
ADMIN = Account(name="admin", display="管理员", grants=(Grant("admin"),))
LAYER = LayerDefinition(
    id="schools",
    title=Text("学校", "Schools"),
    theme="public",
    geometry_types=("Point",),
    serial="XX",
    symbol="school",
    source="test",
    policy=Policy(four_eyes=True),
)


def school(number: int, *, x: float = 117.15, **properties: Any) -> Feature:
    fid = f"NK-XX-{number:03}"
    base = {"name": f"学校{number}", "precision": "guess", "source": "测试", "subdistrict": "万兴街道"}
    return Feature(fid, base | properties, {"type": "Point", "coordinates": [x, 39.12]})


def modify(feature: Feature, base_rev: int = 1) -> DraftChange:
    return DraftChange(fid=feature.id, operation="modify", after=feature, base_rev=base_rev)


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    store = open_store(database_url, tmp_path, lambda: NOW)
    seed = [school(1), school(2), school(3, subdistrict="学府街道")]
    store.create_layer(LAYER, seed, author="seed", note="首次导入")
    yield Desk(store, Drafts(store.database, lambda: NOW), Audit(store.database, lambda: NOW))
    store.close()


def submitted(desk: Desk, *changes: DraftChange, owner: Account = EDITOR) -> str:
    draft = review.create_draft(desk, owner, "schools", changes, mode="edit", note="更新", base_rev=1)
    review.take_step(desk, owner, draft.id, "submit")
    return draft.id


def accept_all(desk: Desk, draft_id: str) -> None:
    desk.drafts.decide(draft_id, [c.fid for c in desk.drafts.changes(draft_id)], "accept")


def head(desk: Desk) -> int:
    return desk.store.layer("schools").revision.rev


def publish(desk: Desk, draft_id: str, who: Account = REVIEWER) -> Any:
    accept_all(desk, draft_id)
    return review.publish(desk, who, draft_id, seen_head=head(desk))


def test_an_accepted_change_becomes_a_revision_with_author_and_approver(desk: Desk) -> None:
    revision = publish(desk, submitted(desk, modify(school(1, status="started"))))
    assert (revision.rev, revision.author, revision.approver, revision.modified) == (2, "li", "wang", 1)
    assert desk.store.feature("schools", "NK-XX-001").properties["status"] == "started"
    assert desk.store.feature("schools", "NK-XX-001", 1).properties.get("status") is None
    assert desk.audit.verify().broken is None


def test_only_accepted_changes_are_published(desk: Desk) -> None:
    draft_id = submitted(desk, modify(school(1, name="甲")), modify(school(2, name="乙")))
    desk.drafts.decide(draft_id, ["NK-XX-001"], "accept")
    with pytest.raises(UndecidedChanges):
        review.publish(desk, REVIEWER, draft_id, seen_head=1)
    desk.drafts.decide(draft_id, ["NK-XX-002"], "reject")
    review.publish(desk, REVIEWER, draft_id, seen_head=1)
    assert [f.name for f in desk.store.snapshot("schools").features] == ["甲", "学校2", "学校3"]


def test_two_editors_of_different_fields_both_survive(desk: Desk) -> None:
    first = submitted(desk, modify(school(1, name="新名")))
    second = submitted(desk, modify(school(1, x=117.2)), owner=OTHER)
    publish(desk, first)
    publish(desk, second)
    feature = desk.store.feature("schools", "NK-XX-001")
    assert feature.name == "新名"
    assert feature.geometry == {"type": "Point", "coordinates": [117.2, 39.12]}


@pytest.mark.parametrize(("side", "name"), [("theirs", "先到"), ("mine", "后到")])
def test_the_same_field_needs_a_decision(desk: Desk, side: Any, name: str) -> None:
    first = submitted(desk, modify(school(1, name="先到")))
    second = submitted(desk, modify(school(1, name="后到")), owner=OTHER)
    publish(desk, first)
    with pytest.raises(UnresolvedConflicts):
        publish(desk, second)
    (view,) = review.views(desk, desk.drafts.get(second))
    (clash,) = view.merge.clashes
    assert (clash.field, clash.base, clash.theirs, clash.mine) == ("name", "学校1", "先到", "后到")
    review.settle(desk, REVIEWER, second, "NK-XX-001", {"name": side})
    review.publish(desk, REVIEWER, second, seen_head=head(desk))
    assert desk.store.feature("schools", "NK-XX-001").name == name


def test_a_reviewer_who_looked_at_an_older_state_is_told(desk: Desk) -> None:
    first, second = submitted(desk, modify(school(1, name="甲"))), submitted(desk, modify(school(2, name="乙")))
    publish(desk, first)
    accept_all(desk, second)
    with pytest.raises(StaleRevision):
        review.publish(desk, REVIEWER, second, seen_head=1)


def test_nobody_publishes_their_own_draft_on_a_four_eyes_layer(desk: Desk) -> None:
    draft_id = submitted(desk, modify(school(1, name="甲")), owner=ADMIN)
    accept_all(desk, draft_id)
    with pytest.raises(AccessDenied):
        review.publish(desk, ADMIN, draft_id, seen_head=1)
    with pytest.raises(AccessDenied):
        review.publish(desk, EDITOR, draft_id, seen_head=1)
    assert review.publish(desk, REVIEWER, draft_id, seen_head=1).rev == 2


def test_a_street_editor_stays_inside_the_street(desk: Desk) -> None:
    review.create_draft(desk, STREET, "schools", [modify(school(1, name="甲"))], mode="edit", note="")
    elsewhere = [
        modify(school(3, name="越界", subdistrict="学府街道")),
        modify(school(3, name="改写所属街道")),
        modify(school(1, subdistrict="学府街道")),
        DraftChange(fid="NK-XX-003", operation="delete", after=None, base_rev=1),
    ]
    for change in elsewhere:
        with pytest.raises(AccessDenied):
            review.create_draft(desk, STREET, "schools", [change], mode="edit", note="")


def test_an_edit_that_does_not_fit_the_layer_is_refused_in_words(desk: Desk) -> None:
    draft = review.create_draft(desk, EDITOR, "schools", [], mode="edit", note="")
    with pytest.raises(InvalidEdit, match="half"):
        review.put_change(desk, EDITOR, draft.id, modify(school(1, status="half")))
    with pytest.raises(AccessDenied):
        review.put_change(desk, OTHER, draft.id, modify(school(1, name="甲")))


def test_rolling_back_is_a_new_revision_and_can_be_rolled_back(desk: Desk) -> None:
    removal = DraftChange(fid="NK-XX-002", operation="delete", after=None, base_rev=1)
    publish(desk, submitted(desk, modify(school(1, name="甲")), removal))
    changed = desk.store.snapshot("schools").features
    undone = publish(desk, undoing.roll_back(desk, EDITOR, "schools", to_rev=1).id)
    assert (undone.rev, undone.kind) == (3, "rollback")
    assert desk.store.snapshot("schools").features == desk.store.snapshot("schools", 1).features
    publish(desk, undoing.roll_back(desk, EDITOR, "schools", to_rev=2).id)
    assert desk.store.snapshot("schools").features == changed


def test_publishing_twice_or_after_withdrawal_is_refused(desk: Desk) -> None:
    draft_id = submitted(desk, modify(school(1, name="甲")))
    publish(desk, draft_id)
    with pytest.raises(WrongState):
        publish(desk, draft_id)
    other = submitted(desk, modify(school(2, name="乙")))
    review.take_step(desk, EDITOR, other, "withdraw")
    with pytest.raises(WrongState):
        publish(desk, other)


def test_a_draft_that_was_published_but_not_closed_makes_no_second_revision(desk: Desk) -> None:
    """As after a crash between the commit and the closing of the draft."""
    draft_id = submitted(desk, modify(school(1, name="甲")))
    desk.store.commit(
        "schools", {"NK-XX-001": school(1, name="甲")}, base=1, kind="edit", author="li", note="", draft=draft_id
    )
    accept_all(desk, draft_id)
    assert review.publish(desk, REVIEWER, draft_id, seen_head=2).rev == 2
    assert desk.drafts.get(draft_id).state == "published"
