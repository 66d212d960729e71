"""What the person who prints must know about the sheet: findings, all of them warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geo_service.core.text import Text
from geo_service.core.validation import FINDINGS, Finding, Level, register
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.naming import name_of
from geo_service.rendering.printing.scene import Scene

SHEET_FINDINGS: dict[str, tuple[Level, Text]] = {
    "sheet-name-keyed": (
        "warn",
        Text("图上放不下名称，以编号 {number} 代替", "has no room for its name; number {number} stands there instead"),
    ),
    "sheet-name-omitted": ("warn", Text("图上放不下名称，未注记", "has no room for its name and is not named")),
    "sheet-layer-empty": (
        "warn",
        Text("图层「{layer}」在图框内没有要素，图例不列", "layer “{layer}” has nothing in the frame or the legend"),
    ),
    "sheet-unlocated": (
        "warn",
        Text("图层「{layer}」有 {count} 处尚未落图，图上没有", "layer “{layer}” has {count} features without a place"),
    ),
    "sheet-glyph-missing": (
        "warn",
        Text("字库缺字 {characters}，图上印作〓", "characters {characters} have no glyph and are printed as 〓"),
    ),
    "sheet-layer-withheld": (
        "warn",
        Text("图层「{layer}」为内部图层，公开图件不含", "layer “{layer}” is internal and not on this public sheet"),
    ),
    "sheet-basemap-empty": (
        "warn",
        Text("底图「{basemap}」在图框内没有瓦片，图上没有底图", "basemap “{basemap}” has no tile in the frame"),
    ),
    "sheet-unapproved": (
        "warn",
        Text("没有审图号，已加盖“未取得审图号”字样", "has no approval number and is stamped so"),
    ),
}

if not SHEET_FINDINGS.keys() <= FINDINGS.keys():
    register(SHEET_FINDINGS)


def notes_on(scene: Scene, layers: Sequence[PrintLayer], fonts: Fonts, language: str) -> Iterable[Finding]:
    """Findings about one map: names left out, layers with nothing to show, characters that cannot be printed."""
    for omission in scene.omissions:
        code = "sheet-name-keyed" if omission.number else "sheet-name-omitted"
        yield Finding(code=code, fid=omission.fid, name=omission.name, params={"number": omission.number})
    seen = {layer.id for layer, _, _ in scene.counts}
    for layer in layers:
        title = layer.definition.title.get(language)
        if layer.id not in seen:
            yield Finding(code="sheet-layer-empty", params={"layer": title})
        if layer.unlocated:
            yield Finding(code="sheet-unlocated", params={"layer": title, "count": layer.unlocated})
        yield from _gaps(layer, fonts, language)


def _gaps(layer: PrintLayer, fonts: Fonts, language: str) -> Iterable[Finding]:
    for feature in layer.features:
        gaps = fonts.missing(name_of(feature, language))
        if gaps:
            yield Finding(code="sheet-glyph-missing", fid=feature.id, params={"characters": spelled(gaps)})


def spelled(characters: Iterable[str]) -> str:
    """Characters with their code points, since they may not show on a screen either."""
    return "、".join(f"{c}（U+{ord(c):04X}）" for c in characters)
