"""Documents of OGC API Tiles (20-057) and TileJSON 3.0 for a layer's vector tiles in WebMercatorQuad (17-083r4)."""

from __future__ import annotations

from typing import Any

from geo_service.storage.store import LayerState
from geo_service.usecases.downloads import FALLBACK, tile_metadata
from geo_service.usecases.ogc import HTML, JSON, SCHEMA, link
from geo_service.usecases.views import RevisionViews

TILE = "application/vnd.mapbox-vector-tile"
SCHEME = "WebMercatorQuad"
SCHEME_URI = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{SCHEME}"
MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
MAX_ZOOM = 22
HALF_M = 20_037_508.342789244
"""Half of the equator's length in Web Mercator."""
PIXEL_M = 0.00028
"""The standard's pixel."""


def scheme() -> dict[str, Any]:
    """The tile matrix set, zoom 0 to 22."""
    return {
        "id": SCHEME,
        "title": "Web Mercator (XYZ)",
        "uri": SCHEME_URI,
        "crs": MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [_matrix(z) for z in range(MAX_ZOOM + 1)],
    }


def cell_size_m(z: int) -> float:
    """Web Mercator metres of a pixel of 256 a tile."""
    return 2 * HALF_M / 256 / (1 << z)


def _matrix(z: int) -> dict[str, Any]:
    return {
        "id": str(z),
        "scaleDenominator": cell_size_m(z) / PIXEL_M,
        "cellSize": cell_size_m(z),
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [-HALF_M, HALF_M],
        "tileWidth": 256,
        "tileHeight": 256,
        "matrixWidth": 1 << z,
        "matrixHeight": 1 << z,
    }


def schemes(base: str) -> dict[str, Any]:
    """The tile matrix sets there are."""
    own = link(f"{base}/tileMatrixSets/{SCHEME}", "self", JSON, "Web Mercator (XYZ)")
    return {
        "tileMatrixSets": [{"id": SCHEME, "title": "Web Mercator (XYZ)", "uri": SCHEME_URI, "links": [own]}],
        "links": [link(f"{base}/tileMatrixSets", "self", JSON)],
    }


def tilesets(base: str, state: LayerState, views: RevisionViews) -> dict[str, Any]:
    """The tilesets of a layer: one."""
    here = f"{base}/collections/{state.definition.id}/tiles"
    body = tileset(base, state, views)
    brief = {k: body[k] for k in ("title", "dataType", "crs", "tileMatrixSetURI")}
    return {
        "links": [link(here, "self", JSON)],
        "tilesets": [brief | {"links": [link(f"{here}/{SCHEME}", "self", JSON)]}],
    }


def tileset(base: str, state: LayerState, views: RevisionViews) -> dict[str, Any]:
    """What a layer's tiles are."""
    definition = state.definition
    layer = f"{base}/collections/{definition.id}"
    here = f"{layer}/tiles/{SCHEME}"
    template = f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    west, south, east, north = views.summary(definition, state.revision).bbox or FALLBACK
    dimension = {"point": 0, "line": 1, "polygon": 2}[definition.kind]
    return {
        "title": definition.title.zh,
        "dataType": "vector",
        "crs": MERCATOR,
        "tileMatrixSetURI": SCHEME_URI,
        "boundingBox": {
            "lowerLeft": [west, south],
            "upperRight": [east, north],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
        "layers": [{"id": definition.id, "dataType": "vector", "geometryDimension": dimension}],
        "links": [
            link(here, "self", JSON),
            link(f"{here}/tilejson", "describedby", JSON, "TileJSON"),
            link(f"{layer}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", SCHEMA),
            link(f"{base}/tileMatrixSets/{SCHEME}", "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", JSON),
            link(f"/layers/{definition.id}", "alternate", HTML, definition.title.zh),
            {**link(template, "item", TILE), "templated": True},
        ],
    }


def tilejson(host: str, state: LayerState, views: RevisionViews) -> dict[str, Any]:
    """TileJSON with the address of the present revision's tiles, which never change and may be kept for ever."""
    definition, revision = state.definition, state.revision
    bounds = views.summary(definition, revision).bbox or FALLBACK
    west, south, east, north = bounds
    return {
        "tilejson": "3.0.0",
        "scheme": "xyz",
        "tiles": [f"{host}/tiles/{definition.id}/r{revision.rev}/{{z}}/{{x}}/{{y}}.mvt"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": list(bounds),
        "center": [round((west + east) / 2, 6), round((south + north) / 2, 6), 13],
        **tile_metadata(definition, revision),
    }
