"""Photos as telephones make them: with position, time, camera and a small picture inside."""

from __future__ import annotations

import io

from PIL import Image
from PIL.ExifTags import IFD, Base

LONGITUDE, LATITUDE = 117.16, 39.105
CAMERA = "MARKED-CAMERA-7"


def photo(size: tuple[int, int] = (640, 480), *, turned: bool = False, kind: str = "JPEG") -> bytes:
    """A picture with EXIF: 117.16 E, 39.105 N, 2025-08-01 10:20:30; ``turned`` is held upright (orientation 6)."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    exif = Image.Exif()
    exif[Base.Make] = CAMERA
    exif[Base.Orientation] = 6 if turned else 1
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2025:08:01 10:20:30"
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[1], gps[2] = "N", (39.0, 6.0, 18.0)
    gps[3], gps[4] = "E", (117.0, 9.0, 36.0)
    out = io.BytesIO()
    image.save(out, kind, exif=exif, comment=b"MARKED-COMMENT") if kind == "JPEG" else image.save(out, kind, exif=exif)
    return out.getvalue()
