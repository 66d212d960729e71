"""PostGIS as the store: what it refuses, how word of commits travels, and what a crash of it leaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from geo_service.core.features import Feature
from geo_service.errors import EditConflict, StorageFault, Unavailable
from geo_service.storage import engine, postgis
from geo_service.storage.engine import open_database
from geo_service.storage.store import LayerStore, open_store
from tests.postgis import Cluster
from tests.storage.store_samples import Clock, definition, point, square, unlocated

pytestmark = pytest.mark.postgis


@pytest.fixture
def server(cluster: Cluster) -> Iterator[str]:
    with cluster.lent_database() as url:
        yield url


@pytest.fixture
def two(server: str, tmp_path: Path, clock: Clock) -> Iterator[tuple[LayerStore, LayerStore]]:
    """Two stores on one database and one home, as two web processes have them."""
    with (
        closing(open_store(server, tmp_path / "home", clock)) as one,
        closing(open_store(server, tmp_path / "home", clock)) as other,
    ):
        yield one, other


def wait_until(true: Callable[[], bool], *, seconds: float = 10) -> float:
    """How many seconds it took until something was so."""
    started = time.perf_counter()
    while not true():
        assert time.perf_counter() - started < seconds, "it never came to be so"
    return time.perf_counter() - started


def test_every_process_sees_a_commit_of_another_at_once(two: tuple[LayerStore, LayerStore]) -> None:
    one, other = two
    one.create_layer(definition(), [point(1)], author="a", note="")
    wait_until(lambda: bool(other.layers()))
    for rev in range(2, 12):
        writer, reader = (one, other) if rev % 2 else (other, one)
        writer.commit("schools", {"NK-SCH-001": point(1, pupils=rev)}, base=rev - 1, kind="edit", author="a", note="")
        assert writer.layer("schools").revision.rev == rev, "whoever committed sees it in the next line"
        took_s = wait_until(lambda rev=rev, reader=reader: reader.layer("schools").revision.rev == rev)  # type: ignore[misc]  # defaults hold the loop's values
        assert took_s < 1


def test_word_that_was_lost_is_asked_for(two: tuple[LayerStore, LayerStore], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two
    monkeypatch.setattr(postgis, "ASK_EVERY_S", 0.05)
    assert other.layers() == ()
    monkeypatch.setattr(postgis, "CHANNEL", "another_channel")
    one.create_layer(definition(), [point(1)], author="a", note="")
    wait_until(lambda: bool(other.layers()))


def test_what_another_process_just_published_is_no_edit_by_hand(
    two: tuple[LayerStore, LayerStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.create_layer(definition(), [point(1)], author="a", note="")
    wait_until(lambda: bool(other.layers()))
    monkeypatch.setattr(other.database, "version", lambda: 7)  # word of commits is on its way
    assert other.layer("schools").revision.rev == 1
    made = one.commit("schools", {"NK-SCH-001": point(1, pupils=2)}, base=1, kind="edit", author="a", note="")
    assert other.export("schools") == made.sha256
    assert other.external_edits() == ()
    assert json.loads(one.published_path("schools").read_bytes())["geo_service"]["rev"] == made.rev == 2


def test_nothing_is_read_from_the_server_while_nobody_commits(two: tuple[LayerStore, LayerStore]) -> None:
    one, _ = two
    one.create_layer(definition(), [point(1)], author="a", note="")
    version = one.database.version()
    asked = []
    engine = one.database._engine
    event.listen(engine, "before_cursor_execute", lambda *_: asked.append(1))
    for _ in range(1000):
        assert one.database.version() == version
    assert len(asked) <= 2, "a thousand looks ask the server once or twice, not a thousand times"


def test_writers_of_two_processes_never_get_the_same_revision(two: tuple[LayerStore, LayerStore]) -> None:
    two[0].create_layer(definition(), [point(n, pupils=0) for n in range(8)], author="a", note="")
    made: list[int] = []

    def count_up(store: LayerStore, number: int) -> None:
        for pupils in range(1, 11):
            after = point(number, pupils=pupils)
            base = store.layer("schools").revision.rev
            made.append(store.commit("schools", {after.id: after}, base=base, kind="edit", author="a", note="").rev)

    threads = [threading.Thread(target=count_up, args=(two[n % 2], n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(2, 42))


def test_a_reader_is_not_kept_out_by_a_writer(
    two: tuple[LayerStore, LayerStore], monkeypatch: pytest.MonkeyPatch, server: str, clock: Clock, tmp_path: Path
) -> None:
    one, other = two
    one.create_layer(definition(), [point(1)], author="a", note="")
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
    with closing(open_store(server, tmp_path / "home", clock)) as hasty, other.database.writing():
        assert hasty.layer("schools").revision.rev == 1
        with pytest.raises(Unavailable, match="lock timeout"):
            hasty.commit("schools", {"NK-SCH-001": None}, base=1, kind="edit", author="a", note="")


def test_the_geometry_column_holds_what_the_line_says(two: tuple[LayerStore, LayerStore]) -> None:
    arc = {"type": "Arc", "coordinates": [[[117, 39], [118, 39]]]}
    strange = Feature("NK-SCH-009", {"name": 'x,"id":"y\u0000'}, arc)
    features = [square(1, 117.1, 39.1, 0.01), point(2, name='},"id":'), unlocated(3), strange]
    two[0].create_layer(definition(), features, author="a", note="")
    question = "SELECT fid, ST_AsText(geom), ST_SRID(geom) FROM feature_version ORDER BY fid"
    with two[0].database.reading() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(question)]
    assert rows == [
        ("NK-SCH-001", "POLYGON((117.1 39.1,117.11 39.1,117.11 39.11,117.1 39.11,117.1 39.1))", 4490),
        ("NK-SCH-002", "POINT(117.15 39.1)", 4490),
        ("NK-SCH-003", None, None),
        ("NK-SCH-009", None, None),
    ]
    assert two[0].snapshot("schools").features[3] == strange


def test_a_server_that_cannot_be_reached_says_try_again(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        open_database(f"postgresql://nobody@/nothing?host={tmp_path}")


def test_a_database_that_is_not_utf8_is_refused(cluster: Cluster) -> None:
    with pytest.raises(StorageFault, match="UTF8"):
        open_database(cluster.new_database(template="template0", encoding="LATIN1"))


def test_a_database_without_postgis_names_what_its_administrator_must_do(cluster: Cluster) -> None:
    url = cluster.new_database(template="template0")
    plain = cluster.new_user("plain", url)
    with pytest.raises(StorageFault, match="CREATE EXTENSION postgis"):
        open_database(plain)
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute("CREATE EXTENSION postgis")
    with closing(open_database(plain)) as database:
        assert database.integrity() == "ok", "whoever owns the database may go on once the extension is there"


def test_synchronous_commit_is_on_even_where_the_server_has_it_off(cluster: Cluster, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        with closing(open_database(server)) as database, database.reading() as reading:
            assert reading.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        administrator.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")


def test_a_server_without_fsync_is_told_of(server: str) -> None:
    with closing(open_database(server)) as database:
        assert database.durability() == "fsync, full_page_writes"


def test_a_crash_of_the_server_loses_nothing_acknowledged_and_passes(
    cluster: Cluster, server: str, tmp_path: Path, clock: Clock
) -> None:
    acknowledged: list[tuple[int, str]] = []
    refused = threading.Event()
    stop = threading.Event()
    with closing(open_store(server, tmp_path / "home", clock)) as store:
        store.create_layer(definition(), [point(n, pupils=0) for n in range(4)], author="a", note="")

        def count_up(number: int) -> None:
            pupils = 0
            while not stop.is_set():
                try:
                    base = store.layer("schools").revision.rev
                    pupils += 1
                    after = point(number, pupils=pupils, name=f"{number}-{pupils}")
                    made = store.commit("schools", {after.id: after}, base=base, kind="edit", author="a", note="")
                    acknowledged.append((made.rev, f"{number}-{pupils}"))
                except EditConflict:
                    continue
                except Unavailable:
                    refused.set()

        threads = [threading.Thread(target=count_up, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(acknowledged)
            wait_until(lambda before=before: len(acknowledged) > before + 5, seconds=30)  # type: ignore[misc]  # as above
            refused.clear()
            cluster.crash()
            assert refused.wait(10), "while the server is down everybody is told to try again"
            cluster.start()
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 5, seconds=30)
        stop.set()
        for thread in threads:
            thread.join()
        names = {
            r.rev: {f.properties["name"] for f in store.snapshot("schools", r.rev).features}
            for r in store.revisions("schools")
        }
        assert all(name in names[rev] for rev, name in acknowledged)
        assert len({rev for rev, _ in acknowledged}) == len(acknowledged)
        store.flush()
        assert {r.kind for r in store.recover()} <= {"stale"}
        assert store.database.integrity() == "ok"
