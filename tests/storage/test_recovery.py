"""Published files are set right at start, and nothing a person wrote into them is lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_service.core.features import Feature
from geo_service.core.text import Text
from geo_service.storage import exports, recovery
from geo_service.storage.engine import open_database
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, point


@pytest.fixture
def schools(store: LayerStore) -> LayerStore:
    store.create_layer(definition(), [point(1), point(2)], author="a", note="")
    return store


def edit(store: LayerStore, feature: Feature) -> None:
    rev = store.layer("schools").revision.rev
    store.commit("schools", {feature.id: feature}, base=rev, kind="edit", author="a", note="")


def published_rev(store: LayerStore) -> int:
    return int(json.loads(store.published_path("schools").read_bytes())["geo_service"]["rev"])


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_is_reported_where_nothing_happened(schools: LayerStore) -> None:
    assert schools.recover() == ()


def test_nothing_is_reported_where_only_the_cache_was_deleted(schools: LayerStore, home: Path) -> None:
    shutil.rmtree(home / "cache")
    assert schools.recover() == ()
    assert schools.exports.untouched("schools") is not None, "the file need not be hashed again"


def test_a_torn_stamp_is_no_stamp(schools: LayerStore, home: Path) -> None:
    (home / "cache" / "stamps" / "schools.json").write_bytes(b'{"rev":')
    assert schools.recover() == ()


def test_a_deleted_file_is_published_again(schools: LayerStore) -> None:
    path = schools.published_path("schools")
    before = path.read_bytes()
    path.unlink()
    (found,) = schools.recover()
    assert (found.kind, found.layer, found.file) == ("missing", "schools", path)
    assert path.read_bytes() == before


def test_a_deleted_definition_is_published_again(schools: LayerStore) -> None:
    path = schools.exports.definition_path("schools")
    path.unlink()
    assert schools.recover() == ()
    assert path.exists()


def test_a_crash_between_commit_and_export_is_made_good(schools: LayerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> str:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "publish", crash)
        edit(schools, point(1, pupils=5))
    assert published_rev(schools) == 1
    assert [r.kind for r in schools.recover()] == ["stale"]
    assert published_rev(schools) == 2
    assert schools.recover() == ()


def test_an_older_file_put_back_is_replaced(schools: LayerStore) -> None:
    path = schools.published_path("schools")
    old = path.read_bytes()
    edit(schools, point(1, pupils=5))
    path.write_bytes(old)
    assert [r.kind for r in schools.recover()] == ["stale"]
    assert published_rev(schools) == 2
    assert schools.external_edits() == ()


def test_a_temporary_file_of_a_killed_writer_is_removed(schools: LayerStore) -> None:
    path = schools.published_path("schools")
    leftover = path.with_name(f".{path.name}.999-1.tmp")
    leftover.write_bytes(b"half a fi")
    path.unlink()
    schools.recover()
    assert not leftover.exists()


def test_a_hand_edited_file_is_kept_with_its_difference(schools: LayerStore) -> None:
    edit(schools, point(2, pupils=7))
    path = schools.published_path("schools")
    published = path.read_bytes()
    rewrite(path, "学校 1", "第一中学")
    edited = path.read_bytes()
    (found,) = schools.recover()
    assert (found.kind, found.layer, found.base) == ("external", "schools", 2)
    assert [(c.fid, c.operation, c.fields) for c in found.changes] == [("NK-SCH-001", "modify", ("name",))]
    assert found.file.read_bytes() == edited
    assert path.read_bytes() == published


def test_a_kept_file_is_reported_at_every_start_and_kept_once(schools: LayerStore) -> None:
    rewrite(schools.published_path("schools"), "学校 1", "第一中学")
    first = schools.recover()
    assert schools.recover() == first
    rewrite(schools.published_path("schools"), "学校 1", "第一中学")
    assert schools.recover() == first
    assert len(schools.external_edits()) == 1


def test_a_hand_edit_of_an_older_file_is_compared_with_that_revision(schools: LayerStore) -> None:
    path = schools.published_path("schools")
    old = path.read_text(encoding="utf-8")
    edit(schools, point(2, pupils=7))
    path.write_text(old.replace("学校 1", "第一中学"), encoding="utf-8")
    (found,) = schools.recover()
    assert found.base == 1
    assert [c.fid for c in found.changes] == ["NK-SCH-001"]


def test_a_file_that_a_program_rewrote_without_our_mark_is_compared_with_what_was_published(
    schools: LayerStore,
) -> None:
    edit(schools, point(2, pupils=7))
    path = schools.published_path("schools")
    body = json.loads(path.read_bytes())
    del body["geo_service"]
    body["features"].append(json.loads(json.dumps(body["features"][0]).replace("NK-SCH-001", "NK-SCH-009")))
    path.write_text(json.dumps(body, indent=2), encoding="utf-8")
    (found,) = schools.recover()
    assert found.base == 2
    assert [(c.fid, c.operation) for c in found.changes] == [("NK-SCH-009", "add")]


def test_the_same_features_laid_out_differently_are_no_edit(schools: LayerStore) -> None:
    path = schools.published_path("schools")
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=4), encoding="utf-8")
    assert [r.kind for r in schools.recover()] == ["stale"]
    assert schools.external_edits() == ()


@pytest.mark.parametrize("junk", [b"", b"\xff\xfe\x00", b"{", b"[]", b'{"type":"FeatureCollection"}', b"[" * 200_000])
def test_a_file_that_does_not_read_is_kept_with_the_reason(schools: LayerStore, junk: bytes) -> None:
    path = schools.published_path("schools")
    path.write_bytes(junk)
    (found,) = schools.recover()
    assert (found.kind, found.changes) == ("external", ())
    assert found.reason
    assert found.file.read_bytes() == junk
    assert published_rev(schools) == 1


def test_an_edit_by_hand_while_the_service_runs_is_not_overwritten(schools: LayerStore) -> None:
    rewrite(schools.published_path("schools"), "学校 1", "第一中学")
    edit(schools, point(2, pupils=7))
    (kept,) = schools.external_edits()
    assert (kept.layer, kept.base) == ("schools", 1)
    assert "第一中学" in (schools.exports.kept_folder / kept.file).read_text(encoding="utf-8")
    assert published_rev(schools) == 2


def test_a_hand_edited_definition_is_kept(schools: LayerStore) -> None:
    path = schools.exports.definition_path("schools")
    published = path.read_bytes()
    rewrite(path, "学校", "中小学")
    (found,) = schools.recover()
    assert (found.kind, found.file.suffix, found.changes) == ("external", ".toml", ())
    assert "中小学" in found.file.read_text(encoding="utf-8")
    assert path.read_bytes() == published


def test_an_older_definition_put_back_is_replaced(schools: LayerStore) -> None:
    path = schools.exports.definition_path("schools")
    old = path.read_bytes()
    schools.update_definition(definition(title=Text("中小学", "Schools")), author="a", note="")
    path.write_bytes(old)
    assert schools.recover() == ()
    assert "中小学" in path.read_text(encoding="utf-8")


def test_a_file_of_no_layer_is_reported_and_left_alone(schools: LayerStore) -> None:
    stranger = schools.published_path("parks")
    stranger.write_text("{}")
    (found,) = schools.recover()
    assert (found.kind, found.layer, found.file) == ("external", "parks", stranger)
    assert stranger.read_text() == "{}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_files_of_a_lost_database_are_kept_before_the_seed_replaces_them(
    schools: LayerStore, home: Path, clock: Callable[[], object], opener: Callable[[], LayerStore]
) -> None:
    edit(schools, point(1, pupils=5))
    lost = schools.published_path("schools").read_bytes()
    schools.close()
    for path in home.glob("geo_service.db*"):
        path.unlink()
    again = opener()
    again.create_layer(definition(), [point(1), point(2)], author="a", note="")
    (kept,) = again.external_edits()
    assert (again.exports.kept_folder / kept.file).read_bytes() == lost


def test_rows_that_were_tampered_with_are_reported_and_the_rest_serves_on(
    schools: LayerStore, database_url: str
) -> None:
    schools.create_layer(definition("parks", serial="PRK"), [], author="a", note="")
    database = open_database(database_url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE feature_version SET body = replace(body, '学校 1', '学校 X')")
    database.close()
    schools.published_path("schools").unlink()
    (found,) = schools.recover()
    assert (found.kind, found.layer) == ("failed", "schools")
    assert "≠" in found.reason


def test_a_file_touched_but_not_changed_is_hashed_and_found_right(schools: LayerStore) -> None:
    os.utime(schools.published_path("schools"), (1, 1))
    assert schools.recover() == ()


def test_the_claim_is_read_from_the_first_line_only(schools: LayerStore) -> None:
    assert schools.exports.claimed_rev("schools") == 1
    schools.published_path("schools").write_bytes(b'\n{"geo_service":{"layer":"schools","rev":3}}')
    assert schools.exports.claimed_rev("schools") == 0


def test_background_work_on_one_key_is_done_once_and_the_last_request_wins() -> None:
    seen: list[str] = []
    background = exports.Background(seen.append, delay_s=60)
    for key in ("a", "b", "a", "a"):
        background.request(key)
    background.drain()
    background.close()
    assert sorted(seen) == ["a", "b"]


def test_background_failures_are_remembered_until_they_succeed() -> None:
    broken = {"a": True}

    def act(key: str) -> None:
        if broken[key]:
            raise OSError("disk full")

    background = exports.Background(act, delay_s=0)
    background.request("a")
    background.drain()
    assert background.problems == {"a": "disk full"}
    broken["a"] = False
    background.request("a")
    background.drain()
    assert background.problems == {}
    background.close()
