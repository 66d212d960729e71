"""A tile source as files, mapped into memory: a million features take no memory of the process that cuts tiles."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy

from geo_service.core.columns import Column as Values
from geo_service.rendering import mvt
from geo_service.rendering.mvt_shapes import Geometries, Shapes, shapes_of
from geo_service.rendering.tiles import TileSource, labels_of

READY = "ready"
LABELS = "labels"
QUOTE = ord('"')


def write_geometries(folder: Path, geometries: Geometries) -> None:
    """Files of a source: what is made of geometries, a row each."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = shapes_of(geometries)
    for each in shapes:
        _save(folder / f"shapes{each.kind}", each)
    labels, sizes = labels_of(geometries, shapes)
    if labels is not None:
        _save(folder / LABELS, labels)
    _write(folder / "label_sizes.npy", sizes)


def write_columns(folder: Path, keys: Sequence[str], columns: Mapping[str, Values], count: int) -> None:
    """Files of a source whose geometries are there: ``keys`` are the properties tiles carry, of so many rows."""
    for number, key in enumerate(keys):
        _save(folder / f"column{number}", _column(columns.get(key), count))
    (folder / READY).touch()


def read_source(folder: Path, keys: Sequence[str], name: str) -> TileSource:
    """The source of a folder; only what a tile needs is ever read."""
    columns = tuple(mvt.Column(**_load(folder / f"column{number}", mvt.Column)) for number in range(len(keys)))
    shapes = [
        Shapes(kind=kind, **_load(folder / f"shapes{kind}", Shapes))
        for kind in (mvt.POLYGON, mvt.LINE, mvt.POINT)
        if (folder / f"shapes{kind}").exists()
    ]
    has_labels = (folder / LABELS).exists()
    labels = Shapes(kind=mvt.POINT, **_load(folder / LABELS, Shapes)) if has_labels else None
    table = mvt.Table(mvt.encode_keys(keys), columns)
    sizes = numpy.asarray(numpy.load(folder / "label_sizes.npy", mmap_mode="r"))
    return TileSource(name, table, tuple(shapes), labels, sizes)


def _column(values: Values | None, count: int) -> mvt.Column:
    """A column of tiles from a column of the revision: the same codes, the values as tiles write them."""
    if values is None:
        return mvt.Column(numpy.full(count, -1), numpy.empty(0, numpy.uint8), numpy.zeros(1, numpy.int64))
    encoded = _encoded(values)
    offsets = numpy.concatenate([[0], numpy.cumsum([len(e) for e in encoded], dtype=numpy.int64)])
    return mvt.Column(
        values.codes.astype(numpy.int64), numpy.frombuffer(b"".join(encoded), numpy.uint8), offsets.astype(numpy.int64)
    )


def _encoded(values: Values) -> list[bytes]:
    """Distinct values as tiles write them; a text that JSON writes as it is needs no decoding."""
    offsets, data, found = values.offsets.tolist(), bytes(values.blob), []
    heads: dict[int, bytes] = {}
    for begin, end in pairwise(offsets):
        size = end - begin - 2
        if data[begin] != QUOTE or data.find(b"\\", begin, end) >= 0:
            found.append(mvt.field(4, mvt.encode_value(msgspec.json.decode(data[begin:end])) or b""))
            continue
        if size not in heads:
            heads[size] = mvt.field(4, mvt.field(1, bytes(size)))[: -size or None]
        found.append(heads[size] + data[begin + 1 : end - 1])
    return found


def _arrays(kind: type[Any]) -> list[str]:
    return [f.name for f in dataclasses.fields(kind) if f.name not in ("kind", "hidden")]


def _save(folder: Path, value: Any) -> None:
    folder.mkdir(exist_ok=True)
    for name in _arrays(type(value)):
        _write(folder / f"{name}.npy", getattr(value, name))


def _write(path: Path, values: Any) -> None:
    """An array on the disk, not only on its way there: ``READY`` is believed after a power cut too."""
    with path.open("wb") as file:
        numpy.save(file, values, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _load(folder: Path, kind: type[Any]) -> dict[str, Any]:
    return {name: numpy.asarray(numpy.load(folder / f"{name}.npy", mmap_mode="r")) for name in _arrays(kind)}
