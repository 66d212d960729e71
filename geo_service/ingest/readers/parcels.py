"""The boundary-point exchange file of land departments (界址点坐标交换格式).

``[属性描述]`` holds key=value lines (zone, degrees of the zone, system), ``[地块坐标]`` the parcels: a header line
``点数,面积,编号,名称,图形类型,图幅,用途,地类,@`` and lines ``点号,圈号,X,Y`` in which X points north and Y east.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import shapely

from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import EncodingChoice, ReadLayer, Source, objects
from geo_service.ingest.readers.coordinates import rings_to_areas
from geo_service.ingest.sniff import Sniffed
from geo_service.ingest.text import text_encoding

HEADER_FIELDS = ("界址点数", "地块面积", "地块编号", "地块名称", "图形类型", "图幅号", "地块用途", "地类编码")
_SIX_DEGREE_ZONE, _THREE_DEGREE_ZONE = 20, 39


@dataclass(slots=True)
class _Parcel:
    line: int
    header: list[str]
    rings: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The parcels of an exchange file; rows are the line numbers of their headers."""
    raw = sniffed.path.read_bytes()
    encoding = source.options.encoding or text_encoding(raw)
    if encoding is None:
        raise Refused("file-broken", reason="TXT")
    attributes, parcels = parse(raw.decode(encoding, errors="replace"), source)
    if not parcels:
        raise Refused("file-no-features")
    columns: dict[str, list[Any]] = {
        name: [p.header[i].strip() or None if i < len(p.header) else None for p in parcels]
        for i, name in enumerate(HEADER_FIELDS)
    }
    columns = {name: values for name, values in columns.items() if any(v is not None for v in values)}
    if "GS_REV" in attributes:
        columns["GS_REV"] = [attributes["GS_REV"]] * len(parcels)
    columns.pop("界址点数", None)
    return ReadLayer(
        name=source.name,
        rows=[p.line for p in parcels],
        columns=columns,
        geometry=objects([_shape(p, source) for p in parcels]),
        crs=_crs(attributes, parcels),
        encoding=EncodingChoice(encoding=encoding),
        remarks={k[:40]: v[:80] for k, v in attributes.items()},
    )


def parse(text: str, source: Source) -> tuple[dict[str, str], list[_Parcel]]:
    """Attributes and parcels of the text; a malformed line is noted with its number."""
    attributes: dict[str, str] = {}
    parcels: list[_Parcel] = []
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        body = line.strip().lstrip("\ufeff")
        if not body:
            continue
        if body[0] in "[【":
            section = body.strip("[]【】")
        elif "属性" in section:
            key, _, value = body.partition("=")
            attributes[key.strip()] = value.strip()
        elif "坐标" in section:
            _coordinate_line(number, body, parcels, source)
    return attributes, parcels


def _coordinate_line(number: int, body: str, parcels: list[_Parcel], source: Source) -> None:
    parts = [part.strip() for part in body.replace("，", ",").split(",")]
    if body.endswith("@"):
        parcels.append(_Parcel(number, [p for p in parts if p != "@"]))
        return
    point = _point(parts)
    if point is None or not parcels:
        source.log.add("txt-line", row=parcels[-1].line if parcels else None, line=number)
        return
    parcels[-1].rings.setdefault(parts[1], []).append(point)


def _point(parts: list[str]) -> tuple[float, float] | None:
    try:
        north, east = float(parts[2]), float(parts[3])
    except (ValueError, IndexError):
        return None
    return (east, north) if math.isfinite(north) and math.isfinite(east) else None


def _shape(parcel: _Parcel, source: Source) -> Any:
    kind = parcel.header[4] if len(parcel.header) > 4 else "面"
    paths = list(parcel.rings.values())
    if not paths:
        return None
    if "点" in kind:
        return (
            shapely.multipoints([p for path in paths for p in path])
            if sum(map(len, paths)) > 1
            else shapely.Point(paths[0][0])
        )
    if "线" in kind:
        lines = [shapely.LineString(path) for path in paths if len(path) > 1]
        return shapely.multilinestrings(lines) if len(lines) > 1 else lines[0] if lines else None
    return _area(parcel, paths, source)


def _area(parcel: _Parcel, paths: list[list[tuple[float, float]]], source: Source) -> Any:
    rings = []
    for path in paths:
        closed = path if path[0] == path[-1] else [*path, path[0]]
        if len(closed) < 4:
            source.log.add("geometry-ring-short", row=parcel.line)
            return None
        rings.append(closed)
    areas = rings_to_areas(rings)
    return areas[0] if len(areas) == 1 else shapely.multipolygons(areas)


def _crs(attributes: dict[str, str], parcels: list[_Parcel]) -> str | None:
    """The CRS the attributes describe; a zone prefix in Y decides between 4527/4548 and 4498/4509."""
    system = attributes.get("坐标系", "")
    if system and not re.search(r"2000|CGCS", system, re.IGNORECASE):
        return system
    if "度" in attributes.get("计量单位", ""):
        return "EPSG:4490"
    try:
        degrees, zone = int(attributes.get("几度分带", "3")), int(attributes.get("带号", "0"))
    except ValueError:
        return None
    prefixed = any(east >= 1e7 for p in parcels for ring in p.rings.values() for east, _ in ring)
    known = {(3, _THREE_DEGREE_ZONE): (4527, 4548), (6, _SIX_DEGREE_ZONE): (4498, 4509)}
    codes = known.get((degrees, zone))
    return f"EPSG:{codes[0] if prefixed else codes[1]}" if codes and system else None
