"""What is painted, and its PNG, pixel by pixel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from geo_service.errors import BrokenInstallation
from geo_service.rendering.canvas import Canvas, Outline, Pen, font, png, shrunk, solid
from geo_service.rendering.picture_marks import CELL_PX, PIXEL_MM, TILE_PX
from geo_service.rendering.printing.hatches import hatch_tile, hatches


def square(low: float, high: float) -> Outline:
    found = Outline()
    found.ring(numpy.array([(low, low), (high, low), (high, high), (low, high)], float))
    return found


@pytest.mark.parametrize(("bands", "mode"), [(3, "RGB"), (4, "RGBA")])
def test_a_png_is_read_back_to_the_last_bit(bands: int, mode: str) -> None:
    pixels = numpy.random.default_rng(1).integers(0, 256, (7, 13, bands), numpy.uint8)
    with Image.open(io.BytesIO(png(pixels))) as found:
        found.load()
        assert found.mode == mode
        assert numpy.array_equal(numpy.asarray(found), pixels)


def test_the_first_pixel_lies_between_0_and_1() -> None:
    canvas = Canvas(5, 4)
    canvas.fill(square(1.5, 2.5), solid("#ff0000"))  # grown by half a pixel, as fills are
    assert canvas.pixels[1:3, 1:3].reshape(-1, 4).tolist() == [[255, 0, 0, 255]] * 4
    assert canvas.pixels.sum() == 4 * 510


@pytest.mark.parametrize("turn", [1, -1])
def test_a_shrunk_ring_is_filled_to_its_own_size(turn: int) -> None:
    """Circles, squares and triangles have their own area again, whichever way their points run."""
    for corners in (3, 4, 5, 48):
        turns = numpy.linspace(0, 2 * numpy.pi, corners, endpoint=False)[::turn]
        ring = 10 + 6 * numpy.column_stack((numpy.cos(turns), numpy.sin(turns)))
        canvas, outline = Canvas(20, 20), Outline()
        outline.ring(shrunk(ring))
        canvas.fill(outline, solid("#000000"))
        area = corners * 18 * numpy.sin(2 * numpy.pi / corners)
        assert canvas.pixels[..., 3].sum() / 255 == pytest.approx(area, rel=0.01), corners


def test_half_a_coat_is_the_colour_itself_at_half_opacity() -> None:
    canvas = Canvas(2, 2)
    canvas.fill(square(0, 2), solid("#c83214", 0.5))
    assert canvas.straight()[0, 0].tolist() == pytest.approx([200, 50, 20, 128], abs=1)


def test_of_a_stamp_what_lies_outside_is_left_out() -> None:
    stamp = numpy.full((3, 3, 4), 255, numpy.uint8)
    for left, top, expected in ((-2, -2, 1), (3, 0, 3), (0, 3, 3), (-3, 0, 0), (4, 4, 0), (1, 1, 9)):
        canvas = Canvas(4, 4)
        canvas.stamp(stamp, left, top)
        assert (canvas.pixels[..., 3] == 255).sum() == expected, (left, top)


def test_a_stamp_lets_through_what_lies_below_where_it_is_thin() -> None:
    canvas = Canvas(1, 1, "#ffffff")
    canvas.stamp(numpy.array([[[0, 0, 0, 128]]], numpy.uint8), 0, 0)
    assert canvas.pixels[0, 0].tolist() == [127, 127, 127, 255]


def test_without_its_font_nothing_is_written_in_silence(tmp_path: Path) -> None:
    with pytest.raises(BrokenInstallation, match=r"none\.ttf"):
        font(tmp_path / "none.ttf", 12.0)


@pytest.mark.parametrize("hatch", hatches())
def test_a_hatch_repeats_after_a_tile(hatch: Any) -> None:
    """Two tiles side by side are what a picture of twice the size shows: no line breaks where they meet."""

    def painted(side: int) -> Any:
        canvas, lines = Canvas(side, side), Outline()
        for line in hatch_tile(hatch, side * PIXEL_MM, CELL_PX * PIXEL_MM):
            lines.line(line / PIXEL_MM)
        canvas.stroke(lines, Pen("#000000", 1.0, round_caps=hatch == "dots"))
        return canvas.pixels[..., 3].astype(int)

    one, four = painted(TILE_PX), painted(2 * TILE_PX)
    assert one.any()
    assert numpy.abs(numpy.tile(one, (2, 2)) - four).max() <= 3


def test_paint_in_rows_is_paint_in_one() -> None:
    """Where too much meets, a picture is painted in parts; they meet without a seam."""
    whole, parts = Canvas(40, 40), Canvas(40, 40)
    whole.fill(square(3.3, 36.2), solid("#204060", 0.5))
    for rows in ((0, 11), (11, 12), (12, 40)):
        parts._draw_rows(square(3.3, 36.2), parts._filling, rows, fill=solid("#204060", 0.5))
    assert numpy.abs(whole.pixels.astype(int) - parts.pixels).max() <= 1
