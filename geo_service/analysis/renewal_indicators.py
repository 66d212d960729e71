"""城市更新指标: demolished share, rebuilt to demolished, rehoused share, against 20 %, 2 and 50 %."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from geo_service.analysis.result import (
    Chart,
    Column,
    LayerClass,
    Parameter,
    Question,
    Result,
    Role,
    honesty,
    names_of,
    numbers_of,
)
from geo_service.core.crs import GEOGRAPHIC
from geo_service.core.late import geopandas, pandas
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

FIELDS = ("floor_area_m2", "demolished_m2", "rebuilt_m2", "households", "rehoused_households")
SHORT = {
    "floor_area_m2": Text("现状建筑面积", "floor area"),
    "demolished_m2": Text("拆除", "demolished"),
    "rebuilt_m2": Text("新建", "rebuilt"),
    "households": Text("户数", "households"),
    "rehoused_households": Text("安置户", "rehoused"),
}
MET, BROKEN, UNKNOWN = Text("符合", "Met"), Text("不符合", "Not met"), Text("缺数据", "Not known")
LIGHTS = {True: MET, False: BROKEN, None: UNKNOWN}
DISTRICT = Text("合计（数据齐全者）", "All with data")

COLUMNS = (
    Column("id", Text("编号", "Id")),
    Column("name", Text("更新单元", "Renewal unit")),
    Column("demolished_percent", Text("拆除占比", "Demolished"), "%"),
    Column("demolished_light", Text("拆除 ≤ 上限", "Demolished within limit")),
    Column("rebuild_ratio", Text("拆建比", "Rebuilt : demolished")),
    Column("rebuild_light", Text("拆建比 ≤ 上限", "Ratio within limit")),
    Column("rehoused_percent", Text("就近安置率", "Rehoused near"), "%"),
    Column("rehoused_light", Text("安置率 ≥ 下限", "Rehoused enough")),
    Column("missing", Text("缺少字段", "Fields missing")),
)
CLASSES = (
    LayerClass("broken", Text("有指标不符合", "Some limit not met"), "loss"),
    LayerClass("met", Text("已知指标均符合", "All known limits met"), "gain"),
    LayerClass("unknown", UNKNOWN, "muted"),
)


def judge_renewal(inputs: Mapping[str, geopandas.GeoDataFrame], parameters: Mapping[str, Any]) -> Result:
    """A light for each limit and unit; a unit without figures gets no light instead of a green one.

    The last row adds up floor area, not percentages, over the units that have the figures of each indicator.
    """
    units = inputs["units"]
    if units.empty:
        raise InvalidParameter(name="units", value=0, reason="图层没有要素 / the layer has no features")
    values = pandas.DataFrame({f: numbers_of(units, f) for f in FIELDS})
    figures = indicators(values)
    lights = judge(figures, parameters)
    table = _table(units, values, figures, lights)
    classes = _classes(lights)
    known, broken = sum(c != "unknown" for c in classes), classes.count("broken")
    return Result(
        headline=Text(
            f"{len(units)} 个更新单元中 {known} 个有指标数据，{broken} 个有不符合项，{len(units) - known} 个缺数据",
            f"{known} of {len(units)} renewal units have figures, {broken} do not meet a limit, "
            f"{len(units) - known} lack data",
        ),
        table=table,
        columns=COLUMNS,
        method=Text(
            "拆除占比 = 拆除 ÷ 现状建筑面积；拆建比 = 新建 ÷ 拆除；安置率 = 就地就近安置户 ÷ 总户数；"
            "合计按面积、户数相加后再比（建科〔2021〕63号）。",
            "Demolished ÷ existing floor area; rebuilt ÷ demolished; rehoused ÷ all households; totals add up areas "
            "and households before dividing (建科〔2021〕63号).",
        ),
        layer=units.assign(**{"class": classes}).to_crs(GEOGRAPHIC),
        classes=CLASSES,
        notes=honesty(units, Text("更新单元", "Renewal units")),
        figures={"units": len(units), "known": known, "broken": broken},
        chart=Chart(
            kind="bar",
            title=Text("拆除占比与安置率（%）", "Demolished and rehoused (%)"),
            category="name",
            series=("demolished_percent", "rehoused_percent"),
        ),
    )


def indicators(values: pandas.DataFrame) -> pandas.DataFrame:
    """Demolished share in %, rebuilt to demolished, rehoused share in %; NaN where a figure is missing or the divisor
    is 0, except that nothing demolished of something is 0 %."""
    demolished = _ratio(values["demolished_m2"], values["floor_area_m2"]) * 100
    rebuilt = _ratio(values["rebuilt_m2"], values["demolished_m2"])
    rehoused = _ratio(values["rehoused_households"], values["households"]) * 100
    return pandas.DataFrame({"demolished": demolished, "rebuild": rebuilt, "rehoused": rehoused})


def _ratio(part: pandas.Series, whole: pandas.Series) -> pandas.Series:
    return part / whole.where(whole > 0)


def judge(figures: pandas.DataFrame, parameters: Mapping[str, Any]) -> list[tuple[bool | None, ...]]:
    """For each row whether each of the three limits is met, None where it is not known."""
    most, ratio, least = (
        parameters[k] for k in ("demolished_max_percent", "rebuild_max_ratio", "rehoused_min_percent")
    )
    return [
        (_holds(demolished, most), _holds(rebuild, ratio), _holds(least, rehoused))
        for demolished, rebuild, rehoused in figures.to_numpy(dtype=float)
    ]


def _holds(smaller: float, larger: float) -> bool | None:
    """Whether one is at most the other, None where one is not known."""
    return None if numpy.isnan(smaller) or numpy.isnan(larger) else bool(smaller <= larger)


def _classes(lights: list[tuple[bool | None, ...]]) -> list[str]:
    return ["broken" if False in row else "met" if True in row else "unknown" for row in lights]


def _table(
    units: geopandas.GeoDataFrame,
    values: pandas.DataFrame,
    figures: pandas.DataFrame,
    lights: list[tuple[bool | None, ...]],
) -> pandas.DataFrame:
    rows = [
        (fid, name, *_cells(figures.iloc[i], lights[i]), _missing(values.iloc[i]))
        for i, (fid, name) in enumerate(zip(units.index, names_of(units), strict=True))
    ]
    blank = Text("", "")
    demolished, rebuild, rehoused = (round(float(v), 2) for v in _totals(values))
    rows.append(("", DISTRICT, demolished, blank, rebuild, blank, rehoused, blank, blank))
    return pandas.DataFrame(rows, columns=[c.key for c in COLUMNS])


def _cells(figures: pandas.Series, lights: tuple[bool | None, ...]) -> tuple[Any, ...]:
    rounded = (round(float(v), 2) for v in figures)
    return tuple(cell for pair in zip(rounded, (LIGHTS[light] for light in lights), strict=True) for cell in pair)


def _totals(values: pandas.DataFrame) -> pandas.Series:
    """The three indicators over the sums of the units that have both figures of each."""
    pairs = (("demolished_m2", "floor_area_m2"), ("rebuilt_m2", "demolished_m2"), ("rehoused_households", "households"))
    sums = [values[list(pair)].dropna().sum() for pair in pairs]
    scale = (100, 1, 100)
    found = [s[a] / s[b] * k if s[b] > 0 else numpy.nan for s, (a, b), k in zip(sums, pairs, scale, strict=True)]
    return pandas.Series(found)


def _missing(row: pandas.Series) -> Text:
    absent = [SHORT[f] for f in FIELDS if numpy.isnan(row[f])]
    return Text("、".join(t.zh for t in absent), ", ".join(t.en for t in absent))


QUESTION = Question(
    id="renewal-indicators",
    theme="land",
    title=Text("更新单元合不合 20%、2、50% 三条红线？", "Do the renewal units keep within 20%, 2 and 50%?"),
    explanation=Text("拆除占比、拆建比、就近安置率逐单元亮灯。", "A light per unit: demolished, rebuilt, rehoused."),
    roles=(Role("units", Text("更新单元", "Renewal units"), ("renewal_areas",), several=True, placed=False),),
    parameters=(
        Parameter(
            key="demolished_max_percent",
            title=Text("拆除占比上限", "Demolished at most"),
            value=20,
            unit="%",
            maximum=100,
            figure="renewal_demolition_max",
            standard="建科〔2021〕63号",
            status="read",
        ),
        Parameter(
            key="rebuild_max_ratio",
            title=Text("拆建比上限", "Rebuilt : demolished at most"),
            value=2,
            maximum=100,
            figure="renewal_rebuild_ratio_max",
            standard="建科〔2021〕63号",
            status="read",
        ),
        Parameter(
            key="rehoused_min_percent",
            title=Text("就近安置率下限", "Rehoused near at least"),
            value=50,
            unit="%",
            maximum=100,
            figure="renewal_rehousing_min",
            standard="建科〔2021〕63号",
            status="read",
        ),
    ),
    run=judge_renewal,
)
