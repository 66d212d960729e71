"""Feature versions and revisions as rows: the SQL of the store, one statement a function."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, and_, bindparam, func, insert, or_, select, update

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line
from geo_service.core.revisions import Revision
from geo_service.storage.bulk import insert_values
from geo_service.storage.tables import definition, feature_version, layer, revision

BATCH = 500
"""Feature ids in one statement (SQLite takes at most 32 766 parameters)."""
CHUNK = 2_000
"""Rows read at once while streaming; no connection is held in between."""

Item = TypeVar("Item")
Bounds = tuple[float, float, float, float]
NOWHERE = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class StoredFeature:
    """One row of a revision: its id, canonical line and bbox (None while unlocated)."""

    fid: str
    line: str
    bbox: Bounds | None


def batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """Items in lists of at most ``size``."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def stored(feature: Feature) -> StoredFeature:
    """A feature as it is kept."""
    return StoredFeature(feature.id, dump_line(feature), bounds(feature.geometry))


def bounds(geometry: Mapping[str, Any] | None) -> Bounds | None:
    """The bbox of a GeoJSON geometry at 7 decimals, or None for missing and empty."""
    points = [p for line in _lines(geometry) for p in line] if geometry else []
    if not points:
        return None
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return (round(float(min(xs)), 7), round(float(min(ys)), 7), round(float(max(xs)), 7), round(float(max(ys)), 7))


def _lines(geometry: Mapping[str, Any]) -> Iterable[Sequence[Sequence[float]]]:
    """Lists of positions that together hold every position of a geometry."""
    if geometry["type"] == "GeometryCollection":
        return [line for part in geometry["geometries"] for line in _lines(part)]
    coordinates = geometry["coordinates"]
    match geometry["type"]:
        case "Point":
            return [[coordinates]] if coordinates else []
        case "MultiPoint" | "LineString":
            return [coordinates]
        case "MultiPolygon":
            return [ring for polygon in coordinates for ring in polygon]
        case _:
            return list(coordinates)


def live_at(rev: int | BindParameter[int]) -> ColumnElement[bool]:
    """Rows that stand in a revision."""
    columns = feature_version.c
    return and_(columns.rev_from <= rev, or_(columns.rev_to.is_(None), columns.rev_to > rev))


_ONE_LINE = select(feature_version.c.body).where(
    feature_version.c.layer == bindparam("wanted_layer"),
    feature_version.c.fid == bindparam("wanted_fid"),
    live_at(bindparam("wanted_rev")),
)
"""Built once: putting the statement together took twice as long as carrying it out."""


def read_chunk(connection: Connection, layer_id: str, rev: int, after: str, size: int = CHUNK) -> list[StoredFeature]:
    """Features of a revision with ids behind ``after``, in order of id."""
    columns = feature_version.c
    question = (
        select(columns.fid, columns.body, columns.minx, columns.miny, columns.maxx, columns.maxy)
        .where(columns.layer == layer_id, columns.fid > after, live_at(rev))
        .order_by(columns.fid)
        .limit(size)
    )
    return [
        StoredFeature(fid, body, None if minx is None else (minx, miny, maxx, maxy))
        for fid, body, minx, miny, maxx, maxy in connection.execute(question)
    ]


def read_all(connection: Connection, layer_id: str, rev: int) -> Iterator[str]:
    """Canonical lines of a revision within one connection."""
    columns = feature_version.c
    question = select(columns.body).where(columns.layer == layer_id, live_at(rev)).order_by(columns.fid)
    for row in connection.execute(question):
        yield row[0]


def read_line(connection: Connection, layer_id: str, fid: str, rev: int) -> str | None:
    """The canonical line of one feature in a revision, or None."""
    return connection.execute(_ONE_LINE, {"wanted_layer": layer_id, "wanted_fid": fid, "wanted_rev": rev}).scalar()


def read_current(connection: Connection, layer_id: str, fids: Iterable[str]) -> dict[str, str]:
    """Current canonical lines of those ids that have one."""
    columns = feature_version.c
    found: dict[str, str] = {}
    for batch in batches(fids):
        question = select(columns.fid, columns.body).where(
            columns.layer == layer_id, columns.fid.in_(batch), columns.rev_to.is_(None)
        )
        found.update((fid, body) for fid, body in connection.execute(question).all())
    return found


def first_touched_after(connection: Connection, layer_id: str, fids: Iterable[str], base: int) -> str | None:
    """The first of these ids that a revision after ``base`` added, changed or deleted."""
    columns = feature_version.c
    for batch in batches(sorted(fids)):
        question = (
            select(columns.fid)
            .where(
                columns.layer == layer_id,
                columns.fid.in_(batch),
                or_(columns.rev_from > base, columns.rev_to > base),
            )
            .order_by(columns.fid)
            .limit(1)
        )
        fid = connection.execute(question).scalar()
        if fid is not None:
            return str(fid)
    return None


def end_versions(connection: Connection, layer_id: str, fids: Iterable[str], rev: int) -> None:
    """End the current version of these ids at a revision."""
    columns = feature_version.c
    for batch in batches(fids):
        connection.execute(
            update(feature_version)
            .where(columns.layer == layer_id, columns.fid.in_(batch), columns.rev_to.is_(None))
            .values(rev_to=rev)
        )


def add_versions(connection: Connection, layer_id: str, features: Iterable[StoredFeature], rev: int) -> int:
    """Begin a version of each feature at a revision; how many they were."""
    count = 0
    for batch in batches(features, CHUNK):
        insert_values(connection, feature_version, VERSION, [_version(layer_id, row, rev) for row in batch])
        count += len(batch)
    return count


