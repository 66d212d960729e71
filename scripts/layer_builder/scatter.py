"""Places along the streets for things of which only the number is known: the same every time."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layer_builder.plane import Point, Ring, along, clearance, distance
from layer_builder.shapes import HECTARE_M2, blob, block
from layer_builder.voronoi import nearest

SEED = 20_251_204
STEP_M = 45.0
EDGE_M = 12.0
"""Shapes keep this far from the outline."""
GAP_M = 40.0
"""Shapes keep this far from each other."""
ZONE_SPACINGS_M = (800.0, 650.0, 520.0, 420.0, 320.0, 240.0)
PARK_SPACINGS_M = (2200.0, 1600.0, 1000.0)
"""Centres keep the first distance from their like where they can, then the next."""
ZONE_HA = (0.3, 4.0)
PARK_HA = (0.08, 0.8)
"""Within 400 to 10 000 m², the limits of the pocket park guide (data/standards.toml)."""
ZONE_OFFSETS_M = (0.0, 45.0, -45.0, 100.0, -100.0)
PARALLELS_M = (400.0, -400.0, 800.0, -800.0, 1200.0, -1200.0, 1600.0, -1600.0)
"""Where the frame is thin, zones stand along lines beside its streets."""
PARK_OFFSETS_M = (70.0, -70.0, 110.0, -110.0)


Shape = tuple[Point, Ring]
"""A centre and the ring around it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A shape, the circle around it, and the cell its centre lies in."""

    ring: Ring
    centre: Point
    radius_m: float
    cell: int


@dataclass(frozen=True, slots=True)
class Ground:
    """Where shapes may stand: the outline, the streets, the centres of the cells and the cells' share of the area."""

    outline: Ring
    streets: Sequence[Sequence[Point]]
    centres: Sequence[Point]
    shares: Sequence[float]


def zones(ground: Ground, count: int) -> list[Site]:
    """Blobs of 0.3 to 4 ha across the streets, shared out over the cells by their area."""
    dice = random.Random(SEED)
    room = shared_out(count, ground.shares)
    found: list[Site] = []
    for spacing_m in ZONE_SPACINGS_M:
        stops = _shuffled(ground.streets, dice)
        for point, direction in [*stops, *_beside_all(stops)]:
            shapes = _zone_shapes(point, direction, dice)
            site = _fitting(ground, found, shapes, spacing_m=spacing_m) if sum(room) else None
            if site and room[site.cell]:
                found.append(site)
                room[site.cell] -= 1
    return found


def parks(ground: Ground, count: int, *, named: Sequence[Site], others: Sequence[Site]) -> list[Site]:
    """Small blocks beside the streets, clear of all that stands, far from each other and from ``named``."""
    dice = random.Random(SEED + 1)
    fixed = list(named)
    for spacing_m in PARK_SPACINGS_M:
        for point, direction in _shuffled(ground.streets, dice):
            clear = [s for s in _park_sites(ground, point, direction, dice) if _is_clear(s, others, 0)]
            site = next((s for s in clear if _is_clear(s, fixed, spacing_m)), None)
            if site and len(fixed) < len(named) + count:
                fixed.append(site)
    return fixed[len(named) :]


def shared_out(count: int, shares: Sequence[float]) -> list[int]:
    """``count`` things over shares by largest remainder, at least one each."""
    exact = [count * share / sum(shares) for share in shares]
    whole = [max(1, math.floor(e)) for e in exact]
    order = sorted(range(len(exact)), key=lambda n: (math.floor(exact[n]) - exact[n], n))
    for n in order[: max(0, count - sum(whole))]:
        whole[n] += 1
    return whole


def _shuffled(streets: Sequence[Sequence[Point]], dice: random.Random) -> list[tuple[Point, Point]]:
    stops = [stop for line in streets for stop in along(line, STEP_M)]
    return [stop for _, stop in sorted((dice.random(), stop) for stop in stops)]


def _beside_all(stops: Sequence[tuple[Point, Point]]) -> Iterator[tuple[Point, Point]]:
    for offset_m in PARALLELS_M:
        yield from ((_beside(point, direction, offset_m), direction) for point, direction in stops)


def _between(limits: tuple[float, float], dice: random.Random) -> float:
    """A number between the limits, even on a logarithmic scale."""
    low, high = limits
    return low * math.pow(high / low, dice.random())


def _zone_shapes(point: Point, direction: Point, dice: random.Random) -> Iterator[Shape]:
    area_m2 = _between(ZONE_HA, dice) * HECTARE_M2
    stretch = 1.1 + 0.9 * dice.random()
    wobble = [(0.45 * dice.random() / k, 2 * math.pi * dice.random()) for k in (2, 3, 4)]
    for offset_m in ZONE_OFFSETS_M:
        centre = _beside(point, direction, offset_m)
        yield centre, blob(centre, direction, area_m2=area_m2, stretch=stretch, wobble=wobble)


def _park_sites(ground: Ground, point: Point, direction: Point, dice: random.Random) -> list[Site]:
    area_m2 = _between(PARK_HA, dice) * HECTARE_M2
    aspect = 1.1 + 1.1 * dice.random()
    centres = [_beside(point, direction, offset_m) for offset_m in PARK_OFFSETS_M]
    rings = [block(centre, direction, area_m2=area_m2, aspect=aspect) for centre in centres]
    sites = [_site(ground, centre, ring) for centre, ring in zip(centres, rings, strict=True)]
    return [site for site in sites if _is_inside(site, ground)]


def _beside(point: Point, direction: Point, offset_m: float) -> Point:
    return point[0] - direction[1] * offset_m, point[1] + direction[0] * offset_m


def _fitting(ground: Ground, standing: Sequence[Site], shapes: Iterator[Shape], *, spacing_m: float) -> Site | None:
    sites = (_site(ground, centre, ring) for centre, ring in shapes)
    return next((s for s in sites if _is_clear(s, standing, spacing_m) and _is_inside(s, ground)), None)


def _site(ground: Ground, centre: Point, ring: Ring) -> Site:
    return Site(ring, centre, max(distance(centre, p) for p in ring), nearest(ground.centres, centre))


def _is_clear(site: Site, standing: Sequence[Site], spacing_m: float) -> bool:
    return all(
        distance(site.centre, other.centre) >= max(spacing_m, site.radius_m + other.radius_m + GAP_M)
        for other in standing
    )


def _is_inside(site: Site, ground: Ground) -> bool:
    room_m = clearance(ground.outline, site.centre)
    if room_m < EDGE_M or room_m >= site.radius_m + EDGE_M:
        return room_m >= EDGE_M
    return all(clearance(ground.outline, point) >= EDGE_M for point in site.ring)
