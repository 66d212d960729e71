"""A revision's features packed for serving: all that is made of the published file, which is read once."""

from __future__ import annotations

import io
import logging
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.core.bulk_shapes import Geometries, shapes_of_lines
from geo_service.core.geojson import load_line
from geo_service.storage.column_files import ColumnSet
from geo_service.storage.elsewhere import Helper
from geo_service.storage.files import read_chunks, write_file
from geo_service.storage.rows import bounds

Numbers = NDArray[numpy.float64]
Indices = NDArray[numpy.int64]

LOG = logging.getLogger(__name__)
Follow = Callable[[Geometries, Callable[[], None]], None]
"""What makes more of geometries in degrees, in Hilbert order; it calls back to wait until columns are there."""
PUBLISHED = "layer.geojson"
SIDES = "sides.npy"
SIGNS = numpy.array((1.0, 1.0, -1.0, -1.0))
"""With them, one comparison tells for all four sides of a bbox whether it reaches into a window."""
HILBERT_BITS = 16
AT_ONCE = 20_000
NEWLINE = ord("\n")
UNLOCATED = b'{"geometry":null'
_NOWHERE = (numpy.nan,) * 4


def pack(folder: Path, *, columns: bool, follow: Follow | None = None, shapes: Geometries | None = None) -> None:
    """Make everything that stands beside the published file of a folder, and what ``follow`` makes of its geometries.

    With columns, other processes than this one write them and the files, where it may have any. ``shapes`` are the
    geometries of the file's lines as they would be read from them.
    """
    begins = line_begins(folder / PUBLISHED)
    save(folder / "lines.npy", begins)
    with _Lines.of(folder / PUBLISHED, begins) as lines, ExitStack() as stack:
        making = stack.enter_context(_Columns(folder, lines)) if columns else None
        shapes = shapes if shapes is not None else _read_shapes(lines)
        boxes = _boxes(lines, shapes)
        order = hilbert_order(boxes)
        if making is not None:
            making.tell(order)
        shapes = shapes[order]
        write = partial(_write_files, folder, lines, order, boxes[order], shapes)
        if making is not None:
            stack.enter_context(Helper(write))
        else:
            write()
        if follow is not None:
            follow(shapes, making.wait if making is not None else _at_once)


def _write_files(folder: Path, lines: _Lines, order: Indices, boxes: Numbers, shapes: Geometries) -> None:
    sizes = lines.ends[order] - lines.begins[order]
    write_file(folder / "features.bin", lines.joined(order))
    save(folder / "offsets.npy", numpy.concatenate(([0], numpy.cumsum(sizes + 1))))
    save(folder / SIDES, boxes * SIGNS)
    _write_shapes(folder, shapes[: int(numpy.count_nonzero(~numpy.isnan(boxes[:, 0])))])


def _at_once() -> None:
    """There is nothing to wait for."""


