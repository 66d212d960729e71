"""Findings: what is wrong with data, where, and what to do about it."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geo_service.core import attachments
from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.core.wording import FIELD_TYPES, SHAPES, reason_of, said

Level = Literal["block", "acknowledge", "warn", "fixed"]

FINDINGS: dict[str, tuple[Level, Text]] = {
    "file-not-json": ("block", Text("不是合法的 JSON：{reason}", "is not valid JSON: {reason}")),
    "file-not-toml": ("block", Text("不是合法的 TOML：{reason}", "is not valid TOML: {reason}")),
    "definition-invalid": ("block", Text("图层定义不对：{reason}", "the layer definition is wrong: {reason}")),
    "not-a-feature": ("block", Text("不是 GeoJSON 要素", "is not a GeoJSON Feature")),
    "id-missing": ("block", Text("缺少要素编号 id；请补上业务编号", "has no feature id; give it a business code")),
    "id-duplicate": (
        "block",
        Text(
            "编号 {fid} 重复，首次出现在第 {first} 行；请改为唯一编号",
            "repeats id {fid} of line {first}; make ids unique",
        ),
    ),
    "id-malformed": ("block", Text("编号「{fid}」须形如 NK-{serial}-001", "id “{fid}” must look like NK-{serial}-001")),
    "field-unknown": (
        "block",
        Text(
            "字段「{field}」不在图层定义中；请在 {layer}.toml 中定义它或删除它",
            "field “{field}” is not in the layer's definition; define it in {layer}.toml or remove it",
        ),
    ),
    "field-required": (
        "block",
        Text("必填字段「{field}」为空；请补填", "required field “{field}” is empty; fill it in"),
    ),
    "field-type": (
        "block",
        Text(
            "字段「{field}」的值「{value}」不是{expected}；请更正",
            "field “{field}” is “{value}”, not {expected}; correct it",
        ),
    ),
    "field-range": (
        "block",
        Text(
            "字段「{field}」的值 {value} 超出 {minimum} 至 {maximum}；请更正",
            "field “{field}” is {value}, outside {minimum} to {maximum}; correct it",
        ),
    ),
    "field-code": (
        "block",
        Text(
            "字段「{field}」的值「{value}」不在代码表中；可用：{known}",
            "field “{field}” is “{value}”, not a listed code; use one of {known}",
        ),
    ),
    "attachments-malformed": (
        "block",
        Text(
            "附件须为至多 {most} 个附件编号，以空格分隔",
            "attachments must be at most {most} attachment ids with a space between",
        ),
    ),
    "geometry-malformed": (
        "block",
        Text("几何不是合法的 GeoJSON：{reason}", "the geometry is not valid GeoJSON: {reason}"),
    ),
    "geometry-type": (
        "block",
        Text(
            "几何类型 {found} 不符，本图层只收 {expected}",
            "geometry type {found} does not fit; this layer takes {expected}",
        ),
    ),
    "geometry-invalid": (
        "block",
        Text("几何不合法：{reason}（位于 {x}, {y}）", "the geometry is invalid: {reason} (at {x}, {y})"),
    ),
    "geometry-missing": (
        "block",
        Text(
            "精度为「{precision}」却没有几何；没有位置时精度应为 unlocated",
            "precision is “{precision}” without a geometry; use unlocated while there is no position",
        ),
    ),
    "symbol-unknown": (
        "block",
        Text(
            "符号「{symbol}」不在符号表中；可用：{known}",
            "symbol “{symbol}” is not in the symbol table; use one of {known}",
        ),
    ),
    "outside-district": (
        "warn",
        Text("有顶点在本区范围之外（{x}, {y}）", "has a vertex outside the district ({x}, {y})"),
    ),
}
"""Every finding the core can make: its level and its sentence. Other rooms add theirs to :func:`register`."""


def register(findings: Mapping[str, tuple[Level, Text]]) -> None:
    """Add finding sentences of another room; a code may be defined once."""
    clash = FINDINGS.keys() & findings.keys()
    if clash:
        raise ValueError(f"finding codes defined twice: {sorted(clash)}")
    FINDINGS.update(findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: ``row`` counts lines (or rows) from 1, ``point`` is longitude, latitude."""

    code: str
    row: int | None = None
    fid: str | None = None
    name: str | None = None
    field: str | None = None
    point: tuple[float, float] | None = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def level(self) -> Level:
        """block, acknowledge, warn or fixed."""
        return FINDINGS[self.code][0]

    def sentence(self, language: str = "zh") -> str:
        """Where and what, in ``zh`` or ``en``."""
        given = {"fid": self.fid, "field": self.field, **self.params}
        params = {key: said(value, language) for key, value in given.items()}
        if "reason" in params:
            params["reason"] = reason_of(given["reason"], language)
        return f"{self._where(language)}{FINDINGS[self.code][1].get(language).format_map(params)}"

    def _where(self, language: str) -> str:
        if language == "en":
            parts = [
                f"line {self.row}" if self.row else "",
                f"“{self.name}”" if self.name else "",
                f"({self.fid})" if self.fid else "",
            ]
            text = " ".join(p for p in parts if p)
            return f"{text}: " if text else ""
        parts = [
            f"第 {self.row} 行" if self.row else "",
            f"「{self.name}」" if self.name else "",
            f"({self.fid})" if self.fid else "",
        ]
        text = "".join(parts)
        return f"{text}：" if text else ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one check, in the order of rows."""

    findings: tuple[Finding, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that keep the data out."""
        return tuple(f for f in self.findings if f.level == "block")

    def count(self, level: Level) -> int:
        """How many findings of a level."""
        return sum(f.level == level for f in self.findings)


