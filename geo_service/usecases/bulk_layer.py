"""A new layer of very many rows: made in a process of its own, a few thousand rows at a time, never held in memory.

What is done for every row is what is done for one (:func:`geo_service.core.derived.with_derived`,
:func:`geo_service.core.validation.check_feature`, :func:`geo_service.storage.rows.stored`); here by arrays, for
rows that a quick look clears, and one by one for all others.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy
import shapely

from geo_service.core import crs
from geo_service.core.bulk_shapes import shapes_of_lines
from geo_service.core.derived import Area, with_derived
from geo_service.core.geojson import canonical_text, line_of
from geo_service.core.layers import LayerDefinition
from geo_service.core.validation import Rules, check_feature
from geo_service.errors import GeoServiceError
from geo_service.ingest.examination import ProposedChange
from geo_service.storage.building import Ahead, Workshop
from geo_service.storage.elsewhere import Helper, do_elsewhere, may_fork
from geo_service.storage.rows import StoredFeature, batches, stored
from geo_service.storage.spool import AT_ONCE, Batch, ReadyRows, Spool
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases.large_tiles import make_source

LARGE = 5_000
"""Layers of more rows are made elsewhere."""
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


def make_layer(store: LayerStore, layer: NewLayer, workshop: Workshop | None = None) -> None:
    """Make revision 1 of a layer and publish it, in a process of its own: durable when this returns.

    What a large layer is served from is built meanwhile, in a workshop of the store's home.

    Raises
    ------
    StorageFault
        It could not be made; the log has the reason.
    """
    workshop = workshop or Workshop(store.home, beside=make_source)
    do_elsewhere(_make, store.database.secret_address, workshop, layer)
    store.follow_up(layer.definition.id)
    store.publish_soon(layer.definition.id)  # where that went wrong


def _make(address: str, workshop: Workshop, layer: NewLayer) -> None:
    with ExitStack() as stack:
        ready = stack.enter_context(_put_down(layer, workshop.home))
        ahead = None
        if workshop.is_large(len(ready)) and may_fork():  # before the database is opened: nothing of it crosses a fork
            ahead = stack.enter_context(Ahead(workshop, layer.definition, ready))
        store = stack.enter_context(closing(open_store(address, workshop.home, _now)))
        store.create_layer_of(layer.definition, ready.rows(), kind="upload", author=layer.author, note=layer.note)
        _publish(store, layer.definition.id, ahead)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _publish(store: LayerStore, layer_id: str, ahead: Ahead | None) -> None:
    """Write the published file here, not in the web process; what is committed stands, whatever comes of it."""
    try:
        store.export(layer_id, ahead.published() if ahead else None)
        if ahead:
            ahead.settle()
    except (OSError, GeoServiceError):
        LOG.exception("cannot publish %s", layer_id)


@contextmanager
def _put_down(layer: NewLayer, folder: Path) -> Iterator[ReadyRows]:
    """Get the rows ready, half of them by a process beside this one, so that two cores are used, and the database's one
    writer is held only while they are written."""
    middle, size = _middle(layer.changes), layer.changes.stat().st_size
    with Spool.opened(folder) as first, Spool.opened(folder) as second:
        with Helper(lambda: second.fill(_rows_of(layer, (middle, size)))):
            first.fill(_rows_of(layer, (0, middle)))
        yield ReadyRows(layer.definition.id, first, second)


def _rows_of(layer: NewLayer, part: tuple[int, int]) -> Iterator[Batch]:
    return stored_rows(layer.definition, _lines(layer.changes, part), layer.areas)


def _middle(path: Path) -> int:
    """Where the line ends that holds the middle of a file."""
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 2)
        file.readline()
        return file.tell()


def _lines(path: Path, part: tuple[int, int]) -> Iterator[bytes]:
    begin, end = part
    with path.open("rb") as file:
        file.seek(begin)
        for line in file:
            yield line
            begin += len(line)
            if begin >= end:
                return


def stored_rows(definition: LayerDefinition, lines: Iterable[bytes], areas: Sequence[Area]) -> Iterator[Batch]:
    """The rows of proposed changes (JSON lines) with derived attributes, as they are kept, and their geometries;
    deletions and those with a blocking finding are left out."""
    maker = _Maker(definition, areas)
    for batch in batches(lines, AT_ONCE):
        yield maker.rows(batch)


class _Maker:
    def __init__(self, definition: LayerDefinition, areas: Sequence[Area]) -> None:
        self._definition = definition
        self._areas = areas
        self._derived = tuple(f.key for f in definition.all_fields if f.derived)
        self._rules = Rules(definition)
        self._kinds = [getattr(shapely.GeometryType, name.upper()) for name in definition.geometry_types]
        self._tree = shapely.STRtree([area.shape for area in areas])
        self._decoder = msgspec.json.Decoder(_Proposed)

    def rows(self, lines: Sequence[bytes]) -> Batch:
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
            if row is None and (row := self._slow(lines[number])) is not None:
                shapes[number] = shapes_of_lines([row.line.encode()])[0]
            made.append(row)
        kept = [number for number, row in enumerate(made) if row is not None]
        return [row for row in made if row is not None], shapes[kept]

    def _shapes(self, texts: Sequence[str | None]) -> tuple[Any, Any]:
        """Geometries, and which of them are of a kind the layer takes and valid."""
        shapes = shapes_of_lines([_BARE.format(text or NOTHING).encode() for text in texts])
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


_BARE = line_of("", {}, "GEOMETRY").replace("{", "{{").replace("}", "}}").replace("GEOMETRY", "{}")
"""The line of a feature with nothing but a geometry."""


def _measured(key: str, shapes: Any) -> list[int | None]:
    kinds = (3, 6) if key == "area_m2" else (1, 5)
    measure = shapely.area if key == "area_m2" else shapely.length
    found: list[int | None] = [None] * len(shapes)
    rows = numpy.flatnonzero(numpy.isin(shapely.get_type_id(shapes), kinds))
    if len(rows):
        for row, size in zip(rows.tolist(), measure(crs.project(shapes[rows])).tolist(), strict=True):
            found[row] = round(size)
    return found
