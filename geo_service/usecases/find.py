"""The features that fit a question, each tested by itself: for layers that are held in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import shapely
from shapely.geometry import box

from geo_service.core.cql import compile_filter, compile_json
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox, FeaturePage, Query, sort_key
from geo_service.errors import UnknownField
from geo_service.usecases.large import Asked, Condition, has_text


def predicate_of(condition: Condition) -> Callable[[Feature], bool]:
    """A condition as a test of one feature."""
    if isinstance(condition, Asked):
        return compile_json(condition.tree, condition.definition, crs=condition.crs)
    return condition


def find_features(
    definition: LayerDefinition,
    features: Sequence[Feature],
    query: Query,
    conditions: Sequence[Condition] = (),
) -> FeaturePage:
    """The page of features that fit a query, in its order (by id where it asks for none).

    Raises
    ------
    InvalidFilter, UnknownField
        The filter does not parse, or names or sorts by a field the layer has not.
    """
    found: Sequence[Feature] = features
    for keep in map(predicate_of, conditions):
        found = [f for f in found if keep(f)]
    if query.filter:
        keep = compile_filter(query.filter, definition)
        found = [f for f in found if keep(f)]
    if query.text:
        needle = query.text.casefold()
        found = [f for f in found if has_text(f, needle)]
    if query.bbox:
        found = _meeting(found, query.bbox)
    for key in reversed(query.sort):
        found = _sorted(definition, found, key)
    return FeaturePage(found[query.offset : query.offset + query.limit], len(found), query.offset)


def _meeting(features: Sequence[Feature], bbox: Bbox) -> list[Feature]:
    located = [f for f in features if f.geometry]
    if not located:
        return []
    hits = shapely.intersects(box(*bbox), [f.shape() for f in located])
    return [f for f, hit in zip(located, hits, strict=True) if hit]


def _sorted(definition: LayerDefinition, features: Sequence[Feature], key: str) -> list[Feature]:
    name = key.removeprefix("-")
    if name == "id":
        return sorted(features, key=lambda f: f.id, reverse=key.startswith("-"))
    if definition.field(name) is None:
        raise UnknownField(layer=definition.id, field=name, known=", ".join(f.key for f in definition.all_fields))
    present = [f for f in features if f.properties.get(name) not in (None, "")]
    missing = [f for f in features if f.properties.get(name) in (None, "")]
    return sorted(present, key=lambda f: sort_key(f.properties[name]), reverse=key.startswith("-")) + missing
