"""Text that would like to be a script: in every name, value, field title, code and layer title, with the policy on and
off. Nothing runs, and everything is read as it was typed."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from geo_service.core.features import Feature
from geo_service.core.layers import Code, Field, LayerDefinition
from geo_service.core.text import Text
from tests.browser.conftest import OpenMap, Service, serving
from tests.browser.trial_layers import common, square, write_layer

pytestmark = pytest.mark.browser

PAYLOADS = (
    '<img src=x onerror="window.__ran=1">',
    "</script><script>window.__ran=1</script>",
    "{{7*7}}",
    "50{% 概率",
    "${window.__ran=1}",
    "`+(window.__ran=1)+`",
    '"><svg onload=window.__ran=1>',
    "javascript:window.__ran=1",
    "';window.__ran=1;//",
    '=HYPERLINK("http://x.invalid","y")',
    "{# note #}{{config}}",
    "a&lt;b&amp;c",
)
KINDS = (("points", "Point", "carrier"), ("areas", "Polygon", "idle_land"), ("streets", "LineString", "street"))


def payload(number: int) -> str:
    return PAYLOADS[number % len(PAYLOADS)]


def definition(name: str, kind: str, symbol: str, place: int) -> LayerDefinition:
    """A layer whose every word is a payload."""
    own = tuple(
        Field(key=f"own_{i}", title=Text(text, text), unit=payload(i + 1), type="text")
        for i, text in enumerate(PAYLOADS)
    )
    codes = tuple(Code(f"c{i}", Text(text, text)) for i, text in enumerate(PAYLOADS))
    coded = Field(key="coded", title=Text(payload(place), payload(place)), type="code", codes=codes)
    text = Text(payload(place), payload(place))
    return LayerDefinition(
        id=name,
        title=text,
        description=text,
        theme="economy",
        geometry_types=(kind,),  # type: ignore[arg-type]  # one of the three above
        serial=f"H{place}",
        symbol=symbol,
        source=payload(place),
        secrecy="public",
        shown=True,
        label_zoom=8,
        fields=(*own, coded),
    )


def feature(place: int, kind: str, number: int) -> Feature:
    west, south = 117.140 + 0.004 * (number % 4), 39.100 + 0.004 * (number // 4)
    ring = [list(p) for p in square(west, south, 0.003)]
    coordinates = {"Point": [west, south], "Polygon": [ring], "LineString": ring[:3]}[kind]
    hostile = {f"own_{i}": payload(number + i) for i in range(len(PAYLOADS))}
    properties = common(payload(number), "parcel") | hostile
    properties |= {"coded": f"c{number % len(PAYLOADS)}", "subdistrict": payload(number), "source": payload(number)}
    return Feature(
        id=f"NK-H{place}-{number:03d}", geometry={"type": kind, "coordinates": coordinates}, properties=properties
    )


@pytest.fixture(scope="module", params=["with the policy", "without the policy"])
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    layers: Path = tmp_path_factory.mktemp("hostile")
    for place, (name, kind, symbol) in enumerate(KINDS):
        rows = [feature(place, kind, n) for n in range(len(PAYLOADS))]
        write_layer(layers, definition(name, kind, symbol, place), rows)
    options = [] if request.param == "with the policy" else ["--no-csp"]
    with serving(tmp_path_factory.mktemp("home"), layers, *options) as running:
        with urllib.request.urlopen(running.url) as answer:
            assert ("content-security-policy" in answer.headers) == (not options)
        yield running


@pytest.mark.slow
def test_nothing_runs_and_all_is_read_as_typed(open_map: OpenMap, hostile: Service) -> None:
    opened = open_map(service=hostile)
    page = opened.page
    assert opened.ask("app.stack.shown().length") == len(KINDS)
    seen = [page.inner_text("#panel")]
    for place, (name, _kind, _) in enumerate(KINDS):
        page.locator(f"[data-layer={name}] .icon-button").click()
        expect(page.locator(f"#more-{name}")).to_contain_text(payload(place))
        seen.append(page.locator(f"#more-{name}").inner_text())
        assert page.locator(f"[data-layer={name}] .row .name").inner_text() == payload(place)
        for number in range(len(PAYLOADS)):
            opened.do(f"app.select('{name}', 'NK-H{place}-{number:03d}')")
            opened.until(
                "document.querySelector('.feature-card code')?.textContent === argument", f"NK-H{place}-{number:03d}"
            )
            text = opened.card()
            assert text.startswith(payload(number) + "\n")
            seen.append(text)
        opened.do(f"app.openTable('{name}')")
        opened.until(
            "document.querySelectorAll('#drawer tbody tr').length === 12 && app.table.layerId === argument", name
        )
        seen.append(page.inner_text("#drawer"))
    for text in PAYLOADS:
        page.fill("#q", text)
        opened.until("document.querySelector('#hits').textContent.includes(argument)", text)
    page.keyboard.press("Escape")
    page.click("#tool-print")
    opened.until("document.querySelector('.print-frame') !== null")
    seen.append(page.inner_text(".print-frame"))
    whole = "\n".join(seen)
    for text in PAYLOADS:
        assert text in whole
    assert "49" not in page.inner_text("#panel")
    assert page.evaluate("window.__ran") is None
    assert page.locator("img[src=x], svg[onload]").count() == 0


def test_names_on_the_map_are_drawn_as_typed(open_map: OpenMap, hostile: Service) -> None:
    opened = open_map("/#17/39.1012/117.1490&on=areas", service=hostile)
    opened.until("app.labels.placed.some(({text}) => text === '{{7*7}}')")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/layers", "/layers/points", "/layers/areas/NK-H1-001", "/unlocated", "/about"])
def test_documents_show_it_as_typed_too(open_map: OpenMap, hostile: Service, path: str) -> None:
    opened = open_map(service=hostile)
    opened.page.goto(hostile.url + path)
    assert opened.page.evaluate("window.__ran") is None
    assert opened.page.locator("main img[src=x], main svg[onload], main script").count() == 0
    if path.startswith("/layers/"):
        assert payload(int(path[-1]) if path[-1].isdigit() else 0) in opened.page.inner_text("main")
