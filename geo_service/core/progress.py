"""How far a promise of the plan is: counts of its members by position and by reported status, and what they add up to.

What counts as fulfilled is only what staff report (``status``), never what the plan promises (``plan_status``). Each
kind of quantity has its own arithmetic::

    exact         so many; remaining = target - done
    at_least      余, 不少于: as many or more; surplus is welcome, the list may go on beyond the target
    stock         达到, 累计: what exists already counts with what is done
    shared_total  等 ... 亩: a total over named and unnamed sites; how many sites there are is not the target
    open          等: the names are a lower bound; nobody can say how many are missing
    standard      30 minutes: a standard to meet, nothing is counted
    none          no number

A target in an area unit is an area, whatever its kind. Land (亩, 公顷) is measured from the geometry in EPSG:4548,
floor space (平方米) is what staff enter in the field that answers the plan's verb. Illustrative outlines have no area.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.layers import PRECISION_CODES, STATUS_CODES
from geo_service.core.plan import Commitment, QuantityKind

PRECISIONS = tuple(code.value for code in PRECISION_CODES)
"""Every precision class, best first, ``unlocated`` last."""
STATUSES = ("", *(code.value for code in STATUS_CODES))
"""Every reported status; empty where nobody has reported."""

LAND_UNITS_M2: Mapping[str, float] = {"亩": crs.MU_M2, "公顷": 10_000.0, "平方公里": 1_000_000.0}
"""Units of land: measured from the geometry."""
FLOOR_UNITS_M2: Mapping[str, float] = {"平方米": 1.0, "万平方米": 10_000.0}
"""Units of floor space: read from a field."""
DECIMALS: Mapping[str, int] = {"亩": 1, "公顷": 2, "平方公里": 4, "平方米": 0, "万平方米": 2}
"""Decimals an area is shown and compared with; finer than outlines drawn by hand, coarser than stored coordinates."""
FLOOR_FIELDS: Mapping[str, str] = {
    "新开工": "started_floor_m2",
    "竣工": "completed_floor_m2",
    "新盘活": "reactivated_m2",
}
"""The field that answers a verb of the plan; ``floor_area_m2`` for the others."""
GEOMETRY = "geometry"
STARTING_VERBS = frozenset({"新开工"})
"""Verbs that promise the start of works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An area in the target's unit: of all members, of those begun, of those that fulfil the promise.

    ``field`` is the field it is read from, ``geometry`` where it is measured; ``counted`` members gave a figure,
    ``lacking`` did not.
    """

    field: str
    listed: float
    begun: float
    fulfilled: float
    counted: int
    lacking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of one commitment's members.

    ``precisions`` and ``statuses`` have every class as key and each sum up to ``listed``. ``missing`` is how many
    members are surely not on the list yet, None where nobody can say. ``achieved`` is what fulfils the promise, in
    members or in the unit of an area target; None where nothing is to be counted.
    """

    kind: QuantityKind
    target: float | None
    unit: str
    precisions: Mapping[str, int]
    statuses: Mapping[str, int]
    missing: int | None
    achieved: float | None
    measured: Measured | None = None

    @property
    def listed(self) -> int:
        """Members on the list."""
        return sum(self.statuses.values())

    @property
    def unlocated(self) -> int:
        """Members on the list without a position."""
        return self.precisions["unlocated"]

    @property
    def located(self) -> int:
        """Members on the list with a position of any precision, illustrative ones included."""
        return self.listed - self.unlocated

    @property
    def illustrative(self) -> int:
        """Located members whose position is only illustrative."""
        return self.precisions["illustrative"]

    @property
    def reported(self) -> int:
        """Members somebody has reported on."""
        return self.listed - self.statuses[""]

    @property
    def begun(self) -> int:
        """Members whose works have begun, those done included."""
        return self.statuses["started"] + self.statuses["done"]

    @property
    def done(self) -> int:
        """Members reported as done."""
        return self.statuses["done"]

    @property
    def is_area(self) -> bool:
        """Whether the target is an area and not a number of members."""
        return is_area(self.unit)

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None where that cannot be told."""
        if self.achieved is None or self.target is None or self.kind == "open":
            return None
        return self.achieved >= self.target

    @property
    def remaining(self) -> float | None:
        """What is left to the target; None where that cannot be told."""
        if self.achieved is None or self.target is None or self.kind == "open":
            return None
        return max(0.0, self.target - self.achieved)

    @property
    def surplus(self) -> int:
        """Members on the list beyond an exact target; a list that long asks for a second look."""
        if self.kind != "exact" or self.target is None or self.is_area:
            return 0
        return max(0, self.listed - round(self.target))

    @property
    def share(self) -> float | None:
        """Achieved out of the target, 0 to 1; None where a share says nothing (one thing, an open list, no number)."""
        if self.achieved is None or self.remaining is None or not self.target or self.target <= 1:
            return None
        return min(1.0, self.achieved / self.target)


def progress(commitment: Commitment, features: Iterable[Feature]) -> Progress:
    """How far a commitment is, from those of the features that belong to it."""
    members = [f for f in features if is_member(commitment, f)]
    precisions = Counter(_known(f.precision, PRECISIONS, "guess") for f in members)
    statuses = Counter(status_of(f) for f in members)
    measured = _measured(commitment, members) if is_area(commitment.quantity.unit) else None
    return Progress(
        kind=commitment.quantity.kind,
        target=commitment.quantity.target,
        unit=commitment.quantity.unit,
        precisions={key: precisions[key] for key in PRECISIONS},
        statuses={key: statuses[key] for key in STATUSES},
        missing=_missing(commitment, len(members)),
        achieved=_achieved(commitment, members, measured),
        measured=measured,
    )


def is_member(commitment: Commitment, feature: Feature) -> bool:
    """Whether a feature counts for a commitment; unproven candidates never do."""
    return feature.properties.get("commitment") == commitment.id and not feature.properties.get("candidate")


def status_of(feature: Feature) -> str:
    """The reported status, empty where nobody has reported."""
    return _known(str(feature.properties.get("status") or ""), STATUSES, "")


def is_area(unit: str) -> bool:
    """Whether a unit is one of area."""
    return unit in LAND_UNITS_M2 or unit in FLOOR_UNITS_M2


def figure_field(commitment: Commitment) -> str:
    """Where the area of a member comes from: ``geometry`` for land, else the key of a field."""
    if commitment.quantity.unit in LAND_UNITS_M2:
        return GEOMETRY
    return FLOOR_FIELDS.get(commitment.verb, "floor_area_m2")


def figure_m2(commitment: Commitment, feature: Feature) -> float | None:
    """The area of a member in square metres; None where it has none that may be counted."""
    field = figure_field(commitment)
    if field != GEOMETRY:
        return _number(feature.properties.get(field))
    if feature.precision == "illustrative":
        return None
    shape = feature.shape()
    return crs.area_m2(shape) if shape is not None and shape.geom_type.endswith("Polygon") else None


def promises_start(commitment: Commitment) -> bool:
    """Whether the start of works is all that is promised."""
    return commitment.due_means == "start" or commitment.verb in STARTING_VERBS


def fulfils(commitment: Commitment, feature: Feature) -> bool:
    """Whether a member has done what was promised: for a promised start, that works have begun; for a stock, also
    that it exists already and nobody reports otherwise."""
    status = status_of(feature)
    if status == "started" and promises_start(commitment):
        return True
    if commitment.quantity.kind == "stock" and not status and feature.properties.get("plan_status") == "existing":
        return True
    return status == "done"


def _known(value: str, allowed: Sequence[str], otherwise: str) -> str:
    return value if value in allowed else otherwise


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _missing(commitment: Commitment, listed: int) -> int | None:
    quantity, named = commitment.quantity, len(commitment.members)
    if quantity.kind in ("exact", "at_least", "stock") and quantity.target is not None and not is_area(quantity.unit):
        return max(0, round(quantity.target) - listed)
    return max(0, named - listed) if named else None


def _achieved(commitment: Commitment, members: Sequence[Feature], measured: Measured | None) -> float | None:
    kind = commitment.quantity.kind
    if kind in ("standard", "none") or (commitment.promise == "existing" and kind != "stock"):
        return None
    if measured:
        return round(measured.fulfilled, DECIMALS[commitment.quantity.unit])
    return float(sum(fulfils(commitment, f) for f in members))


def _measured(commitment: Commitment, members: Sequence[Feature]) -> Measured:
    unit_m2 = {**LAND_UNITS_M2, **FLOOR_UNITS_M2}[commitment.quantity.unit]
    areas = [(f, area / unit_m2) for f in members if (area := figure_m2(commitment, f)) is not None]
    return Measured(
        field=figure_field(commitment),
        listed=sum(area for _, area in areas),
        begun=sum(area for f, area in areas if status_of(f) in ("started", "done")),
        fulfilled=sum(area for f, area in areas if fulfils(commitment, f)),
        counted=len(areas),
        lacking=len(members) - len(areas),
    )
