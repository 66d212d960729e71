"""Layers with history: read any revision, commit changes, publish files.

Nothing is overwritten: a commit ends the versions it replaces and begins new ones under the next revision number.
Whatever a revision holds never changes, so everything derived from it may be kept for ever.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_collection, load_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Change, Revision, RevisionKind, Snapshot, changed_fields, compare
from geo_service.errors import (
    Conflict,
    EditConflict,
    FeatureNotFound,
    LayerNotFound,
    RevisionNotFound,
    StorageFault,
)
from geo_service.storage import definitions, recovery, rows
from geo_service.storage.engine import Database, open_database
from geo_service.storage.exports import Background, Exports, Kept
from geo_service.storage.heads import Heads, LayerState
from geo_service.storage.recovery import Recovery
from geo_service.storage.rows import StoredFeature

__all__ = ["LayerState", "LayerStore", "Recovery", "open_store"]

PUBLISHED_AT_ONCE = 3_000
"""Up to so many features a commit hashes and publishes before it returns (about 30 ms); larger layers are published by
a thread that takes commits together."""
PUBLISH_DELAY_S = 1.0


def open_store(url: str, home: Path, now: Callable[[], datetime.datetime]) -> LayerStore:
    """The store at a database URL, publishing into a home folder; open it after forking.

    Raises
    ------
    StorageFault
        The database cannot be opened, or lies on a network share.
    """
    return LayerStore(open_database(url), home, now)


class LayerStore:
    """Layers, their features at every revision, and their published files. Safe to share between threads."""

    def __init__(self, database: Database, home: Path, now: Callable[[], datetime.datetime]) -> None:
        self.database = database
        self.home = home
        self.exports = Exports(home)
        self.now = now
        self._heads = Heads(database)
        self._background = Background(self._export_and_tell, delay_s=PUBLISH_DELAY_S)
        self.after_publishing: Callable[[str], None] = lambda _: None
        """Called in a thread with the id of a published layer of more than :data:`PUBLISHED_AT_ONCE` features; closing
        does not wait for it."""
        self._afterwards = Background(self._tell, delay_s=0.0)

    def close(self) -> None:
        """Publish what waits and close the connections."""
        self._background.close()
        self.database.close()

    def rest(self) -> None:
        """Publish what waits, end the threads and close the connections; all of them come back when they are needed.

        What a process must do before it is forked: neither threads nor connections belong to two.
        """
        self._background.rest()
        self._afterwards.rest()
        self.database.close()
        self._heads.forget()

    # ---- reading

    def layers(self) -> tuple[LayerState, ...]:
        """Every layer as it is now, in order of id; cheap enough for every request."""
        return tuple(self._heads.read().values())

    def layer(self, layer_id: str) -> LayerState:
        """One layer as it is now.

        Raises
        ------
        LayerNotFound
            There is no layer of this id.
        """
        state = self._heads.read().get(layer_id)
        if state is None:
            raise LayerNotFound(layer=layer_id)
        return state

    def revision(self, layer_id: str, rev: int) -> Revision:
        """One revision of a layer.

        Raises
        ------
        LayerNotFound, RevisionNotFound
            There is no such layer or revision.
        """
        return rows.to_revision(self._revision_row(layer_id, self._resolve(layer_id, rev)))

    def revisions(self, layer_id: str) -> tuple[Revision, ...]:
        """All revisions of a layer, newest first."""
        self.layer(layer_id)
        with self.database.reading() as connection:
            return tuple(map(rows.to_revision, rows.read_revisions(connection, layer_id)))

    def definition(self, layer_id: str, rev: int | None = None) -> LayerDefinition:
        """What the layer was at a revision (the head by default)."""
        row = self._revision_row(layer_id, self._resolve(layer_id, rev))
        with self.database.reading() as connection:
            return definitions.from_json(rows.read_definition(connection, layer_id, row.definition_rev))

    def definitions(self, layer_id: str) -> tuple[LayerDefinition, ...]:
        """Every definition the layer ever had, newest first."""
        with self.database.reading() as connection:
            return tuple(map(definitions.from_json, rows.read_definitions(connection, layer_id)))

    def snapshot(self, layer_id: str, rev: int | None = None) -> Snapshot:
        """Definition, revision and features (sorted by id) of a revision, the head by default."""
        wanted = self._resolve(layer_id, rev)
        features = tuple(map(load_line, self.lines(layer_id, wanted)))
        return Snapshot(self.definition(layer_id, wanted), self.revision(layer_id, wanted), features)

    def lines(self, layer_id: str, rev: int | None = None) -> Iterator[str]:
        """Canonical lines of a revision sorted by id, streamed; no connection is held between chunks."""
        return (row.line for row in self.rows(layer_id, rev))

    def rows(self, layer_id: str, rev: int | None = None) -> Iterator[StoredFeature]:
        """Ids, canonical lines and bboxes of a revision sorted by id, streamed."""
        return self._stream(layer_id, self._resolve(layer_id, rev))

    def count(self, layer_id: str, rev: int) -> int:
        """How many features a revision has.

        Raises
        ------
        LayerNotFound, RevisionNotFound
            There is no such layer or revision.
        """
        return int(self._revision_row(layer_id, self._resolve(layer_id, rev)).n_all)

    def feature(self, layer_id: str, fid: str, rev: int | None = None) -> Feature:
        """One feature of a revision, the head by default.

        Raises
        ------
        LayerNotFound, RevisionNotFound, FeatureNotFound
            There is no such layer, revision, or feature in it.
        """
        wanted = self._resolve(layer_id, rev)
        with self.database.reading() as connection:
            line = rows.read_line(connection, layer_id, fid, wanted)
        if line is None:
            raise FeatureNotFound(layer=layer_id, fid=fid)
        return load_line(line)

    def feature_history(self, layer_id: str, fid: str) -> tuple[Revision, ...]:
        """The revisions that added, changed or deleted a feature, newest first.

        Raises
        ------
        LayerNotFound, FeatureNotFound
            There is no such layer, or the layer never had this feature.
        """
        self.layer(layer_id)
        with self.database.reading() as connection:
            touches = rows.read_touches(connection, layer_id, fid)
            found = [rows.read_revision(connection, layer_id, rev) for rev in sorted(touches, reverse=True)]
        if not found:
            raise FeatureNotFound(layer=layer_id, fid=fid)
        return tuple(map(rows.to_revision, found))

    def difference(self, layer_id: str, a: int, b: int) -> tuple[Change, ...]:
        """Changes that lead from revision ``a`` to ``b``, by id; ``b`` may be the older one."""
        low, high = sorted((self._resolve(layer_id, a), self._resolve(layer_id, b)))
        with self.database.reading() as connection:
            older = [load_line(line) for line in rows.read_ended(connection, layer_id, low, high)]
            newer = [load_line(line) for line in rows.read_begun(connection, layer_id, low, high)]
        return compare(older, newer) if a <= b else compare(newer, older)

    def sha256(self, layer_id: str, rev: int) -> str:
        """The hash of a revision's published bytes; worked out once where no file of it was ever published."""
        row = self._revision_row(layer_id, self._resolve(layer_id, rev))
        if row.sha256:
            return str(row.sha256)
        sha256 = _hash(layer_id, rev, self.lines(layer_id, rev))
        self.set_sha256(layer_id, rev, sha256)
        return sha256

    def set_sha256(self, layer_id: str, rev: int, sha256: str) -> None:
        """Keep the hash of a revision's published bytes, where it is not known yet."""
        with self.database.writing() as connection:
            rows.set_hash(connection, layer_id, rev, sha256)

    # ---- writing

    def commit(
        self,
        layer_id: str,
        changes: Mapping[str, Feature | None],
        *,
        base: int,
        kind: RevisionKind,
        author: str,
        note: str,
        approver: str = "",
        draft: str = "",
    ) -> Revision:
        """The new head with these features set (None deletes), durable when this returns.

        ``base`` is the revision the author worked from. Changes that change nothing are left out; where none is left
        the present head comes back and no revision is made.

        Raises
        ------
        LayerNotFound, RevisionNotFound
            There is no such layer, or ``base`` is not one of its revisions.
        EditConflict
            A feature was touched after ``base``; nothing is changed.
        """
        wanted = {fid: _stored(fid, feature) for fid, feature in changes.items()}
        about = {"kind": kind, "author": author, "note": note, "approver": approver, "draft": draft}
        with self.database.writing() as connection:
            head = _head(connection, layer_id)
            if not 0 <= base <= head.rev:
                raise RevisionNotFound(layer=layer_id, rev=base)
            revision = self._apply(connection, head, wanted, base, about)
        if revision.rev != head.rev:
            self._publish(layer_id)
        return revision

    def create_layer(
        self,
        definition: LayerDefinition,
        features: Iterable[Feature],
        *,
        kind: RevisionKind = "seed",
        author: str,
        note: str,
    ) -> Revision:
        """Revision 1 of a new layer.

        Raises
        ------
        Conflict
            A layer of this id is there already.
        StorageFault
            A definition that cannot be used, or two features of one id.
        """
        begun = _unique(definition.id, map(rows.stored, features))
        revision = self.create_layer_of(definition, begun, kind=kind, author=author, note=note)
        self._publish(definition.id)
        return revision

    def create_layer_of(
        self,
        definition: LayerDefinition,
        stored: Iterable[StoredFeature],
        *,
        kind: RevisionKind,
        author: str,
        note: str,
    ) -> Revision:
        """Revision 1 of a new layer of rows that are ready and have different ids; whoever calls publishes it.

        Raises
        ------
        Conflict
            A layer of this id is there already.
        StorageFault
            A definition that cannot be used.
        """
        body = _usable(definition)
        about = {"kind": kind, "author": author, "note": note}
        with self.database.writing(many=True) as connection:
            if rows.read_head(connection, definition.id) is not None:
                raise Conflict(what=definition.id)
            rows.add_layer(connection, definition.id)
            rows.add_definition(connection, definition.id, 1, body)
            count = rows.add_versions(connection, definition.id, stored, 1)
            counts = {"parent": 0, "n_add": count, "n_mod": 0, "n_del": 0, "n_all": count}
            place = {"layer": definition.id, "rev": 1, "definition_rev": 1}
            return self._record(connection, {**place, **counts, **about})

    def update_definition(self, definition: LayerDefinition, *, author: str, note: str) -> Revision:
        """The new head with another definition and the same features; the present head where nothing differs."""
        body = _usable(definition)
        with self.database.writing() as connection:
            head = _head(connection, definition.id)
            if (
                definitions.from_json(rows.read_definition(connection, definition.id, head.definition_rev))
                == definition
            ):
                return rows.to_revision(head)
            rev = head.rev + 1
            rows.add_definition(connection, definition.id, rev, body)
            counts = {"parent": head.rev, "n_add": 0, "n_mod": 0, "n_del": 0, "n_all": head.n_all}
            about = {"kind": "edit", "author": author, "note": note}
            revision = self._record(
                connection, {"layer": definition.id, "rev": rev, "definition_rev": rev, **counts, **about}
            )
        self._publish(definition.id)
        return revision

    # ---- publishing

    def published_path(self, layer_id: str) -> Path:
        """The published GeoJSON file of a layer."""
        return self.exports.path(layer_id)

    def published_chunks(self, layer_id: str, rev: int) -> Iterator[bytes]:
        """The published bytes of any revision, made again from the rows."""
        return dump_collection(layer_id, rev, self.lines(layer_id, rev))

    def export(self, layer_id: str, first: Path | None = None) -> str:
        """The hash of the published file, written unless it holds the head already.

        Safe from several processes at once. A file edited by hand is kept aside first. ``first`` holds the bytes of
        revision 1, made along with its rows.
        """
        with self.publishing(layer_id):
            return recovery.publish(self, layer_id, first)

    @contextmanager
    def publishing(self, layer_id: str) -> Iterator[None]:
        """Hold the export lock of a layer, and know all that was committed before it was taken.

        Heads that are behind would take the file another process has just published for one edited by hand. Those of
        SQLite never are: its counter of commits is exact, and reading them again would add 1 ms to each commit.
        """
        with self.exports.locked(layer_id):
            if not self.database.is_embedded:
                self._heads.reload()
            yield

    def _export_and_tell(self, layer_id: str) -> None:
        self.export(layer_id)
        self.follow_up(layer_id)

    def _tell(self, layer_id: str) -> None:
        self.after_publishing(layer_id)

    def publish_soon(self, layer_id: str) -> None:
        """Publish a layer in the background, and do what follows from that, where it is not done yet."""
        self._background.request(layer_id)

    def follow_up(self, layer_id: str) -> None:
        """Do in the background what follows from a layer's having been published, by whatever process."""
        if self.layer(layer_id).count > PUBLISHED_AT_ONCE:
            self._afterwards.request(layer_id)

    def flush(self) -> None:
        """Wait until every commit so far is published."""
        self._background.drain()

    def recover(self) -> tuple[Recovery, ...]:
        """What was found at start and set right: files missing, behind, or edited by hand (every one ever kept)."""
        return recovery.recover(self)

    def external_edits(self) -> tuple[Kept, ...]:
        """Hand-edited files that wait in ``drafts-external``, oldest first."""
        return self.exports.kept()

    @property
    def export_problems(self) -> Mapping[str, str]:
        """Layers whose last export failed, with the reason; their data is safe in the store."""
        return self._background.problems

    def timestamp(self) -> str:
        """The time as revisions carry it: UTC, ISO 8601, to the second."""
        return self.now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # ---- inside

    def _resolve(self, layer_id: str, rev: int | None) -> int:
        head = self.layer(layer_id).revision.rev
        if rev is None:
            return head
        if not 1 <= rev <= head:
            raise RevisionNotFound(layer=layer_id, rev=rev)
        return rev

    def _revision_row(self, layer_id: str, rev: int) -> Any:
        with self.database.reading() as connection:
            row = rows.read_revision(connection, layer_id, rev)
        if row is None:
            raise RevisionNotFound(layer=layer_id, rev=rev)
        return row

    def _stream(self, layer_id: str, rev: int) -> Iterator[StoredFeature]:
        after = ""
        while True:
            with self.database.reading() as connection:
                chunk = rows.read_chunk(connection, layer_id, rev, after)
            yield from chunk
            if len(chunk) < rows.CHUNK:
                return
            after = chunk[-1].fid

    def _apply(
        self,
        connection: Connection,
        head: Any,
        wanted: Mapping[str, StoredFeature | None],
        base: int,
        about: Mapping[str, Any],
    ) -> Revision:
        current = rows.read_current(connection, head.layer, wanted)
        effective = {fid: row for fid, row in wanted.items() if _differs(current.get(fid), row)}
        if not effective:
            return rows.to_revision(head)
        touched = rows.first_touched_after(connection, head.layer, effective, base) if base < head.rev else None
        if touched is not None:
            raise EditConflict(fid=touched, base=base, head=head.rev)
        rev = head.rev + 1
        rows.end_versions(connection, head.layer, effective.keys() & current.keys(), rev)
        rows.add_versions(connection, head.layer, [row for row in effective.values() if row], rev)
        counts = _counts(effective, current, head.n_all)
        place = {"layer": head.layer, "rev": rev, "parent": base, "definition_rev": head.definition_rev}
        return self._record(connection, {**place, **counts, **about})

    def _record(self, connection: Connection, values: dict[str, Any]) -> Revision:
        layer_id, rev = values["layer"], values["rev"]
        values["at"] = self.timestamp()
        if values["n_all"] <= PUBLISHED_AT_ONCE:
            values["sha256"] = _hash(layer_id, rev, rows.read_all(connection, layer_id, rev))
        rows.add_revision(connection, values)
        return rows.to_revision(rows.read_revision(connection, layer_id, rev))

    def _publish(self, layer_id: str) -> None:
        if self.layer(layer_id).count <= PUBLISHED_AT_ONCE:
            self._background.run(layer_id)
        else:
            self._background.request(layer_id)


