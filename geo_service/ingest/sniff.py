"""What a file is, by its first bytes and never by its name: one format, or a refusal that says what to do.

The declared name is only used for wording. Everything a GDAL driver could follow elsewhere (VRT, GDALG, WFS and other
service files, GML) is refused here, before any driver sees it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from geo_service.ingest.archive import Archive, Member, extract, open_archive
from geo_service.ingest.findings import Refused
from geo_service.ingest.limits import LIMITS, MEBIBYTE, Limits
from geo_service.ingest.mapping import ID_NAMES
from geo_service.ingest.text import decode_head

Format = Literal[
    "shapefile", "geojson", "gpkg", "filegdb", "flatgeobuf", "mapinfo", "gpx", "kml", "dxf", "csv", "xlsx", "txt",
    "wkt", "geotiff", "asciigrid",
]  # fmt: skip

HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniffed:
    """The one format of a file. ``path`` is the file to read: a member already unpacked where it came in a zip;
    ``archive`` is there for formats of several files."""

    format: Format
    path: Path
    archive: Archive | None = None
    member: str = ""


def sniff(path: Path, work: Path, limits: Limits = LIMITS) -> Sniffed:
    """The format of a file, unpacking a single zipped file into ``work``.

    Raises
    ------
    Refused
        ``file-empty``, ``file-too-large``, a ``format-…``, ``zip-…`` or ``sidecars-missing`` code with advice.
    """
    size = path.stat().st_size
    if size == 0:
        raise Refused("file-empty")
    if size > limits.upload_bytes:
        shown = round(size / MEBIBYTE)
        raise Refused("file-too-large", size=shown, limit=limits.upload_bytes // MEBIBYTE)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(path, work, limits)
    return Sniffed(format=sniff_plain(path, head), path=path)


def sniff_plain(path: Path, head: bytes) -> Format:
    """The format of a file that is no zip, from its first bytes."""
    _refuse_binary(head)
    if head.startswith(b"SQLite format 3\0"):
        return _sniff_sqlite(path)
    if head.startswith(b"fgb\x03fgb"):
        return "flatgeobuf"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "geotiff"
    return _sniff_text(head)


_ARCHIVES = {
    b"Rar!\x1a\x07": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_RASTERS = {
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"GIF8": "GIF",
}


_REFUSED: tuple[tuple[re.Pattern[bytes], str, dict[str, Any]], ...] = (
    *((re.compile(re.escape(magic)), "format-archive", {"kind": kind}) for magic, kind in _ARCHIVES.items()),
    *((re.compile(re.escape(magic)), "format-raster", {"kind": kind}) for magic, kind in _RASTERS.items()),
    (re.compile(rb"AC(?:10\d\d|\d\.\d)"), "format-dwg", {}),
    (re.compile(rb"AutoCAD Binary DXF"), "format-dxf-binary", {}),
    (re.compile(rb"WMAP"), "format-mapgis", {}),
    (re.compile(rb".{0,500}SuperMap", re.DOTALL), "format-supermap", {}),
    (re.compile(rb"PAR1"), "format-geoparquet", {}),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "format-office", {"kind": "Office / XLS", "advice": "XLSX"}),
    (re.compile(rb".{4}Standard Jet DB", re.DOTALL), "format-office", {"kind": "Access", "advice": "GeoPackage"}),
)


def _refuse_binary(head: bytes) -> None:
    for magic, code, params in _REFUSED:
        if magic.match(head):
            raise Refused(code, **params)
    _refuse_lone_sidecar(head)


def _refuse_lone_sidecar(head: bytes) -> None:
    if head.startswith(b"\x00\x00\x27\x0a"):
        raise Refused("sidecars-missing", missing=".dbf .shx .prj", all=".shp .shx .dbf .prj .cpg")
    if head[:1] in (b"\x03", b"\x30", b"\x83") and len(head) > 32 and 0 < head[2] <= 12 and 0 < head[3] <= 31:
        raise Refused("sidecars-missing", missing=".shp", all=".shp .shx .dbf .prj .cpg")
    start = head[:200].lstrip().lower()
    if start.startswith(b"!table"):
        raise Refused("sidecars-missing", missing=".dat .map .id", all=".tab .dat .map .id")
    if start.startswith(b"version") and b"columns" in head.lower():
        raise Refused("sidecars-missing", missing=".mid", all=".mif .mid")


def _sniff_sqlite(path: Path) -> Format:
    """GeoPackage, or a refusal: only the table names are read, with the schema distrusted."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            names = {str(row[0]).lower() for row in connection.execute("SELECT name FROM sqlite_master")}
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Refused("file-broken", reason=str(error)) from error
    if "smregister" in names:
        raise Refused("format-supermap")
    if "gpkg_contents" not in names:
        raise Refused("format-database")
    return "gpkg"


