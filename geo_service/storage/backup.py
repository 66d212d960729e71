"""A whole deployment in one file, taken while it runs, and put back into an empty home.

A backup is a zip with ``geo_service.db`` (one state of the database; rows of PostGIS are copied into an SQLite file,
which goes back into either), ``layers/`` (published from that very state), everything else people put into the home
(uploads, attachments, hand-edited files), and ``manifest.json`` with the size and SHA-256 of each member. What can be
made again (cache, locks, browser assets) is left out.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from geo_service.errors import StorageFault
from geo_service.storage import definitions
from geo_service.storage.engine import Database, open_database
from geo_service.storage.files import read_chunks, sync_folder, write_file
from geo_service.storage.store import LayerStore, open_store
from geo_service.storage.transfer import copy_tables, move_store

DATABASE = "geo_service.db"
MANIFEST = "manifest.json"
FORMAT = "geo_service backup 1"
LEFT_OUT = frozenset({"assets", "backups", "cache", "jobs", "layers", "locks"})
"""Folders of a home that are made again, are taken from the database instead, or hold backups themselves."""
TEMPORARY = ".backup-"
RESTORING = ".restoring"
CHUNK = 1 << 20
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds: the head revision of each layer, and every file."""

    format: str = FORMAT
    at: str
    layers: Mapping[str, int]
    files: Mapping[str, Member] = field(default_factory=dict)


def _silent(_name: str) -> None:
    """No progress is shown."""


