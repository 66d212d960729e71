"""How things look: ONE table for map, legend and print.

A feature is drawn by the first class of its layer's symbol whose ``when`` matches; the browser follows the same rule.
What a class says is readable without colour: points by shape, Han character and fill, lines by dash and width, polygons
by hatch (the layer) and outline (the stage)::

    stage      outline      polygon        point
    done       solid        filled half    full
    started    long dash    filled lightly half
    existing   dash-dot     faint          hollow, solid outline
    planned    short dash   faintest       hollow, dashed outline

Illustrative positions lie over any class: hollow, dotted outline, marked 示意.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from geo_service.core.layers import Kind
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter
from geo_service.rendering.colour import lightened

Shape = Literal["circle", "square", "diamond", "pentagon"]
Hatch = Literal[
    "", "diag", "diag2", "cross", "dots", "wave", "grid", "horizontal", "vertical", "brick", "plus", "dash"
]  # fmt: skip
PointFill = Literal["full", "half", "open"]
Condition = Mapping[str, tuple[str | None, ...]]
"""Field to allowed values; None stands for empty. A field that is not there is empty."""

SOLID, LONG_DASH, DASH_DOT, SHORT_DASH, DOTTED, DASH_DOT_DOT = "", "14 4", "12 3 2 3", "6 4", "2 3", "12 3 2 3 2 3"
"""The six line types of the trade (continuous, dashed, centre, hidden, dot, phantom), in pixels or units of 0.1 mm."""

ALWAYS: Condition = MappingProxyType({})
BRAND, HALO = "#0B5CAD", "#FFBE00"


def _condition(**when: tuple[str | None, ...]) -> Condition:
    return MappingProxyType(when)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolClass:
    """One look: ``fill`` is an opacity (0 to 1) for lines and polygons, full, half or open for points.

    ``point`` is that fill too where a polygon, too small to see, is drawn as its character.
    """

    key: str
    title: Text
    when: Condition
    color: str
    fill: float | PointFill
    point: PointFill
    dash: str = SOLID
    hatch: Hatch = ""
    glyph: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """How a layer looks; ``size`` in px is the radius of a point, the width of a line, of a polygon's outline.

    The last class takes every feature that no other takes. ``glyph`` in ``shape``, with ``radius`` px, also stands for
    a polygon that is too small to see.
    """

    name: str
    title: Text
    kind: Kind
    color: str
    shape: Shape
    glyph: str
    size: float
    radius: float
    classes: tuple[SymbolClass, ...]

    def __post_init__(self) -> None:
        if not self.classes or self.classes[-1].when:
            raise ValueError(f"symbol {self.name}: the last class must take everything else")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What lies over any class: hollow, with its own dash and a mark in words."""

    key: str
    title: Text
    when: Condition
    dash: str


ILLUSTRATIVE = Overlay(
    key="illustrative",
    title=Text("示意", "Illustrative"),
    when=_condition(precision=("illustrative",)),
    dash=DOTTED,
)
"""The overlay of positions that are only illustrative."""


@dataclass(frozen=True, slots=True)
class _Stage:
    key: str
    title: Text
    when: Condition
    dash: str
    point: PointFill
    polygon: float


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: the look of a symbol before it is known as what it is drawn."""

    name: str
    title: Text
    kind: Kind
    color: str
    glyph: str
    shape: Shape = "circle"
    hatch: Hatch = ""
    size: float | None = None
    colors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stages: tuple[_Stage, ...] = ()
    """The plan's four stages where empty."""


_SIZES: Mapping[Kind, float] = MappingProxyType({"point": 11.0, "line": 3.5, "polygon": 1.6})
_STAGES = (
    _Stage("done", Text("已完成", "Done"), _condition(status=("done",)), SOLID, "full", 0.45),
    _Stage("started", Text("在建", "Under way"), _condition(status=("started",)), LONG_DASH, "half", 0.22),
    _Stage(
        "existing",
        Text("现状", "Existing"),
        _condition(plan_status=("existing",), status=(None,)),
        DASH_DOT,
        "open",
        0.1,
    ),
    _Stage("planned", Text("计划", "Planned"), ALWAYS, SHORT_DASH, "open", 0.06),
)


