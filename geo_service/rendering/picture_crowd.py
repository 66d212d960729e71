"""Areas too many and too small to be drawn one by one: a picture shows how much of each pixel they cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from geo_service.rendering.canvas import Canvas, Pixels, Points, rgb
from geo_service.rendering.printing.marks import Look

Floats = NDArray[numpy.float64]
CROWD_OPACITY = 0.5
"""Of tint and outlines together, where areas cover all of a pixel: what lies below stays to be seen."""
FULL_OUTLINES = 8
"""Areas so many times as wide as their outlines have them whole; those of smaller ones are as much thinner."""
STEPS = (1.0, 0.7, 0.5, 0.35, 0.25)


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Boxes (rows x 4: least x and y, greatest x and y in the CRS of the picture), and how each is drawn."""

    boxes: Floats = field(default_factory=lambda: numpy.empty((0, 4)))
    codes: NDArray[numpy.int64] = field(default_factory=lambda: numpy.empty(0, numpy.int64))


def coverage(batches: Iterable[Points], width: int, height: int) -> Floats:
    """How much of each pixel (height x width, 0 to 1) boxes cover, of which the lower left and the upper right corner
    are told in turn, in pixels.

    Each edge is told where it begins to count, along x and along y; sums over both tell the whole.
    """
    changes = numpy.zeros((height + 2) * (width + 2))
    for corners in batches:
        inside = numpy.clip(corners, 0, (width, height))
        _tell_edges(changes, numpy.hstack((inside[::2], inside[1::2])), width)
    found = changes.reshape(height + 2, width + 2).cumsum(axis=0).cumsum(axis=1)
    return numpy.asarray(numpy.clip(found[:height, :width], 0, 1))


def _tell_edges(changes: Floats, boxes: Floats, width: int) -> None:
    for edge_x, sign_x in ((0, 1), (2, -1)):
        for edge_y, sign_y in ((3, 1), (1, -1)):  # y goes down
            for column, share_x in _begun(boxes[:, edge_x]):
                for row, share_y in _begun(boxes[:, edge_y]):
                    weights = share_x * share_y * (sign_x * sign_y)
                    numpy.add.at(changes, row * (width + 2) + column, weights)


def _begun(edges: Floats) -> tuple[tuple[NDArray[numpy.int64], Floats], ...]:
    """The two pixels where an edge begins to count, and by how much in each."""
    first = numpy.floor(edges).astype(numpy.int64)
    part = edges - first
    return (first, 1 - part), (first + 1, part)


def paint_crowd(canvas: Canvas, look: Look, batches: Iterable[Points]) -> None:
    """Tint what boxes cover, see :func:`coverage`."""
    height, width = canvas.pixels.shape[:2]
    alpha = coverage(batches, width, height) * CROWD_OPACITY
    picture: Pixels = numpy.empty((height, width, 4), numpy.uint8)
    for band, part in enumerate((*rgb(look.color), 255)):
        picture[..., band] = numpy.rint(alpha * part)
    canvas.stamp(picture, 0, 0)


def outline_steps(sizes: Floats, width: float) -> Any:
    """The share of an outline's width that each area gets; ``sizes`` and ``width`` are in pixels."""
    wanted = sizes / (FULL_OUTLINES * width)
    return numpy.select([wanted >= step for step in STEPS[:-1]], STEPS[:-1], STEPS[-1])
