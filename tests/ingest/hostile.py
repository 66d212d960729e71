"""Hostile and odd files, made by script: each with the finding it must end in, or ``ok`` where it must be accepted.

Databases and binary geometries of odd kinds are in :mod:`tests.ingest.hostile_geometries`.
"""

from __future__ import annotations

import io
import json
import math
import sqlite3
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiona
import shapely

SQUARE = {"type": "Polygon", "coordinates": [[[117.15, 39.1], [117.16, 39.1], [117.16, 39.11], [117.15, 39.1]]]}
POINT = {"type": "Point", "coordinates": [117.15, 39.1]}
GOOD = {"type": "Feature", "properties": {"name": "好"}, "geometry": SQUARE}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file and what must come of it: ``expect`` is the finding it ends in, or ``ok``, and ``kept`` rows are accepted.

    No other finding blocks but those in ``also``.
    """

    name: str
    body: bytes
    expect: str
    kept: int = 0
    also: tuple[str, ...] = ()


_MAKERS: list[Callable[[str], Iterator[Entry]]] = []


def group(maker: Callable[[str], Iterator[Entry]]) -> Callable[[str], Iterator[Entry]]:
    _MAKERS.append(maker)
    return maker


def corpus(url: str) -> list[Entry]:
    """Every entry; ``url`` is an address that must never be asked."""
    from . import hostile_geometries, hostile_texts  # noqa: F401  # their groups join at import

    return [entry for maker in _MAKERS for entry in maker(url)]


def zipped(**members: bytes | str) -> bytes:
    return zipped_items({k.replace("__", "."): v for k, v in members.items()})


def zipped_items(members: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as bundle:
        for name, body in members.items():
            info = zipfile.ZipInfo(name)
            info.filename = name
            bundle.writestr(info, body, compress_type=method)
    return out.getvalue()


def shapefile(
    rows: list[tuple[str, Any]] | None = None,
    encoding: str = "UTF-8",
    crs: str | None = "EPSG:4490",
    field: str = "name",
) -> dict[str, bytes]:
    """The parts of a small shapefile by suffix."""
    rows = rows if rows is not None else [("更新片区", SQUARE)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.shp"
        schema = {"geometry": rows[0][1]["type"], "properties": {field: "str:40"}}
        with fiona.open(path, "w", driver="ESRI Shapefile", schema=schema, crs=crs, encoding=encoding) as out:
            for name, geometry in rows:
                out.write({"type": "Feature", "geometry": geometry, "properties": {field: name}})
        return {item.suffix: item.read_bytes() for item in Path(folder).iterdir()}


def packed(parts: dict[str, bytes], stem: str = "a") -> bytes:
    return zipped_items({f"{stem}{suffix}": body for suffix, body in parts.items()})


def geopackage() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        schema = {"geometry": "Polygon", "properties": {"name": "str"}}
        with fiona.open(path, "w", driver="GPKG", layer="a", schema=schema, crs="EPSG:4490") as out:
            out.write({"type": "Feature", "geometry": SQUARE, "properties": {"name": "甲"}})
        return path.read_bytes()


def changed_geopackage(*statements: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        path.write_bytes(geopackage())
        connection = sqlite3.connect(path)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return path.read_bytes()


def collection(*features: Any, **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


def with_geometry(text: str) -> str:
    """A collection of one good feature and one whose geometry is the given JSON text."""
    odd = f'{{"type":"Feature","properties":{{"name":"坏"}},"geometry":{text}}}'
    return f'{{"type":"FeatureCollection","features":[{json.dumps(GOOD, ensure_ascii=False)},{odd}]}}'


def star(points: int) -> str:
    """A star polygon whose edges nearly all cross each other."""
    turns = [2 * math.pi * i * (points // 2 - 1) / points for i in range(points)]
    ring = [[117.15 + 0.01 * math.cos(turn), 39.1 + 0.01 * math.sin(turn)] for turn in turns]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def kml(body: str, prolog: str = "") -> str:
    head = f'<?xml version="1.0"?>{prolog}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    return f"{head}{body}</Document></kml>"


PLACEMARK = (
    "<Placemark><name>甲</name><Polygon><outerBoundaryIs><LinearRing><coordinates>117.15,39.1 117.16,39.1 117.16,39.11 "
    "117.15,39.1</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
)


@group
def containers(url: str) -> Iterator[Entry]:
    """Archives that try to escape, explode or lie, and odd ones that are fine."""
    for name, member in (
        ("up", "../../evil.shp"), ("absolute", "/etc/cron.d/x"), ("backslash", "..\\..\\a.dll"), ("drive", "C:/x.shp"),
        ("control", "a\x01.shp"),
    ):  # fmt: skip
        yield Entry(f"zip {name} path", zipped_items({member: "x"}), "zip-path")
    nul = bytearray(zipped_items({"aXb.shp": "x"}))
    yield Entry("zip NUL in name", bytes(nul).replace(b"aXb.shp", b"a\0b.shp"), "zip-path")
    for name, mode in (("symlink", stat.S_IFLNK), ("device", stat.S_IFCHR), ("pipe", stat.S_IFIFO)):
        info = zipfile.ZipInfo("a.shp")
        info.external_attr = (mode | 0o777) << 16
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as bundle:
            bundle.writestr(info, "/etc/passwd")
        yield Entry(f"zip {name}", out.getvalue(), "zip-special")
    yield Entry("zip case-fold duplicates", zipped_items({"A.shp": "1", "a.SHP": "2"}), "zip-duplicate")
    yield Entry("zip bomb 1000:1", zipped_items({"a.geojson": b"0" * (60 << 20)}), "zip-ratio")
    yield Entry("zip 2 500 members", zipped_items({f"{i}.shp": "" for i in range(2500)}), "zip-members")
    yield Entry("zip in zip", zipped_items({"in.zip": zipped_items({"a.shp": "x"})}), "zip-nested")
    yield Entry("zip disguised inside", zipped_items({"a.geojson": zipped_items({"a.shp": "x"})}), "zip-nested")
    yield Entry("zip odd method", zipped_items({"a.shp": b"x" * 900}, zipfile.ZIP_LZMA), "zip-method")
    yield Entry("zip encrypted", _encrypted(), "zip-encrypted")
    yield Entry("zip overlapping", _overlapping(), "zip-overlap")
    yield Entry("zip lying size", _lying(), "zip-lies")
    yield Entry("zip truncated", packed(shapefile())[:-40], "zip-broken")
    yield Entry("zip bad checksum", _bad_checksum(), "zip-broken")
    yield Entry("zip garbage", b"PK\x03\x04garbage", "zip-broken")
    yield Entry("zip empty", b"PK\x05\x06" + b"\0" * 18, "file-empty")
    yield Entry("zip two shapefiles", _two_shapefiles(), "layer-choose")
    yield Entry("RAR as zip", b"Rar!\x1a\x07\x00abc", "format-archive")
    yield Entry("7z", b"7z\xbc\xaf\x27\x1cabc", "format-archive")
    yield Entry("empty file", b"", "file-empty")
    yield Entry("KMZ bomb", zipped_items({"doc.kml": "<kml><Document><name>" + "A" * (60 << 20)}), "zip-ratio")
    yield Entry("XLSX bomb", _workbook("A" * (60 << 20)), "zip-ratio")
    yield Entry("XLSX with DOCTYPE", _workbook("a", prolog="<!DOCTYPE x [<!ENTITY a 'b'>]>"), "xml-doctype")
    yield Entry("zip GBK names", _gbk_names(), "ok", 1)
    yield Entry("zip Chinese subfolder", packed(shapefile(), "更新/2025 年/项目"), "ok", 1)
    yield Entry("zip with junk", _with_junk(), "ok", 1)
    yield Entry("KMZ", zipped_items({"doc.kml": kml(PLACEMARK), "files/a.png": b"\x89PNG"}), "ok", 1)


def _encrypted() -> bytes:
    body = bytearray(packed(shapefile()))
    at = body.find(b"PK\x01\x02")
    body[at + 8] |= 1
    body[6] |= 1
    return bytes(body)


def _overlapping(times: int = 100) -> bytes:
    body = zipped_items({"a.shp": b"0" * (1 << 20)})
    end = body.rfind(b"PK\x05\x06")
    start = struct.unpack("<I", body[end + 16 : end + 20])[0]
    entry = body[start:end]
    entries = b"".join(entry.replace(b"a.shp", f"{i:03d}hp"[:5].encode()) for i in range(times))
    tail = struct.pack("<HHII", times, times, len(entries), start)
    return body[:start] + entries + body[end : end + 8] + tail + body[end + 20 :]


def _lying() -> bytes:
    body = bytearray(zipped_items({"a.geojson": b"0" * (5 << 20)}))
    start = struct.unpack("<I", body[-6:-2])[0]
    body[start + 24 : start + 28] = struct.pack("<I", 9 << 20)
    return bytes(body)


def _bad_checksum() -> bytes:
    body = bytearray(zipped_items({"a.geojson": collection(GOOD)}, zipfile.ZIP_STORED))
    body[60] ^= 0xFF
    return bytes(body)


def _two_shapefiles() -> bytes:
    parts = shapefile()
    return zipped_items({f"{stem}{s}": b for stem in ("甲", "乙") for s, b in parts.items()})


def _gbk_names() -> bytes:
    """What Windows writes: GBK bytes and no UTF-8 flag."""
    body = packed(shapefile(), "Xxxx")
    return body.replace(b"Xxxx.", "项目".encode("gbk") + b".")


def _with_junk() -> bytes:
    members: dict[str, bytes | str] = {f"a{s}": b for s, b in shapefile().items()}
    return zipped_items({"__MACOSX/._a.shp": b"x", ".DS_Store": b"x", "a/": "", **members})


def _workbook(text: str, prolog: str = "") -> bytes:
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    types = (
        f'<Types xmlns="{packages}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/></Types>'
    )
    root = f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Type="{relations}/officeDocument" '
    sheet = f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" Type="{relations}/worksheet" '
    cell = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'
    return zipped_items(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": root + 'Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="s" sheetId="1" '
            'r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": sheet + 'Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'{prolog}<worksheet xmlns="{main}"><sheetData>{cell}</sheetData></worksheet>',
        }
    )


@group
def pointers(url: str) -> Iterator[Entry]:
    """Files that point elsewhere: local files, the network, entities."""
    source = (
        "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    yield Entry("VRT to a local file", source.format("/etc/passwd").encode(), "format-network")
    yield Entry("VRT over HTTP", source.format(f"/vsicurl/{url}vrt").encode(), "format-network")
    yield Entry(
        "VRT with declaration", f'<?xml version="1.0"?><!-- x -->{source.format(url)}'.encode(), "format-network"
    )
    for target in ("/etc/passwd", f"{url}g.geojson"):
        command = f"gdal vector pipeline ! read {target} ! write --output-format=stream streamed_dataset"
        body = json.dumps({"type": "gdal_streamed_alg", "command_line": command})
        yield Entry(f"GDALG {target[:5]}", body.encode(), "format-network")
    for kind in ("WFS", "CSW"):
        text = f"<OGR{kind}DataSource><URL>{url}</URL></OGR{kind}DataSource>"
        yield Entry(f"{kind} service file", text.encode(), "format-network")
    link = {"type": "link", "properties": {"href": f"{url}crs", "type": "ogcwkt"}}
    yield Entry("GeoJSON crs link", collection(GOOD, crs=link).encode(), "crs-link-ignored", 1)
    for target in (f"{url}crs", "/etc/passwd"):
        named = {"type": "name", "properties": {"name": target}}
        yield Entry(f"GeoJSON crs name {target[:5]}", collection(GOOD, crs=named).encode(), "crs-link-ignored", 1)
    gml = f'<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:x="w" x:href="{url}gml"/>'
    yield Entry("GML with xlink", gml.encode(), "format-gml")
    network = f"<NetworkLink><Link><href>{url}net.kml</href></Link></NetworkLink>"
    icon = f"<Style><IconStyle><Icon><href>{url}i.png</href></Icon></IconStyle></Style>"
    yield Entry("KML NetworkLink", kml(network + icon + PLACEMARK).encode(), "kml-network-link", 1)
    local = f'<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y SYSTEM "{url}xxe">]>'
    yield Entry("KML XXE", kml(PLACEMARK.replace("甲", "&x;&y;"), local).encode(), "xml-doctype")
    yield Entry("KML XXE in UTF-16", kml(PLACEMARK.replace("甲", "&x;"), local).encode("utf-16"), "xml-doctype")
    padded = "<!--" + "x" * 70_000 + "-->" + local
    yield Entry("KML XXE behind 70 KB", kml(PLACEMARK.replace("甲", "&x;"), padded).encode(), "format-xml-other")
    gpx = f'<?xml version="1.0"?>{local}<gpx version="1.1"><wpt lat="39" lon="117"><name>&x;</name></wpt></gpx>'
    yield Entry("GPX XXE", gpx.encode(), "xml-doctype")
    laughs = '<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    yield Entry(
        "billion laughs", kml(PLACEMARK.replace("甲", "&l11;"), f"<!DOCTYPE k [{laughs}]>").encode(), "xml-doctype"
    )
    for text in (f"{url}data.geojson", "/vsizip//etc/passwd", f"/vsicurl/{url}x.shp", "PG:host=127.0.0.1"):
        yield Entry(f"name as content {text[:9]}", text.encode(), "format-unknown")
    yield Entry("HTML page", b"<!DOCTYPE html><html><body>log in</body></html>", "xml-doctype")
    yield Entry("HTML without doctype", b"<html><body>log in</body></html>", "format-xml-other")


@group
def databases(url: str) -> Iterator[Entry]:
    """GeoPackages with views, virtual tables and the like."""
    register = (
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('v', 'features', 'v', 4490)",
        "INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POLYGON', 4490, 0, 0)",
    )
    endless = (
        "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT x AS fid, (SELECT geom FROM a LIMIT 1) AS geom, zeroblob(1000000) AS b FROM c"
    )
    yield Entry("GPKG endless view", changed_geopackage(endless, *register), "gpkg-view", 1)
    for kind, about in (("VirtualOGR", f"'{url}x.geojson'"), ("VirtualShape", "'/etc/passwd', 'UTF-8', 4326")):
        insert = (
            "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES "  # noqa: S608  # our own words
            f"('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING {kind}({about.replace(chr(39), chr(39) * 2)})')"
        )
        yield Entry(f"GPKG {kind}", changed_geopackage("PRAGMA writable_schema = 1", insert, *register), "gpkg-view", 1)
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT load_extension('/tmp/x'); END"
    yield Entry("GPKG trigger", changed_geopackage(trigger), "ok", 1)
    yield Entry("GPKG cut off", geopackage()[:5000], "file-broken")
    yield Entry("SQLite that is no GPKG", _sqlite("CREATE TABLE t (a)"), "format-database")
    yield Entry("SuperMap UDBX", _sqlite("CREATE TABLE SmRegister (SmDatasetName TEXT)"), "format-supermap")
    broken = "UPDATE a SET geom = substr(geom, 1, 70)"
    yield Entry("GPKG truncated WKB", changed_geopackage(broken), "geometry-unreadable")


def _sqlite(statement: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()
        return path.read_bytes()


@group
def binaries(url: str) -> Iterator[Entry]:
    """Formats refused with advice, and broken binary files."""
    for name, body, code in (
        ("DWG", b"AC1032\0\0\0", "format-dwg"),
        ("binary DXF", b"AutoCAD Binary DXF\r\n\x1a\0", "format-dxf-binary"),
        ("MapGIS", b"WMAP`D23" + b"\0" * 50, "format-mapgis"),
        ("GeoParquet", b"PAR1" + b"\0" * 50, "format-geoparquet"),
        ("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 50, "format-office"),
        ("Access", b"\0\1\0\0Standard Jet DB\0", "format-office"),
        ("PDF", b"%PDF-1.7", "format-raster"),
        ("PNG", b"\x89PNG\r\n\x1a\n", "format-raster"),
        ("lone .shp", shapefile()[".shp"], "sidecars-missing"),
        ("lone .dbf", shapefile()[".dbf"], "sidecars-missing"),
        ("lone .tab", b"!table\n!version 300\n", "sidecars-missing"),
        ("TopoJSON", b'{"type":"Topology","objects":{}}', "format-json-other"),
        ("random bytes", bytes(range(256)) * 20, "format-unknown"),
        ("only zeros", b"\0" * 5000, "format-unknown"),
        ("FGB huge header", b"fgb\x03fgb\x00" + struct.pack("<I", 0x7FFFFFFF) + b"\0" * 64, "file-broken"),
    ):
        yield Entry(name, body, code)
    parts = shapefile()
    yield Entry("SHP without .shx", packed({s: b for s, b in parts.items() if s != ".shx"}), "ok", 1)
    yield Entry("SHP without .prj", packed({s: b for s, b in parts.items() if s != ".prj"}), "crs-assumed", 1)
    yield Entry("SHP without .dbf", packed({s: b for s, b in parts.items() if s != ".dbf"}), "sidecars-missing")
    yield Entry("DBF cut off", packed({**parts, ".dbf": parts[".dbf"][:-30]}), "file-broken")
    count = parts[".dbf"][:4] + struct.pack("<I", 2_000_000_000) + parts[".dbf"][8:]
    yield Entry("DBF of 2 billion records", packed({**parts, ".dbf": count}), "file-broken")
    huge = bytearray(parts[".shp"])
    huge[144:152] = struct.pack("<II", 0x7FFFFFF0, 0x7FFFFFF0)
    yield Entry("SHP with 2 billion parts", packed({**parts, ".shp": bytes(huge)}), "geometry-unreadable")
    yield Entry("SHP cut off", packed({**parts, ".shp": parts[".shp"][:-20]}), "file-broken")


@group
def encodings(url: str) -> Iterator[Entry]:
    """Chinese text as it really arrives."""
    gbk = shapefile(encoding="GBK")
    for language in (0x00, 0x57, 0x4D):
        table = bytearray(gbk[".dbf"])
        table[29] = language
        parts = {**gbk, ".dbf": bytes(table)}
        parts.pop(".cpg", None)
        yield Entry(f"DBF GBK, language {language:02X}", packed(parts), "ok", 1)
    for label in (b"UTF-8", b"ISO-8859-1"):
        yield Entry(f"GBK called {label.decode()}", packed({**gbk, ".cpg": label}), "encoding-declared-wrong", 1)
    utf8 = shapefile()
    yield Entry("UTF-8 called GBK", packed({**utf8, ".cpg": b"GBK"}), "encoding-declared-wrong", 1)
    for label in (b"OEM", b"ANSI 936", b"\xef\xbb\xbfUTF-8", b"nonsense"):
        yield Entry(f"cpg {label!r}", packed({**(utf8 if b"UTF" in label else gbk), ".cpg": label}), "ok", 1)
    school = shapefile([("学校", SQUARE)], encoding="GBK")
    school.pop(".cpg", None)
    yield Entry("only the word 学校 in GBK", packed(school), "ok", 1)
    rare = shapefile([("㑇㐂𠀀园", SQUARE)], encoding="GB18030")
    yield Entry("GB18030 of four bytes", packed({k: v for k, v in rare.items() if k != ".cpg"}), "ok", 1)
    cut = shapefile([("长" * 13, SQUARE)])
    table = cut[".dbf"].replace(("长" * 13).encode() + b" ", ("长" * 13).encode() + b"\xe9")
    yield Entry("character cut at the width", packed({**cut, ".dbf": table}), "text-cut", 1)
    yield Entry("GeoJSON in GBK", collection(GOOD).encode("gbk"), "ok", 1)
    yield Entry("GeoJSON in UTF-16", collection(GOOD).encode("utf-16"), "ok", 1)
    yield Entry("GeoJSON with BOM", collection(GOOD).encode("utf-8-sig"), "ok", 1)
    odd = {**GOOD, "properties": {"name": "甲\ud800"}}
    yield Entry(
        "lone surrogate", json.dumps({"type": "FeatureCollection", "features": [odd]}).encode(), "text-control", 1
    )
    zero = {**GOOD, "properties": {"name": "甲\0乙"}}
    yield Entry("U+0000", collection(zero).encode(), "text-control", 1)
    turned = {**GOOD, "properties": {"name": "甲\u202etxt.exe"}}
    yield Entry("RTL override", collection(turned).encode(), "text-control", 1)
    yield Entry(
        "CSV in GBK",
        'name,经度,纬度,wkt\n甲,,,"POLYGON((117.15 39.1,117.16 39.1,117.16 39.11,117.15 39.1))"'.encode("gbk"),
        "ok",
        1,
    )
    yield Entry("DXF R2010 in UTF-8 that says GBK", dxf("AC1024", "片区").encode(), "ok", 1)
    yield Entry("DXF R2000 in GBK", dxf("AC1015", "片区").encode("gbk"), "ok", 1)


def dxf(version: str, layer: str, entities: str = "", blocks: str = "") -> str:
    ring = "".join(f"10\n{x}\n20\n{y}\n" for x, y in ((512900, 4329200), (513400, 4329200), (513400, 4329900)))
    area = f"0\nLWPOLYLINE\n100\nAcDbEntity\n8\n{layer}\n100\nAcDbPolyline\n90\n3\n70\n1\n{ring}"
    text = f"0\nTEXT\n8\n{layer}\n10\n513300.0\n20\n4329300.0\n40\n2.5\n1\n长虹街\n"
    head = f"0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\n{version}\n9\n$DWGCODEPAGE\n3\nANSI_936\n0\nENDSEC\n"
    body = f"0\nSECTION\n2\nBLOCKS\n{blocks}0\nENDSEC\n" if blocks else ""
    return f"{head}{body}0\nSECTION\n2\nENTITIES\n{area}{text}{entities}0\nENDSEC\n0\nEOF\n"


def insert(block: str) -> str:
    return f"0\nINSERT\n8\n0\n2\n{block}\n10\n0\n20\n0\n"


@group
def drawings(url: str) -> Iterator[Entry]:
    """Blocks within blocks."""
    blocks = "".join(f"0\nBLOCK\n8\n0\n2\nB{i}\n10\n0\n20\n0\n{insert(f'B{i + 1}') * 10}0\nENDBLK\n" for i in range(8))
    yield Entry("DXF nested inserts 10^8", dxf("AC1015", "a", insert("B0"), blocks).encode(), "dxf-too-deep")
    loop = f"0\nBLOCK\n8\n0\n2\nB0\n10\n0\n20\n0\n{insert('B0')}0\nENDBLK\n"
    yield Entry("DXF insert of itself", dxf("AC1015", "a", insert("B0"), loop).encode(), "dxf-too-deep")
    array = "0\nINSERT\n8\n0\n2\nB0\n70\n30000\n71\n30000\n10\n0\n20\n0\n"
    one = "0\nBLOCK\n8\n0\n2\nB0\n10\n0\n20\n0\n0\nPOINT\n8\n0\n10\n0\n20\n0\n0\nENDBLK\n"
    yield Entry("DXF insert as a huge grid", dxf("AC1015", "a", array, one).encode(), "dxf-too-deep")
    yield Entry("DXF cut off", dxf("AC1015", "a")[:-60].encode(), "file-broken")
    yield Entry("DXF with text for codes", b"0\nSECTION\nxx\nHEADER\n0\nEOF\n", "file-broken")


@group
def geometries(url: str) -> Iterator[Entry]:
    """Coordinates and shapes gone wrong; the good row beside them is kept."""
    bow = {
        "type": "Polygon",
        "coordinates": [[[117.15, 39.1], [117.16, 39.11], [117.16, 39.1], [117.15, 39.11], [117.15, 39.1]]],
    }
    yield Entry("bow-tie", with_geometry(json.dumps(bow)).encode(), "geometry-crossing", 1)
    yield Entry("star bomb", with_geometry(star(1001)).encode(), "geometry-crossing", 1)
    yield Entry("large star bomb", with_geometry(star(20001)).encode(), "geometry-crossing", 1)
    for name, text, code in (
        ("two-point ring", '{"type":"Polygon","coordinates":[[[117.15,39.1],[117.16,39.1]]]}', "geometry-ring-short"),
        ("text coordinates", '{"type":"Point","coordinates":["117","39"]}', "geometry-coordinates"),
        ("one number", '{"type":"Point","coordinates":[117]}', "geometry-coordinates"),
        ("true as number", '{"type":"Point","coordinates":[true,39]}', "geometry-coordinates"),
        ("1e999", '{"type":"Point","coordinates":[1e999,39]}', "geometry-coordinates"),
        ("NaN", '{"type":"Point","coordinates":[NaN,39]}', "json-not-number"),
        ("deep coordinates", '{"type":"Polygon","coordinates":[[[[[[117.15,39.1]]]]]]}', "geometry-coordinates"),
        ("unknown type", '{"type":"Circle","coordinates":[117.15,39.1]}', "geometry-coordinates"),
        ("coordinates missing", '{"type":"Polygon"}', "geometry-coordinates"),
        ("geometry is text", '"POINT(1 1)"', "geometry-coordinates"),
        ("another type", json.dumps(POINT), "geometry-type"),
        ("duplicate keys", '{"type":"Point","type":"Polygon","coordinates":[]}', "json-duplicate-key"),
    ):
        yield Entry(name, with_geometry(text).encode(), code, 1)
    unclosed = '{"type":"Polygon","coordinates":[[[117.15,39.1],[117.16,39.1],[117.16,39.12]]]}'
    yield Entry("unclosed ring", with_geometry(unclosed).encode(), "geometry-ring-closed", 2)
    yield Entry("null geometry", with_geometry("null").encode(), "geometry-empty", 2)
    yield Entry("empty geometry", with_geometry('{"type":"Polygon","coordinates":[]}').encode(), "geometry-empty", 2)
    high = '{"type":"Polygon","coordinates":[[[117.15,39.1,5],[117.16,39.1,5],[117.16,39.12,5],[117.15,39.1,5]]]}'
    yield Entry("Z values", with_geometry(high).encode(), "ok", 2)
    yield Entry("JSON 100 000 deep", with_geometry("[" * 100_000 + "]" * 100_000).encode(), "json-depth")
    nested = '{"type":"GeometryCollection","geometries":[' * 200 + json.dumps(POINT) + "]}" * 200
    yield Entry("collections 200 deep", with_geometry(nested).encode(), "geometry-coordinates", 1)
    ring = [[117.15 + 0.005 * math.cos(i / 4e4), 39.1 + 0.005 * math.sin(i / 4e4)] for i in range(250_000)]
    ring = [[round(x, 7), round(y, 7)] for x, y in ring]
    big = json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    yield Entry("ring of 250 000 vertices", with_geometry(big).encode(), "geometry-vertices", 1)
    wrapped = {"type": "Polygon", "coordinates": [[[179, 39], [-179, 39], [-179, 40], [179, 40], [179, 39]]]}
    yield Entry("across the antimeridian", with_geometry(json.dumps(wrapped)).encode(), "crs-elsewhere")
    for text, code, kept in (
        ("POLYGON((117.15 39.1,117.16 39.1,117.16 39.11,117.15 39.1))", "crs-assumed", 1),
        ("POLYGON((117.15 39.1,117.16 39.1", "wkt-broken", 0),
        ("TIN(((117.15 39.1,117.16 39.1,117.16 39.11,117.15 39.1)))", "wkt-broken", 0),
        ("CURVEPOLYGON(CIRCULARSTRING(117.15 39.1,117.16 39.1,117.15 39.1))", "wkt-broken", 0),
        ("GEOMETRYCOLLECTION(" * 200 + "POINT(117.15 39.1)" + ")" * 200, "geometry-type", 0),
        ("POLYGON((" + "(" * 100_000, "wkt-broken", 0),
    ):
        yield Entry(f"WKT {text[:12]} of {len(text)} characters", text.encode(), code, kept)


@group
def attributes(url: str) -> Iterator[Entry]:
    """Values that would do harm further on, or do not fit."""
    for text in ("<img src=x onerror=alert(1)>", "</script><script>x</script>", "${7*7}", "{{7*7}}", "=HYPERLINK(1)"):
        yield Entry(f"text {text[:9]}", collection({**GOOD, "properties": {"name": text}}).encode(), "ok", 1)
    long = {**GOOD, "properties": {"name": "甲" * 30_000}}
    yield Entry("cell over 64 KB", collection(long).encode(), "cell-too-long")
    wide = {**GOOD, "properties": {f"f{i}": i for i in range(10_000)}}
    yield Entry("10 000 fields", collection(wide).encode(), "too-many-fields")
    same = [{**GOOD, "properties": {"GS_ID": "NK-JSD-001", "name": str(i)}} for i in range(2)]
    yield Entry("duplicate ids", collection(*same).encode(), "identity-duplicate", 2, also=("geometry-duplicate",))
    mixed = [
        {**GOOD, "properties": {"name": v, "households": v}} for v in (1, "二十", None, True, 10**30, [1], {"a": 1})
    ]
    yield Entry("mixed types", collection(*mixed).encode(), "value-type", 2, also=("geometry-duplicate",))
    digits = f'{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"a":{"9" * 5000}}}}}]}}'
    yield Entry("integer of 5 000 digits", digits.encode(), "json-broken")
    yield Entry("JSON cut off", collection(GOOD, GOOD)[:-30].encode(), "json-broken")
    yield Entry("JSON not features", b'{"type":"FeatureCollection","features":[1,"a",null,[]]}', "json-not-feature")
    yield Entry("JSON without features", b'{"a": 1}', "json-not-feature")
    yield Entry("JSON no features", b'{"type":"FeatureCollection","features":[]}', "file-no-features")
    yield Entry("CSV without coordinates", b"a,b\n1,2\n", "table-no-coordinates")
    yield Entry("CSV with words for numbers", "经度,纬度\nx,y\n".encode(), "value-not-number")
    yield Entry("CSV unclosed quote", ('name,wkt\n"' + "a" * 200_000).encode(), "cell-too-long")
    yield Entry("CSV header only", "name,经度,纬度\n".encode(), "file-no-features")
    yield Entry(
        "TXT bad line",
        "[属性描述]\n坐标系=2000国家大地坐标系\n[地块坐标]\n3,1,A,甲,面,,,,@\nJ1,1,x,y\n".encode(),
        "txt-line",
    )


@group
def places(url: str) -> Iterator[Entry]:
    """Coordinates of another place, or none."""
    for name, x, y in (("zeros", 0.0, 0.0), ("Hangzhou", 120.15, 30.28)):
        box = json.loads(shapely.to_geojson(shapely.box(x, y, x + 0.01, y + 0.01)))
        yield Entry(f"CRS {name}", collection({**GOOD, "geometry": box}).encode(), "crs-elsewhere")
