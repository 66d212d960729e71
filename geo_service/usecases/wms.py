"""Capabilities of WMS 1.3.0 (06-042) and WMTS 1.0.0 (07-057r7), for desktops that know nothing newer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geo_service.core.reference_systems import (
    CGCS2000,
    CRS84,
    GAUSS_KRUGER,
    GAUSS_KRUGER_ZONE,
    WEB_MERCATOR,
    ReferenceSystem,
    plane_bounds,
)
from geo_service.core.text import Text
from geo_service.rendering import picture
from geo_service.storage.store import LayerState
from geo_service.usecases.downloads import FALLBACK
from geo_service.usecases.markup import Element, tag, write
from geo_service.usecases.ogc import BASE, TITLE
from geo_service.usecases.ogc_tiles import HALF_M, MAX_ZOOM, PIXEL_M, SCHEME, cell_size_m
from geo_service.usecases.pictures import LARGEST_PX
from geo_service.usecases.summary import layer_symbol
from geo_service.usecases.views import RevisionViews

PNG, JPEG = "image/png", "image/jpeg"
INFO_FORMATS = ("application/json", "text/html", "text/plain")
SYSTEMS: dict[str, ReferenceSystem] = {
    "CRS:84": CRS84,
    "EPSG:4490": CGCS2000,
    "EPSG:4326": CGCS2000,
    "EPSG:4548": GAUSS_KRUGER,
    "EPSG:4527": GAUSS_KRUGER_ZONE,
    "EPSG:3857": WEB_MERCATOR,
}
"""CRS names of WMS; EPSG:4326 is taken for CGCS2000, from which it differs by centimetres."""
SERVICE = Text(TITLE, "Nankai planning and construction map")
ABSTRACT = Text(
    "南开区发展和改革部门的图层，符号与本服务地图页一致；标“示意”者不得作为测绘成果使用。",
    "Layers of the district's planning bureau, drawn as on its map page; what is marked illustrative is no survey.",
)
_XLINK = "http://www.w3.org/1999/xlink"


def capabilities(host: str, states: Sequence[LayerState], views: RevisionViews, language: str) -> bytes:
    """The WMS capabilities with the layers a reader may see."""
    address = f"{host}{BASE}/wms?"
    root = tag(
        "WMS_Capabilities",
        tag(
            "Service",
            tag("Name", "WMS"),
            tag("Title", SERVICE.get(language)),
            tag("Abstract", ABSTRACT.get(language)),
            _resource(address),
            tag("Fees", "none"),
            tag("AccessConstraints", "none"),
            tag("MaxWidth", str(LARGEST_PX)),
            tag("MaxHeight", str(LARGEST_PX)),
        ),
        tag(
            "Capability",
            tag("Request", *_operations(address)),
            tag("Exception", tag("Format", "XML")),
            tag(
                "Layer",
                tag("Title", SERVICE.get(language)),
                *(tag("CRS", name) for name in SYSTEMS),
                *_boxes(FALLBACK),
                *(_layer(host, state, views, language) for state in states),
            ),
        ),
        version="1.3.0",
        xmlns="http://www.opengis.net/wms",
        xmlns__xlink=_XLINK,
    )
    return write(root)


def _resource(address: str) -> Element:
    return tag("OnlineResource", xlink__type="simple", xlink__href=address)


def _operations(address: str) -> Iterable[Element]:
    def operation(name: str, formats: Iterable[str]) -> Element:
        way = tag("DCPType", tag("HTTP", tag("Get", _resource(address))))
        return tag(name, *(tag("Format", each) for each in formats), way)

    yield operation("GetCapabilities", ["text/xml"])
    yield operation("GetMap", [PNG, JPEG])
    yield operation("GetFeatureInfo", INFO_FORMATS)


def _boxes(bbox: tuple[float, float, float, float]) -> Iterable[Element]:
    """The extent in degrees, then in every CRS and its own axis order."""
    west, south, east, north = bbox
    names = ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")
    yield tag(
        "EX_GeographicBoundingBox",
        *(tag(name, f"{value:.7f}") for name, value in zip(names, (west, east, south, north), strict=True)),
    )
    for name, system in SYSTEMS.items():
        x1, y1, x2, y2 = plane_bounds(bbox, system)
        a, b, c, d = (y1, x1, y2, x2) if system.north_first else (x1, y1, x2, y2)
        yield tag("BoundingBox", CRS=name, minx=f"{a:.10g}", miny=f"{b:.10g}", maxx=f"{c:.10g}", maxy=f"{d:.10g}")


def _seen(state: LayerState, views: RevisionViews) -> tuple[float, float, float, float]:
    """The extent of what is drawn: clients ask for no more, and would cut symbols in half at a layer's own extent."""
    west, south, east, north = views.summary(state.definition, state.revision).bbox or FALLBACK
    margin = max(east - west, north - south) / 20 + 0.001
    return (west - margin, south - margin, east + margin, north + margin)


def _layer(host: str, state: LayerState, views: RevisionViews, language: str) -> Element:
    definition = state.definition
    legend = f"{host}{BASE}/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&FORMAT={PNG}&LAYER={definition.id}"
    width, height = picture.legend_size(layer_symbol(definition), language)
    record = f"{host}{BASE}/records/{definition.id}?f=iso19139"
    return tag(
        "Layer",
        tag("Name", definition.id),
        tag("Title", definition.title.get(language)),
        tag("Abstract", definition.description.get(language)),
        *_boxes(_seen(state, views)),
        tag("MetadataURL", tag("Format", "text/xml"), _resource(record), type="ISO19115:2003"),
        tag(
            "Style",
            tag("Name", "default"),
            tag("Title", definition.title.get(language)),
            tag("LegendURL", tag("Format", PNG), _resource(legend), width=str(width), height=str(height)),
        ),
        queryable="1",
    )


