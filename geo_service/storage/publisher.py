"""Published revisions (:mod:`geo_service.storage.published`), built on demand, thrown away and rebuilt at will."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path

from geo_service.errors import BeingPrepared, GeoServiceError, StorageFault
from geo_service.storage.building import LARGE, Beside, Workshop
from geo_service.storage.column_files import FOLDER as COLUMNS
from geo_service.storage.elsewhere import Errands, do_elsewhere
from geo_service.storage.files import read_chunks, write_file
from geo_service.storage.lookup import count_changes
from geo_service.storage.packing import PUBLISHED, SIDES
from geo_service.storage.published import PublishedRevision
from geo_service.storage.store import LayerStore, open_store

KEPT_FOLDERS = 4
"""Revisions of a layer whose folders stay; others go ten minutes after they were last opened by a process."""
GRACE_S = 600
KEPT_OPEN = 256
OVERLAY = 2_000
"""So many changes since a built revision are laid over it for good when a later one is read."""
OVERLAY_MEANWHILE = 50_000
"""So many are laid over it until the later one is built, so that nobody waits for that."""
LAST = SIDES
"""What a folder lacks that an older release has built."""


class Publisher:
    """Published revisions of a store, one folder each, shared by all processes of a home."""

    def __init__(self, store: LayerStore, home: Path, *, large: int = LARGE, beside: Beside | None = None) -> None:
        """``beside``, a function of a module, is called where a large layer is built."""
        self._store = store
        self.workshop = Workshop(home, large, beside)
        self.errands = Errands()
        self._open: OrderedDict[tuple[str, int], PublishedRevision] = OrderedDict()
        self._lock = threading.Lock()

    def revision(self, layer_id: str, rev: int | None = None, *, wait: bool = False) -> PublishedRevision:
        """A revision ready to send, the head by default; built where its folder is not there.

        Raises
        ------
        LayerNotFound, RevisionNotFound
            There is no such layer or revision.
        BeingPrepared
            It is being built; not with ``wait``, nor where everybody waits (:class:`Errands`).
        """
        wanted = self._store.layer(layer_id).revision.rev if rev is None else rev
        key = (layer_id, wanted)
        ready = self._open.get(key)
        if ready is None or not ready.folder.exists():
            if self.is_large(layer_id) and not self._built(layer_id, wanted):
                address = self._store.database.secret_address
                build = partial(do_elsewhere, _build_elsewhere, address, self.workshop, layer_id, wanted)
                if not self.errands.run(key, build, wait=wait):
                    raise BeingPrepared(layer=layer_id)
            ready = self._find(layer_id, wanted)
        return self._keep(key, ready)

    def at_hand(self, layer_id: str, rev: int) -> PublishedRevision | None:
        """A revision that is open in this process, None of any other."""
        ready = self._open.get((layer_id, rev))
        return ready if ready is not None and ready.folder.exists() else None

    def is_large(self, layer_id: str) -> bool:
        """Whether a layer is asked through columns, not held in memory."""
        return self.is_large_of(self._store.layer(layer_id).count)

    def is_large_of(self, count: int) -> bool:
        """Whether a layer of so many features is."""
        return self.workshop.is_large(count)

    def base(self, layer_id: str, rev: int, *, most: int = OVERLAY_MEANWHILE, wait: bool = False) -> PublishedRevision:
        """The latest built revision not after ``rev`` that at most so many changes lead from, else this one, built as
        :meth:`revision` does, which tells what is raised.
        """
        self._store.revision(layer_id, rev)
        for built in self._built_revisions(layer_id):
            if built <= rev and count_changes(self._store, layer_id, built, rev) <= most:
                return self.revision(layer_id, built, wait=wait)
        return self.revision(layer_id, rev, wait=wait)

    def build(self, layer_id: str, rev: int) -> PublishedRevision:
        """A revision, built in this process where it is not there."""
        return self._find(layer_id, rev)

    def _built_revisions(self, layer_id: str) -> list[int]:
        """Revisions with columns that are built, the latest first."""
        parent = self.workshop.folder(layer_id, 0, "").parent
        revs = [int(path.parent.name[1:].partition("-")[0]) for path in parent.glob(f"r*/{COLUMNS}")]
        return sorted((rev for rev in revs if self._built(layer_id, rev)), reverse=True)

    def _built(self, layer_id: str, rev: int) -> bool:
        """Whether a revision of this very layer (not one of the same name that was lost) is there."""
        if not 1 <= rev <= self._store.layer(layer_id).revision.rev:
            return False
        sha256 = self._store.revision(layer_id, rev).sha256
        folder = self.workshop.folder(layer_id, rev, sha256)
        return bool(sha256) and (folder / COLUMNS).exists() and (folder / LAST).exists()

    def _keep(self, key: tuple[str, int], ready: PublishedRevision) -> PublishedRevision:
        with self._lock:
            self._open[key] = ready
            self._open.move_to_end(key)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
        return ready

    def _find(self, layer_id: str, rev: int) -> PublishedRevision:
        sha256 = self._store.revision(layer_id, rev).sha256
        folder = self.workshop.folder(layer_id, rev, sha256)
        if sha256 and (folder / LAST).exists():  # whole; nobody waits for who builds another, or tiles of this one
            folder.touch()
            return PublishedRevision(layer_id, rev, sha256, folder)
        with self.workshop.locked(layer_id):
            sha256 = self._store.revision(layer_id, rev).sha256
            folder = self.workshop.folder(layer_id, rev, sha256)
            if not sha256 or not (folder / LAST).exists():
                sha256 = self._build(layer_id, rev, sha256)
                folder = self.workshop.folder(layer_id, rev, sha256)
            folder.touch()
            _prune(folder.parent)
        return PublishedRevision(layer_id, rev, sha256, folder)

    def _build(self, layer_id: str, rev: int, known: str) -> str:
        room = self.workshop.room(layer_id, rev)
        known = known or self._published(layer_id, rev)
        sha256 = self._copy(layer_id, rev, known, room / PUBLISHED)
        if known and known != sha256:
            raise StorageFault(reason=f"{layer_id} r{rev}: {known[:12]} ≠ {sha256[:12]}")
        if not known:
            self._store.set_sha256(layer_id, rev, sha256)
        ready = PublishedRevision(layer_id, rev, sha256, room)
        self.workshop.fill(ready, self._store.definition(layer_id, rev), self._store.layer(layer_id).count)
        self.workshop.settle(ready)
        return sha256

    def _published(self, layer_id: str, rev: int) -> str:
        """The hash of a head that is published here, so that its rows are read once; empty of any other revision."""
        with suppress(OSError, GeoServiceError):  # whoever publishes it in the background tells what is wrong
            self._store.export(layer_id)
        return self._store.revision(layer_id, rev).sha256

    def _copy(self, layer_id: str, rev: int, known: str, path: Path) -> str:
        """The hash of a revision's file, written anew; from the published file where that holds it, else its rows."""
        published = self._store.published_path(layer_id)
        is_there = known and self._store.exports.claimed_rev(layer_id) == rev
        if is_there and write_file(path, read_chunks(published)) == known:
            return known
        return write_file(path, self._store.published_chunks(layer_id, rev))


def _build_elsewhere(address: str, workshop: Workshop, layer_id: str, rev: int) -> None:
    store = open_store(address, workshop.home, lambda: datetime.datetime.now(datetime.UTC))
    try:
        Publisher(store, workshop.home, large=workshop.large, beside=workshop.beside).build(layer_id, rev)
    finally:
        store.close()


def _prune(parent: Path) -> None:
    """Remove folders of revisions that nobody asked for lately."""
    folders = sorted(((p.stat().st_mtime, p) for p in parent.glob("r*-*")), reverse=True)
    for opened, folder in folders[KEPT_FOLDERS:]:
        if opened < folders[0][0] - GRACE_S:
            with suppress(OSError):
                shutil.rmtree(folder)
