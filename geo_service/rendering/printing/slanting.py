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

from geo_service.rendering.printing.late import pikepdf

_LETTER = re.compile(
    rb"q (?P<matrix>(?P<a>-?[\d.]+) (?P<b>-?[\d.]+) -?[\d.]+ -?[\d.]+) (?P<x>-?[\d.]+) (?P<y>-?[\d.]+) cm"
    rb"(?P<ink>[^\n]*)\nBT (?P<type>[^\n]*?/(?P<font>f\d+) (?P<size>[\d.]+) Tf) 1 0 0 -1 0 0 Tm"
    rb"(?P<code>\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f]+>)Tj\nET\nQ(?:\n|$)",
    re.DOTALL,
)
_PAIR = re.compile(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>")
LEVEL = 0.01
"""Turned less than this (sine of the angle), text is read as level."""
FARTHEST_EM = 1.8
"""Letters of one text are no farther apart."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A letter in a content stream: ``x``, ``y`` in points of the page, ``unit`` how many make one of its size."""

    found: re.Match[bytes]
    x: float
    y: float
    cos: float
    sin: float
    unit: float
    size: float

    @property
    def is_turned(self) -> bool:
        return abs(self.sin) > LEVEL

    def goes_on(self, after: _Letter) -> bool:
        """Whether this letter continues the text of the one before it."""
        return (
            self.found.start() == after.found.end()
            and self.found.group("ink", "type") == after.found.group("ink", "type")
            and math.isclose(self.sin, after.sin, abs_tol=LEVEL)
            and math.isclose(self.cos, after.cos, abs_tol=LEVEL)
            and math.hypot(self.x - after.x, self.y - after.y) < FARTHEST_EM * self.size * self.unit
        )

    def along(self, first: _Letter) -> float:
        """How far it stands behind the first letter, in the unit of its size."""
        return ((self.x - first.x) * first.cos + (self.y - first.y) * first.sin) / first.unit


def speak(pdf: pikepdf.Pdf) -> None:
    """Give every turned text on every page its words, and every text in a form (half transparent ones are): the form
    itself may be turned."""
    known: dict[Any, Mapping[int, str]] = {}
    for page in pdf.pages:
        for content, resources in _contents(page.obj.Contents, page.obj.Resources):
            data = content.read_bytes()
            is_form = "/Subtype" in content
            runs = [run for run in _runs(data) if len(run) > 1 and (is_form or run[0].is_turned)]
            if runs:
                fonts = {name.removeprefix("/"): _meanings(font, known) for name, font in resources.Font.items()}
                content.write(b"".join(_marked(data, runs, fonts)))


def _contents(content: Any, resources: Any) -> Iterator[tuple[Any, Any]]:
    """A content stream with its resources, and those of the forms it draws."""
    yield content, resources
    for form in resources.get("/XObject", {}).values():
        if form.get("/Subtype") == "/Form":
            yield from _contents(form, form.get("/Resources", pikepdf.Dictionary()))


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
    a, b, x, y, size = (float(found[name]) for name in ("a", "b", "x", "y", "size"))
    unit = math.hypot(a, b)
    return _Letter(found, x, y, a / unit, b / unit, unit, size)


def _marked(content: bytes, runs: Iterable[list[_Letter]], fonts: Mapping[str, Mapping[int, str]]) -> Iterator[bytes]:
    """The content with each run as one text object between marks that hold its words (UTF-16).

    The marks stand inside the turned coordinates: poppler takes the place of the words from there.
    """
    done = 0
    for run in runs:
        first = run[0].found
        words = "".join(fonts[letter.found["font"].decode()].get(_code(letter), "") for letter in run)
        mark = (b"\xfe\xff" + words.encode("utf-16-be")).hex().upper().encode()
        letters = (b"1 0 0 -1 %.4f 0 Tm%sTj" % (letter.along(run[0]), letter.found["code"]) for letter in run)
        yield content[done : first.start()]
        yield b"q %s %s %s cm%s\n" % first.group("matrix", "x", "y", "ink")
        yield b"/Span<</ActualText<%s>>>BDC\nBT %s %s\nET\nEMC\nQ\n" % (mark, first["type"], b" ".join(letters))
        done = run[-1].found.end()
    yield content[done:]


def _code(letter: _Letter) -> int:
    return int.from_bytes(bytes(pikepdf.Object.parse(letter.found["code"])), "big")


def _meanings(font: Any, known: dict[Any, Mapping[int, str]]) -> Mapping[int, str]:
    """Glyph number to text by the font's own table (9.10.3)."""
    if font.objgen not in known:
        blocks = re.findall(rb"beginbfchar(.*?)endbfchar", font.ToUnicode.read_bytes(), re.DOTALL)
        pairs = itertools.chain.from_iterable(map(_PAIR.findall, blocks))
        known[font.objgen] = {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs}
    return known[font.objgen]
