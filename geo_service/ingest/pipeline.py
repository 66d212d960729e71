"""The dry run as it runs in the worker: file, container, encoding, CRS, schema, geometry, identity, topology."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import numpy
import shapely

from geo_service.core.text import Text
from geo_service.core.validation import Finding
from geo_service.ingest import current as published
from geo_service.ingest.change_file import CHANGES
from geo_service.ingest.comparison import Rows, compare_rows
from geo_service.ingest.crs_doctor import District, Hypothesis, ShiftVerdict, diagnose, diagnose_shift
from geo_service.ingest.current import Current
from geo_service.ingest.examination import Examination, MappedField, Merge, Request, Split, Tally
from geo_service.ingest.findings import FindingLog, Refused
from geo_service.ingest.geometry import GEOMETRY_TYPES, check_geometry, check_size, to_degrees
from geo_service.ingest.identity import Matching, find_splits_and_merges, match
from geo_service.ingest.layer import ReadLayer, Source
from geo_service.ingest.limits import Limits
from geo_service.ingest.lineage import Lineages
from geo_service.ingest.mapping import ID_FIELD, REV_FIELD, propose_mapping
from geo_service.ingest.readers import read
from geo_service.ingest.schema import infer_fields
from geo_service.ingest.sniff import sniff
from geo_service.ingest.values import convert_column, count_unseen, texts_of


class Run:
    """One dry run; ``examination`` grows stage by stage, so that a refusal still shows what was found out."""

    def __init__(self, request: Request, folder: Path, limits: Limits) -> None:
        self.request = request
        self.folder = folder
        self.limits = limits
        self.log = FindingLog(limits.findings)
        self.examination = Examination(name=request.name)

    def note(self, **found: Any) -> None:
        """Add to the examination."""
        self.examination = dataclasses.replace(self.examination, **found)

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say how far it is, for whoever looks into the job's folder."""
        out = self.folder / "out"
        fresh = out / "progress.new"
        fresh.write_bytes(msgspec.json.encode({"stage": stage, "done": done, "total": total}))
        fresh.replace(out / "progress.json")

    def examine(self) -> Examination:
        """The whole dry run; refusals end in findings."""
        try:
            self._examine()
        except Refused as refusal:
            self.log.extend([refusal.finding])
        findings = tuple(map(self._titled, sorted(self.log.report.findings, key=lambda f: f.row or 0)))
        self.note(findings=findings, counts=dict(self.log.counts))
        return self.examination

    def _titled(self, finding: Finding) -> Finding:
        """The finding with its field called as people call it."""
        item = self.request.definition.field(finding.field) if self.request.definition and finding.field else None
        return dataclasses.replace(finding, params={"field": item.title, **finding.params}) if item else finding

    def _examine(self) -> None:
        layer = self._read()
        fine = check_size(layer.geometry, layer.rows, self.log, self.limits)
        if not fine.all():
            layer = layer.take(fine)
        mapping = self._map(layer)
        reading = self._locate(layer)
        if reading is None:
            return
        self.progress("geometry")
        degrees = to_degrees(layer.geometry, reading.move)
        layer.geometry = numpy.empty(0, dtype=object)  # not needed any more, and as large as the one in degrees
        rows = self._rows(layer, mapping, degrees)
        current = self._current()
        self.progress("identity")
        matching = match(rows.side(), current.side())
        if self._is_shifted(rows, current, matching):
            return
        splits, merges = self._show_identity(rows, current, matching)
        self.progress("comparing")
        tally, new_ids = compare_rows(
            rows,
            current,
            matching,
            request=self.request,
            log=self.log,
            target=self.folder / "out",
            splits=splits,
            merges=merges,
        )
        lineages = Lineages(rows, current, matching, new_ids, self.request.options.mode)
        self.note(tally=tally, changes_file=CHANGES, lineage=lineages.trace(splits, merges))

    def _read(self) -> ReadLayer:
        self.progress("opening")
        work = self.folder / "work"
        sniffed = sniff(Path(self.request.upload), work, self.limits)
        self.note(format=sniffed.format, member=sniffed.member)
        source = Source(
            path=sniffed.path,
            name=self.request.name,
            work=work,
            options=self._options(),
            limits=self.limits,
            log=self.log,
            progress=self.progress,
        )
        self.progress("reading")
        layer = read(source, sniffed)
        self.note(layer=layer.name, layers=layer.layers, encoding=layer.encoding, remarks=layer.remarks)
        self.note(tally=Tally(rows=len(layer)))
        self._check_encoding(layer)
        if not len(layer) and not self.log.blocks():
            raise Refused("file-no-features")
        return layer

    def _options(self) -> Any:
        options, definition = self.request.options, self.request.definition
        return dataclasses.replace(options, kind=definition.kind) if definition else options

    def _check_encoding(self, layer: ReadLayer) -> None:
        from geo_service.ingest.encoding import normalise_encoding

        choice = layer.encoding
        if choice is None or self.request.options.encoding:
            return
        stated = normalise_encoding(choice.declared)
        if not choice.sure:
            self.log.add("encoding-unsure", encoding=choice.encoding)
        elif stated and stated != choice.encoding:
            self.log.add("encoding-declared-wrong", declared=choice.declared[:40], encoding=choice.encoding)

    def _map(self, layer: ReadLayer) -> tuple[MappedField, ...]:
        definition = self.request.definition
        if definition is None:
            self.note(schema=infer_fields(layer.columns))
            return ()
        mapping = propose_mapping(layer.columns, definition, self.request.options.mapping)
        self.note(mapping=mapping)
        for item in mapping:
            if item.how == "none" and any(v is not None for v in layer.columns[item.source]):
                self.log.add("field-unmapped", field=item.source[:60])
            elif item.how == "ambiguous":
                self.log.add("field-ambiguous", field=item.source[:60], candidates="…")
        return mapping

    def _locate(self, layer: ReadLayer) -> Hypothesis | None:
        """The reading of the coordinates; None where the doctor refuses to guess."""
        self.progress("crs")
        points = shapely.get_coordinates(layer.geometry)
        points = points[numpy.isfinite(points).all(axis=1)]
        if not len(points):
            return None if self.log.blocks() else _NOWHERE
        outline = self.request.options.district
        district = District(shapely.geometry.shape(dict(outline)) if outline else shapely.box(*_ANYWHERE))
        verdict, reading = diagnose(points, layer.crs, district, chosen=self.request.options.crs)
        self.note(crs=verdict)
        if verdict.finding:
            self.log.add(verdict.finding, **dict(verdict.params))
        return reading

    def _rows(self, layer: ReadLayer, mapping: tuple[MappedField, ...], degrees: Any) -> Rows:
        """Rows with converted values and checked geometries; what blocks a row is noted."""
        columns: dict[str, list[Any]] = {}
        reserved: dict[str, list[Any]] = {}
        for item in mapping:
            values = layer.columns[item.source]
            if item.target in (ID_FIELD, REV_FIELD):
                reserved[item.target] = values
            elif item.target:
                columns[item.target] = self._converted(item.target, values, layer.rows)
        names = columns.get("name", [None] * len(layer))
        definition = self.request.definition
        checked = check_geometry(degrees, layer.rows, names, definition=definition, log=self.log, limits=self.limits)
        types = sorted(
            GEOMETRY_TYPES[i] for i in numpy.unique(shapely.get_type_id(checked.geometry)).tolist() if i >= 0
        )
        bad = self.log.bad_rows
        fine = checked.fine & numpy.array([r not in bad for r in layer.rows], dtype=bool)
        self.note(geometry_types=tuple(types), base_rev=self._base(reserved.get(REV_FIELD, [])))
        if definition is None:
            columns = layer.columns
        absent = {item.target: layer.absent[item.source] for item in mapping if item.source in layer.absent}
        ids = self._ids(reserved.get(ID_FIELD, [None] * len(layer)), layer.rows)
        return Rows(numbers=layer.rows, ids=ids, columns=columns, geometry=checked.geometry, fine=fine, absent=absent)

    def _converted(self, target: str, values: list[Any], rows: list[int]) -> list[Any]:
        item = self.request.definition.field(target) if self.request.definition else None
        if item is None:
            raise Refused("file-broken", reason=f"mapping: {target}")
        converted, problems = convert_column(item, values)
        for index, problem in problems.items():
            self.log.add(problem.code, row=rows[index], field=target, **dict(problem.params))
        if unseen := count_unseen(texts_of(values)):
            self.log.add("text-control", field=target, count=unseen)
        self._check_lengths(target, converted, rows)
        return converted

    def _check_lengths(self, target: str, values: list[Any], rows: list[int]) -> None:
        limit = self.limits.cell_bytes
        if max(map(len, texts_of(values)), default=0) <= limit // 4:
            return
        for index, value in enumerate(values):
            if isinstance(value, str) and len(value.encode()) > limit:
                self.log.add("cell-too-long", row=rows[index], field=target, limit=limit // 1024)

    def _ids(self, values: list[Any], rows: list[int]) -> list[str | None]:
        ids = [str(v).strip() or None if v is not None else None for v in values]
        stated = list(filter(None, ids))
        if len({*stated}) == len(stated):
            return ids
        first: dict[str, int] = {}
        for row, fid in zip(rows, ids, strict=True):
            if fid and fid in first:
                self.log.add("identity-duplicate", row=row, fid=fid[:60], first=first[fid])
            elif fid:
                first[fid] = row
        return ids

    def _base(self, values: list[Any]) -> int:
        """The revision the file says it was made from."""
        stated = {int(float(text)) for text in {*map(str, values)} if text.replace(".0", "").isdigit()}
        if len(stated) > 1:
            self.log.add("base-mixed", revisions=sorted(stated)[:10])
        base = min(stated, default=0)
        if base and base != self.request.rev:
            self.log.add("base-behind", base=base, head=self.request.rev)
        return base

    def _current(self) -> Current:
        return published.read_current(Path(self.request.current)) if self.request.current else published.EMPTY

    def _is_shifted(self, rows: Rows, current: Current, matching: Matching) -> bool:
        """Whether offsets against matched features speak for another datum; then nothing is compared."""
        shift = self._shift(rows, current, matching)
        self.note(shift=shift)
        if shift.key and not self.request.options.crs:
            fit = shift.fits[0]
            self.log.add("crs-datum-shift", fit=fit.fitting, matched=shift.matched, hypothesis=fit.title)
            if self.examination.crs:
                verdict = dataclasses.replace(
                    self.examination.crs, state="shifted", proposed=shift.key, fits=shift.fits
                )
                self.note(crs=verdict)
            return True
        if shift.uniform_m:
            east, north = shift.uniform_m
            self.log.add(
                "crs-uniform-shift",
                east_m=round(east),
                north_m=round(north),
                fit=shift.uniform_count,
                matched=shift.matched,
            )
        return False

    def _shift(self, rows: Rows, current: Current, matching: Matching) -> ShiftVerdict:
        pairs = [(r, int(matching.feature[r])) for r, how in matching.how.items() if how in ("id", "name")]
        read_at = shapely.centroid(rows.geometry[[r for r, _ in pairs]])
        known_at = shapely.centroid(current.geometry[[i for _, i in pairs]])
        both = ~shapely.is_missing(read_at) & ~shapely.is_missing(known_at)
        both &= ~shapely.is_empty(read_at) & ~shapely.is_empty(known_at)
        return diagnose_shift(shapely.get_coordinates(known_at[both]), shapely.get_coordinates(read_at[both]))

    def _show_identity(
        self, rows: Rows, current: Current, matching: Matching
    ) -> tuple[tuple[Split, ...], tuple[Merge, ...]]:
        known = set(current.ids)
        if self.request.definition is None:
            return (), ()
        strange = [(r, fid[:60]) for r, fid in zip(rows.numbers, rows.ids, strict=True) if fid and fid not in known]
        if strange:
            self.log.add_rows("identity-unknown", strange)
        splits, merges = find_splits_and_merges(rows.numbers, rows.side(), current.side(), matching)
        self.note(splits=splits, merges=merges)
        for split in splits:
            self.log.add("identity-split", fid=split.fid, rows=split.rows[:20])
        for merge in merges:
            self.log.add("identity-merge", row=merge.row, fids=merge.fids[:20])
        return splits, merges


_ANYWHERE = (-180.0, -90.0, 180.0, 90.0)
_NOWHERE = Hypothesis("", Text("", ""), lambda x, y: (x, y))
"""For files without a single coordinate: everything is unlocated."""


def run(folder: Path, limits: Limits) -> None:
    """The task: read the request, examine, leave the result in the job's folder."""
    request = msgspec.json.decode((folder / "in" / "request.json").read_bytes(), type=Request)
    examination = Run(request, folder, limits).examine()
    (folder / "out" / "result.json").write_bytes(msgspec.json.encode(examination))
