"""Pixels that paths are painted on, by Anti-Grain Geometry (celiagg), and their PNG and JPEG.

Coordinates are pixels from the top left corner, x to the right and y down; the middle of the first pixel is 0.5, 0.5.
Colours are kept premultiplied by their opacity.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import celiagg  # type: ignore[import-untyped]  # it has no types
import numpy
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

from geo_service.errors import BrokenInstallation

Pixels = NDArray[numpy.uint8]
"""Height by width by four: red, green and blue, and opacity, by which they are multiplied."""
Points = NDArray[numpy.float64]
"""Rows of x and y."""

PNG_LEVEL = 1
"""Of ISA-L, the fastest that looks for repetitions."""
JPEG_QUALITY = 88
_KEPT_FONTS = 8
GROWTH_PX = 0.5
_MITER_LIMIT = 4.0
"""As in SVG; celiagg's own limit of 1 sends points of nearly straight lines to infinity."""


@dataclass(frozen=True, slots=True)
class Pen:
    """How a line is painted, in pixels; ``dash`` holds lengths of strokes and gaps in turn."""

    color: str
    width: float
    opacity: float = 1.0
    dash: tuple[float, ...] = ()
    round_joins: bool = False
    round_caps: bool = False


class Outline:
    """Rings and lines that are painted together."""

    __slots__ = ("path",)

    def __init__(self) -> None:
        self.path = celiagg.Path()

    def ring(self, points: Points) -> None:
        """Add a ring; its first point is not said again."""
        self.path.lines(points)
        self.path.close()

    def line(self, points: Points) -> None:
        """Add a line."""
        self.path.lines(points)


class Canvas:
    """A picture that is being painted; of one thread at a time."""

    def __init__(self, width: int, height: int, ground: str = "") -> None:
        """``ground`` is "#RRGGBB", or "" for nothing, which is transparent."""
        below = numpy.array((*rgb(ground), 255) if ground else (0, 0, 0, 0), numpy.uint8).view(numpy.uint32)
        self.pixels: Pixels = numpy.full((height, width, 1), below[0]).view(numpy.uint8)
        self.opaque = bool(ground)
        self._canvas = celiagg.CanvasRGBA32(self.pixels)
        self._still = celiagg.Transform()
        self._filling = celiagg.GraphicsState(drawing_mode=celiagg.DrawingMode.DrawFill)

    def fill(self, outline: Outline, paint: Any) -> None:
        """Paint the inside (of rings one way round; others are holes) with :func:`solid` or :func:`pattern`; where
        rings overlap the paint is no thicker.

        celiagg grows every ring by half a pixel first; under the outline of an area nobody sees that, see
        :func:`shrunk` for where it matters.
        """
        self._draw(outline, self._filling, fill=paint)

    def stroke(self, outline: Outline, pen: Pen) -> None:
        """Paint along the lines; where they cross each other the paint is no thicker."""
        caps, joins = celiagg.LineCap, celiagg.LineJoin
        state = celiagg.GraphicsState(
            drawing_mode=celiagg.DrawingMode.DrawStroke,
            line_width=pen.width,
            line_join=joins.JoinRound if pen.round_joins else joins.JoinMiter,
            miter_limit=_MITER_LIMIT,
            line_cap=caps.CapRound if pen.round_caps else caps.CapButt,
            line_dash_pattern=list(zip(pen.dash[::2], pen.dash[1::2], strict=True)),
        )
        self._draw(outline, state, stroke=solid(pen.color, pen.opacity))

    def _draw(self, outline: Outline, state: Any, **paint: Any) -> None:
        """Paint, where more lines meet than are painted at once (4 million pixels) in parts."""
        try:
            self._canvas.draw_shape(outline.path, self._still, state, **paint)
        except OverflowError:
            self._draw_rows(outline, state.copy(), (0, self.pixels.shape[0]), **paint)

    def _draw_rows(self, outline: Outline, state: Any, rows: tuple[int, int], **paint: Any) -> None:
        top, bottom = rows
        state.clip_box = celiagg.Rect(0, top, self.pixels.shape[1], bottom - top)
        try:
            self._canvas.draw_shape(outline.path, self._still, state, **paint)
        except OverflowError:
            if bottom - top == 1:
                return  # a row of a million crossings: there is no picture of it
            middle = (top + bottom) // 2
            self._draw_rows(outline, state, (top, middle), **paint)
            self._draw_rows(outline, state, (middle, bottom), **paint)

    def write(self, place: tuple[float, float], content: str, font: Any, color: str) -> None:
        """Letters in a :func:`font`, from a place on their baseline."""
        move = celiagg.Transform(1.0, 0.0, 0.0, 1.0, *place)
        state = celiagg.GraphicsState(text_drawing_mode=celiagg.TextDrawingMode.TextDrawRaster)
        self._canvas.draw_text(content, font, move, state, fill=solid(color))

    def stamp(self, picture: Pixels, left: int, top: int) -> None:
        """Lay a picture over a part; what of it lies outside is left out."""
        height, width = self.pixels.shape[:2]
        x1, y1 = max(left, 0), max(top, 0)
        x2, y2 = min(left + picture.shape[1], width), min(top + picture.shape[0], height)
        if x1 >= x2 or y1 >= y2:
            return
        above = picture[y1 - top : y2 - top, x1 - left : x2 - left].astype(numpy.uint16)
        below = self.pixels[y1:y2, x1:x2]
        below[:] = above + (below * (255 - above[..., 3:]) + 127) // 255

    def straight(self) -> Pixels:
        """The pixels with their colours as they are, not multiplied by their opacity."""
        pixels = self.pixels.copy()
        painted = numpy.flatnonzero(pixels[..., 3].any(axis=1))
        part = pixels[painted[0] : painted[-1] + 1] if len(painted) else pixels[:0]
        places = part[..., 3].astype(numpy.uint16) << 8
        for band in range(3):
            part[..., band] = _straight_table()[places | part[..., band]]
        return pixels

    def encoded(self, kind: str) -> bytes:
        """As "png" (with opacity where there is no ground) or "jpeg"."""
        if kind == "png":
            return png(self.pixels[..., :3] if self.opaque else self.straight())
        out = io.BytesIO()
        Image.fromarray(numpy.ascontiguousarray(self.pixels[..., :3])).save(out, "JPEG", quality=JPEG_QUALITY)
        return out.getvalue()


