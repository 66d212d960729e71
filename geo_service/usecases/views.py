"""What is worked out from a layer's revision and kept: its features, its summary, its tiles."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core.features import Feature
from geo_service.core.geojson import load_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox, FeaturePage, Query
from geo_service.core.revisions import Revision
from geo_service.errors import BeingPrepared
from geo_service.rendering.tiles import TileSource
from geo_service.storage.published import PublishedRevision
from geo_service.storage.publisher import OVERLAY, Publisher
from geo_service.storage.store import LayerState, LayerStore
from geo_service.storage.tile_cache import TileCache
from geo_service.usecases.find import find_features
from geo_service.usecases.large import Condition, LargeRevision, open_large
from geo_service.usecases.large_names import prepare_sounds
from geo_service.usecases.large_tiles import LargeTiles, source_of, tile_fields
from geo_service.usecases.memo import Memo
from geo_service.usecases.summary import Summary, summarise, summarise_large

Rows = NDArray[numpy.int64]

KEPT_FEATURES = 200_000
"""Features held in memory over all layers; those of large layers (:mod:`geo_service.usecases.large`) never are."""
TILE_DISK_MB = 512
HEAVIEST_TILE = 512 << 10
"""Heavier tiles of large layers stay on the disk, where all of theirs are: reading one takes less than sending it."""
KEPT_LARGE = 8
"""Revisions of large layers that are open at a time; open ones are mapped files."""


class RevisionViews:
    """Derived views of revisions of one store, computed at first use."""

    def __init__(
        self, store: LayerStore, publisher: Publisher, *, tile_cache_mb: int, tile_disk_mb: int = TILE_DISK_MB
    ) -> None:
        self._store = store
        self._publisher = publisher
        cache = TileCache(store.home / "cache" / "tiles" / "tiles.db", tile_disk_mb << 20)
        self._large_tiles = LargeTiles(cache, publisher.errands)
        self._large: Memo[LargeRevision] = Memo(KEPT_LARGE)
        self._features: Memo[tuple[Feature, ...]] = Memo(KEPT_FEATURES, lambda kept: len(kept) + 1)
        self._summaries: Memo[Summary] = Memo(512)
        self._trees: Memo[tuple[shapely.STRtree, Rows]] = Memo(16)
        self._values: Memo[dict[str, list[int]]] = Memo(16)
        self._sources: Memo[TileSource] = Memo(16)
        self._tiles: Memo[bytes] = Memo(tile_cache_mb << 20, lambda data: len(data) + 200)

    def is_large(self, revision: Revision) -> bool:
        """Whether a revision is of a layer too large to be held in memory."""
        return self._publisher.is_large(revision.layer)

    def large(self, revision: Revision) -> LargeRevision | None:
        """A revision of a layer too large to be held in memory, None of any other.

        Raises
        ------
        BeingPrepared
            What it is read from is being built, and nobody is to wait for that.
        """
        if not self.is_large(revision):
            return None
        return self._large.get(_key(revision), lambda: self._open(revision))

    def _open(self, revision: Revision) -> LargeRevision:
        return open_large(self._store, self._publisher, revision.layer, revision.rev)

    def at_hand(self, state: LayerState, *, in_bbox: bool = False) -> PublishedRevision | None:
        """The published bytes of a layer's head where they are open and nothing must be worked out first, else None."""
        revision = state.revision
        if self._publisher.is_large_of(state.count):
            large = self.large_at_hand(state)
            found = large.base if large is not None and not large.changes else None
        else:
            found = self._publisher.at_hand(revision.layer, revision.rev)
        return found if found is not None and found.is_open(in_bbox=in_bbox) else None

    def large_at_hand(self, state: LayerState) -> LargeRevision | None:
        """The head of a large layer where it is open, None of any other layer."""
        return self._large.known(_key(state.revision)) if self._publisher.is_large_of(state.count) else None

    def kept_tile(self, key: tuple[object, ...]) -> bytes | None:
        """Bytes of a tile by layer, revision and place, where they are kept."""
        return self._tiles.known(key)

    def features(self, revision: Revision) -> Sequence[Feature]:
        """All features of a revision, sorted by id; those of a large layer are decoded as they are looked at."""
        large = self.large(revision)
        if large is not None:
            return large.features()
        return self._features.get(_key(revision), lambda: tuple(self._stream(revision)))

    def find(
        self, definition: LayerDefinition, revision: Revision, query: Query, conditions: Sequence[Condition] = ()
    ) -> FeaturePage:
        """The page of features that fit a query and further conditions, in the query's order (by id without one).

        Raises
        ------
        InvalidFilter, UnknownField
            The filter does not parse, or names or sorts by a field the layer has not.
        """
        large = self.large(revision)
        if large is not None:
            return large.find(definition, query, conditions)
        features: Sequence[Feature] = self.within(revision, query.bbox) if query.bbox else self.features(revision)
        return find_features(definition, features, dataclasses.replace(query, bbox=None), conditions)

    def within(self, revision: Revision, window: Bbox) -> Sequence[Feature]:
        """The features of a revision that meet a bbox, sorted by id."""
        large = self.large(revision)
        if large is not None:
            return large.within(window)
        features = self.features(revision)
        tree, rows = self._trees.get(_key(revision), lambda: _spatial_index(features))
        found = rows[tree.query(shapely.box(*window), predicate="intersects")]
        return [features[row] for row in numpy.sort(found)]

    def equal_to(self, revision: Revision, key: str, text: str) -> list[Feature]:
        """The features whose field reads as this text, sorted by id; found without a look at the others."""
        features = self.features(revision)
        rows = self._values.get((*_key(revision), key), lambda: _rows_by_value(features, key))
        return [features[row] for row in rows.get(text, ())]

    def summary(self, definition: LayerDefinition, revision: Revision) -> Summary:
        """Counts and bbox of a revision; of one that is being prepared, how many features it has."""
        key = (*_key(revision), definition.symbol)
        try:
            return self._summaries.get(key, lambda: self._summarise(definition, revision))
        except BeingPrepared:
            return Summary.before_it_is_prepared(self._store.count(revision.layer, revision.rev))

    def _summarise(self, definition: LayerDefinition, revision: Revision) -> Summary:
        large = self.large(revision)
        return summarise(definition, self.features(revision)) if large is None else summarise_large(definition, large)

    def tile(self, definition: LayerDefinition, revision: Revision, z: int, x: int, y: int) -> bytes:
        """One vector tile of a revision, empty bytes where nothing is."""
        key = (*_key(revision), z, x, y)
        found = self._tiles.known(key)
        if found is not None:
            return found
        heaviest = HEAVIEST_TILE if self.large(revision) is not None else None
        return self._tiles.get(key, lambda: self._cut(definition, revision, z, x, y), heaviest=heaviest)

    def _cut(self, definition: LayerDefinition, revision: Revision, z: int, x: int, y: int) -> bytes:
        large = self.large(revision)
        if large is not None:
            return self._large_tiles.tile(large, revision, tile_fields(definition), (z, x, y))
        return self._sources.get(_key(revision), lambda: self._tile_source(definition, revision)).tile(z, x, y)

    def prepare(self, layer_id: str) -> None:
        """Build what a large layer is served from before somebody asks; nothing for any other layer."""
        state = self._store.layer(layer_id)
        if self._publisher.is_large(layer_id):
            base = self._publisher.base(layer_id, state.revision.rev, most=OVERLAY, wait=True)
            if self._large.get(_key(state.revision), lambda: self._open(state.revision)).base.rev != base.rev:
                self._large.forget(_key(state.revision))
        large = self.large(state.revision)
        if large is not None:
            self._large_tiles.prepare(large, tile_fields(state.definition))
            self.summary(state.definition, state.revision)
            prepare_sounds(large.base)

    def kept(self, key: tuple[object, ...], build: Callable[[], bytes]) -> bytes:
        """Other bytes that follow from revisions (basemap tiles, small files), kept in the same bounded memory."""
        return self._tiles.get(key, build)

    def _stream(self, revision: Revision) -> Iterator[Feature]:
        return (load_line(line) for line in self._store.lines(revision.layer, revision.rev))

    def _tile_source(self, definition: LayerDefinition, revision: Revision) -> TileSource:
        located = [f for f in self.features(revision) if f.geometry]
        return source_of(located, tile_fields(definition), definition.id)


def _spatial_index(features: Sequence[Feature]) -> tuple[shapely.STRtree, Rows]:
    """A tree over the located features, and which row each of its shapes comes from."""
    rows = [row for row, feature in enumerate(features) if feature.geometry]
    shapes = numpy.array([features[row].shape() for row in rows], dtype=object)
    return shapely.STRtree(shapes), numpy.array(rows, dtype=numpy.int64)


def _rows_by_value(features: Sequence[Feature], key: str) -> dict[str, list[int]]:
    """The rows that have each value of a field, as text."""
    found: dict[str, list[int]] = {}
    for row, feature in enumerate(features):
        found.setdefault(str(feature.properties.get(key)), []).append(row)
    return found


def _key(revision: Revision) -> tuple[str, int]:
    return (revision.layer, revision.rev)
