"""Basemaps of the bureau's own: what one is, and where rows of its tiles lie in the map.

The map page draws Web Mercator tiles (z, x, y from the north-west). A service in the grid of CGCS2000 degrees (天地图
``_c``) has the same columns; only its rows have to be drawn anew (:func:`source_rows`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from geo_service.core.text import Text

Kind = Literal["xyz", "wmts", "wms", "mbtiles", "pmtiles"]
Grid = Literal["web-mercator", "cgcs2000"]

FILES = ("mbtiles", "pmtiles")
TILE_PX = 256
MERCATOR_M = 20_037_508.342789244
"""Half the width of the Web Mercator square, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasemapSource:
    """One basemap as configured; ``url`` is an address (services) or a path (files), ``layers`` are drawn in order.

    ``key`` is what the service wants to know of us: it never leaves the server.
    """

    id: str
    title: Text
    kind: Kind
    url: str
    attribution: str
    review_number: str = ""
    grid: Grid = "web-mercator"
    layers: tuple[str, ...] = ()
    key: str = ""
    min_zoom: int = 0
    max_zoom: int = 18
    default: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the tiles are in a file of this machine."""
        return self.kind in FILES

    @property
    def tile_layers(self) -> tuple[str, ...]:
        """The layers fetched one by one: a WMS draws all of them into one picture, a file has but one."""
        return self.layers if self.kind in ("xyz", "wmts") and self.layers else ("",)


@dataclass(frozen=True, slots=True)
class TileRow:
    """Where rows of a picture come from: the tile's row in the other grid, and the row of pixels in it."""

    y: int
    pixels: tuple[tuple[int, int], ...]
    """Pairs of a row of the wanted picture and a row of the tile."""


def source_rows(z: int, y: int, *, size_px: int = TILE_PX) -> tuple[TileRow, ...]:
    """Which rows of which tiles of the CGCS2000 grid make a Web Mercator tile; rows beyond the poles are left out.

    In the CGCS2000 grid level z has 2^z columns of 360°/2^z, as Web Mercator, and square tiles from 90° N down: columns
    agree, and each row of pixels is taken from the row of its middle's latitude (nearest, at most half a pixel off).
    """
    tiles, degrees = 1 << z, 360 / (1 << z)
    found: dict[int, list[tuple[int, int]]] = {}
    for row in range(size_px):
        up = math.pi * (1 - 2 * (y + (row + 0.5) / size_px) / tiles)
        latitude = math.degrees(math.atan(math.sinh(up)))
        tile, inside = divmod((90 - latitude) / degrees, 1)
        found.setdefault(int(tile), []).append((row, min(size_px - 1, int(inside * size_px))))
    return tuple(TileRow(tile, tuple(pixels)) for tile, pixels in sorted(found.items()))
