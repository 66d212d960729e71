"""Is this deployment whole? Versions, assets, fonts, data, store, log, and the proof that it needs no other machine."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from geo_service import __version__
from geo_service.core.text import Text
from geo_service.errors import BrokenInstallation, GeoServiceError
from geo_service.ingest.confine import Confinement
from geo_service.settings import ROOT, Settings
from geo_service.storage.audit import Audit
from geo_service.storage.files import hash_file
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases.check import check_data

State = Literal["ok", "note", "wrong"]

PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;#]+)", re.MULTILINE)
FONTS = ("fonts/NotoSansSC-Regular.ttf", "fonts/NotoSansSC-Bold.ttf")
FONT_MAGIC = (b"\x00\x01\x00\x00", b"OTTO", b"true")
LOADING = {
    "src": ("img", "script", "iframe", "embed", "audio", "video", "source", "track", "input"),
    "srcset": ("img", "source"),
    "href": ("link", "image", "use", "base"),
    "data": ("object",),
    "poster": ("video",),
    "action": ("form",),
}
"""Attributes that make a browser ask for something, and the tags that have them; links for people are not in it."""
OUTSIDE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)['"]?\s*((?:[a-z][a-z0-9+.-]*:)?//[^'")\s]+)""", re.IGNORECASE)
JS_ADDRESS = re.compile(r"""['"`]((?:https?|wss?):)?//[a-z0-9][^'"`\s]*['"`]""", re.IGNORECASE)
SERVER_ERROR = 500
NAMESPACE = "http://www.w3.org/"
OWN_SOURCES = frozenset({"'self'", "'none'", "data:", "blob:"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that was looked at, and how it is."""

    part: Text
    state: State
    text: Text


VERSIONS = Text("版本", "Versions")
ASSETS = Text("浏览器组件", "Browser assets")
PRINT_FONTS = Text("打印字体", "Print fonts")
DATA = Text("数据文件", "Data files")
STORE = Text("数据库", "Store")
PUBLISHED = Text("已发布图层", "Published layers")
LOG = Text("审计日志", "Audit log")
JAIL = Text("上传隔离", "Upload jail")
OFFLINE = Text("离线证明", "Offline proof")


def check_versions(requirements: Path = ROOT / "requirements.txt") -> Reading:
    """Whether what is installed is what the requirements pin."""
    own = f"geo_service {__version__}, Python {platform.python_version()}"
    pins = PIN.findall(requirements.read_text("utf-8"))
    strange = [f"{name} {found or '–'} ≠ {pin}" for name, pin in pins if (found := _installed(name)) != pin]
    if strange:
        text = ", ".join(strange)
        return Reading(VERSIONS, "note", Text(f"{own}；与 requirements.txt 不同：{text}", f"{own}; differs: {text}"))
    words = Text(f"{own}，{len(pins)} 个依赖与固定版本一致", f"{own}, {len(pins)} packages as pinned")
    return Reading(VERSIONS, "ok", words)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def check_assets(folder: Path, lock: Path = ROOT / "package-lock.json") -> Reading:
    """Whether every asset has the hash of the manifest, and the manifest is that of the lock."""
    try:
        manifest = read_manifest(folder)
    except BrokenInstallation as error:
        return Reading(ASSETS, "wrong", Text(error.sentence("zh"), error.sentence("en")))
    wrong = [path for path, entry in manifest["files"].items() if not _has_hash(folder / path, entry["sha256"])]
    if lock.exists() and manifest["lock"] != hash_file(lock):
        wrong.append("package-lock.json")
    if wrong:
        names = ", ".join(wrong[:5])
        words = Text(
            f"缺失或被改动：{names}；请运行 scripts/assets", f"missing or altered: {names}; run scripts/assets"
        )
        return Reading(ASSETS, "wrong", words)
    count = len(manifest["files"])
    words = Text(
        f"{count} 个文件与清单 {manifest['version']} 一致", f"{count} files fit manifest {manifest['version']}"
    )
    return Reading(ASSETS, "ok", words)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the assets.

    Raises
    ------
    BrokenInstallation
        It is not there or does not read.
    """
    try:
        body: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        return {"lock": body["lock"], "version": body["version"], "files": dict(body["files"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenInstallation(what=f"{folder / 'manifest.json'}: {error}") from error


def _has_hash(path: Path, sha256: str) -> bool:
    return path.is_file() and hash_file(path) == sha256


def check_fonts(folder: Path) -> Reading:
    """Whether the print fonts are there and are fonts."""
    wrong = [name for name in FONTS if not _is_font(folder / name)]
    if wrong:
        names = ", ".join(wrong)
        return Reading(PRINT_FONTS, "wrong", Text(f"缺失或不可用：{names}", f"missing or unusable: {names}"))
    names = ", ".join(Path(name).stem for name in FONTS)
    return Reading(PRINT_FONTS, "ok", Text(names, names))


def _is_font(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in FONT_MAGIC
    except OSError:
        return False


def check_shipped(settings: Settings) -> Reading:
    """Whether layers/ and data/ read well."""
    found = check_data(settings)
    if found.blocking:
        count, first = len(found.blocking), found.blocking[0].text
        words = Text(f"{count} 处阻断，首处：{first.zh}", f"{count} blocking, first: {first.en}")
        return Reading(DATA, "wrong", words)
    words = Text(
        f"{found.layers} 个图层、{found.features} 个要素、{found.commitments} 项任务，提示 {len(found.problems)}",
        f"{found.layers} layers, {found.features} features, {found.commitments} commitments, "
        f"{len(found.problems)} notes",
    )
    return Reading(DATA, "ok", words)


def check_store(store: LayerStore) -> Reading:
    """Whether the database itself says that it is whole."""
    verdict = store.database.integrity()
    layers = store.layers()
    if verdict != "ok":
        return Reading(STORE, "wrong", Text(f"完整性检查未通过：{verdict}", f"the integrity check failed: {verdict}"))
    weak = store.database.durability()
    if weak:
        words = Text(
            f"{weak} 已关闭，断电会丢失已确认的数据", f"{weak} is off: a power cut loses what was acknowledged"
        )
        return Reading(STORE, "note", words)
    count = sum(state.count for state in layers)
    words = Text(
        f"完整性检查通过，{len(layers)} 个图层、{count} 个要素",
        f"the integrity check passes, {len(layers)} layers, {count} features",
    )
    return Reading(STORE, "ok", words)


def check_layer(store: LayerStore, state: LayerState) -> Reading | None:
    """What is wrong with the head of a layer: its rows and its published file against the recorded hash; else None."""
    layer_id, rev = state.definition.id, state.revision.rev
    recorded = store.sha256(layer_id, rev)
    digest = hashlib.sha256()
    for chunk in store.published_chunks(layer_id, rev):
        digest.update(chunk)
    if digest.hexdigest() != recorded:
        return _wrong_layer(layer_id, rev, "数据行与记录的 SHA-256 不符", "the rows differ from the recorded SHA-256")
    path = store.published_path(layer_id)
    if not _has_hash(path, recorded):
        return _wrong_layer(layer_id, rev, f"{path.name} 不是此版本", f"{path.name} is not this revision")
    return None


def _wrong_layer(layer_id: str, rev: int, zh: str, en: str) -> Reading:
    return Reading(PUBLISHED, "wrong", Text(f"{layer_id} r{rev}：{zh}", f"{layer_id} r{rev}: {en}"))


def layers_reading(readings: Iterable[Reading | None], count: int) -> tuple[Reading, ...]:
    """The layers that are wrong, or one line saying that all are right."""
    wrong = tuple(r for r in readings if r)
    words = Text(f"{count} 个图层的数据行与文件逐字节一致", f"rows and files of {count} layers agree byte for byte")
    return wrong or (Reading(PUBLISHED, "ok", words),)


def check_log(audit: Audit) -> Reading:
    """Whether the chain of the audit log is unbroken."""
    verdict = audit.verify()
    if verdict.broken is not None:
        words = Text(f"第 {verdict.broken} 条起断链", f"broken from entry {verdict.broken} on")
        return Reading(LOG, "wrong", words)
    return Reading(LOG, "ok", Text(f"{verdict.entries} 条，链完整", f"{verdict.entries} entries, unbroken"))


def check_jail(held: Confinement) -> Reading:
    """What holds the processes that read uploaded files; a note where the kernel lacks some of it."""
    if held.complete:
        words = f"Landlock ABI {held.landlock_abi}, seccomp, rlimits"
        return Reading(JAIL, "ok", Text(f"全部生效：{words}", f"all in force: {words}"))
    parts = {"Landlock": held.landlock_abi > 0, "seccomp": held.seccomp, "rlimits": held.rlimits}
    lacking = ", ".join(name for name, there in parts.items() if not there)
    zh = f"本机内核缺少 {lacking}，其余保护仍有效；建议使用 Linux 5.13 或更新的内核"
    en = f"this kernel lacks {lacking}; the rest is in force. Linux 5.13 or newer is advised"
    return Reading(JAIL, "note", Text(zh, en))


def fault_reading(part: Text, error: GeoServiceError) -> Reading:
    """A part that could not be looked at."""
    return Reading(part, "wrong", Text(error.sentence("zh"), error.sentence("en")))


# ---- nothing is asked of another machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered at an address: HTTP status, media type, Content-Security-Policy and text."""

    address: str
    status: int
    mimetype: str
    policy: str
    text: str


def offline_reading(answers: Iterable[Answer], files: Iterable[Path], root: Path) -> tuple[Reading, ...]:
    """Every load from another host in pages, styles and scripts; one line saying that there is none."""
    pages = list(answers)
    texts = [Answer(p.relative_to(root).as_posix(), 200, _kind(p), "", p.read_text("utf-8")) for p in files]
    found = [f"{a.address}: {what}" for a in (*pages, *texts) for what in outside_loads(a)]
    found += [f"{a.address}: CSP {hole}" for a in pages for hole in policy_holes(a)]
    found += [f"{a.address}: {a.status}" for a in pages if a.status >= SERVER_ERROR]
    if found:
        return tuple(Reading(OFFLINE, "wrong", Text(line, line)) for line in found)
    words = Text(
        f"{len(pages)} 个页面、{len(texts)} 个样式与脚本均不引用其他主机，各页 CSP 只许本机",
        f"{len(pages)} pages, {len(texts)} styles and scripts load from no other host; every policy allows only ours",
    )
    return (Reading(OFFLINE, "ok", words),)


def _kind(path: Path) -> str:
    return {".css": "text/css", ".js": "text/javascript"}[path.suffix]


def outside_loads(answer: Answer) -> tuple[str, ...]:
    """The addresses on other hosts a browser would ask because of this page, style or script."""
    if answer.mimetype == "text/html":
        reader = _Loads()
        reader.feed(answer.text)
        return tuple(reader.found)
    if answer.mimetype == "text/css":
        return tuple(CSS_ADDRESS.findall(answer.text))
    strings = (match.group(0).strip("'\"`") for match in JS_ADDRESS.finditer(answer.text))
    return tuple(s for s in strings if not s.startswith(NAMESPACE))


def policy_holes(answer: Answer) -> tuple[str, ...]:
    """What a page's Content-Security-Policy allows beyond its own host; a page without one allows everything."""
    if answer.mimetype != "text/html":
        return ()
    rules = dict(rule.strip().partition(" ")[::2] for rule in answer.policy.split(";") if rule.strip())
    if "default-src" not in rules:
        return ("default-src *",)
    return tuple(
        f"{name} {source}"
        for name, sources in rules.items()
        for source in sources.split()
        if name != "report-uri" and source not in OWN_SOURCES and not source.startswith("'nonce-")
    )


class _Loads(HTMLParser):
    """Collects what a page loads from other hosts, styles in it included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of a tag."""
        self._in_style = tag == "style"
        self.found += [f"<{tag} {k}={v}>" for k, v in attrs if v and tag in LOADING.get(k, ()) and OUTSIDE.match(v)]
        self.found += [a for k, v in attrs if k == "style" and v for a in CSS_ADDRESS.findall(v)]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser calls it so
        """Leave a style."""
        self._in_style = False

    def handle_data(self, data: str) -> None:
        """Look at the text of a style."""
        if self._in_style:
            self.found += CSS_ADDRESS.findall(data)


def own_links(answer: Answer) -> Iterator[str]:
    """The addresses on our own host that a page links to, without query and fragment."""
    for match in re.finditer(r"""<a\b[^>]*?\shref=["']?(/[^"'>\s]*)""", answer.text):
        address = match.group(1).split("#")[0].split("?")[0]
        if not address.startswith("//"):
            yield address
