"""Find a question by a planner's own words: pieces of her sentence that few questions have in common count most."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from geo_service.analysis.questions import QUESTIONS
from geo_service.analysis.result import THEMES, Question

LONGEST = 80
_CHINESE, _LATIN = re.compile(r"[\u4e00-\u9fff]+"), re.compile(r"[a-z0-9]{2,}")
IDLE = frozenset("的了吗呢是在有和与哪些多少怎么什么哪里一个几处我想看想知道请问")
"""Signs that say nothing of the matter."""
IDLE_WORDS = frozenset(
    [
        "the",
        "and",
        "are",
        "our",
        "for",
        "how",
        "what",
        "which",
        "where",
        "who",
        "of",
        "in",
        "is",
        "to",
        "do",
        "does",
        "far",
        "can",
    ]
)

OWN_WORDS: Mapping[str, str] = {
    "plan-progress": "计划进度 任务完成 台账 开工 完成率 滞后 落图 进展 progress commitments done delayed",
    "layer-changes": "改了什么 变更 差异 新增 删除 移动 前后对比 版本比较 diff compare history",
    "service-coverage": "学校走不到 走不到 走得到 够不着 步行 可达 服务覆盖 服务半径 覆盖率 生活圈 十五分钟 15分钟 "
    "菜市场 小学 上学 幼儿园 养老 walk reach access coverage school market minutes",
    "park-coverage": "公园 绿地 口袋公园 300米见绿 500米见园 绿化 缺公园 park green space",
    "nearest-facility": "最近 距离 多远 最远 就近 距离矩阵 nearest distance farthest",
    "siting": "选址 建在哪 新建 布点 增设 选点 最优位置 site location where to build",
    "fire-response": "消防 消防站 汾水道 五分钟 5分钟 到场 救援 火灾 出警 fire station engine response",
    "waterlogging-exposure": "积水 内涝 淹 泡水 暴雨 受影响 老旧小区 水浸 flood water rain exposed",
    "hotspots": "热点 聚集 集中 投诉 混接 密度 扎堆 cluster density complaints hot spot",
    "depressions": "低洼 洼地 地形 高程 汇水 积多少水 坑 terrain elevation low ground dem",
    "project-conflicts": "工程冲突 同时施工 撞期 打架 工期重叠 交叉施工 conflict overlap schedule",
    "road-works": "掘路 挖路 开挖 马路拉链 禁挖 管线 一次开挖 并沟 保护期 dig trench road",
    "clusters": "打包 集群 成片 连片 组团 一起做 package group together",
    "land-account": "多少亩 用地 台账 盘活 面积 公顷 净面积 闲置土地 hectares mu land area",
    "footprints": "建筑 楼 栋 基底 密度 房子 building density",
    "renewal-indicators": "更新 拆除 拆建比 安置 红线 大拆大建 63号 renewal demolish rehoused",
    "site-scores": "打分 评分 比选 权重 多因素 哪块地好 排名 score rank weights suitability",
    "buffer": "缓冲 周边 多少米内 外扩 around within metres",
    "dissolve": "融合 同类归并 去掉界线 merge boundaries",
    "clip": "裁剪 截取 范围内 cut inside",
    "intersect": "相交 重叠部分 叠加 overlay overlap",
    "union": "合并 并集 叠加 union overlay",
    "count-per-area": "每个街道多少 分区计数 统计个数 各街道数量 count per subdistrict how many",
    "nearest": "最近要素 直线距离 nearest straight",
}
"""What people call the matter of a question, beside its title and explanation."""


def find_questions(sentence: str) -> tuple[Question, ...]:
    """The questions a sentence may mean, the likeliest first; those without a single piece of it are left out."""
    wanted = _pieces(sentence[:LONGEST])
    scores = [(sum(_weight(piece) for piece in wanted & _matter(q)), q) for q in QUESTIONS]
    best = max((score for score, _ in scores), default=0.0)
    ranked = sorted(scores, key=lambda found: -found[0])
    return tuple(q for score, q in ranked if score > 0 and score >= best / 3)


def _pieces(text: str) -> frozenset[str]:
    """Chinese signs and pairs of them, and English words without their endings."""
    low = text.lower()
    pairs = {run[i : i + size] for run in _CHINESE.findall(low) for size in (1, 2) for i in range(len(run) + 1 - size)}
    words = {_stem(word) for word in _LATIN.findall(low) if word not in IDLE_WORDS}
    return frozenset({p for p in pairs if not set(p) <= IDLE} | words)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


@lru_cache(maxsize=64)
def _matter(question: Question) -> frozenset[str]:
    theme = THEMES[question.theme]
    texts: Sequence[str] = (
        *(t for text in (question.title, question.explanation, theme) for t in (text.zh, text.en)),
        *(t for role in question.roles if role.part == "layer" for t in (role.title.zh, role.title.en)),
    )
    return _pieces(" | ".join((*texts, OWN_WORDS[question.id].replace(" ", " | "))))


@lru_cache(maxsize=4096)
def _weight(piece: str) -> float:
    """More the fewer questions have it; a single sign says little."""
    share = 0.4 if len(piece) == 1 else 1.0
    return share * math.log(1 + len(QUESTIONS) / max(1, sum(piece in _matter(q) for q in QUESTIONS)))
