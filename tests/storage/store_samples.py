"""Small layers for the store's tests."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self) -> None:
        self.time = datetime.datetime(2025, 3, 1, 8, 0, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        self.time += datetime.timedelta(seconds=1)
        return self.time


def definition(layer_id: str = "schools", **changes: Any) -> LayerDefinition:
    given: dict[str, Any] = {
        "id": layer_id,
        "title": Text("学校", "Schools"),
        "theme": "public",
        "geometry_types": ("Point",),
        "serial": "SCH",
        "symbol": "school",
        "source": "南开区教育局",
        "fields": (Field(key="pupils", title=Text("学生数", "Pupils"), type="integer", minimum=0),),
    }
    return LayerDefinition(**given | changes)


def point(number: int, *, lon: float = 117.15, lat: float = 39.1, **properties: Any) -> Feature:
    values = {"name": f"学校 {number}", "precision": "surveyed", "source": "实测"} | properties
    return Feature(f"NK-SCH-{number:03d}", values, {"type": "Point", "coordinates": [lon, lat]})


def unlocated(number: int) -> Feature:
    values = {"name": f"学校 {number}", "precision": "unlocated", "source": "计划"}
    return Feature(f"NK-SCH-{number:03d}", values, None)


def square(number: int, west: float, south: float, size: float) -> Feature:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    values = {"name": f"地块 {number}", "precision": "parcel", "source": "图"}
    return Feature(f"NK-SCH-{number:03d}", values, {"type": "Polygon", "coordinates": [ring]})


def triangle(number: int, west: float, south: float, size: float) -> Feature:
    """The lower left half of a square."""
    ring = [[west, south], [west + size, south], [west, south + size], [west, south]]
    values = {"name": f"地块 {number}", "precision": "parcel", "source": "图"}
    return Feature(f"NK-SCH-{number:03d}", values, {"type": "Polygon", "coordinates": [ring]})


def ids(features: Sequence[Feature]) -> list[str]:
    return [f.id for f in features]
