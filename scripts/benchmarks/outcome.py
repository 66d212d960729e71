"""What a benchmark found: figures with their bars, printed as a table and kept as JSON with the machine they are of."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import operator
import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "bench-results"
LIBRARIES = ("folium", "Flask", "waitress", "geopandas", "shapely", "numpy", "SQLAlchemy")
COMPARE: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Figure:
    """One measured value; ``bar`` such as ``("<=", 0.8)`` is what it is held to."""

    name: str
    value: float
    unit: str
    bar: tuple[str, float] | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.bar is None else COMPARE[self.bar[0]](self.value, self.bar[1])


@dataclass
class Outcome:
    """The figures of one run."""

    benchmark: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, bar: tuple[str, float] | None = None, note: str = "") -> None:
        self.figures.append(Figure(name, value, unit, bar, note))
        print(_line(self.figures[-1]), flush=True)

    def finish(self) -> int:
        """Keep the figures; 1 where a bar is missed, else 0."""
        missed = [f.name for f in self.figures if f.met is False]
        now = datetime.datetime.now(datetime.UTC)
        body = {
            "benchmark": self.benchmark,
            "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(),
            "figures": [{**vars(f), "met": f.met} for f in self.figures],
        }
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.benchmark}-{now:%Y%m%dT%H%M%SZ}.json"
        path.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", "utf-8")
        print(f"\n{path.relative_to(ROOT)}" + (f"\nmissed: {', '.join(missed)}" if missed else "\nall bars are met"))
        return 1 if missed else 0


def _line(figure: Figure) -> str:
    mark = {None: " ", True: "✓", False: "✗"}[figure.met]
    bar = f"{figure.bar[0]} {figure.bar[1]:g}" if figure.bar else ""
    return f"{mark} {figure.name:<58}{figure.value:>12,.4g} {figure.unit:<10}{bar:<10}{figure.note}".rstrip()


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
