"""Published files: ``<home>/layers/<id>.geojson`` and ``.toml``, always whole, always one known revision.

A stamp in ``<home>/cache/stamps`` remembers which revision a file holds, with its size and time, so that nobody has to
hash a file that nobody has touched. Files that hold no revision of ours were edited by hand: they are copied to
``<home>/drafts-external`` before they are replaced.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geo_service.errors import GeoServiceError
from geo_service.storage.files import exclusive, hash_file, read_chunks, remove_leftovers, sync_folder, write_file

LOG = logging.getLogger(__name__)
CLAIM = re.compile(rb'"geo_service":\{"layer":"[a-z0-9_]+","rev":(\d+)\}')
"""Which revision a published file says it is, in its first line."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What was written last: revision, hash, and the size and time the file had then."""

    rev: int
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A hand-edited file that was put aside: ``base`` is the revision it was made from."""

    layer: str
    base: int
    sha256: str
    at: str
    file: str


class Exports:
    """The published files of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def path(self, layer_id: str) -> Path:
        """The published GeoJSON file of a layer."""
        return self._home / "layers" / f"{layer_id}.geojson"

    def definition_path(self, layer_id: str) -> Path:
        """The published definition of a layer."""
        return self._home / "layers" / f"{layer_id}.toml"

    @property
    def kept_folder(self) -> Path:
        """Where hand-edited files are put aside."""
        return self._home / "drafts-external"

    def locked(self, layer_id: str) -> AbstractContextManager[None]:
        """Hold the export lock of a layer, over all processes."""
        return exclusive(self._home / "locks" / f"{layer_id}.lock")

    def write(self, layer_id: str, rev: int, chunks: Iterable[bytes]) -> str:
        """The hash of a newly published file; hold the lock."""
        path = self.path(layer_id)
        remove_leftovers(path.parent, path.name)
        sha256 = write_file(path, chunks)
        self.stamp(layer_id, rev, sha256)
        return sha256

    def stamp(self, layer_id: str, rev: int, sha256: str) -> None:
        """Remember that the file as it is now holds a revision."""
        status = self.path(layer_id).stat()
        stamp = Stamp(rev, sha256, status.st_size, status.st_mtime_ns)
        path = self._stamp_path(layer_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(stamp))
        temporary.replace(path)

    def last_stamp(self, layer_id: str) -> Stamp | None:
        """What we wrote last, or None where that is not remembered."""
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._stamp_path(layer_id).read_bytes(), type=Stamp)
        return None

    def untouched(self, layer_id: str) -> Stamp | None:
        """The stamp of a file nobody has touched since we wrote it, else None."""
        stamp = self.last_stamp(layer_id)
        with suppress(FileNotFoundError):
            status = self.path(layer_id).stat()
            if stamp and (stamp.size, stamp.mtime_ns) == (status.st_size, status.st_mtime_ns):
                return stamp
        return None

    def claimed_rev(self, layer_id: str) -> int:
        """The revision the file says it is, 0 where it does not say."""
        with suppress(FileNotFoundError), self.path(layer_id).open("rb") as file:
            found = CLAIM.search(file.readline(4096))
            return int(found.group(1)) if found else 0
        return 0

    def keep(self, layer_id: str, path: Path, *, base: int, at: str) -> Kept:
        """Copy a hand-edited file aside, durably; the same bytes are kept once."""
        sha256 = hash_file(path)
        target = self.kept_folder / f"{layer_id}-{sha256[:12]}{path.suffix}"
        kept = Kept(layer=layer_id, base=base, sha256=sha256, at=at, file=target.name)
        record = target.with_name(f"{target.name}.json")
        if not record.exists():
            write_file(target, read_chunks(path))
            write_file(record, [msgspec.json.encode(kept, order="deterministic")])
            sync_folder(self._home)
            LOG.warning("hand-edited file kept: %s", target)
        return kept

    def kept(self) -> tuple[Kept, ...]:
        """Everything that was put aside, oldest first."""
        records = (msgspec.json.decode(p.read_bytes(), type=Kept) for p in self.kept_folder.glob("*.json"))
        return tuple(sorted(records, key=lambda k: (k.at, k.file)))

    def _stamp_path(self, layer_id: str) -> Path:
        return self._home / "cache" / "stamps" / f"{layer_id}.json"


class Background:
    """One thread that runs an action per key, soon; requests for a key that waits already are one.

    A failing action is logged and remembered in :attr:`problems` until it succeeds for the same key.
    """

    def __init__(self, action: Callable[[str], Any], *, delay_s: float) -> None:
        self._action = action
        self._delay_s = delay_s
        self._changed = threading.Condition()
        self._waiting: dict[str, None] = {}
        self._running = False
        self._hurry = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self.problems: dict[str, str] = {}

    def request(self, key: str) -> None:
        """Run the action for a key within moments."""
        with self._changed:
            self._waiting[key] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="exports", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def run(self, key: str) -> None:
        """Run the action for a key now, remembering a failure instead of raising it."""
        try:
            self._action(key)
            self.problems.pop(key, None)
        except (OSError, GeoServiceError) as error:
            LOG.exception("cannot publish %s", key)
            self.problems[key] = str(error)

    def drain(self) -> None:
        """Wait until nothing is waiting or running, without the usual delay."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting and not self._running)
            self._hurry = False

    def close(self) -> None:
        """Finish what waits and end the thread."""
        self.drain()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def rest(self) -> None:
        """Finish what waits and end the thread; the next request begins another."""
        self.close()
        self._thread, self._closed = None, False

    def _run(self) -> None:
        while key := self._next():
            self.run(key)
            with self._changed:
                self._running = False
                self._changed.notify_all()

    def _next(self) -> str:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(lambda: self._hurry or self._closed, timeout=self._delay_s)
            if not self._waiting:
                return ""
            key = next(iter(self._waiting))
            del self._waiting[key]
            self._running = True
            return key
