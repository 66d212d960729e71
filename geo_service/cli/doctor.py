"""Is this deployment whole? Everything is looked at; the exit code says whether something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.text_table import cells
from geo_service.errors import GeoServiceError
from geo_service.settings import PACKAGE, ROOT

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment
    from geo_service.usecases.doctor import Answer, Reading

FOUND = 1
PAGES_MOST = 60
PER_KIND_MOST = 6
"""Pages of one kind (features of layers, say) that are walked; they come from one template."""
MARKS = {"ok": "✓", "note": "!", "wrong": "✗"}
PART_CELLS = 18


def doctor_command(terminal: Terminal) -> click.Command:
    """Look at every part of the deployment."""

    @terminal.command(
        "doctor",
        zh="体检：设置、版本、浏览器组件、字体、数据、数据库、审计日志、离线证明；有问题时退出码为 1。",
        en="Check-up: settings, versions, assets, fonts, data, store, log, offline proof; exit code 1 if one is wrong.",
    )
    @click.pass_context
    def doctor(context: click.Context) -> None:
        _print_settings(terminal)
        readings = []
        for reading in look(terminal):
            readings.append(reading)
            _print(terminal, reading)
        wrong = sum(r.state == "wrong" for r in readings)
        if wrong:
            terminal.say(f"\n{wrong} 处有问题。", f"\n{wrong} wrong.")
        else:
            terminal.say("\n一切正常。", "\nAll is well.")
        context.exit(FOUND if wrong else 0)

    return doctor


def look(terminal: Terminal) -> Iterator[Reading]:
    """Readings of every part, as they come."""
    from geo_service.deployment import open_deployment
    from geo_service.usecases import doctor

    settings = terminal.settings
    yield doctor.check_versions()
    yield doctor.check_assets(settings.assets)
    yield doctor.check_fonts(settings.assets)
    yield doctor.check_shipped(settings)
    try:
        deployment = open_deployment(settings)
        with closing(deployment.store):
            yield from _look_inside(terminal, deployment)
    except GeoServiceError as error:
        yield doctor.fault_reading(doctor.STORE, error)


def _look_inside(terminal: Terminal, deployment: Deployment) -> Iterator[Reading]:
    from geo_service.usecases import doctor

    yield doctor.check_store(deployment.store)
    states = deployment.store.layers()
    with terminal.progress(states, zh="核对图层", en="Comparing layers") as bar:
        found = [doctor.check_layer(deployment.store, state) for state in bar]
    yield from doctor.layers_reading(found, len(states))
    yield doctor.check_log(deployment.people.audit)
    with deployment.counter.jail as jail:
        yield doctor.check_jail(jail.confinement())
    try:
        answers = walk(terminal, deployment)
    except GeoServiceError as error:
        yield doctor.fault_reading(doctor.OFFLINE, error)
        return
    static = PACKAGE / "web" / "static"
    files = [*static.rglob("*.js"), *static.rglob("*.css"), *deployment.settings.assets.rglob("*.css")]
    yield from doctor.offline_reading(answers, sorted(files), ROOT)


def walk(terminal: Terminal, deployment: Deployment) -> list[Answer]:
    """What the service answers at its pages, found by following links from the map and from every page without
    parameters; at most a few of each kind."""
    from geo_service.usecases.doctor import own_links
    from geo_service.web.app import create_app

    app = create_app(deployment)
    client, router = app.test_client(), app.url_map.bind("localhost")
    waiting = ["/", *sorted(r.rule for r in app.url_map.iter_rules() if "GET" in (r.methods or ()) and not r.arguments)]
    answers: list[Answer] = []
    seen: set[str] = set()
    kinds: dict[str, int] = {}
    with terminal.counting(PAGES_MOST, zh="离线证明", en="Offline proof") as step:
        while waiting and len(answers) < PAGES_MOST:
            address = waiting.pop(0)
            kind = _endpoint(router, address)
            if address in seen or kinds.get(kind, 0) >= PER_KIND_MOST:
                continue
            seen.add(address)
            kinds[kind] = kinds.get(kind, 0) + 1
            answer = _ask(client, address)
            step(address)
            if answer.mimetype == "text/html":
                answers.append(answer)
                waiting += own_links(answer)
    return answers


def _endpoint(router: Any, address: str) -> str:
    from werkzeug.exceptions import HTTPException

    try:
        return str(router.match(address, method="GET")[0])
    except HTTPException:
        return address


def _ask(client: Any, address: str) -> Answer:
    from geo_service.usecases.doctor import Answer

    response = client.get(address, headers={"Accept": "text/html"})
    html = response.mimetype == "text/html"
    text = response.get_data(as_text=True) if html else ""
    policy = response.headers.get("Content-Security-Policy", "")
    response.close()
    return Answer(address, response.status_code, response.mimetype, policy, text)


def _print(terminal: Terminal, reading: Reading) -> None:
    part = reading.part.get(terminal.language)
    click.echo(f"{MARKS[reading.state]} {part}{' ' * (PART_CELLS - cells(part))}{reading.text.get(terminal.language)}")


def _print_settings(terminal: Terminal) -> None:
    from geo_service.usecases.status import setting_values

    for item in setting_values(terminal.settings, all_values=True):
        mark = "*" if item.changed else " "
        click.echo(f"{mark} {item.setting.variable:<30}{item.value}")
    click.echo()
