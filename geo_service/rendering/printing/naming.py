"""Which names a map wants, in which type, and what becomes of those without a place: they get a number and a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from geo_service.core.features import Feature
from geo_service.rendering.colour import channels
from geo_service.rendering.printing.drawing import CENTRE_EM, WHITE, Box, path, text
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.labels import (
    Board,
    Candidates,
    Label,
    Placed,
    along_line,
    around_point,
    inside_polygon,
    place,
)
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.scene import Item, Numbered, Omission

KEY_LIMIT = 80
"""So many names without a place get a number; more would fill the map with numbers."""
TABLE_FROM = 6
"""A layer gets the table by itself from this many features in the frame on."""
NUMBER_MM = 2.1
_SERIAL = re.compile(r"-(\d{1,5})\Z")

Seen = Sequence[tuple[PrintLayer, list[Item]]]


@dataclass(frozen=True, slots=True)
class LabelStyle:
    """Type of a layer's names: ``rank`` 0 chooses its place first, ``tracking`` in em (at most 0.1: more splits words
    for readers of the PDF)."""

    size: float
    rank: float
    bold: bool = False
    tracking: float = 0.0


_STYLES = {
    "subdistrict": LabelStyle(3.3, 3.0, True, 0.1),
    "water": LabelStyle(2.5, 4.0, False, 0.08),
    "water_environment": LabelStyle(2.5, 3.5, False, 0.08),
    "street": LabelStyle(2.1, 7.0),
    "fire_station": LabelStyle(2.5, 1.0, True),
    "renewal_area": LabelStyle(2.4, 2.0, True),
}
_BY_KIND = {"point": LabelStyle(2.2, 4.5), "line": LabelStyle(2.2, 4.2), "polygon": LabelStyle(2.3, 4.0)}
_NAMELESS = frozenset({"boundary"})


def style_of(item: Item) -> LabelStyle:
    """The type of an item's name."""
    if item.layer.definition.symbol == "subdistrict" and not item.layer.definition.policy.must_tile:
        return LabelStyle(2.3, 6.0)
    return _STYLES.get(item.layer.definition.symbol, _BY_KIND[item.kind])


def ink_of(color: str) -> str:
    """A symbol's colour darkened by a third, for text."""
    return "#" + "".join(f"{round(255 * c * 0.68):02X}" for c in channels(color.upper()))


def name_of(feature: Feature, language: str) -> str:
    """What the sheet calls a feature."""
    english = feature.properties.get("name_en") if language == "en" else None
    return str(english or feature.name)


def table_layer(seen: Seen, wanted: str) -> PrintLayer | None:
    """The layer that is numbered: the one asked for, or with ``auto`` the plan's layer with most features in the
    frame, when that is worth a table."""
    if wanted != "auto":
        return next((layer for layer, _ in seen if layer.id == wanted), None)
    counted = [(len(items), -i, layer) for i, (layer, items) in enumerate(seen) if not layer.definition.is_reference]
    best = max(counted, key=lambda row: row[:2], default=None)
    return best[2] if best and best[0] >= TABLE_FROM else None


