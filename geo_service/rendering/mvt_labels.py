"""A point for the name of each polygon: inside it, and for few polygons as far from its edge as can be."""

from __future__ import annotations

import numpy
import shapely

from geo_service.rendering.mvt_geometry import starts_run
from geo_service.rendering.mvt_shapes import Floats, Geometries, simple_parts

BEST_COUNT = 500
"""Up to so many polygons get their pole of inaccessibility (about 1 ms each), more their middle."""


def label_points(polygons: Geometries) -> Geometries:
    """A point inside each of these polygons; of a multi-polygon, inside its largest part."""
    parts = _largest_parts(polygons)
    points = numpy.asarray(shapely.centroid(parts))
    outside = ~shapely.contains(parts, points)
    points[outside] = shapely.point_on_surface(parts[outside])
    if len(parts) <= BEST_COUNT:
        sound = shapely.is_valid(parts) & (shapely.area(parts) > 0)
        points[sound] = _poles(parts[sound])
    return points


def _largest_parts(polygons: Geometries) -> Geometries:
    parts, rows = simple_parts(polygons)
    order = numpy.lexsort((-shapely.area(parts), rows))
    firsts = starts_run(rows[order])
    return numpy.asarray(parts[order[firsts]])


def _poles(parts: Geometries) -> Geometries:
    """Centres of the largest circles that fit inside as the map shows them, to 2 % of each polygon's size."""
    flat = shapely.transform(parts, _to_plane)
    circles = shapely.maximum_inscribed_circle(flat, numpy.sqrt(shapely.area(flat)) / 50)
    return numpy.asarray(shapely.transform(shapely.get_point(circles, 0), _to_degrees))


def _to_plane(degrees: Floats) -> Floats:
    """Web Mercator in degrees of longitude, where shapes look as they do on the screen."""
    return numpy.column_stack([degrees[:, 0], numpy.degrees(numpy.arcsinh(numpy.tan(numpy.radians(degrees[:, 1]))))])


def _to_degrees(plane: Floats) -> Floats:
    return numpy.column_stack([plane[:, 0], numpy.degrees(numpy.arctan(numpy.sinh(numpy.radians(plane[:, 1]))))])
