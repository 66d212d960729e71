"""Layer definitions as JSON in the store and as TOML beside the layers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from geo_service.core.layers import COMMON_FIELDS, LayerDefinition
from geo_service.storage import toml_file

LAYER_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Layer ids are file names and parts of addresses."""
SERIAL = re.compile(r"[A-Z][A-Z0-9]{0,15}")
KEY = re.compile(r"[^\W\d]\w{0,62}")


def to_json(definition: LayerDefinition) -> str:
    """The definition as JSON with sorted keys."""
    return msgspec.json.encode(definition, order="deterministic").decode()


@lru_cache(maxsize=512)
def from_json(body: str) -> LayerDefinition:
    """The definition of our own JSON."""
    return msgspec.json.decode(body, type=LayerDefinition)


def to_toml(definition: LayerDefinition) -> str:
    """The definition as a TOML file for people; what stands at its default is left out."""
    fields = "".join(f"\n[[fields]]\n{_table(field)}" for field in definition.fields)
    return _table(dataclasses.replace(definition, fields=())) + fields


def from_toml(data: bytes) -> LayerDefinition:
    """The definition of a TOML file.

    Raises
    ------
    FileFault
        Not TOML, or a value that does not fit, with line and field.
    """
    definition = toml_file.decode(data, LayerDefinition)
    for path, reason in misfits(definition):
        raise toml_file.fault_at(toml_file.toml_text(data), path, reason)
    return definition


def misfits(definition: LayerDefinition) -> Iterator[tuple[toml_file.Path, str]]:
    """Where and why a well-formed definition cannot be used."""
    if not LAYER_ID.fullmatch(definition.id):
        yield ("id",), "须为小写字母、数字、下划线 / must be lower-case letters, digits and underscores"
    if not SERIAL.fullmatch(definition.serial):
        yield ("serial",), "须为大写字母和数字 / must be capital letters and digits"
    if not definition.geometry_types:
        yield ("geometry_types",), "至少一种几何类型 / at least one geometry type"
    yield from _field_misfits(definition)


def _field_misfits(definition: LayerDefinition) -> Iterator[tuple[toml_file.Path, str]]:
    seen = {f.key for f in COMMON_FIELDS}
    for index, field in enumerate(definition.fields):
        if not KEY.fullmatch(field.key) or field.key in ("id", "geometry"):
            yield ("fields", index, "key"), f"「{field.key}」不能作字段名 / “{field.key}” cannot be a field key"
        if field.key in seen:
            yield ("fields", index, "key"), f"字段 {field.key} 重复 / field {field.key} is there already"
        if field.type == "code" and not field.codes:
            yield ("fields", index, "codes"), "代码字段须列出代码 / a code field needs its codes"
        seen.add(field.key)


def _table(value: Any) -> str:
    return "".join(f"{key} = {_inline(item)}\n" for key, item in _given(value))


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if item is not None and item != default:
            yield field.name, item


def _inline(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        return "{ " + ", ".join(f"{key} = {_inline(item)}" for key, item in _given(value)) + " }"
    if isinstance(value, tuple):
        return _array(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else json.dumps(value)


def _array(values: tuple[Any, ...]) -> str:
    if values and dataclasses.is_dataclass(values[0]):
        return "[\n" + "".join(f"    {_inline(v)},\n" for v in values) + "]"
    return "[" + ", ".join(_inline(v) for v in values) + "]"
