"""What a running service is made of, for the status page."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

import shapely

from geo_service import __version__
from geo_service.core.late import pyproj
from geo_service.settings import SETTINGS, Setting, Settings

LIBRARIES = ("folium", "Flask", "geopandas", "shapely", "pyproj", "pyogrio", "SQLAlchemy", "Babel", "msgspec", "brotli")
SENSITIVE = frozenset({"home", "host", "database", "layers", "data", "basemaps"})
"""Settings that tell about the machine: their values are for administrators."""


@dataclass(frozen=True, slots=True)
class Component:
    """A piece of software with its version and licence."""

    name: str
    version: str
    licence: str
    files: int = 0


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting with its value as a reader may see it (None: hidden); ``changed`` tells that it is not the default."""

    setting: Setting
    value: str | None
    changed: bool


def components() -> tuple[Component, ...]:
    """The service, the interpreter and the main libraries."""
    own = (
        Component("geo_service", __version__, ""),
        Component("Python", platform.python_version(), "PSF-2.0"),
        Component("PROJ", pyproj.proj_version_str, "MIT"),
        Component("GEOS", shapely.geos_version_string, "LGPL-2.1"),
    )
    return (*own, *_libraries())


def assets(manifest: Mapping[str, Any]) -> tuple[Component, ...]:
    """The browser assets and fonts of the manifest, one row for each package."""
    counts: dict[tuple[str, str, str], int] = {}
    for entry in manifest["files"].values():
        key = (str(entry["package"]), str(entry["version"]), str(entry["licence"]))
        counts[key] = counts.get(key, 0) + 1
    return tuple(Component(*key, files) for key, files in sorted(counts.items()))


def setting_values(settings: Settings, *, all_values: bool) -> tuple[SettingValue, ...]:
    """Every setting in the order of the README; what tells about the machine only with ``all_values``."""
    return tuple(_setting_value(s, settings, all_values=all_values) for s in SETTINGS)


def _setting_value(setting: Setting, settings: Settings, *, all_values: bool) -> SettingValue:
    value = getattr(settings, setting.name)
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else "" if value is None else str(value)
    shown = all_values or setting.name not in SENSITIVE
    changed = not text.endswith(setting.default) if setting.name in SENSITIVE else text != setting.default
    return SettingValue(setting, re.sub(r"://[^/@]*@", "://***@", text) if shown else None, changed)


def _libraries() -> Iterator[Component]:
    for name in LIBRARIES:
        try:
            about = metadata(name)
        except PackageNotFoundError:
            continue
        yield Component(name, about["Version"], _licence(about))


def _licence(about: Any) -> str:
    stated = about.get("License-Expression") or about.get("License") or ""
    if stated and len(stated) < 40:
        return str(stated)
    classified = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License")]
    return " / ".join(classified)