def _sniff_text(head: bytes) -> Format:
    if not head.strip(b"\0 \t\r\n"):
        raise Refused("format-unknown")
    text = decode_head(head)
    if text is None:
        raise Refused("format-unknown")
    start = text.lstrip("\ufeff \t\r\n\x1e")
    for rule in (_json, _xml, _dxf, _parcels, _wkt, _grid, _table):
        found = rule(start)
        if found:
            return found
    raise Refused("format-unknown")


_JSON_REFUSED = {
    r'"type"\s*:\s*"gdal_streamed_alg"': ("format-network", "GDALG"),
    r'"type"\s*:\s*"Topology"': ("format-json-other", "TopoJSON"),
    r'"esriGeometry\w+"': ("format-json-other", "Esri JSON"),
    r'"(?:stac_version|conformsTo|openapi)"\s*:': ("format-network", "OGC API / STAC"),
}


def _json(text: str) -> Format | None:
    if not text.startswith(("{", "[")):
        return None
    for pattern, (code, kind) in _JSON_REFUSED.items():
        if re.search(pattern, text[:4096]):
            raise Refused(code, kind=kind)
    return None if re.match(r"\[[^\]\n]*[\u4e00-\u9fff]", text) else "geojson"


_XML_ROOTS: dict[str, Format] = {"kml": "kml", "gpx": "gpx"}


def _xml(text: str) -> Format | None:
    if not text.startswith("<"):
        return None
    body = skip_prolog(text)
    match = re.match(r"<(?:[\w.-]+:)?([\w.-]+)", body)
    root = match.group(1) if match else ""
    if root in _XML_ROOTS:
        return _XML_ROOTS[root]
    if re.fullmatch(r"OGR\w+DataSource|VRTDataset|GDAL_WMS|WMS_Capabilities|WFS_Capabilities|Capabilities", root):
        raise Refused("format-network", kind=root)
    if (
        root in ("FeatureCollection", "Dictionary")
        or "opengis.net/gml" in text[:4096]
        or "opengis.net/wfs" in text[:4096]
    ):
        raise Refused("format-gml")
    raise Refused("format-xml-other", root=root[:40])


def skip_prolog(text: str) -> str:
    """The text from its root element on; a DOCTYPE on the way is refused."""
    position = 0
    while True:
        match = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL).match(text, position)
        if not match:
            break
        position = match.end()
    rest = text[position:].lstrip()
    if rest[:9].upper() == "<!DOCTYPE":
        raise Refused("xml-doctype")
    if rest.startswith("<!"):
        raise Refused("format-xml-other", root="")
    return rest


def _dxf(text: str) -> Format | None:
    return "dxf" if re.match(r"(?:999\r?\n[^\n]*\n\s*)*0\s*\r?\n\s*SECTION\b", text) else None


def _parcels(text: str) -> Format | None:
    return "txt" if re.search(r"^\s*[\[【](?:属性描述|地块坐标)[\]】]", text, re.MULTILINE) else None


