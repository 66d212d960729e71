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


PATH = click.Path(dir_okay=False, path_type=Path)
PROFILES = ("internal", "public")
OPTIONS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("--out", {"required": True, "type": PATH}, "输出文件，后缀定格式。", "File to write; its suffix is the format."),
    ("--layers", {}, "图层编号，逗号分隔；空为默认图层。", "Layer ids with commas; the default layers if empty."),
    ("--scale", {"type": int}, "比例尺分母；空为自动适配。", "Denominator of the scale; fitted if empty."),
    ("--paper", {"default": "A3", "type": click.Choice(PAPERS)}, "纸张。", "Paper."),
    ("--portrait", {"is_flag": True}, "竖版。", "Upright."),
    ("--bbox", {}, "范围：西,南,东,北（度）。", "Extent: west,south,east,north in degrees."),
    ("--title", {}, "标题。", "Title."),
    ("--profile", {"default": "internal", "type": click.Choice(PROFILES)}, "内部资料或公开。", "Internal or public."),
    ("--approval", {}, "审图号（公开图件）。", "Approval number of a public sheet."),
    ("--atlas", {}, "图集：subdistricts 或图层编号。", "Atlas: subdistricts or a layer id."),
    ("--feature", {}, "项目一页纸：图层/要素编号。", "One feature's page: layer/feature id."),
    ("--tiled", {"is_flag": True}, "按比例尺分幅拼接。", "Cover the extent with several sheets."),
    ("--dpi", {"default": 300, "show_default": True}, "PNG 分辨率。", "Resolution of a PNG."),
    ("--date", {}, "制图日期 2025-11-23；空为今天。", "Date on the sheet; today if empty."),
)


def print_command(terminal: Terminal) -> click.Command:
    """Print layers true to scale."""

    def print_(*, out: Path, **asked: Any) -> None:
        with opened(terminal) as deployment:
            told = _made(terminal, _order(terminal, deployment, out, asked), out)
        for finding in told["findings"]:
            terminal.warn(finding["zh"], finding["en"])
        terminal.say(
            f"{out}：{told['pages']} 页，{told['bytes'] / 1000:,.0f} kB",
            f"{out}: {told['pages']} pages, {told['bytes'] / 1000:,.0f} kB",
        )

    function: Any = print_
    for name, how, zh, en in reversed(OPTIONS):
        text = {} if how else {"default": ""}
        function = terminal.option(name, zh=zh, en=en, **text, **how)(function)
    return terminal.command(
        "print",
        zh="按比例尺打印图层：单幅、图集或项目一页纸，输出 PDF、PNG、SVG 或 DXF。",
        en="Print layers true to scale: a sheet, an atlas or one feature's page, as PDF, PNG, SVG or DXF.",
    )(function)


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
