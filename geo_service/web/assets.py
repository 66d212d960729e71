"""Our own static files and the third-party browser assets that set-up fetched; both under versioned folders."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request, send_file

from geo_service.errors import BrokenInstallation, PageNotFound
from geo_service.rendering import symbols
from geo_service.settings import PACKAGE
from geo_service.web.answers import FOREVER
from geo_service.web.current import deployment

STATIC = PACKAGE / "web" / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".ttf": "font/ttf"}

blueprint = Blueprint("assets", __name__)


def install(app: Flask) -> None:
    """Register the routes and the template functions ``static(path)`` and ``asset(path)``."""
    app.register_blueprint(blueprint)
    app.add_template_global(static_url, "static")
    app.add_template_global(asset_url, "asset")


def static_url(path: str) -> str:
    """The versioned URL of one of our own static files."""
    return f"/static/{static_version()}/{path}"


def asset_url(path: str) -> str:
    """The versioned URL of a third-party asset."""
    return f"/assets/{manifest()['version']}/{path}"


@lru_cache(maxsize=1)
def static_version() -> str:
    """A short hash over all our static files: another file, another folder name, so caches never go stale."""
    digest = hashlib.sha256(symbols.palette_css().encode())
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:10]


def manifest() -> dict[str, Any]:
    """What set-up fetched: version, and per file its sha256, package and licence.

    Raises
    ------
    BrokenInstallation
        Set-up has not run, or was interrupted.
    """
    return _read_manifest(deployment().settings.assets / "manifest.json")


@lru_cache(maxsize=4)
def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        body: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenInstallation(what=f"{path.name}: {error}") from None
    return body


@blueprint.get("/static/<version>/palette.css")
def palette(version: str) -> Response:
    """The colours of the symbol table as CSS custom properties."""
    return _lasting(Response(symbols.palette_css(), mimetype="text/css"), current=version == static_version())


@blueprint.get("/static/<version>/<path:path>")
def static_file(version: str, path: str) -> Response:
    """One of our own static files."""
    return _file(STATIC, path, current=version == static_version())


@blueprint.get("/assets/<version>/<path:path>")
def asset_file(version: str, path: str) -> Response:
    """One of the allow-listed third-party files."""
    if path not in manifest()["files"]:
        raise PageNotFound(what=request.path)
    return _file(deployment().settings.assets, path, current=version == manifest()["version"])


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """The seal, for browsers that ask for it by habit."""
    return _file(STATIC, "icon.svg", current=False)


def _file(root: Path, path: str, *, current: bool) -> Response:
    target = (root / path).resolve()
    if not target.is_relative_to(root.resolve()) or not target.is_file():
        raise PageNotFound(what=request.path)
    kind = TYPES.get(target.suffix) or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
    if not kind.startswith(("text/", "application/json", "image/svg")):
        return _lasting(send_file(target, mimetype=kind), current=current)
    return _lasting(_text(target, target.stat().st_mtime_ns, kind), current=current)


def _text(target: Path, stamp: int, kind: str) -> Response:
    from geo_service.web.answers import encoding_for

    encoding = encoding_for(request)
    response = Response(_packed(target, stamp, encoding), mimetype=kind)
    if encoding != "identity":
        response.headers["Content-Encoding"] = encoding
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{stamp:x}-{encoding}")
    return response


@lru_cache(maxsize=256)
def _packed(target: Path, stamp: int, encoding: str) -> bytes:  # noqa: ARG001  # the stamp is part of the key
    import gzip

    import brotli

    data = target.read_bytes()
    if encoding == "br":
        return bytes(brotli.compress(data, quality=9))
    return gzip.compress(data, 9, mtime=0) if encoding == "gzip" else data


def _lasting(response: Response, *, current: bool) -> Response:
    response.headers["Cache-Control"] = FOREVER if current else "no-cache"
    return response
