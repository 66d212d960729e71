"""Canonical lines: the same feature gives the same bytes, and reads back."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from geo_service.core.features import Feature, geometry_of, round_coordinates, to_frame
from geo_service.core.geojson import canonical_text, dump_collection, dump_line, geometry_texts, load_line

longitudes = st.floats(117, 117.3).map(lambda v: round(v, 7))
latitudes = st.floats(39, 39.2).map(lambda v: round(v, 7))
points = st.tuples(longitudes, latitudes).map(lambda p: {"type": "Point", "coordinates": list(p)})
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
features = st.builds(
    Feature,
    st.from_regex(r"NK-[A-Z]{3}-\d{3}", fullmatch=True),
    st.dictionaries(st.text(min_size=1), values),
    st.none() | points,
)


@given(features)
def test_a_feature_comes_back_from_its_line(feature: Feature) -> None:
    if not any("\ud800" <= c <= "\udfff" for c in json.dumps(dict(feature.properties), ensure_ascii=False)):
        assert load_line(dump_line(feature)) == feature


@given(features)
def test_a_line_does_not_depend_on_the_order_of_keys(feature: Feature) -> None:
    turned = Feature(feature.id, dict(reversed(list(feature.properties.items()))), feature.geometry)
    assert dump_line(turned) == dump_line(feature)


numbers = (
    st.floats(-200, 200, allow_nan=False) | st.floats(-200, 200).map(lambda v: round(v, 7)) | st.integers(-200, 200)
)
positions = st.lists(numbers, min_size=2, max_size=3)
geometries = st.one_of(
    st.builds(lambda c: {"type": "Point", "coordinates": c}, positions),
    st.builds(lambda c: {"coordinates": c, "type": "LineString"}, st.lists(positions, min_size=2, max_size=5)),
    st.builds(lambda c: {"type": "Polygon", "coordinates": [c]}, st.lists(positions, min_size=3, max_size=5)),
)


def by_json(feature: Feature) -> str:
    """The canonical line by the standard library alone."""
    body = {"id": feature.id, "properties": dict(feature.properties), "type": "Feature", "geometry": None}
    if feature.geometry:
        coordinates = round_coordinates(feature.geometry["coordinates"])
        body["geometry"] = {"type": feature.geometry["type"], "coordinates": coordinates}
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(st.builds(Feature, st.text(min_size=1), st.dictionaries(st.text(), values), st.none() | geometries))
@example(Feature("0", {"x": 0.00006103515625, "y": 0.0001, "z": 1e-5, "a": 1e15, "b": 1e16, "c": -0.00005}, None))
def test_the_quick_encoder_writes_what_json_writes(feature: Feature) -> None:
    assert dump_line(feature) == by_json(feature)


@given(geometries)
def test_canonical_text_is_told_at_a_glance_in_either_order_of_keys(geometry: dict[str, Any]) -> None:
    found = canonical_text(json.dumps(geometry, separators=(",", ":")).encode())
    rounded = {"coordinates": round_coordinates(geometry["coordinates"]), "type": geometry["type"]}
    assert found in (None, json.dumps(rounded, separators=(",", ":")))


@pytest.mark.parametrize(
    ("coordinates", "plain"),
    [
        ("[117.1,39.0]", True),
        ("[117.1234567,-39.25]", True),
        ("[117.10,39.2]", False),
        ("[117.12345678,39.2]", False),
        ("[117,39.2]", False),
        ("[0.5,39.2]", False),
        ("[117.1, 39.2]", False),
        ("[1e2,39.2]", False),
    ],
)
def test_only_numbers_as_they_are_kept_are_taken_for_canonical(coordinates: str, plain: bool) -> None:
    assert (canonical_text(f'{{"type":"Point","coordinates":{coordinates}}}'.encode()) is not None) is plain


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump_line(Feature("NK-TST-001", {"size": value}, None))
    with pytest.raises(ValueError, match="JSON"):
        dump_line(Feature("NK-TST-001", {}, {"type": "Point", "coordinates": [value, 39.1]}))


def test_coordinates_are_written_with_seven_decimals_at_most() -> None:
    feature = Feature("NK-TST-001", {}, {"type": "Point", "coordinates": (117.123456789, 39.1)})
    assert '"coordinates":[117.1234568,39.1]' in dump_line(feature)


def test_a_collection_is_valid_geojson_with_one_feature_a_line() -> None:
    lines = [dump_line(Feature(f"NK-TST-{i:03}", {"name": "积水"}, None)) for i in range(3)]
    text = b"".join(dump_collection("zones", 7, iter(lines))).decode()
    body: dict[str, Any] = json.loads(text)
    assert [f["id"] for f in body["features"]] == ["NK-TST-000", "NK-TST-001", "NK-TST-002"]
    assert body["geo_service"] == {"layer": "zones", "rev": 7}
    assert text.count("\n") == 5
    assert json.loads(b"".join(dump_collection("none", 1, iter(()))))["features"] == []


def test_a_frame_keeps_unlocated_features_as_missing_geometry() -> None:
    located = Feature("NK-TST-001", {"name": "甲"}, {"type": "Point", "coordinates": [117.1, 39.1]})
    frame = to_frame([located, Feature("NK-TST-002", {"name": "乙"}, None)])
    assert frame.crs.to_epsg() == 4490
    assert list(frame.index) == ["NK-TST-001", "NK-TST-002"]
    assert geometry_of(frame.geometry.iloc[0]) == located.geometry
    assert frame.geometry.isna().tolist() == [False, True]


RING = [(117.1, 39.1), (117.2, 39.1), (117.2, 39.2), (117.1, 39.1)]
HOLE = [(117.15, 39.11), (117.16, 39.11), (117.16, 39.12), (117.15, 39.11)]
SHAPES = [
    shapely.Point(117.1234567, 39.0),
    shapely.Point(0.0000001, -0.0),
    shapely.LineString([(117.1, 39.1), (117.2, 39.25)]),
    None,
    shapely.Polygon(RING),
    shapely.Polygon(RING, [HOLE]),
    shapely.Polygon(),
    shapely.MultiPolygon([shapely.Polygon(RING), shapely.Polygon(HOLE)]),
    shapely.MultiPoint([(117, 39), (118, 40)]),
    shapely.LineString(RING),
    shapely.GeometryCollection([shapely.Point(1, 2)]),
    shapely.Polygon(HOLE),
    shapely.Point(117.5, 39.5),
]


def test_geometries_written_together_are_each_its_own() -> None:
    texts = geometry_texts(numpy.array(SHAPES, dtype=object))
    assert len(texts) == len(SHAPES)
    for shape, text in zip(SHAPES, texts, strict=True):
        if shape is None:
            assert text is None
            continue
        assert text is not None
        assert shapely.from_geojson(text).equals_exact(shape, 0)
        assert json.loads(text) == json.loads(shapely.to_geojson(shape))
    assert geometry_texts(numpy.array([], dtype=object)) == []


def test_single_geometries_are_written_canonically() -> None:
    for text in geometry_texts(numpy.array([SHAPES[0], SHAPES[2], SHAPES[5]], dtype=object)):
        assert text is not None
        assert canonical_text(text.encode()) == text
