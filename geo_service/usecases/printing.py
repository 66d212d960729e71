"""Sheets: what is asked for is settled where the rights are known, and made by a worker that knows only that order.

An order names every layer with its revision. Whoever may not read a layer cannot get it into an order, and a sheet of
an old revision is made like any other.
"""

from __future__ import annotations

import dataclasses
import io
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Literal, cast
from urllib.parse import quote

import msgspec

from geo_service.core.attachments import ids_of
from geo_service.core.basemaps import BasemapSource
from geo_service.core.cql import compile_filter
from geo_service.core.crs import to_degrees
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Commitment
from geo_service.core.revisions import Revision, Snapshot
from geo_service.core.validation import Finding
from geo_service.errors import (
    BasemapUnavailable,
    InvalidParameter,
    LayerNotFound,
    NotForPublication,
    RevisionNotFound,
)
from geo_service.ingest.writers.drawing import write_drawing
from geo_service.ingest.writers.export import Export
from geo_service.rendering.printing import fonts as print_fonts
from geo_service.rendering.printing.atlas import AtlasEntry, by_feature, by_subdistrict, compose_atlas
from geo_service.rendering.printing.feature_sheet import FeatureStory, compose_feature_sheet
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.furniture import locator_of
from geo_service.rendering.printing.layers import PrintLayer, arranged, chosen, prepare
from geo_service.rendering.printing.pages import Sheet, page_svg
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.png import write_png
from geo_service.rendering.printing.raster import Raster
from geo_service.rendering.printing.request import LayerChoice, SheetRequest, from_data, to_data
from geo_service.rendering.printing.sheet import Around, compose
from geo_service.settings import Settings
from geo_service.storage.attachments import Attachments
from geo_service.storage.store import LayerState, LayerStore, open_store
from geo_service.storage.tile_file import UnusableTileFile, open_tile_file
from geo_service.usecases.jobs import Report

