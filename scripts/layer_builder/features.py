"""Features of every layer: positions as the facts give them, outlines marked illustrative."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import shape

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from layer_builder import scatter, shapes, voronoi
from layer_builder.facts import Drawn, Facts, NamedOnly, Placement
from layer_builder.plane import (
    Point,
    Ring,
    distance,
    distance_to_segment,
    edges,
    nearest_direction,
    signed_area,
    to_degrees,
    to_metres,
)

Geometry = dict[str, Any]
SCATTERED = "无位置依据：计划只给出数量；图形由 scripts/build_layers 沿道路骨架及其平行线布设，仅为示意"
SCATTERED_EN = (
    "no position known: the plan gives a number only; placed by scripts/build_layers along the street frame "
    "and lines beside it"
)
OUTLINE = "沿边界道路、运河和铁路支线勾画，三位小数"
CENTRE = "中心点由所辖社区与地铁站推得（±700 m）；界线为各中心点的泰森多边形，裁到示意区界"
ON_SIDE_M = 0.02
"""Corners rounded to 7 decimals lie at most this far from the side they stand on."""
DISTRICT_PUBLISHED = {"published_area_m2": 40_640_000, "communities": 171, "population_2020": 890_422}


@dataclass(frozen=True, slots=True)
class Draft:
    """A feature before it has a code, a subdistrict and its measures."""

    layer: str
    properties: dict[str, Any]
    geometry: Geometry | None


def build(facts: Facts, definitions: Sequence[LayerDefinition], *, compiled: str) -> dict[str, list[Feature]]:
    """Features by layer id, each list in the order of its codes."""
    tiles = _subdistricts(facts)
    drafts = [*_reference(facts, tiles), *_placed(facts), *_scattered(facts)]
    by_layer: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_layer[draft.layer].append(draft)
    finish = _Finisher(tiles, compiled)
    return {
        d.id: [finish(d, number, draft) for number, draft in enumerate(by_layer[d.id], start=1)] for d in definitions
    }


# ---------------------------------------------------------------- what every feature gets


class _Finisher:
    """Gives drafts their codes, common fields, subdistrict and measures."""

    def __init__(self, tiles: Sequence[Draft], compiled: str) -> None:
        self._tiles = [(t.properties["name"], shape(t.geometry)) for t in tiles]
        self._compiled = compiled

    def __call__(self, definition: LayerDefinition, number: int, draft: Draft) -> Feature:
        """The finished feature; fields of its own without a value are left out."""
        common = {"status": None, "plan_status": None, "commitment": None, "error_m": None}
        derived = self._derived(definition, draft.geometry)
        own = {key: value for key, value in draft.properties.items() if value not in ("", None)}
        properties = {**common, **own, **derived, "updated_at": self._compiled}
        return Feature(f"NK-{definition.serial}-{number:03d}", properties, draft.geometry)

    def _derived(self, definition: LayerDefinition, geometry: Geometry | None) -> dict[str, Any]:
        if geometry is None:
            return {"subdistrict": None}
        found = shape(geometry)
        values: dict[str, Any] = {"subdistrict": self._subdistrict_of(definition, found)}
        if definition.field("area_m2") and geometry["type"] == "Polygon":
            values["area_m2"] = round(crs.area_m2(found))
        if definition.field("length_m") and geometry["type"] == "LineString":
            values["length_m"] = round(crs.length_m(found))
        return values

    def _subdistrict_of(self, definition: LayerDefinition, found: Any) -> str | None:
        if definition.is_reference:
            return None
        point = shapely.point_on_surface(found)
        return next((name for name, tile in self._tiles if tile.covers(point)), None)


# ---------------------------------------------------------------- places with a name


def _placed(facts: Facts) -> Iterator[Draft]:
    for placement in facts.placements:
        yield from _place(facts, placement)
    for named in facts.named:
        yield _named_only(facts, named)


def _place(facts: Facts, placement: Placement) -> Iterator[Draft]:
    row = facts.places[placement.id]
    geometry, precision = _geometry(facts, placement, row)
    properties = {
        **_commitment_fields(facts, placement, row),
        "precision": precision,
        "position_precision": row["precision"] if geometry else "",
        "error_m": _whole(placement.error_m),
        "source": placement.source,
        "source_en": row["source"],
        "note": placement.note,
        **placement.attributes,
    }
    for zh, en in [(n.zh, n.en) for n in placement.names] or [_name(placement, row)]:
        yield Draft(placement.layer, {"name": zh, "name_en": en, **properties}, geometry)


def _whole(metres: float | None) -> int | None:
    return None if metres is None else round(metres)


def _name(placement: Placement, row: dict[str, str]) -> tuple[str, str]:
    name = row["name_zh"].replace("(", "（").replace(")", "）")
    if placement.candidate_for and "候选" not in name:
        name = f"{name[:-1]}，候选）" if name.endswith("）") else f"{name}（候选）"
        return name, f"{row['name_en']} (candidate)"
    return name, row["name_en"]


def _commitment_fields(facts: Facts, placement: Placement, row: dict[str, str]) -> dict[str, Any]:
    if placement.layer == "waterlogging_candidates":
        return {"candidate_for": placement.candidate_for}
    stage = {"plan_status": row["status"].replace(" ", "_")}
    if placement.candidate_for:
        return {**stage, "candidate_for": placement.candidate_for}
    return {**stage, "commitment": placement.commitment, "verb": facts.commitments[placement.commitment].verb}


def _named_only(facts: Facts, named: NamedOnly) -> Draft:
    commitment = facts.commitments[named.commitment]
    properties = {
        "name": named.name.zh,
        "name_en": named.name.en,
        "commitment": commitment.id,
        "verb": commitment.verb,
        "plan_status": commitment.promise,
        "precision": "unlocated",
        "source": named.source,
        "source_en": named.source_en,
        **named.attributes,
    }
    return Draft(named.layer, properties, None)


def _geometry(facts: Facts, placement: Placement, row: dict[str, str]) -> tuple[Geometry | None, str]:
    """What is drawn and its precision: an outline that nobody published is illustrative."""
    if not row["lon_wgs84"]:
        return None, "unlocated"
    place = (float(row["lon_wgs84"]), float(row["lat_wgs84"]))
    if placement.draw == "point":
        return {"type": "Point", "coordinates": list(place)}, row["precision"]
    if placement.draw == "street":
        return _line(_by_name(facts.lines, placement.street)), row["precision"]
    if placement.draw == "sketch":
        return _published(_by_name(facts.areas, placement.sketch).coordinates), "illustrative"
    return _polygon(_assumed_ring(facts, placement, to_metres(place))), "illustrative"


def _assumed_ring(facts: Facts, placement: Placement, centre: Point) -> Ring:
    if placement.draw == "corridor":
        bank = shapes.stretch_of(_canal_line(facts), placement.from_m, placement.to_m)
        inner = facts.canal["width_m"] / 2
        return shapes.strip(bank, left_m=-inner, right_m=-inner - placement.width_m)
    direction = nearest_direction(facts.streets, centre)
    return shapes.block(centre, direction, area_m2=placement.area_ha * shapes.HECTARE_M2, aspect=placement.aspect)


def _by_name(drawn: Sequence[Drawn], name: str) -> Drawn:
    plain = name.replace("(", "（").replace(")", "）")
    return next(d for d in drawn if d.name == plain)


# ---------------------------------------------------------------- things of which only the number is known


def _scattered(facts: Facts) -> Iterator[Draft]:
    ground = _ground(facts)
    zones = scatter.zones(ground, _unnamed(facts, "waterlogging-40"))
    yield from _numbered(facts, "waterlogging-40", zones, Text("积水片区", "Waterlogging zone"), first=1)
    named = [_site(facts, p) for p in facts.placements if p.layer == "pocket_parks"]
    parks = scatter.parks(ground, _unnamed(facts, "pocket-parks-6"), named=named, others=zones)
    yield from _numbered(facts, "pocket-parks-6", parks, Text("口袋公园", "Pocket park"), first=1 + len(named))


def _ground(facts: Facts) -> scatter.Ground:
    shares = [signed_area(cell) for cell in voronoi.cells(facts.centres, facts.outline_m)]
    return scatter.Ground(facts.outline_m, facts.streets, facts.centres, [abs(s) for s in shares])


def _unnamed(facts: Facts, commitment_id: str) -> int:
    return facts.commitments[commitment_id].unnamed or 0


def _site(facts: Facts, placement: Placement) -> scatter.Site:
    row = facts.places[placement.id]
    centre = to_metres((float(row["lon_wgs84"]), float(row["lat_wgs84"])))
    ring = _assumed_ring(facts, placement, centre)
    radius_m = max(distance(centre, p) for p in ring)
    return scatter.Site(ring, centre, radius_m, voronoi.nearest(facts.centres, centre))


def _numbered(
    facts: Facts, commitment_id: str, sites: Iterable[scatter.Site], name: Text, *, first: int
) -> Iterator[Draft]:
    """Sites from the first subdistrict to the last, in each from north to south."""
    commitment = facts.commitments[commitment_id]
    ordered = sorted(sites, key=lambda s: (s.cell, -s.centre[1], s.centre[0]))
    for number, site in enumerate(ordered, start=first):
        properties = {
            "name": f"{name.zh} {number}（示意）",
            "name_en": f"{name.en} {number} (illustrative)",
            "commitment": commitment.id,
            "verb": commitment.verb,
            "plan_status": commitment.promise,
            "precision": "illustrative",
            "position_precision": "none",
            "source": SCATTERED,
            "source_en": SCATTERED_EN,
        }
        yield Draft(commitment.layer, properties, _polygon(site.ring))


# ---------------------------------------------------------------- base geography


def _reference(facts: Facts, tiles: Sequence[Draft]) -> Iterator[Draft]:
    yield _outline(facts, tiles)
    yield from tiles
    yield from (_area(a) for a in facts.areas)
    yield from (_street(line) for line in facts.lines if line.kind in ("road", "rail"))
    yield from (_river(line) for line in facts.lines if line.kind == "river")
    yield _canal(facts)


def _outline(facts: Facts, tiles: Sequence[Draft]) -> Draft:
    note = "公布面积 40.64 km²；示意图形的面积与之不同，因区界误差约 150 m"
    properties = {
        "note": note,
        "name": "南开区（示意）",
        "name_en": "Nankai District (illustrative)",
        "adcode": "120104",
        **DISTRICT_PUBLISHED,
        "precision": "illustrative",
        "error_m": 150,
        "source": OUTLINE,
        "source_en": "outline along the bounding streets, canal and rail branch, three decimals",
    }
    corners = [point for tile in tiles if tile.geometry for point in tile.geometry["coordinates"][0]]
    return Draft("boundary", properties, _published(_with_corners(facts.outline, corners)))


def _with_corners(outline: Sequence[Sequence[float]], corners: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """The outline with the tiles' corners that lie on its sides, so that the tiles fill it to the last digit."""
    ring: list[Sequence[float]] = []
    for a, b in edges([(p[0], p[1]) for p in outline]):
        start, end = to_metres(a), to_metres(b)
        on_side = {tuple(p) for p in corners if distance_to_segment(to_metres(p), start, end) < ON_SIDE_M}
        ring += [a, *sorted(on_side - {a, b}, key=lambda p: distance(start, to_metres(p)))]
    return ring


