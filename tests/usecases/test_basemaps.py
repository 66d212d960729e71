"""The bureau's own basemaps, from files and from a service of our own that answers as 天地图 does."""

from __future__ import annotations

import datetime
import io
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import numpy
import pytest
from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from pyproj import Transformer

from geo_service.core import basemaps
from geo_service.core.basemaps import BasemapSource, source_rows
from geo_service.core.text import Text
from geo_service.errors import BasemapNotFound, BasemapUnavailable, BrokenBasemapFile
from geo_service.storage.basemap_file import read_basemaps
from geo_service.storage.tile_file import UnusableTileFile, open_tile_file, tile_id
from geo_service.storage.tile_service import tile_url
from geo_service.usecases.basemaps import Basemaps

NOW = datetime.datetime(2025, 11, 25, tzinfo=datetime.UTC)
HEAD = '[[basemap]]\nid = "own_tiles"\ntitle = { zh = "本局影像", en = "Imagery" }\nattribution = "测绘院"\n'


def picture(color: tuple[int, int, int], size: int = 256) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), color).save(out, "PNG")
    return out.getvalue()


def source(**values: Any) -> BasemapSource:
    given: dict[str, Any] = {
        "id": "trial",
        "title": Text("试验", "Trial"),
        "kind": "xyz",
        "url": "",
        "attribution": "测绘院",
    } | values
    return BasemapSource(**given)


def opened(*sources: BasemapSource) -> Basemaps:
    return Basemaps(sources, now=lambda: NOW)


Answer = tuple[int, str, bytes]


class Upstream(ThreadingHTTPServer):
    """A tile service on this machine that answers as a test says; ``asked`` are the paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.answer: Callable[[str], Answer] = lambda _: (200, "image/png", picture((10, 20, 30)))
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer_with(self, status: int, kind: str, body: bytes) -> None:
        self.answer = lambda _: (status, kind, body)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        service = cast("Upstream", self.server)
        service.asked.append(self.path)
        status, kind, body = service.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


# ---- configuration


def test_a_basemap_file_reads_with_its_key_from_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "tk.txt").write_text("se cret\n", "utf-8")
    (tmp_path / "b.toml").write_text(
        HEAD + 'kind = "wmts"\nurl = "https://t0.example.cn/{layer}_w/wmts?tk={key}"\nlayers = ["vec", "cva"]\n'
        'review_number = "GS（2024）0650号"\nkey_file = "tk.txt"\ndefault = true\n',
        "utf-8",
    )
    (found,) = read_basemaps(tmp_path / "b.toml")
    assert (found.key, found.layers, found.default) == ("se cret", ("vec", "cva"), True)
    (described,) = opened(found).described()
    assert described["tiles"] == ["/basemaps/own_tiles/0", "/basemaps/own_tiles/1"]
    assert "cret" not in str(described)
    assert "example.cn" not in str(described)


BROKEN = {
    "amap": ('kind = "xyz"\nurl = "https://webrd01.is.autonavi.com/appmaptile?x={x}&y={y}&z={z}"', 6, "url", "559–570"),
    "tencent": ('kind = "xyz"\nurl = "https://rt0.map.gtimg.com/tile?z={z}&x={x}&y={-y}"', 6, "url", "GCJ-02"),
    "amap behind a proxy": ('kind = "xyz"\nurl = "http://10.0.0.8/appmaptile?x={x}&y={y}&z={z}"', 6, "url", "GCJ-02"),
    "no row": ('kind = "xyz"\nurl = "https://a.example.cn/{z}.png"', 6, "url", "{x}"),
    "strange hole": ('kind = "xyz"\nurl = "https://a.example.cn/{z}/{x}/{y}?{subdomain}"', 6, "url", "{subdomain}"),
    "no scheme": ('kind = "xyz"\nurl = "file:///etc/passwd"', 6, "url", "http"),
    "no layers": ('kind = "wms"\nurl = "https://a.example.cn/wms"', 6, "layers", "图层名"),
    "no key": ('kind = "xyz"\nurl = "https://a.example.cn/{z}/{x}/{y}?tk={key}"', 6, "key", "密钥"),
    "unknown kind": ('kind = "arcgis"\nurl = "https://a.example.cn/"', 5, "kind", "arcgis"),
    "unknown field": ('kind = "xyz"\nurl = "https://a.example.cn/{z}/{x}/{y}"\nopacity = 1', 7, "opacity", "opacity"),
    "no file": ('kind = "mbtiles"\nurl = "missing.mbtiles"', 6, "url", "missing.mbtiles"),
    "a file elsewhere": ('kind = "pmtiles"\nurl = "https://a.example.cn/a.pmtiles"', 6, "url", "本机"),
    "zooms": ('kind = "xyz"\nurl = "https://a.example.cn/{z}/{x}/{y}"\nmax_zoom = 40', 7, "max_zoom", "22"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_basemap_that_does_not_fit_is_refused_with_line_and_field(case: str, tmp_path: Path) -> None:
    body, line, field, word = BROKEN[case]
    (tmp_path / "b.toml").write_text(f"{HEAD}{body}\n", "utf-8")
    with pytest.raises(BrokenBasemapFile) as refused:
        read_basemaps(tmp_path / "b.toml")
    params = refused.value.params
    told = int(str(params["line"]))
    assert line - 5 <= told <= line, params
    assert field in str(params["field"])
    assert word in str(params["reason"])


def test_an_id_that_stands_twice_is_refused_with_the_line_of_the_second(tmp_path: Path) -> None:
    entry = HEAD + 'kind = "xyz"\nurl = "https://a.example.cn/{z}/{x}/{y}"\n'
    (tmp_path / "b.toml").write_text(entry + entry, "utf-8")
    with pytest.raises(BrokenBasemapFile) as refused:
        read_basemaps(tmp_path / "b.toml")
    assert refused.value.params["line"] == 8


# ---- files


def write_mbtiles(path: Path, tiles: dict[tuple[int, int, int], bytes], kind: str = "png") -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        database.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        database.execute("INSERT INTO metadata VALUES ('format', ?)", (kind,))
        rows = [(z, x, (1 << z) - 1 - y, data) for (z, x, y), data in tiles.items()]
        database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
        database.commit()


def write_pmtiles(path: Path, tiles: dict[tuple[int, int, int], bytes], kind: TileType = TileType.PNG) -> None:
    with path.open("wb") as file:
        writer = Writer(file)
        for number, data in sorted((zxy_to_tileid(*place), data) for place, data in tiles.items()):
            writer.write_tile(number, data)
        writer.finalize({"tile_type": kind, "tile_compression": Compression.NONE, "min_lon_e7": 0, "min_lat_e7": 0}, {})


def many_tiles() -> dict[tuple[int, int, int], bytes]:
    """Tiles of the district's levels: enough of them for a second level of directories."""
    return {
        (z, x, y): f"\x89PNG\r\n\x1a\n{z}/{x}/{y}".encode("latin-1")
        for z in (12, 16)
        for x in range((3380 << z) >> 12, ((3380 << z) >> 12) + 150)
        for y in range((1560 << z) >> 12, ((1560 << z) >> 12) + 150)
    }


