"""一页纸: the answer to a question on one upright A4 page with headline, map, parameters, chart, table and method.

What does not fit into the table stands on further pages, so that the print says as much as the page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.rendering.printing.blocks import Left
from geo_service.rendering.printing.chart import SERIES, ChartData, chart_block
from geo_service.rendering.printing.drawing import GREY, INK, Box, Drawing, path, path_data, rect, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.heading import heading
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.layout import FOOT_MM, GAP_MM, TOP_MM, Layout
from geo_service.rendering.printing.pages import Page, Sheet, View
from geo_service.rendering.printing.panel import HEAD_MM, INSET_MM, panel
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.sheet import (
    Desk,
    Subject,
    assemble,
    continuation,
    corner_svg,
    corners,
    desk_of,
    frame_lines,
    frames_of,
    map_parts,
    map_scene,
)
from geo_service.rendering.printing.table import Table, stacks_beside, table_block
from geo_service.rendering.printing.typography import height, paragraph, wrap
from geo_service.rendering.printing.words import word

TONES: Mapping[str, str] = {
    "main": "#1F6FB5",
    "gain": "#1F8A4C",
    "loss": "#B3151B",
    "warn": "#C47A00",
    "muted": "#8A96A3",
    "hot": "#B3151B",
    "warm": "#D9822B",
    "cool": "#5B8FC9",
    "cold": "#2B4F8F",
}
"""The colours of the page, which are the same in css/analysis.css."""
MAP_MM, MAP_WIDE_MM = 116.4, 122.0
"""So high that the whole district fits at 1:100 000."""
CHART_MM = 40.0
HEADLINE_MM = 4.2
TEXT_MM = 2.1
MOST_ROWS = 400
MOST_BARS = 30
LONG_CELL = 40
"""A table with longer cells takes the whole width."""
CELL_LINES = 14
"""A print says as much as the page: no cell is cut off before this."""


def compose_answer_sheet(
    request: SheetRequest,
    layers: Sequence[PrintLayer],
    body: Mapping[str, Any],
    *,
    subtitle: str,
    fonts: Fonts,
    locator: Locator | None = None,
) -> Sheet:
    """The pages of an answer (its JSON values) over the ground of ``layers``.

    Raises
    ------
    UnprintableText
        A title the fonts have no glyphs for.
    """
    settled = dataclasses.replace(
        request, paper="A4", landscape=False, tiled=False, table="none", grid=False, graticule=False
    )
    plain = desk_of(settled, layers, fonts=fonts, locator=locator)
    verdict = _verdict(plain, body["headline"][plain.language])
    desk = dataclasses.replace(plain, layout=_layout(plain.layout, TOP_MM + verdict.height_mm + GAP_MM))
    frame = frames_of(desk)[0]
    corner = corners(desk, frame)
    drawn = map_scene(desk, frame, corner, Subject())
    scene = dataclasses.replace(drawn, overlay=_features(frame, body))
    told, rest = _blocks(desk, body)
    head = heading(desk.layout, desk.request, desk.request.title, fonts.printable(subtitle), fonts)
    furniture = head + verdict.at(desk.layout.left, TOP_MM) + frame_lines(desk) + corner_svg(desk, scene, corner) + told
    page = Page(
        title=desk.request.title,
        width_mm=desk.layout.paper.width_mm,
        height_mm=desk.layout.paper.height_mm,
        parts=tuple(map_parts(desk, scene, furniture)),
        view=View(desk.layout.frame, frame),
    )
    more = continuation(desk, desk.request.title, Left(tables=tuple(rest)))
    return assemble(desk, [page, *more], [scene])


def _layout(plain: Layout, top: float) -> Layout:
    """The map on the left under the headline."""
    return dataclasses.replace(plain, block=Box(plain.left, top, MAP_WIDE_MM, MAP_MM))


def _verdict(desk: Desk, headline: str) -> Drawing:
    """The sentence to quote, in a band."""
    width = desk.layout.right - desk.layout.left
    lines = wrap(desk.fonts.printable(headline), width - 7.0, HEADLINE_MM, desk.fonts, bold=True, lines=4)
    tall = height(len(lines), HEADLINE_MM) + 4.4
    band = rect(Box(0, 0, width, tall), fill="#EAF1FA") + rect(Box(0, 0, 1.2, tall), fill=TONES["main"])
    return Drawing(width, tall, band + paragraph(lines, 4.0, 2.2, HEADLINE_MM, bold=True))


# ---------------------------------------------------------------- the map
def _features(frame: Frame, body: Mapping[str, Any]) -> str:
    """The result layer on paper, in the tones of its classes."""
    tones = {c["key"]: c["tone"] for c in body["classes"]}
    located = [f for f in (body["layer"] or {}).get("features", ()) if f["geometry"]]
    if not located:
        return ""
    shapes = numpy.array([shapely.geometry.shape(f["geometry"]) for f in located], dtype=object)
    drawn = frame.draw(project(shapely.force_2d(shapes)))
    return "".join(
        _feature(shape, str(tones.get(feature["properties"].get("class"), "main")))
        for shape, feature in zip(drawn, located, strict=True)
    )


def _feature(shape: Any, tone: str) -> str:
    if shape is None or shape.is_empty:
        return ""
    color = TONES[tone]
    if shape.geom_type.endswith("Point"):
        spots = shapely.buffer(shape, 1.3)
        return path(path_data(spots), fill=color, fill_opacity=0.75, stroke=color, stroke_width=0.25)
    if "Line" in shape.geom_type:
        return path(path_data(shape), fill="none", stroke=color, stroke_width=0.7, stroke_linejoin="round")
    faint = 0.15 if tone == "muted" else 0.42
    return path(path_data(shape), fill=color, fill_opacity=faint, fill_rule="evenodd", stroke=color, stroke_width=0.2)


def _legend(desk: Desk, body: Mapping[str, Any], width: float) -> Drawing:
    if not body["classes"] or not (body["layer"] or {}).get("features"):
        return Drawing(width, 0.0, "")
    inner, y, pieces = width - 2 * INSET_MM, 0.0, ""
    for each in body["classes"]:
        pieces += rect(Box(0, y + 0.2, 5.0, 2.6), fill=TONES[each["tone"]], fill_opacity=0.6)
        pieces += text(6.6, y + 2.4, desk.fonts.printable(each["title"][desk.language]), size=2.3)
        y += 4.0
    return panel(word("legend", desk.language), Drawing(inner, y, pieces), width)


# ---------------------------------------------------------------- beside and below the map
def _blocks(desk: Desk, body: Mapping[str, Any]) -> tuple[str, list[Table]]:
    """Legend and parameters beside the map, then chart, table and method; and the tables' rest."""
    layout, rest = desk.layout, list[Table]()
    left, width = layout.left, layout.right - layout.left
    beside, narrow = layout.block.right + GAP_MM, layout.right - layout.block.right - GAP_MM
    legend = _legend(desk, body, narrow)
    y = layout.block.y
    pieces = legend.at(beside, y)
    y += legend.height_mm + GAP_MM if legend.body else 0.0
    pieces += _placed(desk, _parameters(desk, body), Box(beside, y, narrow, layout.block.bottom - y), rest)
    y = layout.block.bottom + GAP_MM
    chart = _chart(desk, body, width)
    pieces += chart.at(left, y)
    y += chart.height_mm + GAP_MM if chart.body else 0.0
    method = _method(desk, body, width)
    bottom = layout.paper.height_mm - FOOT_MM - method.height_mm
    pieces += method.at(left, bottom)
    for table in _tables(desk, body):
        room = bottom - GAP_MM - y
        before = len(rest)
        drawn = _placed(desk, table, Box(left, y, width, room), rest)
        pieces += drawn
        y = y + _tall(desk, table, width, room) + GAP_MM if drawn and len(rest) == before else bottom
    return pieces, rest


