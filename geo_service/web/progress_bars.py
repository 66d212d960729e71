"""Progress as bars of segments: numbers for an SVG without inline styles, each segment with the rows it counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from geo_service.core.layers import PRECISION_CODES, STATUS_CODES
from geo_service.core.progress import Progress
from geo_service.core.text import Text
from geo_service.usecases.ledger import BEGUN, LOCATED, REPORTED, UNREPORTED

MISSING = Text("未列入名单", "Not listed yet")
NOT_REPORTED = Text("未填报", "Not reported")
PRECISION_TITLES = {code.value: code.title for code in PRECISION_CODES}
STATUS_TITLES = {**{code.value: code.title for code in STATUS_CODES}, UNREPORTED: NOT_REPORTED}
PRECISION_FILTERS = {LOCATED: Text("已落图", "Located"), **PRECISION_TITLES}
STATUS_FILTERS = {
    REPORTED: Text("已填报", "Reported"),
    BEGUN: Text("已开工（含完成）", "Begun (done included)"),
    **STATUS_TITLES,
}
"""What the rows of a commitment can be filtered by, with titles."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: where it begins and how wide it is, both in percent, and how many members it stands for."""

    key: str
    title: Text
    count: int
    start: float
    width: float


def position_bar(found: Progress) -> tuple[Segment, ...]:
    """Members by precision, best first, then those without a position, then those not on the list."""
    parts = [(key, PRECISION_TITLES[key], count) for key, count in found.precisions.items()]
    return _segments([*parts, ("missing", MISSING, found.missing or 0)])


def status_bar(found: Progress) -> tuple[Segment, ...]:
    """Members by reported status, done first, then those nobody has reported on and those not on the list."""
    order = ("done", "started", "not_started", UNREPORTED)
    parts = [(key, STATUS_TITLES[key], found.statuses["" if key == UNREPORTED else key]) for key in order]
    return _segments([*parts, ("missing", MISSING, found.missing or 0)])


def precision_bar(counts: Iterable[tuple[str, int]]) -> tuple[Segment, ...]:
    """A layer's features by precision."""
    known = dict(counts)
    return _segments([(key, title, known.get(key, 0)) for key, title in PRECISION_TITLES.items()])


def _segments(parts: Sequence[tuple[str, Text, int]]) -> tuple[Segment, ...]:
    whole = sum(count for _, _, count in parts)
    found, before = [], 0
    for key, title, count in parts:
        if count:
            start, end = 100 * before / whole, 100 * (before + count) / whole
            found.append(Segment(key, title, count, round(start, 3), round(end - start, 3)))
        before += count
    return tuple(found)