def test_both_kinds_of_file_give_every_tile_that_was_written_and_nothing_else(tmp_path: Path) -> None:
    tiles = many_tiles()
    write_mbtiles(tmp_path / "a.mbtiles", tiles)
    write_pmtiles(tmp_path / "a.pmtiles", tiles)
    for name in ("a.mbtiles", "a.pmtiles"):
        file = open_tile_file(tmp_path / name)
        for place in list(tiles)[::97]:
            assert file.tile(*place) == tiles[place], (name, place)
        assert file.tile(16, 0, 0) == b""
        assert file.tile(0, 0, 0) == b""


def test_tiles_are_numbered_as_the_reference_implementation_numbers_them() -> None:
    places = [(z, x, y) for z in range(5) for x in range(1 << z) for y in range(1 << z)] + [(18, 216_300, 99_500)]
    assert [tile_id(*place) for place in places] == [zxy_to_tileid(*place) for place in places]


def test_files_of_vector_tiles_and_damaged_files_are_refused_in_words(tmp_path: Path) -> None:
    write_mbtiles(tmp_path / "v.mbtiles", {(0, 0, 0): b"x"}, "pbf")
    write_pmtiles(tmp_path / "v.pmtiles", {(0, 0, 0): b"x"}, TileType.MVT)
    (tmp_path / "d.pmtiles").write_bytes(b"PMTiles\x03" + bytes(200))
    (tmp_path / "d.mbtiles").write_bytes(b"not a database, but long enough to be looked at" * 40)
    (tmp_path / "t.pmtiles").write_bytes(b"PMTiles\x03")
    for name in ("v.mbtiles", "v.pmtiles", "d.pmtiles", "d.mbtiles", "t.pmtiles", "missing.pmtiles"):
        with pytest.raises(UnusableTileFile):
            open_tile_file(tmp_path / name)


# ---- services


def test_a_tile_of_a_service_is_asked_once_a_day_and_with_the_key(upstream: Upstream) -> None:
    maps = opened(source(url=f"{upstream.url}/{{layer}}_w/{{z}}/{{x}}/{{y}}?tk={{key}}", layers=("vec",), key="k&y"))
    assert maps.tile("trial", 0, 14, 13520, 6235) == maps.tile("trial", 0, 14, 13520, 6235)
    assert upstream.asked == ["/vec_w/14/13520/6235?tk=k%26y"]


