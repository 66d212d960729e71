"""Coordinates, lengths and areas. Everything metric is computed in EPSG:4548."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy
import shapely
from shapely.geometry.base import BaseGeometry

from geo_service.core.late import pyproj

GEOGRAPHIC = 4490
"""CGCS2000 longitude and latitude: storage and exchange."""
PROJECTED = 4548
"""CGCS2000 / 3-degree Gauss-Kruger, central meridian 117 E: every length, area, buffer and print."""

MU_M2 = 2000 / 3
"""One 亩 in square metres (15 亩 = 1 ha)."""


@lru_cache(maxsize=64)
def transformer(source: int | str, target: int | str) -> pyproj.Transformer:
    """A cached transformer, always (x, y) = (longitude, latitude) or (easting, northing).

    Raises
    ------
    pyproj.exceptions.ProjError
        Where PROJ knows no exact transformation; ballpark shifts (0 m, really 64-71 m here) are refused.
    """
    return pyproj.Transformer.from_crs(source, target, always_xy=True, only_best=True, allow_ballpark=False)


def project(geometry: Any, *, source: int = GEOGRAPHIC, target: int = PROJECTED) -> Any:
    """A Shapely geometry or array of them in another CRS; by default from degrees to metres."""
    move = transformer(source, target)

    def moved(points: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
        return numpy.column_stack(move.transform(points[:, 0], points[:, 1]))

    return shapely.transform(geometry, moved)


def length_m(geometry: BaseGeometry) -> float:
    """Length in metres of a geometry in EPSG:4490, measured in EPSG:4548."""
    return float(shapely.length(project(geometry)))


def area_m2(geometry: BaseGeometry) -> float:
    """Area in square metres of a geometry in EPSG:4490, measured in EPSG:4548."""
    return float(shapely.area(project(geometry)))


def to_plane(longitude: float, latitude: float) -> tuple[float, float]:
    """Easting and northing (EPSG:4548, metres) of a point in degrees."""
    return cast("tuple[float, float]", transformer(GEOGRAPHIC, PROJECTED).transform(longitude, latitude))


def to_degrees(easting: float, northing: float) -> tuple[float, float]:
    """Longitude and latitude (EPSG:4490) of a point in EPSG:4548 metres."""
    return cast("tuple[float, float]", transformer(PROJECTED, GEOGRAPHIC).transform(easting, northing))
