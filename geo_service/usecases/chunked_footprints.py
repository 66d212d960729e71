"""The footprints question on a folder of chunks, with areas and facilities from the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geo_service.analysis import footprints
from geo_service.analysis.result import read_parameters, require, require_kind
from geo_service.usecases.chunks import Progress, list_chunks, run_chunks
from geo_service.usecases.report import Answer, Sources, choose_reads, gather

ASKED = replace(footprints.QUESTION, roles=tuple(r for r in footprints.QUESTION.roles if r.key != "buildings"))
"""The question without its buildings, which are in the chunks."""


def count_chunks(
    sources: Sources,
    folder: Path,
    given: Mapping[str, Any],
    chosen: Mapping[str, str],
    *,
    engine: str | None = None,
    progress: Progress | None = None,
) -> Answer:
    """The answer for the buildings in the GeoParquet files (EPSG:4548) of a folder; ``engine`` as in ``run_chunks``.

    Raises
    ------
    InvalidParameter
        A folder without chunks, an engine of another kind, a parameter or layer that does not fit.
    Unavailable
        The scheduler does not answer, or requirements-scale.txt is not installed.
    """
    parameters, reads = read_parameters(ASKED, given), choose_reads(sources, ASKED, chosen)
    started, inputs = time.perf_counter(), gather(sources, ASKED, reads)
    areas = require_kind(inputs["areas"], "areas", "polygon")
    facilities = require(inputs["facilities"], "facilities") if footprints.has_facilities(inputs) else None
    limit_m = parameters["limit_m"]
    statics = {"areas": areas, "facilities": facilities, "limit_m": limit_m}
    chunks = list_chunks(folder)
    tally = run_chunks(
        footprints.tally_footprints, footprints.add_tallies, chunks, statics, engine=engine, progress=progress
    )
    result = footprints.describe_tally(tally, areas, has_facilities=facilities is not None, limit_m=limit_m)
    return Answer(ASKED, parameters, reads, result, round(time.perf_counter() - started, 3))
