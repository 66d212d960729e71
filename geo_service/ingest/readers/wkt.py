"""Well-known text, pasted or in a file: one geometry a line."""

from __future__ import annotations

import re
from typing import Any

import shapely
from shapely.errors import ShapelyError

from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import ReadLayer, Source, objects
from geo_service.ingest.sniff import Sniffed
from geo_service.ingest.text import text_encoding

_SRID = re.compile(r"\s*SRID=(\d+)\s*;", re.IGNORECASE)


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The geometries of a text; rows are line numbers."""
    raw = sniffed.path.read_bytes()
    text = raw.decode(text_encoding(raw) or "utf-8", errors="replace").lstrip("\ufeff")
    lines = [(n, line.strip().rstrip(";")) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    srids = {m.group(1) for _, line in lines if (m := _SRID.match(line))}
    geometry = _whole(text) if len(lines) > 1 else None
    if geometry is not None:
        rows, shapes = [1], [geometry]
    else:
        rows = [n for n, _ in lines]
        shapes = [_parse(source, n, _SRID.sub("", line)) for n, line in lines]
    if not rows:
        raise Refused("file-no-features")
    return ReadLayer(
        name=source.name,
        rows=rows,
        columns={},
        geometry=objects(shapes),
        crs=f"EPSG:{srids.pop()}" if len(srids) == 1 else None,
    )


def _whole(text: str) -> Any:
    """One geometry broken over several lines."""
    try:
        return shapely.from_wkt(_SRID.sub("", text).strip().rstrip(";"))
    except (ShapelyError, ValueError, NotImplementedError):
        return None


def _parse(source: Source, row: int, line: str) -> Any:
    try:
        return shapely.from_wkt(line)
    except (ShapelyError, ValueError, NotImplementedError) as error:
        source.log.add("wkt-broken", row=row, reason=str(error)[:80])
        return None
