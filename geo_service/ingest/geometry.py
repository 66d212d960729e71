"""Geometries checked and, where it changes next to nothing, repaired.

A repair is taken only when the area changes by at most 0.1 % and 1 m², and type and number of parts stay. It is tried
with ``make_valid(method="structure")`` and never above 2 000 crossings, counted first: a 25 KB star would cost 41 s and
1 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.core.layers import LayerDefinition
from geo_service.core.wording import SHAPES
from geo_service.ingest.findings import FindingLog, Refused
from geo_service.ingest.layer import objects
from geo_service.ingest.limits import Limits
from geo_service.ingest.normalise import blocks, plain_geometry

Array = numpy.ndarray[Any, Any]

REPAIR_SHARE, REPAIR_M2 = 0.001, 1.0
SLIVER_M2 = 0.5
TILE_GAP_M = 0.5
GEOMETRY_TYPES = (
    "Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip
"""By Shapely's type id."""
_DECIMALS = 7
_PAIR_BUDGET = 20_000_000
_BLOCK = 2_000_000


def check_size(geometry: Array, rows: list[int], log: FindingLog, limits: Limits) -> Array:
    """Which rows are within the vertex limits; the whole file is refused above its own.

    Raises
    ------
    Refused
        ``too-many-vertices``.
    """
    counts = shapely.get_num_coordinates(geometry)
    if int(counts.sum()) > limits.vertices:
        raise Refused("too-many-vertices", limit=limits.vertices)
    fine = counts <= limits.feature_vertices
    for i in numpy.flatnonzero(~fine).tolist():
        log.add("geometry-vertices", row=rows[i], found=int(counts[i]), limit=limits.feature_vertices)
    return numpy.asarray(fine, dtype=bool)


def to_degrees(geometry: Array, move: Any) -> Array:
    """Plain geometries in EPSG:4490 at 7 decimals, read by a hypothesis of the CRS doctor."""

    def moved(points: Array) -> Array:
        with numpy.errstate(all="ignore"):
            lon, lat = move(points[:, 0], points[:, 1])
        return numpy.round(numpy.column_stack([lon, lat]), _DECIMALS)

    degrees = numpy.full(len(geometry), None, dtype=object)
    for block in blocks(len(geometry)):
        degrees[block] = shapely.transform(plain_geometry(geometry[block]), moved)
    return degrees


@dataclass(slots=True)
class Checked:
    """Geometries after checks: ``fine`` are those that may be kept."""

    geometry: Array
    fine: Array


def check_geometry(
    geometry: Array,
    rows: list[int],
    names: list[str | None],
    *,
    definition: LayerDefinition | None,
    log: FindingLog,
    limits: Limits,
) -> Checked:
    """Geometries (degrees) repaired where allowed and of the layer's types; what cannot be kept is noted and placed."""
    shaped = geometry.copy()
    present = ~shapely.is_missing(shaped)
    fine = numpy.ones(len(shaped), dtype=bool)
    _check_finite(shaped, rows, fine, present, log)
    wrong = present & fine & ~shapely.is_valid(shaped)
    for i in numpy.flatnonzero(wrong).tolist():
        repaired = _repair(shaped[i], rows[i], names[i], log, limits)
        fine[i] = repaired is not None
        shaped[i] = repaired if repaired is not None else shaped[i]
    if definition:
        _fit_types(shaped, rows, names, fine, definition=definition, log=log)
    _note_duplicates(shaped, rows, names, fine & present, log)
    return Checked(shaped, fine)


def _check_finite(shaped: Array, rows: list[int], fine: Array, present: Array, log: FindingLog) -> None:
    bounds = shapely.bounds(shaped)
    wild = present & ~(numpy.isfinite(bounds).all(axis=1) & (numpy.abs(bounds) <= 360).all(axis=1))
    for i in numpy.flatnonzero(wild).tolist():
        fine[i] = False
        log.add("geometry-coordinates", row=rows[i], reason="NaN / Infinity / > 360°")


