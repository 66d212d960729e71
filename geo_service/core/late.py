"""Heavy libraries, loaded at their first use: a process that only serves pages never pays for those of the analyses.

pandas and geopandas take 60 MB of each process and 0.4 s of its start, SciPy's parts 50 MB and 0.5 s. Names are those
of the libraries: ``from geo_service.core.late import pandas`` reads like ``import pandas`` in code and in annotations.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["geopandas", "pandas", "pyproj", "scipy"]


class LateModule(ModuleType):
    """A module that is imported when something of it is asked for; safe to share between threads."""

    def __getattr__(self, name: str) -> Any:
        """What the module itself has under this name."""
        return getattr(import_module(self.__name__), name)


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
