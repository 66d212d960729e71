"""One jail for the whole room, and small layers to upload into."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.revisions import Revision, Snapshot
from geo_service.core.text import Text
from geo_service.ingest.examination import Examination, Options
from geo_service.ingest.examine import examine
from geo_service.ingest.jail import Jail
from geo_service.ingest.limits import Limits
from geo_service.settings import ROOT

Upload = Callable[..., Examination]


def district() -> dict[str, Any]:
    boundary = json.loads((ROOT / "data" / "boundaries" / "nankai.geojson").read_text(encoding="utf-8"))
    geometry: dict[str, Any] = boundary["features"][0]["geometry"]
    return geometry


def zones(**changes: Any) -> LayerDefinition:
    given: dict[str, Any] = {
        "id": "waterlogging_zones",
        "title": Text("积水片区", "Waterlogging zones"),
        "theme": "resilience",
        "geometry_types": ("Polygon", "MultiPolygon"),
        "serial": "JSD",
        "symbol": "waterlogging_zone",
        "source": "测试",
        "fields": (
            Field(key="area_m2", title=Text("面积", "Area"), type="number", unit="m²", derived=True),
            Field(key="households", title=Text("居民户数", "Households"), type="integer", unit="户", minimum=0),
            Field(key="depth_m", title=Text("积水深度", "Depth"), type="number", unit="m"),
            Field(key="lead", title=Text("牵头单位", "Lead body"), aliases=("责任单位",)),
            Field(key="note", title=Text("备注说明情况", "Note")),
            Field(key="finished_on", title=Text("完成日期", "Finished on"), type="date"),
            Field(key="open", title=Text("开放", "Open"), type="boolean"),
            Field(
                key="grade",
                title=Text("风险等级", "Grade"),
                type="code",
                codes=(Code("high", Text("高", "High")), Code("low", Text("低", "Low"))),
            ),
        ),
    }
    return LayerDefinition(**(given | changes))


def snapshot(features: tuple[Feature, ...], definition: LayerDefinition | None = None, rev: int = 3) -> Snapshot:
    used = definition or zones()
    revision = Revision(
        layer=used.id, rev=rev, parent=rev - 1, kind="seed", author="t", note="", at="2026-01-01T00:00:00Z",
        added=len(features), modified=0, deleted=0,
    )  # fmt: skip
    return Snapshot(used, revision, features)


def square(lon: float, lat: float, size: float = 0.001) -> dict[str, Any]:
    ring = [[lon, lat], [lon + size, lat], [lon + size, lat + size], [lon, lat + size], [lon, lat]]
    return {"type": "Polygon", "coordinates": [[[round(x, 7), round(y, 7)] for x, y in ring]]}


@pytest.fixture(scope="session")
def jail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    with Jail(tmp_path_factory.mktemp("jobs"), limits=Limits(wall_s=20.0, cpu_s=20), slots=2, queue=100) as made:
        yield made


@pytest.fixture
def upload(jail: Jail, tmp_path: Path) -> Upload:
    """Examine bytes (or a file) as a person would upload them."""

    def run(body: bytes | str | Path, name: str = "upload", **about: Any) -> Examination:
        path = body if isinstance(body, Path) else tmp_path / "quarantined"
        if not isinstance(body, Path):
            path.write_bytes(body.encode() if isinstance(body, str) else body)
        options = {"district": district()} | about.pop("options", {})
        definition = about.pop("definition", zones())
        current = about.pop("current", None)
        return examine(path, name, jail=jail, definition=definition, current=current, options=Options(**options))

    return run


def collection(*features: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


def feature(geometry: Any, fid: Any = None, **properties: Any) -> dict[str, Any]:
    made = {"type": "Feature", "properties": properties, "geometry": geometry}
    return made if fid is None else made | {"id": fid}
