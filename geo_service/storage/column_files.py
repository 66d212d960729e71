"""The attributes of a revision as columns on disk, mapped into memory when they are asked."""

from __future__ import annotations

import itertools
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy

from geo_service.core.columns import Codes, Column, ColumnBuilder, Indices
from geo_service.storage.files import write_file

FOLDER = "columns"
ARRAYS = ("codes", "offsets", "numbers", "texts", "lines")
BYTES = ("blob", "folded")
ID = "id"


class _Attributes(msgspec.Struct):
    """What columns take of a canonical line; the geometry is passed over."""

    id: str
    properties: dict[str, Any]


_DECODER = msgspec.json.Decoder(_Attributes)


class ColumnSet:
    """Columns that grow feature by feature, in order of id."""

    def __init__(self) -> None:
        self._builders: dict[str, ColumnBuilder] = {ID: ColumnBuilder()}
        self._count = 0

    def take(self, lines: Iterable[bytes]) -> None:
        """Take in the next canonical lines."""
        for _, alike in itertools.groupby(map(_DECODER.decode, lines), lambda feature: feature.properties.keys()):
            self._add(list(alike))

    def _add(self, features: Sequence[_Attributes]) -> None:
        """Features that follow one another and have the same attributes."""
        self._builders[ID].extend(self._count, [feature.id for feature in features])
        for key in features[0].properties:
            builder = self._builders.get(key)
            if builder is None:
                builder = self._builders[key] = ColumnBuilder()
            builder.extend(self._count, [feature.properties[key] for feature in features])
        self._count += len(features)

    def write(self, folder: Path, order: Indices) -> None:
        """Files of every column, features in another order; builders are given up one by one."""
        keys = list(self._builders)
        for number, key in enumerate(keys):
            builder = self._builders.pop(key)
            builder.pad(self._count)
            arrays = builder.arrays()
            arrays["codes"] = arrays["codes"][order]
            _write(folder / FOLDER / str(number), arrays)
            if key == ID:
                by_id = numpy.argsort(arrays["codes"]).astype(numpy.int32)
                _save(folder / FOLDER / "by_id.npy", by_id)
        write_file(folder / FOLDER / "keys.json", [msgspec.json.encode(keys)])


def _write(folder: Path, arrays: Mapping[str, Any]) -> None:
    for name in ARRAYS:
        _save(folder / f"{name}.npy", arrays[name])
    for name in BYTES:
        write_file(folder / f"{name}.bin", [arrays[name]])


def _save(path: Path, values: Any) -> None:
    """An array on the disk, not only on its way there: its folder is taken for whole after a power cut too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        numpy.save(file, values, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


class ColumnFiles(Mapping[str, Column]):
    """The columns of a folder by key, and the positions of its features in order of id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._open: dict[str, Column] = {}

    @cached_property
    def _places(self) -> dict[str, int]:
        keys = msgspec.json.decode((self._folder / "keys.json").read_bytes(), type=list[str])
        return {key: number for number, key in enumerate(keys)}

    @cached_property
    def by_id(self) -> Codes:
        """Positions in order of id."""
        return numpy.asarray(numpy.load(self._folder / "by_id.npy", mmap_mode="r"))

    def __getitem__(self, key: str) -> Column:
        if key not in self._open:
            self._open[key] = _read(self._folder / str(self._places[key]))
        return self._open[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _read(folder: Path) -> Column:
    arrays = {name: numpy.asarray(numpy.load(folder / f"{name}.npy", mmap_mode="r")) for name in ARRAYS}
    data = {name: map_file(folder / f"{name}.bin") for name in BYTES}
    return Column(texts=int(arrays.pop("texts")[0]), **arrays, **data)


def map_file(path: Path) -> Any:
    """The bytes of a file without reading them; an empty file cannot be mapped."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
