"""Saved results of analyses at the terminal: list, show, run again, compare, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.analyse import print_answer
from geo_service.cli.data import opened
from geo_service.cli.text_table import shorten, text_table

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment
    from geo_service.storage.saved_results import SavedResult

ACTOR = "command-line"
NAME_CELLS, HEADLINE_CELLS, CELL_CELLS = 30, 60, 24


def results_group(terminal: Terminal) -> click.Group:
    """What people saved."""
    group = terminal.group("results", zh="保存的分析结果。", en="Saved results of analyses.")
    for command in (_list, _show, _rerun, _compare, _delete):
        group.add_command(command(terminal))
    return group


def _list(terminal: Terminal) -> click.Command:
    @terminal.command("list", zh="列出保存的结果，最新在前。", en="List the saved results, newest first.")
    def show() -> None:
        with opened(terminal) as here:
            heads = _heads(here)
            rows = [_row(saved, heads, terminal) for saved in here.results.all()]
        titles = terminal.text("编号 名称 问题 保存人 数据 结论", "id name question author data headline").split()
        click.echo(text_table(titles, rows))

    return show


def _row(saved: SavedResult, heads: dict[str, int], terminal: Terminal) -> list[str]:
    from geo_service.usecases.answering import has_moved_on

    stale = terminal.text("已更新", "moved on") if has_moved_on(saved, heads) else terminal.text("最新", "newest")
    headline = shorten(saved.headline.get(terminal.language), HEADLINE_CELLS)
    return [saved.id, shorten(saved.name, NAME_CELLS), saved.question, saved.author, stale, headline]


def _show(terminal: Terminal) -> click.Command:
    @terminal.command("show", zh="显示一个结果，与保存时一致。", en="Show a result as it was saved.")
    @click.argument("result_id", metavar="ID")
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def show(*, result_id: str, as_json: bool) -> None:
        from geo_service.usecases import report

        with opened(terminal) as here:
            saved, body = here.results.get(result_id)
            told = report.brought_up(body, _heads(here))
        if not as_json:
            stale = terminal.text("；数据已更新", "; its data moved on") if told["outdated"] else ""
            click.echo(f"{saved.name} · {saved.author} · {saved.at}{stale}")
        print_answer(terminal, told, as_json=as_json)

    return show


def _rerun(terminal: Terminal) -> click.Command:
    @terminal.command("rerun", zh="用最新版本重新计算。", en="Answer again on the newest revisions.")
    @click.argument("result_id", metavar="ID")
    @terminal.option("--save", "name", metavar="NAME", zh="另存为。", en="Save the new answer under a name.")
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def rerun(*, result_id: str, name: str | None, as_json: bool) -> None:
        with opened(terminal) as here:
            saved, _ = here.results.get(result_id)
            body = _again(here, saved)
            kept = here.results.add(name, body, author=ACTOR) if name else None
            if kept:
                here.people.audit.record(actor=ACTOR, action="result-save", target=kept.id, ip="", name=kept.name)
        print_answer(terminal, body, as_json=as_json)
        if kept:
            click.echo(kept.id, err=True)

    return rerun


def _compare(terminal: Terminal) -> click.Command:
    @terminal.command(
        "compare",
        zh="对照同一问题的两个结果；只给一个时与最新版本的结果对照。",
        en="Compare two results of a question, or one with the answer on the newest revisions.",
    )
    @click.argument("first", metavar="ID")
    @click.argument("second", metavar="[ID]", required=False)
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def compare(*, first: str, second: str | None, as_json: bool) -> None:
        from geo_service.usecases.comparison import compare_answers

        with opened(terminal) as here:
            saved, before = here.results.get(first)
            after = here.results.get(second)[1] if second else _again(here, saved)
        difference = compare_answers(before, after)
        if as_json:
            import json

            click.echo(json.dumps(difference, ensure_ascii=False, indent=1))
            return
        _print_difference(terminal, difference)

    return compare


def _delete(terminal: Terminal) -> click.Command:
    @terminal.command("delete", zh="删除一个结果，记入日志。", en="Delete a result; it stands in the log.")
    @click.argument("result_id", metavar="ID")
    def delete(*, result_id: str) -> None:
        with opened(terminal) as here:
            saved, _ = here.results.get(result_id)
            here.results.remove(result_id)
            here.people.audit.record(actor=ACTOR, action="result-delete", target=saved.id, ip="", name=saved.name)
        terminal.say(f"已删除 {saved.id}「{saved.name}」。", f"Deleted {saved.id} “{saved.name}”.")

    return delete


def _heads(here: Deployment) -> dict[str, int]:
    return {s.definition.id: s.revision.rev for s in here.store.layers()}


def _again(here: Deployment, saved: SavedResult) -> dict[str, Any]:
    """The same question on the newest revisions of the same layers."""
    from geo_service.analysis.questions import find_question
    from geo_service.usecases import report

    sources = report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
    answer = report.run(sources, find_question(saved.question), saved.parameters, saved.newest_layers())
    return report.answer_json(answer, sources)


def _print_difference(terminal: Terminal, difference: dict[str, Any]) -> None:
    language = terminal.language
    for mark, headline in zip("AB", difference["headlines"], strict=True):
        click.echo(f"{mark}  {headline[language]}")
    words = terminal.text("有变化 新增 删除 相同", "changed added removed same").split()
    counts = difference["counts"]
    click.echo(
        "  ".join(f"{w} {counts[k]}" for w, k in zip(words, ("changed", "added", "removed", "same"), strict=True))
    )
    heads = [shorten(c["title"][language], CELL_CELLS) for c in difference["columns"]]
    rows = [[_cell(c, language) for c in row["cells"]] for row in difference["rows"] if row["state"] != "same"]
    if rows:
        click.echo(text_table(heads, rows))


def _cell(cell: dict[str, Any], language: str) -> str:
    before, after = (_plain(cell[side], language) for side in ("before", "after"))
    return f"{before} → {after}" if cell["differs"] else after


def _plain(value: Any, language: str) -> str:
    if isinstance(value, dict):
        value = value[language]
    return "—" if value is None else shorten(str(value), CELL_CELLS)
