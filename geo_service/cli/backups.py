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
        server = "" if terminal.settings.database.startswith("sqlite") else terminal.settings.database
        with terminal.counting(files, zh="恢复", en="Restoring") as step:
            manifest = put_back(file.resolve(), home, server=server, progress=step)
        terminal.say(
            f"已恢复 {len(manifest.files)} 个文件到 {home}（备份于 {manifest.at}）。",
            f"{len(manifest.files)} files are restored into {home} (backed up at {manifest.at}).",
        )

    return restore


def migrate_store_command(terminal: Terminal) -> click.Command:
    """Copy the store into another database."""

    @terminal.command(
        "migrate-store",
        zh="把数据库连同全部历史复制到空库 URL（SQLite 与 PostGIS 双向）并核对。",
        en="Copy the store with all history into the empty database at URL (SQLite, PostGIS) and check it.",
    )
    @click.argument("url")
    def migrate_store(url: str) -> None:
        from geo_service.storage.tables import metadata
        from geo_service.storage.transfer import move_store

        with opened(terminal) as deployment:
            steps = len(metadata.tables) + len(deployment.store.layers())
            with terminal.counting(steps, zh="迁移", en="Migrating") as step:
                moved = move_store(deployment.store, url, progress=step)
        revisions, features = moved.rows["revision"], moved.rows["feature_version"]
        terminal.say(
            f"已迁移 {len(moved.layers)} 个图层、{revisions} 个版本、{features} 条要素历史，逐字节核对一致。\n"
            "此后请停止服务，把 GEO_SERVICE_DATABASE 设为新地址再启动；旧库保持不变，之后写入旧库的内容不会带过去。",
            f"{len(moved.layers)} layers, {revisions} revisions, {features} feature versions are copied; every "
            "byte and the audit chain agree.\nNow stop the service, set GEO_SERVICE_DATABASE to the new address "
            "and start it; the old store stays as it is, and what is written to it from now on does not come along.",
        )

    return migrate_store


def _size(store: LayerStore) -> int:
    """How many files a backup of a store will hold, about."""
    from geo_service.storage.backup import LEFT_OUT

    kept = (p for p in store.home.iterdir() if p.name not in LEFT_OUT)
    others = sum(sum(map(Path.is_file, p.rglob("*"))) if p.is_dir() else 1 for p in kept)
    return 2 * len(store.layers()) + others
