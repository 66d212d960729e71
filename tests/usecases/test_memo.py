"""The memory of derived values: bounded, and each value is worked out once."""

from __future__ import annotations

import contextlib
import threading

from geo_service.usecases.memo import Memo


def test_a_value_is_built_once_for_many_threads() -> None:
    memo: Memo[int] = Memo(10)
    calls: list[int] = []
    barrier = threading.Barrier(8)

    def build() -> int:
        calls.append(1)
        return 7

    def ask() -> None:
        barrier.wait()
        assert memo.get("k", build) == 7

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_the_oldest_goes_first_when_the_weight_is_too_much() -> None:
    memo: Memo[bytes] = Memo(10, len)
    built: list[str] = []

    def ask(key: str) -> None:
        memo.get(key, lambda: (built.append(key), b"x" * 5)[1])

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert built == ["a", "b", "c", "b"]


def test_a_failed_build_is_tried_again() -> None:
    memo: Memo[int] = Memo(10)
    answers = iter([ValueError("no"), 3])

    def build() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with contextlib.suppress(ValueError):
        memo.get("k", build)
    assert memo.get("k", build) == 3


def test_a_value_that_is_too_heavy_is_built_each_time_and_drives_nothing_out() -> None:
    memo: Memo[bytes] = Memo(100, len)
    built = []

    def build(size: int) -> bytes:
        built.append(size)
        return bytes(size)

    for _ in range(2):
        assert len(memo.get("small", lambda: build(20), heaviest=20)) == 20
        assert len(memo.get("large", lambda: build(21), heaviest=20)) == 21
    assert built == [20, 21, 21]
    assert memo.known("large") is None
