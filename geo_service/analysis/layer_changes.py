"""版本变化: what really changed between two revisions, and what only looks changed?"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    names_of,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text

ADDED, DELETED, MOVED, EDITED, PLACED, LOST, RENUMBERED = (
    "added",
    "deleted",
    "moved",
    "edited",
    "placed",
    "lost",
    "renumbered",
)
CLASSES = (
    LayerClass(ADDED, Text("新增", "Added"), "gain"),
    LayerClass(DELETED, Text("删除", "Deleted"), "loss"),
    LayerClass(MOVED, Text("移动或改形", "Moved or reshaped"), "warn"),
    LayerClass(EDITED, Text("只改属性", "Attributes only"), "cool"),
    LayerClass(PLACED, Text("新落图", "Put on the map"), "main"),
    LayerClass(LOST, Text("失去位置", "Lost its position"), "hot"),
    LayerClass(RENUMBERED, Text("换号（内容相同）", "New id, same content"), "muted"),
)
TITLES = {c.key: c.title for c in CLASSES}

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("名称", "Name")),
    Column("change", Text("变化", "Change")),
    Column("moved_m", Text("重心位移", "Centre moved"), "m"),
    Column("difference_m2", Text("对称差面积", "Symmetric difference"), "m²"),
    Column("area_change_m2", Text("面积增减", "Area change"), "m²"),
    Column("length_change_m", Text("长度增减", "Length change"), "m"),
    Column("fields", Text("改动字段", "Fields")),
    Column("other_id", Text("原编号", "Former id")),
)
FIELDS = (Column("field", Text("字段", "Field")), Column("features", Text("要素数", "Features")))
COUNTS = (Column("change", Text("变化", "Change")), Column("features", Text("要素数", "Features")))
BOOKKEEPING = frozenset({"updated_at", "layer"})
"""Fields that change by themselves."""


def compare_revisions(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Features added, deleted, moved, edited, put on the map, renumbered.

    Compared after normalising: empty equals missing, text without blanks at its ends and in one Unicode form, numbers
    by value, geometries without regard to where a ring starts or which way it runs, within the tolerance.
    """
    before, after = _plane(inputs["before"]), _plane(inputs["after"])
    rows = _rows(before, after, parameters["tolerance_m"])
    table = pandas.DataFrame([r[0] for r in rows], columns=[c.key for c in COLUMNS])
    keys = [r[1] for r in rows]
    counts = {c.key: keys.count(c.key) for c in CLASSES}
    shapes = geopandas.GeoDataFrame(
        {"id": table["id"], "class": keys}, geometry=[r[2] for r in rows], crs=PROJECTED
    ).to_crs(GEOGRAPHIC)
    return Result(
        headline=_headline(counts, len(before), len(after)),
        table=table,
        columns=COLUMNS,
        method=Text(
            f"按编号比对；空值与缺失等同，文字去首尾空白并统一 Unicode，数字按值，几何不计起点和方向、容差 "
            f"{parameters['tolerance_m']:g} m；更新日期不计。换号指删除与新增的名称、几何相同。",
            "Matched by id; empty equals missing, text trimmed in one Unicode form, numbers by value, geometry without "
            f"start and direction within {parameters['tolerance_m']:g} m; update dates do not count. A new id means a "
            "deleted and an added feature of the same name and shape.",
        ),
        layer=shapes[~(shapes.geometry.isna() | shapes.geometry.is_empty)],
        classes=CLASSES,
        figures={key: float(count) for key, count in counts.items()}
        | {"difference_m2": float(pandas.to_numeric(table["difference_m2"]).sum())},
        more=(_field_table(table),),
        chart=Chart(
            kind="bar",
            title=Text("改动最多的字段", "Fields changed most"),
            category="field",
            series=("features",),
            table=1,
        ),
    )


def _plane(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.to_crs(PROJECTED)


def _headline(counts: Mapping[str, int], before: int, after: int) -> Text:
    shown = [c for c in CLASSES if counts[c.key] or c.key in (ADDED, DELETED, MOVED)]
    zh = " ".join(f"{c.title.zh} {counts[c.key]}" for c in shown)
    en = ", ".join(f"{counts[c.key]} {c.title.en.lower()}" for c in shown)
    return Text(f"{zh}（由 {before} 个到 {after} 个）", f"{en} (from {before} to {after} features)")


Row = tuple[tuple[Any, ...], str, shapely.Geometry | None]


def _rows(before: geopandas.GeoDataFrame, after: geopandas.GeoDataFrame, tolerance_m: float) -> list[Row]:
    old, new = _records(before), _records(after)
    renumbered = _renumbered(old, new)
    gone = set(renumbered.values())
    rows: list[Row] = []
    for fid in sorted(old.keys() | new.keys()):
        if fid in gone:
            continue
        row = _row(fid, old.get(renumbered.get(fid, fid)), new.get(fid), renumbered.get(fid, ""), tolerance_m)
        if row is not None:
            rows.append(row)
    return rows


def _records(frame: geopandas.GeoDataFrame) -> dict[str, dict[str, Any]]:
    """Normalised values by id, the geometry under ``geometry``, the name to show under its own key."""
    shapes = shapely.normalize(frame.geometry.to_numpy())
    plain = frame.drop(columns=frame.geometry.name)
    kept = [c for c in plain if c not in BOOKKEEPING]
    return {
        str(fid): {"geometry": None if shape is None or shape.is_empty else shape, "": name}
        | {k: normal(row[k]) for k in kept}
        for fid, row, shape, name in zip(frame.index, plain.to_dict("records"), shapes, names_of(frame), strict=True)
    }


def normal(value: Any) -> Any:
    """A value as it is compared: None for empty, text trimmed in Unicode NFKC, whole floats as integers."""
    if isinstance(value, str):
        text = " ".join(unicodedata.normalize("NFKC", value).split())
        return text or None
    if value is None or value is pandas.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (float, numpy.floating)):
        rounded = round(float(value), 9)
        return int(rounded) if rounded.is_integer() else rounded
    return value


