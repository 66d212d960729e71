"""What a feature says of its photos and documents: their ids, in one attribute that is versioned like any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = "attachments"
MOST = 20
"""Attachments of one feature."""
ID = re.compile(r"[0-9a-f]{16}")
_LIST = re.compile(rf"[0-9a-f]{{16}}( [0-9a-f]{{16}}){{0,{MOST - 1}}}")


def ids_of(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids a feature names, in its order."""
    given = properties.get(KEY)
    return tuple(given.split(" ")) if isinstance(given, str) and _LIST.fullmatch(given) else ()


def is_list(value: object) -> bool:
    """Whether a value is a list of at most twenty ids with a space between."""
    return isinstance(value, str) and _LIST.fullmatch(value) is not None
