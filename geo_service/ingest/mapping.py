"""Which source field is which field of the layer: by key, short name, alias, title, or what a DBF left of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from geo_service.core.layers import Field, LayerDefinition
from geo_service.ingest.examination import How, MappedField

ID_FIELD, REV_FIELD = "GS_ID", "GS_REV"
_RESERVED = {"gs_id": ID_FIELD, "gs_rev": REV_FIELD}
_PLAIN_ID = frozenset({"id", "fid", "编号", "要素编号", "地块编号"})
ID_NAMES = frozenset({"gs_id", *_PLAIN_ID})
"""What a column of business codes is called, folded."""
_DBF_BYTES = 10
_MORE_NAMES = {"name": ("地块名称", "text", "标注")}
_SAMPLES = 3


def short_names(definition: LayerDefinition) -> dict[str, str]:
    """ASCII names of at most 10 bytes for the layer's fields, distinct without regard to case; by field key."""
    taken = {ID_FIELD.lower(), REV_FIELD.lower()}
    names: dict[str, str] = {}
    for item in definition.all_fields:
        base = re.sub(r"[^A-Za-z0-9_]", "_", item.key)[:_DBF_BYTES]
        name, number = base, 1
        while name.lower() in taken:
            number += 1
            name = f"{base[: _DBF_BYTES - len(str(number)) - 1]}_{number}"
        taken.add(name.lower())
        names[item.key] = name
    return names


def propose_mapping(
    columns: Mapping[str, Sequence[Any]], definition: LayerDefinition, chosen: Mapping[str, str] | None = None
) -> tuple[MappedField, ...]:
    """A proposal for every source field; a layer field is given away once, the best reason first."""
    found: dict[str, tuple[str, How]] = {}
    taken: set[str] = set()
    for rule in (_chosen_rule(chosen or {}), _reserved_rule(definition, columns), *_name_rules(definition)):
        for source in columns:
            if source in found:
                continue
            answer = rule(source)
            if answer and (not answer[0] or answer[0] not in taken):
                found[source] = answer
                taken.update(t for t in (answer[0],) if t)
    return tuple(
        MappedField(source, *found.get(source, ("", "none")), samples=_samples(values))
        for source, values in columns.items()
    )


def _samples(values: Sequence[Any]) -> tuple[str, ...]:
    shown = dict.fromkeys(str(v)[:40] for v in values[:200] if v is not None)
    return tuple(shown)[:_SAMPLES]


def _chosen_rule(chosen: Mapping[str, str]) -> Any:
    def rule(source: str) -> tuple[str, How] | None:
        return (chosen[source], "chosen") if source in chosen else None

    return rule


def _reserved_rule(definition: LayerDefinition, columns: Mapping[str, Sequence[Any]]) -> Any:
    prefix = f"NK-{definition.serial}-"

    def rule(source: str) -> tuple[str, How] | None:
        key = fold(source)
        if key in _RESERVED:
            return _RESERVED[key], "reserved"
        if key in _PLAIN_ID and any(str(v).startswith(prefix) for v in columns[source][:200]):
            return ID_FIELD, "reserved"
        return None

    return rule


def fold(name: str) -> str:
    """A field name for comparison: NFKC, no spaces or unit in brackets, lower case."""
    text = unicodedata.normalize("NFKC", name)
    return re.sub(r"\s+|[(（][^)）]*[)）]$", "", text).casefold()


def _name_rules(definition: LayerDefinition) -> list[Any]:
    fields = definition.all_fields
    shorts = short_names(definition)
    tables: list[tuple[How, dict[str, Field]]] = [
        ("key", _unique([(f.key, f) for f in fields])),
        ("short", _unique([(shorts[f.key], f) for f in fields])),
        ("alias", _unique([(a, f) for f in fields for a in (*f.aliases, *_MORE_NAMES.get(f.key, ()))])),
        ("title", _unique([(t, f) for f in fields for t in (f.title.zh, f.title.en)])),
    ]
    return [*(_table_rule(how, table) for how, table in tables), _prefix_rule(fields)]


def _unique(pairs: list[tuple[str, Field]]) -> dict[str, Field]:
    table: dict[str, Field] = {}
    for name, item in pairs:
        table.setdefault(fold(name), item)
    return table


def _table_rule(how: How, table: Mapping[str, Field]) -> Any:
    def rule(source: str) -> tuple[str, How] | None:
        item = table.get(fold(source))
        if item is None:
            return None
        return ("", "derived") if item.derived else (item.key, how)

    return rule


def _prefix_rule(fields: Sequence[Field]) -> Any:
    """Names cut to 10 bytes: what is left must fit exactly one field."""
    names = [(n, f) for f in fields for n in (f.key, f.title.zh, f.title.en, *f.aliases, *_MORE_NAMES.get(f.key, ()))]

    def rule(source: str) -> tuple[str, How] | None:
        cut = unicodedata.normalize("NFC", source).rstrip("\ufffd")
        hits = {f.key: f for n, f in names if cut and cut in _cut_forms(n)}
        if len(hits) == 1:
            [item] = hits.values()
            return ("", "derived") if item.derived else (item.key, "prefix")
        return ("", "ambiguous") if hits else None

    return rule


def _cut_forms(name: str) -> set[str]:
    """What a DBF leaves of a name: its first 10 bytes (or 11) in GBK and in UTF-8, a cut character dropped."""
    forms = set()
    for encoding in ("gb18030", "utf-8"):
        raw = name.encode(encoding)
        forms |= {
            raw[:size].decode(encoding, errors="ignore") for size in (_DBF_BYTES, _DBF_BYTES + 1) if len(raw) > size
        }
    return forms
