"""Serve the map: waitress by default, gunicorn by a setting."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from geo_service.cli import memory
from geo_service.cli.logs import log_to_stderr
from geo_service.errors import CannotListen

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.deployment import Deployment
    from geo_service.settings import Settings

LAST_ANSWERS_S = 20.0
"""How long answers under way may take after the service was told to stop."""
STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
KEPT_OPEN_S = 75
"""How long an idle connection stays open: longer than nginx keeps it (60 s), or it would ask on one just closed."""
HIGHEST_PORT = 65_535
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  # compared with, not listened on

Ready = Callable[[int], None]


def serve_command(terminal: Terminal) -> click.Command:
    """Serve until told to stop."""

    @terminal.command(
        "serve",
        zh="启动服务并打印网址；Ctrl-C 或 SIGTERM 停止（先答完进行中的请求）。",
        en="Serve and print the address; Ctrl-C or SIGTERM stops it (answers under way are finished first).",
    )
    @terminal.option(
        "--host", metavar="HOST", zh="监听地址，默认 127.0.0.1。", en="Address to listen on, by default 127.0.0.1."
    )
    @terminal.option(
        "--port", type=Port(), metavar="PORT", zh="监听端口，默认 8000；0 为任选。", en="Port, by default 8000; 0: any."
    )
    def serve(*, host: str | None, port: int | None) -> None:
        settings = terminal.with_settings(host=host, port=port)
        log_to_stderr(settings.log)
        check_address(settings.host, settings.port)
        announce(terminal, settings)
        run = run_gunicorn if settings.server == "gunicorn" else run_waitress
        run(settings, lambda port: _print_address(terminal, settings.host, port))

    return serve


class Port(click.ParamType[int]):
    """A port of TCP; 0 takes any that is free."""

    name = "port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; anything else is refused in both languages."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and int(text) <= HIGHEST_PORT):
            self.fail(f"{text} 须为 0 至 65535 / must be 0 to 65535", param, ctx)
        return int(text)


def check_address(host: str, port: int) -> None:
    """Nothing where the address can be listened on.

    Raises
    ------
    CannotListen
        It is taken, not allowed, or not an address of this machine.
    """
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                if os.name != "nt":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
    except (OSError, OverflowError) as error:
        raise _refusal(host, port, error) from error


def announce(terminal: Terminal, settings: Settings) -> None:
    """Open the deployment once, so that faults show before anything listens, and say what people must know."""
    from geo_service.deployment import open_deployment
    from geo_service.usecases.accounts import first_admin

    terminal.say(f"数据目录：{settings.home}", f"Home: {settings.home}")
    deployment = open_deployment(settings)
    try:
        _print_problems(terminal, deployment)
        password = first_admin(deployment.people)
    finally:
        deployment.store.close()
    if password:
        terminal.say(
            f"已建立管理员账号 admin，一次性显示的初始密码：{password}（登录后请修改）",
            f"The account admin is set up; its first password, shown only now: {password} (change it after signing in)",
        )


def run_waitress(settings: Settings, ready: Ready) -> None:
    """Serve in threads of this process until it is told to stop."""
    from waitress import create_server

    from geo_service.deployment import open_deployment
    from geo_service.web.app import create_app

    deployment = open_deployment(settings)
    sockets: dict[int, Any] = {}
    try:
        server = create_server(
            create_app(deployment),
            map=sockets,
            listen=_listen(settings.host, settings.port),
            threads=settings.threads,
            ident="",
            clear_untrusted_proxy_headers=not settings.proxies,
        )
    except OSError as error:
        raise _refusal(settings.host, settings.port, error) from error
    _keep_small()
    try:
        ready(_waitress_port(server))
        _loop_until_told(server, sockets)
    finally:
        deployment.store.close()


def run_gunicorn(settings: Settings, ready: Ready) -> None:
    """Serve in several processes until told to stop. The deployment is opened once and forked: what was read stays
    shared. SIGHUP opens it anew and puts new processes in the place of the old, which finish their answers first."""
    _share_counts(settings)
    from gunicorn.app.base import BaseApplication

    from geo_service.web.forking import open_to_fork, take_over

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in _gunicorn_options(settings, ready).items():
                self.cfg.set(name, value)
            self.opened = open_to_fork(settings, getattr(self, "opened", None))

        def load(self) -> Any:
            return take_over(self.opened)

    Application().run()


def _gunicorn_options(settings: Settings, ready: Ready) -> dict[str, Any]:
    from geo_service.cli.quick_worker import QuickWorker

    return {
        "bind": _listen(settings.host, settings.port),
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": QuickWorker,
        "graceful_timeout": int(LAST_ANSWERS_S),
        "timeout": 120,
        "keepalive": KEPT_OPEN_S,
        "control_socket_disable": True,
        "loglevel": "warning",
        "pre_fork": lambda _arbiter, _worker: memory.share(),
        "post_fork": lambda _arbiter, _worker: _keep_small(),
        "child_exit": lambda _arbiter, worker: _forget_counts(worker.pid),
        "when_ready": lambda arbiter: ready(int(arbiter.LISTENERS[0].sock.getsockname()[1])),
    }


def _keep_small() -> None:
    memory.bound()
    memory.give_back()


def _share_counts(settings: Settings) -> None:
    """One folder, emptied at the start, in which the processes count requests together; set before the first import."""
    folder = settings.home / "cache" / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _forget_counts(process: int) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)  # type: ignore[no-untyped-call]  # it has no types


def _loop_until_told(server: Any, sockets: dict[int, Any]) -> None:
    """Answer until SIGTERM or SIGINT, then stop listening and finish what is under way."""
    from waitress import wasyncore

    told: list[int] = []

    def stop(number: int, _frame: object) -> None:
        told.append(number)

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        while not told:
            wasyncore.loop(timeout=0.2, map=sockets, count=1)
        _stop_listening(sockets)
        deadline = time.monotonic() + LAST_ANSWERS_S
        while _is_busy(server, sockets) and time.monotonic() < deadline:
            wasyncore.loop(timeout=0.05, map=sockets, count=1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(sockets)


def _stop_listening(sockets: dict[int, Any]) -> None:
    from waitress import wasyncore

    for listener in [s for s in sockets.values() if getattr(s, "accepting", False)]:
        wasyncore.dispatcher.close(listener)


def _is_busy(server: Any, sockets: dict[int, Any]) -> bool:
    """Whether a request is being answered or an answer is not sent yet."""
    tasks = server.task_dispatcher
    unsent = any(getattr(s, "total_outbufs_len", 0) or getattr(s, "requests", ()) for s in sockets.values())
    return bool(tasks.active_count or tasks.queue or unsent)


def _waitress_port(server: Any) -> int:
    listening = getattr(server, "effective_listen", None)
    return int(listening[0][1] if listening else server.effective_port)


def _listen(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refusal(host: str, port: int, error: Exception) -> CannotListen:
    number = getattr(error, "errno", None)
    reasons = {
        errno.EADDRINUSE: "端口已被占用 / the port is in use",
        errno.EACCES: "没有权限 / not permitted",
        errno.EADDRNOTAVAIL: "本机没有这个地址 / this machine has no such address",
    }
    return CannotListen(address=_listen(host, port), reason=reasons.get(number or 0, str(error)))


def _print_problems(terminal: Terminal, deployment: Deployment) -> None:
    sentences = [p.sentence(terminal.language) for p in deployment.seed_problems]
    sentences += [p.sentence(terminal.language) for p in deployment.ledger_problems]
    sentences += [p.sentence(terminal.language) for p in deployment.basemap_problems]
    for sentence in sentences:
        click.echo(sentence, err=True)
    for recovery in deployment.recoveries:
        if recovery.kind == "external":
            terminal.warn(
                f"图层 {recovery.layer} 的文件被手工修改，已保存为 {recovery.file}，可作为变更单提交。",
                f"The file of layer {recovery.layer} was edited by hand; it is kept as {recovery.file}.",
            )


def _print_address(terminal: Terminal, host: str, port: int) -> None:
    shown = WILDCARDS.get(host) or (f"[{host}]" if ":" in host else host)
    terminal.say(f"地图：http://{shown}:{port}/", f"Map: http://{shown}:{port}/")
    if host in WILDCARDS:
        name = socket.gethostname()
        terminal.say(f"局域网：http://{name}:{port}/", f"In the local network: http://{name}:{port}/")
    sys.stdout.flush()
