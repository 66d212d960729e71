"""Whole files, locks, and databases that are refused with a reason."""

from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from geo_service.errors import StorageFault, Unavailable
from geo_service.storage import engine, files, tables
from geo_service.storage.engine import open_database
from geo_service.storage.sqlite import refuse_network_share
from geo_service.storage.store import open_store
from tests.storage.store_samples import Clock, definition, point

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:50 / /srv/share rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
41 40 254:1 / /srv/share/local rw,relatime - xfs /dev/vdb rw
42 27 0:51 / /mnt/my\\040disk rw,relatime - cifs //server/disk rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/share/geo_service.db", "nfs4"),
        ("/srv/share/deep/er/geo_service.db", "nfs4"),
        ("/mnt/my disk/geo_service.db", "cifs"),
        ("/srv/share/local/geo_service.db", ""),
        ("/srv/shared/geo_service.db", ""),
        ("/var/lib/geo_service.db", ""),
    ],
)
def test_a_network_share_is_told_by_its_mount(path: str, kind: str) -> None:
    assert files.network_filesystem(Path(path), MOUNTS) == kind


def test_a_database_on_a_network_share_is_refused_with_advice() -> None:
    with pytest.raises(StorageFault, match=r"nfs4.*local disk"):
        refuse_network_share(Path("/srv/share/geo_service.db"), MOUNTS)


def test_where_mounts_are_not_known_nothing_is_refused() -> None:
    refuse_network_share(Path("/srv/share/geo_service.db"), "")


def test_a_written_file_is_whole_and_its_hash_is_known(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    assert files.write_file(path, [b"one ", b"two"]) == hashlib.sha256(b"one two").hexdigest()
    assert path.read_bytes() == b"one two"
    assert files.hash_file(path) == hashlib.sha256(b"one two").hexdigest()
    assert files.hash_file(tmp_path / "nothing") == ""


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def torn() -> Iterator[bytes]:
        yield b"new"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_file(path, torn())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def count_up(lock: Path, counter: Path) -> None:
    for _ in range(50):
        with files.exclusive(lock):
            counter.write_text(str(int(counter.read_text()) + 1))


def test_a_lock_keeps_processes_apart(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("forkserver")
    workers = [context.Process(target=count_up, args=(tmp_path / "lock", counter)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "150"


def test_who_finds_a_lock_taken_is_told_so_and_does_not_wait(tmp_path: Path) -> None:
    with files.exclusive_if_free(tmp_path / "lock") as first, files.exclusive_if_free(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    with files.exclusive_if_free(tmp_path / "lock") as again:
        assert again


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "oracle://x"]
)
def test_an_address_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(StorageFault):
        open_database(url)


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(StorageFault) as refused:
        open_database("mysql://user:hunter2@localhost/x")
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "geo_service.db"
    path.write_bytes(b"this is not a database, it is a letter" * 50)
    with pytest.raises(StorageFault):
        open_database(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFault):
        open_database(f"sqlite:///{tmp_path / 'file' / 'geo_service.db'}")


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'geo_service.db'}"
    open_database(url).close()
    monkeypatch.setattr(tables, "SCHEMA_VERSION", tables.SCHEMA_VERSION - 1)
    with pytest.raises(StorageFault, match="newer"):
        open_database(url)


def test_a_store_of_an_older_program_is_migrated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'geo_service.db'}"
    open_database(url).close()
    version = tables.SCHEMA_VERSION
    monkeypatch.setattr(tables, "SCHEMA_VERSION", version + 1)
    monkeypatch.setitem(tables.MIGRATIONS, version, ("ALTER TABLE layer ADD COLUMN colour TEXT",))
    for _ in range(2):
        open_database(url).close()
    with sqlite3.connect(tmp_path / "geo_service.db") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(layer)")]
    connection.close()
    assert columns.count("colour") == 1


def test_commits_are_durable_and_checked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'geo_service.db'}")
    with database.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": engine.BUSY_TIMEOUT_MS,
    }


def test_what_rows_refer_to_is_looked_up_again_after_very_many(tmp_path: Path) -> None:
    def is_looked_up(connection: Connection) -> bool:
        return bool(connection.exec_driver_sql("PRAGMA foreign_keys").scalar())

    database = open_database(f"sqlite:///{tmp_path / 'geo_service.db'}")
    with database.writing(many=True) as connection:
        assert not is_looked_up(connection)
    with pytest.raises(ZeroDivisionError), database.writing(many=True):
        raise ZeroDivisionError
    for _ in range(2):
        with database.writing() as connection, database.reading() as other:
            assert is_looked_up(connection)
            assert is_looked_up(other)
    database.close()


def test_a_store_that_stays_busy_says_try_again(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)
    url = f"sqlite:///{tmp_path / 'geo_service.db'}"
    store, other = open_store(url, tmp_path, clock), open_database(url)
    store.create_layer(definition(), [point(1)], author="a", note="")
    with other.writing(), pytest.raises(Unavailable):
        store.commit("schools", {"NK-SCH-001": None}, base=1, kind="edit", author="a", note="")
    assert store.layer("schools").revision.rev == 1, "readers are never kept out"
    store.commit("schools", {"NK-SCH-001": None}, base=1, kind="edit", author="a", note="")
    store.close()
    other.close()


def test_an_error_in_a_writing_block_undoes_it(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'geo_service.db'}")

    def fail_half_way() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO layer VALUES ('x', 1, '')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM layer").scalar() == 0
    database.close()


def test_only_one_current_version_of_a_feature_can_exist(tmp_path: Path, clock: Clock) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'geo_service.db'}", tmp_path, clock)
    store.create_layer(definition(), [point(1)], author="a", note="")
    copy = "INSERT INTO feature_version(layer, fid, rev_from, body) VALUES ('schools', 'NK-SCH-001', 9, '')"
    with pytest.raises(StorageFault, match="UNIQUE"), store.database.writing() as connection:
        connection.exec_driver_sql(copy)
    store.close()
