"""What deploy/ ships: it parses, names only what is there, and gives nothing away."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from geo_service.settings import ROOT, SETTINGS
from tests.conftest import suites_folder

DEPLOY = ROOT / "deploy"
WORDS = {"FROM", "RUN", "WORKDIR", "USER", "COPY", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD", "ENTRYPOINT"}
VARIABLES = {s.variable for s in SETTINGS}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def compose() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return body


def test_the_image_copies_only_what_is_there_and_everything_the_service_reads() -> None:
    copied = {name for word, rest in instructions() if word == "COPY" for name in rest.split()[1:-1]}
    assert all((ROOT / name).exists() for name in copied)
    needed = {"geo_service", "layers", "data", "templates", "docs", "scripts", "requirements.txt", "constraints.txt"}
    assert copied >= needed | {"package.json", "package-lock.json"}


def test_the_image_is_pinned_runs_as_nobody_in_particular_and_tells_its_health() -> None:
    found = instructions()
    words = [word for word, _ in found]
    assert set(words) <= WORDS
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", dict(found)["FROM"])
    assert dict(found)["USER"] == "10001", "a number, so that whoever runs the image can tell that it is not root"
    assert any("--uid 10001 geo_service" in rest for word, rest in found if word == "RUN")
    assert "/healthz" in dict(found)["HEALTHCHECK"]
    assert set(re.findall(r"(GEO_SERVICE_\w+)=", dict(found)["ENV"])) <= VARIABLES


def of_suites(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A program of the suites' environment."""
    program = suites_folder() / "bin" / command[0]
    return subprocess.run([program, *command[1:]], input=text, capture_output=True, text=True, check=False)


@pytest.mark.suites
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = of_suites("hadolint", str(DEPLOY / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")
    assert of_suites("hadolint", "-", text="FROM debian\nRUN cd /x && sudo make").returncode == 1


COMPOSE = "import sys, compose_spec as c; y = c.PyCompose.from_yaml(sys.stdin.read()); y.validate(); y.to_spec()"


@pytest.mark.suites
def test_the_compose_file_keeps_to_the_specification() -> None:
    done = of_suites("python", "-c", COMPOSE, text=(DEPLOY / "compose.yaml").read_text("utf-8"))
    assert done.returncode == 0, done.stderr
    misspelt = (DEPLOY / "compose.yaml").read_text("utf-8").replace("depends_on", "depend_on")
    assert of_suites("python", "-c", COMPOSE, text=misspelt).returncode != 0


def test_the_services_wait_for_the_database_and_keep_their_state() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    web, database = services["web"], services["database"]
    assert web["depends_on"]["database"]["condition"] == "service_healthy"
    assert "pg_isready" in database["healthcheck"]["test"]
    assert {v.split(":")[0] for service in services.values() for v in service["volumes"]} == set(volumes)
    assert set(web["environment"]) <= VARIABLES
    assert all(port.startswith("127.0.0.1:") for port in web["ports"]), "TLS in front, not the service itself"
    assert (DEPLOY / web["build"]["context"] / web["build"]["dockerfile"]).is_file()


def test_no_password_stands_in_what_is_shipped() -> None:
    for path in DEPLOY.iterdir():
        for value in re.findall(r"(?:PASSWORD[=:]|://\w+:)\s*(\S+?)(?:@|\s|$)", path.read_text("utf-8")):
            assert value.startswith(("$", "...")), (path.name, value)


def test_the_unit_reads_and_sets_only_known_settings() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign,assignment]  # keys of units have capitals
    unit.read(DEPLOY / "geo_service.service")
    service = unit["Service"]
    assert set(re.findall(r"(GEO_SERVICE_\w+)=", service["Environment"])) <= VARIABLES
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["User"] != "root"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_itself_finds_nothing_wrong_in_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "geo_service.service").read_text("utf-8")
    (tmp_path / "geo_service.service").write_text(text.replace("/srv/geo_service/scripts/serve", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "geo_service.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "geo_service" in line]
    assert complaints == []


def test_the_proxy_passes_what_the_service_believes_and_keeps_figures_in() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert text.count("{") == text.count("}")
    for header in ("X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme", "X-Request-ID $request_id"):
        assert f"proxy_set_header {header};" in text
    assert re.search(r"location = /metrics \{\s*deny all;", text)


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")
def test_nginx_itself_finds_nothing_wrong_in_the_snippet(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8").replace("/var/cache/nginx", str(tmp_path))
    text = re.sub(r"listen 443 ssl;|ssl_certificate\S* \S+;", "", text)
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
