"""A revision of a large layer, asked through mapped columns and an index, never held in memory.

The latest built revision (see :mod:`geo_service.storage.published`) is the base; the few features that changed since
are laid over it. Rows up to ``base.count`` are positions of the base, those behind it the changed features by id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core import cql, cql_columns
from geo_service.core.columns import Column
from geo_service.core.cql_columns import YES, Split
from geo_service.core.features import Feature
from geo_service.core.geojson import dump_line, load_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox, FeaturePage, Query
from geo_service.core.reference_systems import CRS84, ReferenceSystem
from geo_service.errors import UnknownField
from geo_service.storage.lookup import changes_between
from geo_service.storage.published import PublishedRevision
from geo_service.storage.publisher import Publisher
from geo_service.storage.store import LayerStore
from geo_service.usecases.large_names import NAME, sounding
from geo_service.usecases.lines import Lines, Rows
from geo_service.usecases.memo import Memo

Flags = NDArray[numpy.bool_]
ID = cql_columns.ID
KEPT_ORDERS = 8
"""Orders of a whole layer that are kept, 4 MB for a million features each."""
AT_ONCE = 5_000
MOST_COMBINATIONS = 1 << 20
_NONE: Rows = numpy.empty(0, numpy.int64)


@dataclass(frozen=True, slots=True)
class FieldTest:
    """What one field (or the id) must be like; a feature fits where ``fits`` is true of its value."""

    key: str
    fits: Callable[[Any], bool]

    def __call__(self, feature: Feature) -> bool:
        """Whether a feature fits."""
        return self.fits(feature.id if self.key == ID else feature.properties.get(self.key))


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter with its tree, its layer and the CRS of its geometries."""

    tree: Any
    definition: LayerDefinition
    crs: ReferenceSystem = CRS84

    def test(self, part: Any) -> cql.Term:
        """What a part of the filter gives for a feature."""
        return cql.compile_term(part, self.definition, crs=self.crs)


Condition = FieldTest | Asked


@dataclass(frozen=True, slots=True)
class Origin:
    """What another process opens the same revision from."""

    layer: str
    rev: int
    sha256: str
    folder: Path
    changes: Mapping[str, Feature | None]

    def open(self) -> LargeRevision:
        """The revision, in this process."""
        return LargeRevision(PublishedRevision(self.layer, self.rev, self.sha256, self.folder), self.changes)