def backup(store: LayerStore, path: Path, *, progress: Progress = _silent) -> Manifest:
    """What went into a new backup file; readers and writers of the store go on meanwhile.

    Raises
    ------
    StorageFault
        The file is there already, or cannot be written.
    """
    if path.exists():
        raise StorageFault(reason=f"{path} 已存在，不会覆盖 / is there already and is not overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as folder:
            return _backup(store, path, Path(folder), progress)
    except OSError as error:
        raise StorageFault(reason=f"{path}: {error.strerror or error}") from error


def _backup(store: LayerStore, path: Path, folder: Path, progress: Progress) -> Manifest:
    copy = folder / DATABASE
    progress(DATABASE)
    _copy_database(store, copy)
    archive = folder / "archive.zip"
    os.close(os.open(archive, os.O_CREAT | os.O_WRONLY, 0o600))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        manifest = _fill(zipped, store, copy, progress)
    with archive.open("rb") as file:
        os.fsync(file.fileno())
    archive.rename(path)
    sync_folder(path.parent)
    return manifest


def _copy_database(store: LayerStore, copy: Path) -> None:
    """One state of the database as an SQLite file, while others write."""
    if store.database.is_embedded:
        with store.database.driver() as source, closing(sqlite3.connect(copy)) as file:
            source.backup(file)
        return
    with closing(open_database(f"sqlite:///{copy}")) as target:
        _copy_rows(store.database, target)


def _copy_rows(source: Database, target: Database) -> None:
    with source.reading() as old, target.writing() as new:
        copy_tables(old, new, progress=_silent)


def _fill(zipped: zipfile.ZipFile, store: LayerStore, copy: Path, progress: Progress) -> Manifest:
    frozen = open_store(f"sqlite:///{copy}", copy.parent / "home", store.now)
    heads = {state.definition.id: state.revision.rev for state in frozen.layers()}
    files: dict[str, Member] = {}
    for name, chunks in (*_layer_files(frozen, heads), *_home_files(store)):
        progress(name)
        with suppress(FileNotFoundError):  # removed since it was listed
            files[name] = _add(zipped, name, chunks)
    frozen.close()
    files[DATABASE] = _add(zipped, DATABASE, read_chunks(copy))
    manifest = Manifest(at=store.timestamp(), layers=heads, files=dict(sorted(files.items())))
    zipped.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _layer_files(frozen: LayerStore, heads: Mapping[str, int]) -> Iterator[tuple[str, Iterable[bytes]]]:
    for layer_id, rev in heads.items():
        yield f"layers/{layer_id}.geojson", frozen.published_chunks(layer_id, rev)
        yield f"layers/{layer_id}.toml", [definitions.to_toml(frozen.definition(layer_id, rev)).encode()]


def _home_files(store: LayerStore) -> Iterator[tuple[str, Iterable[bytes]]]:
    home, database = store.home.resolve(), store.database.path
    for path in _walk(home):
        is_database = _belongs_to(path, home / DATABASE) or (database is not None and _belongs_to(path, database))
        if path.is_file() and not (is_database or path.is_symlink() or path.name.endswith(".tmp")):
            yield path.relative_to(home).as_posix(), read_chunks(path)


def _belongs_to(path: Path, database: Path) -> bool:
    """Whether a file is a database or one of the files SQLite keeps beside it."""
    return path.parent == database.parent and path.name.startswith(database.name)


def _walk(home: Path) -> Iterator[Path]:
    """Files of the home in order; what vanishes meanwhile is passed over, what cannot be read is an error."""
    for folder, folders, names in os.walk(home, onerror=_unless_gone):
        left_out = LEFT_OUT if Path(folder) == home else frozenset()
        folders[:] = sorted(name for name in folders if name not in left_out and not name.startswith(TEMPORARY))
        yield from (Path(folder) / name for name in sorted(names))


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _add(zipped: zipfile.ZipFile, name: str, chunks: Iterable[bytes]) -> Member:
    digest, size = hashlib.sha256(), 0
    iterator = iter(chunks)
    first = next(iterator, b"")  # a file that has gone is noticed before the member is begun
    with zipped.open(name, "w", force_zip64=True) as target:
        for chunk in chain((first,), iterator):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Member(size, digest.hexdigest())


def read_manifest(path: Path) -> Manifest:
    """What a backup file says it holds.

    Raises
    ------
    StorageFault
        Not a backup of ours.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            return _manifest(zipped)
    except (OSError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def restore(path: Path, home: Path, *, server: str = "", progress: Progress = _silent) -> Manifest:
    """What was put back into an empty home, every byte checked against the manifest before anything is moved in.

    ``server`` is the URL of an empty PostGIS database that is to hold the rows instead of a file in the home.

    Raises
    ------
    StorageFault
        The home or the database is not empty, or the file is no backup, damaged, or disagrees with itself.
    """
    others = [p.name for p in home.iterdir() if p.name != RESTORING] if home.exists() else []
    if others:
        zh = f"{home} 不是空目录（{others[0]}），不会覆盖"
        en = f"{home} is not empty ({others[0]}) and is not overwritten"
        raise StorageFault(reason=f"{zh} / {en}")
    folder = home / RESTORING
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        with zipfile.ZipFile(path) as zipped:
            manifest = _manifest(zipped)
            _unpack(zipped, manifest, folder, progress)
        _check(folder, manifest)
        if server:
            _into_server(folder / DATABASE, server)
        _move_in(folder, home)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _manifest(zipped: zipfile.ZipFile) -> Manifest:
    try:
        manifest = msgspec.json.decode(zipped.read(MANIFEST), type=Manifest)
    except (KeyError, msgspec.DecodeError) as error:
        raise StorageFault(reason=f"没有可用的 {MANIFEST} / has no usable {MANIFEST}") from error
    if manifest.format != FORMAT:
        raise StorageFault(reason=f"备份格式不支持 / unknown backup format: {manifest.format}")
    names = sorted(info.filename for info in zipped.infolist())
    if names != sorted([*manifest.files, MANIFEST]) or not all(map(_is_safe, manifest.files)):
        raise StorageFault(reason="备份内的文件与清单不符 / the files differ from the manifest")
    return manifest


def _is_safe(name: str) -> bool:
    """Whether a member's name stays inside the home on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set("\\:\0")


def _unpack(zipped: zipfile.ZipFile, manifest: Manifest, folder: Path, progress: Progress) -> None:
    for name, member in manifest.files.items():
        progress(name)
        with zipped.open(name) as source:
            sha256 = write_file(folder / name, _at_most(source, member.size))
        if sha256 != member.sha256 or (folder / name).stat().st_size != member.size:
            raise StorageFault(reason=f"备份已损坏：{name} 与清单的 SHA-256 不符 / damaged: {name} differs")


def _at_most(source: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while chunk := source.read(min(CHUNK, left + 1)):
        left -= len(chunk)
        yield chunk
        if left < 0:
            return


def _check(folder: Path, manifest: Manifest) -> None:
    """Ask the database itself whether it is whole, and whether it holds what the manifest says."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        heads = dict(connection.execute("SELECT id, rev FROM layer WHERE retired_at = ''").fetchall())
    if verdict != "ok" or heads != dict(manifest.layers):
        raise StorageFault(reason=f"备份中的数据库不完整：{verdict} / the database in it is not whole")


def _into_server(file: Path, url: str) -> None:
    """Copy the rows of a database file into an empty PostGIS database, check them there, and remove the file."""
    with closing(open_store(f"sqlite:///{file}", file.parent, _utc_now)) as store:
        move_store(store, url, progress=_silent)
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _move_in(folder: Path, home: Path) -> None:
    """Move everything up, the database last: a home without it is not mistaken for a whole one."""
    for path in sorted(folder.iterdir(), key=lambda p: p.name == DATABASE):
        path.rename(home / path.name)
    sync_folder(home)


def _unreadable(path: Path, error: Exception) -> StorageFault:
    return StorageFault(reason=f"{path} 不能作为备份读取 / cannot be read as a backup: {error}")
