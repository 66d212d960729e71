"""WMTS 1.0.0 by key and value and by address: the pictures of WMS as 256-pixel tiles of WebMercatorQuad."""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import Response, g

from geo_service.core.query import parse_count
from geo_service.core.reference_systems import WEB_MERCATOR
from geo_service.errors import GeoServiceError, InvalidParameter, one_of
from geo_service.storage.store import LayerState
from geo_service.usecases import ogc_tiles, pictures, wms
from geo_service.usecases.ogc import BASE
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.ogc.negotiation import host
from geo_service.web.ogc.places import View, blueprint
from geo_service.web.ogc.wms import argument, studio

TILE_PX = 256
WMTS = f"{BASE}/wmts"


def _excepting(view: View) -> Any:
    """The view, with our refusals as an exception report (07-057r7, 8)."""

    @wraps(view)
    def run(**values: Any) -> Response:
        try:
            response: Response = view(**values)
        except GeoServiceError as error:
            code = "InvalidParameterValue" if error.status < 500 else "NoApplicableCode"
            response = Response(wms.tile_exception(code, error.sentence(g.lang)), mimetype="text/xml")
            response.status_code = error.status
        return response

    return run


@blueprint.get(WMTS)
@_excepting
def web_map_tile_service() -> Response:
    """Whatever ``REQUEST`` asks for, by key and value."""
    wanted = argument("request").lower()
    if wanted == "getcapabilities":
        return _capabilities()
    if wanted != "gettile":
        raise InvalidParameter(name="request", value=wanted[:40], reason=one_of(("GetCapabilities", "GetTile")))
    if argument("tilematrixset") != ogc_tiles.SCHEME or argument("style", "default") != "default":
        raise InvalidParameter(
            name="TileMatrixSet, Style", value=argument("tilematrixset")[:40], reason=one_of((ogc_tiles.SCHEME,))
        )
    names = {"z": argument("tilematrix"), "y": argument("tilerow"), "x": argument("tilecol")}
    z, y, x = (parse_count(names, name, default=1 << 30, maximum=1 << 30) for name in names)
    return _tile(visible_layer(argument("layer")), z, y, x)


@blueprint.get(f"{WMTS}/1.0.0/WMTSCapabilities.xml")
@_excepting
def wmts_capabilities() -> Response:
    """The capabilities at the address the standard names."""
    return _capabilities()


@blueprint.get(f"{WMTS}/<layer_id>/default/<scheme>/<int:z>/<int:y>/<int:x>.png")
@_excepting
def wmts_tile(layer_id: str, scheme: str, z: int, y: int, x: int) -> Response:
    """One tile by its address."""
    state = visible_layer(layer_id)
    if scheme != ogc_tiles.SCHEME:
        raise InvalidParameter(name="TileMatrixSet", value=scheme[:40], reason=one_of((ogc_tiles.SCHEME,)))
    return _tile(state, z, y, x)


def _capabilities() -> Response:
    body = wms.tile_capabilities(host(), visible_layers(), deployment().views, g.lang)
    return Response(body, mimetype="text/xml")


def _tile(state: LayerState, z: int, y: int, x: int) -> Response:
    if z > ogc_tiles.MAX_ZOOM or x >= 1 << z or y >= 1 << z:
        raise InvalidParameter(name="TileMatrix/TileRow/TileCol", value=f"{z}/{y}/{x}", reason="≤ 22, < 2^z")
    key = ("picture", state.definition.id, state.revision.rev, z, x, y)
    response = Response(deployment().views.kept(key, lambda: _drawn(state, z, x, y)), mimetype=wms.PNG)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag("-".join(map(str, key)))
    return response


def _drawn(state: LayerState, z: int, x: int, y: int) -> bytes:
    seen = pictures.window(wms.tile_bounds(z, x, y), TILE_PX, TILE_PX, WEB_MERCATOR)
    drawn = studio().layer(state, state.revision, WEB_MERCATOR, seen)
    return studio().image([drawn], seen)
