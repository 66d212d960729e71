"""Published files against the store: publish the head, keep what people edited by hand, set right what a crash left."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from geo_service.core.geojson import load_line
from geo_service.core.revisions import Change, compare
from geo_service.errors import GeoServiceError, StorageFault
from geo_service.storage import definitions, rows
from geo_service.storage.exports import Kept, Stamp
from geo_service.storage.file_fault import FileFault, decode_text
from geo_service.storage.files import hash_file, read_chunks, write_file
from geo_service.storage.layer_file import read_features, to_feature
from geo_service.storage.splice import spliced

if TYPE_CHECKING:
    from geo_service.storage.store import LayerStore

SPLICED_FROM = 3_000
SPLICED = 2_000
"""Layers of more features, of which no more have changed, are published by splicing."""
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One thing that was found and set right at start.

    ``missing`` and ``stale`` files were published again; ``failed`` ones could not be, for ``reason``. An ``external``
    file was edited by hand: it is kept as ``file``, made from revision ``base``; ``changes`` lead from there to it,
    ``reason`` tells why it does not read. A GeoJSON file of no layer is ``external`` too, and stays where it is.
    """

    kind: Literal["missing", "stale", "failed", "external"]
    layer: str
    file: Path
    base: int = 0
    at: str = ""
    changes: tuple[Change, ...] = ()
    reason: str = ""


def publish(store: LayerStore, layer_id: str, first: Path | None = None) -> str:
    """The hash of the published head, of revision 1 out of a file that holds its bytes, within
    ``store.publishing``."""
    state = store.layer(layer_id)
    rev = state.revision.rev
    stamp = _trusted_stamp(store, layer_id)
    _publish_definition(store, layer_id, definitions.to_toml(state.definition).encode())
    if stamp and stamp.rev == rev:
        return stamp.sha256
    if stamp is None:
        _keep_hand_edit(store, layer_id)
    chunks = read_chunks(first) if first is not None and rev == 1 else _chunks(store, layer_id, rev, stamp)
    sha256 = store.exports.write(layer_id, rev, chunks)
    known = store.revision(layer_id, rev).sha256
    if not known:
        store.set_sha256(layer_id, rev, sha256)
    elif known != sha256:
        raise StorageFault(reason=f"{layer_id} r{rev}: {known[:12]} ≠ {sha256[:12]}")
    return sha256


def _chunks(store: LayerStore, layer_id: str, rev: int, stamp: Stamp | None) -> Iterable[bytes]:
    """The published bytes of the head, spliced from the file that is there where few features changed since."""
    if stamp is None or store.layer(layer_id).count <= SPLICED_FROM:
        return store.published_chunks(layer_id, rev)
    with store.database.reading() as connection:
        if rows.count_changes(connection, layer_id, stamp.rev, rev) > SPLICED:
            return store.published_chunks(layer_id, rev)
        ended = [load_line(line).id for line in rows.read_ended(connection, layer_id, stamp.rev, rev)]
        begun = {load_line(line).id: line for line in rows.read_begun(connection, layer_id, stamp.rev, rev)}
    return spliced(store.exports.path(layer_id), layer_id, rev, {**dict.fromkeys(ended), **begun})


def recover(store: LayerStore) -> tuple[Recovery, ...]:
    """What was set right, layer by layer, and every hand-edited file that waits."""
    found = [item for state in store.layers() for item in _recover_layer(store, state.definition.id)]
    kept = [_external(store, kept) for kept in store.exports.kept()]
    return (*found, *kept, *_strangers(store))


def _recover_layer(store: LayerStore, layer_id: str) -> list[Recovery]:
    path = store.exports.path(layer_id)
    with store.publishing(layer_id):
        try:
            state = _file_state(store, layer_id)
            found = hash_file(path) if state == "stale" else ""
            publish(store, layer_id)
        except (OSError, GeoServiceError) as error:
            LOG.exception("cannot publish %s", layer_id)
            return [Recovery(kind="failed", layer=layer_id, file=path, reason=str(error))]
        if state == "current" or found in {kept.sha256 for kept in store.exports.kept()}:
            return []
    return [Recovery(kind=state, layer=layer_id, file=path)]


