"""Saved sheet templates: titles, blocks and defaults that staff edit in the print form, one JSON file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from geo_service.errors import InvalidParameter, StorageFault
from geo_service.rendering.printing.request import AUTO_TABLE, NO_TABLE, from_data, to_data
from geo_service.storage.files import exclusive, write_file

FILE = "sheet_templates.json"
"""Where they are kept in the home."""
NAME_LIMIT = 40
MOST = 100


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Templates by name; none where nothing was saved yet.

    Raises
    ------
    StorageFault
        The file is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise StorageFault(reason=f"打印模板不可读 / templates are not readable: {path.name}") from error


def seen_by(values: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """A template for somebody who knows only these layers."""
    hidden = {"table", "table_fields"} if values.get("table", AUTO_TABLE) not in (AUTO_TABLE, NO_TABLE, *known) else ()
    shown = {key: value for key, value in values.items() if key not in hidden}
    if "layers" in shown:
        shown["layers"] = [choice for choice in shown["layers"] if choice["id"] in known]
    return shown


def save(path: Path, name: str, values: Mapping[str, Any]) -> None:
    """Keep what is a sheet's request under a name, in place of what stood there.

    Raises
    ------
    InvalidParameter
        A name that is empty or too long, a hundred templates, or values no sheet can have.
    """
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidParameter(
            name="name", value=name[:NAME_LIMIT], reason=f"须为 1 至 {NAME_LIMIT} 字 / 1 to 40 characters"
        )
    kept = to_data(from_data(values))
    with exclusive(path.with_suffix(".lock")):
        found = read(path) | {name.strip(): kept}
        if len(found) > MOST:
            raise InvalidParameter(name="name", value=name, reason=f"最多 {MOST} 个模板 / at most {MOST} templates")
        write_file(path, [msgspec.json.encode(found)])


def drop(path: Path, name: str) -> None:
    """Forget a template; nothing happens where there is none of this name."""
    with exclusive(path.with_suffix(".lock")):
        found = read(path)
        if found.pop(name, None) is not None:
            write_file(path, [msgspec.json.encode(found)])
