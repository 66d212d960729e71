"""A GIS officer's file becomes a draft, is reviewed, and the map's numbers change."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import fiona
import pytest
import shapely
from flask.testing import FlaskClient

from geo_service.core.access import Account, Grant
from geo_service.core.crs import project
from geo_service.deployment import Deployment
from tests.waiting import look_until

LAYER = "waterlogging_zones"
ZONE_39 = 4527


def person(deployment: Deployment, name: str, role: Any) -> dict[str, str]:
    if name not in {a.name for a in deployment.people.accounts.all()}:
        account = Account(name=name, display=name, grants=(Grant(role),))
        deployment.people.accounts.add(account, f"pass phrase of {name[::-1]}")
    token = deployment.people.accounts.issue_token(name, "test")
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}


@pytest.fixture(scope="module")
def sender(deployment: Deployment) -> dict[str, str]:
    return person(deployment, "sender", "editor")


@pytest.fixture(scope="module")
def checker(deployment: Deployment) -> dict[str, str]:
    return person(deployment, "checker", "reviewer")


def gbk_shapefile(folder: Path, rows: list[tuple[dict[str, Any], Any]]) -> bytes:
    """A zipped Shapefile as ArcGIS on a Chinese desktop writes it: GBK text, zone 39, in a Chinese folder."""
    schema = {"geometry": "Polygon", "properties": {"GS_ID": "str:20", "名称": "str:60", "位置精度": "str:20"}}
    path = folder / "zones.shp"
    with fiona.open(path, "w", driver="ESRI Shapefile", schema=schema, crs=f"EPSG:{ZONE_39}", encoding="GBK") as out:
        for properties, shape in rows:
            moved = project(shape, source=4490, target=ZONE_39)
            out.write({"properties": properties, "geometry": shapely.geometry.mapping(moved)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for part in folder.glob("zones.*"):
            zipped.write(part, f"积水/{part.name}")
    return buffer.getvalue()


def examined(client: FlaskClient, headers: dict[str, str], data: bytes, name: str, **options: Any) -> Any:
    kept = client.post("/api/uploads", data=data, headers=headers | {"X-File-Name": name})
    assert kept.status_code == 201, kept.text
    url = f"/api/uploads/{kept.json['id']}/examinations"
    begun = client.post(url, json={"layer": LAYER, "mode": "upsert", **options}, headers=headers)
    assert begun.status_code == 202, begun.text
    return look_until(
        lambda: client.get(f"/api/examinations/{begun.json['job']}", headers=headers).json,
        lambda state: "result" in state,
        seconds=60,
        what="the end of an examination",
    )


def test_a_gbk_shapefile_in_zone_39_goes_all_the_way(
    client: FlaskClient, deployment: Deployment, sender: dict[str, str], checker: dict[str, str], tmp_path: Path
) -> None:
    seventh = deployment.store.feature(LAYER, "NK-JSD-007")
    shape = seventh.shape()
    assert shape is not None
    surveyed = shapely.affinity.translate(shape, 0.0004, 0.0)
    data = gbk_shapefile(tmp_path, [({"GS_ID": "NK-JSD-007", "名称": "长虹街积水点", "位置精度": "实测"}, surveyed)])
    state = examined(client, sender, data, "积水.zip")
    result = state["result"]
    assert result["readable"], result["findings"]
    assert result["tally"]["modified"] == 1
    assert result["tally"]["added"] == 0
    change = result["page"]["changes"][0]
    assert change["fid"] == "NK-JSD-007"
    assert change["after"]["properties"]["name"] == "长虹街积水点"
    assert change["after"]["properties"]["precision"] == "surveyed"
    made = client.post(f"/api/examinations/{state['job']}/draft", json={"note": "实测更新"}, headers=sender)
    assert made.status_code == 201, made.text
    draft = made.json["id"]
    assert deployment.store.feature(LAYER, "NK-JSD-007").precision == "illustrative"
    assert client.post(f"/api/drafts/{draft}/steps", json={"step": "submit"}, headers=sender).status_code == 200
    accept = {"fids": "all", "decision": "accept"}
    assert client.post(f"/api/drafts/{draft}/decisions", json=accept, headers=sender).status_code == 403
    assert client.post(f"/api/drafts/{draft}/decisions", json=accept, headers=checker).status_code == 200
    head = deployment.store.layer(LAYER).revision.rev
    published = client.post(f"/api/drafts/{draft}/publish", json={"head": head}, headers=checker)
    assert published.status_code == 200, published.text
    feature = deployment.store.feature(LAYER, "NK-JSD-007")
    assert (feature.name, feature.precision) == ("长虹街积水点", "surveyed")
    moved = feature.shape()
    assert moved is not None
    assert shapely.hausdorff_distance(project(moved), project(surveyed)) < 0.02
    counts = {layer["id"]: layer for layer in client.get("/api/layers").json["layers"]}[LAYER]
    assert counts["precisions"] == {"illustrative": 39, "surveyed": 1}
    original = deployment.settings.home / "uploads" / "originals"
    assert any(p.read_bytes() == data for p in original.rglob("*") if p.is_file())
    assert deployment.people.audit.verify().broken is None


def test_a_dry_run_writes_nothing(client: FlaskClient, deployment: Deployment, sender: dict[str, str]) -> None:
    before = deployment.store.layer(LAYER).revision
    feature = {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[117.14, 39.1], [117.141, 39.1], [117.141, 39.101], [117.14, 39.1]]],
        },
        "properties": {"name": "新片区", "precision": "guess", "source": "街道上报"},
    }
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    result = examined(client, sender, data, "new.geojson")["result"]
    assert result["tally"]["added"] == 1
    assert deployment.store.layer(LAYER).revision == before
    assert deployment.drafts.find(owner="sender", states=["open"]) == ()


def test_a_page_of_one_kind_carries_both_sides(client: FlaskClient, sender: dict[str, str]) -> None:
    rows = ["GS_ID,名称", "NK-JSD-001,改名一", "NK-JSD-002,改名二", "NK-JSD-003,改名三"]
    state = examined(client, sender, "\n".join(rows).encode(), "改名.csv", mode="attributes")
    assert state["result"]["page"]["counts"]["modify"] == 3
    path = f"/api/examinations/{state['job']}/changes"
    page = client.get(f"{path}?kind=modify&offset=1&limit=1", headers=sender).json
    assert (page["kind"], page["matched"], page["offset"]) == ("modify", 3, 1)
    (change,) = page["changes"]
    assert (change["fid"], change["row"], change["fields"]) == ("NK-JSD-002", 3, ["name"])
    assert change["after"]["properties"]["name"] == "改名二" != change["before"]["properties"]["name"]
    assert change["after"]["geometry"] == change["before"]["geometry"]
    for wrong in ("kind=moved", "offset=-1", "limit=x"):
        assert client.get(f"{path}?{wrong}", headers=sender).status_code == 400


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.dwg", b"AC1032" + b"\0" * 100),
        ("a.geojson", b'<OGRVRTDataSource><OGRVRTLayer name="x"></OGRVRTLayer></OGRVRTDataSource>'),
        ("a.zip", b"Rar!\x1a\x07\x00" + b"\0" * 50),
        ("a.geojson", b"{" * 5000),
        ("a.csv", b"\xff\xfe\x00"),
    ],
)
def test_what_cannot_be_taken_is_said_in_words(
    client: FlaskClient, sender: dict[str, str], name: str, data: bytes
) -> None:
    result = examined(client, sender, data, name)["result"]
    assert result["blocked"]
    assert result["findings"][0]["zh"]
    assert result["page"] is None or not result["page"]["changes"]


def test_findings_come_as_a_table_in_the_readers_language_and_lead_to_the_map(
    client: FlaskClient, sender: dict[str, str]
) -> None:
    body = b"GS_ID,name,lon,lat\nNK-JSD-001,=1+1,117.15,39.1\nNK-JSD-001,b,117.16,39.1\n"
    job = examined(client, sender, body, "a.csv")["job"]
    address = f"/api/examinations/{job}/findings.csv"
    said = {
        lang: client.get(f"{address}?lang={lang}", headers=sender).data.decode("utf-8-sig") for lang in ("zh", "en")
    }
    assert said["zh"].startswith("级别,代码,行,编号")
    assert said["en"].startswith("Level,Code,Row,Id")
    assert "第 3 行" in said["zh"]
    assert said["zh"].count("\r\n") == said["en"].count("\r\n") > 1
    assert not re.search(r"[\u4e00-\u9fff]", said["en"])


def test_only_the_sender_sees_a_file_and_its_dry_run(
    client: FlaskClient, sender: dict[str, str], checker: dict[str, str]
) -> None:
    kept = client.post("/api/uploads", data=b"x,y\n1,2\n", headers=sender | {"X-File-Name": "a.csv"}).json["id"]
    begin = f"/api/uploads/{kept}/examinations"
    assert client.post(begin, json={"layer": LAYER}, headers=checker).status_code == 404
    job = client.post(begin, json={"layer": LAYER}, headers=sender).json["job"]
    assert client.get(f"/api/examinations/{job}", headers=checker).status_code == 404
    assert client.get(f"/api/examinations/{job}").status_code == 401
    assert client.post("/api/uploads", data=b"x").status_code in (401, 403)


@pytest.mark.parametrize(
    "body",
    [
        {"layer": "nothing"},
        {"layer": LAYER, "mode": "all"},
        {"layer": LAYER, "crs": "1234"},
        {"layer": LAYER, "encoding": "rot13"},
        [],
    ],
)
def test_a_bad_request_is_refused(client: FlaskClient, sender: dict[str, str], body: Any) -> None:
    kept = client.post("/api/uploads", data=b"x", headers=sender).json["id"]
    assert client.post(f"/api/uploads/{kept}/examinations", json=body, headers=sender).status_code in (400, 404)


def test_an_empty_file_is_refused(client: FlaskClient, sender: dict[str, str]) -> None:
    assert client.post("/api/uploads", data=b"", headers=sender).status_code == 400
