"""Heavy libraries, loaded at their first use: a process that only serves pages never pays for those of the analyses.

pandas and geopandas take 60 MB of each process and 0.4 s of its start, SciPy's parts 50 MB and 0.5 s. Names are those
of the libraries: ``from geo_service.core.late import pandas`` reads like ``import pandas`` in code and in annotations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["geopandas", "pandas", "pyproj", "scipy", "without"]


class LateModule(ModuleType):
    """A module that is imported when something of it is asked for; safe to share between threads."""

    def __getattr__(self, name: str) -> Any:
        """What the module itself has under this name."""
        return getattr(import_module(self.__name__), name)


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Have other libraries believe that these are not there: they take what they find, whether or not it is needed.

    What is loaded already stays.
    """
    refused = [name for name in names if name not in sys.modules]
    for name in refused:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to have an import refused
    try:
        yield
    finally:
        for name in refused:
            del sys.modules[name]


if TYPE_CHECKING:
    import geopandas
    import pandas
    import pyproj
    import scipy
else:
    geopandas = LateModule("geopandas")
    pandas = LateModule("pandas")
    pyproj = LateModule("pyproj")
    scipy = LateModule("scipy")
