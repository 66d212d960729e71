"""Where a table keeps its coordinates, in the words of many offices; shared by CSV and XLSX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import shapely
from shapely.errors import ShapelyError

from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import ReadLayer, Source, objects

LONGITUDE = ("经度", "lon", "lng", "long", "longitude", "东经", "经度(°)", "经度坐标", "lon_4490", "wgs84_lon")
LATITUDE = ("纬度", "lat", "latitude", "北纬", "纬度(°)", "纬度坐标", "lat_4490", "wgs84_lat")
EAST = ("x", "x坐标", "东坐标", "东", "x(东)", "easting", "e", "point_x", "横坐标", "x_coord", "xcoord")
NORTH = ("y", "y坐标", "北坐标", "北", "y(北)", "northing", "n", "point_y", "纵坐标", "y_coord", "ycoord")
WKT = ("wkt", "geometry", "geom", "几何", "wkt_geom", "the_geom", "shape", "几何wkt", "图形")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What makes Excel take a cell for a formula, and the apostrophe that keeps it from doing so."""
CRS = ("gs_crs", "crs", "坐标系", "坐标参考系", "epsg")


@dataclass(frozen=True, slots=True)
class Places:
    """The columns that hold the position: two of them, or one with WKT; ``crs`` a column naming the CRS."""

    kind: Literal["degrees", "metres", "wkt"]
    columns: tuple[int, ...]
    crs: int | None


def find_places(header: Sequence[str]) -> Places | None:
    """The position's columns in a header; None where it has none."""
    keys = [_key(name) for name in header]
    crs = _first(keys, CRS)
    wkt = _first(keys, WKT)
    if wkt is not None:
        return Places("wkt", (wkt,), crs)
    for kind, easts, norths in (("degrees", LONGITUDE, LATITUDE), ("metres", EAST, NORTH)):
        x, y = _first(keys, easts), _first(keys, norths)
        if x is not None and y is not None:
            return Places("degrees" if kind == "degrees" else "metres", (x, y), crs)
    return None


def _key(name: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(name))).lower()


def _first(keys: Sequence[str], names: tuple[str, ...]) -> int | None:
    return next((keys.index(name) for name in names if name in keys), None)


def build_layer(
    source: Source, name: str, header: Sequence[str], rows: Sequence[tuple[int, Sequence[Any]]]
) -> ReadLayer:
    """A table as a layer; ``rows`` are (row number, cells). Deletions and values alone need no coordinates.

    Raises
    ------
    Refused
        ``table-no-coordinates`` where they are needed, ``too-many-fields`` or ``file-no-features``.
    """
    limits = source.limits
    if len(header) > limits.fields:
        raise Refused("too-many-fields", found=len(header), limit=limits.fields)
    places = find_places(header)
    if places is None:
        if not without_places(source):
            raise Refused("table-no-coordinates")
        places = Places("wkt", (), None)
    if not rows:
        raise Refused("file-no-features")
    taken = {*places.columns, *(() if places.crs is None else (places.crs,))}
    names = _distinct(header)
    columns = {n: [_cell(r, i) for _, r in rows] for i, n in enumerate(names) if i not in taken and n}
    geometry = [_position(source, places, number, cells) for number, cells in rows]
    crs = _declared(places, rows, geometry)
    plain = objects([g[0] if g else None for g in geometry])
    return ReadLayer(name=name, rows=[n for n, _ in rows], columns=columns, geometry=plain, crs=crs)


def without_places(source: Source) -> bool:
    """Whether a table may do without coordinates: features are named, not drawn."""
    return source.options.mode in ("delete", "attributes")


def _distinct(header: Sequence[str]) -> list[str]:
    """Header names, a repeated one numbered."""
    seen: dict[str, int] = {}
    names = []
    for name in header:
        text = str(name).strip()
        seen[text] = seen.get(text, 0) + 1
        names.append(text if seen[text] == 1 else f"{text}_{seen[text]}")
    return names


def _cell(cells: Sequence[Any], index: int) -> Any:
    value = cells[index] if index < len(cells) else None
    if isinstance(value, str) and value[:1] == "'" and value[1:2] in FORMULA_STARTS:
        return value[1:]  # the apostrophe our own exports put before what Excel would run
    return None if value == "" else value


_Placed = tuple[Any, str | None] | None


def _position(source: Source, places: Places, row: int, cells: Sequence[Any]) -> _Placed:
    values = [_cell(cells, i) for i in places.columns]
    if all(v is None for v in values):
        return None
    if places.kind == "wkt":
        return _from_wkt(source, row, str(values[0]))
    numbers = [parse_coordinate(v) for v in values]
    if None in numbers:
        bad = values[numbers.index(None)]
        source.log.add("value-not-number", row=row, value=str(bad)[:40])
        return None
    return shapely.Point(numbers), None


def _from_wkt(source: Source, row: int, text: str) -> _Placed:
    match = re.match(r"\s*SRID=(\d+)\s*;", text, re.IGNORECASE)
    try:
        geometry = shapely.from_wkt(text[match.end() :] if match else text)
    except (ShapelyError, ValueError, NotImplementedError) as error:
        source.log.add("wkt-broken", row=row, reason=str(error)[:80])
        return None
    return geometry, f"EPSG:{match.group(1)}" if match else None


_DMS = re.compile(r"(\d{1,3})[°度:\s]\s*(\d{1,2})[′'分:\s]\s*(\d{1,2}(?:\.\d+)?)?\s*[″\"秒]?")


def parse_coordinate(value: Any) -> float | None:
    """A coordinate as a number: decimals, thousands commas, ``117°09′12.3″``, with 东经/E and the like around it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < 1e12 else None
    text = unicodedata.normalize("NFKC", str(value)).strip()
    text = re.sub(r"^(?:东经|北纬|[EN])|(?:[EN]|度|°|米|m)$", "", text).strip()
    match = _DMS.fullmatch(text)
    if match:
        degrees, minutes, seconds = (float(part or 0) for part in match.groups())
        return degrees + minutes / 60 + seconds / 3600
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None


def _declared(places: Places, rows: Sequence[tuple[int, Sequence[Any]]], geometry: Sequence[_Placed]) -> str | None:
    """The CRS a table states: a column, an SRID, or longitude and latitude by their names."""
    if places.crs is not None:
        texts = {str(_cell(cells, places.crs) or "").strip() for _, cells in rows} - {""}
        if len(texts) == 1:
            text = texts.pop()
            return f"EPSG:{text}" if text.isdigit() else text
    srids = {g[1] for g in geometry if g and g[1]}
    if len(srids) == 1:
        return srids.pop()
    return "OGC:CRS84" if places.kind == "degrees" else None
