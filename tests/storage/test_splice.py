"""A published file spliced from the one before it is, byte for byte, the one written whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo_service.core.geojson import dump_collection
from geo_service.storage.rows import stored
from geo_service.storage.splice import spliced
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, point

IDS = st.integers(1, 40)


def line(number: int, name: str) -> str:
    return stored(point(number, lon=117.1 + number / 1000, name=name)).line


def fid(number: int) -> str:
    return point(number).id


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.sets(IDS),
    changes=st.dictionaries(IDS, st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5)), max_size=9),
)
def test_spliced_bytes_are_those_of_the_whole_file(
    tmp_path: Path, before: set[int], changes: dict[int, str | None]
) -> None:
    lines = {fid(n): line(n, "旧") for n in before}
    path = tmp_path / "old.geojson"
    path.write_bytes(b"".join(dump_collection("schools", 1, [lines[k] for k in sorted(lines)])))
    new = {fid(n): None if name is None else line(n, name) for n, name in changes.items()}
    merged = {k: v for k, v in {**lines, **new}.items() if v is not None}
    wanted = b"".join(dump_collection("schools", 2, [merged[k] for k in sorted(merged)]))
    assert b"".join(spliced(path, "schools", 2, new)) == wanted


def test_a_file_that_changes_meanwhile_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "old.geojson"
    path.write_bytes(b"".join(dump_collection("schools", 1, [line(1, "a"), line(2, "b")])))
    chunks = spliced(path, "schools", 2, {fid(1): None})
    next(chunks)
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(OSError, match="changed while"):
        list(chunks)


def test_an_edited_large_layer_is_published_like_any_other(store: LayerStore) -> None:
    """3 200 features are published by splicing; the hash is that of the file written whole."""
    store.create_layer(definition(), [point(n) for n in range(1, 3201)], author="a", note="")
    store.flush()
    first = store.published_path("schools").read_bytes()
    store.commit(
        "schools",
        {fid(7): None, fid(8): point(8, name="新"), fid(9001): point(9001)},
        base=1,
        kind="edit",
        author="a",
        note="",
    )
    store.flush()
    data = store.published_path("schools").read_bytes()
    assert data == b"".join(store.published_chunks("schools", 2)) != first
    assert store.revision("schools", 2).sha256 == store.sha256("schools", 2)
    assert store.exports.untouched("schools").rev == 2  # type: ignore[union-attr]  # it was published