VERSION = ("layer", "fid", "rev_from", "rev_to", "body", "sha8", "minx", "miny", "maxx", "maxy")


def _version(layer_id: str, row: StoredFeature, rev: int) -> tuple[Any, ...]:
    sha8 = hashlib.sha256(row.line.encode()).hexdigest()[:16]
    return (layer_id, row.fid, rev, None, row.line, sha8, *(row.bbox or NOWHERE))


def read_ended(connection: Connection, layer_id: str, low: int, high: int) -> Iterator[str]:
    """Canonical lines that stand in ``low`` and no longer, or no longer so, in ``high``."""
    columns = feature_version.c
    question = select(columns.body).where(
        columns.layer == layer_id, columns.rev_to > low, columns.rev_to <= high, columns.rev_from <= low
    )
    return (row[0] for row in connection.execute(question))


def read_begun(connection: Connection, layer_id: str, low: int, high: int) -> Iterator[str]:
    """Canonical lines that stand in ``high`` and not yet, or not yet so, in ``low``."""
    columns = feature_version.c
    question = select(columns.body).where(
        columns.layer == layer_id,
        columns.rev_from > low,
        columns.rev_from <= high,
        or_(columns.rev_to.is_(None), columns.rev_to > high),
    )
    return (row[0] for row in connection.execute(question))


def count_changes(connection: Connection, layer_id: str, low: int, high: int) -> int:
    """How many features the revisions after ``low`` up to ``high`` added, changed or deleted, told by their records."""
    columns = revision.c
    question = select(func.coalesce(func.sum(columns.n_add + columns.n_mod + columns.n_del), 0)).where(
        columns.layer == layer_id, columns.rev > low, columns.rev <= high
    )
    return int(connection.execute(question).scalar_one())


def read_touches(connection: Connection, layer_id: str, fid: str) -> frozenset[int]:
    """Numbers of the revisions that added, changed or deleted a feature."""
    columns = feature_version.c
    question = select(columns.rev_from, columns.rev_to).where(columns.layer == layer_id, columns.fid == fid)
    return frozenset(rev for row in connection.execute(question) for rev in row if rev is not None)


def read_head(connection: Connection, layer_id: str) -> Row[Any] | None:
    """The head revision's row of a layer, or None where there is no such layer."""
    question = (
        select(revision)
        .join(layer, and_(layer.c.id == revision.c.layer, layer.c.rev == revision.c.rev))
        .where(layer.c.id == layer_id)
    )
    return connection.execute(question).first()


def read_heads(connection: Connection) -> Sequence[Row[Any]]:
    """Head revision and definition of every layer that is not retired, in order of id."""
    question = (
        select(revision, definition.c.body.label("definition"))
        .join(layer, and_(layer.c.id == revision.c.layer, layer.c.rev == revision.c.rev))
        .join(
            definition,
            and_(definition.c.layer == revision.c.layer, definition.c.rev == revision.c.definition_rev),
        )
        .where(layer.c.retired_at == "")
        .order_by(layer.c.id)
    )
    return connection.execute(question).all()


def read_revision(connection: Connection, layer_id: str, rev: int) -> Row[Any] | None:
    """A revision's row, or None."""
    question = select(revision).where(revision.c.layer == layer_id, revision.c.rev == rev)
    return connection.execute(question).first()


def read_revisions(connection: Connection, layer_id: str) -> Sequence[Row[Any]]:
    """All revisions of a layer, newest first."""
    question = select(revision).where(revision.c.layer == layer_id).order_by(revision.c.rev.desc())
    return connection.execute(question).all()


def read_definition(connection: Connection, layer_id: str, definition_rev: int) -> str:
    """The definition that began with a revision, as JSON."""
    question = select(definition.c.body).where(definition.c.layer == layer_id, definition.c.rev == definition_rev)
    return str(connection.execute(question).scalar_one())


def read_definitions(connection: Connection, layer_id: str) -> Sequence[str]:
    """Every definition of a layer as JSON, newest first."""
    question = select(definition.c.body).where(definition.c.layer == layer_id).order_by(definition.c.rev.desc())
    return connection.execute(question).scalars().all()


def add_definition(connection: Connection, layer_id: str, rev: int, body: str) -> None:
    """Keep a definition from a revision on."""
    connection.execute(insert(definition).values(layer=layer_id, rev=rev, body=body))


def add_layer(connection: Connection, layer_id: str) -> None:
    """Make room for a layer, before its first revision."""
    connection.execute(insert(layer).values(id=layer_id, rev=0))


def add_revision(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a revision and make it the head of its layer."""
    connection.execute(insert(revision).values(**values))
    connection.execute(update(layer).where(layer.c.id == values["layer"]).values(rev=values["rev"]))


def set_hash(connection: Connection, layer_id: str, rev: int, sha256: str) -> None:
    """Keep the hash of a revision's published bytes, where it is not known yet."""
    connection.execute(
        update(revision)
        .where(revision.c.layer == layer_id, revision.c.rev == rev, revision.c.sha256 == "")
        .values(sha256=sha256)
    )


def to_revision(row: Any) -> Revision:
    """A revision from its row."""
    return Revision(
        layer=row.layer,
        rev=row.rev,
        parent=row.parent,
        kind=row.kind,
        author=row.author,
        approver=row.approver,
        draft=row.draft,
        note=row.note,
        at=row.at,
        added=row.n_add,
        modified=row.n_mod,
        deleted=row.n_del,
        sha256=row.sha256,
    )