class LargeRevision:
    """One revision of a large layer; safe to share between threads."""

    def __init__(self, base: PublishedRevision, changes: Mapping[str, Feature | None]) -> None:
        self.base = base
        self.changes = changes
        self.gone: Rows = numpy.sort(base.locate(changes))
        self.extras = [feature for _, feature in sorted(changes.items()) if feature is not None]
        self._orders: Memo[Any] = Memo(KEPT_ORDERS)

    @property
    def origin(self) -> Origin:
        """What a worker opens it from."""
        base = self.base
        return Origin(base.layer, base.rev, base.sha256, base.folder, self.changes)

    def changed(self, changes: Mapping[str, Feature | None]) -> LargeRevision:
        """The same with further changes laid over it; None takes a feature away."""
        return LargeRevision(self.base, {**self.changes, **changes})

    @cached_property
    def extra_lines(self) -> list[bytes]:
        """Canonical lines of the changed features."""
        return [dump_line(feature).encode() for feature in self.extras]

    @cached_property
    def count(self) -> int:
        """How many features the revision has."""
        return self.base.count - len(self.gone) + len(self.extras)

    @property
    def columns(self) -> Any:
        """The columns of the base."""
        return self.base.columns

    def features(self) -> Lines:
        """All features, sorted by id."""
        return self.of(self._order(()))

    def of(self, rows: Any) -> Lines:
        """The features of some rows."""
        return Lines(numpy.asarray(rows), self._lines)

    def _lines(self, rows: Rows) -> list[bytes]:
        count = self.base.count
        if not self.extras or not (rows >= count).any():
            return self.base.lines_at(rows)
        inside = iter(self.base.lines_at(rows[rows < count]))
        return [self.extra_lines[row - count] if row >= count else next(inside) for row in rows.tolist()]

    def touches(self, window: Bbox) -> bool:
        """Whether any change since the base lies, or lay, in a bbox."""
        west, south, east, north = window
        boxes = self._changed_boxes
        meet = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
        return bool(meet.any())

    @cached_property
    def _changed_boxes(self) -> Any:
        bounds = [shape.bounds for f in self.extras if (shape := f.shape()) is not None]
        return numpy.vstack([self.base.boxes(self.gone), numpy.array(bounds).reshape(-1, 4)])

    # ---- questions

    def find(self, definition: LayerDefinition, query: Query, conditions: Sequence[Condition] = ()) -> FeaturePage:
        """The page of features that fit a query, in its order; raises as :meth:`RevisionViews.find`."""
        if query.filter:
            conditions = (*conditions, Asked(cql.parse_filter(query.filter), definition))
        for key in query.sort:
            _check_key(definition, key)
        if not (query.bbox or query.text or conditions):
            rows = self._order(query.sort)
        else:
            rows = self._in_order(self._fitting(query.bbox, query.text.casefold(), conditions), query.sort)
        return FeaturePage(self.of(rows[query.offset : query.offset + query.limit]), len(rows), query.offset)

    def within(self, window: Bbox) -> Lines:
        """The features that meet a bbox, sorted by id."""
        return self.of(self._in_order(self._fitting(window, "", ()), ()))

    def named(self, needle: str, most: int) -> Sequence[Feature]:
        """Features whose name or id a case-folded needle begins or is part of, at most so many for each way, and the
        changed ones; names also by how they sound."""
        ids = self.columns[ID].first_containing(needle, most, at_start=True)
        rows = [self._having(ID, ids)]
        if NAME in self.columns:
            column = self.columns[NAME]
            codes = [*column.first_containing(needle, most, at_start=True), *column.first_containing(needle, most)]
            rows.append(self._having(NAME, [*codes, *sounding(self.base, needle, most)])[: 8 * most])
        found = numpy.setdiff1d(numpy.concatenate(rows), self.gone)
        return [*self.of(found), *self.extras]

    def equal_to(self, key: str, text: str, most: int) -> Lines | None:
        """The features whose field is this text, sorted by id; None where there are more than so many, or where changes
        lie over the base."""
        column = self.columns.get(key)
        if self.changes:
            return None
        place = column.place(text) if column is not None else -0.5
        rows = numpy.flatnonzero(column.codes == int(place)) if column is not None and place == int(place) else _NONE
        return self.of(self._in_order(rows, ())) if len(rows) <= most else None

    def _having(self, key: str, codes: Sequence[int]) -> Rows:
        """Rows of the base that have one of some values."""
        column = self.columns[key]
        wanted = numpy.zeros(column.size + 1, bool)
        wanted[list(codes)] = True
        return numpy.flatnonzero(wanted[column.codes])

    def boxes(self, rows: Rows) -> Any:
        """West, south, east, north of rows that have a place."""
        inside = rows < self.base.count
        found = numpy.empty((len(rows), 4))
        found[inside] = self.base.boxes(rows[inside])
        shapes = [self.extras[row].shape() for row in (rows[~inside] - self.base.count).tolist()]
        found[~inside] = shapely.bounds(shapes) if shapes else numpy.empty((0, 4))
        return found

    def shapes(self, rows: Rows) -> NDArray[Any]:
        """Geometries in degrees of rows that have a place."""
        inside = rows < self.base.count
        found = numpy.empty(len(rows), dtype=object)
        found[inside] = self.base.shapes(rows[inside])
        found[~inside] = [self.extras[row].shape() for row in (rows[~inside] - self.base.count).tolist()]
        return found

    def alike(self, rows: Rows, keys: Sequence[str]) -> tuple[list[Mapping[str, Any]], Rows]:
        """The different values that rows have of some fields, and the place of each row's among them."""
        inside = rows < self.base.count
        here = {key: self.columns[key] for key in keys if key in self.columns}
        codes = numpy.empty((int(inside.sum()), len(here)), dtype=numpy.int64)
        for place, column in enumerate(here.values()):
            codes[:, place] = column.codes[rows[inside]]
        found, which = _distinct(codes)
        values: list[Mapping[str, Any]] = [
            {key: column.value(code) for (key, column), code in zip(here.items(), row, strict=True)} for row in found
        ]
        places = numpy.empty(len(rows), dtype=numpy.int64)
        places[inside], places[~inside] = which, numpy.arange(len(rows) - len(which)) + len(values)
        return values + [self.extras[row].properties for row in (rows[~inside] - self.base.count).tolist()], places

    def meeting(self, window: Bbox) -> Rows:
        """Rows of the features that meet a bbox."""
        return self._fitting(window, "", ())

    def _fitting(self, bbox: Bbox | None, needle: str, conditions: Sequence[Condition]) -> Rows:
        """Rows that fit everything, in no order."""
        splits = [(c, cql_columns.split(c.tree, c.definition, crs=c.crs)) for c in conditions if isinstance(c, Asked)]
        mask = self._mask(needle, conditions, splits)
        windows = [b for b in (bbox, *(s.bbox for _, s in splits)) if b]
        rows = numpy.flatnonzero(mask)
        if windows:
            rows = self.base.meeting(windows[0])
            rows = rows[mask[rows]]
        rests = [s.rest for _, s in splits if s.rest]
        rests += [partial(_meets, shapely.box(*window)) for window in windows[1:]]
        rows = self._kept(rows, rests) if rests else rows
        tests: list[Callable[[Feature], bool]] = [s.whole for _, s in splits]
        tests += [c for c in conditions if isinstance(c, FieldTest)]
        return numpy.concatenate((rows, self._extra_rows(bbox, needle, tests)))

    def _mask(self, needle: str, conditions: Sequence[Condition], splits: Sequence[tuple[Asked, Split]]) -> Flags:
        count = self.base.count
        mask = numpy.ones(count, bool)
        mask[self.gone] = False
        for asked, found in splits:
            for part in found.parts:
                mask &= cql_columns.truths(part, found, self.columns, count, asked.test) == YES
        for test in conditions:
            if isinstance(test, FieldTest):
                mask &= self._passing(test)
        return mask & self._with_text(needle) if needle else mask

    def _passing(self, test: FieldTest) -> Flags:
        column = self.columns.get(test.key)
        if column is None:
            return numpy.full(self.base.count, test.fits(None))
        table = [test.fits(column.value(code)) for code in range(column.size)]
        fitting: Flags = numpy.array([*table, test.fits(None)], bool)[column.codes]
        return fitting

    def _with_text(self, needle: str) -> Flags:
        """Features with these characters in the id or any text value."""
        mask = numpy.zeros(self.base.count, bool)
        for column in self.columns.values():
            found = column.containing(needle)
            if len(found):
                table = numpy.zeros(column.size + 1, bool)
                table[found] = True
                mask |= table[column.codes]
        return mask

    def _kept(self, rows: Rows, tests: Sequence[Callable[[Feature], bool]]) -> Rows:
        """Those rows whose features pass tests that only a whole feature answers."""
        parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
        kept = [p[[all(t(f) for t in tests) for f in map(load_line, self.base.lines_at(p))]] for p in parts]
        return numpy.concatenate(kept) if kept else rows

    def _extra_rows(self, bbox: Bbox | None, needle: str, tests: Sequence[Callable[[Feature], bool]]) -> Rows:
        window = shapely.box(*bbox) if bbox else None
        places = [
            self.base.count + place
            for place, feature in enumerate(self.extras)
            if (window is None or _meets(window, feature))
            and (not needle or has_text(feature, needle))
            and all(test(feature) for test in tests)
        ]
        return numpy.array(places, dtype=numpy.int64)

    # ---- order

    def _order(self, sort: tuple[str, ...]) -> Any:
        """All rows in an order, kept for the next page."""
        if not sort and not len(self.gone) and not self.extras:
            return self.base.by_id
        return self._orders.get(sort, lambda: self._sorted_all(sort))

    def _sorted_all(self, sort: tuple[str, ...]) -> Any:
        live = numpy.ones(self.base.count + len(self.extras), bool)
        live[self.gone] = False
        if not sort:
            rows = numpy.flatnonzero(live)
            return rows[numpy.argsort(self._ranks(rows, ID), kind="stable")].astype(numpy.int32)
        return self._arranged(self._order(()), sort).astype(numpy.int32)

    def _in_order(self, rows: Rows, sort: tuple[str, ...]) -> Rows:
        return self._arranged(rows[numpy.argsort(self._ranks(rows, ID), kind="stable")], sort)

    def _arranged(self, rows: Rows, sort: tuple[str, ...]) -> Rows:
        """Rows that are in order of id, sorted by keys; missing values last, whichever way."""
        for key in reversed(sort):
            ranks = self._ranks(rows, key.removeprefix("-"))
            if key.startswith("-"):
                ranks = numpy.where(numpy.isfinite(ranks), -ranks, ranks)
            rows = rows[numpy.argsort(ranks, kind="stable")]
        return rows

    def _ranks(self, rows: Rows, key: str) -> NDArray[numpy.float64]:
        count, column = self.base.count, self.columns.get(key)
        ranks = numpy.full(len(rows), numpy.inf)
        inside = rows < count
        if column is not None:
            ranks[inside] = column.ranks(rows[inside])
        if self.extras:
            ranks[~inside] = self._extra_ranks(key, column)[rows[~inside] - count]
        return ranks

    def _extra_ranks(self, key: str, column: Column | None) -> NDArray[numpy.float64]:
        values = [f.id if key == ID else f.properties.get(key) for f in self.extras]
        present = {repr(v): v for v in values if v not in (None, "")}
        order = sorted(present.values(), key=lambda v: (0, v) if isinstance(v, (int, float)) else (1, str(v)))
        places = {repr(v): (column.place(v) if column is not None else 0.0) + n * 1e-5 for n, v in enumerate(order)}
        if column is not None:  # a value that is there already ranks with it exactly
            places |= {
                r: round(p) for r, p in places.items() if column.place(present[r]) == int(column.place(present[r]))
            }
        return numpy.array([places.get(repr(v), numpy.inf) for v in values])


