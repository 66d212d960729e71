"""What is worked out from a layer's revision and kept: its features, its summary, its tiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core.features import Feature
from geo_service.core.geojson import load_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox
from geo_service.core.revisions import Revision
from geo_service.rendering import symbols
from geo_service.rendering.tiles import TileSource
from geo_service.storage.store import LayerStore
from geo_service.usecases.memo import Memo

Rows = NDArray[numpy.int64]

KEPT_FEATURES = 200_000
"""Features held in memory over all layers; larger layers are streamed from the store each time."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one revision: by precision class, by symbol class, filled values per field; bbox of what is located."""

    count: int
    precisions: Mapping[str, int]
    classes: Mapping[str, int]
    filled: Mapping[str, int]
    bbox: Bbox | None

    @property
    def located(self) -> int:
        """Features with a geometry."""
        return self.count - self.precisions.get("unlocated", 0)

    @property
    def illustrative(self) -> int:
        """Features whose geometry is only illustrative."""
        return self.precisions.get("illustrative", 0)


class RevisionViews:
    """Derived views of revisions of one store, computed at first use."""

    def __init__(self, store: LayerStore, *, tile_cache_mb: int) -> None:
        self._store = store
        self._features: Memo[tuple[Feature, ...]] = Memo(KEPT_FEATURES, lambda kept: len(kept) + 1)
        self._summaries: Memo[Summary] = Memo(512)
        self._trees: Memo[tuple[shapely.STRtree, Rows]] = Memo(16)
        self._values: Memo[dict[str, list[int]]] = Memo(16)
        self._sources: Memo[TileSource] = Memo(16)
        self._tiles: Memo[bytes] = Memo(tile_cache_mb << 20, lambda data: len(data) + 200)

    def features(self, revision: Revision) -> tuple[Feature, ...]:
        """All features of a revision, sorted by id."""
        return self._features.get(_key(revision), lambda: tuple(self._stream(revision)))

    def within(self, revision: Revision, window: Bbox) -> list[Feature]:
        """The features of a revision that meet a bbox, sorted by id."""
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
        """Counts and bbox of a revision."""
        return self._summaries.get(_key(revision), lambda: summarise(definition, self.features(revision)))

    def tile(self, definition: LayerDefinition, revision: Revision, z: int, x: int, y: int) -> bytes:
        """One vector tile of a revision, empty bytes where nothing is."""
        source = self._sources.get(_key(revision), lambda: self._tile_source(definition, revision))
        return self._tiles.get((*_key(revision), z, x, y), lambda: source.tile(z, x, y))

    def kept(self, key: tuple[object, ...], build: Callable[[], bytes]) -> bytes:
        """Other bytes that follow from revisions (basemap tiles, small files), kept in the same bounded memory."""
        return self._tiles.get(key, build)

    def _stream(self, revision: Revision) -> Iterator[Feature]:
        return (load_line(line) for line in self._store.lines(revision.layer, revision.rev))

    def _tile_source(self, definition: LayerDefinition, revision: Revision) -> TileSource:
        located = [f for f in self.features(revision) if f.geometry]
        shapes = numpy.array([f.shape() for f in located], dtype=object)
        properties = {key: [f.properties.get(key) for f in located] for key in tile_fields(definition)}
        return TileSource.from_features([f.id for f in located], shapes, properties, name=definition.id)


def _spatial_index(features: tuple[Feature, ...]) -> tuple[shapely.STRtree, Rows]:
    """A tree over the located features, and which row each of its shapes comes from."""
    rows = [row for row, feature in enumerate(features) if feature.geometry]
    shapes = numpy.array([features[row].shape() for row in rows], dtype=object)
    return shapely.STRtree(shapes), numpy.array(rows, dtype=numpy.int64)


def _rows_by_value(features: tuple[Feature, ...], key: str) -> dict[str, list[int]]:
    """The rows that have each value of a field, as text."""
    found: dict[str, list[int]] = {}
    for row, feature in enumerate(features):
        found.setdefault(str(feature.properties.get(key)), []).append(row)
    return found


def layer_symbol(definition: LayerDefinition) -> symbols.Symbol:
    """How a layer looks; a plain blue where its symbol is not (or no longer) in the table."""
    name = definition.symbol if definition.symbol in symbols.NAMES else f"{definition.kind}_blue"
    return symbols.symbol(name, kind=definition.kind)


def tile_fields(definition: LayerDefinition) -> tuple[str, ...]:
    """Attributes a tile carries besides the id: the name and what the symbol asks for; the card fetches the rest."""
    return ("name", *symbols.fields_of(layer_symbol(definition)))


def summarise(definition: LayerDefinition, features: tuple[Feature, ...]) -> Summary:
    """Counts by precision, symbol class and filled field, and the bbox of all geometries."""
    symbol = layer_symbol(definition)
    return Summary(
        count=len(features),
        precisions=Counter(f.precision for f in features),
        classes=Counter(symbols.class_of(symbol, f.properties).key for f in features),
        filled=Counter(k for f in features for k, v in f.properties.items() if v not in (None, "")),
        bbox=_bbox(features),
    )


def _bbox(features: tuple[Feature, ...]) -> Bbox | None:
    shapes = [f.shape() for f in features if f.geometry]
    if not shapes:
        return None
    west, south, east, north = (round(float(v), 7) for v in shapely.total_bounds(numpy.array(shapes, dtype=object)))
    return (west, south, east, north)


def _key(revision: Revision) -> tuple[str, int]:
    return (revision.layer, revision.rev)
