"""Layer definitions from the field library in data/layer_definitions.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Commitment
from layer_builder.facts import read_commitments, read_toml

GEOMETRIES = {
    "point": ("Point", "MultiPoint"),
    "line": ("LineString", "MultiLineString"),
    "polygon": ("Polygon", "MultiPolygon"),
}
PLAN_SOURCE = "《天津市南开区2025年国民经济和社会发展计划》；位置依据见各要素“资料来源”"


def read(data: Path) -> list[LayerDefinition]:
    """Every shipped layer, in the order of the file."""
    book = read_toml(data / "layer_definitions.toml")
    commitments = read_commitments(data)
    return [_definition(row, book["fields"], commitments) for row in book["layers"]]


def compiled_on(data: Path) -> str:
    """The day these data were put together, the ``updated_at`` of every shipped feature."""
    return str(read_toml(data / "layer_definitions.toml")["compiled"])


def _definition(row: dict[str, Any], library: dict[str, Any], commitments: list[Commitment]) -> LayerDefinition:
    kinds = [row.pop("kind"), *row.pop("more_kinds", [])]
    own, must_tile = row.pop("own"), row.pop("must_tile", False)
    body = {
        "source": PLAN_SOURCE,
        "secrecy": "public",
        **row,
        "geometry_types": [name for kind in kinds for name in GEOMETRIES[kind]],
        "fields": [{"key": key} | library[key] for key in own],
        "commitments": [c.id for c in commitments if c.layer == row["id"]],
        "policy": {"must_tile": must_tile},
    }
    return msgspec.convert(body, LayerDefinition)
