"""Layers as shipped: ``<id>.toml`` and ``<id>.geojson`` read, checked, and imported where the store lacks them."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.core.validation import Finding, check_features, register
from geo_service.errors import Conflict
from geo_service.storage import definitions
from geo_service.storage.file_fault import FileFault, decode_text
from geo_service.storage.layer_file import read_features, to_feature
from geo_service.storage.toml_file import fault_at, line_of, toml_text

if TYPE_CHECKING:
    from geo_service.storage.store import LayerStore

SEED_AUTHOR = "geo_service"

register(
    {
        "file-missing": (
            "block",
            Text("缺少文件 {missing}；请补上它，或删除 {present}", "has no {missing}; add it or remove {present}"),
        ),
        "file-unreadable": ("block", Text("无法读取：{reason}", "cannot be read: {reason}")),
        "file-not-utf8": (
            "block",
            Text(
                "不是 UTF-8 文本（字节 {reason}）；请另存为 UTF-8",
                "is not UTF-8 text (byte {reason}); save it as UTF-8",
            ),
        ),
        "serial-duplicate": (
            "block",
            Text(
                "编号段 {serial} 已由图层 {other} 使用；请换一个",
                "uses serial {serial} of layer {other}; choose another",
            ),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class SeedLayer:
    """A layer that read well."""

    definition: LayerDefinition
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class SeedProblem:
    """Something wrong in a layer file; ``line`` counts from 1 (0: the whole file), ``field`` may be empty."""

    file: str
    line: int
    field: str
    finding: Finding

    @property
    def blocking(self) -> bool:
        """Whether the layer is kept out because of it."""
        return self.finding.level == "block"

    def sentence(self, language: str = "zh") -> str:
        """File, place, what is wrong and what to do, in ``zh`` or ``en``."""
        return f"{self.file} {self.finding.sentence(language)}"


@dataclass(frozen=True, slots=True)
class Seed:
    """What a folder of layers holds: those that read well, and everything that is wrong with it."""

    layers: tuple[SeedLayer, ...]
    problems: tuple[SeedProblem, ...]


def read_seed(folder: Path) -> Seed:
    """Every layer of a folder, checked against its definition. A broken layer is left out; the others stay."""
    names = sorted({p.stem for p in (*folder.glob("*.toml"), *folder.glob("*.geojson"))})
    layers: list[SeedLayer] = []
    problems: list[SeedProblem] = []
    for name in names:
        found = list(_read_layer(folder, name, layers))
        problems += [item for item in found if isinstance(item, SeedProblem)]
        if not any(p.blocking for p in problems if p.file in (f"{name}.toml", f"{name}.geojson")):
            layers += [item for item in found if isinstance(item, SeedLayer)]
    return Seed(tuple(layers), tuple(problems))


def import_seed(store: LayerStore, seed: Seed) -> tuple[Revision, ...]:
    """Revision 1 of each layer that the store never had."""
    known = {state.definition.id for state in store.layers()}
    made: list[Revision] = []
    for layer in seed.layers:
        if layer.definition.id in known:
            continue
        with suppress(Conflict):  # another process was first, or the layer is retired
            note = f"首次启动导入 layers/{layer.definition.id}.geojson"
            made.append(store.create_layer(layer.definition, layer.features, author=SEED_AUTHOR, note=note))
    return tuple(made)


def _read_layer(folder: Path, name: str, before: Sequence[SeedLayer]) -> Iterator[SeedLayer | SeedProblem]:
    toml, geojson = folder / f"{name}.toml", folder / f"{name}.geojson"
    for missing, present in ((toml, geojson), (geojson, toml)):
        if not missing.exists():
            params = {"missing": missing.name, "present": present.name}
            yield SeedProblem(present.name, 0, "", Finding(code="file-missing", params=params))
            return
    path = toml
    try:
        definition = _read_definition(toml, before)
        path = geojson
        yield from _check_file(geojson, definition)
    except FileFault as fault:
        yield _fault(path, fault)
    except OSError as error:
        yield SeedProblem(path.name, 0, "", Finding(code="file-unreadable", params={"reason": str(error)}))


def _read_definition(path: Path, before: Sequence[SeedLayer]) -> LayerDefinition:
    data = path.read_bytes()
    definition = definitions.from_toml(data)
    text = toml_text(data)
    if definition.id != path.stem:
        reason = f"须与文件名一致：{path.stem} / must equal the file name: {path.stem}"
        raise fault_at(text, ("id",), reason)
    for other in before:
        if other.definition.serial == definition.serial:
            params = {"serial": definition.serial, "other": other.definition.id}
            line = line_of(text, ("serial",))
            raise FileFault(code="serial-duplicate", line=line, field="serial", params=params)
    return definition


def _check_file(path: Path, definition: LayerDefinition) -> Iterator[SeedLayer | SeedProblem]:
    text = decode_text(path.read_bytes())
    rows: list[tuple[int, Feature]] = []
    for line, body in read_features(text):
        try:
            rows.append((line, to_feature(body, line)))
        except FileFault as fault:
            yield _fault(path, fault)
    lines: list[str] = []
    for finding in check_features(definition, rows):
        lines = lines or text.split("\n")
        yield SeedProblem(path.name, _line_of(lines, rows, finding), finding.field or "", finding)
    yield SeedLayer(definition, tuple(feature for _, feature in rows))


def _fault(path: Path, fault: FileFault) -> SeedProblem:
    finding = Finding(code=fault.code, row=fault.line, field=fault.field or None, params=fault.params)
    return SeedProblem(path.name, fault.line, fault.field, finding)


def _line_of(lines: Sequence[str], rows: Sequence[tuple[int, Feature]], finding: Finding) -> int:
    """The line of the field's key within the feature, the feature's first line where it is not written there."""
    begin = finding.row or 1
    place = bisect_right(rows, begin, key=lambda row: row[0])
    end = rows[place][0] if place < len(rows) else len(lines) + 1
    key = re.compile(re.escape(json.dumps(finding.field or "", ensure_ascii=False)) + r"\s*:")
    return next((n for n in range(begin, end) if key.search(lines[n - 1])), begin)
