"""The field's servers with the parcels in them, each set up as its own documents advise for production.

pygeoapi and tipg (PyPI, each in an environment of its own under var/bench-peers) read one table of PostGIS with a
spatial index and an index on ``name``; MapServer and QGIS Server (Debian) are two FastCGI processes each behind nginx,
reading one FlatGeobuf file. Every server has two processes, as ours has; one that is not there says what to install.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from scripts.benchmarks.outcome import ROOT
from tests.postgis import Cluster

ENVIRONMENTS = ROOT / "var" / "bench-peers"
PYGEOAPI = ("pygeoapi==0.21.0", "psycopg2-binary==2.9.13", "GeoAlchemy2==0.20.0", "gunicorn==27.0.1")
TIPG = ("tipg==1.6.1", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0")
LONGEST_S = 90.0
PROCESSES = 2
MAPSERV, QGIS = Path("/usr/lib/cgi-bin/mapserv"), Path("/usr/lib/cgi-bin/qgis_mapserv.fcgi")
Make = Callable[..., str]


@dataclass
class Peer:
    """A running server: its address, and per question how its path is made."""

    name: str
    address: str
    paths: dict[str, Make]
    processes: list[int] = field(default_factory=list)


def swapped(bbox: str) -> str:
    """Latitude before longitude, as WFS 2.0 and WMS 1.3 want it."""
    west, south, east, north = bbox.split(",")
    return f"{south},{west},{north},{east}"


class Room:
    """The folder of one run with the same parcels in every form a server reads."""

    def __init__(self, folder: Path, layer: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.layer = layer
        self.stack = stack
        self._cluster: tuple[Cluster, str] | None = None

    def flatgeobuf(self) -> Path:
        """The parcels with a spatial index."""
        import pyogrio

        path = self.folder / "parcels.fgb"
        if not path.exists():
            frame = pyogrio.read_dataframe(self.layer, fid_as_index=False)[["id", "name", "precision", "geometry"]]
            frame = frame.set_crs(4326, allow_override=True)
            pyogrio.write_dataframe(frame, path, driver="FlatGeobuf", geometry_type="Polygon")
        return path

    def table(self) -> tuple[Cluster, str]:
        """A private cluster with the parcels as a plain table, and the URL of its database."""
        if self._cluster is None:
            cluster = Cluster()
            self.stack.callback(cluster.remove)
            self._cluster = (cluster, cluster.new_database())
            self._fill(self._cluster[1])
        return self._cluster

    def _fill(self, url: str) -> None:
        import psycopg
        import pyogrio
        import shapely

        frame = pyogrio.read_dataframe(self.layer)
        shapes = shapely.to_wkb(shapely.set_srid(frame.geometry.values, 4326), hex=True, include_srid=True)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE parcels (id text PRIMARY KEY, name text, precision text, geom geometry(Polygon, 4326))"
            )
            rows = zip(frame["id"], frame["name"], frame["precision"], shapes, strict=True)
            with connection.cursor() as cursor, cursor.copy("COPY parcels FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            connection.execute("CREATE INDEX ON parcels USING gist (geom)")
            connection.execute("CREATE INDEX ON parcels (name)")
            connection.execute("ANALYZE parcels")


def database_of(url: str) -> str:
    """The name of the database in the URL of a cluster."""
    return url.split("/")[3].split("?", maxsplit=1)[0]


def start(room: Room, names: Sequence[str]) -> list[Peer]:
    """Those of the servers that are there; the others are named with the reason."""
    found = []
    for name in names:
        try:
            found.append(room.stack.enter_context(STARTERS[name](room)))
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"  {name}: not measured ({error})")
    return found


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The bin folder of an environment with these packages, installed at the first run."""
    folder = ENVIRONMENTS / name
    stamp = folder / "installed.txt"
    if not stamp.is_file() or stamp.read_text("utf-8") != "\n".join(requirements):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qqq", "--disable-pip-version-check"]
        subprocess.run([*pip, *requirements], check=True)
        stamp.write_text("\n".join(requirements), "utf-8")
    return folder / "bin"


# ---- pygeoapi and tipg on PostGIS


