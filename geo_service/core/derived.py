"""Attributes that follow from the geometry: nobody types them in, nobody can get them wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition


@dataclass(frozen=True, slots=True)
class Area:
    """A named area of the district, EPSG:4490."""

    name: str
    shape: BaseGeometry


def with_derived(definition: LayerDefinition, feature: Feature, areas: Sequence[Area]) -> Feature:
    """The feature with every derived field of its layer worked out again: ``subdistrict`` by a point inside the shape,
    ``area_m2`` and ``length_m`` in EPSG:4548 rounded to the metre; null where there is no geometry."""
    shape = feature.shape()
    values = {f.key: _value(f.key, shape, areas) for f in definition.all_fields if f.derived}
    known = {k: v for k, v in values.items() if k in feature.properties or v is not None}
    return Feature(feature.id, {**feature.properties, **known}, feature.geometry)


def subdistrict_of(shape: BaseGeometry | None, areas: Sequence[Area]) -> str | None:
    """The name of the area a point inside the shape lies in, None where it lies in none."""
    if shape is None or shape.is_empty:
        return None
    point = shapely.point_on_surface(shape)
    return next((area.name for area in areas if shapely.intersects(area.shape, point)), None)


def _value(key: str, shape: BaseGeometry | None, areas: Sequence[Area]) -> Any:
    if key == "subdistrict":
        return subdistrict_of(shape, areas)
    if shape is None:
        return None
    if key == "area_m2" and shape.geom_type.endswith("Polygon"):
        return round(crs.area_m2(shape))
    if key == "length_m" and shape.geom_type.endswith("LineString"):
        return round(crs.length_m(shape))
    return None
