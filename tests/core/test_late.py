"""Heavy libraries are loaded at their first use, and are then the libraries themselves."""

from __future__ import annotations

import subprocess
import sys

import pandas

from geo_service.core import late
from geo_service.settings import ROOT

HEAVY = ("geopandas", "pandas", "pyproj", "scipy", "pypinyin", "pyogrio", "fiona", "openpyxl", "matplotlib")


def test_a_web_process_starts_without_the_libraries_of_the_analyses() -> None:
    code = f"import sys, geo_service.deployment, geo_service.web.app; print(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [], "import them in functions, or from geo_service.core.late"


def test_a_late_module_gives_what_the_library_has() -> None:
    assert late.pandas.DataFrame is pandas.DataFrame
    assert not hasattr(late.pandas, "no_such_name")
