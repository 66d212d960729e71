"""Cells turned into the values a field takes: codes by their titles, Chinese dates, numbers with units."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo_service.core.layers import Field
from geo_service.core.text import Text
from geo_service.core.validation import is_in_range, range_params
from geo_service.core.wording import FIELD_TYPES


class NotConvertible(ValueError):
    """A cell that is not what the field takes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value: a finding's code and its words."""

    code: str
    params: Mapping[str, Any]


def convert_column(item: Field, values: Sequence[Any]) -> tuple[list[Any], dict[int, Problem]]:
    """A column in the field's own type, and the problems by index; each distinct cell is looked at once."""
    if len(set(map(type, values)) - _NOTHING) <= 1:  # of one kind, equal values are the same value
        return _convert_alike(item, values)
    memo: dict[Any, tuple[Any, Problem | None]] = {}
    converted: list[Any] = []
    problems: dict[int, Problem] = {}
    for index, value in enumerate(values):
        key = (type(value), value)
        if key not in memo:
            memo[key] = _convert(item, value)
        result, problem = memo[key]
        converted.append(result)
        if problem:
            problems[index] = problem
    return converted, problems


_NOTHING = frozenset({type(None)})


def texts_of(values: Sequence[Any]) -> list[str]:
    """The texts of a column, empty ones left out."""
    kinds = set(map(type, values)) - _NOTHING
    if kinds <= {str}:
        return list(filter(None, values))
    return [value for value in values if isinstance(value, str) and value] if str in kinds else []


def _convert_alike(item: Field, values: Sequence[Any]) -> tuple[list[Any], dict[int, Problem]]:
    distinct = {*values}
    if item.type == "text" and (plain := _plain_texts(distinct - {None})) is not None:
        plain[None] = None
        return list(map(plain.__getitem__, values)), {}
    found = {value: _convert(item, value) for value in distinct}
    results = {value: result for value, (result, _) in found.items()}
    wrong = {value: problem for value, (_, problem) in found.items() if problem}
    problems = {i: wrong[value] for i, value in enumerate(values) if value in wrong} if wrong else {}
    return list(map(results.__getitem__, values)), problems


def _plain_texts(distinct: Collection[Any]) -> dict[Any, str | None] | None:
    """What texts become where all of them are printable and in NFC: trimmed, None of blank ones; else None."""
    if not {*map(type, distinct)} <= {str}:
        return None
    if not "".join(distinct).isprintable() or not unicodedata.is_normalized("NFC", "\n".join(distinct)):
        return None
    return {text: text.strip() or None for text in distinct}


def _convert(item: Field, value: Any) -> tuple[Any, Problem | None]:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, None
    try:
        result = _CONVERTERS[item.type](item, value)
    except NotConvertible:
        return None, _not_of_type(item, value)
    if isinstance(result, (int, float)) and not isinstance(result, bool) and not is_in_range(item, result):
        return result, Problem("field-range", range_params(item, result))
    return result, None


def _not_of_type(item: Field, value: Any) -> Problem:
    shown = str(value)[:60]
    if item.type == "code":
        known = [Text(f"{c.title.zh}（{c.value}）", f"{c.value} ({c.title.en})") for c in item.codes]
        return Problem("field-code", {"value": shown, "known": known})
    return Problem("value-type", {"value": shown, "expected": FIELD_TYPES[item.type]})