def _repair(shape: Any, row: int, name: str | None, log: FindingLog, limits: Limits) -> Any:
    """A valid geometry that is nearly the same, or None with a finding that says where and why not."""
    crossings, place = count_crossings(shape, limits.crossings)
    x, y = place or _reason_place(shape)
    problem, problem_en = _problem(shape, crossings, limits.crossings)
    about = {"row": row, "name": name, "point": (x, y), "problem": problem, "problem_en": problem_en}
    where = {"x": f"{x:.5f}", "y": f"{y:.5f}"}
    if crossings > limits.crossings:
        why = f"交叉超过 {limits.crossings} 处"
        log.add("geometry-crossing", why=why, why_en="there are too many crossings", **where, **about)
        return None
    repaired = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    before, after = (abs(float(a)) for a in shapely.area(project(objects([shape, repaired]))))
    change = abs(after - before)
    parts_kept = shapely.get_num_geometries(shape) == shapely.get_num_geometries(repaired)
    if repaired.geom_type != shape.geom_type or not parts_kept or repaired.is_empty:
        why, why_en = "修复会改变类型或部件数", "a repair would change its type or number of parts"
    elif change > REPAIR_M2 or change > REPAIR_SHARE * max(before, 1e-9):
        share = 100 * change / max(before, 1e-9)
        why, why_en = f"修复会改变面积 {share:.1f}%", f"a repair would change the area by {share:.1f}%"
    else:
        log.add("geometry-fixed", change_m2=f"{change:.2f}", **about)
        return repaired
    log.add("geometry-crossing", why=why, why_en=why_en, **where, **about)
    return None


def _problem(shape: Any, crossings: int, limit: int) -> tuple[str, str]:
    if crossings > limit:
        return f"面自相交超过 {limit} 处", f"the boundary crosses itself over {limit} times"
    if crossings:
        return f"面自相交 {crossings} 处", f"the boundary crosses itself {crossings} times"
    reason = str(shapely.is_valid_reason(shape)).split("[", maxsplit=1)[0]
    return f"几何不合法（{_REASONS.get(reason, reason)}）", f"the geometry is invalid ({reason})"


_REASONS = {
    "Ring Self-intersection": "环自接触",
    "Self-intersection": "自相交",
    "Hole lies outside shell": "内环在外环之外",
    "Holes are nested": "内环嵌套",
    "Nested shells": "部件嵌套",
    "Duplicate Rings": "环重复",
    "Interior is disconnected": "内部不连通",
    "Too few points in geometry component": "点数不足",
}


def _reason_place(shape: Any) -> tuple[float, float]:
    _, _, text = str(shapely.is_valid_reason(shape)).partition("[")
    parts = text.rstrip("]").split()
    if len(parts) == 2:
        return float(parts[0]), float(parts[1])
    x, y = shapely.get_coordinates(shape)[0]
    return float(x), float(y)


def count_crossings(shape: Any, limit: int) -> tuple[int, tuple[float, float] | None]:
    """How many pairs of boundary segments cross, and where the first does; counting stops above ``limit``."""
    segments = _segments(shape)
    count, first, looked = 0, None, 0
    tree = shapely.STRtree(shapely.linestrings(segments))
    step = max(8, _BLOCK // max(1, len(segments)))
    for start in range(0, len(segments), step):
        block = segments[start : start + step]
        i, j = tree.query(shapely.linestrings(block))
        i = i + start
        looked += len(i)
        keep = i < j
        i, j = i[keep], j[keep]
        crossing = _cross(segments[i], segments[j])
        count += int(crossing.sum())
        if first is None and crossing.any():
            at = int(numpy.flatnonzero(crossing)[0])
            first = _meeting(segments[i[at]], segments[j[at]])
        if count > limit or looked > _PAIR_BUDGET:
            return limit + 1, first
    return count, first


def _segments(shape: Any) -> Array:
    """Boundary segments as an array n × 2 × 2."""
    rings = shapely.get_parts(shapely.get_rings(shapely.get_parts(shape)))
    pieces = [shapely.get_coordinates(ring) for ring in rings]
    made = [numpy.stack([p[:-1], p[1:]], axis=1) for p in pieces if len(p) > 1]
    return numpy.concatenate(made) if made else numpy.zeros((0, 2, 2))


def _cross(a: Array, b: Array) -> Array:
    """Which pairs cross properly (end points on the other segment do not count)."""
    d1, d2 = _side(b[:, 0], b[:, 1], a[:, 0]), _side(b[:, 0], b[:, 1], a[:, 1])
    d3, d4 = _side(a[:, 0], a[:, 1], b[:, 0]), _side(a[:, 0], a[:, 1], b[:, 1])
    crossing: Array = (d1 * d2 < 0) & (d3 * d4 < 0)
    return crossing


def _side(p: Array, q: Array, r: Array) -> Array:
    side: Array = numpy.sign((q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0]))
    return side


