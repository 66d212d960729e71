"""A city generated for trials: parcels with use, owner, area, or points of public furniture; the same every time.

As a program it writes a layer folder that ``GEO_SERVICE_LAYERS`` imports at the first start, and whose ``.geojson``
can be sent as an upload: ``.venv/bin/python -m scripts.benchmarks.city FOLDER --features 100000``.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from pathlib import Path

from geo_service.core.features import Feature
from geo_service.core.geojson import dump_collection, dump_line
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.storage import definitions

WEST, SOUTH, SPAN_X, SPAN_Y = 117.10, 39.06, 0.09, 0.09
_NAMES = ("长虹", "鼓楼", "兴南", "广开", "万兴", "学府", "向阳路", "嘉陵道", "王顶堤", "水上公园", "体育中心", "华苑")
SUBDISTRICTS = tuple(f"{name}街道" for name in _NAMES)
USES = (
    ("R2", "二类居住用地", "Housing", 46),
    ("B1", "商业用地", "Retail", 12),
    ("B2", "商务用地", "Offices", 9),
    ("A3", "教育科研用地", "Education", 8),
    ("A5", "医疗卫生用地", "Health", 4),
    ("G1", "公园绿地", "Parks", 9),
    ("M1", "一类工业用地", "Light industry", 7),
    ("U1", "供应设施用地", "Utilities", 5),
)
OWNERS = ("区住房建设委", "区教育局", "区国资委", "区城市管理委", "天开发展集团", "个人", "区卫生健康委")
ROADS = ("鞍山西道", "黄河道", "长江道", "红旗南路", "白堤路", "卫津路", "南门外大街", "迎水道", "复康路", "密云路")
SEED = 20251124


def definition(layer_id: str = "city_parcels", serial: str = "CP") -> LayerDefinition:
    """A public layer of parcels."""
    codes = tuple(Code(value, Text(zh, en)) for value, zh, en, _ in USES)
    return LayerDefinition(
        id=layer_id,
        title=Text("城市地块（生成）", "City parcels (generated)"),
        theme="reference",
        geometry_types=("Polygon",),
        serial=serial,
        symbol="polygon_green",
        source="生成数据",
        secrecy="public",
        fields=(
            Field(key="land_use", title=Text("用地性质", "Land use"), type="code", codes=codes),
            Field(key="address", title=Text("坐落", "Address")),
            Field(key="owner", title=Text("权利人", "Owner")),
            Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²", minimum=0),
            Field(key="floors", title=Text("层数", "Floors"), type="integer", minimum=0),
            Field(key="built_year", title=Text("建成年份", "Built in"), type="integer"),
        ),
    )


def features(count: int, serial: str = "CP") -> Iterator[Feature]:
    """So many parcels, street block by street block over the district, sorted by id."""
    chance = random.Random(SEED)
    side = math.ceil(math.sqrt(count))
    for number in range(count):
        column, row = number % side, number // side
        ring = _outline(column, row, side, chance)
        yield Feature(
            f"NK-{serial}-{number + 1:07}",
            _attributes(number, column, row, side, chance),
            {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        )


def _outline(column: int, row: int, side: int, chance: random.Random) -> list[list[float]]:
    """A rectangle, every third an L; a street runs after every eighth column and sixth row."""
    x, y = WEST + column * SPAN_X / side, SOUTH + row * SPAN_Y / side
    width = SPAN_X / side * chance.uniform(0.6, 0.8 if column % 8 == 7 else 0.97)
    height = SPAN_Y / side * chance.uniform(0.6, 0.75 if row % 6 == 5 else 0.97)
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    if chance.random() < 0.34:
        notch = chance.uniform(0.4, 0.7)
        corners = [(0.0, 0.0), (1.0, 0.0), (1.0, notch), (notch, notch), (notch, 1.0), (0.0, 1.0)]
    return [[round(x + a * width, 7), round(y + b * height, 7)] for a, b in corners]


def _attributes(number: int, column: int, row: int, side: int, chance: random.Random) -> dict[str, object]:
    subdistrict = SUBDISTRICTS[4 * (3 * row // side) + 4 * column // side]
    code, title = chance.choices([u[:2] for u in USES], [u[3] for u in USES])[0]
    road = ROADS[(column // 8 + row // 6) % len(ROADS)]
    block = f"{subdistrict.removesuffix('街道')}{row // 6 + 1}街坊"
    return {
        "name": f"{block}{number % 997 + 1}号{title.removesuffix('用地')}地块",
        "land_use": code,
        "address": f"{road}{number % 1999 + 1}号",
        "owner": chance.choice(OWNERS),
        "area_m2": round(chance.lognormvariate(7, 0.8), 1),
        "floors": 0 if code == "G1" else min(60, 1 + int(chance.expovariate(0.12))),
        "built_year": None if code == "G1" else chance.randint(1952, 2025),
        "subdistrict": subdistrict,
        "precision": "surveyed",
        "error_m": 0.1,
        "source": "生成数据",
        "updated_at": f"2025-{chance.randint(1, 11):02}-{chance.randint(1, 28):02}",
    }


def write(folder: Path, count: int) -> Path:
    """The GeoJSON file of a layer folder with so many parcels; its definition stands beside it."""
    layer = definition()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{layer.id}.toml").write_text(definitions.to_toml(layer), "utf-8")
    path = folder / f"{layer.id}.geojson"
    with path.open("wb") as out:
        out.writelines(dump_collection(layer.id, 1, map(dump_line, features(count))))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.benchmarks.city", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--features", type=int, default=100_000)
    options = parser.parse_args()
    print(write(options.folder, options.features))


if __name__ == "__main__":
    main()
