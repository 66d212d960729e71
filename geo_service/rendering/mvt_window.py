"""One tile as a window on the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy

from geo_service.rendering.mvt import Ints
from geo_service.rendering.mvt_shapes import WORLD_BITS, Floats

_TILE_BITS = 12


@dataclass(frozen=True, slots=True)
class Window:
    """One tile and the way from world units to its own."""

    z: int
    x: int
    y: int

    @property
    def shift(self) -> int:
        """Bits between world and tile units; negative where tile units are finer."""
        return WORLD_BITS - _TILE_BITS - self.z

    @property
    def origin(self) -> tuple[int, int]:
        """World units of the top left corner."""
        return self.x << (WORLD_BITS - self.z), self.y << (WORLD_BITS - self.z)

    def box(self, margin: int) -> tuple[int, int, int, int]:
        """World box of the tile with a margin in tile units: west, north, east, south, all inclusive."""
        west, north = self.origin
        size = (1 << (WORLD_BITS - self.z)) - 1
        pad = self.to_world(margin)
        return west - pad, north - pad, west + size + pad, north + size + pad

    def to_world(self, units: int) -> int:
        """A length in tile units as world units."""
        return units << self.shift if self.shift >= 0 else units >> -self.shift

    def lengths(self, world: Any) -> Floats:
        """Lengths in world units as tile units."""
        return numpy.asarray(world, numpy.float64) * 2.0**-self.shift

    def units(self, world: Any, axis: int, *, grid: int = 1) -> Ints:
        """World coordinates as tile units, rounded to a grid of so many units (a power of two)."""
        moved = numpy.asarray(world, numpy.int64) - self.origin[axis]
        bits = self.shift + grid.bit_length() - 1
        if bits <= 0:
            return numpy.asarray(moved << -self.shift)
        return numpy.asarray(((moved + (1 << (bits - 1))) >> bits) * grid)

    def exact(self, world: Any, axis: int) -> Floats:
        """World coordinates as tile units, not rounded."""
        return self.lengths(numpy.asarray(world, numpy.int64) - self.origin[axis])
