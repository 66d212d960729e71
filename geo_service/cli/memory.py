"""Memory of several processes: what they share stays shared, and what an answer took goes back."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3
"""Numbers of ``mallopt`` in glibc."""
LARGE_BYTES = 4 << 20


def share() -> None:
    """Before a fork: leave what is there out of garbage collections, which would write to every page of it.

    Two processes and their parent held 45 MB more after their first full collection.
    """
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def bound() -> None:
    """Have freed memory given back: two heaps instead of one for each thread, large pieces always on their own.

    Nothing where the C library is not glibc.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in ((ARENA_MAX, 2), (MMAP_THRESHOLD, LARGE_BYTES), (TRIM_THRESHOLD, LARGE_BYTES)):
            library.mallopt(option, value)