def _renumbered(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """New id to former id of features that were deleted and added again with the same name and shape."""
    former: dict[Any, str] = {}
    for fid in sorted(old.keys() - new.keys()):
        if old[fid]["geometry"] is not None:
            former.setdefault(_identity(old[fid]), fid)
    found: dict[str, str] = {}
    for fid in sorted(new.keys() - old.keys()):
        if new[fid]["geometry"] is not None and _identity(new[fid]) in former:
            found[fid] = former.pop(_identity(new[fid]))
    return found


def _identity(record: Mapping[str, Any]) -> tuple[str, bytes]:
    return record[""].zh, shapely.to_wkb(shapely.set_precision(record["geometry"], 0.01))


def _row(
    fid: str, old: dict[str, Any] | None, new: dict[str, Any] | None, former: str, tolerance_m: float
) -> Row | None:
    if old is None or new is None:
        return _come_or_gone(fid, DELETED, old) if old else _come_or_gone(fid, ADDED, new or {})
    fields = [k for k in sorted(old.keys() | new.keys()) if k not in ("geometry", "") and old.get(k) != new.get(k)]
    key = _kind(old["geometry"], new["geometry"], fields, former, tolerance_m)
    if key is None:
        return None
    sizes = _sizes(old["geometry"], new["geometry"])
    cells = (fid, new[""], TITLES[key], *sizes, "、".join(fields), former)
    return cells, key, _drawn(key, old["geometry"], new["geometry"])


def _come_or_gone(fid: str, key: str, record: dict[str, Any]) -> Row:
    shape = record["geometry"]
    sign = -1 if key == DELETED else 1
    area = shapely.area(shape) * sign if shape is not None else None
    length = shapely.length(shape) * sign if shape is not None and not area else None
    cells = (None, abs(area) if area else None, area or None, length or None)
    return (fid, record[""], TITLES[key], *(_rounded(c) for c in cells), "", ""), key, shape


def _kind(
    old: shapely.Geometry | None, new: shapely.Geometry | None, fields: list[str], former: str, tolerance_m: float
) -> str | None:
    if former:
        return RENUMBERED
    if (old is None) != (new is None):
        return PLACED if old is None else LOST
    if old is not None and new is not None and not _same_shape(old, new, tolerance_m):
        return MOVED
    return EDITED if fields else None


def _same_shape(old: shapely.Geometry, new: shapely.Geometry, tolerance_m: float) -> bool:
    return bool(shapely.equals_exact(old, new, tolerance_m)) or bool(
        old.geom_type == new.geom_type and shapely.hausdorff_distance(old, new) <= tolerance_m
    )


def _sizes(old: shapely.Geometry | None, new: shapely.Geometry | None) -> tuple[float | None, ...]:
    """Move of the centre, symmetric difference, change of area, change of length (only without an area)."""
    if old is None or new is None:
        return (None, None, None, None)
    moved = shapely.distance(shapely.centroid(old), shapely.centroid(new))
    area = shapely.area(new) - shapely.area(old)
    has_area = max(shapely.area(old), shapely.area(new)) > 0
    difference = shapely.area(shapely.symmetric_difference(old, new)) if has_area else None
    length = None if has_area else shapely.length(new) - shapely.length(old)
    return tuple(_rounded(v) for v in (moved, difference, area if has_area else None, length))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)


def _drawn(key: str, old: shapely.Geometry | None, new: shapely.Geometry | None) -> shapely.Geometry | None:
    """What the map shows: the symmetric difference of areas, a line along which the rest moved, else the feature."""
    if key != MOVED or old is None or new is None:
        return new if new is not None else old
    if max(shapely.area(old), shapely.area(new)) > 0:
        return shapely.symmetric_difference(old, new)
    return shapely.LineString([shapely.centroid(old), shapely.centroid(new)])


def _field_table(table: pandas.DataFrame) -> Table:
    changed = pandas.Series([f for text in table["fields"] for f in str(text).split("、") if f], dtype=object)
    counts = changed.value_counts().reset_index()
    counts.columns = pandas.Index(["field", "features"])
    return Table(Text("改动字段", "Fields changed"), FIELDS, counts)


QUESTION = Question(
    id="layer-changes",
    theme="plan",
    title=Text("两个版本之间究竟改了什么？", "What changed between two revisions?"),
    explanation=Text(
        "只列真实变化，不把重新导出的格式差异当变化。", "Real changes only; a new export of the same data is none."
    ),
    roles=(
        Role("before", Text("旧版本", "Earlier revision"), ("pocket_parks",), previous=True, placed=False),
        Role("after", Text("新版本", "Later revision"), ("pocket_parks",), placed=False),
    ),
    parameters=(
        Parameter(
            key="tolerance_m",
            title=Text("几何容差", "Tolerance"),
            value=0.05,
            unit="m",
            minimum=0,
            maximum=100,
            hint=Text("7 位小数约 1 cm", "7 decimals are about 1 cm"),
        ),
    ),
    run=compare_revisions,
)
