"""The person at the terminal: her language, her environment, and commands that speak it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import click

from geo_service import __version__
from geo_service.cli.usage import ChineseCommand, ChineseGroup, OrderedGroup
from geo_service.settings import Settings, read_settings

Function = TypeVar("Function", bound=Callable[..., Any])
Item = TypeVar("Item")

LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def choose_language(environment: Mapping[str, str]) -> str:
    """``en`` where the setting or the locale asks for it, else ``zh``."""
    chosen = environment.get("GEO_SERVICE_LANGUAGE", "").strip()
    if chosen:
        return "en" if chosen == "en" else "zh"
    locale = next((environment[name] for name in LOCALE_VARIABLES if environment.get(name)), "")
    return "en" if locale.lower().startswith("en") else "zh"


@dataclass(frozen=True)
class Terminal:
    """Where a command reads its settings and says what it has to say."""

    language: str
    environment: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment; raises as ``read_settings``."""
        return read_settings(self.environment)

    def with_settings(self, **changes: Any) -> Settings:
        """The settings with those given on the command line; None changes nothing."""
        return dataclasses.replace(self.settings, **{k: v for k, v in changes.items() if v is not None})

    def text(self, zh: str, en: str) -> str:
        """The words of the terminal's language."""
        return en if self.language == "en" else zh

    def say(self, zh: str, en: str) -> None:
        """Print a line."""
        click.echo(self.text(zh, en))

    def warn(self, zh: str, en: str) -> None:
        """Print a line to standard error."""
        click.echo(self.text(zh, en), err=True)

    def progress(self, items: Iterable[Item], *, zh: str, en: str) -> AbstractContextManager[Iterable[Item]]:
        """A bar over items on standard error, where that is a terminal."""
        return click.progressbar(items, label=self.text(zh, en), file=sys.stderr, hidden=not sys.stderr.isatty())

    @contextmanager
    def counting(self, length: int, *, zh: str, en: str) -> Iterator[Callable[[str], None]]:
        """A bar over about so many steps; call what comes back with the name of each."""
        bar: Any = click.progressbar(
            length=length,
            label=self.text(zh, en),
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
            item_show_func=lambda name: name or "",
        )
        with bar:
            yield lambda name: bar.update(1, name)

    @contextmanager
    def measured(self, *, zh: str, en: str) -> Iterator[Callable[[float, int], None]]:
        """A bar for work that says itself how far it is: call what comes back with (done, of)."""
        bar: Any = click.progressbar(
            length=100, label=self.text(zh, en), file=sys.stderr, hidden=not sys.stderr.isatty()
        )
        with bar:
            yield lambda done, total: bar.update(int(100 * done / max(total, 1)) - bar.pos)

    # ---- building commands

    def group(self, name: str, *, zh: str, en: str) -> click.Group:
        """An empty group of commands."""
        cls = OrderedGroup if self.language == "en" else ChineseGroup
        return cls(name, help=self.text(zh, en))

    def command(self, name: str, *, zh: str, en: str) -> Callable[[Callable[..., Any]], click.Command]:
        """Make a function a command."""
        cls = click.Command if self.language == "en" else ChineseCommand
        words = self.text(zh, en)
        return click.command(name, cls=cls, help=words, short_help=words)

    def option(self, *names: str, zh: str, en: str, **options: Any) -> Callable[[Function], Function]:
        """Give a command an option."""
        return click.option(*names, help=self.text(zh, en), **options)

    def with_version(self, group: click.Group) -> click.Group:
        """The group with ``--version``."""
        words = self.text("显示版本后退出。", "Show the version and exit.")
        return click.version_option(__version__, message="%(prog)s %(version)s", help=words)(group)
