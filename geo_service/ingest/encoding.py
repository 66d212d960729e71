"""Which encoding a file's text is in, decided from its bytes and not from what the file states.

The rule, right on 24 of 24 variants of Chinese shapefiles where GDAL alone is wrong on 16: strict UTF-8 whose non-ASCII
characters are at least 90 % Chinese; else GB18030; else ask. (``学校`` in GBK happens to be valid UTF-8, ``ѧУ``.)
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from geo_service.ingest.layer import EncodingChoice, EncodingPreview
from geo_service.ingest.text import decode_cut

CANDIDATES = ("utf-8", "gb18030", "big5", "latin-1")
CHINESE_SHARE = 0.9
PREVIEW_ROWS = 5

_CHINESE = re.compile(
    "[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u2014\u2018-\u201d\u2026\u00b7\u00b0-\u00b3"
    "\u00d7\u03a6\u03c6\u2103\u2116\u2460-\u24ff\u2160-\u217f\u33a0-\u33ff\U00020000-\U0003ffff]"
)
_DECLARED = {
    "65001": "utf-8",
    "utf8": "utf-8",
    "936": "gb18030",
    "cp936": "gb18030",
    "ansi936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "oem": "",
    "ansi": "",
}


@dataclass(frozen=True, slots=True)
class _Fit:
    encoding: str
    fits: bool
    foreign: int
    chinese: int


def decide_encoding(samples: Sequence[bytes], declared: str = "") -> EncodingChoice:
    """How to read texts of which ``samples`` were taken; ``declared`` is what the file or its .cpg states."""
    telling = [s for s in samples if not s.isascii()]
    stated = normalise_encoding(declared)
    if not telling:
        return EncodingChoice(encoding=stated or "utf-8", declared=declared, previews=_previews(samples))
    fits = {encoding: _fit(telling, encoding) for encoding in CANDIDATES}
    encoding = _choose(fits, stated)
    sure = encoding in ("utf-8", "gb18030") and fits[encoding].fits
    return EncodingChoice(encoding=encoding, sure=sure, declared=declared, previews=_previews(telling))


def normalise_encoding(declared: str) -> str:
    """A codec's name for what a .cpg says; empty where it says nothing usable."""
    key = re.sub(r"[\s_-]", "", declared.strip().strip("\ufeff").lower())
    if key in _DECLARED:
        return _DECLARED[key]
    try:
        return codecs.lookup(declared.strip()).name
    except (LookupError, ValueError):
        return ""


def _choose(fits: dict[str, _Fit], stated: str) -> str:
    utf8 = fits["utf-8"]
    if utf8.fits and utf8.chinese >= CHINESE_SHARE * utf8.foreign:
        return "utf-8"
    if fits["gb18030"].fits:
        return "gb18030"
    if utf8.fits:
        return "utf-8"
    return next((e for e in (stated, "big5") if e in fits and fits[e].fits), "latin-1")


def _fit(samples: Iterable[bytes], encoding: str) -> _Fit:
    foreign = chinese = 0
    for sample in samples:
        text = decode_cut(sample, encoding)
        if text is None:
            return _Fit(encoding, fits=False, foreign=0, chinese=0)
        others = [c for c in text if ord(c) > 127]
        foreign += len(others)
        chinese += len(_CHINESE.findall("".join(others)))
    return _Fit(encoding, fits=True, foreign=foreign, chinese=chinese)


def _previews(samples: Sequence[bytes]) -> tuple[EncodingPreview, ...]:
    rows = list(dict.fromkeys(samples))[:PREVIEW_ROWS]
    texts = {e: tuple(s.decode(e, errors="replace") for s in rows) for e in CANDIDATES}
    return tuple(EncodingPreview(encoding, shown) for encoding, shown in texts.items())


@dataclass(frozen=True, slots=True)
class DecodedTexts:
    """Texts of one column; ``cut`` counts characters cut at the field's width, ``lost`` those not of the encoding."""

    texts: list[str | None]
    cut: int
    lost: int


def decode_texts(values: Iterable[str | None], encoding: str) -> DecodedTexts:
    """Texts that were read byte for byte (as ISO 8859-1) decoded for real."""
    memo: dict[str, tuple[str, bool, bool]] = {}
    texts: list[str | None] = []
    cut = lost = 0
    for value in values:
        if value is None or value.isascii():
            texts.append(value)
            continue
        if value not in memo:
            memo[value] = _decode(value, encoding)
        text, was_cut, was_lost = memo[value]
        texts.append(text)
        cut += was_cut
        lost += was_lost
    return DecodedTexts(texts, cut, lost)


def _decode(value: str, encoding: str) -> tuple[str, bool, bool]:
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:  # the driver already made Unicode of an escape
        return value, False, False
    try:
        return raw.decode(encoding), False, False
    except UnicodeDecodeError:
        text = decode_cut(raw, encoding)
    if text is not None:
        return text, True, False
    return raw.decode(encoding, errors="replace"), False, True
