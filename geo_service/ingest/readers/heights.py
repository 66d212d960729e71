"""Heights on a regular grid (GeoTIFF, ESRI ASCII), read as points at the middles of the cells that have one.

So a terrain model is a layer like any other: dry run, review, history, undo. Pillow decodes the GeoTIFF; its position
and CRS are read from the tags of GeoTIFF 1.1 (OGC 19-008).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import shapely
from PIL import Image, UnidentifiedImageError

from geo_service.ingest.archive import extract
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import ReadLayer, Source
from geo_service.ingest.limits import Limits
from geo_service.ingest.sniff import Sniffed

HEIGHT = "elevation_m"
COMPRESSION, RAW = 259, 1
SCALE, TIEPOINTS, MATRIX, KEYS, NODATA = 33550, 33922, 34264, 34735, 42113
"""TIFF tags of a position, of the GeoTIFF keys, and GDAL's for "no value"."""
RASTER_TYPE, GEODETIC, PROJECTED, USER_DEFINED = 1025, 2048, 3072, 32767
PIXEL_IS_POINT = 2
MODES = frozenset({"F", "I", "I;16", "I;16B"})
"""Pillow's modes of one band of heights; anything else is a picture."""
LONGEST_HEADER = 8
LONGEST_NUMBER = 64
"""Bytes of a height with the space behind it; a file of more holds more cells than it says."""

Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Heights by row from the north; ``west`` and ``north`` are the middle of the first cell in units of ``crs``."""

    values: Array
    west: float
    north: float
    step: tuple[float, float]
    crs: str | None


def read_geotiff(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The cells of a GeoTIFF of one band as points."""
    try:
        with Image.open(sniffed.path, formats=("TIFF",)) as image:
            return _layer(source, _of_image(image, source.limits))
    except UnidentifiedImageError as error:
        raise Refused("raster-not-heights", found="TIFF") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused("file-broken", reason=str(error)[:80]) from error


