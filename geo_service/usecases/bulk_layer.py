"""A new layer of very many rows: made in a process of its own, a few thousand rows at a time, never held in memory.

What is done for every row is what is done for one (:func:`geo_service.core.derived.with_derived`,
:func:`geo_service.core.validation.check_feature`, :func:`geo_service.storage.rows.stored`); here by arrays, for
rows that a quick look clears, and one by one for all others.
"""

from __future__ import annotations

import datetime
import itertools
import logging
import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy
import shapely

from geo_service.core import crs
from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.core.derived import Area, with_derived
from geo_service.core.geojson import canonical_text, line_of
from geo_service.core.layers import LayerDefinition
from geo_service.core.validation import Rules, check_feature
from geo_service.errors import GeoServiceError, StorageFault
from geo_service.ingest.examination import ProposedChange
from geo_service.storage.elsewhere import do_elsewhere
from geo_service.storage.rows import StoredFeature, batches, stored
from geo_service.storage.store import LayerStore, open_store

LARGE = 5_000
"""Layers of more rows are made elsewhere."""
AT_ONCE = 5_000
NOTHING = "null"
LOG = logging.getLogger(__name__)


class _Proposed(msgspec.Struct, frozen=True):
    """What is needed of a proposed change; its geometry stays text."""

    fid: str
    properties: dict[str, Any] | None
    geometry: msgspec.Raw = msgspec.Raw(NOTHING.encode())


@dataclass(frozen=True, slots=True)
class NewLayer:
    """What a new layer is made of: its definition, the file of proposed changes, and who made it."""

    definition: LayerDefinition
    changes: Path
    areas: tuple[Area, ...]
    author: str
    note: str


def make_layer(store: LayerStore, layer: NewLayer) -> None:
    """Make revision 1 of a layer and publish it, in a process of its own: durable when this returns.

    Raises
    ------
    StorageFault
        It could not be made; the log has the reason.
    """
    do_elsewhere(_make, store.database.secret_address, store.home, layer)
    store.follow_up(layer.definition.id)
    store.publish_soon(layer.definition.id)  # where that went wrong


def _make(address: str, home: Path, layer: NewLayer) -> None:
    store = open_store(address, home, lambda: datetime.datetime.now(datetime.UTC))
    try:
        with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:
            _put_down(layer, (first, second))
            ready = itertools.chain(_taken_up(first), _taken_up(second))
            rows = _different(ready, layer.definition.id)
            store.create_layer_of(layer.definition, rows, kind="upload", author=layer.author, note=layer.note)
        _publish(store, layer.definition.id)
    finally:
        store.close()


def _publish(store: LayerStore, layer_id: str) -> None:
    """Write the published file here, not in the web process; what is committed stands, whatever comes of it."""
    try:
        store.export(layer_id)
    except (OSError, GeoServiceError):
        LOG.exception("cannot publish %s", layer_id)


def _put_down(layer: NewLayer, spools: tuple[IO[bytes], IO[bytes]]) -> None:
    """Get the rows ready, half of them by a process beside this one, so that two cores are used, and the database's one
    writer is held only while they are written."""
    middle = _middle(layer.changes)
    helper = os.fork()  # this process has one thread
    if not helper:
        status = 1
        try:
            _put_down_part(layer, (middle, layer.changes.stat().st_size), spools[1])
            status = 0
        except BaseException:
            LOG.exception("the second half of %s", layer.definition.id)
        finally:
            os._exit(status)
    try:
        _put_down_part(layer, (0, middle), spools[0])
    finally:
        _, status = os.waitpid(helper, 0)
    if status:
        raise StorageFault(reason=f"{layer.definition.id}: {status}")


def _middle(path: Path) -> int:
    """Where the line ends that holds the middle of a file."""
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 2)
        file.readline()
        return file.tell()


def _put_down_part(layer: NewLayer, part: tuple[int, int], spool: IO[bytes]) -> None:
    found = stored_rows(layer.definition, _lines(layer.changes, part), layer.areas)
    for batch in batches(found, AT_ONCE):
        pickle.dump([(row.fid, row.line, row.bbox) for row in batch], spool, pickle.HIGHEST_PROTOCOL)
    spool.flush()


def _lines(path: Path, part: tuple[int, int]) -> Iterator[bytes]:
    begin, end = part
    with path.open("rb") as file:
        file.seek(begin)
        for line in file:
            yield line
            begin += len(line)
            if begin >= end:
                return


def _taken_up(spool: IO[bytes]) -> Iterator[StoredFeature]:
    size = spool.seek(0, 2)
    spool.seek(0)
    while spool.tell() < size:
        yield from (StoredFeature(*row) for row in pickle.load(spool))  # noqa: S301  # our own, from a moment ago


