"""Two services, each a process of its own, on one PostGIS database: what one acknowledges the other knows."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition, Policy
from geo_service.core.text import Text
from geo_service.deployment import open_deployment
from geo_service.settings import ROOT, read_settings
from tests.postgis import Cluster
from tests.web.people import PASSWORD, add_people

pytestmark = [pytest.mark.postgis, pytest.mark.slow]

LAYER = "open_points"
AT_ONCE_S = 2.0
"""Word of a commit takes milliseconds; loaded machines take longer to do anything."""
LONGEST_S = 60.0
WRITERS = 3


class Service:
    """A running service and how to ask it; ``ask`` gives status and body, refusals too."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "geo_service", "serve", "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in self.process.stdout)
        self.address = next(match.group() for match in found if match)

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        wanted = urllib.request.Request(self.address + path, data=data, method=method, headers=names)
        try:
            with urllib.request.urlopen(wanted, timeout=LONGEST_S) as answer:
                return answer.status, _read(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, _read(answer)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(LONGEST_S)
        assert self.process.stdout
        self.process.stdout.close()


def _read(answer: Any) -> Any:
    data = answer.read()
    return json.loads(data) if "json" in answer.headers.get("Content-Type", "") else data.decode()


class Two:
    """Both services, and a token of an administrator."""

    def __init__(self, environment: dict[str, str], token: str) -> None:
        self.environment = environment
        self.here, self.there = Service(environment), Service(environment)
        self.token = {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def two(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with cluster.lent_database() as url:
        settings = {"GEO_SERVICE_HOME": str(tmp_path_factory.mktemp("shared")), "GEO_SERVICE_DATABASE": url}
        opened = open_deployment(read_settings(settings))
        add_people(opened)
        opened.store.create_layer(unreviewed(LAYER), [point(number) for number in range(1, 5)], author="x", note="x")
        token = opened.people.accounts.issue_token("chief", "test")
        opened.store.close()
        made = Two({**os.environ, **settings}, token)
        yield made
        for service in (made.here, made.there):
            service.stop()


def unreviewed(layer_id: str) -> LayerDefinition:
    """A layer without four eyes, so that published features are written directly."""
    return LayerDefinition(
        id=layer_id,
        title=Text("点位", "Points"),
        theme="projects",
        geometry_types=("Point",),
        serial="TJ",
        symbol="point_blue",
        source="x",
        secrecy="public",
        policy=Policy(four_eyes=False),
    )


def point(number: int) -> Feature:
    values = {"name": f"点{number}", "precision": "guess", "source": "x"}
    return Feature(f"NK-TJ-{number:03}", values, {"type": "Point", "coordinates": [117.15 + number / 1000, 39.1]})


def ids(service: Service) -> list[str]:
    return [f["id"] for f in service.ask(f"/ogc/collections/{LAYER}/items?limit=1000")[1]["features"]]


def edit(two: Two, service: Service, fid: str, name: str) -> int:
    """Change a name through the standards interface; the status of the answer."""
    path = f"/ogc/collections/{LAYER}/items/{fid}"
    wanted = urllib.request.Request(service.address + path)
    with urllib.request.urlopen(wanted, timeout=LONGEST_S) as answer:
        etag = answer.headers["ETag"]
    change = {"properties": {"name": name}}
    kind = {"Content_Type": "application/merge-patch+json", "If_Match": etag}
    return service.ask(path, "PATCH", change, **two.token, **kind)[0]


def test_what_is_published_through_one_is_served_by_the_other_at_once(two: Two) -> None:
    fid = ids(two.here)[0]
    for number, (writer, reader) in enumerate([(two.here, two.there), (two.there, two.here)] * 3):
        name = f"公园 {number}"
        status = edit(two, writer, fid, name)
        assert status in (200, 204), status
        until, read = time.monotonic() + AT_ONCE_S, ""
        while read != name:
            assert time.monotonic() < until, "the other still serves the old revision"
            read = reader.ask(f"/api/layers/{LAYER}/items/{fid}")[1]["properties"]["name"]
        page = reader.ask(f"/ogc/collections/{LAYER}/items?filter=name%3D%27{urlencode({'': name})[1:]}%27")[1]
        assert page["numberMatched"] == 1


def test_a_session_begun_with_one_is_a_session_of_the_other(two: Two) -> None:
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    form = browser.open(f"{two.here.address}/sign-in", timeout=LONGEST_S).read().decode()
    csrf = re.search(r'name="csrf" value="([^"]+)"', form)
    assert csrf
    fields = urlencode({"name": "chief", "password": PASSWORD, "csrf": csrf.group(1)}).encode()
    browser.open(f"{two.there.address}/sign-in", fields, timeout=LONGEST_S).read()
    for service in (two.here, two.there):
        with browser.open(f"{service.address}/api/account", timeout=LONGEST_S) as answer:
            assert json.load(answer)["name"] == "chief"
        assert service.ask("/api/account", **two.token)[1]["name"] == "chief"


def test_guesses_at_both_are_counted_together(two: Two) -> None:
    statuses = []
    for number in range(12):
        service = (two.here, two.there)[number % 2]
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        form = browser.open(f"{service.address}/sign-in", timeout=LONGEST_S).read().decode()
        csrf = re.search(r'name="csrf" value="([^"]+)"', form)
        assert csrf
        fields = urlencode({"name": "reader", "password": f"guess {number}", "csrf": csrf.group(1)}).encode()
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.open(f"{service.address}/sign-in", fields, timeout=LONGEST_S)
        statuses.append(refused.value.code)
        refused.value.close()
    assert statuses[-2:] == [429, 429], statuses
    assert 429 not in statuses[:10], statuses


def test_a_print_ordered_from_one_is_fetched_from_the_other(two: Two) -> None:
    order = {"request": {"title": "点位", "layers": [{"id": LAYER}], "date": "2025-11-23"}}
    kind = {"Content_Type": "application/json"}
    status, job = two.here.ask("/api/prints", "POST", order, **two.token, **kind)
    assert status == 202, job
    until, state = time.monotonic() + LONGEST_S, job
    while state["state"] not in ("done", "failed", "cancelled"):
        assert time.monotonic() < until, state
        state = two.there.ask(f"/api/prints/{job['id']}", **two.token)[1]
    assert state["state"] == "done", state


def test_a_service_killed_while_it_commits_loses_nothing_acknowledged(two: Two) -> None:
    """Three writers edit through one service until it is killed; whatever was acknowledged is read from the other."""
    victim = Service(two.environment)
    fids = ids(two.there)[:WRITERS]
    acknowledged: dict[str, list[str]] = {fid: [] for fid in fids}
    enough = threading.Event()

    def write(fid: str) -> None:
        number = 0
        while True:
            number += 1
            try:
                status = edit(two, victim, fid, f"{fid} 第{number}次")
            except (OSError, http.client.HTTPException):
                return
            assert status in (200, 204), status
            acknowledged[fid].append(f"{fid} 第{number}次")
            if min(map(len, acknowledged.values())) >= 4:
                enough.set()

    threads = [threading.Thread(target=write, args=(fid,)) for fid in fids]
    for thread in threads:
        thread.start()
    assert enough.wait(LONGEST_S)
    victim.process.kill()
    for thread in threads:
        thread.join()
    victim.stop()
    for fid in fids:
        versions = two.there.ask(f"/ogc/collections/{LAYER}/items/{fid}/versions")[1]["versions"]
        names = {v["feature"]["properties"]["name"] for v in versions if v["feature"]}
        assert set(acknowledged[fid]) <= names
        assert edit(two, two.there, fid, "之后") in (200, 204), "the writers' lock was left behind"
    exported = Path(two.environment["GEO_SERVICE_HOME"]) / "layers" / f"{LAYER}.geojson"
    head = two.there.ask(f"/api/layers/{LAYER}")[1]["rev"]
    assert f'"rev":{head}' in exported.read_text("utf-8").partition("\n")[0]
