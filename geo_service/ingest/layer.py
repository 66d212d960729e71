"""What a reader gets and gives: the source it opens and the layer it read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo_service.ingest.examination import Options
    from geo_service.ingest.findings import FindingLog
    from geo_service.ingest.limits import Limits


@dataclass(frozen=True, slots=True)
class EncodingPreview:
    """The first texts of a file in one encoding."""

    encoding: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingChoice:
    """How text was read: ``sure`` is false where a person should look; ``previews`` show every candidate."""

    encoding: str
    sure: bool = True
    declared: str = ""
    previews: tuple[EncodingPreview, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to read: the server-named copy, what it is, where to put temporary files, what the uploader chose."""

    path: Path
    name: str
    work: Path
    options: Options
    limits: Limits
    log: FindingLog
    progress: Callable[[str, int, int], None]


@dataclass(slots=True, kw_only=True)
class ReadLayer:
    """A layer as it stood in the file, column by column.

    ``rows`` are row numbers as people count them (lines of a table, feature numbers else) from 1; ``geometry`` is an
    array of Shapely geometries or None in the file's own coordinates; ``crs`` is what the file states, as ``EPSG:…`` or
    WKT, or None; ``layers`` are the names of all layers there; ``absent`` says by column which rows have no such field
    at all (where a format can leave it out), as against an empty value in it.
    """

    name: str
    rows: list[int]
    columns: dict[str, list[Any]]
    geometry: numpy.ndarray[Any, Any]
    crs: str | None = None
    encoding: EncodingChoice | None = None
    layers: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)
    absent: dict[str, numpy.ndarray[Any, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, keep: numpy.ndarray[Any, Any]) -> ReadLayer:
        """The same layer with only the rows where ``keep`` is true."""
        picked = numpy.flatnonzero(keep).tolist()
        columns = {key: [values[i] for i in picked] for key, values in self.columns.items()}
        return ReadLayer(
            name=self.name,
            rows=[self.rows[i] for i in picked],
            columns=columns,
            geometry=self.geometry[keep],
            crs=self.crs,
            encoding=self.encoding,
            layers=self.layers,
            remarks=self.remarks,
            absent={key: where[keep] for key, where in self.absent.items()},
        )


def objects(values: list[Any]) -> numpy.ndarray[Any, Any]:
    """A one-dimensional array of objects, whatever the objects are."""
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array
