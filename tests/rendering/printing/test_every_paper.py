"""One sheet's bars hold on every paper, both ways, custom and tiled, in both profiles, languages and layer sets."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pypdfium2
import pytest
import shapely

from geo_service.core.revisions import Snapshot
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.layers import PrintLayer, prepare
from geo_service.rendering.printing.pages import Sheet
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.sheet import compose
from tests.rendering.printing.conftest import IDS
from tests.rendering.printing.readers import check_type, covering_names, missing_names, told, words_of

MM = 72 / 25.4
EVERY: dict[str, dict[str, Any]] = {
    f"{paper}-{way}": {"paper": paper, "landscape": way == "lying"}
    for paper in ("A4", "A3", "A2", "A1", "A0")
    for way in ("upright", "lying")
}
EVERY |= {
    "custom": {"paper": "custom", "width_mm": 500.0, "height_mm": 333.0, "binding_mm": 20.0},
    "tiled": {"paper": "A4", "scale": 20_000, "tiled": True},
}
REST = ("carriers", "research_health", "supporting_works", "parks", "culture", "roads", "boundary", "subdistricts")


class Made(NamedTuple):
    """A sheet, what it was made of, and its bytes."""

    sheet: Sheet
    layers: list[PrintLayer]
    locator: Locator
    pdf: bytes


@pytest.fixture(scope="module", params=EVERY, ids=str)
def made(request: Any, snapshots: dict[str, Snapshot], fonts: Fonts, locator: Locator) -> Made:
    """Every other paper is public, every third English, every second has the other layers."""
    number = list(EVERY).index(request.param)
    layers = [prepare(snapshots[i]) for i in (IDS, REST)[number // 2 % 2]]
    asked = SheetRequest(
        title="南开区图" if number % 3 else "Nankai District",
        profile="public" if number % 2 else "internal",
        approval="津S(2025)001" if number % 4 == 1 else "",
        language="zh" if number % 3 else "en",
        date="2025-11-23",
        **EVERY[request.param],
    )
    sheet = compose(asked, layers, fonts=fonts, locator=locator)
    return Made(sheet, layers, locator, write_pdf(sheet, fonts))


def test_its_pages_have_the_size_and_its_type_is_embedded(made: Made, tmp_path: Path) -> None:
    check_type(made.pdf, tmp_path)
    pages = told(["pdfinfo", "-f", "1", "-l", "99", "type.pdf"], tmp_path)
    sizes = [(float(w) / MM, float(h) / MM) for w, h in re.findall(r"size: +([\d.]+) x ([\d.]+)", pages)]
    paper = made.sheet.request.sheet_paper
    assert len(sizes) == len(made.sheet.pages)
    assert all(size == pytest.approx((paper.width_mm, paper.height_mm), abs=0.1) for size in sizes)


def test_every_placed_name_is_found_and_none_covers_another(made: Made) -> None:
    words = "".join(words_of(made.pdf))
    assert [missing_names(scene, words) for scene in made.sheet.scenes] == [[]] * len(made.sheet.scenes)
    assert [covering_names(scene) for scene in made.sheet.scenes] == [[]] * len(made.sheet.scenes)
    assert sum(len(scene.placed) for scene in made.sheet.scenes) > 20


def test_its_legend_is_what_the_frame_holds_and_its_omissions_are_told(made: Made) -> None:
    for scene in made.sheet.scenes:
        window = scene.frame.ground
        held = {
            layer.id: sum(g is not None and bool(shapely.intersects(g, window)) for g in layer.geometry)
            for layer in made.layers
        }
        listed: dict[str, int] = {}
        for entry in scene.legend:
            listed[entry.layer] = listed.get(entry.layer, 0) + entry.count
        assert listed == {layer: count for layer, count in held.items() if count}
        left_out = {(o.fid, o.name) for o in scene.omissions}
        assert left_out <= {(f.fid, f.name) for f in made.sheet.findings}


@pytest.mark.slow
def test_it_is_the_same_flat_and_made_again_the_same_bytes(made: Made, fonts: Fonts) -> None:
    again = compose(made.sheet.request, made.layers, fonts=fonts, locator=made.locator)
    assert write_pdf(again, fonts) == made.pdf
    flat = dataclasses.replace(made.sheet, request=dataclasses.replace(made.sheet.request, layered=False))
    assert numpy.array_equal(picture(made.pdf), picture(write_pdf(flat, fonts)))


def picture(data: bytes) -> Any:
    document = pypdfium2.PdfDocument(data)
    try:
        return numpy.asarray(document[0].render(scale=0.75).to_pil().convert("RGB"))
    finally:
        document.close()


def test_gdal_reads_its_neatline_to_a_centimetre_unless_it_is_public(made: Made, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(made.pdf)
    found = json.loads(told(["gdalinfo", "-json", "x.pdf"], tmp_path))
    if made.sheet.request.internal:
        neatline = shapely.from_wkt(found["metadata"][""]["NEATLINE"])
        assert neatline.bounds == pytest.approx(made.sheet.scenes[0].frame.bounds, abs=0.01)
    else:
        assert "NEATLINE" not in json.dumps(found)
        assert not found.get("coordinateSystem", {}).get("wkt")
