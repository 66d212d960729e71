"""One tuple of settings; each is an environment variable ``GEO_SERVICE_<NAME>`` and a row of the README table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing an operator may decide: its name, default and meaning in both languages."""

    name: str
    default: str
    zh: str
    en: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"GEO_SERVICE_{self.name.upper()}"


SETTINGS = (
    Setting(name="home", default="var", zh="部署数据目录", en="folder with a deployment's state"),
    Setting(name="host", default="127.0.0.1", zh="监听地址", en="address to listen on"),
    Setting(name="port", default="8000", zh="监听端口", en="port to listen on"),
    Setting(
        name="database",
        default="",
        zh="数据库地址；空为内嵌 SQLite（<home>/geo_service.db）",
        en="database URL; empty means the embedded SQLite in <home>/geo_service.db",
    ),
    Setting(name="language", default="zh", zh="默认语言 zh 或 en", en="default language, zh or en"),
    Setting(
        name="server",
        default="waitress",
        zh="服务器：waitress 或 gunicorn（仅 Linux）",
        en="server: waitress, or gunicorn on Linux",
    ),
    Setting(name="workers", default="2", zh="gunicorn 进程数", en="gunicorn processes"),
    Setting(name="threads", default="8", zh="每个进程的线程数", en="threads per process"),
    Setting(
        name="proxies",
        default="0",
        zh="前面的反向代理层数；其 X-Forwarded-* 才被采信",
        en="reverse proxies in front, whose X-Forwarded-* are believed",
    ),
    Setting(
        name="log",
        default="text",
        zh="日志格式：text，或 json（每个请求一行，含请求编号）",
        en="log: text, or json (a line for each request, with its number)",
    ),
    Setting(
        name="tile_cache_mb",
        default="64",
        zh="每个进程的瓦片缓存上限（MB）",
        en="bound of the tile cache of a process, MB",
    ),
    Setting(
        name="tile_disk_mb",
        default="512",
        zh="大图层瓦片在磁盘上的缓存上限（MB）",
        en="bound of the tiles of large layers that stay on disk, MB",
    ),
    Setting(
        name="download_cache_mb",
        default="1024",
        zh="已生成的下载文件在磁盘上的上限（MB）",
        en="bound of the files made for download that stay on disk, MB",
    ),
    Setting(
        name="canvas_features",
        default="3000",
        zh="要素数超过此值的图层改用矢量瓦片",
        en="layers with more features than this are drawn from vector tiles",
    ),
    Setting(
        name="layers", default="layers", zh="首次启动导入的图层目录", en="folder of layers imported at first start"
    ),
    Setting(
        name="anonymous_reads",
        default="yes",
        zh="未登录者可否查看公开图层：yes 或 no",
        en="whether people who are not signed in may read public layers: yes or no",
    ),
    Setting(
        name="basemaps",
        default="",
        zh="本局底图的 TOML 配置文件；空为只用内置底图",
        en="TOML file of the bureau's own basemaps; empty means the built-in one only",
    ),
    Setting(name="data", default="data", zh="计划台账与标准目录", en="folder of the plan ledger and standards"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one deployment, read once by :func:`read_settings`; paths are absolute."""

    home: Path
    host: str
    port: int
    database: str
    language: str
    server: str
    workers: int
    threads: int
    proxies: int
    log: str
    tile_cache_mb: int
    tile_disk_mb: int
    download_cache_mb: int
    canvas_features: int
    anonymous_reads: bool
    layers: Path
    data: Path
    basemaps: Path | None

    @property
    def assets(self) -> Path:
        """Where set-up puts browser assets and print fonts."""
        return ROOT / "var" / "assets"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database or f"sqlite:///{self.home / 'geo_service.db'}"


class InvalidSetting(ValueError):
    """A setting whose value does not fit; the message names the variable in both languages."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables over the defaults.

    Raises
    ------
    InvalidSetting
        A value that is not of its setting's type, or out of range.
    """
    texts = {s.name: environment.get(s.variable, "").strip() or s.default for s in SETTINGS}
    return Settings(**{f.name: _convert(f.name, str(f.type), texts[f.name]) for f in fields(Settings)})  # type: ignore[arg-type]  # each converted to its field's own type


def _convert(name: str, kind: str, text: str) -> Path | int | str | bool | None:
    variable = f"GEO_SERVICE_{name.upper()}"
    if kind == "Path | None" and not text:
        return None
    if kind.startswith("Path"):
        return (ROOT / text).resolve()
    if kind == "int":
        if not text.isascii() or not text.isdigit():
            raise InvalidSetting(f"{variable}={text}：须为非负整数 (must be a whole number)")
        return int(text)
    if kind == "bool":
        if text not in ("yes", "no"):
            raise InvalidSetting(f"{variable}={text}：须为 yes 或 no (must be yes or no)")
        return text == "yes"
    allowed = {"language": ("zh", "en"), "server": ("waitress", "gunicorn"), "log": ("text", "json")}.get(name)
    if allowed and text not in allowed:
        raise InvalidSetting(f"{variable}={text}：须为 {' / '.join(allowed)} (must be one of these)")
    return text
