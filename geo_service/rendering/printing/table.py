"""Numbered tables keyed to the map: columns as wide as their words, rows in as many columns as fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geo_service.core.layers import Field, worded
from geo_service.rendering.printing.drawing import TOP_EM, Anchor, Box, Drawing, num, path, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.naming import name_of
from geo_service.rendering.printing.panel import HEAD_MM, INSET_MM, panel
from geo_service.rendering.printing.scene import Numbered, Scene
from geo_service.rendering.printing.typography import LEADING, wrap
from geo_service.rendering.printing.words import word

SIZE_MM = 2.05
PAD_MM = 0.6
ROW_PAD_MM = 0.85
COLUMN_GAP_MM = 1.4
NARROWEST_MM = 38.0
WIDEST_CELL_MM = 34.0
NARROWEST_CELL_MM = 8.0
CELL_LINES = 3
AUTO_FIELDS = 2
NOTE_ROOM_MM = 3.0
HEADER_FILL = "#EBEBEB"
_LINE = "#787878"
_NOT_IN_TABLES = frozenset({"name", "name_en", "source_en", "note", "verb", "position_precision", "candidate_for"})


@dataclass(frozen=True, slots=True)
class Table:
    """A title, headings and rows of text; the first column holds numbers, the second names."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    optional: int = 0
    """So many columns at the right end may go where that makes all rows fit."""
    beside: int = 0
    """At most so many stacks of rows beside each other; 0 means as many as fit however narrow."""
    cell_lines: int = CELL_LINES
    """A cell is cut off after so many lines."""

    def part(self, rows: Sequence[tuple[str, ...]], title: str | None = None) -> Table:
        """The table with other rows."""
        return dataclasses.replace(self, rows=tuple(rows), title=self.title if title is None else title)


# ---------------------------------------------------------------- content
def tables_of(
    scene: Scene, fields: Sequence[str], allowed: Sequence[Field], fonts: Fonts, language: str
) -> list[Table]:
    """The table of the numbered layer and the key of names replaced by numbers, where there are any.

    ``fields`` are the columns asked for (empty: the first that hold something); ``allowed`` what the profile shows.
    """
    made = []
    if scene.table_layer and scene.tabled:
        title = word("table", language, title=scene.table_layer.definition.title.get(language))
        columns = columns_of(scene.tabled, fields, allowed)
        whole = _table(title, scene.tabled, columns, fonts, language)
        made.append(dataclasses.replace(whole, optional=0 if fields else len(columns)))
    if scene.keyed:
        rows = tuple(
            (str(r.number), fonts.printable(name_of(r.feature, language)), r.layer.definition.title.get(language))
            for r in scene.keyed
        )
        heads = (word("number", language), word("name", language), word("layer", language))
        made.append(Table(word("key", language), heads, rows))
    return made


def columns_of(rows: Sequence[Numbered], fields: Sequence[str], allowed: Sequence[Field]) -> list[Field]:
    """Fields for the columns after the name."""
    if fields:
        known = {f.key: f for f in allowed}
        return [known[key] for key in fields if key in known]
    used = [f for f in allowed if f.key not in _NOT_IN_TABLES and any(_has(r, f.key) for r in rows)]
    own = [f for f in used if f.key not in _COMMON]
    return [*own[:AUTO_FIELDS], *(f for f in used if f.key == "subdistrict")]


_COMMON = frozenset(
    {"status", "plan_status", "commitment", "subdistrict", "precision", "error_m", "source", "updated_at"}
)


def _has(row: Numbered, key: str) -> bool:
    return row.feature.properties.get(key) not in (None, "")


def _table(title: str, rows: Sequence[Numbered], columns: Sequence[Field], fonts: Fonts, language: str) -> Table:
    heads = (word("number", language), word("name", language), *(heading(c, language) for c in columns))
    cells = tuple(
        (
            str(row.number),
            fonts.printable(name_of(row.feature, language)),
            *(fonts.printable(value_text(c, row.feature.properties.get(c.key), language)) for c in columns),
        )
        for row in rows
    )
    return Table(title, heads, cells)


def heading(field: Field, language: str) -> str:
    """A field's title with its unit."""
    title = field.title.get(language)
    return f"{title}/{field.unit}" if field.unit else title


