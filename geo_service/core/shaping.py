"""Cutting shapes: a hole out of an area, an area or a line in parts. Degrees in, degrees out, every vertex kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely
from shapely.errors import GEOSException
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import split

from geo_service.core.features import geometry_of
from geo_service.errors import InvalidRequest

MOST_VERTICES = 20_000
"""Vertices of a shape that can be cut on the map; more take seconds."""
LEAST_SHARE = 1e-9
"""Parts smaller than this share of the whole are slivers of rounding and are left out."""


def read_shape(given: object) -> BaseGeometry:
    """A valid shape of a GeoJSON geometry (EPSG:4490).

    Raises
    ------
    InvalidRequest
        No geometry, an invalid one, or one of more than 20 000 vertices.
    """
    if not isinstance(given, Mapping):
        raise InvalidRequest(reason="须为 GeoJSON 几何 / a GeoJSON geometry is needed")
    try:
        found = shapely.force_2d(shape(dict(given)))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, GEOSException) as error:
        raise InvalidRequest(reason=f"几何无法读取 / the geometry cannot be read: {error}") from None
    if found.is_empty or shapely.get_num_coordinates(found) > MOST_VERTICES or not found.is_valid:
        reason = f"几何须合法且不超过 {MOST_VERTICES} 个折点 / a valid geometry of at most {MOST_VERTICES} vertices"
        raise InvalidRequest(reason=reason)
    return found


def cut_hole(whole: BaseGeometry, hole: BaseGeometry) -> dict[str, Any]:
    """What is left of an area without another one, as a GeoJSON geometry.

    Raises
    ------
    InvalidRequest
        The hole does not touch the area, or nothing would be left.
    """
    left = whole.difference(hole)
    if left.equals(whole):
        raise InvalidRequest(reason="所画范围不在要素内 / what was drawn lies outside the feature")
    kept = geometry_of(_areas_of(left))
    if kept is None:
        raise InvalidRequest(reason="挖去后没有剩余 / nothing would be left")
    return kept


def split_by(whole: BaseGeometry, blade: BaseGeometry) -> list[dict[str, Any]]:
    """The parts of an area or a line on the sides of a drawn line, largest first, as GeoJSON geometries.

    Raises
    ------
    InvalidRequest
        The line does not run right through.
    """
    try:
        pieces = [part for piece in split(whole, blade).geoms for part in _parts(piece)]
    except (ValueError, TypeError, GEOSException):
        pieces = []
    size = shapely.area if whole.area else shapely.length
    parts = sorted((p for p in pieces if size(p) > LEAST_SHARE * size(whole)), key=size, reverse=True)
    if len(parts) <= len(_parts(whole)):
        raise InvalidRequest(
            reason="分割线须从要素一侧穿到另一侧 / the line must run through the feature from one side to the other"
        )
    return [found for part in parts if (found := geometry_of(part)) is not None]


def _parts(value: BaseGeometry) -> list[BaseGeometry]:
    return list(shapely.get_parts(value))


def _areas_of(value: BaseGeometry) -> BaseGeometry:
    """The areas of a shape only: cutting along an edge may leave lines."""
    areas = [p for p in _parts(value) if p.geom_type == "Polygon"]
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)
