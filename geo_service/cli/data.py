"""Commands that read: check the shipped data, list the layers, show how far the plan is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.text_table import shorten, text_table

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment
    from geo_service.usecases.check import Problem
    from geo_service.usecases.ledger import Entry

FOUND = 1
TITLE_CELLS = 36


def check_command(terminal: Terminal) -> click.Command:
    """Check layers/ and data/ without touching the store."""

    @terminal.command(
        "check",
        zh="检查 layers/ 与 data/：逐条列出文件、行、字段与建议；有阻断性问题时退出码为 1。",
        en="Check layers/ and data/: file, line, field and advice of each finding; exit code 1 where one blocks.",
    )
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    @click.pass_context
    def check(context: click.Context, *, as_json: bool) -> None:
        from geo_service.usecases.check import check_data

        found = check_data(terminal.settings)
        if as_json:
            _print_json([_problem_json(p) for p in found.problems])
        else:
            _print_problems(terminal, found.problems)
            blocking = len(found.blocking)
            terminal.say(
                f"{found.layers} 个图层，{found.features} 个要素，{found.commitments} 项任务；"
                f"阻断 {blocking}，提示 {len(found.problems) - blocking}。",
                f"{found.layers} layers, {found.features} features, {found.commitments} commitments; "
                f"{blocking} blocking, {len(found.problems) - blocking} other findings.",
            )
        context.exit(FOUND if found.blocking else 0)

    return check


def layers_command(terminal: Terminal) -> click.Command:
    """List the layers of the deployment."""

    @terminal.command(
        "layers",
        zh="列出各图层：编号、名称、要素数、已定位、示意、版本。",
        en="List the layers: id, title, features, located, illustrative, revision.",
    )
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def layers(*, as_json: bool) -> None:
        from geo_service.usecases.browse import catalogue

        with opened(terminal) as deployment:
            limit = deployment.settings.canvas_features
            body = catalogue(deployment.store.layers(), deployment.views, canvas_features=limit)
        if as_json:
            _print_json(body["layers"])
            return
        click.echo(_layers_table(terminal, body["layers"]))

    return layers


def plan_command(terminal: Terminal) -> click.Command:
    """Show each commitment of the plan and how far it is."""

    @terminal.command(
        "plan",
        zh="列出计划任务及进展：目标、已列、已定位、示意、开工、完成。",
        en="List the commitments and how far they are: target, listed, located, illustrative, begun, done.",
    )
    @terminal.option("--section", default="", zh="只列某一节，如 二.4.1。", en="Only this section, such as 二.4.1.")
    @terminal.option("--layer", default="", zh="只列某一图层的任务。", en="Only the commitments of this layer.")
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    @click.pass_context
    def plan(context: click.Context, *, section: str, layer: str, as_json: bool) -> None:
        from geo_service.usecases.ledger import entry_json, plan_overview, select_entries

        with opened(terminal) as deployment:
            overview = plan_overview(deployment.store, deployment.ledger, views=deployment.views)
            problems = deployment.ledger_problems
        sections = select_entries(overview, section=section, layer=layer)
        if as_json:
            _print_json([entry_json(e) for s in sections for e in s.entries])
        else:
            for part in sections:
                click.echo(f"\n{part.title}\n{_plan_table(terminal, part.entries)}")
        for problem in problems:
            click.echo(problem.sentence(terminal.language), err=True)
        context.exit(FOUND if problems or not sections else 0)

    return plan


@contextmanager
def opened(terminal: Terminal) -> Iterator[Deployment]:
    """The deployment of the terminal's settings, closed at the end."""
    from geo_service.deployment import open_deployment

    deployment = open_deployment(terminal.settings)
    with closing(deployment.store):
        yield deployment


def _print_json(body: Any) -> None:
    import json

    click.echo(json.dumps(body, ensure_ascii=False, indent=1))


def _print_problems(terminal: Terminal, problems: Sequence[Problem]) -> None:
    marks = {True: terminal.text("阻断", "block"), False: terminal.text("提示", "note")}
    for problem in problems:
        click.echo(f"{marks[problem.blocking]}  {problem.text.get(terminal.language)}")


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "field": problem.field,
        "blocking": problem.blocking,
        "zh": problem.text.zh,
        "en": problem.text.en,
    }


def _layers_table(terminal: Terminal, layers: Sequence[dict[str, Any]]) -> str:
    header = terminal.text("编号 名称 要素 已定位 示意 版本", "id title features located illustrative revision").split()
    rows = [
        [
            layer["id"],
            shorten(layer["title"][terminal.language], TITLE_CELLS),
            layer["count"],
            layer["located"],
            layer["illustrative"],
            layer["rev"],
        ]
        for layer in layers
    ]
    return text_table(header, rows, right=(2, 3, 4, 5))


def _plan_table(terminal: Terminal, entries: Sequence[Entry]) -> str:
    header = terminal.text(
        "任务 名称 目标 已列 已定位 示意 开工 完成", "id name target listed located illustrative begun done"
    ).split()
    return text_table(header, [_plan_row(terminal, e) for e in entries], right=(3, 4, 5, 6, 7))


def _plan_row(terminal: Terminal, entry: Entry) -> list[object]:
    from geo_service.core.progress_words import target_text

    found, commitment = entry.progress, entry.commitment
    name = shorten(commitment.name.get(terminal.language), TITLE_CELLS)
    counts: list[object] = ["–"] * 5
    if entry.counts:
        counts = [found.listed, found.located, found.illustrative, found.begun, found.done]
    return [commitment.id, name, target_text(commitment.quantity).get(terminal.language), *counts]
