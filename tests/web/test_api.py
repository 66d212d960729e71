"""The JSON API as a program sees it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import brotli
import mapbox_vector_tile
import openpyxl
import pytest
from flask.testing import FlaskClient

from geo_service.core.query import MAX_LIMIT

DEFAULT_LAYERS = {"renewal_areas", "pocket_parks", "waterlogging_zones", "schools", "fire_stations"}


def get(client: FlaskClient, url: str, status: int = 200) -> Any:
    response = client.get(url)
    assert response.status_code == status, response.text
    return response.json if response.is_json or "json" in response.mimetype else response


def layers(client: FlaskClient) -> dict[str, Any]:
    return {layer["id"]: layer for layer in get(client, "/api/layers")["layers"]}


def test_the_catalogue_has_the_plans_layers_with_honest_counts(client: FlaskClient) -> None:
    found = layers(client)
    assert {name for name, layer in found.items() if layer["shown"]} == DEFAULT_LAYERS
    zones = found["waterlogging_zones"]
    assert (zones["count"], zones["located"], zones["illustrative"]) == (40, 40, 40)
    assert found["pocket_parks"]["count"] == 6
    assert found["subdistricts"]["count"] == 12
    for layer in found.values():
        assert sum(layer["precisions"].values()) == layer["count"]
        assert sum(layer["classes"].values()) == layer["count"]


def test_a_layer_tells_its_schema_and_how_complete_it_is(client: FlaskClient) -> None:
    layer = get(client, "/api/layers/fire_stations")
    assert layer["completeness"]["name"] == 1
    assert layer["completeness"]["status"] == 0  # nobody has reported yet
    assert {f["key"] for f in layer["fields"]} >= {"name", "status", "plan_status", "precision", "source"}


def test_items_come_in_pages_that_link_to_each_other(client: FlaskClient) -> None:
    url, seen = "/api/layers/waterlogging_zones/items?limit=15", []
    while url:
        page = get(client, url)
        assert page["numberMatched"] == 40
        assert page["numberReturned"] == len(page["features"])
        seen += [f["id"] for f in page["features"]]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == 40


def test_items_are_filtered_sorted_and_searched(client: FlaskClient) -> None:
    base = "/api/layers/waterlogging_zones/items"
    areas = [f["properties"]["area_m2"] for f in get(client, f"{base}?sort=-area_m2&limit=40")["features"]]
    assert areas == sorted(areas, reverse=True)
    middle = areas[20]
    larger = get(client, f"{base}?filter=area_m2 > {middle}&limit=100")
    assert larger["numberMatched"] == sum(a > middle for a in areas)
    chinese = get(client, f"{base}?filter=面积 > {middle}")
    assert chinese["numberMatched"] == larger["numberMatched"]
    assert get(client, f"{base}?q=积水片区 17")["numberMatched"] == 1
    assert get(client, f"{base}?bbox=117.0,39.0,117.01,39.01")["numberMatched"] == 0
    assert get(client, f"{base}?bbox=117,39,118,40")["numberMatched"] == 40


def test_a_feature_comes_with_the_sentence_that_promised_it(client: FlaskClient) -> None:
    fid = get(client, "/api/layers/fire_stations/items")["features"][0]["id"]
    feature = get(client, f"/api/layers/fire_stations/items/{fid}")
    assert feature["commitment"]["clause"] == "力推汾水道消防站年内开工建设"
    assert feature["commitment"]["due_means"] == "start"
    assert feature["properties"]["status"] is None
    assert feature["history"][0]["rev"] == 1


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/api/layers/nothing", 404, "layer-not-found"),
        ("/api/layers/schools/items/NK-XX-999", 404, "feature-not-found"),
        ("/api/layers/schools/r99.geojson", 404, "revision-not-found"),
        ("/api/layers/schools/items?bbox=1,2,3", 400, "invalid-bbox"),
        ("/api/layers/schools/items?bbox=5,5,1,1", 400, "invalid-bbox"),
        ("/api/layers/schools/items?filter=name%20=%20'", 400, "invalid-filter"),
        ("/api/layers/schools/items?filter=depth=1", 400, "unknown-field"),
        ("/api/layers/schools/items?sort=depth", 400, "unknown-field"),
        ("/api/layers/schools/items?limit=ten", 400, "invalid-parameter"),
        ("/api/layers/schools/items?limit=999999999", 400, "invalid-parameter"),
        (f"/api/layers/schools/items?limit={'9' * 4000}", 400, "invalid-parameter"),
        ("/api/layers/schools/items?colour=red", 400, "invalid-parameter"),
        ("/api/layers/schools/items?asOf=77", 404, "revision-not-found"),
        ("/tiles/schools/r1/30/0/0.mvt", 400, "invalid-parameter"),
        ("/tiles/schools/r1/1/5/0.mvt", 400, "invalid-parameter"),
        ("/tiles/basemap/old/12/3379/1556.mvt", 404, "revision-not-found"),
        ("/api/nothing", 404, "page-not-found"),
    ],
)
def test_a_bad_question_gets_a_problem_in_both_languages(client: FlaskClient, url: str, status: int, code: str) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    body = json.loads(response.data)
    assert body["title"] == code
    assert body["status"] == status
    assert body["zh"] != body["en"]


def test_a_limit_above_the_most_is_refused_with_the_most(client: FlaskClient) -> None:
    answer = client.get("/api/layers/schools/items?limit=999999999").get_json()
    assert str(MAX_LIMIT) in answer["zh"]
    assert get(client, f"/api/layers/schools/items?limit={MAX_LIMIT}")["numberReturned"] > 0


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    response = client.delete("/api/layers")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(("encoding", "unpack"), [("br", brotli.decompress), ("gzip", gzip.decompress), ("", bytes)])
def test_a_published_layer_is_immutable_and_ready_compressed(client: FlaskClient, encoding: str, unpack: Any) -> None:
    url = layers(client)["schools"]["data_url"]
    response = client.get(url, headers={"Accept-Encoding": encoding})
    assert response.headers.get("Content-Encoding", "") == encoding
    assert "immutable" in response.headers["Cache-Control"]
    assert json.loads(unpack(response.data))["geo_service"]["rev"] == 1
    again = client.get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


def test_a_tile_holds_the_layers_features(client: FlaskClient) -> None:
    response = client.get("/tiles/waterlogging_zones/r1/10/845/390.mvt", headers={"Accept-Encoding": ""})
    layer = mapbox_vector_tile.decode(response.data)["waterlogging_zones"]
    assert {f["properties"]["id"][:7] for f in layer["features"]} == {"NK-JSD-"}


def test_the_basemap_has_streets_water_and_the_district(client: FlaskClient) -> None:
    from geo_service.web.map_page import basemap_key

    with client.application.test_request_context("/"):
        key = basemap_key()
    data = client.get(f"/tiles/basemap/{key}/12/3380/1563.mvt", headers={"Accept-Encoding": ""}).data
    assert {"road", "boundary"} <= mapbox_vector_tile.decode(data).keys()


@pytest.mark.parametrize("text", ["fsdxfz", "fsd", "fenshui", "fenshuidao", "汾水道", "Fenshui", "NK-XFZ-001"])
def test_the_fire_station_is_found_by_what_people_type(client: FlaskClient, text: str) -> None:
    results = get(client, f"/api/search?q={text}")["results"]
    assert any(r["title"]["zh"] == "汾水道消防站" and r["kind"] == "feature" for r in results), results


@pytest.mark.parametrize(
    "text",
    [
        "117.1325,39.1335",
        "39.1335 117.1325",
        "117°7′57″E 39°8′0.6″N",
        "4333333.08 511456.40",
        "39511456.40, 4333333.08",
    ],
)
def test_coordinates_are_found_in_every_form(client: FlaskClient, text: str) -> None:
    first = get(client, f"/api/search?q={text}")["results"][0]
    assert first["kind"] == "coordinate"
    assert first["lon"] == pytest.approx(117.1325, abs=2e-5)
    assert first["lat"] == pytest.approx(39.1335, abs=2e-5)


def test_an_empty_or_strange_search_is_answered_calmly(client: FlaskClient) -> None:
    for text in ("", "   ", "%00", "{{7*7}}", "x" * 5000, "<img>"):
        assert isinstance(get(client, f"/api/search?q={text}")["results"], list)


def test_a_table_opens_in_a_spreadsheet(client: FlaskClient) -> None:
    response = get(client, "/api/layers/waterlogging_zones/items.csv?sort=name")
    assert response.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert len(rows) == 41
    assert rows[0][:2] == ["编号", "名称"]
    assert "示意" in rows[1]
    book = openpyxl.load_workbook(io.BytesIO(get(client, "/api/layers/waterlogging_zones/items.xlsx").data))
    assert book.active.max_row == 41


def test_the_service_says_that_it_is_well(client: FlaskClient) -> None:
    assert get(client, "/healthz")["status"] == "ok"


@pytest.mark.parametrize("url", ["/", "/plan", "/nothing", "/favicon.ico"])
def test_every_document_forbids_scripts_from_elsewhere(client: FlaskClient, url: str) -> None:
    headers = client.get(url, headers={"Accept": "text/html"}).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert {"X-Frame-Options", "Referrer-Policy", "Permissions-Policy"} <= set(headers.keys())


@pytest.mark.parametrize("url", ["/api/layers", "/api/nothing", "/api/layers/schools/r1.geojson"])
def test_data_opened_as_a_page_loads_and_runs_nothing(client: FlaskClient, url: str) -> None:
    headers = client.get(url).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
