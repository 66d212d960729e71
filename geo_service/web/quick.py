"""The questions that clients ask thousands of times, answered before the application is asked.

Pages and single features of what is published and tiles that are kept, for readers who are not signed in, in the
plainest spelling, where everything needed is at hand. The answer is the application's own, header by header (a test
compares them), with its number, its count and its line in the log. Everything else is left to the application:
sessions, conditions, compressed pages, refusals.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote_plus, unquote

from geo_service.core.access import may_read
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT, Bbox, Query
from geo_service.core.reference_systems import CRS84
from geo_service.deployment import Deployment
from geo_service.errors import GeoServiceError
from geo_service.storage.store import LayerState
from geo_service.usecases import item_pages, ogc
from geo_service.usecases.item_pages import ETAG_DIGITS, Address, Part
from geo_service.web.answers import FOREVER, SMALLEST
from geo_service.web.operations import ACCESS, REQUEST_ID, USABLE_ID, Meters

Environ = Mapping[str, Any]
StartResponse = Callable[..., Any]

COLLECTION = re.compile(rf"{ogc.BASE}/collections/([a-z][a-z0-9_]*)/items(?:/([A-Za-z0-9_-]+))?")
TILE = re.compile(r"/tiles/([a-z][a-z0-9_]*)/r(\d{1,9})/(\d{1,2})/(\d{1,7})/(\d{1,7})\.mvt")
HOST = re.compile(r"[A-Za-z0-9.-]+(?::\d{1,5})?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
NUMBER = r"-?\d{1,3}(?:\.\d{1,12})?"
VALUES = {
    "f": re.compile("json"),
    "limit": re.compile(r"[1-9]\d{0,5}"),
    "offset": re.compile(r"\d{1,9}"),
    "filter": re.compile(r"[a-z][a-z0-9_]*%3D%27(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+%27"),
    "bbox": re.compile(rf"{NUMBER}(?:(?:,|%2C){NUMBER}){{3}}"),
}
"""The arguments that are answered, and how they may be spelt."""
LONGEST_PAGE = 1_000
"""Features of a page that are answered at once; longer ones would keep others waiting."""
CONDITIONS = frozenset({
    "HTTP_AUTHORIZATION", "HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_PREFER",
})  # fmt: skip
PLAIN = re.compile(r"[\w .()/+-]+")
"""Texts that are looked for; nothing in them has a meaning in a filter."""
SESSION = "geo_service="
ENCODINGS = re.compile(r"[a-z]+(?:, ?[a-z]+)*")
JSON_TYPES = frozenset({"", "*/*", ogc.JSON, ogc.GEOJSON})
TILE_TYPE = "application/vnd.mapbox-vector-tile"
ROUTES = {
    "page": f"{ogc.BASE}/collections/<layer_id>/items",
    "feature": f"{ogc.BASE}/collections/<layer_id>/items/<fid>",
    "tile": "/tiles/<layer_id>/r<int:rev>/<int:z>/<int:x>/<int:y>.mvt",
}
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Vary", "Accept-Encoding, Cookie"),
]
COMMON = [*ALWAYS, ("Content-Type", ogc.GEOJSON), ("Cache-Control", "no-cache"), ("Content-Crs", f"<{CRS84.uri}>")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent with status 200; ``route`` is what it counts under."""

    route: str
    headers: list[tuple[str, str]]
    parts: Sequence[Part]

    @property
    def body(self) -> bytes:
        """The parts in one."""
        return b"".join(self.parts)

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts))


