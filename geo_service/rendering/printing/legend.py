"""The legend: what is drawn in the frame, by class, with the map's own swatches; nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geo_service.rendering.printing.drawing import GREY, Box, Drawing
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.marks import swatch
from geo_service.rendering.printing.panel import HEAD_MM, INSET_MM, panel
from geo_service.rendering.printing.scene import LegendEntry
from geo_service.rendering.printing.typography import LEADING, SMALLEST_MM, height, paragraph, size_for, wrap
from geo_service.rendering.printing.words import word

SWATCH_MM = (9.0, 4.6)
NARROW_SWATCH_MM = (7.0, 4.2)
TITLE_MM, DETAIL_MM = 2.4, 2.0
GAP_MM = 1.4
ROW_GAP_MM = 0.8
TWO_COLUMNS_UP_TO = 26
NARROWEST_MM = 23.0


@dataclass(frozen=True, slots=True)
class _Cell:
    """A legend item broken into lines."""

    entry: LegendEntry
    size: float
    title: list[str]
    detail: list[str]

    @property
    def text_height(self) -> float:
        return height(len(self.title), self.size) + len(self.detail) * DETAIL_MM * LEADING

    @property
    def height(self) -> float:
        return max(SWATCH_MM[1], self.text_height)


def legend_block(
    entries: Sequence[LegendEntry], box: Box, fonts: Fonts, language: str
) -> tuple[Drawing, tuple[LegendEntry, ...]]:
    """The legend as wide as a box and as high as needed (at most the box), and the entries that did not fit."""
    inner = box.width - 2 * INSET_MM
    room = box.height - HEAD_MM - INSET_MM
    shown = list(entries)
    grid = _best_grid(shown, inner, fonts, language, room)
    while shown and grid.height > room:
        shown.pop()
        grid = _best_grid(shown, inner, fonts, language, room - 3.0)
    rest = tuple(entries[len(shown) :])
    body = grid.draw()
    notes = [] if entries else [word("legend_empty", language)]
    notes += [word("more_legend", language, count=len(rest))] if rest else []
    return panel(word("legend", language), body, box.width, notes=notes), rest


@dataclass(frozen=True, slots=True)
class _Grid:
    """Legend items in columns, filled downwards."""

    width: float
    columns: int
    cells: list[_Cell]

    @property
    def rows(self) -> int:
        return math.ceil(len(self.cells) / self.columns)

    def row_height(self, row: int) -> float:
        """The height of the highest item of a row."""
        return max(cell.height for cell in self.cells[row :: self.rows]) + ROW_GAP_MM

    @property
    def height(self) -> float:
        return sum(self.row_height(r) for r in range(self.rows))

    def draw(self) -> Drawing:
        """The items at their places."""
        column_width = (self.width + GAP_MM) / self.columns
        tops = [sum(self.row_height(r) for r in range(row)) for row in range(self.rows)]
        pieces = [
            _item(cell, column_width).at((n // self.rows) * column_width, tops[n % self.rows])
            for n, cell in enumerate(self.cells)
        ]
        return Drawing(self.width, self.height, "".join(pieces))


def _best_grid(entries: Sequence[LegendEntry], width: float, fonts: Fonts, language: str, room: float) -> _Grid:
    """As few columns as fit the room; two in a sidebar, three from 27 entries on."""
    most = max(1, int((width + GAP_MM) / (NARROWEST_MM + GAP_MM)))
    least = min(most, 1 if width < 60 else 2 if len(entries) <= TWO_COLUMNS_UP_TO else 3)
    grids = [_grid(entries, width, n, fonts, language) for n in range(least, most + 1)]
    return next((g for g in grids if g.height <= room), min(grids, key=lambda g: g.height))


def _grid(entries: Sequence[LegendEntry], width: float, columns: int, fonts: Fonts, language: str) -> _Grid:
    room = (width + GAP_MM) / columns - GAP_MM - _swatch_mm((width + GAP_MM) / columns)[0] - 1.3
    return _Grid(width, columns, [_cell(entry, room, fonts, language) for entry in entries])


def _swatch_mm(column_width: float) -> tuple[float, float]:
    return SWATCH_MM if column_width > 34 else NARROW_SWATCH_MM


def _cell(entry: LegendEntry, room: float, fonts: Fonts, language: str) -> _Cell:
    title = fonts.printable(entry.title.get(language))
    size = size_for(title, room, TITLE_MM, fonts)
    size = TITLE_MM if size < SMALLEST_MM else size
    return _Cell(
        entry,
        size,
        wrap(title, room + 0.05, size, fonts, lines=3),
        wrap(fonts.printable(detail(entry, language)), room, DETAIL_MM, fonts, lines=2),
    )


def detail(entry: LegendEntry, language: str) -> str:
    """What is small below a title: class, 示意, how many."""
    title = entry.title.get(language)
    overlay = word("illustrative", language)
    parts = [
        entry.class_title.get(language) if entry.class_title else "",
        overlay if entry.illustrative and overlay not in title else "",
        word("as_mark", language) if entry.from_area else "",
        str(entry.count),
    ]
    return " · ".join(p for p in parts if p)


def _item(cell: _Cell, column_width: float) -> Drawing:
    width, tall = _swatch_mm(column_width)
    middle = cell.height / 2
    icon = swatch(cell.entry.look, width, tall, compact=cell.entry.compact).at(0, middle - tall / 2)
    top = middle - cell.text_height / 2
    names = paragraph(cell.title, width + 1.3, top, cell.size)
    below = top + len(cell.title) * cell.size * LEADING - (LEADING - 1.2) * cell.size
    return Drawing(
        column_width, cell.height, icon + names + paragraph(cell.detail, width + 1.3, below, DETAIL_MM, fill=GREY)
    )