def _different(rows: Iterable[StoredFeature], layer_id: str) -> Iterator[StoredFeature]:
    known: set[str] = set()
    for row in rows:
        if row.fid in known:
            raise StorageFault(reason=f"{layer_id}: 编号重复 / two features of id {row.fid}")
        known.add(row.fid)
        yield row


def stored_rows(definition: LayerDefinition, lines: Iterable[bytes], areas: Sequence[Area]) -> Iterator[StoredFeature]:
    """The rows of proposed changes (JSON lines) with derived attributes, as they are kept; deletions and those with a
    blocking finding are left out."""
    maker = _Maker(definition, areas)
    for batch in batches(lines, AT_ONCE):
        yield from maker.rows(batch)


class _Maker:
    def __init__(self, definition: LayerDefinition, areas: Sequence[Area]) -> None:
        self._definition = definition
        self._areas = areas
        self._derived = tuple(f.key for f in definition.all_fields if f.derived)
        self._rules = Rules(definition)
        self._kinds = [getattr(shapely.GeometryType, name.upper()) for name in definition.geometry_types]
        self._tree = shapely.STRtree([area.shape for area in areas])
        self._decoder = msgspec.json.Decoder(_Proposed)

    def rows(self, lines: Sequence[bytes]) -> list[StoredFeature]:
        """Rows of some lines, in their order."""
        found = [self._decoder.decode(line) for line in lines]
        texts = [canonical_text(bytes(proposed.geometry)) for proposed in found]
        shapes, sound = self._shapes(texts)
        derived = self._derived_of(shapes)
        boxes = shapely.bounds(shapes).tolist()
        made: list[StoredFeature | None] = []
        for number, proposed in enumerate(found):
            row, text = None, texts[number]
            if text and sound[number] and proposed.properties is not None:
                told = {key: column[number] for key, column in derived.items()}
                row = self._quick(proposed.fid, proposed.properties, told, text, boxes[number])
            made.append(row or self._slow(lines[number]))
        return [row for row in made if row is not None]

    def _shapes(self, texts: Sequence[str | None]) -> tuple[Any, Any]:
        """Geometries, and which of them are of a kind the layer takes and valid."""
        shapes = shapes_of_lines([line_of("", {}, text or NOTHING).encode() for text in texts])
        fitting = numpy.isin(shapely.get_type_id(shapes), self._kinds) & ~shapely.is_empty(shapes)
        return shapes, fitting & shapely.is_valid(shapes)

    def _quick(
        self, fid: str, properties: dict[str, Any], derived: Mapping[str, Any], geometry: str, box: Sequence[float]
    ) -> StoredFeature | None:
        """The row where nothing can be found against it, else None."""
        properties |= {k: v for k, v in derived.items() if k in properties or v is not None}
        if not self._rules.are_kept(fid, properties):
            return None
        west, south, east, north = box
        return StoredFeature(fid, line_of(fid, properties, geometry), (west, south, east, north))

    def _slow(self, line: bytes) -> StoredFeature | None:
        proposed = msgspec.json.decode(line, type=ProposedChange).after()
        if proposed is None:
            return None
        feature = with_derived(self._definition, proposed, self._areas)
        blocked = any(finding.level == "block" for finding in check_feature(self._definition, feature))
        return None if blocked else stored(feature)

    def _derived_of(self, shapes: Any) -> dict[str, list[Any]]:
        """The derived values of each geometry, as :func:`with_derived` works them out."""
        values: dict[str, list[Any]] = {}
        for key in self._derived:
            values[key] = [None] * len(shapes)
            if key == "subdistrict" and self._areas:
                values[key] = self._subdistricts(shapes)
            elif key in ("area_m2", "length_m"):
                values[key] = _measured(key, shapes)
        return values

    def _subdistricts(self, shapes: Any) -> list[str | None]:
        points = shapely.point_on_surface(shapes)
        rows, areas = self._tree.query(points, predicate="intersects")
        first = numpy.full(len(shapes), len(self._areas))
        numpy.minimum.at(first, rows, areas)
        names = [*(area.name for area in self._areas), None]
        return [names[place] for place in first.tolist()]


def _measured(key: str, shapes: Any) -> list[int | None]:
    kinds = (3, 6) if key == "area_m2" else (1, 5)
    measure = shapely.area if key == "area_m2" else shapely.length
    found: list[int | None] = [None] * len(shapes)
    rows = numpy.flatnonzero(numpy.isin(shapely.get_type_id(shapes), kinds))
    if len(rows):
        for row, size in zip(rows.tolist(), measure(crs.project(shapes[rows])).tolist(), strict=True):
            found[row] = round(size)
    return found
