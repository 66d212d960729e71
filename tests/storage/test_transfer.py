"""A store moves between SQLite and PostGIS with all history, and every export keeps its bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from geo_service.core.access import Account, Grant
from geo_service.core.drafts import DraftChange
from geo_service.errors import StorageFault
from geo_service.storage import tables
from geo_service.storage.accounts import Accounts
from geo_service.storage.audit import Audit
from geo_service.storage.backup import DATABASE, backup, restore
from geo_service.storage.drafts import Drafts, Upload
from geo_service.storage.editions import Editions
from geo_service.storage.engine import Database, open_database
from geo_service.storage.retired import retire_layer
from geo_service.storage.saved_results import SavedResults
from geo_service.storage.store import LayerStore, open_store
from geo_service.storage.transfer import move_store
from tests.postgis import Cluster
from tests.storage.store_samples import Clock, definition, point, square, unlocated

pytestmark = pytest.mark.postgis


def silent(_name: str) -> None:
    """No progress is shown."""


@pytest.fixture
def server(cluster: Cluster) -> Iterator[str]:
    with cluster.lent_database() as url:
        yield url


@pytest.fixture
def lived(tmp_path: Path, clock: Clock) -> Iterator[LayerStore]:
    """A store on SQLite with something in every table."""
    store = open_store(f"sqlite:///{tmp_path / 'old.db'}", tmp_path / "home", clock)
    live_in(store, clock)
    yield store
    store.close()


def live_in(store: LayerStore, clock: Clock) -> None:
    names = ["学校 🏫 \\u0000 ' ; DROP TABLE", "é\u0301", '"\\', "ﷺ"]
    features = [point(n, name=name, lon=round(117.1 + n / 997, 7)) for n, name in enumerate(names, start=1)]
    store.create_layer(definition(), [*features, unlocated(5), square(6, 117.1, 39.1, 0.01)], author="李", note="种子")
    for pupils in range(3):
        store.commit(
            "schools", {"NK-SCH-001": point(1, pupils=pupils)}, base=pupils + 1, kind="edit", author="a", note=""
        )
    store.commit("schools", {"NK-SCH-002": None}, base=4, kind="edit", author="a", note="删")
    store.update_definition(dataclasses.replace(definition(), order=7), author="a", note="")
    store.create_layer(definition("parks", serial="PRK"), [], author="a", note="")
    retire_layer(store, "parks")
    accounts = Accounts(store.database, clock)
    accounts.add(Account(name="li", display="李", grants=(Grant("editor"),)), "correct horse battery")
    accounts.issue_token("li", "QGIS")
    audit = Audit(store.database, clock)
    for number in range(5):
        audit.record(actor="li", action="sign-in", target=str(number))
    drafts = Drafts(store.database, clock)
    change = DraftChange(fid="NK-SCH-001", operation="modify", after=point(1, pupils=9), base_rev=1)
    draft = drafts.create(layer="schools", base_rev=1, owner="li", mode="full", note="", changes=[change])
    drafts.comment(draft.id, author="li", text="为什么")
    drafts.keep_upload(Upload(**dict.fromkeys(Upload.__slots__, "x") | {"size": 1}))
    Editions(store.database, clock).add("2025-03", {"schools": 2}, by="li", note="")
    SavedResults(store.database, clock).add("内涝 🏫", an_answer(), author="li")


def an_answer() -> dict[str, Any]:
    """The parts of an answer that are kept apart, with a text no database likes."""
    text = {"zh": "1 处 \u0000", "en": "one"}
    reads = [{"role": "layer", "layer": "schools", "rev": 2}]
    return {"id": "buffer", "headline": text, "parameters": [{"key": "distance_m", "value": 3.5}], "reads": reads}


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in tables.metadata.sorted_tables
        }


def exports(store: LayerStore) -> dict[int, bytes]:
    head = store.layer("schools").revision.rev
    return {rev: b"".join(store.published_chunks("schools", rev)) for rev in range(1, head + 1)}


def test_a_store_goes_to_postgis_and_back_with_every_row_and_byte(
    lived: LayerStore, server: str, tmp_path: Path, clock: Clock
) -> None:
    there = move_store(lived, server, progress=silent)
    assert there.layers == {"schools": 6}
    assert all(there.rows.values()), "something is in every table"
    with closing(open_store(server, tmp_path / "pg", clock)) as moved:
        assert contents(moved.database) == contents(lived.database)
        assert exports(moved) == exports(lived)
        back = move_store(moved, f"sqlite:///{tmp_path / 'back.db'}", progress=silent)
    assert back == there
    with closing(open_database(f"sqlite:///{tmp_path / 'back.db'}")) as database:
        assert contents(database) == contents(lived.database)


def test_a_moved_store_goes_on_where_the_old_one_stopped(
    lived: LayerStore, server: str, tmp_path: Path, clock: Clock
) -> None:
    move_store(lived, server, progress=silent)
    with closing(open_store(server, tmp_path / "home", clock)) as moved:
        assert moved.recover() == (), "the published files are those of the moved store"
        made = moved.commit("schools", {"NK-SCH-007": point(7)}, base=6, kind="edit", author="a", note="")
        assert (made.rev, made.added) == (7, 1)
        drafts = Drafts(moved.database, clock)
        (draft,) = drafts.find()
        drafts.comment(draft.id, author="li", text="第二句")
        assert [c.text for c in drafts.comments(draft.id)] == ["为什么", "第二句"]
        Audit(moved.database, clock).record(actor="li", action="x", target="")
        assert Audit(moved.database, clock).verify().broken is None


def test_a_database_that_was_used_is_not_written_over(lived: LayerStore, server: str, tmp_path: Path) -> None:
    move_store(lived, server, progress=silent)
    with pytest.raises(StorageFault, match="not empty"):
        move_store(lived, server, progress=silent)


def test_a_backup_of_postgis_goes_back_into_either_database(
    lived: LayerStore, server: str, cluster: Cluster, tmp_path: Path, clock: Clock
) -> None:
    move_store(lived, server, progress=silent)
    (lived.home / DATABASE).write_text("left behind by the store before it moved")
    with closing(open_store(server, lived.home, clock)) as moved:
        manifest = backup(moved, tmp_path / "b.zip")
    assert manifest.layers == {"schools": 6}
    restore(tmp_path / "b.zip", tmp_path / "one")
    with closing(open_store(f"sqlite:///{tmp_path / 'one' / DATABASE}", tmp_path / "one", clock)) as one:
        assert one.recover() == ()
        assert contents(one.database) == contents(lived.database)
    with cluster.lent_database() as other:
        restore(tmp_path / "b.zip", tmp_path / "two", server=other)
        assert not list((tmp_path / "two").glob("geo_service.db*"))
        with closing(open_store(other, tmp_path / "two", clock)) as two:
            assert two.recover() == ()
            assert contents(two.database) == contents(lived.database)
        with pytest.raises(StorageFault, match="not empty"):
            restore(tmp_path / "b.zip", tmp_path / "three", server=other)
    assert not (tmp_path / "three" / "layers").exists()
