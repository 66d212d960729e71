"""Write what the documents say of settings, commands, layers, packages and errors from the product itself.

A generated part stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. ``scripts/format`` runs this; a test fails
when a document is behind.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from geo_service.cli import build
from geo_service.cli.terminal import Terminal
from geo_service.core.layers import THEMES, LayerDefinition
from geo_service.errors import GeoServiceError
from geo_service.settings import ROOT, SETTINGS
from geo_service.storage import definitions

README = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
ERRORS = ROOT / "docs" / "errors.md"
KINDS = {"point": ("点", "points"), "line": ("线", "lines"), "polygon": ("面", "areas")}


def main() -> int:
    for path, text in documents():
        if path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"{path.relative_to(ROOT)} 已更新 / updated")
    return 0


def documents() -> Iterator[tuple[Path, str]]:
    """Each document with the text it should have."""
    for language, path in README.items():
        yield path, fill(path.read_text("utf-8"), language)
    yield ERRORS, fill(ERRORS.read_text("utf-8"), "en")


def fill(text: str, language: str) -> str:
    """A document with its generated parts made anew."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda found, make=make: f"{found[1]}{make(language)}\n{found[2]}", text)
    return text


def settings_table(language: str) -> str:
    head = {"en": ("variable", "default", "meaning"), "zh": ("环境变量", "默认值", "含义")}[language]
    return table(
        head, [(f"`{s.variable}`", f"`{s.default}`" if s.default else "", pick(s, language)) for s in SETTINGS]
    )


def commands_table(language: str) -> str:
    head = {"en": ("command", "does"), "zh": ("命令", "作用")}[language]
    return table(head, [(f"`{usage}`", words) for usage, words in commands(language)])


def commands(language: str) -> Iterator[tuple[str, str]]:
    """How each command is written and what it does, those in groups too."""
    import click

    waiting = [("", build(Terminal(language, {})))]
    while waiting:
        path, command = waiting.pop(0)
        if isinstance(command, click.Group):
            inside = [(f"{path} {name}".strip(), c) for name, c in command.commands.items()]
            waiting = [*inside, *waiting]
        else:
            given = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
            yield " ".join((path, *given)), command.help or ""


def print_options(language: str) -> str:
    from geo_service.cli.printing import OPTIONS

    head = {"en": ("option", "does"), "zh": ("选项", "作用")}[language]
    return table(head, [(f"`{name}`", en if language == "en" else zh) for name, _, zh, en in OPTIONS])


def layers_table(language: str) -> str:
    head = {
        "en": ("file", "layer", "group", "drawn as", "shown at first"),
        "zh": ("文件", "图层", "分组", "形状", "默认显示"),
    }[language]
    read = [definitions.from_toml(p.read_bytes()) for p in sorted((ROOT / "layers").glob("*.toml"))]
    read.sort(key=lambda d: (list(THEMES).index(d.theme), d.order))
    return table(head, [layer_row(d, language) for d in read])


def layer_row(definition: LayerDefinition, language: str) -> tuple[str, ...]:
    return (
        f"`{definition.id}`",
        definition.title.get(language),
        THEMES[definition.theme].get(language),
        KINDS[definition.kind][language == "en"],
        "●" if definition.shown else "",
    )


def packages_list(_language: str) -> str:
    rows = re.findall(r"^([\w.-]+)==([^\s;#]+)[^#\n]*#\s*(.+)$", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    return table(("package", "version", "why"), [(f"`{name}`", version, reason) for name, version, reason in rows])


def errors_table(_language: str) -> str:
    head = ("code", "status", "中文", "English")
    rows = [
        (f"`{e.code}`", str(e.status), escape(e.zh + e.advice_zh), escape(f"{e.en} {e.advice_en}".strip()))
        for e in sorted(every_error(GeoServiceError), key=lambda e: (e.status, e.code))
    ]
    return table(head, rows)


def every_error(root: type[GeoServiceError]) -> Iterator[type[GeoServiceError]]:
    """The classes under a class."""
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


PARTS: dict[str, Callable[[str], str]] = {
    "settings": settings_table,
    "commands": commands_table,
    "print": print_options,
    "layers": layers_table,
    "packages": packages_list,
    "errors": errors_table,
}


def pick(item: object, language: str) -> str:
    return escape(str(getattr(item, language)))


def escape(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
