"""What became of features that rows split or merge: who keeps an id, who is new, who stays and lies under the others.

Nothing is guessed: an id goes on only where a row was matched to it (by ``GS_ID``, name or overlap); the rest is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.ingest.comparison import Rows
from geo_service.ingest.current import Current
from geo_service.ingest.examination import Child, Lineage, Merge, Mode, Parent, Split
from geo_service.ingest.identity import Matching

MOST = 200
"""Groups that are traced; a file with more is told by its findings."""


@dataclass(frozen=True, slots=True)
class Lineages:
    """What rows and features came to: ``new_ids`` are the codes of added rows by row number."""

    rows: Rows
    current: Current
    matching: Matching
    new_ids: Mapping[int, str]
    mode: Mode

    def trace(self, splits: Sequence[Split], merges: Sequence[Merge]) -> tuple[Lineage, ...]:
        """One group for each split and each merge, the first 200 of both."""
        index = {n: i for i, n in enumerate(self.rows.numbers)}
        known = {fid: i for i, fid in enumerate(self.current.ids)}
        groups: list[tuple[Literal["split", "merge"], Iterable[str], Iterable[int]]] = []
        groups += [("split", [s.fid], s.rows) for s in splits]
        groups += [("merge", m.fids, [m.row]) for m in merges]
        return tuple(
            Lineage(kind, self._parents(known[f] for f in fids), self._children(index[n] for n in numbers))
            for kind, fids, numbers in groups[:MOST]
        )

    def _parents(self, features: Iterable[int]) -> tuple[Parent, ...]:
        at = list(features)
        areas = _areas(self.current.geometry[at])
        return tuple(
            Parent(self.current.ids[f], str(self.current.properties[f].get("name") or ""), area, self._fate(f))
            for f, area in zip(at, areas, strict=True)
        )

    def _fate(self, feature: int) -> Any:
        if feature in self.matching.taken:
            return "changed"
        return "deleted" if self.mode == "replace" else "stays"

    def _children(self, rows: Iterable[int]) -> tuple[Child, ...]:
        at = list(rows)
        names, areas = self.rows.side().names, _areas(self.rows.geometry[at])
        return tuple(
            Child(self.rows.numbers[r], self._fid(r), str(names[r] or ""), area)
            for r, area in zip(at, areas, strict=True)
        )

    def _fid(self, row: int) -> str:
        """The id a row's feature has or gets; empty for a row that is left out."""
        feature = int(self.matching.feature[row])
        if not self.rows.fine[row]:
            return ""
        return self.current.ids[feature] if feature >= 0 else self.new_ids.get(self.rows.numbers[row], "")


def _areas(geometry: numpy.ndarray[Any, Any]) -> list[float]:
    """Square metres in EPSG:4548, to a tenth."""
    return [round(float(v), 1) for v in numpy.nan_to_num(shapely.area(project(geometry)))]
