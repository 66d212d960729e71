"""CQL2 filters on whole columns: each distinct value is tested once, not each feature.

A part of a filter that asks about one field is worked out for the distinct values of its column by the very predicate
:mod:`geo_service.core.cql` uses for a feature, so both give the same answer; comparisons with a constant are found by
bisection, for the values stand in order. What asks about the geometry, or compares two fields, is left to be asked of
the features that the rest of the filter lets through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core import cql
from geo_service.core.columns import Column
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox
from geo_service.core.reference_systems import CRS84, ReferenceSystem

NO, YES, UNKNOWN = 0, 1, 2
ID = "id"
Truths = NDArray[numpy.int8]
Flags = NDArray[numpy.bool_]
Predicate = Callable[[Feature], bool]

_TOUCHING = {"s_intersects", "s_within", "s_contains", "s_crosses", "s_overlaps", "s_touches", "s_equals"}
"""Relations that hold only where the bboxes meet."""
_BELOW = {"<": "left", "<=": "right", "t_before": "left"}
_ABOVE = {">": "right", ">=": "left", "t_after": "right"}
_EQUAL = {"=", "t_equals"}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_MANY = 20_000
"""Distinct values from which LIKE looks for its longest literal part first."""


@dataclass(frozen=True, slots=True)
class Split:
    """A filter ready for columns: the parts columns answer, the predicate of the others (None where there is none),
    a bbox that everything that fits must meet, and the predicate of the whole."""

    parts: tuple[Any, ...]
    rest: Predicate | None
    bbox: Bbox | None
    whole: Predicate
    fields: Mapping[str, str]


def split(tree: Any, definition: LayerDefinition, *, crs: ReferenceSystem = CRS84) -> Split:
    """A parsed filter taken apart.

    Raises
    ------
    InvalidFilter, UnknownField
        As :func:`geo_service.core.cql.compile_filter`.
    """
    whole = cql.compile_json(tree, definition, crs=crs)
    fields = cql.keys_of(definition) | {ID: ID}
    conjuncts = _conjuncts(tree)
    parts = tuple(c for c in conjuncts if _columnar(c, fields))
    others = [c for c in conjuncts if not _columnar(c, fields)]
    rest = cql.compile_json({"op": "and", "args": others}, definition, crs=crs) if others else None
    boxes = [found for c in others if (found := _window(c, crs))]
    return Split(parts, rest, boxes[0] if boxes else None, whole, fields)


def _conjuncts(tree: Any) -> list[Any]:
    if isinstance(tree, dict) and str(tree.get("op", "")).lower() == "and":
        return [inner for part in tree.get("args", []) for inner in _conjuncts(part)]
    return [tree]


def _names(node: Any) -> set[str]:
    if isinstance(node, dict):
        inner: set[str] = set().union(*map(_names, node.values())) if node else set()
        return inner | {str(node["property"])} if "property" in node else inner
    return set().union(*map(_names, node)) if isinstance(node, list) and node else set()


def _columnar(node: Any, fields: Mapping[str, str]) -> bool:
    """Whether a part is true, false or unknown by columns alone."""
    if not isinstance(node, dict) or "op" not in node:
        return False
    names = _names(node)
    if len(names) == 1:
        return names <= fields.keys()
    arguments = node.get("args", [])
    return str(node["op"]).lower() in ("and", "or", "not") and all(_columnar(a, fields) for a in arguments)


def _window(node: Any, crs: ReferenceSystem) -> Bbox | None:
    """The bbox of the constant of a spatial relation to the geometry."""
    if not isinstance(node, dict) or str(node.get("op", "")).lower() not in _TOUCHING:
        return None
    constants = [a for a in node.get("args", []) if isinstance(a, dict) and "property" not in a and "op" not in a]
    if len(constants) != 1 or _names(node) - {"geometry", "geom"}:
        return None
    west, south, east, north = shapely.bounds(cql.constant(constants[0], crs)).tolist()
    return (west, south, east, north)


def truths(
    node: Any, found: Split, columns: Mapping[str, Column], count: int, test: Callable[[Any], cql.Term]
) -> Truths:
    """Whether a columnar part holds, feature by feature; ``test`` compiles a part for one feature."""
    names = _names(node)
    if len(names) == 1:
        key = found.fields[next(iter(names))]
        column = columns.get(key)
        term = test(node)
        nothing = _truth(term(Feature("", {}, None)))
        if column is None:
            return numpy.full(count, nothing, numpy.int8)
        return numpy.append(_table(node, key, column, term), numpy.int8(nothing))[column.codes]
    inner = [truths(part, found, columns, count, test) for part in node["args"]]
    return _joined(str(node["op"]).lower(), inner)


def _joined(name: str, parts: list[Truths]) -> Truths:
    if name == "not":
        return numpy.array([YES, NO, UNKNOWN], numpy.int8)[parts[0]]
    rank = numpy.array([0, 2, 1], numpy.int8)  # no, unknown, yes: Kleene's order
    ranked = [rank[part] for part in parts]
    result = ranked[0]
    for part in ranked[1:]:
        result = numpy.minimum(result, part) if name == "and" else numpy.maximum(result, part)
    return numpy.array([NO, UNKNOWN, YES], numpy.int8)[result]


def _truth(value: Any) -> int:
    return YES if value is True else UNKNOWN if value is None else NO


def _table(node: Any, key: str, column: Column, term: cql.Term) -> Truths:
    """Truth for each distinct value of a column."""
    quick = _comparison(node, column)
    if quick is not None:
        return quick
    codes = _candidates(node, column)
    table = numpy.full(column.size, NO, numpy.int8)
    for code in range(column.size) if codes is None else codes.tolist():
        table[code] = _truth(term(feature_with(key, column.value(code))))
    return table


def feature_with(key: str, value: Any) -> Feature:
    """A feature of which only one field (or the id) is known."""
    return Feature(value, {}, None) if key == ID else Feature("", {key: value}, None)


def _comparison(node: Any, column: Column) -> Truths | None:
    """A comparison of the column with a number or text, by bisection; None for anything else."""
    name, arguments = str(node["op"]), node.get("args", [])
    if name not in _BELOW.keys() | _ABOVE.keys() | _EQUAL | {"<>"} or len(arguments) != 2:
        return None
    left, right = arguments
    if not (isinstance(left, dict) and "property" in left):
        left, right, name = right, left, _TURNED.get(name, "")
    constant = (
        next(iter(right.values())) if isinstance(right, dict) and right.keys() <= {"date", "timestamp"} else right
    )
    if not name or not isinstance(left, dict) or "property" not in left or isinstance(constant, bool):
        return None
    if not isinstance(constant, (int, float, str)) or column.first_text + column.texts != column.size:
        return None
    return _ordered(name, constant, column)


def _ordered(name: str, constant: float | str, column: Column) -> Truths:
    begin, end = (column.first_text, column.size) if isinstance(constant, str) else (0, column.first_text)
    below = _below(constant, column, "left")
    until = _below(constant, column, "right")
    table = numpy.full(column.size, YES if name == "<>" else NO, numpy.int8)
    if name in _BELOW:
        table[begin : below if _BELOW[name] == "left" else until] = YES
    elif name in _ABOVE:
        table[below if _ABOVE[name] == "left" else until : end] = YES
    else:
        table[below:until] = NO if name == "<>" else YES
    return table


def _below(constant: float | str, column: Column, side: Any) -> int:
    if not isinstance(constant, str):
        return int(numpy.searchsorted(column.numbers, constant, side))
    place = column.text_place(constant)
    same = place < column.size and column.value(place) == constant
    return place + 1 if same and side == "right" else place


def _candidates(node: Any, column: Column) -> Any:
    """Codes of the texts a LIKE can fit, by its longest literal part; None where that does not help."""
    arguments = node.get("args", [])
    if str(node["op"]).lower() != "like" or len(arguments) != 2 or column.size < _MANY or column.size != column.texts:
        return None
    value, pattern = arguments
    if not (isinstance(value, dict) and "property" in value and isinstance(pattern, str)):
        return None
    literal = max(re.split("[%_]", pattern), key=len)
    return column.containing(literal.casefold()) if literal else None
