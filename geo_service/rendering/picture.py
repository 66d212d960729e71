"""Map pictures for old desktops: layers drawn into a window of any CRS by the symbols of page and print.

The drawing is that of the print room in millimetres; a pixel counts as :data:`PIXEL_MM`, so that a symbol is as large
as on the map page. Typst turns it into pixels (12 ms for 256 x 256).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import shapely
from PIL import Image

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.errors import ServiceFault
from geo_service.rendering.printing.drawing import Drawing, document, group, num, text
from geo_service.rendering.printing.late import typst
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.map_drawing import draw_plain
from geo_service.rendering.printing.marks import Look, swatch
from geo_service.rendering.printing.pdf import typst_fonts
from geo_service.rendering.symbols import ILLUSTRATIVE, Symbol, hollow

PIXEL_MM = 0.16
PAD_PX = 20
"""Symbols whose place lies this far outside still reach into the picture."""
MOST_DRAWN = 20_000
"""Features of a layer drawn in one picture; the rest would be hidden below them anyway."""
_SOURCE = b"""#let width = float(sys.inputs.width) * 1pt
#let height = float(sys.inputs.height) * 1pt
#let ground = if sys.inputs.ground == "" { none } else { rgb(sys.inputs.ground) }
#set page(width: width, height: height, margin: 0pt, fill: ground)
#image(bytes(sys.inputs.svg), format: "svg", width: width, height: height)
"""

Bounds = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y in the CRS of the picture, x to the right."""


@dataclass(frozen=True, slots=True)
class Window:
    """``width`` by ``height`` pixels over a rectangle of a CRS; pixels need not be square there.

    ``metres_wide`` is the ground the picture is wide, for what is drawn at its true width.
    """

    width: int
    height: int
    bounds: Bounds
    metres_wide: float

    @property
    def mm_per_m(self) -> float:
        """Millimetres of the drawing for one metre of ground."""
        return self.width * PIXEL_MM / self.metres_wide

    @property
    def ground(self) -> Any:
        """What is drawn: the rectangle and what reaches in from its sides."""
        return shapely.box(*self._padded())

    def _padded(self) -> Bounds:
        west, south, east, north = self.bounds
        x, y = PAD_PX * (east - west) / self.width, PAD_PX * (north - south) / self.height
        return (west - x, south - y, east + x, north + y)

    def draw(self, geometry: Any) -> Any:
        """Geometries of the CRS in millimetres from the top left corner."""
        cut = shapely.clip_by_rect(geometry, *self._padded())
        return shapely.simplify(shapely.transform(cut, self._to_mm), PIXEL_MM / 4)

    def _to_mm(self, points: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
        west, south, east, north = self.bounds
        x = (points[:, 0] - west) * (self.width * PIXEL_MM / (east - west))
        y = (north - points[:, 1]) * (self.height * PIXEL_MM / (north - south))
        return numpy.column_stack((x, y))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayer:
    """A layer at a revision with its shapes in the CRS of the picture (None where unlocated)."""

    definition: LayerDefinition
    revision: Revision
    features: tuple[Feature, ...]
    shapes: numpy.ndarray[Any, Any]

    def within(self, window: Window) -> PrintLayer:
        """What of it may be drawn in a window; of too many the largest, of too many points every so many."""
        whole = PrintLayer(self.definition, self.revision, self.features, self.shapes)
        rows = numpy.flatnonzero(shapely.intersects(self.shapes, window.ground))
        if len(rows) > MOST_DRAWN:
            rows = self._chosen(rows)
        return whole.subset(rows.tolist())

    def _chosen(self, rows: Any) -> Any:
        if self.definition.kind == "point":
            return rows[numpy.linspace(0, len(rows) - 1, MOST_DRAWN).astype(int)]
        sizes = shapely.length(self.shapes[rows])
        return numpy.sort(rows[numpy.argsort(-sizes, kind="stable")[:MOST_DRAWN]])


def draw(layers: Sequence[DrawnLayer], window: Window) -> Drawing:
    """The layers of a window, the first on top."""
    body = draw_plain(window, [layer.within(window) for layer in layers])
    return Drawing(window.width * PIXEL_MM, window.height * PIXEL_MM, body)


def legend(symbol: Symbol, language: str) -> Drawing:
    """Every class of a symbol and its illustrative form, each with its name."""
    rows = [(Look(symbol, found, illustrative=False), found.title.get(language)) for found in symbol.classes]
    if len(symbol.classes) > 1:
        last = symbol.classes[-1]
        rows.append((Look(symbol, hollow(symbol, last), illustrative=True), ILLUSTRATIVE.title.get(language)))
    step, size = 4.4, 2.1
    body = [_legend_row(look, title, number * step, size) for number, (look, title) in enumerate(rows)]
    longest = max(sum(size if ord(c) > 0x2E7F else 0.58 * size for c in title) for _, title in rows)
    return Drawing(round(8.5 + longest), len(rows) * step + 0.4, group(body))


def _legend_row(look: Look, title: str, top: float, size: float) -> str:
    return swatch(look, 5.6, 3.6).at(0.6, top + 0.6) + text(7.2, top + 3.1, title, size=size)


def pixels(drawing: Drawing) -> tuple[int, int]:
    """Width and height of a drawing as an image."""
    return round(drawing.width_mm / PIXEL_MM), round(drawing.height_mm / PIXEL_MM)


def to_image(drawing: Drawing, fonts: Path, *, width: int, height: int, ground: str = "", kind: str = "png") -> bytes:
    """A drawing as PNG (``ground`` "" transparent, else ``#RRGGBB``) or JPEG.

    Raises
    ------
    ServiceFault
        Typst refused its input, which is ours.
    """
    svg = document(drawing.width_mm, drawing.height_mm, drawing.body)
    inputs = {"svg": svg, "width": num(width), "height": num(height), "ground": ground}
    try:
        made = typst.compile(
            _SOURCE, format="png", ppi=72, font_paths=typst_fonts(fonts), ignore_system_fonts=True, sys_inputs=inputs
        )
    except typst.TypstError as error:
        raise ServiceFault(incident=f"typst: {error.message}") from error
    data = bytes(made) if isinstance(made, bytes) else b"".join(made or [])
    return data if kind == "png" else _jpeg(data)


def _jpeg(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(out, "JPEG", quality=88)
    return out.getvalue()
