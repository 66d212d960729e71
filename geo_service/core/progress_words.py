"""Progress in words: what a target means, what the plan promised by when, and one sentence on how far it is."""

from __future__ import annotations

from collections.abc import Mapping

from geo_service.core.crs import MU_M2
from geo_service.core.layers import PRECISION_CODES
from geo_service.core.plan import Commitment, Promise, Quantity, QuantityKind
from geo_service.core.progress import DECIMALS, Progress, promises_start
from geo_service.core.text import Text

UNITS: Mapping[str, Text] = {
    "亩": Text("亩", "mu"),
    "公顷": Text("公顷", "ha"),
    "平方公里": Text("平方公里", "km²"),
    "平方米": Text("平方米", "m²"),
    "万平方米": Text("万平方米", "× 10,000 m²"),
    "分钟": Text("分钟", "minutes"),
    "亿元": Text("亿元", "× 100 million yuan"),
    "户": Text("户", "households"),
    "位": Text("位", "(rank)"),
    "%": Text("%", "%"),
}
"""Units that English needs a word for; the other Chinese measure words (处, 个, 座, …) say nothing in English."""

KINDS: Mapping[QuantityKind, Text] = {
    "exact": Text("确数", "Exact number"),
    "at_least": Text("至少（余、不少于）", "At least"),
    "stock": Text("累计存量（达到）", "Stock in all"),
    "shared_total": Text("合计（等）", "Shared total"),
    "open": Text("开放名单（等）", "Open list"),
    "standard": Text("服务标准", "Standard"),
    "none": Text("未定数量", "No number"),
}

ARITHMETIC: Mapping[QuantityKind, Text] = {
    "exact": Text(
        "目标是确数：尚余 = 目标 − 已完成；名单不足目标的部分为“未列入名单”。",
        "The target is an exact number: remaining = target − done; what the list lacks is “not listed yet”.",
    ),
    "at_least": Text(
        "目标是下限：已完成不少于目标即为达到，名单可以超过目标。",
        "The target is a minimum: it is met once as many or more are done; the list may grow beyond it.",
    ),
    "stock": Text(
        "目标是累计存量，不是当年新增：已有的（现状）与已完成的一并计入。",
        "The target is a stock, not what is new this year: what exists counts together with what is done.",
    ),
    "shared_total": Text(
        "目标是合计面积，由点名和未点名（“等”）的对象共同完成；对象个数不是目标。",
        "The target is a total over named and unnamed sites (等); how many sites there are is not the target.",
    ),
    "open": Text(
        "原文用“等”字，点名的只是下限：不计算完成率，也不推算还有多少未列入。",
        "The plan says “and others” (等): the names are a lower bound; neither a rate nor what is missing can be told.",
    ),
    "standard": Text(
        "这是服务标准，不是数量，不计数。", "This is a standard of service, not a number; nothing is counted."
    ),
    "none": Text(
        "原文没有数量，只列名单，不计完成率。", "The plan gives no number; the list is shown, no rate is worked out."
    ),
}
"""How each kind is worked out, for readers of the plan page."""

PROMISES: Mapping[Promise, Text] = {
    "completed": Text("承诺完成", "Completion promised"),
    "under_construction": Text("承诺在建", "Works promised"),
    "advancing": Text("承诺推进", "To be advanced"),
    "planned": Text("承诺谋划", "To be planned"),
    "existing": Text("现状提升", "Existing, to be used well"),
}
"""What the plan's verb promises, short enough for a badge."""


def unit_text(unit: str) -> Text:
    """A unit in both languages; empty in English for Chinese measure words."""
    return UNITS.get(unit, Text(unit, ""))


def amount_text(value: float, unit: str) -> Text:
    """A number with its unit; ten thousand square metres and more in 万平方米, 亩 with hectares."""
    words = unit_text(unit)
    zh, en = f"{number(value, unit)} {words.zh}", f"{number(value, unit)} {words.en}".rstrip()
    if unit == "平方米" and value >= 10_000:
        zh = f"{number(value / 10_000, '万平方米')} 万平方米"
    if unit == "亩" and value:
        hectares = f"{value * MU_M2 / 10_000:,.1f}"
        return Text(f"{zh}（{hectares} 公顷）", f"{en} ({hectares} ha)")
    return Text(zh, en)


def number(value: float, unit: str = "") -> str:
    """A number with thousands separators and no more decimals than its unit is good for."""
    text = f"{value:,.{DECIMALS.get(unit, 1)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def target_text(quantity: Quantity) -> Text:
    """The target in the wording its kind asks for."""
    if quantity.target is None:
        return KINDS["none"]
    amount = amount_text(quantity.target, quantity.unit)
    zh, en = _TARGETS[quantity.kind]
    return Text(zh.format(amount.zh), en.format(amount.en))