Format = Literal["pdf", "png", "svg", "dxf"]
FORMATS: Mapping[Format, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "dxf": "image/vnd.dxf",
}
NO_PHOTO = "none"
BASE = ("boundary", "subdistricts", "streets", "water")
"""The reference layers under every sheet, as under the map."""
JOB_KINDS = {
    "sheet": "geo_service.usecases.printing:make_sheet",
    "preview": "geo_service.usecases.printing:make_preview",
}
PREVIEW_PX = 1700
DOTS_OF_A_METRE = 1000 / 0.28
"""Pixels of a metre of screen as OGC counts them (WMTS 1.0, 0.28 mm a pixel)."""
EQUATOR_M = 40_075_016.686


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A sheet, an atlas or one feature's page, settled: ``layers`` and ``ground`` give the revision of every layer.

    ``ground`` are layers only the overview needs. ``atlas`` is ``subdistricts`` or the id of a layer; ``story`` is
    ``[layer, feature id]`` with the ``photo`` (SHA-256 of a picture made in the jail). ``basemap`` has its tiles in
    a file of this machine. ``link`` is the address of the map, without what follows ``#``.
    """

    database_url: str
    home: str
    fonts: str
    request: dict[str, Any]
    layers: dict[str, int]
    ground: dict[str, int]
    format: Format = "pdf"
    dpi: int = 300
    atlas: str = ""
    only: tuple[str, ...] = ()
    story: tuple[str, str] | None = None
    commitment: dict[str, Any] | None = None
    photo: str = ""
    basemap: BasemapSource | None = None
    link: str = ""
    name: str = "sheet"

    @property
    def file_name(self) -> str:
        """What the result is called."""
        return f"{self.name}.{self.format}"

    def data(self) -> dict[str, Any]:
        """The order as JSON values, for a job."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for beside the sheet itself: ``base`` puts the reference layers under it, ``photo`` is the id
    of an attachment of the story's feature, empty for its first picture, ``none`` for no picture. ``filter`` is CQL2:
    it chooses the features of an atlas of a layer, and without an atlas those of the one layer that is asked for.
    """

    format: Format = "pdf"
    dpi: int = 300
    atlas: str = ""
    only: tuple[str, ...] = ()
    filter: str = ""
    story: tuple[str, str] | None = None
    photo: str = ""
    base: bool = True
    link: str = ""


def settle(
    request: SheetRequest,
    wish: Wish,
    states: Sequence[LayerState],
    *,
    store: LayerStore,
    settings: Settings,
    commitment: Callable[[str], Commitment | None] = lambda _: None,
    revision: Callable[[LayerState], Revision] = lambda state: state.revision,
    basemaps: Mapping[str, BasemapSource] = MappingProxyType({}),
) -> Order:
    """The order for a request by somebody who may read these layers; ``revision`` gives the one of a layer the request
    names none of. A layer that nobody asked for by name and that had no revision then is left out.

    Raises
    ------
    LayerNotFound, RevisionNotFound, FeatureNotFound
        What is asked for is not there, or not for this reader.
    InvalidParameter, InvalidFilter
        A format, resolution, atlas, filter or picture that is not offered.
    """
    check_wish(wish, request)
    named = {c.id for c in request.layers if not c.rev}
    known = {s.definition.id: s for s in states if s.definition.id in named or _was_there(s, revision)}
    asked = request.layers or _usual(request, known)
    wanted = _wanted(asked, wish, known)
    base = _add_base(request, wish, known, wanted)
    pins = {c.id: _pin(known[c.id], c, store, revision) for c in wanted}
    ground = {i: revision(known[i]).rev for i in base if i not in pins}
    fitting = _fitting(request, wish, known, pins, store) if wish.filter.strip() else ()
    only = {request.layers[0].id: fitting} if fitting and not wish.atlas else {}
    ordered = _in_drawing_order(wanted, known)
    choices = tuple(dataclasses.replace(c, rev=pins[c.id], only=only.get(c.id, c.only)) for c in ordered)
    feature = store.feature(*wish.story, pins[wish.story[0]]) if wish.story else None
    promise = commitment(str(feature.properties.get("commitment") or "")) if feature else None
    return Order(
        database_url=settings.database_url,
        home=str(settings.home),
        fonts=str(settings.assets / "fonts"),
        request=to_data(dataclasses.replace(request, layers=choices)),
        layers=pins,
        ground=ground,
        commitment=msgspec.to_builtins(promise) if promise else None,
        photo=_photo(feature, wish, settings) if feature and wish.story else "",
        basemap=_basemap(request.basemap, basemaps),
        name=_file_stem(wish),
        only=(fitting or wish.only) if wish.atlas else (),
        **{key: getattr(wish, key) for key in ("format", "dpi", "atlas", "story", "link")},
    )


def _usual(request: SheetRequest, known: Mapping[str, LayerState]) -> tuple[LayerChoice, ...]:
    """What is printed where nobody asks for layers: those shown at first, on a public sheet only public ones."""
    shown = (i for i, s in known.items() if s.definition.shown and _may_lie_under(request, s.definition))
    return tuple(LayerChoice(id=i) for i in shown)


def _add_base(
    request: SheetRequest, wish: Wish, known: Mapping[str, LayerState], wanted: list[LayerChoice]
) -> list[str]:
    """The base layers a sheet may show, added to what is wanted unless the wish is without them."""
    base = [i for i in BASE if i in known and _may_lie_under(request, known[i].definition)]
    named = {c.id for c in wanted}
    wanted.extend(LayerChoice(id=i) for i in base if wish.base and i not in named)
    return base


def _wanted(asked: Sequence[LayerChoice], wish: Wish, known: Mapping[str, LayerState]) -> list[LayerChoice]:
    """What is asked for, with the layer the atlas or the feature's page is about."""
    extra = [wish.story[0]] if wish.story else [wish.atlas] if wish.atlas not in ("", "subdistricts") else []
    wanted = [*asked, *(LayerChoice(id=i) for i in extra if i not in {c.id for c in asked})]
    missing = next((c.id for c in wanted if c.id not in known), None)
    if missing is not None:
        raise LayerNotFound(layer=missing)
    return wanted


def check_wish(wish: Wish, request: SheetRequest) -> None:
    """Nothing for what is offered.

    Raises
    ------
    InvalidParameter
        Everything else.
    NotForPublication
        A public drawing.
    """
    if wish.format not in FORMATS:
        raise InvalidParameter(name="format", value=wish.format, reason=f"可用 / use one of: {', '.join(FORMATS)}")
    if not 30 <= wish.dpi <= 600:
        raise InvalidParameter(name="dpi", value=wish.dpi, reason="须在 30 至 600 之间 / must be 30 to 600")
    if wish.atlas and wish.story:
        raise InvalidParameter(name="atlas", value=wish.atlas, reason="单要素图不能成图集 / one feature is no atlas")
    if wish.format == "dxf" and not request.internal:
        raise NotForPublication(what="DXF（带坐标和全部字段） / a DXF drawing, with coordinates and every field")