def _subdistricts(facts: Facts) -> list[Draft]:
    rings = voronoi.cells(facts.centres, facts.outline_m)
    return [_subdistrict(row, ring) for row, ring in zip(facts.subdistricts, rings, strict=True)]


def _subdistrict(row: dict[str, str], ring: Ring) -> Draft:
    numbers = {
        "communities": row["communities_nbs"],
        "population_2010": row["pop_2010"],
        "population_2020": row["pop_2020"],
    }
    properties = {
        "name": row["name_zh"],
        "name_en": row["name_en"],
        "adcode": row["code"],
        **{key: int(text) for key, text in numbers.items() if text},
        "precision": "illustrative",
        "position_precision": "guess",
        "error_m": 700,
        "source": CENTRE,
        "source_en": f"centre {row['precision']}; Voronoi cells of the centres, clipped to the illustrative outline",
    }
    return Draft("subdistricts", properties, _polygon(ring))


def _area(area: Drawn) -> Draft:
    properties = {**_drawn_fields(area), "precision": "illustrative", "position_precision": "street"}
    return Draft("named_areas", properties, _published(area.coordinates))


def _street(line: Drawn) -> Draft:
    return Draft("streets", {**_drawn_fields(line), "kind": line.kind, "precision": "street"}, _line(line))


