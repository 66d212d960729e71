"""A small static map of one feature for its page: paths, marks and lengths for an SVG template, no markup.

Drawn in EPSG:4548, so the scale bar is right in every direction and the reach of the position error is the same all
around.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.layers import Kind
from geo_service.rendering.symbols import Symbol, SymbolClass, hollow, symbol

WIDTH_PX, HEIGHT_PX = 640, 400
LOCATOR_PX = 132
SMALLEST_HALF_M = 320.0
"""A map shows at least this much ground on each side of its centre, so that a street or two is in sight."""
LABEL_GAP_PX = 34.0
LOCATOR_CORNER_PX = 150
"""Top right corner that the locator may cover on a phone: no names there."""
SMALLEST_ERROR_PX = 6
BARS_M = tuple(n * 10**e for e in (1, 2, 3, 4) for n in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around features, projected once: the district outline, streets and railways by name, water."""

    outline: BaseGeometry
    streets: tuple[tuple[str, BaseGeometry], ...]
    rails: tuple[tuple[str, BaseGeometry], ...]
    water: BaseGeometry


@dataclass(frozen=True, slots=True)
class Label:
    """A street name along its street; ``angle`` in degrees clockwise."""

    text: str
    x: float
    y: float
    angle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallMap:
    """Everything the template needs, in pixels of a ``width`` x ``height`` drawing."""

    width: int
    height: int
    outline: str
    water: str
    streets: tuple[str, ...]
    rails: tuple[str, ...]
    labels: tuple[Label, ...]
    areas: str
    lines: str
    points: tuple[tuple[float, float], ...]
    error: str
    """How far the position error reaches around the feature; empty where it is unknown or too small to see."""
    bar_px: float
    bar_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Locator:
    """The district in small, with the place of the feature."""

    size: int
    outline: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class _Window:
    """A rectangle of the plane and its pixels; y runs down."""

    west: float
    north: float
    metres_per_px: float
    width: int
    height: int

    def bounds(self, margin_px: float = 12.0) -> tuple[float, float, float, float]:
        margin = margin_px * self.metres_per_px
        east = self.west + self.width * self.metres_per_px
        south = self.north - self.height * self.metres_per_px
        return self.west - margin, south - margin, east + margin, self.north + margin

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        return round((x - self.west) / self.metres_per_px, 1), round((self.north - y) / self.metres_per_px, 1)


def surroundings(outline: Iterable[Feature], streets: Iterable[Feature], water: Iterable[Feature]) -> Surroundings:
    """The reference layers on the plane, ready to draw around any feature."""
    lines = [f for f in streets if f.geometry]
    return Surroundings(
        outline=shapely.union_all([_plane(f) for f in outline if f.geometry]),
        streets=tuple((f.name, _plane(f)) for f in lines if f.properties.get("kind") != "rail"),
        rails=tuple((f.name, _plane(f)) for f in lines if f.properties.get("kind") == "rail"),
        water=shapely.union_all([_plane(f) for f in water if f.geometry]),
    )


def small_map(feature: Feature, around: Surroundings) -> SmallMap | None:
    """The map of a feature, None where it has no position."""
    if feature.geometry is None:
        return None
    geometry = _plane(feature)
    error_m = _error_m(feature)
    reach = shapely.buffer(geometry, error_m, quad_segs=24) if error_m else geometry
    window = _window(reach)
    streets, rails = _clipped(around.streets, window), _clipped(around.rails, window)
    bar_m = max((m for m in BARS_M if m / window.metres_per_px <= window.width / 4), default=BARS_M[0])
    return SmallMap(
        width=window.width,
        height=window.height,
        outline=_path(shapely.clip_by_rect(shapely.boundary(around.outline), *window.bounds()), window),
        water=_path(shapely.clip_by_rect(around.water, *window.bounds()), window),
        streets=tuple(_path(line, window) for _, line in streets),
        rails=tuple(_path(line, window) for _, line in rails),
        labels=tuple(_labels([*streets, *rails], window)),
        areas=_path(_only(geometry, "Polygon"), window),
        lines=_path(_only(geometry, "LineString"), window),
        points=tuple(window.pixel(p.x, p.y) for p in _parts(geometry) if p.geom_type == "Point"),
        error=_path(reach, window) if error_m / window.metres_per_px > SMALLEST_ERROR_PX else "",
        bar_px=round(bar_m / window.metres_per_px, 1),
        bar_m=bar_m,
    )


