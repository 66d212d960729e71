"""Files read by GDAL, with exactly one driver alive in the worker.

GDAL registers its drivers when pyogrio is first imported; here that happens in the worker, after sniffing, with
``OGR_SKIP`` naming every driver but the one needed. Geometries come as WKB and are parsed one by one, so that one bad
ring does not lose the file.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import shapely

from geo_service.ingest.archive import Archive, extract
from geo_service.ingest.findings import Refused
from geo_service.ingest.layer import ReadLayer, Source, objects
from geo_service.ingest.sniff import Sniffed

DRIVERS_VARIABLE = "GEO_SERVICE_OGR_DRIVERS"
"""Names of every vector driver of the installed GDAL, one a line; found out by the zygote."""

_WITHOUT_GEOMETRY = "None"


def load_driver(driver: str, options: Mapping[str, str] | None = None) -> None:
    """Import pyogrio with one driver; every other is skipped, and that is checked.

    Raises
    ------
    RuntimeError
        Another driver is alive all the same.
    """
    names = os.environ.get(DRIVERS_VARIABLE, "").split("\n")
    os.environ["OGR_SKIP"] = ",".join(n for n in names if n and n not in (driver, "MEM"))
    os.environ.update(options or {})
    import pyogrio

    alive = set(pyogrio.list_drivers()) - {driver, "MEM"}
    if alive:
        raise RuntimeError(f"GDAL drivers alive beside {driver}: {sorted(alive)}")


def list_drivers() -> list[str]:
    """Every vector driver of the installed GDAL; for the zygote's throwaway child."""
    import pyogrio

    return sorted(pyogrio.list_drivers())


@dataclass(frozen=True, slots=True)
class Table:
    """What one layer of a file holds, before text is decoded."""

    columns: dict[str, list[Any]]
    geometry: numpy.ndarray[Any, Any]
    crs: str | None


def list_layers(path: Path) -> tuple[str, ...]:
    """Names of the layers with geometry in a file; all of them where none has."""
    import pyogrio

    with _broken_becomes_refused():
        rows = pyogrio.list_layers(path)
    named = [(str(name), kind) for name, kind in rows]
    return tuple(n for n, kind in named if kind is not None and kind != _WITHOUT_GEOMETRY) or tuple(n for n, _ in named)


def choose_layer(source: Source, layers: tuple[str, ...]) -> str:
    """The layer to read: the chosen one, or the only one.

    Raises
    ------
    Refused
        ``layer-choose``, ``layer-missing`` or ``file-no-features``.
    """
    chosen = source.options.layer
    shown = list(layers[:50])
    if not layers:
        raise Refused("file-no-features")
    if chosen:
        if chosen not in layers:
            raise Refused("layer-missing", layer=chosen, layers=shown)
        return chosen
    if len(layers) > 1:
        raise Refused("layer-choose", layers=shown)
    return layers[0]


def read_table(source: Source, path: Path, layer: str | None, *, encoding: str | None = None) -> Table:
    """A layer's columns as Python values and its geometries, with what cannot be read noted."""
    import pyogrio

    limits = source.limits
    with _broken_becomes_refused():
        info = pyogrio.read_info(path, layer=layer, encoding=encoding, force_feature_count=False)
        if len(info["fields"]) > limits.fields:
            raise Refused("too-many-fields", found=len(info["fields"]), limit=limits.fields)
        opened = _Opened(source, path, layer, encoding)
        try:
            table = opened.read()
        except (pyogrio.errors.GeometryError, pyogrio.errors.FeatureError):
            table = opened.read_one_by_one()
    if len(table.geometry) > limits.features:
        raise Refused("too-many-features", limit=limits.features)
    return table


