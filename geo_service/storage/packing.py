"""A revision's features packed for serving: the published file, and the same lines in Hilbert order."""

from __future__ import annotations

import io
import mmap
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from geo_service.core.geojson import dump_collection
from geo_service.storage.column_files import ColumnSet
from geo_service.storage.files import write_file
from geo_service.storage.rows import StoredFeature, batches

Numbers = NDArray[numpy.float64]
Indices = NDArray[numpy.int64]

HILBERT_BITS = 16


def build(
    folder: Path, layer_id: str, rev: int, rows: Iterable[StoredFeature], columns: ColumnSet | None = None
) -> str:
    """The hash of the published file; the folder holds it, its features in Hilbert order and the columns asked for."""
    lengths, boxes = array("q"), array("d")
    path = folder / "layer.geojson"
    lines = _measured(rows, lengths, boxes)
    sha256 = write_file(path, dump_collection(layer_id, rev, columns.watch(lines) if columns else lines))
    table = numpy.frombuffer(boxes, dtype=float).reshape(-1, 4) if boxes else numpy.empty((0, 4))
    sizes = numpy.frombuffer(lengths, dtype=numpy.int64) if lengths else numpy.empty(0, dtype=numpy.int64)
    order = hilbert_order(table)
    begins = len(next(dump_collection(layer_id, rev, ()))) + numpy.concatenate(([0], numpy.cumsum(sizes + 2)[:-1]))
    write_file(folder / "features.bin", _slices(path, begins[order], sizes[order]) if len(sizes) else [])
    save(folder / "offsets.npy", numpy.concatenate(([0], numpy.cumsum(sizes[order] + 1))))
    save(folder / "boxes.npy", table[order])
    if columns:
        columns.write(folder, order)
    return sha256


def _measured(rows: Iterable[StoredFeature], lengths: array[int], boxes: array[float]) -> Iterator[str]:
    nowhere = (numpy.nan,) * 4
    for row in rows:
        lengths.append(len(row.line.encode()))
        boxes.extend(row.bbox or nowhere)
        yield row.line


def _slices(path: Path, begins: Indices, sizes: Indices) -> Iterator[bytes]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pairs = zip(begins.tolist(), sizes.tolist(), strict=True)
        for batch in batches(pairs, 2000):
            yield b",".join([data[begin : begin + size] for begin, size in batch]) + b","


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