@contextmanager
def start_pygeoapi(room: Room) -> Iterator[Peer]:
    """pygeoapi with two gunicorn processes."""
    programs = environment("pygeoapi", PYGEOAPI)
    cluster, url = room.table()
    port, config, document = free_port(), room.folder / "pygeoapi.yml", room.folder / "openapi.yml"
    config.write_text(PYGEOAPI_CONFIG.format(port=port, folder=cluster.folder, database=database_of(url)))
    settings = {**os.environ, "PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(document)}
    generate = [programs / "pygeoapi", "openapi", "generate", config, "--output-file", document]
    subprocess.run(generate, env=settings, check=True, capture_output=True)
    command = [programs / "gunicorn", "-w", str(PROCESSES), "-b", f"127.0.0.1:{port}", "pygeoapi.flask_app:APP"]
    with process(command, settings, f"http://127.0.0.1:{port}/collections/parcels/items?f=json&limit=1") as running:
        items = "/collections/parcels/items?f=json"
        paths: dict[str, Make] = {
            "page": lambda limit: f"{items}&limit={limit}",
            "bbox": lambda bbox: f"{items}&limit=100&bbox={bbox}",
            "filter": lambda name: f"{items}&name={name}",
            "feature": lambda fid: f"/collections/parcels/items/{fid}?f=json",
        }
        yield Peer("pygeoapi on PostGIS", running[0], paths, [running[1], cluster.process])


@contextmanager
def start_tipg(room: Room) -> Iterator[Peer]:
    """tipg with two uvicorn processes on uvloop and httptools."""
    programs = environment("tipg", TIPG)
    cluster, url = room.table()
    port = free_port()
    settings = {
        **os.environ,
        "DATABASE_URL": f"postgresql://postgres@{quote(str(cluster.folder), safe='')}/{database_of(url)}",
        "TIPG_MAX_FEATURES_PER_QUERY": "10000000",
        "TIPG_DEFAULT_MINZOOM": "0",
    }
    command = [programs / "uvicorn", "tipg.main:app", "--workers", str(PROCESSES), "--port", str(port)]
    command += ["--log-level", "error", "--no-access-log"]
    with process(command, settings, f"http://127.0.0.1:{port}/collections/public.parcels/items?limit=1") as running:
        items = "/collections/public.parcels/items?f=geojson"
        paths: dict[str, Make] = {
            "page": lambda limit: f"{items}&limit={limit}",
            "bbox": lambda bbox: f"{items}&limit=100&bbox={bbox}",
            "filter": lambda name: f"{items}&name={name}",
            "feature": lambda fid: f"/collections/public.parcels/items/{fid}?f=geojson",
            "tile": lambda z, x, y: f"/collections/public.parcels/tiles/WebMercatorQuad/{z}/{x}/{y}",
            "whole": lambda: f"{items}&limit=10000000",
        }
        yield Peer("tipg on PostGIS", running[0], paths, [running[1], cluster.process])


# ---- MapServer and QGIS Server behind nginx


@contextmanager
def start_mapserver(room: Room) -> Iterator[Peer]:
    """MapServer as FastCGI: WFS 2.0 with GeoJSON, vector tiles, WMS 1.3."""
    if not MAPSERV.exists():
        raise RuntimeError("apt-get install cgi-mapserver")
    mapfile, config = room.folder / "parcels.map", room.folder / "mapserver.conf"
    mapfile.write_text(MAPFILE.format(data=room.flatgeobuf()))
    config.write_text(f'CONFIG\n ENV\n  MS_MAP_PATTERN "."\n  MS_MAPFILE "{mapfile}"\n END\nEND\n')
    settings = {**os.environ, "MAPSERVER_CONFIG_FILE": str(config)}
    wfs = "/?SERVICE=WFS&VERSION=2.0.0&REQUEST=GetFeature&TYPENAMES=ms:parcels&OUTPUTFORMAT=geojson"
    degrees = "&SRSNAME=EPSG:4326"
    paths: dict[str, Make] = {
        "page": lambda limit: f"{wfs}&COUNT={limit}",
        "bbox": lambda bbox: f"{wfs}{degrees}&COUNT=100&BBOX={swapped(bbox)},urn:ogc:def:crs:EPSG::4326",
        "filter": lambda name: f"{wfs}&FILTER={FES.format(key='name', value=name)}",
        "feature": lambda fid: f"{wfs}&FILTER={FES.format(key='id', value=fid)}",
        "whole": lambda: wfs,
        "tile": lambda z, x, y: f"/?mode=tile&tilemode=gmap&tile={x}+{y}+{z}&layers=parcels&map.imagetype=mvt",
        "map": lambda bbox: f"/?{WMS}&BBOX={swapped(bbox)}",
    }
    with fastcgi(room, "mapserver", MAPSERV, settings) as (address, numbers):
        yield Peer("MapServer on FlatGeobuf", address, paths, numbers)


@contextmanager
def start_qgis(room: Room) -> Iterator[Peer]:
    """QGIS Server as FastCGI: OGC API Features and WMS 1.3 of a project with the one layer."""
    if not QGIS.exists():
        raise RuntimeError("apt-get install qgis-server python3-qgis")
    project = room.folder / "parcels.qgs"
    make = ["/usr/bin/python3", "-c", QGIS_PROJECT, str(room.flatgeobuf()), str(project)]
    quiet = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(room.folder)}
    base = {"PATH": os.environ["PATH"], **quiet}
    subprocess.run(make, env=base, check=True, capture_output=True)
    settings = base | {"QGIS_PROJECT_FILE": str(project), "QGIS_SERVER_LOG_LEVEL": "2", "QGIS_SERVER_LOG_STDERR": "0"}
    wfs = "/?SERVICE=WFS&VERSION=1.1.0&REQUEST=GetFeature&TYPENAME=parcels&OUTPUTFORMAT=GeoJSON&SRSNAME=EPSG:4326"
    paths: dict[str, Make] = {
        "page": lambda limit: f"{wfs}&MAXFEATURES={limit}",
        "bbox": lambda bbox: f"{wfs}&MAXFEATURES=100&BBOX={bbox}",
        "filter": lambda name: f"{wfs}&EXP_FILTER=%22name%22%3D%27{name}%27",
        "feature": lambda fid: f"{wfs}&EXP_FILTER=%22id%22%3D%27{fid}%27",
        "whole": lambda: wfs,
        "map": lambda bbox: f"/?{WMS}&BBOX={swapped(bbox)}",
    }
    with fastcgi(room, "qgis", QGIS, settings) as (address, numbers):
        yield Peer("QGIS Server on FlatGeobuf", address, paths, numbers)


