"""Colours as numbers: how well one stands out on another (WCAG 2.2, success criterion 1.4.3)."""

from __future__ import annotations

import re

WHITE = "#FFFFFF"
NIGHT = "#11171E"
"""The dark theme's map background."""

_HEX = re.compile(r"#[0-9A-F]{6}\Z")


def channels(color: str) -> tuple[float, float, float]:
    """Red, green and blue of ``#RRGGBB`` (capitals), each 0 to 1.

    Raises
    ------
    ValueError
        Anything that is not ``#RRGGBB``.
    """
    if not _HEX.match(color):
        raise ValueError(f"not a colour: {color!r}")
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (red, green, blue)


def luminance(color: str) -> float:
    """Relative luminance of a colour, 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    red, green, blue = (_linear(c) for c in channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lightened(color: str, *, against: str = NIGHT, ratio: float = 4.5) -> str:
    """The colour mixed with just as much white (steps of 5 %) as gives it this contrast on a dark background."""
    steps = (_mixed(color, step / 20) for step in range(21))
    return next(mixed for mixed in steps if contrast(mixed, against) >= ratio)


def _mixed(color: str, share: float) -> str:
    return "#" + "".join(f"{round(255 * (c + (1 - c) * share)):02X}" for c in channels(color))


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
