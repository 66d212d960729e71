"""CQL2 filters on features: SQL's three-valued logic, Chinese names, positions of mistakes."""

from __future__ import annotations

import pytest

from geo_service.core.cql import compile_filter, text_equality
from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.errors import InvalidFilter, UnknownField

LAYER = LayerDefinition(
    id="zones",
    title=Text("片区", "Zones"),
    theme="resilience",
    geometry_types=("Polygon",),
    serial="ZON",
    symbol="waterlogging_zone",
    source="test",
    fields=(
        Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²"),
        Field(key="opened", title=Text("开放日期", "Opened"), type="date"),
    ),
)
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
FEATURE = Feature("NK-ZON-001", {"name": "汾水道", "area_m2": 300, "opened": "2025-03-01", "status": None}, SQUARE)


def keeps(text: str) -> bool:
    return compile_filter(text, LAYER)(FEATURE)


@pytest.mark.parametrize(
    "text",
    [
        "area_m2 > 200",
        "面积 > 200",
        "((面积 > 200)) AND (((名称 = '汾水道') AND (面积 < 500)))",
        "name LIKE '%水%'",
        "name LIKE '汾_道'",
        "NOT name LIKE '海%'",
        "area_m2 BETWEEN 300 AND 300",
        "area_m2 IN (1, 300)",
        "status IS NULL",
        "id = 'NK-ZON-001'",
        "area_m2 / 3 = 100 AND 2 * area_m2 - 1 > 598",
        "opened > DATE('2025-02-28')",
        "T_BEFORE(opened, DATE('2026-01-01'))",
        "S_INTERSECTS(geometry, POINT(1 1))",
        "S_WITHIN(geometry, BBOX(-1, -1, 3, 3))",
        "casei(name) = casei('汾水道')",
        "area_m2 <> 5 OR status = 'done'",
    ],
)
def test_a_true_filter_keeps_the_feature(text: str) -> None:
    assert keeps(text)


@pytest.mark.parametrize(
    "text",
    [
        "status = 'done'",
        "NOT status = 'done'",  # unknown stays unknown
        "status <> 'done'",
        "area_m2 = '300'",
        "area_m2 / 0 > 1",
        "S_DISJOINT(geometry, POINT(1 1))",
        "name LIKE '%%%%%%%%%%%%x'",
    ],
)
def test_a_false_or_unknown_filter_leaves_the_feature_out(text: str) -> None:
    assert not keeps(text)


@pytest.mark.parametrize(("text", "position"), [("area_m2 >", 10), ("name = '", 8), ("", 1), ("area_m2 = 1 and", 16)])
def test_a_mistake_is_named_by_its_position(text: str, position: int) -> None:
    with pytest.raises(InvalidFilter) as caught:
        keeps(text)
    assert caught.value.params["position"] == position


def test_an_unknown_field_is_named_with_the_fields_there_are() -> None:
    with pytest.raises(UnknownField, match="depth_cm") as caught:
        keeps("depth_cm > 3")
    assert "area_m2" in caught.value.sentence("zh")


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "1=1", "(" * 90 + "area_m2=1" + ")" * 90, "foo(area_m2) = 1", "not " * 400 + "true"]
)
def test_deep_or_unknown_expressions_are_refused_without_harm(text: str) -> None:
    with pytest.raises(InvalidFilter):
        keeps(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("名称 = '汾水道'", ("name", "汾水道")),
        ("(area_m2 > 5) AND name = 'x'", ("name", "x")),
        ("area_m2 = 5", None),
        ("name = 'x' OR area_m2 > 5", None),
        ("NOT name = 'x'", None),
        ("id = 'x'", None),
    ],
)
def test_only_what_every_answer_must_equal_is_left_to_an_index(text: str, found: tuple[str, str] | None) -> None:
    assert text_equality(text, LAYER) == found
