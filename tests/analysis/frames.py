"""Frames for the analyses: shapes given in EPSG:4548 metres, handed on in EPSG:4490 as the store does."""

from __future__ import annotations

from typing import Any

import geopandas
import pandas

from geo_service.analysis.result import Result, read_parameters

E, N = 510_000.0, 4_330_000.0
"""A corner inside the district."""


def frame(shapes: list[Any], **columns: Any) -> geopandas.GeoDataFrame:
    index = pandas.Index([f"NK-TST-{i:03}" for i in range(len(shapes))], name="id")
    data = {"name": [f"地块{i}" for i in range(len(shapes))], "precision": "surveyed"} | columns
    return geopandas.GeoDataFrame(data, index=index, geometry=shapes, crs=4548).to_crs(4490)


def run(module: Any, inputs: dict[str, geopandas.GeoDataFrame], **given: Any) -> Result:
    """The answer of a module's question with its defaults and these values."""
    result: Result = module.QUESTION.run(inputs, read_parameters(module.QUESTION, given))
    return result