def _river(line: Drawn) -> Draft:
    ring = shapes.strip(line.metres, left_m=line.width_m / 2, right_m=-line.width_m / 2)
    note = f"水面宽度 {line.width_m:g} m 为示意"
    properties = {**_drawn_fields(line), "kind": line.kind, "note": note, "precision": "illustrative"}
    return Draft("water", properties | {"position_precision": "street"}, _polygon(ring))


def _canal(facts: Facts) -> Draft:
    canal = facts.canal
    half = canal["width_m"] / 2
    properties = {
        "name": canal["name"]["zh"],
        "name_en": canal["name"]["en"],
        "kind": "canal",
        "note": f"水面宽度 {canal['width_m']} m 为示意",
        "precision": "illustrative",
        "position_precision": "guess",
        "error_m": canal["error_m"],
        "source": canal["source"],
        "source_en": canal["source_en"],
    }
    return Draft("water", properties, _polygon(shapes.strip(_canal_line(facts), left_m=half, right_m=-half)))


def _canal_line(facts: Facts) -> list[Point]:
    return facts.outline_m[facts.canal["from_vertex"] : facts.canal["to_vertex"] + 1]


def _drawn_fields(drawn: Drawn) -> dict[str, Any]:
    return {
        "name": drawn.name,
        "name_en": drawn.name_en,
        "error_m": drawn.error_m,
        "source": drawn.source,
        "source_en": drawn.source_en,
    }


# ---------------------------------------------------------------- GeoJSON


def _polygon(ring: Ring) -> Geometry:
    return _published([to_degrees(p) for p in ring])


def _published(ring: Sequence[Sequence[float]]) -> Geometry:
    """A polygon of a ring in degrees, counter-clockwise (RFC 7946), without repeated points."""
    points = [list(p) for n, p in enumerate(ring) if list(p) != list(ring[n - 1])]
    if signed_area([(p[0], p[1]) for p in points]) < 0:
        points.reverse()
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def _line(drawn: Drawn) -> Geometry:
    return {"type": "LineString", "coordinates": [list(p) for p in drawn.coordinates]}
