"""Shapely geometries from GeoJSON objects that nobody has checked yet."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy
import shapely

if TYPE_CHECKING:
    from geo_service.ingest.findings import FindingLog

Array = numpy.ndarray[Any, Any]

_NUMBERS = frozenset({float, int})
_COLLECTION_DEPTH = 8


class BadCoordinates(ValueError):
    """A geometry that is no geometry; ``code`` is the finding's."""

    def __init__(self, reason: str, code: str = "geometry-coordinates") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def build_geometry(value: Any, row: int, log: FindingLog) -> Any:
    """The geometry of a GeoJSON object, None for null and empty ones; open rings are closed with a note.

    Raises
    ------
    BadCoordinates
        Coordinates that are text, missing, not finite, or too few; a type GeoJSON does not know.
    """
    return _Builder(row, log).build(value, 0)


class _Builder:
    def __init__(self, row: int, log: FindingLog) -> None:
        self.row = row
        self.log = log

    def build(self, value: Any, depth: int) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BadCoordinates("geometry")
        kind = value.get("type")
        if kind == "GeometryCollection":
            return self._collection(value.get("geometries"), depth)
        make = _MAKERS.get(str(kind))
        if make is None:
            raise BadCoordinates(f"type {str(kind)[:40]}")
        coordinates = value.get("coordinates")
        if not isinstance(coordinates, list):
            raise BadCoordinates("coordinates")
        return make(self, coordinates) if coordinates else None

    def _collection(self, parts: Any, depth: int) -> Any:
        if not isinstance(parts, list) or depth >= _COLLECTION_DEPTH:
            raise BadCoordinates("GeometryCollection")
        built = [self.build(part, depth + 1) for part in parts]
        built = [part for part in built if part is not None]
        return shapely.geometrycollections(built) if built else None

    def point(self, position: list[Any]) -> Any:
        return shapely.points(_positions([position])[0])

    def multipoint(self, positions: list[Any]) -> Any:
        return shapely.multipoints(shapely.points(_positions(positions)))

    def line(self, positions: list[Any]) -> Any:
        array = _positions(positions)
        if len(array) < 2:
            raise BadCoordinates("LineString < 2")
        return shapely.linestrings(array)

    def multiline(self, lines: list[Any]) -> Any:
        return shapely.multilinestrings([self.line(_listed(line)) for line in lines])

    def polygon(self, rings: list[Any]) -> Any:
        shell, *holes = [self.ring(_listed(ring)) for ring in rings]
        return shapely.polygons(shell, holes or None)

    def multipolygon(self, polygons: list[Any]) -> Any:
        return shapely.multipolygons([self.polygon(_listed(polygon)) for polygon in polygons])

    def ring(self, positions: list[Any]) -> Any:
        array = _positions(positions)
        if len(array) > 2 and not (array[0] == array[-1]).all():
            self.log.add("geometry-ring-closed", row=self.row)
            array = numpy.vstack([array, array[:1]])
        if len(array) < 4:
            raise BadCoordinates("ring", "geometry-ring-short")
        return shapely.linearrings(array)


_MAKERS = {
    "Point": _Builder.point,
    "MultiPoint": _Builder.multipoint,
    "LineString": _Builder.line,
    "MultiLineString": _Builder.multiline,
    "Polygon": _Builder.polygon,
    "MultiPolygon": _Builder.multipolygon,
}


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadCoordinates("coordinates")
    return value


def _positions(positions: list[Any]) -> numpy.ndarray[Any, Any]:
    """Positions as an array of (x, y) or (x, y, z); further numbers are dropped."""
    try:
        kinds = set(map(type, chain.from_iterable(positions)))
        array = numpy.array(positions, dtype=float) if kinds <= _NUMBERS else None
    except (TypeError, ValueError, OverflowError) as error:
        raise BadCoordinates("coordinates") from error
    if array is None:
        odd = sorted(k.__name__ for k in kinds - _NUMBERS)
        raise BadCoordinates(", ".join(odd))
    if array.ndim != 2 or array.shape[1] < 2:
        raise BadCoordinates("x, y")
    if not math.isfinite(float(array.sum())) and not numpy.isfinite(array).all():
        raise BadCoordinates("NaN / Infinity")
    return array[:, :3] if array.shape[1] > 3 else array


_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How many lists there are around a position."""
_SHORTEST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}


def build_alike(kind: str, coordinates: list[Any]) -> Array | None:
    """Geometries of one GeoJSON type at once, just as :func:`build_geometry` makes them one by one.

    None where any of them is empty or needs a word: then nothing is said about which, and one by one tells.
    """
    depth = _DEPTHS.get(kind, -1)
    ends: list[Array] = []
    level = coordinates
    for _ in range(depth):
        if {*map(type, level)} != {list}:
            return None
        counts = [*map(len, level)]
        if min(counts) < (_SHORTEST.get(kind, 1) if len(ends) == depth - 1 else 1):
            return None
        ends.append(numpy.cumsum([0, *counts]))
        level = [*chain.from_iterable(level)]
    positions = _alike_positions(level) if depth >= 0 else None
    if positions is None or ("Polygon" in kind and not _closed(positions, ends[-1])):
        return None
    made = shapely.from_ragged_array(_TYPES[kind], positions, tuple(reversed(ends)) or None)
    return numpy.asarray(made, dtype=object)


_TYPES = {kind: shapely.GeometryType[kind.upper()] for kind in _DEPTHS}


def _alike_positions(positions: list[Any]) -> Array | None:
    """Finite positions, all of them (x, y) or all (x, y, z), as an array; None where they are anything else."""
    if {*map(type, positions)} != {list}:
        return None
    widths = {*map(len, positions)}
    numbers = [*chain.from_iterable(positions)]
    if widths not in ({2}, {3}) or not _NUMBERS.issuperset(map(type, numbers)):
        return None
    try:
        array = numpy.array(numbers, dtype=float).reshape(len(positions), -1)
    except OverflowError:
        return None
    return array if numpy.isfinite(array).all() else None


def _closed(positions: Array, ends: Array) -> bool:
    return bool((positions[ends[:-1]] == positions[ends[1:] - 1]).all())


def rings_to_areas(rings: list[Any]) -> list[Any]:
    """Polygons from loose closed rings (Shapely LinearRings or Polygons): a ring inside another is its hole."""
    areas = sorted((shapely.Polygon(ring) for ring in rings), key=lambda a: -a.area)
    shells: list[tuple[Any, list[Any]]] = []
    for area in areas:
        inside = area.representative_point() if area.is_valid else None
        owner = next(
            (s for s in shells if inside is not None and s[0].contains(inside) and not _in_hole(s, inside)), None
        )
        if owner:
            owner[1].append(area)
        else:
            shells.append((area, []))
    return [shapely.Polygon(shell.exterior, [hole.exterior for hole in holes]) for shell, holes in shells]


def _in_hole(shell: tuple[Any, list[Any]], point: Any) -> bool:
    return any(hole.contains(point) for hole in shell[1])
