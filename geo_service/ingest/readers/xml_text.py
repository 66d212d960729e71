"""XML made safe before a driver sees it: UTF-8, no DOCTYPE, not too deep."""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

from geo_service.ingest.findings import Refused
from geo_service.ingest.sniff import skip_prolog
from geo_service.ingest.text import text_encoding

XML_DEPTH = 64
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def rewrite_as_utf8(path: Path, target: Path) -> Path:
    """An XML file written again as UTF-8 after checks.

    Raises
    ------
    Refused
        ``xml-doctype``, or ``file-broken`` for XML that is malformed or nested deeper than 64.
    """
    raw = path.read_bytes()
    encoding = text_encoding(raw)
    if encoding is None:
        raise Refused("file-broken", reason="XML")
    text = raw.decode(encoding).lstrip("\ufeff \t\r\n")
    skip_prolog(text)
    body = '<?xml version="1.0" encoding="UTF-8"?>' + _DECLARATION.sub("", text, count=1)
    checked = body.encode("utf-8", errors="replace")
    _check(checked)
    target.write_bytes(checked)
    return target


class _Depth:
    """Counts open elements and refuses what is too deep or declares entities."""

    def __init__(self) -> None:
        self.depth = 0

    def start(self, *_: object) -> None:
        self.depth += 1
        if self.depth > XML_DEPTH:
            raise Refused("file-broken", reason="XML depth")

    def end(self, *_: object) -> None:
        self.depth -= 1

    def doctype(self, *_: object) -> None:
        raise Refused("xml-doctype")


def _check(body: bytes) -> None:
    depth = _Depth()
    parser = expat.ParserCreate()
    parser.StartElementHandler = depth.start
    parser.EndElementHandler = depth.end
    parser.StartDoctypeDeclHandler = depth.doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Refused("file-broken", reason=str(error)) from error
