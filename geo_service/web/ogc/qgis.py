"""From a layer's page to a draft that QGIS edits."""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.core.drafts import EDITABLE
from geo_service.usecases import review
from geo_service.usecases.ogc import BASE
from geo_service.web.current import deployment, visible_layer
from geo_service.web.drafts import desk
from geo_service.web.ogc.places import blueprint
from geo_service.web.session import require_account


@blueprint.post(f"{BASE}/drafts")
def edit_in_qgis() -> AnyResponse:
    """My open draft of a layer (``layer`` of the form), a new one where there is none; its page tells the address."""
    who = require_account()
    state = visible_layer(request.form.get("layer", ""))
    known = deployment().drafts.find(states=EDITABLE, layer=state.definition.id, owner=who.name)
    open_ones = [d for d in known if d.mode == "edit"]
    draft = (
        open_ones[0]
        if open_ones
        else review.create_draft(desk(), who, state.definition.id, (), mode="edit", note="QGIS")
    )
    return redirect(f"/drafts/{draft.id}#qgis", code=303)
