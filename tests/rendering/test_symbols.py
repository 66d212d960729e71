"""The one table of symbols: readable on white, on dark, in grey and for colour-blind eyes, and total."""

import itertools
import json
import tomllib
from typing import get_args

import numpy
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo_service.core.layers import PLAN_STATUS_CODES, STATUS_CODES
from geo_service.errors import InvalidParameter
from geo_service.rendering import colour, symbols
from geo_service.rendering.printing.hatches import hatch_data
from geo_service.rendering.small_map import HATCH_PATHS
from geo_service.settings import ROOT

NAMED = [
    "renewal_area",
    "pocket_park",
    "waterlogging_zone",
    "school",
    "fire_station",
    "old_community",
    "elevator",
    "road",
    "supporting_work",
    "pipeline",
    "misconnection_point",
    "water_environment",
    "food_market",
    "life_circle",
    "park",
    "carrier",
    "idle_land",
    "construction_site",
    "research_health",
    "health_circle",
    "community_facility",
    "culture",
    "waterlogging_candidate",
    "boundary",
    "subdistrict",
    "street",
    "water",
]
ALL = [symbols.symbol(name) for name in symbols.NAMES]
CLASSES = [(s, c) for s in ALL for c in s.classes]
KINDS = ("point", "line", "polygon")
KIND_OF = {"Point": "point", "LineString": "line", "Polygon": "polygon"}


def line_type(dash):
    """What the eye tells apart: continuous, dots, short or long dashes, one or two dots between dashes."""
    lengths = [float(part) for part in dash.split()]
    if not lengths:
        return "continuous"
    if len(lengths) > 2:
        return f"dash and {len(lengths) // 2 - 1} dots"
    if lengths[0] <= 3:
        return "dots"
    return "short dashes" if lengths[0] < 10 else "long dashes"


def grey_signature(symbol, found):
    """All that is left of a class when colour is taken away."""
    outline = line_type(found.dash)
    if symbol.kind == "point":
        return (symbol.shape, found.glyph, found.fill, outline)
    if symbol.kind == "line":
        return (outline, symbol.size)
    return (found.hatch, outline)


def test_every_name_the_layers_use_is_there_and_a_dozen_for_staff():
    assert set(NAMED) <= set(symbols.NAMES)
    generic = [n for n in symbols.NAMES if n.startswith(("point_", "line_", "polygon_"))]
    assert len(generic) >= 12
    assert {symbols.symbol(n).kind for n in generic} == set(KINDS)


@pytest.mark.parametrize(
    ("color", "ratio"),
    [("#000000", 21.0), ("#FFFFFF", 1.0), ("#777777", 4.48), ("#767676", 4.54), ("#0000FF", 8.59), ("#FF0000", 4.0)],
)
def test_contrast_on_white_is_that_of_the_published_examples(color, ratio):
    assert colour.contrast(color, "#FFFFFF") == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("text", ["red", "#FFF", "#ffffff", "#FFFFFF;}", "url(x)", "#FFFFFF\n"])
def test_only_six_capital_hex_digits_are_a_colour(text):
    with pytest.raises(ValueError, match="not a colour"):
        colour.channels(text)


@pytest.mark.parametrize(("symbol", "found"), CLASSES, ids=lambda v: getattr(v, "name", None) or v.key)
def test_every_colour_is_readable_on_white_and_on_the_dark_map(symbol, found):
    for color in (symbol.color, found.color):
        assert colour.contrast(color, "#FFFFFF") >= 4.5
        assert colour.contrast(colour.lightened(color), colour.NIGHT) >= 4.5


@pytest.mark.parametrize("kind", KINDS)
def test_any_two_classes_of_a_kind_can_be_told_apart_without_colour(kind):
    looks = [(s.name, c.key, grey_signature(s, c)) for s, c in CLASSES if s.kind == kind]
    alike = [(a, b) for a, b in itertools.combinations(looks, 2) if a[2] == b[2]]
    assert alike == []


LAYERS = [tomllib.loads(path.read_text("utf-8")) for path in sorted((ROOT / "layers").glob("*.toml"))]


def shipped_looks(kind, illustrative):
    """What layers that may be drawn as a kind look like without colour, symbols of another kind of their own too."""
    names = {t["symbol"] for t in LAYERS if kind in {KIND_OF[g.removeprefix("Multi")] for g in t["geometry_types"]}}
    found = [symbols.symbol(name, kind=kind) for name in sorted(names)]
    staged = [s for s in found if len(s.classes) > 1] if illustrative else found
    return {
        (s.name, "" if illustrative else c.key): grey_signature(s, symbols.hollow(s, c) if illustrative else c)
        for s in staged
        for c in s.classes
    }


