"""OGC API Tiles, TileJSON and the scheme, against the tiles an independent decoder reads."""

from __future__ import annotations

import gzip
import json
from typing import Any

import mapbox_vector_tile  # type: ignore[import-untyped]  # it has no types
import pytest
from flask.testing import FlaskClient

from geo_service.rendering.pmtiles import tile_of

LAYER = "waterlogging_zones"
TILES = f"/ogc/collections/{LAYER}/tiles"


def read(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json


def test_from_the_collection_one_is_led_to_a_tile(client: FlaskClient) -> None:
    """Only links are followed, as a client does that knows no address but the first."""
    links = {link["rel"]: link["href"] for link in read(client, f"/ogc/collections/{LAYER}")["links"]}
    sets = read(client, links["http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"])
    tileset = read(client, sets["tilesets"][0]["links"][0]["href"])
    hrefs = {link["rel"]: link["href"] for link in tileset["links"]}
    scheme = read(client, hrefs["http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"])
    west, south, east, north = (*tileset["boundingBox"]["lowerLeft"], *tileset["boundingBox"]["upperRight"])
    x, y = tile_of((west + east) / 2, (south + north) / 2, 12)
    assert scheme["tileMatrices"][12]["matrixWidth"] == 4096
    values = {"{tileMatrix}": "12", "{tileRow}": str(y), "{tileCol}": str(x)}
    url = hrefs["item"]
    for name, value in values.items():
        url = url.replace(name, value)
    response = client.get(url)
    assert response.mimetype == "application/vnd.mapbox-vector-tile"
    names = {f["properties"]["name"] for f in mapbox_vector_tile.decode(response.data)[LAYER]["features"]}
    assert any("积水片区" in name for name in names)


def test_the_scheme_is_that_of_the_standard(client: FlaskClient) -> None:
    """Figures of OGC 17-083r4, annex D.1."""
    matrices = read(client, "/ogc/tileMatrixSets/WebMercatorQuad")["tileMatrices"]
    assert matrices[0]["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-12)
    assert matrices[0]["cellSize"] == pytest.approx(156543.033928041, rel=1e-12)
    assert matrices[18]["scaleDenominator"] == pytest.approx(2132.729584, rel=1e-9)
    assert matrices[0]["pointOfOrigin"] == pytest.approx([-20037508.3427892, 20037508.3427892])


def test_tilejson_leads_to_the_same_tile_and_names_its_fields(client: FlaskClient) -> None:
    body = read(client, f"{TILES}/WebMercatorQuad/tilejson")
    assert body["tilejson"] == "3.0.0"
    longitude, latitude, z = body["center"]
    x, y = tile_of(longitude, latitude, z)
    known = client.get(body["tiles"][0].format(z=z, x=x, y=y)).data
    assert known == client.get(f"{TILES}/WebMercatorQuad/{z}/{y}/{x}").data != b""
    decoded = mapbox_vector_tile.decode(known)
    assert set(decoded) <= {layer["id"] for layer in body["vector_layers"]}
    for feature in decoded[LAYER]["features"]:
        assert set(feature["properties"]) <= set(body["vector_layers"][0]["fields"])


def test_a_tile_is_asked_again_by_its_etag(client: FlaskClient) -> None:
    x, y = tile_of(117.15, 39.1, 12)
    url = f"{TILES}/WebMercatorQuad/12/{y}/{x}"
    first = client.get(url, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(first.data) == client.get(url).data
    assert first.headers["Cache-Control"] == "public, no-cache"
    assert client.get(url, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(f"{TILES}/WebMercatorQuad/12/0/0").status_code == 204


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"{TILES}/WorldCRS84Quad", 400),
        (f"{TILES}/WebMercatorQuad/23/0/0", 400),
        (f"{TILES}/WebMercatorQuad/3/8/0", 400),
        (f"{TILES}/WebMercatorQuad/3/0/0?asOf=99", 404),
        (f"{TILES}/WebMercatorQuad/3/0/0?style=x", 400),
        ("/ogc/collections/nothing/tiles", 404),
        ("/ogc/tileMatrixSets/none", 400),
    ],
)
def test_a_wrong_tile_is_refused_in_words(client: FlaskClient, url: str, status: int) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert json.loads(response.data)["zh"]
