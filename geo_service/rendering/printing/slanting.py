"""Slanting text made whole for readers of the PDF: each run of turned letters says what it reads (ISO 32000-2, 14.9.4).

Typst sets each letter of a turned text by itself, and poppler takes them for words of one letter each.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pikepdf

_LETTER = re.compile(
    rb"q (-?[\d.]+) (-?[\d.]+) -?[\d.]+ -?[\d.]+ (-?[\d.]+) (-?[\d.]+) cm[^\n]*\n"
    rb"BT [^\n]*?/(f\d+) ([\d.]+) Tf[^\n]*?Tm(\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f]+>)Tj\nET\nQ\n",
    re.DOTALL,
)
_PAIR = re.compile(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>")
LEVEL = 0.01
"""Turned less than this (sine of the angle), text is read as level."""
FARTHEST_EM = 1.8
"""Letters of one text are no farther apart."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A turned letter in a content stream, in points of the page."""

    start: int
    end: int
    x: float
    y: float
    cos: float
    sin: float
    size: float
    font: str
    code: bytes

    @property
    def is_turned(self) -> bool:
        return abs(self.sin) > LEVEL

    def goes_on(self, after: _Letter) -> bool:
        """Whether this letter continues the text of the one before it."""
        return (
            self.start == after.end
            and math.isclose(self.sin, after.sin, abs_tol=LEVEL)
            and math.isclose(self.cos, after.cos, abs_tol=LEVEL)
            and math.isclose(self.size, after.size, rel_tol=LEVEL)
            and math.hypot(self.x - after.x, self.y - after.y) < FARTHEST_EM * self.size
        )


def speak(pdf: pikepdf.Pdf) -> None:
    """Give every turned text on every page its words."""
    known: dict[Any, Mapping[int, str]] = {}
    for page in pdf.pages:
        content = page.obj.Contents.read_bytes()
        runs = [run for run in _runs(content) if len(run) > 1 and run[0].is_turned]
        if runs:
            fonts = {name.removeprefix("/"): _meanings(font, known) for name, font in page.obj.Resources.Font.items()}
            page.obj.Contents = pdf.make_stream(b"".join(_marked(content, runs, fonts)))


def _runs(content: bytes) -> Iterator[list[_Letter]]:
    run: list[_Letter] = []
    for letter in map(_letter, _LETTER.finditer(content)):
        if run and not letter.goes_on(run[-1]):
            yield run
            run = []
        run.append(letter)
    if run:
        yield run


def _letter(found: re.Match[bytes]) -> _Letter:
    a, b, x, y, size = (float(found.group(n)) for n in (1, 2, 3, 4, 6))
    unit = math.hypot(a, b)
    font, code = found.group(5).decode(), found.group(7)
    return _Letter(found.start(), found.end(), x, y, a / unit, b / unit, size * unit, font, code)


def _marked(content: bytes, runs: Iterable[list[_Letter]], fonts: Mapping[str, Mapping[int, str]]) -> Iterator[bytes]:
    """The content with each run between marks that hold its text (UTF-16)."""
    done = 0
    for run in runs:
        words = "".join(fonts[letter.font].get(_code(letter), "") for letter in run)
        mark = b"\xfe\xff" + words.encode("utf-16-be")
        yield content[done : run[0].start]
        yield b"/Span<</ActualText<" + mark.hex().upper().encode() + b">>>BDC\n"
        yield content[run[0].start : run[-1].end] + b"EMC\n"
        done = run[-1].end
    yield content[done:]


def _code(letter: _Letter) -> int:
    return int.from_bytes(bytes(pikepdf.Object.parse(letter.code)), "big")


def _meanings(font: Any, known: dict[Any, Mapping[int, str]]) -> Mapping[int, str]:
    """Glyph number to text by the font's own table (9.10.3)."""
    if font.objgen not in known:
        blocks = re.findall(rb"beginbfchar(.*?)endbfchar", font.ToUnicode.read_bytes(), re.DOTALL)
        pairs = itertools.chain.from_iterable(map(_PAIR.findall, blocks))
        known[font.objgen] = {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs}
    return known[font.objgen]
