"""The road network as a layer with history: made of an OpenStreetMap extract, and made anew of the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.derived import Area, with_derived
from geo_service.core.features import Feature
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.core.validation import check_feature
from geo_service.errors import LayerNotFound, RejectedUpload, RequestTooLarge
from geo_service.ingest.jail import Jail, read_plainly
from geo_service.ingest.limits import LIMITS
from geo_service.ingest.osm import Edge, OsmRequest, OsmStreets
from geo_service.storage.audit import Audit
from geo_service.storage.store import LayerStore

LAYER_ID = "road_network"
ATTRIBUTION = "© OpenStreetMap contributors（ODbL）"
ERROR_M = 10
PATIENCE_S = 180.0
MARGIN_DEGREES = 0.02
"""About 2 km around the district: the way to a place inside may lead outside."""

KINDS: Mapping[str, Text] = {
    "motorway": Text("高速公路", "Motorway"),
    "trunk": Text("快速路", "Trunk road"),
    "primary": Text("主干路", "Primary road"),
    "secondary": Text("次干路", "Secondary road"),
    "tertiary": Text("支路", "Tertiary road"),
    "unclassified": Text("一般道路", "Minor road"),
    "residential": Text("居住区道路", "Residential street"),
    "living_street": Text("生活街道", "Living street"),
    "service": Text("通道", "Service road"),
    "track": Text("土路", "Track"),
    "road": Text("道路（等级不详）", "Road of unknown class"),
    "foot": Text("步行道", "Footway"),
}
ACCESS: Mapping[str, Text] = {
    "all": Text("人车可行", "People and cars"),
    "foot": Text("仅步行", "On foot only"),
    "motor": Text("仅机动车", "Cars only"),
}
ENDS: Mapping[str, Text] = {
    "from": Text("起点", "At the start"),
    "to": Text("终点", "At the end"),
    "both": Text("两端", "At both ends"),
}
REASONS: Mapping[str, str] = {
    "format": "不是 OSM 提取文件；请给 .osm.pbf 或未压缩的 .osm（XML）"
    " / it is no OSM extract; give an .osm.pbf or an uncompressed .osm (XML)",
    "broken": "文件已损坏或不完整，请重新下载（{detail}） / it is damaged or cut off, fetch it again ({detail})",
    "negative": "全是尚未上传到 OSM 的编辑（负编号），请用下载的提取文件"
    " / all of it is edits that were never sent to OSM (negative ids); use a downloaded extract",
    "no-roads": "其中没有道路（highway），请换含道路的提取 / it has no roads (highway); use an extract that has them",
    "outside": "其中的道路都不在本区范围内，请换本地区的提取"
    " / none of its roads lies in the district; use an extract of it",
    "no-nodes": "找不到道路的节点坐标：节点须在文件中且排在道路之前（osmium sort）"
    " / the nodes of the roads are missing: they must be in the file, before the ways (osmium sort)",
    "too-many": "路段过多（{detail}），请先裁剪到本地区 / too many edges ({detail}); clip the extract first",
    "stopped": "读取超时或内存不足，请先裁剪到本地区"
    " / reading took too long or too much memory; clip the extract first",
}
LEFT_OUT: Mapping[str, Text] = {
    "negative": Text("负编号（未上传的编辑）", "negative ids (edits never sent)"),
    "closed": Text("禁止通行或为面", "closed, or areas"),
    "no-nodes": Text("缺少节点，断开处截断", "nodes missing, cut there"),
    "outside": Text("在本区之外", "outside the district"),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the head revision, whether it changed, and what was read."""

    revision: Revision
    is_new: bool
    streets: OsmStreets


def read_extract(jail: Jail, path: Path, bbox: Sequence[float]) -> OsmStreets:
    """The streets of an extract, read in the jail.

    Raises
    ------
    RejectedUpload
        It is no extract, damaged, or has no streets here; the reason says what to do.
    RequestTooLarge
        More than 200 MB.
    """
    if path.stat().st_size > LIMITS.upload_bytes:
        raise RequestTooLarge(limit=f"{LIMITS.upload_bytes >> 20} MB")
    wide = (bbox[0] - MARGIN_DEGREES, bbox[1] - MARGIN_DEGREES, bbox[2] + MARGIN_DEGREES, bbox[3] + MARGIN_DEGREES)
    folder = jail.open_job()
    try:
        request = msgspec.json.encode(OsmRequest(str(path.resolve()), wide))
        (folder.path / "in" / "request.json").write_bytes(request)
        jail.submit(folder, "osm", read=(path,)).wait(PATIENCE_S)
        body = read_plainly(folder.path / "out" / "result.json", LIMITS.file_bytes)
        found = msgspec.json.decode(body, type=OsmStreets)
    except (TimeoutError, OSError, msgspec.DecodeError):
        found = OsmStreets(reason="broken" if path.stat().st_size == 0 else "stopped")
    finally:
        folder.cancel()
        folder.discard()
    if found.reason:
        raise RejectedUpload(file=path.name, reason=REASONS[found.reason].replace("{detail}", found.detail))
    return found


