"""Generated parcels: a grid of polygons with seventeen corners over the district, the same every time."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text

WEST, SOUTH, SPAN_X, SPAN_Y = 117.10, 39.06, 0.09, 0.09
CORNERS = 16


def definition(layer_id: str, serial: str) -> LayerDefinition:
    """A public layer of polygons."""
    return LayerDefinition(
        id=layer_id,
        title=Text(f"地块 {layer_id}", f"Parcels {layer_id}"),
        theme="reference",
        geometry_types=("Polygon",),
        serial=serial,
        symbol="polygon_green",
        source="generated",
        secrecy="public",
    )


def features(count: int, serial: str) -> Iterator[Feature]:
    """So many parcels."""
    chance = random.Random(20251124)  # the same parcels every time
    side = math.ceil(math.sqrt(count))
    for number in range(count):
        x = WEST + (number % side + 0.5) * SPAN_X / side
        y = SOUTH + (number // side + 0.5) * SPAN_Y / side
        radius = 0.45 * SPAN_X / side
        ring = list(_ring(x, y, radius, chance))
        properties = {"name": f"地块{number + 1}", "precision": "surveyed", "source": "生成", "error_m": 0.1}
        yield Feature(
            f"NK-{serial}-{number + 1:06}", properties, {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        )


def _ring(x: float, y: float, radius: float, chance: random.Random) -> Iterator[list[float]]:
    for corner in range(CORNERS):
        angle, reach = 2 * math.pi * corner / CORNERS, radius * chance.uniform(0.7, 1.0)
        yield [round(x + reach * math.cos(angle), 7), round(y + reach * math.sin(angle), 7)]
