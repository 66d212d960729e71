"""The command line: ``python -m geo_service COMMAND``. One module for each kind of command, built when it is run.

Exit codes: 0 all is well, 1 something was found, 2 the command was not understood, 3 the service has a fault.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import click

from geo_service.cli import analyse, backups, data, doctor, imports, people, printing, results, serve
from geo_service.cli.terminal import Terminal, choose_language
from geo_service.cli.usage import usage_sentence
from geo_service.errors import GeoServiceError, InvalidRequest, NotFound, ServiceFault
from geo_service.settings import InvalidSetting

FOUND, USAGE, FAULT, INTERRUPTED = 1, 2, 3, 130

COMMANDS: tuple[Callable[[Terminal], click.Command], ...] = (
    serve.serve_command,
    data.check_command,
    data.layers_command,
    data.plan_command,
    analyse.analyse_command,
    analyse.footprints_command,
    results.results_group,
    imports.import_group,
    printing.print_command,
    doctor.doctor_command,
    backups.backup_command,
    backups.restore_command,
    backups.migrate_store_command,
    people.user_group,
    people.audit_group,
)
"""Every command, in the order of ``--help``."""


def main() -> NoReturn:
    """Run the command line of this process; the exit code says how it went."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code of a command line; what it has to say is printed."""
    terminal = Terminal(choose_language(environment), environment)
    try:
        code = build(terminal).main(args=list(arguments), prog_name="geo_service", standalone_mode=False)
        return int(code or 0)
    except (click.UsageError, InvalidSetting, GeoServiceError) as error:
        return refuse(error, terminal)
    except (click.Abort, KeyboardInterrupt):
        terminal.warn("已中断。", "Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def refuse(error: click.UsageError | InvalidSetting | GeoServiceError, terminal: Terminal) -> int:
    """The exit code of a refusal; its sentence is printed, no trace."""
    if isinstance(error, GeoServiceError):
        click.echo(error.sentence(terminal.language), err=True)
        return exit_code(error)
    click.echo(usage_sentence(error, terminal) if isinstance(error, click.UsageError) else str(error), err=True)
    return USAGE


def build(terminal: Terminal) -> click.Group:
    """The command line in the terminal's language."""
    group = terminal.group(
        "geo_service",
        zh="南开区一张图：计划台账、图层与历史。语言由 GEO_SERVICE_LANGUAGE 或 LANG 决定。",
        en="The map of a district's plan: ledger, layers and history. GEO_SERVICE_LANGUAGE or LANG sets the language.",
    )
    for command in COMMANDS:
        group.add_command(command(terminal))
    return terminal.with_version(group)


def exit_code(error: GeoServiceError) -> int:
    """The exit code of a refusal or fault."""
    if isinstance(error, ServiceFault):
        return FAULT
    return USAGE if isinstance(error, (InvalidRequest, NotFound)) else FOUND