def test_a_wmts_and_a_wms_are_asked_as_the_standards_say(upstream: Upstream) -> None:
    wmts = source(kind="wmts", url=f"{upstream.url}/wmts?tk={{key}}&TILEMATRIXSET=GoogleMaps", layers=("img",), key="k")
    asked = parse_qs(urlsplit(tile_url(wmts, "img", 14, 13520, 6235)).query)
    assert asked["tk"] == ["k"]
    assert asked["TILEMATRIXSET"] == ["GoogleMaps"]
    assert (asked["TILEMATRIX"], asked["TILECOL"], asked["TILEROW"]) == (["14"], ["13520"], ["6235"])

    wms = source(kind="wms", url=f"{upstream.url}/wms", layers=("a", "b"))
    asked = parse_qs(urlsplit(tile_url(wms, "", 14, 13520, 6235)).query)
    west, south, east, north = map(float, asked["BBOX"][0].split(","))
    to_degrees = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)
    assert to_degrees.transform(west, north)[0] == pytest.approx(13520 / (1 << 14) * 360 - 180, abs=1e-9)
    assert (east - west, north - south) == pytest.approx((40075016.68557849 / (1 << 14),) * 2)
    assert asked["LAYERS"] == ["a,b"]


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (403, "text/html", b"no"),
        (200, "text/html", b"<script>alert(1)</script>"),
        (302, "image/png", b""),
        (200, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_what_is_no_picture_never_reaches_the_browser(status: int, kind: str, body: bytes, upstream: Upstream) -> None:
    upstream.answer_with(status, kind, body)
    maps = opened(source(url=f"{upstream.url}/{{z}}/{{x}}/{{y}}?tk={{key}}", key="secret"))
    with pytest.raises(BasemapUnavailable) as failed:
        maps.tile("trial", 0, 1, 0, 0)
    assert "secret" not in failed.value.sentence("zh")
    assert not any("elsewhere" in path for path in upstream.asked)


def test_a_service_that_failed_is_left_alone_for_half_a_minute(upstream: Upstream) -> None:
    upstream.answer_with(500, "text/plain", b"")
    clock = [NOW]
    maps = Basemaps([source(url=f"{upstream.url}/{{z}}/{{x}}/{{y}}")], now=lambda: clock[0])
    for _ in range(5):
        with pytest.raises(BasemapUnavailable):
            maps.tile("trial", 0, 3, 1, 1)
    assert len(upstream.asked) == 1
    upstream.answer_with(200, "image/png", picture((1, 2, 3)))
    clock[0] += datetime.timedelta(seconds=31)
    assert maps.tile("trial", 0, 3, 1, 1)[1] == "image/png"


def test_a_tile_the_service_has_not_is_nothing_and_a_strange_basemap_is_not_found(upstream: Upstream) -> None:
    upstream.answer_with(404, "text/plain", b"")
    maps = opened(source(url=f"{upstream.url}/{{z}}/{{x}}/{{y}}", max_zoom=16))
    assert maps.tile("trial", 0, 3, 1, 1) == (b"", "")
    assert maps.tile("trial", 0, 17, 1, 1) == (b"", "")
    for name, number in (("other", 0), ("trial", 1)):
        with pytest.raises(BasemapNotFound):
            maps.tile(name, number, 3, 1, 1)


# ---- the grid of CGCS2000 degrees


def test_rows_of_the_degree_grid_are_those_of_the_same_latitude_by_proj() -> None:
    z, y = 14, 6235
    to_degrees = Transformer.from_crs("EPSG:3857", "EPSG:4490", always_xy=True)
    size = 2 * basemaps.MERCATOR_M / (1 << z)
    degrees = 360 / (1 << z)
    for part in source_rows(z, y):
        for row, taken in part.pixels:
            north = basemaps.MERCATOR_M - (y + (row + 0.5) / 256) * size
            latitude = to_degrees.transform(0, north)[1]
            drawn = 90 - (part.y + (taken + 0.5) / 256) * degrees
            assert abs(drawn - latitude) <= degrees / 256 / 2 * 1.01


def test_a_tile_of_the_degree_grid_is_drawn_at_the_latitudes_of_the_map(upstream: Upstream) -> None:
    """Each tile of the service has one colour, its row; the border must be drawn where that latitude is."""
    z, x, y = 10, 845, 389
    rows = sorted(part.y for part in source_rows(z, y))
    assert len(rows) == 2

    def answer(path: str) -> tuple[int, str, bytes]:
        row = int(path.rsplit("/", maxsplit=1)[-1])
        return 200, "image/png", picture((row % 256, 0, 0))

    upstream.answer = answer
    maps = opened(source(kind="wmts", url=f"{upstream.url}/{{z}}/{{x}}/{{y}}", layers=("vec",), grid="cgcs2000"))
    data, kind = maps.tile("trial", 0, z, x, y)
    assert kind == "image/png"
    column = numpy.asarray(Image.open(io.BytesIO(data)))[:, 0, 0]
    assert sorted(set(column.tolist())) == sorted(row % 256 for row in rows)
    border = 90 - rows[1] * 360 / (1 << z)
    to_metres = Transformer.from_crs("EPSG:4490", "EPSG:3857", always_xy=True)
    north = to_metres.transform(0, border)[1]
    wanted = (basemaps.MERCATOR_M - north) / (2 * basemaps.MERCATOR_M / (1 << z)) - y
    assert int((column == rows[0] % 256).sum()) == pytest.approx(wanted * 256, abs=1)
