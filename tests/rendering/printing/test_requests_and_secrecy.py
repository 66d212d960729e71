"""What a sheet refuses, and what a public sheet never shows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.revisions import Snapshot
from geo_service.errors import GeoServiceError, InvalidParameter, NotForPublication, UnprintableText
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.furniture import Locator
from geo_service.rendering.printing.layers import PrintLayer, prepare
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.profile import INTERNAL_FIELDS
from geo_service.rendering.printing.request import LayerChoice, SheetRequest, from_data, to_data
from geo_service.rendering.printing.sheet import compose

DATE = "2025-11-23"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"scale": 0}, "scale"),
        ({"scale": 1_000_000}, "scale"),
        ({"scale": -500}, "scale"),
        ({"title": "长" * 200}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "两\n行"}, "title"),
        ({"paper": "A9"}, "paper"),
        ({"paper": "custom", "width_mm": 20, "height_mm": 300}, "width_mm"),
        ({"paper": "custom", "width_mm": 200, "height_mm": 1e9}, "height_mm"),
        ({"binding_mm": 300}, "binding_mm"),
        ({"tiled": True}, "scale"),
        ({"date": "2025-02-30"}, "date"),
        ({"wind": (1, 2, 3)}, "wind"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"layers": (LayerChoice(id="a"), LayerChoice(id="a"))}, "layers"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        SheetRequest(**{"title": "图", **wrong})
    assert refused.value.params["name"] == named


@pytest.mark.parametrize("bbox", [(117.2, 39, 117.1, 39.1), (117, 39, 117.1, float("nan")), (200, 0, 300, 1)])
def test_an_extent_that_is_none_is_refused(bbox: tuple[float, float, float, float]) -> None:
    with pytest.raises(GeoServiceError):
        SheetRequest(title="图", bbox=bbox)


def test_an_extent_outside_the_district_is_refused(layers: list[PrintLayer], fonts: Fonts, locator: Locator) -> None:
    request = SheetRequest(title="北京", bbox=(116.3, 39.8, 116.4, 39.9), date=DATE)
    with pytest.raises(InvalidParameter, match="bbox"):
        compose(request, layers, fonts=fonts, locator=locator)


def test_a_character_without_a_glyph_is_named(layers: list[PrintLayer], fonts: Fonts, locator: Locator) -> None:
    with pytest.raises(UnprintableText) as refused:
        compose(SheetRequest(title="图\U0001f600", date=DATE), layers, fonts=fonts, locator=locator)
    assert "U+1F600" in refused.value.sentence("zh")


def test_layers_without_a_feature_print_an_empty_map_that_says_so(
    snapshots: dict[str, Snapshot], fonts: Fonts, locator: Locator
) -> None:
    empty = [prepare(dataclasses.replace(snapshots[i], features=())) for i in ("schools", "streets")]
    sheet = compose(SheetRequest(title="空", date=DATE), empty, fonts=fonts, locator=locator)
    assert [f.code for f in sheet.findings].count("sheet-layer-empty") == 2
    assert write_pdf(sheet, fonts).startswith(b"%PDF")


def test_a_layer_that_was_not_given_is_named(layers: list[PrintLayer], fonts: Fonts) -> None:
    with pytest.raises(InvalidParameter, match="nix"):
        compose(SheetRequest(title="图", layers=(LayerChoice(id="nix"),), date=DATE), layers, fonts=fonts)


@given(
    st.builds(
        SheetRequest,
        title=st.text("图南开区A1", min_size=1, max_size=20),
        scale=st.none() | st.integers(500, 50_000),
        layers=st.lists(st.sampled_from("abcd"), unique=True).map(lambda ids: tuple(LayerChoice(id=i) for i in ids)),
        profile=st.sampled_from(["internal", "public"]),
        binding_mm=st.floats(0, 40),
    )
)
def test_a_request_survives_being_written_down(request: SheetRequest) -> None:  # a value, no fixture
    assert from_data(to_data(request)) == request


@pytest.mark.parametrize("data", [{"title": "图", "shell": "rm"}, {"title": 7}, {"title": "图", "layers": "all"}, {}])
def test_data_that_is_no_request_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises((InvalidParameter, TypeError)) as refused:
        from_data(data)
    assert isinstance(refused.value, InvalidParameter)


# ---------------------------------------------------------------- secrecy
def internal_version(snapshots: dict[str, Snapshot], layer: str) -> PrintLayer:
    it = snapshots[layer]
    return prepare(dataclasses.replace(it, definition=dataclasses.replace(it.definition, secrecy="internal")))


def words_of(sheet: Any, fonts: Fonts, tmp_path: Path, read: Callable[..., str]) -> str:
    (tmp_path / "x.pdf").write_bytes(write_pdf(sheet, fonts))
    return re.sub(r"\s", "", read("pdftotext", tmp_path / "x.pdf", "-"))


def test_a_public_sheet_leaves_internal_layers_out_without_a_trace(
    snapshots: dict[str, Snapshot],
    layers: list[PrintLayer],
    fonts: Fonts,
    locator: Locator,
    tmp_path: Path,
    read: Callable[..., str],
) -> None:
    mixed = [internal_version(snapshots, "schools"), *(x for x in layers if x.id != "schools")]
    sheet = compose(SheetRequest(title="公开图", profile="public", date=DATE), mixed, fonts=fonts, locator=locator)
    text = words_of(sheet, fonts, tmp_path, read)
    assert "学校" not in text
    assert "小学" not in text
    assert b"schools" not in (tmp_path / "x.pdf").read_bytes()


def test_a_public_sheet_of_an_internal_layer_is_refused(snapshots: dict[str, Snapshot], fonts: Fonts) -> None:
    request = SheetRequest(title="公开图", profile="public", layers=(LayerChoice(id="schools"),), date=DATE)
    with pytest.raises(NotForPublication):
        compose(request, [internal_version(snapshots, "schools")], fonts=fonts)


def test_without_an_approval_number_it_is_stamped_or_refused_and_with_one_neither(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator, tmp_path: Path, read: Callable[..., str]
) -> None:
    public = SheetRequest(title="公开图", profile="public", date=DATE)
    with pytest.raises(NotForPublication):
        compose(dataclasses.replace(public, unapproved="refuse"), layers, fonts=fonts, locator=locator)
    stamped = words_of(compose(public, layers, fonts=fonts, locator=locator), fonts, tmp_path, read)
    assert "未取得审图号" in stamped
    approved = dataclasses.replace(public, approval="津S(2025)001")
    clean = words_of(compose(approved, layers, fonts=fonts, locator=locator), fonts, tmp_path, read)
    assert "未取得审图号" not in clean
    assert "津S(2025)001" in clean


def test_a_public_sheet_has_no_grid_no_coordinates_and_no_georeference(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator, tmp_path: Path, read: Callable[..., str]
) -> None:
    sheet = compose(SheetRequest(title="公开图", profile="public", date=DATE), layers, fonts=fonts, locator=locator)
    text = words_of(sheet, fonts, tmp_path, read)
    assert "117°" not in text
    assert "NEATLINE" not in read("gdalinfo", tmp_path / "x.pdf")


def test_a_public_table_has_no_internal_field(
    layers: list[PrintLayer], fonts: Fonts, locator: Locator, tmp_path: Path, read: Callable[..., str]
) -> None:
    fields = tuple(sorted(INTERNAL_FIELDS))[:4]
    request = SheetRequest(title="公开图", profile="public", table="waterlogging_zones", table_fields=fields, date=DATE)
    text = words_of(compose(request, layers, fonts=fonts, locator=locator), fonts, tmp_path, read)
    assert "计划任务" not in text
    assert "资料来源/" not in text
