"""Zipped Shapefiles: bytes first, text decoded by our own decision, parts checked against each other."""

from __future__ import annotations

import struct
from pathlib import Path

from geo_service.ingest.archive import Archive, Member, extract
from geo_service.ingest.encoding import decide_encoding, decode_texts
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import EncodingChoice, ReadLayer, Source
from geo_service.ingest.readers.ogr import Table, choose_layer, load_driver, read_table, to_layer
from geo_service.ingest.sniff import Sniffed

PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".qpj")
_SAMPLE_BYTES = 2_000_000
_BYTE_FOR_BYTE = "ISO-8859-1"


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The chosen shapefile of a zip, from whatever folder it lies in."""
    archive = sniffed.archive
    if archive is None:
        raise Refused("zip-broken", reason="")
    shapes = {m.name: m for m in archive.with_suffix(".shp")}
    chosen = shapes[choose_layer(source, tuple(shapes))]
    path = _unpack(source, archive, chosen)
    encoding = _encoding(source, path)
    load_driver("ESRI Shapefile", {"SHAPE_RESTORE_SHX": "YES"})
    table = _decoded(source, read_table(source, path, None, encoding=_BYTE_FOR_BYTE), encoding.encoding)
    layer = to_layer(table, chosen.name, tuple(shapes))
    layer.encoding = encoding
    return layer


def _unpack(source: Source, archive: Archive, shape: Member) -> Path:
    parts = [m for m in archive.members if m.stem == shape.stem and m.suffix in PARTS]
    suffixes = {m.suffix for m in parts}
    if ".dbf" not in suffixes:
        raise Refused("sidecars-missing", missing=".dbf", all=".shp .shx .dbf .prj .cpg")
    extract(archive, parts, source.work / "shape", "upload", source.limits)
    path = source.work / "shape" / "upload.shp"
    _check_lengths(path)
    return path


def _check_lengths(path: Path) -> None:
    """Refuse files shorter than their headers state."""
    with path.open("rb") as stream:
        head = stream.read(100)
    if len(head) < 100 or struct.unpack(">I", head[24:28])[0] * 2 > path.stat().st_size:
        raise Refused("file-broken", reason=".shp")
    table = path.with_suffix(".dbf")
    with table.open("rb") as stream:
        head = stream.read(32)
    if len(head) < 32:
        raise Refused("file-broken", reason=".dbf")
    count, header_bytes, record_bytes = struct.unpack("<IHH", head[4:12])
    if header_bytes + count * record_bytes > table.stat().st_size + 1:
        raise Refused("file-broken", reason=f".dbf: {count} records")


def _encoding(source: Source, path: Path) -> EncodingChoice:
    label = path.with_suffix(".cpg")
    declared = label.read_bytes()[:64].decode("ascii", errors="ignore").strip() if label.exists() else ""
    choice = decide_encoding(dbf_texts(path.with_suffix(".dbf")), declared)
    if source.options.encoding:
        return EncodingChoice(encoding=source.options.encoding, declared=declared, previews=choice.previews)
    return choice


def dbf_texts(path: Path, limit: int = _SAMPLE_BYTES) -> list[bytes]:
    """Field names and texts of a DBF as bytes, from its first ``limit`` bytes."""
    with path.open("rb") as stream:
        body = stream.read(limit)
    header_bytes, record_bytes = struct.unpack("<HH", body[8:12])
    fields = [body[at : at + 32] for at in range(32, max(32, header_bytes - 1), 32)]
    fields = [f for f in fields if len(f) == 32 and f[0] != 0x0D]
    texts = [f[:11].split(b"\0")[0] for f in fields]
    spans = _text_spans(fields)
    for start in range(header_bytes, len(body) - record_bytes + 1, max(1, record_bytes)):
        texts.extend(body[start + a : start + b].rstrip(b" \0") for a, b in spans)
    return [t for t in texts if t]


def _text_spans(fields: list[bytes]) -> list[tuple[int, int]]:
    spans, at = [], 1
    for item in fields:
        if item[11:12] == b"C":
            spans.append((at, at + item[16]))
        at += item[16]
    return spans


def _decoded(source: Source, table: Table, encoding: str) -> Table:
    names = decode_texts(table.columns, encoding).texts
    columns = {}
    for name, values in zip(names, table.columns.values(), strict=True):
        field = str(name)
        columns[field] = values
        if any(isinstance(v, str) for v in values[:1000]) or any(isinstance(v, str) for v in values):
            decoded = decode_texts(values, encoding)
            columns[field] = decoded.texts
            if decoded.cut:
                source.log.add("text-cut", field=field, count=decoded.cut)
            if decoded.lost:
                source.log.add("text-undecodable", field=field, encoding=encoding)
    return Table(columns, table.geometry, table.crs)
