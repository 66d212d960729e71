"""Commands about people: accounts and the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment

FOUND = 1
ROLES = ("viewer", "editor", "reviewer", "admin")
ANY = "*"
ACTOR = "command line"


def user_group(terminal: Terminal) -> click.Group:
    """Accounts."""
    group = terminal.group("user", zh="管理账号。", en="Manage accounts.")
    for command in (_add(terminal), _list(terminal), _password(terminal)):
        group.add_command(command)
    return group


def audit_group(terminal: Terminal) -> click.Group:
    """The log."""
    group = terminal.group("audit", zh="操作日志。", en="The log of who did what.")
    group.add_command(_verify(terminal))
    return group


@contextmanager
def _opened(terminal: Terminal) -> Iterator[Deployment]:
    from geo_service.deployment import open_deployment

    deployment = open_deployment(terminal.settings)
    with closing(deployment.store):
        yield deployment


def _add(terminal: Terminal) -> click.Command:
    @terminal.command("add", zh="新建账号，打印一次性初始密码。", en="Make an account and print its first password.")
    @click.argument("name", metavar="NAME")
    @terminal.option("--display", default="", metavar="TEXT", zh="姓名。", en="Display name.")
    @terminal.option(
        "--role",
        type=click.Choice(ROLES),
        default="viewer",
        zh="角色，默认 viewer。",
        en="Role, viewer by default.",
    )
    @terminal.option("--layer", default=ANY, metavar="ID", zh="图层，* 为全部。", en="Layer, * for all.")
    @terminal.option("--subdistrict", default=ANY, metavar="TEXT", zh="街道，* 为全区。", en="Subdistrict, * for all.")
    def add(*, name: str, display: str, role: Any, layer: str, subdistrict: str) -> None:
        from geo_service.core.access import Account, Grant
        from geo_service.usecases.accounts import add_account, password_for

        password = password_for(name)
        account = Account(name=name, display=display or name, grants=(Grant(role, layer, subdistrict),))
        with _opened(terminal) as deployment:
            add_account(deployment.people, account, password, actor=ACTOR)
        click.echo(f"{name}  {password}")

    return add


def _list(terminal: Terminal) -> click.Command:
    @terminal.command("list", zh="列出账号与权限。", en="List accounts and what they may do.")
    def show() -> None:
        with _opened(terminal) as deployment:
            for account in deployment.people.accounts.all():
                grants = " ".join(f"{g.role}:{g.layer}:{g.subdistrict}" for g in account.grants)
                state = "" if account.active else terminal.text("（停用）", " (off)")
                click.echo(f"{account.name}{state}\t{account.display}\t{grants}")

    return show


def _password(terminal: Terminal) -> click.Command:
    @terminal.command("password", zh="重设密码，打印一次性新密码。", en="Set a new password and print it once.")
    @click.argument("name", metavar="NAME")
    def password(*, name: str) -> None:
        from geo_service.usecases.accounts import password_for, set_password

        fresh = password_for(name)
        with _opened(terminal) as deployment:
            set_password(deployment.people, name, fresh, actor=ACTOR)
        click.echo(f"{name}  {fresh}")

    return password


def _verify(terminal: Terminal) -> click.Command:
    @terminal.command(
        "verify", zh="核对哈希链；断裂时指出第一处并以 1 退出。", en="Check the hash chain; exit 1 at the first break."
    )
    @click.pass_context
    def verify(context: click.Context) -> None:
        with _opened(terminal) as deployment:
            verdict = deployment.people.audit.verify()
        if verdict.broken is None:
            terminal.say(f"哈希链完整，共 {verdict.entries} 条。", f"The chain holds, {verdict.entries} entries.")
            return
        terminal.say(f"哈希链在第 {verdict.broken} 条断裂。", f"The chain breaks at entry {verdict.broken}.")
        context.exit(FOUND)

    return verify
