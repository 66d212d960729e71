"""Rows that wait in files to be written: by two processes, in order of id, never all of them in memory."""

from __future__ import annotations

import itertools
import mmap
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy
import shapely

from geo_service.core.bulk_shapes import Geometries
from geo_service.errors import StorageFault
from geo_service.storage.rows import StoredFeature

AT_ONCE = 5_000
LINE, SHAPE = 0, 1
Batch = tuple[Sequence[StoredFeature], Geometries]
"""Some rows with the geometries of their lines."""
_NAN = (numpy.nan,) * 4


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows as one process has put them down: lines and geometries (WKB) behind one another, and a table of their ids,
    sizes and bboxes."""

    lines: IO[bytes]
    shapes: IO[bytes]
    table_file: IO[bytes]

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """An empty one, in files without a name on the disk of a folder (they may be larger than a disk for temporary
        files), which go when all who have them open close them or end."""
        with ExitStack() as stack:
            yield cls(*(stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in range(3)))

    def fill(self, batches: Iterable[Batch]) -> None:
        """Put rows down."""
        fids: list[str] = []
        sizes, boxes = [numpy.empty((0, 2), numpy.int64)], [numpy.empty((0, 4))]
        for rows, shapes in batches:
            texts = [row.line.encode() for row in rows]
            pieces = [piece or b"" for piece in shapely.to_wkb(shapes).tolist()]
            self.lines.write(b"".join(texts))
            self.shapes.write(b"".join(pieces))
            fids += [row.fid for row in rows]
            lengths = [(len(text), len(piece)) for text, piece in zip(texts, pieces, strict=True)]
            sizes.append(numpy.array(lengths, numpy.int64).reshape(-1, 2))  # there may be no rows in it
            boxes.append(numpy.array([row.bbox or _NAN for row in rows]).reshape(-1, 4))
        self.lines.flush()
        self.shapes.flush()
        table = _Table(fids, numpy.concatenate(sizes), numpy.concatenate(boxes))
        pickle.dump(table, self.table_file, pickle.HIGHEST_PROTOCOL)
        self.table_file.flush()

    def table(self) -> _Table:
        """What was put down, in that order."""
        self.table_file.seek(0)
        found: _Table = pickle.load(self.table_file)  # noqa: S301  # our own, from a moment ago
        return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Ids; bytes of each line and geometry (rows x 2; 0 where there is none); bboxes (rows x 4; NaN likewise)."""

    fids: list[str]
    sizes: Any
    boxes: Any


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
        self._fids = [fid for table in tables for fid in table.fids]
        self._boxes = numpy.concatenate([table.boxes for table in tables])
        self._ends = numpy.concatenate([numpy.cumsum(table.sizes, axis=0) for table in tables])
        self._begins = self._ends - numpy.concatenate([table.sizes for table in tables])
        self._parts = numpy.repeat(numpy.arange(len(tables)), [len(table.fids) for table in tables])
        self._data = [(_mapped(spool.lines), _mapped(spool.shapes)) for spool in spools]
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
            for fid, line, box in zip(fids, self._at(chosen, LINE), boxes, strict=True):
                yield StoredFeature(fid, line.decode(), None if box[0] != box[0] else tuple(box))

    def lines(self) -> Iterator[str]:
        """The canonical line of each."""
        for chosen in self._batches():
            yield from (line.decode() for line in self._at(chosen, LINE))

    def shapes(self) -> Geometries:
        """The geometry of each, None where there is none."""
        found = [numpy.empty(0, dtype=object)]
        for chosen in self._batches():
            pieces = [piece or None for piece in self._at(chosen, SHAPE)]
            found.append(shapely.from_wkb(numpy.array(pieces, dtype=object)))
        return numpy.concatenate(found)

    def _batches(self) -> Iterator[Any]:
        return (self._order[start : start + AT_ONCE] for start in range(0, len(self), AT_ONCE))

    def _at(self, chosen: Any, what: int) -> list[bytes]:
        where = (self._parts[chosen], self._begins[chosen, what], self._ends[chosen, what])
        places = zip(*(each.tolist() for each in where), strict=True)
        return [self._data[part][what][begin:end] for part, begin, end in places]

    def _require_different(self, layer_id: str) -> None:
        for fid, following in itertools.pairwise([self._fids[row] for row in self._order.tolist()]):
            if fid == following:
                raise StorageFault(reason=f"{layer_id}: 编号重复 / two features of id {fid}")


def _mapped(file: IO[bytes]) -> Any:
    """The bytes of a file without reading them; an empty one cannot be mapped."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.seek(0, 2) else b""
