"""OpenStreetMap extracts, read in the jail: ways cut at the nodes they share, with what traffic needs to know of each.

libosmium decodes PBF and XML; compressed XML, service addresses and every other format are refused by the first bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from geo_service.ingest.limits import Limits

if TYPE_CHECKING:
    from osmium.osm import Node, Way

HEAD_BYTES = 4096
MOST_EDGES = 150_000
NAMED = 5
NAME_LENGTH = 80

KINDS: Mapping[str, str] = {
    "motorway": "motorway",
    "trunk": "trunk",
    "primary": "primary",
    "secondary": "secondary",
    "tertiary": "tertiary",
    "unclassified": "unclassified",
    "residential": "residential",
    "living_street": "living_street",
    "service": "service",
    "track": "track",
    "road": "road",
    "pedestrian": "foot",
    "footway": "foot",
    "path": "foot",
    "steps": "foot",
    "corridor": "foot",
    "cycleway": "foot",
}
"""Values of ``highway`` that are taken (slip roads as their road) and what they are called here."""

CLOSED = frozenset({"no", "private", "customers", "delivery", "agricultural", "forestry"})
BLOCKING = frozenset(
    {
        *("bollard", "block", "jersey_barrier", "log", "debris", "wall", "fence", "hedge", "chain"),
        *("cycle_barrier", "kissing_gate", "turnstile", "stile", "motorcycle_barrier", "planter"),
    }
)
"""Barriers a car does not get through; gates open."""

Access = Literal["all", "foot", "motor"]
Reason = Literal["format", "broken", "negative", "no-roads", "outside", "no-nodes", "too-many", "stopped"]


class OsmRequest(msgspec.Struct, frozen=True):
    """What to read: the file, and west, south, east, north in degrees where roads count (empty: everywhere)."""

    path: str
    bbox: tuple[float, ...] = ()


class Edge(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of street between two nodes, EPSG:4490 degrees. ``oneway`` is 1 along it, -1 against it; ``blocked``
    says at which ends (``from``, ``to``, ``both``) a car is stopped; ``speed_kmh`` is 0 where nothing is said."""

    way: int
    part: int
    from_node: int
    to_node: int
    kind: str
    name: str
    level: int
    oneway: int
    speed_kmh: float
    access: Access
    blocked: Literal["", "from", "to", "both"]
    at: str
    line: list[tuple[float, float]]


