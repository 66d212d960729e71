"""DXF drawings: read by GDAL, after a scan of our own for what GDAL does not tell.

The scan finds the version, units, code page, how far nested blocks expand, and the attributes our own exports carry as
XDATA. Closed polylines become areas where areas are wanted; a text inside an area becomes its name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely

from geo_service.ingest.encoding import decide_encoding, decode_texts
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import EncodingChoice, ReadLayer, Source, objects
from geo_service.ingest.limits import Limits
from geo_service.ingest.readers.coordinates import rings_to_areas
from geo_service.ingest.readers.ogr import Table, choose_layer, load_driver, read_table
from geo_service.ingest.sniff import Sniffed

APPLICATION = "GEO_SERVICE"
"""The registered application name under which our exports keep attributes."""

UNITS = {"1": "in", "2": "ft", "4": "mm", "5": "cm", "6": "m", "7": "km"}
_UTF8_FROM = "AC1021"
_MAX_EXPANDED = 500_000
_LAYER, _TEXT, _HANDLE = "Layer", "Text", "EntityHandle"


@dataclass(slots=True)
class _Block:
    entities: int = 0
    inserts: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Drawing:
    """What the scan found; ``data`` maps an entity's handle to the strings of our own XDATA."""

    header: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, _Block] = field(default_factory=lambda: defaultdict(_Block))
    data: dict[str, list[bytes]] = field(default_factory=dict)
    samples: list[bytes] = field(default_factory=list)

    @property
    def encoding_declared(self) -> str:
        """UTF-8 from R2007 on, whatever the code page says."""
        if self.header.get("$ACADVER", "") >= _UTF8_FROM:
            return "UTF-8"
        return self.header.get("$DWGCODEPAGE", "").removeprefix("ANSI_")


def scan(path: Path) -> Drawing:
    """One pass over the group codes of a drawing."""
    drawing = Drawing()
    cursor = _Cursor(drawing)
    try:
        for code, value in _pairs(path):
            cursor.take(code, value)
    except ValueError as error:
        raise Refused("file-broken", reason=f"DXF: {str(error)[:80]}") from error
    return drawing


