"""What somebody asks for: one frozen value, checked when it is made, kept as plain data in templates and links."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from geo_service.core.text import Text
from geo_service.errors import InvalidBbox, InvalidParameter
from geo_service.rendering.printing.paper import CUSTOM, Paper, custom, standard

Profile = Literal["internal", "public"]
Unapproved = Literal["refuse", "stamp"]
North = Literal["arrow", "none"]

PROFILES: dict[Profile, Text] = {"internal": Text("内部资料", "Internal"), "public": Text("公开", "Public")}
SMALLEST_SCALE, LARGEST_SCALE = 500, 50_000
TITLE_LIMIT = 120
"""Characters of a title that are looked at at all; the sheet then says how many really fit."""
TEXT_LIMIT = 200
LINK_LIMIT = 1500
"""A longer address has no place in a QR code that can be read."""
AUTO_TABLE, NO_TABLE = "auto", "none"
WIND_DIRECTIONS = (8, 16)
ATTRIBUTE_LIMIT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoice:
    """A layer on the sheet: ``rev`` None means the newest, ``only`` (feature ids) empty means all features; ``hide``
    are keys of classes that are not drawn, nor are illustrative positions where ``illustrative`` is False."""

    id: str
    rev: int | None = None
    labels: bool = True
    only: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    illustrative: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRequest:
    """A sheet to be printed.

    ``scale`` None fits the extent; ``bbox`` is west, south, east, north in degrees, ``centre`` longitude, latitude;
    with neither, the sheet shows the district. ``layers`` stand in the order of the layer tree, the first on top.
    ``table`` is a layer id, ``auto`` or ``none``. ``wind`` holds 8 or 16 frequencies clockwise from north and replaces
    the north arrow by a wind rose. ``binding_mm`` is added to the left margin. ``unapproved`` says what happens to a
    public sheet without ``approval`` (审图号). ``link`` is the address the QR code opens. ``basemap`` is the
    id of a raster basemap that lies under everything, "" for none.

    Raises
    ------
    InvalidParameter
        The first field that does not fit, with what would.
    """

    title: str
    subtitle: str = ""
    layers: tuple[LayerChoice, ...] = ()
    paper: str = "A3"
    landscape: bool = True
    width_mm: float = 0.0
    height_mm: float = 0.0
    binding_mm: float = 0.0
    scale: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    centre: tuple[float, float] | None = None
    tiled: bool = False
    overlap_mm: float = 10.0
    profile: Profile = "internal"
    unapproved: Unapproved = "stamp"
    approval: str = ""
    unit: str = ""
    number: str = ""
    author: str = ""
    reviewer: str = ""
    date: str = ""
    period: str = ""
    height_datum: str = "1985 国家高程基准"
    source: str = ""
    language: Literal["zh", "en"] = "zh"
    north: North = "arrow"
    wind: tuple[float, ...] = ()
    grid: bool = True
    graticule: bool = True
    inset: bool = True
    legend: bool = True
    table: str = AUTO_TABLE
    table_fields: tuple[str, ...] = ()
    basemap: str = ""
    link: str = ""
    layered: bool = True

    def __post_init__(self) -> None:
        for check in _CHECKS:
            check(self)

    @property
    def sheet_paper(self) -> Paper:
        """The paper as it lies."""
        if self.paper == CUSTOM:
            return custom(self.width_mm, self.height_mm)
        return standard(self.paper, landscape=self.landscape)

    @property
    def internal(self) -> bool:
        """Whether grid, coordinates and georeference may be printed."""
        return self.profile == "internal"


def _refuse(name: str, value: object, zh: str, en: str) -> InvalidParameter:
    return InvalidParameter(name=name, value=value, reason=f"{zh} / {en}")


def _check_title(request: SheetRequest) -> None:
    if not request.title.strip():
        raise _refuse("title", request.title, "标题不能为空", "a sheet needs a title")
    if len(request.title) > TITLE_LIMIT:
        shown = f"{request.title[:20]}…"
        zh, en = f"标题有 {len(request.title)} 字，最多 {TITLE_LIMIT} 字", f"at most {TITLE_LIMIT} characters"
        raise _refuse("title", shown, zh, en)


def _check_texts(request: SheetRequest) -> None:
    for name in ("subtitle", "unit", "number", "author", "reviewer", "approval", "period", "height_datum", "source"):
        value = str(getattr(request, name))
        if len(value) > TEXT_LIMIT:
            raise _refuse(name, f"{value[:20]}…", f"最多 {TEXT_LIMIT} 字", f"at most {TEXT_LIMIT} characters")


def _check_control_characters(request: SheetRequest) -> None:
    for name in ("title", "subtitle", "unit", "number", "author", "reviewer", "approval", "period", "source", "link"):
        if any(ord(c) < 32 or ord(c) == 127 for c in getattr(request, name)):
            raise _refuse(
                name, repr(getattr(request, name)), "不能含换行或控制字符", "no line breaks or control characters"
            )


def _check_paper(request: SheetRequest) -> None:
    _ = request.sheet_paper
    if not 0 <= request.binding_mm <= 40:
        raise _refuse("binding_mm", request.binding_mm, "装订边须在 0 至 40 毫米之间", "must be 0 to 40 mm")
    if not 0 <= request.overlap_mm <= 50:
        raise _refuse("overlap_mm", request.overlap_mm, "拼接重叠须在 0 至 50 毫米之间", "must be 0 to 50 mm")


def _check_scale(request: SheetRequest) -> None:
    scale = request.scale
    if scale is not None and not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
        zh = f"比例尺分母须在 {SMALLEST_SCALE} 至 {LARGEST_SCALE} 之间，或留空自动适配"
        raise _refuse(
            "scale", scale, zh, f"the denominator must be {SMALLEST_SCALE} to {LARGEST_SCALE}, or empty to fit"
        )
    if scale is None and request.tiled:
        raise _refuse("scale", "", "拼接图须指定比例尺", "tiled sheets need a scale")
    if scale is None and request.centre and not request.bbox:
        raise _refuse("scale", "", "只给中心点时须指定比例尺", "a centre without an extent needs a scale")


def _check_extent(request: SheetRequest) -> None:
    if request.bbox:
        west, south, east, north = request.bbox
        value = ",".join(f"{v:g}" for v in request.bbox)
        if not all(map(math.isfinite, request.bbox)):
            raise InvalidBbox(value=value, reason="须为数值 / numbers are needed")
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise InvalidBbox(value=value, reason="须为西<东、南<北的经纬度 / west < east and south < north in degrees")
    if request.centre and not (abs(request.centre[0]) <= 180 and abs(request.centre[1]) <= 90):
        raise _refuse("centre", request.centre, "须为经度,纬度", "longitude, latitude in degrees")


def _check_date(request: SheetRequest) -> None:
    try:
        _ = request.date and datetime.date.fromisoformat(request.date)
    except ValueError:
        raise _refuse("date", request.date, "日期须形如 2025-11-23", "a date like 2025-11-23") from None


def _check_choices(request: SheetRequest) -> None:
    ids = [choice.id for choice in request.layers]
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice:
        raise _refuse("layers", twice, "图层重复", "this layer stands twice")
    for choice in request.layers:
        if choice.rev is not None and choice.rev < 1:
            raise _refuse("rev", choice.rev, "版本从 1 开始", "revisions start at 1")
    if len(request.table_fields) > ATTRIBUTE_LIMIT:
        raise _refuse(
            "table_fields", len(request.table_fields), f"最多 {ATTRIBUTE_LIMIT} 列", f"at most {ATTRIBUTE_LIMIT}"
        )


def _check_wind(request: SheetRequest) -> None:
    wind = request.wind
    if wind and (len(wind) not in WIND_DIRECTIONS or min(wind) < 0 or not 0 < sum(wind) < math.inf):
        raise _refuse("wind", len(wind), "风向频率须为 8 或 16 个非负数", "8 or 16 frequencies, none negative")


def _check_link(request: SheetRequest) -> None:
    if request.link and not request.link.startswith(("https://", "http://")):
        raise _refuse("link", request.link, "二维码地址须以 http(s):// 开头", "must start with http(s)://")
    if len(request.link) > LINK_LIMIT:
        raise _refuse("link", f"{request.link[:40]}…", f"二维码地址最多 {LINK_LIMIT} 字符", f"at most {LINK_LIMIT}")


_CHECKS = (
    _check_title,
    _check_texts,
    _check_control_characters,
    _check_paper,
    _check_scale,
    _check_extent,
    _check_date,
    _check_choices,
    _check_wind,
    _check_link,
)


def to_data(request: SheetRequest) -> dict[str, Any]:
    """The request as JSON values, without what is at its default; ``from_data(to_data(x)) == x``."""
    whole: dict[str, Any] = msgspec.to_builtins(request)
    return {key: value for key, value in whole.items() if value != _DEFAULTS.get(key, ...)}


def from_data(data: Mapping[str, Any]) -> SheetRequest:
    """A request from JSON values, whoever sent them.

    Raises
    ------
    InvalidParameter
        An unknown key, a value of the wrong type, or one the sheet refuses.
    """
    unknown = sorted(data.keys() - _KEYS)
    if unknown:
        raise _refuse(unknown[0], data[unknown[0]], "没有这个参数", "no such parameter")
    try:
        return msgspec.convert(dict(data), SheetRequest)
    except msgspec.ValidationError as error:
        raise InvalidParameter(name="request", value="", reason=str(error)) from None


_KEYS = frozenset(SheetRequest.__dataclass_fields__)
_DEFAULTS: dict[str, Any] = {k: v for k, v in msgspec.to_builtins(SheetRequest(title="x")).items() if k != "title"}
