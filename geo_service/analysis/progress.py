"""How far a long question is: a callable that is told the share of the work done, 0 to 1, from the loops that do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Progress = Callable[[float], None]
"""Told the share that is done. It may raise, which ends the question there and then."""

Item = TypeVar("Item")

CHUNK = 50_000
"""So many cells take a tenth of a second or two, short enough to hear of and to be stopped between."""


def silent(_share: float) -> None:
    """Tell nobody."""


def stretch(progress: Progress, start: float, end: float) -> Progress:
    """A progress whose 0 to 1 is ``start`` to ``end`` of another."""
    return lambda share: progress(start + (end - start) * share)


def in_chunks(count: int, progress: Progress = silent, *, size: int = CHUNK) -> Iterator[slice]:
    """Slices that cover so many rows one after the other; each is told when it is done."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
        progress(min(start + size, count) / count)


def one_by_one(items: Sequence[Item], progress: Progress = silent) -> Iterator[Item]:
    """The items; each is told when it is done."""
    for number, item in enumerate(items, 1):
        yield item
        progress(number / len(items))
