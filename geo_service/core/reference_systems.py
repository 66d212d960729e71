"""Coordinate reference systems by their OGC names, with the axis order clients expect on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
import shapely
from shapely.errors import ShapelyError

from geo_service.core.crs import GEOGRAPHIC, transformer
from geo_service.core.features import Feature
from geo_service.core.query import Bbox
from geo_service.errors import InvalidBbox, InvalidParameter, one_of


@dataclass(frozen=True, slots=True)
class ReferenceSystem:
    """One CRS: ``north_first`` tells that the authority's axis order is northing (latitude) before easting."""

    uri: str
    epsg: int
    north_first: bool
    decimals: int


def _epsg(code: int, *, north_first: bool, decimals: int) -> ReferenceSystem:
    return ReferenceSystem(f"http://www.opengis.net/def/crs/EPSG/0/{code}", code, north_first, decimals)


CRS84 = ReferenceSystem("http://www.opengis.net/def/crs/OGC/1.3/CRS84", GEOGRAPHIC, north_first=False, decimals=7)
CGCS2000 = _epsg(4490, north_first=True, decimals=7)
GAUSS_KRUGER = _epsg(4548, north_first=True, decimals=4)
GAUSS_KRUGER_ZONE = _epsg(4527, north_first=True, decimals=4)
WEB_MERCATOR = _epsg(3857, north_first=False, decimals=4)

REFERENCE_SYSTEMS = (CRS84, CGCS2000, GAUSS_KRUGER, GAUSS_KRUGER_ZONE, WEB_MERCATOR)
STORAGE = GAUSS_KRUGER
"""Advertised as storage CRS: QGIS rounds what it sends to six decimals, which in degrees would be 11 cm."""


NO_GEOMETRY = "不是 GeoJSON 几何，请核对类型与坐标 / no GeoJSON geometry, look at its type and its coordinates"
"""What a geometry that does not read is refused for."""


def find(uri: str, *, name: str) -> ReferenceSystem:
    """The CRS of a URI, with or without angle brackets.

    Raises
    ------
    InvalidParameter
        It is not one of those served.
    """
    plain = uri.strip().removeprefix("<").removesuffix(">").replace("https://", "http://", 1)
    for system in REFERENCE_SYSTEMS:
        if system.uri == plain:
            return system
    raise InvalidParameter(name=name, value=uri, reason=one_of(s.uri for s in REFERENCE_SYSTEMS))


def to_wire(feature: Feature, system: ReferenceSystem) -> dict[str, Any] | None:
    """The geometry of a feature as GeoJSON in another CRS and its axis order."""
    if feature.geometry is None or system is CRS84:
        return dict(feature.geometry) if feature.geometry else None
    return _mapped(feature.shape(), _forward(system), system.decimals)


def from_wire(geometry: dict[str, Any] | None, system: ReferenceSystem) -> dict[str, Any] | None:
    """A GeoJSON geometry that came in another CRS, in longitude and latitude at 7 decimals.

    Raises
    ------
    InvalidParameter
        It is not GeoJSON, or lies where the CRS has no answer.
    """
    if geometry is None:
        return None
    try:
        shape = shapely.geometry.shape(geometry)
        empty = shape.is_empty
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, ShapelyError):
        raise InvalidParameter(name="geometry", value=str(geometry.get("type"))[:40], reason=NO_GEOMETRY) from None
    if empty:
        return None
    mapped = _mapped(shape, _backward(system), 7)
    if not numpy.isfinite(shapely.get_coordinates(shapely.geometry.shape(mapped))).all():
        raise InvalidParameter(name="geometry", value=system.uri, reason="坐标超出范围 / coordinates out of range")
    return mapped


def moved_from(shape: Any, system: ReferenceSystem) -> Any:
    """A Shapely geometry that came in another CRS and its axis order, in longitude and latitude."""
    return shape if system is CRS84 else shapely.transform(shapely.force_2d(shape), _backward(system))


def bbox_from_wire(values: tuple[float, float, float, float], system: ReferenceSystem) -> Bbox:
    """A bbox in another CRS (its axis order) as west, south, east, north in degrees.

    Raises
    ------
    InvalidBbox
        It is turned round or out of range.
    """
    a, b, c, d = values
    corners = numpy.array([[a, b], [a, d], [c, b], [c, d]])
    moved = _backward(system)(corners)
    west, south = moved.min(axis=0)
    east, north = moved.max(axis=0)
    if not numpy.isfinite(moved).all() or a > c or b > d:
        reason = f"起止颠倒或超出 {system.uri} 的范围 / turned round, or outside of {system.uri}"
        raise InvalidBbox(value=",".join(f"{value:g}" for value in values), reason=reason)
    return (float(west), float(south), float(east), float(north))


def to_plane(shapes: Any, system: ReferenceSystem) -> Any:
    """Shapely geometries in a CRS with x to the right and y up, whatever its axis order on the wire."""
    if system.epsg == GEOGRAPHIC:
        return shapes
    return shapely.transform(shapes, lambda points: points_in_plane(points, system))


def points_in_plane(points: Any, system: ReferenceSystem) -> Any:
    """Rows of longitude and latitude as rows of x and y in a CRS; infinite where there is no answer."""
    if system.epsg == GEOGRAPHIC:
        return points
    move = transformer(_geographic(system), system.epsg)
    return numpy.column_stack(move.transform(points[:, 0], points[:, 1]))


def from_plane(points: Any, system: ReferenceSystem) -> Any:
    """Rows of x and y in a CRS as rows of longitude and latitude; infinite where there is no answer."""
    if system.epsg == GEOGRAPHIC:
        return points
    move = transformer(system.epsg, _geographic(system))
    return numpy.column_stack(move.transform(points[:, 0], points[:, 1]))


def plane_bounds(bbox: Bbox, system: ReferenceSystem) -> tuple[float, float, float, float]:
    """Least x, least y, greatest x, greatest y in a CRS of a bbox in degrees."""
    west, south, east, north = bbox
    across, up = numpy.meshgrid(numpy.linspace(west, east, 9), numpy.linspace(south, north, 9))
    points = to_plane(shapely.points(across.ravel(), up.ravel()), system)
    x1, y1, x2, y2 = shapely.total_bounds(points).tolist()
    return (x1, y1, x2, y2)


def _geographic(system: ReferenceSystem) -> int:
    """Degrees to start from: WGS 84 for Web Mercator, for PROJ knows no exact way from CGCS2000 and none is needed."""
    return 4326 if system is WEB_MERCATOR else GEOGRAPHIC


def _forward(system: ReferenceSystem) -> Any:
    move = transformer(_geographic(system), system.epsg)

    def run(points: Any) -> Any:
        x, y = move.transform(points[:, 0], points[:, 1]) if system.epsg != GEOGRAPHIC else points.T
        return numpy.column_stack((y, x) if system.north_first else (x, y))

    return run


def _backward(system: ReferenceSystem) -> Any:
    move = transformer(system.epsg, _geographic(system))

    def run(points: Any) -> Any:
        first, second = points[:, 0], points[:, 1]
        x, y = (second, first) if system.north_first else (first, second)
        return numpy.column_stack(move.transform(x, y) if system.epsg != GEOGRAPHIC else (x, y))

    return run


def _mapped(shape: Any, move: Any, decimals: int) -> dict[str, Any]:
    moved = shapely.transform(shapely.force_2d(shape), move)
    mapping = shapely.geometry.mapping(moved)
    return {"type": mapping["type"], "coordinates": _rounded(mapping["coordinates"], decimals)}


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, (list, tuple)):
        return [_rounded(item, decimals) for item in value]
    return round(float(value), decimals)
