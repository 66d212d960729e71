"""GeoJSON features taken hundreds at a time are what they are one at a time."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo_service.ingest.findings import FindingLog
from geo_service.ingest.limits import Limits
from geo_service.ingest.readers.alike import Alike, read_alike
from geo_service.ingest.readers.coordinates import build_alike, build_geometry
from geo_service.ingest.readers.geojson import Window

from .conftest import Upload, feature, square
from .test_geojson_lines import ODD, on_lines, on_one_line

RING: list[list[float]] = [[0, 0], [4, 0], [4, 4.5], [0, 0]]
HOLE: list[list[float]] = [[1, 1], [2, 1], [2, 2], [1, 1]]
KINDS: dict[str, list[Any]] = {
    "Point": [[1, 2], [3.5, 4]],
    "MultiPoint": [[[1, 2]], [[3.5, 4], [5, 6]]],
    "LineString": [RING, RING[:2]],
    "MultiLineString": [[RING, RING[:2]], [HOLE]],
    "Polygon": [[RING], [RING, HOLE, HOLE], [HOLE]],
    "MultiPolygon": [[[RING], [RING, HOLE]], [[HOLE]]],
}
WRONG: dict[str, tuple[str, Any]] = {
    "no list": ("Point", None),
    "nothing": ("Point", []),
    "one number": ("Point", [1]),
    "four numbers": ("Point", [1, 2, 3, 4]),
    "text": ("Point", ["1", 2]),
    "truth": ("Point", [True, 2]),
    "too deep": ("Point", [[1, 2]]),
    "not finite": ("Point", [float("inf"), 2]),
    "a number beyond all": ("Point", [10**400, 2]),
    "one position": ("LineString", [[1, 2]]),
    "an empty line": ("MultiLineString", [[]]),
    "an open ring": ("Polygon", [[*RING[:3], [9, 9]]]),
    "a short ring": ("Polygon", [RING[:2] + RING[:1]]),
    "an empty ring": ("Polygon", [RING, []]),
    "no rings": ("Polygon", []),
    "a hole that is open": ("MultiPolygon", [[RING, [*HOLE[:3], [9, 9]]]]),
    "an empty part": ("MultiPolygon", [[RING], []]),
    "not flat where the others are": ("Polygon", [[[x, y, 7] for x, y in RING]]),
    "an object": ("Polygon", [[{"x": 1}, *RING]]),
    "a kind unknown": ("Circle", [1, 2]),
    "a collection": ("GeometryCollection", []),
}


def one_by_one(kind: str, coordinates: Any) -> Any:
    return build_geometry({"type": kind, "coordinates": coordinates}, 1, FindingLog(10))


def is_identical(one: Any, other: Any) -> bool:
    return bool(shapely.to_wkb(one) == shapely.to_wkb(other))


@pytest.mark.parametrize("deep", [False, True], ids=["flat", "with heights"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_many_geometries_at_once_are_those_made_one_by_one(kind: str, deep: bool) -> None:
    listed = json.loads(json.dumps(KINDS[kind]))
    if deep:
        for position in positions(listed):
            position.append(7.5)
    made = build_alike(kind, listed)
    assert made is not None
    assert all(is_identical(a, one_by_one(kind, b)) for a, b in zip(made, listed, strict=True))


def positions(listed: list[Any]) -> list[list[Any]]:
    flat = [p for part in listed for p in ([part] if not isinstance(part[0], list) else positions(part))]
    return list({id(p): p for p in flat}.values())


@pytest.mark.parametrize(("kind", "coordinates"), WRONG.values(), ids=list(WRONG))
def test_one_geometry_that_needs_a_word_leaves_all_to_be_made_one_by_one(kind: str, coordinates: Any) -> None:
    assert build_alike(kind, [*KINDS.get(kind, []), coordinates]) is None


numbers: st.SearchStrategy[Any] = st.integers(-3, 3) | st.floats(-3, 3) | st.sampled_from([True, "1", None, 10**400])
flat = st.sampled_from([[0, 0], [1, 2.5], [4, 4]]) | st.lists(numbers, min_size=1, max_size=4)
closed = st.lists(flat, min_size=3, max_size=5).map(lambda ring: [*ring, ring[0]])
some_lists = st.recursive(flat | closed, lambda inner: st.lists(inner, max_size=3), max_leaves=8)


@given(st.sampled_from(list(KINDS)), st.lists(some_lists, min_size=1, max_size=3))
def test_coordinates_of_any_kind_are_never_taken_for_another_geometry(kind: str, coordinates: list[Any]) -> None:
    made = build_alike(kind, coordinates)
    if made is not None:
        assert all(is_identical(a, one_by_one(kind, b)) for a, b in zip(made, coordinates, strict=True))


def text_of(*features: dict[str, Any]) -> str:
    return ",\n".join(json.dumps(one, ensure_ascii=False) for one in features)


def test_features_alike_are_read_with_their_ids_texts_and_missing_geometries() -> None:
    one = feature(square(117.15, 39.1), name="甲：", n=1, is_open=True)
    other = feature(None, name="乙", n=None, is_open=False)
    found = read_alike(text_of({"id": 7, **one}, {"id": "8", **other}))
    assert found is not None
    assert found.count == 2
    assert {k: list(v) for k, v in found.columns.items()} == {
        "name": ["甲：", "乙"],
        "n": [1, None],
        "is_open": [True, False],
        "id": [7, "8"],
    }
    assert found.geometry[1] is None
    assert is_identical(found.geometry[0], shapely.geometry.shape(square(117.15, 39.1)))


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_an_odd_feature_is_left_to_the_reader_that_tells_of_it(odd: str) -> None:
    assert read_alike(f"{odd},\n{odd}") is None


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_stretch_of_lines_is_taken_at_once(end: str) -> None:
    lines = [json.dumps(feature(square(117.15, 39.1), name=str(n))) for n in range(300)]
    window = Window(io.BytesIO((f",{end}".join(lines) + f"{end}]").encode()), "utf-8", Limits())
    taken: list[Alike] = []

    def take(found: Alike) -> bool:
        taken.append(found)
        return True

    assert window.alike(take)
    assert taken[0].count == 299
    window.skip(",")
    assert window.value()["properties"]["name"] == "299"
    assert window.peek() == "]"


def test_bad_features_among_many_have_the_same_findings_in_either_layout(upload: Upload) -> None:
    written = []
    for n, (kind, coordinates) in enumerate(WRONG.values()):
        geometry = {"type": kind, "coordinates": coordinates}
        written += [json.dumps(feature(square(117.15 + n / 1e4, 39.1), name=f"甲{n}", n=n)) for n in range(12)]
        written.append(json.dumps(feature(geometry, name="乙", n=n)).replace("Infinity", "1e999"))
    answers = []
    for layout in (on_lines, on_one_line):
        found = upload(layout(written), "a.geojson")
        said = [(f.code, f.row, f.field, str(f.params)) for f in found.findings]
        answers.append((said, found.counts, found.tally, [c.properties for c in found.changes()]))
    assert answers[0] == answers[1]
    assert {row for _, row, *_ in answers[0][0]} >= {13, 26}


def test_a_field_that_comes_late_is_empty_before_it(upload: Upload) -> None:
    early = [json.dumps(feature(square(117.15 + n / 1e4, 39.1), name=f"甲{n}")) for n in range(150)]
    late = [json.dumps(feature(square(117.15 + n / 1e4, 39.2), name=f"乙{n}", n=n)) for n in range(150)]
    answers = []
    for written in (on_lines, on_one_line):
        found = upload(written([*early, *late]), "a.geojson")
        answers.append((found.counts, found.tally, [c.properties for c in found.changes()]))
    assert answers[0] == answers[1]
    assert answers[0][1].rows == 300
