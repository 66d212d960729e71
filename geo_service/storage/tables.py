"""The tables, as SQLAlchemy Core metadata; the same on SQLite and PostgreSQL.

A feature version lives from ``rev_from`` up to, but not including, ``rev_to`` (NULL while current). As-of read of
revision ``r``: ``rev_from <= r AND (rev_to IS NULL OR rev_to > r)``.
"""

from __future__ import annotations

from sqlalchemy import DDL, CheckConstraint, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, event

SCHEMA_VERSION = 1
"""Raised with every change of these tables; a store of a newer version is refused, an older one is migrated."""

MIGRATIONS: dict[int, tuple[str, ...]] = {}
"""Statements that lead from a version of the tables to the next; new tables and indexes are made without them."""

metadata = MetaData()

BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by its UTF-8 bytes on both databases, as published files are sorted."""


def _text(name: str) -> Column[str]:
    return Column(name, BYTEWISE, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


store_info = Table(
    "store_info",
    metadata,
    Column("key", BYTEWISE, primary_key=True),
    _text("value"),
)

layer = Table(
    "layer",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("rev", Integer, nullable=False),
    _text("retired_at"),
)

definition = Table(
    "definition",
    metadata,
    Column("layer", BYTEWISE, ForeignKey("layer.id"), primary_key=True),
    Column("rev", Integer, primary_key=True),
    _text("body"),
    comment="what a layer was from this revision on",
)

revision = Table(
    "revision",
    metadata,
    Column("layer", BYTEWISE, ForeignKey("layer.id"), primary_key=True),
    Column("rev", Integer, primary_key=True),
    _count("parent"),
    Column(
        "kind",
        BYTEWISE,
        CheckConstraint("kind IN ('seed', 'upload', 'edit', 'merge', 'rollback', 'external')"),
        nullable=False,
    ),
    _text("draft"),
    _text("author"),
    _text("approver"),
    _text("note"),
    _text("at"),
    _count("n_add"),
    _count("n_mod"),
    _count("n_del"),
    _count("n_all"),
    _count("definition_rev"),
    _text("sha256"),
)

feature_version = Table(
    "feature_version",
    metadata,
    Column("layer", BYTEWISE, ForeignKey("layer.id"), primary_key=True),
    Column("fid", BYTEWISE, primary_key=True),
    Column("rev_from", Integer, primary_key=True),
    Column("rev_to", Integer),
    _text("body"),
    _text("sha8"),
    Column("minx", Float),
    Column("miny", Float),
    Column("maxx", Float),
    Column("maxy", Float),
)
_CURRENT = feature_version.c.rev_to.is_(None)
_ENDED = feature_version.c.rev_to.is_not(None)
Index(
    "feature_version_current",
    feature_version.c.layer,
    feature_version.c.fid,
    unique=True,
    sqlite_where=_CURRENT,
    postgresql_where=_CURRENT,
)
Index("feature_version_from", feature_version.c.layer, feature_version.c.rev_from)
Index(
    "feature_version_to",
    feature_version.c.layer,
    feature_version.c.rev_to,
    sqlite_where=_ENDED,
    postgresql_where=_ENDED,
)

upload = Table(
    "upload",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    _text("sha256"),
    _text("name"),
    _count("size"),
    _text("format"),
    _text("encoding"),
    _text("crs_declared"),
    _text("crs_used"),
    _text("kept_path"),
    _text("by"),
    _text("at"),
)

draft = Table(
    "draft",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("layer", BYTEWISE, nullable=False),
    _count("base_rev"),
    _text("owner"),
    _text("state"),
    _text("mode"),
    _text("note"),
    _text("upload"),
    _text("report"),
    _text("created"),
    _text("updated"),
)
Index("draft_state", draft.c.state, draft.c.layer)

draft_comment = Table(
    "draft_comment",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("draft", BYTEWISE, ForeignKey("draft.id"), nullable=False, index=True),
    _text("at"),
    _text("author"),
    _text("fid"),
    _text("text"),
)

draft_change = Table(
    "draft_change",
    metadata,
    Column("draft", BYTEWISE, ForeignKey("draft.id"), primary_key=True),
    Column("fid", BYTEWISE, primary_key=True),
    _text("op"),
    _text("body"),
    _count("base_rev_from"),
    _text("decision"),
    _text("comment"),
)

account = Table(
    "account",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    _text("display"),
    _text("password"),
    _text("grants"),
    Column("active", Integer, nullable=False, server_default="1"),
    _text("created"),
    _text("signed_in"),
)

token = Table(
    "token",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("account", BYTEWISE, ForeignKey("account.name"), nullable=False),
    _text("title"),
    Column("hash", BYTEWISE, nullable=False, unique=True),
    _text("created"),
    _text("expires"),
    _text("used"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _text("at"),
    _text("actor"),
    _text("ip"),
    _text("action"),
    _text("target"),
    _text("detail"),
    _text("prev_hash"),
    _text("hash"),
)

edition = Table(
    "edition",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    _text("at"),
    _text("by"),
    _text("note"),
    _text("heads"),
    comment="a named set of revisions, one of each layer",
)

saved_result = Table(
    "saved_result",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    _text("name"),
    _text("question"),
    _text("author"),
    _text("at"),
    _text("head"),
    _text("body"),
    comment="an answer as it was given: head is what lists show, body all of it, both JSON",
)

_GEOMETRY = r"""
CREATE OR REPLACE FUNCTION geo_service_geometry(body text) RETURNS geometry
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF NOT starts_with(body, '{"geometry":{') THEN RETURN NULL; END IF;
    RETURN ST_Force2D(ST_SetSRID(ST_GeomFromGeoJSON(substr(body, 13, strpos(body, ',"id":') - 13)), 4490));
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$
"""
"""The geometry stands first in a canonical line. It is cut out as text: ``body::json`` refuses U+0000 in a name. What
PostGIS cannot build stays in the line and has no shape here; a commit never fails because of it."""
_COLUMN = (
    "ALTER TABLE feature_version ADD COLUMN geom geometry(Geometry, 4490) "
    "GENERATED ALWAYS AS (geo_service_geometry(body)) STORED"
)
_INDEX = "CREATE INDEX feature_version_geom ON feature_version USING gist (geom) WHERE rev_to IS NULL"

for _moment, _statement in (("before_create", _GEOMETRY), ("after_create", _COLUMN), ("after_create", _INDEX)):
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy 2.1 leaves this constructor untyped
    event.listen(feature_version, _moment, _ddl.execute_if(dialect="postgresql"))
