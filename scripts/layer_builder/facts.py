"""What data/ says, as values."""

from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.plan import Commitment
from geo_service.core.text import Text
from layer_builder.plane import Point, Ring, to_metres


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How one place of the facts becomes features (a row of placements.toml)."""

    id: str
    layer: str
    source: str
    commitment: str = ""
    candidate_for: str = ""
    names: tuple[Text, ...] = ()
    error_m: float | None = None
    draw: str = "point"
    area_ha: float = 0
    aspect: float = 1
    sketch: str = ""
    street: str = ""
    from_m: float = 0
    to_m: float = 0
    width_m: float = 0
    note: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOnly:
    """A name in the plan for which the facts have no place."""

    layer: str
    commitment: str
    name: Text
    source: str
    source_en: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line or polygon of the street frame, in degrees as published, with its words."""

    name: str
    name_en: str
    kind: str
    error_m: float
    width_m: float
    source: str
    source_en: str
    coordinates: list[Any]

    @property
    def metres(self) -> list[Point]:
        """The line in the local plane."""
        return [to_metres(p) for p in self.coordinates]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the layers are built from."""

    commitments: dict[str, Commitment]
    places: dict[str, dict[str, str]]
    placements: tuple[Placement, ...]
    named: tuple[NamedOnly, ...]
    subdistricts: tuple[dict[str, str], ...]
    lines: tuple[Drawn, ...]
    areas: tuple[Drawn, ...]
    canal: dict[str, Any]
    outline: list[list[float]]

    @property
    def outline_m(self) -> Ring:
        """The district outline in the local plane."""
        return [to_metres(p) for p in self.outline]

    @property
    def streets(self) -> list[list[Point]]:
        """The roads of the frame in the local plane."""
        return [line.metres for line in self.lines if line.kind == "road"]

    @property
    def centres(self) -> list[Point]:
        """The subdistricts' centres in the local plane."""
        return [to_metres((float(r["lon_wgs84"]), float(r["lat_wgs84"]))) for r in self.subdistricts]


def read(data: Path) -> Facts:
    """The facts in a data folder."""
    placements = read_toml(data / "placements.toml")
    words = read_toml(data / "frame_names.toml")
    frame = json.loads((data / "facts" / "frame.geojson").read_text("utf-8"))["features"]
    outline = json.loads((data / "boundaries" / "nankai.geojson").read_text("utf-8"))["features"][0]
    return Facts(
        commitments={c.id: c for c in read_commitments(data)},
        places={row["id"]: row for row in read_csv(data / "facts" / "places.csv")},
        placements=msgspec.convert(placements["places"], tuple[Placement, ...]),
        named=msgspec.convert(placements["named"], tuple[NamedOnly, ...]),
        subdistricts=tuple(read_csv(data / "facts" / "subdistricts.csv")),
        lines=tuple(_drawn(f, words["lines"]) for f in frame if f["properties"]["kind"] == "line"),
        areas=tuple(_drawn(f, words["areas"]) for f in frame if f["properties"]["kind"] == "polygon"),
        canal=words["canal"],
        outline=outline["geometry"]["coordinates"][0][:-1],
    )


def read_commitments(data: Path) -> list[Commitment]:
    """The commitments of the plan ledger, in its order."""
    return msgspec.convert(read_toml(data / "plan_2025.toml")["commitments"], list[Commitment])


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file."""
    return tomllib.loads(path.read_text("utf-8"))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _drawn(feature: dict[str, Any], words: dict[str, Any]) -> Drawn:
    stated = feature["properties"]
    said = words[stated["name"]]
    coordinates = feature["geometry"]["coordinates"]
    return Drawn(
        name=stated["name"].replace("(", "（").replace(")", "）"),
        name_en=said["en"],
        kind=said.get("kind", "road" if stated["kind"] == "line" else "area"),
        error_m=stated["error_m"],
        width_m=said.get("width_m", 0),
        source=said["source"],
        source_en=stated["basis"],
        coordinates=coordinates if stated["kind"] == "line" else coordinates[0][:-1],
    )