@lru_cache(maxsize=1)
def _straight_table() -> Pixels:
    """The colour at 256 times the opacity and the colour multiplied by it."""
    alpha, color = numpy.divmod(numpy.arange(1 << 16), 256)
    table = numpy.minimum((color * 255 + alpha // 2) // numpy.maximum(alpha, 1), 255)
    return numpy.asarray(table, numpy.uint8)


def shrunk(ring: Points) -> Points:
    """A convex ring half a pixel smaller on every side: grown again by :meth:`Canvas.fill` it is what it was."""
    after = numpy.roll(ring, -1, axis=0)
    ahead = after - ring
    around = numpy.sign((ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]).sum())
    ahead /= numpy.hypot(*ahead.T)[:, None]
    inward = numpy.column_stack((-ahead[:, 1], ahead[:, 0])) * around
    before = numpy.roll(inward, 1, axis=0)
    return numpy.asarray(ring + GROWTH_PX * (inward + before) / (1 + (inward * before).sum(axis=1))[:, None])


def png(pixels: Pixels) -> bytes:
    """Pixels of three or four bands as PNG.

    Rows are not filtered: flat colours and repeated hatches, which maps are made of, compress better as they are.
    """
    height, width, bands = pixels.shape
    rows = numpy.zeros((height, 1 + width * bands), numpy.uint8)
    for band in range(bands):
        rows[:, 1 + band :: bands] = pixels[..., band]
    head = struct.pack(">IIBBBBB", width, height, 8, 6 if bands == 4 else 2, 0, 0, 0)
    pieces = ((b"IHDR", head), (b"IDAT", isal_zlib.compress(rows.data, PNG_LEVEL)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in pieces)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def solid(color: str, opacity: float = 1.0) -> Any:
    """One colour ("#RRGGBB") everywhere."""
    return celiagg.SolidPaint(*(part / 255 for part in rgb(color)), opacity)


def pattern(tile: Pixels) -> Any:
    """A picture (not premultiplied) repeated from the corner of the canvas."""
    return celiagg.PatternPaint(celiagg.PatternStyle.StyleRepeat, celiagg.Image(tile, celiagg.PixelFormat.RGBA32))


@lru_cache(maxsize=_KEPT_FONTS)
def font(file: Path, size: float) -> Any:
    """A face of which one em is so many pixels.

    Raises
    ------
    BrokenInstallation
        The file is not there; celiagg would write nothing and say nothing.
    """
    if not file.is_file():
        raise BrokenInstallation(what=f"字体 {file.name} / font {file.name}")
    return celiagg.FreeTypeFont(str(file), size)


def rgb(color: str) -> Sequence[int]:
    """Red, green and blue of "#RRGGBB", 0 to 255."""
    return tuple(bytes.fromhex(color[1:]))
