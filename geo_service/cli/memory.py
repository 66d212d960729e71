"""Memory of several processes: what they share stays shared, and what an answer took goes back."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3
"""Numbers of ``mallopt`` in glibc."""
LARGE_BYTES = 4 << 20
LOOK_EVERY_S, IDLE_S = 5.0, 0.02
"""When is looked, and how much processor time a process takes that does nothing meanwhile."""
GROWN_BYTES = 8 << 20
"""By how much a process is larger than it was at its smallest, before freed pieces are looked for."""


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


def give_back() -> None:
    """From now on, every few seconds: have what many threads freed between pieces in use given back, once it is much.

    Eight threads that cut tiles of a million areas left 70 MB. Nothing where there is no ``/proc`` or no glibc.
    """
    with suppress(OSError, AttributeError):
        trim = ctypes.CDLL(None).malloc_trim
        threading.Thread(target=_give_back, args=(trim, own_bytes()), name="memory", daemon=True).start()


def _give_back(trim: Callable[[int], int], least: int) -> None:
    worked_s = time.process_time()
    while True:
        time.sleep(LOOK_EVERY_S)
        least = min(least, own_bytes())
        if time.process_time() - worked_s > IDLE_S and own_bytes() > least + GROWN_BYTES:
            trim(0)
            worked_s = time.process_time()


def own_bytes() -> int:
    """Memory of this process that is no file's."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
