"""Questions about a layer's features: what to keep, in which order, which page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo_service.core.features import Feature
from geo_service.errors import InvalidBbox, InvalidParameter

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100

Bbox = tuple[float, float, float, float]
"""west, south, east, north in degrees (RFC 7946)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a client asks of a layer. ``filter`` is CQL2 text; ``sort`` is field keys, descending with a leading ``-``;
    ``text`` keeps features with these characters in any text value."""

    bbox: Bbox | None = None
    filter: str = ""
    sort: tuple[str, ...] = ()
    text: str = ""
    limit: int = DEFAULT_LIMIT
    offset: int = 0


@dataclass(frozen=True, slots=True)
class FeaturePage:
    """One page of an answer; ``matched`` counts all features that fit."""

    features: Sequence[Feature]
    matched: int
    offset: int


NO_NUMBERS = "须为数值 / numbers are needed"
TURNED = (
    "西须不大于东、南须不大于北，且不出经纬度范围 / west is beyond east, south beyond north, or one is off the globe"
)
"""What a bbox is refused for."""


def wrong_count(count: int) -> str:
    """What a bbox of so many numbers is refused for."""
    return f"给了 {count} 个数 / it has {count} numbers"


def parse_bbox(text: str) -> Bbox:
    """A bbox from ``west,south,east,north``.

    Raises
    ------
    InvalidBbox
        Not four finite numbers, outside the globe, or turned round.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise InvalidBbox(value=text, reason=wrong_count(len(parts)))
    try:
        west, south, east, north = (float(p) for p in parts)
    except ValueError:
        raise InvalidBbox(value=text, reason=NO_NUMBERS) from None
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        raise InvalidBbox(value=text, reason=NO_NUMBERS)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidBbox(value=text, reason=TURNED)
    return (west, south, east, north)


def parse_count(
    arguments: Mapping[str, str], name: str, *, default: int, maximum: int, minimum: int = 0, clamp: bool = True
) -> int:
    """A whole number among query arguments, clamped to ``maximum`` unless ``clamp`` is off.

    Raises
    ------
    InvalidParameter
        Not a whole number, below ``minimum``, or above ``maximum`` where nothing is clamped.
    """
    text = arguments.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        raise InvalidParameter(name=name, value=text[:40], reason="须为整数 / it must be a whole number")
    value = int(text)
    if value < minimum:
        raise InvalidParameter(name=name, value=text[:40], reason=f"须不小于 {minimum} / it must be {minimum} or more")
    if value > maximum and not clamp:
        raise InvalidParameter(name=name, value=text[:40], reason=f"须不大于 {maximum} / it must be {maximum} or less")
    return min(value, maximum)


def sort_key(value: Any) -> tuple[int, Any]:
    """A key that orders mixed values: numbers, then text, then missing."""
    if value is None or value == "":
        return (2, "")
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, str(value))
