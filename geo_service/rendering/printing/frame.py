"""The map frame: a paper rectangle showing ground at a scale, grid north up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.core.crs import GEOGRAPHIC, PROJECTED, to_degrees, to_plane, transformer
from geo_service.errors import InvalidParameter

FIT_SCALES = (
    *(500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 7500),
    *(10_000, 12_500, 15_000, 17_500, 20_000, 22_500, 25_000, 27_500, 30_000, 32_500, 35_000, 40_000, 45_000, 50_000),
    *(55_000, 60_000, 65_000, 70_000, 75_000, 80_000, 90_000, 100_000),
)
"""Denominators that fitting chooses from; beyond 1:50 000 only so that small paper can hold the whole district."""
FIT_MARGIN = 1.04
SIMPLIFY_MM = 0.03
"""Detail finer than this cannot be seen in print."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north in metres of EPSG:4548."""


@dataclass(frozen=True, slots=True)
class Frame:
    """``width_mm`` by ``height_mm`` of paper around a ground point (EPSG:4548) at 1:``scale``."""

    width_mm: float
    height_mm: float
    scale: float
    easting: float
    northing: float

    @property
    def mm_per_m(self) -> float:
        """Millimetres of paper for one metre of ground."""
        return 1000.0 / self.scale

    @property
    def bounds(self) -> Bounds:
        """What ground it shows."""
        half_width = self.width_mm / 2 / self.mm_per_m
        half_height = self.height_mm / 2 / self.mm_per_m
        return (
            self.easting - half_width,
            self.northing - half_height,
            self.easting + half_width,
            self.northing + half_height,
        )

    def to_paper(self, points: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
        """Ground metres as paper millimetres from the frame's top left corner."""
        west, _, _, north = self.bounds
        return numpy.column_stack(((points[:, 0] - west) * self.mm_per_m, (north - points[:, 1]) * self.mm_per_m))

    def point(self, easting: float, northing: float) -> tuple[float, float]:
        """One ground point on paper."""
        ((x, y),) = self.to_paper(numpy.array([(easting, northing)])).tolist()
        return x, y

    def draw(self, geometry: Any, *, pad_mm: float = 3.0) -> Any:
        """Ground geometries (one or an array) cut at the frame plus a pad, on paper, without detail too fine to see."""
        pad = pad_mm / self.mm_per_m
        west, south, east, north = self.bounds
        cut = shapely.clip_by_rect(geometry, west - pad, south - pad, east + pad, north + pad)
        return shapely.simplify(shapely.transform(cut, self.to_paper), SIMPLIFY_MM)

    @property
    def ground(self) -> Any:
        """The rectangle of ground it shows."""
        return shapely.box(*self.bounds)

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Longitude and latitude of its corners: south-west, north-west, north-east, south-east."""
        west, south, east, north = self.bounds
        return tuple(to_degrees(e, n) for e, n in ((west, south), (west, north), (east, north), (east, south)))


def fit(bounds: Bounds, width_mm: float, height_mm: float) -> Frame:
    """The frame of the smallest denominator that holds an extent with four per cent to spare.

    Raises
    ------
    InvalidParameter
        Even 1:100 000 does not hold it on this paper.
    """
    west, south, east, north = bounds
    needed = 1000 * FIT_MARGIN * max((east - west) / width_mm, (north - south) / height_mm)
    scale = next((s for s in FIT_SCALES if s >= needed), None)
    if scale is None:
        reason = (
            f"范围约需 1:{needed:,.0f}，超过 1:{FIT_SCALES[-1]:,}；请换更大的纸或缩小范围 / "
            f"the extent needs about 1:{needed:,.0f}; take larger paper or a smaller extent"
        )
        raise InvalidParameter(name="scale", value="fit", reason=reason)
    return Frame(width_mm, height_mm, scale, (west + east) / 2, (south + north) / 2)


def ground_bounds(bbox: Sequence[float]) -> Bounds:
    """The extent in metres of a bbox in degrees; meridians lean, so all four sides are followed."""
    west, south, east, north = bbox
    along = numpy.linspace(0, 1, 9)
    lons = numpy.concatenate((west + (east - west) * along, west + (east - west) * along, [west] * 9, [east] * 9))
    lats = numpy.concatenate(
        ([south] * 9, [north] * 9, south + (north - south) * along, south + (north - south) * along)
    )
    eastings, northings = transformer(GEOGRAPHIC, PROJECTED).transform(lons, lats)
    if not (numpy.isfinite(eastings).all() and numpy.isfinite(northings).all()):
        raise InvalidParameter(
            name="bbox", value=",".join(f"{v:g}" for v in bbox), reason="投影无法表示 / cannot be projected"
        )
    return float(eastings.min()), float(northings.min()), float(eastings.max()), float(northings.max())


def around(centre: Sequence[float], width_mm: float, height_mm: float, scale: float) -> Frame:
    """The frame around a point in degrees."""
    easting, northing = to_plane(centre[0], centre[1])
    return Frame(width_mm, height_mm, scale, easting, northing)