# ---- WMTS


def tile_capabilities(host: str, states: Sequence[LayerState], views: RevisionViews, language: str) -> bytes:
    """The WMTS capabilities with the layers a reader may see."""
    address = f"{host}{BASE}/wmts"
    root = tag(
        "Capabilities",
        tag(
            "ows:ServiceIdentification",
            tag("ows:Title", SERVICE.get(language)),
            tag("ows:Abstract", ABSTRACT.get(language)),
            tag("ows:ServiceType", "OGC WMTS"),
            tag("ows:ServiceTypeVersion", "1.0.0"),
        ),
        tag("ows:OperationsMetadata", *(_tile_operation(name, address) for name in ("GetCapabilities", "GetTile"))),
        tag("Contents", *(_tile_layer(address, host, s, views, language) for s in states), _tile_scheme()),
        tag("ServiceMetadataURL", xlink__href=f"{address}/1.0.0/WMTSCapabilities.xml"),
        version="1.0.0",
        xmlns="http://www.opengis.net/wmts/1.0",
        xmlns__ows="http://www.opengis.net/ows/1.1",
        xmlns__xlink=_XLINK,
    )
    return write(root)


def _tile_operation(name: str, address: str) -> Element:
    allowed = tag("ows:AllowedValues", tag("ows:Value", "KVP"))
    constraint = tag("ows:Constraint", allowed, name="GetEncoding")
    return tag(
        "ows:Operation",
        tag("ows:DCP", tag("ows:HTTP", tag("ows:Get", constraint, xlink__href=f"{address}?"))),
        name=name,
    )


def _tile_layer(address: str, host: str, state: LayerState, views: RevisionViews, language: str) -> Element:
    definition = state.definition
    west, south, east, north = seen = _seen(state, views)
    x1, y1, x2, y2 = plane_bounds(seen, WEB_MERCATOR)
    legend = f"{host}{BASE}/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&FORMAT={PNG}&LAYER={definition.id}"
    template = f"{address}/{definition.id}/default/{{TileMatrixSet}}/{{TileMatrix}}/{{TileRow}}/{{TileCol}}.png"
    return tag(
        "Layer",
        tag("ows:Title", definition.title.get(language)),
        tag("ows:Abstract", definition.description.get(language)),
        tag(
            "ows:WGS84BoundingBox",
            tag("ows:LowerCorner", f"{west:.7f} {south:.7f}"),
            tag("ows:UpperCorner", f"{east:.7f} {north:.7f}"),
        ),
        tag("ows:Identifier", definition.id),
        tag(
            "ows:BoundingBox",
            tag("ows:LowerCorner", f"{x1:.3f} {y1:.3f}"),
            tag("ows:UpperCorner", f"{x2:.3f} {y2:.3f}"),
            crs="urn:ogc:def:crs:EPSG::3857",
        ),
        tag(
            "Style",
            tag("ows:Identifier", "default"),
            tag("LegendURL", format=PNG, xlink__href=legend),
            isDefault="true",
        ),
        tag("Format", PNG),
        tag("TileMatrixSetLink", tag("TileMatrixSet", SCHEME)),
        tag("ResourceURL", format=PNG, resourceType="tile", template=template),
    )


def _tile_scheme() -> Element:
    return tag(
        "TileMatrixSet",
        tag("ows:Identifier", SCHEME),
        tag("ows:SupportedCRS", "urn:ogc:def:crs:EPSG::3857"),
        tag("WellKnownScaleSet", "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible"),
        *(_tile_matrix(z) for z in range(MAX_ZOOM + 1)),
    )


def _tile_matrix(z: int) -> Element:
    return tag(
        "TileMatrix",
        tag("ows:Identifier", str(z)),
        tag("ScaleDenominator", f"{cell_size_m(z) / PIXEL_M:.10f}"),
        tag("TopLeftCorner", f"{-HALF_M:.10f} {HALF_M:.10f}"),
        tag("TileWidth", "256"),
        tag("TileHeight", "256"),
        tag("MatrixWidth", str(1 << z)),
        tag("MatrixHeight", str(1 << z)),
    )


def tile_bounds(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """The rectangle of a tile in Web Mercator metres."""
    side = 2 * HALF_M / (1 << z)
    return (x * side - HALF_M, HALF_M - (y + 1) * side, (x + 1) * side - HALF_M, HALF_M - y * side)


def exception(code: str, sentence: str) -> bytes:
    """A WMS service exception report."""
    attributes = {"code": code} if code else {}
    root = tag(
        "ServiceExceptionReport",
        tag("ServiceException", sentence, **attributes),
        version="1.3.0",
        xmlns="http://www.opengis.net/ogc",
    )
    return write(root)


def tile_exception(code: str, sentence: str) -> bytes:
    """A WMTS exception report."""
    root = tag(
        "ows:ExceptionReport",
        tag("ows:Exception", tag("ows:ExceptionText", sentence), exceptionCode=code),
        version="1.1.0",
        xmlns__ows="http://www.opengis.net/ows/1.1",
    )
    return write(root)
