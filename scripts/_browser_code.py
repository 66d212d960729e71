"""Check the JSDoc types of our browser modules with the type checker in var/dev-tools."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILER = ROOT / "var" / "dev-tools" / "node_modules" / "typescript" / "bin" / "tsc"


def main() -> int:
    node, _ = load_assets_script().find_node()
    return subprocess.run([node, COMPILER, "--project", ROOT / "tsconfig.json", "--pretty"], check=False).returncode


def load_assets_script():
    """The module of scripts/assets, which knows where node is."""
    loader = SourceFileLoader("assets_script", str(ROOT / "scripts" / "assets"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
