"""Two answers to the same question side by side: parameters, layers, figures and rows that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from geo_service.errors import InvalidParameter

State = Literal["added", "removed", "changed", "same"]
ORDER: tuple[State, ...] = ("changed", "added", "removed", "same")


def compare_answers(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What differs between two answers, as JSON values; rows that differ come first.

    Raises
    ------
    InvalidParameter
        They answer different questions.
    """
    if before["id"] != after["id"]:
        value = f"{before['id']} ≠ {after['id']}"
        raise InvalidParameter(name="id", value=value, reason="须为同一问题的结果 / must answer the same question")
    rows = _rows(before, after)
    return {
        "headlines": [before["headline"], after["headline"]],
        "parameters": _parameters(before, after),
        "reads": _reads(before, after),
        "figures": _figures(before, after),
        "columns": after["columns"],
        "rows": sorted(rows, key=lambda row: ORDER.index(row["state"])),
        "counts": {state: sum(row["state"] == state for row in rows) for state in ORDER},
    }


def _parameters(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    old = {p["key"]: p["value"] for p in before["parameters"]}
    return [
        {"title": p["title"], "unit": p["unit"], "before": old.get(p["key"]), "after": p["value"]}
        for p in after["parameters"]
        if old.get(p["key"]) != p["value"]
    ]


def _reads(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Layers of every role with both revisions, 0 where one answer did not read it; only those that differ."""
    old = {(r["role"], r["layer"]): r for r in before["reads"]}
    new = {(r["role"], r["layer"]): r for r in after["reads"]}
    found = []
    for key in dict.fromkeys([*old, *new]):
        revisions = [read[key]["rev"] if key in read else 0 for read in (old, new)]
        if revisions[0] != revisions[1]:
            either = new.get(key) or old[key]
            found.append({"layer": key[1], "title": either["title"], "before": revisions[0], "after": revisions[1]})
    return found


def _figures(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    old, new = before["figures"], after["figures"]
    keys = dict.fromkeys([*old, *new])
    return [
        {"key": k, "before": old.get(k), "after": new.get(k), "change": _change(old.get(k), new.get(k))} for k in keys
    ]


def _change(before: Any, after: Any) -> float | None:
    """How much a number grew; None where either is none."""
    both = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (before, after))
    return after - before if both else None


# ---- rows


def _rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = [c["key"] for c in after["columns"]]
    old_keys = [c["key"] for c in before["columns"]]
    old = [[row[old_keys.index(k)] if k in old_keys else None for k in keys] for row in before["rows"]]
    new = [list(row) for row in after["rows"]]
    size = _key_size(old, new, len(keys))
    was, now = _by_key(old, size), _by_key(new, size)
    return [_row(was.get(key), now.get(key)) for key in dict.fromkeys([*now, *was])]


def _key_size(old: Sequence[Sequence[Any]], new: Sequence[Sequence[Any]], most: int) -> int:
    """How many leading columns tell the rows of either table apart."""
    for size in range(1, most + 1):
        if all(len({repr(row[:size]) for row in rows}) == len(rows) for rows in (old, new)):
            return size
    return most


def _by_key(rows: Sequence[Sequence[Any]], size: int) -> dict[tuple[str, int], Sequence[Any]]:
    """Rows by their leading columns; rows that are alike throughout are counted."""
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Sequence[Any]] = {}
    for row in rows:
        name = repr(row[:size])
        found[name, seen[name]] = row
        seen[name] += 1
    return found


def _row(old: Sequence[Any] | None, new: Sequence[Any] | None) -> dict[str, Any]:
    if old is None or new is None:
        return {"state": "added" if old is None else "removed", "cells": [_cell(v, v) for v in (new or old or ())]}
    cells = [_cell(a, b) for a, b in zip(old, new, strict=True)]
    return {"state": "changed" if any(c["differs"] for c in cells) else "same", "cells": cells}


def _cell(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after, "differs": before != after, "change": _change(before, after)}
