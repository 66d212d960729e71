"""The files of layers/ as bytes, written or compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from geo_service.core.geojson import dump_collection, dump_line
from geo_service.storage.definitions import to_toml
from layer_builder import definitions, facts, features


def build(data: Path) -> dict[str, bytes]:
    """Every file of layers/ by name."""
    layers = definitions.read(data)
    found = features.build(facts.read(data), layers, compiled=definitions.compiled_on(data))
    files: dict[str, bytes] = {}
    for layer in layers:
        lines = [dump_line(f) for f in sorted(found[layer.id], key=lambda f: f.id)]
        files[f"{layer.id}.geojson"] = b"".join(dump_collection(layer.id, 1, lines))
        files[f"{layer.id}.toml"] = to_toml(layer).encode()
    return files


def differences(files: Mapping[str, bytes], folder: Path) -> Iterator[str]:
    """Names of files in a folder that are missing, different or too many."""
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(there | files.keys()):
        if name not in files or name not in there or (folder / name).read_bytes() != files[name]:
            yield name


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Make a folder hold these files and no other layer file."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.geojson"), *folder.glob("*.toml")]:
        if old.name not in files:
            old.unlink()
    for name, body in files.items():
        (folder / name).write_bytes(body)
