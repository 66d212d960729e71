"""Laws of the three-way merge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.features import Feature
from geo_service.core.merge import Merge, merge_feature, resolve

FID = "NK-TST-001"
points = st.sampled_from([None, *({"type": "Point", "coordinates": [x, 39.1]} for x in (117.1, 117.2, 117.3))])
features = st.builds(
    lambda p, g: Feature(FID, p, g), st.fixed_dictionaries({k: st.integers(0, 2) for k in "abc"}), points
)
states = st.none() | features


@given(states, states)
def test_one_side_alone_wins(base: Feature | None, changed: Feature | None) -> None:
    assert merge_feature(base, changed, base) == Merge(changed)
    assert merge_feature(base, base, changed) == Merge(changed)
    assert merge_feature(base, changed, changed) == Merge(changed)


@given(states, states, states)
def test_the_order_of_sides_matters_only_where_they_clash(
    base: Feature | None, a: Feature | None, b: Feature | None
) -> None:
    there, back = merge_feature(base, a, b), merge_feature(base, b, a)
    assert [c.field for c in there.clashes] == [c.field for c in back.clashes]
    if not there.clashes:
        assert there == back


@given(features, features, features)
def test_each_field_comes_from_a_side_that_changed_it(base: Feature, a: Feature, b: Feature) -> None:
    merged = merge_feature(base, a, b).feature
    assert merged is not None
    for key in "abc":
        sides = {a.properties[key], b.properties[key]}
        assert merged.properties[key] in sides
        if base.properties[key] not in sides:
            assert merged.properties[key] != base.properties[key]


@given(states, states, states)
def test_choosing_mine_everywhere_gives_mine_where_sides_clash(
    base: Feature | None, theirs: Feature | None, mine: Feature | None
) -> None:
    merge = merge_feature(base, theirs, mine)
    chosen = resolve(merge, mine, {c.field: "mine" for c in merge.clashes})
    assert merge_feature(chosen, chosen, chosen).clashes == ()
    for clash in merge.clashes:
        if clash.field == "existence":
            assert chosen == mine
        elif chosen is not None:
            value = chosen.geometry if clash.field == "geometry" else chosen.properties[clash.field]
            assert value == clash.mine
    assert resolve(merge, mine, {}) == merge.feature


def test_two_editors_of_different_fields_both_survive() -> None:
    base = Feature(FID, {"name": "甲", "area": 1}, None)
    merged = merge_feature(
        base, Feature(FID, {"name": "乙", "area": 1}, None), Feature(FID, {"name": "甲", "area": 2}, None)
    )
    assert merged == Merge(Feature(FID, {"name": "乙", "area": 2}, None))


def test_deleting_what_another_changed_needs_a_decision() -> None:
    base, changed = Feature(FID, {"name": "甲"}, None), Feature(FID, {"name": "乙"}, None)
    merge = merge_feature(base, changed, None)
    assert [c.field for c in merge.clashes] == ["existence"]
    assert resolve(merge, None, {"existence": "mine"}) is None
    assert resolve(merge, None, {"existence": "theirs"}) == changed