def _only(dash: str, opacity: float) -> tuple[_Stage, ...]:
    """One class for everything."""
    return (_Stage("all", Text("全部", "All"), ALWAYS, dash, "full" if opacity else "open", opacity),)


_PLAN_ROWS = (
    _Row("renewal_area", Text("城市更新片区", "Renewal area"), "polygon", "#8C3F8D", "更", "diamond", "diag"),
    _Row("pocket_park", Text("口袋公园", "Pocket park"), "point", "#1B7A3D", "园", "circle", "dots"),
    _Row(
        "waterlogging_zone",
        Text("积水片区", "Waterlogging zone"),
        "polygon",
        "#2272B5",
        "积",
        "circle",
        "wave",
        colors=MappingProxyType({"done": "#08306B", "started": "#164F90"}),
    ),
    _Row("school", Text("学校", "School"), "point", "#C2540A", "校", "square", "cross"),
    _Row("fire_station", Text("消防站", "Fire station"), "point", "#C4161C", "消", "pentagon", "diag2", 13.0),
    _Row("old_community", Text("老旧小区", "Old community"), "polygon", "#9A6A00", "旧", "square", "grid"),
    _Row("elevator", Text("加装电梯", "Elevator"), "point", "#6B4FA0", "梯", "square", "vertical", 9.0),
    _Row("road", Text("道路提升", "Road upgrade"), "line", "#6B5B45", "路", size=5.0),
    _Row("supporting_work", Text("市政配套工程", "Supporting works"), "polygon", "#3B3486", "项", "diamond", "brick"),
    _Row("pipeline", Text("管网改造", "Pipeline"), "line", "#8A5A2B", "管", size=2.5),
    _Row(
        "misconnection_point", Text("雨污混接点", "Misconnection point"), "point", "#B03A7A", "混", "diamond", size=9.0
    ),
    _Row("water_environment", Text("水环境", "Water environment"), "line", "#0F6E84", "河", hatch="wave", size=3.75),
    _Row("food_market", Text("菜市场", "Food market"), "point", "#A04A00", "菜", "square", "horizontal"),
    _Row("life_circle", Text("便民生活圈", "Life circle"), "polygon", "#4F6D00", "圈", "circle", "horizontal"),
    _Row("park", Text("公园", "Park"), "polygon", "#1B7A3D", "绿", "circle", "plus"),
    _Row("carrier", Text("产业载体", "Business carrier"), "point", "#3B3486", "载", "diamond", "vertical"),
    _Row("idle_land", Text("闲置土地", "Idle land"), "polygon", "#7A5C2E", "地", "square", "dash"),
    _Row("construction_site", Text("建设工地", "Construction site"), "polygon", "#B3401F", "工", "square", "diag2"),
    _Row("research_health", Text("医疗与研究", "Health and research"), "point", "#00768A", "医", "circle", "grid"),
    _Row("community_facility", Text("社区设施", "Community facility"), "point", "#A3346B", "社", "circle", "diag"),
    _Row("culture", Text("文化设施", "Culture"), "point", "#8B2E5E", "文", "circle", "cross"),
)
_PLAIN_ROWS = (
    _Row("health_circle", Text("名医圈", "Health circle"), "polygon", "#00768A", "圈", stages=_only(SHORT_DASH, 0.05)),
    _Row(
        "waterlogging_candidate",
        Text("候选积水点", "Candidate waterlogging spot"),
        "point",
        "#08306B",
        "涝",
        hatch="wave",
        size=9.0,
        stages=_only(SHORT_DASH, 0.0),
    ),
    _Row(
        "boundary",
        Text("区界", "District boundary"),
        "polygon",
        "#4A5568",
        "界",
        size=2.5,
        stages=_only(DASH_DOT_DOT, 0.0),
    ),
    _Row(
        "subdistrict", Text("街道界线", "Subdistrict"), "polygon", "#5B6776", "街", size=1.4, stages=_only(DOTTED, 0.0)
    ),
    _Row("street", Text("街道骨架", "Street"), "line", "#66727F", "道", size=1.25, stages=_only(SOLID, 1.0)),
    _Row("water", Text("水系", "Water"), "polygon", "#2B6C99", "水", stages=_only(SOLID, 0.4)),
)
_GENERIC_COLORS: tuple[tuple[str, str, str, str], ...] = (
    ("blue", "蓝", "blue", "#1F5FA8"),
    ("green", "绿", "green", "#1B6E3A"),
    ("red", "红", "red", "#B3261E"),
    ("purple", "紫", "purple", "#6A3E9C"),
    ("brown", "棕", "brown", "#7A4B1E"),
)
_GENERIC_SHAPES: tuple[tuple[str, Shape, Hatch, float], ...] = (
    ("甲", "circle", "diag", 2.0),
    ("乙", "square", "dots", 3.5),
    ("丙", "diamond", "cross", 5.0),
    ("丁", "pentagon", "vertical", 6.5),
    ("戊", "circle", "horizontal", 8.0),
)


