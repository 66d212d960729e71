"""The bureau's own basemaps: their tiles, through this server."""

from __future__ import annotations

import base64

from flask import Blueprint, Response, g

from geo_service.errors import InvalidParameter, SignInRequired
from geo_service.web.current import deployment

blueprint = Blueprint("basemaps", __name__)

MAX_TILE_ZOOM = 22
A_DAY = "private, max-age=86400"
NOTHING = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
"""A transparent pixel: browsers take an empty answer for a failure."""


@blueprint.get("/basemaps/<basemap_id>/<int:number>/<int:z>/<int:x>/<int:y>")
def basemap_tile(basemap_id: str, number: int, z: int, x: int, y: int) -> Response:
    """A picture of a configured basemap, fetched by the server; a transparent pixel where it has none."""
    _require_reader()
    if z > MAX_TILE_ZOOM or x >= 1 << z or y >= 1 << z:
        raise InvalidParameter(name="z/x/y", value=f"{z}/{x}/{y}", reason=f"z ≤ {MAX_TILE_ZOOM}, x, y < 2^z")
    data, kind = deployment().basemaps.tile(basemap_id, number, z, x, y)
    response = Response(data or NOTHING, mimetype=kind or "image/png")
    response.headers["Cache-Control"] = A_DAY
    return response


def _require_reader() -> None:
    if not deployment().settings.anonymous_reads and g.get("account") is None:
        raise SignInRequired()
