"""What every store does, whatever database it stands on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from geo_service.core.features import Feature
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.errors import (
    Conflict,
    EditConflict,
    FeatureNotFound,
    LayerNotFound,
    RevisionNotFound,
    StorageFault,
)
from geo_service.storage import store as store_module
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, ids, point, unlocated


def edit(store: LayerStore, changes: Mapping[str, Feature | None], *, base: int | None = None) -> Revision:
    rev = store.layer("schools").revision.rev if base is None else base
    return store.commit("schools", changes, base=rev, kind="edit", author="李工", note="改")


@pytest.fixture
def schools(store: LayerStore) -> LayerStore:
    store.create_layer(definition(), [point(2), point(1), unlocated(3)], author="geo_service", note="首次导入")
    return store


def test_a_new_store_has_no_layers(store: LayerStore) -> None:
    assert store.layers() == ()


def test_a_layer_is_created_as_revision_1(schools: LayerStore) -> None:
    state = schools.layer("schools")
    assert state.definition == definition()
    assert state.count == 3
    assert state.revision.rev == 1
    assert state.revision.kind == "seed"
    assert state.revision.added == 3
    assert state.revision.at == "2025-03-01T08:00:01Z"


def test_features_come_sorted_by_id_with_null_geometries(schools: LayerStore) -> None:
    snapshot = schools.snapshot("schools")
    assert ids(snapshot.features) == ["NK-SCH-001", "NK-SCH-002", "NK-SCH-003"]
    assert snapshot.features[0] == point(1)
    assert snapshot.features[2].geometry is None


def test_ids_are_sorted_by_their_bytes(store: LayerStore) -> None:
    names = ["NK-SCH-10", "NK-SCH-9", "NK-SCH-1", "NK-SCH-100"]
    store.create_layer(definition(), [Feature(n, {}, None) for n in names], author="a", note="")
    assert ids(store.snapshot("schools").features) == sorted(names, key=str.encode)


def test_a_layer_cannot_be_created_twice(schools: LayerStore) -> None:
    with pytest.raises(Conflict):
        schools.create_layer(definition(), [], author="a", note="")


@pytest.mark.parametrize("layer_id", ["../evil", "A", "", "学校", "a/b", "a" * 64])
def test_a_layer_id_that_cannot_be_a_file_name_is_refused(store: LayerStore, layer_id: str) -> None:
    with pytest.raises(StorageFault):
        store.create_layer(definition(layer_id), [], author="a", note="")
    assert store.layers() == ()


def test_two_features_of_one_id_are_refused(store: LayerStore) -> None:
    with pytest.raises(StorageFault):
        store.create_layer(definition(), [point(1), point(1, lon=117.2)], author="a", note="")


def test_an_empty_layer_is_a_layer(store: LayerStore) -> None:
    store.create_layer(definition(), [], author="a", note="")
    assert store.snapshot("schools").features == ()
    assert json.loads(store.published_path("schools").read_bytes())["features"] == []


def test_a_commit_adds_changes_and_deletes(schools: LayerStore) -> None:
    revision = edit(schools, {"NK-SCH-001": point(1, pupils=900), "NK-SCH-002": None, "NK-SCH-004": point(4)})
    assert (revision.rev, revision.parent, revision.kind, revision.author) == (2, 1, "edit", "李工")
    assert (revision.added, revision.modified, revision.deleted) == (1, 1, 1)
    assert ids(schools.snapshot("schools").features) == ["NK-SCH-001", "NK-SCH-003", "NK-SCH-004"]
    assert schools.layer("schools").count == 3
    assert schools.layer("schools").revision == revision


def test_an_old_revision_reads_as_it_was(schools: LayerStore) -> None:
    before = schools.snapshot("schools")
    edit(schools, {"NK-SCH-001": point(1, pupils=900), "NK-SCH-002": None})
    assert schools.snapshot("schools", 1) == before
    assert schools.feature("schools", "NK-SCH-002", 1) == point(2)


def test_a_deleted_feature_is_gone_and_can_be_restored(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-002": None})
    with pytest.raises(FeatureNotFound):
        schools.feature("schools", "NK-SCH-002")
    edit(schools, {"NK-SCH-002": schools.feature("schools", "NK-SCH-002", 1)})
    assert schools.feature("schools", "NK-SCH-002") == point(2)


def test_a_commit_that_changes_nothing_makes_no_revision(schools: LayerStore) -> None:
    same = {"NK-SCH-001": point(1), "NK-SCH-002": point(2, pupils=None), "NK-SCH-999": None}
    assert edit(schools, same) == schools.layer("schools").revision
    assert edit(schools, {}).rev == 1


def test_unchanged_features_do_not_count_as_modified(schools: LayerStore) -> None:
    revision = edit(schools, {"NK-SCH-001": point(1), "NK-SCH-002": point(2, pupils=5)})
    assert (revision.added, revision.modified, revision.deleted) == (0, 1, 0)


def test_edits_of_different_features_do_not_conflict(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-001": point(1, pupils=1)}, base=1)
    revision = edit(schools, {"NK-SCH-002": point(2, pupils=2)}, base=1)
    assert (revision.rev, revision.parent) == (3, 1)


@pytest.mark.parametrize("second", [point(1, pupils=2), None])
@pytest.mark.parametrize("first", [point(1, pupils=1), None])
def test_edits_of_one_feature_conflict(schools: LayerStore, first: Feature | None, second: Feature | None) -> None:
    edit(schools, {"NK-SCH-001": first}, base=1)
    if first == second:
        return
    with pytest.raises(EditConflict) as refused:
        edit(schools, {"NK-SCH-001": second, "NK-SCH-002": None}, base=1)
    assert refused.value.params == {"fid": "NK-SCH-001", "base": 1, "head": 2}
    assert schools.layer("schools").revision.rev == 2
    assert schools.feature("schools", "NK-SCH-002") == point(2)


def test_the_same_edit_twice_is_no_conflict(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-001": point(1, pupils=1)}, base=1)
    assert edit(schools, {"NK-SCH-001": point(1, pupils=1)}, base=1).rev == 2


def test_an_add_of_an_id_that_somebody_added_conflicts(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-009": point(9)}, base=1)
    with pytest.raises(EditConflict):
        edit(schools, {"NK-SCH-009": point(9, pupils=4)}, base=1)


@pytest.mark.parametrize("base", [-1, 2, 99])
def test_a_base_that_is_no_revision_is_refused(schools: LayerStore, base: int) -> None:
    with pytest.raises(RevisionNotFound):
        edit(schools, {"NK-SCH-001": None}, base=base)


def test_a_change_under_another_id_is_refused(schools: LayerStore) -> None:
    with pytest.raises(ValueError, match="NK-SCH-001"):
        edit(schools, {"NK-SCH-001": point(2)})


def test_a_value_json_cannot_hold_is_refused_and_nothing_changes(schools: LayerStore) -> None:
    with pytest.raises(ValueError, match="JSON"):
        edit(schools, {"NK-SCH-001": point(1, pupils=float("nan"))})
    assert schools.layer("schools").revision.rev == 1


def test_hostile_text_comes_back_as_it_was(schools: LayerStore) -> None:
    text = "'; DROP TABLE layer; --\n\u2028\x00</script>{{7*7}} 𠮷"
    edit(schools, {"NK-SCH-001": point(1, name=text)})
    assert schools.feature("schools", "NK-SCH-001").properties["name"] == text
    assert len(list(schools.lines("schools"))) == 3


def test_revisions_come_newest_first(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-001": None})
    edit(schools, {"NK-SCH-002": None})
    assert [r.rev for r in schools.revisions("schools")] == [3, 2, 1]
    assert schools.revision("schools", 2) == schools.revisions("schools")[1]


def test_a_feature_history_names_the_revisions_that_touched_it(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-001": point(1, pupils=1)})
    edit(schools, {"NK-SCH-002": None})
    edit(schools, {"NK-SCH-001": None})
    assert [r.rev for r in schools.feature_history("schools", "NK-SCH-001")] == [4, 2, 1]
    assert [r.rev for r in schools.feature_history("schools", "NK-SCH-002")] == [3, 1]


def test_a_difference_tells_what_happened_between_two_revisions(schools: LayerStore) -> None:
    edit(schools, {"NK-SCH-001": point(1, pupils=1, lon=117.16)})
    edit(schools, {"NK-SCH-002": None, "NK-SCH-004": point(4)})
    edit(schools, {"NK-SCH-004": None})
    changes = schools.difference("schools", 1, 3)
    assert [(c.fid, c.operation) for c in changes] == [
        ("NK-SCH-001", "modify"),
        ("NK-SCH-002", "delete"),
        ("NK-SCH-004", "add"),
    ]
    assert changes[0].fields == ("pupils", "geometry")
    assert [c.fid for c in schools.difference("schools", 1, 4)] == ["NK-SCH-001", "NK-SCH-002"]
    assert [c.operation for c in schools.difference("schools", 4, 3)] == ["add"]


Question = Callable[[LayerStore], Any]


@pytest.mark.parametrize(
    "question",
    [
        lambda s: s.layer("nothing"),
        lambda s: s.snapshot("nothing"),
        lambda s: s.lines("nothing"),
        lambda s: s.feature("nothing", "NK-SCH-001"),
        lambda s: s.revision("nothing", 1),
        lambda s: s.revisions("nothing"),
        lambda s: s.feature_history("nothing", "NK-SCH-001"),
        lambda s: s.difference("nothing", 1, 1),
        lambda s: s.commit("nothing", {}, base=0, kind="edit", author="", note=""),
        lambda s: s.update_definition(definition("nothing"), author="", note=""),
    ],
)
def test_questions_about_an_unknown_layer_are_answered_not_found(schools: LayerStore, question: Question) -> None:
    with pytest.raises(LayerNotFound):
        question(schools)


@pytest.mark.parametrize("rev", [-1, 0, 2, 1 << 40])
def test_questions_about_an_unknown_revision_are_answered_not_found(schools: LayerStore, rev: int) -> None:
    for question in (
        lambda: schools.snapshot("schools", rev),
        lambda: schools.lines("schools", rev),
        lambda: schools.feature("schools", "NK-SCH-001", rev),
        lambda: schools.revision("schools", rev),
        lambda: schools.difference("schools", 1, rev),
        lambda: schools.sha256("schools", rev),
    ):
        with pytest.raises(RevisionNotFound):
            question()


def test_questions_about_an_unknown_feature_are_answered_not_found(schools: LayerStore) -> None:
    with pytest.raises(FeatureNotFound):
        schools.feature("schools", "NK-SCH-777")
    with pytest.raises(FeatureNotFound):
        schools.feature_history("schools", "NK-SCH-777")


def test_a_new_definition_is_a_revision_and_old_ones_stay(schools: LayerStore) -> None:
    renamed = definition(title=Text("中小学", "Schools and more"))
    revision = schools.update_definition(renamed, author="管理员", note="改名")
    assert (revision.rev, revision.added, revision.modified) == (2, 0, 0)
    assert schools.layer("schools").definition == renamed
    assert schools.snapshot("schools", 1).definition == definition()
    assert schools.snapshot("schools").definition == renamed
    assert schools.difference("schools", 1, 2) == ()
    assert schools.update_definition(renamed, author="管理员", note="改名").rev == 2


def test_the_definition_stays_through_later_edits(schools: LayerStore) -> None:
    renamed = definition(title=Text("中小学", "Schools and more"))
    schools.update_definition(renamed, author="a", note="")
    edit(schools, {"NK-SCH-001": None})
    assert schools.definition("schools") == renamed
    assert schools.definition("schools", 1) == definition()


def test_the_published_file_holds_the_head_and_its_hash(schools: LayerStore) -> None:
    revision = edit(schools, {"NK-SCH-001": point(1, pupils=900)})
    data = schools.published_path("schools").read_bytes()
    body = json.loads(data)
    assert body["geo_service"] == {"layer": "schools", "rev": 2}
    assert [f["id"] for f in body["features"]] == ["NK-SCH-001", "NK-SCH-002", "NK-SCH-003"]
    assert data.count(b"\n") == 5
    assert hashlib.sha256(data).hexdigest() == revision.sha256 == schools.layer("schools").revision.sha256


def test_the_bytes_of_any_revision_can_be_made_again(schools: LayerStore) -> None:
    first = schools.published_path("schools").read_bytes()
    for pupils in range(5):
        edit(schools, {"NK-SCH-001": point(1, pupils=pupils)})
    assert b"".join(schools.published_chunks("schools", 1)) == first
    for revision in schools.revisions("schools"):
        made = b"".join(schools.published_chunks("schools", revision.rev))
        assert hashlib.sha256(made).hexdigest() == revision.sha256


def test_a_large_layer_is_published_by_the_background_thread(
    store: LayerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PUBLISHED_AT_ONCE", 2)
    created = store.create_layer(definition(), [point(n) for n in range(3)], author="a", note="")
    revision = edit(store, {"NK-SCH-001": point(1, pupils=3)})
    assert (created.sha256, revision.sha256) == ("", "")
    store.flush()
    data = store.published_path("schools").read_bytes()
    assert json.loads(data)["geo_service"]["rev"] == 2
    assert store.layer("schools").revision.sha256 == hashlib.sha256(data).hexdigest()


def test_the_hash_of_a_revision_that_was_never_published_is_worked_out(
    store: LayerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PUBLISHED_AT_ONCE", -1)
    store.create_layer(definition(), [point(1)], author="a", note="")
    edit(store, {"NK-SCH-001": point(1, pupils=3)})
    made = b"".join(store.published_chunks("schools", 1))
    assert store.sha256("schools", 1) == hashlib.sha256(made).hexdigest()
    assert store.revision("schools", 1).sha256 == store.sha256("schools", 1)


def test_another_process_sees_a_commit_at_once(schools: LayerStore, opener: Callable[[], LayerStore]) -> None:
    other = opener()
    assert other.layer("schools").revision.rev == 1
    for rev in range(2, 6):
        edit(schools, {"NK-SCH-001": point(1, pupils=rev)})
        assert other.layer("schools").revision.rev == rev
        assert other.feature("schools", "NK-SCH-001").properties["pupils"] == rev


def test_a_store_that_rested_sees_what_others_did(schools: LayerStore, opener: Callable[[], LayerStore]) -> None:
    edit(schools, {"NK-SCH-001": point(1, pupils=2)})
    schools.rest()
    edit(opener(), {"NK-SCH-001": point(1, pupils=3)})
    assert schools.layer("schools").revision.rev == 3
    edit(schools, {"NK-SCH-001": point(1, pupils=4)})
    assert schools.feature("schools", "NK-SCH-001").properties["pupils"] == 4
    assert schools.layer("schools").revision.rev == 4


def test_forked_processes_of_a_rested_store_commit_and_see_each_other(schools: LayerStore) -> None:
    schools.rest()
    for pupils in (2, 3):
        child = os.fork()
        if child == 0:
            done = 1
            with suppress(BaseException):
                edit(schools, {"NK-SCH-001": point(1, pupils=pupils)})
                schools.close()
                done = 0
            os._exit(done)
        assert os.waitpid(child, 0)[1] == 0
        assert schools.layer("schools").revision.rev == pupils
        assert schools.feature("schools", "NK-SCH-001").properties["pupils"] == pupils
        schools.rest()


def test_unchanged_heads_are_not_read_again(schools: LayerStore) -> None:
    assert schools.layers()[0] is schools.layers()[0]


def test_threads_commit_side_by_side_without_losing_anything(schools: LayerStore) -> None:
    def add(start: int) -> None:
        for number in range(start, start + 10):
            edit(schools, {f"NK-SCH-{number:03d}": point(number)})

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(add, range(100, 180, 10)))
    assert schools.layer("schools").revision.rev == 81
    assert schools.layer("schools").count == 83
    published = json.loads(schools.published_path("schools").read_bytes())
    assert published["geo_service"]["rev"] == 81


def test_a_failed_export_does_not_fail_the_commit(schools: LayerStore) -> None:
    folder = schools.published_path("schools").parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    revision = edit(schools, {"NK-SCH-001": point(1, pupils=7)})
    assert revision.rev == 2
    assert "schools" in schools.export_problems
    folder.unlink()
    edit(schools, {"NK-SCH-001": point(1, pupils=8)})
    assert schools.export_problems == {}
    assert json.loads(schools.published_path("schools").read_bytes())["geo_service"]["rev"] == 3
