"""The peer of the payload benchmark: a service that encodes its layer with GeoPandas for every request."""

from __future__ import annotations

import sys

import geopandas
from flask import Flask, Response
from waitress import create_server


def main(source: str) -> None:
    frame = geopandas.read_file(source)
    app = Flask(__name__)

    @app.get("/")
    def layer() -> Response:
        return Response(frame.to_json(), mimetype="application/geo+json")

    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    print(f"http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
