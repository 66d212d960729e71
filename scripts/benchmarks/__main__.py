"""Run one benchmark: ``scripts/bench NAME [OPTIONS]``; without a name the list of them."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import scripts.benchmarks

PARTS = {
    "atlas_beside_the_map",
    "city",
    "encode_each_time",
    "getprint",
    "outcome",
    "parcels",
    "peers",
    "qgis_project",
    "services",
}
"""Modules of the benchmarks that are none themselves."""


def main() -> int:
    names = sorted({m.name for m in pkgutil.iter_modules(scripts.benchmarks.__path__)} - PARTS - {"__main__"})
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"scripts/bench {'|'.join(names)} [OPTIONS]", file=sys.stderr)
        return 2
    return import_module(f"scripts.benchmarks.{sys.argv[1]}").main(sys.argv[2:])


sys.exit(main())