def _fitting(
    request: SheetRequest, wish: Wish, known: Mapping[str, LayerState], pins: Mapping[str, int], store: LayerStore
) -> tuple[str, ...]:
    """The ids of what fits the filter, in the revision that is printed.

    Raises
    ------
    InvalidParameter
        It is not clear of which layer, or nothing fits.
    """
    layer = wish.atlas or (request.layers[0].id if len(request.layers) == 1 else "")
    if layer in ("", "subdistricts"):
        reason = "筛选须有按要素的图集，或只选一个图层 / a filter needs an atlas of a layer, or a single layer"
        raise InvalidParameter(name="filter", value=wish.filter[:80], reason=reason)
    keep = compile_filter(wish.filter, known[layer].definition)
    features = store.snapshot(layer, pins[layer]).features
    found = tuple(f.id for f in features if keep(f) and (not wish.only or f.id in wish.only))
    if not found:
        raise InvalidParameter(name="filter", value=wish.filter[:80], reason="没有符合的要素 / no feature fits")
    return found


def _was_there(state: LayerState, revision: Callable[[LayerState], Revision]) -> bool:
    try:
        return revision(state).rev > 0
    except RevisionNotFound:
        return False


def _basemap(basemap: str, known: Mapping[str, BasemapSource]) -> BasemapSource | None:
    """The raster basemap asked for: only one in a file, for a sheet must not wait for other hosts.

    Raises
    ------
    InvalidParameter
        There is none of this id, or it is a service.
    """
    if not basemap:
        return None
    files = [source.id for source in known.values() if source.is_file]
    if basemap not in files:
        reason = f"须是本机文件中的底图 / a basemap in a file of this machine: {', '.join(files) or '—'}"
        raise InvalidParameter(name="basemap", value=basemap[:40], reason=reason)
    return known[basemap]


def _photo(feature: Feature, wish: Wish, settings: Settings) -> str:
    """The SHA-256 of a picture of a feature as the jail made it, bare of what the camera wrote; empty for none.

    Raises
    ------
    InvalidParameter
        The feature has no picture of the id asked for.
    """
    if not wish.story or wish.photo == NO_PHOTO:
        return ""
    album = Attachments(settings.home / "attachments")
    found = (album.find(wish.story[0], one) for one in ids_of(feature.properties))
    pictures = {a.id: a.forms["clean"] for a in found if a and "clean" in a.forms}
    if wish.photo and wish.photo not in pictures:
        raise InvalidParameter(name="photo", value=wish.photo[:40], reason="该要素没有这张照片 / no such picture here")
    return pictures.get(wish.photo) or next(iter(pictures.values()), "")


def _may_lie_under(request: SheetRequest, definition: LayerDefinition) -> bool:
    return request.internal or definition.secrecy == "public"


def _pin(state: LayerState, choice: LayerChoice, store: LayerStore, revision: Callable[[LayerState], Revision]) -> int:
    return store.revision(state.definition.id, choice.rev).rev if choice.rev else revision(state).rev


def _in_drawing_order(choices: Iterable[LayerChoice], known: Mapping[str, LayerState]) -> list[LayerChoice]:
    """The plan's layers before reference ones, points before lines before areas, as on the map."""
    order = {"point": 0, "line": 1, "polygon": 2}

    def place(choice: LayerChoice) -> tuple[bool, int, int]:
        definition = known[choice.id].definition
        return definition.is_reference, order[definition.kind], definition.order

    return sorted(choices, key=place)


def _file_stem(wish: Wish) -> str:
    if wish.story:
        return wish.story[1]
    return f"atlas-{wish.atlas}" if wish.atlas else "sheet"


