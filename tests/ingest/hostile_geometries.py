"""Binary geometries of odd kinds in GeoPackages, and rows of mixed kinds."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence

from .hostile import GOOD, POINT, Entry, changed_geopackage, collection, group, packed, shapefile

Ring = Sequence[tuple[float, ...]]

SQUARE: Ring = ((117.15, 39.1), (117.16, 39.1), (117.16, 39.11), (117.15, 39.11), (117.15, 39.1))


def wkb_polygon(*rings: Ring, kind: int = 3, order: str = "<") -> bytes:
    """A polygon; ``order`` is that of the bytes, ``kind`` its WKB type."""
    points = b"".join(
        struct.pack(f"{order}I", len(ring)) + b"".join(struct.pack(f"{order}{len(p)}d", *p) for p in ring)
        for ring in rings
    )
    return bytes([order == "<"]) + struct.pack(f"{order}II", kind, len(rings)) + points


def wkb_collection(parts: Sequence[bytes], kind: int) -> bytes:
    return b"\1" + struct.pack("<II", kind, len(parts)) + b"".join(parts)


def geopackage_of(*shapes: bytes) -> bytes:
    """A GeoPackage whose rows hold these WKB geometries, whatever they are."""
    head = b"GP\0\1" + struct.pack("<i", 4490)
    rows = [f"INSERT INTO a (geom, name) VALUES (X'{(head + shape).hex()}', '甲')" for shape in shapes]  # noqa: S608  # hex digits
    return changed_geopackage("DELETE FROM a", "UPDATE gpkg_geometry_columns SET geometry_type_name='GEOMETRY'", *rows)


def deep(levels: int) -> bytes:
    """A collection in a collection, and so on, around a point."""
    shape = b"\1" + struct.pack("<Idd", 1, 117.15, 39.1)
    for _ in range(levels):
        shape = wkb_collection([shape], 7)
    return shape


@group
def binary_geometries(url: str) -> Iterator[Entry]:
    """What WKB can hold besides plain shapes; the plain row beside it is kept."""
    plain = wkb_polygon(SQUARE)
    heights = wkb_polygon([(*p, 5.0) for p in SQUARE], kind=1003)
    measures = wkb_polygon([(*p, 7.0) for p in SQUARE], kind=2003)
    both = wkb_polygon([(*p, 5.0, 7.0) for p in SQUARE], kind=3003)
    for name, shape in (("Z", heights), ("M", measures), ("ZM", both), ("big-endian", wkb_polygon(SQUARE, order=">"))):
        yield Entry(f"GPKG polygon {name}", geopackage_of(shape), "ok", 1)
    arc = b"\1" + struct.pack("<II", 8, 3) + struct.pack("<6d", 117.15, 39.1, 117.16, 39.1, 117.15, 39.1)
    triangle = wkb_polygon(SQUARE[:3] + SQUARE[:1], kind=17)
    nan = wkb_polygon([(math.nan, 39.1), *SQUARE[1:4], (math.nan, 39.1)])
    for name, shape, code in (
        ("curve polygon", wkb_collection([arc], 10), "ok"),
        ("compound curve", wkb_collection([arc], 9), "geometry-type"),
        ("multi surface", wkb_collection([wkb_collection([arc], 10)], 12), "ok"),
        ("TIN", wkb_collection([triangle], 16), "geometry-unreadable"),
        ("polyhedral surface", wkb_collection([plain], 15), "geometry-unreadable"),
        ("unknown kind", b"\1" + struct.pack("<II", 99, 1), "geometry-unreadable"),
        ("mixed collection", wkb_collection([plain, deep(0)], 7), "geometry-type"),
        ("200 deep", deep(200), "geometry-unreadable"),
        ("50 000 deep", deep(50_000), "geometry-unreadable"),
        ("2 billion points", b"\1" + struct.pack("<III", 3, 1, 0x7FFFFFFF) + b"\0" * 32, "geometry-unreadable"),
        ("cut off", plain[:40], "geometry-unreadable"),
        ("NaN corner", nan, "geometry-unreadable"),
        ("no rings", wkb_polygon(), "geometry-empty"),
    ):
        yield Entry(
            f"GPKG row of {name}", geopackage_of(plain, shape), code, 2 if code in ("ok", "geometry-empty") else 1
        )
    ring = [(117.15 + 0.005 * math.cos(i / 4e5), 39.1 + 0.005 * math.sin(i / 4e5)) for i in range(1_000_000)]
    yield Entry("GPKG ring of a million", geopackage_of(plain, wkb_polygon([*ring, ring[0]])), "geometry-vertices", 1)


@group
def mixed_kinds(url: str) -> Iterator[Entry]:
    """Points among areas, and a ring crossing itself in a shapefile."""
    yield Entry("points among areas", collection(GOOD, {**GOOD, "geometry": POINT}).encode(), "geometry-type", 1)
    bow = json.loads(json.dumps(GOOD["geometry"]))
    bow["coordinates"] = [[[117.15, 39.1], [117.16, 39.11], [117.16, 39.1], [117.15, 39.11], [117.15, 39.1]]]
    yield Entry("SHP bow-tie", packed(shapefile([("甲", GOOD["geometry"]), ("乙", bow)])), "geometry-crossing", 1)
    yield Entry("SHP of points", packed(shapefile([("甲", POINT)])), "geometry-type")