@dataclass(frozen=True, slots=True)
class _Opened:
    """A layer of a file; ``source`` takes what is wrong with it."""

    source: Source
    path: Path
    layer: str | None
    encoding: str | None

    def read(self) -> Table:
        """All rows at once; the driver gives all of them up where one geometry is broken."""
        meta, _, wkb, data = self._ask(max_features=self.source.limits.features + 1)
        count = len(wkb) if wkb is not None else len(data[0]) if data else 0
        return Table(_columns(meta, data), _geometries(self.source, wkb, count), meta["crs"])

    def read_one_by_one(self) -> Table:
        """All rows, each asked for by its id, so that a broken geometry loses only itself.

        The driver then leaves broken ones out without a word; here they are noted. (A row without any geometry in
        such a file is noted, too.)
        """
        limit = self.source.limits.features + 1
        meta, fids, _, data = self._ask(max_features=limit, read_geometry=False, return_fids=True)
        wkb = self._ask(fids=fids, columns=[])[2]
        for index in numpy.flatnonzero([blob is None for blob in wkb]).tolist():
            self.source.log.add("geometry-unreadable", row=index + 1, reason="WKB")
        return Table(_columns(meta, data), _geometries(self.source, wkb, len(wkb)), meta["crs"])

    def _ask(self, **which: Any) -> Any:
        import pyogrio.raw

        return pyogrio.raw.read(self.path, layer=self.layer, encoding=self.encoding, datetime_as_string=True, **which)


def _columns(meta: Any, data: Any) -> dict[str, list[Any]]:
    fields = zip(meta["fields"], data, meta.get("ogr_types", ()), strict=True)
    return {str(name): _values(values, kind) for name, values, kind in fields if kind != "OFTBinary"}


def _broken_becomes_refused() -> _Broken:
    return _Broken()


class _Broken:
    """Turns what GDAL and pyogrio raise into a finding."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from pyogrio import errors

        known: tuple[type[Exception], ...] = (
            errors.DataSourceError,
            errors.DataLayerError,
            errors.FeatureError,
            errors.CRSError,
        )
        known = (*known, errors.FieldError, errors.GeometryError, ValueError, UnicodeDecodeError)
        if isinstance(error, known):
            raise Refused("file-broken", reason=_without_paths(str(error))) from error


def _without_paths(message: str) -> str:
    return " ".join(word for word in message.replace("'", " ").split() if "/" not in word)[:200]


def _geometries(source: Source, wkb: Any, count: int) -> numpy.ndarray[Any, Any]:
    if wkb is None:
        return objects([None] * count)
    geometry = _parse(wkb)
    missing = numpy.array([blob is not None for blob in wkb], dtype=bool) & shapely.is_missing(geometry)
    for index in numpy.flatnonzero(missing).tolist():
        source.log.add("geometry-unreadable", row=index + 1, reason="WKB")
    return numpy.asarray(geometry, dtype=object)


def _parse(wkb: Any) -> numpy.ndarray[Any, Any]:
    try:
        return numpy.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    except NotImplementedError:  # a curve that the driver did not straighten: one by one, to lose only that
        return objects([_parse_one(blob) for blob in wkb])


def _parse_one(blob: bytes | None) -> Any:
    try:
        return shapely.from_wkb(blob, on_invalid="ignore")
    except NotImplementedError:
        return None


def _values(values: Any, kind: str) -> list[Any]:
    """A column as Python values; missing numbers, which numpy marks as NaN, become None again."""
    if kind == "OFTReal" and values.dtype.kind == "f":
        told = values.astype(object)
        told[numpy.isnan(values)] = None
        return list(told)
    listed: list[Any] = values.tolist()
    if values.dtype.kind in "iub" or _PLAIN.issuperset(set(map(type, listed))):
        return listed
    if kind in ("OFTInteger", "OFTInteger64"):
        return [None if _is_missing(v) else v if isinstance(v, bool) else int(v) for v in listed]
    if kind == "OFTReal":
        return [None if _is_missing(v) else v for v in listed]
    return [_plain(v) for v in listed]


_PLAIN = frozenset({str, type(None)})


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)


def to_layer(table: Table, name: str, layers: tuple[str, ...]) -> ReadLayer:
    """A table as the layer it is; rows are counted from 1."""
    count = len(table.geometry)
    return ReadLayer(
        name=name,
        rows=list(range(1, count + 1)),
        columns=table.columns,
        geometry=table.geometry,
        crs=table.crs,
        layers=layers,
    )


def _read_one(source: Source, path: Path) -> ReadLayer:
    layers = list_layers(path)
    layer = choose_layer(source, layers)
    return to_layer(read_table(source, path, layer), layer, layers)


def read_geopackage(source: Source, sniffed: Sniffed) -> ReadLayer:
    """A GeoPackage's layer; only plain tables are offered, views and virtual tables are left alone."""
    tables = _plain_tables(sniffed.path)
    for name in _registered(sniffed.path):
        if name.lower() not in tables:
            source.log.add("gpkg-view", layer=name[:60])
    path = _renamed(source, sniffed.path, "upload.gpkg")
    load_driver("GPKG")
    layers = tuple(n for n in _registered(sniffed.path) if n.lower() in tables)
    layer = choose_layer(source, layers)
    return to_layer(read_table(source, path, layer), layer, layers)


