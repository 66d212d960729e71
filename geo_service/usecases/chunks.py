"""Beyond one machine: a question is answered chunk by chunk, on threads here or on workers elsewhere.

A chunk is a GeoParquet file (EPSG:4548). ``partial`` makes a small table of a chunk, ``combine`` adds the tables up in
the order of the paths, so that every engine gives the same answer. The GeoDataFrame of the whole is never made: that is
what keeps the memory of a million buildings below half of plain GeoPandas.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from geo_service.core.crs import PROJECTED
from geo_service.core.late import geopandas, pandas
from geo_service.errors import InvalidParameter, Unavailable

Partial = Callable[..., "pandas.DataFrame"]
Combine = Callable[[Iterable["pandas.DataFrame"]], "pandas.DataFrame"]
Progress = Callable[[int, int], None]

ROWS = 50_000
"""Features of a chunk: about 20 MB, read and counted in well under a second."""
AHEAD = 2
"""Chunks that wait for each worker, so that none is idle and few are in memory."""
RETRIES = 3
"""So often is a chunk given to another worker when one dies."""
SCHEMES = ("tcp://", "tls://")


def write_chunks(frames: Iterable[geopandas.GeoDataFrame], folder: Path) -> tuple[Path, ...]:
    """GeoParquet files of frames that together are a layer, each in EPSG:4548, named so that they sort in order.

    Raises
    ------
    Unavailable
        pyarrow is not installed.
    """
    _need("pyarrow")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, frame in enumerate(frames):
        path = folder / f"{number:06}.parquet"
        half = path.with_suffix(".part")
        frame.to_crs(PROJECTED).to_parquet(half, index=False, compression="zstd", write_covering_bbox=True)
        half.replace(path)
        paths.append(path)
    return tuple(paths)


def list_chunks(folder: Path) -> tuple[Path, ...]:
    """The chunks of a folder in order.

    Raises
    ------
    InvalidParameter
        The folder has none.
    """
    paths = tuple(sorted(folder.glob("*.parquet")))
    if not paths:
        raise InvalidParameter(name="chunks", value=folder.name, reason="没有 GeoParquet 文件 / no GeoParquet files")
    return paths


def run_chunks(
    partial: Partial,
    combine: Combine,
    chunks: Sequence[Path],
    statics: Mapping[str, Any],
    *,
    engine: str | None = None,
    progress: Progress | None = None,
) -> pandas.DataFrame:
    """``combine`` of ``partial(chunk, **statics)`` over all chunks.

    ``engine`` is None (one after the other), ``local`` (threads: shapely and numpy let go of the interpreter while they
    work) or the address of a dask scheduler, ``tcp://host:8786`` or ``tls://host:8786``. Workers must see the chunks
    under the same paths.

    Raises
    ------
    InvalidParameter
        An engine of another kind.
    Unavailable
        dask.distributed is not installed or the scheduler does not answer.
    """
    done = progress or (lambda _done, _all: None)
    if engine is None:
        return combine(_counted((_part(path, partial, statics) for path in chunks), len(chunks), done))
    if engine == "local":
        return combine(_counted(_on_threads(partial, chunks, statics), len(chunks), done))
    if engine.startswith(SCHEMES):
        return combine(_counted(_on_workers(engine, partial, chunks, statics), len(chunks), done))
    raise InvalidParameter(name="engine", value=engine, reason="local, tcp://host:port, tls://host:port")


def _part(path: Path, partial: Partial, statics: Mapping[str, Any]) -> pandas.DataFrame:
    frame = geopandas.read_parquet(path, columns=["geometry"])
    return partial(frame[~(frame.geometry.isna() | frame.geometry.is_empty)], **statics)


def _counted(parts: Iterable[pandas.DataFrame], total: int, progress: Progress) -> Iterator[pandas.DataFrame]:
    for number, part in enumerate(parts, start=1):
        yield part
        progress(number, total)


def _on_threads(partial: Partial, chunks: Sequence[Path], statics: Mapping[str, Any]) -> Iterator[pandas.DataFrame]:
    """Parts in the order of the paths; only a few chunks are in memory at a time."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[pandas.DataFrame]] = []
        for path in chunks:
            waiting.append(pool.submit(_part, path, partial, statics))
            if len(waiting) > workers + AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _on_workers(
    address: str, partial: Partial, chunks: Sequence[Path], statics: Mapping[str, Any]
) -> Iterator[pandas.DataFrame]:
    """Parts in the order of the paths, from a dask scheduler's workers; a worker that dies loses nothing."""
    _need("distributed")
    from distributed import Client

    try:
        client = Client(address, timeout=10, set_as_default=False, security=_security(address))
    except OSError as error:
        raise Unavailable(reason=f"{address}: {error}") from error
    with closing(client):
        (shared,) = client.scatter([dict(statics)], broadcast=True)  # a list, or it would scatter each value
        futures = client.map(_part, list(chunks), partial=partial, statics=shared, retries=RETRIES, pure=False)
        for future in futures:
            yield future.result()


def _security(address: str) -> Any:
    """Certificates of a TLS address, from the settings dask itself reads (``DASK_DISTRIBUTED__COMM__TLS__…``)."""
    if not address.startswith("tls://"):
        return None
    from distributed.security import Security

    security = Security(require_encryption=True)
    if not (security.tls_ca_file and security.tls_client_cert):
        names = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT, ...__CLIENT__KEY"
        raise Unavailable(reason=f"{address} 没有证书，请设置 / no certificates for {address}, set: {names}")
    return security


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise Unavailable(reason=f"pip install -r requirements-scale.txt ({package})")
