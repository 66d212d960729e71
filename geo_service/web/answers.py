"""Bodies of answers: JSON, compressed where the client takes it, with ETags."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any, Literal

import brotli
import msgspec
from flask import Request, Response, request

Encoding = Literal["identity", "gzip", "br"]

COMPRESSIBLE = ("text/", "application/json", "application/geo+json", "application/problem+json", "image/svg+xml")
SMALLEST = 700
"""Bodies below so many bytes are sent as they are."""

FOREVER = "public, max-age=31536000, immutable"
PRIVATE = "private, no-cache"
"""For what not everybody may read: kept by nobody in between, and asked again each time."""


def json_answer(body: Any, *, mimetype: str = "application/json", max_age: int = 0) -> Response:
    """A JSON answer that is checked again at every use unless ``max_age`` (seconds) is given."""
    data = msgspec.json.encode(body)
    response = Response(data, mimetype=mimetype)
    response.headers["Cache-Control"] = f"private, max-age={max_age}" if max_age else "no-cache"
    response.set_etag(hashlib.sha256(data).hexdigest()[:24])
    return response


def encoding_for(client: Request) -> Encoding:
    """br, gzip or identity: the best of what the client takes."""
    accepted = client.accept_encodings
    if accepted["br"] > 0:
        return "br"
    return "gzip" if accepted["gzip"] > 0 else "identity"


def finish(response: Response) -> Response:
    """Answer 304 where the client has it already, else compress what is worth compressing."""
    if response.status_code == 200 and request.method in ("GET", "HEAD") and response.headers.get("ETag"):
        response.make_conditional(request)
    if response.status_code == 304 or response.direct_passthrough or response.is_streamed:
        return response
    return _compressed(response)


def _compressed(response: Response) -> Response:
    if "Content-Encoding" in response.headers or not (response.mimetype or "").startswith(COMPRESSIBLE):
        return response
    response.vary.add("Accept-Encoding")
    data = response.get_data()
    encoding = encoding_for(request)
    if len(data) < SMALLEST or encoding == "identity":
        return response
    response.set_data(brotli.compress(data, quality=5) if encoding == "br" else gzip.compress(data, 6, mtime=0))
    response.headers["Content-Encoding"] = encoding
    return response
