"""How much of an uploaded file is read before it is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

MEBIBYTE = 1 << 20
_UNPACKING = 7
"""A packed file counts for so many times its size: a million points are 29 MB as a zip, 206 MB as a GeoPackage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one job. Sizes in bytes, times in seconds; the defaults are the published ones."""

    upload_bytes: int = 200 * MEBIBYTE
    unpacked_bytes: int = 1024 * MEBIBYTE
    member_bytes: int = 256 * MEBIBYTE
    members: int = 2_000
    ratio: int = 200
    ratio_from_bytes: int = 10 * MEBIBYTE
    features: int = 1_000_000
    vertices: int = 5_000_000
    feature_vertices: int = 200_000
    feature_bytes: int = 32 * MEBIBYTE
    fields: int = 200
    cell_bytes: int = 64 * 1024
    depth: int = 32
    crossings: int = 2_000
    findings: int = 500
    wall_s: float = 90.0
    cpu_s: int = 60
    memory_bytes: int = 2048 * MEBIBYTE
    file_bytes: int = 256 * MEBIBYTE
    open_files: int = 64

    def for_upload(self, size: int, *, packed: bool = False) -> Limits:
        """The limits of reading a file of so many bytes: large ones have more time, and more room for what they say.

        A GeoPackage of 200 MiB with a million points takes 30 s and writes 320 MB of changes; a ``packed`` file (a
        zipped Shapefile or file geodatabase) holds as much in a seventh.
        """
        more = max(0, size * (_UNPACKING if packed else 1) // MEBIBYTE - 10)
        return dataclasses.replace(
            self,
            wall_s=self.wall_s + 1.5 * more,
            cpu_s=self.cpu_s + more,
            file_bytes=self.file_bytes + 2 * more * MEBIBYTE,
        )


LIMITS = Limits()
"""The published limits."""
