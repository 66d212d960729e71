"""The print room over HTTP: real workers, real sheets."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import Any

import pikepdf
import pypdfium2
import pypdfium2.raw
import pytest
from flask import Flask

from geo_service.deployment import Deployment
from geo_service.usecases.attachments import attach
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.waiting import look_until
from tests.web.people import PEOPLE, Visitor
from tests.web.photos import CAMERA, photo

SHEET = {"title": "口袋公园", "layers": [{"id": "pocket_parks"}, {"id": "fire_stations"}], "date": "2025-11-23"}
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def printing_deployment(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("print-room")
    opened = open_seeded(home, either_database, people=True)
    yield opened
    opened.prints.close()
    opened.previews.close()
    opened.store.close()


@pytest.fixture(scope="module")
def printing_app(printing_deployment: Deployment) -> Flask:
    return create_app(printing_deployment)


@pytest.fixture(scope="module")
def visitors(printing_app: Flask) -> Mapping[str, Visitor]:
    return {"nobody": Visitor(printing_app)} | {name: Visitor(printing_app, name) for name in PEOPLE}


def ended(visitor: Visitor, url: str) -> Any:
    """The job once nothing more happens to it."""
    return look_until(
        lambda: visitor.get(url).get_json(),
        lambda told: told["state"] not in ("waiting", "running"),
        seconds=PATIENCE_S,
        what=f"the end of {url}",
    )


def send(visitor: Visitor, room: str = "prints", **body: Any) -> Any:
    return visitor.send("POST", f"/api/{room}", json={"request": SHEET, **body})


def test_anybody_prints_public_layers_and_gets_the_pdf(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["nobody"]
    begun = send(visitor)
    assert begun.status_code == 202
    told = ended(visitor, f"/api/prints/{begun.get_json()['id']}")
    assert (told["state"], told["result"]["pages"]) == ("done", 1)
    answer = visitor.get(told["url"])
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "口袋公园" in pypdfium2.PdfDocument(answer.data)[0].get_textpage().get_text_bounded()
    assert told["id"] in {j["id"] for j in visitor.get("/api/prints").get_json()["jobs"]}


def test_a_job_is_nobody_elses(visitors: Mapping[str, Visitor]) -> None:
    job = send(visitors["drawer"]).get_json()["id"]
    for name in ("nobody", "chief"):
        assert visitors[name].get(f"/api/prints/{job}").status_code == 404
        assert visitors[name].send("DELETE", f"/api/prints/{job}").status_code == 404
    assert ended(visitors["drawer"], f"/api/prints/{job}")["state"] == "done"


@pytest.mark.slow
def test_the_preview_is_the_sheet_with_its_frame_and_scale(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["nobody"]
    job = send(visitor, "previews").get_json()["id"]
    told = ended(visitor, f"/api/previews/{job}")
    assert told["result"]["paper"] == [420.0, 297.0]
    assert told["result"]["frame"] == pytest.approx([15.4, 26.8, 300.0, 250.0])
    assert told["result"]["scale"] >= 500
    assert visitor.get(told["url"]).data.startswith(b"\x89PNG")


def test_an_atlas_of_a_filter_and_a_features_page_are_printed(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["reader"]
    atlas = send(visitor, atlas="pocket_parks", filter="name LIKE '%3%'").get_json()["id"]
    page = send(visitor, feature="renewal_areas/NK-GXP-001").get_json()["id"]
    assert ended(visitor, f"/api/prints/{atlas}")["result"]["pages"] == 2
    assert ended(visitor, f"/api/prints/{page}")["result"]["file"] == "NK-GXP-001.pdf"


def test_a_cancelled_atlas_leaves_nothing(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["checker"]
    job = send(visitor, atlas="subdistricts", format="pdf").get_json()["id"]
    assert visitor.send("DELETE", f"/api/prints/{job}").status_code == 200
    told = ended(visitor, f"/api/prints/{job}")
    assert told["state"] in ("cancelled", "done")
    assert told["state"] == "done" or visitor.get(f"/api/prints/{job}/atlas-subdistricts.pdf").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"request": SHEET | {"scale": 0}}, 400),
        ({"request": SHEET | {"scale": 1_000_000}}, 400),
        ({"request": SHEET | {"paper": "B5"}}, 400),
        ({"request": SHEET | {"title": "长" * 200}}, 400),
        ({"request": SHEET | {"what": 1}}, 400),
        ({"request": SHEET | {"layers": [{"id": "nowhere"}]}}, 404),
        ({"request": "sheet"}, 400),
        ({"format": "exe"}, 400),
        ({"dpi": "many"}, 400),
        ({"atlas": "nowhere"}, 404),
        ({"atlas": "pocket_parks", "filter": "name = 'nobody'"}, 400),
        ({"feature": "pocket_parks/NK-XX-9"}, 404),
    ],
)
def test_what_cannot_be_printed_is_refused_before_a_job_begins(
    visitors: Mapping[str, Visitor], body: dict[str, Any], status: int
) -> None:
    answer = visitors["nobody"].send("POST", "/api/prints", json={"request": SHEET, **body})
    assert answer.status_code == status
    assert answer.get_json()["detail"]


@pytest.mark.slow
def test_a_fault_of_the_sheet_is_told_by_the_job(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["outsider"]
    public = SHEET | {"profile": "public", "unapproved": "refuse"}
    job = visitor.send("POST", "/api/prints", json={"request": public}).get_json()["id"]
    told = ended(visitor, f"/api/prints/{job}")
    assert told["state"] == "failed"
    assert "审图号" in told["problem"]


def test_printing_needs_the_token_of_the_page(visitors: Mapping[str, Visitor]) -> None:
    assert visitors["nobody"].client.post("/api/prints", json={"request": SHEET}).status_code == 403


def test_the_page_offers_layers_papers_and_the_features_name(visitors: Mapping[str, Visitor]) -> None:
    text = visitors["nobody"].page("/print").text
    assert 'value="pocket_parks"' in text
    assert "template-save" not in text
    assert "template-save" in visitors["drawer"].page("/print").text
    assert visitors["nobody"].page("/print?feature=pocket_parks/NK-XX-9").status_code == 404


def test_editors_keep_templates_that_everybody_uses(visitors: Mapping[str, Visitor]) -> None:
    path = "/api/sheet-templates/月报"
    assert visitors["nobody"].send("PUT", path, json=SHEET).status_code == 401
    assert visitors["reader"].send("PUT", path, json=SHEET).status_code == 403
    assert visitors["drawer"].send("PUT", path, json=SHEET | {"scale": 7}).status_code == 400
    assert visitors["drawer"].send("PUT", path, json=SHEET | {"unit": "发改委"}).status_code == 200
    kept = visitors["nobody"].get("/api/sheet-templates").get_json()["templates"]
    assert kept["月报"]["unit"] == "发改委"
    assert visitors["drawer"].send("DELETE", path).get_json()["templates"] == {}


@pytest.fixture(scope="module")
def pictured(printing_deployment: Deployment) -> Iterator[str]:
    """A feature with two photos as the jail left them; gives the id of the second."""
    store, album = printing_deployment.store, printing_deployment.album
    who = printing_deployment.people.accounts.get("drawer")
    sent = [attach(album, who, "pocket_parks", io.BytesIO(photo(kind=k)), f"{k}.x") for k in ("JPEG", "WEBP")]
    park = store.feature("pocket_parks", "NK-KDG-001")
    listed = {**park.properties, "attachments": " ".join(a.id for a in sent)}
    changed = {park.id: dataclasses.replace(park, properties=listed)}
    store.commit("pocket_parks", changed, base=1, kind="edit", author="li", note="照片")
    yield sent[1].id
    album.jail.close()


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["internal", "public"])
def test_a_features_page_shows_its_photo_without_what_the_camera_wrote(
    visitors: Mapping[str, Visitor], pictured: str, profile: str
) -> None:
    visitor = visitors["nobody"]
    told = SHEET | {"profile": profile}
    for chosen, pictures in (("", 1), (pictured, 1), ("none", 0)):
        body = {"request": told, "feature": "pocket_parks/NK-KDG-001", "photo": chosen}
        job = visitor.send("POST", "/api/prints", json=body).get_json()["id"]
        pdf = visitor.get(ended(visitor, f"/api/prints/{job}")["url"]).data
        kinds = [o.type for o in pypdfium2.PdfDocument(pdf)[0].get_objects(max_depth=9)]
        assert kinds.count(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE) == pictures
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            streams = [o.read_raw_bytes() for o in opened.objects if isinstance(o, pikepdf.Stream)]
        assert not any(mark in data for data in streams for mark in (CAMERA.encode(), b"Exif", b"MARKED-COMMENT"))
    refused = send(visitor, feature="pocket_parks/NK-KDG-001", photo="0" * 16)
    assert (refused.status_code, "照片" in refused.get_json()["detail"]) == (400, True)


def test_a_features_page_of_a_past_revision_has_that_revisions_name_and_photos(
    visitors: Mapping[str, Visitor], pictured: str
) -> None:
    visitor = visitors["nobody"]
    assert pictured in visitor.page("/print?feature=pocket_parks/NK-KDG-001").text
    assert pictured not in visitor.page("/print?feature=pocket_parks/NK-KDG-001&rev=1").text
    assert visitor.page("/print?feature=pocket_parks/NK-KDG-001&rev=99").status_code == 404


def test_a_sheet_as_of_a_day_reads_the_revisions_of_that_day(
    visitors: Mapping[str, Visitor], printing_deployment: Deployment, pictured: str
) -> None:
    assert pictured
    visitor = visitors["nobody"]
    assert printing_deployment.store.layer("pocket_parks").revision.rev == 2
    for asked, rev in (("1", 1), ("", 2)):
        job = send(visitor, asOf=asked).get_json()["id"]
        pdf = visitor.get(ended(visitor, f"/api/prints/{job}")["url"]).data
        assert f"pocket_parks@r{rev}" in pypdfium2.PdfDocument(pdf).get_metadata_value("Keywords")
    assert send(visitor, asOf="1999-01-01").status_code == 404
    assert send(visitor, asOf="gestern").status_code == 400


@pytest.mark.slow
def test_what_the_map_hides_is_not_on_the_sheet(visitors: Mapping[str, Visitor]) -> None:
    visitor = visitors["nobody"]
    counts = []
    for choice in ({}, {"hide": ["planned"]}, {"illustrative": False}):
        told = {"title": "x", "layers": [{"id": "waterlogging_zones", **choice}]}
        job = visitor.send("POST", "/api/prints", json={"request": told, "format": "svg"}).get_json()["id"]
        counts.append(visitor.get(ended(visitor, f"/api/prints/{job}")["url"]).text.count("积水片区"))
    assert counts[0] > max(counts[1:])
