"""多因子比选: which site suits best, with the weights on the table and a test of what they change?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import shapely

from geo_service.analysis.network import Floats
from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    Table,
    honesty,
    located,
    names_of,
    require,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

SWAY = 0.2
"""Each weight is moved by so much up and down."""

FACTORS = {
    "near": Text("靠近甲类设施", "Near A"),
    "also_near": Text("靠近乙类设施", "Near B"),
    "far": Text("远离不利因素", "Far from"),
    "size": Text("地块面积", "Size of the site"),
}
COLUMNS = (
    Column("rank", Text("名次", "Rank")),
    Column("id", Text("编号", "Id")),
    Column("name", Text("候选地", "Site")),
    Column("score", Text("总分", "Score")),
    *(Column(key, title) for key, title in FACTORS.items()),
    Column("near_m", Text("距甲类", "To A"), "m"),
    Column("also_near_m", Text("距乙类", "To B"), "m"),
    Column("far_m", Text("距不利因素", "To the nuisance"), "m"),
    Column("area_m2", Text("面积", "Area"), "m²"),
)
SENSITIVITY = (
    Column("factor", Text("因子", "Factor")),
    Column("change", Text("权重变化", "Weight"), "%"),
    Column("best", Text("第一名", "First")),
    Column("same_first", Text("第一名不变", "First unchanged")),
    Column("moved", Text("名次变动的候选地", "Sites that change rank")),
)
CLASSES = (
    LayerClass("first", Text("第一名", "First"), "gain"),
    LayerClass("upper", Text("前三分之一", "Upper third"), "main"),
    LayerClass("rest", Text("其余", "The rest"), "muted"),
)


def score_sites(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """Sites by the weighted mean of scores from 0 to 100, and how the order changes when a weight moves by 20 %."""
    sites = require(inputs["sites"], "sites")
    shapes = sites.geometry.to_numpy()
    distance = {key: _distance(inputs.get(key), shapes) for key in ("near", "also_near", "far")}
    scores = _scores(distance, shapely.area(shapes), parameters)
    if not scores:
        raise InvalidParameter(name="near", value="", reason="至少选一个因子 / choose at least one factor")
    weights = {key: float(parameters[f"weight_{key}"]) for key in scores}
    total = weigh(scores, weights)
    order = _order(total)
    sway = _sensitivity(scores, weights, names_of(sites))
    steady = int(sway["same_first"].sum()) if len(sway) else 0
    table = _table(sites, order, total, scores, distance)
    best = table.iloc[0]
    return Result(
        headline=Text(
            f"第一名：{best['name'].zh}（{best['score']:.1f} 分）；"
            f"各权重 ±20% 的 {len(sway)} 种情形中 {steady} 种第一名不变",
            f"First: {best['name'].en} ({best['score']:.1f}); it stays first in {steady} of {len(sway)} cases with a "
            "weight moved by 20%",
        ),
        table=table,
        columns=COLUMNS,
        method=Text(
            "各因子按距离或面积线性折为 0—100 分后加权平均；"
            "只给相对次序，不代替论证；权重见参数表，±20% 敏感性见附表。",
            "Each factor scores 0 to 100, linear in distance or size; the score is their weighted mean. An order, not "
            "a proof; weights are among the parameters, the ±20% test is in the second table.",
        ),
        layer=_layer(sites, order, total),
        classes=CLASSES,
        notes=honesty(inputs["sites"], Text("候选地", "Sites")),
        figures={"score": float(best["score"]), "steady": steady, "cases": len(sway)},
        more=(Table(Text("敏感性（各权重 ±20%）", "Sensitivity (each weight ±20%)"), SENSITIVITY, sway),),
        chart=Chart(
            kind="stacked", title=Text("各因子得分", "Scores by factor"), category="name", series=tuple(scores)
        ),
    )


def weigh(scores: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The weighted mean of the scores.

    Raises
    ------
    InvalidParameter
        All weights are 0.
    """
    whole = sum(weights.values())
    if whole <= 0:
        raise InvalidParameter(name="weight", value=0, reason="权重不能全为 0 / some weight must be above 0")
    return numpy.asarray(sum(scores[k] * w for k, w in weights.items()) / whole)


def _distance(frame: geopandas.GeoDataFrame | None, shapes: numpy.ndarray) -> Floats | None:
    if frame is None or located(frame).empty:
        return None
    others = located(frame).geometry.to_numpy()
    return numpy.asarray(shapely.distance(shapes, others[shapely.STRtree(others).nearest(shapes)]))


