"""A page of the PDF as PNG, drawn in strips, so that even A0 at 300 dpi needs little memory."""

from __future__ import annotations

import ctypes
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy

from geo_service.errors import InvalidParameter
from geo_service.rendering.printing.late import pdfium, pypdfium2

LOWEST_DPI, HIGHEST_DPI = 30, 600
STRIP_ROWS = 256
LEVEL = 5


def write_png(
    pdf: bytes,
    out: BinaryIO,
    *,
    dpi: int = 300,
    page: int = 0,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write one page at a resolution; the file says its dpi, so it prints at the sheet's true size.

    Raises
    ------
    InvalidParameter
        A resolution outside 30 to 600 dpi, or a page the PDF does not have.
    """
    if not LOWEST_DPI <= dpi <= HIGHEST_DPI:
        reason = f"须在 {LOWEST_DPI} 至 {HIGHEST_DPI} 之间 / must be {LOWEST_DPI} to {HIGHEST_DPI}"
        raise InvalidParameter(name="dpi", value=dpi, reason=reason)
    document = pypdfium2.PdfDocument(pdf)
    try:
        if not 0 <= page < len(document):
            raise InvalidParameter(
                name="page", value=page + 1, reason=f"共 {len(document)} 页 / there are {len(document)}"
            )
        leaf = document[page]
        width, height = (round(points * dpi / 72) for points in leaf.get_size())
        _write_head(out, width, height, dpi)
        for done in _write_rows(out, width, _strips(leaf, width, height)):
            if progress:
                progress(done / height)
        _chunk(out, b"IEND", b"")
    finally:
        document.close()


def _strips(leaf: pypdfium2.PdfPage, width: int, height: int) -> Iterator[numpy.ndarray[Any, Any]]:
    """Rows of RGB from top to bottom, a strip at a time."""
    for top in range(0, height, STRIP_ROWS):
        rows = min(STRIP_ROWS, height - top)
        bitmap = pypdfium2.PdfBitmap.new_native(width, rows, pdfium.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, rows)
        pdfium.FPDF_RenderPageBitmap(bitmap, leaf, 0, -top, width, height, 0, pdfium.FPDF_ANNOT)
        pixels = numpy.frombuffer(bitmap.buffer, dtype=numpy.uint8, count=ctypes.sizeof(bitmap.buffer))
        yield pixels.reshape(rows, bitmap.stride)[:, : 4 * width].reshape(rows, width, 4)[:, :, 2::-1].copy()
        bitmap.close()


def _write_head(out: BinaryIO, width: int, height: int, dpi: int) -> None:
    """PNG (RFC 2083): signature, size, resolution."""
    per_metre = round(dpi / 0.0254)
    out.write(b"\x89PNG\r\n\x1a\n")
    _chunk(out, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    _chunk(out, b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))


def _write_rows(out: BinaryIO, width: int, strips: Iterator[numpy.ndarray[Any, Any]]) -> Iterator[int]:
    """Rows filtered by their difference to the row above; gives back how many are written."""
    packer, above, done = zlib.compressobj(LEVEL), numpy.zeros((1, width, 3), dtype=numpy.uint8), 0
    for strip in strips:
        difference = strip - numpy.concatenate((above, strip[:-1]))
        rows = numpy.full((len(strip), 1 + 3 * width), 2, dtype=numpy.uint8)
        rows[:, 1:] = difference.reshape(len(strip), -1)
        _chunk(out, b"IDAT", packer.compress(rows.tobytes()))
        above, done = strip[-1:], done + len(strip)
        yield done
    _chunk(out, b"IDAT", packer.flush())


def _chunk(out: BinaryIO, kind: bytes, data: bytes) -> None:
    if data or kind == b"IEND":
        out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
