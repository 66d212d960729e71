"""What a layer is: its names, fields, symbol and rules. Values only; reading the TOML is ``storage.seed``'s work."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from geo_service.core.text import Text

Theme = Literal["projects", "public", "resilience", "transport", "economy", "reference"]
"""The group of the layer tree a layer stands in."""

THEMES: dict[Theme, Text] = {
    "projects": Text("更新与建设", "Renewal and works"),
    "resilience": Text("安全韧性", "Resilience"),
    "public": Text("公共服务", "Public services"),
    "transport": Text("道路与管网", "Roads and pipes"),
    "economy": Text("产业与土地", "Economy and land"),
    "reference": Text("基础地理", "Reference"),
}

GeometryType = Literal["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
FieldType = Literal["text", "integer", "number", "boolean", "date", "datetime", "code"]
Secrecy = Literal["public", "internal"]
Kind = Literal["point", "line", "polygon"]
KINDS: dict[str, Kind] = {"Point": "point", "LineString": "line", "Polygon": "polygon"}
"""How a layer is drawn."""


@dataclass(frozen=True, slots=True)
class Code:
    """One allowed value of a coded field."""

    value: str
    title: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One attribute: ``unit`` is shown after the number; ``minimum``/``maximum`` are inclusive; ``derived`` fields
    follow from the geometry and are not typed in by people; ``words`` name values of free text in English, where others
    are allowed too."""

    key: str
    title: Text
    type: FieldType = "text"
    unit: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    codes: tuple[Code, ...] = ()
    aliases: tuple[str, ...] = ()
    derived: bool = False
    words: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules for changing a layer: ``four_eyes`` means the author may not approve; ``must_tile`` means polygons may
    neither overlap nor leave gaps; ``minimum_distance_m`` 0 means none."""

    four_eyes: bool = True
    must_tile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDefinition:
    """Everything about a layer except its features.

    ``serial`` is the middle of the business code (``JSD`` in ``NK-JSD-017``); ``symbol`` names a row of
    ``rendering.symbols``; ``shown`` layers are on when the map opens; ``label_zoom`` is the zoom from which names are
    drawn; ``commitments`` are ids in the plan ledger.
    """

    id: str
    title: Text
    theme: Theme
    geometry_types: tuple[GeometryType, ...]
    serial: str
    symbol: str
    source: str
    description: Text = dataclasses.field(default_factory=lambda: Text("", ""))
    fields: tuple[Field, ...] = ()
    secrecy: Secrecy = "internal"
    shown: bool = False
    label_zoom: int = 14
    order: int = 100
    commitments: tuple[str, ...] = ()
    policy: Policy = dataclasses.field(default_factory=Policy)

    @property
    def kind(self) -> Kind:
        """Point, line or polygon, by the first geometry type."""
        name = self.geometry_types[0].removeprefix("Multi")
        return KINDS[name]

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The layer's own fields between the common ones, in the order of card and table; keys are unique."""
        return (*COMMON_FIELDS[:1], *self.fields, *COMMON_FIELDS[1:])

    def field(self, key: str) -> Field | None:
        """The field of this key, or None where the layer has none."""
        if key == ATTACHMENTS_FIELD.key:
            return ATTACHMENTS_FIELD
        return next((f for f in self.all_fields if f.key == key), None)

    @property
    def is_reference(self) -> bool:
        """Whether this is base geography rather than something the plan speaks of."""
        return self.theme == "reference"


def worded(item: Field, value: object) -> Text | None:
    """The words for a value of a field in both languages, None where it has none of its own."""
    return next((c.title for c in (*item.codes, *item.words) if c.value == value), None)


def _codes(*rows: tuple[str, str, str]) -> tuple[Code, ...]:
    return tuple(Code(value, Text(zh, en)) for value, zh, en in rows)


STATUS_CODES = _codes(
    ("not_started", "未开工", "Not started"),
    ("started", "在建", "Under way"),
    ("done", "已完成", "Done"),
)
"""What the bureau enters. Empty means nobody has reported yet."""

PLAN_STATUS_CODES = _codes(
    ("planned", "计划谋划", "To be planned"),
    ("advancing", "计划推进", "To be advanced"),
    ("under_construction", "计划在建", "To be under construction"),
    ("completed", "计划年内完成", "To be completed"),
    ("existing", "现状", "Existing"),
)
"""What the plan's verb promises by the due date; never a report of what is."""

PRECISION_CODES = _codes(
    ("surveyed", "实测", "Surveyed"),
    ("parcel", "地块级", "Parcel"),
    ("address", "门址级", "Address"),
    ("street", "街段级", "Street"),
    ("guess", "推测", "Guess"),
    ("illustrative", "示意", "Illustrative"),
    ("unlocated", "待落图", "Unlocated"),
)
"""How far a position may be trusted, best first."""

SUBDISTRICT_WORDS = tuple(
    Code(zh, Text(zh, en))
    for zh, en in (
        ("长虹街道", "Changhong Subdistrict"),
        ("鼓楼街道", "Gulou Subdistrict"),
        ("兴南街道", "Xingnan Subdistrict"),
        ("广开街道", "Guangkai Subdistrict"),
        ("万兴街道", "Wanxing Subdistrict"),
        ("学府街道", "Xuefu Subdistrict"),
        ("向阳路街道", "Xiangyang Road Subdistrict"),
        ("嘉陵道街道", "Jialing Road Subdistrict"),
        ("王顶堤街道", "Wangdingdi Subdistrict"),
        ("水上公园街道", "Shuishang Park Subdistrict"),
        ("体育中心街道", "Sports Center Subdistrict"),
        ("华苑街道", "Huayuan Subdistrict"),
    )
)
"""The twelve subdistricts as the shipped layer ``subdistricts`` writes them in English; a test holds both together."""

COMMON_FIELDS = (
    Field(key="name", title=Text("名称", "Name"), required=True, aliases=("名字", "项目名称")),
    Field(
        key="status",
        title=Text("进展（填报）", "Status (reported)"),
        type="code",
        codes=STATUS_CODES,
        aliases=("状态", "进展", "进度"),
    ),
    Field(
        key="plan_status",
        title=Text("计划承诺", "Promised by the plan"),
        type="code",
        codes=PLAN_STATUS_CODES,
        aliases=("计划状态",),
    ),
    Field(key="commitment", title=Text("计划任务", "Commitment"), aliases=("任务编号",)),
    Field(
        key="subdistrict",
        title=Text("所属街道", "Subdistrict"),
        aliases=("街道", "所在街道"),
        derived=True,
        words=SUBDISTRICT_WORDS,
    ),
    Field(
        key="precision",
        title=Text("位置精度", "Precision"),
        type="code",
        required=True,
        codes=PRECISION_CODES,
        aliases=("精度",),
    ),
    Field(
        key="error_m",
        title=Text("位置误差", "Position error"),
        type="number",
        unit="m",
        minimum=0,
        aliases=("误差",),
    ),
    Field(key="source", title=Text("资料来源", "Source"), required=True, aliases=("来源",)),
    Field(key="updated_at", title=Text("更新日期", "Updated"), type="date", aliases=("更新时间",)),
)
"""Fields every layer has; ``name`` stands first in a table, the others after the layer's own."""

ATTACHMENTS_FIELD = Field(key="attachments", title=Text("附件", "Attachments"))
"""Photos and documents of a feature, see :mod:`geo_service.core.attachments`; no column of tables and files."""
