"""Answer a planner's question at the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.data import opened
from geo_service.cli.text_table import shorten, text_table

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal

ROWS = 40
CELLS = 28


def analyse_command(terminal: Terminal) -> click.Command:
    """List the questions, or answer one."""

    @terminal.command(
        "analyse",
        zh="回答一个规划问题；不给编号时列出全部问题。",
        en="Answer a planner's question; without an id list the questions.",
    )
    @click.argument("question_id", required=False, default="")
    @terminal.option("--set", "given", multiple=True, zh="参数，如 reach_m=800。", en="A parameter: reach_m=800.")
    @terminal.option(
        "--layer",
        "layers",
        multiple=True,
        zh="某用途的图层，如 facilities=schools@2。",
        en="Layers of a role: facilities=schools@2.",
    )
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def analyse(*, question_id: str, given: tuple[str, ...], layers: tuple[str, ...], as_json: bool) -> None:
        from geo_service.usecases import report

        if not question_id:
            _list(terminal)
            return
        from geo_service.analysis.questions import find_question

        asked = find_question(question_id)
        with opened(terminal) as here:
            sources = report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
            answer = report.answer_json(report.run(sources, asked, _pairs(given), _pairs(layers)))
        print_answer(terminal, answer, as_json=as_json)

    return analyse


def footprints_command(terminal: Terminal) -> click.Command:
    """Count buildings in chunks, here or on dask workers."""

    @terminal.command(
        "count-footprints",
        zh="按分区统计一个文件夹中分块 GeoParquet（EPSG:4548）的建筑。",
        en="Count the buildings in a folder of GeoParquet chunks (EPSG:4548) by area.",
    )
    @click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @terminal.option("--engine", zh="local、tcp://… 或 tls://…。", en="local, tcp://... or tls://...")
    @terminal.option("--set", "given", multiple=True, zh="参数，如 limit_m=800。", en="A parameter: limit_m=800.")
    @terminal.option("--layer", "layers", multiple=True, zh="如 areas=subdistricts。", en="As areas=subdistricts.")
    @terminal.option("--json", "as_json", is_flag=True, zh="以 JSON 输出。", en="Print JSON.")
    def count(
        *, folder: Path, engine: str | None, given: tuple[str, ...], layers: tuple[str, ...], as_json: bool
    ) -> None:
        from geo_service.usecases import report
        from geo_service.usecases.chunked_footprints import count_chunks

        with opened(terminal) as here:
            sources = report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
            answer = count_chunks(sources, folder, _pairs(given), _pairs(layers), engine=engine)
        print_answer(terminal, report.answer_json(answer), as_json=as_json)

    return count


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    return {text.partition("=")[0]: text.partition("=")[2] for text in texts}


def _list(terminal: Terminal) -> None:
    from geo_service.analysis.questions import QUESTIONS

    rows = [[q.id, q.title.get(terminal.language)] for q in QUESTIONS]
    click.echo(text_table(terminal.text("编号 问题", "id question").split(), rows))


def print_answer(terminal: Terminal, answer: dict[str, Any], *, as_json: bool) -> None:
    """Print an answer: its headline, the first rows of its table, method, notes and revisions."""
    if as_json:
        import json

        click.echo(json.dumps(answer, ensure_ascii=False, indent=1))
        return
    language = terminal.language
    click.echo(answer["headline"][language])
    heads = [shorten(c["title"][language], CELLS) for c in answer["columns"]]
    click.echo(text_table(heads, [[_cell(v, language) for v in row] for row in answer["rows"][:ROWS]]))
    click.echo(answer["method"][language])
    for note in answer["notes"]:
        click.echo(note[language])
    click.echo(" ".join(f"{r['layer']}@r{r['rev']}" for r in answer["reads"]))


def _cell(value: Any, language: str) -> str:
    if isinstance(value, dict):
        value = value[language]
    return "—" if value is None else shorten(str(value), CELLS)
