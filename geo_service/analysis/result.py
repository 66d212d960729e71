"""What an analysis takes and gives: parameters with their standard, one headline, a table, a layer, a method."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import geopandas
import pandas

from geo_service.core.crs import PROJECTED
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

Status = Literal["read", "secondary", "unverified", "arithmetic", "setting"]
"""Whether the figure was read in the standard itself, taken from elsewhere, or is only a setting of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number the planner may change: ``standard`` and ``clause`` say where its default comes from."""

    key: str
    title: Text
    value: float
    unit: str
    minimum: float = 0.0
    maximum: float = math.inf
    standard: str = ""
    clause: str = ""
    status: Status = "setting"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the result table."""

    key: str
    title: Text
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An answer. ``layer`` is in EPSG:4490 and may be None; ``table`` has exactly ``columns``; ``notes`` say what the
    reader must know before quoting the headline."""

    headline: Text
    table: pandas.DataFrame
    columns: tuple[Column, ...]
    method: Text
    layer: geopandas.GeoDataFrame | None = None
    notes: tuple[Text, ...] = ()
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """A part a layer plays in a question, and the layers it is usually played by."""

    key: str
    title: Text
    defaults: tuple[str, ...]
    optional: bool = False


Run = Callable[[Mapping[str, geopandas.GeoDataFrame], Mapping[str, float]], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question in planners' words, with what it needs and the function that answers it."""

    id: str
    title: Text
    explanation: Text
    roles: tuple[Role, ...]
    parameters: tuple[Parameter, ...]
    run: Run


def read_parameters(question: Question, given: Mapping[str, Any]) -> dict[str, float]:
    """The question's defaults with the given values over them.

    Raises
    ------
    InvalidParameter
        A value that is unknown, not a number, or out of range.
    """
    unknown = given.keys() - {p.key for p in question.parameters}
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidParameter(name=name, value=given[name], reason="没有这个参数 / no such parameter")
    return {p.key: _value(p, given.get(p.key, p.value)) for p in question.parameters}


def _value(parameter: Parameter, given: Any) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError):
        raise InvalidParameter(name=parameter.key, value=given, reason="须为数值 / a number") from None
    if not parameter.minimum <= value <= parameter.maximum:
        limits = f"{parameter.minimum:g} … {parameter.maximum:g} {parameter.unit}"
        raise InvalidParameter(name=parameter.key, value=given, reason=limits)
    return value


def located(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """The rows with a geometry, in EPSG:4548."""
    present = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    return present.to_crs(PROJECTED)


def require(frame: geopandas.GeoDataFrame, role: str, *, fields: tuple[str, ...] = ()) -> geopandas.GeoDataFrame:
    """The located rows of an input, checked: not empty, valid, with the fields a question needs.

    Raises
    ------
    InvalidParameter
        No located feature, a field that is not there, or invalid geometry (the ids are named).
    """
    missing = [f for f in fields if f not in frame]
    if missing:
        raise InvalidParameter(
            name=role, value=", ".join(missing), reason="图层没有此字段 / the layer lacks this field"
        )
    present = located(frame)
    if present.empty:
        raise InvalidParameter(name=role, value=len(frame), reason="没有已落图的要素 / no located feature")
    broken = present.index[~present.geometry.is_valid]
    if len(broken):
        reason = "几何不合法 / invalid geometry"
        raise InvalidParameter(name=role, value=", ".join(map(str, broken[:5])), reason=reason)
    return present


def honesty(frame: geopandas.GeoDataFrame, title: Text) -> tuple[Text, ...]:
    """A note on how much of an input is only illustrative or not located, none where all of it is better."""
    total = len(frame)
    nowhere = int((frame.geometry.isna() | frame.geometry.is_empty).sum())
    drawn = int((frame["precision"] == "illustrative").sum()) if "precision" in frame else 0
    if not nowhere and not drawn:
        return ()
    return (
        Text(
            f"{title.zh}：共 {total}，其中示意 {drawn}、待落图 {nowhere}；结论只能作参考。",
            f"{title.en}: {total} in all, {drawn} only illustrative, {nowhere} not located; read with care.",
        ),
    )
