"""What somebody attached, looked at in the jail: its kind by its first bytes, pictures decoded, turned upright, made
small and stripped; position and time of the EXIF told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image, ImageOps, UnidentifiedImageError

from geo_service.ingest.limits import Limits

MOST_PIXELS = 60_000_000
THUMBNAIL_PX = 360
LONGEST_PX = 4096
HEAD_BYTES = 4096
UPLOAD, CLEAN, THUMBNAIL = "attachment", "clean", "thumbnail.jpg"

_GPS, _EXIF, _TAKEN = 0x8825, 0x8769, 0x9003
_TURNS = {"S": -1, "W": -1}


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of a file: ``kind`` is the media type, empty where it is refused with a ``reason`` (``kind``,
    ``pixels``, ``damaged``); ``position`` is longitude, latitude in degrees."""

    kind: str = ""
    reason: str = ""
    width: int = 0
    height: int = 0
    position: tuple[float, float] | None = None
    taken: str = ""


def inspect(folder: Path, _limits: Limits) -> None:
    """Look at ``in/attachment`` and leave ``result.json``, for pictures also a clean one and a small one."""
    found = _inspect(folder / "in" / UPLOAD, folder / "out")
    (folder / "out" / "result.json").write_bytes(msgspec.json.encode(found))


def _inspect(path: Path, out: Path) -> Attached:
    with path.open("rb") as file:
        kind = media_type(file.read(HEAD_BYTES))
    if not kind:
        return Attached(reason="kind")
    return _picture(path, out, kind) if kind.startswith("image/") else Attached(kind=kind)


def media_type(head: bytes) -> str:
    """The media type by the first bytes, empty for what is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office(head)
    return ""


def _office(head: bytes) -> str:
    """DOCX, XLSX and PPTX name their content types first, ODF its media type; other archives are not taken."""
    stem = "application/vnd.openxmlformats-officedocument."
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head:
        for mark, rest in ((b"word/", "wordprocessingml.document"), (b"xl/", "spreadsheetml.sheet")):
            if mark in head:
                return stem + rest
        return stem + "wordprocessingml.document"
    found = head[38:].partition(b"PK")[0] if head[30:38] == b"mimetype" else b""
    kinds = ("text", "spreadsheet")
    return next((f"application/vnd.oasis.opendocument.{k}" for k in kinds if found.endswith(k.encode())), "")


def _picture(path: Path, out: Path, kind: str) -> Attached:
    try:
        with Image.open(path, formats=(kind.partition("/")[2].upper(),)) as image:
            if image.width * image.height > MOST_PIXELS:
                return Attached(reason="pixels")
            exif = image.getexif()
            position, taken = _position(exif.get_ifd(_GPS)), _taken(exif.get_ifd(_EXIF))
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Attached(reason="damaged")
    upright.thumbnail((LONGEST_PX, LONGEST_PX))
    bare = _bare(upright, kind)
    bare.save(out / CLEAN, format=kind.partition("/")[2].upper(), quality=88)
    small = bare.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    small.save(out / THUMBNAIL, "JPEG", quality=80)
    return Attached(kind=kind, width=bare.width, height=bare.height, position=position, taken=taken)


def _bare(image: Image.Image, kind: str) -> Image.Image:
    """The pixels alone: nothing of the camera, the place, the profile or a comment goes along."""
    plain = image.convert("RGB" if kind == "image/jpeg" or image.mode not in ("RGBA", "LA", "PA", "P") else "RGBA")
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def _position(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    """Longitude and latitude of the GPS tags (WGS 84), None where there are none that make sense."""
    try:
        latitude = _degrees(gps[2]) * _TURNS.get(str(gps.get(1, "N")), 1)
        longitude = _degrees(gps[4]) * _TURNS.get(str(gps.get(3, "E")), 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    sensible = math.isfinite(longitude + latitude) and abs(longitude) <= 180 and abs(latitude) <= 90
    return (round(longitude, 7), round(latitude, 7)) if sensible and (longitude or latitude) else None


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _taken(exif: Mapping[int, Any]) -> str:
    """``2025-08-01T10:20:30`` of the camera's clock, empty where it says nothing of that form."""
    text = str(exif.get(_TAKEN, ""))
    day, _, clock = text.partition(" ")
    stamp = f"{day.replace(':', '-')}T{clock}"
    digits = stamp.replace("-", "").replace(":", "").replace("T", "")
    return stamp if len(stamp) == 19 and digits.isdigit() and len(digits) == 14 else ""
