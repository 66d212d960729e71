"""Files that are either whole or not there: atomic writes, locks between processes, refusal of network shares."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "davfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.davfs2", "fuse.ceph"}
)
"""Types where SQLite's WAL index (shared memory) does not work between machines: https://sqlite.org/wal.html."""

TEMPORARY = ".tmp"


def write_file(path: Path, chunks: Iterable[bytes | memoryview]) -> str:
    """The SHA-256 of the written bytes; the file appears whole (temporary file, fsync, rename, folder fsync)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        digest = _write_synced(temporary, chunks)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return digest


def _write_synced(path: Path, chunks: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(path: Path) -> None:
    """Make renames in a folder durable, where the system lets a folder be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_chunks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """A file in pieces."""
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, or empty text where there is no file."""
    digest = hashlib.sha256()
    with suppress(FileNotFoundError):
        for chunk in read_chunks(path):
            digest.update(chunk)
        return digest.hexdigest()
    return ""


def remove_leftovers(folder: Path, name: str) -> int:
    """How many temporary files of ``name``, left by a killed writer, were removed; hold its lock."""
    leftovers = list(folder.glob(f".{name}.*{TEMPORARY}"))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a lock file; other threads and processes wait. The system frees it when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        _lock(file.fileno())
        try:
            yield
        finally:
            _unlock(file.fileno())


@contextmanager
def exclusive_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a lock file where nobody else does, and say so; nobody waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        held = _lock_if_free(file.fileno())
        try:
            yield held
        finally:
            if held:
                _unlock(file.fileno())


if sys.platform == "win32":
    import msvcrt

    def _lock_if_free(descriptor: int) -> bool:
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False

    def _lock(descriptor: int) -> None:
        while True:
            with suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_if_free(descriptor: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def network_filesystem(path: Path, mounts: str) -> str:
    """The type of the network share a path lies on, or empty text; ``mounts`` is the text of
    ``/proc/self/mountinfo`` (proc(5)), empty on systems without one."""
    resolved = path.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        point, filesystem = _mount(line)
        if len(point.parts) >= best and resolved.is_relative_to(point):
            best, kind = len(point.parts), filesystem
    return kind if kind in NETWORK_FILESYSTEMS else ""


def _mount(line: str) -> tuple[Path, str]:
    left, _, right = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), left.split()[4])
    return Path(point), right.split()[0]


def read_mounts() -> str:
    """The mounts of this process, or empty text where the system does not tell."""
    with suppress(OSError):
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    return ""
