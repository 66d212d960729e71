"""What a worker can be asked to do."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from geo_service.core.crs import transformer
from geo_service.ingest import attachment, osm, pipeline, plain_table
from geo_service.ingest.limits import Limits


def _attempts(folder: Path) -> dict[str, Callable[[], object]]:
    outside = folder.parent / "outside"
    return {
        "socket": socket.socket,
        "read outside": (folder.parent / "secret").read_bytes,
        "read passwd": Path("/etc/passwd").read_bytes,
        "write outside": lambda: outside.write_bytes(b"x"),
        "link": lambda: (folder / "work" / "link").symlink_to("/etc/passwd"),
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  # must be refused
        "signal": lambda: os.kill(os.getppid(), 0),
        "write inside": lambda: (folder / "work" / "inside").write_bytes(b"x"),
    }


def probe(folder: Path, limits: Limits) -> None:
    """Try what a worker must not be able to do, and leave what happened: ``done`` or the error's name."""
    answers = {}
    for name, attempt in _attempts(folder).items():
        try:
            attempt()
        except OSError as error:
            answers[name] = type(error).__name__
        else:
            answers[name] = "done"
    answers["limit"] = str(limits.wall_s)
    (folder / "out" / "result.json").write_bytes(msgspec.json.encode(answers))


def wait(folder: Path, _limits: Limits) -> None:
    """Do nothing until stopped; for seeing the queue, cancelling and the time limit at work."""
    (folder / "out" / "progress.json").write_bytes(b'{"stage":"waiting on purpose"}')
    read_end, _ = os.pipe()
    os.read(read_end, 1)


def exhaust(folder: Path, limits: Limits) -> None:
    """Ask for more memory than the limit."""
    (folder / "work" / "size").write_text(str(len(bytearray(limits.memory_bytes))), encoding="ascii")


TASKS: Mapping[str, Callable[[Path, Limits], None]] = {
    "attachment": attachment.inspect,
    "examine": pipeline.run,
    "osm": osm.read_job,
    "table": plain_table.read_job,
    "probe": probe,
    "wait": wait,
    "exhaust": exhaust,
}


def warm() -> None:
    """Load and make once, before the first fork, what every worker would again: the reader of workbooks, not GDAL, and
    PROJ's transformations between degrees and metres."""
    importlib.import_module("openpyxl")
    transformer(4490, 4548)
    transformer(4548, 4490)