class Quick:
    """Quick answers of one application, and the WSGI application that hands on what it does not answer."""

    def __init__(self, here: Deployment, meters: Meters, rest: Callable[..., Iterable[bytes]]) -> None:
        self._here = here
        self._rest = rest
        self._counts = {r: meters.requests.labels("GET", r, HTTPStatus.OK.value) for r in ROUTES.values()}
        self._seconds = {r: meters.seconds.labels(r) for r in ROUTES.values()}
        self._date = (0, "")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The quick answer, or the application's."""
        found = self.answer(environ)
        if found is None:
            return self._rest(environ, start_response)
        start_response("200 OK", found.headers)
        return [found.body]

    def answer(self, environ: Environ) -> Answer | None:
        """The answer, None where it is the application's to give."""
        began = time.perf_counter()
        if environ["REQUEST_METHOD"] != "GET" or not CONDITIONS.isdisjoint(environ):
            return None
        if not self._here.settings.anonymous_reads or SESSION in environ.get("HTTP_COOKIE", ""):
            return None
        try:
            found = self._found(environ)
        except GeoServiceError:
            return None
        if found is not None:
            self._finish(found, environ, began)
        return found

    def _found(self, environ: Environ) -> Answer | None:
        path = environ["PATH_INFO"]
        if environ.get("SCRIPT_NAME"):
            return None
        if path.startswith("/tiles/"):
            return self._tile(path, environ)
        asked = COLLECTION.fullmatch(path)
        if asked is None or environ.get("HTTP_ACCEPT_ENCODING", "identity") != "identity":
            return None
        arguments, host = _arguments(environ.get("QUERY_STRING", "")), _host(environ)
        if arguments is None or not host or not ("f" in arguments or environ.get("HTTP_ACCEPT", "") in JSON_TYPES):
            return None
        state = self._state(asked[1])
        if asked[2]:
            return self._feature(state, asked[2], host) if arguments.keys() <= {"f"} else None
        return self._page(state, arguments, host)

    def _state(self, layer_id: str) -> LayerState | None:
        """The layer, None where not everybody may read it."""
        state = self._here.store.layer(layer_id)
        return state if may_read(None, state.definition, anonymous_reads=True) else None

    def _page(self, state: LayerState | None, arguments: Mapping[str, str], host: str) -> Answer | None:
        query = _query(arguments)
        if "filter" in arguments:
            return self._equal(state, arguments, host, query)
        if state is None or query is None or any(field.key in VALUES for field in state.definition.fields):
            return None
        ready = self._here.views.at_hand(state, in_bbox=query.bbox is not None)
        if ready is None:
            return None
        rest = "&".join(f"{k}={v.replace(',', '%2C')}" for k, v in arguments.items() if k != "offset")
        parts, tag = item_pages.page_parts(ready, query, Address(host, ogc.BASE, rest), self._here.now())
        return self._geojson(ROUTES["page"], parts, f'W/"{tag}"')

    def _equal(
        self, state: LayerState | None, arguments: Mapping[str, str], host: str, query: Query | None
    ) -> Answer | None:
        """The features of a large layer that have one text in one field."""
        key, _, value = arguments["filter"].partition("%3D%27")
        text = unquote(value.removesuffix("%27"))
        if (
            state is None
            or query is None
            or query.bbox
            or not _is_text(state.definition, key)
            or not PLAIN.fullmatch(text)
        ):
            return None
        large = self._here.views.large_at_hand(state)
        found = large.equal_to(key, text, LONGEST_PAGE) if large else None
        if found is None:
            return None
        rest = "&".join(f"{k}={quote_plus(unquote(v))}" for k, v in arguments.items() if k != "offset")
        page, address = found[query.offset : query.offset + query.limit], Address(host, ogc.BASE, rest)
        counts = len(found), len(page)
        head = item_pages.collection(address, state.definition.id, query, counts, self._here.now())
        body = b"".join(item_pages.parts(head, [page.text()]))
        return self._geojson(ROUTES["page"], [body], f'"{hashlib.sha256(body).hexdigest()[:ETAG_DIGITS]}"')

    def _feature(self, state: LayerState | None, fid: str, host: str) -> Answer | None:
        ready = self._here.views.at_hand(state) if state else None
        line = ready.line(fid) if ready else None
        if state is None or line is None:
            return None
        links = item_pages.feature_links(Address(host, ogc.BASE), state.definition, fid)
        body, tag = item_pages.feature_bytes(line, links)
        return self._geojson(ROUTES["feature"], [body], f'"{tag}"')

    def _geojson(self, route: str, parts: Sequence[Part], etag: str) -> Answer:
        return Answer(route, [*COMMON, ("ETag", etag), ("Date", self._now())], parts)

    def _tile(self, path: str, environ: Environ) -> Answer | None:
        asked, taken = TILE.fullmatch(path), environ.get("HTTP_ACCEPT_ENCODING", "identity")
        if asked is None or environ.get("QUERY_STRING") or not ENCODINGS.fullmatch(taken):
            return None
        state = self._state(asked[1])
        rev, z, x, y = map(int, asked.groups()[1:])
        if state is None or not 1 <= rev <= state.revision.rev:
            return None
        key = (asked[1], rev, z, x, y)
        body = self._here.views.kept_tile(key)
        packed = body is not None and len(body) > SMALLEST and "gzip" in taken
        body = self._here.views.kept_tile(("gzip", *key)) if packed else body
        if not body:
            return None
        encoding = [("Content-Encoding", "gzip")] if packed else []
        headers = [*ALWAYS, ("Content-Type", TILE_TYPE), ("Cache-Control", FOREVER), *encoding]
        return Answer(ROUTES["tile"], headers, [body])

    def _now(self) -> str:
        """The time as HTTP writes it."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second)))
        return self._date[1]

    def _finish(self, found: Answer, environ: Environ, began: float) -> None:
        """Number, count and log an answer as the application does with its own."""
        given = environ.get("HTTP_X_REQUEST_ID", "")
        number = given if USABLE_ID.fullmatch(given) else secrets.token_hex(8)
        size = found.size
        found.headers.append(("Content-Length", str(size)))
        found.headers.append((REQUEST_ID, number))
        took_s = time.perf_counter() - began
        self._counts[found.route].inc()
        self._seconds[found.route].observe(took_s)
        if ACCESS.isEnabledFor(logging.INFO):
            facts = {"request_id": number, "method": "GET", "path": environ["PATH_INFO"], "status": 200}
            facts |= {"took_ms": round(took_s * 1000, 2), "bytes": size}
            ACCESS.info("%s %s %s", "GET", environ["PATH_INFO"], 200, extra=facts)


def _arguments(text: str) -> dict[str, str] | None:
    """The arguments of a query, None where one is not plain."""
    found: dict[str, str] = {}
    for part in text.split("&") if text else ():
        name, _, value = part.partition("=")
        spelling = VALUES.get(name)
        if spelling is None or name in found or not spelling.fullmatch(value):
            return None
        found[name] = value.replace("%2C", ",")
    return found


def _query(arguments: Mapping[str, str]) -> Query | None:
    limit, bbox = int(arguments.get("limit", DEFAULT_LIMIT)), None
    if limit > min(LONGEST_PAGE, MAX_LIMIT):
        return None
    if "bbox" in arguments:
        west, south, east, north = bbox = cast("Bbox", tuple(map(float, arguments["bbox"].split(","))))
        if west > east or south > north:
            return None
    return Query(bbox=bbox, limit=limit, offset=int(arguments.get("offset", 0)))


def _is_text(definition: LayerDefinition, key: str) -> bool:
    """Whether a field holds text, and no name of a field stands for another argument."""
    field = definition.field(key)
    return field is not None and field.type == "text" and not any(f.key in VALUES for f in definition.fields)


def _host(environ: Environ) -> str:
    """What addresses of this service begin with, as the client sees it; empty where it is not plain."""
    host, scheme = environ.get("HTTP_HOST", ""), environ.get("wsgi.url_scheme", "")
    if not HOST.fullmatch(host) or "xn--" in host or scheme not in DEFAULT_PORTS:
        return ""
    return f"{scheme}://{host.removesuffix(DEFAULT_PORTS[scheme])}"
