"""The pages of the in-app help: one template per topic and language, ``templates/help/<id>.<language>.html``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from geo_service.core.text import Text
from geo_service.errors import PageNotFound


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of the help and whom it is for."""

    id: str
    audience: Literal["planner", "gis"]
    title: Text
    summary: Text

    def template(self, language: str) -> str:
        """The page in a language."""
        return f"help/{self.id}.{language}.html"


TOPICS = (
    Topic(
        "start",
        "planner",
        Text("三分钟上手", "Three minutes to begin"),
        Text("地图、台账、待落图各管什么，从哪里开始。", "What map, plan and list are for, and where to begin."),
    ),
    Topic(
        "find",
        "planner",
        Text("找到一个项目", "Find a project"),
        Text(
            "搜索框怎么输入：汉字、拼音、首字母、编号、坐标。", "Characters, pinyin, initials, codes and coordinates."
        ),
    ),
    Topic(
        "precision",
        "planner",
        Text("位置可信到什么程度", "How far to trust a position"),
        Text("七个精度等级、误差范围和“示意”的含义。", "The seven classes, the error, and what 示意 means."),
    ),
    Topic(
        "counts",
        "planner",
        Text("台账里的数字怎么算", "What the plan's numbers mean"),
        Text(
            "目标、名单、已落图、已开工、已完成，“余”“等”“达到”各怎么计。", "Targets, lists and progress, kind by kind."
        ),
    ),
    Topic(
        "measure",
        "planner",
        Text("量距离、量面积、读坐标", "Measure and read coordinates"),
        Text("公顷与亩，经纬度与平面坐标。", "Hectares and mu, degrees and metres."),
    ),
    Topic(
        "analyses",
        "planner",
        Text("分析：问什么、怎么算、可信到哪里", "Analyses: questions, methods, how far to trust them"),
        Text(
            "每个问题的默认参数、标准条文、核实状态、方法；路网与人口从哪里来。",
            "Defaults, clauses, verification and method of each question; where streets and people come from.",
        ),
    ),
    Topic(
        "print",
        "planner",
        Text("打印与导出", "Print and export"),
        Text("打印地图和台账，导出 CSV、Excel。", "Print map and plan, export CSV and Excel."),
    ),
    Topic(
        "keyboard",
        "planner",
        Text("键盘操作", "Keyboard"),
        Text("不用鼠标也能完成全部操作。", "Everything works without a mouse."),
    ),
    Topic(
        "edit",
        "gis",
        Text("在地图上编辑", "Editing on the map"),
        Text("画、改、分割、填表、撤销，提交审核。", "Draw, change, split, fill in, undo, submit for review."),
    ),
    Topic(
        "upload",
        "gis",
        Text("上传数据", "Sending data"),
        Text("格式、编码、坐标系、字段、预检和送审。", "Formats, encodings, coordinates, fields, dry run, review."),
    ),
    Topic(
        "review",
        "gis",
        Text("审核、发布与回退", "Review, publish, roll back"),
        Text("逐项对照、冲突、四眼原则、版本和撤销。", "Compare, conflicts, four eyes, revisions and undo."),
    ),
    Topic(
        "layers",
        "gis",
        Text("图层、字段与版本", "Layers, fields and revisions"),
        Text(
            "业务编号、公共字段、代码表、版本与永久地址。", "Codes, common fields, revisions and permanent addresses."
        ),
    ),
    Topic(
        "coordinates",
        "gis",
        Text("坐标系与量算", "Coordinate systems"),
        Text("EPSG:4490、4548、4527，为什么不用 Web 墨卡托量算。", "EPSG:4490, 4548, 4527; why not Web Mercator."),
    ),
    Topic(
        "api",
        "gis",
        Text("数据下载与接口", "Downloads and API"),
        Text("GeoJSON、CSV、Excel、矢量瓦片、筛选语法。", "GeoJSON, CSV, Excel, vector tiles, filters."),
    ),
    Topic(
        "qgis",
        "gis",
        Text("在 QGIS 中打开与编辑", "Open and edit in QGIS"),
        Text("连接地址、令牌、变更单编辑、WMS 与下载地址。", "Addresses, tokens, editing a draft, WMS and files."),
    ),
)


def topic(topic_id: str) -> Topic:
    """The topic of this id.

    Raises
    ------
    PageNotFound
        There is none.
    """
    found = next((t for t in TOPICS if t.id == topic_id), None)
    if found is None:
        raise PageNotFound(what=f"/help/{topic_id}")
    return found
