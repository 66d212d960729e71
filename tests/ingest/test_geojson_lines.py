"""A GeoJSON file says the same whether every feature stands on a line of its own or not."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_service.ingest.examine import conclude, submit
from geo_service.ingest.jail import Jail
from geo_service.ingest.limits import MEBIBYTE, Limits
from geo_service.ingest.readers.geojson import Window

from .conftest import Upload, feature, square

ODD = {
    "a key given twice": '{"type":"Feature","properties":{"name":"一","name":"二"},"geometry":null}',
    "a key given twice, spaces before the colon": (
        '{"type" :"Feature","properties":{"name":"一","name" :"二"},"geometry":null}'
    ),
    "a key within a list given twice": '{"type":"Feature","properties":{"x":[[{"a":1,"a":2}]]},"geometry":null}',
    "no number": '{"type":"Feature","properties":{"name":NaN},"geometry":null}',
    "half a character": '{"type":"Feature","properties":{"name":"\\ud800"},"geometry":null}',
    "an object among the coordinates": (
        '{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[{"x":1,"x":2}]}}'
    ),
    "a quotation mark before a colon": '{"type":"Feature","properties":{"name":"说\\":好"},"geometry":null}',
    "lists within lists, deeper than they are counted": (
        '{"type":"Feature","properties":{"x":' + "[" * 700 + "]" * 700 + '},"geometry":null}'
    ),
    "a number beyond all": '{"type":"Feature","properties":{"name":1e999},"geometry":null}',
}


def on_lines(features: list[str]) -> str:
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"


def on_one_line(features: list[str]) -> str:
    return '{"type":"FeatureCollection","features":[' + ",".join(features) + "]}"


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_what_is_odd_is_found_in_either_layout(odd: str, upload: Upload) -> None:
    plain = json.dumps(feature(square(117.15, 39.1), name="甲"), ensure_ascii=False)
    answers = []
    for written in (on_lines, on_one_line):
        found = upload(written([plain, odd, plain]), "a.geojson")
        said = [(f.code, f.row, f.field, str(f.params)) for f in found.findings]
        answers.append((said, found.counts, found.tally, [c.properties for c in found.changes()]))
    assert answers[0] == answers[1]
    assert answers[0][2].rows >= 2


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    )
)
def test_a_line_is_decoded_as_json_decodes_it(value: Any) -> None:
    text = json.dumps({"properties": value}, ensure_ascii=False)
    window = Window(io.BytesIO(f"{text},\n".encode()), "utf-8", Limits())
    found = window.value()
    assert repr(found) == repr(json.loads(text))
    assert window.peek() == ","
    assert not window.notes


def test_a_large_file_has_more_time_and_more_room_and_a_small_one_has_not() -> None:
    limits = Limits()
    assert limits.for_upload(3 * MEBIBYTE) == limits
    large = limits.for_upload(200 * MEBIBYTE)
    assert large.cpu_s == limits.cpu_s + 190
    assert large.wall_s > large.cpu_s
    assert large.file_bytes == limits.file_bytes + 380 * MEBIBYTE
    assert large.memory_bytes == limits.memory_bytes


def test_a_packed_file_has_the_room_of_what_it_holds() -> None:
    limits = Limits()
    packed = limits.for_upload(30 * MEBIBYTE, packed=True)
    assert packed == limits.for_upload(210 * MEBIBYTE)
    assert packed.file_bytes > 320_000_000
    assert limits.for_upload(MEBIBYTE, packed=True) == limits


def test_a_zip_is_examined_within_the_limits_of_a_packed_file(jail: Jail, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as out:
        out.write(b"PK\x03\x04")
        out.truncate(5 * MEBIBYTE)
    job = submit(path, "a.zip", jail=jail, definition=None)
    assert job.start.limits == jail.limits.for_upload(5 * MEBIBYTE, packed=True)
    assert job.start.limits != jail.limits
    assert conclude(job, "a.zip").counts
