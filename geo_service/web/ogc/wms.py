"""WMS 1.3.0: GetCapabilities, GetMap, GetFeatureInfo, GetLegendGraphic, with errors as service exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from flask import Response, g, render_template, request

from geo_service.core.query import parse_count
from geo_service.core.reference_systems import ReferenceSystem
from geo_service.errors import GeoServiceError, InvalidParameter, LayerNotFound
from geo_service.rendering.picture import Bounds, DrawnLayer, Window
from geo_service.storage.store import LayerState
from geo_service.usecases import browse, pictures, wms
from geo_service.usecases.ogc import BASE
from geo_service.usecases.pictures import Studio
from geo_service.web.answers import json_answer
from geo_service.web.as_of import revision_as_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.ogc.negotiation import host
from geo_service.web.ogc.places import View, blueprint
from geo_service.web.problems import RETRY_AFTER_S

KINDS = {wms.PNG: "png", wms.JPEG: "jpeg"}
MOST_FOUND = 50
MOST_LAYERS = 40
_CODES = {"layers": "LayerNotDefined", "styles": "StyleNotDefined", "crs": "InvalidCRS", "format": "InvalidFormat"}


def studio() -> Studio:
    """Where pictures are drawn in this deployment."""
    here = deployment()
    return Studio(here.views, here.memo, here.settings.assets / "fonts")


def _excepting(view: View) -> Any:
    """The view, with our refusals as a service exception report (06-042, 6.11)."""

    @wraps(view)
    def run() -> Response:
        try:
            response: Response = view()
        except GeoServiceError as error:
            name = str(error.params.get("name", "")).lower()
            code = "LayerNotDefined" if isinstance(error, LayerNotFound) else _CODES.get(name, "")
            response = Response(wms.exception(code, error.sentence(g.lang)), mimetype="text/xml")
            response.status_code = error.status
            if error.status == 503:
                response.headers["Retry-After"] = RETRY_AFTER_S
        return response

    return run


@blueprint.get(f"{BASE}/wms")
@_excepting
def web_map_service() -> Response:
    """Whatever ``REQUEST`` asks for; names of parameters are taken in any case."""
    wanted = argument("request").lower()
    operations = {
        "getcapabilities": _capabilities,
        "getmap": _map,
        "getfeatureinfo": _feature_info,
        "getlegendgraphic": _legend,
    }
    if argument("service", "WMS").upper() != "WMS" or wanted not in operations:
        reason = "GetCapabilities / GetMap / GetFeatureInfo / GetLegendGraphic"
        raise InvalidParameter(name="request", value=argument("request")[:40], reason=reason)
    return operations[wanted]()


def argument(name: str, default: str = "") -> str:
    """A parameter by its name in any case, ``default`` where it is missing or empty."""
    return next((v for k, v in request.args.items() if k.lower() == name and v), default).strip()


def _capabilities() -> Response:
    body = wms.capabilities(host(), visible_layers(), deployment().views, g.lang)
    return Response(body, mimetype="text/xml")


def _map() -> Response:
    kind = KINDS.get(argument("format", wms.PNG).split(";")[0].strip())
    if kind is None:
        raise InvalidParameter(name="format", value=argument("format")[:40], reason=" / ".join(KINDS))
    crs, seen = _window()
    transparent = argument("transparent").upper() == "TRUE" and kind == "png"
    drawn = _drawn(_asked("layers"), crs, seen)
    image = studio().image(drawn, seen, ground="" if transparent else _ground(), kind=kind)
    response = Response(image, mimetype=f"image/{kind}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _asked(name: str) -> list[LayerState]:
    """The layers a parameter names, the first on top (a request names the lowest first)."""
    ids = [part.strip() for part in argument(name).split(",") if part.strip()]
    if not ids or len(ids) > MOST_LAYERS:
        raise InvalidParameter(name="layers", value=argument(name)[:80], reason=f"1 … {MOST_LAYERS}")
    styles = {part.strip() for part in argument("styles").split(",")} - {"", "default"}
    if styles:
        raise InvalidParameter(name="styles", value=sorted(styles)[0][:40], reason="default")
    return [visible_layer(each) for each in reversed(ids)]


def _drawn(states: Sequence[LayerState], crs: ReferenceSystem, seen: Window) -> list[DrawnLayer]:
    as_of = argument("asof") or argument("time")
    revisions = [revision_as_of(s, as_of) if as_of else s.revision for s in states]
    return [studio().layer(state, revision, crs, seen) for state, revision in zip(states, revisions, strict=True)]


def _window() -> tuple[ReferenceSystem, Window]:
    if argument("version", "1.3.0") != "1.3.0":
        raise InvalidParameter(name="version", value=argument("version")[:20], reason="1.3.0")
    crs = wms.SYSTEMS.get(argument("crs").upper())
    if crs is None:
        raise InvalidParameter(name="crs", value=argument("crs")[:40], reason=", ".join(wms.SYSTEMS))
    sizes = {name: argument(name) for name in ("width", "height")}
    width, height = (parse_count(sizes, name, default=0, maximum=1 << 30) for name in sizes)
    return crs, pictures.window(_bounds(crs), width, height, crs)


def _bounds(crs: ReferenceSystem) -> Bounds:
    """BBOX in the CRS's own axis order, turned so that x runs to the right."""
    try:
        a, b, c, d = (float(part) for part in argument("bbox").split(","))
    except ValueError:
        reason = "须为四个数 / four numbers"
        raise InvalidParameter(name="bbox", value=argument("bbox")[:80], reason=reason) from None
    return (b, a, d, c) if crs.north_first else (a, b, c, d)


def _ground() -> str:
    """The colour under the map: BGCOLOR as 0xRRGGBB, white by default."""
    text = argument("bgcolor", "0xFFFFFF").lower().removeprefix("0x")
    if len(text) != 6 or set(text) - set("0123456789abcdef"):
        raise InvalidParameter(name="bgcolor", value=text[:20], reason="0xRRGGBB")
    return f"#{text}"


def _feature_info() -> Response:
    crs, seen = _window()
    kind = argument("info_format", wms.INFO_FORMATS[0])
    if kind not in wms.INFO_FORMATS:
        raise InvalidParameter(name="format", value=kind[:40], reason=" / ".join(wms.INFO_FORMATS))
    places = {name: argument(name) for name in ("i", "j", "feature_count")}
    i, j = (parse_count(places, name, default=1 << 30, maximum=1 << 30) for name in ("i", "j"))
    most = parse_count(places, "feature_count", default=1, maximum=MOST_FOUND, minimum=1)
    drawn = _drawn(_asked("query_layers"), crs, pictures.spot(seen, i, j))
    found = [(layer.definition, f) for layer in drawn for f in pictures.at_pixel(layer, seen, i, j, most)]
    return _told(found, kind)


def _told(found: Sequence[tuple[Any, Any]], kind: str) -> Response:
    if kind == "application/json":
        rows = [browse.feature_json(f) | {"layer": definition.id} for definition, f in found]
        return json_answer({"type": "FeatureCollection", "features": rows})
    if kind == "text/html":
        return Response(render_template("feature_info.html", found=found), mimetype="text/html")
    lines = [f"{d.title.get(g.lang)}\t{f.id}\t{f.name}\n" for d, f in found]
    return Response("".join(lines), mimetype="text/plain")


def _legend() -> Response:
    if argument("format", wms.PNG) != wms.PNG:
        raise InvalidParameter(name="format", value=argument("format")[:40], reason=wms.PNG)
    return Response(studio().legend(visible_layer(argument("layer")), g.lang), mimetype=wms.PNG)