def _distinct(codes: NDArray[numpy.int64]) -> tuple[list[list[int]], Rows]:
    """The different rows of a table, which may have no columns, and the place of each row among them."""
    if not codes.shape[1]:
        return [[]], numpy.zeros(len(codes), dtype=numpy.int64)
    if not len(codes):
        return [], numpy.zeros(0, dtype=numpy.int64)
    low, spans = codes.min(axis=0), numpy.ptp(codes, axis=0) + 1
    if math.prod(spans.tolist()) > MOST_COMBINATIONS:
        found, which = numpy.unique(codes, axis=0, return_inverse=True)
        return found.tolist(), which.reshape(-1)
    keys = numpy.ravel_multi_index(tuple((codes - low).T), tuple(spans.tolist()))
    present = numpy.flatnonzero(numpy.bincount(keys))
    places = numpy.zeros(present[-1] + 1, dtype=numpy.int64)
    places[present] = numpy.arange(len(present))
    return (numpy.column_stack(numpy.unravel_index(present, tuple(spans.tolist()))) + low).tolist(), places[keys]


def has_text(feature: Feature, needle: str) -> bool:
    """Whether a feature has these case-folded characters in its id or any text value."""
    return needle in feature.id.casefold() or any(
        needle in value.casefold() for value in feature.properties.values() if isinstance(value, str)
    )


def _meets(window: Any, feature: Feature) -> bool:
    shape = feature.shape()
    return shape is not None and bool(shapely.intersects(window, shape))


def _check_key(definition: LayerDefinition, key: str) -> None:
    name = key.removeprefix("-")
    if name != ID and definition.field(name) is None:
        raise UnknownField(layer=definition.id, field=name, known=", ".join(f.key for f in definition.all_fields))


def open_large(store: LayerStore, publisher: Publisher, layer_id: str, rev: int) -> LargeRevision:
    """A revision of a large layer; what it stands on is built in a process of its own where nothing near is there.

    Raises
    ------
    BeingPrepared
        It is being built, see :meth:`Publisher.revision`.
    """
    base = publisher.base(layer_id, rev)
    ended, begun = changes_between(store, layer_id, base.rev, rev)
    changes: dict[str, Feature | None] = {load_line(line).id: None for line in ended}
    return LargeRevision(base, changes | {f.id: f for f in map(load_line, begun)})