STARTERS = {"pygeoapi": start_pygeoapi, "tipg": start_tipg, "mapserver": start_mapserver, "qgis": start_qgis}


@contextmanager
def fastcgi(room: Room, name: str, program: Path, settings: dict[str, str]) -> Iterator[tuple[str, list[int]]]:
    """Two processes of a FastCGI program on one socket behind nginx: its address, the processes' numbers."""
    path = room.folder / f"{name}.socket"
    with socket.socket(socket.AF_UNIX) as listener, ExitStack() as stack:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen(128)
        quiet = subprocess.DEVNULL
        workers = [
            subprocess.Popen([program], stdin=listener.fileno(), env=settings, stdout=quiet, stderr=quiet)
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            stack.callback(end, worker)
        names = ("QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "SERVER_NAME", "SERVER_PORT", "REQUEST_URI")
        given = "".join(f"fastcgi_param {n} ${n.lower()}; " for n in names) + "fastcgi_param SCRIPT_NAME /; "
        address = stack.enter_context(nginx(room.folder, name, f"fastcgi_pass unix:{path}; {given}"))
        yield address, [worker.pid for worker in workers]


@contextmanager
def nginx(folder: Path, name: str, location: str) -> Iterator[str]:
    """nginx with two workers on a free port."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        raise RuntimeError("apt-get install nginx-light")
    port, room = free_port(), folder / f"nginx-{name}"
    room.mkdir()
    (room / "nginx.conf").write_text(NGINX.format(folder=room, port=port, location=location))
    command = [program, "-p", room, "-c", room / "nginx.conf", "-g", "daemon off;"]
    with process(command, dict(os.environ), f"http://127.0.0.1:{port}/?SERVICE=WMS&REQUEST=GetCapabilities") as (
        address,
        _,
    ):
        yield address


@contextmanager
def process(command: Sequence[str | Path], settings: dict[str, str], ready: str) -> Iterator[tuple[str, int]]:
    """The address of a server once it answers at ``ready``, and the number of its process."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=settings, stdout=quiet, stderr=quiet, cwd="/") as running:
        try:
            wait_for(ready, running)
            yield "/".join(ready.split("/")[:3]), running.pid
        finally:
            end(running)


def end(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.wait(20)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def wait_for(address: str, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=LONGEST_S):  # noqa: S310  # a loopback address of ours
                return
        except urllib.error.HTTPError:
            return  # it runs; whether it answers what it is asked, the first question shows
        except OSError:
            pass
        if running.poll() is not None:
            raise RuntimeError(f"{running.args!r} ended with {running.returncode}")
        time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


WMS = (
    "SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=parcels&STYLES=&CRS=EPSG:4326"
    "&WIDTH=512&HEIGHT=512&FORMAT=image/png"
)
FES = (
    "%3CFilter%3E%3CPropertyIsEqualTo%3E%3CPropertyName%3E{key}%3C/PropertyName%3E%3CLiteral%3E{value}%3C/Literal%3E"
    "%3C/PropertyIsEqualTo%3E%3C/Filter%3E"
)
NGINX = """worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
 client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
 uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; fastcgi_buffers 64 64k; fastcgi_buffer_size 64k;
 fastcgi_read_timeout 300s;
 server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }} }}
"""
MAPFILE = """MAP
 NAME "bench" EXTENT 117.1 39.06 117.19 39.15 SIZE 100 100 PROJECTION "init=epsg:4326" END
 OUTPUTFORMAT NAME "geojson" DRIVER "OGR/GEOJSON" MIMETYPE "application/json" FORMATOPTION "STORAGE=memory"
  FORMATOPTION "FORM=simple" END
 OUTPUTFORMAT NAME "mvt" DRIVER MVT FORMATOPTION "EDGE_BUFFER=64" END
 WEB METADATA "wfs_title" "bench" "ows_enable_request" "*" "ows_srs" "EPSG:4326 EPSG:3857"
  "ows_onlineresource" "http://127.0.0.1/" "wfs_getfeature_formatlist" "geojson" END END
 LAYER NAME "parcels" TYPE POLYGON STATUS ON CONNECTIONTYPE FLATGEOBUF DATA "{data}" EXTENT 117.1 39.06 117.19 39.15
  PROJECTION "init=epsg:4326" END
  METADATA "wfs_title" "parcels" "wms_title" "parcels" "gml_include_items" "all" "gml_featureid" "id"
   "wfs_getfeature_formatlist" "geojson" END
  CLASS STYLE COLOR 120 180 120 OUTLINECOLOR 40 90 40 END END
 END
END
"""
PYGEOAPI_CONFIG = """server:
  bind: {{host: 127.0.0.1, port: {port}}}
  url: http://127.0.0.1:{port}
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  languages: [en-US]
  limits: {{default_items: 100, max_items: 10000}}
  map: {{url: /none, attribution: none}}
logging: {{level: ERROR}}
metadata:
  identification:
    {{title: bench, description: bench, keywords: [bench], keywords_type: theme, terms_of_service: none, url: /none}}
  license: {{name: none, url: /none}}
  provider: {{name: bench, url: /none}}
  contact: {{name: bench}}
resources:
  parcels:
    type: collection
    title: parcels
    description: parcels
    keywords: [parcels]
    extents: {{spatial: {{bbox: [117.1, 39.06, 117.19, 39.15], crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}}}
    links: []
    providers:
      - type: feature
        name: PostgreSQL
        data: {{host: {folder}, port: 5432, dbname: {database}, user: postgres, password: none, search_path: [public]}}
        id_field: id
        table: parcels
        geom_field: geom
"""
QGIS_PROJECT = """
import sys
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsFillSymbol, QgsProject, QgsVectorLayer

data, target = sys.argv[1:]
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
layer = QgsVectorLayer(data, "parcels", "ogr")
layer.renderer().setSymbol(QgsFillSymbol.createSimple({"color": "120,180,120", "outline_color": "40,90,40"}))
layer.setShortName("parcels")
project.addMapLayer(layer)
project.writeEntry("WFSLayers", "/", [layer.id()])
project.writeEntry("WFSLayersPrecision", "/" + layer.id(), 7)
project.writeEntry("WMSCrsList", "/", ["EPSG:4326", "EPSG:3857"])
assert layer.isValid() and project.write(target)
project.clear()
application.exitQgis()
"""
