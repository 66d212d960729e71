"""XML documents of the older standards, built element by element; text and attributes are escaped by the library."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold or discourages."""

Element = ElementTree.Element


def tag(name: str, /, *content: Element | str, **attributes: str) -> Element:
    """An element with text or children; ``__`` in an attribute's name is a colon, a trailing ``_`` goes."""
    made = Element(name, {key.rstrip("_").replace("__", ":"): _clean(value) for key, value in attributes.items()})
    for item in content:
        if isinstance(item, str):
            made.text = (made.text or "") + _clean(item)
        else:
            made.append(item)
    return made


def write(root: Element) -> bytes:
    """The document as UTF-8 with its declaration."""
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)
