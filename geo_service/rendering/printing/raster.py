"""A raster basemap under the map: its tiles at print resolution, warped into EPSG:4548 by a mesh of quadrangles.

Between Web Mercator and Gauss-Krueger a sheet's ground is turned and scaled almost evenly: within a cell of the mesh
the bilinear quadrangle is exact to far less than a pixel. A warp of every pixel takes 30 times as long.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from PIL import Image, UnidentifiedImageError

from geo_service.core.basemaps import TILE_PX
from geo_service.core.crs import GEOGRAPHIC, PROJECTED, transformer
from geo_service.core.text import Text
from geo_service.rendering.printing.drawing import num
from geo_service.rendering.printing.frame import Frame

DPI = 150
MOST_PIXELS = 16_000_000
"""Larger frames (A1 and up) get fewer dots an inch, so that the picture takes no more than 48 MB."""
MOST_TILES = 400
COARSER = 4
"""Levels coarser than wanted that may serve; beyond, one pixel would cover millimetres."""
MESH = 24
QUALITY = 82
_INCH_MM = 25.4
_EQUATOR_PX_M = 40_075_016.686 / TILE_PX
"""Metres of a pixel at the equator on level 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """Tiles of Web Mercator by z, x, y (empty bytes where there is none), and what a sheet must say of them."""

    title: Text
    tile: Callable[[int, int, int], bytes]
    attribution: str = ""
    review_number: str = ""
    min_zoom: int = 0
    max_zoom: int = 18


def raster_svg(raster: Raster, frame: Frame) -> str:
    """The basemap as an ``<image>`` that fills the frame; nothing where it has no tile there."""
    width, height = pixels(frame)
    for zoom in _zooms(raster, frame, width):
        found = _warped(raster, frame, zoom, (width, height))
        if found is not None:
            out = io.BytesIO()
            found.save(out, "JPEG", quality=QUALITY)
            source = base64.b64encode(out.getvalue()).decode()
            size = f'width="{num(frame.width_mm)}" height="{num(frame.height_mm)}"'
            return f'<image {size} preserveAspectRatio="none" href="data:image/jpeg;base64,{source}"/>'
    return ""


def pixels(frame: Frame) -> tuple[int, int]:
    """Width and height of the picture in a frame."""
    area = frame.width_mm * frame.height_mm / _INCH_MM**2
    dpi = min(float(DPI), math.sqrt(MOST_PIXELS / area))
    return max(1, round(frame.width_mm / _INCH_MM * dpi)), max(1, round(frame.height_mm / _INCH_MM * dpi))


def _zooms(raster: Raster, frame: Frame, width: int) -> Iterator[int]:
    """Levels to look at: that of the resolution wanted, then coarser ones."""
    ((_, latitude),) = _degrees(numpy.array([frame.easting]), numpy.array([frame.northing])).tolist()
    wanted_m = frame.width_mm / frame.mm_per_m / width
    best = round(math.log2(_EQUATOR_PX_M * math.cos(math.radians(latitude)) / wanted_m))
    first = min(raster.max_zoom, max(raster.min_zoom, best))
    yield from range(first, max(raster.min_zoom, first - COARSER), -1)
    yield max(raster.min_zoom, first - COARSER)


def _degrees(eastings: Any, northings: Any) -> Any:
    longitudes, latitudes = transformer(PROJECTED, GEOGRAPHIC).transform(eastings, northings)
    return numpy.column_stack((numpy.ravel(longitudes), numpy.ravel(latitudes)))


def _world_px(degrees: Any, zoom: int) -> Any:
    """Pixels of the whole world's picture on a level, from its north-west corner."""
    size = TILE_PX * 2**zoom
    longitude, latitude = numpy.radians(degrees).T
    x = (longitude / math.pi + 1) / 2 * size
    y = (1 - numpy.arcsinh(numpy.tan(latitude)) / math.pi) / 2 * size
    return numpy.column_stack((x, y))


def _warped(raster: Raster, frame: Frame, zoom: int, size: tuple[int, int]) -> Image.Image | None:
    columns = numpy.unique(numpy.linspace(0, size[0], MESH + 1).round().astype(int))
    rows = numpy.unique(numpy.linspace(0, size[1], MESH + 1).round().astype(int))
    west, south, east, north = frame.bounds
    eastings, northings = numpy.meshgrid(
        west + columns / size[0] * (east - west), north - rows / size[1] * (north - south)
    )
    nodes = _world_px(_degrees(eastings, northings), zoom)
    left, top = (int(v) for v in nodes.min(axis=0) // TILE_PX)
    right, bottom = (int(v) for v in nodes.max(axis=0) // TILE_PX)
    if (right - left + 1) * (bottom - top + 1) > MOST_TILES:
        return None
    mosaic = _mosaic(raster, zoom, (left, top, right, bottom))
    if mosaic is None:
        return None
    grid = (nodes - (left * TILE_PX, top * TILE_PX)).reshape(len(rows), len(columns), 2)
    return mosaic.transform(size, Image.Transform.MESH, list(_quads(grid, columns, rows)), Image.Resampling.BILINEAR)


def _mosaic(raster: Raster, zoom: int, tiles: tuple[int, int, int, int]) -> Image.Image | None:
    """The tiles side by side on white; None where there is none."""
    left, top, right, bottom = tiles
    whole: Image.Image | None = None
    for x in range(left, right + 1):
        for y in range(top, bottom + 1):
            picture = _picture(raster.tile(zoom, x, y))
            if picture is None:
                continue
            if whole is None:
                whole = Image.new("RGB", ((right - left + 1) * TILE_PX, (bottom - top + 1) * TILE_PX), "white")
            whole.paste(picture, ((x - left) * TILE_PX, (y - top) * TILE_PX), picture)
    return whole


def _picture(data: bytes) -> Image.Image | None:
    """A tile at its size; None for none, and for what is damaged."""
    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
            if max(image.size) > 4 * TILE_PX:
                return None
            picture = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return picture if picture.size == (TILE_PX, TILE_PX) else picture.resize((TILE_PX, TILE_PX))


def _quads(grid: Any, columns: Any, rows: Any) -> Iterator[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Cells of the picture with the corners of their ground in the mosaic, from north-west against the clock."""
    for i in range(len(rows) - 1):
        for j in range(len(columns) - 1):
            target = (int(columns[j]), int(rows[i]), int(columns[j + 1]), int(rows[i + 1]))
            corners = (grid[i, j], grid[i + 1, j], grid[i + 1, j + 1], grid[i, j + 1])
            yield target, tuple(float(v) for corner in corners for v in corner)
