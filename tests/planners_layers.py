"""The shipped layers with what a bureau would send to get every question answered: streets, people, buildings, heights,
dated works, stations that stand, complaints. Made up by arithmetic, so that every run has the same figures."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy
import shapely

from geo_service.core.features import Feature, geometry_of
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.settings import ROOT
from geo_service.storage.seed import read_seed
from tests.browser.trial_layers import write_layer

WEST, SOUTH, EAST, NORTH = 117.112, 39.070, 117.190, 39.145
"""About the district, in degrees."""
ROADS, SITES = 17, 12
HEIGHTS = 24
KNOWN = {"precision": "surveyed", "error_m": None, "status": None, "plan_status": None, "commitment": None}
KNOWN |= {"source": "测试数据", "updated_at": "2026-11-24", "subdistrict": None}


def write_planners_layers(folder: Path) -> None:
    """Write every shipped layer, some with more in them, and the layers ``road_network`` and ``heights``."""
    for path in (ROOT / "layers").iterdir():
        shutil.copy(path, folder)
    shipped = {layer.definition.id: (layer.definition, list(layer.features)) for layer in read_seed(folder).layers}
    additions = {
        "subdistricts": people,
        "pipelines": pipes,
        "roads": dated_roads,
        "construction_sites": buildings,
        "fire_stations": stations,
        "renewal_areas": indicators,
        "idle_land": placed,
        "waterlogging_zones": depths,
        "misconnection_points": complaints,
    }
    for layer_id, made in additions.items():
        definition, features = shipped[layer_id]
        write_layer(folder, more_fields(definition), made(features))
    write_layer(folder, network_definition(), network())
    write_layer(folder, heights_definition(), heights())


def more_fields(definition: LayerDefinition) -> LayerDefinition:
    """Roads with the dates that forbid digging."""
    dates = (("built_date", Text("竣工日期", "Built")), ("overhaul_date", Text("大修日期", "Overhauled")))
    fields = tuple(Field(key=key, title=title, type="date") for key, title in dates)
    wanted = fields if definition.id == "roads" else ()
    return dataclasses.replace(definition, fields=(*definition.fields, *wanted))


def plain(layer_id: str, title: Text, kind: Any, serial: str, symbol: str, *fields: Field) -> LayerDefinition:
    return LayerDefinition(
        id=layer_id,
        title=title,
        theme="reference",
        geometry_types=(kind,),
        serial=serial,
        symbol=symbol,
        source="测试数据",
        secrecy="public",
        fields=fields,
        order=95,
    )


def network_definition() -> LayerDefinition:
    kind = Field(key="kind", title=Text("等级", "Class"))
    return plain("road_network", Text("道路网", "Road network"), "LineString", "LW", "street", kind)


def heights_definition() -> LayerDefinition:
    height = Field(key="elevation_m", title=Text("高程", "Elevation"), type="number", unit="m")
    return plain("heights", Text("地面高程点", "Spot heights"), "Point", "GC", "carrier", height)


def at(layer: str, number: int, shape: Any, name: str, **values: Any) -> Feature:
    return Feature(
        id=f"NK-{layer}-{number:03}", geometry=geometry_of(shape), properties=KNOWN | {"name": name} | values
    )


def lane(share: float, *, north: bool) -> shapely.LineString:
    """A street across the district at this share of its width or height."""
    x, y = WEST + share * (EAST - WEST), SOUTH + share * (NORTH - SOUTH)
    ends = [(x, SOUTH), (x, NORTH)] if north else [(WEST, y), (EAST, y)]
    return shapely.LineString(ends)


def network() -> Iterable[Feature]:
    classes = ("primary", "residential", "tertiary", "residential")
    shares = [(i / (ROADS - 1), turn) for turn in (False, True) for i in range(ROADS)]
    for number, (share, north) in enumerate(shares, 1):
        yield at("LW", number, lane(share, north=north), f"规划路 {number}", kind=classes[number % 4])


def spot(number: int, spread: float = 1.0) -> tuple[float, float]:
    """The next place of a sunflower, so that places are spread evenly and never on a line."""
    turn, radius = number * 2.399963, spread * math.sqrt(number / 60)
    return 117.151 + 0.028 * radius * math.cos(turn), 39.107 + 0.026 * radius * math.sin(turn)


def square(centre: tuple[float, float], size_m: float) -> shapely.Polygon:
    x, y = centre
    dx, dy = size_m / 2 / 86_400, size_m / 2 / 111_000
    return shapely.box(x - dx, y - dy, x + dx, y + dy)


def people(features: list[Feature]) -> list[Feature]:
    counts = [58_794 + 2_137 * n for n in range(len(features))]
    return [changed(f, population_2020=n) for f, n in zip(features, counts, strict=True)]


def changed(feature: Feature, **values: Any) -> Feature:
    return dataclasses.replace(feature, properties={**feature.properties, **values})


def pipes(_: list[Feature]) -> Iterable[Feature]:
    for n in range(1, 9):
        line = shapely.LineString([spot(3 * n), spot(3 * n + 5)])
        medium, year = ("heating", "gas")[n % 2], 2026 + n % 3
        days = {"start_date": f"{year}-0{3 + n % 5}-10", "end_date": f"{year}-0{4 + n % 5}-28"} if n != 4 else {}
        yield at("GW", n, line, f"{'供热' if n % 2 == 0 else '燃气'}管线更新 {n}", medium=medium, **days)


def dated_roads(features: list[Feature]) -> Iterable[Feature]:
    yield changed(features[0], built_date="2024-10-01", start_date="2026-03-01", end_date="2026-09-30")
    for n in range(2, 8):
        dates = {"built_date": f"{2018 + n}-06-30"} if n % 3 else {"overhaul_date": f"{2020 + n}-11-15"}
        days = {"start_date": f"2026-0{n}-01", "end_date": f"2026-0{n + 1}-20"}
        yield at("DL", n, lane(n / 9, north=n % 2 == 0), f"道路改造 {n}", **dates, **days)


def buildings(_: list[Feature]) -> Iterable[Feature]:
    for n in range(1, 61):
        yield at("GD", n, square(spot(n), 30 + n % 7 * 8), f"楼栋 {n}")


def stations(features: list[Feature]) -> Iterable[Feature]:
    yield features[0]
    for n, name in ((2, "王顶堤消防站"), (3, "华苑消防站"), (4, "水上消防站")):
        grade = ("class1", "class2", "small")[n % 3]
        yield at("XFZ", n, shapely.Point(spot(9 * n, 1.6)), name, status="done", station_grade=grade)


def indicators(features: list[Feature]) -> Iterable[Feature]:
    for n, feature in enumerate(features):
        if n % 4 == 3:
            yield feature
            continue
        floor = 100_000 * (n + 2)
        rebuilt = {"demolished_m2": floor * (0.12 + 0.03 * n), "rebuilt_m2": floor * (0.2 + 0.07 * n)}
        homes = {"households": 1_000 + 100 * n, "rehoused_households": 800 - 40 * n}
        yield changed(feature, floor_area_m2=floor, **rebuilt, **homes)


def placed(features: list[Feature]) -> Iterable[Feature]:
    for n, feature in enumerate(features):
        site = geometry_of(square(spot(7 * n + 4), 180 + 40 * n))
        yield dataclasses.replace(changed(feature, precision="parcel", error_m=20), geometry=site)
    for n in range(len(features) + 1, SITES):
        yield at("TD", n, square(spot(5 * n), 120 + 10 * n), f"待出让地块 {n}", precision="parcel")


def depths(features: list[Feature]) -> list[Feature]:
    return [changed(f, depth_cm=10 + n * 7 % 45) if n % 4 else f for n, f in enumerate(features)]


def complaints(_: list[Feature]) -> Iterable[Feature]:
    for n in range(1, 91):
        place = spot(n, 0.35) if n % 3 else spot(n)
        yield at("HJD", n, shapely.Point(place), f"混接点 {n}")


def heights() -> Iterable[Feature]:
    xs, ys = numpy.linspace(117.140, 117.163, HEIGHTS).round(6), numpy.linspace(39.095, 39.113, HEIGHTS).round(6)
    for n, (x, y) in enumerate(((x, y) for x in xs for y in ys), 1):
        bowls = sum(
            math.exp(-(((x - a) * 86.4) ** 2 + ((y - b) * 111) ** 2) / 0.02)
            for a, b in ((117.147, 39.1), (117.156, 39.108))
        )
        yield at("GC", n, shapely.Point(x, y), f"高程点 {n}", elevation_m=round(3 + 0.02 * math.sin(9 * n) - bowls, 2))
