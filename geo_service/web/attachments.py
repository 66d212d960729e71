"""Photos and documents over HTTP: receive, list, show. Nothing of them is opened here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from flask import Blueprint, Response, request, send_file

from geo_service.core.access import may_edit
from geo_service.core.attachments import ids_of
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import parse_count
from geo_service.errors import AccessDenied, NotFound
from geo_service.storage.attachments import Attachment
from geo_service.storage.lookup import features_at
from geo_service.usecases.attachments import MOST_BYTES, attach, form_for
from geo_service.web.answers import PRIVATE, json_answer
from geo_service.web.current import deployment, visible_layer
from geo_service.web.session import account, require_account

blueprint = Blueprint("attachments", __name__)


@blueprint.post("/api/layers/<layer_id>/attachments")
def receive(layer_id: str) -> Response:
    """Keep a file sent as the request's body; its name comes percent-encoded in ``X-File-Name``. A feature shows it
    once a change names its id in ``attachments`` and is published."""
    who = require_account()
    definition = visible_layer(layer_id).definition
    if not may_edit(who, definition):
        raise AccessDenied(action=f"编辑 {definition.title.zh} / edit {definition.title.en}")
    request.max_content_length = MOST_BYTES + 1
    name = unquote(request.headers.get("X-File-Name", "attachment"))
    kept = attach(deployment().album, who, layer_id, request.stream, name)
    deployment().people.audit.record(
        actor=who.name, action="attach", target=kept.id, layer=layer_id, sha256=kept.forms["original"], name=kept.name
    )
    response = json_answer(attachment_json(kept, definition))
    response.status_code = 201
    return response


@blueprint.get("/api/layers/<layer_id>/attachments")
def listed(layer_id: str) -> Response:
    """What is known of some attachments (``ids`` with commas): those of published features, for editors all."""
    definition = visible_layer(layer_id).definition
    fid = request.args.get("fid", "")
    wanted = request.args.get("ids", "").split(",")[:100]
    known = [found for one in wanted if (found := deployment().album.attachments.find(layer_id, one))]
    shown = [a for a in known if _may_see(definition, fid, a.id)]
    return json_answer({"attachments": [attachment_json(a, definition) for a in shown]})


@blueprint.get("/attachments/<layer_id>/<fid>/<attachment_id>")
def content(layer_id: str, fid: str, attachment_id: str) -> Response:
    """A file of a feature: ``size=small`` gives a picture of at most 360 pixels. On public layers pictures come without
    what the camera wrote."""
    definition = visible_layer(layer_id).definition
    found = deployment().album.attachments.get(layer_id, attachment_id)
    if not _may_see(definition, fid, found.id):
        raise NotFound(what=attachment_id[:40])
    form = form_for(found, public=definition.secrecy == "public", small=request.args.get("size") == "small")
    sha256 = found.forms[form]
    kind = "image/jpeg" if form == "small" else found.kind
    response = send_file(deployment().album.attachments.path(sha256), mimetype=kind, conditional=False)
    response.headers["Cache-Control"] = PRIVATE
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = _disposition(found)
    response.set_etag(sha256[:24])
    return response


def attachment_json(attachment: Attachment, definition: LayerDefinition) -> dict[str, Any]:
    """What people see of an attachment; where and when it was taken are for those who
    may edit, and for readers of internal layers."""
    who = account()
    private = definition.secrecy == "internal" or may_edit(who, definition)
    return {
        "id": attachment.id,
        "name": attachment.name,
        "kind": attachment.kind,
        "picture": attachment.is_picture,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "by": attachment.by if who else "",
        "at": attachment.at,
        "position": list(attachment.position) if attachment.position and private else None,
        "taken": attachment.taken if private else "",
    }


def _may_see(definition: LayerDefinition, fid: str, attachment_id: str) -> bool:
    """Whether the feature names the attachment at its head or the asked revision; editors see what waits in drafts."""
    if may_edit(account(), definition):
        return True
    rev = parse_count(request.args, "asOf", default=0, maximum=1 << 40, minimum=1) or None
    feature = features_at(deployment().store, definition.id, [fid], rev).get(fid)
    return feature is not None and attachment_id in ids_of(feature.properties)


def attachments_of(definition: LayerDefinition, properties: Any) -> list[Attachment]:
    """The attachments a feature names, in its order."""
    found = (deployment().album.attachments.find(definition.id, one) for one in ids_of(properties))
    return [a for a in found if a]


def _disposition(attachment: Attachment) -> str:
    """Pictures are shown, everything else is saved; the name is encoded (RFC 5987), never quoted as it came."""
    way = "inline" if attachment.is_picture else "attachment"
    return f"{way}; filename*=UTF-8''{quote(attachment.name, safe='')}"