def _head(connection: Connection, layer_id: str) -> Any:
    head = rows.read_head(connection, layer_id)
    if head is None:
        raise LayerNotFound(layer=layer_id)
    return head


def _usable(definition: LayerDefinition) -> str:
    for path, reason in definitions.misfits(definition):
        raise StorageFault(reason=f"{definition.id} {path}: {reason}")
    return definitions.to_json(definition)


def _unique(layer_id: str, features: Iterable[StoredFeature]) -> tuple[StoredFeature, ...]:
    found: dict[str, StoredFeature] = {}
    for row in features:
        if found.setdefault(row.fid, row) is not row:
            raise StorageFault(reason=f"{layer_id}: 编号重复 / two features of id {row.fid}")
    return tuple(found.values())


def _stored(fid: str, feature: Feature | None) -> StoredFeature | None:
    if feature is None:
        return None
    if feature.id != fid:
        raise ValueError(f"change of {fid} carries feature {feature.id}")
    return rows.stored(feature)


def _differs(line: str | None, row: StoredFeature | None) -> bool:
    if line is None or row is None:
        return (line is None) != (row is None)
    return line != row.line and bool(changed_fields(load_line(line), load_line(row.line)))


def _counts(effective: Mapping[str, StoredFeature | None], current: Mapping[str, str], n_before: int) -> dict[str, int]:
    deleted = sum(row is None for row in effective.values())
    modified = sum(row is not None and fid in current for fid, row in effective.items())
    added = len(effective) - deleted - modified
    return {"n_add": added, "n_mod": modified, "n_del": deleted, "n_all": n_before + added - deleted}


def _hash(layer_id: str, rev: int, lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for chunk in dump_collection(layer_id, rev, lines):
        digest.update(chunk)
    return digest.hexdigest()