def check_features(definition: LayerDefinition, rows: Iterable[tuple[int, Feature]]) -> Iterator[Finding]:
    """Findings of features against their layer's definition; ``rows`` are (line number, feature)."""
    first_seen: dict[str, int] = {}
    for row, feature in rows:
        if feature.id in first_seen:
            yield Finding(
                code="id-duplicate", row=row, fid=feature.id, field="id", params={"first": first_seen[feature.id]}
            )
        first_seen.setdefault(feature.id, row)
        yield from check_feature(definition, feature, row=row)


def check_feature(definition: LayerDefinition, feature: Feature, *, row: int | None = None) -> Iterator[Finding]:
    """Findings of one feature: id, every field, and the geometry's type and validity."""
    place: dict[str, Any] = {"row": row, "fid": feature.id, "name": feature.properties.get("name")}
    if not is_business_code(feature.id, definition.serial):
        yield Finding(code="id-malformed", field="id", params={"serial": definition.serial}, **place)
    for key in sorted(feature.properties.keys() - {f.key for f in definition.all_fields} - {attachments.KEY}):
        yield Finding(code="field-unknown", field=key, params={"layer": definition.id}, **place)
    for item in definition.all_fields:
        yield from _check_value(item, feature.properties.get(item.key), place)
    listed = feature.properties.get(attachments.KEY)
    if listed is not None and not attachments.is_list(listed):
        yield Finding(code="attachments-malformed", field=attachments.KEY, params={"most": attachments.MOST}, **place)
    yield from _check_geometry(definition, feature, place)


class Rules:
    """What a layer's definition asks of attributes, put together once for many features."""

    def __init__(self, definition: LayerDefinition) -> None:
        self._fields = {f.key: (f, frozenset(c.value for c in f.codes)) for f in definition.all_fields}
        self._required = tuple(f.key for f in definition.all_fields if f.required)
        self._free = frozenset(f.key for f in definition.all_fields if f.type == "text" and not f.codes)
        self._serial = definition.serial

    def are_kept(self, fid: str, properties: Mapping[str, Any]) -> bool:
        """Whether :func:`check_feature` surely finds nothing in id and attributes; where not, it has to be asked."""
        if not is_business_code(fid, self._serial):
            return False
        for key, value in properties.items():
            if key in self._free and type(value) is str:
                continue
            item, codes = self._fields.get(key, (None, frozenset()))
            if item is None:
                return False
            if value is None or value == "":
                continue
            if not _has_type(item, value) or (codes and value not in codes) or not is_in_range(item, value):
                return False
        return all(properties.get(key) not in _EMPTY for key in self._required)


