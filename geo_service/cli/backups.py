"""Commands that take a whole deployment into one file, and put it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geo_service.cli.data import opened

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal
    from geo_service.storage.store import LayerStore


def backup_command(terminal: Terminal) -> click.Command:
    """Take a backup while the service runs."""

    @terminal.command(
        "backup",
        zh="把整个部署（数据库、已发布图层、上传与附件）备份到一个文件；服务可照常运行。",
        en="Back the whole deployment up into one file (database, published layers, uploads); the service may run on.",
    )
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    def backup(file: Path) -> None:
        from geo_service.storage.backup import backup as take

        with (
            opened(terminal) as deployment,
            terminal.counting(_size(deployment.store), zh="备份", en="Backing up") as step,
        ):
            manifest = take(deployment.store, file.resolve(), progress=step)
        size_mb = file.stat().st_size / 1e6
        terminal.say(
            f"已备份 {len(manifest.layers)} 个图层、{len(manifest.files)} 个文件到 {file}（{size_mb:.1f} MB）。",
            f"{len(manifest.layers)} layers, {len(manifest.files)} files are backed up in {file} ({size_mb:.1f} MB).",
        )

    return backup


def restore_command(terminal: Terminal) -> click.Command:
    """Put a backup into an empty home."""

    @terminal.command(
        "restore",
        zh="把备份恢复到空的数据目录（GEO_SERVICE_HOME），逐字节核对；目录不空则拒绝。",
        en="Put a backup into an empty home (GEO_SERVICE_HOME), every byte checked; refuses a home that is not empty.",
    )
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def restore(file: Path) -> None:
        from geo_service.storage.backup import read_manifest
        from geo_service.storage.backup import restore as put_back

        home, files = terminal.settings.home, len(read_manifest(file).files)
        with terminal.counting(files, zh="恢复", en="Restoring") as step:
            manifest = put_back(file.resolve(), home, progress=step)
        terminal.say(
            f"已恢复 {len(manifest.files)} 个文件到 {home}（备份于 {manifest.at}）。",
            f"{len(manifest.files)} files are restored into {home} (backed up at {manifest.at}).",
        )

    return restore


def _size(store: LayerStore) -> int:
    """How many files a backup of a store will hold, about."""
    from geo_service.storage.backup import LEFT_OUT

    kept = (p for p in store.home.iterdir() if p.name not in LEFT_OUT)
    others = sum(sum(map(Path.is_file, p.rglob("*"))) if p.is_dir() else 1 for p in kept)
    return 2 * len(store.layers()) + others
