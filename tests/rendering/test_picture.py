"""Map pictures of layers with more than can be drawn."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import shapely
from PIL import Image

from geo_service.core.features import Feature
from geo_service.core.layers import GeometryType, LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.rendering import picture
from geo_service.rendering.picture import MOST_DRAWN, DrawnLayer, Window
from geo_service.rendering.picture_crowd import CROWD_OPACITY, Crowd, coverage
from geo_service.rendering.symbols import NAMES, symbol

ROOT = Path(__file__).parents[2]
FONTS = ROOT / "var" / "assets" / "fonts"
WINDOW = Window(400, 400, (0.0, 0.0, 100.0, 100.0), 100.0)
SMALL = Window(100, 100, (0.0, 0.0, 100.0, 100.0), 100.0)


def layer(kind: GeometryType, shapes: Any, *, symbol: str = "point_blue", codes: Any = None) -> DrawnLayer:
    definition = LayerDefinition(
        id="many",
        title=Text("多", "Many"),
        theme="projects",
        geometry_types=(kind,),
        serial="D",
        symbol=symbol,
        source="x",
    )
    revision = Revision(
        layer="many", rev=1, parent=0, kind="seed", author="", note="", at="", added=0, modified=0, deleted=0
    )
    features = tuple(Feature(f"NK-D-{n:06}", {}, None) for n in range(len(shapes)))
    codes = numpy.zeros(len(shapes), numpy.int64) if codes is None else numpy.array(codes)
    return DrawnLayer(definition, revision, features, numpy.asarray(shapes, dtype=object), codes)


def pixels(*layers: DrawnLayer, window: Window = WINDOW, ground: str = "#ffffff") -> Any:
    """A picture as its reader sees it: height, width and red, green, blue, opacity."""
    data = picture.draw(layers, window, FONTS, ground=ground).encoded("png")
    with Image.open(io.BytesIO(data)) as found:
        return numpy.asarray(found.convert("RGBA")).astype(int)


def rgb(color: str, opacity: float = 1.0) -> Any:
    """A colour on white."""
    return numpy.round(255 + (numpy.array(tuple(bytes.fromhex(color[1:]))) - 255) * opacity)


def test_of_too_many_points_those_drawn_lie_everywhere() -> None:
    """100 000 points in the order of their rows: all four quarters of the window get a quarter of what is drawn."""
    across, up = numpy.meshgrid(numpy.linspace(0, 100, 500), numpy.linspace(0, 100, 200))
    drawn = layer("Point", shapely.points(across.ravel(), up.ravel())).within(WINDOW)
    assert len(drawn) == MOST_DRAWN
    x, y = across.ravel()[drawn], up.ravel()[drawn]
    for right in (False, True):
        for upper in (False, True):
            share = float(numpy.mean(((x > 50) == right) & ((y > 50) == upper)))
            assert share == pytest.approx(0.25, abs=0.02)


def test_of_too_many_areas_the_largest_are_drawn() -> None:
    sides = numpy.linspace(0.01, 1, MOST_DRAWN + 500)
    drawn = layer("Polygon", shapely.box(10, 10, 10 + sides, 10 + sides)).within(WINDOW)
    assert len(drawn) == MOST_DRAWN
    assert sides[drawn].min() == pytest.approx(sides[500])


def test_how_much_of_each_pixel_a_crowd_covers_is_what_geometry_says() -> None:
    """Boxes that reach out, lie within one pixel, over many, and on edges, against areas that Shapely measures."""
    chance = numpy.random.default_rng(5)
    left, low = chance.uniform(-3, 12, 60), chance.uniform(-3, 9, 60)
    sizes = chance.choice([0.1, 0.5, 1.0, 3.3], (2, 60))
    boxes = numpy.column_stack((left, low, left + sizes[0], low + sizes[1]))
    boxes[:2] = (1, 1, 2, 2), (2.5, 3, 4.5, 3)  # a whole pixel; nothing
    corners = boxes[:, [0, 3, 2, 1]].reshape(-1, 2)  # down is up in pixels
    found = coverage([corners[:40], corners[40:]], 10, 7)
    for row, column in numpy.ndindex(7, 10):
        pixel = shapely.box(column, row, column + 1, row + 1)
        told = shapely.area(shapely.intersection(shapely.box(*boxes.T), pixel)).sum()
        assert found[row, column] == pytest.approx(min(told, 1), abs=1e-9)


def test_a_crowd_is_a_tint_of_its_class_as_thick_as_it_covers() -> None:
    """Half a pixel of every pixel in one half of the picture; the other half is left as it is."""
    places = numpy.arange(0, 50, 0.25)
    low = numpy.column_stack((numpy.tile(places, 400), numpy.repeat(numpy.arange(0, 100, 0.25), 200)))
    crowd = Crowd(numpy.hstack((low, low + numpy.array([0.125, 0.25]))), numpy.zeros(len(low), numpy.int64))
    empty = layer("Polygon", [], symbol="polygon_green")
    seen = pixels(dataclasses.replace(empty, crowd=crowd))[..., :3]
    tint = rgb(symbol("polygon_green").classes[0].color, CROWD_OPACITY / 2)
    assert numpy.abs(seen[:, :200] - tint).max() <= 3
    assert (seen[:, 200:] == 255).all()


def test_of_a_dense_layers_small_areas_none_is_a_mark_and_outlines_leave_room() -> None:
    """Side by side they are lighter than their outlines."""
    across, up = (part.ravel() for part in numpy.meshgrid(numpy.arange(0, 100, 2.0), numpy.arange(0, 100, 2.0)))
    boxes = layer("Polygon", shapely.box(across, up, across + 1.6, up + 1.6), symbol="polygon_green")
    many = pixels(dataclasses.replace(boxes, dense=True))
    color = rgb(symbol("polygon_green").classes[0].color)
    assert (numpy.abs(many[..., :3] - color).max(axis=2) <= 3).mean() < 0.05
    assert ((many[..., :3] < 250).any(axis=2)).mean() > 0.5


def test_what_lies_outside_is_not_drawn_but_what_reaches_in_is() -> None:
    pad = picture.PAD_PX * 100 / 400
    shapes = shapely.points([50, 100 + pad * 0.9, 100 + pad * 1.1], [50, 50, 50])
    assert layer("Point", shapes).within(WINDOW).tolist() == [0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_drawn_in_the_colour_and_tint_of_the_table(name: str) -> None:
    """An area's limit and inside, and the middle of a mark, as the one symbol table says, hollow where illustrative."""
    look = symbol(name, kind="polygon")
    for code in range(2 * len(look.classes)):
        found = look.classes[code // 2]
        seen = pixels(layer("Polygon", [shapely.box(20, 20, 80, 80)], symbol=name, codes=[code]), window=SMALL)
        tint = 0.0 if code % 2 else float(found.fill)
        limit, inside = seen[20:80, 18:24, :3], seen[35:65, 35:65, :3].reshape(-1, 3)
        assert numpy.abs(limit - rgb(found.color)).max(axis=2).min() <= 60, "the limit has its colour"
        tinted = numpy.abs(inside - rgb(found.color, tint)).max(axis=1) <= 3
        assert tinted.mean() > 0.4
        assert tinted.all() == (not found.hatch)
        marked = pixels(layer("Point", [shapely.Point(50, 50)], symbol=name, codes=[code]), window=SMALL)[..., :3]
        assert (numpy.abs(marked - rgb(found.color)).max(axis=2) <= 3).sum() > 8


@pytest.mark.parametrize("turn", [False, True])
def test_areas_that_overlap_are_tinted_as_the_legend_says_and_holes_are_left(*, turn: bool) -> None:
    """Two tints over each other would be the look of another class; which way the rings run does not matter."""
    shapes = [shapely.box(10, 10, 60, 60), shapely.box(40, 40, 90, 90).difference(shapely.box(70, 70, 80, 80))]
    shapes = [shapely.reverse(shapes[0]) if turn else shapes[0], shapes[1]]
    seen = pixels(layer("Polygon", shapes, symbol="water"))[..., 0]
    once, twice, hole = seen[300, 100], seen[200, 200], seen[100, 300]
    assert twice == once < hole == 255


def test_where_nothing_is_drawn_a_picture_is_transparent_and_colours_are_straight() -> None:
    """A tint of opacity 0.4 is the colour itself at opacity 102, not a darker one."""
    seen = pixels(layer("Polygon", [shapely.box(20, 20, 80, 80)], symbol="water"), ground="")
    assert seen[200, 200].tolist() == [*rgb(symbol("water").color).tolist(), 102]
    assert not seen[:60].any()


def test_a_hatch_goes_on_from_tile_to_tile() -> None:
    """Four tiles of an area show together what one picture of it shows."""
    area = layer("Polygon", [shapely.box(-500, -500, 500, 500)], symbol="renewal_area")

    def tile(x: int, y: int, side: int) -> Any:
        window = Window(side, side, (x, y - side, x + side, y), float(side))
        return pixels(area, window=window)

    rows = [numpy.concatenate([tile(x, y, 256) for x in (-256, 0)], axis=1) for y in (256, 0)]
    whole = tile(-256, 256, 512)
    assert numpy.array_equal(numpy.concatenate(rows), whole)
    assert len(numpy.unique(whole.reshape(-1, 4), axis=0)) > 4


def test_an_area_too_small_to_see_is_drawn_as_its_mark() -> None:
    small = pixels(layer("Polygon", [shapely.box(50, 50, 50.5, 50.5)], symbol="park"))[..., :3]
    rows, columns = numpy.nonzero((small < 250).any(axis=2))
    assert rows.max() - rows.min() == pytest.approx(20, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((199, 201), abs=1)


def test_a_mark_and_its_character_stand_at_a_quarter_of_a_pixel() -> None:
    """The middle of a mark's ink moves with its place, not from pixel to pixel."""
    middles = []
    for x in (50, 50.25, 50.5, 50.75):
        dark = 255 - pixels(layer("Point", [shapely.Point(x, 50)], symbol="school"), window=SMALL)[..., 0]
        middles.append((dark * (numpy.arange(100) + 0.5)).sum() / dark.sum())
    assert numpy.diff(middles) == pytest.approx([0.25] * 3, abs=0.03)


def test_points_before_lines_before_areas_and_the_first_layer_lie_on_top() -> None:
    areas = layer("Polygon", [shapely.box(0, 0, 100, 100)], symbol="water")
    points = layer("Point", [shapely.Point(50, 50)], symbol="school")
    orange = rgb(symbol("school").color)
    assert numpy.abs(pixels(points, areas)[200, 200:212, :3] - orange).max(axis=1).min() < 40
    assert (pixels(areas, points) != pixels(points, areas)).any()


def test_the_same_picture_is_drawn_from_the_same_layers() -> None:
    across, up = numpy.meshgrid(numpy.linspace(0, 100, 20), numpy.linspace(0, 100, 20))
    many = layer("Polygon", shapely.buffer(shapely.points(across.ravel(), up.ravel()), 2), symbol="park")
    first, second = (picture.draw([many], WINDOW, FONTS).encoded("png") for _ in range(2))
    assert first == second


def test_a_picture_with_more_lines_than_fit_at_once_is_drawn_in_parts() -> None:
    """One line that crosses the picture 8 000 times is longer than what is painted at once; so are many lines."""
    x = numpy.linspace(10, 90, 8_000)
    line = shapely.linestrings(numpy.column_stack((x, numpy.where(numpy.arange(8_000) % 2, 5, 95))))
    seen = pixels(layer("LineString", [line], symbol="line_green"))[..., :3]
    assert (seen[100:300, 100:300] != 255).all()
    assert (seen[:10] == 255).all()


def test_neither_a_picture_nor_a_legend_loads_typst() -> None:
    """What lays out sheets takes tens of megabytes, which no web process shall spend on a map."""
    code = (
        "import sys, numpy; from pathlib import Path; from geo_service.rendering import picture, symbols\n"
        f"picture.legend(symbols.symbol('school'), 'zh', Path({str(FONTS)!r})).encoded('png')\n"
        "assert not {'typst', 'pikepdf', 'pypdfium2', 'geopandas', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