def value_text(field: Field, value: Any, language: str) -> str:
    """A value as people read it: titles for codes, thousands apart, 是 and 否."""
    if value is None or value == "":
        return word("blank", language)
    words = worded(field, value)
    if words:
        return words.get(language)
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    if isinstance(value, (int, float)) and field.type in ("integer", "number"):
        return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.4g}"
    return str(value)


# ---------------------------------------------------------------- drawing
@dataclass(frozen=True, slots=True)
class _Plan:
    """Column widths of a table and every row broken into lines."""

    widths: tuple[float, ...]
    heads: tuple[list[str], ...]
    rows: tuple[tuple[list[str], ...], ...]

    @property
    def width(self) -> float:
        return sum(self.widths)

    @property
    def head_height(self) -> float:
        return _row_height(self.heads)

    def column_heights(self, columns: int, room: float) -> list[int]:
        """How many rows go into each of so many columns of this height."""
        counts, at = [], 0
        for _ in range(columns):
            used, start = self.head_height, at
            while at < len(self.rows) and used + _row_height(self.rows[at]) <= room:
                used += _row_height(self.rows[at])
                at += 1
            counts.append(at - start)
        return counts


def _row_height(cells: Sequence[Sequence[str]]) -> float:
    return max(1, *(len(lines) for lines in cells)) * SIZE_MM * LEADING + ROW_PAD_MM


def table_block(
    table: Table, box: Box, fonts: Fonts, language: str, *, note_rest: bool = True
) -> tuple[Drawing, Table | None]:
    """The table as wide as a box and at most as high, and what is left of it for another page."""
    inner, room = box.width - 2 * INSET_MM, box.height - HEAD_MM - INSET_MM
    columns, plan = _best_plan(table, inner, room, fonts)
    counts = plan.column_heights(columns, room)
    if sum(counts) < len(table.rows):
        columns, plan = _best_plan(table, inner, room - NOTE_ROOM_MM, fonts)
        counts = plan.column_heights(columns, room - NOTE_ROOM_MM)
    shown = sum(counts)
    counts = _balanced(plan, columns, room) if shown == len(table.rows) else counts
    left = table.rows[shown:]
    notes = [word("more_rows", language, count=len(left))] if left and note_rest else []
    drawn = panel(table.title, _draw(plan, counts, inner, columns), box.width, notes=notes)
    return drawn, table.part(left) if left else None


def _balanced(plan: _Plan, columns: int, room: float) -> list[int]:
    """The lowest common height at which all rows still fit."""
    total = len(plan.rows)
    heights = [plan.head_height + _row_height(row) for row in plan.rows]
    low, high = max(heights, default=room), room
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if sum(plan.column_heights(columns, middle)) == total else (middle, high)
    return plan.column_heights(columns, high)


def _best_plan(table: Table, inner: float, room: float, fonts: Fonts) -> tuple[int, _Plan]:
    """As few columns as hold all rows, optional table columns given up last; else those that hold the most."""
    trials = [
        (n, _plan(short, (inner + COLUMN_GAP_MM) / n - COLUMN_GAP_MM, fonts))
        for short in _shortened(table)
        for n in range(1, _most_columns(short, inner, fonts) + 1)
    ]
    held = [sum(plan.column_heights(n, room)) for n, plan in trials]
    complete = next((t for t, count in zip(trials, held, strict=True) if count == len(table.rows)), None)
    return complete or trials[held.index(max(held))]


def _most_columns(table: Table, inner: float, fonts: Fonts) -> int:
    narrowest = min(NARROWEST_MM, sum(_natural_widths(table, fonts)) + 0.5)
    most = max(1, int((inner + COLUMN_GAP_MM) / (narrowest + COLUMN_GAP_MM)))
    return min(most, table.beside or most)


def stacks_beside(table: Table, width: float, fonts: Fonts) -> int:
    """How many stacks of a table's rows stand beside each other in a width without breaking its words; one at least."""
    wide = sum(min(w, WIDEST_CELL_MM) for w in _natural_widths(table, fonts))
    return max(1, int((width - 2 * INSET_MM + COLUMN_GAP_MM) / (wide + COLUMN_GAP_MM)))


