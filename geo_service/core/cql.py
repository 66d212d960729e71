"""CQL2 filters (OGC 21-065r2): parsed by the ``cql2`` library, evaluated here on features.

Comparisons follow SQL: anything compared with a missing value is unknown, and unknown features are left out.
Chinese identifiers need no quotes; a field may be named by its key or its Chinese title.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import cql2
import msgspec
import shapely
from shapely.geometry import box, shape

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.reference_systems import CRS84, ReferenceSystem, moved_from
from geo_service.errors import InvalidFilter, UnknownField

Value = Any
Term = Callable[[Feature], Value]
"""A compiled part of a filter: a feature to a value, None where unknown."""

MAX_LENGTH = 4000
MAX_DEPTH = 60
TOO_DEEP = f"嵌套超过 {MAX_DEPTH} 层 / nested deeper than {MAX_DEPTH}"

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "t_after": operator.gt,
    "t_before": operator.lt,
    "t_equals": operator.eq,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "div": operator.floordiv,
    "^": operator.pow,
}
_SPATIAL: dict[str, Callable[..., Any]] = {
    "s_intersects": shapely.intersects,
    "s_within": shapely.within,
    "s_contains": shapely.contains,
    "s_disjoint": shapely.disjoint,
    "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps,
    "s_touches": shapely.touches,
    "s_equals": shapely.equals,
}


def compile_filter(
    text: str, definition: LayerDefinition, *, crs: ReferenceSystem = CRS84
) -> Callable[[Feature], bool]:
    """A predicate on features of the layer from CQL2 text; geometries in it are in ``crs``.

    Raises
    ------
    InvalidFilter
        The text does not parse (position from 1), nests too deep or uses a function there is not.
    UnknownField
        It names a field the layer does not have.
    """
    return compile_json(parse_filter(text), definition, crs=crs, text=text)


def text_equality(text: str, definition: LayerDefinition) -> tuple[str, str] | None:
    """A field and the text it must equal for the filter to hold, None where the filter asks for no such thing."""
    tree = parse_filter(text)
    if not isinstance(tree, dict):
        return None
    names = _Names(definition, CRS84)
    for part in tree.get("args", []) if tree.get("op") == "and" else [tree]:
        match part:
            case {"op": "=", "args": [{"property": str(name)}, str(value)]} if name in names.keys:
                return names.keys[name], value
    return None


def compile_json(
    tree: Any, definition: LayerDefinition, *, crs: ReferenceSystem = CRS84, text: str = ""
) -> Callable[[Feature], bool]:
    """A predicate from CQL2 JSON; raises as :func:`compile_filter`, with the place in ``text`` it was parsed from."""
    if not _is_condition(tree):
        raise InvalidFilter(position=1, reason="不是条件，须能判断真假 / no condition, it must be true or false")
    try:
        term = compile_term(tree, definition, crs=crs)
    except InvalidFilter as error:
        place = _place(text, str(error.params.get("word", "")))
        raise InvalidFilter(**error.params | {"position": place}) from None
    return lambda feature: term(feature) is True


def _is_condition(tree: Any) -> bool:
    if not isinstance(tree, dict):
        return isinstance(tree, bool)
    return tree.keys() >= {"op"} and str(tree["op"]).lower() not in {*_ARITHMETIC, "casei", "accenti"}


def _place(text: str, word: str) -> int:
    """Where a function is called, counted from 1; 1 where nobody can tell."""
    bare = re.sub("'[^']*'", lambda found: " " * len(found[0]), text)
    found = re.search(rf"(?<!\w){re.escape(word)}\s*\(", bare, re.IGNORECASE) if word else None
    return found.start() + 1 if found else 1


def compile_term(tree: Any, definition: LayerDefinition, *, crs: ReferenceSystem = CRS84) -> Term:
    """What a part of a filter gives for a feature, None where that is unknown; raises as :func:`compile_filter`."""
    return _compile(tree, _Names(definition, crs), 0)


def keys_of(definition: LayerDefinition) -> dict[str, str]:
    """The keys of a layer's fields by every name a filter may use: key and Chinese title."""
    return {f.title.zh: f.key for f in definition.all_fields} | {f.key: f.key for f in definition.all_fields}


