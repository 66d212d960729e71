"""One file holds the whole deployment, taken while it runs."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from geo_service.errors import StorageFault
from geo_service.storage.backup import DATABASE, FORMAT, MANIFEST, RESTORING, backup, read_manifest, restore
from geo_service.storage.store import LayerStore, open_store
from tests.storage.store_samples import Clock, definition, point


@pytest.fixture
def schools(store: LayerStore, home: Path) -> LayerStore:
    store.create_layer(definition(), [point(n) for n in range(50)], author="a", note="")
    uploads = home / "uploads" / "ab"
    uploads.mkdir(parents=True)
    (uploads / "abcdef.bin").write_bytes(bytes(range(256)) * 20)
    (home / "cache" / "junk").write_text("can be made again")
    return store


def edit(store: LayerStore, pupils: int) -> None:
    rev = store.layer("schools").revision.rev
    store.commit("schools", {"NK-SCH-001": point(1, pupils=pupils)}, base=rev, kind="edit", author="a", note="")


def reopened(home: Path, clock: Clock) -> LayerStore:
    return open_store(f"sqlite:///{home / DATABASE}", home, clock)


def test_a_restored_home_equals_the_one_that_was_backed_up(schools: LayerStore, tmp_path: Path, clock: Clock) -> None:
    edit(schools, 5)
    manifest = backup(schools, tmp_path / "b.zip")
    assert manifest.layers == {"schools": 2}
    assert restore(tmp_path / "b.zip", tmp_path / "new") == manifest
    again = reopened(tmp_path / "new", clock)
    assert again.recover() == ()
    assert again.revisions("schools") == schools.revisions("schools")
    for rev in (1, 2):
        assert again.snapshot("schools", rev) == schools.snapshot("schools", rev)
    again.close()
    for name in ("layers/schools.geojson", "layers/schools.toml", "uploads/ab/abcdef.bin"):
        assert (tmp_path / "new" / name).read_bytes() == (schools.home / name).read_bytes()
    assert not (tmp_path / "new" / "cache" / "junk").exists()


def test_every_restored_byte_is_in_the_manifest(schools: LayerStore, tmp_path: Path) -> None:
    backup(schools, tmp_path / "b.zip")
    manifest = restore(tmp_path / "b.zip", tmp_path / "new")
    files = {p.relative_to(tmp_path / "new").as_posix(): p for p in (tmp_path / "new").rglob("*") if p.is_file()}
    assert files.keys() == manifest.files.keys()
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == manifest.files[name].sha256


def test_a_backup_taken_while_writers_run_is_one_state(schools: LayerStore, tmp_path: Path, clock: Clock) -> None:
    stop = threading.Event()
    acknowledged = [1]

    def write() -> None:
        while not stop.is_set():
            edit(schools, acknowledged[-1])
            acknowledged.append(acknowledged[-1] + 1)

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(3):
        before = acknowledged[-1]
        path = tmp_path / f"b{number}.zip"
        manifest = backup(schools, path)
        assert before <= manifest.layers["schools"] <= acknowledged[-1] + 1
        home = tmp_path / f"new{number}"
        restore(path, home)
        published = (home / "layers" / "schools.geojson").read_bytes()
        assert json.loads(published)["geo_service"]["rev"] == manifest.layers["schools"]
        again = reopened(home, clock)
        assert again.recover() == ()
        assert again.layer("schools").revision.sha256 == hashlib.sha256(published).hexdigest()
        again.close()
    stop.set()
    writer.join()
    assert acknowledged[-1] > 3


def test_a_backup_lies_beside_nothing_half_made_and_is_for_its_owner_only(schools: LayerStore, tmp_path: Path) -> None:
    backup(schools, tmp_path / "out" / "b.zip")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.zip"]
    assert (tmp_path / "out" / "b.zip").stat().st_mode & 0o077 == 0


def test_backups_inside_the_home_do_not_hold_each_other(schools: LayerStore) -> None:
    backup(schools, schools.home / "backups" / "1.zip")
    manifest = backup(schools, schools.home / "backups" / "2.zip")
    assert not [name for name in manifest.files if "zip" in name]


def test_progress_names_every_file(schools: LayerStore, tmp_path: Path) -> None:
    names: list[str] = []
    backup(schools, tmp_path / "b.zip", progress=names.append)
    assert {DATABASE, "layers/schools.geojson", "uploads/ab/abcdef.bin"} <= set(names)


def test_an_existing_file_is_not_overwritten(schools: LayerStore, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("precious")
    with pytest.raises(StorageFault):
        backup(schools, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_text() == "precious"


def test_a_home_with_anything_in_it_is_not_restored_into(schools: LayerStore, tmp_path: Path) -> None:
    backup(schools, tmp_path / "b.zip")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "notes.txt").write_text("precious")
    with pytest.raises(StorageFault, match=r"notes\.txt"):
        restore(tmp_path / "b.zip", tmp_path / "new")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["notes.txt"]


def test_what_an_interrupted_restore_left_is_cleared(schools: LayerStore, tmp_path: Path) -> None:
    backup(schools, tmp_path / "b.zip")
    (tmp_path / "new" / RESTORING / "layers").mkdir(parents=True)
    restore(tmp_path / "b.zip", tmp_path / "new")
    assert not (tmp_path / "new" / RESTORING).exists()


Change = Callable[[dict[str, bytes]], None]


def rewritten(path: Path, change: Change) -> Path:
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    change(members)
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    return target


def flip(members: dict[str, bytes]) -> None:
    members["uploads/ab/abcdef.bin"] = b"x" + members["uploads/ab/abcdef.bin"][1:]


def grow(members: dict[str, bytes]) -> None:
    members["uploads/ab/abcdef.bin"] += bytes(10_000_000)


def drop(members: dict[str, bytes]) -> None:
    del members["layers/schools.toml"]


def add(members: dict[str, bytes]) -> None:
    members["layers/evil.geojson"] = b"{}"


def unmark(members: dict[str, bytes]) -> None:
    del members[MANIFEST]


def climb(members: dict[str, bytes]) -> None:
    manifest = msgspec.json.decode(members[MANIFEST])
    members["../evil.txt"] = b"evil"
    manifest["files"]["../evil.txt"] = {"size": 4, "sha256": hashlib.sha256(b"evil").hexdigest()}
    members[MANIFEST] = msgspec.json.encode(manifest)


def misstate(members: dict[str, bytes]) -> None:
    members[MANIFEST] = members[MANIFEST].replace(b'"schools": 1', b'"schools": 2')


def come_from_the_future(members: dict[str, bytes]) -> None:
    members[MANIFEST] = members[MANIFEST].replace(FORMAT.encode(), b"geo_service backup 99")


@pytest.mark.parametrize("change", [flip, grow, drop, add, unmark, climb, misstate, come_from_the_future])
def test_a_backup_that_was_changed_is_refused_and_nothing_is_left(
    schools: LayerStore, tmp_path: Path, change: Change
) -> None:
    backup(schools, tmp_path / "b.zip")
    changed = rewritten(tmp_path / "b.zip", change)
    with pytest.raises(StorageFault):
        restore(changed, tmp_path / "new")
    assert not (tmp_path / "new").exists() or list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize("cut", [0, 100, -1, -40])
def test_a_truncated_backup_is_refused(schools: LayerStore, tmp_path: Path, cut: int) -> None:
    backup(schools, tmp_path / "b.zip")
    data = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[:cut])
    with pytest.raises(StorageFault):
        restore(tmp_path / "cut.zip", tmp_path / "new")
    with pytest.raises(StorageFault):
        read_manifest(tmp_path / "cut.zip")


def test_a_manifest_is_read_without_restoring(schools: LayerStore, tmp_path: Path) -> None:
    assert backup(schools, tmp_path / "b.zip") == read_manifest(tmp_path / "b.zip")
