"""The check-up: all is well on a new deployment, and every kind of damage is found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from geo_service.cli import run
from geo_service.deployment import Deployment, open_deployment
from geo_service.settings import ROOT, read_settings
from geo_service.usecases import doctor
from geo_service.usecases.doctor import Answer

ASSETS = ROOT / "var" / "assets"
POLICY = "default-src 'self'; img-src 'self' data:; script-src 'self' 'nonce-abc'"


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    found = open_deployment(read_settings({"GEO_SERVICE_HOME": str(tmp_path)}))
    with closing(found.store):
        yield found


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    return shutil.copytree(ASSETS, tmp_path / "assets")


def test_a_new_deployment_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"], {"GEO_SERVICE_HOME": str(tmp_path)}) == 0
    said = capsys.readouterr().out
    assert "✗" not in said
    for part in ("浏览器组件", "打印字体", "数据库", "审计日志", "离线证明"):
        assert f"✓ {part}" in said


def test_a_store_that_does_not_open_is_one_wrong_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "geo_service.db").write_bytes(b"this is no database" * 100)
    assert run(["doctor"], {"GEO_SERVICE_HOME": str(tmp_path), "GEO_SERVICE_LANGUAGE": "en"}) == 1
    said = capsys.readouterr().out
    assert "✗ Store" in said
    assert "✓ Browser assets" in said


def test_an_altered_asset_is_named(assets: Path) -> None:
    (assets / "leaflet" / "leaflet.js").write_text("// altered")
    reading = doctor.check_assets(assets)
    assert reading.state == "wrong"
    assert "leaflet/leaflet.js" in reading.text.en


def test_a_missing_asset_is_named(assets: Path) -> None:
    (assets / "leaflet" / "leaflet.css").unlink()
    assert "leaflet/leaflet.css" in doctor.check_assets(assets).text.zh


def test_a_manifest_of_another_lock_is_wrong(assets: Path) -> None:
    manifest = json.loads((assets / "manifest.json").read_text("utf-8"))
    (assets / "manifest.json").write_text(json.dumps({**manifest, "lock": "0" * 64}))
    assert "package-lock.json" in doctor.check_assets(assets).text.en


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lock": 1, "version": 2, "files": 3}'])
def test_a_manifest_that_does_not_read_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert doctor.check_assets(tmp_path).state == "wrong"


def test_a_font_that_is_none_is_named(assets: Path) -> None:
    (assets / doctor.FONTS[0]).write_bytes(b"<html>not found</html>")
    assert doctor.FONTS[0] in doctor.check_fonts(assets).text.en


def test_a_package_of_another_version_is_noted(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click==0.1  # old\nnot-there==1\n")
    reading = doctor.check_versions(tmp_path / "requirements.txt")
    assert reading.state == "note"
    assert "≠ 0.1" in reading.text.en
    assert "not-there" in reading.text.en


def test_a_row_changed_behind_the_stores_back_is_found(deployment: Deployment) -> None:
    with closing(sqlite3.connect(deployment.store.database.path)) as connection, connection:
        connection.execute(
            "UPDATE feature_version SET body = replace(body, '口袋公园', '假公园') WHERE layer = 'pocket_parks'"
        )
    found = [doctor.check_layer(deployment.store, state) for state in deployment.store.layers()]
    assert [r.text.en.split()[0] for r in found if r] == ["pocket_parks"]


def test_a_published_file_that_is_not_the_head_is_found(deployment: Deployment) -> None:
    path = deployment.store.published_path("parks")
    path.write_text("{}")
    reading = doctor.check_layer(deployment.store, deployment.store.layer("parks"))
    assert reading
    assert "parks.geojson" in reading.text.zh


def test_a_changed_log_entry_is_found(deployment: Deployment) -> None:
    audit = deployment.people.audit
    for target in ("one", "two", "three"):
        audit.record(actor="admin", action="try", target=target)
    with closing(sqlite3.connect(deployment.store.database.path)) as connection, connection:
        connection.execute("UPDATE audit SET target = 'zwei' WHERE target = 'two'")
    assert doctor.check_log(audit).state == "wrong"


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://example.org/x.js"></script>',
        '<script src="//example.org/x.js"></script>',
        '<link rel="stylesheet" href="http://example.org/x.css">',
        '<img srcset="https://example.org/x.png 2x">',
        '<form action="https://example.org/"></form>',
        "<style>body { background: url(https://example.org/x.png) }</style>",
        '<p style="background: url(//example.org/x.png)"></p>',
    ],
)
def test_a_page_that_loads_from_another_host_is_found(page: str) -> None:
    assert doctor.outside_loads(Answer("/", 200, "text/html", POLICY, page))


def test_a_page_that_only_names_another_host_is_not_found() -> None:
    page = (
        '<a href="https://example.org/">a link for people</a><script src="/static/x.js"></script>https://example.org/'
    )
    assert doctor.outside_loads(Answer("/", 200, "text/html", POLICY, page)) == ()


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("text/css", "@import 'https://example.org/x.css';", True),
        ("text/css", "a { background: url(data:image/png;base64,AA) }", False),
        ("text/javascript", "fetch('https://example.org/')", True),
        ("text/javascript", "new WebSocket(`wss://example.org/`)", True),
        ("text/javascript", 'createElementNS("http://www.w3.org/2000/svg", "g") // a comment: 1//2', False),
    ],
)
def test_styles_and_scripts_that_name_another_host_are_found(kind: str, text: str, found: bool) -> None:
    assert bool(doctor.outside_loads(Answer("x", 200, kind, "", text))) == found


@pytest.mark.parametrize(
    "policy",
    ["", "script-src 'self'", "default-src *", "default-src 'self'; img-src https:", f"{POLICY} 'unsafe-inline'"],
)
def test_a_policy_that_lets_something_else_in_is_found(policy: str) -> None:
    assert doctor.policy_holes(Answer("/", 200, "text/html", policy, ""))


def test_a_policy_of_our_own_host_only_has_no_hole() -> None:
    assert doctor.policy_holes(Answer("/", 200, "text/html", POLICY, "")) == ()


def test_links_to_other_hosts_are_not_followed() -> None:
    page = '<a href="/plan?x=1#y">a</a> <a class="b" href="//example.org/">b</a> <a href="https://example.org/">c</a>'
    assert list(doctor.own_links(Answer("/", 200, "text/html", "", page))) == ["/plan"]
