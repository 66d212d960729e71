"""Drafts: what may happen to them, and that nothing in them is lost."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from geo_service.core.drafts import STEPS, DraftChange
from geo_service.core.features import Feature
from geo_service.errors import DraftNotFound, NotFound, WrongState
from geo_service.storage.drafts import Drafts, Upload
from geo_service.storage.engine import open_database

NOW = datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC)
POINT = {"type": "Point", "coordinates": [117.1, 39.1]}


def change(number: int, name: str = "甲") -> DraftChange:
    fid = f"NK-XX-{number:03}"
    return DraftChange(fid=fid, operation="modify", after=Feature(fid, {"name": name}, POINT), base_rev=1)


@pytest.fixture
def drafts(database_url: str) -> Iterator[Drafts]:
    database = open_database(database_url)
    yield Drafts(database, lambda: NOW)
    database.close()


def make(drafts: Drafts, count: int = 3) -> str:
    changes = [change(i) for i in range(count)]
    return drafts.create(
        layer="schools", base_rev=1, owner="li", mode="upsert", note="六月更新", changes=changes, report={"warn": 2}
    ).id


def test_a_draft_comes_back_whole(drafts: Drafts) -> None:
    draft_id = make(drafts, 1200)
    draft = drafts.get(draft_id)
    assert (draft.state, draft.note, draft.report) == ("open", "六月更新", {"warn": 2})
    assert len(drafts.changes(draft_id)) == 1200
    assert drafts.counts(draft_id) == {"modify": 1200}
    assert drafts.changes(draft_id)[7] == change(7)


def test_a_draft_never_gets_the_id_of_another(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = iter(["6178be", "6178be", "6178be", "07aa31"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(chance))
    assert [make(drafts, 0), make(drafts, 0)] == ["D261124-6178be", "D261124-07aa31"]


def test_a_deletion_has_no_after(drafts: Drafts) -> None:
    gone = DraftChange(fid="NK-XX-009", operation="delete", after=None, base_rev=1)
    draft_id = make(drafts)
    drafts.put(draft_id, gone)
    assert drafts.changes(draft_id)[-1] == gone


def test_a_second_change_of_a_feature_replaces_the_first(drafts: Drafts) -> None:
    draft_id = make(drafts)
    drafts.put(draft_id, change(1, "乙"))
    drafts.drop(draft_id, "NK-XX-002")
    assert [c.after.properties["name"] for c in drafts.changes(draft_id) if c.after] == ["甲", "乙"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_taken_only_from_its_own_states(drafts: Drafts, step: str) -> None:
    allowed, target, _ = STEPS[step]
    for start in ("open", "submitted", "published"):
        draft_id = make(drafts)
        for earlier in {"open": [], "submitted": ["submit"], "published": ["submit", "publish"]}[start]:
            drafts.step(draft_id, earlier)
        if start in allowed:
            assert drafts.step(draft_id, step).state == target
        else:
            with pytest.raises(WrongState):
                drafts.step(draft_id, step)


def test_a_submitted_draft_is_reviewed_not_edited(drafts: Drafts) -> None:
    draft_id = make(drafts)
    with pytest.raises(WrongState):
        drafts.decide(draft_id, ["NK-XX-000"], "accept")
    drafts.step(draft_id, "submit")
    with pytest.raises(WrongState):
        drafts.put(draft_id, change(1))
    drafts.decide(draft_id, ["NK-XX-000", "NK-XX-002"], "accept")
    drafts.decide(draft_id, ["NK-XX-001"], "reject")
    assert [c.decision for c in drafts.changes(draft_id)] == ["accept", "reject", "accept"]


def test_drafts_are_found_by_state_layer_and_owner(drafts: Drafts) -> None:
    first, second = make(drafts), make(drafts)
    drafts.step(second, "submit")
    assert {d.id for d in drafts.find(owner="li")} == {first, second}
    assert [d.id for d in drafts.find(states=["submitted"])] == [second]
    assert drafts.find(layer="roads") == ()


def test_comments_keep_their_order(drafts: Drafts) -> None:
    draft_id = make(drafts)
    drafts.comment(draft_id, author="wang", text="请核对边界", fid="NK-XX-001")
    drafts.comment(draft_id, author="li", text="已核对")
    assert [(c.author, c.fid, c.text) for c in drafts.comments(draft_id)] == [
        ("wang", "NK-XX-001", "请核对边界"),
        ("li", "", "已核对"),
    ]


def test_what_is_not_there_is_named(drafts: Drafts) -> None:
    for ask in (drafts.get, drafts.changes, lambda d: drafts.step(d, "submit")):
        with pytest.raises(DraftNotFound):
            ask("D000000-000000")
    with pytest.raises(NotFound):
        drafts.upload("u1")


def test_an_original_is_kept_on_record(drafts: Drafts) -> None:
    upload = Upload(
        id="u1",
        sha256="0" * 64,
        name="学校.zip",
        size=12,
        format="shapefile",
        encoding="gb18030",
        crs_declared="EPSG:4548",
        crs_used="EPSG:4527",
        kept_path="uploads/00/0",
        by="li",
        at="2026-11-24T08:00:00Z",
    )
    drafts.keep_upload(upload)
    assert drafts.upload("u1") == upload
