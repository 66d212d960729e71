"""The plan ledger: what the plan promised, in its own words, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from geo_service.core.text import Text

QuantityKind = Literal["exact", "at_least", "stock", "shared_total", "open", "standard", "none"]
"""How a number in the plan counts: exactly so many; at least (余, 不少于); a cumulative stock (达到); an area or floor
space total shared by named and unnamed sites (等 … 亩); an open list of names (等); a standard such as 30 minutes;
none."""

Promise = Literal["planned", "advancing", "under_construction", "completed", "existing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A target: ``target`` in ``unit`` (个, 处, 亩, 平方米, …); ``target`` is None where the plan names no number."""

    kind: QuantityKind
    target: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One promise. ``spatial`` tells whether it has a place; ``due`` is an ISO date or empty, ``due_means`` tells where
    the date is the start of works; ``members`` are the names in the clause; ``unnamed`` counts members without a name,
    None where the plan leaves it open; ``clause`` is verbatim."""

    id: str
    name: Text
    layer: str
    geometry: str
    spatial: bool
    quantity: Quantity
    verb: str
    promise: Promise
    due: str
    section: str
    clause: str
    due_means: Literal["", "start"] = ""
    members: tuple[str, ...] = ()
    unnamed: int | None = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One numeric target of the plan; ``operator`` is one of = ≈ ≥ > → stock rank qualitative."""

    id: str
    name: Text
    operator: str
    target: str
    unit: str
    section: str
    clause: str
    commitment: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole plan: id, title, commitments and indicators in the order of its text."""

    id: str
    title: Text
    commitments: tuple[Commitment, ...]
    indicators: tuple[Indicator, ...]

    def commitment(self, commitment_id: str) -> Commitment | None:
        """The commitment of this id, or None."""
        return next((c for c in self.commitments if c.id == commitment_id), None)


EMPTY_LEDGER = Ledger("none", Text("计划台账不可用", "Plan ledger not available"), (), ())
