"""Two states of a feature compared as people mean it: not by how a format writes them.

A naive comparison calls every one of 2 000 unchanged features modified after a trip through SHP, GDB, KML or EPSG:4548.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.core.layers import Field

Array = numpy.ndarray[Any, Any]

SAME_M = 0.02
BLOCK = 5_000
_SAME_DEG = 1.5e-7
_DBF_TEXT_BYTES = (240, 254)


def plain_geometry(geometry: Array) -> Array:
    """Geometries in two dimensions, a Multi of one part unwrapped; empty ones become None."""
    flat = geometry.copy()
    deep = shapely.has_z(flat) | shapely.has_m(flat)
    flat[deep] = shapely.force_2d(flat[deep])
    types = shapely.get_type_id(flat)
    single = (types >= 4) & (types <= 6) & (shapely.get_num_geometries(flat) == 1)
    flat[single] = shapely.get_geometry(flat[single], 0)
    flat[shapely.is_empty(flat)] = None
    return numpy.asarray(flat, dtype=object)


def same_geometry(before: Array, after: Array) -> Array:
    """Which pairs (degrees) are the same: ring start and direction aside, within 2 cm in EPSG:4548."""
    same = numpy.zeros(len(before), dtype=bool)
    for block in blocks(len(before)):
        same[block] = _same_block(before[block], after[block])
    return same


def blocks(count: int) -> Iterator[slice]:
    """Stretches of an array of geometries: copies of a few thousand at a time cost little memory."""
    return (slice(first, first + BLOCK) for first in range(0, count, BLOCK))


def _same_block(before: Array, after: Array) -> Array:
    a, b = shapely.normalize(plain_geometry(before)), shapely.normalize(plain_geometry(after))
    missing = shapely.is_missing(a) & shapely.is_missing(b)
    same = shapely.equals_exact(a, b, tolerance=_SAME_DEG) | missing
    both = ~shapely.is_missing(a) & ~shapely.is_missing(b)
    rest = ~same & both & (shapely.get_type_id(a) == shapely.get_type_id(b))
    rest &= shapely.get_num_interior_rings(a) == shapely.get_num_interior_rings(b)
    if rest.any():
        distance = shapely.hausdorff_distance(project(a[rest]), project(b[rest]))
        same[rest] = distance <= SAME_M
    return numpy.asarray(same, dtype=bool)


def same_value(item: Field, before: Any, after: Any) -> bool:
    """Whether two values of a field are the same: empty is empty, numbers to 1e-9, text in NFC and as cut by a DBF."""
    if before == after or (_is_empty(before) and _is_empty(after)):
        return True
    if _is_empty(before) or _is_empty(after):
        return False
    if isinstance(before, (int, float)) and isinstance(after, (int, float)):
        return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-9)
    if item.type == "datetime":
        return str(before)[:19] == str(after)[:19]
    return _same_text(str(before), str(after))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _same_text(before: str, after: str) -> bool:
    a, b = (_one_form(v) for v in (before, after))
    if a == b:
        return True
    cut = len(b.encode()) in range(_DBF_TEXT_BYTES[0], _DBF_TEXT_BYTES[1] + 1)
    return cut and len(a) > len(b) and a.startswith(b)


def _one_form(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def changed_values(fields: Mapping[str, Field], before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values that truly differ from what is there."""
    return {k: v for k, v in given.items() if not same_value(fields[k], before.get(k), v)}
