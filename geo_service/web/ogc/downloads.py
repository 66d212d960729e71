"""Layers as files: ``/ogc/download/<layer>.<format>`` by filter, bbox, revision and CRS, read by ranges."""

from __future__ import annotations

from flask import Response, request, send_file

from geo_service.core.access import may_read
from geo_service.core.cql import compile_filter
from geo_service.core.query import Query
from geo_service.core.reference_systems import CRS84
from geo_service.errors import InvalidParameter, one_of
from geo_service.storage.store import LayerState
from geo_service.usecases import downloads
from geo_service.usecases.ogc import BASE
from geo_service.web.current import deployment
from geo_service.web.ogc.negotiation import check_parameters
from geo_service.web.ogc.places import blueprint, place
from geo_service.web.ogc.questions import bbox

PARAMETERS = frozenset({"crs", "filter", "bbox", "asOf", "lang"})


@blueprint.get(f"{BASE}/download/<layer_id>.<suffix>")
def download(layer_id: str, suffix: str) -> Response:
    """A layer, or a part of it, as a file; answers ranges, so that QGIS opens it by URL."""
    here = place(None)
    state = here.state(layer_id)
    check_parameters(PARAMETERS)
    query = Query(filter=request.args.get("filter", "").strip(), bbox=_window())
    if query.filter:
        compile_filter(query.filter, state.definition)  # a wrong filter is refused before anything is made
    wanted = downloads.order(state.definition, here.revision(state), suffix, _crs(), query)
    path = downloads.fulfil(wanted, deployment().views, deployment().downloads)
    kind = downloads.FORMATS[wanted.format].media_type
    response = send_file(path, mimetype=kind.split(";")[0], as_attachment=True, download_name=wanted.name)
    response.content_type = kind
    response.headers["Cache-Control"] = _lasting(state)
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _window() -> tuple[float, float, float, float] | None:
    return bbox(request.args["bbox"], CRS84) if request.args.get("bbox") else None


def _crs() -> int | None:
    """The EPSG number asked for: ``4548``, ``EPSG:4548`` or the OGC address; None for the format's first."""
    text = request.args.get("crs", "").strip().strip("<>")
    if not text:
        return None
    number = text.rpartition("/")[2].upper().removeprefix("EPSG:")
    if number == "CRS84":
        return 4490
    if not number.isascii() or not number.isdigit() or len(number) > 6:
        raise InvalidParameter(name="crs", value=text[:80], reason=one_of((4490, 4548, 4527)))
    return int(number)


def _lasting(state: LayerState) -> str:
    """Asked again at every use: the head moves on; between people only where everybody may read it."""
    anonymous = deployment().settings.anonymous_reads
    return "no-cache" if may_read(None, state.definition, anonymous_reads=anonymous) else "private, no-cache"
