"""QGIS Server beside our print room: a project of the same sheet, and a warm FastCGI process that answers GetPrint.

The peer gets its best: layers as GeoPackage in the map's own CRS with a spatial index, looks settled beforehand, two
rendering threads, our typeface, and no web server in between. ``apt-get install qgis-server python3-qgis`` brings it;
nothing but this benchmark needs it.
"""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import geopandas
import pikepdf
import pyogrio

from geo_service.core.crs import PROJECTED
from geo_service.core.features import Feature
from geo_service.rendering.printing.frame import FIT_SCALES, Bounds
from geo_service.rendering.printing.layers import PrintLayer, arranged
from geo_service.rendering.printing.marks import radius_mm, width_mm
from geo_service.rendering.printing.pages import Sheet
from geo_service.rendering.printing.scene import Scene
from geo_service.rendering.symbols import Symbol, SymbolClass, drawn_class, is_illustrative

SERVER = Path(os.environ.get("QGIS_SERVER", "/usr/lib/cgi-bin/qgis_mapserv.fcgi"))
PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
SCRIPT = Path(__file__).with_name("qgis_project.py")
FRAME_MM = (15.4, 26.8, 300, 250)
LONGEST_S = 120.0
BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
"""Record types of FastCGI 1.0."""


def missing() -> str:
    """What keeps GetPrint from being measured, empty where nothing does."""
    if not SERVER.exists():
        return f"{SERVER} is not there: apt-get install qgis-server python3-qgis"
    asked = subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, check=False)
    return "" if asked.returncode == 0 else f"{PYTHON} has no qgis.core: apt-get install python3-qgis"


# ---------------------------------------------------------------- the project
def write_project(sheet: Sheet, layers: Iterable[PrintLayer], folder: Path) -> Path:
    """The same layers, looks, names, blocks and scale as a QGIS project with the layouts ``sheet`` and ``atlas``."""
    scene, told = sheet.scenes[0], folder / "sheet.json"
    told.write_text(json.dumps(_described(sheet, scene, arranged(layers), folder), ensure_ascii=False), "utf-8")
    project = folder / "sheet.qgs"
    command = [PYTHON, str(SCRIPT), str(told), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(folder), check=False)
    if done.returncode or not project.exists():
        raise RuntimeError(f"no project: {done.stderr[-1000:]}")
    return project


def _described(sheet: Sheet, scene: Scene, layers: Iterable[PrintLayer], folder: Path) -> dict[str, Any]:
    table = scene.table_layer
    block = (324, 230, 86, 4)
    return {
        "paper": (sheet.pages[0].width_mm, sheet.pages[0].height_mm),
        "frame": FRAME_MM,
        "bounds": scene.frame.bounds,
        "district": scene.frame.bounds,
        "scales": FIT_SCALES,
        "atlas": "subdistricts",
        "table": table.id if table else "",
        "columns": ["id", "name"],
        "layers": [_layer(layer, scene, folder) for layer in layers],
        "texts": [
            (sheet.title, 7, (15.4, 6.5, 300, 10)),
            (f"共 {scene.drawn} 处", 3.2, (15.4, 15.4, 300, 5)),
            *((words, 2.5, (block[0], block[1] + 6 * n, block[2], block[3])) for n, words in enumerate(TITLE_BLOCK)),
            ("资料来源：各图层；本图为规划示意，不作权属依据", 2.5, (15.4, 292.4, 394, 4)),
        ],
    }


TITLE_BLOCK = ("编制单位", "图号", "比例尺", "坐标系 CGCS2000", "数据版本", "制图日期", "制图", "审核", "审图号")


def _layer(layer: PrintLayer, scene: Scene, folder: Path) -> dict[str, Any]:
    kind = layer.definition.kind
    looks = [_look(layer.symbol(kind), f) for f in layer.features]
    classes = {key: _class(layer.symbol(kind), found) | {"key": key} for key, found in looks}
    return {
        "id": layer.id,
        "title": layer.definition.title.zh,
        "file": str(_package(layer, [key for key, _ in looks], folder)),
        "kind": kind,
        "classes": list(classes.values()),
        "label": _label(layer, scene),
    }


def _look(symbol: Symbol, feature: Feature) -> tuple[str, SymbolClass]:
    found = drawn_class(symbol, feature.properties)
    return f"{found.key}{' 示意' if is_illustrative(feature.properties) else ''}", found


def _class(symbol: Symbol, found: SymbolClass) -> dict[str, Any]:
    point = symbol.kind == "point"
    lengths = [float(part) / 10 for part in found.dash.split()]
    return {
        "kind": symbol.kind,
        "title": found.title.zh,
        "color": found.color,
        "fill": found.fill,
        "dash": lengths,
        "hatch": found.hatch,
        "shape": symbol.shape,
        "glyph": found.glyph,
        "size": 2 * radius_mm(symbol) if point else width_mm(symbol),
    }


def _label(layer: PrintLayer, scene: Scene) -> dict[str, Any] | None:
    """Type and ink of the layer's names as our sheet has them; None where it has none."""
    placed = next((p.label for p in scene.placed if p.label.layer == layer.id), None)
    if placed is None:
        return None
    told = {"size": placed.size, "bold": placed.bold, "color": placed.fill, "priority": max(0, 10 - int(placed.rank))}
    return told | {"field": "number" if placed.number else "name"}


