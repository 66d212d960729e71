"""Laws of history, over random sequences of commits."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line
from geo_service.core.revisions import Change, Revision
from geo_service.storage.store import LayerStore
from tests.storage.store_samples import definition, point, unlocated

State = dict[str, Feature]
Edit = Mapping[str, Feature | None]

laws = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.integers(1, 6)
versions = st.one_of(
    st.none(),
    st.integers(0, 3).map(lambda pupils: ("point", pupils)),
    st.just(("unlocated", 0)),
)
edits = st.lists(st.dictionaries(numbers, versions, max_size=4), max_size=7)
counter = itertools.count()


def feature(number: int, version: tuple[str, int] | None) -> Feature | None:
    if version is None:
        return None
    kind, pupils = version
    return (
        unlocated(number) if kind == "unlocated" else point(number, pupils=pupils, lon=round(117.1 + pupils / 100, 7))
    )


def as_edits(drawn: Sequence[Mapping[int, tuple[str, int] | None]]) -> list[Edit]:
    return [{point(n).id: feature(n, version) for n, version in edit.items()} for edit in drawn]


def replay(state: State, edit: Edit) -> State:
    kept = {fid: f for fid, f in state.items() if fid not in edit}
    return kept | {fid: f for fid, f in edit.items() if f is not None}


def applied(state: State, changes: Sequence[Change]) -> State:
    return replay(state, {c.fid: c.after for c in changes})


def commit(store: LayerStore, layer_id: str, edit: Edit) -> Revision:
    base = store.layer(layer_id).revision.rev
    return store.commit(layer_id, edit, base=base, kind="edit", author="a", note="")


def played(store: LayerStore, history: Sequence[Edit]) -> tuple[str, list[State]]:
    """A new layer with this history, and what each of its revisions must hold."""
    layer_id = f"layer_{next(counter)}"
    store.create_layer(definition(layer_id), [point(1), unlocated(2)], author="a", note="")
    states: list[State] = [{}, {f.id: f for f in (point(1), unlocated(2))}]
    for edit in history:
        after = replay(states[-1], edit)
        revision = commit(store, layer_id, edit)
        assert revision.rev == len(states) - (after == states[-1])
        if after != states[-1]:
            states.append(after)
    return layer_id, states


def read(store: LayerStore, layer_id: str, rev: int | None = None) -> State:
    return {f.id: f for f in store.snapshot(layer_id, rev).features}


@laws
@given(edits)
def test_every_revision_reads_as_the_replay_of_its_commits(store: LayerStore, drawn: list[dict[int, object]]) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    for rev, state in enumerate(states[1:], start=1):
        assert read(store, layer_id, rev) == state
        lines = list(store.lines(layer_id, rev))
        assert lines == [dump_line(f) for _, f in sorted(state.items())]
        assert all(store.feature(layer_id, fid, rev) == f for fid, f in state.items())
    assert store.layer(layer_id).count == len(states[-1])


@laws
@given(edits)
def test_the_counts_of_revisions_add_up(store: LayerStore, drawn: list[dict[int, object]]) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    for rev in range(1, len(states)):
        revision, before, after = store.revision(layer_id, rev), states[rev - 1], states[rev]
        assert revision.added == len(after.keys() - before.keys())
        assert revision.deleted == len(before.keys() - after.keys())
        assert revision.modified == sum(before[fid] != after[fid] for fid in before.keys() & after.keys())


@laws
@given(edits, st.data())
def test_a_difference_leads_from_one_revision_to_the_other(
    store: LayerStore, drawn: list[dict[int, object]], data: st.DataObject
) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    revs = st.integers(1, len(states) - 1)
    a, b, c = data.draw(revs), data.draw(revs), data.draw(revs)
    forth, back = store.difference(layer_id, a, b), store.difference(layer_id, b, a)
    assert applied(states[a], forth) == states[b]
    assert [(x.fid, x.before, x.after) for x in back] == [(x.fid, x.after, x.before) for x in forth]
    assert store.difference(layer_id, a, a) == ()
    assert applied(applied(states[a], forth), store.difference(layer_id, b, c)) == states[c]


@laws
@given(edits)
def test_an_undo_of_an_undo_is_what_was(store: LayerStore, drawn: list[dict[int, object]]) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    if len(states) < 3:
        return
    for expected in (states[-2], states[-1]):
        head = store.layer(layer_id).revision.rev
        changes = store.difference(layer_id, head - 1, head)
        undone = commit(store, layer_id, {c.fid: c.before for c in changes})
        assert undone.rev == head + 1
        assert read(store, layer_id) == expected


@laws
@given(edits)
def test_the_hash_of_every_revision_is_that_of_its_published_bytes(
    store: LayerStore, drawn: list[dict[int, object]]
) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    for rev in range(1, len(states)):
        data = b"".join(store.published_chunks(layer_id, rev))
        assert hashlib.sha256(data).hexdigest() == store.revision(layer_id, rev).sha256
    assert store.published_path(layer_id).read_bytes() == data


@laws
@given(edits)
def test_the_same_rows_are_the_same_bytes_whatever_their_history(
    store: LayerStore, drawn: list[dict[int, object]]
) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    straight = f"layer_{next(counter)}"
    store.create_layer(definition(straight), reversed(states[-1].values()), author="a", note="")
    assert list(store.lines(straight)) == list(store.lines(layer_id))


@laws
@given(edits)
def test_a_feature_history_names_exactly_the_revisions_that_changed_it(
    store: LayerStore, drawn: list[dict[int, object]]
) -> None:
    layer_id, states = played(store, as_edits(drawn))  # type: ignore[arg-type]  # drawn from ``versions``
    for fid in {fid for state in states for fid in state}:
        expected = [r for r in range(len(states) - 1, 0, -1) if states[r].get(fid) != states[r - 1].get(fid)]
        assert [r.rev for r in store.feature_history(layer_id, fid)] == expected


@pytest.mark.parametrize("count", [1, 1999, 2000, 2001, 4000])
def test_lines_are_whole_whatever_the_chunk(store: LayerStore, count: int) -> None:
    features = [Feature(f"NK-SCH-{n:05d}", {"name": "x"}, None) for n in range(count)]
    store.create_layer(definition(), features, author="a", note="")
    assert list(store.lines("schools")) == [dump_line(f) for f in features]


def test_a_stream_begun_before_a_commit_reads_its_own_revision_to_the_end(store: LayerStore) -> None:
    features = [Feature(f"NK-SCH-{n:05d}", {"name": "x"}, None) for n in range(2500)]
    store.create_layer(definition(), features, author="a", note="")
    lines = store.lines("schools")
    first = next(lines)
    commit(store, "schools", {"NK-SCH-02400": None, "NK-SCH-02401": Feature("NK-SCH-02401", {"name": "y"}, None)})
    assert [first, *lines] == [dump_line(f) for f in features]
