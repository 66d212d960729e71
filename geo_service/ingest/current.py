"""The layer as published, read back in the worker from its GeoJSON lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
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
    """The features of a layer: ids, properties, geometries in degrees, and where in the published file each stands."""

    ids: list[str]
    properties: list[dict[str, Any]]
    geometry: numpy.ndarray[Any, Any]
    path: Path | None
    offsets: list[int]

    def text(self, index: int) -> str:
        """A geometry's GeoJSON as it stands in the published file."""
        if self.path is None:
            raise IndexError(index)
        with self.path.open("rb") as stream:
            stream.seek(self.offsets[index])
            return bytes(_DECODER.decode(_body(stream.readline())).geometry).decode()

    def side(self) -> Side:
        """What matching needs."""
        return Side(self.ids, [p.get("name") for p in self.properties], self.geometry)

    def next_number(self, definition: LayerDefinition) -> int:
        """The first number no business code of the layer has."""
        prefix = f"NK-{definition.serial}-"
        numbers = [int(i.removeprefix(prefix)) for i in self.ids if i.removeprefix(prefix).isdigit()]
        return max(numbers, default=0) + 1


_DECODER = msgspec.json.Decoder(_Line)
_BLOCK = 5_000
"""Lines decoded at a time: text and geometries of a large layer need not stand side by side in memory."""

EMPTY = Current([], [], numpy.empty(0, dtype=object), None, [])


def read_current(path: Path) -> Current:
    """The features of a published file: one canonical line each, the collection's head and tail aside."""
    current = Current([], [], numpy.empty(0, dtype=object), path, [])
    lines = _feature_lines(path)
    blocks = [_add_block(current, block) for block in iter(lambda: list(islice(lines, _BLOCK)), [])]
    geometry = numpy.concatenate(blocks) if blocks else current.geometry
    return dataclasses.replace(current, geometry=geometry)


def _feature_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    offset = 0
    with path.open("rb") as stream:
        for raw in stream:
            if raw.startswith(b'{"geometry"'):
                yield offset, _body(raw)
            offset += len(raw)


def _body(line: bytes) -> bytes:
    return line.strip().rstrip(b",")


def _add_block(current: Current, block: Sequence[tuple[int, bytes]]) -> numpy.ndarray[Any, Any]:
    """The geometries of a block of lines; all else of them is added to ``current``."""
    lines = [_DECODER.decode(line) for _, line in block]
    current.offsets.extend(offset for offset, _ in block)
    current.ids.extend(line.id for line in lines)
    current.properties.extend(line.properties for line in lines)
    texts = [None if (text := bytes(line.geometry)) == b"null" else text for line in lines]
    return numpy.asarray(shapely.from_geojson(texts), dtype=object)