def numbers_of(items: Sequence[Item]) -> dict[str, int]:
    """Numbers by feature id: the serial in the business code, so that a feature keeps its number from sheet to sheet;
    1, 2, 3 … where the codes have none."""
    serials = [_SERIAL.search(i.feature.id) for i in items]
    if all(serials) and len({m.group(1).lstrip("0") for m in serials if m}) == len(items):
        return {i.feature.id: int(m.group(1)) for i, m in zip(items, serials, strict=True) if m}
    return {i.feature.id: n for n, i in enumerate(items, 1)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lettering:
    """How one map is lettered: ``radii`` of point marks by layer, ``numbers`` of the table's features by id, ``keyed``
    whether names without room get a number."""

    fonts: Fonts
    language: str
    factor: float
    window: Box
    radii: Mapping[str, float]
    numbers: Mapping[str, int]
    keyed: bool = True

    def labels(self, seen: Seen, tabled: PrintLayer | None) -> Iterable[Label]:
        """A label per name: numbers for the table's layer, one for all pieces of a line that share a name."""
        for position, (layer, items) in enumerate(seen):
            for item, shape in _once_per_name(items):
                spots = self.candidates(item, shape)
                if layer is tabled:
                    yield self.number(item, self.numbers[item.feature.id], spots)
                elif layer.labels and layer.definition.symbol not in _NAMELESS:
                    yield self.name(item, spots, position)

    def name(self, item: Item, spots: Candidates, position: int) -> Label:
        """An item's name in its layer's type; layers further up in the tree choose first."""
        style = style_of(item)
        size, content = style.size * self.factor, self.fonts.printable(name_of(item.feature, self.language))
        tracking = style.tracking * size
        return Label(
            text=content,
            layer=item.layer.id,
            fid=item.feature.id,
            width=self.fonts.width(content, size, bold=style.bold, tracking=tracking),
            size=size,
            candidates=spots,
            rank=style.rank + 0.01 * position,
            bold=style.bold,
            fill=ink_of(item.look.color),
            tracking=tracking,
            owner=item.owner,
        )

    def number(self, item: Item, number: int, spots: Candidates) -> Label:
        """A bold number in the layer's colour; it chooses before any name."""
        size, content = NUMBER_MM * self.factor, str(number)
        return Label(
            text=content,
            layer=item.layer.id,
            fid=item.feature.id,
            width=self.fonts.width(content, size, bold=True),
            size=size,
            candidates=spots,
            rank=0.0,
            bold=True,
            fill=ink_of(item.look.color),
            owner=item.owner,
            number=True,
        )

    def candidates(self, item: Item, shape: Any) -> Candidates:
        """Places for a text of this item."""
        if item.kind == "point":
            x, y = shapely.get_coordinates(shape)[0].tolist()
            return around_point(x, y, self.radii[item.layer.id])
        if item.kind == "line":
            return along_line(shape, frame=self.window)
        return inside_polygon(shape, beside=not item.layer.definition.is_reference, frame=self.window)

    def keys(self, items: Mapping[str, Item], left: Iterable[Label], board: Board) -> tuple[Placed, ...]:
        """Numbers for names that found no place, where at least a number fits; base geography goes without."""
        if not self.keyed:
            return ()
        wanted = [items[x.owner] for x in left if not (x.number or items[x.owner].layer.definition.is_reference)]
        first = max(self.numbers.values(), default=0) + 1
        trial = (self.number(i, first + n, self.candidates(i, i.shape)) for n, i in enumerate(wanted[:KEY_LIMIT]))
        return place(trial, board)[0]


def letter(
    lettering: Lettering, seen: Seen, tabled: PrintLayer | None, board: Board
) -> tuple[tuple[Placed, ...], tuple[Numbered, ...], tuple[Omission, ...]]:
    """Everything placed, the rows of the number key, and every name that is not on the map."""
    items = {i.owner: i for _, same in seen for i in same}
    placed, left = place(lettering.labels(seen, tabled), board)
    keys = lettering.keys(items, left, board)
    there = {p.label.owner: int(p.label.text) for p in keys}
    keyed = tuple(Numbered(n, items[owner].layer, items[owner].feature) for owner, n in there.items())
    omissions = tuple(Omission(x.layer, x.fid, items[x.owner].feature.name, there.get(x.owner)) for x in left)
    return (*placed, *keys), keyed, omissions


def _once_per_name(items: Sequence[Item]) -> Iterable[tuple[Item, Any]]:
    lines: dict[str, list[Item]] = {}
    for item in items:
        if item.kind == "line":
            lines.setdefault(item.feature.name, []).append(item)
        else:
            yield item, item.shape
    for same in lines.values():
        yield same[0], shapely.union_all([i.shape for i in same]) if len(same) > 1 else same[0].shape


def label_svg(placed: Placed, fonts: Fonts) -> str:
    """A name: the white halo as one path, over it the one real text."""
    label = placed.label
    baseline = placed.y + label.size * CENTRE_EM
    start = placed.x - label.width / 2
    turn = f"rotate({placed.angle:.2f} {placed.x:.3f} {placed.y:.3f})" if placed.angle else None
    halo = path(
        fonts.face(bold=label.bold).halo(label.text, start, baseline, label.size, label.tracking),
        fill=WHITE,
        fill_opacity=0.9,
    )
    words = text(
        start, baseline, label.text, size=label.size, bold=label.bold, fill=label.fill, tracking=label.tracking
    )
    return f'<g transform="{turn}">{halo}{words}</g>' if turn else halo + words
