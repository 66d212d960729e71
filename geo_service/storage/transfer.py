"""A whole store from one database into another, SQLite or PostGIS, with all history, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select

from geo_service.errors import StorageFault
from geo_service.storage import tables
from geo_service.storage.audit import Audit
from geo_service.storage.bulk import insert_rows
from geo_service.storage.engine import Database, open_database
from geo_service.storage.rows import batches
from geo_service.storage.store import LayerStore

CHUNK = 2_000
HELD_BY_USE = ("layer", "account", "audit", "draft", "upload", "edition")
"""Tables that have rows as soon as anybody has used a store."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied: rows of each table, and the head revision of each layer."""

    rows: Mapping[str, int]
    layers: Mapping[str, int]


def move_store(source: LayerStore, url: str, *, progress: Progress) -> Moved:
    """What was copied into the empty database at ``url``, checked there; nobody can write to the source meanwhile.

    Raises
    ------
    StorageFault
        The target is not empty, cannot be opened, or does not hold afterwards what the source holds.
    """
    with closing(open_database(url)) as target:
        refuse_used(target)
        with source.database.writing() as old, target.writing() as new:
            rows = copy_tables(old, new, progress=progress)
        layers = check_copy(source, target, progress=progress)
    return Moved(rows, layers)


def refuse_used(database: Database) -> None:
    """Nothing where nobody has used the store of a database yet.

    Raises
    ------
    StorageFault
        It holds something.
    """
    with database.reading() as connection:
        for name in HELD_BY_USE:
            if connection.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar():
                raise StorageFault(
                    reason=f"{database.address} 不是空库（表 {name}），不会覆盖 / "
                    f"{database.address} is not empty (table {name} has rows) and is not overwritten"
                )


def copy_tables(source: Connection, target: Connection, *, progress: Progress) -> dict[str, int]:
    """How many rows of each table were copied, within the transactions of both connections."""
    counts: dict[str, int] = {}
    for table in tables.metadata.sorted_tables:
        progress(table.name)
        counts[table.name] = _copy_table(source, target, table)
    _go_on_counting(target, tables.draft_comment)
    return counts


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    question = select(table).execution_options(yield_per=CHUNK)
    if table is tables.store_info:
        question = question.where(table.c.key != "schema")  # the target has its own
    count = 0
    for batch in batches(map(dict, source.execute(question).mappings()), CHUNK):
        insert_rows(target, table, batch)
        count += len(batch)
    return count


def _go_on_counting(target: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows behind the copied ones; SQLite does so by itself."""
    if target.dialect.name == "postgresql":
        highest = select(func.coalesce(func.max(table.c.seq), 0) + 1).scalar_subquery()
        target.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "seq"), highest, False)))  # SQL


def check_copy(source: LayerStore, target: Database, *, progress: Progress) -> dict[str, int]:
    """The head revision of each layer, after its bytes were made again from the target's rows.

    Raises
    ------
    StorageFault
        A layer's bytes or the audit chain differ.
    """
    copied = LayerStore(target, source.home, source.now)
    for state in source.layers():
        layer_id, rev = state.definition.id, state.revision.rev
        progress(layer_id)
        digest = hashlib.sha256()
        for chunk in copied.published_chunks(layer_id, rev):
            digest.update(chunk)
        if digest.hexdigest() != source.sha256(layer_id, rev):
            raise StorageFault(reason=f"{layer_id} r{rev}：复制后字节不同 / the copy has other bytes")
    before, after = (Audit(database, source.now).verify() for database in (source.database, target))
    if before != after:
        raise StorageFault(reason=f"审计链不同 / the audit chains differ: {before} ≠ {after}")
    return {state.definition.id: state.revision.rev for state in copied.layers()}
