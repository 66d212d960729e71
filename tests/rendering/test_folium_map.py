"""The Folium shell: ids, paths and numbers only, whatever is thrown at it."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from shutil import which

import folium
import pytest
from branca.element import Element
from folium.elements import JSCSSMixin
from hypothesis import given
from hypothesis import strategies as st

from geo_service.rendering.folium_map import MapShell, ShellLayer, build, is_own_path
from geo_service.settings import ROOT

HOSTILE = [
    "{{7*7}}",
    "50{% 概率",
    "{% raw %}",
    "{# x",
    "</script>",
    "</script><script>alert(1)</script>",
    '"',
    "'",
    "`",
    "\\",
    "${1}",
    "a\nb",
    "a\n",
    "a\u2028b",
    "<img src=x onerror=alert(1)>",
    "a b",
    "城市更新",
    "",
    "A",
    "1a",
    "__proto__",
    "a" * 64,
]


def shell(*ids, tag="x", zoom=13):
    layers = [
        ShellLayer(id=i, drawn="geojson", url=f"/api/layers/{i}/r1.geojson", shown=n == 0) for n, i in enumerate(ids)
    ]
    return MapShell(
        bbox=(117.11, 39.06, 117.19, 39.15),
        zoom=zoom,
        js=(f"/assets/{tag}/leaflet/leaflet.js", f"/assets/{tag}/protomaps/protomaps-leaflet.js"),
        css=(f"/assets/{tag}/leaflet/leaflet.css",),
        basemap=f"/tiles/basemap/{tag}/{{z}}/{{x}}/{{y}}.mvt",
        layers=tuple(layers),
    )


def test_the_script_only_names_the_map_the_basemap_and_the_layers():
    script = build(shell("roads", "renewal_areas")).script
    assert script.splitlines() == [
        'const map_main = L.map("map_main", {crs: L.CRS.EPSG3857, ...{"center": [39.105, 117.15], '
        '"maxZoom": 22, "minZoom": 8, "zoom": 13, "zoomControl": false, "zoomSnap": 1}});',
        "geoService.attach(map_main);",
        'const base_map = geoService.basemap({"bbox": [117.11, 39.06, 117.19, 39.15], '
        '"url": "/tiles/basemap/x/{z}/{x}/{y}.mvt"});',
        'const layer_roads = geoService.layer("roads", {"kind": "geojson", "shown": true, '
        '"url": "/api/layers/roads/r1.geojson"});',
        'const layer_renewal_areas = geoService.layer("renewal_areas", {"kind": "geojson", "shown": false, '
        '"url": "/api/layers/renewal_areas/r1.geojson"});',
    ]


def test_the_page_gets_the_paths_it_was_given_and_no_others():
    parts = build(shell("roads"))
    assert parts.css == ("/assets/x/leaflet/leaflet.css",)
    assert parts.js == ("/assets/x/leaflet/leaflet.js", "/assets/x/protomaps/protomaps-leaflet.js")
    assert "://" not in "".join((*parts.css, *parts.js, parts.html, parts.script))


def test_the_map_element_has_a_fixed_id_and_a_name_for_screen_readers():
    html = build(shell()).html
    assert html.startswith('<div class="folium-map" id="map_main"')
    assert 'aria-labelledby="map-title"' in html
    assert "<script" not in html
    assert "style=" not in html


def test_the_same_shell_gives_the_same_bytes_in_another_process_too():
    code = (
        "from tests.rendering.test_folium_map import shell, build; p = build(shell('a', 'b'));"
        "import hashlib; print(hashlib.sha256((p.html + p.script).encode()).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    runs = {subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout for _ in range(2)}
    assert len(runs) == 1
    assert build(shell("a", "b")) == build(shell("a", "b"))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_id_that_is_no_slug_cannot_get_in(text):
    with pytest.raises(ValueError, match="layer id"):
        ShellLayer(id=text, drawn="mvt", url="/a", shown=True)


@pytest.mark.parametrize("text", [t for t in HOSTILE if t not in ("A", "1a", "__proto__", "a" * 64)])
def test_hostile_text_cannot_get_in_as_a_path(text):
    assert not is_own_path(text)
    for url in (f"/{text}", f"/a/{text}.js", f"/a/{text}"):
        assert not is_own_path(url)
        with pytest.raises(ValueError, match="url"):
            ShellLayer(id="a", drawn="mvt", url=url, shown=True)


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example/x.js",
        "https://evil.example/x.js",
        "javascript:alert(1)",
        "data:text/javascript,1",
        "/\\evil.example",
        "/a//b",
        "/a/../b",
        "/..",
        "/./a",
        "/.git/config",
        "a/b",
        "/a?x=1",
        "/a#b",
        "/a%2e%2e/b",
        "/{{x}}",
        "/{x}{y}",
        "/{q}",
        "/{x",
        "/" + "a" * 600,
        7,
        None,
    ],
)
def test_only_plain_paths_of_this_server_are_paths(url):
    assert not is_own_path(url)


@pytest.mark.parametrize(
    "url",
    [
        "/api/layers/roads/r12.geojson",
        "/tiles/roads/r1/{z}/{x}/{y}.mvt",
        "/assets/3f2a9c/leaflet/leaflet.js",
        "/assets/1.0.0+b/@scope/x~y.min.js",
    ],
)
def test_the_paths_the_product_uses_are_paths(url):
    assert is_own_path(url)


@given(st.text(max_size=12) | st.text("ab/.{}xyz%#\"'<>\\\n?", max_size=12))
def test_whatever_passes_as_a_path_leaves_no_way_out_of_a_script(text):
    if is_own_path("/" + text):
        assert re.fullmatch(r"[A-Za-z0-9._~@+/{}xyz-]*", text)
        assert "{{" not in text
        assert ".." not in text.split("/")


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": (float("nan"), 0, 1, 1)},
        {"bbox": (1, 0, 0, 1)},
        {"bbox": (0, 0, 1)},
        {"bbox": (0, 0, 1, "1}});alert(1)")},
        {"bbox": (0, 0, 181, 1)},
        {"zoom": "13"},
        {"zoom": True},
        {"zoom": 99},
        {"basemap": "//evil.example/{z}/{x}/{y}"},
        {"js": ("/a.js", "//evil.example/b.js")},
        {"css": ("a.css",)},
    ],
)
def test_numbers_and_paths_out_of_range_are_refused(changes):
    good = {"bbox": (0, 0, 1, 1), "zoom": 1, "js": (), "css": (), "basemap": "/b", "layers": ()}
    MapShell(**good)
    with pytest.raises(ValueError, match="not fit"):
        MapShell(**(good | changes))


@pytest.mark.parametrize("changes", [{"drawn": "eval"}, {"shown": "false}); alert(1); ({"}, {"shown": 1}])
def test_a_layer_with_other_values_is_refused(changes):
    with pytest.raises(ValueError, match="not fit"):
        ShellLayer(**({"id": "a", "drawn": "mvt", "url": "/a", "shown": True} | changes))


def test_a_layer_id_may_stand_only_once():
    with pytest.raises(ValueError, match="layer ids"):
        shell("a", "a")


def test_ids_with_hyphens_become_names_that_cannot_clash():
    script = build(shell("a-b", "a_b")).script
    assert 'const layer_a$b = geoService.layer("a-b"' in script
    assert 'const layer_a_b = geoService.layer("a_b"' in script


def test_template_marks_are_not_rendered_a_second_time():
    """The braces of tile addresses come out as typed; stock branca would compile the script again."""
    assert "{z}/{x}/{y}" in build(shell("a")).script
    stock = Element("{{7*7}}")
    assert stock.render() == "49"  # what the shell must never do


def test_the_process_wide_lists_of_folium_stay_as_they_are():
    before = json.dumps([folium.Map.default_js, folium.Map.default_css, JSCSSMixin.default_js, JSCSSMixin.default_css])
    build(shell("a", "b"))
    after = json.dumps([folium.Map.default_js, folium.Map.default_css, JSCSSMixin.default_js, JSCSSMixin.default_css])
    assert before == after


def test_a_stock_map_beside_ours_is_not_touched():
    build(shell("a"))
    page = folium.Map(tiles=None).get_root().render()
    assert "geoService" not in page


def test_builds_at_the_same_time_do_not_mix():
    shells = [shell(*(f"l{n}_{i}" for i in range(8)), tag=f"t{n}", zoom=5 + n) for n in range(12)]
    alone = [build(s) for s in shells]
    with ThreadPoolExecutor(max_workers=12) as pool:
        for _ in range(5):
            assert list(pool.map(build, shells)) == alone


def test_the_script_is_valid_in_a_javascript_module_and_calls_what_it_says(tmp_path):
    parts = build(shell("roads", "a-b"))
    source = (
        "const calls = [];\n"
        "const L = {CRS: {EPSG3857: 1}, map: (id, o) => { calls.push(['map', id, o]); return id; }};\n"
        "const geoService = {attach: m => calls.push(['attach', m]), basemap: o => calls.push(['basemap', o]),\n"
        "  layer: (id, o) => calls.push(['layer', id, o])};\n" + parts.script + "console.log(JSON.stringify(calls));"
    )
    file = tmp_path / "shell.mjs"
    file.write_text(source, encoding="utf-8")
    if which("node") is None:
        pytest.skip("no node here")
    calls = json.loads(subprocess.run(["node", file], capture_output=True, check=True).stdout)
    assert [c[0] for c in calls] == ["map", "attach", "basemap", "layer", "layer"]
    assert calls[0][2]["center"] == [39.105, 117.15]
    assert calls[4][1] == "a-b"
