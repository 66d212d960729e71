"""Every layer in every CRS through the clients people have: GDAL's OAPIF driver and OWSLib, held to pyproj."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import pyproj
import pytest
import shapely
from flask import Flask
from owslib.ogcapi.features import Features  # type: ignore[import-untyped]  # it has no types
from waitress import create_server

from geo_service.core.reference_systems import REFERENCE_SYSTEMS, ReferenceSystem
from geo_service.deployment import Deployment

NEAREST_M = 0.01
"""What a coordinate may differ from pyproj's."""

READ_ALL = """
import json, pyogrio, shapely, sys
url, crs = sys.argv[1:]
found = {}
for name, _ in pyogrio.list_layers(f"OAPIF:{url}/"):
    frame = pyogrio.read_dataframe(f"OAPIF:{url}/", layer=str(name), CRS=crs)
    shapes = frame.geometry
    found[str(name)] = {
        "crs": frame.crs.to_epsg() if frame.crs else 0,
        "count": len(frame),
        "places": {i: shapely.get_coordinates(s).tolist() for i, s in zip(frame.get("id", []), shapes) if s},
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def server(app: Flask) -> Iterator[str]:
    running = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.effective_port}/ogc"
    running.close()


Places = Mapping[str, Any]
"""Every vertex of each located feature by id, x to the right."""


def expected(deployment: Deployment, layer: str, system: ReferenceSystem) -> Places:
    """What pyproj makes of the features that are stored."""
    source = 4326 if system.epsg == 3857 else 4490
    move = pyproj.Transformer.from_crs(source, system.epsg, always_xy=True)
    stored = {f.id: shapely.get_coordinates(f.shape()) for f in deployment.store.snapshot(layer).features if f.geometry}
    if system.epsg == 4490:
        return stored
    return {fid: numpy.column_stack(move.transform(*places.T)) for fid, places in stored.items()}


def furthest_m(found: Places, wanted: Places, system: ReferenceSystem) -> float:
    """How far a vertex is from where pyproj puts it, at most."""
    assert found.keys() == wanted.keys()
    scale = 111_000 if system.epsg == 4490 else 1
    gaps = (numpy.hypot(*(numpy.asarray(found[fid]) - wanted[fid]).T).max() * scale for fid in wanted)
    return float(max(gaps, default=0.0))


OFTEN = ("CRS84", "4548")
"""CRSs that GDAL reads in every test run; the others, built alike, in CI."""


def by_gdal() -> Iterator[Any]:
    for system in REFERENCE_SYSTEMS:
        name = system.uri.rsplit("/", 1)[-1]
        yield pytest.param(system, id=name, marks=() if name in OFTEN else pytest.mark.slow)


@pytest.mark.parametrize("system", list(by_gdal()))
def test_gdal_reads_every_layer_where_pyproj_puts_it(server: str, deployment: Deployment, system: Any) -> None:
    """In a process of its own: GDAL holds Python's lock as it reads, and the server needs it to answer."""
    crs = "OGC:CRS84" if system.uri.endswith("CRS84") else f"EPSG:{system.epsg}"
    command = [sys.executable, "-W", "ignore", "-c", READ_ALL, server, crs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {s.definition.id for s in deployment.store.layers()}
    for layer, read in found.items():
        assert read["count"] == len(deployment.store.snapshot(layer).features), layer
        assert furthest_m(read["places"], expected(deployment, layer, system), system) < NEAREST_M, layer
        if crs.startswith("EPSG") and read["count"]:
            assert read["crs"] == system.epsg


@pytest.mark.parametrize("system", REFERENCE_SYSTEMS, ids=lambda s: s.uri.rsplit("/", 1)[-1])
def test_owslib_reads_every_layer_in_the_axis_order_of_the_authority(
    server: str, deployment: Deployment, system: Any
) -> None:
    client = Features(f"{server}/")
    assert set(client.feature_collections()) == {s.definition.id for s in deployment.store.layers()}
    for layer in client.feature_collections():
        assert system.uri in client.collection(layer)["crs"]
        page = client.collection_items(layer, limit=1000, crs=system.uri)
        assert page["numberMatched"] == page["numberReturned"] == len(page["features"])
        shapes = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in page["features"] if f["geometry"]}
        places = {fid: shapely.get_coordinates(shape) for fid, shape in shapes.items()}
        turned = {fid: xy[:, ::-1] if system.north_first else xy for fid, xy in places.items()}
        assert furthest_m(turned, expected(deployment, layer, system), system) < NEAREST_M, layer


def test_owslib_filters_by_cql_and_finds_the_queryables(server: str) -> None:
    client = Features(f"{server}/")
    assert "面积" in {p.get("title") for p in client.collection_queryables("schools")["properties"].values()}
    page = client.collection_items("waterlogging_zones", filter="名称 = '积水片区 7（示意）'")
    assert page["numberMatched"] == 1