def _generic_rows() -> Iterable[_Row]:
    """Symbols for layers that staff create: five colours for points, lines and polygons."""
    for (key, zh, en, color), (glyph, shape, hatch, width) in zip(_GENERIC_COLORS, _GENERIC_SHAPES, strict=True):
        yield _Row(
            f"point_{key}", Text(f"{zh}色点", f"Point, {en}"), "point", color, glyph, shape, stages=_only(SOLID, 1.0)
        )
        yield _Row(
            f"line_{key}",
            Text(f"{zh}色线", f"Line, {en}"),
            "line",
            color,
            glyph,
            size=width,
            stages=_only(DASH_DOT_DOT, 1.0),
        )
        yield _Row(
            f"polygon_{key}",
            Text(f"{zh}色面", f"Polygon, {en}"),
            "polygon",
            color,
            glyph,
            hatch=hatch,
            stages=_only(DASH_DOT_DOT, 0.12),
        )


_ROWS: Mapping[str, _Row] = MappingProxyType({r.name: r for r in (*_PLAN_ROWS, *_PLAIN_ROWS, *_generic_rows())})
NAMES = tuple(_ROWS)
"""Every symbol there is, in the order people choose from."""


def symbol(name: str, *, kind: Kind | None = None) -> Symbol:
    """The symbol of this name; with ``kind``, the same look for layers drawn as another kind than its own.

    Raises
    ------
    InvalidParameter
        There is no symbol of this name.
    """
    if name not in _ROWS:
        raise InvalidParameter(name="symbol", value=name, reason=f"可用 / use one of: {', '.join(NAMES)}")
    return _symbol(name, kind or _ROWS[name].kind)


@lru_cache(maxsize=256)
def _symbol(name: str, kind: Kind) -> Symbol:
    row = _ROWS[name]
    return Symbol(
        name=row.name,
        title=row.title,
        kind=kind,
        color=row.color,
        shape=row.shape,
        glyph=row.glyph,
        size=row.size if row.size and kind == row.kind else _SIZES[kind],
        radius=row.size if row.size and row.kind == "point" else _SIZES["point"],
        classes=tuple(_classes(row, kind)),
    )


def _classes(row: _Row, kind: Kind) -> Iterable[SymbolClass]:
    for stage in row.stages or _STAGES:
        fills: dict[Kind, float | PointFill] = {"point": stage.point, "line": 1.0, "polygon": stage.polygon}
        yield SymbolClass(
            key=stage.key,
            title=stage.title,
            when=stage.when,
            color=row.colors.get(stage.key, row.color),
            fill=fills[kind],
            point=stage.point,
            dash=stage.dash if kind != "point" or stage.dash == SHORT_DASH else SOLID,
            hatch=row.hatch if kind == "polygon" else "",
            glyph=row.glyph,
        )


