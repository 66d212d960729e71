"""A public sheet in every format, by everybody and every way: nothing internal in any text, stream or tag of it."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import INTERNAL, PEOPLE, Visitor
from tests.web.test_printing import ended

PUBLIC = "open_works"
SECRET, INSIDE = "机密戌", "内部亥"
"""Marks: of an internal layer wherever it shows, and of internal fields of a public layer."""
OWN_FIELDS = ("lead", "investment_wan")
ASKED = {"title": "公开工程图", "date": "2025-11-23", "profile": "public", "approval": "津S(2025)001"}


def definition(layer: str, secrecy: str, mark: str, serial: str) -> LayerDefinition:
    return LayerDefinition(
        id=layer,
        title=Text(f"{mark}工程", f"{mark} works"),
        theme="projects",
        geometry_types=("Point",),
        serial=serial,
        symbol="point_blue",
        source=SECRET if secrecy == "internal" else "测试",
        secrecy=secrecy,  # type: ignore[arg-type]  # one of the two
        shown=secrecy == "internal",
        fields=tuple(Field(key=key, title=Text(key, key)) for key in OWN_FIELDS),
    )


def feature(fid: str, name: str, longitude: float, inside: str) -> Feature:
    values = dict.fromkeys(("source", "source_en", "note", *OWN_FIELDS), inside)
    values |= {"name": name, "precision": "surveyed"}
    return Feature(fid, values, {"type": "Point", "coordinates": [longitude, 39.12]})


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    opened = open_seeded(tmp_path_factory.mktemp("secrecy"), people=True)
    hidden = [feature("NK-QXZ-001", f"{SECRET}一", 117.15, SECRET)]
    known = [feature(f"NK-GKG-00{n}", f"公开工程{n}", 117.16 + n / 200, INSIDE) for n in (1, 2)]
    for layer, rows in (
        (definition(INTERNAL, "internal", SECRET, "QXZ"), hidden),
        (definition(PUBLIC, "public", "公开", "GKG"), known),
    ):
        opened.store.create_layer(layer, rows, author="x", note="x")
    yield opened
    opened.prints.close()
    opened.previews.close()
    opened.store.close()


@pytest.fixture(scope="module")
def visitors(deployment: Deployment) -> Mapping[str, Visitor]:
    app = create_app(deployment)
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


def printed(visitor: Visitor, body: Mapping[str, Any]) -> tuple[str, bytes]:
    """Name and bytes of what a print makes."""
    begun = visitor.send("POST", "/api/prints", json=body)
    assert begun.status_code == 202, begun.text
    told = ended(visitor, f"/api/prints/{begun.get_json()['id']}")
    assert told["state"] == "done", told["problem"]
    return told["result"]["file"], visitor.get(told["url"]).data


def everything(name: str, data: bytes, folder: Path) -> str:
    """All that can be read out of a file: its raw bytes, decoded streams and strings, texts of pages and tags."""
    pieces = [data, *STREAMS[name.rpartition(".")[2]](data, folder)]
    return re.sub(
        r"\s", "", "".join(part.decode(coding, "ignore") for part in pieces for coding in ("utf-8", "utf-16-be"))
    )


def of_pdf(data: bytes, folder: Path) -> Iterator[bytes]:
    (folder / "x.pdf").write_bytes(data)
    for command in (["pdftotext", "x.pdf", "-"], ["pdfinfo", "-meta", "x.pdf"], ["pdfinfo", "x.pdf"]):
        yield subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    with pikepdf.open(io.BytesIO(data)) as document:
        for each in document.objects:
            if isinstance(each, pikepdf.Stream):
                yield each.read_bytes() if each.get("/Filter") != "/DCTDecode" else each.read_raw_bytes()
            yield repr(each).encode()
            yield each.unparse()


def of_png(data: bytes, folder: Path) -> Iterator[bytes]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        yield repr(picture.info).encode()


def of_zip(data: bytes, folder: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield from (archive.read(name) for name in archive.namelist())


STREAMS = {"pdf": of_pdf, "png": of_png, "zip": of_zip, "svg": lambda data, _folder: iter([data])}
FORMS: list[dict[str, Any]] = [
    {"format": "pdf"},
    {"format": "png", "dpi": 60},
    {"format": "svg"},
    {"format": "pdf", "atlas": PUBLIC},
    {"format": "svg", "atlas": PUBLIC},
    {"format": "pdf", "feature": f"{PUBLIC}/NK-GKG-001"},
    {"format": "svg", "feature": f"{PUBLIC}/NK-GKG-001"},
]
SHEET = {
    **ASKED,
    "layers": [{"id": PUBLIC}],
    "table": PUBLIC,
    "table_fields": ["source", "note", *OWN_FIELDS, "status"],
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=lambda f: "-".join(map(str, f.values())))
@pytest.mark.parametrize("who", ["nobody", "reader"])
def test_no_internal_layer_and_no_internal_field_is_in_any_public_print(
    visitors: Mapping[str, Visitor], tmp_path: Path, who: str, form: dict[str, Any]
) -> None:
    found = everything(*printed(visitors[who], {"request": SHEET, **form}), tmp_path)
    assert form["format"] == "png" or "公开工程1" in found
    assert not any(mark in found for mark in (SECRET, INSIDE, INTERNAL))


def test_the_search_finds_those_marks_on_an_internal_print(visitors: Mapping[str, Visitor], tmp_path: Path) -> None:
    """So that the test above can fail: the same search on the same sheet for the bureau's own use."""
    inner = {**SHEET, "profile": "internal", "layers": [{"id": PUBLIC}, {"id": INTERNAL}]}
    for form in FORMS[0], FORMS[2], FORMS[3]:
        found = everything(*printed(visitors["reader"], {"request": inner, **form}), tmp_path)
        assert all(mark in found for mark in (SECRET, INSIDE, INTERNAL)), form


