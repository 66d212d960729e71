"""From a photo or document somebody sends to an attachment: counted here, looked at in the jail, kept by content."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from geo_service.core.access import Account
from geo_service.errors import InvalidRequest, RejectedUpload, RequestTooLarge
from geo_service.ingest.attachment import CLEAN, MOST_PIXELS, THUMBNAIL, UPLOAD, Attached
from geo_service.ingest.jail import Jail, JobFolder, read_plainly
from geo_service.ingest.limits import MEBIBYTE
from geo_service.storage.attachments import Attachment, Attachments, Form, attachment_id
from geo_service.storage.files import write_file
from geo_service.usecases.uploads import shown_name

MOST_BYTES = 20 * MEBIBYTE
"""Size of one attachment."""
PATIENCE_S = 60.0
_CHUNK = 1 << 20
_REASONS = {
    "kind": "只收 JPEG、PNG、WebP 图片和 PDF、Word、Excel 文档；文件内容不是其中任何一种 / only JPEG, PNG, WebP, PDF, "
    "Word and Excel are taken, by their content",
    "pixels": f"图片超过 {MOST_PIXELS // 1_000_000} 百万像素，请缩小后再传 / the picture has too many pixels",
    "damaged": "图片已损坏，无法打开；请重新导出后再传 / the picture is damaged",
}


@dataclass(frozen=True, slots=True)
class Album:
    """What receiving attachments works with."""

    attachments: Attachments
    jail: Jail
    now: Callable[[], datetime.datetime]


def attach(album: Album, account: Account, layer: str, stream: IO[bytes], name: str) -> Attachment:
    """The attachment of a layer that a file becomes; a feature names it by a change of a draft.

    Raises
    ------
    RequestTooLarge, InvalidRequest
        More than 20 MB, or nothing.
    RejectedUpload
        Of no kind that is taken, damaged, or too large a picture.
    Unavailable
        Too many files are waiting.
    """
    folder = album.jail.open_job()
    try:
        size = _receive(stream, folder.path / "in" / UPLOAD)
        found = _inspect(album.jail, folder, shown_name(name))
        kept = _keep(album, folder, found)
    finally:
        folder.discard()
    attachment = Attachment(
        id=attachment_id(layer, kept["original"]),
        layer=layer,
        name=shown_name(name),
        kind=found.kind,
        size=size,
        by=account.name,
        at=album.now().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        forms=kept,
        width=found.width,
        height=found.height,
        position=found.position,
        taken=found.taken,
    )
    album.attachments.keep(attachment)
    return attachment


def _receive(stream: IO[bytes], target: Path) -> int:
    size = 0
    with target.open("xb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise RequestTooLarge(limit=f"{MOST_BYTES >> 20} MB")
            file.write(chunk)
    if not size:
        raise InvalidRequest(reason="文件是空的 / the file is empty")
    return size


def _inspect(jail: Jail, folder: JobFolder, name: str) -> Attached:
    """What the jail says; a worker that was stopped or lies is a damaged file."""
    job = jail.submit(folder, "attachment", read=(folder.path / "in" / UPLOAD,))
    try:
        ended = job.wait(PATIENCE_S)
        found = msgspec.json.decode(read_plainly(folder.path / "out" / "result.json", MEBIBYTE), type=Attached)
    except (TimeoutError, OSError, msgspec.DecodeError):
        job.cancel()
        raise RejectedUpload(file=name, reason=_REASONS["damaged"]) from None
    if ended.outcome != "done" or found.reason or not found.kind:
        raise RejectedUpload(file=name, reason=_REASONS.get(found.reason, _REASONS["damaged"]))
    return found


def _keep(album: Album, folder: JobFolder, found: Attached) -> dict[Form, str]:
    kept: dict[Form, str] = {"original": album.attachments.keep_content(folder.path / "in" / UPLOAD)}
    if found.kind.startswith("image/"):
        for form, name in (("clean", CLEAN), ("small", THUMBNAIL)):
            made = folder.path / "in" / form
            write_file(made, [read_plainly(folder.path / "out" / name, 4 * MOST_BYTES)])
            kept[form] = album.attachments.keep_content(made)  # type: ignore[index]  # the two other forms
    return kept


def form_for(attachment: Attachment, *, public: bool, small: bool) -> Form:
    """The form a reader gets: never what a camera wrote where the layer is public."""
    if small and "small" in attachment.forms:
        return "small"
    return "clean" if public and "clean" in attachment.forms else "original"