def _package(layer: PrintLayer, looks: list[str], folder: Path) -> Path:
    path = folder / f"{layer.id}.gpkg"
    columns = {
        "id": [f.id for f in layer.features],
        "name": [f.name for f in layer.features],
        "number": [f.id.rpartition("-")[2].lstrip("0") for f in layer.features],
        "look": looks,
    }
    frame = geopandas.GeoDataFrame(columns, geometry=list(layer.geometry), crs=f"EPSG:{PROJECTED}")
    kind = {"point": "MultiPoint", "line": "MultiLineString", "polygon": "MultiPolygon"}[layer.definition.kind]
    pyogrio.write_dataframe(frame, path, driver="GPKG", layer=layer.id, geometry_type=kind, promote_to_multi=True)
    return path


# ---------------------------------------------------------------- the server
@dataclass(frozen=True)
class Server:
    """A process of QGIS Server that is kept, and where it listens."""

    address: tuple[str, int]
    pid: int
    project: Path
    extents: Mapping[str, Bounds]

    def sheet(self) -> bytes:
        """The layout ``sheet``; a map whose extent is not asked for would be left out."""
        return self._print("sheet", {f"{name}:EXTENT": _axes(bounds) for name, bounds in self.extents.items()})

    def atlas(self) -> bytes:
        """The layout ``atlas`` with a page for every subdistrict."""
        return self._print("atlas", {"ATLAS_PK": "*"})

    def _print(self, template: str, more: Mapping[str, str]) -> bytes:
        """The PDF of a layout.

        Raises
        ------
        RuntimeError
            The server refused, or what it sent is no PDF.
        """
        words = {"SERVICE": "WMS", "VERSION": "1.3.0", "REQUEST": "GetPrint", "FORMAT": "pdf", "DPI": "300"}
        words |= {"MAP": str(self.project), "TEMPLATE": template, "CRS": f"EPSG:{PROJECTED}"}
        body = ask(self.address, urlencode({**words, **more}))
        if not body.startswith(b"%PDF"):
            raise RuntimeError(f"GetPrint: {body[:300].decode('utf-8', 'replace')}")
        return body

    @property
    def memory_mb(self) -> float:
        """The most it has held."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _axes(bounds: Bounds) -> str:
    """Northing before easting, as the axes of EPSG:4548 stand and WMS 1.3 wants them."""
    west, south, east, north = bounds
    return f"{south},{west},{north},{east}"


@contextmanager
def serving(project: Path, extents: Mapping[str, Bounds]) -> Iterator[Server]:
    """QGIS Server on a port of its own; libfcgi takes the listening socket as its standard input."""
    quiet, environment = subprocess.DEVNULL, _environment(project.parent)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        subprocess.Popen([SERVER], stdin=listening, stdout=quiet, stderr=quiet, env=environment) as process,
    ):
        try:
            yield Server(listening.getsockname(), process.pid, project, extents)
        finally:
            process.kill()


def _environment(folder: Path) -> dict[str, str]:
    """Without a screen, with our print fonts for fontconfig, and nothing kept outside the folder."""
    from geo_service.settings import ROOT

    fonts = folder / "share" / "fonts"
    if not fonts.exists():
        fonts.parent.mkdir(exist_ok=True)
        fonts.symlink_to(ROOT / "var" / "assets" / "fonts")
    own = {name: str(folder) for name in ("HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR")}
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_DATA_HOME": str(folder / "share"),
        "QGIS_SERVER_PARALLEL_RENDERING": "1",
        "QGIS_SERVER_MAX_THREADS": "2",
        **own,
    }


def pages_of(pdf: bytes) -> int:
    """How many pages a PDF has."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return len(document.pages)


# ---------------------------------------------------------------- FastCGI
def ask(address: tuple[str, int], query: str) -> bytes:
    """The body of the answer to one GET (FastCGI 1.0, one request a connection)."""
    words = {
        "REQUEST_METHOD": "GET", "QUERY_STRING": query, "SCRIPT_NAME": "/qgis", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_URI": f"/qgis?{query}",
    }  # fmt: skip
    told = b"".join(_pair(name.encode(), value.encode()) for name, value in words.items())
    with socket.create_connection(address, timeout=LONGEST_S) as wire:
        begin = struct.pack(">HB5x", 1, 0)
        wire.sendall(_record(BEGIN, begin) + _record(PARAMS, told) + _record(PARAMS, b"") + _record(STDIN, b""))
        answer = b"".join(_answers(wire))
    return answer.partition(b"\n\n")[2]  # as QGIS ends its headers


def _pair(name: bytes, value: bytes) -> bytes:
    return b"".join(_length(len(part)) for part in (name, value)) + name + value


def _length(count: int) -> bytes:
    return bytes([count]) if count < 128 else struct.pack(">I", count | 0x80000000)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def _answers(wire: socket.socket) -> Iterator[bytes]:
    """What the server writes until it ends the request."""
    with wire.makefile("rb") as stream:
        while head := stream.read(8):
            _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
            content = stream.read(length)
            stream.read(padding)
            if kind == END:
                return
            if kind == STDOUT:
                yield content