def line_begins(path: Path) -> Indices:
    """Where each feature of a published file begins, where the last one ends, and where the file does."""
    found, begin = [], 0
    for chunk in read_chunks(path):
        found.append(numpy.flatnonzero(numpy.frombuffer(chunk, dtype=numpy.uint8) == NEWLINE) + begin + 1)
        begin += len(chunk)
    return numpy.concatenate(found)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Canonical lines of a mapped file, by id."""

    data: mmap.mmap
    begins: Indices
    ends: Indices

    @classmethod
    @contextmanager
    def of(cls, path: Path, begins: Indices) -> Iterator[_Lines]:
        """Lines end with ",\\n", the last with "\\n"; of no lines one empty one is left."""
        starts, ends = begins[:-2], begins[1:-1] - 2
        if len(ends):
            ends[-1] += 1
        filled = starts < ends
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield cls(data, starts[filled], ends[filled])

    def at(self, rows: Any) -> list[bytes]:
        """Some lines."""
        pairs = zip(self.begins[rows].tolist(), self.ends[rows].tolist(), strict=True)
        return [self.data[begin:end] for begin, end in pairs]

    def batches(self) -> Iterator[list[bytes]]:
        """All lines, so many at once."""
        for start in range(0, len(self.begins), AT_ONCE):
            yield self.at(slice(start, start + AT_ONCE))

    def joined(self, order: Indices) -> Iterator[bytes]:
        """All lines in an order, each with a comma behind it."""
        for start in range(0, len(order), AT_ONCE):
            yield b",".join(self.at(order[start : start + AT_ONCE])) + b","


def _read_shapes(lines: _Lines) -> Geometries:
    return numpy.concatenate([numpy.empty(0, dtype=object), *map(shapes_of_lines, lines.batches())])


def _boxes(lines: _Lines, shapes: Geometries) -> Numbers:
    """Bboxes of all positions, of geometries that Shapely refuses too; NaN where a line has no place."""
    boxes = numpy.full((len(shapes), 4), numpy.nan)
    for start in range(0, len(shapes), AT_ONCE):
        coordinates, owner = shapely.get_coordinates(shapes[start : start + AT_ONCE], return_index=True)
        firsts = numpy.flatnonzero(numpy.diff(owner, prepend=-1))
        if len(firsts):
            boxes[start + owner[firsts], :2] = numpy.minimum.reduceat(coordinates, firsts)
            boxes[start + owner[firsts], 2:] = numpy.maximum.reduceat(coordinates, firsts)
    missing = numpy.flatnonzero(shapely.is_missing(shapes))
    for start in range(0, len(missing), AT_ONCE):
        rows = missing[start : start + AT_ONCE]
        for row, line in zip(rows.tolist(), lines.at(rows), strict=True):
            if not line.startswith(UNLOCATED):
                boxes[row] = bounds(load_line(line).geometry) or _NOWHERE
    return boxes


def _write_shapes(folder: Path, shapes: Geometries) -> None:
    """Geometries as WKB behind one another, and where each begins."""
    sizes = [numpy.zeros(1, numpy.int64)]

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(shapes), AT_ONCE):
            found = [piece or b"" for piece in shapely.to_wkb(shapes[start : start + AT_ONCE]).tolist()]
            sizes.append(numpy.fromiter(map(len, found), numpy.int64, len(found)))
            yield b"".join(found)

    write_file(folder / "shapes.bin", pieces())
    save(folder / "shapes.npy", numpy.cumsum(numpy.concatenate(sizes)))


class _Columns(Helper):
    """Column files, made beside this process, which tells the order of their features as soon as it is known."""

    def __init__(self, folder: Path, lines: _Lines) -> None:
        self._order: Indices | None = None
        self._source, self._target = os.pipe()
        super().__init__(lambda: _write_columns(folder, lines, self._told))
        os.close(self._source)

    def tell(self, order: Indices) -> None:
        """Have the columns written in this order."""
        self._order = order
        with os.fdopen(self._target, "wb") as pipe:
            self._target = -1
            if self.pid:
                pipe.write(order.tobytes())

    def _told(self) -> Indices:
        if self._order is None:  # this is the other process
            os.close(self._target)
            with os.fdopen(self._source, "rb") as pipe:
                self._order = numpy.frombuffer(pipe.read(), numpy.int64)
        return self._order

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._target >= 0:
            os.close(self._target)
        super().__exit__(kind)


def _write_columns(folder: Path, lines: _Lines, order: Callable[[], Indices]) -> None:
    found = ColumnSet()
    for batch in lines.batches():
        found.take(batch)
    found.write(folder, order())


def save(path: Path, values: NDArray[Any]) -> None:
    """Write an array that :func:`numpy.load` maps into memory."""
    buffer = io.BytesIO()
    numpy.save(buffer, values, allow_pickle=False)
    write_file(path, [buffer.getbuffer()])


def hilbert_order(boxes: Numbers) -> Indices:
    """Positions along a Hilbert curve through the centres of bboxes; rows of NaN come last, in their order."""
    located = numpy.flatnonzero(~numpy.isnan(boxes[:, 0]))
    nowhere = numpy.flatnonzero(numpy.isnan(boxes[:, 0]))
    if not len(located):
        return nowhere
    centres = (boxes[located, :2] + boxes[located, 2:]) / 2
    low, span = centres.min(axis=0), numpy.ptp(centres, axis=0)
    cells = (centres - low) / numpy.where(span > 0, span, 1) * ((1 << HILBERT_BITS) - 1)
    distance = hilbert_distance(cells[:, 0].astype(numpy.int64), cells[:, 1].astype(numpy.int64))
    return numpy.concatenate((located[numpy.argsort(distance, kind="stable")], nowhere))


def hilbert_distance(x: Indices, y: Indices) -> Indices:
    """How far along the Hilbert curve of 2^16 x 2^16 cells each cell lies (Warren, Hacker's Delight, 16-1)."""
    distance = numpy.zeros_like(x)
    for bit in range(HILBERT_BITS - 1, -1, -1):
        side = 1 << bit
        right, up = (x & side) > 0, (y & side) > 0
        distance += side * side * ((3 * right) ^ up)
        flip = ~up & right
        x, y = numpy.where(flip, side - 1 - x, x), numpy.where(flip, side - 1 - y, y)
        x, y = numpy.where(up, x, y), numpy.where(up, y, x)
    return distance
