"""The layer as published, read back in the worker from its GeoJSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy
import shapely

from geo_service.core.layers import LayerDefinition
from geo_service.ingest.identity import Side


class _Line(msgspec.Struct):
    id: str
    properties: dict[str, Any]
    geometry: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Current:
    """The features of a layer: ids, properties, geometries in degrees, and the geometries' GeoJSON as it stands."""

    ids: list[str]
    properties: list[dict[str, Any]]
    geometry: numpy.ndarray[Any, Any]
    texts: list[bytes]

    def side(self) -> Side:
        """What matching needs."""
        return Side(self.ids, [p.get("name") for p in self.properties], self.geometry)

    def next_number(self, definition: LayerDefinition) -> int:
        """The first number no business code of the layer has."""
        prefix = f"NK-{definition.serial}-"
        numbers = [int(i.removeprefix(prefix)) for i in self.ids if i.removeprefix(prefix).isdigit()]
        return max(numbers, default=0) + 1


EMPTY = Current([], [], numpy.empty(0, dtype=object), [])


def read_current(path: Path) -> Current:
    """The features of a published file: one canonical line each, the collection's head and tail aside."""
    decoder = msgspec.json.Decoder(_Line)
    lines = []
    with path.open("rb") as stream:
        for raw in stream:
            line = raw.strip().rstrip(b",")
            if line.startswith(b'{"geometry"'):
                lines.append(decoder.decode(line))
    texts = [bytes(line.geometry) for line in lines]
    shapes = shapely.from_geojson([None if t == b"null" else t for t in texts])
    return Current([x.id for x in lines], [x.properties for x in lines], numpy.asarray(shapes, dtype=object), texts)