def _rows(path: Path, sql: str) -> Iterator[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        yield from connection.execute(sql)
    except sqlite3.Error as error:
        raise Refused("file-broken", reason=str(error)) from error
    finally:
        connection.close()


def _plain_tables(path: Path) -> set[str]:
    rows = _rows(path, "SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {str(name).lower() for name, sql in rows if "virtual" not in str(sql).lower().split("table", 1)[0]}


def _registered(path: Path) -> tuple[str, ...]:
    sql = "SELECT table_name FROM gpkg_contents WHERE data_type = 'features' ORDER BY table_name"
    return tuple(str(name) for (name,) in _rows(path, sql))


def _renamed(source: Source, path: Path, name: str) -> Path:
    """The file under a name whose suffix the driver expects, in the job's own folder."""
    target = source.work / name
    if path == target:
        return path
    with path.open("rb") as stream, target.open("xb") as out:
        while chunk := stream.read(1 << 22):
            out.write(chunk)
    return target


def read_flatgeobuf(source: Source, sniffed: Sniffed) -> ReadLayer:
    """A FlatGeobuf's only layer."""
    path = _renamed(source, sniffed.path, "upload.fgb")
    load_driver("FlatGeobuf")
    if not list_layers(path):
        raise Refused("file-broken", reason="FlatGeobuf")
    return _read_one(source, path)


def read_geodatabase(source: Source, sniffed: Sniffed) -> ReadLayer:
    """A zipped file geodatabase's layer; members keep their own plain names, which the format needs."""
    archive = _archive(sniffed)
    folder = source.work / "upload.gdb"
    for member in archive.members:
        name = Path(member.name).name.lower()
        if name.isascii() and name.replace(".", "").replace("_", "").isalnum():
            [unpacked] = extract(archive, [member], source.work / "gdb_parts", "part", source.limits)
            folder.mkdir(exist_ok=True)
            _move(unpacked, folder / name)
    load_driver("OpenFileGDB")
    return _read_one(source, folder)


def _move(source: Path, target: Path) -> None:
    """Rename by copying: a move between folders is not among a worker's rights."""
    if target.exists():
        raise Refused("zip-duplicate", member=target.name)
    with source.open("rb") as stream, target.open("xb") as out:
        while chunk := stream.read(1 << 22):
            out.write(chunk)
    source.unlink()


def read_mapinfo(source: Source, sniffed: Sniffed) -> ReadLayer:
    """A zipped MapInfo TAB or MIF layer."""
    archive = _archive(sniffed)
    mains = archive.with_suffix(".tab") or archive.with_suffix(".mif")
    by_name = {m.name: m for m in mains}
    main = by_name[choose_layer(source, tuple(by_name))]
    parts = [m for m in archive.members if m.stem == main.stem and m.suffix != ".zip"]
    extract(archive, parts, source.work / "mapinfo", "upload", source.limits)
    load_driver("MapInfo File")
    path = source.work / "mapinfo" / f"upload{main.suffix}"
    return to_layer(read_table(source, path, None), main.name, tuple(by_name))


def read_gpx(source: Source, sniffed: Sniffed) -> ReadLayer:
    """Waypoints, routes or tracks of a GPX file: the only kind there, or the chosen one."""
    from geo_service.ingest.readers.xml_text import rewrite_as_utf8

    path = rewrite_as_utf8(sniffed.path, source.work / "upload.gpx")
    load_driver("GPX")
    tables = {name: read_table(source, path, name) for name in ("waypoints", "routes", "tracks")}
    filled = tuple(name for name, table in tables.items() if len(table.geometry))
    layer = choose_layer(source, filled)
    return to_layer(tables[layer], layer, filled)


def _archive(sniffed: Sniffed) -> Archive:
    if sniffed.archive is None:
        raise Refused("zip-broken", reason="")
    return sniffed.archive
