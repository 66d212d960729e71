"""The command that prints: a sheet, an atlas or one feature's page into a file."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli.data import opened

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.core.revisions import Revision
    from geo_service.deployment import Deployment
    from geo_service.storage.store import LayerState
    from geo_service.usecases.printing import Order

PAPERS = ("A4", "A3", "A2", "A1", "A0", "custom")
PATH = click.Path(dir_okay=False, path_type=Path)
PROFILES = ("internal", "public")
BLOCKS = ("legend", "inset", "grid", "graticule", "north")
_FLAG = {"is_flag": True}
OPTIONS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("--out", {"required": True, "type": PATH}, "输出文件，后缀定格式。", "File to write; its suffix is the format."),
    (
        "--template",
        {},
        "网页上存的打印模板；其余选项优先。",
        "A template saved in the print room; options win over it.",
    ),
    ("--layers", {}, "图层编号，逗号分隔；空为默认图层。", "Layer ids with commas; the default layers if empty."),
    ("--as-of", {}, "数据截至：日期、版本号或 edition:名称。", "Data as of a day, a revision or edition:NAME."),
    ("--no-base", _FLAG, "不画底图要素。", "Without the reference layers underneath."),
    ("--basemap", {}, "底图编号（本机 MBTiles、PMTiles）。", "Id of a raster basemap in a local MBTiles or PMTiles."),
    ("--scale", {"type": int}, "比例尺分母；空为自动适配。", "Denominator of the scale; fitted if empty."),
    ("--bbox", {}, "范围：西,南,东,北（度）。", "Extent: west,south,east,north in degrees."),
    ("--paper", {"type": click.Choice(PAPERS)}, "纸张，默认 A3。", "Paper; A3 if not given."),
    ("--width-mm", {"type": float}, "自定义纸宽（毫米，180 至 2500）。", "Width of custom paper (180 to 2500 mm)."),
    ("--height-mm", {"type": float}, "自定义纸高（毫米）。", "Height of custom paper (mm)."),
    ("--portrait", _FLAG, "竖版。", "Upright."),
    ("--binding-mm", {"type": float}, "装订边（毫米）。", "Binding margin (mm)."),
    ("--title", {}, "标题。", "Title."),
    ("--subtitle", {}, "副标题；空为要素个数。", "Subtitle; the counts of features if empty."),
    ("--unit", {}, "编制单位。", "Issued by."),
    ("--number", {}, "图号。", "Sheet number."),
    ("--author", {}, "制图。", "Drawn by."),
    ("--reviewer", {}, "审核。", "Checked by."),
    ("--period", {}, "规划期限。", "Plan period."),
    ("--date", {}, "制图日期 2025-11-23；空为今天。", "Date on the sheet; today if empty."),
    ("--profile", {"type": click.Choice(PROFILES)}, "内部资料或公开。", "Internal or public."),
    ("--approval", {}, "审图号（公开图件）。", "Approval number of a public sheet."),
    (
        "--refuse-unapproved",
        _FLAG,
        "没有审图号就不印，而不是加盖字样。",
        "Refuse, not stamp, without an approval number.",
    ),
    ("--table", {}, "编号表的图层；none 为不要。", "Layer of the numbered table; none for no table."),
    ("--wind", {}, "8 或 16 个风向频率，自北顺时针，逗号分隔。", "8 or 16 wind frequencies, clockwise from north."),
    ("--without", {}, f"不要的版块：{','.join(BLOCKS)}。", f"Blocks to leave out: {','.join(BLOCKS)}."),
    ("--atlas", {}, "图集：subdistricts 或图层编号。", "Atlas: subdistricts or a layer id."),
    ("--only", {}, "图集只含这些街道或要素编号，逗号分隔。", "Only these subdistricts or feature ids."),
    ("--filter", {}, "CQL2 条件，选图集的要素或单个图层。", "CQL2: features of the atlas or of the one layer."),
    ("--feature", {}, "项目一页纸：图层/要素编号。", "One feature's page: layer/feature id."),
    ("--photo", {}, "一页纸的照片附件编号；none 为不要。", "Attachment id of the page's photo; none for no photo."),
    ("--tiled", _FLAG, "按比例尺分幅拼接。", "Cover the extent with several sheets."),
    ("--overlap-mm", {"type": float}, "分幅重叠（毫米）。", "Overlap of tiles (mm)."),
    ("--link", {}, "二维码打开的地图地址，如 https://map.example/。", "Address of the map that the QR code opens."),
    ("--dpi", {"default": 300, "show_default": True}, "PNG 分辨率。", "Resolution of a PNG."),
)
_GIVEN = (
    "scale",
    "paper",
    "width_mm",
    "height_mm",
    "binding_mm",
    "overlap_mm",
    "title",
    "subtitle",
    "unit",
    "number",
    "author",
    "reviewer",
    "period",
    "profile",
    "approval",
    "basemap",
    "table",
)
"""Options that are the sheet's fields as they are."""


def print_command(terminal: Terminal) -> click.Command:
    """Print layers true to scale."""

    def print_(*, out: Path, **asked: Any) -> None:
        with opened(terminal) as deployment:
            told, out = _made(terminal, _order(terminal, deployment, out, asked), out)
        for finding in told["findings"]:
            terminal.warn(finding["zh"], finding["en"])
        terminal.say(
            f"{out}：{told['pages']} 页，{told['bytes'] / 1000:,.0f} kB",
            f"{out}: {told['pages']} pages, {told['bytes'] / 1000:,.0f} kB",
        )

    function: Any = print_
    for name, how, zh, en in reversed(OPTIONS):
        text = {} if {"required", "type", "is_flag", "default"} & how.keys() else {"default": ""}
        function = terminal.option(name, zh=zh, en=en, **text, **how)(function)
    return terminal.command(
        "print",
        zh="按比例尺打印图层：单幅、图集或项目一页纸，输出 PDF、PNG、SVG 或 DXF。",
        en="Print layers true to scale: a sheet, an atlas or one feature's page, as PDF, PNG, SVG or DXF.",
    )(function)


