"""Derived attributes follow the geometry."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import box

from geo_service.core import crs
from geo_service.core.derived import Area, with_derived
from geo_service.core.features import Feature, geometry_of
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text

AREAS = (Area("西", box(117.0, 39.0, 117.1, 39.2)), Area("东", box(117.1, 39.0, 117.2, 39.2)))
HECTARE = geometry_of(crs.project(box(510_000, 4_330_000, 510_100, 4_330_100), source=4548, target=4490))
LAYER = LayerDefinition(
    id="sites",
    title=Text("地块", "Sites"),
    theme="economy",
    geometry_types=("Polygon", "Point"),
    serial="SIT",
    symbol="carrier",
    source="test",
    fields=(Field(key="area_m2", title=Text("面积", "Area"), type="number", derived=True),),
)


def derive(geometry: Any, **properties: Any) -> dict[str, Any]:
    return dict(with_derived(LAYER, Feature("NK-SIT-001", properties, geometry), AREAS).properties)


def test_area_and_subdistrict_are_worked_out_whatever_was_typed_in() -> None:
    assert derive(HECTARE, area_m2=5, subdistrict="西") == {"area_m2": 10_000, "subdistrict": "东"}


@pytest.mark.parametrize(("x", "name"), [(117.05, "西"), (117.15, "东"), (117.5, None)])
def test_a_point_lies_in_one_area_or_none(x: float, name: str | None) -> None:
    assert derive({"type": "Point", "coordinates": [x, 39.1]}, subdistrict="?")["subdistrict"] == name


def test_an_unlocated_feature_has_nothing_derived() -> None:
    assert derive(None, area_m2=5, subdistrict="西") == {"area_m2": None, "subdistrict": None}
    assert derive(None) == {}
