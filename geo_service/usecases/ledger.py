"""Read the plan against the layers: every commitment with the features that belong to it and how far they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.geojson import load_line
from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Commitment, Indicator, Ledger
from geo_service.core.progress import PRECISIONS, STATUSES, Measured, Progress, is_member, progress, status_of
from geo_service.core.progress_words import headline, promise_text, target_text
from geo_service.errors import CommitmentNotFound, InvalidParameter
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases.browse import commitment_json, heads_key, text_json
from geo_service.usecases.views import RevisionViews

LOCATED, BEGUN, REPORTED, UNREPORTED = "located", "begun", "reported", "unreported"
PRECISION_FILTERS = (LOCATED, *PRECISIONS)
"""What ``precision=`` may ask for: a class, or everything that has a position."""
STATUS_FILTERS = (REPORTED, BEGUN, *(s for s in STATUSES if s), UNREPORTED)
"""What ``status=`` may ask for: a status, anything reported, works begun (done included), nothing reported."""


@dataclass(frozen=True, slots=True)
class Member:
    """A feature that belongs to a commitment, with its layer."""

    layer: LayerDefinition
    feature: Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A commitment with its layer (None: it has none, or not for this reader), members, indicators and progress.

    ``hidden`` tells that there is a layer which this reader may not see, so that nothing is counted here.
    """

    commitment: Commitment
    layer: LayerDefinition | None
    hidden: bool
    members: tuple[Member, ...]
    indicators: tuple[Indicator, ...]
    progress: Progress

    @property
    def counts(self) -> bool:
        """Whether there is a layer to count in."""
        return self.layer is not None


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the plan (``二.4.1 有序实施城市更新``) with its commitments."""

    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over entries; ``missing`` counts members that are surely not on the lists, areas apart."""

    commitments: int
    spatial: int
    listed: int
    located: int
    illustrative: int
    unlocated: int
    missing: int
    reported: int
    begun: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOverview:
    """The plan in the order of its sections, at the revisions named by ``key``."""

    key: str
    ledger: Ledger
    sections: tuple[Section, ...]
    totals: Totals

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All commitments in the order of the plan."""
        return tuple(entry for section in self.sections for entry in section.entries)

    def entry(self, commitment_id: str) -> Entry:
        """One commitment.

        Raises
        ------
        CommitmentNotFound
            The plan has none of this id.
        """
        found = next((e for e in self.entries if e.commitment.id == commitment_id), None)
        if found is None:
            raise CommitmentNotFound(commitment=commitment_id)
        return found


@dataclass(frozen=True, slots=True)
class Gap:
    """What one commitment still lacks on the map: members without a position, and members not on the list.

    ``missing`` None with an empty list means that the plan gives neither names nor a number.
    """

    entry: Entry
    unlocated: tuple[Member, ...]
    missing: int | None


def plan_overview(
    store: LayerStore,
    ledger: Ledger,
    *,
    states: Sequence[LayerState] | None = None,
    views: RevisionViews | None = None,
) -> PlanOverview:
    """The plan against the heads of ``states``, the layers a reader may see (all by default).

    ``views`` lends features that are in memory already; without it they are read from the store.
    """
    shown = store.layers() if states is None else tuple(states)
    known = {state.definition.id for state in store.layers()}
    members = _members(store, ledger, shown, views)
    layers = {state.definition.id: state.definition for state in shown}
    entries = [_entry(c, ledger, layers, known, members.get(c.id, ())) for c in ledger.commitments]
    return PlanOverview(
        key=heads_key(shown), ledger=ledger, sections=tuple(_sections(entries)), totals=totals_of(entries)
    )


def totals_of(entries: Iterable[Entry]) -> Totals:
    """Sums over any selection of commitments."""
    rows = list(entries)
    counted = [e.progress for e in rows if e.counts]
    return Totals(
        commitments=len(rows),
        spatial=sum(e.commitment.spatial for e in rows),
        listed=sum(p.listed for p in counted),
        located=sum(p.located for p in counted),
        illustrative=sum(p.illustrative for p in counted),
        unlocated=sum(p.unlocated for p in counted),
        missing=sum(p.missing or 0 for p in counted),
        reported=sum(p.reported for p in counted),
        begun=sum(p.begun for p in counted),
        done=sum(p.done for p in counted),
    )


def unlocated(overview: PlanOverview) -> tuple[Gap, ...]:
    """Everything the plan speaks of that is not on the map yet: commitments that have a place and a layer, and members
    without a position of all others, in the order of the plan."""
    return tuple(gap for gap in map(_gap, overview.entries) if gap is not None)


def by_layer(gaps: Iterable[Gap]) -> list[tuple[LayerDefinition, list[Gap]]]:
    """Gaps grouped by the layer of their commitment, in the order layers first appear in the plan."""
    groups: dict[str, list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.entry.commitment.layer].append(gap)
    return [(found[0].entry.layer, found) for found in groups.values() if found[0].entry.layer]


def select_members(members: Sequence[Member], *, precision: str = "", status: str = "") -> tuple[Member, ...]:
    """The members of a precision class and a reported status, as the numbers of the plan page count them.

    Raises
    ------
    InvalidParameter
        A class or status there is not.
    """
    _check("precision", precision, PRECISION_FILTERS)
    _check("status", status, STATUS_FILTERS)
    return tuple(m for m in members if _has_precision(m, precision) and _has_status(m, status))


def select_entries(
    overview: PlanOverview,
    *,
    section: str = "",
    layer: str = "",
    promise: str = "",
    text: str = "",
    spatial: bool = False,
) -> tuple[Section, ...]:
    """The sections left by a filter; ``section`` is a title or its number, ``text`` is sought in names and clause."""
    needle = text.casefold().strip()
    kept = (
        Section(s.title, tuple(e for e in s.entries if _fits(e, layer, promise, needle, spatial=spatial)))
        for s in overview.sections
        if not section or section in (s.title, s.title.split(" ")[0])
    )
    return tuple(s for s in kept if s.entries)


def section_order(title: str) -> tuple[int, ...]:
    """Where a section stands in the plan, from its number: 二.4.1 is (2, 4, 1); without a number, last."""
    found = re.match(r"([一二三四五六七八九十])((?:\.\d+)*)", title)
    if not found:
        return (99,)
    return ("一二三四五六七八九十".index(found.group(1)) + 1, *(int(n) for n in found.group(2).split(".") if n))


def _members(
    store: LayerStore, ledger: Ledger, states: Sequence[LayerState], views: RevisionViews | None
) -> Mapping[str, Sequence[Member]]:
    named = {c.layer for c in ledger.commitments}
    found: dict[str, list[Member]] = defaultdict(list)
    for state in states:
        definition = state.definition
        if definition.is_reference or not (definition.commitments or definition.id in named):
            continue
        for feature in _features(store, state, views):
            found[str(feature.properties.get("commitment") or "")].append(Member(definition, feature))
    return found


def _features(store: LayerStore, state: LayerState, views: RevisionViews | None) -> Iterable[Feature]:
    if views:
        return views.features(state.revision)
    return (load_line(line) for line in store.lines(state.definition.id, state.revision.rev))


def _entry(
    commitment: Commitment,
    ledger: Ledger,
    layers: Mapping[str, LayerDefinition],
    known: set[str],
    members: Sequence[Member],
) -> Entry:
    mine = tuple(m for m in members if is_member(commitment, m.feature))
    return Entry(
        commitment=commitment,
        layer=layers.get(commitment.layer),
        hidden=commitment.layer in known - layers.keys(),
        members=mine,
        indicators=tuple(i for i in ledger.indicators if i.commitment == commitment.id),
        progress=progress(commitment, [m.feature for m in mine]),
    )


def _sections(entries: Sequence[Entry]) -> Iterator[Section]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.commitment.section].append(entry)
    for title in sorted(groups, key=section_order):
        yield Section(title, tuple(groups[title]))


def _gap(entry: Entry) -> Gap | None:
    if not entry.counts:
        return None
    without = tuple(m for m in entry.members if m.feature.precision == "unlocated")
    missing = entry.progress.missing
    empty = entry.commitment.spatial and not entry.members and not missing
    return Gap(entry, without, missing) if without or missing or empty else None


def _check(name: str, value: str, allowed: Sequence[str]) -> None:
    if value and value not in allowed:
        raise InvalidParameter(name=name, value=value, reason=f"可用 / use one of: {', '.join(allowed)}")


def _has_precision(member: Member, wanted: str) -> bool:
    precision = member.feature.precision
    return not wanted or precision == wanted or (wanted == LOCATED and precision != "unlocated")


def _has_status(member: Member, wanted: str) -> bool:
    status = status_of(member.feature)
    groups = {REPORTED: bool(status), BEGUN: status in ("started", "done"), UNREPORTED: not status}
    return not wanted or status == wanted or groups.get(wanted, False)


def _fits(entry: Entry, layer: str, promise: str, needle: str, *, spatial: bool) -> bool:
    commitment = entry.commitment
    words = (commitment.name.zh, commitment.name.en, commitment.clause, commitment.id, *commitment.members)
    return (
        (not layer or commitment.layer == layer)
        and (not promise or commitment.promise == promise)
        and (not spatial or commitment.spatial)
        and (not needle or any(needle in word.casefold() for word in words))
    )


# ---- JSON


def plan_json(
    store: LayerStore,
    ledger: Ledger,
    *,
    states: Sequence[LayerState] | None = None,
    views: RevisionViews | None = None,
) -> dict[str, Any]:
    """The plan with the progress of every commitment, for ``/api/plan``."""
    return overview_json(plan_overview(store, ledger, states=states, views=views))


def overview_json(overview: PlanOverview) -> dict[str, Any]:
    """An overview as JSON values, both languages inside."""
    totals = overview.totals
    return {
        "id": overview.ledger.id,
        "key": overview.key,
        "title": text_json(overview.ledger.title),
        "totals": {name: getattr(totals, name) for name in Totals.__dataclass_fields__},
        "sections": [{"title": s.title, "commitments": [entry_json(e) for e in s.entries]} for s in overview.sections],
        "indicators": [indicator_json(i) for i in overview.ledger.indicators],
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """One commitment with progress and members; ``progress`` is null where there is no layer to count in."""
    commitment = entry.commitment
    return commitment_json(commitment) | {
        "target": text_json(target_text(commitment.quantity)),
        "promised": text_json(promise_text(commitment)),
        "headline": text_json(headline(commitment, entry.progress)) if entry.counts else None,
        "layer": entry.layer.id if entry.layer else None,
        "spatial": commitment.spatial,
        "members": list(commitment.members),
        "unnamed": commitment.unnamed,
        "note": commitment.note,
        "indicators": [i.id for i in entry.indicators],
        "progress": progress_json(entry.progress) if entry.counts else None,
        "features": [{"layer": m.layer.id, "id": m.feature.id} for m in entry.members],
        "url": f"/plan/{commitment.id}",
    }


def progress_json(found: Progress) -> dict[str, Any]:
    """The counts of a commitment."""
    return {
        "listed": found.listed,
        "located": found.located,
        "illustrative": found.illustrative,
        "unlocated": found.unlocated,
        "missing": found.missing,
        "surplus": found.surplus,
        "reported": found.reported,
        "begun": found.begun,
        "done": found.done,
        "precisions": {k: n for k, n in found.precisions.items() if n},
        "statuses": {k or UNREPORTED: n for k, n in found.statuses.items()},
        "achieved": found.achieved,
        "remaining": found.remaining,
        "reached": found.reached,
        "share": found.share,
        "measured": _measured_json(found.measured),
    }


def indicator_json(indicator: Indicator) -> dict[str, Any]:
    """One numeric target of the plan."""
    return {
        "id": indicator.id,
        "name": text_json(indicator.name),
        "operator": indicator.operator,
        "target": indicator.target,
        "unit": indicator.unit,
        "section": indicator.section,
        "clause": indicator.clause,
        "commitment": indicator.commitment,
    }


def _measured_json(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "field": measured.field,
        "listed": round(measured.listed, 4),
        "begun": round(measured.begun, 4),
        "fulfilled": round(measured.fulfilled, 4),
        "counted": measured.counted,
        "lacking": measured.lacking,
        "crs": f"EPSG:{crs.PROJECTED}" if measured.field == "geometry" else None,
    }
