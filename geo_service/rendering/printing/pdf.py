"""A composed sheet as PDF: Typst sets it, pikepdf adds switchable layers, the geospatial viewport and bookmarks.

Same sheet, same bytes: the document's date is the sheet's own, ids follow from the content, nothing reads the clock.
"""

from __future__ import annotations

import datetime
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from geo_service.core.crs import PROJECTED
from geo_service.core.late import pyproj
from geo_service.errors import ServiceFault
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.late import pikepdf, typst
from geo_service.rendering.printing.pages import Link, Page, Part, Sheet, View, layer_svg
from geo_service.rendering.printing.slanting import speak

MM = 72 / 25.4
"""Points in a millimetre."""
_TEMPLATE = Path(__file__).with_name("sheet.typ")


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One page as Typst sets it: a whole page, or one layer of it that is put together afterwards."""

    page: Page
    parts: tuple[Part, ...]
    links: tuple[Link, ...]

    @property
    def layer(self) -> str:
        return self.parts[0].layer


def write_pdf(sheet: Sheet, fonts: Fonts) -> bytes:
    """The sheet as PDF bytes; with layers where the request wants them."""
    leaves = [_layered(page) if sheet.request.layered else [_flat(page)] for page in sheet.pages]
    with pikepdf.open(io.BytesIO(_typeset(sheet, leaves, fonts))) as pdf:
        speak(pdf)
        if sheet.request.layered:
            _merge_layers(pdf, sheet, leaves)
        for page, view in zip(pdf.pages, (p.view for p in sheet.pages), strict=True):
            if view:
                _add_viewport(pdf, page, view)
        _add_bookmarks(pdf, sheet)
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _flat(page: Page) -> _Leaf:
    return _Leaf(page, page.parts, page.links)


def _layered(page: Page) -> list[_Leaf]:
    """Runs of parts that belong together; links stand on the first, which becomes the page."""
    runs = [tuple(run) for _, run in itertools.groupby(page.parts, key=lambda part: part.layer)]
    return [_Leaf(page, run, page.links if n == 0 else ()) for n, run in enumerate(runs)]


# ---------------------------------------------------------------- Typst
@lru_cache(maxsize=4)
def typst_fonts(folder: Path) -> Any:
    """The print fonts as Typst takes them, found once."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])


def _typeset(sheet: Sheet, leaves: Sequence[Sequence[_Leaf]], fonts: Fonts) -> bytes:
    """The leaves as PDF straight from Typst.

    Raises
    ------
    ServiceFault
        Typst refused its input, which is ours.
    """
    starts = list(itertools.accumulate((len(group) for group in leaves), initial=0))
    data = {
        "title": sheet.title,
        "author": sheet.request.unit or "—",
        "description": sheet.pages[0].title,
        "keywords": sheet.keywords,
        "language": sheet.request.language,
        "date": _date(sheet.request.date),
        "pages": [_leaf_data(leaf, starts) for group in leaves for leaf in group],
    }
    compiler = typst.Compiler(
        str(_TEMPLATE), root=str(_TEMPLATE.parent), font_paths=typst_fonts(fonts.folder), ignore_system_fonts=True
    )
    try:
        made = compiler.compile(
            format="pdf", sys_inputs={"sheet": json.dumps(data, ensure_ascii=False)}, pdf_tags=False, timestamp=0
        )
    except typst.TypstError as error:
        raise ServiceFault(incident=f"typst: {error.message}") from error
    return b"".join([made] if isinstance(made, bytes) else made or [])


def _date(date: str) -> list[int] | None:
    day = datetime.date.fromisoformat(date) if date else None
    return [day.year, day.month, day.day] if day else None


def _leaf_data(leaf: _Leaf, starts: Sequence[int]) -> dict[str, Any]:
    return {
        "width": leaf.page.width_mm,
        "height": leaf.page.height_mm,
        "pieces": [layer_svg(leaf.page, leaf.parts)],
        "links": [
            {"x": k.box.x, "y": k.box.y, "width": k.box.width, "height": k.box.height, "page": starts[k.page] + 1}
            for k in leaf.links
        ],
    }


