"""Prints as they happen: of the past, after an upload, stopped half way, on a full disk, of what cannot be printed."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy
import pypdfium2
import pytest
import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment
from geo_service.web.app import create_app
from tests.rendering.printing.readers import check_type
from tests.seeded import open_seeded
from tests.web.people import PEOPLE, Visitor
from tests.web.test_printing import ended
from tests.web.test_upload import examined, gbk_shapefile, person

PARKS, ZONES, CROWD, NONE = "pocket_parks", "waterlogging_zones", "crowd", "construction_sites"
SHEET: dict[str, Any] = {"title": "口袋公园", "layers": [{"id": PARKS}], "date": "2025-11-23"}
OLD, NEW = "口袋公园 2（示意）", "改名后的公园"


def crowd() -> LayerDefinition:
    return LayerDefinition(
        id=CROWD, title=Text("五千点", "Crowd"), theme="projects", geometry_types=("Point",), serial="WQD",
        symbol="point_blue", source="测试", secrecy="public",
    )  # fmt: skip


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    opened = open_seeded(tmp_path_factory.mktemp("at-work"), people=True)
    store = opened.store
    places = numpy.random.default_rng(3).uniform((117.13, 39.08), (117.19, 39.14), (5000, 2)).tolist()
    rows = [
        Feature(f"NK-WQD-{n:05}", {"name": f"点{n}", "precision": "guess"}, {"type": "Point", "coordinates": place})
        for n, place in enumerate(places)
    ]
    store.create_layer(crowd(), rows, author="x", note="x")
    park = store.feature(PARKS, "NK-KDG-002")
    renamed = {park.id: dataclasses.replace(park, properties={**park.properties, "name": NEW})}
    store.commit(PARKS, renamed, base=1, kind="edit", author="li", note="改名")
    yield opened
    opened.prints.close()
    opened.previews.close()
    opened.store.close()


@pytest.fixture(scope="module")
def visitors(deployment: Deployment) -> Mapping[str, Visitor]:
    app = create_app(deployment)
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


def begin(visitor: Visitor, request: Mapping[str, Any], **more: Any) -> str:
    begun = visitor.send("POST", "/api/prints", json={"request": request, **more})
    assert begun.status_code == 202, begun.text
    return str(begun.get_json()["id"])


def printed(visitor: Visitor, request: Mapping[str, Any], **more: Any) -> tuple[Any, bytes]:
    told = ended(visitor, f"/api/prints/{begin(visitor, request, **more)}")
    assert told["state"] == "done", told["problem"]
    return told, visitor.get(told["url"]).data


def words_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return re.sub(r"\s", "", "".join(page.get_textpage().get_text_range() for page in document))
    finally:
        document.close()


def link_of(pdf: bytes, folder: Path) -> str:
    """What the QR code of the first page says, read by zbar."""
    document = pypdfium2.PdfDocument(pdf)
    document[0].render(scale=4).to_pil().save(folder / "qr.png")
    document.close()
    command = ["zbarimg", "--raw", "-q", folder / "qr.png"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
# ---------------------------------------------------------------- the past
@pytest.mark.parametrize(("language", "day"), [("zh", "截至"), ("en", "as at")])
def test_a_sheet_of_a_past_revision_says_so_and_its_code_opens_that_revision(
    visitors: Mapping[str, Visitor], deployment: Deployment, tmp_path: Path, language: str, day: str
) -> None:
    visitor = visitors["nobody"]
    title = deployment.store.layer(PARKS).definition.title.get(language)
    for rev, name, other in ((1, OLD, NEW), (2, NEW, OLD)):
        _, pdf = printed(visitor, {**SHEET, "layers": [{"id": PARKS, "rev": rev}], "language": language})
        found = words_of(pdf)
        at = deployment.store.revision(PARKS, rev).at[:10]
        assert re.sub(r"\s", "", f"{title}r{rev}") in found
        assert re.search(re.sub(r"\s", "", day) + r"\d{4}-\d\d-\d\d", found), at
        if language == "zh":
            assert (re.sub(r"\s", "", name) in found, re.sub(r"\s", "", other) in found) == (True, False)
        address = urlsplit(link_of(pdf, tmp_path))
        assert visitor.page(address.path).status_code == 200
        view = parse_qs(address.fragment.partition("&")[2])
        assert (view["on"], view["rev"]) == ([PARKS], [f"{PARKS}.{rev}"])
        data = visitor.get(f"/api/layers/{PARKS}/r{rev}.geojson").get_json()
        assert [f["properties"]["name"] for f in data["features"] if f["id"] == "NK-KDG-002"] == [name]


@pytest.mark.slow
# ---------------------------------------------------------------- an upload
def test_a_sheet_after_a_published_upload_keeps_every_bar(
    visitors: Mapping[str, Visitor], deployment: Deployment, tmp_path: Path
) -> None:
    sender, checker = person(deployment, "sender", "editor"), person(deployment, "judge", "reviewer")
    shape = deployment.store.feature(ZONES, "NK-JSD-007").shape()
    assert shape is not None
    rows = [
        ({"GS_ID": "NK-JSD-007", "名称": "新测积水片区", "位置精度": "实测"}, shapely.affinity.translate(shape, 0.0004))
    ]
    client = visitors["nobody"].client
    state = examined(client, sender, gbk_shapefile(tmp_path, rows), "积水.zip")
    made = client.post(f"/api/examinations/{state['job']}/draft", json={"note": "实测"}, headers=sender)
    draft = made.get_json()["id"]
    head = deployment.store.layer(ZONES).revision.rev
    for step, body, who in (
        ("steps", {"step": "submit"}, sender),
        ("decisions", {"fids": "all", "decision": "accept"}, checker),
        ("publish", {"head": head}, checker),
    ):
        assert client.post(f"/api/drafts/{draft}/{step}", json=body, headers=who).status_code == 200
    wanted = {"title": "积水片区更新图", "layers": [{"id": ZONES}], "table": "none", "date": "2025-11-23"}
    _, pdf = printed(visitors["nobody"], wanted)
    found = words_of(pdf)
    assert [word for word in ("新测积水片区", f"积水片区r{head + 1}") if word not in found] == []
    assert printed(visitors["nobody"], wanted)[1] == pdf
    check_type(pdf, tmp_path)


# ---------------------------------------------------------------- stopped, and no room
SLIPS = ("job.json", "state.json", "cancel")


def left_by(deployment: Deployment, job: str) -> list[Path]:
    """Files of a job besides the slips that say what it is."""
    folder = deployment.settings.home / "cache" / "prints" / job
    return [p for p in folder.rglob("*") if p.is_file() and p.name not in SLIPS]


def test_an_atlas_stopped_in_the_middle_leaves_no_page(visitors: Mapping[str, Visitor], deployment: Deployment) -> None:
    visitor = visitors["checker"]
    job = begin(visitor, SHEET, atlas=ZONES)
    while (told := visitor.get(f"/api/prints/{job}").get_json())["done"] < 3:
        assert told["state"] in ("waiting", "running"), told
    assert visitor.send("DELETE", f"/api/prints/{job}").status_code == 200
    assert ended(visitor, f"/api/prints/{job}")["state"] == "cancelled"
    assert left_by(deployment, job) == []
    assert visitor.get(f"/api/prints/{job}/atlas-{ZONES}.pdf").status_code == 404


@pytest.fixture
def small_disk(deployment: Deployment) -> Iterator[Path]:
    """The folder of prints on a file system of 64 kB."""
    folder = deployment.settings.home / "cache" / "prints"
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.slow
@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize(("language", "word"), [("zh", "空间"), ("en", "space")])
def test_a_full_disk_is_said_and_leaves_no_half_file(
    visitors: Mapping[str, Visitor], deployment: Deployment, language: str, word: str
) -> None:
    visitor = visitors["drawer"]
    job = begin(visitor, SHEET)
    told = ended(visitor, f"/api/prints/{job}?lang={language}")
    assert (told["state"], told["url"]) == ("failed", "")
    assert word in told["problem"]
    assert left_by(deployment, job) == []


# ---------------------------------------------------------------- what cannot be printed
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "scale 0": ({"scale": 0}, "比例尺分母须在 500 至 50000 之间", "500 to 50000"),
    "scale of a million": ({"scale": 1_000_000}, "比例尺分母须在 500 至 50000 之间", "500 to 50000"),
    "a title of 200": ({"title": "长" * 200}, "标题有 200 字，最多 120 字", "at most 120 characters"),
    "unknown paper": ({"paper": "B5"}, "A4, A3, A2, A1, A0", "A4, A3, A2, A1, A0"),
    "far away": ({"bbox": [116.3, 39.8, 116.4, 39.9]}, "本区之外", "outside the district"),
    "no glyph": ({"title": "图\U0001f600"}, "U+1F600", "U+1F600"),
}
HAN = re.compile("[\u4e00-\u9fff]+")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_named_in_the_readers_language_by_answer_or_job(
    visitors: Mapping[str, Visitor], deployment: Deployment, what: str, language: str
) -> None:
    values, zh, en = BAD[what]
    visitor = visitors["outsider"]
    answer = visitor.send("POST", f"/api/prints?lang={language}", json={"request": SHEET | values})
    problem = answer.get_json().get("detail")
    if answer.status_code == 202:
        job = answer.get_json()["id"]
        problem = ended(visitor, f"/api/prints/{job}?lang={language}")["problem"]
        assert left_by(deployment, job) == []
    assert (zh if language == "zh" else en) in problem
    assert bool(HAN.search(problem.replace("长", ""))) == (language == "zh"), problem


@pytest.mark.parametrize(("language", "word"), [("zh", "没有要素"), ("en", "nothing in the frame")])
def test_a_layer_without_features_prints_and_is_told(visitors: Mapping[str, Visitor], language: str, word: str) -> None:
    visitor = visitors["outsider"]
    job = begin(visitor, {**SHEET, "layers": [{"id": NONE}]})
    told = ended(visitor, f"/api/prints/{job}?lang={language}")
    assert told["state"] == "done"
    assert any(word in f["text"] for f in told["findings"])


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_five_thousand_names_print_and_those_left_out_are_told(visitors: Mapping[str, Visitor], language: str) -> None:
    request = {**SHEET, "layers": [{"id": CROWD}], "table": "none", "language": language}
    told, pdf = printed(visitors["outsider"], request)
    found = words_of(pdf)
    left_out = {f["code"] for f in told["findings"]}
    assert "sheet-name-omitted" in left_out
    assert 100 < sum(f"点{n}" in found for n in range(5000)) <= 5000
