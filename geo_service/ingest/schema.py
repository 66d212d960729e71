"""A schema for a new layer, proposed from a file's columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from geo_service.core.layers import COMMON_FIELDS, Code, Field, FieldType
from geo_service.core.text import Text
from geo_service.ingest.mapping import ID_FIELD, REV_FIELD, fold
from geo_service.ingest.values import convert_column

_MAX_CODES, _CODE_REPEATS = 12, 4
_TRIES: tuple[FieldType, ...] = ("integer", "number", "date", "datetime")


def infer_fields(columns: Mapping[str, Sequence[Any]]) -> tuple[Field, ...]:
    """One field a column: the narrowest type all its values take; few repeated words become codes.

    Columns that every layer has anyway (name, status …) and ``GS_ID``/``GS_REV`` are left out.
    """
    common = {fold(n) for f in COMMON_FIELDS for n in (f.key, f.title.zh, f.title.en, *f.aliases)}
    skipped = common | {fold(ID_FIELD), fold(REV_FIELD), "id"}
    fields: list[Field] = []
    for name, values in columns.items():
        if fold(name) not in skipped:
            fields.append(_infer(name, values, number=len(fields) + 1, taken={f.key for f in fields}))
    return tuple(fields)


def _infer(name: str, values: Sequence[Any], *, number: int, taken: set[str]) -> Field:
    key = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") if name.isascii() else ""
    if not key or key in taken or not key[0].isalpha():
        key = f"field_{number}"
    title = Text(name, name)
    filled = [v for v in values if v is not None and str(v).strip()]
    kind = _kind(filled)
    codes = _codes(filled) if kind == "text" else ()
    return Field(key=key, title=title, type="code" if codes else kind, codes=codes)


def _kind(filled: Sequence[Any]) -> FieldType:
    if not filled:
        return "text"
    if all(isinstance(v, bool) for v in filled):
        return "boolean"
    if any(isinstance(v, str) and re.match(r"0\d", v) for v in filled):
        return "text"
    return next((kind for kind in _TRIES if _all_convert(kind, filled)), "text")


def _all_convert(kind: FieldType, filled: Sequence[Any]) -> bool:
    return not convert_column(Field(key="x", title=Text("", ""), type=kind), filled)[1]


def _codes(filled: Sequence[Any]) -> tuple[Code, ...]:
    words = list(dict.fromkeys(str(v).strip() for v in filled))
    few = len(words) <= _MAX_CODES and len(filled) >= _CODE_REPEATS * len(words)
    if not few or any(len(w) > 12 for w in words):
        return ()
    return tuple(Code(w, Text(w, w)) for w in words)