# ---------------------------------------------------------------- layers
def _merge_layers(pdf: pikepdf.Pdf, sheet: Sheet, leaves: Sequence[Sequence[_Leaf]]) -> None:
    """Each group of leaves becomes one page; parts of a map layer share one optional content group in the document."""
    groups = {
        layer: pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(title)))
        for page in sheet.pages
        for layer, title in page.layers.items()
    }
    for at, group in enumerate(leaves):
        _merge_page(pdf, at, group, groups)
    if groups:
        every = pikepdf.Array(list(groups.values()))
        default = pikepdf.Dictionary(
            Order=pikepdf.Array(list(reversed(list(groups.values())))), ON=every, Name=pikepdf.String("图层")
        )
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=every, D=default)


def _merge_page(pdf: pikepdf.Pdf, at: int, group: Sequence[_Leaf], groups: dict[str, Any]) -> None:
    pages = [pdf.pages[at + n] for n in range(len(group))]
    forms = [pdf.make_indirect(page.as_form_xobject()) for page in pages]
    forms[0].write(forms[0].read_bytes())  # else it would read the page's new contents, and draw itself in itself
    base = pages[0]
    base.obj.Resources = pikepdf.Dictionary(
        XObject=pikepdf.Dictionary({f"/P{n}": form for n, form in enumerate(forms)}),
        Properties=pikepdf.Dictionary({f"/O{n}": groups[leaf.layer] for n, leaf in enumerate(group) if leaf.layer}),
    )
    commands = [f"/OC /O{n} BDC q /P{n} Do Q EMC" if leaf.layer else f"q /P{n} Do Q" for n, leaf in enumerate(group)]
    base.obj.Contents = pdf.make_stream("\n".join(commands).encode())
    for _ in group[1:]:
        del pdf.pages[at + 1]


# ---------------------------------------------------------------- georeference and bookmarks
def _add_viewport(pdf: pikepdf.Pdf, page: pikepdf.Page, view: View) -> None:
    """Tell readers which ground the frame shows (ISO 32000-2, 12.9 and 12.10: geospatial measure)."""
    tall = float(page.mediabox[3])
    left, right = view.box.x * MM, view.box.right * MM
    lower, upper = tall - view.box.bottom * MM, tall - view.box.y * MM
    points = [_real(v) for longitude, latitude in view.frame.corners for v in (latitude, longitude)]
    corners = pikepdf.Array([0, 0, 0, 1, 1, 1, 1, 0])
    measure = pikepdf.Dictionary(
        Type=pikepdf.Name.Measure,
        Subtype=pikepdf.Name.GEO,
        Bounds=corners,
        GPTS=pikepdf.Array(points),
        LPTS=corners,
        GCS=pikepdf.Dictionary(Type=pikepdf.Name.PROJCS, EPSG=PROJECTED, WKT=pikepdf.String(_wkt())),
    )
    viewport = pikepdf.Dictionary(
        Type=pikepdf.Name.Viewport,
        Name=pikepdf.String("地图"),
        BBox=pikepdf.Array([_real(v, 6) for v in (left, lower, right, upper)]),
        Measure=pdf.make_indirect(measure),
    )
    page.obj.VP = pikepdf.Array([pdf.make_indirect(viewport)])


def _real(value: float, digits: int = 11) -> Any:
    return pikepdf.Object.parse(f"{value:.{digits}f}".encode())


@lru_cache(maxsize=1)
def _wkt() -> str:
    return pyproj.CRS(PROJECTED).to_wkt("WKT1_ESRI")


def _add_bookmarks(pdf: pikepdf.Pdf, sheet: Sheet) -> None:
    """A bookmark per page of a sheet of several, and the title in the reader's window."""
    pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True, PrintScaling=pikepdf.Name.None_)
    if len(sheet.pages) > 1:
        with pdf.open_outline() as outline:
            outline.root.extend(_bookmarks(sheet))


def _bookmarks(sheet: Sheet) -> Iterable[pikepdf.OutlineItem]:
    for number, page in enumerate(sheet.pages):
        if number == 0 or page.title != sheet.pages[number - 1].title:
            yield pikepdf.OutlineItem(page.title, number)
