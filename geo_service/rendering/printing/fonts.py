"""The sheet's two faces, Noto Sans SC Regular and Bold: widths for layout, blobs for halos, characters they lack."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy
import shapely
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont, TTLibError

from geo_service.errors import BrokenInstallation
from geo_service.rendering.printing.drawing import num

FILES = {False: "NotoSansSC-Regular.ttf", True: "NotoSansSC-Bold.ttf"}
"""File of the regular and of the bold face."""
HALO_EM = 0.17
"""Width of a halo around the ink."""
REPLACEMENT = "〓"
"""Stands for a character without a glyph, as printers' geta mark does."""


class Face:
    """Metrics and outlines of one font file, in em."""

    def __init__(self, file: Path) -> None:
        try:
            self._font = TTFont(io.BytesIO(file.read_bytes()), lazy=True)
            self._glyphs: dict[int, str] = self._font.getBestCmap()
            self._widths = self._font["hmtx"].metrics
        except (OSError, TTLibError, KeyError) as error:
            raise BrokenInstallation(what=f"打印字体 {file.name} / print font {file.name} ({error})") from error
        self._units = float(self._font["head"].unitsPerEm)
        self._shapes = self._font.getGlyphSet()
        self._advances: dict[str, float] = {}
        self._blobs: dict[str, tuple[numpy.ndarray[Any, Any], ...]] = {}

    def has(self, character: str) -> bool:
        """Whether there is a glyph; white space always has one."""
        return ord(character) in self._glyphs or character.isspace()

    def advance(self, character: str) -> float:
        """How far a character moves the pen."""
        if character not in self._advances:
            name = self._glyphs.get(ord(character))
            self._advances[character] = self._widths[name][0] / self._units if name else 1.0
        return self._advances[character]

    def width(self, content: str, size: float, tracking: float = 0.0) -> float:
        """How long a text is, in the unit of its size; ``tracking`` lies between characters."""
        return sum(map(self.advance, content)) * size + tracking * max(0, len(content) - 1)

    def blob(self, character: str) -> tuple[numpy.ndarray[Any, Any], ...]:
        """The character's ink grown by the halo and its counters filled: rings around the pen's origin, y down."""
        if character not in self._blobs:
            self._blobs[character] = tuple(self._grown(character))
        return self._blobs[character]

    def _grown(self, character: str) -> Iterable[numpy.ndarray[Any, Any]]:
        name = self._glyphs.get(ord(character))
        if not name:
            return
        pen = _RingPen(self._shapes)
        self._shapes[name].draw(pen)
        rings = [numpy.array(ring) / (self._units, -self._units) for ring in pen.rings if len(ring) > 2]
        ink = shapely.union_all(shapely.buffer([shapely.Polygon(ring) for ring in rings], HALO_EM, quad_segs=3))
        for part in shapely.get_parts(ink):
            outline = shapely.simplify(shapely.Polygon(part.exterior), 0.02)
            yield shapely.get_coordinates(outline)[:-1]

    def halo(self, content: str, x: float, baseline: float, size: float, tracking: float = 0.0) -> str:
        """Path data of the halo of a text that starts at x."""
        pieces = []
        for character in content:
            for ring in self.blob(character):
                points = ring * size + (x, baseline)
                pieces.append("M" + " ".join(f"{num(a, 2)},{num(b, 2)}" for a, b in points.tolist()) + "z")
            x += self.advance(character) * size + tracking
        return "".join(pieces)


class _RingPen(BasePen):  # type: ignore[misc]  # fontTools has no types
    """Collects contours as rings of points, curves in three straight steps."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.rings: list[list[tuple[float, float]]] = []

    def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802  # the name fontTools calls
        self.rings.append([pt])

    def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802  # the name fontTools calls
        self.rings[-1].append(pt)

    def _qCurveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float]) -> None:  # noqa: N802  # the name fontTools calls
        start = self._getCurrentPoint()
        for step in (1 / 3, 2 / 3, 1.0):
            a, b, c = (1 - step) ** 2, 2 * step * (1 - step), step**2
            self.rings[-1].append((a * start[0] + b * pt1[0] + c * pt2[0], a * start[1] + b * pt1[1] + c * pt2[1]))


@dataclass(frozen=True, slots=True)
class Fonts:
    """The two faces and the folder Typst finds them in."""

    folder: Path
    regular: Face
    bold: Face

    def face(self, *, bold: bool) -> Face:
        """Bold or regular."""
        return self.bold if bold else self.regular

    def width(self, content: str, size: float, *, bold: bool = False, tracking: float = 0.0) -> float:
        """How long a text is, in the unit of its size."""
        return self.face(bold=bold).width(content, size, tracking)

    def missing(self, content: str) -> tuple[str, ...]:
        """Characters of a text without a glyph in either face, each once, in order."""
        return tuple(dict.fromkeys(c for c in content if not (self.regular.has(c) and self.bold.has(c))))

    def printable(self, content: str) -> str:
        """The text with what cannot be printed replaced by 〓, and radicals by the characters they look like."""
        plain = unified(content)
        gaps = self.missing(plain)
        return plain.translate({ord(c): REPLACEMENT for c in gaps}) if gaps else plain


def unified(content: str) -> str:
    """The text with Kangxi and CJK radicals replaced by the ordinary characters, so that a search finds them."""
    if not any(0x2E80 <= ord(c) <= 0x2FDF for c in content):
        return content
    return "".join(unicodedata.normalize("NFKC", c) if 0x2E80 <= ord(c) <= 0x2FDF else c for c in content)


@lru_cache(maxsize=4)
def load(folder: Path) -> Fonts:
    """The faces in a folder.

    Raises
    ------
    BrokenInstallation
        A font file is missing or does not read.
    """
    return Fonts(folder, Face(folder / FILES[False]), Face(folder / FILES[True]))
