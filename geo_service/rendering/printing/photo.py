"""Photographs on a sheet: read, made small, stripped of everything but the picture (no camera, no GPS), embedded."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from geo_service.errors import RejectedUpload
from geo_service.rendering.printing.drawing import num

LONGEST_PX = 1400
MOST_PIXELS = 60_000_000
QUALITY = 82


def photo_svg(data: bytes, width_mm: float, height_mm: float) -> str:
    """The photograph as an ``<image>`` that fills a box, upright, cut at the edges.

    Raises
    ------
    RejectedUpload
        Not a JPEG, PNG or WebP, damaged, or larger than 60 million pixels.
    """
    jpeg = _clean(data, width_mm / height_mm)
    source = base64.b64encode(jpeg).decode()
    return f'<image width="{num(width_mm)}" height="{num(height_mm)}" href="data:image/jpeg;base64,{source}"/>'


def _clean(data: bytes, ratio: float) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise RejectedUpload(file="photo", reason=f"超过 {MOST_PIXELS:,} 像素 / too many pixels")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise RejectedUpload(
            file="photo", reason="不是可读的 JPEG、PNG 或 WebP 图片 / not a readable picture"
        ) from error
    wide = min(LONGEST_PX, upright.width)
    cut = ImageOps.fit(upright, (wide, max(1, round(wide / ratio))), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    cut.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