@pytest.mark.parametrize("illustrative", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_any_two_looks_of_the_shipped_layers_can_be_told_apart_without_colour(kind, illustrative):
    looks = shipped_looks(kind, illustrative)
    alike = [(a, b) for (a, x), (b, y) in itertools.combinations(looks.items(), 2) if x == y]
    assert len(looks) > 1
    assert alike == []


@pytest.mark.parametrize("hatch", [h for h in get_args(symbols.Hatch) if h])
def test_every_hatch_is_drawn_on_screen_in_tables_and_in_print(hatch):
    browser = (ROOT / "geo_service/web/static/js/symbols.js").read_text("utf-8")
    assert f"  {hatch}: [[" in browser or f'hatch === "{hatch}"' in browser
    assert HATCH_PATHS[hatch]
    assert hatch_data(hatch, shapely.box(0, 0, 9, 4.6))


def test_line_widths_that_tell_layers_apart_differ_by_a_pixel_or_more():
    staged = {s.size for s in ALL if s.kind == "line" and len(s.classes) > 1} | {symbols.symbol("street").size}
    generic = {s.size for s in ALL if s.name.startswith("line_")}
    for sizes in (sorted(staged), sorted(generic)):
        assert min(b - a for a, b in itertools.pairwise(sizes)) >= 1


@pytest.mark.parametrize("kind", ["point", "polygon"])
def test_the_layer_is_still_told_without_colour_under_the_illustrative_overlay(kind):
    of_kind = [s for s in ALL if s.kind == kind and len(s.classes) > 1]
    signatures = [grey_signature(s, symbols.hollow(s, s.classes[-1])) for s in of_kind]
    assert len(set(signatures)) == len(of_kind)


def test_an_illustrative_position_never_looks_like_a_located_one():
    real = {(s.kind, grey_signature(s, c)) for s, c in CLASSES if s.name != "subdistrict"}
    hollow = {(s.kind, grey_signature(s, symbols.hollow(s, c))) for s, c in CLASSES if len(s.classes) > 1}
    assert real.isdisjoint(hollow)


def deuteranope(color):
    """The colour as seen without M cones: Machado, Oliveira and Fernandes 2009, severity 1.0, in linear RGB."""
    matrix = numpy.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    rgb = numpy.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = numpy.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return numpy.clip(matrix @ linear, 0, 1)


def lab(linear):
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = numpy.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ linear / numpy.array([0.95047, 1.0, 1.08883])
    f = numpy.where(t > 0.008856, numpy.cbrt(t), 7.787 * t + 16 / 116)
    return numpy.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_where_stages_also_differ_in_colour_a_deuteranope_sees_the_difference():
    for symbol in ALL:
        seen = {c.color: lab(deuteranope(c.color)) for c in symbol.classes}
        for one, other in itertools.combinations(seen.values(), 2):
            assert numpy.linalg.norm(one - other) >= 8  # 2.3 is just noticeable


values = st.one_of(
    st.none(),
    st.just(""),
    st.sampled_from([c.value for c in (*STATUS_CODES, *PLAN_STATUS_CODES)]),
    st.text(max_size=5),
    st.integers(),
    st.lists(st.integers(), max_size=2),
)


@given(
    name=st.sampled_from(symbols.NAMES),
    properties=st.dictionaries(st.sampled_from(["status", "plan_status", "precision", "name"]), values),
)
def test_every_feature_has_a_class_whatever_its_properties(name, properties):
    symbol = symbols.symbol(name)
    assert symbols.class_of(symbol, properties) in symbol.classes


@pytest.mark.parametrize(
    ("status", "plan_status", "key"),
    [
        ("done", "planned", "done"),
        ("done", "existing", "done"),
        ("started", "completed", "started"),
        (None, "existing", "existing"),
        ("", "existing", "existing"),
        ("not_started", "existing", "planned"),
        (None, "under_construction", "planned"),
        (None, None, "planned"),
        ("not_started", "completed", "planned"),
    ],
)
def test_the_stage_follows_what_staff_report_before_what_the_plan_says(status, plan_status, key):
    symbol = symbols.symbol("renewal_area")
    assert symbols.class_of(symbol, {"status": status, "plan_status": plan_status}).key == key


def test_a_missing_field_is_empty():
    assert symbols.class_of(symbols.symbol("school"), {"plan_status": "existing"}).key == "existing"


def test_zero_and_false_are_values_and_not_empty():
    assert not symbols.matches({"count": (None,)}, {"count": 0})
    assert not symbols.matches({"open": (None,)}, {"open": False})
    assert symbols.matches({"open": ("false",), "count": ("0",)}, {"open": False, "count": 0})


def test_illustrative_is_hollow_and_dotted_and_keeps_the_hatch():
    symbol = symbols.symbol("waterlogging_zone")
    real = symbols.drawn_class(symbol, {"precision": "parcel", "status": "done"})
    drawn = symbols.drawn_class(symbol, {"precision": "illustrative", "status": "done"})
    assert (real.fill, real.dash) == (0.45, "")
    assert (drawn.fill, drawn.dash, drawn.hatch) == (0.0, "2 3", "wave")
    assert symbols.drawn_class(symbols.symbol("school"), {"precision": "illustrative"}).fill == "open"


def test_a_symbol_can_be_drawn_as_another_kind():
    park = symbols.symbol("pocket_park", kind="polygon")
    assert park.kind == "polygon"
    assert all(isinstance(c.fill, float) and c.hatch == "dots" for c in park.classes)
    zone = symbols.symbol("waterlogging_zone", kind="point")
    assert [c.fill for c in zone.classes] == ["full", "half", "open", "open"]
    assert zone.size > 5
    assert [c.key for c in zone.classes] == [c.key for c in symbols.symbol("waterlogging_zone").classes]


def test_a_polygon_too_small_to_see_has_a_point_to_stand_for_it():
    zone = symbols.symbol("renewal_area")
    assert [c.point for c in zone.classes] == ["full", "half", "open", "open"]
    assert (zone.shape, zone.glyph, zone.radius) == ("diamond", "更", 11)
    assert symbols.hollow(zone, zone.classes[0]).point == "open"
    assert symbols.symbol("fire_station", kind="polygon").radius == 13


def test_no_two_point_symbols_share_a_character():
    glyphs = [s.glyph for s in ALL if s.kind == "point"]
    assert len(set(glyphs)) == len(glyphs)
    assert all(len(g) == 1 and "一" <= g <= "鿿" for g in glyphs)


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(InvalidParameter, match="renewal_area"):
        symbols.symbol("nothing")


def test_a_symbol_whose_last_class_does_not_take_everything_is_refused():
    good = symbols.symbol("renewal_area")
    with pytest.raises(ValueError, match="last class"):
        symbols.Symbol(
            name="x",
            title=good.title,
            kind="line",
            color="#000000",
            shape="circle",
            glyph="",
            size=1,
            radius=1,
            classes=(),
        )


def test_the_json_has_what_the_browser_needs_and_says_empty_as_null():
    body = json.loads(json.dumps(symbols.as_json(symbols.symbol("renewal_area"))))
    assert {"kind", "color", "dark", "shape", "glyph", "size", "radius", "classes", "illustrative"} <= body.keys()
    existing = next(c for c in body["classes"] if c["key"] == "existing")
    assert existing["when"] == {"plan_status": ["existing"], "status": [None]}
    assert existing["title"] == {"zh": "现状", "en": "Existing"}
    assert set(existing) == {"key", "title", "when", "color", "dark", "fill", "point", "dash", "hatch", "glyph"}


def test_tiles_are_told_which_fields_a_symbol_needs():
    assert symbols.fields_of(symbols.symbol("road")) == ("plan_status", "precision", "status")
    assert symbols.fields_of(symbols.symbol("water")) == ("precision",)


def test_the_palette_has_every_symbol_in_both_themes():
    light, dark = symbols.palette_css().split(':root[data-theme="dark"]')
    for name in symbols.NAMES:
        variable = f"--symbol-{name.replace('_', '-')}: "
        assert f"{variable}{symbols.symbol(name).color};" in light
        assert variable in dark
    assert "--symbol-waterlogging-zone-done: #08306B;" in light
    assert "--brand: #0B5CAD;" in light


def test_the_table_cannot_be_changed_by_who_uses_it():
    found = symbols.class_of(symbols.symbol("renewal_area"), {"status": "done"})
    with pytest.raises(TypeError):
        found.when["status"] = ("x",)
