"""JSON that clients send: what it is sent as, its encoding, its syntax."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
from flask import request

from geo_service.errors import InvalidRequest, UnsupportedMedia

PLAIN = ("", "identity")
"""Codings of a body that is sent as it is."""
UNCOMPRESSED = "不压缩的 JSON / JSON without compression"
_BYTE = re.compile(r"\(byte (\d+)\)")


def require_kind(kinds: Collection[str]) -> None:
    """Nothing where the body is sent as one of these media types, or says none, and is not compressed.

    Raises
    ------
    UnsupportedMedia
        It is something else (RFC 9110, 15.5.16).
    """
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in PLAIN:
        raise UnsupportedMedia(found=coding[:80], accepted=UNCOMPRESSED)
    if request.mimetype and request.mimetype not in kinds:
        raise UnsupportedMedia(found=request.mimetype[:80], accepted=", ".join(kinds))


def read_object(*, largest: int | None = None, empty: bytes = b"") -> dict[str, Any]:
    """The JSON object that was sent, at most ``largest`` bytes long; ``empty`` stands for no body at all.

    Raises
    ------
    InvalidRequest
        It is no JSON, or no object.
    """
    if largest is not None:
        request.max_content_length = largest
    body = decode(request.get_data() or empty)
    if not isinstance(body, dict):
        raise InvalidRequest(reason="须为 JSON 对象 / a JSON object is needed")
    return body


def decode(data: bytes) -> Any:
    """What JSON says.

    Raises
    ------
    InvalidRequest
        It is none; the sentence names the byte.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(reason=_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "JSON 不是 UTF-8 编码 / the JSON is not in UTF-8"
    if isinstance(error, RecursionError):
        return "JSON 嵌套太深 / the JSON is nested too deeply"
    place = _BYTE.search(str(error))
    if place:
        byte = int(place[1]) + 1
        return f"JSON 第 {byte} 字节处不合语法 / the JSON is malformed at byte {byte}"
    if "out of range" in str(error):
        return "JSON 中有超出范围的数 / a number in the JSON is out of range"
    return "JSON 没有写完 / the JSON ends too early"
