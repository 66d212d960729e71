"""CSV and other delimited text, in UTF-8 or GB18030."""

from __future__ import annotations

import csv
import io

from geo_service.ingest.encoding import decide_encoding
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import EncodingChoice, ReadLayer, Source
from geo_service.ingest.readers.columns import build_layer
from geo_service.ingest.sniff import Sniffed
from geo_service.ingest.text import marked_encoding

DELIMITERS = (",", "\t", ";", "|", "，", "；")


def read(source: Source, sniffed: Sniffed) -> ReadLayer:
    """The rows of a delimited text; row numbers are line numbers, the header being the first line with text."""
    raw = sniffed.path.read_bytes()
    choice, rows = read_rows(source, raw)
    if not rows:
        raise Refused("file-no-features")
    (_, header), *body = rows
    layer = build_layer(source, source.name, [str(cell) for cell in header], body)
    layer.encoding = choice
    return layer


def read_rows(source: Source, raw: bytes) -> tuple[EncodingChoice, list[tuple[int, list[str]]]]:
    """How the text is encoded, and its lines with text as (line number, cells)."""
    choice = _encoding(source, raw)
    try:
        text = raw.decode(choice.encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Refused("csv-broken", reason=f"{choice.encoding}") from error
    return choice, _rows(source, text.lstrip("\ufeff"))


def _encoding(source: Source, raw: bytes) -> EncodingChoice:
    marked = marked_encoding(raw[:8])
    if marked and not source.options.encoding:
        return EncodingChoice(encoding=marked)
    choice = decide_encoding(raw[:2_000_000].splitlines())
    chosen = source.options.encoding
    return EncodingChoice(encoding=chosen, previews=choice.previews) if chosen else choice


def _rows(source: Source, text: str) -> list[tuple[int, list[str]]]:
    limits = source.limits
    csv.field_size_limit(limits.cell_bytes)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    if "\0" in text:
        raise Refused("csv-broken", reason="NUL")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
            if len(rows) > limits.features + 1:
                raise Refused("too-many-features", limit=limits.features)
    except csv.Error as error:
        if "field larger" in str(error):
            raise Refused("cell-too-long", row=reader.line_num, field="", limit=limits.cell_bytes // 1024) from error
        raise Refused("csv-broken", row=reader.line_num, reason=str(error)) from error
    return rows
