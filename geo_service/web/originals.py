"""Originals as they were sent: evidence of a draft, for those who review it; never opened here, only handed out."""

from __future__ import annotations

import base64

from flask import Blueprint, Response, request, send_file

from geo_service.errors import AccessDenied, NotFound
from geo_service.usecases.uploads import saved_name
from geo_service.web.current import deployment
from geo_service.web.drafts import open_draft, original_of
from geo_service.web.session import require_account

blueprint = Blueprint("originals", __name__)


@blueprint.get("/drafts/<draft_id>/original")
def of_draft(draft_id: str) -> Response:
    """The file a draft was made from: for its sender, reviewers of the layer and administrators."""
    original = original_of(open_draft(draft_id))
    if original is None:
        raise NotFound(what=f"{draft_id} original")
    return _hand_out(original.sha256, original.name)


@blueprint.get("/admin/originals/<sha256>")
def of_entry(sha256: str) -> Response:
    """A file the log names by its SHA-256: for administrators."""
    if not require_account().is_admin:
        raise AccessDenied(action="取出原件 / take originals out")
    return _hand_out(sha256, deployment().counter.evidence.name_of(sha256))


def _hand_out(sha256: str, name: str) -> Response:
    path = deployment().counter.evidence.original(sha256)
    who = require_account()
    deployment().people.audit.record(
        actor=who.name, action="original", target=sha256, ip=request.remote_addr or "", name=name
    )
    response = send_file(
        path, mimetype="application/octet-stream", as_attachment=True, download_name=saved_name(name), etag=False
    )
    response.set_etag(sha256)
    response.headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"  # RFC 9530
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
