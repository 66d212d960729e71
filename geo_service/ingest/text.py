"""Bytes to text where the file does not say how: byte order marks, UTF-8, GB18030."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CUT_BYTES = 4


def marked_encoding(head: bytes) -> str | None:
    """The encoding a byte order mark or the zeros of UTF-16 give away; None where nothing does."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) > 3 and head[1] == 0 and head[3] == 0 and head[0]:
        return "utf-16-le"
    if len(head) > 3 and head[0] == 0 and head[2] == 0 and head[1]:
        return "utf-16-be"
    return None


def decode_head(head: bytes) -> str | None:
    """The text of a file's first bytes, a character cut at the end forgiven; None for what is no text."""
    marked = marked_encoding(head)
    if marked:
        return head.decode(marked, errors="replace")
    for encoding in ("utf-8", "gb18030"):
        text = decode_cut(head, encoding)
        if text is not None and not _is_binary(text):
            return text
    return None


def decode_cut(raw: bytes, encoding: str) -> str | None:
    """Text of bytes whose last character may be cut; None where they are not of the encoding."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - _CUT_BYTES:
            return decode_cut(raw[: error.start], encoding) if error.start else None
        return None


def _is_binary(text: str) -> bool:
    return len(re.findall(r"[\x00-\x08\x0e-\x1a\x7f]", text[:4096])) > 2


def text_encoding(raw: bytes) -> str | None:
    """The encoding of a whole text: a mark, strict UTF-8, else GB18030; None where neither fits."""
    marked = marked_encoding(raw[:8])
    candidates = [marked] if marked else ["utf-8", "gb18030"]
    for encoding in candidates:
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return None