@lru_cache(maxsize=256)
def parse_filter(text: str) -> Any:
    """CQL2 text as a CQL2 JSON tree, which nobody changes.

    Raises
    ------
    InvalidFilter
        It does not parse, or nests too deep.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(position=MAX_LENGTH, reason=f"超过 {MAX_LENGTH} 字 / longer than {MAX_LENGTH} characters")
    if _nesting(text) > MAX_DEPTH:
        raise InvalidFilter(position=1, reason=TOO_DEEP)
    try:
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, ValueError) as error:
        raise InvalidFilter(position=_position(str(error), text), reason=_reason(text)) from None


def parse_json(text: str) -> Any:
    """CQL2 JSON as a tree.

    Raises
    ------
    InvalidFilter
        It is no JSON.
    """
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        found = re.search(r"\(byte (\d+)\)", str(error))
        before = text.encode()[: int(found[1])].decode(errors="ignore") if found else text
        raise InvalidFilter(position=len(before) + 1, reason="不是合法的 JSON / it is no JSON") from None


def _nesting(text: str) -> int:
    deepest = depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest + len(re.findall(r"\bnot\b", text, re.IGNORECASE))


def _position(message: str, text: str) -> int:
    found = re.search(r"--> (\d+):(\d+)", message)
    if found is None:
        return 1
    before = text.split("\n")[: int(found[1]) - 1]
    return sum(len(line) + 1 for line in before) + int(found[2])


def _reason(text: str) -> str:
    bare = re.sub("'[^']*'", "", text)
    if "'" in bare:
        return "引号没有成对 / a quote is not closed"
    if bare.count("(") != bare.count(")"):
        return "括号没有成对 / a bracket is not closed"
    return "此处语法不对 / it cannot be read from here on"


class _Names:
    """Field names of one layer, by key and Chinese title, and the CRS of the filter's geometries."""

    def __init__(self, definition: LayerDefinition, crs: ReferenceSystem) -> None:
        self.layer, self.crs = definition.id, crs
        self.keys = keys_of(definition)

    def term(self, name: str) -> Term:
        if name == "id":
            return lambda feature: feature.id
        if name in ("geometry", "geom"):
            return _shape_of
        key = self.keys.get(name)
        if key is None:
            raise UnknownField(layer=self.layer, field=name, known=", ".join(dict.fromkeys(self.keys.values())))
        return lambda feature: feature.properties.get(key)


def _shape_of(feature: Feature) -> Value:
    return feature.shape()


def _compile(node: Any, names: _Names, depth: int) -> Term:
    if depth > MAX_DEPTH:
        raise InvalidFilter(position=1, reason=TOO_DEEP)
    if isinstance(node, dict):
        return _compile_mapping(node, names, depth)
    if isinstance(node, list):
        parts = [_compile(item, names, depth + 1) for item in node]
        return lambda feature: [part(feature) for part in parts]
    return lambda _: node


def _compile_mapping(node: dict[str, Any], names: _Names, depth: int) -> Term:
    if "property" in node:
        return names.term(str(node["property"]))
    if "op" in node:
        return _compile_operation(str(node["op"]).lower(), node.get("args", []), names, depth)
    value = constant(node, names.crs)
    return lambda _: value


def constant(node: dict[str, Any], crs: ReferenceSystem) -> Value:
    """A date as text, or a geometry moved to degrees.

    Raises
    ------
    InvalidFilter
        It is neither.
    """
    if "date" in node or "timestamp" in node:
        return str(node.get("date", node.get("timestamp")))
    try:
        given = box(*node["bbox"]) if "bbox" in node else shape(node)
        return moved_from(given, crs)
    except (KeyError, ValueError, TypeError, AttributeError, shapely.errors.ShapelyError):
        raise InvalidFilter(position=1, reason="几何不对 / the geometry is wrong") from None


