"""Photos and documents by their content: every file under its SHA-256, a note for each that says what it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from geo_service.core.attachments import ID
from geo_service.errors import NotFound
from geo_service.storage.files import hash_file, read_chunks, write_file

Form = Literal["original", "clean", "small"]
"""As it came; without what a camera wrote into it; a small picture of it."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a layer's features: ``position`` and ``taken`` are what the camera wrote, None or empty where it did
    not; ``forms`` gives the SHA-256 of each form there is."""

    id: str
    layer: str
    name: str
    kind: str
    size: int
    by: str
    at: str
    forms: dict[Form, str]
    width: int = 0
    height: int = 0
    position: tuple[float, float] | None = None
    taken: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether a browser may show it."""
        return self.kind.startswith("image/")


@dataclass(frozen=True, slots=True)
class Attachments:
    """The attachments of a home; a backup of the home holds them."""

    folder: Path

    def path(self, sha256: str) -> Path:
        """Where the content of this hash is."""
        return self.folder / "content" / sha256[:2] / sha256

    def keep_content(self, source: Path) -> str:
        """The SHA-256 of a file, which is kept and synced when this returns; what is there already is not written."""
        sha256 = hash_file(source)
        if not self.path(sha256).exists():
            write_file(self.path(sha256), read_chunks(source))
        return sha256

    def keep(self, attachment: Attachment) -> None:
        """Keep the note of an attachment whose content is kept."""
        write_file(self._note(attachment.id), [msgspec.json.encode(attachment)])

    def get(self, layer: str, attachment_id: str) -> Attachment:
        """An attachment of a layer.

        Raises
        ------
        NotFound
            There is none of this id, or it is another layer's.
        """
        found = self.find(layer, attachment_id)
        if found is None:
            raise NotFound(what=attachment_id[:40])
        return found

    def find(self, layer: str, attachment_id: str) -> Attachment | None:
        """An attachment of a layer, None where there is none."""
        if not ID.fullmatch(attachment_id):
            return None
        try:
            found = msgspec.json.decode(self._note(attachment_id).read_bytes(), type=Attachment)
        except FileNotFoundError:
            return None
        return found if found.layer == layer else None

    def _note(self, attachment_id: str) -> Path:
        return self.folder / "notes" / attachment_id[:2] / f"{attachment_id}.json"


def attachment_id(layer: str, sha256: str) -> str:
    """The id of a content on a layer: the same file twice on one layer is one attachment."""
    return hashlib.sha256(f"{layer}\0{sha256}".encode()).hexdigest()[:16]