def _placed(desk: Desk, table: Table, box: Box, rest: list[Table]) -> str:
    """A table at its place; what has no room there goes to another page."""
    if not table.rows:
        return ""
    if box.height < HEAD_MM + 14.0:
        rest.append(table)
        return ""
    drawn, after = table_block(table, Box(0, 0, box.width, box.height), desk.fonts, desk.language)
    rest += [after] if after else []
    return drawn.at(box.x, box.y)


def _tall(desk: Desk, table: Table, width: float, room: float) -> float:
    return table_block(table, Box(0, 0, width, room), desk.fonts, desk.language)[0].height_mm


def _parameters(desk: Desk, body: Mapping[str, Any]) -> Table:
    """Value, standard with clause, and whether the figure was verified."""
    language = desk.language
    heads = ("number", "parameter", "value", "standard", "verified")
    rows = [
        (
            str(n),
            p["title"][language],
            f"{value_text(p.get('value_title') or p['value'], language)} {p['unit']}".strip(),
            f"{p['standard']} {p['clause']}".strip() or word("blank", language),
            p["status_title"][language],
        )
        for n, p in enumerate(body["parameters"], 1)
    ]
    made = _table(desk, word("parameters", language), [word(h, language) for h in heads], rows)
    return dataclasses.replace(made, beside=1)


