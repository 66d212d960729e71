"""OGC API Tiles and TileJSON: the vector tiles of the map page, under the standard's addresses."""

from __future__ import annotations

from flask import Response

from geo_service.errors import InvalidParameter, one_of
from geo_service.usecases import ogc_tiles
from geo_service.usecases.ogc import BASE
from geo_service.web import api
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment
from geo_service.web.ogc.negotiation import PLAIN, answer, check_json, check_parameters, host
from geo_service.web.ogc.places import blueprint, place

TILES = f"{BASE}/collections/<layer_id>/tiles"


@blueprint.get(f"{BASE}/tileMatrixSets")
def tile_matrix_sets() -> Response:
    """The tile matrix sets there are."""
    check_json()
    return answer(ogc_tiles.schemes(BASE))


@blueprint.get(f"{BASE}/tileMatrixSets/<scheme>")
def tile_matrix_set(scheme: str) -> Response:
    """WebMercatorQuad, matrix by matrix."""
    check_json()
    _check_scheme(scheme)
    return json_answer(ogc_tiles.scheme())


@blueprint.get(TILES)
def tilesets(layer_id: str) -> Response:
    """The tilesets of a layer."""
    check_json()
    return answer(ogc_tiles.tilesets(BASE, place(None).state(layer_id), deployment().views))


@blueprint.get(f"{TILES}/<scheme>")
def tileset(layer_id: str, scheme: str) -> Response:
    """What the tiles of a layer are."""
    check_json()
    state = place(None).state(layer_id)
    _check_scheme(scheme)
    return answer(ogc_tiles.tileset(BASE, state, deployment().views))


@blueprint.get(f"{TILES}/<scheme>/tilejson")
def tilejson(layer_id: str, scheme: str) -> Response:
    """The same as TileJSON 3.0."""
    check_json()
    state = place(None).state(layer_id)
    _check_scheme(scheme)
    return json_answer(ogc_tiles.tilejson(host(), state, deployment().views))


@blueprint.get(f"{TILES}/<scheme>/<int:z>/<int:y>/<int:x>")
def tile(layer_id: str, scheme: str, z: int, y: int, x: int) -> Response:
    """One tile: matrix, row, column (the standard's order); 204 where nothing is."""
    check_parameters(PLAIN | {"asOf"})
    here = place(None)
    state = here.state(layer_id)
    _check_scheme(scheme)
    rev = here.revision(state).rev
    response = api.tile(layer_id, rev, z, x, y)
    response.headers["Cache-Control"] = response.headers["Cache-Control"].partition(",")[0] + ", no-cache"
    response.set_etag(f"{layer_id}-r{rev}-{z}-{x}-{y}")
    return response


def _check_scheme(scheme: str) -> None:
    if scheme != ogc_tiles.SCHEME:
        raise InvalidParameter(name="tileMatrixSetId", value=scheme[:40], reason=one_of((ogc_tiles.SCHEME,)))