def locator(feature: Feature, around: Surroundings) -> Locator | None:
    """Where in the district a feature lies, None without a position or an outline."""
    if feature.geometry is None or around.outline.is_empty:
        return None
    west, south, east, north = around.outline.bounds
    metres_per_px = max(east - west, north - south) / (LOCATOR_PX - 12)
    half = LOCATOR_PX / 2 * metres_per_px
    window = _Window((west + east) / 2 - half, (south + north) / 2 + half, metres_per_px, LOCATOR_PX, LOCATOR_PX)
    centre = _plane(feature).centroid
    x, y = window.pixel(centre.x, centre.y)
    simple = shapely.simplify(around.outline, metres_per_px / 2)
    return Locator(size=LOCATOR_PX, outline=_path(simple, window), x=x, y=y)


def symbol_of(feature: Feature, layers: Symbol) -> Symbol:
    """The layer's symbol for the geometry of this feature: some layers hold points and polygons."""
    kinds: dict[str, Kind] = {"Point": "point", "LineString": "line", "Polygon": "polygon"}
    kind = kinds.get(str((feature.geometry or {}).get("type", "")).removeprefix("Multi"), layers.kind)
    return layers if kind == layers.kind else symbol(layers.name, kind=kind)


def colour_variable(symbol: Symbol, drawn: SymbolClass) -> str:
    """The CSS custom property of a class's colour, as ``symbols.palette_css`` names it."""
    name = f"--symbol-{symbol.name.replace('_', '-')}"
    return f"{name}-{drawn.key}" if drawn.color != symbol.color else name


def marker_path(shape: str, radius: float) -> str:
    """The outline of a point symbol around 0,0: circle, square, diamond or pentagon."""
    if shape == "circle":
        return f"M{-radius},0a{radius},{radius} 0 1 0 {2 * radius},0a{radius},{radius} 0 1 0 {-2 * radius},0Z"
    corners, turn, stretch = {"square": (4, 45, 1.25), "diamond": (4, 0, 1.25), "pentagon": (5, 0, 1.15)}[shape]
    angles = [math.radians(turn + 360 / corners * n) for n in range(corners)]
    points = [(round(radius * stretch * math.sin(a), 2), round(-radius * stretch * math.cos(a), 2)) for a in angles]
    return "M" + "L".join(f"{x},{y}" for x, y in points) + "Z"


def _plane(feature: Feature) -> BaseGeometry:
    return crs.project(feature.shape())


def _error_m(feature: Feature) -> float:
    value = feature.properties.get("error_m")
    return float(value) if isinstance(value, (int, float)) else 0.0


def _window(reach: BaseGeometry) -> _Window:
    west, south, east, north = reach.bounds
    half_x = max(SMALLEST_HALF_M, (east - west) * 0.55)
    half_y = max(SMALLEST_HALF_M * HEIGHT_PX / WIDTH_PX, (north - south) * 0.55)
    metres_per_px = max(2 * half_x / WIDTH_PX, 2 * half_y / HEIGHT_PX)
    x, y = (west + east) / 2, (south + north) / 2
    return _Window(
        x - WIDTH_PX / 2 * metres_per_px, y + HEIGHT_PX / 2 * metres_per_px, metres_per_px, WIDTH_PX, HEIGHT_PX
    )


def _clipped(lines: Iterable[tuple[str, BaseGeometry]], window: _Window) -> list[tuple[str, BaseGeometry]]:
    clipped = ((name, shapely.clip_by_rect(line, *window.bounds())) for name, line in lines)
    return [(name, line) for name, line in clipped if not line.is_empty]


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    for part in shapely.get_parts(geometry):
        yield from _parts(part) if hasattr(part, "geoms") else [part]


