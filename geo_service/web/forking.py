"""An application that is opened once and forked: what was loaded and read is there once for all processes."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from flask import Flask
from werkzeug.test import Client

from geo_service.deployment import Deployment, go_to_work, open_deployment, set_right
from geo_service.errors import GeoServiceError, Unavailable
from geo_service.settings import Settings
from geo_service.web.app import create_app
from geo_service.web.operations import SHARED

LOG = logging.getLogger(__name__)
LOOK_AGAIN_S = 2.0
"""When a process that was begun while the database was away tries again."""
PATHS = (
    "/",
    "/healthz",
    "/ogc/collections?f=json",
    "/ogc/collections/{layer}/items?f=json&limit=1",
    "/ogc/collections/{layer}/items?f=json&limit=1&bbox=117.1,39.0,117.3,39.2",
    "/ogc/collections/{layer}/items?f=json&limit=1&filter=name%20IS%20NULL",
    "/layers/{layer}",
)
"""What readers and programs ask most: whatever these import, compile and read is kept by all processes together."""


def open_to_fork(settings: Settings, before: Flask | None = None) -> Flask:
    """An application whose deployment rests: no threads, no connections; the one before where none can be opened.

    Raises
    ------
    GeoServiceError, OSError
        The deployment cannot be opened and there is none before it.
    """
    try:
        app = create_app(open_deployment(settings), at_work=False)
    except (GeoServiceError, OSError):
        if before is None:
            raise
        LOG.exception("cannot open the deployment anew; the one before goes on")
        return before
    warm(app)
    _deployment(app).store.rest()
    return app


def take_over(app: Flask) -> Flask:
    """What a process does first after it was forked: set right what another left undone, and begin to work; as soon as
    the database can be reached, where that is not now."""
    if not _has_begun(_deployment(app)):
        threading.Thread(target=_begin_later, args=(_deployment(app),), name="take-over", daemon=True).start()
    return app


def _has_begun(deployment: Deployment) -> bool:
    try:
        set_right(deployment)
        go_to_work(deployment)
    except Unavailable:
        LOG.warning("the database cannot be reached yet", exc_info=True)
        return False
    return True


def _begin_later(deployment: Deployment) -> None:
    while not _has_begun(deployment):
        time.sleep(LOOK_AGAIN_S)


def warm(app: Flask) -> None:
    """Ask the questions of the first layer, uncounted and unlogged; what is refused is of no account."""
    state = next(iter(_deployment(app).store.layers()), None)
    if state is None:
        return
    logging.disable(logging.CRITICAL)
    try:
        client = Client(app)  # Flask's own takes the debugger with it
        for path in PATHS:
            client.get(path.format(layer=state.definition.id)).close()
    finally:
        logging.disable(logging.NOTSET)
        _uncount()


def _uncount() -> None:
    """Take back what this process counted."""
    if folder := os.environ.get(SHARED):
        for path in Path(folder).glob(f"*_{os.getpid()}.db"):
            path.unlink()


def _deployment(app: Flask) -> Deployment:
    found: Deployment = app.extensions["deployment"]
    return found
