"""Click's own words in Chinese: help pages, and what is wrong with a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal

WORDS = {
    "Options": "选项",
    "Commands": "命令",
    "Show this message and exit.": "显示此帮助后退出。",
    "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 [参数]...",
    "FILE": "文件",
}

COMPLAINTS = (
    (r"(?:File|Path|Directory) '(.*)' does not exist\.", r"没有文件 \1。"),
    (r"File '(.*)' is a directory\.", r"\1 是目录，须为文件。"),
    (r"(?:File|Path) '(.*)' is not readable\.", r"文件 \1 不可读。"),
    (r"'(.*)' is not a valid (?:integer|integer range)\.", r"「\1」不是整数。"),
    (r"(\S+) is not in the range (.*)\.", r"\1 不在范围 \2 内。"),
    (r"'(.*)' is not one of (.*)\.", r"「\1」不是 \2 之一。"),
)
"""What click says of values, and how it is said in Chinese."""


class ChineseFormatter(click.HelpFormatter):
    """Help pages with Chinese headings."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the first line."""
        super().write_usage(prog, translate(args), prefix or "用法：")

    def write_heading(self, heading: str) -> None:
        """Write the heading of a block."""
        super().write_heading(translate(heading))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands with what they do."""
        super().write_dl([(first, translate(second)) for first, second in rows], col_max, col_spacing)


class ChineseContext(click.Context):
    """A run of a command that explains itself in Chinese."""

    formatter_class = ChineseFormatter


class ChineseCommand(click.Command):
    """A command that explains itself in Chinese."""

    context_class = ChineseContext


class OrderedGroup(click.Group):
    """A group that lists its commands in the order they were added."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(self.commands)


class ChineseGroup(OrderedGroup):
    """A group of commands that explains itself in Chinese."""

    context_class = ChineseContext


def translate(text: str) -> str:
    """Click's words in Chinese, anything else as it is."""
    for english, chinese in WORDS.items():
        text = text.replace(english, chinese)
    return text


def usage_sentence(error: click.UsageError, terminal: Terminal) -> str:
    """The usage of the command and what is wrong with the line."""
    what = error.format_message() if terminal.language == "en" else _chinese(error)
    if error.ctx is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return what
    path = error.ctx.command_path
    hint = terminal.text(f"查看帮助：{path} --help", f"For help: {path} --help")
    return f"{error.ctx.get_usage()}\n{what}\n{hint}"


def _chinese(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"没有选项 {error.option_name}。{_meant(error.possibilities)}"
    if isinstance(error, click.exceptions.NoSuchCommand):
        return f"没有命令 {error.command_name}。{_meant(error.possibilities)}"
    if isinstance(error, click.MissingParameter):
        return f"缺少 {translate(_name(error))}。"
    if isinstance(error, click.BadParameter):
        return f"{_name(error)} 的值不对：{_complaint(error.message)}"
    if isinstance(error, click.BadOptionUsage):
        return f"选项 {error.option_name} 用法不对：{error.message}"
    return error.format_message()


def _complaint(message: str) -> str:
    """Click's words about a value in Chinese; as they are where they are not known."""
    for pattern, chinese in COMPLAINTS:
        if found := re.fullmatch(pattern, message):
            return found.expand(chinese)
    return message


def _name(error: click.BadParameter) -> str:
    return error.param.get_error_hint(error.ctx).replace("'", "") if error.param else "参数"


def _meant(possibilities: Sequence[str] | None) -> str:
    return f"是否指 {'、'.join(possibilities)}？" if possibilities else ""