def _only(geometry: BaseGeometry, kind: str) -> BaseGeometry:
    return shapely.GeometryCollection([p for p in _parts(geometry) if p.geom_type == kind])


def _path(geometry: BaseGeometry, window: _Window) -> str:
    return "".join(_ring_path(ring, window) for part in _parts(geometry) for ring in _rings(part))


def _rings(part: BaseGeometry) -> Iterator[tuple[Sequence[Sequence[float]], bool]]:
    if part.geom_type == "Polygon":
        for ring in (part.exterior, *part.interiors):
            yield list(ring.coords)[:-1], True
    elif part.geom_type in ("LineString", "LinearRing"):
        yield list(part.coords), False


def _ring_path(ring: tuple[Sequence[Sequence[float]], bool], window: _Window) -> str:
    points, closed = ring
    pixels = [window.pixel(x, y) for x, y, *_ in points]
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in pixels) + ("Z" if closed else "") if pixels else ""


def _labels(streets: Iterable[tuple[str, BaseGeometry]], window: _Window) -> Iterator[Label]:
    placed: list[Label] = []
    for name, street in streets:
        pieces = [p for p in _parts(street) if p.geom_type == "LineString"]
        if not pieces:
            continue
        label = _label(name, max(pieces, key=shapely.length), window)
        if label and all(math.dist((label.x, label.y), (p.x, p.y)) > LABEL_GAP_PX + 6 * len(p.text) for p in placed):
            placed.append(label)
            yield label


def _label(name: str, line: LineString, window: _Window) -> Label | None:
    """The name in the middle of its line, None where the line is too short for it or its middle lies outside."""
    length_px = line.length / window.metres_per_px
    if length_px < 13 * len(name) + 16:
        return None
    reach = 0.06
    middle, before, after = (line.interpolate(at, normalized=True) for at in (0.5, 0.5 - reach, 0.5 + reach))
    angle = -math.degrees(math.atan2(after.y - before.y, after.x - before.x))
    angle = (angle + 90) % 180 - 90
    x, y = window.pixel(middle.x, middle.y)
    inside = 20 < x < window.width - 20 and 14 < y < window.height - 14
    covered = x > window.width - LOCATOR_CORNER_PX and y < LOCATOR_CORNER_PX
    return Label(name, x, y, round(angle, 1)) if inside and not covered else None


HATCH_PATHS: dict[str, str] = {
    "diag": "M3,9L9,3M3,15L15,3M5,19L21,3M11,19L27,3M17,19L27,9M23,19L27,15",
    "diag2": "M27,9L21,3M27,15L15,3M25,19L9,3M19,19L3,3M13,19L3,9M7,19L3,15",
    "horizontal": "M3,7H27M3,11H27M3,15H27",
    "vertical": "M8,3V19M13,3V19M18,3V19M23,3V19",
    "dots": "M8,8h.01M15,8h.01M22,8h.01M8,14h.01M15,14h.01M22,14h.01",
    "brick": "M3,7H27M3,13H27M9,7V13M21,7V13M15,3V7M15,13V19M27,3V7M27,13V19",
    "plus": "M6,8h4M8,6v4M13,8h4M15,6v4M20,8h4M22,6v4M6,14h4M8,12v4M13,14h4M15,12v4M20,14h4M22,12v4",
    "dash": "M4,7h6M16,7h6M10,11h6M22,11h5M4,15h6M16,15h6",
    "wave": "M3,8q3,-3 6,0t6,0t6,0t6,0M3,14q3,-3 6,0t6,0t6,0t6,0",
}
HATCH_PATHS["cross"] = HATCH_PATHS["diag"] + HATCH_PATHS["diag2"]
HATCH_PATHS["grid"] = HATCH_PATHS["horizontal"] + HATCH_PATHS["vertical"]
"""Each hatch within the box 3,3 to 27,19 of a swatch."""


def leading_class(symbol: Symbol, counts: Mapping[str, int], *, illustrative: bool) -> SymbolClass:
    """The class most features have (the last where there are none), hollow where all of them are illustrative."""
    best = max(reversed(symbol.classes), key=lambda c: counts.get(c.key, 0))
    return hollow(symbol, best) if illustrative else best
