"""What an analysis takes and gives: parameters with their standard, one headline, tables, a layer, a method."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geo_service.analysis.progress import Progress
from geo_service.core.crs import PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.core.layers import COMMON_FIELDS, SUBDISTRICT_WORDS, Kind, worded
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter

NO_HINT = Text("", "")
Status = Literal["read", "secondary", "unverified", "arithmetic", "setting"]
"""Whether the figure was read in the standard itself, taken from elsewhere, not confirmed, follows by calculation, or
is only a setting of ours."""

STATUSES: Mapping[Status, Text] = {
    "read": Text("已核对原文", "Read in the source"),
    "secondary": Text("转引", "Quoted by another text"),
    "unverified": Text("未核实", "Not verified"),
    "arithmetic": Text("换算", "Arithmetic"),
    "setting": Text("本平台设定", "Our setting"),
}

Theme = Literal["plan", "service", "safety", "works", "land", "tools"]

THEMES: Mapping[Theme, Text] = {
    "plan": Text("计划与变化", "Plan and change"),
    "service": Text("公共服务", "Public services"),
    "safety": Text("安全韧性", "Safety and resilience"),
    "works": Text("工程统筹", "Works"),
    "land": Text("用地与更新", "Land and renewal"),
    "tools": Text("通用工具", "Tools for any layer"),
}
"""The groups of the questions, in the order of the page."""

FIELD_NAME = re.compile(r"\w{0,64}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values a parameter may have."""

    value: str
    title: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value the planner may change: a number with limits, one of ``choices``, or the name of a field of the layers in
    role ``field_of``.

    ``figure`` is the key in ``data/standards.toml`` the default comes from; ``standard``, ``clause`` and ``status`` say
    what is known of it.
    """

    key: str
    title: Text
    value: float | str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = math.inf
    choices: tuple[Choice, ...] = ()
    field_of: str = ""
    figure: str = ""
    standard: str = ""
    clause: str = ""
    status: Status = "setting"
    hint: Text = NO_HINT


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Cells are numbers, flags, plain text or :class:`Text`; None where nothing is known."""

    key: str
    title: Text
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A further table of a result; its rows have exactly ``columns``."""

    title: Text
    columns: tuple[Column, ...]
    rows: pandas.DataFrame


Tone = Literal["main", "gain", "loss", "warn", "muted", "hot", "warm", "cool", "cold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart that tells more than the table it is drawn from: ``table`` 0 is the main one, 1 the first further one.

    ``tones`` are the colours of the series, ``leave_out`` the rows (a total among its parts) it does not draw.
    """

    kind: Literal["bar", "stacked", "line"]
    title: Text
    category: str
    series: tuple[str, ...]
    table: int = 0
    tones: tuple[Tone, ...] = ()
    leave_out: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerClass:
    """One look of the result layer: features whose column ``class`` has this key."""

    key: str
    title: Text
    tone: Tone = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An answer. ``layer`` is in EPSG:4490 and may be None; ``table`` has exactly ``columns``; ``notes`` say what the
    reader must know before quoting the headline; ``figures`` are the numbers of the headline for programs."""

    headline: Text
    table: pandas.DataFrame
    columns: tuple[Column, ...]
    method: Text
    layer: geopandas.GeoDataFrame | None = None
    classes: tuple[LayerClass, ...] = ()
    notes: tuple[Text, ...] = ()
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    more: tuple[Table, ...] = ()
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A part a layer plays in a question, and the layers it is usually played by.

    ``several`` layers may play it together; ``kinds`` are the geometries that make sense; ``part`` tells where its
    frame comes from: a layer, the plan ledger, or heights (a layer of points or a raster file); ``previous`` asks for
    an earlier revision of the layer. Where ``placed`` at least one feature must have a position.
    """

    key: str
    title: Text
    defaults: tuple[str, ...] = ()
    optional: bool = False
    several: bool = False
    kinds: tuple[Kind, ...] = ()
    part: Literal["layer", "ledger", "heights"] = "layer"
    previous: bool = False
    placed: bool = True


