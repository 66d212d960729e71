"""A raster basemap lies where its ground lies: known pixels against the closed form of Web Mercator."""

from __future__ import annotations

import io
import math

import numpy
import pypdfium2
import pytest
from PIL import Image

from geo_service.core.crs import to_degrees, to_plane
from geo_service.core.text import Text
from geo_service.errors import NotForPublication
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.raster import Raster, pixels, raster_svg
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.sheet import Around, compose

TILE = 256
MARK = 4
"""Pixels of a mark's side; their common corner stands at the place looked for."""
TOLERANCE_MM = 0.1
DPI = 600


def world_pixel(longitude: float, latitude: float, zoom: int) -> tuple[float, float]:
    """Pixels of a level from the north-west of the world (EPSG Guidance Note 7-2, method 1024)."""
    size = TILE * 2**zoom
    y = math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    return (longitude + 180) / 360 * size, (1 - y / math.pi) / 2 * size


def marked(places: list[tuple[float, float]], levels: range) -> Raster:
    """Grey tiles with a red mark around the pixel corner (of the finest level) nearest to each place."""
    corners = [tuple(round(v) for v in world_pixel(*place, levels[-1])) for place in places]

    def tile(z: int, x: int, y: int) -> bytes:
        if z not in levels:
            return b""
        pixels = numpy.full((TILE, TILE, 3), 200, dtype=numpy.uint8)
        for column, row in corners:
            left, top = column - x * TILE, row - y * TILE
            half = MARK // 2
            pixels[max(0, top - half) : max(0, top + half), max(0, left - half) : max(0, left + half)] = (255, 0, 0)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        return out.getvalue()

    return Raster(title=Text("影像", "Imagery"), tile=tile, attribution="测绘院", max_zoom=18)


def at_corner(place: tuple[float, float], zoom: int) -> tuple[float, float]:
    """The place of the pixel corner nearest to a place."""
    size = TILE * 2**zoom
    x, y = (round(v) for v in world_pixel(*place, zoom))
    latitude = math.degrees(2 * math.atan(math.exp(math.pi * (1 - 2 * y / size))) - math.pi / 2)
    return x / size * 360 - 180, latitude


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "zoom"), [(5000, 17), (10_000, 16)])
def test_known_pixels_lie_within_a_tenth_of_a_millimetre_of_their_true_place(
    scale: int, zoom: int, layers: list[PrintLayer], fonts: Fonts, locator: Locator
) -> None:
    """Seven marks over the whole A3 frame, found in the printed page by another program's pixels."""
    frame = Frame(300.0, 250.0, scale, 512_600.0, 4_330_300.0)
    spots = [(20.0, 45.0), (280.0, 40.0), (150.0, 125.0), (100.0, 225.0), (280.0, 230.0), (220.0, 60.0), (30.0, 120.0)]
    west, _, _, north = frame.bounds
    places = [at_corner(to_degrees(west + x / frame.mm_per_m, north - y / frame.mm_per_m), zoom) for x, y in spots]
    request = SheetRequest(
        title="影像", centre=to_degrees(frame.easting, frame.northing), scale=scale, grid=False, basemap="own"
    )
    plain = [layer for layer in layers if layer.id == "boundary"]
    raster = marked(places, range(zoom, zoom + 1))
    sheet = compose(request, plain, fonts=fonts, locator=locator, around=Around(raster=raster))
    page = pypdfium2.PdfDocument(write_pdf(sheet, fonts))[0].render(scale=DPI / 72).to_numpy().astype(int)
    red = (page[:, :, 2] - page[:, :, 1] > 80) & (page[:, :, 0] < 160)
    drawn = sheet.scenes[0].frame
    for place in places:
        x, y = drawn.point(*to_plane(*place))
        column, row = (15.4 + x) / 25.4 * DPI, (26.8 + y) / 25.4 * DPI
        reach = round(1.2 / 25.4 * DPI)
        top, left = round(row) - reach, round(column) - reach
        rows, columns = numpy.nonzero(red[top : top + 2 * reach, left : left + 2 * reach])
        assert len(rows) > 4
        off = math.hypot(left + columns.mean() + 0.5 - column, top + rows.mean() + 0.5 - row) / DPI * 25.4
        assert off <= TOLERANCE_MM


def test_a_coarser_level_serves_where_the_finer_one_has_no_tile_and_nothing_where_none_has() -> None:
    frame = Frame(300.0, 250.0, 5000, 512_600.0, 4_330_300.0)
    assert raster_svg(marked([], range(13, 14)), frame).startswith("<image")
    assert raster_svg(marked([], range(1)), frame) == ""


def test_a_damaged_tile_is_left_out_and_the_sheet_is_printed() -> None:
    broken = Raster(title=Text("坏", "Broken"), tile=lambda *_: b"\x89PNG\r\n\x1a\nnothing")
    assert raster_svg(broken, Frame(100.0, 100.0, 5000, 512_600.0, 4_330_300.0)) == ""


def test_even_the_largest_paper_takes_no_more_than_sixteen_million_pixels() -> None:
    width, height = pixels(Frame(1100.0, 780.0, 10_000, 512_600.0, 4_330_300.0))
    assert 15_000_000 < width * height < 16_100_000
    assert pixels(Frame(300.0, 250.0, 10_000, 0, 0)) == (1772, 1476)


def test_the_sheet_names_its_basemap_and_says_where_it_has_none(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator
) -> None:
    request = SheetRequest(title="影像", scale=50_000)
    bare = compose(request, layers, fonts=fonts, locator=locator, around=Around(raster=marked([], range(1))))
    assert "sheet-basemap-empty" in {f.code for f in bare.findings}
    full = compose(request, layers, fonts=fonts, locator=locator, around=Around(raster=marked([], range(13, 16))))
    assert "sheet-basemap-empty" not in {f.code for f in full.findings}
    assert full.pages[0].layers["basemap"] == "影像"
    assert "底图：测绘院" in full.pages[0].parts[-1].body
    assert write_pdf(full, fonts) == write_pdf(full, fonts)


def test_a_public_sheet_wants_a_basemap_with_an_approval_number(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator
) -> None:
    request = SheetRequest(title="影像", scale=50_000, profile="public", approval="津S(2025)001")
    with pytest.raises(NotForPublication, match="a basemap without an approval number") as refused:
        compose(request, layers, fonts=fonts, locator=locator, around=Around(raster=marked([], range(1))))
    assert "没有审图号的底图 影像" in refused.value.sentence("zh")
