"""Check the data as shipped: layers against their definitions, the ledger, and each against the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo_service.core.plan import Commitment, Ledger
from geo_service.core.text import Text
from geo_service.errors import BrokenBasemapFile, BrokenLedgerFile
from geo_service.rendering import symbols
from geo_service.settings import Settings
from geo_service.storage.basemap_file import read_basemaps
from geo_service.storage.ledger import read_ledger, read_standards
from geo_service.storage.seed import SeedLayer, SeedProblem, read_seed

LEDGER_FILE = "plan_2025.toml"
STANDARDS_FILE = "standards.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a file; ``text`` says all of it, ``blocking`` whether it keeps the file out."""

    file: str
    line: int = 0
    field: str = ""
    blocking: bool
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """The outcome of a check: what was read and what is wrong."""

    layers: int
    features: int
    commitments: int
    problems: tuple[Problem, ...]

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """Problems that keep a file out."""
        return tuple(p for p in self.problems if p.blocking)


def check_data(settings: Settings) -> DataCheck:
    """What is wrong in the folders of layers and of data; nothing is written."""
    seed = read_seed(settings.layers)
    ledger, faults = _read_plan(settings.data)
    crossed = [*_symbols(seed.layers)]
    if ledger:
        crossed += [*_missing_layers(ledger, seed.layers), *_strange_commitments(ledger, seed.layers)]
    return DataCheck(
        layers=len(seed.layers),
        features=sum(len(layer.features) for layer in seed.layers),
        commitments=len(ledger.commitments) if ledger else 0,
        problems=(*map(_seed_problem, seed.problems), *faults, *crossed, *_basemap_problems(settings)),
    )


def _read_plan(data: Path) -> tuple[Ledger | None, list[Problem]]:
    faults: list[Problem] = []
    ledger: Ledger | None = None
    try:
        ledger = read_ledger(data / LEDGER_FILE)
    except BrokenLedgerFile as error:
        faults.append(_file_problem(error))
    try:
        read_standards(data / STANDARDS_FILE)
    except BrokenLedgerFile as error:
        faults.append(_file_problem(error))
    return ledger, faults


def _seed_problem(problem: SeedProblem) -> Problem:
    text = Text(problem.sentence("zh"), problem.sentence("en"))
    return Problem(file=problem.file, line=problem.line, field=problem.field, blocking=problem.blocking, text=text)


def _basemap_problems(settings: Settings) -> Iterator[Problem]:
    if settings.basemaps is not None:
        try:
            read_basemaps(settings.basemaps)
        except BrokenBasemapFile as error:
            yield _file_problem(error)


def _file_problem(error: BrokenLedgerFile | BrokenBasemapFile) -> Problem:
    text = Text(error.sentence("zh"), error.sentence("en"))
    params = error.params
    return Problem(
        file=str(params["file"]),
        line=int(str(params["line"])),
        field=str(params["field"]),
        blocking=True,
        text=text,
    )


def _symbols(layers: Sequence[SeedLayer]) -> Iterator[Problem]:
    for layer in layers:
        name, file = layer.definition.symbol, f"{layer.definition.id}.toml"
        if name not in symbols.NAMES:
            known = ", ".join(symbols.NAMES)
            text = Text(
                f"{file}：符号「{name}」不在符号表中；可用：{known}",
                f"{file}: symbol “{name}” is not in the symbol table; use one of {known}",
            )
            yield Problem(file=file, field="symbol", blocking=True, text=text)


def _missing_layers(ledger: Ledger, layers: Sequence[SeedLayer]) -> Iterator[Problem]:
    """Commitments of the ledger whose layer is not there, and commitments a layer names that are not in the ledger."""
    known = {layer.definition.id for layer in layers}
    for commitment in ledger.commitments:
        if commitment.layer and commitment.layer not in known:
            yield _no_layer(commitment)
    promised = {c.id for c in ledger.commitments}
    for layer in layers:
        for name in layer.definition.commitments:
            if name not in promised:
                yield _no_commitment(f"{layer.definition.id}.toml", name, "commitments")


def _strange_commitments(ledger: Ledger, layers: Sequence[SeedLayer]) -> Iterator[Problem]:
    """Features that say they belong to a commitment the ledger has not."""
    promised = {c.id for c in ledger.commitments}
    for layer in layers:
        for feature in layer.features:
            name = str(feature.properties.get("commitment") or "")
            if name and name not in promised:
                yield _no_commitment(f"{layer.definition.id}.geojson {feature.id}", name, "commitment")


def _no_layer(commitment: Commitment) -> Problem:
    text = Text(
        f"{LEDGER_FILE}：任务 {commitment.id} 的图层「{commitment.layer}」不存在或未能读入",
        f"{LEDGER_FILE}: commitment {commitment.id} names layer “{commitment.layer}”, which is not there or not read",
    )
    return Problem(file=LEDGER_FILE, field="layer", blocking=False, text=text)


def _no_commitment(place: str, name: str, field: str) -> Problem:
    text = Text(f"{place}：计划台账中没有任务「{name}」", f"{place}: the ledger has no commitment “{name}”")
    return Problem(file=place.partition(" ")[0], field=field, blocking=False, text=text)
