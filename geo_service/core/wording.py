"""What fills the gaps of a sentence, in one language: names of types, lists, words in two languages, tools' words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from geo_service.core.text import Text
from geo_service.errors import one_side

SHAPES: Mapping[str, Text] = {
    "Point": Text("点", "Point"),
    "MultiPoint": Text("多点", "MultiPoint"),
    "LineString": Text("线", "LineString"),
    "MultiLineString": Text("多线", "MultiLineString"),
    "Polygon": Text("面", "Polygon"),
    "MultiPolygon": Text("多面", "MultiPolygon"),
    "GeometryCollection": Text("几何集合", "GeometryCollection"),
}
"""Geometry types of Simple Features."""

FIELD_TYPES: Mapping[str, Text] = {
    "text": Text("文字", "Text"),
    "integer": Text("整数", "Whole number"),
    "number": Text("数字", "Number"),
    "boolean": Text("是 / 否", "Yes / no"),
    "date": Text("日期", "Date"),
    "datetime": Text("时间", "Time"),
    "code": Text("代码", "Code"),
}
"""Types of fields."""

_TOOLS: Mapping[str, str] = {
    "File is not a zip file": "不是完整的 zip 文件",
    "Bad CRC-32": "校验和不符",
    "Truncated": "文件被截断",
    "database disk image is malformed": "数据库内容已损坏",
    "file is not a database": "不是数据库文件",
    "unexpected end of data": "文件没有写完",
    "no element found": "内容没有写完",
    "not well-formed": "XML 语法错误",
    "mismatched tag": "XML 标签不成对",
    "Expected word but encountered end of stream": "坐标串没有写完",
    "Expected number but encountered": "应为数字处不是数字",
    "Unknown type": "几何类型名称不认识",
    "Points of LinearRing do not form a closed linestring": "环没有闭合",
    "Invalid number of points in LinearRing": "环的折点太少",
}
"""What the tools that read files complain of most."""
_PROSE = re.compile(r"[A-Za-z]{3,}[ :]+[a-z]{2,}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def said(value: object, language: str) -> Any:
    """A value as a sentence in ``zh`` or ``en`` says it.

    A list is joined; a :class:`Text` (also one that came as JSON) and “中文 / English” give one side.
    """
    if isinstance(value, Text):
        return value.get(language)
    if isinstance(value, Mapping) and value.keys() == {"zh", "en"}:
        return value["en" if language == "en" else "zh"]
    if isinstance(value, (list, tuple)):
        return (", " if language == "en" else "、").join(str(said(item, language)) for item in value)
    return value


def reason_of(value: object, language: str) -> Any:
    """The reason a tool gave: translated where it is known, quoted in Chinese where it is not."""
    text = one_side(said(value, language), language)
    if language == "en" or not isinstance(text, str) or _CHINESE.search(text):
        return text
    known = next((zh for en, zh in _TOOLS.items() if en in text), "")
    return known or (f"「{text}」" if _PROSE.search(text) else text)
