"""Features of a large layer as a sequence that decodes each when it is looked at, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy
from numpy.typing import NDArray

from geo_service.core.features import Feature
from geo_service.core.geojson import load_line

Rows = NDArray[numpy.int64]
CHUNK = 1_000


class Lines(Sequence[Feature]):
    """Features by their rows; ``read`` gives the canonical lines of some rows."""

    def __init__(self, rows: Rows, read: Callable[[Rows], list[bytes]]) -> None:
        self.rows = rows
        self._read = read

    def text(self) -> bytes:
        """The features as JSON with commas between, byte for byte as they are stored."""
        return b",".join(self._read(self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Feature: ...

    @overload
    def __getitem__(self, index: slice) -> Lines: ...

    def __getitem__(self, index: int | slice) -> Feature | Lines:
        if isinstance(index, slice):
            return Lines(self.rows[index], self._read)
        return load_line(self._read(self.rows[[index]])[0])

    def __iter__(self) -> Iterator[Feature]:
        for start in range(0, len(self.rows), CHUNK):
            yield from map(load_line, self._read(self.rows[start : start + CHUNK]))
