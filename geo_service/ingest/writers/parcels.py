"""The boundary-point exchange file: ids, names and coordinates, X to the north and Y to the east."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely

from geo_service.core.crs import project
from geo_service.core.layers import Kind
from geo_service.ingest.mapping import ID_FIELD, REV_FIELD
from geo_service.ingest.writers.export import Export, Row, rings_of

_KINDS = {"point": "点", "line": "线", "polygon": "面"}


def write_txt(export: Export, path: Path) -> None:
    """One parcel a feature; the format holds ids and names only, other attributes stay behind. Text is GB18030."""
    with path.open("w", encoding="gb18030", newline="\r\n") as out:
        out.writelines(f"{line}\n" for line in _attributes(export))
        for row in export.rows():
            out.writelines(f"{line}\n" for line in _parcel(export, row))


def _attributes(export: Export) -> list[str]:
    in_degrees = export.crs == 4490
    return [
        "[属性描述]",
        "格式版本号=1.01",
        f"数据产生单位={export.definition.source.splitlines()[0] if export.definition.source else ''}",
        "坐标系=2000国家大地坐标系",
        "几度分带=3",
        "投影类型=高斯克吕格" if not in_degrees else "投影类型=无",
        "计量单位=度" if in_degrees else "计量单位=米",
        "带号=39",
        "精度=0.0000001" if in_degrees else "精度=0.0001",
        "转换参数=,,,,,,",
        f"{REV_FIELD}={export.rev}",
        f"{ID_FIELD}=地块编号",
        "[地块坐标]",
    ]


def _parcel(export: Export, row: Row) -> Iterator[str]:
    if row.kind is None:
        return
    paths = _paths(row.kind, row.shape)
    area = _area_m2(export, row.shape)
    name = str(row.properties.get("name") or "").replace(",", "，").replace("\n", " ").replace("\r", " ")
    count = sum(len(path) for path in paths)
    yield f"{count},{area:.2f},{row.id},{name},{_KINDS[row.kind]},,,,@"
    number = 0
    for ring, path in enumerate(paths, start=1):
        for x, y in path:
            number += 1
            yield f"J{number},{ring},{y!r},{x!r}"


def _paths(kind: Kind, shape: Any) -> list[list[tuple[float, float]]]:
    if kind == "polygon":
        return [list(ring.coords) for ring in rings_of(shape)]
    return [list(part.coords) for part in shapely.get_parts(shape)]


def _area_m2(export: Export, shape: Any) -> float:
    return float(shapely.area(project(shape) if export.crs == 4490 else shape))
