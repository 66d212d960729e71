"""计划落图进度: promised, on the map, done, by subdistrict, so that the rows sum up to the district exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely
from shapely.geometry import mapping

from geo_service.analysis.access import points_of, zone_of
from geo_service.analysis.network import Floats, Integers
from geo_service.analysis.result import (
    Chart,
    Choice,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    located,
    names_of,
)
from geo_service.core.crs import GEOGRAPHIC, PROJECTED
from geo_service.core.features import Feature
from geo_service.core.late import geopandas, pandas
from geo_service.core.plan import Commitment
from geo_service.core.progress import FLOOR_FIELDS, is_member, progress, status_of
from geo_service.core.progress_words import headline, target_text
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

SHARES = 1000
"""A straddling feature is split in thousandths, so that whole numbers are added up and nothing is lost."""
TENTHS = 10
"""Areas and lengths are added up in tenths."""

OUTSIDE, NOWHERE = (
    Text("区外或未分街道", "Outside all subdistricts"),
    Text("待落图（街道不明）", "Unlocated, subdistrict unknown"),
)
DISTRICT = Text("全区", "District")

COUNTS = ("listed", "located", "illustrative", "unlocated", "unreported", "not_started", "started", "done")
SIZES = ("area_m2", "area_done_m2", "length_m", "length_done_m")
COLUMNS = (
    Column("area", Text("街道", "Subdistrict")),
    Column("listed", Text("清单", "Listed")),
    Column("located", Text("已落图", "On the map")),
    Column("illustrative", Text("其中示意", "Of these illustrative")),
    Column("unlocated", Text("待落图", "Unlocated")),
    Column("unreported", Text("未填报", "Not reported")),
    Column("not_started", Text("未开工", "Not started")),
    Column("started", Text("在建", "Under way")),
    Column("done", Text("已完成", "Done")),
    Column("area_m2", Text("图上面积", "Area on the map"), "m²"),
    Column("area_done_m2", Text("已完成面积", "Area done"), "m²"),
    Column("length_m", Text("图上长度", "Length on the map"), "m"),
    Column("length_done_m", Text("已完成长度", "Length done"), "m"),
)
PROMISES = (
    Column("id", Text("任务编号", "Commitment")),
    Column("name", Text("任务", "Name")),
    Column("target", Text("目标", "Target")),
    Column("listed", Text("清单", "Listed")),
    Column("located", Text("已落图", "On the map")),
    Column("illustrative", Text("其中示意", "Illustrative")),
    Column("missing", Text("尚缺", "Missing")),
    Column("begun", Text("已开工", "Begun")),
    Column("done", Text("已完成", "Done")),
    Column("headline", Text("说明", "In words")),
)
CLASSES = (
    LayerClass("done", Text("已完成", "Done"), "gain"),
    LayerClass("started", Text("在建", "Under way"), "warn"),
    LayerClass("other", Text("未开工或未填报", "Not started or not reported"), "muted"),
)
PLAN_LAYERS = (
    "renewal_areas",
    "old_communities",
    "elevators",
    "roads",
    "pipelines",
    "schools",
    "parks",
    "pocket_parks",
    "waterlogging_zones",
    "water_environment",
    "misconnection_points",
    "fire_stations",
    "food_markets",
    "life_circles",
    "health_circle",
    "community_facilities",
    "culture",
    "carriers",
    "idle_land",
    "construction_sites",
    "supporting_works",
    "research_health",
)
KEPT_FIELDS = ("commitment", "candidate", "status", "plan_status", "precision", "floor_area_m2", *FLOOR_FIELDS.values())


def measure_progress(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Members of the plan's commitments by subdistrict and by commitment.

    Each member counts once: where its representative point lies, or, on request, split by the share of its area or
    length. Unlocated members count in the subdistrict their attribute names.
    """
    commitments: list[Commitment] = list(inputs["ledger"]["commitment"])
    frame, features = _members(inputs["members"], commitments)
    zones = located(inputs["areas"]) if "areas" in inputs else None
    split = parameters["straddling"] == "share"
    table = _by_area(features, frame, _weights(frame, zones, split=split), zones)
    promises = _by_commitment(commitments, features)
    left_out = len(inputs["members"]) - len(frame)
    return Result(
        headline=_headline(table, commitments, features),
        table=table,
        columns=COLUMNS,
        method=Text(
            "只数计划任务的成员；跨界者"
            + ("按面积或长度分摊" if split else "按代表点计入一个街道")
            + "，各行之和等于全区；完成以填报进展为准，不以计划承诺为准。",
            "Members of commitments only; what straddles is "
            + ("split by area or length" if split else "counted where its representative point lies")
            + ", so rows sum up to the district; done is what staff report, never what is promised.",
        ),
        layer=frame.assign(**{"class": [_class_of(f) for f in features]}).to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=_left_out_note(left_out),
        figures={key: float(table[key].iloc[-1]) for key in ("listed", "located", "illustrative", "done")},
        more=(Table(Text("按计划任务", "By commitment"), PROMISES, promises),),
        chart=Chart(
            kind="stacked",
            title=Text("各街道项目数（按填报进展）", "Members by subdistrict and reported status"),
            category="area",
            series=("unreported", "not_started", "started", "done"),
            tones=("muted", "cool", "warn", "gain"),
            leave_out=(DISTRICT,),
        ),
    )