def _tables(desk: Desk, body: Mapping[str, Any]) -> list[Table]:
    """The table of the answer and its further tables."""
    language = desk.language
    whole = [{"title": {language: word("result", language)}, "columns": body["columns"], "rows": body["rows"]}]
    made = []
    for each in (*whole, *body["more"]):
        heads = [c["title"][language] + (f"/{c['unit']}" if c["unit"] else "") for c in each["columns"]]
        rows = [(str(n), *(value_text(v, language) for v in row)) for n, row in enumerate(each["rows"][:MOST_ROWS], 1)]
        cut = len(each["rows"]) - MOST_ROWS
        title = each["title"][language] + (word("cut_rows", language, count=cut) if cut > 0 else "")
        made.append(_table(desk, title, [word("number", language), *heads], rows))
    return made


def _table(desk: Desk, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    printable = desk.fonts.printable
    lines = tuple(tuple(map(printable, row)) for row in rows)
    made = Table(printable(title), tuple(map(printable, heads)), lines, cell_lines=CELL_LINES)
    width = desk.layout.right - desk.layout.left
    if any(len(cell) > LONG_CELL for row in lines for cell in row):
        return dataclasses.replace(made, beside=1)
    return dataclasses.replace(made, beside=stacks_beside(made, width, desk.fonts))


def value_text(value: Any, language: str) -> str:
    """A cell as on the page: thousands apart, at most three decimals."""
    if value is None:
        return word("blank", language)
    if isinstance(value, Mapping):
        return str(value[language])
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    if isinstance(value, (int, float)):
        shown = f"{value:,.3f}".rstrip("0").rstrip(".")
        return "0" if shown == "-0" else shown.replace("-", "−")
    return str(value)


def _chart(desk: Desk, body: Mapping[str, Any], width: float) -> Drawing:
    chart = body["chart"]
    source = (body["more"][chart["table"] - 1] if chart["table"] else body) if chart else {"rows": []}
    if not source["rows"]:
        return Drawing(width, 0.0, "")
    keys = [c["key"] for c in source["columns"]]
    left_out = [t["zh"] for t in chart.get("leave_out", ())]
    whole = [r for r in source["rows"] if value_text(r[keys.index(chart["category"])], "zh") not in left_out]
    rows, series = whole[:MOST_BARS], [k for k in chart["series"] if k in keys]
    data = ChartData(
        chart["kind"],
        tuple(desk.fonts.printable(value_text(row[keys.index(chart["category"])], desk.language)) for row in rows),
        tuple(desk.fonts.printable(source["columns"][keys.index(k)]["title"][desk.language]) for k in series),
        tuple(tuple(_amount(row[keys.index(k)]) for row in rows) for k in series),
        tuple(TONES[t] for t in chart.get("tones", ())) or SERIES,
    )
    drawn = chart_block(data, width - 2 * INSET_MM, CHART_MM - HEAD_MM - INSET_MM, desk.fonts)
    return panel(desk.fonts.printable(chart["title"][desk.language]), drawn, width)


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _method(desk: Desk, body: Mapping[str, Any], width: float) -> Drawing:
    """Method, what must be known before quoting, and the revisions read."""
    language, inner = desk.language, width - 2 * INSET_MM
    reads = "；".join(f"{r['title'][language]} {r['layer']}@r{r['rev']}" for r in body["reads"])
    told = [(body["method"][language], INK), *((f"• {n[language]}", INK) for n in body["notes"])]
    told.append((word("read_layers", language, layers=reads), GREY))
    pieces, y = "", 0.0
    for content, color in told:
        lines = wrap(desk.fonts.printable(content), inner, TEXT_MM, desk.fonts, lines=6)
        pieces += paragraph(lines, 0, y, TEXT_MM, fill=color)
        y += height(len(lines), TEXT_MM) + 1.1
    return panel(word("method", language), Drawing(inner, y, pieces), width)
