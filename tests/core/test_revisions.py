"""Laws of comparing two states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.features import Feature
from geo_service.core.revisions import compare

ids = st.integers(0, 12).map(lambda i: f"NK-TST-{i:03}")
features = st.builds(Feature, ids, st.fixed_dictionaries({"n": st.integers(0, 3) | st.none()}), st.none())
states = st.lists(features, unique_by=lambda f: f.id)


@given(states)
def test_nothing_happened_between_a_state_and_itself(state: list[Feature]) -> None:
    assert compare(state, state) == ()


@given(states, states)
def test_applying_the_changes_leads_there(before: list[Feature], after: list[Feature]) -> None:
    state = {f.id: f for f in before}
    for change in compare(before, after):
        if change.after is None:
            del state[change.fid]
        else:
            state[change.fid] = change.after
    wanted = {f.id: f.properties["n"] for f in after}
    assert {fid: f.properties["n"] for fid, f in state.items()} == wanted


@given(states, states)
def test_the_way_back_has_the_same_features_with_sides_exchanged(before: list[Feature], after: list[Feature]) -> None:
    there, back = compare(before, after), compare(after, before)
    assert [(c.fid, c.before, c.after) for c in there] == [(c.fid, c.after, c.before) for c in back]


def test_a_missing_value_equals_none() -> None:
    assert compare([Feature("NK-TST-001", {}, None)], [Feature("NK-TST-001", {"n": None}, None)]) == ()
