"""What accepting a file would change: each row against the feature it was matched to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy
import shapely

from geo_service.core.crs import project
from geo_service.core.geojson import geometry_texts
from geo_service.core.layers import Field, LayerDefinition
from geo_service.ingest.change_file import Entries, Entry, Kind, write_changes
from geo_service.ingest.current import Current
from geo_service.ingest.examination import Merge, Request, Split, Tally
from geo_service.ingest.findings import FindingLog
from geo_service.ingest.geometry import check_tiles
from geo_service.ingest.identity import Matching, Side
from geo_service.ingest.normalise import BLOCK, blocks, same_geometry, same_value

Array = numpy.ndarray[Any, Any]

MOVED_M, AREA_FACTOR, DELETED_SHARE, COUNT_SHARE, COUNT_FROM = 100.0, 2.0, 0.20, 0.30, 10
_UNLOCATED = "unlocated"
_NOTHING = (None, "")
_ENCODER = msgspec.json.Encoder()
_ENCODE = _ENCODER.encode


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of a file in the layer's terms: values by field key, geometries in degrees; ``fine`` may be kept.

    ``absent`` marks by field key the rows that say nothing of a field; they leave it as it is.
    """

    numbers: list[int]
    ids: list[str | None]
    columns: dict[str, list[Any]]
    geometry: Array
    fine: Array
    absent: dict[str, Array] = field(default_factory=dict)

    def side(self) -> Side:
        """What matching needs."""
        return Side(self.ids, self.columns.get("name", [None] * len(self.numbers)), self.geometry)


@dataclass(slots=True)
class _Outcome:
    operations: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    touched: set[int] = field(default_factory=set)


