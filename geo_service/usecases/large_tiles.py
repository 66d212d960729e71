"""Vector tiles of large layers: cut from mapped files, kept on disk, those of low zooms made when a layer is published.

A tile that no change since the built revision touches is the tile of that revision, so an edit throws away only the
tiles it touches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore

import numpy
import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import Bbox
from geo_service.core.revisions import Revision
from geo_service.errors import BeingPrepared
from geo_service.rendering import symbols
from geo_service.rendering.mvt import EXTENT
from geo_service.rendering.mvt_generalise import BUFFER
from geo_service.rendering.mvt_shapes import Geometries
from geo_service.rendering.tile_files import READY, read_source, write_columns, write_geometries
from geo_service.rendering.tiles import TileSource, tile_of
from geo_service.storage.elsewhere import Errands, do_elsewhere
from geo_service.storage.files import exclusive, exclusive_if_free
from geo_service.storage.published import PublishedRevision
from geo_service.storage.tile_cache import TileCache, TileKey
from geo_service.usecases.large import LargeRevision
from geo_service.usecases.memo import Memo
from geo_service.usecases.summary import layer_symbol

WARM_ZOOM = 12
"""Tiles up to this zoom, each of which shows many features, are made before anybody asks."""
MOST_WARM = 400
KNIVES = BoundedSemaphore(2)
"""Tiles a process cuts at the same time. Two processes under sixteen connections for tiles of 1 MB of a million areas
took 263 MB, 413 where every thread cut its own; the tiles came as fast."""
KEPT_SOURCES = 16
WARM = "warm"
"""Where the tiles of low zooms are made."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a worker needs to make a source: a built revision and where its tiles are kept."""

    ready: tuple[str, int, str, Path]
    keys: tuple[str, ...]
    cache: tuple[Path, int] = (Path(), 0)

    @property
    def folder(self) -> Path:
        """Where the source lies: what is built anew when the carried properties change."""
        told = hashlib.sha256("\0".join(self.keys).encode()).hexdigest()[:8]
        return self.ready[3] / f"tiles-{told}"

    @property
    def base(self) -> str:
        return self.ready[3].name

    def key(self, z: int, x: int, y: int, *, changed: str = "") -> TileKey:
        layer = self.ready[0]
        return TileKey(layer, self.base, f"{layer}/{self.base}/{self.folder.name}{changed}", z, x, y)


class LargeTiles:
    """Tiles of large layers in one cache."""

    def __init__(self, cache: TileCache, errands: Errands) -> None:
        self._cache = cache
        self._errands = errands
        self._sources: Memo[TileSource] = Memo(KEPT_SOURCES)
        self._laid_over: Memo[tuple[TileSource, ...]] = Memo(KEPT_SOURCES)

    def tile(self, large: LargeRevision, revision: Revision, keys: Sequence[str], at: tuple[int, int, int]) -> bytes:
        """One tile by z, x, y; from disk where it is there.

        Raises
        ------
        BeingPrepared
            What it is cut from is being made, and nobody is to wait for that.
        """
        z, x, y = at
        place, touched = self._place(large, keys), large.touches(_degrees(z, x, y))
        key = place.key(z, x, y, changed=f"+{revision.rev}" if touched else "")
        found = self._cache.get(key)
        if found is None:
            parts = self._parts(large, revision, place) if touched else (self._source(place),)
            with KNIVES:
                found = tile_of(parts, z, x, y)
            self._cache.put(key, found)
        return found

    def prepare(self, large: LargeRevision, keys: Sequence[str]) -> None:
        """Make the files tiles are cut from, then the tiles of low zooms; forget those of what was built before."""
        place = self._place(large, keys)
        self._have_made(place, wait=True)
        with exclusive_if_free(place.ready[3].parent / f".{place.base}.warm.lock") as held:
            if held and not (place.folder / WARM).exists():  # where another process makes them, that is enough
                do_elsewhere(_warm, place)
        self._cache.forget(large.base.layer, but=large.base.folder.name)

    def _place(self, large: LargeRevision, keys: Sequence[str]) -> _Place:
        base = large.base
        ready = (base.layer, base.rev, base.sha256, base.folder)
        return _Place(ready, ("id", *keys), (self._cache.path, self._cache.limit_bytes))

    def _source(self, place: _Place) -> TileSource:
        found = self._sources.known(place.folder)
        if found is None:
            self._have_made(place)
            found = self._sources.get(place.folder, lambda: read_source(place.folder, place.keys, place.ready[0]))
        return found

    def _have_made(self, place: _Place, *, wait: bool = False) -> None:
        if (place.folder / READY).exists():
            return
        if not self._errands.run(place.folder, partial(_have_made, place), wait=wait):
            raise BeingPrepared(layer=place.ready[0])

    def _parts(self, large: LargeRevision, revision: Revision, place: _Place) -> tuple[TileSource, ...]:
        key = (place.folder, revision.rev)
        return self._laid_over.get(key, lambda: self._lay_over(large, place))

    def _lay_over(self, large: LargeRevision, place: _Place) -> tuple[TileSource, ...]:
        below = self._source(place).without(large.gone)
        located = [f for f in large.extras if f.geometry]
        return (below, source_of(located, place.keys[1:], below.name)) if located else (below,)