# ---------------------------------------------------------------- in the worker
def make_sheet(told: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Make what an order says into a folder; gives the file's name, its pages and what the person should know."""
    order = msgspec.convert(dict(told), Order)
    report(0, 3)
    if order.format == "dxf":
        return _make_drawing(order, out)
    sheet, fonts = composed(order, lambda done, total: report(done, total + 2))
    path = out / order.file_name
    half = path.with_suffix(".part")
    total = len(sheet.pages) + 2
    report(total - 2, total)
    if len(sheet.pages) > 1 and order.format != "pdf":
        path = path.with_suffix(".zip")
    _WRITERS[order.format](order, sheet, fonts, half)
    report(total - 1, total)
    half.replace(path)
    return _told(sheet) | {"file": path.name, "bytes": path.stat().st_size}


def make_preview(told: Mapping[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """One page of what an order says as a picture for the screen, ``preview.png``, and where its map frame is."""
    order = msgspec.convert(dict(told), Order)
    sheet, fonts = composed(order, report)
    longest = max(sheet.pages[0].width_mm, sheet.pages[0].height_mm)
    picture = io.BytesIO()
    write_png(write_pdf(sheet, fonts), picture, dpi=max(30, min(200, round(PREVIEW_PX * 25.4 / longest))))
    (out / "preview.png").write_bytes(picture.getvalue())
    return _told(sheet)


def composed(order: Order, report: Report) -> tuple[Sheet, Fonts]:
    """The pages of an order and the fonts they are set in."""
    fonts = print_fonts.load(Path(order.fonts))
    store = opened_store(order.database_url, order.home)
    request = from_data(order.request)
    choices = {c.id: c for c in request.layers}
    layers = [prepare(_snapshot(store, i, rev), choice=choices.get(i)) for i, rev in order.layers.items()]
    ground = [prepare(_snapshot(store, i, rev)) for i, rev in order.ground.items()]
    locator = locator_of([*layers, *ground])
    around = Around(
        raster=_raster(order.basemap) if order.basemap else None,
        address=partial(view_address, order, _told_of(request, layers)) if order.link else None,
    )
    if order.story:
        promise = msgspec.convert(order.commitment, Commitment) if order.commitment else None
        photo = Attachments(Path(order.home) / "attachments").path(order.photo).read_bytes() if order.photo else b""
        story = FeatureStory(layer=order.story[0], fid=order.story[1], commitment=promise, photo=photo)
        return compose_feature_sheet(request, layers, story, fonts=fonts, locator=locator, around=around), fonts
    if order.atlas:
        entries = _entries(order, arranged(layers), by_subdistrict(locator))
        made = compose_atlas(request, layers, entries, fonts=fonts, locator=locator, around=around, progress=report)
        return made, fonts
    return compose(request, layers, fonts=fonts, locator=locator, around=around), fonts


def _raster(source: BasemapSource) -> Raster:
    """The tiles of a basemap's file.

    Raises
    ------
    BasemapUnavailable
        The file is gone or damaged.
    """
    try:
        tiles = open_tile_file(Path(source.url))
    except UnusableTileFile as error:
        raise BasemapUnavailable(basemap=source.id, reason=str(error)) from error
    return Raster(
        title=source.title,
        tile=tiles.tile,
        attribution=source.attribution,
        review_number=source.review_number,
        min_zoom=source.min_zoom,
        max_zoom=source.max_zoom,
    )


def _told_of(request: SheetRequest, layers: Iterable[PrintLayer]) -> tuple[str, ...]:
    """The layers that the address may name: on a public sheet not even the id of an internal one."""
    return tuple(x.id for x in layers if x.id not in BASE and _may_lie_under(request, x.definition))


def view_address(order: Order, shown: Sequence[str], frame: Frame) -> str:
    """The address that opens the map on the sheet's ground with layers at their revisions: short, for a QR code."""
    longitude, latitude = to_degrees(frame.easting, frame.northing)
    pixel_m = EQUATOR_M * math.cos(math.radians(latitude)) / 256
    zoom = max(9, min(19, round(math.log2(pixel_m * DOTS_OF_A_METRE / frame.scale))))
    return f"{order.link}#{zoom}/{latitude:.5f}/{longitude:.5f}" + "".join(_address_parts(order, shown))


def _address_parts(order: Order, shown: Sequence[str]) -> Iterable[str]:
    choices = [c for c in from_data(order.request).layers if c.id in shown]
    hidden = [f"{c.id}.{key}" for c in choices for key in c.hide]
    yield f"&on={','.join(shown) or 'none'}"
    if hidden:
        yield f"&hide={','.join(hidden)}"
    if not all(c.illustrative for c in choices):
        yield "&illustrative=hidden"
    if shown:
        yield f"&rev={_revisions({i: order.layers[i] for i in shown})}"
    if order.story:
        yield f"&sel={order.story[0]}/{quote(order.story[1], safe='')}"


def _revisions(pins: Mapping[str, int]) -> str:
    """Layers with their revisions; where most are at one, ``*`` stands for those."""
    ((commonest, count),) = Counter(pins.values()).most_common(1)
    alike = count > 2
    others = (f"{i}.{rev}" for i, rev in pins.items() if not alike or rev != commonest)
    return ",".join([f"*.{commonest}", *others] if alike else others)


def _entries(order: Order, layers: Sequence[PrintLayer], parts: tuple[AtlasEntry, ...]) -> tuple[AtlasEntry, ...]:
    if order.atlas == "subdistricts":
        wanted = set(order.only)
        return tuple(e for e in parts if not wanted or e.title in wanted)
    return by_feature(next(layer for layer in layers if layer.id == order.atlas), only=order.only)


@lru_cache(maxsize=2)
def opened_store(url: str, home: str) -> LayerStore:
    """The store, opened once in a worker; nothing is ever written to it here."""
    import datetime

    return open_store(url, Path(home), lambda: datetime.datetime.now(datetime.UTC))


def _snapshot(store: LayerStore, layer: str, rev: int) -> Snapshot:
    return store.snapshot(layer, rev)


def _write_pdf(_order: Order, sheet: Sheet, fonts: Fonts, path: Path) -> None:
    path.write_bytes(write_pdf(sheet, fonts))


def _write_png(order: Order, sheet: Sheet, fonts: Fonts, path: Path) -> None:
    """One page as it is, several in a ZIP."""
    pdf = write_pdf(sheet, fonts)
    if len(sheet.pages) == 1:
        with path.open("wb") as out:
            write_png(pdf, out, dpi=order.dpi)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(len(sheet.pages)):
            with archive.open(zipfile.ZipInfo(f"{number + 1:03}.png"), "w") as out:
                write_png(pdf, cast("BinaryIO", out), dpi=order.dpi, page=number)


def _write_svg(_order: Order, sheet: Sheet, _fonts: Fonts, path: Path) -> None:
    """One page as it is, several in a ZIP."""
    if len(sheet.pages) == 1:
        path.write_text(page_svg(sheet.pages[0]), "utf-8")
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, page in enumerate(sheet.pages, 1):
            archive.writestr(zipfile.ZipInfo(f"{number:03}.svg"), page_svg(page))


_WRITERS: Mapping[str, Callable[[Order, Sheet, Fonts, Path], None]] = {
    "pdf": _write_pdf,
    "png": _write_png,
    "svg": _write_svg,
}


def _make_drawing(order: Order, out: Path) -> dict[str, Any]:
    store = opened_store(order.database_url, order.home)
    request = from_data(order.request)
    drawn = [c for c in request.layers if c.id not in BASE]
    snapshots = [chosen(_snapshot(store, c.id, order.layers[c.id]), c) for c in drawn]
    exports = [
        (s.definition.title.zh, Export(definition=s.definition, features=s.features, rev=s.revision.rev, crs=4548))
        for s in snapshots
    ]
    path = out / order.file_name
    half = path.with_suffix(".part")
    write_drawing(exports, half)
    half.replace(path)
    return {"file": path.name, "bytes": path.stat().st_size, "pages": 1, "findings": []}


def _told(sheet: Sheet) -> dict[str, Any]:
    view = next((s.frame for s in sheet.scenes), None)
    page = sheet.pages[0]
    return {
        "pages": len(sheet.pages),
        "paper": [page.width_mm, page.height_mm],
        "scale": view.scale if view else None,
        "centre": list(to_degrees(view.easting, view.northing)) if view else None,
        "frame": _frame_box(sheet),
        "findings": [finding_json(f) for f in sheet.findings],
    }


def _frame_box(sheet: Sheet) -> list[float] | None:
    """Left, top, width, height of the first map frame in millimetres of its page."""
    box = next((part.clip for page in sheet.pages[:1] for part in page.parts if part.clip), None)
    return [box.x, box.y, box.width, box.height] if box else None


def finding_json(finding: Finding) -> dict[str, Any]:
    """What the person who prints is told."""
    return {"level": finding.level, "code": finding.code, "zh": finding.sentence("zh"), "en": finding.sentence("en")}
