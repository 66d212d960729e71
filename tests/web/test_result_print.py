"""The one-pager of an answer: everything on it, embedded fonts, text one can search, and the numbers of the page."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from openpyxl import load_workbook

from geo_service.deployment import Deployment
from geo_service.rendering.printing.answer_sheet import TONES, value_text
from geo_service.rendering.printing.chart import round_up
from geo_service.settings import ROOT
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.conftest import warm_up
from tests.web.people import PEOPLE, Visitor

QUESTION = "service-coverage"


@pytest.fixture(scope="module")
def printing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    opened = open_seeded(tmp_path_factory.mktemp("one-pager"), people=True)
    warm_up(opened)
    yield opened
    opened.answers.jobs.close()
    opened.prints.close()
    opened.store.close()


@pytest.fixture(scope="module")
def drawer(printing: Deployment) -> Visitor:
    assert "drawer" in PEOPLE
    return Visitor(create_app(printing), "drawer")


def text_of(data: bytes) -> str:
    """Everything a reader of the PDF finds, without the line breaks of cells."""
    document = pypdfium2.PdfDocument(data)
    return "".join(page.get_textpage().get_text_bounded() for page in document)


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def sheet(drawer: Visitor) -> bytes:
    answer = drawer.get(f"/api/analyses/{QUESTION}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    return bytes(answer.data)


@pytest.fixture(scope="module")
def body(drawer: Visitor) -> Mapping[str, Any]:
    told: Mapping[str, Any] = drawer.get(f"/api/analyses/{QUESTION}").get_json()
    return told


@pytest.mark.slow
def test_the_one_pager_says_everything_the_page_says(sheet: bytes, body: Mapping[str, Any]) -> None:
    text = flat(text_of(sheet))
    for said in (body["headline"]["zh"], body["method"]["zh"], body["chart"]["title"]["zh"]):
        assert flat(said) in text
    for parameter in body["parameters"]:
        assert flat(parameter["title"]["zh"]) in text
        assert flat(parameter["status_title"]["zh"]) in text
        assert flat(parameter["standard"]) in text
    for read in body["reads"]:
        assert f"{read['layer']}@r{read['rev']}" in text
    assert len(pypdfium2.PdfDocument(sheet)) == 1


def test_its_fonts_are_embedded(sheet: bytes) -> None:
    with pikepdf.open(io.BytesIO(sheet)) as document:
        found = [
            o for o in document.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"
        ]
        assert found
        assert all(any(k in font for k in ("/FontFile", "/FontFile2", "/FontFile3")) for font in found)


def test_numbers_of_page_export_print_and_api_agree(drawer: Visitor, sheet: bytes, body: Mapping[str, Any]) -> None:
    """Every number of the table, read from each of the four."""
    numbers = [v for row in body["rows"] for v in row if isinstance(v, (int, float)) and not isinstance(v, bool)]
    assert len(numbers) > 30
    page = drawer.page(f"/analysis/{QUESTION}?run=1").text
    table = page[page.index('id="result-table"') :].partition("</table>")[0]
    shown = [html.unescape(cell).strip() for cell in re.findall(r'<td class="number">(.*?)</td>', table)]
    assert [float(cell.replace(",", "")) for cell in shown] == [round(n, 3) for n in numbers]
    book = load_workbook(io.BytesIO(drawer.get(f"/api/analyses/{QUESTION}.xlsx").data))
    rows = book.worksheets[0].iter_rows(min_row=2, values_only=True)
    assert [v for row in rows for v in row if isinstance(v, (int, float))] == numbers
    printed = text_of(sheet)
    printed = printed[printed.index("结果") :]
    found = {float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*", printed)}
    assert {round(n, 3) for n in numbers} <= found


def test_a_saved_result_is_printed_under_its_name_with_its_rest_on_further_pages(drawer: Visitor) -> None:
    answer = drawer.post("/api/results", json={"name": "季度核对 进度", "analysis": "plan-progress"})
    assert answer.status_code == 201, answer.text
    saved = answer.get_json()
    data = drawer.get(f"/api/results/{saved['id']}.pdf").data
    text = flat(text_of(data))
    assert "季度核对进度" in text
    told = drawer.get(f"/api/results/{saved['id']}").get_json()
    streets = [row[0] for row in told["rows"] if isinstance(row[0], str)]
    assert [s for s in streets if flat(s) not in text] == []


def test_an_english_reader_gets_an_english_sheet(drawer: Visitor, body: Mapping[str, Any]) -> None:
    data = drawer.get(f"/api/analyses/{QUESTION}.pdf?lang=en").data
    text = flat(text_of(data))
    assert flat(body["headline"]["en"]) in text
    assert flat("Parameters and standards") in text
    drawer.get("/analysis?lang=zh")


def test_print_and_page_have_the_same_tones() -> None:
    css = Path(ROOT / "geo_service/web/static/css/analysis.css").read_text("utf-8").partition("}")[0]
    assert {k: v.upper() for k, v in re.findall(r"--tone-(\w+): (#\w+);", css)} == dict(TONES)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234.5678, "1,234.568"),
        (3.0, "3"),
        (-0.0001, "0"),
        (-2.5, "−2.5"),
        (None, "—"),
        (True, "是"),
        ({"zh": "甲"}, "甲"),
    ],
)
def test_cells_are_printed_as_people_read_them(value: Any, shown: str) -> None:
    assert value_text(value, "zh") == shown


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.4), (7, 8), (58.9, 80), (81, 100), (1234, 2000)])
def test_the_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert round_up(value) == pytest.approx(top)
