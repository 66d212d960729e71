"""Papers: the ISO 216 A series and any custom size, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

from geo_service.errors import InvalidParameter

A_SERIES = {
    "A4": (210.0, 297.0),
    "A3": (297.0, 420.0),
    "A2": (420.0, 594.0),
    "A1": (594.0, 841.0),
    "A0": (841.0, 1189.0),
}
"""Width and height of the upright papers (ISO 216)."""
CUSTOM = "custom"
SHORTEST_MM, LONGEST_MM = 180.0, 2500.0
"""Limits of a custom size: below, no map fits beside title and legend; above, no plotter takes it."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet of paper as it lies: ``name`` as people call it."""

    name: str
    width_mm: float
    height_mm: float

    @property
    def landscape(self) -> bool:
        """Whether it is wider than high."""
        return self.width_mm > self.height_mm


def standard(name: str, *, landscape: bool) -> Paper:
    """A paper of the A series, lying or upright.

    Raises
    ------
    InvalidParameter
        Not one of A4 to A0.
    """
    if name not in A_SERIES:
        known = ", ".join((*A_SERIES, CUSTOM))
        raise InvalidParameter(name="paper", value=name, reason=f"可用 / use one of: {known}")
    short, long = A_SERIES[name]
    return Paper(name, *((long, short) if landscape else (short, long)))


def custom(width_mm: float, height_mm: float) -> Paper:
    """A paper of any size between 180 and 2500 mm.

    Raises
    ------
    InvalidParameter
        A side that is too short, too long or not a number.
    """
    for name, value in (("width_mm", width_mm), ("height_mm", height_mm)):
        if not SHORTEST_MM <= value <= LONGEST_MM:
            reason = f"须在 {SHORTEST_MM:g} 至 {LONGEST_MM:g} 毫米之间 / must be {SHORTEST_MM:g} to {LONGEST_MM:g} mm"
            raise InvalidParameter(name=name, value=value, reason=reason)
    return Paper(f"{width_mm:g}×{height_mm:g} mm", width_mm, height_mm)
