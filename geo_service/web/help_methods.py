"""How each question is answered, in one or two sentences, for the help page of the analyses."""

from __future__ import annotations

from collections.abc import Mapping

from geo_service.core.text import Text

METHODS: Mapping[str, Text] = {
    "plan-progress": Text(
        "按台账和状态数个数、面积、长度；跨街道的要素按内部代表点归一处，或按面积分摊，各行之和等于全区。",
        "Counts, areas and lengths by status against the ledger; what straddles goes by a point inside or by area "
        "share, and the rows sum to the district.",
    ),
    "layer-changes": Text(
        "两个版本规范化后逐项比较：新增、删除、移动、改形、改属性，差异为对称差面积。",
        "Two revisions normalised and compared: added, deleted, moved, reshaped; differences as symmetric area.",
    ),
    "service-coverage": Text(
        "25 m 网格：网格垂直走到最近道路，再沿路到设施；同时给出直线半径，直线通常高估约 57%。",
        "25 m cells: straight to the nearest street, then along it; a straight line overstates by about 57%.",
    ),
    "park-coverage": Text(
        "半径随公园面积；从公园边界起算，直线与沿路各一；可在缺口中推荐口袋公园。",
        "The radius follows the size of the park, from its edge, straight and along streets; gaps may get sites.",
    ),
    "nearest-facility": Text(
        "每个出发地到最近设施的沿路距离，列出绕行系数和最远十处；单行路使往返不等。",
        "The way along streets from each origin to the nearest facilities, the detour, and the ten worst.",
    ),
    "siting": Text(
        "整数规划：最少几处（LSCP）、给定几处覆盖最多（MCLP）、总行程最短（p-median）。",
        "Integer programmes: fewest sites (LSCP), most covered (MCLP), least travel (p-median).",
    ),
    "fire-response": Text(
        "到场 = 出动 + 由消防站沿路行车（等级车速 ÷ 高峰系数），离路部分步行；首到范围与辖区面积上限对照。",
        "Arrival is turnout plus driving from the station (class speed slowed by a peak factor), on foot off it; "
        "first-due areas against the area limits.",
    ),
    "waterlogging-exposure": Text(
        "要素到积水片区的最近距离（EPSG:4548），在内、相交、X m 内分列；等距只计一次。",
        "Nearest distance to a zone in EPSG:4548: inside, crossing, within X m; ties count once.",
    ),
    "hotspots": Text(
        "六边形格网计数，Moran 指数与 Gi* 置换检验，按错误发现率控制；街道只有 12 个，不作显著性判断。",
        "Counts on hexagons, Moran's I and Gi* by permutation with false discoveries held down; 12 subdistricts are "
        "too few for significance.",
    ),
    "depressions": Text(
        "从格网边缘向内漫水（优先级漫水），水面减地面为深度；不计管网和下渗。",
        "Flooded from the edge of the grid inwards; water level less ground is depth. No sewers, no seepage.",
    ),
    "project-conflicts": Text(
        "工程自连接，每对只出现一次；工期闭区间重叠；缺日期者单列，不丢弃。",
        "Self join, each pair once; periods overlap as closed intervals; missing dates are listed apart, not dropped.",
    ),
    "road-works": Text(
        "同一廊道内的掘路与道路建成、大修日期对照，按日历年计保护期；日期不明不算允许。",
        "Digs against the dates of the roads in their corridor, in calendar years; an unknown date is not “allowed”.",
    ),
    "clusters": Text(
        "DBSCAN 聚类并限制直径，成串的工地不会并成一组。",
        "DBSCAN with a cap on the diameter, so that a chain of sites is not one group.",
    ),
    "land-account": Text(
        "分类求并集，重叠只计一次；1 亩 = 2000/3 m²；并用椭球面积校核。",
        "Union by class, overlaps once; 1 mu is 2000/3 m²; checked against the ellipsoid.",
    ),
    "footprints": Text(
        "建筑按内部代表点归区，占地按相交面积，距离到最近设施；可分块交给多台机器。",
        "Buildings by a point inside, ground by intersection, the nearest facility; in chunks on many machines.",
    ),
    "renewal-indicators": Text(
        "按建筑面积合计后相除，不取平均；缺数据的单元不给绿灯。",
        "Sums by floor area, then shares, never means of shares; a unit without figures gets no green light.",
    ),
    "site-scores": Text(
        "各因子线性打分乘权重；每个权重 ±20% 各算一遍，看排名是否变。",
        "Linear scores times weights; every weight swayed by 20% either way to see whether the order holds.",
    ),
    "buffer": Text("EPSG:4548 中按 32 段四分圆缓冲。", "Buffers in EPSG:4548 with 32 segments a quarter circle."),
    "dissolve": Text("按字段合并相邻和重叠的面。", "Areas merged by a field."),
    "clip": Text("只留落在范围内的部分。", "Only what lies inside."),
    "intersect": Text("两层重叠的部分，带两边编号。", "What two layers share, with the ids of both."),
    "union": Text("两层的全部范围，按归属切开。", "All ground of two layers, cut by whose it is."),
    "count-per-area": Text("按内部代表点归区，界上者只计一次。", "By a point inside; one on a border counts once."),
    "nearest": Text("平面直线距离；等距取编号在前者。", "Straight line; of several as near the first by id."),
}
"""By the id of the question; a test holds the table to be complete."""
