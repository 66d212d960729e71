"""GeoJSON text, byte for byte the same for the same features.

A *canonical line* is one Feature as JSON with sorted keys, no spaces, coordinates at 7 decimals and UTF-8 text. A
published file is a FeatureCollection with one canonical line per feature, sorted by id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core.features import Feature, round_coordinates

DECIMALS = 7
_QUICK = msgspec.json.Encoder(order="sorted")
"""Ten times as fast as :mod:`json`, and the same text but for what :data:`_DOUBTFUL` finds."""
_DOUBTFUL = re.compile(rb"null|\d[eE]|\d{16}|0\.0000")
"""NaN would become null; exponents, long numbers and those below 0.0001 are written otherwise."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9-]*")
_COORDINATES = rb"((?:[\[\],]+-?[1-9]\d{0,2}\.(?:\d{0,6}[1-9]|0)(?!\d))+\]+)"
_KIND = rb'"type":"((?:Multi)?(?:Point|LineString|Polygon))"'
_PLAIN_GEOMETRY = re.compile(
    rb"\{(?:"
    + _KIND
    + rb',"coordinates":'
    + _COORDINATES
    + rb'|"coordinates":'
    + _COORDINATES
    + rb","
    + _KIND
    + rb")\}"
)
"""Numbers of one to three digits and as many decimals as are needed, at most seven. No possessive quantifiers: Python
before 3.11.5 (Debian 12 has 3.11.2) gets them wrong."""


def dump_line(feature: Feature) -> str:
    """The canonical line of a feature, without line end. ``load_line(dump_line(f)) == f`` up to 7 decimals.

    Raises
    ------
    ValueError
        A number that JSON cannot hold.
    """
    return line_of(feature.id, feature.properties, _geometry_text(feature.geometry))


def line_of(fid: str, properties: Mapping[str, Any], geometry: str) -> str:
    """The canonical line of a feature whose geometry is canonical JSON already."""
    told = _text_of(dict(properties))
    name = f'"{fid}"' if _PLAIN_ID.fullmatch(fid) else _text_of(fid)
    return f'{{"geometry":{geometry},"id":{name},"properties":{told},"type":"Feature"}}'


def canonical_text(geometry: bytes) -> str | None:
    """Valid JSON of a point, line or polygon (or several) as canonical text; None where a glance does not tell."""
    found = _PLAIN_GEOMETRY.fullmatch(geometry)
    if found is None:
        return None
    kind, coordinates = (found[1], found[2]) if found[1] else (found[4], found[3])
    return f'{{"coordinates":{coordinates.decode()},"type":"{kind.decode()}"}}'


def geometry_texts(shapes: NDArray[numpy.object_]) -> list[str | None]:
    """GeoJSON of plane geometries of 7 decimals, canonical but for what is several or empty; None of none.

    A whole array of points, lines or polygons is written at once, five times as fast as one by one.
    """
    kinds = shapely.get_type_id(shapes)
    quick = numpy.isin(kinds, (0, 1, 3)) & ~shapely.is_empty(shapes)
    texts: list[str | None] = [None] * len(shapes)
    rest = numpy.flatnonzero(~quick & (kinds >= 0))
    written: dict[int, Callable[[NDArray[numpy.object_]], list[str]]]
    written = {0: _point_texts, 1: _line_texts, 3: _polygon_texts, -1: lambda some: shapely.to_geojson(some).tolist()}
    for kind, write in written.items():
        places = numpy.flatnonzero(quick & (kinds == kind)) if kind >= 0 else rest
        if len(places):
            for place, text in zip(places.tolist(), write(shapes[places]), strict=True):
                texts[place] = text
    return texts


def _point_texts(points: NDArray[numpy.object_]) -> list[str]:
    pairs = _pieces(shapely.get_coordinates(points).tolist(), "],[")
    return [f'{{"coordinates":[{pair}],"type":"Point"}}' for pair in pairs]


def _line_texts(lines: NDArray[numpy.object_]) -> list[str]:
    return [f'{{"coordinates":[[{path}]],"type":"LineString"}}' for path in _paths(lines)]


def _polygon_texts(polygons: NDArray[numpy.object_]) -> list[str]:
    rings, owners = shapely.get_rings(polygons, return_index=True)
    paths = _paths(rings)
    ends = numpy.cumsum(numpy.bincount(owners, minlength=len(polygons))).tolist()
    starts = [0, *ends[:-1]]
    shells = ("]],[[".join(paths[start:end]) for start, end in zip(starts, ends, strict=True))
    return [f'{{"coordinates":[[[{shell}]]],"type":"Polygon"}}' for shell in shells]


def _paths(lines: NDArray[numpy.object_]) -> list[str]:
    """The positions of each line, without the outermost brackets."""
    positions = shapely.get_coordinates(lines).tolist()
    ends = numpy.cumsum(shapely.get_num_coordinates(lines)).tolist()
    return _pieces([positions[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)], "]],[[")


def _pieces(listed: list[Any], between: str) -> list[str]:
    """The JSON of each item of a list, without its brackets."""
    depth = between.count("]") + 1
    return _QUICK.encode(listed).decode()[depth:-depth].split(between)


def _geometry_text(geometry: Mapping[str, Any] | None) -> str:
    if geometry is None:
        return "null"
    if geometry["type"] != "GeometryCollection":
        with suppress(TypeError, ValueError):
            told = _QUICK.encode({"coordinates": geometry["coordinates"], "type": geometry["type"]})
            if (text := canonical_text(told)) is not None:
                return text
    return _dumped(_canonical_geometry(geometry))


def _text_of(value: Any) -> str:
    """Canonical JSON; by the quick encoder where both are known to write the same."""
    with suppress(TypeError, ValueError):
        told = _QUICK.encode(value)
        if _DOUBTFUL.search(told) is None:
            return told.decode()
    return _dumped(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def load_line(line: str | bytes) -> Feature:
    """The feature of a canonical line; the line is trusted (our own), only decoded.

    Raises
    ------
    msgspec.DecodeError
        The text is not one JSON object.
    """
    body = msgspec.json.decode(line)
    return Feature(body["id"], body["properties"], body["geometry"])


def dump_collection(layer: str, rev: int, lines: Iterable[str]) -> Iterator[bytes]:
    """A published layer file in chunks of UTF-8 bytes; ``lines`` come sorted by feature id.

    ``crs`` is left out: RFC 7946 longitude and latitude, which EPSG:4490 equals to within centimetres.
    """
    head = json.dumps({"layer": layer, "rev": rev}, sort_keys=True, separators=(",", ":"))
    yield f'{{"type":"FeatureCollection","name":{json.dumps(layer)},"geo_service":{head},"features":[\n'.encode()
    yield from _joined(lines)
    yield b"\n]}\n"


def _joined(lines: Iterable[str], size: int = 2000) -> Iterator[bytes]:
    buffer: list[str] = []
    first = True
    for line in lines:
        buffer.append(line)
        if len(buffer) == size:
            yield _chunk(buffer, first=first)
            buffer, first = [], False
    if buffer:
        yield _chunk(buffer, first=first)


def _chunk(buffer: list[str], *, first: bool) -> bytes:
    return (("" if first else ",\n") + ",\n".join(buffer)).encode()


def _canonical_geometry(geometry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if geometry is None:
        return None
    if geometry["type"] == "GeometryCollection":
        return {"type": "GeometryCollection", "geometries": [_canonical_geometry(g) for g in geometry["geometries"]]}
    return {"type": geometry["type"], "coordinates": round_coordinates(geometry["coordinates"])}
