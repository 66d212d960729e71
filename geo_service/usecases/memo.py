"""Remember what was worked out from a revision: it never changes, so it never goes stale."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memo(Generic[Value]):
    """A bounded memory of computed values, least recently used out first.

    Two threads that ask for the same missing key compute it once: the second waits for the first. ``weigh`` gives the
    weight of a value (default 1 each); the sum of weights stays at or below ``limit``.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()
        self._building: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, build: Callable[[], Value], *, heaviest: int | None = None) -> Value:
        """The value of ``key``, built by ``build()`` where it is not known; one above ``heaviest`` is not kept."""
        found, value = self._look_up(key)
        if found:
            return value  # type: ignore[return-value]  # found tells that it is a Value
        with self._lock:
            gate = self._building.setdefault(key, threading.Lock())
        with gate:
            found, value = self._look_up(key)
            if not found:
                value = build()
                self._keep(key, value, heaviest)
            return value  # type: ignore[return-value]  # built or found

    def known(self, key: Hashable) -> Value | None:
        """The value of ``key``, None where it is not known."""
        return self._look_up(key)[1]

    def forget(self, key: Hashable) -> None:
        """Build the value of ``key`` anew when it is asked for again."""
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))

    def _look_up(self, key: Hashable) -> tuple[bool, Value | None]:
        with self._lock:
            if key not in self._values:
                return False, None
            self._values.move_to_end(key)
            return True, self._values[key]

    def _keep(self, key: Hashable, value: Value, heaviest: int | None) -> None:
        with self._lock:
            self._building.pop(key, None)
            if heaviest is not None and self._weigh(value) > heaviest:
                return
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit and len(self._values) > 1:
                _, old = self._values.popitem(last=False)
                self._weight -= self._weigh(old)