def tile_fields(definition: LayerDefinition) -> tuple[str, ...]:
    """Attributes a tile carries besides the id: the name and what the symbol asks for; the card fetches the rest."""
    return ("name", *symbols.fields_of(layer_symbol(definition)))


def source_of(located: Sequence[Feature], keys: Sequence[str], name: str) -> TileSource:
    """A source of features in memory; all of them have a geometry."""
    shapes = numpy.array([f.shape() for f in located], dtype=object)
    properties = {key: [f.properties.get(key) for f in located] for key in keys}
    return TileSource.from_features([f.id for f in located], shapes, properties, name=name)


def make_source(
    definition: LayerDefinition, ready: PublishedRevision, geometries: Geometries, wait_for_columns: Callable[[], None]
) -> None:
    """The files of a source, made where a revision is built and its geometries are at hand."""
    keys = tile_fields(definition)
    place = _Place((ready.layer, ready.rev, ready.sha256, ready.folder), ("id", *keys))
    write_geometries(place.folder, _flat(geometries))
    wait_for_columns()
    write_columns(place.folder, place.keys, ready.columns, len(geometries))


def _flat(geometries: Geometries) -> Geometries:
    """Geometries without heights; the very same where none has any, for a copy of a million polygons takes 0.7 GB."""
    return shapely.force_2d(geometries) if shapely.has_z(geometries).any() else geometries


def _locked(place: _Place) -> AbstractContextManager[None]:
    return exclusive(place.ready[3].parent / f".{place.base}.tiles.lock")


def _have_made(place: _Place) -> None:
    with _locked(place):
        if not (place.folder / READY).exists():
            do_elsewhere(_make, place)


def _make(place: _Place) -> None:
    """In a process of its own: the files of a source that carries other properties than when it was built."""
    ready = PublishedRevision(*place.ready)
    geometries = numpy.full(ready.count, None, dtype=object)
    geometries[: ready.located] = _flat(ready.shapes(numpy.arange(ready.located)))
    write_geometries(place.folder, geometries)
    write_columns(place.folder, place.keys, ready.columns, len(geometries))


def _warm(place: _Place) -> None:
    """In a process of its own: the tiles of low zooms."""
    ready = PublishedRevision(*place.ready)
    if ready.located:
        _cut(place, ready.bounds)
    (place.folder / WARM).touch()


def _cut(place: _Place, bounds: Bbox) -> None:
    source, cache = read_source(place.folder, place.keys, place.ready[0]), TileCache(*place.cache)
    made = 0
    for z in range(WARM_ZOOM + 1):
        (left, top), (right, bottom) = _tile_at(bounds[0], bounds[3], z), _tile_at(bounds[2], bounds[1], z)
        for x in range(left, right + 1):
            for y in range(top, bottom + 1):
                if made == MOST_WARM:
                    return
                cache.put(place.key(z, x, y), source.tile(z, x, y))
                made += 1


def _tile_at(longitude: float, latitude: float, z: int) -> tuple[int, int]:
    y = 0.5 - numpy.arcsinh(numpy.tan(numpy.radians(latitude))) / (2 * numpy.pi)
    most = (1 << z) - 1
    return min(max(int((longitude / 360 + 0.5) * (1 << z)), 0), most), min(max(int(y * (1 << z)), 0), most)


def _degrees(z: int, x: int, y: int) -> Bbox:
    """A tile with the buffer its features reach into, in degrees."""
    pad = 1.5 * BUFFER / EXTENT
    west, east = ((x + side) / (1 << z) * 360 - 180 for side in (-pad, 1 + pad))
    north, south = (
        float(numpy.degrees(numpy.arctan(numpy.sinh(numpy.pi * (1 - 2 * (y + side) / (1 << z))))))
        for side in (-pad, 1 + pad)
    )
    return (west, south, east, north)
