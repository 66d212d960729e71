"""Findings as a GeoPackage to open beside the data, and as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from geo_service.core.validation import Finding
from geo_service.ingest.writers.tables import safe

_FIELDS = {
    "level": "str", "code": "str", "row": "int32", "gs_id": "str", "name": "str", "field": "str", "message": "str",
    "message_en": "str",
}  # fmt: skip
_HEADER = (
    "级别 (level)",
    "代码 (code)",
    "行 (row)",
    "GS_ID",
    "名称 (name)",
    "字段 (field)",
    "说明",
    "message",
    "lon",
    "lat",
)


def write_error_package(findings: Iterable[Finding], path: Path) -> Path:
    """The path of a GeoPackage ``findings`` in EPSG:4490: a point where a finding has a place, its sentences."""
    import fiona

    schema = {"geometry": "Point", "properties": _FIELDS}
    with fiona.open(path, "w", driver="GPKG", layer="findings", schema=schema, crs="EPSG:4490") as out:
        for finding in findings:
            geometry = {"type": "Point", "coordinates": finding.point} if finding.point else None
            out.write({"type": "Feature", "geometry": geometry, "properties": _values(finding)})
    return path


def _values(finding: Finding) -> dict[str, object]:
    cells = (finding.level, finding.code, finding.row, finding.fid, finding.name, finding.field)
    return dict(zip(_FIELDS, (*cells, finding.sentence("zh"), finding.sentence("en")), strict=True))


def write_error_table(findings: Iterable[Finding], path: Path) -> Path:
    """The path of a CSV for Excel with the same."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        table = csv.writer(out)
        table.writerow(_HEADER)
        for finding in findings:
            table.writerow([safe(v) for v in (*_values(finding).values(), *(finding.point or ("", "")))])
    return path