def _order(terminal: Terminal, deployment: Deployment, out: Path, asked: dict[str, Any]) -> Order:
    from geo_service.rendering.printing.request import from_data
    from geo_service.usecases.printing import Wish, settle

    wish = Wish(
        format=out.suffix.lower().removeprefix("."),  # type: ignore[arg-type]  # settle() refuses others
        dpi=asked["dpi"],
        atlas=asked["atlas"],
        only=_words(asked["only"]),
        filter=asked["filter"],
        story=_story(asked["feature"]),
        photo=asked["photo"],
        base=not asked["no_base"],
        link=asked["link"],
    )
    return settle(
        from_data(_request(terminal, deployment, asked, wish.story)),
        wish,
        deployment.store.layers(),
        store=deployment.store,
        settings=deployment.settings,
        commitment=deployment.ledger.commitment,
        revision=partial(_revision, deployment, asked["as_of"]),
        basemaps=deployment.basemaps.sources,
    )


def _request(
    terminal: Terminal, deployment: Deployment, asked: dict[str, Any], story: tuple[str, str] | None
) -> dict[str, Any]:
    """The sheet as values: the template's, and over them what was given."""
    told = _template(deployment, asked["template"]) if asked["template"] else {}
    told |= {name: asked[name] for name in _GIVEN if asked[name] not in (None, "")}
    if asked["layers"]:
        told["layers"] = [{"id": i} for i in _words(asked["layers"])]
    if asked["width_mm"] or asked["height_mm"]:
        told |= {"paper": "custom", "width_mm": asked["width_mm"] or 0.0, "height_mm": asked["height_mm"] or 0.0}
    told |= {"landscape": False} if asked["portrait"] else {}
    told |= {"tiled": True} if asked["tiled"] else {}
    told |= {"unapproved": "refuse"} if asked["refuse_unapproved"] else {}
    told |= {"bbox": _bbox(asked["bbox"])} if asked["bbox"] else {}
    told |= {"wind": _numbers("wind", asked["wind"])} if asked["wind"] else {}
    told |= _left_out(asked["without"])
    told.setdefault("title", _title(terminal, deployment, story))
    told["date"] = asked["date"] or _today(deployment)
    told["language"] = "en" if terminal.language == "en" else "zh"
    return told


def _template(deployment: Deployment, name: str) -> dict[str, Any]:
    from geo_service.errors import InvalidParameter
    from geo_service.usecases import sheet_templates

    known = sheet_templates.read(deployment.settings.home / sheet_templates.FILE)
    if name not in known:
        reason = f"没有这个模板 / no such template; 可用 / there are: {', '.join(known) or '—'}"
        raise InvalidParameter(name="template", value=name, reason=reason)
    return dict(known[name])


def _left_out(text: str) -> dict[str, Any]:
    from geo_service.errors import InvalidParameter

    words = _words(text)
    unknown = next((w for w in words if w not in BLOCKS), None)
    if unknown:
        raise InvalidParameter(name="without", value=unknown, reason=f"可用 / use: {', '.join(BLOCKS)}")
    return {word: "none" if word == "north" else False for word in words}


def _revision(deployment: Deployment, text: str, state: LayerState) -> Revision:
    from geo_service.storage.editions import Editions
    from geo_service.usecases.as_of import revision_as_of

    if not text:
        return state.revision
    return revision_as_of(state, text, deployment.store, Editions(deployment.store.database, deployment.now))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("，", ",").split(",") if word.strip())


def _numbers(name: str, text: str) -> list[float]:
    from geo_service.errors import InvalidParameter

    try:
        return [float(word) for word in _words(text)]
    except ValueError:
        raise InvalidParameter(name=name, value=text[:80], reason="须为数值 / numbers are needed") from None


def _title(terminal: Terminal, deployment: Deployment, story: tuple[str, str] | None) -> str:
    if story:
        return deployment.store.feature(*story).name
    return terminal.text("南开区规划建设项目分布图", "Projects of Nankai District")


def _story(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    layer, _, fid = text.partition("/")
    return layer, fid


def _today(deployment: Deployment) -> str:
    """The day in China, where the sheet is used, wherever the machine says it is."""
    from geo_service.usecases.as_of import CHINA

    return deployment.now().astimezone(CHINA).date().isoformat()


def _bbox(text: str) -> tuple[float, float, float, float] | None:
    from geo_service.core.query import parse_bbox

    return parse_bbox(text) if text else None


def _made(terminal: Terminal, order: Order, out: Path) -> tuple[dict[str, Any], Path]:
    """Make it beside where it goes, then move it there: there is never half a file. Several pictures become a ZIP."""
    from geo_service.errors import InvalidParameter, StorageFault
    from geo_service.usecases.printing import make_sheet

    if not out.parent.is_dir():
        raise InvalidParameter(name="out", value=out, reason="目录不存在 / no such folder")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            with terminal.measured(zh="打印", en="printing") as progress:
                told = make_sheet(order.data(), Path(folder), progress)
            made = Path(folder) / told["file"]
            out = out.with_suffix(made.suffix)
            made.replace(out)
    except OSError as error:
        raise StorageFault(reason=f"{out}：{error.strerror}") from error
    return told, out