def _meeting(a: Array, b: Array) -> tuple[float, float]:
    point = shapely.intersection(shapely.linestrings(a), shapely.linestrings(b))
    return float(point.centroid.x), float(point.centroid.y)


def _fit_types(
    shaped: Array,
    rows: list[int],
    names: list[str | None],
    fine: Array,
    *,
    definition: LayerDefinition,
    log: FindingLog,
) -> None:
    """Single and Multi exchanged where the layer takes only one of them; other types are refused."""
    wanted = set(definition.geometry_types)
    kinds = shapely.get_type_id(shaped)
    fitting = numpy.isin(kinds, [GEOMETRY_TYPES.index(name) for name in wanted])
    for i in numpy.flatnonzero(fine & (kinds >= 0) & ~fitting).tolist():
        found = shaped[i].geom_type
        if f"Multi{found}" in wanted:
            shaped[i] = _MULTI[found]([shaped[i]])
            continue
        fine[i] = False
        log.add(
            "geometry-type",
            row=rows[i],
            name=names[i],
            field="geometry",
            found=SHAPES.get(found, found),
            expected=[SHAPES.get(t, t) for t in definition.geometry_types],
        )


_MULTI = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings, "Polygon": shapely.multipolygons}


def _note_duplicates(shaped: Array, rows: list[int], names: list[str | None], look: Array, log: FindingLog) -> None:
    first: dict[bytes, int] = {}
    places = numpy.flatnonzero(look)
    places = places[_repeated(shapely.bounds(shaped[places]))]
    for i, key in zip(places.tolist(), shapely.to_wkb(shapely.normalize(shaped[places])).tolist(), strict=True):
        if key in first:
            log.add("geometry-duplicate", row=rows[i], name=names[i], first=rows[first[key]])
        else:
            first[key] = i


def _repeated(boxes: Array) -> Array:
    """Which rows of numbers are there more than once."""
    ordered = numpy.lexsort(boxes.T)
    alike = (boxes[ordered[1:]] == boxes[ordered[:-1]]).all(axis=1)
    found = numpy.zeros(len(boxes), dtype=bool)
    found[ordered[1:][alike]] = True
    found[ordered[:-1][alike]] = True
    return found


def check_tiles(geometry: Array, rows: list[int], names: list[str | None], log: FindingLog) -> Array:
    """Which areas (degrees) do not tile with their neighbours; each is noted with a place on the faulty edge."""
    areas = project(geometry)
    usable = (shapely.get_dimensions(areas) == 2) & shapely.is_valid(areas)
    edges = shapely.coverage_invalid_edges(areas[usable], gap_width=TILE_GAP_M)
    faulty = numpy.zeros(len(geometry), dtype=bool)
    faulty[numpy.flatnonzero(usable)[~shapely.is_empty(edges)]] = True
    places = project(edges[~shapely.is_empty(edges)], source=4548, target=4490)
    for i, edge in zip(numpy.flatnonzero(faulty).tolist(), places, strict=True):
        x, y = shapely.get_coordinates(edge)[0]
        log.add("tile-broken", row=rows[i] or None, name=names[i], point=(round(float(x), 7), round(float(y), 7)))
    return faulty