def _compile_operation(name: str, arguments: Sequence[Any], names: _Names, depth: int) -> Term:
    parts = [_compile(item, names, depth + 1) for item in arguments]
    maker = _MAKERS.get(name)
    if maker is None:
        raise InvalidFilter(position=1, reason=f"没有这个函数 / there is no function: {name}", word=name)
    try:
        return maker(name, parts)
    except (IndexError, ValueError):
        raise InvalidFilter(position=1, reason=f"参数个数不对 / wrong number of arguments: {name}", word=name) from None


def _all_of(_: str, parts: list[Term]) -> Term:
    def run(feature: Feature) -> Value:
        values = [part(feature) for part in parts]
        return False if any(v is False for v in values) else None if None in values else True

    return run


def _any_of(_: str, parts: list[Term]) -> Term:
    def run(feature: Feature) -> Value:
        values = [part(feature) for part in parts]
        return True if any(v is True for v in values) else None if None in values else False

    return run


def _negation(_: str, parts: list[Term]) -> Term:
    (part,) = parts

    def run(feature: Feature) -> Value:
        value = part(feature)
        return None if value is None else not value

    return run


def _comparison(name: str, parts: list[Term]) -> Term:
    left, right = parts
    compare = _COMPARISONS[name]

    def run(feature: Feature) -> Value:
        a, b = left(feature), right(feature)
        if a is None or b is None:
            return None
        if isinstance(a, str) is not isinstance(b, str):
            return name == "<>"
        return compare(a, b)

    return run


def _arithmetic(name: str, parts: list[Term]) -> Term:
    left, right = parts if len(parts) == 2 else (lambda _: 0, *parts)
    compute = _ARITHMETIC[name]

    def run(feature: Feature) -> Value:
        try:
            return compute(left(feature), right(feature))
        except (TypeError, ZeroDivisionError, OverflowError):
            return None

    return run


def _spatial(name: str, parts: list[Term]) -> Term:
    left, right = parts
    relate = _SPATIAL[name]

    def run(feature: Feature) -> Value:
        a, b = left(feature), right(feature)
        if not isinstance(a, shapely.Geometry) or not isinstance(b, shapely.Geometry):
            return None
        return bool(relate(a, b))

    return run


def _between(_: str, parts: list[Term]) -> Term:
    value, low, high = parts
    return _all_of("and", [_comparison(">=", [value, low]), _comparison("<=", [value, high])])


def _membership(_: str, parts: list[Term]) -> Term:
    value, options = parts

    def run(feature: Feature) -> Value:
        found = value(feature)
        return None if found is None else found in options(feature)

    return run


def _missing(_: str, parts: list[Term]) -> Term:
    (part,) = parts
    return lambda feature: part(feature) in (None, "")


def _like(_: str, parts: list[Term]) -> Term:
    value, pattern = parts

    def run(feature: Feature) -> Value:
        text = value(feature)
        return None if text is None else _pattern(str(pattern(feature))).fullmatch(str(text)) is not None

    return run


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """A LIKE pattern; ``%`` runs are merged so that matching stays linear in practice."""
    merged = re.sub("%+", "%", text)
    return re.compile("".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in merged), re.DOTALL)


def _folded(name: str, parts: list[Term]) -> Term:
    (part,) = parts
    fold = str.casefold if name == "casei" else _without_accents

    def run(feature: Feature) -> Value:
        value = part(feature)
        return fold(value) if isinstance(value, str) else value

    return run


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


_MAKERS: dict[str, Callable[[str, list[Term]], Term]] = {
    "and": _all_of,
    "or": _any_of,
    "not": _negation,
    "between": _between,
    "in": _membership,
    "isnull": _missing,
    "like": _like,
    "casei": _folded,
    "accenti": _folded,
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    **dict.fromkeys(_SPATIAL, _spatial),
}
