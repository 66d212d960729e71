"""Geometries of many canonical lines at once, read as arrays: a third of the time of a GeoJSON parser.

In canonical text every position is ``[x,y]`` and brackets tell the rest: a run of two or more opening brackets begins
a line or ring, of three or more a polygon (or a part of several lines), of four a part of several polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

Geometries = NDArray[Any]
Indices = NDArray[numpy.int64]

_BEGIN = b'{"geometry":{"coordinates":'
_FIRST = len(_BEGIN)
_END = b',"type":"'
_LONGEST = len(_END) + len(b'MultiLineString"')
_DEPTHS = {
    b"Point": 1,
    b"LineString": 2,
    b"MultiPoint": 2,
    b"Polygon": 3,
    b"MultiLineString": 3,
    b"MultiPolygon": 4,
}
_KINDS = {name: getattr(shapely.GeometryType, name.decode().upper()) for name in _DEPTHS}
_RINGED = (b"Polygon", b"MultiPolygon")
_SPACES = bytes.maketrans(b"[],", b"   ")
OPENING = ord("[")
EMPTY = b"[]"
SHORTEST_RING = 4


def shapes_of_lines(lines: Sequence[bytes]) -> Geometries:
    """The geometries of canonical lines in degrees; None where there is none, or none that can be read.

    Equal, vertex for vertex, to what ``shapely.from_geojson(lines, on_invalid="ignore")`` gives.
    """
    shapes = numpy.full(len(lines), None, dtype=object)
    ends = [line.find(_END, _FIRST) if line.startswith(_BEGIN) else 0 for line in lines]
    kinds = numpy.array(
        [line[end + len(_END) : end + _LONGEST].partition(b'"')[0] for line, end in zip(lines, ends, strict=True)]
    )
    for kind in set(kinds.tolist()):
        rows = numpy.flatnonzero(kinds == kind)
        of_kind = [lines[row] for row in rows.tolist()]
        texts = [lines[row][_FIRST : ends[row]] for row in rows.tolist()]
        found = _read(kind, texts) if kind in _DEPTHS else None
        shapes[rows] = shapely.from_geojson(of_kind, on_invalid="ignore") if found is None else found
    return shapes


def _read(kind: bytes, texts: Sequence[bytes]) -> Geometries | None:
    """Geometries of one kind; None where the text holds something this reading does not know."""
    joined = b",".join(texts)
    if EMPTY in joined:
        return None
    runs = _bracket_runs(joined)
    numbers = numpy.fromstring(joined.translate(_SPACES), sep=" ")  # text, so nothing of the deprecated binary mode
    if len(numbers) != 2 * len(runs):
        return None  # heights
    coordinates, offsets = numbers.reshape(-1, 2), _offsets(runs, _DEPTHS[kind])
    if kind in _RINGED and not _are_rings(coordinates, offsets[0]):
        return None
    if len(offsets) and len(offsets[-1]) != len(texts) + 1:
        return None
    return numpy.asarray(shapely.from_ragged_array(_KINDS[kind], coordinates, offsets or None), dtype=object)


def _bracket_runs(text: bytes) -> Indices:
    """How many opening brackets stand before each position."""
    places = numpy.flatnonzero(numpy.frombuffer(text, numpy.uint8) == OPENING)
    firsts = numpy.flatnonzero(numpy.diff(places, prepend=-2) != 1)
    return numpy.diff(firsts, append=len(places))


def _offsets(runs: Indices, depth: int) -> tuple[Indices, ...]:
    """Where each line begins among positions, each polygon among rings, and so on outwards, and where the last ends."""
    offsets = []
    for level in range(2, depth + 1):
        offsets.append(numpy.append(numpy.flatnonzero(runs >= level), len(runs)))
        runs = runs[runs >= level]
    return tuple(offsets)


def _are_rings(coordinates: NDArray[numpy.float64], offsets: Indices) -> bool:
    """Whether every ring is closed and long enough; a parser refuses others, which arrays would close."""
    firsts, lasts = coordinates[offsets[:-1]], coordinates[offsets[1:] - 1]
    return bool((numpy.diff(offsets) >= SHORTEST_RING).all() and (firsts == lasts).all())