def clean_text(value: str) -> str:
    """Text in NFC without control characters (line breaks and tabs stay) and direction overrides, trimmed."""
    normal = unicodedata.normalize("NFC", value)
    return (normal if normal.isprintable() else _CONTROLS.sub("", normal)).strip()


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and half characters (Unicode's Cc and Cs) but line breaks and tabs."""
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")


_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def count_unseen(texts: Sequence[str]) -> int:
    """How many texts hold characters that must not be kept; a carriage return is no such, it is only left out."""
    together = "\n".join(texts)
    if together.replace("\n", "").isprintable() or _UNSEEN.search(together) is None:
        return 0
    return sum(_UNSEEN.search(text) is not None for text in texts)


def _text(_: Field, value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = clean_text(str(value))
    return text if text.isprintable() else _DIRECTIONS.sub("", text)


def _code(item: Field, value: Any) -> str:
    text = _text(item, value)
    folded = unicodedata.normalize("NFKC", text).casefold()
    for code in item.codes:
        if folded in (code.value.casefold(), code.title.zh.casefold(), code.title.en.casefold()):
            return code.value
    raise NotConvertible(text)


_NUMBER = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[+-]?\d+)?)\s*(.*)", re.IGNORECASE)
_SCALES = {"万": 1e4, "亿": 1e8}
_UNITS = {
    "m²": ("m2", "㎡", "平方米", "平米", "m^2", "平方公尺"),
    "m": ("米", "m", "公尺"),
    "km": ("公里", "千米", "km"),
    "ha": ("公顷", "ha"),
    "%": ("%", "％"),
}


def _number(item: Field, value: Any) -> float:
    if isinstance(value, bool):
        raise NotConvertible(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotConvertible(value)
        return value
    text = unicodedata.normalize("NFKC", str(value)).strip()
    match = _NUMBER.fullmatch(text)
    if not match or not match.group(1) or match.group(1) in ("+", "-"):
        raise NotConvertible(text)
    return _scaled(item, match.group(1).replace(",", ""), match.group(2))


def _scaled(item: Field, digits: str, rest: str) -> float:
    scale = 1.0
    if rest[:1] in _SCALES:
        scale, rest = _SCALES[rest[0]], rest[1:]
    unit = unicodedata.normalize("NFKC", item.unit)
    allowed = {"", unit, item.unit, *(unicodedata.normalize("NFKC", u) for u in _UNITS.get(item.unit, ()))}
    if rest.strip() not in allowed:
        raise NotConvertible(digits + rest)
    try:
        number: float = int(digits) if re.fullmatch(r"[+-]?\d+", digits) else float(digits)
        result = number if scale == 1.0 else round(number * scale, 6)
        if math.isfinite(result):
            return result
    except (ValueError, OverflowError) as error:
        raise NotConvertible(digits) from error
    raise NotConvertible(digits)


def _integer(item: Field, value: Any) -> int:
    number = _number(item, value)
    if isinstance(number, float) and not number.is_integer():
        raise NotConvertible(value)
    if abs(number) > 2**53:
        raise NotConvertible(value)
    return int(number)


_TRUE = frozenset({"是", "有", "对", "true", "t", "yes", "y", "1", "1.0", "√", "✓"})
_FALSE = frozenset({"否", "无", "没有", "false", "f", "no", "n", "0", "0.0", "×"})


def _boolean(_: Field, value: Any) -> bool:
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise NotConvertible(value)


_DATES = (
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]?"),
    re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
)
_CLOCK = re.compile(r"[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$")


def _date(_: Field, value: Any) -> str:
    return _day(_CLOCK.sub("", _date_text(value))).isoformat()


def _date_text(value: Any) -> str:
    text = unicodedata.normalize("NFKC", str(value)).strip()
    return text[:-2] if re.fullmatch(r"\d{8}\.0", text) else text


def _day(text: str) -> datetime.date:
    for pattern in _DATES:
        match = pattern.fullmatch(text.replace(" ", ""))
        if match:
            try:
                return datetime.date(*(int(part) for part in match.groups()))
            except ValueError as error:
                raise NotConvertible(text) from error
    raise NotConvertible(text)


def _datetime(_: Field, value: Any) -> str:
    text = _date_text(value)
    clock = _CLOCK.search(text)
    day = _day(_CLOCK.sub("", text)).isoformat()
    if not clock:
        return f"{day}T00:00:00"
    hour, minute, second = (int(part or 0) for part in clock.groups())
    try:
        return f"{day}T{datetime.time(hour, minute, second).isoformat()}"
    except ValueError as error:
        raise NotConvertible(text) from error


_CONVERTERS: dict[str, Callable[[Field, Any], Any]] = {
    "text": _text,
    "code": _code,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}