class Comparison:
    """Rows against features; changes are written line by line."""

    def __init__(self, rows: Rows, current: Current, matching: Matching, request: Request, log: FindingLog) -> None:
        self.rows, self.current, self.matching = rows, current, matching
        self.request, self.log = request, log
        self.options = request.options
        self.definition = request.definition
        self.fields: dict[str, Field] = {f.key: f for f in self.definition.all_fields} if self.definition else {}
        self.outcome = _Outcome()
        self.new_ids: dict[int, str] = {}
        self.same = self._same()
        self.moving = numpy.flatnonzero(rows.fine & ((matching.feature < 0) | ~self.same))
        self.texts: dict[int, str | None] = {}
        self.located: list[bool] = (~shapely.is_missing(rows.geometry)).tolist()
        self.required = tuple(f.key for f in self.fields.values() if f.required and not f.derived)
        self.defaults = {located: self._defaults(located=located) for located in (False, True)}
        self.number = max(self.options.first_number, current.next_number(self.definition) if self.definition else 1)

    def _same(self) -> Array:
        """Which rows have the geometry their feature has; rows that give none have it too."""
        same = numpy.zeros(len(self.rows.numbers), dtype=bool)
        linked = numpy.flatnonzero(self.matching.feature >= 0)
        before = self.current.geometry[self.matching.feature[linked]]
        after = self.rows.geometry[linked]
        same[linked] = same_geometry(before, after) | shapely.is_missing(after)
        if self.options.mode == "attributes":
            same[linked] = True
        return same

    def entries(self) -> Iterator[Entry | Entries]:
        """What becomes of every row, and of the features a replacement leaves out."""
        for block in blocks(len(self.rows.numbers)):
            added = self._plain_additions(block)
            if added:
                yield added
            else:
                yield from self._one_by_one(block)
        if self.options.mode == "replace":
            for feature in sorted(set(range(len(self.current.ids))) - self.outcome.touched):
                yield self._deletion(feature, row=0, how="")

    def _one_by_one(self, block: slice) -> Iterator[Entry]:
        rows = (self.rows.numbers[block], self.matching.feature[block].tolist(), self.rows.fine[block].tolist())
        for index, (number, feature, fine) in enumerate(zip(*rows, strict=True), start=block.start):
            if not fine:
                self.outcome.touched.add(feature)
                continue
            entry = self._matched(index, number, feature) if feature >= 0 else self._unmatched(index, number)
            if entry:
                yield entry

    def _plain_additions(self, block: slice) -> Entries | None:
        """Rows of which each is a new feature as :meth:`_unmatched` tells it; None where one of them is not that."""
        rows = self.rows
        if self.options.mode in ("delete", "attributes") or not all(self.located[block]):
            return None
        columns = {key: values[block] for key, values in rows.columns.items()}
        if not rows.fine[block].all() or (self.matching.feature[block] >= 0).any() or self._lacks(columns):
            return None
        numbers = rows.numbers[block]
        fids = self._ids(len(numbers))
        given = _told(columns, len(numbers))
        properties = [self.defaults[True] | told for told in given]
        texts = [msgspec.Raw((text or "null").encode()) for text in geometry_texts(rows.geometry[block])]
        try:
            lines = _ENCODER.encode_lines([
                {
                    "fid": fid, "operation": "add", "row": number, "how": "", "fields": [*after], "given": [*told],
                    "properties": after, "geometry": text,
                }
                for fid, number, told, after, text in zip(fids, numbers, given, properties, texts, strict=True)
            ])  # fmt: skip
        except (UnicodeEncodeError, OverflowError):
            return None
        self.number += len(fids)
        self.new_ids.update(zip(numbers, fids, strict=True))
        self.outcome.operations["add"] += len(numbers)
        return Entries("add", fids, numbers, lines)

    def _lacks(self, columns: dict[str, list[Any]]) -> bool:
        """Whether some row may lack a required value, for what the columns and the defaults of new features say."""
        for key in self.required:
            default, values = self.defaults[True].get(key), columns.get(key, [None])
            if "" in values or (default in _NOTHING and None in values):
                return True
        return False

    def _text(self, index: int) -> str | None:
        """The geometry of a row that is new or has moved; rows are asked for in their order."""
        if index not in self.texts:
            first = int(numpy.searchsorted(self.moving, index))
            block = self.moving[first : first + BLOCK]
            self.texts = dict(zip(block.tolist(), geometry_texts(self.rows.geometry[block]), strict=True))
        return self.texts[index]

    def _given(self, index: int) -> dict[str, Any]:
        """What a row tells; a field it does not have at all is not told."""
        columns = self.rows.columns.items()
        if not self.rows.absent:
            return {key: values[index] for key, values in columns}
        absent = {key for key, where in self.rows.absent.items() if where[index]}
        return {key: values[index] for key, values in columns if key not in absent}

    def _matched(self, index: int, number: int, feature: int) -> Entry | None:
        self.outcome.touched.add(feature)
        how = self.matching.how[index]
        if self.options.mode == "delete":
            return self._deletion(feature, row=number, how=how)
        before = self.current.properties[feature]
        given = self._given(index)
        changed = {
            k: v for k, v in given.items() if v != before.get(k) and not same_value(self.fields[k], before.get(k), v)
        }
        if not self._has_required(changed, number, self.current.ids[feature], new=False):
            return None
        moved = not self.same[index]
        if not changed and not moved:
            self.outcome.unchanged += 1
            return _entry("unchanged", {"fid": self.current.ids[feature], "row": number, "how": how})
        after = before | changed | (self._precision(before, changed) if moved else {})
        fields = [k for k in after if after.get(k) != before.get(k)]
        if moved:
            fields.append("geometry")
        geometry = self._text(index) if moved else self.current.text(feature)
        return self._line(
            "modify",
            self.current.ids[feature],
            row=number,
            how=how,
            fields=fields,
            given=[*given, "geometry"],
            properties=after,
            geometry=geometry,
        )

    def _precision(self, before: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
        """A new position brings the precision the uploader stated; an unlocated feature is not that any more."""
        stated = self.options.defaults.get("precision")
        if "precision" in changed:
            return {}
        if stated:
            return {"precision": stated}
        return {"precision": "guess"} if before.get("precision") == _UNLOCATED else {}

    def _unmatched(self, index: int, number: int) -> Entry | None:
        if self.options.mode in ("delete", "attributes"):
            self.log.add("identity-unmatched", row=number, fid=self.rows.ids[index])
            return None
        given = {key: values[index] for key, values in self.rows.columns.items() if values[index] is not None}
        properties = self.defaults[self.located[index]] | given
        if not self._has_required(properties, number, None, new=True):
            return None
        if not self.located[index]:
            self.log.add("geometry-empty", row=number, name=properties.get("name"))
        fid = self.new_ids[number] = self._new_id()
        return self._line(
            "add",
            fid,
            row=number,
            how="",
            fields=list(properties),
            given=list(given),
            properties=properties,
            geometry=self._text(index),
        )

    def _defaults(self, *, located: bool) -> dict[str, Any]:
        if self.definition is None:
            return {}
        fallback = {"precision": "guess" if located else _UNLOCATED, "source": self.request.name}
        stated = {k: v for k, v in self.options.defaults.items() if k in self.fields}
        return fallback | stated | ({} if located else {"precision": _UNLOCATED})

    def _has_required(self, values: dict[str, Any], number: int, fid: str | None, *, new: bool) -> bool:
        complete = True
        for key in self.required:
            if values.get(key) in _NOTHING and (new or key in values):
                complete = False
                self.log.add("field-required", row=number, fid=fid, field=key)
        return complete

    def _new_id(self) -> str:
        [fid] = self._ids(1)
        self.number += 1
        return fid

    def _ids(self, count: int) -> list[str]:
        """The next free codes."""
        head = f"NK-{self.definition.serial if self.definition else 'NEW'}-"
        return [f"{head}{number:03d}" for number in range(self.number, self.number + count)]

    def _deletion(self, feature: int, *, row: int, how: str) -> Entry:
        self.outcome.operations["delete"] += 1
        head = {"fid": self.current.ids[feature], "operation": "delete", "row": row, "how": how}
        rest: dict[str, Any] = {"fields": [], "given": [], "properties": None, "geometry": None}
        return _entry("delete", head | rest)

    def _line(
        self, operation: Kind, fid: str, *, row: int, how: str, fields: list[str], given: list[str],
        properties: dict[str, Any], geometry: str | None,
    ) -> Entry:  # fmt: skip
        self.outcome.operations[operation] += 1
        if operation == "modify":
            self.outcome.fields.update(fields)
        body = _json({
            "fid": fid, "operation": operation, "row": row, "how": how, "fields": fields, "given": given,
            "properties": properties,
        })  # fmt: skip
        return Entry(operation, fid, row, b'%b,"geometry":%b}\n' % (body[:-1], (geometry or "null").encode()))

    def check_jumps(self) -> None:
        """Note features that moved or grew more than edits usually do, and layers that shrink or swell."""
        linked = numpy.flatnonzero((self.matching.feature >= 0) & ~self.same & self.rows.fine)
        before = self.current.geometry[self.matching.feature[linked]]
        a, b = project(before), project(self.rows.geometry[linked])
        distance = shapely.distance(shapely.centroid(a), shapely.centroid(b))
        areas = numpy.column_stack([shapely.area(a), shapely.area(b)])
        for at in numpy.flatnonzero(distance > MOVED_M).tolist():
            self._jump(int(linked[at]), "geometry-moved-far", distance_m=round(float(distance[at])))
        ratio = areas[:, 1] / numpy.maximum(areas[:, 0], 1e-9)
        odd = (areas > 0).all(axis=1) & ((ratio >= AREA_FACTOR) | (ratio <= 1 / AREA_FACTOR))
        for at in numpy.flatnonzero(odd).tolist():
            before_m2, after_m2 = round(float(areas[at, 0])), round(float(areas[at, 1]))
            self._jump(int(linked[at]), "geometry-area-jump", before_m2=before_m2, after_m2=after_m2)
        self._check_counts()

    def _jump(self, index: int, code: str, **params: Any) -> None:
        centre = shapely.centroid(self.rows.geometry[index])
        point = (round(float(centre.x), 7), round(float(centre.y), 7))
        feature = int(self.matching.feature[index])
        name = self.current.properties[feature].get("name")
        number = self.rows.numbers[index]
        self.log.add(code, row=number, fid=self.current.ids[feature], name=name, point=point, **params)

    def _check_counts(self) -> None:
        before = len(self.current.ids)
        done = self.outcome.operations
        after = before + done["add"] - done["delete"]
        if before and done["delete"] > DELETED_SHARE * before:
            self.log.add("jump-deleted", count=done["delete"], share=round(100 * done["delete"] / before))
        if before >= COUNT_FROM and abs(after - before) > COUNT_SHARE * before:
            self.log.add("jump-count", before=before, after=after)

    def check_coverage(self, definition: LayerDefinition) -> None:
        """For layers that must tile: the layer as it would be, rows and untouched features together."""
        if not definition.policy.must_tile:
            return
        kept = self.rows.fine & ~shapely.is_missing(self.rows.geometry)
        others = [i for i in range(len(self.current.ids)) if i not in self.outcome.touched]
        others = [] if self.options.mode == "replace" else others
        numbers = [n for n, k in zip(self.rows.numbers, kept, strict=True) if k]
        names = [n for n, k in zip(self.rows.side().names, kept, strict=True) if k]
        names = [*names, *(self.current.properties[i].get("name") for i in others)]
        together = numpy.concatenate([self.rows.geometry[kept], self.current.geometry[others]])
        present = ~shapely.is_missing(together)
        rows = [n for n, p in zip([*numbers, *([0] * len(others))], present, strict=True) if p]
        check_tiles(together[present], rows, [n for n, p in zip(names, present, strict=True) if p], self.log)

    def tally(self) -> Tally:
        """The figures of the dry run."""
        done = self.outcome.operations
        kept = self.rows.geometry[self.rows.fine]
        located = kept[~shapely.is_missing(kept)]
        return Tally(
            rows=len(self.rows.numbers),
            accepted=int(self.rows.fine.sum()),
            located=len(located),
            current=len(self.current.ids),
            added=done["add"],
            modified=done["modify"],
            deleted=done["delete"],
            unchanged=self.outcome.unchanged,
            missing=len(self.current.ids) - len(self.matching.taken),
            matched=dict(Counter(self.matching.how.values())),
            fields=dict(self.outcome.fields),
            bbox=_bbox(located) if len(located) else None,
        )


def _told(columns: dict[str, list[Any]], count: int) -> list[dict[str, Any]]:
    """What each of many rows tells, row by row; an empty cell is not told."""
    empty = {key: values.count(None) for key, values in columns.items()}
    told = [key for key in columns if empty[key] < count]
    if not told:
        return [{} for _ in range(count)]
    rows = zip(*(columns[key] for key in told), strict=True)
    if any(empty[key] for key in told):
        return [{key: value for key, value in zip(told, row, strict=True) if value is not None} for row in rows]
    return [dict(zip(told, row, strict=True)) for row in rows]


def _bbox(geometries: Array) -> tuple[float, float, float, float]:
    west, south, east, north = (round(float(v), 7) for v in shapely.total_bounds(geometries))
    return west, south, east, north


def _entry(kind: Kind, body: dict[str, Any]) -> Entry:
    return Entry(kind, body["fid"], body["row"], _json(body) + b"\n")


def _json(body: dict[str, Any]) -> bytes:
    """JSON without spaces; what is not a number becomes null, half characters become question marks."""
    try:
        return _ENCODE(body)
    except (UnicodeEncodeError, OverflowError):
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", errors="replace")


def compare_rows(
    rows: Rows, current: Current, matching: Matching, *, request: Request, log: FindingLog, target: Path,
    splits: Sequence[Split] = (), merges: Sequence[Merge] = (),
) -> tuple[Tally, dict[int, str]]:  # fmt: skip
    """The tally of a comparison whose changes were written to the folder ``target``, and the codes of added rows."""
    comparison = Comparison(rows, current, matching, request, log)
    write_changes(comparison.entries(), target, splits, merges)
    comparison.check_jumps()
    if request.definition:
        comparison.check_coverage(request.definition)
    return comparison.tally(), comparison.new_ids