WAYS: dict[str, dict[str, Any]] = {
    "layer": {"request": {**ASKED, "layers": [{"id": INTERNAL}]}},
    "table": {"request": {**ASKED, "layers": [{"id": PUBLIC}, {"id": INTERNAL}], "table": INTERNAL}},
    "atlas": {"request": SHEET, "atlas": INTERNAL},
    "feature": {"request": SHEET, "feature": f"{INTERNAL}/NK-QXZ-001"},
    "dxf": {"request": {**ASKED, "layers": [{"id": INTERNAL}]}, "format": "dxf"},
}


@pytest.mark.parametrize("way", WAYS)
def test_somebody_without_the_right_does_not_learn_that_there_is_such_a_layer(
    visitors: Mapping[str, Visitor], way: str
) -> None:
    for who in ("nobody", "outsider"):
        answer = visitors[who].send("POST", "/api/prints", json=WAYS[way])
        assert answer.status_code in (403, 404)
        assert SECRET not in answer.text


@pytest.mark.parametrize("way", WAYS)
def test_one_with_the_right_is_refused_a_public_print_of_it(visitors: Mapping[str, Visitor], way: str) -> None:
    answer = visitors["reader"].send("POST", "/api/prints", json=WAYS[way])
    if answer.status_code == 202:
        told = ended(visitors["reader"], f"/api/prints/{answer.get_json()['id']}")
        assert (told["state"], told["url"]) == ("failed", "")
        assert "公开图件不允许" in told["problem"]
    else:
        assert (answer.status_code, "公开图件不允许" in answer.get_json()["detail"]) == (403, True)


def test_a_drawing_with_coordinates_and_every_field_is_no_public_sheet(visitors: Mapping[str, Visitor]) -> None:
    answer = visitors["chief"].send("POST", "/api/prints", json={"request": SHEET, "format": "dxf"})
    assert answer.status_code == 403
    inner = {**SHEET, "profile": "internal"}
    assert INSIDE.encode("gbk") in printed(visitors["chief"], {"request": inner, "format": "dxf"})[1]


def test_a_template_does_not_tell_which_internal_layers_it_prints(visitors: Mapping[str, Visitor]) -> None:
    layers = [{"id": INTERNAL, "only": ["NK-QXZ-001"]}, {"id": PUBLIC}]
    saved = {**ASKED, "layers": layers, "table": INTERNAL, "table_fields": ["note"]}
    assert visitors["chief"].send("PUT", "/api/sheet-templates/季报", json=saved).status_code == 200
    assert INTERNAL in visitors["reader"].get("/api/sheet-templates").text
    seen = visitors["nobody"].get("/api/sheet-templates")
    assert seen.get_json()["templates"]["季报"]["layers"][0]["id"] == PUBLIC
    assert not any(mark in seen.text + visitors["nobody"].page("/print").text for mark in (INTERNAL, "NK-QXZ", SECRET))


@pytest.mark.parametrize("form", FORMS[:4], ids=lambda f: "-".join(map(str, f.values())))
def test_without_an_approval_number_every_page_is_stamped_or_the_print_refused(
    visitors: Mapping[str, Visitor], tmp_path: Path, form: dict[str, Any]
) -> None:
    bare = {key: value for key, value in SHEET.items() if key != "approval"}
    name, data = printed(visitors["nobody"], {"request": bare, **form})
    if name.endswith("pdf"):
        (tmp_path / "x.pdf").write_bytes(data)
        done = subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], capture_output=True, text=True, check=True)
        pages = [re.sub(r"\s", "", page) for page in done.stdout.split("\f")[:-1]]
        assert [("公开工程" in page, "未取得审图号" in page) for page in pages] == [(True, True)] * len(pages)
    elif name.endswith("svg"):
        assert "未取得审图号" in data.decode()
    refused = {**bare, "unapproved": "refuse"}
    job = visitors["nobody"].send("POST", "/api/prints", json={"request": refused, **form}).get_json()["id"]
    assert ended(visitors["nobody"], f"/api/prints/{job}")["state"] == "failed"


@pytest.mark.slow
def test_the_qr_code_of_a_public_sheet_names_no_internal_layer(visitors: Mapping[str, Visitor], tmp_path: Path) -> None:
    """Nobody asks for a layer by name: everything shown at first is printed, as far as the profile lets it."""
    for profile, named in (("internal", True), ("public", False)):
        asked = {key: value for key, value in (ASKED | {"profile": profile}).items() if key != "layers"}
        _, data = printed(visitors["reader"], {"request": asked, "format": "png", "dpi": 300})
        (tmp_path / "x.png").write_bytes(data)
        read = subprocess.run(["zbarimg", "--raw", "-q", "x.png"], cwd=tmp_path, capture_output=True, check=True)
        assert (INTERNAL in read.stdout.decode()) == named
