"""What a dry run is asked and what it shows: values that cross the jail as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from geo_service.core.features import Feature
from geo_service.core.layers import Field, Kind, LayerDefinition
from geo_service.core.revisions import Operation
from geo_service.core.validation import Finding, Report
from geo_service.ingest.crs_doctor import CrsVerdict, ShiftVerdict
from geo_service.ingest.layer import EncodingChoice

Mode = Literal["upsert", "replace", "delete", "attributes"]
How = Literal["chosen", "key", "alias", "title", "short", "prefix", "reserved", "derived", "ambiguous", "none"]
Method = Literal["id", "geometry", "name", "overlap", "nearest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the uploader chose; empty means decide and say so.

    ``crs`` is a key of ``crs_doctor.CHOICES`` or ``declared``; ``mapping`` goes from source field to layer field, with
    an empty target for one that is not wanted; ``defaults`` fill fields of new features; ``first_number`` is the
    lowest number a new business code may get; ``district`` is a GeoJSON geometry; ``kind`` is what a drawing's closed
    lines should become.
    """

    mode: Mode = "upsert"
    layer: str = ""
    encoding: str = ""
    crs: str = ""
    mapping: Mapping[str, str] | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    first_number: int = 1
    district: Mapping[str, Any] | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A dry run as it is put to the worker."""

    upload: str
    name: str
    options: Options
    definition: LayerDefinition | None = None
    current: str = ""
    rev: int = 0


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where a source field goes and why; ``target`` is empty for one that is not taken."""

    source: str
    target: str
    how: How
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """One feature that several rows cover together."""

    fid: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """One row that covers several features."""

    row: int
    fids: tuple[str, ...]


Fate = Literal["changed", "deleted", "stays"]


@dataclass(frozen=True, slots=True)
class Parent:
    """A feature as it was in a split or merge: a row goes on with its id, it goes, or it stays under the others."""

    fid: str
    name: str
    area_m2: float
    fate: Fate


@dataclass(frozen=True, slots=True)
class Child:
    """A row of a split or merge and the id its feature has or gets; empty where the row is left out."""

    row: int
    fid: str
    name: str
    area_m2: float


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where features come from: one parent and its parts, or several parents and what they became."""

    kind: Literal["split", "merge"]
    parents: tuple[Parent, ...]
    children: tuple[Child, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows and features came to what; ``fields`` counts changed values by field, ``geometry`` among them."""

    rows: int = 0
    accepted: int = 0
    located: int = 0
    current: int = 0
    added: int = 0
    modified: int = 0
    deleted: int = 0
    unchanged: int = 0
    missing: int = 0
    matched: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, int] = field(default_factory=dict)
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything a dry run shows. ``counts`` are all findings by code, ``findings`` the first of each.

    ``schema`` is the proposal for a new layer's fields; ``base_rev`` the revision the file says it was made from (0
    where it says nothing); ``changes_file`` and ``geometry_type`` are set where rows could be read.
    """

    name: str
    format: str = ""
    member: str = ""
    layer: str = ""
    layers: tuple[str, ...] = ()
    encoding: EncodingChoice | None = None
    crs: CrsVerdict | None = None
    shift: ShiftVerdict | None = None
    mapping: tuple[MappedField, ...] = ()
    schema: tuple[Field, ...] = ()
    geometry_types: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    splits: tuple[Split, ...] = ()
    merges: tuple[Merge, ...] = ()
    lineage: tuple[Lineage, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)
    base_rev: int = 0
    changes_file: str = ""
    elapsed_s: float = 0.0
    peak_bytes: int = 0
    cpu_s: float = 0.0

    @property
    def report(self) -> Report:
        """The findings kept."""
        return Report(self.findings)

    @property
    def readable(self) -> bool:
        """Whether the file was read to the end, whatever its rows are worth."""
        return bool(self.changes_file)

    def changes(self) -> Iterator[ProposedChange]:
        """The proposed changes one by one, read from the job's folder; nothing is held in memory."""
        if not self.changes_file:
            return
        with Path(self.changes_file).open("rb") as stream:
            for line in stream:
                yield msgspec.json.decode(line, type=ProposedChange)


class ProposedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change a file proposes: ``row`` in the file (0 for a deletion), ``how`` the feature was recognised, ``given``
    the fields the file speaks of, ``fields`` those that differ."""

    fid: str
    operation: Operation
    row: int
    how: str
    fields: tuple[str, ...]
    given: tuple[str, ...]
    properties: dict[str, Any] | None
    geometry: dict[str, Any] | None

    def after(self) -> Feature | None:
        """The feature as it would be; None for a deletion."""
        return None if self.properties is None else Feature(self.fid, self.properties, self.geometry)