def _strangers(store: LayerStore) -> list[Recovery]:
    known = {state.definition.id for state in store.layers()}
    paths = sorted(store.exports.path("any").parent.glob("*.geojson"))
    reason = "没有这个图层 / there is no such layer"
    return [Recovery(kind="external", layer=p.stem, file=p, reason=reason) for p in paths if p.stem not in known]


def _trusted_stamp(store: LayerStore, layer_id: str) -> Stamp | None:
    """What the file holds, where nobody touched it since and this very store wrote it (not one that was lost)."""
    stamp = store.exports.untouched(layer_id)
    if stamp is None or not 1 <= stamp.rev <= store.layer(layer_id).revision.rev:
        return None
    return stamp if store.sha256(layer_id, stamp.rev) == stamp.sha256 else None


def _file_state(store: LayerStore, layer_id: str) -> Literal["current", "missing", "stale"]:
    path = store.exports.path(layer_id)
    if not path.exists():
        return "missing"
    head = store.layer(layer_id).revision
    stamp = _trusted_stamp(store, layer_id)
    if stamp and stamp.rev == head.rev:
        return "current"
    if store.exports.claimed_rev(layer_id) == head.rev and hash_file(path) == store.sha256(layer_id, head.rev):
        store.exports.stamp(layer_id, head.rev, store.sha256(layer_id, head.rev))
        return "current"
    return "stale"


def _keep_hand_edit(store: LayerStore, layer_id: str) -> None:
    """Put the published file aside, where it holds no revision of ours and not the same features either."""
    path = store.exports.path(layer_id)
    if not path.exists() or _is_ours(store, layer_id):
        return
    base = _base(store, layer_id)
    changes, reason = _edits(store, layer_id, path, base)
    if changes or reason:
        store.exports.keep(layer_id, path, base=base, at=store.timestamp())


def _publish_definition(store: LayerStore, layer_id: str, data: bytes) -> None:
    path = store.exports.definition_path(layer_id)
    if not path.exists() or path.read_bytes() != data:
        _keep_definition_edit(store, layer_id)
        write_file(path, [data])


def _keep_definition_edit(store: LayerStore, layer_id: str) -> None:
    """Put the published definition aside, where it says something no revision of the layer said."""
    path = store.exports.definition_path(layer_id)
    if not path.exists():
        return
    with suppress(FileFault):
        if definitions.from_toml(path.read_bytes()) in store.definitions(layer_id):
            return
    store.exports.keep(layer_id, path, base=store.layer(layer_id).revision.rev, at=store.timestamp())


def _is_ours(store: LayerStore, layer_id: str) -> bool:
    rev = store.exports.claimed_rev(layer_id)
    if not 1 <= rev <= store.layer(layer_id).revision.rev:
        return False
    return hash_file(store.exports.path(layer_id)) == store.sha256(layer_id, rev)


def _base(store: LayerStore, layer_id: str) -> int:
    """The revision a hand-edited file was made from: what it says, else what we published last, else the head."""
    head = store.layer(layer_id).revision.rev
    stamp = store.exports.last_stamp(layer_id)
    guesses = (store.exports.claimed_rev(layer_id), stamp.rev if stamp else 0)
    return next((rev for rev in guesses if 1 <= rev <= head), head)


def _edits(store: LayerStore, layer_id: str, path: Path, base: int) -> tuple[tuple[Change, ...], str]:
    try:
        text = decode_text(path.read_bytes())
        features = [to_feature(body, line) for line, body in read_features(text)]
        return compare(store.snapshot(layer_id, base).features, features), ""
    except (FileFault, GeoServiceError, OSError) as error:
        return (), str(error)


def _external(store: LayerStore, kept: Kept) -> Recovery:
    path = store.exports.kept_folder / kept.file
    changes, reason = ((), "") if path.suffix == ".toml" else _edits(store, kept.layer, path, kept.base)
    return Recovery(
        kind="external", layer=kept.layer, file=path, base=kept.base, at=kept.at, changes=changes, reason=reason
    )
