"""The basemaps a bureau configures, read from a TOML file with ``[[basemap]]`` tables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from geo_service.core.basemaps import BasemapSource, Grid, Kind
from geo_service.core.text import Text
from geo_service.errors import BrokenBasemapFile
from geo_service.storage import toml_file
from geo_service.storage.file_fault import FileFault
from geo_service.storage.tile_file import UnusableTileFile, open_tile_file
from geo_service.storage.tile_service import HOLES

Misfit = tuple[toml_file.Path, str]
KEY_MOST = 200

SHIFTED = {
    "amap.com": ("高德", "Amap"),
    "autonavi.com": ("高德", "Amap"),
    "gtimg.com": ("腾讯", "Tencent"),
    "map.qq.com": ("腾讯", "Tencent"),
    "geoq.cn": ("GeoQ", "GeoQ"),
    "google.cn": ("谷歌中国", "Google China"),
    "baidu.com": ("百度", "Baidu"),
    "bdimg.com": ("百度", "Baidu"),
}
"""Hosts whose tiles are in GCJ-02 or BD-09."""
SHIFTED_MARKS = ("appmaptile", "webrd0", "wprd0", "maponline")
"""What addresses of these services look like behind a proxy with another name."""

_ID = re.compile(r"[a-z][a-z0-9_-]{0,30}\Z")
_NAME = re.compile(r"[A-Za-z0-9_:.-]{1,80}\Z")
_KNOWN_HOLES = frozenset({"x", "y", "z", "-y", "layer", "key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A table of the file; ``key_file`` is beside it and holds the key alone, so that the file can be shown around."""

    id: str
    title: Text
    kind: Kind
    url: str
    attribution: str
    review_number: str = ""
    grid: Grid = "web-mercator"
    layers: tuple[str, ...] = ()
    key: str = ""
    key_file: str = ""
    min_zoom: int = 0
    max_zoom: int = 18
    default: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    basemap: tuple[_Entry, ...]


def read_basemaps(path: Path) -> tuple[BasemapSource, ...]:
    """The basemaps of a file, in its order; paths in it are relative to its folder.

    Raises
    ------
    BrokenBasemapFile
        The file does not read, a basemap does not fit, its service is in obfuscated coordinates, its tile file is not
        usable, an id stands twice, or two are the default; with line and field.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrokenBasemapFile(file=path.name, line=0, field="", reason=error.strerror or str(error)) from error
    try:
        file = toml_file.decode(data, _File)
        found = tuple(_source(entry, path.parent) for entry in file.basemap)
        for place, reason in _misfits(found):
            raise toml_file.fault_at(toml_file.toml_text(data), place, reason)
    except FileFault as fault:
        raise BrokenBasemapFile(file=path.name, line=fault.line, field=fault.field, reason=fault.reason) from fault
    return found


def _source(entry: _Entry, folder: Path) -> BasemapSource:
    values = {f.name: getattr(entry, f.name) for f in dataclasses.fields(BasemapSource)}
    if entry.key_file:
        values["key"] = _key(folder / entry.key_file)
    if entry.kind in ("mbtiles", "pmtiles") and "://" not in entry.url:
        values["url"] = str((folder / entry.url).resolve())
    return BasemapSource(**values)


def _key(path: Path) -> str:
    """The key in a file; empty where it does not read, which the address then asks for."""
    try:
        return path.read_text("utf-8").strip()[:KEY_MOST]
    except (OSError, ValueError):
        return ""


def _misfits(found: tuple[BasemapSource, ...]) -> Iterator[Misfit]:
    seen: set[str] = set()
    for index, source in enumerate(found):
        for field, reason in misfits(source):
            yield ("basemap", index, field), reason
        if source.id in seen:
            yield ("basemap", index, "id"), f"{source.id} 出现两次 / {source.id} stands twice"
        seen.add(source.id)
        if source.default and any(other.default for other in found[:index]):
            yield ("basemap", index, "default"), "默认底图只能有一个 / only one basemap can be the default"
        if source.is_file and (reason := _file_misfit(source)):
            yield ("basemap", index, "url"), reason


def _file_misfit(source: BasemapSource) -> str:
    try:
        open_tile_file(Path(source.url))
    except UnusableTileFile as error:
        return f"{Path(source.url).name}：{error}"
    return ""


def misfits(source: BasemapSource) -> Iterator[tuple[str, str]]:
    """What does not fit in a basemap, as pairs of a field and a sentence in both languages."""
    if not _ID.match(source.id) or source.id == "own":
        yield "id", "须为小写字母开头的字母、数字、_、-，且不是 own / must be a lower-case slug other than own"
    if not source.attribution.strip():
        yield "attribution", "须写明底图来源 / must say where the basemap comes from"
    if not 0 <= source.min_zoom <= source.max_zoom <= 22:
        yield "max_zoom", "须 0 ≤ min_zoom ≤ max_zoom ≤ 22 / must be 0 ≤ min_zoom ≤ max_zoom ≤ 22"
    if not all(_NAME.match(name) for name in source.layers):
        yield "layers", "图层名只能用字母、数字和 _ : . - / layer names have letters, digits and _ : . - only"
    yield from _file_misfits(source) if source.is_file else _service_misfits(source)


def _file_misfits(source: BasemapSource) -> Iterator[tuple[str, str]]:
    if "://" in source.url:
        yield "url", f"{source.kind} 须为本机文件 / {source.kind} must be a file of this machine"
    if source.grid != "web-mercator":
        yield "grid", f"{source.kind} 只有 web-mercator 网格 / {source.kind} has the grid web-mercator only"


def _service_misfits(source: BasemapSource) -> Iterator[tuple[str, str]]:
    parts = urlsplit(source.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield "url", "须为 http:// 或 https:// 地址 / must be an http:// or https:// address"
        return
    if shifted := shifted_service(source.url):
        yield "url", shifted
    strange = set(HOLES.findall(source.url)) - _KNOWN_HOLES
    if strange:
        yield "url", f"不认识的占位符 {{{min(strange)}}} / unknown placeholder {{{min(strange)}}}"
    if source.kind == "xyz" and not {"x", "z"} <= set(HOLES.findall(source.url)):
        yield "url", "xyz 地址须含 {z}、{x}、{y} / an xyz address needs {z}, {x} and {y}"
    if source.kind in ("wms", "wmts") and not source.layers:
        yield "layers", "须写出图层名 / must name the layers"
    if "{key}" in source.url and not source.key:
        yield "key", "地址中有 {key}，但没有给出密钥 / the address has {key}, but there is no key"
    if source.grid == "cgcs2000" and source.kind == "wms":
        yield "grid", "wms 直接按 web-mercator 请求，不需要 grid / wms is asked in web-mercator, leave grid out"


def shifted_service(url: str) -> str:
    """Why a service must not lie under this map (its coordinates are obfuscated); empty where nothing is known.

    GCJ-02 is off by 559 to 570 m in Nankai (measured over the district with the published formulas), BD-09 by more.
    """
    host = (urlsplit(url).hostname or "").lower()
    named = next((names for tail, names in SHIFTED.items() if host == tail or host.endswith(f".{tail}")), None)
    if named is None and any(mark in url.lower() for mark in SHIFTED_MARKS):
        named = SHIFTED["amap.com"]
    if named is None:
        return ""
    zh, en = named
    return (
        f"{zh}的瓦片为加偏坐标（GCJ-02 或 BD-09），在本区偏 559–570 m 以上，不能作底图；请用天地图或本局服务"
        f" / {en}: tiles in obfuscated coordinates (GCJ-02, BD-09), 559–570 m off here; use Tianditu or your own"
    )