def _members(
    frame: geopandas.GeoDataFrame, commitments: list[Commitment]
) -> tuple[geopandas.GeoDataFrame, list[Feature]]:
    """The rows that belong to a commitment, and the same as features."""
    known = {c.id: c for c in commitments}
    features = [_feature(row, shape) for row, shape in zip(_rows(frame), frame.geometry, strict=True)]
    keep = [_belongs(f, known) for f in features]
    if not any(keep):
        raise InvalidParameter(
            name="members", value=len(frame), reason="没有计划任务的成员 / no member of any commitment"
        )
    return frame[keep], [f for f, kept in zip(features, keep, strict=True) if kept]


def _belongs(feature: Feature, commitments: Mapping[str, Commitment]) -> bool:
    mine = commitments.get(str(feature.properties.get("commitment")))
    return mine is not None and is_member(mine, feature)


def _rows(frame: geopandas.GeoDataFrame) -> list[dict[str, Any]]:
    kept = frame[[k for k in KEPT_FIELDS if k in frame]]
    return [
        {"id": str(fid), **{k: v for k, v in row.items() if not pandas.isna(v)}}
        for fid, row in zip(kept.index, kept.to_dict("records"), strict=True)
    ]


def _feature(row: dict[str, Any], shape: shapely.Geometry | None) -> Feature:
    fid = row.pop("id")
    return Feature(fid, row, None if shape is None or shape.is_empty else mapping(shape))


def _weights(frame: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame | None, *, split: bool) -> Floats:
    """The part (0 to 1) of each member in each zone, then outside of all, then nowhere; every row sums to 1."""
    size = len(zones) if zones is not None else 0
    weights = numpy.zeros((len(frame), size + 2))
    present = ~(frame.geometry.isna() | frame.geometry.is_empty).to_numpy()
    at = numpy.full(len(frame), size)
    if zones is not None and present.any():
        found = zone_of(zones, points_of(frame[present]))
        at[present] = numpy.where(found >= 0, found, size)
    at[~present] = _named_zones(frame[~present], zones)
    weights[numpy.arange(len(frame)), at] = 1.0
    if split and zones is not None and present.any():
        _split(weights, frame, zones, numpy.flatnonzero(present))
    return weights


def _named_zones(frame: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame | None) -> list[int]:
    names = {name.zh: row for row, name in enumerate(names_of(zones))} if zones is not None else {}
    nowhere = len(names) + 1
    said = frame["subdistrict"] if "subdistrict" in frame else [None] * len(frame)
    return [names.get(str(name), nowhere) for name in said]


def _split(weights: Floats, frame: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame, rows: Integers) -> None:
    """Give every located member with a size its part of each zone, the rest outside."""
    shapes = located(frame.iloc[rows]).geometry.to_numpy()
    size = _size(shapes)
    member, zone = shapely.STRtree(zones.geometry.to_numpy()).query(shapes, predicate="intersects")
    part = _size(shapely.intersection(shapes[member], zones.geometry.to_numpy()[zone]))
    for index in numpy.flatnonzero(size > 0):
        mine = member == index
        row = numpy.zeros(len(zones) + 2)
        row[zone[mine]] = part[mine] / size[index]
        row[-2] = max(0.0, 1 - row.sum())
        weights[rows[index]] = row / row.sum()


def _size(shapes: numpy.ndarray) -> Floats:
    area = shapely.area(shapes)
    return numpy.asarray(numpy.where(area > 0, area, shapely.length(shapes)))


def apportion(total: int, weights: Floats) -> Integers:
    """A whole number split by weights into whole numbers that sum up to it (largest remainders)."""
    exact = weights / weights.sum() * total
    parts: Integers = numpy.floor(exact).astype(numpy.int64)
    parts[numpy.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]] += 1
    return parts


