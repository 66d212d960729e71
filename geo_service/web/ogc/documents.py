"""Landing page, conformance, API definition, collections and schemas."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.wording import SHAPES
from geo_service.usecases import ogc, openapi
from geo_service.usecases.openapi_processes import process_paths
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment
from geo_service.web.i18n import language
from geo_service.web.ogc.negotiation import PLAIN, answer, check_parameters, host, page, wants_html
from geo_service.web.ogc.places import Place, both, place


@both("/")
def landing(draft_id: str | None) -> AnyResponse:
    """The landing page."""
    check_parameters()
    here = place(draft_id)
    document = ogc.landing(here.base)
    return page("ogc.html", place=here, document=document) if wants_html() else answer(document)


@both("/conformance")
def conformance(draft_id: str | None) -> AnyResponse:
    """The conformance classes."""
    check_parameters()
    here = place(draft_id)
    if wants_html():
        classes = ogc.conformance_by_standard()
        return page("ogc_conformance.html", place=here, classes=classes, standards=ogc.STANDARDS)
    return json_answer({"conformsTo": list(ogc.CONFORMANCE)})


@both("/api")
def api(draft_id: str | None) -> AnyResponse:
    """The OpenAPI document."""
    check_parameters()
    here = place(draft_id)
    if wants_html():
        return redirect(f"{here.base}/api.html")
    return json_answer(openapi.document(here.base, here.states(), _more(here)), mimetype=ogc.OPENAPI)


def _more(here: Place) -> dict[str, Any]:
    """Processes run on what is published."""
    return process_paths() if here.draft is None else {}


@both("/api.html")
def api_page(draft_id: str | None) -> AnyResponse:
    """The API's documentation, from the same document, with the addresses of one layer (``layer``) for all."""
    check_parameters(PLAIN | {"layer"})
    here = place(draft_id)
    layers = {s.definition.id: s for s in here.states()}
    asked = request.args.get("layer", "")
    chosen = here.state(asked).definition.id if asked else next(iter(layers), "")
    document = openapi.document(here.base, [layers[chosen]] if chosen else [], _more(here))
    definitions = {id_: s.definition for id_, s in layers.items()}
    return page("ogc_api.html", place=here, document=document, chosen=chosen, layers=definitions)


@both("/collections")
def collections(draft_id: str | None) -> AnyResponse:
    """The collections."""
    check_parameters()
    here = place(draft_id)
    if wants_html():
        return redirect("/layers")
    return answer(ogc.collections(here.base, here.states(), deployment().views))


@both("/collections/<layer_id>")
def collection(draft_id: str | None, layer_id: str) -> AnyResponse:
    """One collection."""
    check_parameters()
    here = place(draft_id)
    state = here.state(layer_id)
    if wants_html():
        return redirect(f"/layers/{state.definition.id}")
    return answer(ogc.collection(here.base, state, deployment().views))


@both("/collections/<layer_id>/queryables")
def queryables(draft_id: str | None, layer_id: str) -> AnyResponse:
    """What may be asked for in a filter."""
    return _schema(draft_id, layer_id, "queryables")


@both("/collections/<layer_id>/sortables")
def sortables(draft_id: str | None, layer_id: str) -> AnyResponse:
    """What features may be sorted by."""
    return _schema(draft_id, layer_id, "sortables")


@both("/collections/<layer_id>/schema")
def schema(draft_id: str | None, layer_id: str) -> AnyResponse:
    """The schema of a collection's features."""
    return _schema(draft_id, layer_id, "schema")


def _schema(draft_id: str | None, layer_id: str, name: ogc.SchemaName) -> AnyResponse:
    here = place(draft_id)
    check_parameters()
    definition = here.state(layer_id).definition
    if wants_html():
        return page(
            "ogc_schema.html", place=here, definition=definition, name=name, geometry=ogc.GEOMETRY, shapes=SHAPES
        )
    return json_answer(ogc.schema(host() + here.base, definition, name, language()), mimetype=ogc.SCHEMA)
