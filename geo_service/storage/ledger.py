"""The plan ledger and the table of standards, read from TOML files."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from geo_service.core.plan import Commitment, Indicator, Ledger
from geo_service.core.text import Text
from geo_service.errors import BrokenLedgerFile
from geo_service.storage import toml_file
from geo_service.storage.file_fault import FileFault

Value = TypeVar("Value")
COUNTED = frozenset({"exact", "at_least", "stock", "shared_total"})
"""Quantity kinds that need a target."""
Misfit = tuple[toml_file.Path, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A figure of a code, plan or guide. A ``value`` of two numbers is a range; ``status`` tells how sure it is: read
    in the source, quoted by another text, not confirmed, or arithmetic."""

    key: str
    title: Text
    value: float | tuple[float, float]
    unit: str
    standard: str = ""
    clause: str = ""
    status: Literal["read", "secondary", "unverified", "arithmetic"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    id: str
    title: Text


@dataclass(frozen=True, slots=True)
class _LedgerFile:
    plan: _Plan
    commitments: tuple[Commitment, ...]
    indicators: tuple[Indicator, ...] = ()


@dataclass(frozen=True, slots=True)
class _StandardsFile:
    standards: tuple[Standard, ...]


def read_ledger(path: Path) -> Ledger:
    """The plan ledger of a TOML file; commitments without ``unnamed`` leave that number open.

    Raises
    ------
    BrokenLedgerFile
        The file is missing or does not read, an id stands twice, an indicator names no commitment, a date is no
        date, or a target is missing; with line and field.
    """
    data = _read(path)
    file = _decode(path, data, _LedgerFile)
    _refuse(path, data, _ledger_misfits(file))
    return Ledger(file.plan.id, file.plan.title, file.commitments, file.indicators)


def read_standards(path: Path) -> tuple[Standard, ...]:
    """The standards of a TOML file, in its order.

    Raises
    ------
    BrokenLedgerFile
        The file is missing or does not read, or a key stands twice; with line and field.
    """
    data = _read(path)
    file = _decode(path, data, _StandardsFile)
    _refuse(path, data, _twice("standards", "key", file.standards))
    return file.standards


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BrokenLedgerFile(file=path.name, line=0, field="", reason=error.strerror or str(error)) from error


def _decode(path: Path, data: bytes, kind: type[Value]) -> Value:
    try:
        return toml_file.decode(data, kind, prepare=_open_unnamed)
    except FileFault as fault:
        raise _broken(path, fault) from fault


def _open_unnamed(body: dict[str, Any]) -> None:
    rows = body.get("commitments")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            row.setdefault("unnamed", None)


def _broken(path: Path, fault: FileFault) -> BrokenLedgerFile:
    return BrokenLedgerFile(file=path.name, line=fault.line, field=fault.field, reason=fault.reason)


def _refuse(path: Path, data: bytes, misfits: Iterator[Misfit]) -> None:
    for place, reason in misfits:
        raise _broken(path, toml_file.fault_at(toml_file.toml_text(data), place, reason))


def _ledger_misfits(file: _LedgerFile) -> Iterator[Misfit]:
    yield from _twice("commitments", "id", file.commitments)
    yield from _twice("indicators", "id", file.indicators)
    for index, commitment in enumerate(file.commitments):
        for field, reason in _commitment_misfits(commitment):
            yield ("commitments", index, field), reason
    known = {c.id for c in file.commitments}
    for index, indicator in enumerate(file.indicators):
        if indicator.commitment and indicator.commitment not in known:
            yield ("indicators", index, "commitment"), f"没有任务 {indicator.commitment} / no such commitment"


def _commitment_misfits(commitment: Commitment) -> Iterator[tuple[str, str]]:
    if commitment.due and not _is_date(commitment.due):
        yield "due", f"「{commitment.due}」不是日期 / “{commitment.due}” is not a date (YYYY-MM-DD)"
    if commitment.quantity.kind in COUNTED and commitment.quantity.target is None:
        yield "quantity", f"{commitment.quantity.kind} 须有 target / {commitment.quantity.kind} needs a target"
    if not commitment.clause:
        yield "clause", "原文为空 / the clause is empty"


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _twice(table: str, key: str, rows: Sequence[Any]) -> Iterator[Misfit]:
    seen: set[str] = set()
    for index, row in enumerate(rows):
        value = getattr(row, key)
        if value in seen:
            yield (table, index, key), f"{value} 出现两次 / {value} stands twice"
        seen.add(value)
