"""What is counted of a revision: for the layer tree, the legend and how complete the fields are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox
from geo_service.rendering import symbols
from geo_service.usecases.large import LargeRevision


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one revision: by precision class, by symbol class, filled values per field; bbox of what is located."""

    count: int
    precisions: Mapping[str, int]
    classes: Mapping[str, int]
    filled: Mapping[str, int]
    bbox: Bbox | None
    prepared: bool = True

    @classmethod
    def before_it_is_prepared(cls, count: int) -> Summary:
        """All that is known of a revision of so many features before its columns are built."""
        return cls(count=count, precisions={}, classes={}, filled={}, bbox=None, prepared=False)

    @property
    def located(self) -> int:
        """Features with a geometry."""
        return self.count - self.precisions.get("unlocated", 0)

    @property
    def illustrative(self) -> int:
        """Features whose geometry is only illustrative."""
        return self.precisions.get("illustrative", 0)


def layer_symbol(definition: LayerDefinition) -> symbols.Symbol:
    """How a layer looks; a plain blue where its symbol is not (or no longer) in the table."""
    name = definition.symbol if definition.symbol in symbols.NAMES else f"{definition.kind}_blue"
    return symbols.symbol(name, kind=definition.kind)


def summarise(definition: LayerDefinition, features: Sequence[Feature]) -> Summary:
    """Counts by precision, symbol class and filled field, and the bbox of all geometries."""
    symbol = layer_symbol(definition)
    return Summary(
        count=len(features),
        precisions=Counter(f.precision for f in features),
        classes=Counter(symbols.class_of(symbol, f.properties).key for f in features),
        filled=Counter(k for f in features for k, v in f.properties.items() if v not in (None, "")),
        bbox=_bbox(features),
    )


def _bbox(features: Sequence[Feature]) -> Bbox | None:
    shapes = [f.shape() for f in features if f.geometry]
    if not shapes:
        return None
    west, south, east, north = (round(float(v), 7) for v in shapely.total_bounds(numpy.array(shapes, dtype=object)))
    return (west, south, east, north)


def summarise_large(definition: LayerDefinition, large: LargeRevision) -> Summary:
    """The same of a large layer, counted on its columns; the changed features are counted one by one."""
    base, live = large.base, numpy.ones(large.base.count, bool)
    live[large.gone] = False
    located = live.copy()
    located[base.located :] = False
    changed = summarise(definition, large.extras)
    filled = {key: _filled(large, key, live) for key in large.columns if key != "id"}
    return Summary(
        count=large.count,
        precisions=Counter(_precisions(large, live, located)) + Counter(changed.precisions),
        classes=Counter(_classes(definition, large, live)) + Counter(changed.classes),
        filled=Counter(filled) + Counter(changed.filled),
        bbox=_joined(base.boxes(located), changed.bbox),
    )


def _filled(large: LargeRevision, key: str, live: Any) -> int:
    column = large.columns[key]
    return int(numpy.count_nonzero(live & (column.codes >= 0) & (column.codes != column.empty)))


def _precisions(large: LargeRevision, live: Any, located: Any) -> dict[str, int]:
    unlocated = {"unlocated": int(numpy.count_nonzero(live & ~located))}
    if "precision" not in large.columns:
        return unlocated | {"guess": int(numpy.count_nonzero(located))}
    counts: Counter[str] = Counter(unlocated)
    for value, count in large.columns["precision"].counts(located).items():
        counts[str(value or "guess")] += count
    return counts


def _classes(definition: LayerDefinition, large: LargeRevision, live: Any) -> dict[str, int]:
    """Counts by symbol class, worked out for each combination of the values that classes depend on."""
    symbol = layer_symbol(definition)
    keys = sorted({field for each in symbol.classes for field in each.when} & large.columns.keys())
    columns = [large.columns[key] for key in keys]
    codes = numpy.column_stack([c.codes[live] for c in columns]) if columns else numpy.empty((live.sum(), 0), int)
    found, numbers = numpy.unique(codes, axis=0, return_counts=True) if columns else (codes[:1], [len(codes)])
    counts: Counter[str] = Counter()
    for row, number in zip(found.tolist(), list(numbers), strict=True):
        values = {key: column.value(code) for key, column, code in zip(keys, columns, row, strict=True)}
        counts[symbols.class_of(symbol, values).key] += int(number)
    return counts


def _joined(boxes: Any, other: Bbox | None) -> Bbox | None:
    rows = numpy.vstack([boxes, *([other] if other else [])])
    if not len(rows):
        return None
    low, high = rows[:, :2].min(axis=0).tolist(), rows[:, 2:].max(axis=0).tolist()
    return (low[0], low[1], high[0], high[1])
