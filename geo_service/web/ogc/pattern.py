"""A first page that tells a QGIS before 3.44 which fields and what geometry the layer of a draft has.

Those versions read no schema. They take fields, types and geometry from the features of ``items?limit=10``, so a field
that nobody has filled in yet is missing in their forms, and in an empty layer nothing can be drawn (seen with 3.40.6).
This one request, which nothing is shown of, is answered with a feature that has a value of its type in every field; its
``next`` link leads to the features themselves.
"""

from __future__ import annotations

import re
from typing import Any

from flask import request

from geo_service.core.features import Feature
from geo_service.core.layers import Field, FieldType, GeometryType, LayerDefinition

READS_SCHEMA = 34_400
"""QGIS from 3.44 on asks for the schema of a collection."""
ASKED = {"limit": "10"}
ID = "pattern"
_EAST, _NORTH, _STEP = 117.0, 39.0, 0.001
"""Degrees, on the central meridian of EPSG:4548."""
_VALUES: dict[FieldType, Any] = {
    "text": "text",
    "code": "text",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "date": "2025-01-01",
    "datetime": "2025-01-01T00:00:00Z",
}


def asks_for_fields() -> bool:
    """Whether this is the request by which a QGIS that reads no schema learns the fields."""
    found = re.search(r"\bQGIS/(\d{5,6})\b", request.user_agent.string)
    return found is not None and int(found[1]) < READS_SCHEMA and request.args.to_dict() == ASKED


def pattern(definition: LayerDefinition) -> Feature:
    """A feature with a value in every field, in longitude and latitude; of no meaning but its types."""
    return Feature(ID, {f.key: _value(f) for f in definition.all_fields}, _geometry(definition.geometry_types))


def _value(field: Field) -> Any:
    return _VALUES[field.type]


def _geometry(types: tuple[GeometryType, ...]) -> dict[str, Any]:
    """The widest geometry that is allowed: QGIS turns a single one into a multiple one where the layer has these."""
    kind = next((t for t in types if t.startswith("Multi")), types[0])
    corner, beside, above = (_EAST, _NORTH), (_EAST + _STEP, _NORTH), (_EAST, _NORTH + _STEP)
    single: dict[str, Any] = {
        "Point": corner,
        "LineString": (corner, beside),
        "Polygon": ((corner, beside, above, corner),),
    }
    plain = kind.removeprefix("Multi")
    return {"type": kind, "coordinates": single[plain] if kind == plain else (single[plain],)}
