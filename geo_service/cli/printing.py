"""The command that prints: a sheet, an atlas or one feature's page into a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.data import opened

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment
    from geo_service.usecases.printing import Order

PAPERS = ("A4", "A3", "A2", "A1", "A0")


def print_command(terminal: Terminal) -> click.Command:
    """Print layers true to scale."""

    @terminal.command(
        "print",
        zh="按比例尺打印图层：单幅、图集或项目一页纸，输出 PDF、PNG、SVG 或 DXF。",
        en="Print layers true to scale: a sheet, an atlas or one feature's page, as PDF, PNG, SVG or DXF.",
    )
    @terminal.option(
        "--out",
        required=True,
        type=click.Path(dir_okay=False, path_type=Path),
        zh="输出文件，后缀定格式。",
        en="File to write; its suffix is the format.",
    )
    @terminal.option(
        "--layers",
        default="",
        zh="图层编号，逗号分隔；空为默认图层。",
        en="Layer ids with commas; the default layers if empty.",
    )
    @terminal.option(
        "--scale", type=int, zh="比例尺分母；空为自动适配。", en="Denominator of the scale; fitted if empty."
    )
    @terminal.option("--paper", default="A3", type=click.Choice(PAPERS), zh="纸张。", en="Paper.")
    @terminal.option("--portrait", is_flag=True, zh="竖版。", en="Upright.")
    @terminal.option(
        "--bbox", default="", zh="范围：西,南,东,北（度）。", en="Extent: west,south,east,north in degrees."
    )
    @terminal.option("--title", default="", zh="标题。", en="Title.")
    @terminal.option(
        "--profile",
        default="internal",
        type=click.Choice(("internal", "public")),
        zh="内部资料或公开。",
        en="Internal or public.",
    )
    @terminal.option("--approval", default="", zh="审图号（公开图件）。", en="Approval number of a public sheet.")
    @terminal.option(
        "--atlas", default="", zh="图集：subdistricts 或图层编号。", en="Atlas: subdistricts or a layer id."
    )
    @terminal.option(
        "--feature", default="", zh="项目一页纸：图层/要素编号。", en="One feature's page: layer/feature id."
    )
    @terminal.option("--tiled", is_flag=True, zh="按比例尺分幅拼接。", en="Cover the extent with several sheets.")
    @terminal.option("--dpi", default=300, show_default=True, zh="PNG 分辨率。", en="Resolution of a PNG.")
    @terminal.option(
        "--date", default="", zh="制图日期 2025-11-23；空为今天。", en="Date on the sheet; today if empty."
    )
    def print_(*, out: Path, **asked: Any) -> None:
        with opened(terminal) as deployment:
            order = _order(terminal, deployment, out, asked)
            told = _made(terminal, order, out)
        for finding in told["findings"]:
            terminal.warn(finding["zh"], finding["en"])
        terminal.say(
            f"{out}：{told['pages']} 页，{told['bytes'] / 1000:,.0f} kB",
            f"{out}: {told['pages']} pages, {told['bytes'] / 1000:,.0f} kB",
        )

    return print_


def _order(terminal: Terminal, deployment: Deployment, out: Path, asked: dict[str, Any]) -> Order:
    from geo_service.rendering.printing.request import LayerChoice, SheetRequest
    from geo_service.usecases.printing import Wish, settle

    wish = Wish(
        format=out.suffix.lower().removeprefix("."),  # type: ignore[arg-type]  # settle() refuses others
        dpi=asked["dpi"],
        atlas=asked["atlas"],
        story=_story(asked["feature"]),
    )
    request = SheetRequest(
        title=asked["title"] or _title(terminal, deployment, wish.story),
        layers=tuple(LayerChoice(id=i.strip()) for i in asked["layers"].split(",") if i.strip()),
        scale=asked["scale"],
        paper=asked["paper"],
        landscape=not asked["portrait"],
        bbox=_bbox(asked["bbox"]),
        profile=asked["profile"],
        approval=asked["approval"],
        tiled=asked["tiled"],
        date=asked["date"] or deployment.now().astimezone().date().isoformat(),
        language="en" if terminal.language == "en" else "zh",
    )
    ledger = deployment.ledger
    states = deployment.store.layers()
    return settle(
        request, wish, states, store=deployment.store, settings=deployment.settings, commitment=ledger.commitment
    )


def _title(terminal: Terminal, deployment: Deployment, story: tuple[str, str] | None) -> str:
    if story:
        return deployment.store.feature(*story).name
    return terminal.text("南开区规划建设项目分布图", "Projects of Nankai District")


def _story(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    layer, _, fid = text.partition("/")
    return layer, fid


def _bbox(text: str) -> tuple[float, float, float, float] | None:
    from geo_service.core.query import parse_bbox

    return parse_bbox(text) if text else None


def _made(terminal: Terminal, order: Order, out: Path) -> dict[str, Any]:
    """Make it beside where it goes, then move it there: there is never half a file."""
    from geo_service.errors import InvalidParameter, StorageFault
    from geo_service.usecases.printing import make_sheet

    if not out.parent.is_dir():
        raise InvalidParameter(name="out", value=out, reason="目录不存在 / no such folder")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            with terminal.measured(zh="打印", en="printing") as progress:
                told = make_sheet(order.data(), Path(folder), progress)
            (Path(folder) / told["file"]).replace(out)
    except OSError as error:
        raise StorageFault(reason=f"{out}：{error.strerror}") from error
    return told
