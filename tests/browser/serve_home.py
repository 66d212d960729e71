"""Serve a home on a free port until the parent ends it; prints the port. ``--no-csp`` leaves out the policy header."""

from __future__ import annotations

import os
import sys
from typing import Any

from flask import Flask, Response
from waitress import create_server

from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app


def main(*, no_csp: bool) -> None:
    app = create_app(open_deployment(read_settings(os.environ)))
    if no_csp:
        leave_out_policy(app)
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=8)
    sys.stdout.write(f"{server.effective_port}\n")
    sys.stdout.flush()
    server.run()


def leave_out_policy(app: Flask) -> None:
    """Register first, so that it runs last."""

    def drop(response: Response) -> Response:
        response.headers.pop("Content-Security-Policy", None)
        return response

    app.after_request_funcs.setdefault(None, []).insert(0, drop)


if __name__ == "__main__":
    main(no_csp="--no-csp" in sys.argv)