Run = Callable[[Mapping[str, "geopandas.GeoDataFrame"], Mapping[str, Any]], Result]
ToldRun = Callable[[Mapping[str, "geopandas.GeoDataFrame"], Mapping[str, Any], Progress], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question in planners' words, with what it needs and the function that answers it; ``told`` is the same
    function where it may take long and says how far it is."""

    id: str
    theme: Theme
    title: Text
    explanation: Text
    roles: tuple[Role, ...]
    parameters: tuple[Parameter, ...]
    run: Run
    told: ToldRun | None = None

    def role(self, key: str) -> Role:
        """The role of this key.

        Raises
        ------
        InvalidParameter
            The question has none of this key.
        """
        found = next((r for r in self.roles if r.key == key), None)
        if found is None:
            known = ", ".join(r.key for r in self.roles)
            raise InvalidParameter(name="role", value=key, reason=f"可用 / use one of: {known}")
        return found


def read_parameters(question: Question, given: Mapping[str, Any]) -> dict[str, Any]:
    """The question's defaults with the given values over them.

    Raises
    ------
    InvalidParameter
        A value that is unknown, not a number, out of range or not among the choices.
    """
    unknown = given.keys() - {p.key for p in question.parameters}
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidParameter(name=name, value=given[name], reason="没有这个参数 / no such parameter")
    return {p.key: _value(p, given.get(p.key, p.value)) for p in question.parameters}


def _value(parameter: Parameter, given: Any) -> float | str:
    if parameter.choices:
        return _chosen(parameter, given)
    if isinstance(parameter.value, str):
        return _field_name(parameter, given)
    try:
        value = float(given)
    except (TypeError, ValueError):
        raise InvalidParameter(name=parameter.key, value=given, reason="须为数值 / a number") from None
    if not parameter.minimum <= value <= parameter.maximum:
        limits = f"{parameter.minimum:g} … {parameter.maximum:g} {parameter.unit}"
        raise InvalidParameter(name=parameter.key, value=given, reason=limits)
    return value


def _chosen(parameter: Parameter, given: Any) -> str:
    allowed = [c.value for c in parameter.choices]
    if given not in allowed:
        raise InvalidParameter(name=parameter.key, value=given, reason=f"可用 / use one of: {', '.join(allowed)}")
    return str(given)


def _field_name(parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str) or not FIELD_NAME.fullmatch(given):
        raise InvalidParameter(name=parameter.key, value=given, reason="须为字段名 / the name of a field")
    return given


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


def require_kind(frame: geopandas.GeoDataFrame, role: str, *kinds: Kind) -> geopandas.GeoDataFrame:
    """The located rows of an input whose geometries are all of these kinds.

    Raises
    ------
    InvalidParameter
        As for :func:`require`, or features of another kind (the ids are named).
    """
    present = require(frame, role)
    kind = present.geom_type.str.removeprefix("Multi").str.replace("LineString", "line").str.lower()
    others = present.index[~kind.isin(kinds)]
    if len(others):
        reason = f"须为 / must be: {', '.join(kinds)}"
        raise InvalidParameter(name=role, value=", ".join(map(str, others[:5])), reason=reason)
    return present


def names_of(frame: geopandas.GeoDataFrame) -> list[Text]:
    """What to call each row: its name, its id where it has none; in English what ``name_en`` says, else the name."""
    blank = pandas.Series(None, index=frame.index, dtype=object)
    names, english = (frame.get(key, blank) for key in ("name", "name_en"))
    return [_name(n, e, i) for n, e, i in zip(names, english, frame.index, strict=True)]


def _name(name: Any, english: Any, fid: Any) -> Text:
    if not (isinstance(name, str) and name):
        return Text(str(fid), str(fid))
    if isinstance(english, str) and english:
        return Text(name, english)
    return next((c.title for c in SUBDISTRICT_WORDS if c.value == name), Text(name, name))


def called(frame: geopandas.GeoDataFrame, otherwise: Text) -> Text:
    """What the rows with a position are, by the titles of their layers, so that a headline can be quoted alone."""
    there = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    titles = [t for t in there["layer"].drop_duplicates() if isinstance(t, Text)] if "layer" in there else []
    return joined(titles) if titles else otherwise


def joined(words: Iterable[Text]) -> Text:
    """Words one after the other, as each language does it."""
    listed = tuple(words)
    return Text("、".join(w.zh for w in listed), ", ".join(w.en for w in listed))


def valued(frame: geopandas.GeoDataFrame, field: str) -> list[Any]:
    """The values of a field, in words of both languages where it is one of those every layer has."""
    item = next((f for f in COMMON_FIELDS if f.key == field), None)
    values = frame[field].astype(object).tolist()
    return [(worded(item, v) or v) for v in values] if item else values


def numbers_of(frame: geopandas.GeoDataFrame, field: str) -> pandas.Series:
    """A field as numbers, NaN where it is empty, no number, or not there at all."""
    if field not in frame:
        return pandas.Series(math.nan, index=frame.index, dtype=float)
    return pandas.Series(pandas.to_numeric(frame[field], errors="coerce"), index=frame.index, dtype=float)


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
