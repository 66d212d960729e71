"""Two generated layers: rows enough for pages of a table, and polygons enough to come as vector tiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_collection, dump_line
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.storage.definitions import to_toml

ROWS = 130
PARCELS = 144
SIDE = 0.0021
CORNER = (117.1350, 39.0980)
"""South-west corner of the parcels, in the south of the district."""
STACK = (117.1500, 39.0850)
"""Three trial points stand here over each other."""

GRADES = tuple(Code(v, Text(zh, en)) for v, zh, en in (("a", "甲级", "Grade A"), ("b", "乙级", "Grade B")))


def write_trial_layers(folder: Path) -> None:
    """Write the layers ``trial_points`` (130) and ``trial_parcels`` (144) as a pair of files each."""
    write_layer(folder, points_definition(), trial_points())
    write_layer(folder, parcels_definition(), trial_parcels())


def write_layer(folder: Path, definition: LayerDefinition, features: Iterable[Feature]) -> None:
    """Write a layer's definition and features as the store reads them."""
    lines = [dump_line(f) for f in sorted(features, key=lambda f: f.id)]
    (folder / f"{definition.id}.geojson").write_bytes(b"".join(dump_collection(definition.id, 1, lines)))
    (folder / f"{definition.id}.toml").write_text(to_toml(definition), "utf-8")


def points_definition() -> LayerDefinition:
    return LayerDefinition(
        id="trial_points",
        title=Text("试验点", "Trial points"),
        theme="economy",
        geometry_types=("Point",),
        serial="SYD",
        symbol="carrier",
        source="测试",
        secrecy="public",
        fields=(
            Field(key="grade", title=Text("等级", "Grade"), type="code", codes=GRADES),
            Field(key="height_m", title=Text("高度", "Height"), type="number", unit="m"),
        ),
        order=90,
    )


def parcels_definition() -> LayerDefinition:
    return LayerDefinition(
        id="trial_parcels",
        title=Text("试验地块", "Trial parcels"),
        theme="economy",
        geometry_types=("Polygon",),
        serial="SYK",
        symbol="idle_land",
        source="测试",
        secrecy="public",
        order=91,
    )


def trial_points() -> list[Feature]:
    """Points on a spiral; the first three at one place; every second is done, every third illustrative."""
    return [
        Feature(
            id=f"NK-SYD-{n:03d}",
            geometry={"type": "Point", "coordinates": list(STACK if n <= 3 else on_spiral(n))},
            properties={
                **common(f"试验点 {n}", "illustrative" if n % 3 == 0 else "parcel"),
                "status": "done" if n % 2 == 0 else None,
                "grade": "a" if n % 5 else "b",
                "height_m": round(100 * abs(math.sin(n)), 1),
            },
        )
        for n in range(1, ROWS + 1)
    ]


def on_spiral(n: int) -> tuple[float, float]:
    angle, reach = n * 0.7, 0.0002 * n
    return round(117.1455 + reach * math.cos(angle), 7), round(39.1055 + reach * math.sin(angle), 7)


def trial_parcels() -> list[Feature]:
    """A 12 by 12 grid of squares with streets between; every second column is done."""
    found = []
    for n in range(PARCELS):
        west, south = CORNER[0] + (n % 12) * SIDE * 1.2, CORNER[1] - (n // 12) * SIDE
        ring = square(west, south, SIDE)
        properties = common(f"试验地块 {n + 1}", "parcel") | {"status": "done" if n % 2 else None}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        found.append(Feature(id=f"NK-SYK-{n + 1:03d}", geometry=geometry, properties=properties))
    return found


def square(west: float, south: float, side: float) -> Sequence[Sequence[float]]:
    corners = ((0, 0), (1, 0), (1, 0.8), (0, 0.8), (0, 0))
    return [[round(west + dx * side, 7), round(south + dy * side, 7)] for dx, dy in corners]


def common(name: str, precision: str) -> dict[str, object]:
    return {
        "name": name,
        "status": None,
        "plan_status": "planned",
        "commitment": None,
        "subdistrict": "学府街道",
        "precision": precision,
        "error_m": 5,
        "source": "测试",
        "updated_at": "2025-11-24",
    }
