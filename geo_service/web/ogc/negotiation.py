"""What every document under ``/ogc`` shares: known parameters only, JSON or a page, absolute links."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from geo_service.errors import InvalidParameter, NotAcceptable, one_of
from geo_service.usecases import ogc
from geo_service.web.answers import json_answer

PLAIN = frozenset({"f", "lang"})
"""Parameters every document takes."""
NO_SUCH = "没有这个参数，请删去 / there is no such parameter, leave it out"
OFFERED = (ogc.JSON, ogc.GEOJSON, ogc.SCHEMA, ogc.OPENAPI, "application/vnd.oai.openapi+json", ogc.HTML)


def check_parameters(known: AbstractSet[str] = PLAIN) -> None:
    """Nothing where every query parameter is known (Part 1, requirement 8).

    Raises
    ------
    InvalidParameter
        One is not.
    """
    unknown = request.args.keys() - known
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidParameter(
            name=name,
            value=request.args[name],
            reason="没有这个参数，请删去 / there is no such parameter, leave it out",
        )


def check_json(known: AbstractSet[str] = PLAIN) -> None:
    """Nothing where every parameter is known and JSON is asked for: a document without a page.

    Raises
    ------
    InvalidParameter
        It is not so.
    """
    check_parameters(known)
    if request.args.get("f", "json") != "json":
        raise InvalidParameter(name="f", value=request.args["f"][:20], reason=one_of(("json",)))


def wants_html() -> bool:
    """Whether a page is asked for, by ``f`` or by ``Accept``.

    Raises
    ------
    InvalidParameter, NotAcceptable
        Something that is neither JSON nor HTML.
    """
    wanted = request.args.get("f", "")
    if wanted not in ("", "json", "html"):
        raise InvalidParameter(name="f", value=wanted, reason=one_of(("json", "html")))
    if wanted:
        return wanted == "html"
    best = request.accept_mimetypes.best_match(OFFERED) if request.accept_mimetypes else ogc.JSON
    if best is None:
        raise NotAcceptable(what=str(request.accept_mimetypes), offered=", ".join(OFFERED))
    return best == ogc.HTML


def answer(body: dict[str, Any], mimetype: str = ogc.JSON) -> Response:
    """A document with absolute links: GDAL glues relative ones to the wrong place."""
    return json_answer(absolute(body), mimetype=mimetype)


def absolute(value: Any) -> Any:
    """The same with every ``href`` that begins with a slash made a whole address."""
    return _absolute(value, host())


def host() -> str:
    """What addresses of this service begin with, as the client sees it."""
    return request.host_url.rstrip("/")


def _absolute(value: Any, start: str) -> Any:
    if isinstance(value, dict):
        return {k: start + v if k == "href" and v.startswith("/") else _absolute(v, start) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_absolute(item, start) for item in value]
    return value


def page(template: str, **values: Any) -> AnyResponse:
    """A page of our own."""
    return Response(render_template(template, page="ogc", **values), mimetype="text/html")