def _pairs(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as stream:
        for code in stream:
            if not code.strip():
                continue
            value = stream.readline()
            yield int(code), value.rstrip(b"\r\n")


class _Cursor:
    """Where the scan stands: section, block, entity, header variable."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.section = self.block = self.variable = self.kind = ""
        self.handle = ""
        self.insert: tuple[str, int] = ("", 1)
        self.ours = False

    def take(self, code: int, value: bytes) -> None:
        if not value.isascii() and len(self.drawing.samples) < 5000:
            self.drawing.samples.append(value.strip())
        if code == 0:
            self._begin(value.strip().decode("ascii", "replace"))
        elif code == 2 and self.kind == "SECTION":
            self.section = value.strip().decode("ascii", "replace")
        elif self.section == "HEADER":
            self._header(code, value)
        elif self.section in ("BLOCKS", "ENTITIES"):
            self._entity(code, value)

    def _begin(self, kind: str) -> None:
        self._close_insert()
        self.kind, self.handle, self.ours = kind, "", False
        if self.section not in ("BLOCKS", "ENTITIES") or kind in ("BLOCK", "ENDBLK", "SECTION", "ENDSEC"):
            self.block = "" if kind in ("ENDBLK", "ENDSEC") else self.block
            return
        self.drawing.blocks[self.block].entities += 1
        if kind == "INSERT":
            self.insert = ("", 1)

    def _close_insert(self) -> None:
        if self.kind == "INSERT" and self.insert[0]:
            self.drawing.blocks[self.block].inserts.append(self.insert)
            self.insert = ("", 1)

    def _header(self, code: int, value: bytes) -> None:
        text = value.strip().decode("ascii", "replace")
        if code == 9:
            self.variable = text
        elif self.variable in ("$ACADVER", "$INSUNITS", "$DWGCODEPAGE"):
            self.drawing.header.setdefault(self.variable, text)

    def _entity(self, code: int, value: bytes) -> None:
        if code == 5:
            self.handle = value.strip().decode("ascii", "replace")
        elif code == 2 and self.kind == "BLOCK":
            self.block = value.decode("latin-1").strip()
        elif self.kind == "INSERT" and code == 2:
            self.insert = (value.decode("latin-1").strip(), self.insert[1])
        elif self.kind == "INSERT" and code in (70, 71):
            self.insert = (self.insert[0], self.insert[1] * max(1, int(value)))
        elif code == 1001:
            self.ours = value.strip() == APPLICATION.encode()
        elif code == 1000 and self.ours:
            self.drawing.data.setdefault(self.handle, []).append(value)


def check_expansion(drawing: Drawing, limits: Limits) -> None:
    """Refuse drawings whose blocks call each other in a circle, too deep, or into too many entities."""
    sizes: dict[str, int] = {}

    def size(name: str, depth: int, path: frozenset[str]) -> int:
        if depth > limits.depth or name in path:
            raise Refused("dxf-too-deep", reason=f"> {limits.depth}")
        if name not in sizes:
            block = drawing.blocks.get(name, _Block())
            total = block.entities
            for child, times in block.inserts:
                total += times * size(child, depth + 1, path | {name})
            sizes[name] = total
        return sizes[name]

    total = size("", 0, frozenset())
    if total > _MAX_EXPANDED:
        raise Refused("dxf-too-deep", reason=f"{total} > {_MAX_EXPANDED}")


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The chosen layer of a drawing as points, lines or areas, whichever the target takes."""
    drawing = scan(sniffed.path)
    check_expansion(drawing, source.limits)
    choice = _encoding(source, drawing)
    utf8 = choice.encoding == "utf-8"
    load_driver("DXF", {"DXF_ENCODING": "UTF-8" if utf8 else "ISO-8859-1"})
    path = _named(source, sniffed.path)
    table = read_table(source, path, None, encoding=None)
    if not utf8:
        table = _decoded(table, choice.encoding)
    layer = _from_own_export(table, drawing, choice.encoding) if drawing.data else _from_drawing(source, table)
    layer.encoding = choice
    layer.remarks["units"] = UNITS.get(drawing.header.get("$INSUNITS", ""), "")
    layer.remarks["version"] = drawing.header.get("$ACADVER", "")
    return layer


def _named(source: Source, path: Path) -> Path:
    target = source.work / "upload.dxf"
    if path != target:
        target.write_bytes(path.read_bytes())
    return target


def _encoding(source: Source, drawing: Drawing) -> EncodingChoice:
    choice = decide_encoding(drawing.samples, drawing.encoding_declared)
    if source.options.encoding:
        return EncodingChoice(encoding=source.options.encoding, declared=choice.declared, previews=choice.previews)
    return choice


def _decoded(table: Table, encoding: str) -> Table:
    columns = {
        k: decode_texts(v, encoding).texts if any(isinstance(x, str) for x in v) else v
        for k, v in table.columns.items()
    }
    return Table(columns, table.geometry, table.crs)


def _from_drawing(source: Source, table: Table) -> ReadLayer:
    texts = _texts(table)
    plain = [i for i in range(len(table.geometry)) if i not in texts and table.geometry[i] is not None]
    shaped = {i: _as_wanted(table.geometry[i], source) for i in plain}
    names = [str(v) for v in table.columns[_LAYER]]
    counts: dict[str, int] = defaultdict(int)
    for i, shape in shaped.items():
        counts[names[i]] += shape is not None
    found = {name: n for name, n in counts.items() if n}
    if not found and source.options.kind == "point" and texts:
        shaped = {i: table.geometry[i] for i in texts}
        found = dict.fromkeys((names[i] for i in texts), 1)
    layer = choose_layer(source, tuple(found))
    rows = [i for i, shape in shaped.items() if names[i] == layer and shape is not None]
    skipped = sum(shape is None for i, shape in shaped.items() if names[i] == layer)
    if skipped:
        source.log.add("dxf-unreadable-entities", count=skipped)
    geometry = objects([shaped[i] for i in rows])
    columns: dict[str, list[Any]] = {"图层": [layer] * len(rows), "name": _names(rows, geometry, texts, table)}
    shown = [i + 1 for i in rows]
    return ReadLayer(name=layer, rows=shown, columns=columns, geometry=geometry, layers=tuple(found))


def _texts(table: Table) -> dict[int, str]:
    """Row number to text, for the drawing's texts."""
    values = table.columns.get(_TEXT, [])
    points = shapely.get_type_id(table.geometry) == 0
    return {i: str(v).strip() for i, v in enumerate(values) if v and points[i] and str(v).strip()}


def _as_wanted(shape: Any, source: Source) -> Any:
    """The geometry in the kind the target takes; None where it cannot be that."""
    kind = source.options.kind
    flat = shapely.force_2d(shape)
    family = flat.geom_type.removeprefix("Multi")
    if kind == "point":
        return flat if family == "Point" else None
    if kind == "line":
        return flat if family == "LineString" else None
    if family == "Polygon":
        return flat
    if flat.geom_type == "LineString" and flat.is_closed and len(flat.coords) > 3:
        return shapely.Polygon(flat.coords)
    return flat if kind is None else None


def _names(rows: list[int], geometry: Any, texts: dict[int, str], table: Table) -> list[str | None]:
    """The only text inside each area; for points and lines the entity's own text."""
    names: list[str | None] = [texts.get(i) for i in rows]
    if not texts or not rows:
        return names
    places = objects([table.geometry[i] for i in texts])
    words = list(texts.values())
    tree = shapely.STRtree(shapely.force_2d(places))
    inside: dict[int, list[str]] = defaultdict(list)
    for area, text in zip(*tree.query(geometry, predicate="intersects").tolist(), strict=True):
        inside[area].append(words[text])
    for at, found in inside.items():
        if shapely.get_dimensions(geometry[at]) == 2 and len(set(found)) == 1:
            names[at] = found[0]
    return names


def _from_own_export(table: Table, drawing: Drawing, encoding: str) -> ReadLayer:
    """Features put together again from entities with our XDATA: ``key=value`` strings, parts by ``GS_FEATURE``."""
    parts: dict[str, list[int]] = defaultdict(list)
    values: dict[str, dict[str, str]] = {}
    for index, handle in enumerate(table.columns[_HANDLE]):
        pairs = dict(text.partition("=")[::2] for text in _unfolded(drawing.data.get(str(handle), []), encoding))
        feature = pairs.pop("GS_FEATURE", None)
        if feature is not None:
            parts[feature].append(index)
            values.setdefault(feature, {}).update(pairs)
    order = sorted(parts, key=lambda f: parts[f][0])
    keys = list(dict.fromkeys(k for f in order for k in values[f] if k != "GS_KIND"))
    columns: dict[str, list[Any]] = {k: [values[f].get(k) or None for f in order] for k in keys}
    shapes = [_assemble([table.geometry[i] for i in parts[f]], values[f].get("GS_KIND", "")) for f in order]
    crs = next(iter(columns.pop("GS_CRS", [])), None)
    return ReadLayer(
        name=APPLICATION, rows=list(range(1, len(order) + 1)), columns=columns, geometry=objects(shapes), crs=crs
    )


def _unfolded(strings: list[bytes], encoding: str) -> list[str]:
    """XDATA strings are at most 255 bytes: a leading ``+`` continues the one before."""
    whole: list[str] = []
    for raw in strings:
        text = raw.decode(encoding, errors="replace")
        if text.startswith("+") and whole:
            whole[-1] += text[1:]
        else:
            whole.append(text)
    return [_ESCAPE.sub(_unescape, text) for text in whole]


_ESCAPE = re.compile(r"\\(?:U\+([0-9A-F]{4,6});|(.))")


def _unescape(match: re.Match[str]) -> str:
    if match.group(1):
        return chr(int(match.group(1), 16))
    return {"n": "\n", "r": "\r"}.get(match.group(2), match.group(2))


def _assemble(shapes: list[Any], kind: str) -> Any:
    flat = [shapely.force_2d(s) for s in shapes if s is not None]
    if kind == "null":
        return None
    if kind == "polygon":
        rings = [s.exterior if s.geom_type == "Polygon" else shapely.LinearRing(s.coords) for s in flat]
        areas = rings_to_areas(rings)
        return areas[0] if len(areas) == 1 else shapely.multipolygons(areas)
    if len(flat) == 1:
        return flat[0]
    return shapely.multilinestrings(flat) if kind == "line" else shapely.multipoints(flat)
