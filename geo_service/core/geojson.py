"""GeoJSON text, byte for byte the same for the same features.

A *canonical line* is one Feature as JSON with sorted keys, no spaces, coordinates at 7 decimals and UTF-8 text. A
published file is a FeatureCollection with one canonical line per feature, sorted by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from geo_service.core.features import Feature, round_coordinates

DECIMALS = 7


def dump_line(feature: Feature) -> str:
    """The canonical line of a feature, without line end. ``load_line(dump_line(f)) == f`` up to 7 decimals."""
    body = {
        "geometry": _canonical_geometry(feature.geometry),
        "id": feature.id,
        "properties": dict(feature.properties),
        "type": "Feature",
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


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
