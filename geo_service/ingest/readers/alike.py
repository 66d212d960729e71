"""GeoJSON features that are written alike, line by line as most programs do, taken hundreds at a time.

Whatever is odd in a stretch of text (a key given twice, other keys than the first feature's, coordinates that need a
word) leaves the whole stretch to the reader that looks at features one by one and knows what to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy

from geo_service.ingest.readers.coordinates import build_alike

Array = numpy.ndarray[Any, Any]

_DECODE = msgspec.json.Decoder(list[dict[str, Any]]).decode
_KEY = re.compile(rb'"[ \t\r\n]*:')
"""The end of a key; within text a quotation mark before a colon looks like one, which only makes them too many."""
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a character written as two escapes, or what is left of one."""
_MEMBERS = frozenset({"type", "properties", "geometry"})
_SHAPE = {("type", "coordinates"), ("coordinates", "type")}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_IDS = frozenset({str, int})


@dataclass(frozen=True, slots=True)
class Alike:
    """Features in the order of the file: values by key, and an array of Shapely geometries or None."""

    count: int
    columns: dict[str, Sequence[Any]]
    geometry: Array


def read_alike(text: str) -> Alike | None:
    """The features of a stretch of a GeoJSON array (without its brackets); None where anything is odd in them."""
    try:
        features = _DECODE(raw := f"[{text}]".encode())
    except (msgspec.DecodeError, RecursionError):
        return None
    if not features or _HALF.search(raw) or len({*map(tuple, features)}) != 1:
        return None
    members = {key: [feature[key] for feature in features] for key in features[0]}
    ids = members.get("id")
    if {*members} - {"id"} != _MEMBERS or any(kind != "Feature" for kind in members["type"]):
        return None
    shapes, properties = members["geometry"], members["properties"]
    if not _are_plain(properties, shapes):
        return None
    keys = len(features) * (len(members) + len(properties[0])) + 2 * sum(shape is not None for shape in shapes)
    if raw.count(b":") != keys and _count_marks(raw) != keys:
        return None  # colons are counted first: within text there are seldom any
    columns = _columns(properties, ids)
    geometry = _geometry(shapes) if columns is not None else None
    return None if columns is None or geometry is None else Alike(len(features), columns, geometry)


def _count_marks(text: bytes) -> int:
    """How many keys end there, or more."""
    spaced = any(space + b":" in text for space in (b" ", b"\t", b"\r", b"\n"))
    return len(_KEY.findall(text)) if spaced else text.count(b'":')


def _are_plain(properties: list[Any], shapes: list[Any]) -> bool:
    """Whether all properties are objects of the same keys, and all geometries a type and coordinates or null."""
    if {*map(type, properties)} != {dict} or len({*map(tuple, properties)}) != 1:
        return False
    shaped = [shape for shape in shapes if shape is not None]
    return {*map(type, shaped)} <= {dict} and {*map(tuple, shaped)} <= _SHAPE


def _columns(properties: list[dict[str, Any]], ids: list[Any] | None) -> dict[str, Sequence[Any]] | None:
    """The values of each property, and the features' own ids where no property is called so."""
    rows = map(dict.values, properties)
    columns: dict[str, Sequence[Any]] = dict(zip(properties[0], zip(*rows, strict=True), strict=True))
    if ids is not None:
        if not _IDS.issuperset(map(type, ids)):
            return None
        columns.setdefault("id", ids)
    return columns if _SCALARS.issuperset(map(type, chain.from_iterable(columns.values()))) else None


def _geometry(shapes: list[dict[str, Any] | None]) -> Array | None:
    built = numpy.full(len(shapes), None, dtype=object)
    kinds = [None if shape is None else str(shape["type"]) for shape in shapes]
    for kind in {*kinds} - {None}:
        found = [(place, shape["coordinates"]) for place, shape in enumerate(shapes) if kinds[place] == kind and shape]
        some = build_alike(str(kind), [coordinates for _, coordinates in found])
        if some is None:
            return None
        built[[place for place, _ in found]] = some
    return built
