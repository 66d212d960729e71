"""Sheets as poppler, pdfium, GDAL and zbar read them: true to scale, searchable, georeferenced, honest."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy
import pikepdf
import pypdfium2
import pytest
import shapely
from PIL import Image

from geo_service.core.crs import to_degrees
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.rendering.colour import contrast
from geo_service.rendering.printing.atlas import by_subdistrict, compose_atlas
from geo_service.rendering.printing.feature_sheet import FeatureStory, compose_feature_sheet
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.layers import PrintLayer, prepare
from geo_service.rendering.printing.marks import swatch
from geo_service.rendering.printing.pages import Sheet
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.request import LayerChoice, SheetRequest
from geo_service.rendering.printing.sheet import compose, corners, desk_of, frames_of
from tests.rendering.printing.conftest import snapshot

Reader = Callable[..., str]
MIDDLE = (512_300.0, 4_330_200.0)
MM = 72 / 25.4
LINE_MM = 150.0


def plain_layer(shapes: list[shapely.Geometry], symbol: str = "line_red") -> PrintLayer:
    kind = shapes[0].geom_type
    definition = LayerDefinition(
        id="trial", title=Text("试验", "Trial"), theme="reference", geometry_types=(kind,), serial="T", symbol=symbol,
        source="", secrecy="public",
    )  # fmt: skip
    degrees = [shapely.transform(s, lambda p: numpy.array([to_degrees(*q) for q in p])) for s in shapes]
    features = tuple(
        Feature(f"NK-T-{n:05}", {"name": f"对象{n}", "precision": "surveyed"}, shapely.geometry.mapping(d))
        for n, d in enumerate(degrees)
    )
    return prepare(snapshot(definition, features))


def straight_lines(svg: str) -> list[tuple[float, float]]:
    """Width and height in millimetres of every stroked piece of two points in what pdftocairo drew."""
    found = []
    for path in re.findall(r"<path[^>]*stroke:rgb[^>]*>", svg):
        turn = re.search(r'transform="matrix\(([^)]*)\)"', path)
        a, b, c, d = map(float, turn[1].split(",")[:4]) if turn else (1.0, 0.0, 0.0, 1.0)
        for piece in re.findall(r"M ([-\d.]+) ([-\d.]+) L ([-\d.]+) ([-\d.]+) (?![LCZ\d])", path.replace('"', " ")):
            x1, y1, x2, y2 = map(float, piece)
            found.append((abs(a * (x2 - x1) + c * (y2 - y1)) / MM, abs(b * (x2 - x1) + d * (y2 - y1)) / MM))
    return found


@pytest.mark.parametrize("scale", [500, 10_000, 50_000])
def test_a_line_of_150_mm_is_150_mm_long_both_ways(scale: int, fonts: Fonts, tmp_path: Path, read: Reader) -> None:
    half = LINE_MM / 1000 * scale / 2
    x, y = MIDDLE
    cross = [shapely.LineString([(x - half, y), (x + half, y)]), shapely.LineString([(x, y - half), (x, y + half)])]
    request = SheetRequest(title="比例尺", scale=scale, centre=to_degrees(x, y), date="2025-11-23", grid=False)
    made = compose(request, [plain_layer(cross)], fonts=fonts)
    (tmp_path / "x.pdf").write_bytes(write_pdf(made, fonts))
    read("pdftocairo", "-svg", "-noshrink", tmp_path / "x.pdf", tmp_path / "x.svg")
    lines = straight_lines((tmp_path / "x.svg").read_text("utf-8"))
    assert any(abs(w - LINE_MM) < 0.02 and h < 0.02 for w, h in lines)
    assert any(abs(h - LINE_MM) < 0.02 and w < 0.02 for w, h in lines)


def test_gdal_finds_the_neatline_within_a_centimetre(sheet: Sheet, pdf: Path, read: Reader) -> None:
    told = json.loads(read("gdalinfo", "-json", pdf))
    assert 'EPSG",4548' in json.dumps(told["coordinateSystem"]["wkt"]).replace("\\", "") or "117E" in str(told)
    neatline = shapely.from_wkt(told["metadata"][""]["NEATLINE"])
    assert neatline.bounds == pytest.approx(sheet.scenes[0].frame.bounds, abs=0.01)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_every_placed_name_and_the_title_are_found_by_search(sheet: Sheet, pdf: Path, read: Reader) -> None:
    """By pdfium and by poppler in each of its orders, slanting ones too, and each of them once."""
    document = pypdfium2.PdfDocument(pdf)
    by_pdfium = squeezed(document[0].get_textpage().get_text_range())
    document.close()
    by_poppler = squeezed(read("pdftotext", pdf, "-"))
    names = {squeezed(p.label.text): p.angle for p in sheet.scenes[0].placed}
    assert len(names) > 60
    assert sum(1 for angle in names.values() if angle) > 15
    for found in (by_pdfium, by_poppler, *(squeezed(read("pdftotext", way, pdf, "-")) for way in ("-raw", "-layout"))):
        assert {n for n in names if n not in found} == set()
    slanting = [n for n, angle in names.items() if angle and not any(n in other for other in names if other != n)]
    assert {n for n in slanting if by_pdfium.count(n) != 1 or by_poppler.count(n) != 1} == set()
    assert "南开区2025年计划项目分布图" in by_poppler


def test_poppler_finds_slanting_names_where_they_stand(sheet: Sheet, pdf: Path, read: Reader) -> None:
    """Poppler marks an upright box from the first letter on: its middle is at most half the name away."""
    pattern = r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]+)<'
    words = {
        m[5]: [float(v) / MM for v in m.groups()[:4]]
        for m in re.finditer(pattern, read("pdftotext", "-bbox", pdf, "-"))
    }
    slanting = [p for p in sheet.scenes[0].placed if 5 < abs(p.angle) < 85]
    assert len(slanting) > 5
    for placed in slanting:
        left, top, right, bottom = words[placed.label.text]
        off = math.hypot((left + right) / 2 - 15.4 - placed.x, (top + bottom) / 2 - 26.8 - placed.y)
        assert off < placed.label.width / 2


def test_no_character_is_a_radical_that_only_looks_like_one(pdf: Path, read: Reader) -> None:
    assert [c for c in read("pdftotext", pdf, "-") if 0x2E80 <= ord(c) <= 0x2FDF] == []


def test_every_font_is_embedded_and_none_is_type_3(pdf: Path, read: Reader) -> None:
    rows = read("pdffonts", pdf).splitlines()[2:]
    assert rows
    for row in rows:
        assert "Type 3" not in row
        assert row.split()[-5] == "yes", row


def test_no_two_names_cover_each_other(sheet: Sheet) -> None:
    """Measured with shapely, on the boxes of the letters."""
    boxes = []
    for p in sheet.scenes[0].placed:
        w, h = p.label.width / 2, p.label.height / 2
        boxes.append(
            shapely.affinity.rotate(shapely.box(p.x - w, p.y - h, p.x + w, p.y + h), p.angle, origin=(p.x, p.y))
        )
    tree = shapely.STRtree(boxes)
    pairs = {(a, b) for a, b in zip(*tree.query(boxes, predicate="intersects"), strict=True) if a < b}
    assert [p for p in pairs if boxes[p[0]].intersection(boxes[p[1]]).area > 0.05] == []


def test_the_legend_is_what_the_frame_holds(sheet: Sheet, layers: list[PrintLayer]) -> None:
    scene = sheet.scenes[0]
    window = scene.frame.ground
    held = {
        layer.id: sum(1 for g in layer.geometry if g is not None and shapely.intersects(g, window)) for layer in layers
    }
    listed: dict[str, int] = {}
    for entry in scene.legend:
        listed[entry.layer] = listed.get(entry.layer, 0) + entry.count
    assert listed == {i: n for i, n in held.items() if n}


def test_a_close_up_lists_only_what_it_shows(layers: list[PrintLayer], fonts: Fonts, locator: Locator) -> None:
    request = SheetRequest(title="局部", scale=2000, centre=(117.17, 39.09), date="2025-11-23")
    scene = compose(request, layers, fonts=fonts, locator=locator).scenes[0]
    window = scene.frame.ground
    shown = {x.id for x in layers if any(g is not None and shapely.intersects(g, window) for g in x.geometry)}
    assert {e.layer for e in scene.legend} == shown
    assert len(shown) < len(layers)


def picture(data: bytes, page: int = 0) -> numpy.ndarray:
    document = pypdfium2.PdfDocument(data)
    try:
        return numpy.asarray(document[page].render(scale=1.5).to_pil().convert("RGB"))
    finally:
        document.close()


def test_layers_that_can_be_switched_look_exactly_like_a_flat_sheet(sheet: Sheet, pdf: Path, fonts: Fonts) -> None:
    flat = dataclasses.replace(sheet, request=dataclasses.replace(sheet.request, layered=False))
    assert numpy.array_equal(picture(pdf.read_bytes()), picture(write_pdf(flat, fonts)))


def test_switching_a_layer_off_takes_its_ink_away(sheet: Sheet, pdf: Path, fonts: Fonts, tmp_path: Path) -> None:
    with pikepdf.open(pdf) as document:
        groups = {str(g.Name): g for g in document.Root.OCProperties.OCGs}
        assert {"积水片区", "学校", "消防站"} <= groups.keys()
        document.Root.OCProperties.D.OFF = pikepdf.Array([groups["积水片区"]])
        document.save(tmp_path / "off.pdf")
    assert not numpy.array_equal(picture(pdf.read_bytes()), picture((tmp_path / "off.pdf").read_bytes()))


def test_the_same_request_gives_the_same_bytes(
    sheet: Sheet, pdf: Path, fonts: Fonts, layers: list[PrintLayer], locator: Locator
) -> None:
    again = compose(sheet.request, layers, fonts=fonts, locator=locator)
    assert write_pdf(again, fonts) == pdf.read_bytes()
    assert pdf.stat().st_size < 300_000


def test_the_paper_has_the_size_asked_for(
    fonts: Fonts, layers: list[PrintLayer], locator: Locator, read: Reader, tmp_path: Path
) -> None:
    sizes = {("A4", False): (210, 297), ("A3", True): (420, 297), ("A0", True): (1189, 841)}
    for (paper, landscape), size in sizes.items():
        request = SheetRequest(title="幅面", paper=paper, landscape=landscape, date="2025-11-23")
        (tmp_path / "p.pdf").write_bytes(write_pdf(compose(request, layers, fonts=fonts, locator=locator), fonts))
        told = re.search(r"Page size: +([\d.]+) x ([\d.]+)", read("pdfinfo", tmp_path / "p.pdf"))
        assert told
        assert (float(told[1]) / MM, float(told[2]) / MM) == pytest.approx(size, abs=0.1)


def test_the_qr_code_opens_the_address_asked_for(
    fonts: Fonts, layers: list[PrintLayer], locator: Locator, tmp_path: Path, read: Reader
) -> None:
    link = "http://10.0.0.8:8000/#13/39.10000/117.15000&on=schools&rev=schools.1"
    request = SheetRequest(title="二维码", link=link, date="2025-11-23")
    data = write_pdf(compose(request, layers, fonts=fonts, locator=locator), fonts)
    document = pypdfium2.PdfDocument(data)
    document[0].render(scale=4).to_pil().save(tmp_path / "qr.png")
    document.close()
    assert read("zbarimg", "--raw", "-q", tmp_path / "qr.png").strip() == link


def test_the_index_of_an_atlas_leads_to_its_pages(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator, tmp_path: Path, read: Reader
) -> None:
    request = SheetRequest(title="街道图集", date="2025-11-23")
    heard: list[tuple[int, int]] = []
    made = compose_atlas(
        request, layers, by_subdistrict(locator), fonts=fonts, locator=locator, progress=lambda *n: heard.append(n)
    )
    (tmp_path / "a.pdf").write_bytes(write_pdf(made, fonts))
    assert heard[-1] == (12, 12)
    with pikepdf.open(tmp_path / "a.pdf") as document:
        pages = {p.objgen: n for n, p in enumerate(document.pages)}
        links = [pages[a.Dest[0].objgen] if "/Dest" in a else pages[a.A.D[0].objgen] for a in document.pages[0].Annots]
    assert set(links) == set(range(1, 13))
    for number, (name, _) in enumerate(locator.subdistricts, 2):
        assert name in read("pdftotext", "-f", str(number), "-l", str(number), tmp_path / "a.pdf", "-")


def test_five_thousand_names_end_within_seconds_and_those_left_out_are_listed(fonts: Fonts) -> None:
    chance = numpy.random.default_rng(2)
    places = [shapely.Point(*p) for p in chance.uniform((508_000, 4_326_000), (516_000, 4_334_000), (5000, 2))]
    layer = plain_layer(places, symbol="school")
    scene = compose(SheetRequest(title="五千", date="2025-11-23", table="none"), [layer], fonts=fonts).scenes[0]
    named = sum(1 for p in scene.placed if not p.label.number)
    assert named + len(scene.omissions) == 5000


@pytest.mark.parametrize("profile", ["internal", "public"])
def test_grey_and_colour_prints_show_as_many_things(
    profile: str, fonts: Fonts, layers: list[PrintLayer], locator: Locator
) -> None:
    """In greyscale no layer melts into the paper: switching it off still changes the picture."""
    request = SheetRequest(title="灰度", profile=profile, date="2025-11-23")  # type: ignore[arg-type]  # one of two
    whole = grey(write_pdf(compose(request, layers, fonts=fonts, locator=locator), fonts))
    for left_out in layers[:5]:
        chosen = tuple(LayerChoice(id=x.id) for x in layers if x is not left_out)
        part = compose(dataclasses.replace(request, layers=chosen), layers, fonts=fonts, locator=locator)
        changed = numpy.abs(whole.astype(int) - grey(write_pdf(part, fonts)).astype(int)) > 60
        assert changed.sum() > 30, left_out.id


def grey(data: bytes) -> numpy.ndarray:
    return numpy.asarray(Image.fromarray(picture(data)).convert("L"))


def test_tiles_overlap_as_asked_and_cover_the_extent(layers: list[PrintLayer], fonts: Fonts, locator: Locator) -> None:
    request = SheetRequest(title="分幅", scale=15_000, tiled=True, overlap_mm=12, date="2025-11-23")
    frames = [s.frame for s in compose(request, layers, fonts=fonts, locator=locator).scenes]
    west, south, east, north = shapely.union_all([f.ground for f in frames]).bounds
    assert locator.district is not None
    assert shapely.box(west, south, east, north).covers(shapely.box(*locator.district.bounds))
    first, second = frames[0].bounds, frames[1].bounds
    assert (first[2] - second[0]) / 15_000 * 1000 == pytest.approx(12, abs=1e-6)
    assert all(a.scale == b.scale == 15_000 for a, b in itertools.pairwise(frames))


@pytest.mark.parametrize(("paper", "landscape"), [("A4", False), ("A4", True), ("A3", True), ("A0", False)])
def test_the_stamp_hides_nothing_of_the_plan_where_a_corner_is_free(
    paper: str, landscape: bool, layers: list[PrintLayer], fonts: Fonts, locator: Locator
) -> None:
    request = SheetRequest(title="示意", paper=paper, landscape=landscape, date="2025-11-23")
    desk = desk_of(request, layers, fonts=fonts, locator=locator)
    frame = frames_of(desk)[0]
    taken = {key: box for key, (box, _) in corners(desk, frame).items()}
    stamp, district = taken.pop("stamp"), frame.draw(locator.district)
    place = shapely.box(stamp.x, stamp.y, stamp.right, stamp.bottom)
    assert shapely.box(0, 0, frame.width_mm, frame.height_mm).contains(place)
    assert not any(place.intersects(shapely.box(b.x, b.y, b.right, b.bottom)) for b in taken.values())
    assert not place.intersects(district)


def test_a_street_is_seen_in_the_legend_in_print_and_on_screen(sheet: Sheet) -> None:
    """Its kerbs are at least as heavy as the lines of the tables, and darker than a third of white."""
    look = next(entry.look for entry in sheet.scenes[0].legend if entry.layer == "streets")
    kerb, road = (float(w) for w in re.findall(r'stroke-width="([\d.]+)"', swatch(look, 9.0, 4.6).body))
    assert (kerb - road) / 2 == pytest.approx(0.2)
    assert road >= 1.0
    assert contrast(look.color, "#FFFFFF") > 3


def test_a_features_page_has_no_number_that_nothing_explains(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator
) -> None:
    """Names without room are told to the person who prints; there is no key beside that map."""
    story = FeatureStory(layer="pocket_parks", fid="NK-KDG-001")
    made = compose_feature_sheet(
        SheetRequest(title="一页纸", scale=50_000), layers, story, fonts=fonts, locator=locator
    )
    assert not any(placed.label.number for placed in made.scenes[0].placed)
    assert "sheet-name-omitted" in {f.code for f in made.findings}
    assert "sheet-name-keyed" not in {f.code for f in made.findings}
