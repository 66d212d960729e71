"""Stores the contract tests run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from geo_service.storage.store import LayerStore, open_store
from tests.storage.store_samples import Clock

StoreOpener = Callable[[], LayerStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def opener(database_url: str, home: Path, clock: Clock) -> Iterator[StoreOpener]:
    """Open the same store again, as another process would."""
    opened: list[LayerStore] = []

    def open_again() -> LayerStore:
        opened.append(open_store(database_url, home, clock))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: StoreOpener) -> LayerStore:
    return opener()