def class_of(symbol: Symbol, properties: Mapping[str, Any]) -> SymbolClass:
    """The first class whose ``when`` matches; there always is one."""
    return next(c for c in symbol.classes if matches(c.when, properties))


def matches(when: Condition, properties: Mapping[str, Any]) -> bool:
    """Whether every field of a condition has one of its allowed values; "" and a missing field count as empty."""
    return all(_present(properties.get(field)) in allowed for field, allowed in when.items())


def _present(value: Any) -> str | None:
    """A value as conditions spell it, the way the browser does: text, ``true``/``false``, None for empty."""
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_illustrative(properties: Mapping[str, Any]) -> bool:
    """Whether the overlay of illustrative positions applies."""
    return matches(ILLUSTRATIVE.when, properties)


def drawn_class(symbol: Symbol, properties: Mapping[str, Any]) -> SymbolClass:
    """The class of a feature with the overlay applied: hollow and dotted where its position is illustrative."""
    found = class_of(symbol, properties)
    return hollow(symbol, found) if is_illustrative(properties) else found


def hollow(symbol: Symbol, found: SymbolClass) -> SymbolClass:
    """A class under the illustrative overlay; the hatch stays, so the layer can still be told."""
    fills: dict[Kind, float | PointFill] = {"point": "open", "line": found.fill, "polygon": 0.0}
    return dataclasses.replace(found, fill=fills[symbol.kind], point="open", dash=ILLUSTRATIVE.dash)


def fields_of(symbol: Symbol) -> tuple[str, ...]:
    """Every field a renderer must know to choose class and overlay; vector tiles have to carry them."""
    return tuple(sorted({f for c in symbol.classes for f in c.when} | set(ILLUSTRATIVE.when)))


def as_json(symbol: Symbol) -> dict[str, Any]:
    """The symbol as JSON values, both languages inside; ``null`` among the values of ``when`` stands for empty."""
    return {
        "name": symbol.name,
        "title": _text_json(symbol.title),
        "kind": symbol.kind,
        "color": symbol.color,
        "dark": lightened(symbol.color),
        "shape": symbol.shape,
        "glyph": symbol.glyph,
        "size": symbol.size,
        "radius": symbol.radius,
        "classes": [_class_json(c) for c in symbol.classes],
        "illustrative": {
            "title": _text_json(ILLUSTRATIVE.title),
            "when": _condition_json(ILLUSTRATIVE.when),
            "dash": ILLUSTRATIVE.dash,
        },
    }


def _class_json(found: SymbolClass) -> dict[str, Any]:
    return {
        "key": found.key,
        "title": _text_json(found.title),
        "when": _condition_json(found.when),
        "color": found.color,
        "dark": lightened(found.color),
        "fill": found.fill,
        "point": found.point,
        "dash": found.dash,
        "hatch": found.hatch,
        "glyph": found.glyph,
    }


def _condition_json(when: Condition) -> dict[str, list[str | None]]:
    return {field: list(values) for field, values in when.items()}


def _text_json(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def palette_css() -> str:
    """CSS custom properties of every colour in the table, and their lighter twins for the dark theme.

    ``--brand``, ``--halo``, ``--symbol-<name>`` and, where a class has its own colour, ``--symbol-<name>-<class>``;
    underscores become hyphens.
    """
    colors = dict(_palette())
    light = _rule(":root", {"--brand": BRAND, "--halo": HALO, **colors})
    dark = {name: lightened(color) for name, color in {"--brand": BRAND, **colors}.items()}
    return light + _rule(':root[data-theme="dark"]', dark)


def _palette() -> Iterable[tuple[str, str]]:
    for name in NAMES:
        found = symbol(name)
        variable = f"--symbol-{name.replace('_', '-')}"
        yield (variable, found.color)
        yield from ((f"{variable}-{c.key}", c.color) for c in found.classes if c.color != found.color)


def _rule(selector: str, values: Mapping[str, str]) -> str:
    body = "".join(f"  {name}: {value};\n" for name, value in values.items())
    return f"{selector} {{\n{body}}}\n"
