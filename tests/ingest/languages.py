"""Whether what the room says is in one language at a time."""

from __future__ import annotations

import re

from geo_service.ingest.examination import Examination

_CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_PROSE = re.compile(r"[a-z]{3,} [a-z]{2,}")
_QUOTED = re.compile(r"“[^”]*”|「[^」]*」")
"""What people wrote, as the sentences set it off."""


def mixed(found: Examination) -> list[str]:
    """The sentences of an examination that are not wholly in their language."""
    said = [(f.code, f.sentence("zh"), f.sentence("en")) for f in found.findings]
    if found.crs:
        said += [(found.crs.state, found.crs.reason.zh, found.crs.reason.en)]
        said += [(p.key, p.title.zh, p.title.en) for p in found.crs.previews]
    wrong = []
    for code, zh, en in said:
        plain_zh, plain_en = (_QUOTED.sub("", text) for text in (zh, en))
        if not _CHINESE.search(plain_zh) or _PROSE.search(plain_zh):
            wrong.append(f"{code}: {zh}")
        if _CHINESE.search(plain_en):
            wrong.append(f"{code}: {en}")
    return wrong
