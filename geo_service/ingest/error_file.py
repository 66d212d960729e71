"""Findings as a GeoPackage to open beside the data, and as a table; each leads to its place on the map."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from geo_service.core.text import Text
from geo_service.core.validation import Finding, Level
from geo_service.ingest.writers.tables import safe

Link = Callable[[tuple[float, float]], str]
"""The address of a place on the map: longitude, latitude."""

LEVELS: dict[Level, Text] = {
    "block": Text("阻断", "Blocking"),
    "acknowledge": Text("须确认", "Acknowledge"),
    "warn": Text("提示", "Note"),
    "fixed": Text("已修正", "Fixed"),
}
_FIELDS = {
    "level": "str", "code": "str", "row": "int32", "gs_id": "str", "name": "str", "field": "str", "message": "str",
    "message_en": "str", "link": "str",
}  # fmt: skip
_HEADER = (
    Text("级别", "Level"),
    Text("代码", "Code"),
    Text("行", "Row"),
    Text("编号", "Id"),
    Text("名称", "Name"),
    Text("字段", "Field"),
    Text("说明", "What is wrong"),
    Text("经度", "Longitude"),
    Text("纬度", "Latitude"),
    Text("在地图上查看", "On the map"),
)


def write_error_package(findings: Iterable[Finding], path: Path, link: Link) -> Path:
    """The path of a GeoPackage ``findings`` in EPSG:4490: a point where a finding has a place, its sentences."""
    import fiona

    schema = {"geometry": "Point", "properties": _FIELDS}
    with fiona.open(path, "w", driver="GPKG", layer="findings", schema=schema, crs="EPSG:4490") as out:
        for finding in findings:
            geometry = {"type": "Point", "coordinates": finding.point} if finding.point else None
            out.write({"type": "Feature", "geometry": geometry, "properties": _values(finding, link)})
    return path


def _values(finding: Finding, link: Link) -> dict[str, object]:
    cells = (finding.level, finding.code, finding.row, finding.fid, finding.name, finding.field)
    address = link(finding.point) if finding.point else None
    return dict(zip(_FIELDS, (*cells, finding.sentence("zh"), finding.sentence("en"), address), strict=True))


def error_table(findings: Iterable[Finding], language: str, link: Link) -> bytes:
    """A CSV for Excel with the same in one language: byte-order mark, CRLF, nothing that would run as a formula."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([title.get(language) for title in _HEADER])
    for f in findings:
        point = f.point or ("", "")
        what = (LEVELS[f.level].get(language), f.code, f.row or "", f.fid or "", f.name or "", f.field or "")
        table.writerow([safe(v) for v in (*what, f.sentence(language), *point, link(f.point) if f.point else "")])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")
