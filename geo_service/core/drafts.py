"""Drafts: changes that wait for a second pair of eyes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from geo_service.core.features import Feature
from geo_service.core.revisions import Operation
from geo_service.core.text import Text

DraftState = Literal["open", "submitted", "returned", "published", "rejected", "withdrawn"]
DraftMode = Literal["upsert", "replace", "delete", "attributes", "edit", "external", "rollback"]
Decision = Literal["", "accept", "reject"]

STATES: dict[DraftState, Text] = {
    "open": Text("草稿", "Open"),
    "submitted": Text("待审核", "Waiting for review"),
    "returned": Text("退回修改", "Returned"),
    "published": Text("已发布", "Published"),
    "rejected": Text("已驳回", "Rejected"),
    "withdrawn": Text("已撤回", "Withdrawn"),
}

MODES: dict[DraftMode, Text] = {
    "upsert": Text("补充/更新", "Add and update"),
    "replace": Text("整层替换", "Replace the layer"),
    "delete": Text("仅删除列表", "Delete listed"),
    "attributes": Text("仅属性", "Attributes only"),
    "edit": Text("在线编辑", "Edited on the map"),
    "external": Text("外部修改的文件", "File edited by hand"),
    "rollback": Text("回退", "Roll back"),
}

STEPS: dict[str, tuple[tuple[DraftState, ...], DraftState, Text]] = {
    "submit": (("open", "returned"), "submitted", Text("提交", "submitted")),
    "withdraw": (("open", "submitted", "returned"), "withdrawn", Text("撤回", "withdrawn")),
    "reopen": (("submitted",), "open", Text("继续修改", "reopened")),
    "return": (("submitted",), "returned", Text("退回", "returned")),
    "reject": (("submitted",), "rejected", Text("驳回", "rejected")),
    "publish": (("submitted",), "published", Text("发布", "published")),
}
"""What may happen to a draft: the states it may come from, the state it goes to, and the verb."""

EDITABLE: tuple[DraftState, ...] = ("open", "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A set of changes to one layer, made against ``base_rev``; ``upload`` is the id of the kept original or empty.
    ``report`` holds what the checks said, as JSON values."""

    id: str
    layer: str
    base_rev: int
    owner: str
    state: DraftState
    mode: DraftMode
    note: str
    created: str
    updated: str
    upload: str = ""
    report: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """One feature's change in a draft: ``base_rev`` is the revision its author saw, ``after`` None for a deletion."""

    fid: str
    operation: Operation
    after: Feature | None
    base_rev: int
    decision: Decision = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """Something said about a draft, or about one feature of it."""

    at: str
    author: str
    fid: str
    text: str