_WKT = re.compile(
    r"(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION|TIN|TRIANGLE|CIRCULARSTRING|"
    r"COMPOUNDCURVE|CURVEPOLYGON|CURVE|SURFACE|POLYHEDRALSURFACE)\s*(?:Z|M|ZM)?\s*(?:\(|EMPTY)",
    re.IGNORECASE,
)


def _wkt(text: str) -> Format | None:
    return "wkt" if _WKT.match(text) else None


def _grid(text: str) -> Format | None:
    return "asciigrid" if re.match(r"ncols\s+\d", text, re.IGNORECASE) else None


def _table(text: str) -> Format | None:
    first = text.split("\n", 1)[0]
    listed = first.strip().strip('"').casefold() in ID_NAMES  # one column: a list of features
    if "\0" in text or not (listed or any(mark in first for mark in ",;\t|，；")):
        return None
    return "csv"


def _sniff_zip(path: Path, work: Path, limits: Limits) -> Sniffed:
    archive = open_archive(path, limits)
    names = {m.name.lower() for m in archive.members}
    if "[content_types].xml" in names:
        if any(name.startswith("xl/") for name in names):
            return Sniffed(format="xlsx", path=path, archive=archive)
        raise Refused("format-office", kind="Office", advice="XLSX")
    for rule in (_zip_shapefile, _zip_geodatabase, _zip_mapinfo):
        if rule(archive):
            return Sniffed(format=_ZIP_FORMATS[rule], path=path, archive=archive)
    return _sniff_single(archive, work, limits)


def _zip_shapefile(archive: Archive) -> bool:
    shapes = archive.with_suffix(".shp")
    if not shapes and archive.with_suffix(".dbf") and archive.with_suffix(".shx"):
        raise Refused("sidecars-missing", missing=".shp", all=".shp .shx .dbf .prj .cpg")
    return bool(shapes)


def _zip_geodatabase(archive: Archive) -> bool:
    return bool(archive.with_suffix(".gdbtable"))


def _zip_mapinfo(archive: Archive) -> bool:
    for main, others in ((".tab", (".dat", ".map", ".id")), (".mif", (".mid",))):
        if archive.with_suffix(main):
            missing = [s for s in others if not archive.with_suffix(s)]
            if missing:
                raise Refused("sidecars-missing", missing=" ".join(missing), all=" ".join((main, *others)))
            return True
    return False


_ZIP_FORMATS: dict[Callable[[Archive], bool], Format] = {
    _zip_shapefile: "shapefile",
    _zip_geodatabase: "filegdb",
    _zip_mapinfo: "mapinfo",
}
_READABLE = frozenset(
    {
        ".kml",
        ".geojson",
        ".json",
        ".geojsonl",
        ".gpkg",
        ".fgb",
        ".gpx",
        ".dxf",
        ".csv",
        ".txt",
        ".wkt",
        ".dwg",
        ".tif",
        ".tiff",
        ".asc",
    }
)


def _sniff_single(archive: Archive, work: Path, limits: Limits) -> Sniffed:
    member = _the_one(archive)
    [inner] = extract(archive, [member], work / "single", "upload", limits)
    with inner.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise Refused("file-empty")
    if head.startswith(b"PK\x03\x04"):
        raise Refused("zip-nested")
    return Sniffed(format=sniff_plain(inner, head), path=inner, archive=archive, member=member.name)


def _the_one(archive: Archive) -> Member:
    """The only file worth reading in an archive that is no multi-file format."""
    readable = [m for m in archive.members if m.suffix in _READABLE]
    root = [m for m in readable if m.name.lower() == "doc.kml"]
    if root:
        return root[0]
    candidates = readable or list(archive.members)
    if not candidates:
        raise Refused("file-empty")
    if len(candidates) > 1 and not readable:
        nested = all(m.suffix in (".zip", ".rar", ".7z") for m in candidates)
        raise Refused("zip-nested" if nested else "format-unknown")
    if len(candidates) > 1:
        raise Refused("layer-choose", layers=[PurePosixPath(m.name).name for m in candidates[:20]])
    return candidates[0]
