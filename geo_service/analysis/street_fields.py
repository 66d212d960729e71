"""What street layers of different makers call level, direction, speed, class and access, read as one set of columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

MILE_KM = 1.609344

NAMES: Mapping[str, tuple[str, ...]] = {
    "level": ("level", "z_level", "zlevel", "bridge", "层级", "高架", "桥隧"),
    "oneway": ("oneway", "one_way", "direction", "单行", "单向", "通行方向"),
    "speed_kmh": ("speed_kmh", "maxspeed", "speed", "speed_limit", "限速", "设计速度", "速度"),
    "road_class": ("road_class", "kind", "highway", "fclass", "等级", "道路等级", "类别"),
    "access": ("access", "通行"),
}
"""Fields that are looked for, the first one that is filled counts."""

TITLES: Mapping[str, Text] = {
    "level": Text("层级", "level"),
    "oneway": Text("单行", "one-way"),
    "speed_kmh": Text("车速", "speed"),
    "road_class": Text("等级", "class"),
    "access": Text("通行", "access"),
}

CLASSES: Mapping[str, str] = {
    "高速公路": "motorway",
    "快速路": "expressway",
    "主干路": "primary",
    "次干路": "secondary",
    "支路": "tertiary",
    "街巷": "residential",
}
"""Road classes as GB 50220 names them, and what they are here."""

_ALONG = frozenset({"yes", "true", "1", "f", "forward", "正向", "是", "单向", "单行"})
_AGAINST = frozenset({"-1", "t", "reverse", "backward", "逆向", "反向"})
_RAISED = frozenset({"yes", "true", "t", "是", "桥", "高架"})


def level_of(value: Any) -> float:
    """The level of a line: bridges 1, what is no number 0."""
    return 1.0 if _word(value) in _RAISED else _number(value, 0.0)


def oneway_of(value: Any) -> float:
    """1 along the line, -1 against it, 0 both ways."""
    word = _word(value)
    return 1.0 if word in _ALONG else -1.0 if word in _AGAINST else 0.0


def speed_of(value: Any) -> float:
    """Kilometres per hour, miles converted; 0 where nothing usable is said."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*(mph)?", str(value))
    if found is None:
        return 0.0
    speed = float(found.group(1)) * (MILE_KM if found.group(2) else 1.0)
    return speed if 1 <= speed <= 200 else 0.0


def class_of(value: Any) -> str:
    """The road class as ``SPEEDS_KMH`` calls it; a slip road is of the class of its road."""
    word = str(value).strip() if isinstance(value, str) else ""
    return CLASSES.get(word, word.removesuffix("_link"))


READERS: Mapping[str, Callable[[Any], Any]] = {
    "level": level_of,
    "oneway": oneway_of,
    "speed_kmh": speed_of,
    "road_class": class_of,
    "access": lambda value: _word(value) or "all",
}


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().lower() if value is not None else ""


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if numpy.isfinite(number) else default


def find_fields(streets: pandas.DataFrame) -> dict[str, str]:
    """For each of ``NAMES`` the field of the layer it is read from; those it does not have are left out."""
    found: dict[str, str] = {}
    for wanted, names in NAMES.items():
        column = next((n for n in names if n in streets and streets[n].notna().any()), None)
        if column is not None:
            found[wanted] = column
    return found


def with_street_fields(streets: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """The streets with level, one-way, speed, class and access in columns of our own names."""
    read = {name: streets[column].map(READERS[name]) for name, column in find_fields(streets).items()}
    return streets.assign(**read)


def fields_note(streets: geopandas.GeoDataFrame) -> Text:
    """Which layer the network is made of, from which fields, and what was not there."""
    found = find_fields(streets)
    title = streets["layer"].iloc[0] if "layer" in streets and len(streets) else Text("", "")
    pairs_zh = "、".join(f"{TITLES[k].zh}←{v}" for k, v in found.items()) or "无"
    pairs_en = ", ".join(f"{TITLES[k].en} from {v}" for k, v in found.items()) or "none"
    lacks = [TITLES[k] for k in NAMES if k not in found]
    missing_zh = f"；没有 {'、'.join(t.zh for t in lacks)}" if lacks else ""
    missing_en = f"; it has no {', '.join(t.en for t in lacks)}" if lacks else ""
    return Text(
        f"路网取自「{title.zh}」{len(streets)} 条线；读取字段 {pairs_zh}{missing_zh}。",
        f"The network is made of {len(streets)} lines of “{title.en}”; fields read: {pairs_en}{missing_en}.",
    )
