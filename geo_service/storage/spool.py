"""Rows that wait in files to be written: by two processes, in order of id, never all of them in memory."""

from __future__ import annotations

import itertools
import mmap
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Self

import numpy

from geo_service.errors import StorageFault
from geo_service.storage.rows import StoredFeature, batches

AT_ONCE = 5_000
_NAN = (numpy.nan,) * 4


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows as one process has put them down: lines behind one another, and a table of their ids, sizes and bboxes."""

    file: IO[bytes]
    table_file: IO[bytes]

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """An empty one, in files without a name, which go when all who have them open close them or end."""
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as table_file:
            yield cls(file, table_file)

    def fill(self, rows: Iterable[StoredFeature]) -> None:
        """Put rows down."""
        fids: list[str] = []
        sizes, boxes = [numpy.empty(0, numpy.int64)], [numpy.empty((0, 4))]
        for batch in batches(rows, AT_ONCE):
            texts = [row.line.encode() for row in batch]
            self.file.write(b"".join(texts))
            fids += [row.fid for row in batch]
            sizes.append(numpy.fromiter(map(len, texts), numpy.int64, len(texts)))
            boxes.append(numpy.array([row.bbox or _NAN for row in batch]))
        self.file.flush()
        table = (fids, numpy.concatenate(sizes), numpy.concatenate(boxes))
        pickle.dump(table, self.table_file, pickle.HIGHEST_PROTOCOL)
        self.table_file.flush()

    def table(self) -> tuple[list[str], Any, Any]:
        """Ids, sizes of lines in bytes, and bboxes (NaN where a row has none), in the order they were put down."""
        self.table_file.seek(0)
        found: tuple[list[str], Any, Any] = pickle.load(self.table_file)  # noqa: S301  # our own, from a moment ago
        return found


class ReadyRows:
    """The rows of several spools, in order of id."""

    def __init__(self, layer_id: str, *spools: Spool) -> None:
        """
        Raises
        ------
        StorageFault
            Two rows have the same id.
        """
        tables = [spool.table() for spool in spools]
        self._fids = [fid for fids, _, _ in tables for fid in fids]
        self._boxes = numpy.concatenate([boxes for _, _, boxes in tables])
        self._ends = numpy.concatenate([numpy.cumsum(sizes) for _, sizes, _ in tables])
        self._begins = self._ends - numpy.concatenate([sizes for _, sizes, _ in tables])
        self._parts = numpy.repeat(numpy.arange(len(spools)), [len(fids) for fids, _, _ in tables])
        self._data = [_mapped(spool.file) for spool in spools]
        self._order = numpy.array(sorted(range(len(self._fids)), key=self._fids.__getitem__), numpy.int64)
        """Of text as of its bytes: the order of code points is that of UTF-8."""
        self._require_different(layer_id)

    def __len__(self) -> int:
        return len(self._fids)

    def rows(self) -> Iterator[StoredFeature]:
        """All rows."""
        for chosen in self._batches():
            boxes = self._boxes[chosen].tolist()
            fids = [self._fids[row] for row in chosen.tolist()]
            for fid, line, box in zip(fids, self._lines_at(chosen), boxes, strict=True):
                yield StoredFeature(fid, line, None if box[0] != box[0] else tuple(box))

    def lines(self) -> Iterator[str]:
        """The canonical line of each."""
        for chosen in self._batches():
            yield from self._lines_at(chosen)

    def _batches(self) -> Iterator[Any]:
        return (self._order[start : start + AT_ONCE] for start in range(0, len(self), AT_ONCE))

    def _lines_at(self, chosen: Any) -> list[str]:
        where = (places[chosen].tolist() for places in (self._parts, self._begins, self._ends))
        return [self._data[part][begin:end].decode() for part, begin, end in zip(*where, strict=True)]

    def _require_different(self, layer_id: str) -> None:
        for fid, following in itertools.pairwise([self._fids[row] for row in self._order.tolist()]):
            if fid == following:
                raise StorageFault(reason=f"{layer_id}: 编号重复 / two features of id {fid}")


def _mapped(file: IO[bytes]) -> Any:
    """The bytes of a file without reading them; an empty one cannot be mapped."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.seek(0, 2) else b""