def _scores(distance: Mapping[str, Floats | None], area_m2: Floats, parameters: Mapping[str, Any]) -> dict[str, Floats]:
    scores: dict[str, Floats] = {}
    for key in ("near", "also_near"):
        metres = distance[key]
        if metres is not None:
            scores[key] = numpy.clip(1 - metres / parameters["cap_m"], 0, 1) * 100
    away = distance["far"]
    if away is not None:
        scores["far"] = numpy.clip(away / parameters["cap_m"], 0, 1) * 100
    if area_m2.max(initial=0) > 0:
        scores["size"] = numpy.clip(area_m2 / parameters["area_full_m2"], 0, 1) * 100
    return scores


def _order(total: Floats) -> numpy.ndarray:
    return numpy.argsort(-total.round(9), kind="stable")


def _sensitivity(scores: Mapping[str, Floats], weights: Mapping[str, float], names: list[Text]) -> pandas.DataFrame:
    base = _order(weigh(scores, weights))
    rows = []
    for key in scores:
        for sway in (-SWAY, SWAY):
            order = _order(weigh(scores, {**weights, key: weights[key] * (1 + sway)}))
            moved = int((order != base).sum())
            rows.append((FACTORS[key], sway * 100, names[order[0]], bool(order[0] == base[0]), moved))
    return pandas.DataFrame(rows, columns=[c.key for c in SENSITIVITY])


def _table(
    sites: geopandas.GeoDataFrame,
    order: numpy.ndarray,
    total: Floats,
    scores: Mapping[str, Floats],
    distance: Mapping[str, Floats | None],
) -> pandas.DataFrame:
    nothing = numpy.full(len(sites), numpy.nan)
    columns: dict[str, Any] = {
        "rank": numpy.arange(1, len(order) + 1),
        "id": sites.index.to_numpy()[order],
        "name": numpy.array(names_of(sites), dtype=object)[order],
        "score": total[order].round(2),
    }
    columns |= {key: scores.get(key, nothing)[order].round(1) for key in FACTORS}
    for key in ("near", "also_near", "far"):
        metres = distance[key]
        columns[f"{key}_m"] = (nothing if metres is None else metres)[order].round(1)
    columns["area_m2"] = shapely.area(sites.geometry.to_numpy())[order].round(1)
    return pandas.DataFrame(columns)


def _layer(sites: geopandas.GeoDataFrame, order: numpy.ndarray, total: Floats) -> geopandas.GeoDataFrame:
    classes = numpy.full(len(sites), "rest", dtype=object)
    classes[order[: max(1, len(order) // 3)]] = "upper"
    classes[order[0]] = "first"
    return sites.assign(score=total.round(2), **{"class": classes}).to_crs(GEOGRAPHIC)


def _weight(key: str, value: float) -> Parameter:
    title = FACTORS[key]
    return Parameter(
        key=f"weight_{key}", title=Text(f"权重：{title.zh}", f"Weight: {title.en}"), value=value, maximum=100
    )


QUESTION = Question(
    id="site-scores",
    theme="land",
    title=Text("几块地比一比，哪块更合适？", "Which of these sites suits best?"),
    explanation=Text(
        "按远近和大小打分，权重摆在明处，并检验权重 ±20% 是否改变结论。",
        "Scores for near, far and size, with the weights shown and a ±20% test of them.",
    ),
    roles=(
        Role("sites", Text("候选地", "Sites"), ("idle_land", "renewal_areas", "carriers"), several=False),
        Role("near", Text("甲类设施（越近越好）", "A (nearer is better)"), ("schools",), optional=True, several=True),
        Role(
            "also_near", Text("乙类设施（越近越好）", "B (nearer is better)"), ("parks",), optional=True, several=True
        ),
        Role(
            "far",
            Text("不利因素（越远越好）", "Nuisance (farther is better)"),
            ("waterlogging_zones",),
            optional=True,
            several=True,
        ),
    ),
    parameters=(
        _weight("near", 3),
        _weight("also_near", 2),
        _weight("far", 3),
        _weight("size", 2),
        Parameter(
            key="cap_m",
            title=Text("距离封顶", "Distances count up to"),
            value=1000,
            unit="m",
            minimum=1,
            maximum=20_000,
        ),
        Parameter(
            key="area_full_m2",
            title=Text("满分面积", "Size for full score"),
            value=20_000,
            unit="m²",
            minimum=1,
            maximum=1e8,
        ),
    ),
    run=score_sites,
)
