"""The sheet's own words in both languages."""

from __future__ import annotations

from geo_service.core.text import Text

WORDS = {
    "legend": Text("图例", "Legend"),
    "legend_empty": Text("图框内没有要素", "Nothing in the frame"),
    "inset": Text("位置示意", "Location"),
    "inset_note": Text("红框为本图范围。", "Red: extent of this sheet."),
    "qr_note": Text("扫码打开同一范围、同一版本的在线地图。", "Scan to open this view at this revision."),
    "table": Text("{title}一览（编号对应图面）", "{title}: numbers as on the map"),
    "key": Text("图上以编号代替名称的要素", "Features shown by number"),
    "number": Text("号", "No."),
    "name": Text("名称", "Name"),
    "layer": Text("图层", "Layer"),
    "more_rows": Text("其余 {count} 行见续页", "{count} more rows on the next page"),
    "more_legend": Text("其余 {count} 项见续页", "{count} more on the next page"),
    "continued": Text("（续表）", " (continued)"),
    "unit": Text("编制单位", "Issued by"),
    "sheet_number": Text("图号", "Sheet no."),
    "scale": Text("比例尺", "Scale"),
    "crs": Text("坐标系", "CRS"),
    "crs_value": Text(
        "CGCS2000 / 3°带高斯-克吕格 CM 117°E（EPSG:4548）", "CGCS2000 / 3° Gauss-Kruger CM 117E (EPSG:4548)"
    ),
    "height_datum": Text("高程基准", "Heights"),
    "edition": Text("数据版本", "Data"),
    "period": Text("规划期限", "Plan period"),
    "date": Text("制图日期", "Date"),
    "people": Text("制图 / 审核", "Drawn / checked"),
    "approval": Text("审图号", "Approval no."),
    "not_submitted": Text("（未送审）", "(not submitted)"),
    "blank": Text("—", "—"),
    "seal": Text("（盖章处）", "(seal)"),
    "north": Text("北", "N"),
    "grid_north": Text("坐标北", "grid north"),
    "convergence": Text("收敛角 {angle}", "convergence {angle}"),
    "metres": Text("米", "m"),
    "kilometres": Text("千米", "km"),
    "per_cm": Text("图上 1 厘米相当于实地 {length}", "1 cm on paper is {length} on the ground"),
    "illustrative": Text("示意", "Illustrative"),
    "illustrative_note": Text(
        "本图 {drawn} 处要素中 {count} 处为示意位置（点线轮廓），不得据以定位。",
        "{count} of {drawn} features are illustrative (dotted); do not take positions from them.",
    ),
    "unapproved": Text("未取得审图号 不得公开", "NOT APPROVED FOR PUBLICATION"),
    "disclaimer": Text("本图界线不作为权属和行政区划划界依据。", "Boundaries shown are not legal limits."),
    "no_publication": Text("未取得审图号前不得公开登载。", "Not to be published without an approval number."),
    "sources": Text("资料来源：{sources}", "Source: {sources}"),
    "page": Text("第 {page} 页 / 共 {pages} 页", "Page {page} of {pages}"),
    "count": Text("{title} {count} 处", "{title} {count}"),
    "count_illustrative": Text("{title} {count} 处（示意）", "{title} {count} (illustrative)"),
    "count_some": Text("{title} {count} 处（示意 {part}）", "{title} {count} ({part} illustrative)"),
    "count_more": Text("等 {count} 类", "and {count} more layers"),
    "as_at": Text("截至 {date}", "as at {date}"),
    "list_comma": Text("、", ", "),
    "layers_count": Text("{count} 个图层", "{count} layers"),
    "grid_group": Text("坐标网与经纬网", "Grid and graticule"),
    "tile": Text("第 {row} 行第 {column} 列", "row {row}, column {column}"),
    "joins": Text("接图表", "Adjoining sheets"),
    "index": Text("索引", "Index"),
    "index_number": Text("序号", "No."),
    "index_title": Text("图名", "Title"),
    "index_page": Text("页码", "Page"),
    "back": Text("返回索引", "Back to index"),
    "attributes": Text("要素信息", "Attributes"),
    "plan": Text("计划原文", "The plan's words"),
    "photo": Text("现场照片", "Photo"),
    "no_photo": Text("（暂无照片）", "(no photo yet)"),
    "due": Text("期限", "due"),
    "as_mark": Text("小图斑", "small areas"),
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
    "map_in_short": Text("位置", "Position"),
}


def word(key: str, language: str, **params: object) -> str:
    """A word in ``zh`` or ``en``, with its numbers and names filled in."""
    return WORDS[key].get(language).format(**params) if params else WORDS[key].get(language)