_EMPTY = (None, "")


def is_business_code(fid: str, serial: str) -> bool:
    """Whether an id looks like ``NK-<serial>-<digits>``."""
    head = f"NK-{serial}-"
    return fid.startswith(head) and fid.isascii() and fid[len(head) :].isdigit()


def _check_value(item: Field, value: Any, place: Mapping[str, Any]) -> Iterator[Finding]:
    if value is None or value == "":
        if item.required:
            yield Finding(code="field-required", field=item.key, **place)
        return
    if not _has_type(item, value):
        expected = {"value": value, "expected": FIELD_TYPES[item.type]}
        yield Finding(code="field-type", field=item.key, params=expected, **place)
    elif item.codes and value not in {c.value for c in item.codes}:
        known = [c.value for c in item.codes]
        yield Finding(code="field-code", field=item.key, params={"value": value, "known": known}, **place)
    elif not is_in_range(item, value):
        yield Finding(code="field-range", field=item.key, params=range_params(item, value), **place)


def range_params(item: Field, value: float) -> dict[str, Any]:
    """What the sentence of ``field-range`` names: the value and both limits, one of which may be open."""
    low, high = (_OPEN if limit is None else f"{limit:g}" for limit in (item.minimum, item.maximum))
    return {"value": value, "minimum": low, "maximum": high}


_OPEN = Text("不限", "no limit")


LARGEST = (1 << 63) - 1
"""Whole numbers of files and databases have 64 bits."""


def _has_type(item: Field, value: Any) -> bool:
    if item.type in ("text", "code"):
        return isinstance(value, str)
    if item.type == "boolean":
        return isinstance(value, bool)
    if item.type == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
    if item.type == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str) and _is_date(value, with_time=item.type == "datetime")


def _is_date(value: str, *, with_time: bool) -> bool:
    try:
        (datetime.datetime if with_time else datetime.date).fromisoformat(value)
    except ValueError:
        return False
    return True


def is_in_range(item: Field, value: float) -> bool:
    """Whether a number keeps to the limits of its field."""
    low = item.minimum is None or value >= item.minimum
    return low and (item.maximum is None or value <= item.maximum)


def _check_geometry(definition: LayerDefinition, feature: Feature, place: Mapping[str, Any]) -> Iterator[Finding]:
    if feature.geometry is None:
        precision = feature.properties.get("precision")
        if precision != "unlocated":
            yield Finding(code="geometry-missing", field="geometry", params={"precision": precision}, **place)
        return
    found = feature.geometry.get("type")
    if found not in definition.geometry_types:
        taken = [SHAPES.get(t, t) for t in definition.geometry_types]
        params = {"found": SHAPES.get(str(found), found), "expected": taken}
        yield Finding(code="geometry-type", field="geometry", params=params, **place)
        return
    yield from _check_validity(feature, place)


def _check_validity(feature: Feature, place: Mapping[str, Any]) -> Iterator[Finding]:
    from shapely.validation import explain_validity

    try:
        geometry = feature.shape()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        yield Finding(code="geometry-malformed", field="geometry", params={"reason": str(error)}, **place)
        return
    if geometry is not None and not geometry.is_valid:
        reason, x, y = _split_reason(explain_validity(geometry))
        yield Finding(code="geometry-invalid", field="geometry", params={"reason": reason, "x": x, "y": y}, **place)


def _split_reason(text: str) -> tuple[str, str, str]:
    """Reason and place of ``Self-intersection[117.1 39.1]``."""
    reason, _, rest = text.partition("[")
    x, _, y = rest.rstrip("]").partition(" ")
    return reason, x, y
