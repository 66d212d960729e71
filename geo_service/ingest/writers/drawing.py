"""DXF in the oldest form every CAD opens (R12): polylines, points and names, with the attributes as XDATA.

Text is GBK as ``$DWGCODEPAGE`` says; what GBK lacks is written ``\\U+XXXX;``. XDATA under ``GEO_SERVICE`` holds
``key=value`` strings, so that a drawing that comes back states which feature each line is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import shapely

from geo_service.ingest.mapping import ID_FIELD, REV_FIELD
from geo_service.ingest.readers.dxf import APPLICATION
from geo_service.ingest.writers.export import Export, Row, rings_of

_CHUNK = 100
_TEXT_HEIGHT_M = 5.0
FIRST_HANDLE = 0x100
"""Handles count up through the whole drawing."""
COLOURS = (7, 1, 5, 3, 30, 6, 4, 94)
"""AutoCAD colour numbers of the layers, in turn."""
_Pair = tuple[int, Any]


def write_dxf(export: Export, path: Path) -> None:
    """A drawing with one CAD layer named after the layer's id."""
    write_drawing([(export.definition.id, export)], path)


def write_drawing(layers: Sequence[tuple[str, Export]], path: Path) -> None:
    """A drawing with a CAD layer for each of these, by the names given (Chinese ones open in CAD: GBK)."""
    with path.open("wb") as out:
        out.writelines(_line(code, value) for code, value in _head([name for name, _ in layers]))
        handle = FIRST_HANDLE
        for name, export in layers:
            writer = _Entities(export, name, handle)
            for row in export.rows():
                out.writelines(_line(code, value) for code, value in writer.entities(row))
            handle = writer.handle
        out.writelines(_line(code, value) for code, value in ((0, "ENDSEC"), (0, "EOF")))


def _line(code: int, value: Any) -> bytes:
    text = repr(value) if isinstance(value, float) else str(value)
    return f"{code:3d}\r\n".encode("ascii") + _encoded(text) + b"\r\n"


def _encoded(text: str) -> bytes:
    try:
        return text.encode("gbk")
    except UnicodeEncodeError:
        return b"".join(_encoded_character(c) for c in text)


def _encoded_character(character: str) -> bytes:
    try:
        return character.encode("gbk")
    except UnicodeEncodeError:
        return f"\\U+{ord(character):04X};".encode("ascii")


def _head(layers: Sequence[str]) -> list[_Pair]:
    header: list[_Pair] = [(0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, "AC1009")]
    header += [
        (9, "$DWGCODEPAGE"),
        (3, "ANSI_936"),
        (9, "$INSUNITS"),
        (70, 6),
        (9, "$HANDLING"),
        (70, 1),
        (0, "ENDSEC"),
    ]
    tables: list[_Pair] = [(0, "SECTION"), (2, "TABLES"), (0, "TABLE"), (2, "LAYER"), (70, len(layers))]
    for number, layer in enumerate(layers):
        tables += [(0, "LAYER"), (2, layer), (70, 0), (62, COLOURS[number % len(COLOURS)]), (6, "CONTINUOUS")]
    tables += [
        (0, "ENDTAB"),
        (0, "TABLE"),
        (2, "APPID"),
        (70, 1),
        (0, "APPID"),
        (2, APPLICATION),
        (70, 0),
        (0, "ENDTAB"),
    ]
    return [*header, *tables, (0, "ENDSEC"), (0, "SECTION"), (2, "ENTITIES")]


class _Entities:
    """Entities of features, numbered through."""

    def __init__(self, export: Export, layer: str, handle: int) -> None:
        self.export = export
        self.layer = layer
        self.handle = handle

    def entities(self, row: Row) -> Iterator[_Pair]:
        """Group codes of a feature: its lines or points, and its name as text inside an area."""
        kind = row.kind
        data = list(self._data(row, kind or "null"))
        if row.shape is None:
            yield from self._point((0.0, 0.0), data)
            return
        parts = rings_of(row.shape) if kind == "polygon" else list(shapely.get_parts(row.shape))
        for number, part in enumerate(parts):
            own = data if number == 0 else list(_folded("GS_FEATURE", row.id))
            if kind == "point":
                yield from self._point(part.coords[0], own)
            else:
                yield from self._polyline(part, own, closed=kind == "polygon")
        if kind == "polygon" and row.properties.get("name"):
            yield from self._text(row.shape.representative_point(), str(row.properties["name"]))

    def _data(self, row: Row, kind: str) -> Iterator[_Pair]:
        values = {"GS_FEATURE": row.id, "GS_KIND": kind, ID_FIELD: row.id, REV_FIELD: self.export.rev}
        values["GS_CRS"] = f"EPSG:{self.export.crs}"
        values |= {k: v for k, v in self.export.titled(row).items() if v is not None}
        for key, value in values.items():
            yield from _folded(key, value)

    def _begin(self, kind: str) -> list[_Pair]:
        self.handle += 1
        return [(0, kind), (5, f"{self.handle:X}"), (8, self.layer)]

    def _point(self, at: Any, data: list[_Pair]) -> Iterator[_Pair]:
        yield from self._begin("POINT")
        yield from ((10, float(at[0])), (20, float(at[1])), (30, 0.0), (1001, APPLICATION), *data)

    def _polyline(self, line: Any, data: list[_Pair], *, closed: bool) -> Iterator[_Pair]:
        yield from self._begin("POLYLINE")
        yield from ((66, 1), (10, 0.0), (20, 0.0), (30, 0.0), (70, int(closed)), (1001, APPLICATION), *data)
        points = line.coords[:-1] if closed else line.coords
        for x, y in points:
            yield from self._begin("VERTEX")
            yield from ((10, float(x)), (20, float(y)), (30, 0.0))
        yield from self._begin("SEQEND")

    def _text(self, at: Any, text: str) -> Iterator[_Pair]:
        height = _TEXT_HEIGHT_M if self.export.crs != 4490 else _TEXT_HEIGHT_M / 111_000
        yield from self._begin("TEXT")
        yield from ((10, float(at.x)), (20, float(at.y)), (30, 0.0), (40, height), (1, " ".join(text.split())))


def _folded(key: str, value: Any) -> Iterator[_Pair]:
    """A ``key=value`` as XDATA strings of at most 255 bytes; ``+`` continues."""
    text = str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    whole = f"{key}={text}"
    yield 1000, whole[:_CHUNK]
    for start in range(_CHUNK, len(whole), _CHUNK):
        yield 1000, "+" + whole[start : start + _CHUNK]
