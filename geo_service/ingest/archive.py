"""Zip archives unpacked by our own rules: server-made names, nothing but plain files, sizes as stated.

The directory is checked whole before the first byte is unpacked; names are decoded as UTF-8 where flagged, else as
UTF-8 or GB18030 (what Windows writes in Chinese).
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from geo_service.ingest.findings import Refused
from geo_service.ingest.limits import LIMITS, MEBIBYTE, Limits

_LOCAL_HEADER_BYTES = 30
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file in an archive: its decoded name and its entry."""

    name: str
    entry: zipfile.ZipInfo

    @property
    def suffix(self) -> str:
        """Lower-case suffix with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """Path without suffix, in lower case."""
        return str(PurePosixPath(self.name).with_suffix("")).lower()


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive: its path and the members worth reading."""

    path: Path
    members: tuple[Member, ...]

    def with_suffix(self, suffix: str) -> tuple[Member, ...]:
        """Members of a suffix."""
        return tuple(m for m in self.members if m.suffix == suffix)


def open_archive(path: Path, limits: Limits = LIMITS) -> Archive:
    """An archive whose directory passed every check; nothing is unpacked yet.

    Raises
    ------
    Refused
        ``zip-broken``, ``-members``, ``-path``, ``-special``, ``-encrypted``, ``-method``, ``-duplicate``, ``-size``,
        ``-ratio`` or ``-overlap``.
    """
    entries = _entries(path)
    if len(entries) > limits.members:
        raise Refused("zip-members", found=len(entries), limit=limits.members)
    members = [Member(_decoded_name(entry), entry) for entry in entries]
    for member in members:
        _check_member(member, limits)
    _check_together(members, limits)
    _check_overlap(members, path.stat().st_size)
    return Archive(path, tuple(m for m in members if _is_wanted(m)))


def extract(
    archive: Archive, members: Iterable[Member], folder: Path, stem: str, limits: Limits = LIMITS
) -> list[Path]:
    """Members unpacked into a folder as ``<stem><suffix>``, in their order.

    Raises
    ------
    Refused
        ``zip-lies`` for a size other than stated, ``zip-broken`` for a bad checksum or stream, ``zip-size``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive.path) as bundle:
        return [_extract_one(bundle, m, folder / f"{stem}{_plain_suffix(m)}", limits) for m in members]


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as bundle:
            return bundle.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        raise Refused("zip-broken", reason=str(error)) from error


def _decoded_name(entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8_FLAG:
        name = _guess_name(name)
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _guess_name(name: str) -> str:
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def _check_member(member: Member, limits: Limits) -> None:
    entry, name = member.entry, member.name
    shown = name[:80].encode("unicode_escape", "backslashreplace").decode() if not name.isprintable() else name[:80]
    if _is_unsafe(name):
        raise Refused("zip-path", member=shown)
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise Refused("zip-special", member=shown)
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise Refused("zip-encrypted", member=shown)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("zip-method", member=shown)
    if entry.file_size > limits.member_bytes:
        raise Refused("zip-size", limit=limits.member_bytes // MEBIBYTE)
    if entry.file_size > limits.ratio_from_bytes and entry.file_size > limits.ratio * max(1, entry.compress_size):
        raise Refused("zip-ratio", member=shown, limit=limits.ratio)


def _is_unsafe(name: str) -> bool:
    parts = name.split("/")
    return (
        not name
        or name.startswith("/")
        or ":" in parts[0]
        or ".." in parts
        or any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    )


def _check_together(members: list[Member], limits: Limits) -> None:
    seen: set[str] = set()
    total = 0
    for member in members:
        key = member.name.casefold()
        if key in seen and not member.entry.is_dir():
            raise Refused("zip-duplicate", member=member.name[:80])
        seen.add(key)
        total += member.entry.file_size
    if total > limits.unpacked_bytes:
        raise Refused("zip-size", limit=limits.unpacked_bytes // MEBIBYTE)


def _check_overlap(members: list[Member], size: int) -> None:
    spans = sorted((m.entry.header_offset, m.entry.compress_size) for m in members)
    ends = [*(start for start, _ in spans[1:]), size]
    for (start, packed), end in zip(spans, ends, strict=False):
        if start + _LOCAL_HEADER_BYTES + packed > end:
            raise Refused("zip-overlap")


def _is_wanted(member: Member) -> bool:
    name = PurePosixPath(member.name).name.lower()
    junk = member.name.startswith("__MACOSX/") or name in _JUNK or name.startswith("~$")
    return not (member.entry.is_dir() or junk)


def _plain_suffix(member: Member) -> str:
    suffix = member.suffix
    return suffix if suffix.isascii() and suffix[1:].isalnum() and len(suffix) < 13 else ""


def _extract_one(bundle: zipfile.ZipFile, member: Member, target: Path, limits: Limits) -> Path:
    limit = min(member.entry.file_size, limits.member_bytes)
    written = 0
    try:
        with bundle.open(member.entry) as stream, target.open("xb") as out:
            for chunk in _chunks(stream):
                written += len(chunk)
                if written > limit:
                    raise Refused("zip-lies", member=member.name[:80])
                out.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused("zip-broken", reason=str(error)) from error
    if written != member.entry.file_size:
        raise Refused("zip-lies", member=member.name[:80])
    target.chmod(0o600)
    return target


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def read_member(archive: Archive, member: Member, limits: Limits = LIMITS) -> bytes:
    """A member's bytes, for small ones; the same checks as :func:`extract`."""
    pieces: list[bytes] = []
    read = 0
    try:
        with zipfile.ZipFile(archive.path) as bundle, bundle.open(member.entry) as stream:
            for chunk in _chunks(stream):
                read += len(chunk)
                if read > min(member.entry.file_size, limits.member_bytes):
                    raise Refused("zip-lies", member=member.name[:80])
                pieces.append(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused("zip-broken", reason=str(error)) from error
    return b"".join(pieces)
