"""What the pencil on the map asks besides drafts: who may use it, where its library is, cutting shapes."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from geo_service.core.access import may_edit
from geo_service.core.shaping import cut_hole, read_shape, split_by
from geo_service.errors import AccessDenied, InvalidParameter, one_of
from geo_service.web.answers import json_answer
from geo_service.web.assets import asset_url
from geo_service.web.bodies import read_object
from geo_service.web.current import visible_layers
from geo_service.web.session import account, require_account

blueprint = Blueprint("editing", __name__)

LARGEST_BODY = 2 << 20


def pencil() -> dict[str, str] | None:
    """What the map page tells its scripts of editing; None for those who may edit nothing."""
    who = account()
    layers = [s.definition.id for s in visible_layers() if may_edit(who, s.definition)]
    if not layers:
        return None
    return {
        "layers": json.dumps(layers),
        "script": asset_url("geoman/leaflet-geoman.min.js"),
        "style": asset_url("geoman/leaflet-geoman.css"),
    }


@blueprint.post("/api/shapes/<operation>")
def cut(operation: str) -> Response:
    """``hole``: ``{"geometry", "by"}`` gives ``{"parts": [what is left]}``; ``split``: all parts, largest first."""
    who = require_account()
    if not any(may_edit(who, s.definition) for s in visible_layers()):
        raise AccessDenied(action="编辑图形 / cut shapes")
    if operation not in ("hole", "split"):
        raise InvalidParameter(name="operation", value=operation[:40], reason=one_of(("hole", "split")))
    body = read_object(largest=LARGEST_BODY)
    whole, tool = read_shape(body.get("geometry")), read_shape(body.get("by"))
    parts = [cut_hole(whole, tool)] if operation == "hole" else split_by(whole, tool)
    return json_answer({"parts": parts})