def import_streets(
    store: LayerStore, audit: Audit, streets: OsmStreets, *, file: str, areas: Sequence[Area], author: str
) -> Imported:
    """The road network as these streets say: revision 1 of the layer, or the next one with what differs.

    Raises
    ------
    Conflict
        The layer was taken out of service, or somebody edited it meanwhile.
    """
    wanted = {f.id: f for f in (_feature(edge, file, areas) for edge in streets.edges)}
    dated = f"（{streets.dated}）" if streets.dated else ""
    note = f"导入 OSM 提取 {file}{dated}：{streets.ways} 条道路，{len(wanted)} 个路段"
    before, revision = _commit(store, wanted, author=author, note=note)
    if revision.rev != before:
        audit.record(actor=author, action="streets-import", target=LAYER_ID, file=file[:80], rev=revision.rev)
    return Imported(revision, revision.rev != before, streets)


def _commit(store: LayerStore, wanted: Mapping[str, Feature], *, author: str, note: str) -> tuple[int, Revision]:
    try:
        state = store.layer(LAYER_ID)
    except LayerNotFound:
        made = store.create_layer(DEFINITION, wanted.values(), kind="upload", author=author, note=note)
        return 0, made
    gone = {fid: None for fid in (row.fid for row in store.rows(LAYER_ID)) if fid not in wanted}
    changes: dict[str, Feature | None] = {**wanted, **gone}
    base = state.revision.rev
    return base, store.commit(LAYER_ID, changes, base=base, kind="upload", author=author, note=note)


def _feature(edge: Edge, file: str, areas: Sequence[Area]) -> Feature:
    name = edge.name or f"无名{KINDS[edge.kind].zh}"
    properties: dict[str, Any] = {
        "name": name,
        "kind": edge.kind,
        "level": edge.level,
        "oneway": edge.oneway,
        "speed_kmh": edge.speed_kmh or None,
        "access": edge.access,
        "blocked": edge.blocked or None,
        "from_node": str(edge.from_node),
        "to_node": str(edge.to_node),
        "osm_way": str(edge.way),
        "precision": "parcel",
        "error_m": ERROR_M,
        "source": ATTRIBUTION,
        "updated_at": edge.at or None,
    }
    line = {"type": "LineString", "coordinates": [list(point) for point in edge.line]}
    feature = with_derived(DEFINITION, Feature(f"NK-LW-{edge.way}{edge.part:04}", properties, line), areas)
    blocking = [f.sentence("en") for f in check_feature(DEFINITION, feature) if f.level == "block"]
    if blocking:
        raise RejectedUpload(file=file, reason=f"way {edge.way}: {blocking[0]}")
    return feature


def summary(imported: Imported) -> Text:
    """What an import did, in words."""
    streets, revision = imported.streets, imported.revision
    left_zh = "；".join(_left(streets, why, "zh") for why in streets.left_out)
    left_en = "; ".join(_left(streets, why, "en") for why in streets.left_out)
    done_zh = (
        f"图层 {LAYER_ID} 现为版本 r{revision.rev}" if imported.is_new else f"与版本 r{revision.rev} 相同，未新增版本"
    )
    done_en = f"layer {LAYER_ID} is now r{revision.rev}" if imported.is_new else f"same as r{revision.rev}, nothing new"
    return Text(
        f"读出 {streets.ways} 条道路、{len(streets.edges)} 个路段；{done_zh}（新增 {revision.added}、修改 "
        f"{revision.modified}、删除 {revision.deleted}）。" + (f"未采用：{left_zh}。" if left_zh else ""),
        f"{streets.ways} roads, {len(streets.edges)} edges; {done_en} ({revision.added} added, {revision.modified} "
        f"changed, {revision.deleted} deleted)." + (f" Left out: {left_en}." if left_en else ""),
    )


def _left(streets: OsmStreets, why: str, language: str) -> str:
    ways = ", ".join(map(str, streets.examples.get(why, [])))
    return f"{LEFT_OUT[why].get(language)} {streets.left_out[why]}（way {ways}）"


def _codes(titles: Mapping[str, Text]) -> tuple[Code, ...]:
    return tuple(Code(value, title) for value, title in titles.items())


DEFINITION = LayerDefinition(
    id=LAYER_ID,
    title=Text("道路网（OSM 导入）", "Road network (from OSM)"),
    theme="reference",
    geometry_types=("LineString",),
    serial="LW",
    symbol="street",
    source=ATTRIBUTION,
    description=Text(
        "由 OpenStreetMap 提取导入，按共用节点断开；用于步行与行车分析。",
        "Imported from an OpenStreetMap extract, cut at shared nodes; for walking and driving analyses.",
    ),
    secrecy="public",
    order=45,
    label_zoom=16,
    fields=(
        Field(key="kind", title=Text("等级", "Class"), type="code", codes=_codes(KINDS)),
        Field(key="level", title=Text("层级", "Level"), type="integer", minimum=-5, maximum=5),
        Field(key="oneway", title=Text("单行", "One-way"), type="integer", minimum=-1, maximum=1),
        Field(key="speed_kmh", title=Text("限速", "Speed limit"), type="number", unit="km/h", minimum=0, maximum=200),
        Field(key="access", title=Text("通行", "Access"), type="code", codes=_codes(ACCESS)),
        Field(key="blocked", title=Text("车辆不通的一端", "End closed to cars"), type="code", codes=_codes(ENDS)),
        Field(key="length_m", title=Text("长度", "Length"), type="number", unit="m", minimum=0, derived=True),
        Field(key="from_node", title=Text("起点节点", "Start node")),
        Field(key="to_node", title=Text("终点节点", "End node")),
        Field(key="osm_way", title=Text("OSM 道路编号", "OSM way")),
    ),
)
