"""Pictures of a basemap service: their addresses, and fetching them; browsers ask nobody else, the key stays here."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from geo_service import __version__
from geo_service.core.basemaps import MERCATOR_M, TILE_PX, BasemapSource
from geo_service.errors import BasemapUnavailable

HOLES = re.compile(r"\{([^{}]*)\}")
"""Placeholders of an address."""
TIMEOUT_S = 8
TILE_MOST = 4 << 20
NONE_HERE = (204, 404)
"""What services answer where they have no tile."""


def tile_url(source: BasemapSource, layer: str, z: int, x: int, y: int) -> str:
    """The address of a tile of a service, key included; ``y`` counts from the north."""
    values = {"z": z, "x": x, "y": y, "-y": (1 << z) - 1 - y, "layer": layer, "key": source.key}
    address = HOLES.sub(lambda hole: quote(str(values[hole.group(1)]), safe=""), source.url)
    if source.kind == "wms":
        return _joined_url(address, _map_request(source, z, x, y))
    if source.kind == "wmts" and "z" not in HOLES.findall(source.url):
        return _joined_url(address, _tile_request(source, layer, z, x, y))
    return address


def _tile_request(source: BasemapSource, layer: str, z: int, x: int, y: int) -> dict[str, str]:
    """WMTS 1.0.0, KVP encoding (OGC 07-057r7, 8.1); the matrix sets are named as 天地图 names them."""
    matrix_set = "c" if source.grid == "cgcs2000" else "w"
    return {
        "SERVICE": "WMTS",
        "REQUEST": "GetTile",
        "VERSION": "1.0.0",
        "LAYER": layer,
        "STYLE": "default",
        "TILEMATRIXSET": matrix_set,
        "FORMAT": "tiles",
        "TILEMATRIX": str(z),
        "TILEROW": str(y),
        "TILECOL": str(x),
    }


def _map_request(source: BasemapSource, z: int, x: int, y: int) -> dict[str, str]:
    """WMS 1.3.0 (OGC 06-042, 7.3) in EPSG:3857, whose axes are east, north."""
    size = 2 * MERCATOR_M / (1 << z)
    west, north = x * size - MERCATOR_M, MERCATOR_M - y * size
    return {
        "SERVICE": "WMS",
        "REQUEST": "GetMap",
        "VERSION": "1.3.0",
        "LAYERS": ",".join(source.layers),
        "STYLES": "",
        "CRS": "EPSG:3857",
        "BBOX": f"{west:.6f},{north - size:.6f},{west + size:.6f},{north:.6f}",
        "WIDTH": str(TILE_PX),
        "HEIGHT": str(TILE_PX),
        "FORMAT": "image/png",
        "TRANSPARENT": "TRUE",
    }


def _joined_url(url: str, arguments: dict[str, str]) -> str:
    """An address with arguments added; those already in it stay as they are (``tk=…``, another matrix set)."""
    given = {pair.partition("=")[0].upper() for pair in urlsplit(url).query.split("&")}
    added = urlencode({name: value for name, value in arguments.items() if name not in given}, safe=",:/")
    joiner = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joiner}{added}"


def fetch(url: str, *, basemap: str) -> bytes:
    """The picture at an address of a configured service; empty bytes where it has none.

    Redirections are not followed: an address that was allowed must not lead to one that was not.

    Raises
    ------
    BasemapUnavailable
        No answer within 8 s, a refusal, or no picture; the message never has the address, for the key is in it.
    """
    request = urllib.request.Request(url, headers={"User-Agent": f"geo_service/{__version__}", "Accept": "image/*"})  # noqa: S310  # http or https, as the basemap file is checked
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            return _picture(answer, basemap)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in NONE_HERE:
                return b""
            raise BasemapUnavailable(basemap=basemap, reason=f"HTTP {error.code}") from None
    except (OSError, ValueError) as error:
        raise BasemapUnavailable(basemap=basemap, reason=_kind(error)) from None


def _picture(answer: Any, basemap: str) -> bytes:
    kind = str(answer.headers.get_content_type())
    data: bytes = answer.read(TILE_MOST + 1)
    if answer.status in NONE_HERE:
        return b""
    if not kind.startswith("image/") or len(data) > TILE_MOST:
        raise BasemapUnavailable(basemap=basemap, reason=f"{kind}, {len(data)} B")
    return data


def _kind(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return type(reason).__name__ if isinstance(reason, Exception) else str(reason)[:80]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Nowhere: the redirection becomes an error."""


_OPENER = urllib.request.build_opener(_NoRedirect)
