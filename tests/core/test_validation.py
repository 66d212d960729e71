"""Findings name the row, the feature, the field and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.core.validation import FINDINGS, Finding, check_features

SQUARE = {"type": "Polygon", "coordinates": [[[117.1, 39.1], [117.11, 39.1], [117.11, 39.11], [117.1, 39.1]]]}
BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
LAYER = LayerDefinition(
    id="zones",
    title=Text("片区", "Zones"),
    theme="resilience",
    geometry_types=("Polygon",),
    serial="ZON",
    symbol="waterlogging_zone",
    source="test",
    fields=(
        Field(key="area_m2", title=Text("面积", "Area"), type="number", minimum=0, maximum=1e6),
        Field(key="floors", title=Text("层数", "Floors"), type="integer"),
        Field(key="opened", title=Text("开放", "Opened"), type="date"),
        Field(key="level", title=Text("等级", "Level"), type="code", codes=(Code("a", Text("甲", "A")),)),
        Field(key="open", title=Text("开放", "Open"), type="boolean"),
    ),
)


def feature(fid: str = "NK-ZON-001", geometry: Any = SQUARE, **properties: Any) -> Feature:
    return Feature(fid, {"name": "甲", "precision": "guess", "source": "测试"} | properties, geometry)


def codes(*features: Feature) -> list[str]:
    return [f.code for f in check_features(LAYER, enumerate(features, start=3))]


def test_a_good_feature_has_no_findings() -> None:
    assert codes(feature(area_m2=3.5, floors=2, opened="2025-01-31", level="a", open=True)) == []


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"depth": 3}, "field-unknown"),
        ({"name": ""}, "field-required"),
        ({"area_m2": "3"}, "field-type"),
        ({"area_m2": float("nan")}, "field-type"),
        ({"area_m2": True}, "field-type"),
        ({"area_m2": -1}, "field-range"),
        ({"floors": 2.5}, "field-type"),
        ({"opened": "2025-02-30"}, "field-type"),
        ({"level": "b"}, "field-code"),
        ({"open": "yes"}, "field-type"),
        ({"status": "half"}, "field-code"),
    ],
)
def test_each_wrong_value_is_found(properties: dict[str, Any], code: str) -> None:
    assert codes(feature(**properties)) == [code]


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "geometry-type"),
        (BOW_TIE, "geometry-invalid"),
        ({"type": "Polygon", "coordinates": [[["a", 1]]]}, "geometry-malformed"),
        (None, "geometry-missing"),
    ],
)
def test_each_wrong_geometry_is_found(geometry: Any, code: str) -> None:
    assert codes(feature(geometry=geometry)) == [code]


def test_a_repeated_id_names_both_lines() -> None:
    (finding,) = check_features(LAYER, [(3, feature()), (9, feature())])
    assert (finding.code, finding.row, finding.params["first"]) == ("id-duplicate", 9, 3)
    assert finding.sentence("zh").startswith("第 9 行")
    assert "line 3" in finding.sentence("en")


def test_a_foreign_id_is_refused_with_the_form_it_should_have() -> None:
    (finding,) = check_features(LAYER, [(1, feature("17"))])
    assert "NK-ZON-001" in finding.sentence("zh")


def test_every_finding_has_a_sentence_in_both_languages() -> None:
    for code, (level, text) in FINDINGS.items():
        assert level in ("block", "acknowledge", "warn", "fixed"), code
        assert text.zh
        assert text.en
        assert code == code.lower()


def test_a_finding_says_where_before_what() -> None:
    finding = Finding(code="field-required", row=17, fid="NK-JSD-017", name="长虹街积水点", field="source")
    assert finding.sentence("zh") == "第 17 行「长虹街积水点」(NK-JSD-017)：必填字段「source」为空；请补填"