def _by_area(
    features: list[Feature], frame: geopandas.GeoDataFrame, weights: Floats, zones: geopandas.GeoDataFrame | None
) -> pandas.DataFrame:
    """One row for each zone, one for what lies in none, one for the district: whole numbers added up, then divided."""
    flags, tenths = _flags(features), _tenths(frame, features)
    thousandths = numpy.stack([apportion(SHARES, w) for w in weights])
    counts = thousandths.T @ flags
    sizes = numpy.zeros((weights.shape[1], len(SIZES)), dtype=numpy.int64)
    for row, column in zip(*numpy.nonzero(tenths), strict=True):
        sizes[:, column] += apportion(int(tenths[row, column]), weights[row])
    names: list[str | Text] = [*(names_of(zones) if zones is not None else ()), OUTSIDE, NOWHERE]
    shown = numpy.flatnonzero((counts[:, 0] > 0) | (numpy.arange(len(names)) < len(names) - 2))
    whole = numpy.vstack((counts[shown], counts.sum(axis=0))) / SHARES
    sized = numpy.vstack((sizes[shown], sizes.sum(axis=0))) / TENTHS
    table = pandas.DataFrame(numpy.hstack((whole, sized)), columns=[*COUNTS, *SIZES])
    table.insert(0, "area", pandas.Series([*(names[i] for i in shown), DISTRICT], dtype=object))
    return table


def _flags(features: list[Feature]) -> Integers:
    """For each member 0 or 1 for each of ``COUNTS``."""
    rows = []
    for feature in features:
        status, precision = status_of(feature), feature.precision
        places = (True, precision != "unlocated", precision == "illustrative", precision == "unlocated")
        rows.append((*places, *(status == s for s in ("", "not_started", "started", "done"))))
    return numpy.array(rows, dtype=numpy.int64)


def _tenths(frame: geopandas.GeoDataFrame, features: list[Feature]) -> Integers:
    """For each member its size in tenths for each of ``SIZES``; length only where there is no area."""
    plane = frame.to_crs(PROJECTED).geometry.to_numpy()
    area = numpy.nan_to_num(shapely.area(plane))
    length = numpy.where(area > 0, 0.0, numpy.nan_to_num(shapely.length(plane)))
    done = numpy.array([status_of(f) == "done" for f in features])
    columns = numpy.stack((area, area * done, length, length * done), axis=1)
    tenths: Integers = numpy.rint(columns * TENTHS).astype(numpy.int64)
    return tenths


def _by_commitment(commitments: list[Commitment], features: list[Feature]) -> pandas.DataFrame:
    rows = []
    for commitment in commitments:
        mine = [f for f in features if is_member(commitment, f)]
        if not mine:
            continue
        found = progress(commitment, mine)
        counts = (found.listed, found.located, found.illustrative, found.missing, found.begun, found.done)
        target, words = target_text(commitment.quantity), headline(commitment, found)
        rows.append((commitment.id, commitment.name, target, *counts, words))
    return pandas.DataFrame(rows, columns=[c.key for c in PROMISES]).astype({"missing": object})


def _headline(table: pandas.DataFrame, commitments: list[Commitment], features: list[Feature]) -> Text:
    found = {str(f.properties.get("commitment")) for f in features}
    if len(found) == 1:
        (only,) = [c for c in commitments if c.id in found]
        return headline(only, progress(only, features))
    last = table.iloc[-1]
    listed, placed, drawn, done = (int(last[k]) for k in ("listed", "located", "illustrative", "done"))
    return Text(
        f"{len(found)} 项任务共 {listed} 个成员：已落图 {placed}（示意 {drawn}），已完成 {done}",
        f"{listed} members of {len(found)} commitments: {placed} on the map ({drawn} illustrative), {done} done",
    )


def _class_of(feature: Feature) -> str:
    status = status_of(feature)
    return status if status in ("done", "started") else "other"


def _left_out_note(count: int) -> tuple[Text, ...]:
    if not count:
        return ()
    return (
        Text(f"另有 {count} 个要素不属于任何计划任务，未计入。", f"{count} features of no commitment are not counted."),
    )


QUESTION = Question(
    id="plan-progress",
    theme="plan",
    title=Text("计划落图落实到哪一步？各街道如何？", "How far is the plan, subdistrict by subdistrict?"),
    explanation=Text(
        "计划承诺、已落图、已完成，各街道之和等于全区。",
        "Promised, on the map, done; the subdistricts sum up to the district.",
    ),
    roles=(
        Role("members", Text("计划图层", "Plan layers"), PLAN_LAYERS, several=True, placed=False),
        Role("areas", Text("街道", "Subdistricts"), ("subdistricts",), optional=True, kinds=("polygon",)),
        Role("ledger", Text("计划台账", "Plan ledger"), part="ledger"),
    ),
    parameters=(
        Parameter(
            key="straddling",
            title=Text("跨街道的要素", "What straddles"),
            value="point",
            choices=(
                Choice("point", Text("按代表点计一次", "Counts once, by a point inside")),
                Choice("share", Text("按面积或长度分摊", "Split by area or length")),
            ),
        ),
    ),
    run=measure_progress,
)
