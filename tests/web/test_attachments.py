"""Photos and documents: looked at in the jail, kept by content, shown to those who may, bare where all may look."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from PIL import Image

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.text import Text
from geo_service.deployment import Deployment
from geo_service.storage.backup import backup, restore
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import INTERNAL, PEOPLE, Visitor
from tests.web.photos import CAMERA, LATITUDE, LONGITUDE, photo

PUBLIC, FID = "waterlogging_zones", "NK-JSD-001"
SECRET_FID = "NK-QXZ-001"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, either_database: str) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("attach")
    opened = open_seeded(home, either_database, people=True)
    definition = LayerDefinition(
        id=INTERNAL,
        title=Text("内部工程", "Works"),
        theme="projects",
        geometry_types=("Point",),
        serial="QXZ",
        symbol="point_blue",
        source="试",
    )
    values = {"name": "甲", "precision": "guess", "source": "试"}
    feature = Feature(SECRET_FID, values, {"type": "Point", "coordinates": [117.15, 39.12]})
    opened.store.create_layer(definition, [feature], author="x", note="x")
    yield opened
    opened.album.jail.close()
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


@pytest.fixture(scope="module")
def visitors(app: Flask) -> Mapping[str, Visitor]:
    return {"nobody": Visitor(app)} | {name: Visitor(app, name) for name in PEOPLE}


def send(visitor: Visitor, data: bytes, name: str = "现场 照片.jpg", layer: str = PUBLIC) -> Any:
    headers = {"X-File-Name": quote(name)}
    return visitor.post(f"/api/layers/{layer}/attachments", data=data, headers=headers)


def put_on(visitors: Mapping[str, Visitor], one: str, layer: str = PUBLIC, fid: str = FID) -> None:
    """Name an attachment in a feature: a change, submitted, accepted, published."""
    drawer, checker = visitors["drawer"], visitors["checker"]
    body = drawer.get(f"/api/layers/{layer}/items/{fid}").json
    draft = drawer.post("/api/drafts", json={"layer": layer}).json["id"]
    feature = {"geometry": body["geometry"], "properties": body["properties"] | {"attachments": one}}
    change = drawer.put(f"/api/drafts/{draft}/changes/{fid}", json={"feature": feature, "base_rev": body["rev"]})
    assert change.status_code == 200, change.text
    drawer.post(f"/api/drafts/{draft}/steps", json={"step": "submit"})
    checker.post(f"/api/drafts/{draft}/decisions", json={"fids": "all", "decision": "accept"})
    head = checker.get(f"/api/drafts/{draft}").json["head"]
    assert checker.post(f"/api/drafts/{draft}/publish", json={"head": head}).status_code == 200


def test_a_photo_gives_its_place_and_time_and_waits_for_review(visitors: Mapping[str, Visitor]) -> None:
    answer = send(visitors["drawer"], photo(turned=True))
    assert answer.status_code == 201
    one = answer.json
    assert one["position"] == pytest.approx([LONGITUDE, LATITUDE], abs=1e-6)
    assert one["taken"] == "2025-08-01T10:20:30"
    assert (one["width"], one["height"]) == (480, 640), "turned upright"
    url = f"/attachments/{PUBLIC}/{FID}/{one['id']}"
    assert {n: v.get(url).status_code for n, v in visitors.items()} == {
        "nobody": 404, "outsider": 404, "reader": 404, "drawer": 200, "street": 404, "checker": 200, "chief": 200,
    }  # fmt: skip
    put_on(visitors, one["id"])
    shown = visitors["nobody"].get(url)
    assert shown.status_code == 200
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    bare = Image.open(io.BytesIO(shown.data))
    assert bare.size == (480, 640)
    assert dict(bare.getexif()) == {}
    assert not [mark for mark in (CAMERA.encode(), b"MARKED-COMMENT", b"Exif") if mark in shown.data]
    small = visitors["nobody"].get(f"{url}?size=small")
    assert max(Image.open(io.BytesIO(small.data)).size) == 360
    known = visitors["nobody"].get(f"/api/layers/{PUBLIC}/attachments?fid={FID}&ids={one['id']}").json
    assert [(a["position"], a["taken"], a["by"]) for a in known["attachments"]] == [(None, "", "")]
    assert "附件" in visitors["nobody"].page(f"/layers/{PUBLIC}/{FID}").text


def test_an_internal_photo_is_for_readers_of_the_layer_and_keeps_what_the_camera_wrote(
    visitors: Mapping[str, Visitor],
) -> None:
    one = send(visitors["drawer"], photo((320, 200)), layer=INTERNAL).json["id"]
    put_on(visitors, one, INTERNAL, SECRET_FID)
    url = f"/attachments/{INTERNAL}/{SECRET_FID}/{one}"
    statuses = {name: visitor.get(url).status_code for name, visitor in visitors.items()}
    assert statuses == {"nobody": 404, "outsider": 404} | dict.fromkeys(
        ("reader", "drawer", "street", "checker", "chief"), 200
    )
    assert CAMERA.encode() in visitors["reader"].get(url).data
    through_public = f"/attachments/{PUBLIC}/{FID}/{one}"
    assert visitors["chief"].get(through_public).status_code == 404, "an id of another layer opens nothing"


@pytest.mark.parametrize("name", ["nobody", "outsider", "reader"])
def test_only_editors_may_attach(visitors: Mapping[str, Visitor], name: str) -> None:
    assert send(visitors[name], photo()).status_code in (401, 403)


def bomb() -> bytes:
    """A PNG of 30 000 x 30 000 pixels in a few kilobytes."""
    head = (30_000).to_bytes(4) * 2 + b"\x01\x00\x00\x00\x00"
    rows = zlib.compress(bytes(3_751) * 100)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


HOSTILE = {
    "svg.jpg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422),
    "page.jpg": (b"<html><script>alert(1)</script>", 422),
    "script.pdf": (b"MZ\x90\x00", 422),
    "archive.docx": (b"PK\x03\x04" + bytes(60), 422),
    "cut.jpg": (photo()[:400], 422),
    "head.jpg": (b"\xff\xd8\xff\xe0", 422),
    "bomb.png": (bomb(), 422),
    "empty.jpg": (b"", 400),
    "large.jpg": (b"\xff\xd8\xff" + bytes(21 << 20), 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photo_or_document_is_refused_with_a_reason(
    visitors: Mapping[str, Visitor], deployment: Deployment, name: str
) -> None:
    data, status = HOSTILE[name]
    before = set(deployment.settings.home.glob("attachments/content/*/*"))
    answer = send(visitors["drawer"], data, name)
    assert answer.status_code == status
    assert answer.json["zh"]
    assert set(deployment.settings.home.glob("attachments/content/*/*")) == before


def test_the_kind_goes_by_the_bytes_and_the_name_is_never_a_path(visitors: Mapping[str, Visitor]) -> None:
    answer = send(visitors["drawer"], PDF, '../../x"\r\nSet-Cookie: a=b; 图.jpg')
    assert answer.json["kind"] == "application/pdf"
    assert "/" not in answer.json["name"]
    shown = visitors["drawer"].get(f"/attachments/{PUBLIC}/{FID}/{answer.json['id']}")
    assert shown.mimetype == "application/pdf"
    assert shown.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    assert "Set-Cookie: a=b" not in str(shown.headers)


@pytest.mark.parametrize("value", ["x", "../../x", "0" * 15, " ".join(["0" * 16] * 21), 7, ["0" * 16]])
def test_a_list_that_is_none_is_refused(visitors: Mapping[str, Visitor], value: Any) -> None:
    drawer = visitors["drawer"]
    body = drawer.get(f"/api/layers/{PUBLIC}/items/{FID}").json
    draft = drawer.post("/api/drafts", json={"layer": PUBLIC}).json["id"]
    feature = {"geometry": body["geometry"], "properties": body["properties"] | {"attachments": value}}
    change = drawer.put(f"/api/drafts/{draft}/changes/{FID}", json={"feature": feature, "base_rev": body["rev"]})
    assert change.status_code == 422


def test_a_backup_holds_every_attachment_byte_for_byte(
    visitors: Mapping[str, Visitor], deployment: Deployment, tmp_path: Path
) -> None:
    send(visitors["drawer"], photo((100, 80), kind="PNG"), "a.png")
    home = deployment.settings.home / "attachments"
    backup(deployment.store, tmp_path / "all.zip")
    restore(tmp_path / "all.zip", tmp_path / "new")
    kept = {p.relative_to(home): p.read_bytes() for p in home.rglob("*") if p.is_file()}
    back = tmp_path / "new" / "attachments"
    assert len(kept) > 3
    assert {p.relative_to(back): p.read_bytes() for p in back.rglob("*") if p.is_file()} == kept
