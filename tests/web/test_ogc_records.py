"""Metadata as catalogues read it, and a copy kept up to date by the change feed alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from owslib.iso import MD_Metadata  # type: ignore[import-untyped]  # it has no types

from geo_service.core.features import Feature
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import read_settings
from geo_service.web.app import create_app

LAYER = "fire_stations"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Deployment]:
    home = str(tmp_path_factory.mktemp("records"))
    opened = open_deployment(read_settings({"GEO_SERVICE_HOME": home, "GEO_SERVICE_DATABASE": module_database}))
    first = opened.store.snapshot(LAYER).features[0]
    renamed = dataclasses.replace(first, properties={**first.properties, "name": "改名"})
    second = dataclasses.replace(first, id="NK-XFZ-002")
    for changes in ({first.id: renamed, second.id: second}, {second.id: None}, {first.id: first}):
        rev = opened.store.layer(LAYER).revision.rev
        opened.store.commit(LAYER, changes, base=rev, kind="edit", author="张三", note="改 <b>&")
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def app(deployment: Deployment) -> Flask:
    return create_app(deployment)


def read(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json


def test_every_layer_has_a_record_that_counts_its_positions(client: FlaskClient, deployment: Deployment) -> None:
    page = read(client, "/ogc/records?limit=100")
    assert page["numberMatched"] == len(deployment.store.layers()) == len(page["features"])
    for record in page["features"]:
        features = deployment.store.snapshot(record["id"]).features
        said = record["properties"]
        assert said["count"] == len(features)
        assert said["precisions"].get("illustrative", 0) == sum(f.precision == "illustrative" for f in features)
        own = next(link for link in record["links"] if link["rel"] == "self")
        assert read(client, own["href"])["id"] == record["id"]


@pytest.mark.parametrize(
    ("text", "wanted"), [("积水片区", "waterlogging_zones"), ("WATERLOGGING", "waterlogging_zones"), ("消防", LAYER)]
)
def test_records_are_found_by_words_in_either_language(client: FlaskClient, text: str, wanted: str) -> None:
    found = [r["id"] for r in read(client, f"/ogc/records?q={text}")["features"]]
    assert wanted in found
    assert len(found) < 28
    assert read(client, "/ogc/records?q=没有这样的图层")["numberMatched"] == 0


def test_pages_of_records_follow_each_other(client: FlaskClient, deployment: Deployment) -> None:
    ids = [r["id"] for n in range(0, 30, 10) for r in read(client, f"/ogc/records?limit=10&offset={n}")["features"]]
    assert sorted(ids) == sorted(s.definition.id for s in deployment.store.layers())


def test_owslib_reads_the_iso_document(client: FlaskClient, deployment: Deployment) -> None:
    for state in deployment.store.layers():
        definition = state.definition
        response = client.get(f"/ogc/records/{definition.id}?f=iso19139")
        assert response.mimetype == "application/xml"
        found = MD_Metadata(etree.fromstring(response.data))
        assert (found.identifier, found.languagecode, found.hierarchy) == (definition.id, "chi", "dataset")
        said = found.identification[0]
        assert (said.title, said.alternatetitle) == (definition.title.zh, definition.title.en)
        assert said.topiccategory
        west, south, east, north = (
            float(getattr(said.extent.boundingBox, n)) for n in ("minx", "miny", "maxx", "maxy")
        )
        assert 117 < west <= east < 117.4
        assert 39 < south <= north < 39.3
        assert found.referencesystem.code == "4490"
        assert definition.source in found.dataquality.lineage
        urls = [o.url for o in found.distribution.online]
        assert any(u.endswith(f"/ogc/download/{definition.id}.gpkg") for u in urls)


def test_every_address_in_the_iso_document_answers(client: FlaskClient) -> None:
    text = client.get("/ogc/records/schools?f=iso19139").text
    urls = re.findall(r"<gmd:URL>([^<]+)</gmd:URL>", text)
    assert len(urls) > 10
    for url in urls:
        assert client.get(url.replace("&amp;", "&"), buffered=True).status_code == 200, url


def test_a_copy_is_brought_up_to_date_by_the_changes_alone(client: FlaskClient, deployment: Deployment) -> None:
    """From every revision to every later one, page by page."""
    for since in range(5):
        for until in range(max(since, 1), 5):
            before = deployment.store.snapshot(LAYER, since).features if since else ()
            copy = {f.id: f for f in before}
            url = f"/ogc/collections/{LAYER}/changes?since={since}&until={until}&limit=1"
            while url:
                page = read(client, url)
                for change in page["changes"]:
                    given = change["feature"]
                    copy.pop(change["id"], None)
                    if given:
                        copy[given["id"]] = Feature(given["id"], given["properties"], given["geometry"])
                url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
            assert copy == {f.id: f for f in deployment.store.snapshot(LAYER, until).features}


def test_the_feed_lists_revisions_newest_first(client: FlaskClient, deployment: Deployment) -> None:
    rows = read(client, "/ogc/changes?limit=1000")["revisions"]
    assert len(rows) == sum(len(deployment.store.revisions(s.definition.id)) for s in deployment.store.layers())
    assert [r["at"] for r in rows] == sorted((r["at"] for r in rows), reverse=True)
    assert [r["rev"] for r in rows if r["layer"] == LAYER] == [4, 3, 2, 1]
    assert read(client, "/ogc/changes?since=2100-01-01")["revisions"] == []
    newest = next(r for r in rows if (r["layer"], r["rev"]) == (LAYER, 3))
    assert [c["operation"] for c in read(client, newest["links"][0]["href"])["changes"]] == ["delete"]


def test_the_feed_is_well_formed_atom_whatever_people_write(client: FlaskClient) -> None:
    response = client.get("/ogc/changes?f=atom&limit=1000")
    assert response.mimetype == "application/atom+xml"
    root = ElementTree.fromstring(response.data)  # noqa: S314  # our own document
    name = "{http://www.w3.org/2005/Atom}"
    titles = [e.findtext(f"{name}title") for e in root.iter(f"{name}entry")]
    assert any(title and "改 <b>&" in title for title in titles)
    assert all(e.findtext(f"{name}updated") and e.findtext(f"{name}id") for e in root.iter(f"{name}entry"))


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/ogc/records/nothing", 404),
        ("/ogc/records/schools?f=marc", 400),
        ("/ogc/records?limit=0", 400),
        ("/ogc/records?unknown=1", 400),
        ("/ogc/changes?since=yesterday", 400),
        ("/ogc/changes?f=rss", 400),
        ("/ogc/collections/schools/changes?since=99", 400),
        ("/ogc/collections/schools/changes?since=1&until=99", 404),
        ("/ogc/collections/schools/changes?since=-1", 400),
    ],
)
def test_a_wrong_question_is_refused_in_words(client: FlaskClient, url: str, status: int) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.json["zh"]
