"""The map page: the Folium shell around ids, URLs and numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from flask import Blueprint, render_template
from markupsafe import Markup

from geo_service.errors import InvalidParameter, RevisionNotFound
from geo_service.rendering.folium_map import ShellParts
from geo_service.storage.store import LayerState
from geo_service.usecases import browse
from geo_service.web.as_of import revision_as_of
from geo_service.web.assets import asset_url
from geo_service.web.current import deployment, visible_layers
from geo_service.web.editing import pencil
from geo_service.web.map_shell import build_shell

blueprint = Blueprint("map", __name__)

BASEMAP_LAYERS = ("boundary", "subdistricts", "streets", "water")


@blueprint.get("/")
def index() -> str:
    """The map of the district."""
    parts = shell_parts()
    html, script = Markup(parts.html), Markup(parts.script)  # noqa: S704  # made of checked ids, paths and numbers only
    return render_template("map.html", parts=parts, html=html, script=script, pencil=pencil(), page="map")


def shell_parts() -> ShellParts:
    """The shell of the present set of revisions, rendered once per set."""
    body = catalogue()
    if _is_preparing(body):
        return build_shell(body, _basemap())
    key = ("shell", body["key"], asset_url(""))
    return cast("ShellParts", deployment().memo.get(key, lambda: build_shell(body, _basemap())))


def _is_preparing(body: dict[str, Any]) -> bool:
    """Whether something of a catalogue is not known yet, so that it is not to be kept."""
    return any("preparing" in layer for layer in body["layers"])


def _basemap() -> str:
    """Where the tiles of the basemap are."""
    return f"/tiles/basemap/{basemap_key()}/{{z}}/{{x}}/{{y}}.mvt"


def catalogue() -> dict[str, Any]:
    """The catalogue of the layers this request may read, worked out once per set of revisions."""
    states = visible_layers()
    here = deployment()
    limit = here.settings.canvas_features
    key = ("catalogue", browse.heads_key(states))
    body = here.memo.get(
        key,
        lambda: browse.catalogue(states, here.views, canvas_features=limit) | {"basemaps": here.basemaps.described()},
    )
    if _is_preparing(body):
        here.memo.forget(key)
    return cast("dict[str, Any]", body)


def catalogue_as_of(text: str) -> dict[str, Any]:
    """The catalogue of the layers there were on a day, at a moment or in an edition, with the revisions of now.

    Raises
    ------
    InvalidParameter
        See :func:`layers_as_of`.
    """
    here, now = deployment(), visible_layers()
    states = layers_as_of(text)
    body = browse.catalogue(states, here.views, canvas_features=here.settings.canvas_features)
    heads = {s.definition.id: s.revision.rev for s in now}
    return body | {"as_of": text, "heads": heads, "basemaps": here.basemaps.described()}


def layers_as_of(text: str) -> tuple[LayerState, ...]:
    """The layers this request may read with the revisions of a day, a moment or an edition; those that were there.

    Raises
    ------
    InvalidParameter
        Not a day, moment or edition, or there was no layer yet.
    """
    states = tuple(then for state in visible_layers() if (then := _state_as_of(state, text)))
    if not states:
        raise InvalidParameter(name="asOf", value=text[:80], reason="那时还没有任何图层 / there was no layer yet")
    return states


def _state_as_of(state: LayerState, text: str) -> LayerState | None:
    try:
        return dataclasses.replace(state, revision=revision_as_of(state, text))
    except RevisionNotFound:
        return None


def basemap_key() -> str:
    """A hash of the heads of the reference layers the basemap is made of."""
    return browse.heads_key(s for s in visible_layers() if s.definition.id in BASEMAP_LAYERS)
