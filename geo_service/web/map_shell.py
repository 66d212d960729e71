"""The Folium shell of the map page."""

from __future__ import annotations

from typing import Any

from geo_service.rendering.folium_map import MapShell, ShellLayer, ShellParts, build
from geo_service.web.assets import asset_url


def build_shell(catalogue: dict[str, Any], basemap: str) -> ShellParts:
    """The shell of the layers of a catalogue, over the basemap whose tiles are at an address."""
    west, south, east, north = catalogue["district"]["bbox"]
    return build(
        MapShell(
            bbox=(west, south, east, north),
            zoom=13,
            js=(asset_url("leaflet/leaflet.js"), asset_url("protomaps/protomaps-leaflet.js")),
            css=(asset_url("leaflet/leaflet.css"),),
            basemap=basemap,
            layers=tuple(map(_shell_layer, catalogue["layers"])),
        )
    )


def _shell_layer(layer: dict[str, Any]) -> ShellLayer:
    return ShellLayer(
        id=layer["id"],
        drawn=layer["drawn"],
        url=layer["data_url"] if layer["drawn"] == "geojson" else layer["tile_url"],
        shown=layer["shown"],
    )