class OsmStreets(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, or the ``reason`` it cannot be used with ``detail``. ``left_out`` counts ways by why, and
    ``examples`` names some of them; ``dated`` is the day the extract is of, empty where it does not say."""

    reason: Reason | Literal[""] = ""
    detail: str = ""
    dated: str = ""
    ways: int = 0
    edges: list[Edge] = []
    left_out: dict[str, int] = {}
    examples: dict[str, list[int]] = {}


def read_job(folder: Path, _limits: Limits) -> None:
    """Read the extract of ``in/request.json`` and leave ``result.json``."""
    request = msgspec.json.decode((folder / "in" / "request.json").read_bytes(), type=OsmRequest)
    found = read_streets(Path(request.path), request.bbox)
    (folder / "out" / "result.json").write_bytes(msgspec.json.encode(found))


def read_streets(path: Path, bbox: tuple[float, ...] = ()) -> OsmStreets:
    """The streets of an extract as edges between the nodes that ways share."""
    from osmium import InvalidLocationError

    kind = _kind(path)
    if not kind:
        return OsmStreets(reason="format")
    try:
        return _conclude(_collect(path, kind, bbox), bbox)
    except (RuntimeError, InvalidLocationError) as error:  # libosmium's words for a file that is not whole
        return OsmStreets(reason="broken", detail=str(error)[:200])


def _kind(path: Path) -> str:
    """``pbf`` or ``xml`` by the first bytes, empty for anything else."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if re.match(rb"\x00\x00..\x0a\x09OSMHeader", head, re.DOTALL):
        return "pbf"
    if re.match(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<osm[\s>]", head, re.DOTALL):
        return "xml"
    return ""


@dataclass(frozen=True, slots=True)
class _Street:
    """A way that is taken, its nodes as (id, longitude, latitude)."""

    way: int
    nodes: list[tuple[int, float, float]]
    tags: dict[str, str]
    at: str


@dataclass(slots=True)
class _Found:
    streets: list[_Street]
    blocked: set[int]
    left_out: Counter[str]
    examples: dict[str, list[int]]
    ways: int = 0
    dated: str = ""

    def leave_out(self, why: str, way: int) -> None:
        """Count a way that is not taken, and remember some of them."""
        self.left_out[why] += 1
        known = self.examples.setdefault(why, [])
        if len(known) < NAMED:
            known.append(way)


def _collect(path: Path, kind: str, bbox: tuple[float, ...]) -> _Found:
    import osmium

    file = osmium.io.File(str(path), kind)
    found = _Found([], set(), Counter(), {})
    with osmium.io.Reader(file, osmium.osm.NOTHING) as reader:
        found.dated = reader.header().get("osmosis_replication_timestamp")[:10]
    objects = osmium.FileProcessor(file, osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for item in objects.with_filter(osmium.filter.KeyFilter("highway", "barrier")):
        if isinstance(item, osmium.osm.Way):
            _take_way(item, bbox, found)
        elif isinstance(item, osmium.osm.Node) and _stops_cars(item):
            found.blocked.add(item.id)
    return found


def _stops_cars(node: Node) -> bool:
    tags = dict(node.tags)
    own = tags.get("motor_vehicle", tags.get("access", ""))
    return own in CLOSED or (tags.get("barrier") in BLOCKING and own not in ("yes", "permissive", "destination"))


def _take_way(way: Way, bbox: tuple[float, ...], found: _Found) -> None:
    tags = dict(way.tags)
    kind = KINDS.get(tags.get("highway", "").removesuffix("_link"), "")
    if not kind:
        return
    found.ways += 1
    refs = [(n.ref, n.lon, n.lat) if n.location.valid() else (n.ref, None, None) for n in way.nodes]
    if way.id < 0 or any(ref < 0 for ref, _, _ in refs):
        found.leave_out("negative", way.id)
    elif _access(tags, kind) is None or tags.get("area") == "yes":
        found.leave_out("closed", way.id)
    else:
        _take_runs(way, refs, tags, bbox, found)


def _take_runs(way: Way, refs: list[Any], tags: dict[str, str], bbox: tuple[float, ...], found: _Found) -> None:
    """The stretches of a way whose nodes are all in the file; ends outside an extract are cut off."""
    runs = [run for run in _known_runs(refs) if len(run) > 1]
    if any(lon is None for _, lon, _ in refs) or not runs:
        found.leave_out("no-nodes", way.id)
    at = way.timestamp.strftime("%Y-%m-%d") if way.timestamp.year > 1970 else ""
    for run in runs:
        if bbox and not any(bbox[0] <= x <= bbox[2] and bbox[1] <= y <= bbox[3] for _, x, y in run):
            found.leave_out("outside", way.id)
        else:
            found.streets.append(_Street(way.id, run, tags, at))


def _known_runs(refs: Iterable[Any]) -> Iterator[list[tuple[int, float, float]]]:
    run: list[tuple[int, float, float]] = []
    for ref, lon, lat in refs:
        if lon is None:
            yield run
            run = []
        elif not run or run[-1][0] != ref:
            run.append((ref, round(lon, 7), round(lat, 7)))
    yield run


def _conclude(found: _Found, bbox: tuple[float, ...]) -> OsmStreets:
    edges = list(_edges(found))
    about: dict[str, Any] = {
        "dated": found.dated,
        "ways": found.ways,
        "left_out": dict(found.left_out),
        "examples": found.examples,
    }
    if len(edges) > MOST_EDGES:
        return OsmStreets(reason="too-many", detail=f"{len(edges):,} > {MOST_EDGES:,}", **about)
    if not edges:
        return OsmStreets(reason=_why_nothing(found, bbox), **about)
    return OsmStreets(edges=edges, **about)


def _why_nothing(found: _Found, bbox: tuple[float, ...]) -> Reason:
    left = found.left_out
    if not found.ways:
        return "no-roads"
    if left["negative"]:
        return "negative"
    if left["outside"] and bbox:
        return "outside"
    return "no-nodes" if left["no-nodes"] else "no-roads"


def _edges(found: _Found) -> Iterator[Edge]:
    """Every street cut at nodes that are used twice or that stop cars."""
    uses = Counter(ref for street in found.streets for ref, _, _ in street.nodes)
    parts: Counter[int] = Counter()
    for street in found.streets:
        start, last = 0, len(street.nodes) - 1
        for i in range(1, last + 1):
            ref = street.nodes[i][0]
            if i == last or uses[ref] > 1 or ref in found.blocked:
                yield _edge(street, street.nodes[start : i + 1], parts[street.way], found.blocked)
                parts[street.way] += 1
                start = i


def _edge(street: _Street, nodes: list[tuple[int, float, float]], part: int, blocked: set[int]) -> Edge:
    tags = street.tags
    kind = KINDS[tags["highway"].removesuffix("_link")]
    access = _access(tags, kind)
    stops = (nodes[0][0] in blocked, nodes[-1][0] in blocked)
    return Edge(
        way=street.way,
        part=part,
        from_node=nodes[0][0],
        to_node=nodes[-1][0],
        kind=kind,
        name=_name(tags),
        level=_level(tags),
        oneway=_oneway(tags),
        speed_kmh=_speed(tags),
        access=access or "all",
        blocked="both" if all(stops) else "from" if stops[0] else "to" if stops[1] else "",
        at=street.at,
        line=[(lon, lat) for _, lon, lat in nodes],
    )


def _name(tags: Mapping[str, str]) -> str:
    text = tags.get("name:zh") or tags.get("name") or tags.get("ref") or ""
    return "".join(c for c in text if c.isprintable()).strip()[:NAME_LENGTH]


def _access(tags: Mapping[str, str], kind: str) -> Access | None:
    """Who may use a way: all, people on foot only, cars only, or nobody (None). Private ways count as open: those who
    live there and fire engines use them."""
    closed = {"no"}
    general = tags.get("access", "")
    car = tags.get("motor_vehicle", tags.get("vehicle", general)) not in closed and kind != "foot"
    foot = tags.get("foot", "no" if kind == "motorway" else general) not in closed
    if car and foot:
        return "all"
    return "motor" if car else "foot" if foot else None


def _level(tags: Mapping[str, str]) -> int:
    match = re.fullmatch(r"\s*([+-]?\d)(?:\.0)?\s*", tags.get("layer", ""))
    if match and -5 <= int(match.group(1)) <= 5:
        return int(match.group(1))
    if tags.get("bridge", "no") != "no":
        return 1
    return -1 if tags.get("tunnel", "no") not in ("no", "building_passage") else 0


def _oneway(tags: Mapping[str, str]) -> int:
    said = tags.get("oneway", "")
    if said in ("-1", "reverse"):
        return -1
    if said in ("yes", "true", "1"):
        return 1
    implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway", "").startswith("motorway")
    return 1 if implied and said not in ("no", "false", "0") else 0


def _speed(tags: Mapping[str, str]) -> float:
    match = re.match(r"\s*(\d{1,3}(?:\.\d+)?)\s*(mph)?", tags.get("maxspeed", ""))
    speed = float(match.group(1)) * (1.609344 if match.group(2) else 1) if match else 0.0
    return round(speed, 1) if 5 <= speed <= 150 else 0.0