def _shortened(table: Table) -> list[Table]:
    """The table, and the same with one, two … optional columns fewer."""
    ends = range(len(table.heads), len(table.heads) - table.optional - 1, -1)
    return [dataclasses.replace(table, heads=table.heads[:e], rows=tuple(r[:e] for r in table.rows)) for e in ends]


def _natural_widths(table: Table, fonts: Fonts) -> list[float]:
    columns = zip(table.heads, *table.rows, strict=True) if table.rows else ((head,) for head in table.heads)
    return [
        max(fonts.width(cell, SIZE_MM, bold=n == 0) for n, cell in enumerate(c)) + 2 * PAD_MM + 0.1 for c in columns
    ]


def _plan(table: Table, width: float, fonts: Fonts) -> _Plan:
    widths = _fitted_widths(_natural_widths(table, fonts), width)
    return _Plan(
        widths,
        tuple(
            wrap(h, w - 2 * PAD_MM, SIZE_MM, fonts, bold=True, lines=2)
            for h, w in zip(table.heads, widths, strict=True)
        ),
        tuple(
            tuple(
                wrap(c, w - 2 * PAD_MM, SIZE_MM, fonts, lines=table.cell_lines)
                for c, w in zip(row, widths, strict=True)
            )
            for row in table.rows
        ),
    )


def _fitted_widths(natural: list[float], width: float) -> tuple[float, ...]:
    """Natural widths, the widest lowered to a common limit until they fit; the name takes what is to spare."""
    limit = WIDEST_CELL_MM
    widths = [min(w, limit) for w in natural]
    while sum(widths) > width and limit > NARROWEST_CELL_MM:
        limit -= 0.5
        widths = [min(w, limit) for w in natural]
    spare = width - sum(widths)
    widths[1] += min(spare, max(0.0, natural[1] - widths[1] + 12.0)) if spare > 0 else spare
    return tuple(widths)


def _draw(plan: _Plan, counts: Sequence[int], inner: float, columns: int) -> Drawing:
    pieces, at, tall = [], 0, 0.0
    step = (inner + COLUMN_GAP_MM) / columns
    for column, count in enumerate(counts):
        if count or column == 0:
            part = _draw_column(plan, plan.rows[at : at + count])
            pieces.append(part.at(column * step, 0))
            tall, at = max(tall, part.height_mm), at + count
    return Drawing(inner, tall, "".join(pieces))


def _draw_column(plan: _Plan, rows: Sequence[tuple[list[str], ...]]) -> Drawing:
    y, pieces, lines = 0.0, [], []
    for n, cells in enumerate((plan.heads, *rows)):
        pieces.append(_draw_row(cells, plan.widths, y, head=n == 0))
        y += _row_height(cells)
        lines.append(f"M0,{num(y)}H{num(plan.width)}")
    edges = [sum(plan.widths[:n]) for n in range(1, len(plan.widths))]
    lines += [f"M{num(x)},0V{num(y)}" for x in edges]
    frame = rect(Box(0, 0, plan.width, y), fill="none", stroke=_LINE, stroke_width=0.1)
    ground = rect(Box(0, 0, plan.width, plan.head_height), fill=HEADER_FILL)
    rules = path("".join(lines), fill="none", stroke=_LINE, stroke_width=0.1)
    return Drawing(plan.width, y, ground + rules + frame + "".join(pieces))


def _draw_row(cells: Sequence[list[str]], widths: Sequence[float], y: float, *, head: bool) -> str:
    tall = _row_height(cells)
    x, pieces = 0.0, []
    for column, (lines, width) in enumerate(zip(cells, widths, strict=True)):
        top = y + (tall - (len(lines) - 1) * SIZE_MM * LEADING - SIZE_MM) / 2
        named = column == 1 and not head
        base = top + TOP_EM * SIZE_MM + 0.08
        anchor: Anchor = "start" if named else "middle"
        at = x + (PAD_MM if named else width / 2)
        pieces += [
            text(at, base + n * SIZE_MM * LEADING, line, size=SIZE_MM, bold=head, anchor=anchor)
            for n, line in enumerate(lines)
            if line
        ]
        x += width
    return "".join(pieces)