_TARGETS: Mapping[QuantityKind, tuple[str, str]] = {
    "exact": ("{}", "{}"),
    "at_least": ("≥ {}", "≥ {}"),
    "stock": ("累计 {}", "{} in all"),
    "shared_total": ("共 {}", "{} in all"),
    "open": ("至少 {}", "at least {}"),
    "standard": ("{}（标准）", "{} (a standard)"),
    "none": ("{}", "{}"),
}


def promise_text(commitment: Commitment) -> Text:
    """What the plan promised and by when, and what it did not promise."""
    due = commitment.due
    if commitment.due_means == "start":
        return Text(f"承诺 {due} 前开工，未承诺建成", f"Start of works promised by {due}; completion is not promised")
    by = Text(f" {due} 前" if due else "", f" by {due}" if due else "")
    return {
        "completed": Text(f"承诺{by.zh}完成", f"Completion promised{by.en}"),
        "under_construction": Text("承诺年内在建，未承诺完成", "Works promised this year; completion is not promised"),
        "advancing": Text("承诺推进，未承诺年内完成", "To be advanced; completion this year is not promised"),
        "planned": Text("承诺谋划或拿出方案，未承诺开工", "To be planned; works are not promised"),
        "existing": Text(
            "现状事项，要求用好、保障或提升，没有建设承诺", "Exists already, to be used well; no works are promised"
        ),
    }[commitment.promise]


def headline(commitment: Commitment, found: Progress) -> Text:
    """One sentence: the target, how many are located and how well, what has begun, what is done."""
    subject = _subject(commitment)
    if not commitment.layer:
        return Text(f"{subject.zh}：没有对应图层，不计数", f"{subject.en}: has no layer, nothing is counted")
    parts = (_listed(found), _located(found), *_gaps(found), *_works(commitment, found), *_area(commitment, found))
    zh = "，".join(p.zh for p in parts if p.zh)
    return Text(f"{subject.zh}：{zh}", f"{subject.en}: {', '.join(p.en for p in parts if p.en)}")


def _subject(commitment: Commitment) -> Text:
    quantity, name = commitment.quantity, commitment.name
    if quantity.target is None:
        return name
    target = target_text(quantity)
    gap = "" if name.zh.endswith("）") else " "
    zh = name.zh if number(quantity.target) in name.zh else f"{name.zh}{gap}{target.zh}"
    return Text(zh, f"{name.en} – {target.en}")


def _listed(found: Progress) -> Text:
    counted = not found.is_area and found.kind in ("exact", "at_least", "stock")
    if counted and found.listed == found.target:
        return Text("", "")
    return Text(f"名单 {found.listed}", f"{found.listed} listed")


def _located(found: Progress) -> Text:
    if not found.located:
        return Text("已落图 0", "0 located") if found.listed else Text("", "")
    shown = [c for c in PRECISION_CODES if c.value == "surveyed" or found.precisions[c.value]]
    shown = sorted((c for c in shown if c.value != "unlocated"), key=lambda c: -found.precisions[c.value])
    zh = "，".join(f"{c.title.zh} {found.precisions[c.value]}" for c in shown)
    en = ", ".join(f"{found.precisions[c.value]} {c.title.en.lower()}" for c in shown)
    return Text(f"已落图 {found.located}（{zh}）", f"{found.located} located ({en})")


def _gaps(found: Progress) -> list[Text]:
    parts = []
    if found.unlocated:
        parts.append(Text(f"待落图 {found.unlocated}", f"{found.unlocated} unlocated"))
    if found.missing:
        least = found.kind in ("at_least", "open", "shared_total")
        parts.append(
            Text(
                f"未列入名单{'至少' if least else ''} {found.missing}",
                f"{'at least ' if least else ''}{found.missing} not listed yet",
            )
        )
    if found.surplus:
        parts.append(Text(f"名单多于目标 {found.surplus}", f"{found.surplus} more listed than promised"))
    return parts


def _works(commitment: Commitment, found: Progress) -> list[Text]:
    if found.kind == "standard":
        return [Text("为服务标准，不计数", "a standard, not counted")]
    if commitment.promise == "existing" and found.kind != "stock":
        return [Text("现状事项，不计开工和完成", "exists already, works are not counted")]
    parts = [Text(f"已开工 {found.begun}", f"{found.begun} begun"), Text(f"已完成 {found.done}", f"{found.done} done")]
    unreported = found.statuses[""]
    return [*parts, Text(f"未填报 {unreported}", f"{unreported} not reported")] if unreported else parts


def _area(commitment: Commitment, found: Progress) -> list[Text]:
    measured = found.measured
    if measured is None:
        return []
    total, done = amount_text(measured.listed, found.unit), amount_text(measured.fulfilled, found.unit)
    word = Text("开工", "begun") if promises_start(commitment) else Text("完成", "done")
    parts = [
        Text(f"已计面积 {total.zh}", f"{total.en} counted"),
        Text(f"其中{word.zh} {done.zh}", f"{done.en} of it {word.en}"),
    ]
    if measured.lacking:
        parts.append(Text(f"{measured.lacking} 个缺面积", f"{measured.lacking} without an area"))
    return parts
