"""The tables are the same on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from geo_service.storage import tables


def statements(url: str) -> str:
    found: list[str] = []
    dialect = (postgresql if url.startswith("postgresql") else sqlite).dialect()
    engine = create_mock_engine(url, lambda sql, *_, **__: found.append(str(sql.compile(dialect=dialect))))
    tables.metadata.create_all(engine, checkfirst=False)
    return "\n".join(found)


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()])
def test_every_table_and_index_compiles_on_both_databases(dialect: object) -> None:
    for table in tables.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))  # type: ignore[arg-type]  # one of two dialects
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))  # type: ignore[arg-type]  # one of two dialects


def test_feature_ids_sort_by_bytes_on_postgresql() -> None:
    table = str(CreateTable(tables.feature_version).compile(dialect=postgresql.dialect()))
    assert 'fid TEXT COLLATE "C"' in table
    assert 'layer TEXT COLLATE "C"' in table


def test_only_postgresql_has_a_geometry_column() -> None:
    assert "geometry" not in statements("sqlite://")


def test_every_column_of_the_history_is_there() -> None:
    expected = {
        "revision": "layer rev parent kind draft author approver note at n_add n_mod n_del n_all definition_rev sha256",
        "feature_version": "layer fid rev_from rev_to body sha8 minx miny maxx maxy",
        "audit": "seq at actor ip action target detail prev_hash hash",
    }
    for name, columns in expected.items():
        assert {c.name for c in tables.metadata.tables[name].columns} >= set(columns.split())
