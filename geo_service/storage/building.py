"""Folders of revisions (:mod:`geo_service.storage.published`): made whole out of sight, then put in their place."""

from __future__ import annotations

import os
import select
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from geo_service.core.bulk_shapes import Geometries
from geo_service.core.geojson import dump_collection
from geo_service.core.layers import LayerDefinition
from geo_service.storage.elsewhere import Helper
from geo_service.storage.files import exclusive, sync_folder, write_file
from geo_service.storage.packing import PUBLISHED, pack
from geo_service.storage.published import PublishedRevision
from geo_service.storage.spool import ReadyRows

Beside = Callable[[LayerDefinition, PublishedRevision, Geometries, Callable[[], None]], None]
"""Makes what else follows from a revision's geometries (in Hilbert order) while they are at hand; the last waits until
its columns are there."""

LARGE = 20_000
"""Layers with more features are built in a process of their own, with columns, and never held in memory."""
TEMPORARY = ".building-"
LEFT_S = 86_400
"""What lies unfinished for so long was left by a killed process, of whatever layer."""
STANDS = b"1"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where folders are built, and how: with columns where there are more features than ``large``, and with what
    ``beside`` (a function of a module) makes."""

    home: Path
    large: int = LARGE
    beside: Beside | None = None

    def is_large(self, count: int) -> bool:
        """Whether a layer of so many features has columns."""
        return count > self.large

    def folder(self, layer_id: str, rev: int, sha256: str) -> Path:
        """Where the folder of a revision stands."""
        return self.home / "cache" / "revisions" / layer_id / f"r{rev}-{sha256[:12]}"

    def locked(self, layer_id: str) -> AbstractContextManager[None]:
        """Hold the lock of who builds a layer, over all processes."""
        return exclusive(self.home / "locks" / f"{layer_id}.cache.lock")

    def room(self, layer_id: str, rev: int) -> Path:
        """An empty folder to build in, after what killed builders left is gone; hold the lock."""
        room = self.room_path(layer_id, rev)
        room.parent.mkdir(parents=True, exist_ok=True)
        for leftover in room.parent.parent.glob(f"*/{TEMPORARY}*"):
            with suppress(FileNotFoundError):
                if leftover.parent == room.parent or leftover.stat().st_mtime < time.time() - LEFT_S:
                    shutil.rmtree(leftover)
        room.mkdir()
        return room

    def room_path(self, layer_id: str, rev: int) -> Path:
        """Where a revision is built."""
        return self.folder(layer_id, rev, "").with_name(f"{TEMPORARY}{rev}")

    def fill(
        self, ready: PublishedRevision, definition: LayerDefinition, count: int, shapes: Geometries | None = None
    ) -> None:
        """Make all that is made of the published file in a room; ``shapes`` are its geometries where they are known."""
        large = self.is_large(count)
        follow = partial(self.beside, definition, ready) if self.beside is not None and large else None
        pack(ready.folder, columns=large, follow=follow, shapes=shapes)

    def settle(self, ready: PublishedRevision) -> None:
        """Put a filled room in its place; hold the lock."""
        target = self.folder(ready.layer, ready.rev, ready.sha256)
        if target.exists():
            shutil.rmtree(target)
        ready.folder.rename(target)
        sync_folder(target.parent)


class Ahead:
    """Revision 1 of a new layer, built by a process beside this one while its rows are written to the database.

    Nothing of it is seen before it is settled. Where that does not come to pass, since the rows were not committed or
    this process was killed, it is thrown away.
    """

    def __init__(self, workshop: Workshop, definition: LayerDefinition, rows: ReadyRows) -> None:
        """Begin; this process must be able to fork (:func:`may_fork`)."""
        self._workshop = workshop
        self._definition = definition
        self._rows = rows
        self._hear_written, self._tell_written = os.pipe()
        self._hear_stands, self._tell_stands = os.pipe()
        self._helper = Helper(self._build)
        os.close(self._tell_written)
        os.close(self._hear_stands)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._hear_written)
        self._end(b"")
        self._helper.__exit__(kind)

    def published(self) -> Path | None:
        """The published file as soon as it is written, None where it cannot be."""
        written = os.read(self._hear_written, 1)
        return self._workshop.room_path(self._definition.id, 1) / PUBLISHED if written else None

    def settle(self) -> None:
        """Have the folder put in its place, once the revision stands in the database.

        Raises
        ------
        StorageFault
            It could not be built; the log has the trace.
        """
        self._end(STANDS)
        self._helper.wait()

    def _end(self, word: bytes) -> None:
        if self._tell_stands >= 0:
            with os.fdopen(self._tell_stands, "wb") as pipe:
                pipe.write(word)
            self._tell_stands = -1

    def _build(self) -> None:
        """What the other process does."""
        os.close(self._tell_stands)  # its end is to be heard of
        layer_id = self._definition.id
        with self._workshop.locked(layer_id):
            if self._is_in_vain():
                return
            room = self._workshop.room(layer_id, 1)
            try:
                sha256 = write_file(room / PUBLISHED, dump_collection(layer_id, 1, self._rows.lines()))
                os.write(self._tell_written, STANDS)
                ready = PublishedRevision(layer_id, 1, sha256, room)
                self._workshop.fill(ready, self._definition, len(self._rows), self._rows.shapes())
                if os.read(self._hear_stands, 1) == STANDS:
                    self._workshop.settle(ready)
            finally:
                shutil.rmtree(room, ignore_errors=True)

    def _is_in_vain(self) -> bool:
        """Whether the first process has ended, or given up, before the word came."""
        poll = select.poll()
        poll.register(self._hear_stands, select.POLLIN)
        return any(not event & select.POLLIN for _, event in poll.poll(0))
