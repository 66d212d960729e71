"""Files made on request and kept while there is room; least recently used out first."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from geo_service.storage.files import exclusive


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """A folder of derived files, at most ``limit_bytes`` of them (the newest one always stays)."""

    folder: Path
    limit_bytes: int

    def get(self, name: str, build: Callable[[Path], object]) -> Path:
        """The file of a name, which says everything its content follows from; ``build`` writes it where it is missing.

        Two requests for the same file build it once: the second waits, in whichever process it is.
        """
        path = self.folder / name
        if self._touched(path):
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / "locks" / f"{name[:1]}.lock"):
            if not self._touched(path):
                self._build(path, build)
                self._make_room(path)
        return path

    def holds(self, name: str) -> bool:
        """Whether the file of a name is here, at this moment; it stays a while longer for having been asked for."""
        return self._touched(self.folder / name)

    @staticmethod
    def _touched(path: Path) -> bool:
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except FileNotFoundError:
            return False
        return True

    def _build(self, path: Path, build: Callable[[Path], object]) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".making-") as folder:
            made = Path(folder) / path.name
            build(made)
            made.replace(path)

    def _make_room(self, newest: Path) -> None:
        files = [p for p in self.folder.iterdir() if p.is_file() and p != newest]
        sizes = {p: p.stat() for p in files}
        total = newest.stat().st_size + sum(s.st_size for s in sizes.values())
        for path in sorted(files, key=lambda p: sizes[p].st_atime):
            if total <= self.limit_bytes:
                return
            with suppress(FileNotFoundError):
                path.unlink()
            total -= sizes[path].st_size
