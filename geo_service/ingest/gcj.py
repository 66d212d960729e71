"""GCJ-02 and BD-09, the two public obfuscations of Chinese web maps, undone for import.

The forward formulas are the widely published ones; the inverse is a fixed-point iteration: 4 rounds leave an error
under 10 nm. Nothing here writes GCJ-02 for people: export in it is not offered.
"""

from __future__ import annotations

from typing import Any

import numpy

Degrees = numpy.ndarray[Any, Any]

_A = 6378245.0
_EE = 0.00669342162296594323
_ROUNDS = 4
_BAIDU = numpy.pi * 3000 / 180


def _waves(x: Degrees) -> Degrees:
    first: Degrees = (20 * numpy.sin(6 * x * numpy.pi) + 20 * numpy.sin(2 * x * numpy.pi)) * 2 / 3
    return first


def _shift_lat(x: Degrees, y: Degrees) -> Degrees:
    r: Degrees = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * numpy.sqrt(numpy.abs(x)) + _waves(x)
    r = r + (20 * numpy.sin(y * numpy.pi) + 40 * numpy.sin(y / 3 * numpy.pi)) * 2 / 3
    return numpy.asarray(r + (160 * numpy.sin(y / 12 * numpy.pi) + 320 * numpy.sin(y * numpy.pi / 30)) * 2 / 3)


def _shift_lon(x: Degrees, y: Degrees) -> Degrees:
    r: Degrees = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * numpy.sqrt(numpy.abs(x)) + _waves(x)
    r = r + (20 * numpy.sin(x * numpy.pi) + 40 * numpy.sin(x / 3 * numpy.pi)) * 2 / 3
    return numpy.asarray(r + (150 * numpy.sin(x / 12 * numpy.pi) + 300 * numpy.sin(x / 30 * numpy.pi)) * 2 / 3)


def to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """GCJ-02 of true positions in degrees."""
    x, y = lon - 105, lat - 35
    angle = numpy.radians(lat)
    m = 1 - _EE * numpy.sin(angle) ** 2
    root = numpy.sqrt(m)
    east = _shift_lon(x, y) * 180 / (_A / root * numpy.cos(angle) * numpy.pi)
    north = _shift_lat(x, y) * 180 / (_A * (1 - _EE) / (m * root) * numpy.pi)
    return lon + east, lat + north


def from_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """True positions of GCJ-02 degrees."""
    a, b = numpy.array(lon, dtype=float), numpy.array(lat, dtype=float)
    for _ in range(_ROUNDS):
        u, v = to_gcj02(a, b)
        a, b = a - (u - lon), b - (v - lat)
    return a, b


def to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """BD-09 of GCJ-02 degrees."""
    z = numpy.hypot(lon, lat) + 2e-5 * numpy.sin(lat * _BAIDU)
    t = numpy.arctan2(lat, lon) + 3e-6 * numpy.cos(lon * _BAIDU)
    return z * numpy.cos(t) + 0.0065, z * numpy.sin(t) + 0.006


def from_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """GCJ-02 of BD-09 degrees."""
    x, y = numpy.asarray(lon, dtype=float) - 0.0065, numpy.asarray(lat, dtype=float) - 0.006
    z = numpy.hypot(x, y) - 2e-5 * numpy.sin(y * _BAIDU)
    t = numpy.arctan2(y, x) - 3e-6 * numpy.cos(x * _BAIDU)
    a, b = z * numpy.cos(t), z * numpy.sin(t)
    for _ in range(_ROUNDS):
        u, v = to_bd09(a, b)
        a, b = a - (u - lon), b - (v - lat)
    return a, b
