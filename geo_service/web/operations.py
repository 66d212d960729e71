"""For those who run the service: is it alive, may it be asked, how is it doing; a number and a log line per request."""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from geo_service import __version__
from geo_service.deployment import Deployment
from geo_service.errors import AccessDenied, GeoServiceError
from geo_service.storage.store import LayerState
from geo_service.web.answers import json_answer
from geo_service.web.current import deployment

ACCESS = logging.getLogger("geo_service.access")
REQUEST_ID = "X-Request-ID"
USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3, 10)
"""Upper bounds of the histogram; 0.3 s is what a page may take."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Set by ``serve`` where several processes count into one folder."""
LOOPBACK = ("127.0.0.1", "::1")

blueprint = Blueprint("operations", __name__)


class Meters:
    """What one application counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "geo_service_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "geo_service_request_seconds",
            "Seconds to an answer.",
            ("route",),
            registry=self.registry,
            buckets=BUCKETS_S,
        )


class StoreReading:
    """What the store says when it is asked for figures."""

    def __init__(self, here: Deployment) -> None:
        self._here = here

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Whether the database answers, and how much it holds."""
        states: tuple[LayerState, ...] = ()
        try:
            states = self._here.store.layers()
            answers = 1
        except GeoServiceError:
            answers = 0
        yield _gauge("geo_service_database_up", "Whether the database answers.", answers)
        yield _gauge("geo_service_layers", "Layers in service.", len(states))
        yield _gauge("geo_service_features", "Features of all layers.", sum(s.count for s in states))
        yield _gauge("geo_service_revisions", "Head revisions, summed.", sum(s.revision.rev for s in states))
        problems = len(self._here.store.export_problems)
        yield _gauge("geo_service_export_problems", "Layers whose file could not be published.", problems)


def install(app: Flask) -> None:
    """Give every request a number, count it, and log it."""
    app.extensions["meters"] = Meters()
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The number of this request, as the answer and the log carry it."""
    return str(g.get("request_id", ""))


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether the process answers; nothing else is asked, so that a restart of the database restarts no process."""
    return json_answer({"status": "ok", "version": __version__})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether the store can be read; 503 with Retry-After where it cannot."""
    started = time.perf_counter()
    count = len(deployment().store.layers())
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    return json_answer({"status": "ok", "version": __version__, "layers": count, "store_ms": took_ms})


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus: for this machine itself, and for administrators (a personal token is enough)."""
    account = g.get("account")
    if not (_is_local() or (account and account.is_admin)):
        raise AccessDenied(
            action="查看运行指标（仅限本机与管理员） / read metrics (this machine and administrators may)"
        )
    registry = CollectorRegistry()
    if os.environ.get(SHARED):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    registry.register(StoreReading(deployment()))
    own = b"" if os.environ.get(SHARED) else generate_latest(_meters().registry)
    return Response(own + generate_latest(registry), content_type=TEXT, headers={"Cache-Control": "no-store"})


def _is_local() -> bool:
    """Whether the client is this machine and speaks for nobody else."""
    return request.remote_addr in LOOPBACK and "X-Forwarded-For" not in request.headers


def _meters() -> Meters:
    from flask import current_app

    meters: Meters = current_app.extensions["meters"]
    return meters


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words)
    family.add_metric([], value)
    return family


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if USABLE_ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    took_s = time.perf_counter() - g.get("began", time.perf_counter())
    route = str(request.url_rule) if request.url_rule else "none"
    meters = _meters()
    meters.requests.labels(request.method, route, response.status_code).inc()
    meters.seconds.labels(route).observe(took_s)
    response.headers[REQUEST_ID] = request_id()
    if ACCESS.isEnabledFor(logging.INFO):
        ACCESS.info("%s %s %s", request.method, request.path, response.status_code, extra=_facts(response, took_s))
    return response


def _facts(response: Response, took_s: float) -> dict[str, Any]:
    """What a log line of a request carries; neither questions nor names of people are in it."""
    return {
        "request_id": request_id(),
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "took_ms": round(took_s * 1000, 2),
        "bytes": response.content_length,
    }