def read_ascii_grid(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The cells of an ESRI ASCII grid as points; its CRS from a ``.prj`` beside it in a zip."""
    return _layer(source, _of_text(sniffed.path, _projection(source, sniffed), source.limits))


def _of_image(image: Any, limits: Limits) -> Grid:
    tags = image.tag_v2
    if KEYS not in tags or not (SCALE in tags or MATRIX in tags):
        raise Refused("format-raster", kind="TIFF")
    if image.mode not in MODES:
        raise Refused("raster-not-heights", found=f"{len(image.getbands())} × {image.mode}")
    if tags.prefix == b"MM" and tags.get(COMPRESSION, RAW) != RAW:  # Pillow mixes up the bytes of such numbers
        raise Refused("raster-not-heights", found="TIFF (big-endian, compressed)")
    _check_size(image.width, image.height, limits)
    keys = _keys(tags[KEYS])
    dx, dy, west, north = _placed(tags)
    half = 0.0 if keys.get(RASTER_TYPE) == PIXEL_IS_POINT else 0.5
    values = numpy.asarray(image, dtype=numpy.float64)
    nodata = str(tags.get(NODATA, "")).strip("\0 ")
    if nodata:
        values = numpy.where(values == float(nodata), numpy.nan, values)
    return Grid(values=values, west=west + half * dx, north=north - half * dy, step=(dx, dy), crs=_crs(keys))


def _placed(tags: Any) -> tuple[float, float, float, float]:
    """Size of a cell, and x and y of the outer corner in the north-west (of its middle where cells are points)."""
    if MATRIX in tags:
        a, b, _, x, d, e, _, y = (float(v) for v in tags[MATRIX][:8])
        if b or d or a <= 0 or e >= 0:
            raise Refused("raster-turned")
        return a, -e, x, y
    (dx, dy), tiepoint = map(float, tags[SCALE][:2]), [float(v) for v in tags.get(TIEPOINTS, ())]
    if len(tiepoint) != 6 or dx <= 0 or dy <= 0:
        raise Refused("raster-turned")
    column, row, _, x, y, _ = tiepoint
    return dx, dy, x - column * dx, y + row * dy


def _keys(directory: Any) -> dict[int, int]:
    """GeoTIFF keys whose value stands in the directory itself."""
    values = [int(v) for v in directory]
    return {k: v for k, tag, _, v in zip(*(values[i::4] for i in range(4)), strict=False) if tag == 0}


def _crs(keys: dict[int, int]) -> str | None:
    code = keys.get(PROJECTED) or keys.get(GEODETIC) or USER_DEFINED
    return None if code == USER_DEFINED else f"EPSG:{code}"


def _of_text(path: Path, crs: str | None, limits: Limits) -> Grid:
    head, begin = _header(path)
    try:
        columns, rows = int(head["ncols"]), int(head["nrows"])
        dx, dy = (float(head.get(name) or head["cellsize"]) for name in ("dx", "dy"))
        west = float(head["xllcenter"]) if "xllcenter" in head else float(head["xllcorner"]) + dx / 2
        south = float(head["yllcenter"]) if "yllcenter" in head else float(head["yllcorner"]) + dy / 2
        nodata = float(head.get("nodata_value", "-9999"))
        _check_size(columns, rows, limits)
        if path.stat().st_size > begin + columns * rows * LONGEST_NUMBER:
            raise Refused("file-broken", reason=f"{columns} × {rows} < {path.stat().st_size:,} B")
        values = numpy.array(path.read_bytes()[begin:].split(), dtype=numpy.float64)
    except KeyError as error:
        raise Refused("file-broken", reason=f"{error.args[0]}?") from error
    except ValueError as error:
        raise Refused("file-broken", reason=str(error)[:80]) from error
    if len(values) != columns * rows or dx <= 0 or dy <= 0:
        raise Refused("file-broken", reason=f"{columns} × {rows} ≠ {len(values)}")
    values = numpy.where(values == nodata, numpy.nan, values).reshape(rows, columns)
    return Grid(values=values, west=west, north=south + (rows - 1) * dy, step=(dx, dy), crs=crs)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Names (lower case) with their values, and where the heights begin."""
    found: dict[str, str] = {}
    with path.open("rb") as stream:
        for _ in range(LONGEST_HEADER):
            begin = stream.tell()
            words = stream.readline(200).decode("ascii", errors="replace").split()
            if len(words) != 2 or not words[0][:1].isalpha():
                return found, begin
            found[words[0].lower()] = words[1]
        return found, stream.tell()


def _projection(source: Source, sniffed: Sniffed) -> str | None:
    """The text of the ``.prj`` of a zip, None without one."""
    members = sniffed.archive.with_suffix(".prj") if sniffed.archive else ()
    if not sniffed.archive or len(members) != 1:
        return None
    [path] = extract(sniffed.archive, members, source.work / "grid", "upload", source.limits)
    return path.read_text("utf-8", errors="replace").strip() or None


def _check_size(columns: int, rows: int, limits: Limits) -> None:
    if columns <= 0 or rows <= 0 or columns * rows > limits.features:
        raise Refused("raster-too-large", found=f"{columns:,} × {rows:,}", limit=f"{limits.features:,}")


def _layer(source: Source, grid: Grid) -> ReadLayer:
    row, column = numpy.nonzero(numpy.isfinite(grid.values))
    if not len(row):
        raise Refused("file-no-features")
    (dx, dy), width = grid.step, grid.values.shape[1]
    names = [f"{r}-{c}" for r, c in zip((row + 1).tolist(), (column + 1).tolist(), strict=True)]
    return ReadLayer(
        name=source.name,
        rows=(row * width + column + 1).tolist(),
        columns={"name": names, HEIGHT: grid.values[row, column].round(3).tolist()},
        geometry=numpy.asarray(shapely.points(grid.west + column * dx, grid.north - row * dy), dtype=object),
        crs=grid.crs,
    )
